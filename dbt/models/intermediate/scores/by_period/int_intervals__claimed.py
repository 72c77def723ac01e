"""Whether each interval holds what it claims, by `methodology.interval_claims`.

Belongs here: which scores are read. Does not belong here: the rules (`methodology`), the intervals (`int_scores__chosen`).
"""

from functools import partial

import pyarrow as pa

from methodology.interval_claims import COLUMNS, interval_claims
from miyar.relations import Dbt, by_period, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    made = partial(interval_claims, thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")))
    return by_period(dbt.ref("int_periods__pending"), {"scores": dbt.ref("int_scores__chosen")}, made, COLUMNS)
