"""Simultaneous rank sets: how often they hold all units' true ranks at once.

Belongs here: worlds of units with known true scores and known errors. Does not belong here: scores of single units (`units`).
"""

import numpy as np

from methodology.ranks import RankSets, overlap_rank_sets, pairwise_rank_sets, simultaneous_rank_sets
from simulation.coverage.findings import Finding, Floats, at_least, drawn

NOISE_DRAWS = 2_000  # instead of the product's 10,000: less exact in one world, as exact over all of them
# Number of units, spread of the true scores as a multiple of the typical error, and a factor for the number of draws.
# Spread zero is the hardest case: every rank is shared, any order is wrong, and the true rate equals the nominal one,
# which a thousand draws cannot confirm.
WORLDS = ((10, 0.0, 4), (10, 1.0, 1), (10, 5.0, 1), (20, 0.0, 4), (20, 2.0, 1), (50, 0.0, 2), (50, 2.0, 1))


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    found = []
    claim = at_least(0.95)
    for units, spread, more in WORLDS:
        held: dict[str, list[bool]] = {}
        for _ in range(more * draws):
            error = rng.uniform(0.6, 1.6, units)
            true = spread * rng.standard_normal(units)
            score = true + error * rng.standard_normal(units)
            sets = {
                "simultaneous": simultaneous_rank_sets(score, error, rng, draws=NOISE_DRAWS),
                "Holm": pairwise_rank_sets(score, error),
                "overlap": overlap_rank_sets(score, error),
                "unadjusted pairs": pairwise_rank_sets(score, error, adjustment="none"),
            }
            for name, own in sets.items():
                held.setdefault(name, []).append(holds_all(true, own))
        world = f"{units} units, all equal" if not spread else f"{units} units, true spread {spread:g} errors"
        found += [
            drawn(f"all true ranks held, {name}; {world}", values, None if name == "unadjusted pairs" else claim)
            for name, values in held.items()
        ]
    return found


def holds_all(true: Floats, sets: RankSets) -> bool:
    """Whether every unit's set holds its rank; units with equal scores share all the ranks they occupy."""
    best = 1 + (true[:, None] < true).sum(axis=1)
    worst = true.size - (true[:, None] > true).sum(axis=1)
    return bool(np.all((sets.lower <= best) & (sets.upper >= worst)))
