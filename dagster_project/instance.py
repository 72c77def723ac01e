"""The workspace's Dagster instance: its settings, and the open runs of a command that was killed.

Belongs here: the content of `<workspace>/dagster`. Does not belong here: what runs there (`jobs`, `pipeline`).
"""

from pathlib import Path

import dagster as dg
import yaml
from dagster._core.instance import InstanceRef

from dagster_project.event_log import KeptEngines
from miyar.errors import MiyarError, Problem

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
# Marks the runs of this command; the Dagster daemon starts its own runs and watches them itself.
OWN = {"miyar/started_by": "miyar run"}
_OPEN = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def open_instance(root: Path) -> dg.DagsterInstance:
    """Open the workspace's Dagster instance in `<workspace>/dagster`; once written, its dagster.yaml belongs to the operator.

    Raises MiyarError if that file lets steps take pools, because runs could then wait for each other without any error.
    """
    settings = root / "dagster" / "dagster.yaml"
    settings.parent.mkdir(exist_ok=True)
    if not settings.is_file():
        settings.write_text(DAGSTER_YAML, "utf-8")
    try:
        instance = dg.DagsterInstance.from_ref(_reference(settings))
        instance.get_runs_count()
    except Exception as error:
        # Its databases and settings raise what the libraries below Dagster raise.
        raise MiyarError(
            Problem(
                "dagster_unreadable",
                f"the records of runs cannot be opened ({type(error).__name__})",
                file=str(settings.parent),
                next_step="Delete the folder: it holds records of past runs only, and the next run makes it again.",
            )
        ) from error
    granularity = instance.get_concurrency_config().pool_config.pool_granularity
    if granularity is None or granularity.value != "run":
        instance.dispose()
        raise MiyarError(
            Problem(
                "settings_invalid",
                "pools must be taken by runs, else a step and `miyar run` can wait for each other without an end",
                file=str(settings),
                next_step="Set concurrency.pools.granularity to run, or delete the file if you never changed it.",
            )
        )
    return instance


def _reference(settings: Path) -> InstanceRef:
    """The instance's own settings, with `KeptEngines` where they leave storage to Dagster."""
    folder = settings.parent
    own = yaml.safe_load(settings.read_text("utf-8")) or {}
    if {"storage", "event_log_storage"} & set(own):
        return InstanceRef.from_dir(str(folder))
    kept = {"module": KeptEngines.__module__, "class": KeptEngines.__name__}
    events = {**kept, "config": {"base_dir": str(folder / "history" / "runs")}}
    return InstanceRef.from_dir(str(folder), overrides={"event_log_storage": events})


def open_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Unfinished runs of `miyar run`: the active one, and those left by a kill. The daemon's jobs queue behind them."""
    return list(instance.get_runs(dg.RunsFilter(tags=OWN, statuses=_OPEN)))


def close_killed_runs(instance: dg.DagsterInstance) -> None:
    """Close the runs of `miyar run` that a kill left open. None can be alive, because the caller holds the workspace."""
    for run in open_runs(instance):
        instance.report_run_failed(run, "the process ended before the run did; the next run goes on from there")
