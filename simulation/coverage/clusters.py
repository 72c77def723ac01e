"""Answers that come in bunches: persons who answer several times, and branches drawn from many.

Belongs here: worlds of clustered answers, and what the product says of them. Does not belong here: weights and finite
populations (`surveys`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from methodology.ranks import simultaneous_rank_sets
from methodology.scores import measured_scores
from simulation.coverage.findings import COVERS, Finding, Floats, at_most, drawn, holds
from simulation.coverage.intervals import LEVELS, TYPICAL

LEVEL = 0.95
NOISE_DRAWS = 2_000  # as in `rank_sets`
AGENCIES = 20
TOP = 3  # this level and those above are satisfied
CUTS = stats.norm.ppf(np.cumsum(TYPICAL)[:-1] / TYPICAL.sum())
MEAN = float(TYPICAL @ LEVELS / TYPICAL.sum())
SHARE = float(100 * TYPICAL[TOP:].sum() / TYPICAL.sum())


@dataclass(frozen=True)
class Draw:
    """`clusters` drawn clusters of `size` answers and `alone` answers drawn singly, `icc` the correlation of two answers of a
    cluster before they are rounded to the scale; `kind` is the column of the answers that names the clusters."""

    name: str
    kind: str
    clusters: int
    size: int
    icc: float
    alone: int = 0


DRAWS = (
    Draw("400 persons, one answer each", "person", 0, 1, 0.0, 400),
    Draw("80 persons, five answers each, correlated .6", "person", 80, 5, 0.6),
    Draw("ten branches of 40 answers, correlated .05", "branch_id", 10, 40, 0.05),
    Draw("ten branches of 20 answers, correlated .1, and 200 answers elsewhere", "branch_id", 10, 20, 0.1, 200),
)


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    return [finding for draw in DRAWS for finding in (*coverage(rng, draw, draws), told_apart(rng, draw, draws // 3))]


def coverage(rng: np.random.Generator, draw: Draw, draws: int) -> list[Finding]:
    """How often the intervals of one agency's mean and share of the satisfied hold the truth."""
    found = estimated(answers(rng, draw, draws), draw)
    made = []
    for estimator, truth, what in (("mean", MEAN, "mean"), ("proportion", SHARE, "share of the satisfied")):
        own = found[found["metric_id"] == estimator]
        held = holds(truth, (own["ci_low"].to_numpy(float), own["ci_high"].to_numpy(float)))
        made.append(drawn(f"{what}, {draw.name}", held, COVERS))
    return made


def told_apart(rng: np.random.Generator, draw: Draw, worlds: int) -> Finding:
    """How often simultaneous rank sets tell any two of equal agencies apart, by their means."""
    found = estimated(answers(rng, draw, worlds * AGENCIES), draw)
    own = found[found["metric_id"] == "mean"].sort_values("unit_id")
    names = ("score", "standard_error", "degrees_of_freedom")
    score, error, freedom = (own[name].to_numpy(float).reshape(worlds, AGENCIES) for name in names)
    apart = [
        bool(simultaneous_rank_sets(y, s, rng, draws=NOISE_DRAWS, freedom=f).sign.any())
        for y, s, f in zip(score, error, freedom, strict=True)
    ]
    what = f"{AGENCIES} equal agencies, some pair told apart, {draw.name}"
    # Nominally 5 %: errors estimated from whole answers, which crowd at one end, add up to a point.
    return drawn(what, apart, at_most(0.06))


def answers(rng: np.random.Generator, draw: Draw, agencies: int) -> npt.NDArray[np.int64]:
    """Levels of the scale (agencies, answers), those of a cluster side by side; every agency's true score is the same."""
    shape = (agencies, draw.clusters, draw.size)
    common = rng.standard_normal((*shape[:2], 1))
    latent = np.sqrt(draw.icc) * common + np.sqrt(1 - draw.icc) * rng.standard_normal(shape)
    alone = rng.standard_normal((agencies, draw.alone))
    return np.asarray(np.searchsorted(CUTS, np.hstack([latent.reshape(agencies, -1), alone])))


def estimated(levels: npt.NDArray[np.int64], draw: Draw) -> pd.DataFrame:
    """Scores of the agencies as the product estimates them from sums: of the mean and of the share of the satisfied."""
    rated = [("mean", LEVELS[levels]), ("proportion", 100.0 * (levels >= TOP))]
    statistics = pd.concat([statistics_of(values, estimator) for estimator, values in rated], ignore_index=True)
    clusters = pd.concat([_clusters(values, estimator, draw) for estimator, values in rated], ignore_index=True)
    return measured_scores(statistics, clusters, LEVEL)


def statistics_of(values: Floats, estimator: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **unit_of(np.arange(len(values)), estimator),
            "estimator": estimator,
            "part": "",
            "scale_range": 100,
            "n": values.shape[1],
            "n_at_least": values.shape[1],
            "numerator": values.sum(axis=1) / 100,
            "sum_x": values.sum(axis=1),
            "sum_x2": (values**2).sum(axis=1),
            "reported_mean": np.nan,
            "slice_ids": "",
        }
    )


def _clusters(values: Floats, estimator: str, draw: Draw) -> pd.DataFrame:
    together = values[:, : draw.clusters * draw.size].reshape(len(values), draw.clusters, draw.size)
    agency, cluster = (index.ravel() for index in np.indices(together.shape[:2]))
    names = np.array([f"{draw.kind} {number:03d}" for number in cluster], object)
    return pd.DataFrame(
        {
            **unit_of(agency, estimator),
            "psu": names,
            "person": names if draw.kind == "person" else None,
            "branch_share": 0.0 if draw.kind == "person" else 1e-9,  # ten of very many
            "n": draw.size,
            "sum_x": together.sum(axis=2).ravel(),
            "sum_x2": (together**2).sum(axis=2).ravel(),
        }
    )


def unit_of(agency: npt.NDArray[np.int64], metric: str) -> dict[str, object]:
    names = np.array([f"a{number:06d}" for number in agency], object)
    unit = {"unit_type": "agency", "unit_id": names, "agency_id": names}
    return {**unit, "metric_id": metric, "period_id": "2026Q1", "instrument_id": "five"}
