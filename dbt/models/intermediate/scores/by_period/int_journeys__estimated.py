"""Each journey per period and instrument: its score, its stages, its agencies, by `methodology.journeys`.

Belongs here: which items ask about a journey, who owns its steps. Does not belong here: what is made of them (`methodology`) and
suppression (SQL, after).
"""

from functools import partial

import pyarrow as pa

from methodology.journeys import COLUMNS, journeys
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    metrics = read(dbt.ref("stg_methodology__metrics"))
    roles = read(dbt.ref("stg_methodology__roles")).set_index("role")["metric_id"]
    steps = read(dbt.ref("stg_registry__journey_steps"))
    services = read(dbt.ref("stg_registry__services"))
    asked = metrics.loc[metrics["metric_id"] == roles.get("satisfaction"), "measure_id"]
    made = partial(
        journeys,
        items=asked.str.removesuffix(".mean"),
        owned=steps.merge(services[["service_id", "agency_id"]], on="service_id"),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    return by_period(dbt.ref("int_periods__pending"), {"cells": dbt.ref("int_journeys__cells")}, made, COLUMNS)
