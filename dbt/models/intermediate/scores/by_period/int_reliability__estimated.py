"""Reliability of each reported score: how much of the spread among units like it is signal, by
`methodology.disparity_by_group`.

Belongs here: which units are alike (type, metric, period, peer group, instrument, weighting). Does not belong here: what
reliability is needed for (`int_positions__estimated`).
"""

from functools import partial

import numpy as np
import pyarrow as pa

from methodology.disparity_by_group import shrink_by_group, spread_by_group
from methodology.peers import WARNING_Z
from miyar.relations import Dbt, by_period, read

KEY = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id"]
ALIKE = ["unit_type", "metric_id", "period_id", "peer_group", "instrument_id", "weighting", "mode_set", "adjustments"]
COLUMNS = {**dict.fromkeys(KEY, "string"), "reliability": "float64"}


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    agencies = read(dbt.ref("stg_registry__agencies"))
    parameters = read(dbt.ref("stg_methodology__thresholds"))
    needed = int(dict(zip(parameters["name"], parameters["value"], strict=True))["minimum_peers"]) + 1
    reported = dbt.ref("int_scores__judged").filter("status = 'reported' and n is not null")
    estimated = partial(_estimated, agencies=agencies, needed=needed)
    return by_period(dbt.ref("int_periods__pending"), {"scores": reported}, estimated, COLUMNS)


def _estimated(scores, agencies, needed):
    """All reliabilities of one period."""
    rows = scores.merge(agencies[["agency_id", "peer_group"]], on="agency_id", how="left").fillna({"peer_group": ""})
    # Where all answers are equal the estimated error is zero; the interval still has a width, and that is used.
    half = (rows["ci_high"] - rows["ci_low"]) / (2 * WARNING_Z)
    rows = rows.assign(error=rows["standard_error"].where(rows["standard_error"] > 0, half))
    rows = rows[np.isfinite(rows["error"]) & (rows["error"] > 0)].sort_values(KEY, kind="stable")
    family = rows.groupby(ALIKE, sort=True).ngroup().to_numpy()
    rows, family = rows[family >= 0], family[family >= 0]
    enough = np.bincount(family)[family] >= needed
    rows, (_, family) = rows[enough], np.unique(family[enough], return_inverse=True)
    found = spread_by_group(rows["score"], rows["error"], family, int(family.max(initial=-1)) + 1)
    return rows.assign(reliability=shrink_by_group(rows["score"], rows["error"], family, found)[2])
