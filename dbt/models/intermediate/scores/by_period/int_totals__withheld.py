"""Which totals of agencies no reader is shown, for what they would tell beside other figures, by `methodology.total_sharing`.

Belongs here: which tables the decision uses. Does not belong here: the decision (`methodology`), totals of few agencies and
beside regions (`int_trends__estimated`).
"""

from functools import partial

import pyarrow as pa

from methodology.contributors import AMOUNTS, UNIT
from methodology.total_sharing import COLUMNS, withheld_totals
from miyar.lookback import inner_join
from miyar.relations import Dbt, by_period, read, thresholds_of

SHOWN = """
    agency_id, metric_id, period_id, compared_instrument_id as instrument_id, comparison_class, national_class,
    instrument_id = compared_instrument_id as is_native, comparability_reason is null and has_peers as in_group,
    national_reason is null and has_national_peers as in_nation"""


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    shown = dbt.ref("int_comparability__gated").project(SHOWN)
    places = inner_join(
        dbt.ref("int_contributors__counted"),
        dbt.ref("int_sharing__decided").filter("is_shared"),
        UNIT,
        {"left": [*UNIT, "contributor_id", *AMOUNTS], "right": []},
    )
    tables = {
        "members": dbt.ref("int_members__counted"),
        "before": dbt.ref("stg_ledger__contributed"),
        "shown": shown,
        "places": places,
    }
    decided = partial(
        withheld_totals,
        metrics=read(dbt.ref("stg_methodology__metrics")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    return by_period(dbt.ref("int_periods__pending"), tables, decided, COLUMNS, protects=True)
