"""What the sensor and the schedules request, and the pure helpers behind the runs."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.definitions import define
from dagster_project.partitions import range_tags
from dagster_project.resources import RunInputs
from miyar import unit_types
from miyar.registry import load_registry
from miyar.workspace import Workspace
from warehouse.dbt_runner import build_key, dbt_arguments, dbt_variables
from warehouse.source_code import code_hash


def test_range_tags_go_from_the_first_to_the_last() -> None:
    assert range_tags(["a", "c", "m"]) == {
        "dagster/asset_partition_range_start": "a",
        "dagster/asset_partition_range_end": "m",
    }


def test_two_hundred_new_files_are_one_run(centre: Path, tmp_path: Path) -> None:
    root = tmp_path / "centre"
    shutil.copytree(centre, root)
    source = next(path for path in sorted((root / "landing").rglob("*.csv")))
    for number in range(200):
        source.with_name(f"{source.stem}_{number}{source.suffix}").write_bytes(source.read_bytes() + b"\n" * number)
    sensor = define(RunInputs(root)).resolve_sensor_def("landing")
    with dg.instance_for_test() as instance, dg.build_sensor_context(instance=instance) as context:
        asked = sensor.evaluate_tick(context)
    (request,) = asked.run_requests or []
    assert request.run_key is not None and request.run_key.count("|") >= 199
    assert "dagster/asset_partition_range_start" in request.tags
    shutil.rmtree(root / "landing")
    (root / "landing").mkdir()
    with dg.instance_for_test() as instance, dg.build_sensor_context(instance=instance) as context:
        asked = sensor.evaluate_tick(context)
    assert not asked.run_requests
    assert asked.skip_message == "nothing new in the landing zone"


def test_a_file_that_was_just_written_waits_for_the_next_tick(centre: Path, tmp_path: Path) -> None:
    root = tmp_path / "centre"
    shutil.copytree(centre, root)
    shutil.rmtree(root / "lake", ignore_errors=True)
    files = sorted(path for path in (root / "landing").rglob("*") if path.is_file())
    for path in files[1:]:
        path.unlink()
    written = files[0].stat().st_mtime
    for age, is_asked in ((5, False), (61, True)):
        inputs = RunInputs(root, clock=lambda age=age: datetime.fromtimestamp(written + age, tz=UTC))
        sensor = define(inputs).resolve_sensor_def("landing")
        with dg.instance_for_test() as instance, dg.build_sensor_context(instance=instance) as context:
            assert bool(sensor.evaluate_tick(context).run_requests) is is_asked


def _tick(definitions: dg.Definitions, name: str, moment: datetime) -> dg.RunRequest:
    """What a schedule requests at this moment; the clock is passed in."""
    with dg.instance_for_test() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=moment)
        (request,) = definitions.resolve_schedule_def(name).evaluate_tick(context).run_requests or []
    return request


def test_the_nightly_tick_asks_every_provider_for_what_is_new(definitions: dg.Definitions, centre: Path) -> None:
    schedule = definitions.resolve_schedule_def("nightly_ingest")
    assert (schedule.job_name, schedule.cron_schedule, schedule.execution_timezone) == ("ingest", "0 2 * * *", "UTC")
    first, second = (_tick(definitions, "nightly_ingest", datetime(2026, 1, day, 2, tzinfo=UTC)) for day in (7, 8))
    assert first.run_config == {}
    assert {key: first.tags[key] for key in ("miyar/code", "miyar/registry")} == {
        "miyar/code": code_hash()[:16],
        "miyar/registry": load_registry(centre / "registry").hash[:16],
    }
    # The range covers every provider with a contract, and no tick is skipped as a repetition of an earlier one.
    ends = [first.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")]
    asset = definitions.resolve_asset_graph().get(dg.AssetKey(["lake", "survey_responses"]))
    assert asset.partitions_def is not None
    chosen = asset.partitions_def.get_partition_keys_in_range(dg.PartitionKeyRange(*ends))
    folders = {path.name for path in (centre / "registry" / "contracts").iterdir() if path.is_dir()}
    assert len(folders) > 7 and set(chosen) == folders
    assert second.tags == first.tags and second.run_key is None


@pytest.mark.parametrize(("day", "period"), [((2026, 1, 20), "2025Q4"), ((2026, 4, 20), "2026Q1")])
def test_the_quarterly_tick_publishes_the_quarter_before(
    definitions: dg.Definitions, centre: Path, day: tuple[int, int, int], period: str
) -> None:
    schedule = definitions.resolve_schedule_def("quarterly_publish")
    assert (schedule.job_name, schedule.execution_timezone) == ("publish", "UTC")
    assert schedule.cron_schedule == "0 6 20 1,4,7,10 *"
    moment = datetime(*day, 6, tzinfo=UTC)
    request = _tick(definitions, "quarterly_publish", moment)
    config = request.run_config["ops"]["editions__current"]["config"]
    assert config["period"] == period
    assert config["reason"]
    # The job accepts this configuration unchanged; the moment and who publishes are not part of it.
    checked = dg.validate_run_config(definitions.resolve_job_def("publish"), request.run_config)
    assert checked["ops"]["editions__current"]["config"] == config and set(config) == {"period", "reason"}
    tags = {key: request.tags[key] for key in ("miyar/code", "miyar/registry")}
    assert tags == {
        "miyar/code": code_hash()[:16],
        "miyar/registry": load_registry(centre / "registry").hash[:16],
    }
    assert not [key for key in request.tags if "partition" in key], "an edition is of the whole warehouse"


def test_dbt_arguments_are_a_function_of_the_workspace(centre: Path) -> None:
    workspace = Workspace.open(centre)
    variables = dbt_variables(workspace, "key")
    # A row's period is its slice's.
    keys = variables.pop("feed_keys")
    assert keys["survey_responses"] == ["response_id", "item"]
    assert all(own and "period_id" not in own for own in keys.values())
    assert variables.pop("views_key") != dbt_variables(workspace, "another")["views_key"]
    assert variables == {
        "lake": (centre.resolve() / "lake").as_posix(),
        "methodology_version": "2026.2",
        "build_key": "key",
        "unit_types": unit_types.for_dbt(),
    }
    words = dbt_arguments("build", workspace, variables, ["one", "two"])
    assert words[0] == "build"
    assert json.loads(words[words.index("--vars") + 1]) == variables
    assert words[words.index("--select") + 1 : words.index("--select") + 3] == ["one", "two"]
    assert words[words.index("--exclude-resource-type") + 1] == "unit_test"
    assert "--exclude-resource-type" not in dbt_arguments("test", workspace, variables, [])
    assert "--select" not in dbt_arguments("build", workspace, variables, [])
    assert "--full-refresh" not in words


def test_the_build_key_follows_the_sql_of_the_cells_only(tmp_path: Path) -> None:
    (tmp_path / "models" / "intermediate" / "cells").mkdir(parents=True)
    (tmp_path / "models" / "marts").mkdir(parents=True)
    cells, mart = tmp_path / "models" / "intermediate" / "cells" / "c.sql", tmp_path / "models" / "marts" / "m.sql"
    cells.write_text("select 1", "utf-8")
    mart.write_text("select 1", "utf-8")
    first = build_key(tmp_path)
    mart.write_text("select 2", "utf-8")
    assert build_key(tmp_path) == first
    cells.write_text("select 2", "utf-8")
    assert build_key(tmp_path) != first
