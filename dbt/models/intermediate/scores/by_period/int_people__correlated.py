"""How far two figures of one unit rest on the same people, by `methodology.shared_people`.

Belongs here: which pairs are read. Does not belong here: the correlation (`methodology`), who is the same (`int_people__shared`).
"""

import pyarrow as pa

from methodology.shared_people import COLUMNS, correlations
from miyar.relations import Dbt, by_period


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    return by_period(dbt.ref("int_periods__pending"), {"pairs": dbt.ref("int_people__shared")}, correlations, COLUMNS)
