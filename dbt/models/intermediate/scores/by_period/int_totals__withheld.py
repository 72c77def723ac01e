"""Which totals of agencies no reader is shown, for what they would tell beside other figures, by `methodology.total_sharing`.

Belongs here: which tables the decision uses. Does not belong here: the decision (`methodology`), totals of few agencies and
beside regions (`int_trends__estimated`).
"""

from functools import partial

import pyarrow as pa

from methodology.total_sharing import COLUMNS, withheld_totals
from miyar.relations import Dbt, by_period, read, thresholds_of

SHOWN = """
    agency_id, metric_id, period_id, compared_instrument_id as instrument_id, comparison_class, national_class,
    instrument_id = compared_instrument_id as is_native, comparability_reason is null and has_peers as in_group,
    national_reason is null and has_national_peers as in_nation"""


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    shown = dbt.ref("int_comparability__gated").project(SHOWN)
    before = dbt.ref("stg_ledger__contributed").filter("unit_type in ('national', 'peer_group')")
    tables = {"members": dbt.ref("int_members__counted"), "before": before, "shown": shown}
    decided = partial(
        withheld_totals,
        metrics=read(dbt.ref("stg_methodology__metrics")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    return by_period(dbt.ref("int_periods__pending"), tables, decided, COLUMNS, protects=True)
