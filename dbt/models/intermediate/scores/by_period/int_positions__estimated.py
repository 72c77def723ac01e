"""Each agency's position among its peers.

Belongs here: which tables positions are computed from. Does not belong here: the gate (`int_comparability__gated`), positions
themselves (`methodology.positions`) and the published table's columns (`bench_peer_positions`).
"""

from functools import partial

import pyarrow as pa

from methodology.positions import COLUMNS, positions
from miyar.relations import Dbt, by_period, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    tables = {
        "gated": dbt.ref("int_comparability__gated"),
        "reliability": dbt.ref("int_reliability__estimated").filter("unit_type = 'agency'"),
    }
    estimated = partial(positions, thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")))
    return by_period(dbt.ref("int_periods__pending"), tables, estimated, COLUMNS)
