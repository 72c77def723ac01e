"""Survey scores weighted to the population frame, with Taylor errors, by `methodology.weighted_scores`.

Belongs here: which answers and cells are read, and how a cell is named. Does not belong here: the scores (`methodology`), the
factors (`int_weights__estimated`) and which score is compared (`int_scores__chosen`).
"""

from functools import partial

import pyarrow as pa

from methodology.frame_weights import CELL, DRAW
from methodology.weighted_scores import ASKED, BUNCH, COLUMNS, ITEM, SUMS, weighted_scores
from miyar.lookback import inner_join, numbered
from miyar.relations import Dbt, by_period, read, thresholds_of
from miyar.unit_types import framed_parts


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    # Names of draws and cells are many and long, so they stay in the warehouse; a cell that can be weighted gets a number.
    framed = dbt.ref("int_weights__estimated").filter("frame_status = 'framed'")
    weights = numbered(framed, "cell", within="period_id", by=[*DRAW, *CELL])
    columns = {"left": ["period_id", *ITEM, *SUMS], "right": ["cell"]}
    drawn = ["period_id", *ITEM, *BUNCH, "branch_share", *ASKED, *SUMS]
    tables = {
        "answers": inner_join(dbt.ref("int_respondents__by_frame"), weights, [*DRAW, *CELL], columns),
        "clusters": inner_join(
            dbt.ref("int_clusters__by_frame"), weights, [*DRAW, *CELL], {"left": drawn, "right": ["cell"]}
        ),
        "weights": weights,
        "statistics": dbt.ref("int_statistics__by_unit").filter("unit_type = 'region'"),
    }
    estimators = read(dbt.ref("stg_methodology__metrics")).set_index("metric_id")["estimator"]
    limits = thresholds_of(dbt.ref("stg_methodology__thresholds"))
    made = partial(weighted_scores, estimators=estimators, parts=framed_parts(), level=limits["interval_level"])
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)
