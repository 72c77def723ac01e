"""Which scores of no single agency every reader may have: those that rest on enough agencies, by `methodology.contributors`.

Belongs here: which table the decision uses. Does not belong here: the decision (`methodology`), and who may read what is not
shared (`publication/access.yml`).
"""

from functools import partial

import pyarrow as pa

from methodology.additive_tables import CELL
from methodology.contributors import sharing
from miyar.relations import Dbt, by_period, thresholds_of

COLUMNS = {**dict.fromkeys(CELL, "string"), "contributors_count": "int64", "is_shared": "boolean"}


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    tables = {"contributions": dbt.ref("int_contributors__counted")}
    decided = partial(sharing, key=CELL, thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")))
    return by_period(dbt.ref("int_periods__pending"), tables, decided, COLUMNS, protects=True)
