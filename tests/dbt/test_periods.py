"""Which periods' scores a build recomputes, and that the others stay untouched and correct.

Belongs here: `int_periods__pending` and `int_periods__built`, and the key that makes a build recompute all of them. Does not
belong here: slices, the same for cells (`test_slices`), and whole runs in any order of deliveries (`tests/pipeline`).
"""

import json
from typing import Any

import duckdb
import pytest

from miyar.workspace import Workspace
from warehouse.dbt_runner import DBT, LIGHT, kept_by_period, prepare_manifest, run_dbt

PENDING = "select period_id from intermediate.int_periods__pending order by 1"
ALL = "select distinct period_id from core.fct_slices where status = 'live' order by 1"
BUILT = "select period_id, period_version from intermediate.int_periods__built order by 1"


def _query(workspace: Workspace, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(workspace.warehouse)) as connection:
        return connection.execute(sql).fetchall()


def _build(workspace: Workspace, *select: str) -> None:
    # The views of a copied warehouse still read the lake it was built from, so they are rebuilt first.
    results = list(run_dbt(workspace, ["path:models/staging", *select], "run"))
    assert results and not [result for result in results if result.failed]


def test_every_model_by_period_is_waited_for() -> None:
    """A period is noted as built after all of them, or a stopped build would be taken for a whole one."""
    kept = kept_by_period()
    noted = (DBT / "models" / "intermediate" / "scores" / "int_periods__built.sql").read_text("utf-8")
    assert {"int_scores__estimated", "int_trends__estimated", "bench_scores"} < set(kept)
    assert {name for name in kept if f"-- depends_on: {{{{ ref('{name}') }}}}" not in noted} == set()


def test_every_model_by_period_is_kept_as_one() -> None:
    """dbt takes a Python model's materialization from its own file only; any other would lose the periods that are kept."""
    nodes = json.loads(prepare_manifest().read_text("utf-8"))["nodes"]
    stored = {
        node["name"]: node["config"]["materialized"] for node in nodes.values() if node["resource_type"] == "model"
    }
    assert {stored[name] for name in kept_by_period()} == {"by_period"}


def test_nothing_is_pending_after_a_build(workspace_copy: Workspace) -> None:
    _build(workspace_copy, "int_periods__pending")
    assert _query(workspace_copy, PENDING) == []
    periods = _query(workspace_copy, ALL)
    assert [row[:1] for row in _query(workspace_copy, BUILT)] == periods


@pytest.mark.parametrize("change", ["changed", "withdrawn", "stopped"])
def test_a_period_and_all_after_it_are_pending(workspace_copy: Workspace, change: str) -> None:
    periods = [row[0] for row in _query(workspace_copy, BUILT)]
    _build(workspace_copy, "int_periods__pending")
    third = periods[2]
    with duckdb.connect(str(workspace_copy.warehouse)) as connection:
        if change == "stopped":
            # A build that started the period from other slices and stopped before noting it.
            connection.execute("insert into intermediate.int_periods__pending values (?, 'another', 0)", [third])
            connection.execute("delete from intermediate.int_periods__built where period_id = ?", [third])
        else:
            # Its cells have changed or are gone.
            version = {"changed": "another", "withdrawn": "withdrawn"}[change]
            connection.execute(
                "update intermediate.int_slices__built set slice_version = ? where slice_id in "
                "(select slice_id from core.fct_slices where period_id = ?)",
                [version, third],
            )
    _build(workspace_copy, "int_periods__pending")
    assert [row[0] for row in _query(workspace_copy, PENDING)] == periods[2:]


def test_why_something_is_missing_makes_a_period_pending(workspace_copy: Workspace) -> None:
    """No slice was rebuilt, yet what the period's rows say about absence no longer holds."""
    periods = [row[0] for row in _query(workspace_copy, BUILT)]
    ledger = workspace_copy.lake / "slices.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create table slices as select * from read_parquet('{ledger}')")
        connection.execute(
            "update slices set status = 'contested' where slice_id = "
            "(select min(slice_id) from slices where status = 'live' and period_id = ?)",
            [periods[1]],
        )
        connection.execute(f"copy slices to '{ledger}' (format parquet)")
    _build(workspace_copy, "int_grid__expected", "int_periods__pending")
    assert [row[0] for row in _query(workspace_copy, PENDING)] == periods[1:]


@pytest.mark.parametrize("table", ["intermediate.int_scores__estimated", "benchmarks.bench_scores"])
def test_only_pending_periods_are_made_again(workspace_copy: Workspace, table: str) -> None:
    """Marked rows of earlier periods keep their mark; the pending one's are the same, and no row is duplicated."""
    last = _query(workspace_copy, BUILT)[-1][0]
    rows = f"select * exclude (slice_ids) from {table} order by all"
    before = _query(workspace_copy, rows)
    with duckdb.connect(str(workspace_copy.warehouse)) as connection:
        connection.execute(f"update {table} set slice_ids = 'marked'")
        connection.execute("delete from intermediate.int_periods__built where period_id = ?", [last])
    _build(workspace_copy, *LIGHT)
    marked = f"select distinct period_id, coalesce(slice_ids = 'marked', false) from {table} order by 1"
    assert dict(_query(workspace_copy, marked)) == {row[0]: row[0] != last for row in _query(workspace_copy, BUILT)}
    assert len(before) > 10
    assert _query(workspace_copy, rows) == before


def test_a_period_made_alone_is_what_it_was_among_all(workspace_copy: Workspace) -> None:
    """Every table that is kept, also those that look back: contacts whose window began earlier, accounts, changes."""
    positions = "select table_name, schema_name from duckdb_tables() order by 1"
    schemas = {name: schema for name, schema in _query(workspace_copy, positions) if name in kept_by_period()}
    rows = {name: f"select * from {schema}.{name} order by all" for name, schema in schemas.items()}
    before = {name: _query(workspace_copy, sql) for name, sql in rows.items()}
    last = _query(workspace_copy, BUILT)[-1][0]
    with duckdb.connect(str(workspace_copy.warehouse)) as connection:
        connection.execute("delete from intermediate.int_periods__built where period_id = ?", [last])
    _build(workspace_copy, *LIGHT)
    assert _query(workspace_copy, "select period_id from intermediate.int_periods__pending") == [(last,)]
    assert set(before) == set(kept_by_period())
    looking_back = ("int_contacts__followed", "int_expectation__estimated", "int_trends__estimated")
    assert all(any(last in row for row in before[name]) for name in looking_back)
    assert [name for name, sql in rows.items() if _query(workspace_copy, sql) != before[name]] == []


def test_periods_made_in_batches_are_those_made_together(workspace_copy: Workspace) -> None:
    """A ledger with as many rows as a country's puts every period into its own batch; the tables stay the same."""
    tables = (
        "intermediate.int_answers__by_unit",
        "intermediate.int_contacts__followed",
        "intermediate.int_scores__chosen",
        "benchmarks.bench_scores",
    )
    before = [_query(workspace_copy, f"select * from {table} order by all") for table in tables]
    ledger = workspace_copy.lake / "slices.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create table slices as select * replace (2000000 as rows) from read_parquet('{ledger}')")
        connection.execute(f"copy slices to '{ledger}' (format parquet)")
    (workspace_copy.root / "warehouse" / "scores.key").unlink()
    _build(workspace_copy, *LIGHT)
    batches = _query(workspace_copy, "select batch, count(*) from intermediate.int_periods__pending group by all")
    assert len(batches) > 1 and {count for _, count in batches} == {1}
    assert [_query(workspace_copy, f"select * from {table} order by all") for table in tables] == before
    assert all(before)


def test_a_model_that_cannot_be_written_keeps_what_it_had(workspace_copy: Workspace) -> None:
    """Rows of a period are deleted and inserted in one transaction, in Python models too."""
    rows = "select unit_id, metric_id, period_id, n, score from intermediate.int_scores__estimated order by all"
    last = _query(workspace_copy, BUILT)[-1][0]
    with duckdb.connect(str(workspace_copy.warehouse)) as connection:
        connection.execute("alter table intermediate.int_scores__estimated drop column interval_method")
        connection.execute("delete from intermediate.int_periods__built where period_id = ?", [last])
    before = _query(workspace_copy, rows)
    select = ["path:models/staging", "int_periods__pending", "int_scores__estimated"]
    failed = [result.unique_id for result in run_dbt(workspace_copy, select, "run") if result.failed]
    assert failed == ["model.miyar.int_scores__estimated"]
    assert _query(workspace_copy, PENDING) == [(last,)]
    assert _query(workspace_copy, rows) == before and any(row[2] == last for row in before)


def test_another_method_makes_every_period_anew(workspace_copy: Workspace) -> None:
    key = workspace_copy.root / "warehouse" / "scores.key"
    assert key.is_file()
    key.write_text("another", "utf-8")
    _build(workspace_copy, "int_periods__pending")
    assert _query(workspace_copy, PENDING) == _query(workspace_copy, ALL)
    # Nothing claims that the scores are complete while they are not.
    assert not key.is_file()
