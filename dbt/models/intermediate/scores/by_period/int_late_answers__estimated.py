"""How the answers of late respondents differ, and what non-respondents like them would make of a score, by
`methodology.late_answers`.

Belongs here: which tables are read. Does not belong here: the range (`methodology`).
"""

from functools import partial

import pyarrow as pa

from methodology.late_answers import COLUMNS, late_answers
from miyar.relations import Dbt, by_period, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    made = partial(late_answers, thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")))
    tables = {
        "answers": dbt.ref("int_delays__by_agency"),
        "scores": dbt.ref("int_scores__judged").filter("unit_type = 'agency' and status = 'reported'"),
        "positions": dbt.ref("int_positions__estimated"),
    }
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)
