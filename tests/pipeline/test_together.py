"""Two runs at once, and readers while editions are published."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_project.definitions import define
from dagster_project.instance import OWN, open_instance, open_runs
from dagster_project.resources import RunInputs
from miyar.errors import WorkspaceBusyError

# Holds the workspace until its input is closed, and prints when it has it.
HOLDER = """
import sys
from pathlib import Path
from miyar.workspace import Workspace
with Workspace.open(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""
# Reopens the current edition until its input is closed; prints the editions it saw, each with both tables' sums.
READER = """
import json, select, sys
from pathlib import Path
import duckdb
from publication.reading import open_edition
folder, seen, opened = Path(sys.argv[1]), set(), 0
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    with open_edition(folder) as edition:
        seen.add(edition.execute(
            "select (select sum(n) from bench_scores), (select sum(accepted) from fct_submissions), "
            "(select count(*) from bench_lineage)"
        ).fetchone())
    opened += 1
print(json.dumps([opened, sorted([int(value) for value in row] for row in seen)]))
"""
# `miyar run`: holds the workspace, and continues when its input is closed.
RUNNER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from dagster_project.pipeline import run_pipeline
from miyar.workspace import Workspace
root = Path(sys.argv[1])
with Workspace.open(root).lock():
    print("held", flush=True)
    sys.stdin.read()
    run_pipeline(root, datetime(2026, 1, 20, 6, tzinfo=UTC))
"""
# A job, as Dagster's daemon starts it.
JOB = """
import sys
from pathlib import Path
from dagster_project.definitions import define
from dagster_project.instance import open_instance
from dagster_project.resources import RunInputs
root = Path(sys.argv[1])
with open_instance(root) as instance:
    print("ready", flush=True)
    define(RunInputs(root)).resolve_job_def("publish").execute_in_process(instance=instance)
"""
SUMS = (
    "select (select sum(n) from bench_scores), (select sum(accepted) from fct_submissions), "
    "(select count(*) from bench_lineage)"
)


def _start(script: str, folder: Path) -> subprocess.Popen[str]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    child = subprocess.Popen([sys.executable, "-c", script, str(folder)], **pipes)
    assert child.stdout is not None and child.stdout.readline().strip() in {"held", "ready"}
    return child


def test_a_second_run_refuses_and_names_the_first(micro) -> None:
    holder = _start(HOLDER, micro.root)
    try:
        with pytest.raises(WorkspaceBusyError) as caught:
            micro.run()
        (problem,) = caught.value.problems
        assert problem.rule == "workspace_busy"
        assert str(holder.pid) in problem.message
        assert "--wait" in problem.next_step
        command = [sys.executable, "-m", "cli.main", "run", "--workspace", str(micro.root)]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert refused.returncode == 2
        assert "workspace_busy" in refused.stderr and str(holder.pid) in refused.stderr
        assert "Traceback" not in refused.stderr
    finally:
        holder.communicate()


def test_a_second_run_waits_when_told_to(built) -> None:
    holder = _start(HOLDER, built.root)
    threading.Timer(1.5, holder.stdin.close).start()
    result = built.run(wait_seconds=60)
    assert result.edition_id == "2025Q4-r1" and holder.wait() == 0


def test_a_killed_holder_leaves_no_lock(built) -> None:
    holder = _start(HOLDER, built.root)
    holder.kill()
    holder.communicate()
    assert built.run().edition_id == "2025Q4-r1"


def test_runs_a_kill_left_open_are_closed_when_nobody_holds_the_workspace(micro) -> None:
    """The daemon's jobs queue behind open runs, so a killed `miyar run` would block them until the next one."""
    definitions = define(RunInputs(micro.root))
    landing, job = definitions.resolve_sensor_def("landing"), definitions.resolve_job_def("publish")
    with open_instance(micro.root) as instance, dg.build_sensor_context(instance=instance) as context:
        ours = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=OWN)
        theirs = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        holder = _start(HOLDER, micro.root)
        landing.evaluate_tick(context)
        assert [run.run_id for run in open_runs(instance)] == [ours.run_id]
        holder.kill()
        holder.communicate()
        landing.evaluate_tick(context)
        states = [instance.get_run_by_id(run.run_id).status for run in (ours, theirs)]
    assert states == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED]


def test_pools_that_steps_would_take_are_refused(micro) -> None:
    """An older workspace had them, and an operator might set them."""
    open_instance(micro.root).dispose()
    settings = micro.root / "dagster" / "dagster.yaml"
    written = settings.read_text("utf-8")
    for other in (
        written.replace("granularity: run", "granularity: op"),
        written.replace("    granularity: run\n", ""),
    ):
        assert other != written
        settings.write_text(other, "utf-8")
        command = [sys.executable, "-m", "cli.main", "run", "--workspace", str(micro.root)]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert refused.returncode == 2
        assert "settings_invalid" in refused.stderr and "concurrency.pools.granularity" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_job_of_dagster_that_waits_for_the_command_takes_nothing_the_command_waits_for(built) -> None:
    built.withdraw(built.a02_q4)
    with _start(RUNNER, built.root) as command, _start(JOB, built.root) as job:
        try:
            while not _waits(*built.last_run("publish")):
                assert job.poll() is None
                time.sleep(0.1)
            command.communicate(timeout=400)
            assert command.returncode == 0
            assert (built.workspace.editions / "current").readlink().name == "2025Q4-r2"
            job.communicate(timeout=400)
            assert job.returncode == 0
        finally:
            command.kill()
            job.kill()


def _waits(run: Any, events: list[Any]) -> bool:
    """Whether the newest run is a job's, not the command's, with its step started: then it must be waiting for the workspace."""
    return "miyar/started_by" not in run.tags and "STEP_START" in {event.event_type_value for event in events}


def test_readers_see_whole_editions_while_others_are_published(built) -> None:
    """A connection held open throughout keeps its edition; one reopened each time sees one edition after the other."""
    known = {built.edition(SUMS)[0]}
    reader = _start(READER, built.workspace.editions / "current")
    held = duckdb.connect(str((built.workspace.editions / "current").resolve() / "benchmarks.duckdb"), read_only=True)
    first = held.execute(SUMS).fetchone()
    try:
        for number, path in enumerate((built.a04_q4, built.second_q3, built.a02_q4), start=2):
            built.withdraw(path)
            built.build()
            assert built.publish(reason="one delivery less").edition_id == f"2025Q4-r{number}"
            known.add(built.edition(SUMS)[0])
            assert held.execute(SUMS).fetchone() == first
    finally:
        held.close()
        out, _ = reader.communicate("stop\n")
    assert reader.returncode == 0
    opened, seen = json.loads(out)
    assert len(known) == 4
    assert opened > 20 and {tuple(row) for row in seen} <= known
    assert len(seen) > 1, "the reader never met a new edition"
