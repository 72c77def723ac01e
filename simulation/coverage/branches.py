"""Few drawn branches, and shares near an end of their scale: where intervals hold, and where published rows say they may not.

Belongs here: agencies of which a few branches were drawn, sizes unequal; the limits of `methodology.interval_claims`. Does not
belong here: many branches, and persons (`clusters`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from methodology.proportions import wilson_interval
from methodology.scores import measured_scores
from simulation.coverage.clusters import CUTS, LEVEL, MEAN, TOP, statistics_of, unit_of
from simulation.coverage.findings import Finding, Floats, at_least, drawn, holds
from simulation.coverage.intervals import LEVELS, TYPICAL

# Sizes of the branches drawn from very many, and the correlation of two answers of one.
BRANCHES = (
    ((15, 15), 0.0),
    ((30, 30), 0.05),
    ((40, 40), 0.2),
    ((40, 40, 40), 0.05),
    ((10, 20, 60), 0.2),
    ((10, 20, 40, 80), 0.2),
    ((5, 5, 5, 10, 10, 10, 10, 20, 20, 40), 0.05),
)
# From here on answers of a branch are so alike that two branches near an end of the scale often have no unlike answer.
ALIKE = 0.2
NEAR_END = "two branches near the end of a scale; published rows say approximate"


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    found = [finding for sizes, icc in BRANCHES for finding in few_branches(rng, draws, sizes, icc)]
    found += [finding for sizes, icc in BRANCHES[:3] for finding in few_branches(rng, draws, sizes, icc, least=1)[2:]]
    return [*found, *near_an_end()]


def few_branches(
    rng: np.random.Generator, draws: int, sizes: tuple[int, ...], correlation: float, least: int = TOP
) -> list[Finding]:
    """How often intervals of a mean and of the share of answers from level `least` on hold the truth, and how wide they are.

    Branches of such sizes were drawn from very many; a share near the end of alike answers is not claimed.
    """
    found = branches_scored(rng, draws, sizes, correlation, least)
    what = f"branches of {', '.join(map(str, sizes))} answers, correlated {correlation:g}"
    share = float(100 * TYPICAL[least:].sum() / TYPICAL.sum())
    made = []
    for estimator, truth in (("mean", MEAN), ("proportion", share)):
        own = found[found["metric_id"] == estimator]
        low, high = own["ci_low"].to_numpy(float), own["ci_high"].to_numpy(float)
        name = "mean" if estimator == "mean" else f"share of {truth:.0f} %"
        is_claimed = estimator == "mean" or least == TOP or correlation < ALIKE
        doubtful = "" if is_claimed else NEAR_END
        made.append(drawn(f"{name}, {what}", holds(truth, (low, high)), at_least(0.94), doubtful))
        width = (high - low) / 100
        made.append(
            Finding(f"width in percent of the scale: {name}, {what}", float(np.median(width)), draws, None, width.std())
        )
    return made


def branches_scored(
    rng: np.random.Generator, agencies: int, sizes: tuple[int, ...], correlation: float, least: int
) -> pd.DataFrame:
    """Scores of the agencies as the product estimates them, of the mean and of the share of answers from level `least` on."""
    effects = np.sqrt(correlation) * rng.standard_normal((agencies, len(sizes)))
    parts = [
        np.searchsorted(CUTS, effects[:, [at]] + np.sqrt(1 - correlation) * rng.standard_normal((agencies, size)))
        for at, size in enumerate(sizes)
    ]
    return _scored(
        {
            estimator: [LEVELS[part] if estimator == "mean" else 100.0 * (part >= least) for part in parts]
            for estimator in ("mean", "proportion")
        }
    )


def branch_means(answers: Floats) -> dict[str, Floats]:
    """Score, error and degrees of freedom of means of answers (agencies, branches, answers), as the product estimates them."""
    found = _scored({"mean": list(np.moveaxis(answers, 1, 0))}).sort_values("unit_id")
    return {name: found[name].to_numpy(float) for name in ("score", "standard_error", "degrees_of_freedom")}


def _scored(rated_by: Mapping[str, Sequence[Floats]]) -> pd.DataFrame:
    """Scores of agencies by estimator, from answers (agencies, answers) of each of their branches."""
    statistics, clusters = [], []
    for estimator, rated in rated_by.items():
        agencies = len(rated[0])
        statistics.append(statistics_of(np.hstack(rated), estimator))
        clusters += [
            pd.DataFrame(
                {
                    **unit_of(np.arange(agencies), estimator),
                    "psu": f"branch {at:03d}",
                    "person": None,
                    "branch_share": 1e-9,
                    "n": float(y.shape[1]),
                    "sum_x": y.sum(axis=1),
                    "sum_x2": (y**2).sum(axis=1),
                }
            )
            for at, y in enumerate(rated)
        ]
    return measured_scores(pd.concat(statistics, ignore_index=True), pd.concat(clusters, ignore_index=True), LEVEL)


def near_an_end() -> list[Finding]:
    """Exact coverage of Wilson's interval of single shares, by answers' worth from the end: counts are whole."""
    held: dict[str, list[float]] = {"fewer than 2": [], "2 or more": []}
    for n in (30, 50, 100, 200, 400, 1000):
        hits = np.arange(n + 1.0)
        low, high = wilson_interval(hits, np.full(n + 1, float(n)), LEVEL)
        for share in np.linspace(0.5, 0.999, 500):
            chance = stats.binom.pmf(hits, n, share)[(low <= share) & (share <= high)].sum()
            held["fewer than 2" if n * (1 - share) < 2 else "2 or more"].append(float(chance))
    return [
        Finding(f"single share (Wilson), {name} answers' worth from the end, lowest of {len(shares)}", min(shares), 0)
        for name, shares in held.items()
    ]
