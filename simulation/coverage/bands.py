"""Special causes: how often a unit like its peers lies beyond a limit, and how often one unlike them does.

Belongs here: worlds in which true scores scatter normally, without outliers and with some. Does not belong here: verdicts
against peers (`verdicts`) and screens (`screening`).
"""

from collections.abc import Callable

import numpy as np

from methodology.peers import expected_range
from methodology.special_causes import beyond_limits, special_cause_z
from simulation.coverage.findings import Finding, Floats, at_least, at_most, drawn

# Number of units, the true spread as a multiple of the typical error, and a divisor of the number of draws: large worlds have
# more units each, and take longer.
WORLDS = (
    (6, 0.0, 1),
    (6, 2.0, 1),
    (10, 0.0, 1),
    (10, 2.0, 1),
    (20, 0.0, 1),
    (20, 2.0, 1),
    (50, 1.0, 2),
    (50, 5.0, 2),
    (200, 2.0, 20),
)
# Number of units, how many of them are ten standard deviations of the others off, and the least share found that is claimed.
CONTAMINATED = ((6, 1, 0.9), (10, 1, 0.9), (10, 2, 0.9), (20, 2, 0.9), (20, 3, 0.9))
OFF = 10.0
# One side of a 95 % range is 2.5 %; the 94-96 % allowed for an interval leaves half a point more for one side.
WORSE, MUCH_WORSE = at_most(0.03), at_most(0.001)
METHODS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "as the warehouse judges": special_cause_z,
    "as published (winsorised, not consistent)": lambda y, s: expected_range(y, s).z,
    "consistent, the unit in its own range": lambda y, s: expected_range(y, s, consistent=True).z,
    "without overdispersion": lambda y, s: np.asarray((y - y.mean()) / s),
}
CLAIMED = "as the warehouse judges"


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    return [*_false_alarms(rng, draws), *_power(rng, max(draws // 4, 40))]


def _false_alarms(rng: np.random.Generator, draws: int) -> list[Finding]:
    found = []
    for units, tau, divisor in WORLDS:
        worse: dict[str, list[float]] = {name: [] for name in METHODS}
        much: dict[str, list[float]] = {name: [] for name in METHODS}
        for _ in range(max(draws // divisor, 20)):
            error = rng.uniform(0.7, 1.4, units)
            score = 70 + tau * rng.standard_normal(units) + error * rng.standard_normal(units)
            for name, z in METHODS.items():
                passed = beyond_limits(z(score, error))
                worse[name].append(float((passed <= -1).mean()))
                much[name].append(float((passed == -2).mean()))
        for name in METHODS:
            claimed = name == CLAIMED
            world = f"{units} units, true spread {tau:g} errors, {name}"
            found.append(drawn(f"beyond a limit on the worse side; {world}", worse[name], WORSE if claimed else None))
            found.append(drawn(f"beyond the action limit; {world}", much[name], MUCH_WORSE if claimed else None))
    return found


def _power(rng: np.random.Generator, draws: int) -> list[Finding]:
    found = []
    for units, bad, least in CONTAMINATED:
        seen: dict[str, list[float]] = {name: [] for name in METHODS}
        false: dict[str, list[float]] = {name: [] for name in METHODS}
        for _ in range(draws):
            error = rng.uniform(0.7, 1.4, units)
            true = rng.standard_normal(units)
            true[:bad] -= OFF
            score = true + error * rng.standard_normal(units)
            for name, z in METHODS.items():
                passed = beyond_limits(z(score, error))
                seen[name].append(float((passed[:bad] <= -1).mean()))
                false[name].append(float((passed[bad:] <= -1).mean()))
        for name in METHODS:
            claimed = name == CLAIMED
            world = f"{bad} of {units} units ten spreads off, {name}"
            found.append(drawn(f"those off found; {world}", seen[name], at_least(least) if claimed else None))
            found.append(drawn(f"others beyond a limit; {world}", false[name], WORSE if claimed else None))
    return found
