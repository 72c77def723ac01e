"""Agencies' scores that are compared on the scale of others, by `methodology.linked_scores`.

Belongs here: which scores and studies are read. Does not belong here: whose scores are linked, and how (`methodology`), who is
compared (`int_comparability__gated`).
"""

from functools import partial

import pyarrow as pa

from methodology.linked_scores import COLUMNS, linked_scores
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    made = partial(
        linked_scores,
        studies=read(dbt.ref("stg_registry__scale_studies")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    scores = dbt.ref("int_scores__judged").filter("unit_type = 'agency' and status = 'reported'")
    return by_period(dbt.ref("int_periods__pending"), {"scores": scores}, made, COLUMNS)
