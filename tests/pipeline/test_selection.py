"""Selecting one asset in Dagster builds just that asset; results arrive while dbt works; a stopped run stops.

Belongs here: selections and the stream of results. Does not belong here: what models compute.
"""

from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_project.definitions import define
from dagster_project.instance import open_instance
from dagster_project.resources import RunInputs
from warehouse.dbt_runner import run_dbt
from warehouse.marks import Marks


def _materialize(micro: Any, *keys: str, name: str = "build") -> dg.ExecuteInProcessResult:
    # Dagster resolves definitions with the instance that was open last in the process, which must not be gone.
    with open_instance(micro.root) as instance:
        job = define(RunInputs(micro.root)).resolve_job_def(name)
        return job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(key.split("/")) for key in keys] or None,
            raise_on_error=False,
        )


def _made(result: dg.ExecuteInProcessResult) -> list[str]:
    return sorted(
        event.asset_key.to_user_string()
        for event in result.all_events
        if event.event_type_value == "ASSET_MATERIALIZATION" and event.asset_key
    )


@pytest.mark.parametrize("key", ["core/dim_metrics", "intermediate/int_survey__cells"])
def test_one_asset_is_made_and_no_other(built: Any, key: str) -> None:
    before = Marks(built.workspace).read("built")
    result = _materialize(built, key)
    assert result.success and _made(result) == [key]
    checks = {e.asset_key for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"}
    assert {found.to_user_string() for found in checks if found} <= {key}
    # The other assets may be out of date now, so the next run checks everything again.
    assert before and Marks(built.workspace).read("built") == ""
    built.build()
    assert built.publish(reason="after a part").is_new is False


@pytest.mark.parametrize(
    "check",
    [
        # A test of a table, and a statement about several, which dbt attaches to no model.
        dg.AssetCheckKey(dg.AssetKey(["core", "dim_metrics"]), "keys_of_dim_metrics"),
        dg.AssetCheckKey(
            dg.AssetKey(["benchmarks", "bench_suppression_proofs"]), "assert_no_hidden_count_can_be_worked_out"
        ),
    ],
    ids=lambda check: check.name,
)
def test_a_check_alone_is_asked_alone(built: Any, check: dg.AssetCheckKey) -> None:
    job = dg.define_asset_job("only", dg.AssetSelection.checks(check))
    with open_instance(built.root) as instance:
        definitions = dg.Definitions.merge(define(RunInputs(built.root)), dg.Definitions(jobs=[job]))
        result = definitions.resolve_job_def("only").execute_in_process(instance=instance, raise_on_error=False)
    assert result.success and _made(result) == []
    assert _asked(result) == {check}


def test_every_declared_check_is_answered(built: Any) -> None:
    built.withdraw(built.a04_q4)
    result = _materialize(built)
    with open_instance(built.root):
        graph = define(RunInputs(built.root)).resolve_asset_graph()
    assert result.success
    assert {key for key in graph.asset_check_keys if key.asset_key.path[0] != "lake"} == _asked(result)


def _asked(result: dg.ExecuteInProcessResult) -> set[dg.AssetCheckKey]:
    return {
        event.asset_check_evaluation_data.asset_check_key
        for event in result.all_events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
    }


def test_a_note_of_what_was_made_is_not_made_alone(built: Any) -> None:
    """Built alone, the record would claim that pending slices had become cells."""
    result = _materialize(built, "intermediate/int_slices__built")
    assert not result.success and _made(result) == []
    assert "int_slices__built" in str(result.all_events[-2:]) or any(
        "materialize the whole group" in str(event) for event in result.all_events
    )


def test_scores_of_older_cells_are_not_taken_for_todays(built: Any) -> None:
    built.withdraw(built.a04_q4)
    above = [
        f"{schema}/{name}"
        for schema, name in duckdb.connect(str(built.workspace.warehouse), read_only=True)
        .execute("select schema_name, table_name from duckdb_tables() where schema_name in ('benchmarks', 'core')")
        .fetchall()
    ]
    _materialize(built, *above)
    assert Marks(built.workspace).read("built") == ""


def test_results_come_while_dbt_works_and_who_stops_taking_them_stops_it(built: Any) -> None:
    results = run_dbt(built.workspace, command="run")
    first = next(results)
    assert not first.failed
    results.close()
    # Only a few models ran before the stop, and the file is free again.
    with duckdb.connect(str(built.workspace.warehouse)) as connection:
        assert connection.execute("select count(*) from core.dim_metrics").fetchone() != (0,)
    whole = list(run_dbt(built.workspace, command="run"))
    assert len(whole) > 100 and not [result for result in whole if result.failed]


def test_an_interrupt_between_results_ends_the_run_and_frees_the_warehouse(built: Any) -> None:
    results = run_dbt(built.workspace, command="run")
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    duckdb.connect(str(built.workspace.warehouse)).close()
