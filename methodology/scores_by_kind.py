"""Scores of all metrics of a period with the error and the limits of their kind, without those whose records disagree.

Belongs here: what a metric's base and unit make of its estimate. Does not belong here: the estimates (`scores`), the kinds
(`bases`), who is shown what (the warehouse).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from methodology.bases import BOUNDED_UNITS, EXACT
from methodology.frames import Texts
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

    statistics, clusters, figures, dimension_weights: as there, and in statistics `conflicts_count`, of records that say different
    things of the same; where there is one the score is withheld (`records_conflict`); and `unknown_count`, of cases that would be
    in the base had a field not been left blank (missing where nobody counts them). A share of fewer than 1 -
    `unknown_cases_share` of its cases is withheld (`values_missing`); where there were none it is `no_cases`. metrics: as there
    and in `limits_by_kind`. Dimensions must be complete where the threshold `dimensions_complete` is 1.
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
    reasons = _withheld(found, statistics, thresholds["unknown_cases_share"])
    found["withheld_reason"] = found["withheld_reason"].where(reasons == "", reasons)
    shown = found[FIGURES].where(pd.Series(reasons == "", index=found.index), np.nan)
    return limits_by_kind(found.assign(**{name: shown[name] for name in FIGURES}), metrics, level)


def _withheld(found: pd.DataFrame, statistics: pd.DataFrame, unknown_share: float) -> Texts:
    """Why the records behind each score do not bear it; "" where they do."""
    counts = statistics.groupby(KEY, dropna=False)
    of_records = counts.agg(n=("n", "sum"), conflicts=("conflicts_count", "sum"))
    of_records["unknown"] = counts["unknown_count"].sum(min_count=1)
    own = found[KEY].merge(of_records.reset_index(), on=KEY, how="left")
    n, conflicts, unknown = (own[name].to_numpy(float, na_value=np.nan) for name in ("n", "conflicts", "unknown"))
    # A share that equals the limit does not exceed it, whatever its last bit says.
    # What was never recorded of any case is not measured at all.
    blank = (n > 0) & (unknown > unknown_share * (n + unknown) * (1 + 1e-12))
    reasons = np.select(
        [conflicts > 0, blank, (n == 0) & (unknown == 0)], ["records_conflict", "values_missing", "no_cases"], ""
    )
    return reasons.astype(object)


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
