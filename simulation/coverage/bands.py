"""Expected range: how often a unit that differs no more than its peers do is called worse, or much worse.

Belongs here: worlds without outliers, in which true scores scatter normally, as the method assumes. Does not belong
here: screens (`screening`).
"""

from collections.abc import Callable

import numpy as np

from methodology.peers import band, expected_range
from simulation.coverage.findings import Finding, Floats, at_most, drawn

# Number of units, and the true spread as a multiple of the typical error.
WORLDS = ((10, 0.0), (10, 2.0), (20, 0.0), (20, 2.0), (50, 1.0), (50, 2.0), (50, 5.0), (200, 2.0))
# One side of a 95 % range is 2.5 %; the 94-96 % allowed for an interval leaves half a point more for one side.
WORSE, MUCH_WORSE = at_most(0.03), at_most(0.001)
FEW = "the spread is estimated from few peers, which makes tails heavier than normal: up to three units in a thousand"
METHODS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "as the warehouse bands": lambda y, s: expected_range(y, s, consistent=True).z,
    "as published (winsorised, not consistent)": lambda y, s: expected_range(y, s).z,
    "without overdispersion": lambda y, s: np.asarray((y - y.mean()) / s),
}


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    found = []
    for units, tau in WORLDS:
        worse: dict[str, list[float]] = {name: [] for name in METHODS}
        much: dict[str, list[float]] = {name: [] for name in METHODS}
        for _ in range(draws):
            error = rng.uniform(0.7, 1.4, units)
            score = 70 + tau * rng.standard_normal(units) + error * rng.standard_normal(units)
            for name, z in METHODS.items():
                given = band(z(score, error))
                worse[name].append(float((given <= -1).mean()))
                much[name].append(float((given == -2).mean()))
        for name in METHODS:
            claimed = name == "as the warehouse bands"
            world = f"{units} units, true spread {tau:g} errors, {name}"
            found.append(drawn(f"called worse or much worse; {world}", worse[name], WORSE if claimed else None))
            withdrawn = FEW if claimed and tau else ""
            found.append(drawn(f"called much worse; {world}", much[name], MUCH_WORSE if claimed else None, withdrawn))
    return found
