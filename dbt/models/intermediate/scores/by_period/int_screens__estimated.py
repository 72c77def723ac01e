"""Screens of how data came about: one row per screen and unit that has the data for it, by `methodology.screening`.

Belongs here: which tables the screens use. Does not belong here: the screens (`methodology`) and their limits
(`thresholds.csv`).
"""

from functools import partial

import pyarrow as pa

from methodology.screening import COLUMNS, screenings
from miyar.periods import last_day
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    roles = read(dbt.ref("stg_methodology__roles")).set_index("role")["metric_id"]
    tables = {
        "days": dbt.ref("int_questionnaires__cells"),
        "offers": dbt.ref("int_offers__counted"),
        "burdens": dbt.ref("int_burdens__counted"),
        "scores": dbt.ref("int_scores__judged").filter("unit_type = 'agency' and status = 'reported'"),
        "positions": dbt.ref("int_positions__estimated"),
        "assessed": dbt.ref("int_maturity__assessed"),
        "closed": dbt.ref("int_complaint_times__by_unit").filter("unit_type = 'agency' and clock = 'withdrawn'"),
    }
    made = partial(
        screenings,
        levels=read(dbt.ref("stg_methodology__maturity_levels")),
        metrics=read(dbt.ref("stg_methodology__metrics")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
        satisfaction=roles.get("satisfaction"),
        last_day=last_day,
    )
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)
