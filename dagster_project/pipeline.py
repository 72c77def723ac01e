"""The whole pipeline in one process: ingest, build and publish as Dagster runs on the workspace's own instance.

Belongs here: the order of the jobs, what is skipped because nothing changed, and the workspace lock. Does not belong
here: definitions (`definitions`) and any work on data.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.resources import RunInputs
from ingestion.arrivals import arrivals, note_gone, unreceived
from ingestion.faults import RETRIED
from ingestion.lake import write_empty_files
from ingestion.landing import discover
from ingestion.rereading import lost_rows, read_proposals
from ingestion.slices import decide, write_slices
from ingestion.submission_ledger import Account, by_submission
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from publication.manifest import list_editions, read_manifest
from publication.standing import repaired
from warehouse.damage import put_away_if_torn
from warehouse.incomputable import incomputable
from warehouse.inputs import Inputs, submission_state
from warehouse.marks import Marks

if TYPE_CHECKING:
    import dagster as dg


@dataclass
class PipelineResult:
    """The outcome of one run."""

    new: list[Account] = field(default_factory=list)
    known: int = 0
    problems: list[Problem] = field(default_factory=list)
    is_built: bool = False
    edition_id: str | None = None
    is_published: bool = False


def run_pipeline(
    root: Path,
    published_at: datetime,
    *,
    reason: str = "",
    by: str = "miyar run",
    publish: bool = True,
    wait_seconds: float = 0,
    now: datetime | None = None,
    report: Callable[[str], None] = lambda message: None,
) -> PipelineResult:
    """Receive what is new, recompute what it touches, publish if figures changed.

    A new revision of a published period records `reason`, or else the deliveries that led to it. By `now` files that
    were just written wait (`survey` of `ingestion.landing`); without it none does. Raises
    WorkspaceBusyError when another run holds the workspace, MiyarError when a Dagster run failed.
    """
    workspace = Workspace.open(root)
    with workspace.lock(wait_seconds):
        shutil.rmtree(workspace.scratch, ignore_errors=True)
        held = Inputs.read(workspace)
        run = _Run(RunInputs(workspace.root, held, lambda: now, publish_clock=lambda: published_at, by=by))
        write_empty_files(workspace)
        result = PipelineResult()
        deliveries, result.problems = discover(workspace, run.inputs.contracts, now)
        found = arrivals(deliveries, run.inputs.accounts)
        run.received(note_gone(workspace, found, run.inputs.accounts))
        received, registry = by_submission(run.inputs.accounts), run.inputs.registry
        fresh = unreceived(found, received, workspace, registry)
        result.known = len(found) - len(fresh)
        if fresh:
            report(f"{len(fresh)} new files, {result.known} known")
            run.job("ingest", providers=sorted({delivery.contract.provider for delivery in fresh}))
            result.new = [a for a in run.inputs.accounts if received.get(a.submission_id) != a]
        _, contested = write_slices(workspace, run.inputs.accounts, run.inputs.contracts)
        result.problems += contested
        result.problems += [proposal.problem for proposal in read_proposals(workspace)]
        # What only the intakes know: files that changed while they were read, and for which the machine had no room.
        only_told = [one for one in run.told if one.rule == "file_settling" or one.rule in RETRIED]
        result.problems = list(dict.fromkeys([*result.problems, *only_told]))
        lying = {one.delivery.submission_id for one in found}
        result.problems += lost_rows(workspace, run.inputs.accounts, lying)
        result.problems += put_away_if_torn(workspace)
        state = Marks(workspace)
        if state.read("built") != run.inputs.hash:
            report("recomputing the slices that changed, then all scores")
            try:
                run.job("build")
            except MiyarError:
                # A page in the middle of the file shows only when it is read.
                torn = put_away_if_torn(workspace, thoroughly=True)
                if not torn:
                    raise
                result.problems += torn
                run.job("build")
            result.is_built = True
            result.problems += incomputable(workspace)
        if publish and state.read("published") != run.inputs.figures_hash:
            report("publishing")
            why = reason or _reason(run.inputs)
            made = run.job("publish", config={"ops": {"editions__current": {"config": {"reason": why}}}})
            metadata = made.asset_materializations_for_node("editions__current")[0].metadata
            result.is_published = bool(metadata["is_new"].value)
            state.write("published", run.inputs.figures_hash)
        result.problems += repaired(workspace.editions)
        current = workspace.editions / "current"
        result.edition_id = current.readlink().name if current.is_symlink() else None
        return result


def _reason(inputs: Inputs) -> str:
    """What changed since the newest edition's manifest, which also covers submissions received by a run that was then killed."""
    folder, accounts = inputs.workspace.editions, inputs.accounts
    editions = list_editions(folder)
    published = read_manifest(folder / editions[-1]).submissions if editions else {}
    withdrawn = [a for a in accounts if a.withdrawn and published.get(a.submission_id) != submission_state(a)]
    new = [a for a in accounts if a.submission_id not in published and a not in withdrawn]
    parts = []
    if new:
        shown = ", ".join(account.path for account in new[:5])
        parts.append(f"{len(new)} new deliveries: {shown}{' and others' if len(new) > 5 else ''}")
    parts += [f"withdrawn: {account.path} ({account.withdrawn})" for account in withdrawn[:5]]
    if len(withdrawn) > 5:
        parts.append(f"and {len(withdrawn) - 5} more withdrawals")
    since = read_manifest(folder / editions[-1]).published_at if editions else ""
    decided = [(a, one) for a in accounts for one in a.decisions if one["at"] > since]
    parts += [
        f"{one['by']} accepted {a.path} for {one['slice_id']}, {one['rows']:,} rows in place of {one['rows_before']:,} "
        f"({one['reason']})"
        for a, one in decided[:5]
    ]
    if len(decided) > 5:
        parts.append(f"and {len(decided) - 5} more decisions")
    _, _, waiting = decide(accounts, inputs.contracts)
    parts += [
        f"{one.account.path} waits: its {one.rows:,} rows do not replace the {one.rows_before:,} of {one.slice_id}"
        for one in waiting[:5]
        if one.account in new
    ]
    return "; ".join(parts) or "registry, methodology or code changed"


class _Run:
    """The jobs of one run on the inputs it holds. Dagster is started only when a job runs, which keeps an idle run quick."""

    def __init__(self, held: RunInputs) -> None:
        self._inputs = held
        self._definitions: dg.Definitions | None = None

    @property
    def inputs(self) -> Inputs:
        """The inputs as the last job left them."""
        return self._inputs.read()

    @property
    def told(self) -> list[Problem]:
        """The problems the intakes told."""
        return self._inputs.told

    def received(self, accounts: list[Account]) -> None:
        """Hold these accounts from here on."""
        self._inputs.received(accounts)

    def job(
        self, name: str, providers: Sequence[str] = (), config: dict[str, Any] | None = None
    ) -> "dg.ExecuteInProcessResult":
        """Run a job, of the lake for these providers, to its end; raises MiyarError with the failures of its steps."""
        from dagster_project.definitions import define
        from dagster_project.instance import OWN, close_killed_runs, open_instance
        from dagster_project.partitions import range_tags, run_tags

        root = self._inputs.root
        self._definitions = self._definitions or define(self._inputs)
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        with open_instance(root) as instance:
            close_killed_runs(instance)
            result = self._definitions.resolve_job_def(name).execute_in_process(
                instance=instance,
                tags={**run_tags(self.inputs.registry), **(range_tags(providers) if providers else {}), **OWN},
                run_config={**quiet, **(config or {})},
                raise_on_error=False,
            )
        if not result.success:
            raise MiyarError(_failures(name, result))
        return result


def _failures(job: str, result: "dg.ExecuteInProcessResult") -> list[Problem]:
    problems = []
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            cause = error.cause if error and error.cause else error
            problems.append(
                Problem(
                    "run_failed",
                    (cause.message if cause else "failed").strip(),
                    file=f"{job}: {event.step_key}",
                    next_step=f"Run {result.run_id} holds the events; mend the cause and run again, nothing is lost.",
                )
            )
    return problems or [Problem("run_failed", "the run did not succeed", file=job)]
