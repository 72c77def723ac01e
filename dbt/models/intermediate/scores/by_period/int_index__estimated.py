"""The composite index by peer group and period, with its uncertainty. One row per part:
`index`, `indicator`, `source`, `dominance`.

Belongs here: which tables the index is computed from. Does not belong here: who has one, and the index itself
(`methodology.index_parts`), and what of it is published (`bench_index*`).
"""

from functools import partial

import pyarrow as pa

from methodology.index_parts import COLUMNS, index_parts
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    estimated = partial(
        index_parts,
        agencies=read(dbt.ref("stg_registry__agencies")),
        nodes=read(dbt.ref("stg_methodology__index")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    scores = dbt.ref("bench_scores").filter("unit_type = 'agency'")
    tables = {
        "scores": scores,
        "mixes": dbt.ref("int_modes__grouped"),
        "people": dbt.ref("int_people__correlated").filter("other_period_id = period_id"),
    }
    return by_period(dbt.ref("int_periods__pending"), tables, estimated, COLUMNS)
