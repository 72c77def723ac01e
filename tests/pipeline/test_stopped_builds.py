"""Builds that were stopped, once or twice, and what is published afterwards: never a version that nobody delivers any more.

Belongs here: interrupts between models, withdrawals on the way, a step that fails half way. Does not belong here: killed
processes (`test_killed`), selections (`test_selection`).
"""

from contextlib import suppress
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_project.definitions import define
from dagster_project.instance import open_instance
from dagster_project.resources import RunInputs
from ingestion.slices import write_slices
from ingestion.submission_ledger import read_accounts
from miyar.errors import MiyarError
from warehouse.dbt_runner import run_dbt
from warehouse.inputs import Inputs
from warehouse.marks import Marks
from warehouse.snapshots import write_snapshots

THREADS = 2
SHOWN = "from bench_scores order by all"


def _write_inputs(micro: Any) -> None:
    inputs = Inputs.read(micro.workspace)
    write_slices(micro.workspace, inputs.accounts, inputs.contracts)
    write_snapshots(inputs)


def _stop_after(micro: Any, name: str) -> None:
    """A build that is interrupted right after one model."""
    _write_inputs(micro)
    results = run_dbt(micro.workspace, command="run")
    for result in results:
        if result.name == name:
            results.close()
            return
    raise AssertionError(f"there is no model {name}")


def _corrected(micro: Any) -> str:
    """Another delivery for a slice that was built, received."""
    path = "a04/survey_responses/2025Q4_2026-01-19.csv"
    rows = [{**row, "id": f"x{n}", "overall": 1} for n, row in enumerate(micro.rows(micro.a04_q4))]
    micro.write(path, micro.as_csv(rows))
    micro.receive()
    return path


def _build(micro: Any, *keys: str) -> dg.ExecuteInProcessResult:
    with open_instance(micro.root) as instance:
        return (
            define(RunInputs(micro.root))
            .resolve_job_def("build")
            .execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(key.split("/")) for key in keys] or None,
                raise_on_error=False,
            )
        )


def _rebuilt(micro: Any) -> None:
    micro.build()
    micro.publish(reason="withdrawn again")


def test_two_stopped_builds_leave_the_cells_of_neither(built: Any) -> None:
    """The correction's cells, a stop; back to the delivery before, a stop as soon as that is pending."""
    before, shown = built.cells()["int_survey__cells"], built.edition(SHOWN)
    path = _corrected(built)
    _stop_after(built, "int_survey__cells")
    assert built.cells()["int_survey__cells"] != before
    built.withdraw(path)
    _write_inputs(built)
    assert [one.failed for one in run_dbt(built.workspace, ["int_slices__pending"], only=True)] == [False]
    _rebuilt(built)
    assert built.cells()["int_survey__cells"] == before
    assert built.edition(SHOWN) == shown


def test_two_stopped_builds_publish_the_scores_of_neither(built: Any) -> None:
    shown = built.edition(SHOWN)
    path = _corrected(built)
    _stop_after(built, "int_scores__estimated")
    built.withdraw(path)
    _stop_after(built, "int_periods__pending")
    _rebuilt(built)
    assert built.edition(SHOWN) == shown


def test_what_is_pending_made_alone_forgets_no_stopped_build(built: Any) -> None:
    """One click in Dagster."""
    shown = built.edition(SHOWN)
    path = _corrected(built)
    _stop_after(built, "int_scores__estimated")
    built.withdraw(path)
    _write_inputs(built)
    built.build(["fqn:miyar.staging.lake", "fqn:miyar.intermediate.cells"])
    assert _build(built, "intermediate/int_periods__pending").success
    _rebuilt(built)
    assert built.edition(SHOWN) == shown


def test_a_stop_drops_what_is_queued(built: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import dbt.task.base as base

    started: list[str] = []
    compile_and_execute = base.BaseRunner.compile_and_execute

    def counted(self: Any, manifest: Any, context: Any) -> Any:
        started.append(self.node.name)
        return compile_and_execute(self, manifest, context)

    monkeypatch.setattr(base.BaseRunner, "compile_and_execute", counted)
    _write_inputs(built)
    results = run_dbt(built.workspace, command="run")
    next(result for result in results if result.name == "int_slices__pending")
    at_stop = len(started)
    results.close()
    # What the workers had in hand already.
    assert len(started) - at_stop <= THREADS, started[at_stop:]
    duckdb.connect(str(built.workspace.warehouse)).close()


def test_a_withdrawal_reaches_a_build_of_the_daemon(built: Any) -> None:
    """It stands in the account alone until a build reads it."""
    built.withdraw(built.a04_q4)
    assert _build(built).success
    assert Marks(built.workspace).read("built") == Inputs.read(built.workspace).hash
    left = "select count(*) from intermediate.int_survey__cells where agency_id = 'a04' and period_id = '2025Q4'"
    assert built.sql(left) == [(0,)]


def test_a_failed_model_is_named_once_and_nothing_after_it_is_made(built: Any) -> None:
    built.withdraw(built.a04_q4)
    with duckdb.connect(str(built.workspace.warehouse)) as connection:
        # Its insert fails on a column of another type.
        connection.execute("alter table intermediate.int_scores__estimated drop column n")
        connection.execute("alter table intermediate.int_scores__estimated add column n date")
    result = _build(built)
    assert not result.success
    made = [
        e.asset_key.path[-1] for e in result.all_events if e.event_type_value == "ASSET_MATERIALIZATION" and e.asset_key
    ]
    assert len(made) == len(set(made)) and not {"bench_scores", "int_scores__estimated"} & set(made)
    (failure,) = [str(event) for event in result.all_events if event.is_step_failure]
    assert "int_scores__estimated (error)" in failure and "bench_scores (skipped)" in failure
    assert Marks(built.workspace).read("built") == ""


def test_scores_alone_are_no_first_build(micro: Any) -> None:
    micro.land()
    micro.receive()
    assert not _build(micro, "core/dim_metrics").success
    assert Marks(micro.workspace).read("built") == ""
    _rebuilt(micro)
    assert micro.edition("select count(*) > 0 from bench_scores") == [(True,)]


def test_places_in_the_order_of_arrival_are_given_once_though_a_feed_fails(
    micro: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts that a failed step has written stand on disk; the steps after it must not give their places away again."""
    import expectations.intake as intake

    micro.land()
    account_for, feeds = intake._Reader.account_for, list[str]()

    def failing(reader: Any, delivery: Any, outcome: Any) -> Any:
        made = account_for(reader, delivery, outcome)
        feeds.append(delivery.contract.feed)
        if feeds[-1] == feeds[0]:
            raise OSError("the disk was full for a moment")
        return made

    monkeypatch.setattr(intake._Reader, "account_for", failing)
    with suppress(MiyarError):  # a step is tried again, and may come through
        micro.run()
    places = [account.sequence for account in read_accounts(micro.workspace)]
    assert len(set(feeds)) > 1 and len(set(places)) == len(places)
