"""Agencies surveyed by like mixes of modes, by `methodology.mode_mixes`.

Belongs here: which scores and counts are read. Does not belong here: distances and groups (`methodology`), who is compared
(`int_comparability__gated`).
"""

from functools import partial

import pyarrow as pa

from methodology.mode_mixes import COLUMNS, mode_groups
from miyar.relations import Dbt, by_period, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    made = partial(mode_groups, thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")))
    tables = {
        "scores": dbt.ref("int_scores__judged").filter("unit_type = 'agency' and status = 'reported'"),
        "counts": dbt.ref("int_modes__counted"),
        "links": dbt.ref("int_scores__linked"),
    }
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)
