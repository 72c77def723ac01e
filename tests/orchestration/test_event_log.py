"""The event log that keeps its connections writes what Dagster's own class reads, and leaves an operator's storage alone.

Does not belong here: what runs are started and closed (`tests/pipeline`).
"""

from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage

from dagster_project.event_log import KeptEngines
from dagster_project.instance import open_instance


@dg.asset
def counted() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset_check(asset=counted)
def has_rows() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def _run(instance: dg.DagsterInstance) -> str:
    job = dg.Definitions(assets=[counted], asset_checks=[has_rows], jobs=[dg.define_asset_job("all")]).resolve_job_def(
        "all"
    )
    result = job.execute_in_process(instance=instance)
    assert result.success
    return result.run_id


def test_dagsters_own_class_reads_the_same_events(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        assert isinstance(instance.event_log_storage, KeptEngines)
        first, second = _run(instance), _run(instance)
        expected = {run: instance.all_logs(run) for run in (first, second)}
    assert all(len(events) > 10 for events in expected.values())
    # As the web server and the daemon open the folder.
    with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as other:
        assert type(other.event_log_storage) is SqliteEventLogStorage
        assert {run: other.all_logs(run) for run in expected} == expected
        event = other.get_latest_materialization_event(counted.key)
        assert event is not None and event.run_id == second
        third = _run(other)
    with open_instance(tmp_path) as instance:
        event = instance.get_latest_materialization_event(counted.key)
        assert event is not None and event.run_id == third


def test_connections_end_with_the_instance(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        _run(instance)
    # The last connection of a file writes SQLite's log of changes back and takes it away.
    assert list((tmp_path / "dagster" / "history" / "runs").glob("*.db"))
    assert not list((tmp_path / "dagster" / "history" / "runs").glob("*-wal"))


def test_an_operators_own_storage_stays(tmp_path: Path) -> None:
    folder = tmp_path / "dagster"
    folder.mkdir()
    storage = f"storage:\n  sqlite:\n    base_dir: {tmp_path / 'elsewhere'}\n"
    pools = "concurrency:\n  pools:\n    granularity: run\n"
    (folder / "dagster.yaml").write_text(storage + pools, "utf-8")
    with open_instance(tmp_path) as instance:
        assert type(instance.event_log_storage) is SqliteEventLogStorage
        _run(instance)
    assert list((tmp_path / "elsewhere").rglob("*.db"))
