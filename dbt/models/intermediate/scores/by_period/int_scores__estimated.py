"""Estimates and intervals of every unit, metric, period and instrument, by `methodology.scores_by_kind`.

Belongs here: which statistics are read. Does not belong here: the scores (`methodology`),
suppression and comparison (later, in SQL).
"""

from functools import partial

import pyarrow as pa

from methodology.scores import COLUMNS
from methodology.scores_by_kind import scores_by_kind
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    made = partial(
        scores_by_kind,
        dimension_weights=read(dbt.ref("stg_methodology__maturity_dimensions")),
        metrics=read(dbt.ref("stg_methodology__metrics")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    tables = {
        "statistics": dbt.ref("int_statistics__by_unit"),
        "clusters": dbt.ref("int_clusters__by_unit"),
        "figures": dbt.ref("int_service_figures__estimated"),
    }
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)
