"""Each journey per period and instrument: its score, its stages, its agencies, by `methodology.journeys`.

Belongs here: which tables journeys are computed from. Does not belong here: the computation
(`methodology`) and suppression (later, in SQL).
"""

from functools import partial

import pyarrow as pa

from methodology.journeys import COLUMNS, journeys
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    roles = read(dbt.ref("stg_methodology__roles")).set_index("role")["metric_id"]
    made = partial(
        journeys,
        metrics=read(dbt.ref("stg_methodology__metrics")),
        satisfaction=roles.get("satisfaction"),
        steps=read(dbt.ref("stg_registry__journey_steps")),
        services=read(dbt.ref("stg_registry__services")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    before = dbt.ref("stg_ledger__contributed").filter("unit_type = 'journey' and starts_with(metric_id, 'journeys.')")
    tables = {"cells": dbt.ref("int_journeys__cells"), "before": before}
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)
