"""Survey scores weighted to the population frame, with Taylor errors, by `methodology.weighted_scores`.

Belongs here: which answers and cells are read, and how a cell is named. Does not belong here: the scores (`methodology`), the
factors (`int_weights__estimated`) and which score is compared (`int_scores__chosen`).
"""

from functools import partial

import duckdb
import pyarrow as pa

from methodology.frame_weights import CELL, DRAW
from methodology.weighted_scores import COLUMNS, ITEM, SUMS, weighted_scores
from miyar.relations import Dbt, by_period, read, thresholds


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    weights = _numbered(dbt.ref("int_weights__estimated"))
    tables = {
        "answers": _placed(dbt.ref("int_respondents__by_frame"), weights),
        "weights": weights,
        "statistics": dbt.ref("int_statistics__by_unit").filter("unit_type = 'region'"),
    }
    estimators = read(dbt.ref("stg_methodology__metrics")).set_index("metric_id")["estimator"]
    limits = thresholds(dbt.ref("stg_methodology__thresholds"))
    made = partial(weighted_scores, estimators=estimators, level=limits["interval_level"])
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)


def _numbered(weights: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Cells that can be weighted, each with its row within its period: draw after draw."""
    order = f"row_number() over (partition by period_id order by {', '.join([*DRAW, *CELL])}) - 1"
    return weights.filter("frame_status = 'framed'").project(f"*, {order} as cell")


def _placed(answers: duckdb.DuckDBPyRelation, weights: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Sums of each item by the number of their cell: names of draws and cells are many and long, and stay in the warehouse."""
    columns = [f"answers.{name}" for name in ["period_id", *ITEM, *SUMS]]
    same = " and ".join(f"answers.{name} = weights.{name}" for name in [*DRAW, *CELL])
    joined = answers.set_alias("answers").join(weights.set_alias("weights"), same)
    return joined.project(", ".join([*columns, "weights.cell"]))
