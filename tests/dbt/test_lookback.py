"""Reading from the first pending period backwards: which rows, in which batches, with which numbers.

Belongs here: `miyar.lookback`. Does not belong here: a period's own rows (`test_relations`), what models compute.
"""

from collections.abc import Iterator
from typing import Any

import duckdb
import pandas as pd
import pytest

from miyar.lookback import QUARTER, Batches, Reading, inner_join, number_of, numbered, since_pending
from miyar.periods import index_of

ROWS = """(values ('2024Q4', 'a', 1), ('2025Q1', 'a', 2), ('2025Q3', 'a', 3), ('2025Q4', 'a', 4), ('2025Q4', 'b', 5),
    ('2025Q4', 'c', 6)) as t(period_id, metric_id, n)"""
COLUMNS = {"metric_id": "string", "total": "float64"}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def _pending(connection: duckdb.DuckDBPyConnection, *periods: str) -> duckdb.DuckDBPyRelation:
    return connection.from_df(pd.DataFrame({"period_id": pd.Series(periods, dtype="str")}))


def _since(connection: duckdb.DuckDBPyConnection, rows: int | None, *periods: str) -> tuple[list[Any], Any]:
    seen: list[Any] = []

    def make(now: pd.DataFrame, earlier: pd.DataFrame, since: int) -> pd.DataFrame:
        seen.append((sorted(now["n"]), sorted(earlier["n"]), since))
        return now.groupby("metric_id", as_index=False)["n"].sum().rename(columns={"n": "total"})

    table = connection.sql(f"select * from {ROWS}")
    readings = {
        "now": Reading(table, ["metric_id", "n"], "period_id >= '{pending}'"),
        "earlier": Reading(table, ["n", QUARTER], "period_id = '{before}' or period_id = '{year}'"),
    }
    batches = None if rows is None else Batches("metric_id", rows, ["now"])
    return seen, since_pending(_pending(connection, *periods), readings, make, COLUMNS, batches)


def test_rows_from_the_first_pending_period_on_and_before_it(connection: duckdb.DuckDBPyConnection) -> None:
    seen, made = _since(connection, None, "2025Q4", "2026Q1")
    assert seen == [([4, 5, 6], [1, 3], index_of("2025Q4"))]
    assert made.to_pydict() == {"metric_id": ["a", "b", "c"], "total": [4.0, 5.0, 6.0]}


def test_a_batch_holds_whole_values(connection: duckdb.DuckDBPyConnection) -> None:
    seen, made = _since(connection, 2, "2025Q4")
    assert [(now, earlier) for now, earlier, _ in seen] == [([4, 5], [1, 3]), ([6], [])]
    assert made.to_pydict() == {"metric_id": ["a", "b", "c"], "total": [4.0, 5.0, 6.0]}


def test_nothing_pending_is_no_row(connection: duckdb.DuckDBPyConnection) -> None:
    seen, made = _since(connection, None)
    assert (seen, made.to_pydict()) == ([], {"metric_id": [], "total": []})


def test_numbers_of_rows_and_of_values(connection: duckdb.DuckDBPyConnection) -> None:
    table = connection.sql(f"select * from {ROWS}")
    cells = numbered(table, "cell", within="period_id", by=["metric_id"])
    assert sorted(cells.project("n, cell").fetchall()) == [(1, 0), (2, 0), (3, 0), (4, 0), (5, 1), (6, 2)]
    both = inner_join(table, cells, ["period_id", "metric_id"], {"left": ["n"], "right": ["cell"]})
    assert sorted(both.fetchall()) == sorted(cells.project("n, cell").fetchall())
    quarters = table.project(f"period_id, {QUARTER}, {number_of('period_id', 'metric_id')} as key").fetchall()
    assert all(quarter == index_of(period) for period, quarter, _ in quarters)
    assert len({key for *_, key in quarters}) == 6 and min(key for *_, key in quarters) >= 0
