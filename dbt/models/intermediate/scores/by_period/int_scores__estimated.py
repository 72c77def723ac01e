"""Estimates and intervals of every unit, metric, period and instrument, by `methodology.estimates`.

Belongs here: which estimator a metric's statistics go to. Does not belong here: suppression and comparison (SQL, after).
"""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa

from methodology import estimates
from methodology.maturity import maturity_score
from miyar.relations import Dbt, by_period, read

KEY = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id"]
COLUMNS = {
    **dict.fromkeys([*KEY, "agency_id"], "string"),
    **dict.fromkeys(["n", "n_at_least"], "Int64"),
    "slice_ids": "string",
    **dict.fromkeys(["score", "standard_error", "ci_low", "ci_high"], "float64"),
    "interval_method": "string",
}


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    thresholds = read(dbt.ref("stg_methodology__thresholds"))
    level = float(thresholds.set_index("name")["value"]["interval_level"])
    weights = read(dbt.ref("stg_methodology__maturity_dimensions"))
    tables = {"statistics": dbt.ref("int_statistics__by_unit")}
    estimated = partial(_estimated, weights=weights, level=level)
    return by_period(dbt.ref("int_periods__pending"), tables, estimated, COLUMNS)


def _estimated(statistics, weights, level):
    """All scores of one period."""
    # Sums of floats follow the order of rows, and so must not depend on the order a parallel scan gives them.
    statistics = statistics.sort_values([*KEY, "scale_range", "part"], kind="stable").reset_index(drop=True)
    practices = statistics["estimator"] == "practice_mean"
    scores = pd.concat([_sampled(statistics[~practices], level), _assessed(statistics[practices], weights)])
    return scores.sort_values(KEY, kind="stable")


def _sampled(rows, level):
    n = rows["n"].to_numpy(float, na_value=np.nan)
    hits = rows["numerator"].to_numpy(float, na_value=np.nan)
    mean, error = estimates.mean_estimate(n, rows["sum_x"].to_numpy(float), rows["sum_x2"].to_numpy(float))
    mean_low, mean_high = estimates.mean_interval(mean, error, n, level)
    share_low, share_high = estimates.wilson_interval(hits, n, level)
    rate_low, rate_high = estimates.poisson_rate_interval(hits, n, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(n > 0, hits / n, np.nan)
        share_error = np.sqrt(np.maximum(share * (1 - share), 0) / n)
        rate_error = np.sqrt(hits) / n
    kind = rows["estimator"]
    picks = [kind == "mean", kind == "proportion", kind == "ratio", kind == "rate_per_1000"]
    nothing = np.full(len(rows), np.nan)
    reported = rows["reported_mean"].to_numpy(float, na_value=np.nan)
    score = np.select(picks, [mean, 100 * share, 100 * share, 1000 * share], np.nan)
    return pd.DataFrame(
        {
            **{name: rows[name] for name in [*KEY, "agency_id", "n", "n_at_least", "slice_ids"]},
            "score": np.where(np.isnan(n), reported, score),
            "standard_error": np.select(picks, [error, 100 * share_error, nothing, 1000 * rate_error], np.nan),
            "ci_low": np.select(picks, [mean_low, 100 * share_low, nothing, 1000 * rate_low], np.nan),
            "ci_high": np.select(picks, [mean_high, 100 * share_high, nothing, 1000 * rate_high], np.nan),
            "interval_method": np.where(
                np.isnan(n), "none", np.select(picks, ["student", "wilson", "none", "poisson_exact"], "none")
            ),
        }
    )


def _assessed(rows, weights):
    weight_of = {model: dict(zip(g["dimension"], g["weight"], strict=True)) for model, g in weights.groupby("model_id")}
    scores = []
    for key, group in rows.groupby(KEY, sort=True):
        dimensions = {part: total / n for part, total, n in zip(group["part"], group["sum_x"], group["n"], strict=True)}
        declared = weight_of.get(key[2].removeprefix("maturity_"), {})
        # A dimension the model does not weigh counts like the others: equal weights are the declared default.
        score = maturity_score(dimensions, {part: declared.get(part, 1.0) for part in dimensions})
        first = group.iloc[0]
        scores.append(
            {
                **dict(zip(KEY, key, strict=True)),
                "agency_id": first["agency_id"],
                "n": int(group["n"].sum()),
                "n_at_least": int(group["n"].sum()),
                "slice_ids": ";".join(sorted({slice_id for ids in group["slice_ids"] for slice_id in ids.split(";")})),
                "score": score,
                "standard_error": np.nan,
                "ci_low": np.nan,
                "ci_high": np.nan,
                "interval_method": "none",
            }
        )
    columns = [*KEY, "agency_id", "n", "n_at_least", "slice_ids", "score", "standard_error", "ci_low", "ci_high"]
    return pd.DataFrame(scores, columns=[*columns, "interval_method"])
