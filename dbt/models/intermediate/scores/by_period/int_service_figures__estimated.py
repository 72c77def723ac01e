"""Figures of complaints and closed loops, one row per unit, period and figure, by `methodology.service_figures`.

Belongs here: which tables the figures are computed from. Does not belong here: the figures (`methodology`), suppression
(`bench_complaints`, `bench_closed_loop`).
"""

from functools import partial

import pyarrow as pa

from methodology.service_figures import COLUMNS, service_figures
from miyar.relations import Dbt, by_period, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    tables = {
        "times": dbt.ref("int_complaint_times__by_unit"),
        "counts": dbt.ref("int_complaint_counts__by_unit"),
        "pairs": dbt.ref("int_complaint_handling__by_unit"),
        "loops": dbt.ref("int_closed_loop__by_unit"),
        "before": dbt.ref("stg_ledger__contributed").filter("unit_type = 'region'"),
    }
    made = partial(service_figures, thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")))
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)
