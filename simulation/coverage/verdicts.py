"""Verdicts against peers: wrong directions, intervals that hold, whether the expected share of wrong ones is true, power.

Belongs here: worlds of units with known true scores. Does not belong here: special causes (`bands`) and ranks (`rank_sets`).
"""

from dataclasses import dataclass

import numpy as np

from methodology.peer_differences import peer_differences, true_differences
from simulation.coverage.findings import Claim, Finding, at_least, at_most, drawn

NOISE_DRAWS = 5_000  # instead of the product's 20,000: less exact in one world, as exact over all of them
# Number of units and true spread as a multiple of the typical error; spread zero is the hardest case: any direction is wrong.
WORLDS = (
    (6, 0.0),
    (6, 0.5),
    (6, 2.0),
    (6, 5.0),
    (10, 0.0),
    (10, 1.0),
    (10, 2.0),
    (20, 0.0),
    (20, 0.5),
    (20, 2.0),
    (40, 1.0),
    (40, 5.0),
)
# An edition's classes: their numbers of units and true spreads, one in five of them of equal units.
EDITION = ((6, 8, 10, 20), (0.0, 0.5, 1.0, 2.0, 5.0))
FEW = "units that hardly differ get one verdict in a hundred, and these are wrong more often than a flat prior of the spread says"
# Expected less actual share of wrong verdicts, within one point; a class of equal units has no right direction to expect.
CALIBRATED = Claim(-0.01, 0.01)
# An interval that the step-down cuts at zero may lose a little of its simultaneous coverage; as much as 94-96 % allow.
HOLDS = at_least(0.94)


@dataclass(frozen=True)
class _Class:
    """One class: whether a direction is wrong, whether all differences are held, and of its units what `study` counts."""

    some_wrong: bool
    all_held: bool
    surprise: list[float]
    told_of_far: list[bool]


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    found = []
    for units, tau in WORLDS:
        drawn_classes = [_class(rng, units, tau) for _ in range(draws)]
        world = f"{units} units, all equal" if not tau else f"{units} units, true spread {tau:g} errors"
        found.append(drawn(f"some direction wrong; {world}", [one.some_wrong for one in drawn_classes], at_most(0.05)))
        found.append(drawn(f"all true differences held; {world}", [one.all_held for one in drawn_classes], HOLDS))
        if tau:
            surprise = [value for one in drawn_classes for value in one.surprise]
            what = f"expected less actual share of wrong verdicts; {world}"
            found.append(drawn(what, surprise or [0.0, 0.0], CALIBRATED, "" if tau >= 1 else FEW))
        if tau >= 1:
            told = [value for one in drawn_classes for value in one.told_of_far]
            found.append(drawn(f"told of those three errors off; {world}", told, at_least(1 / 3)))
    edition = [_class(rng, int(rng.choice(EDITION[0])), float(rng.choice(EDITION[1]))) for _ in range(5 * draws)]
    surprise = [value for one in edition for value in one.surprise]
    found.append(
        drawn("expected less actual share of wrong verdicts; an edition of such classes", surprise, CALIBRATED)
    )
    return found


def _class(rng: np.random.Generator, units: int, tau: float) -> _Class:
    error = rng.uniform(0.7, 1.4, units)
    true = tau * rng.standard_normal(units)
    score = true + error * rng.standard_normal(units)
    difference = units / (units - 1) * (true - true.mean())
    given = peer_differences(score, error, rng, draws=NOISE_DRAWS)
    right = true_differences(score, error, 1.0).p_right(given.direction)
    is_told = given.direction != 0
    is_wrong = is_told & (np.sign(difference) != given.direction)
    # Three errors of the difference are the five points of a score whose 95 % interval is three points either way.
    far = np.abs(difference) >= 3 * given.error
    return _Class(
        bool(is_wrong.any()),
        bool(np.all((given.low <= difference) & (difference <= given.high))),
        (1 - right - is_wrong)[is_told].tolist(),
        is_told[far].tolist(),
    )
