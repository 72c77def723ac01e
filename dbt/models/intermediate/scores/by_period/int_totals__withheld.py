"""Which totals of agencies no reader is shown, for what they would tell beside other figures, by `methodology.total_sharing`.

Belongs here: which tables the decision uses. Does not belong here: the decision (`methodology`), totals of few agencies and
beside regions (`int_trends__estimated`).
"""

from functools import partial

import pyarrow as pa

from methodology.total_sharing import COLUMNS, withheld_totals
from miyar.relations import Dbt, by_period, read, thresholds_of

MEANS = """
    gated.agency_id, gated.metric_id, gated.period_id, gated.compared_instrument_id as instrument_id, gated.comparison_class,
    gated.national_class, gated.instrument_id = gated.compared_instrument_id as is_native,
    gated.comparability_reason is null and gated.has_peers as in_group, gated.national_reason is null and gated.has_national_peers
    as in_nation, positions.peer_frame, isfinite(positions.peer_mean) as has_mean,
    isfinite(positions.national_peer_mean) as has_national_mean, isfinite(neighbours.neighbour_mean) as has_neighbour_mean"""
KEY = ["agency_id", "metric_id", "period_id", "instrument_id"]


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    gated = dbt.ref("int_comparability__gated").set_alias("gated")
    positions = dbt.ref("int_positions__estimated").set_alias("positions")
    neighbours = dbt.ref("int_neighbours__estimated").set_alias("neighbours")
    same = " and ".join(f"gated.{name} = positions.{name}" for name in KEY)
    also = " and ".join(f"gated.{name} = neighbours.{name}" for name in KEY)
    shown = gated.join(positions, same, how="left").join(neighbours, also, how="left").project(MEANS)
    before = dbt.ref("stg_ledger__contributed").filter("unit_type in ('national', 'peer_group')")
    tables = {"members": dbt.ref("int_members__counted"), "before": before, "shown": shown}
    decided = partial(
        withheld_totals,
        neighbours=read(dbt.ref("int_neighbours__found")),
        metrics=read(dbt.ref("stg_methodology__metrics")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    return by_period(dbt.ref("int_periods__pending"), tables, decided, COLUMNS, protects=True)
