"""Each agency's verdict against its statistical neighbours, by `methodology.neighbour_positions`.

Belongs here: which tables are read. Does not belong here: the verdict, and what of it may be shown (`methodology`).
"""

from functools import partial

import pyarrow as pa

from methodology.neighbour_positions import COLUMNS, neighbour_positions
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    tables = {"gated": dbt.ref("int_comparability__gated"), "positions": dbt.ref("int_positions__estimated")}
    estimated = partial(
        neighbour_positions,
        neighbours=read(dbt.ref("int_neighbours__found")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    return by_period(dbt.ref("int_periods__pending"), tables, estimated, COLUMNS)
