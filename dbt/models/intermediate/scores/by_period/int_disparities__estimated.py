"""How far branches and regions truly differ: spread net of sampling noise, shrunken scores, inequality of shares.

Belongs here: which tables disparities are computed from. Does not belong here: which units are one family, and the figures
(`methodology.disparities`), and what may be shown (`bench_disparities`).
"""

from functools import partial

import pyarrow as pa

from methodology.disparities import COLUMNS, FIGURES, UNIT, disparities
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    thresholds = thresholds_of(dbt.ref("stg_methodology__thresholds"))
    families = "unit_type in ('branch', 'agency_region', 'region')"
    tables = {
        "scores": dbt.ref("int_scores__judged").filter(f"{families} and n is not null"),
        "raw": dbt.ref("int_scores__estimated").filter(families).project(", ".join([*UNIT, *FIGURES])),
        "sharing": dbt.ref("int_sharing__decided").filter(families),
    }
    estimated = partial(
        disparities,
        metrics=read(dbt.ref("stg_methodology__metrics")),
        branches=read(dbt.ref("stg_registry__branches")),
        minimum_units=thresholds["disparity_units"],
        level=thresholds["interval_level"],
    )
    return by_period(dbt.ref("int_periods__pending"), tables, estimated, COLUMNS)
