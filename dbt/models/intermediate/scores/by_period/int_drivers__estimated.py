"""What each agency's satisfaction hangs on, by `methodology.drivers`.

Belongs here: which tables are read. Does not belong here: importance, and which items are drivers (`methodology`).
"""

from functools import partial

import pyarrow as pa

from methodology.drivers import COLUMNS, drivers
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    tables = {
        "pairs": dbt.ref("int_item_pairs__cells").project("* rename (responses_count as n)"),
        "scores": dbt.ref("int_scores__judged").filter("unit_type = 'agency'"),
        "positions": dbt.ref("int_positions__estimated"),
    }
    made = partial(
        drivers,
        metrics=read(dbt.ref("stg_methodology__metrics")),
        roles=read(dbt.ref("stg_methodology__roles")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)
