"""Parts of mystery visits (stage, touchpoint, channel, the four checks) per agency and period, by `methodology.visits`.

Belongs here: which cells are read. Does not belong here: the estimates (`methodology`), suppression (later, in SQL) and
the score of whole visits (`bench_scores`).
"""

from functools import partial

import pyarrow as pa

from methodology.visits import COLUMNS, visit_parts
from miyar.relations import Dbt, by_period, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    limits = thresholds_of(dbt.ref("stg_methodology__thresholds"))
    made = partial(visit_parts, level=limits["interval_level"])
    tables = {"cells": dbt.ref("int_visit_parts__cells")}
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)
