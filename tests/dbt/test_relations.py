"""Transfers between DuckDB and pandas change nothing.

Belongs here: `miyar.relations`. Does not belong here: what models compute.
"""

import duckdb
import pandas as pd
from pandas.testing import assert_frame_equal

from miyar.relations import by_period, equal, read, written

ROWS = """(values
    (1.25::decimal(12, 2), date '2026-01-31', 3::hugeint, null::integer, 'ا', null::boolean, null::bigint, 0.5),
    (null, null, 4, 7, null, true, 9, null)
) as rows(amount, day, wide, small, name, flag, number, share)"""


def test_a_table_is_read_as_duckdb_itself_would_hand_it_over() -> None:
    with duckdb.connect() as connection:
        relation = connection.sql(f"select * from {ROWS}")
        assert_frame_equal(read(relation), relation.df())


def test_frames_without_rows_can_be_joined() -> None:
    with duckdb.connect() as connection:
        frame = read(connection.sql(f"select name, amount from {ROWS} where false"))
    assert frame.merge(frame, on="name").empty


def test_what_is_written_is_read_back_and_nan_is_null() -> None:
    frame = pd.DataFrame({"name": ["a", None], "share": [float("nan"), 1.0], "count": [1, None], "unused": [1, 2]})
    table = written(frame, {"name": "string", "share": "float64", "count": "Int64"})
    assert table.to_pydict() == {"name": ["a", None], "share": [None, 1.0], "count": [1, None]}


def test_a_value_is_compared_and_never_read_as_sql() -> None:
    with duckdb.connect() as connection:
        relation = connection.sql("select unnest(['a', 'x'' or ''1'' = ''1']) as name")
        assert equal(relation, "name", "x' or '1' = '1").fetchall() == [("x' or '1' = '1",)]


def test_each_pending_period_is_made_by_itself() -> None:
    seen = []

    def make(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
        seen.append((set(first["period_id"]) | set(second["period_id"]), len(first), len(second)))
        return first.assign(total=first["n"].sum() + second["n"].sum())

    with duckdb.connect() as connection:
        pending = connection.sql(
            """select * from (values ('2026Q3', 'v'), ('2026Q2', 'v'), ('2026Q1', 'v'), ('2025Q4', 'withdrawn'))
            as periods(period_id, period_version)"""
        )
        first = connection.sql("select * from (values ('2026Q1', 1), ('2026Q2', 2), ('2024Q1', 9)) as t(period_id, n)")
        second = connection.sql("select * from (values ('2026Q2', 10)) as t(period_id, n)")
        made = by_period(pending, {"first": first, "second": second}, make, {"period_id": "string", "total": "float64"})
    assert seen == [({"2026Q1"}, 1, 0), ({"2026Q2"}, 1, 1)]
    assert made.to_pydict() == {"period_id": ["2026Q1", "2026Q2"], "total": [1.0, 12.0]}
