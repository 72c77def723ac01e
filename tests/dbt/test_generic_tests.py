"""Every generic and singular test of the dbt project fails on a table broken on purpose: one that cannot fail is no check.

Belongs here: one spoiled table per check. Does not belong here: cases of models (`test_dbt_unit_tests`).
"""

from collections import Counter

import duckdb
import pytest
import yaml

from miyar import sql
from miyar.workspace import Workspace
from tests.conftest import CopyOfBuilt
from warehouse.dbt_runner import DBT, run_dbt

# A table that holds the same rows and refuses none.
UNCHECKED = "create or replace table benchmarks.bench_scores as from benchmarks.bench_scores;"
# Check -> (how to select it, SQL that breaks what it holds, the nodes that must fail).
BROKEN: dict[str, tuple[str, str, str]] = {
    "rows_are_conserved": (
        "test_name:rows_are_conserved",
        "update core.fct_submissions set accepted = accepted - 1 where submission_id = (select min(submission_id) "
        "from core.fct_submissions)",
        "rows_are_conserved_fct_submissions_",
    ),
    "keys_hold: once": (
        "keys_of_bench_scores",
        "insert into benchmarks.bench_scores select * replace ('another' as score_id) from benchmarks.bench_scores "
        "where instrument_id is null limit 1",
        "keys_of_bench_scores",
    ),
    "keys_hold: the last key": (
        "keys_of_bench_trends",
        "update benchmarks.bench_trends set trend_id = (select min(trend_id) from benchmarks.bench_trends)",
        "keys_of_bench_trends",
    ),
    "keys_hold: named": (
        "keys_of_bench_trends",
        "update benchmarks.bench_trends set metric_id = 'unheard of' where trend_id = (select min(trend_id) "
        "from benchmarks.bench_trends)",
        "keys_of_bench_trends",
    ),
    "unit_types_are_known": (
        "test_name:unit_types_are_known",
        # A branch is a unit, but administrative records are not counted for it.
        "update benchmarks.bench_complaints set unit_type = 'branch' where figure_id = (select min(figure_id) "
        "from benchmarks.bench_complaints)",
        "unit_types_are_known_bench_complaints_unit_type__records",
    ),
    "assert_cells_hold_every_accepted_answer": (
        "assert_cells_hold_every_accepted_answer",
        "delete from intermediate.int_survey__cells where rowid = (select min(rowid) from intermediate.int_survey__cells)",
        "assert_cells_hold_every_accepted_answer",
    ),
    "assert_respondents_hold_every_accepted_answer": (
        "assert_respondents_hold_every_accepted_answer",
        "delete from intermediate.int_respondents__cells "
        "where rowid = (select min(rowid) from intermediate.int_respondents__cells)",
        "assert_respondents_hold_every_accepted_answer",
    ),
    "assert_hidden_scores_show_nothing": (
        "assert_hidden_scores_show_nothing",
        f"{UNCHECKED} update benchmarks.bench_scores set n = 12 where score_id = (select min(score_id) "
        "from benchmarks.bench_suppression_proofs)",
        "assert_hidden_scores_show_nothing",
    ),
    "assert_no_hidden_count_can_be_worked_out": (
        "assert_no_hidden_count_can_be_worked_out",
        "update benchmarks.bench_suppression_proofs set is_proved = false where is_primary "
        "and score_id = (select min(score_id) from benchmarks.bench_suppression_proofs where is_primary)",
        "assert_no_hidden_count_can_be_worked_out",
    ),
}


def test_every_check_of_the_project_is_tried() -> None:
    generic = {path.stem for path in (DBT / "tests" / "generic").glob("*.sql")}
    singular = {path.stem for path in (DBT / "tests").glob("*.sql")}
    assert {name.split(":")[0] for name in BROKEN} == generic | singular


@pytest.fixture(scope="module")
def passing(copy_of_built: CopyOfBuilt) -> list[str]:
    """What passes while nothing is broken, with all checks run at once."""
    results = list(run_dbt(copy_of_built("whole"), [select for select, _, _ in BROKEN.values()], "test"))
    assert {result.status for result in results} == {"pass"}
    return [result.unique_id.split(".")[2] for result in results]


@pytest.mark.parametrize("check", sorted(BROKEN))
def test_a_broken_table_fails(check: str, passing: list[str], workspace_copy: Workspace) -> None:
    select, breaking, failing = BROKEN[check]
    assert any(name.startswith(failing) for name in passing)
    with duckdb.connect(str(workspace_copy.warehouse)) as connection:
        connection.execute(breaking)
    failed = [result for result in run_dbt(workspace_copy, [select], "test") if result.status == "fail"]
    assert [result.unique_id.split(".")[2].startswith(failing) for result in failed] == [True]


# Published table -> SQL that breaks what its rows may say; no such row is ever written.
REFUSED = {
    "bench_maturity": "update benchmarks.bench_maturity set score = 100.0001",
    "bench_scores": "update benchmarks.bench_scores set n = 12 where status = 'suppressed'",
    "bench_complaints": "update benchmarks.bench_complaints set status = 'unheard of'",
}


@pytest.mark.parametrize("table", sorted(REFUSED))
def test_no_table_takes_a_row_that_it_may_not_hold(table: str, workspace_copy: Workspace) -> None:
    """What one row may say is a constraint, checked as it is written, and asks no query of its own."""
    with duckdb.connect(str(workspace_copy.warehouse)) as connection:
        count = sql.count(connection, f"select count(*) from benchmarks.{table}")
        assert count > 0
        with pytest.raises(duckdb.ConstraintException, match="CHECK"):
            connection.execute(REFUSED[table])


def test_no_published_number_can_be_nan_or_infinite(built_workspace: Workspace) -> None:
    """Their types have no such values: a cast to them fails."""
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        found = connection.execute(
            "select count(*), count(*) filter (data_type in ('DOUBLE', 'FLOAT')) from information_schema.columns "
            "where table_schema in ('benchmarks', 'core')"
        ).fetchone()
        assert found is not None and found[0] > 500 and found[1] == 0
        for no_number in ("nan", "infinity", "-infinity"):
            with pytest.raises(duckdb.ConversionException):
                connection.execute(f"select cast('{no_number}'::double as decimal(12, 4))").fetchall()


def test_every_range_and_list_of_codes_is_checked_as_it_is_written(built_workspace: Workspace) -> None:
    """dbt drops a constraint silently where a materialization writes no table of its own."""
    declared = [
        model["name"]
        for path in DBT.glob("models/marts/**/*.yml")
        for model in (yaml.safe_load(path.read_text("utf-8")) or {}).get("models", [])
        for one in [*model.get("constraints", []), *(c for col in model["columns"] for c in col.get("constraints", []))]
        if one["type"] == "check"
    ]
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        found = connection.execute(
            "select table_name, count(*) from duckdb_constraints() where constraint_type = 'CHECK' group by all"
        ).fetchall()
    assert len(declared) > 100
    assert dict(found) == dict(Counter(declared))


def test_rows_that_fail_name_the_rule_and_the_key(workspace_copy: Workspace) -> None:
    with duckdb.connect(str(workspace_copy.warehouse)) as connection:
        connection.execute(
            "update benchmarks.bench_drivers set driver_metric_id = 'no metric' where driver_id is not null"
        )
        count = sql.count(connection, "select count(*) from benchmarks.bench_drivers")
    results = list(run_dbt(workspace_copy, ["keys_of_bench_drivers"], "test"))
    failed = [result for result in results if result.status == "fail"]
    assert len(failed) == 1 and count > 0
    with duckdb.connect(str(workspace_copy.warehouse), read_only=True) as connection:
        rows = connection.execute("from failures.keys_of_bench_drivers").fetchall()
    assert ("driver_metric_id: not among metric_id of dim_metrics", "no metric", count) in rows
