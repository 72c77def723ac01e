"""Scores of all metrics of a period with the error and the limits of their kind, without those whose records disagree.

Belongs here: what a metric's base and unit make of its estimate. Does not belong here: the estimates (`scores`), the kinds
(`bases`), who is shown what (the warehouse).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from methodology.bases import BOUNDED_UNITS, EXACT
from methodology.scores import KEY, scores

FIGURES = ["score", "standard_error", "ci_low", "ci_high"]


def scores_by_kind(
    statistics: pd.DataFrame,
    clusters: pd.DataFrame,
    figures: pd.DataFrame,
    *,
    dimension_weights: pd.DataFrame,
    metrics: pd.DataFrame,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """All scores of one period with the columns of `scores`.

    statistics, clusters, figures, dimension_weights: as there, and in statistics `conflicts_count`, of records that say
    different things of the same; where there is one the score is withheld (`records_conflict`). metrics: as there and in
    `limits_by_kind`. Dimensions must be complete where the threshold `dimensions_complete` is 1.
    """
    level, complete = thresholds["interval_level"], bool(thresholds["dimensions_complete"])
    found = scores(
        statistics,
        clusters,
        figures,
        metrics=metrics,
        dimension_weights=dimension_weights,
        level=level,
        complete=complete,
    )
    conflicts = statistics.groupby(KEY, dropna=False)["conflicts_count"].sum().reset_index()
    merged = found[KEY].merge(conflicts, on=KEY, how="left")
    agrees = ~(merged["conflicts_count"].to_numpy(float) > 0)
    found = found.assign(withheld_reason=found["withheld_reason"].where(agrees, "records_conflict"))
    return limits_by_kind(found.assign(**{name: found[name].where(agrees) for name in FIGURES}), metrics, level)


def limits_by_kind(scores: pd.DataFrame, metrics: pd.DataFrame, level: float) -> pd.DataFrame:
    """Scores with the error and limits of their kind; all others as they are.

    scores: metric_id, score, standard_error, ci_low, ci_high, interval_method, degrees_of_freedom; metrics: metric_id, base,
    estimator, unit. Where nothing was sampled the standard error is 0 and there is no interval (`no_sampling_error`). A mean in
    a unit without ends has Student's interval, y +- t se.
    """
    kind = metrics.set_index("metric_id")[["base", "estimator", "unit"]].reindex(scores["metric_id"])
    known = np.isfinite(scores["score"].to_numpy(float))
    exact = kind["base"].isin(EXACT).to_numpy() & known
    open_ended = (kind["estimator"].eq("mean") & ~kind["unit"].isin(BOUNDED_UNITS)).to_numpy() & known & ~exact
    error, freedom = (scores[name].to_numpy(float) for name in ("standard_error", "degrees_of_freedom"))
    with np.errstate(invalid="ignore"):
        half = stats.t.ppf(0.5 + level / 2, np.where(freedom > 0, freedom, np.nan)) * error
    # Equal answers have no spread, and no scale's end to bound what was missed.
    half = np.where(half > 0, half, np.nan)
    student = open_ended & np.isfinite(half)
    low, high = scores["score"] - half, scores["score"] + half
    return scores.assign(
        standard_error=np.where(exact, 0.0, error),
        ci_low=np.select([exact, open_ended], [np.nan, low], scores["ci_low"]),
        ci_high=np.select([exact, open_ended], [np.nan, high], scores["ci_high"]),
        interval_method=np.select(
            [exact, student, open_ended], ["no_sampling_error", "student", "none"], scores["interval_method"]
        ),
    )
