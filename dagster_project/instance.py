"""The workspace's Dagster instance: its settings, and the runs of a command that was killed.

Belongs here: what stands in `<workspace>/dagster`. Does not belong here: what runs there (`jobs`, `pipeline`).
"""

from pathlib import Path

import dagster as dg

DAGSTER_YAML = """\
# The workspace's Dagster instance: runs, events and schedules stand in this folder. Nothing is sent anywhere.
telemetry:
  enabled: false
concurrency:
  pools:
    # The warehouse is one file with one writer, and so is the ledger.
    default_limit: 1
    # A queue for the jobs of Dagster's daemon. Taken by each step instead ("op"), a pool would be held by a job that waits
    # for the workspace of a `miyar run`, which would wait for the pool; and by a run that was killed, for ever.
    granularity: run
run_monitoring:
  enabled: true
"""
# Marks the runs of this command, as told from those the Dagster daemon starts and watches itself.
OWN = {"miyar/started_by": "miyar run"}
OPEN = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def open_instance(root: Path) -> dg.DagsterInstance:
    """The workspace's Dagster instance, in `<workspace>/dagster`."""
    home = root / "dagster"
    home.mkdir(exist_ok=True)
    if not (home / "dagster.yaml").is_file():
        (home / "dagster.yaml").write_text(DAGSTER_YAML, "utf-8")
    return dg.DagsterInstance.from_config(str(home))


def open_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs of `miyar run` that have not ended: one at work, and those a kill left behind. The daemon's jobs queue behind them."""
    return list(instance.get_runs(dg.RunsFilter(tags=OWN, statuses=OPEN)))


def close_killed_runs(instance: dg.DagsterInstance) -> None:
    """Close the runs of `miyar run` that a kill left open. The caller holds the workspace, so none of them can be alive."""
    for run in open_runs(instance):
        instance.report_run_failed(run, "the process ended before the run did; the next run goes on from there")
