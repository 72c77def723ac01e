"""Verdicts against peers: wrong directions, intervals that hold, whether the expected share of wrong ones is true, power.

Belongs here: worlds of units with known true scores. Does not belong here: special causes (`bands`) and ranks (`rank_sets`).
"""

import numpy as np

from methodology.peer_differences import peer_differences, true_differences
from simulation.coverage.findings import Claim, Finding, at_least, at_most, drawn

NOISE_DRAWS = 2_000  # instead of the product's 20,000: less exact in one world, as exact over all of them
# Number of units and true spread as a multiple of the typical error; spread zero is the hardest case: any direction is wrong.
WORLDS = ((6, 0.0), (6, 2.0), (6, 5.0), (10, 0.0), (10, 1.0), (10, 2.0), (20, 0.0), (20, 2.0), (40, 1.0), (40, 5.0))
# Expected less actual share of wrong verdicts, within one point; a class of equal units has no right direction to expect.
CALIBRATED = Claim(-0.01, 0.01)
# An interval that the step-down cuts at zero may lose a little of its simultaneous coverage; as much as 94-96 % allow.
HOLDS = at_least(0.94)


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    found = []
    for units, tau in WORLDS:
        wrong, held, surprise, told = [], [], [], []
        for _ in range(draws):
            error = rng.uniform(0.7, 1.4, units)
            true = tau * rng.standard_normal(units)
            score = true + error * rng.standard_normal(units)
            difference = units / (units - 1) * (true - true.mean())
            given = peer_differences(score, error, rng, draws=NOISE_DRAWS)
            right = true_differences(score, error, 1.0).p_right(given.direction)
            is_told = given.direction != 0
            is_wrong = is_told & (np.sign(difference) != given.direction)
            wrong.append(bool(is_wrong.any()))
            held.append(bool(np.all((given.low <= difference) & (difference <= given.high))))
            surprise += (1 - right - is_wrong)[is_told].tolist()
            # Three errors of the difference apart are the five points of a score whose 95 % interval is three points either way.
            far = np.abs(difference) >= 3 * given.error
            told += is_told[far].tolist()
        world = f"{units} units, all equal" if not tau else f"{units} units, true spread {tau:g} errors"
        found.append(drawn(f"some direction wrong; {world}", wrong, at_most(0.05)))
        found.append(drawn(f"all true differences held; {world}", held, HOLDS))
        if tau >= 1:
            found.append(drawn(f"expected less actual share of wrong verdicts; {world}", surprise, CALIBRATED))
            found.append(drawn(f"told apart of those three errors off; {world}", np.asarray(told), at_least(1 / 3)))
    return found
