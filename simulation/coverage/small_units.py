"""Branches with few answers in each of several quarters: what the intervals of their estimated scores hold.

Belongs here: worlds of branches whose effect stays while a quarter adds its own. Does not belong here: families of shown units
(`units`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.small_units import small_units
from simulation.coverage.findings import COVERS, Claim, Finding, Floats, at_least, drawn, holds
from simulation.coverage.units import answers

LIMITS = {
    "owner_n": 5.0,
    "disparity_units": 3.0,
    "interval_level": 0.95,
    "small_unit_quarters": 4.0,
    "unit_spread_sd": 8.0,
}
QUARTERS = 4
METRICS = pd.DataFrame({"metric_id": ["m"], "feed": ["survey_responses"], "estimator": ["mean"]})


@dataclass(frozen=True)
class World:
    """An agency's `units` branches that truly differ by `spread` (sd; `stays` of the variance is the same every quarter), each
    with 1 to `most` answers a quarter; the first lies `away` points below the others."""

    name: str
    units: int
    spread: float
    stays: float = 0.7
    most: int = 50
    away: float = 0.0
    claim: Claim = COVERS
    withdrawn: str = ""


PRIOR = "so few branches or answers leave many spreads plausible; the interval averages over them, and is wider than it need be"
WORLDS = (
    World("4 branches that differ by 5", 4, 5.0, withdrawn=PRIOR),
    World("6 branches that differ by 5", 6, 5.0),
    World("12 branches that differ by 5", 12, 5.0),
    World("30 branches that differ by 5", 30, 5.0),
    World("12 branches that differ by 10", 12, 10.0),
    World("30 branches that differ by 2", 30, 2.0, withdrawn=PRIOR),
    World("12 equal branches", 12, 0.0, claim=at_least(0.94)),
    World("12 branches of 1 to 8 answers that differ by 5", 12, 5.0, most=8, withdrawn=PRIOR),
    World("30 branches that differ by 5, and always by the same", 30, 5.0, stays=1.0, withdrawn=PRIOR),
    World(
        "30 branches that differ by 5, anew every quarter",
        30,
        5.0,
        stays=0.0,
        withdrawn="a branch's past says nothing here, and four quarters do not tell that it does not",
    ),
)
OUTLYING = World("12 branches that differ by 3, and one 25 points below", 13, 3.0, away=25.0)


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    found = []
    for world in WORLDS:
        held = covered(rng, world, draws)
        shares = np.nanmean(held[np.isfinite(held).any(axis=1)], axis=1)
        found.append(drawn(f"estimated score of a branch; {world.name}", shares, world.claim, world.withdrawn))
    held = covered(rng, OUTLYING, draws)
    found.append(drawn(f"estimated score of a branch; {OUTLYING.name}: those alike", np.nanmean(held[:, 1:], axis=1)))
    one = held[np.isfinite(held[:, 0]), 0]
    found.append(drawn(f"estimated score of a branch; {OUTLYING.name}: the one", one > 0))
    return found


def covered(rng: np.random.Generator, world: World, draws: int) -> Floats:
    """Whether the interval of each branch in the last quarter holds its true score (draws, units); NaN without an estimate."""
    shape = (QUARTERS, draws, world.units)
    lasting = world.spread * np.sqrt(world.stays) * rng.standard_normal(shape[1:])
    lasting[:, 0] -= world.away
    own = world.spread * np.sqrt(1 - world.stays) * rng.standard_normal(shape)
    true = np.clip(68 + 2 * rng.standard_normal((QUARTERS, draws, 1)) + lasting + own, 2, 98)
    n = np.floor(np.exp(rng.uniform(0, np.log(world.most + 1), shape))).astype(np.int64)
    made = estimated(rng, true, n)
    low, high = (made[name].to_numpy(float).reshape(shape[1:]) for name in ("ci_low", "ci_high"))
    return np.where(np.isfinite(low), holds(true[-1], (low, high)), np.nan)


def estimated(rng: np.random.Generator, true: Floats, n: npt.NDArray[np.int64]) -> pd.DataFrame:
    """The product's estimates of the last quarter; every draw is an agency of its own, in the order of its branches."""
    cell = np.repeat(np.arange(n.size), n.ravel())
    y = answers(rng, true.ravel()[cell])
    quarter, agency, unit = (index.ravel() for index in np.indices(true.shape))
    cells = pd.DataFrame(
        {
            "unit_type": "branch",
            "unit_id": [f"{one:06d}/{part:02d}" for one, part in zip(agency, unit, strict=True)],
            "agency_id": [f"{one:06d}" for one in agency],
            "metric_id": "m",
            "period_id": [f"2025Q{one + 1}" for one in quarter],
            "instrument_id": "i",
            "quarter": quarter,
            "n": n.ravel(),
            "numerator": np.nan,
            "sum_x": np.bincount(cell, y, n.size),
            "sum_x2": np.bincount(cell, y**2, n.size),
        }
    )
    persons = cells.assign(respondents=n.ravel())
    return small_units(cells, persons, metrics=METRICS, thresholds=LIMITS, since=QUARTERS - 1)
