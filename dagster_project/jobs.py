"""Jobs, schedules and the landing sensor.

Belongs here: what runs together and when. Does not belong here: assets.
"""

from contextlib import suppress
from pathlib import Path

import dagster as dg

from dagster_project.instance import close_killed_runs, open_runs
from dagster_project.partitions import range_tags, run_tags
from dagster_project.resources import Clock
from ingestion.arrivals import arrivals, unreceived
from ingestion.contract import load_contracts
from ingestion.landing import Delivery, discover
from ingestion.rereading import read_proposal
from ingestion.submission_ledger import by_submission, contract_hash
from miyar.errors import WorkspaceBusyError
from miyar.periods import period_of, shift
from miyar.registry import load_registry
from miyar.workspace import Workspace
from warehouse.inputs import Inputs


def _asked(workspace: Workspace, delivery: Delivery, received: int) -> str:
    proposal = read_proposal(workspace, delivery.submission_id)
    decided = proposal.decision.get("at", "") if proposal else ""
    return f"{delivery.submission_id} {contract_hash(delivery.contract)}{decided}{f' {received}' * delivery.is_again}"


def automation(root: Path, providers: dg.PartitionsDefinition[str], clock: Clock) -> dg.Definitions:
    """Define the three jobs and when they run; by `clock` files that were just written wait.

    `ingest` (by provider), `build` (cells of pending slices, then everything computed from cells) and `publish`. Every
    provider is received nightly; an edition is published on the 20th after a quarter ends, when files are due. New
    files, however many, start one run of `ingest`; its success starts one run of `build`.
    """
    lake = dg.AssetSelection.groups("lake")
    editions = dg.AssetSelection.groups("editions")
    ingest = dg.define_asset_job("ingest", lake, description="Receive what is new in the landing zone")
    build = dg.define_asset_job(
        "build", dg.AssetSelection.all() - lake - editions, description="Cells of changed slices, then all scores"
    )
    publish = dg.define_asset_job("publish", editions, description="Publish the warehouse as an edition")

    @dg.schedule(job=ingest, cron_schedule="0 2 * * *", name="nightly_ingest", execution_timezone="UTC")
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        workspace = Workspace.open(root)
        keys = sorted({contract.provider for contract in load_contracts(workspace.registry)})
        return dg.RunRequest(tags={**run_tags(load_registry(workspace.registry)), **range_tags(keys)})

    @dg.schedule(job=publish, cron_schedule="0 6 20 1,4,7,10 *", name="quarterly_publish", execution_timezone="UTC")
    def quarterly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        moment = context.scheduled_execution_time
        period = shift(period_of(moment.date()), -1)
        config = {"period": period, "reason": "quarterly publication"}
        tags = run_tags(load_registry(Workspace.open(root).registry))
        return dg.RunRequest(run_config={"ops": {"editions__current": {"config": config}}}, tags=tags)

    @dg.sensor(job=ingest, name="landing", minimum_interval_seconds=60)
    def landing(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        workspace = Workspace.open(root)
        if open_runs(context.instance):
            # If nobody holds the workspace, a kill left these runs, and the run requested below would queue behind them.
            with suppress(WorkspaceBusyError), workspace.lock():
                close_killed_runs(context.instance)
        inputs = Inputs.read(workspace)
        registry, accounts = inputs.registry, inputs.accounts
        deliveries, _ = discover(workspace, inputs.contracts, clock())
        received = by_submission(accounts)
        new = unreceived(arrivals(deliveries, accounts), received, workspace, registry)
        if not new:
            return dg.SkipReason("nothing new in the landing zone")
        keys = sorted({delivery.contract.provider for delivery in new})
        tags = run_tags(registry)
        # The same new files under the same contracts and registry are requested once; the operator or the nightly run
        # retries a failed run. A file sent again, or one whose new reading was accepted, is asked for anew.
        asked = sorted(_asked(workspace, delivery, len(received)) for delivery in new)
        return dg.RunRequest(run_key="|".join([*tags.values(), *asked]), tags={**tags, **range_tags(keys)})

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=[ingest],
        request_job=build,
        name="build_after_ingest",
    )
    def build_after_ingest(context: dg.RunStatusSensorContext) -> dg.RunRequest:
        workspace = Workspace.open(root)
        return dg.RunRequest(run_key=context.dagster_run.run_id, tags=run_tags(load_registry(workspace.registry)))

    return dg.Definitions(
        jobs=[ingest, build, publish],
        schedules=[nightly, quarterly],
        sensors=[landing, build_after_ingest],
    )
