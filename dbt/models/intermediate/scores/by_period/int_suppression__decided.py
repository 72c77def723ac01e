"""Which counts are hidden, which others are hidden with them, and whether a reader could still work out any of them.

Belongs here: which tables the decision uses. Does not belong here: the decision (`methodology.suppression`) and what the status
says (`int_scores__judged`).
"""

from functools import partial

import pyarrow as pa

from methodology.additive_tables import CELL, TABLE
from methodology.suppression import COLUMNS, suppressed
from miyar.relations import Dbt, by_period, read, thresholds_of
from miyar.unit_types import columns_by_type


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    thresholds = thresholds_of(dbt.ref("stg_methodology__thresholds"))
    branches = dbt.ref("int_statistics__by_unit").filter("unit_type = 'branch'")
    tables = {
        "scores": dbt.ref("int_scores__estimated").project(
            ", ".join([*CELL, "agency_id", "n", "n_at_least", "respondents", "slice_ids"])
        ),
        "lying": branches.project(", ".join([*TABLE, "agency_id", "unit_id", "only_region_id"])).distinct(),
        "published": dbt.ref("stg_ledger__published"),
        "sharing": dbt.ref("int_sharing__decided"),
    }
    hidden = partial(
        suppressed,
        metrics=read(dbt.ref("stg_methodology__metrics")),
        units=columns_by_type(),
        minimum_n=thresholds["minimum_n"],
        owner_n=thresholds["owner_n"],
    )
    return by_period(dbt.ref("int_periods__pending"), tables, hidden, COLUMNS, protects=True)
