"""Scores of every unit, metric, period and instrument, from sums and counts.

Belongs here: which estimator a metric's statistics go to. Does not belong here: the estimators (`estimates`, `maturity`),
suppression and comparison (later, in SQL).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.estimates import Estimates, means, percentages, rates
from methodology.frames import rows_by
from methodology.lineage import joined
from methodology.maturity import maturity_score

Floats = npt.NDArray[np.float64]

KEY = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id"]
COLUMNS = {
    **dict.fromkeys([*KEY, "agency_id"], "string"),
    **dict.fromkeys(["n", "n_at_least"], "Int64"),
    "slice_ids": "string",
    **dict.fromkeys(["score", "standard_error", "ci_low", "ci_high"], "float64"),
    "interval_method": "string",
}


def scores(statistics: pd.DataFrame, *, dimension_weights: pd.DataFrame, level: float) -> pd.DataFrame:
    """COLUMNS of all scores of one period.

    statistics: n, numerator, sum_x, sum_x2 or a reported mean by KEY, with the metric's estimator (and the dimension, `part`, of
    assessed practices); dimension_weights: of the dimensions of each maturity model.
    """
    # Sums of floats depend on row order, which must not be left to a parallel scan.
    statistics = statistics.sort_values([*KEY, "scale_range", "part"], kind="stable").reset_index(drop=True)
    practices = statistics["estimator"] == "practice_mean"
    made = [measured_scores(statistics[~practices], level), assessed_scores(statistics[practices], dimension_weights)]
    return pd.concat(made).sort_values(KEY, kind="stable")


def measured_scores(rows: pd.DataFrame, level: float) -> pd.DataFrame:
    """COLUMNS of means, shares, ratios and rates: a delivered mean without n and a ratio have no interval."""
    n, hits, reported = (rows[name].to_numpy(float, na_value=np.nan) for name in ("n", "numerator", "reported_mean"))
    mean = means(n, rows["sum_x"].to_numpy(float), rows["sum_x2"].to_numpy(float), level)
    share, rate = percentages(hits, n, level), rates(hits, n, level)
    nothing = np.full(len(rows), np.nan)
    by_estimator = {
        "mean": (mean, "student"),
        "proportion": (share, "wilson"),
        "ratio": (Estimates(share.value, nothing, nothing, nothing), "none"),
        "rate_per_1000": (rate, "poisson_exact"),
    }
    kind = rows["estimator"].to_numpy(object)
    chosen = [kind == name for name in by_estimator]
    figures = {
        name: np.select(chosen, [found.columns("score")[name] for found, _ in by_estimator.values()], np.nan)
        for name in mean.columns("score")
    }
    figures["score"] = np.where(np.isnan(n), reported, figures["score"])
    method = np.select(chosen, [method for _, method in by_estimator.values()], "none")
    return rows[[*KEY, "agency_id", "n", "n_at_least", "slice_ids"]].assign(
        **figures, interval_method=np.where(np.isnan(n), "none", method)
    )


def assessed_scores(rows: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of maturity scores, from sums of practices by dimension."""
    weight_of: dict[str, dict[str, float]] = {}
    for model, dimension, weight in weights[["model_id", "dimension", "weight"]].itertuples(index=False):
        weight_of.setdefault(model, {})[dimension] = weight
    made = [_assessed(rows.iloc[at], weight_of) for at in rows_by(rows, KEY).values()]
    return pd.DataFrame(made, columns=list(COLUMNS))


def _assessed(group: pd.DataFrame, weight_of: Mapping[str, Mapping[str, float]]) -> dict[str, object]:
    dimensions = {part: total / n for part, total, n in zip(group["part"], group["sum_x"], group["n"], strict=True)}
    unit = {name: str(group[name].iloc[0]) for name in KEY}
    declared = weight_of.get(unit["metric_id"].removeprefix("maturity_"), {})
    # A dimension the model does not weigh counts like the others: equal weights are the declared default.
    score = maturity_score(dimensions, {part: declared.get(part, 1.0) for part in dimensions})
    n = int(group["n"].sum())
    return {
        **unit,
        "agency_id": group["agency_id"].iloc[0],
        "n": n,
        "n_at_least": n,
        "slice_ids": joined(group["slice_ids"]),
        "score": score,
        "standard_error": np.nan,
        "ci_low": np.nan,
        "ci_high": np.nan,
        "interval_method": "none",
    }
