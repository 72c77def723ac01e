"""Parts of mystery visits (stage, touchpoint, channel, the four checks) per agency and period, by `methodology.estimates`.

Belongs here: which estimate a part gets: a mean of visits, or a share for a check. Does not belong here: suppression (SQL,
after). The score of whole visits stands in `bench_scores`.
"""

from functools import partial

import numpy as np
import pyarrow as pa

from methodology import estimates
from miyar.relations import Dbt, by_period, read

KEY = ["agency_id", "period_id", "part", "part_id"]
COLUMNS = {
    **dict.fromkeys(KEY, "string"),
    "n": "Int64",
    "score": "float64",
    "standard_error": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "slice_ids": "string",
}


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    parameters = read(dbt.ref("stg_methodology__thresholds"))
    level = float(parameters.set_index("name")["value"]["interval_level"])
    tables = {"cells": dbt.ref("int_visit_parts__cells")}
    return by_period(dbt.ref("int_periods__pending"), tables, partial(_parts, level=level), COLUMNS)


def _parts(cells, level):
    """All parts of one period."""
    cells = cells.sort_values([*KEY, "slice_id"], kind="stable").astype({"sum_score": float, "sum_score2": float})
    rows = cells.groupby(KEY, sort=True, as_index=False).agg(
        n=("observed_count", "sum"),
        sum_score=("sum_score", "sum"),
        sum_score2=("sum_score2", "sum"),
        slice_ids=("slice_id", lambda ids: ";".join(sorted(set(ids)))),
    )
    n = rows["n"].to_numpy(float)
    mean, error = estimates.mean_estimate(n, rows["sum_score"].to_numpy(float), rows["sum_score2"].to_numpy(float))
    low, high = estimates.mean_interval(mean, error, n, level)
    hits = rows["sum_score"].to_numpy(float) / 100
    is_check = (rows["part"] == "check").to_numpy()
    share = hits / n
    share_low, share_high = estimates.wilson_interval(np.where(is_check, hits, 0.0), n, level)
    rows["score"] = mean
    rows["standard_error"] = np.where(is_check, 100 * np.sqrt(np.maximum(share * (1 - share), 0) / n), error)
    rows["ci_low"] = np.where(is_check, 100 * share_low, low)
    rows["ci_high"] = np.where(is_check, 100 * share_high, high)
    return rows
