"""Which slices a build recomputes, and that the cells follow: on a copy of a built warehouse with its ledger changed.

Belongs here: `int_slices__pending` and `int_slices__built`, which compare the ledger with the warehouse's content and so cannot
be dbt unit tests. Does not belong here: how the ledger decides (`tests/ingestion`).
"""

from typing import Any

import duckdb
import pytest

from miyar.workspace import Workspace
from warehouse.dbt_runner import cells_key, run_dbt

PENDING = (
    "select slice_id, submission_id, delivery_rank, slice_version from intermediate.int_slices__pending order by all"
)


def _query(workspace: Workspace, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(workspace.warehouse)) as connection:
        return connection.execute(sql).fetchall()


def _change_ledger(workspace: Workspace, select: str) -> None:
    """Rewrite `slices.parquet` from a query over its rows."""
    path = workspace.lake / "slices.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create table slices as select * from read_parquet('{path}')")
        connection.execute(f"copy ({select}) to '{path}' (format parquet)")


def _build(workspace: Workspace, *select: str) -> None:
    # The views of a copied warehouse still read the lake it was built from, so they are rebuilt first.
    results = list(run_dbt(workspace, ["path:models/staging/lake", *select], "run"))
    assert results and not [result for result in results if result.failed]


@pytest.fixture
def slices(workspace_copy: Workspace) -> list[str]:
    """Ids of three live survey slices, in order."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select distinct slice_id from read_parquet('{workspace_copy.lake}/slices.parquet') "
            "where feed = 'survey_responses' and status = 'live' order by 1 limit 3"
        ).fetchall()
    assert len(rows) == 3
    return [row[0] for row in rows]


def test_nothing_is_pending_after_a_build(workspace_copy: Workspace) -> None:
    _build(workspace_copy, "int_slices__pending")
    assert _query(workspace_copy, PENDING) == []
    assert _query(workspace_copy, "select distinct build_key from intermediate.int_slices__built") == [
        (cells_key(workspace_copy),)
    ]


def test_changed_new_and_withdrawn_slices_are_pending(workspace_copy: Workspace, slices: list[str]) -> None:
    changed, gone, contested = slices
    _change_ledger(
        workspace_copy,
        f"""select * replace (
                case when slice_id = '{changed}' then 'another' else slice_version end as slice_version,
                case when slice_id = '{contested}' then 'contested' else status end as status
            )
            from slices where slice_id <> '{gone}'
            union all by name
            select 'survey_responses|new|2099Q1' as slice_id, 'survey_responses' as feed, 'new' as agency_id,
                '2099Q1' as period_id, 'p' as provider_id, 's' as submission_id, 1 as delivery_rank, 'live' as status,
                0 as rows, 'first' as slice_version""",
    )
    _build(workspace_copy, "int_slices__pending")
    found = {row[0]: row for row in _query(workspace_copy, PENDING)}
    assert set(found) == {changed, gone, contested, "survey_responses|new|2099Q1"}
    assert found[changed][3] == "another"
    # A slice that nobody delivers any more is emptied, and so is one that two providers claim.
    assert found[gone][1:] == (None, None, "withdrawn")
    assert found[contested][1:] == (None, None, "withdrawn")
    assert found["survey_responses|new|2099Q1"][1:] == ("s", 1, "first")


def test_a_withdrawn_slice_empties_and_returns(workspace_copy: Workspace, slices: list[str]) -> None:
    count = f"select count(*), sum(asked_count) from intermediate.int_survey__cells where slice_id = '{slices[0]}'"
    others = f"select count(*), sum(asked_count) from intermediate.int_survey__cells where slice_id <> '{slices[0]}'"
    before, rest = _query(workspace_copy, count), _query(workspace_copy, others)
    assert before[0][0] > 0
    ledger = workspace_copy.lake / "slices.parquet"
    original = ledger.read_bytes()
    _change_ledger(workspace_copy, f"select * from slices where slice_id <> '{slices[0]}'")
    _build(workspace_copy, "int_slices__pending+1", "int_slices__built")
    assert _query(workspace_copy, count) == [(0, None)]
    assert _query(workspace_copy, others) == rest
    built = (
        f"select count(*) from intermediate.int_slices__built where slice_id = '{slices[0]}' "
        "and slice_version <> 'withdrawn'"
    )
    assert _query(workspace_copy, built) == [(0,)]
    ledger.write_bytes(original)
    _build(workspace_copy, "int_slices__pending+1", "int_slices__built")
    assert _query(workspace_copy, count) == before
    assert _query(workspace_copy, others) == rest
    assert _query(workspace_copy, built) == [(1,)]
