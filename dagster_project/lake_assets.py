"""One asset per feed: its accepted rows in the lake, received from the landing zone, with the suite's checks.

Belongs here: wiring `expectations.intake` to assets and checks. Does not belong here: rules and reading of files.
"""

import json
from collections import Counter
from typing import Any

import dagster as dg

from dagster_project.partitions import SINGLE_RUN
from dagster_project.resources import RunInputs
from expectations.intake import Intake, receive_all
from expectations.suites import catalogue
from ingestion.feeds import Feed, load_feeds
from ingestion.lake import write_empty_files
from ingestion.submission_ledger import Account, read_accounts, with_received
from miyar.progress import progress_bar
from miyar.workspace import Workspace


def lake_asset(feed: Feed, providers: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Define the asset of one feed. A refused submission fails a check of its feed and does not stop the others."""
    key = dg.AssetKey(["lake", feed.name])
    rules = list(dict.fromkeys(row["id"] for row in catalogue(feed.name)))
    sentences = {row["id"]: row["en"] for row in catalogue(feed.name)}
    specs = [
        dg.AssetCheckSpec(
            "rows_conserved", asset=key, blocking=True, description="Read = accepted + quarantined + duplicates"
        ),
        dg.AssetCheckSpec("submissions_accepted", asset=key, description="No new submission was refused as a whole"),
        *(dg.AssetCheckSpec(rule, asset=key, description=sentences[rule]) for rule in rules),
    ]

    @dg.asset(
        key=key,
        partitions_def=providers,
        backfill_policy=SINGLE_RUN,
        check_specs=specs,
        group_name="lake",
        owners=["team:measurement-centre"],
        kinds={"parquet", "duckdb"},
        description=f"{feed.about} Accepted rows, one file per submission and period.",
        retry_policy=dg.RetryPolicy(max_retries=2, delay=5),
        pool="lake",
    )
    def receive(context: dg.AssetExecutionContext, inputs: dg.ResourceParam[RunInputs]) -> Any:
        wanted = {(provider, feed.name) for provider in context.partition_keys}
        with inputs.hold() as held, progress_bar(feed.name) as progress:
            workspace = held.workspace
            write_empty_files(workspace)
            try:
                intake = receive_all(
                    *(workspace, held.registry, held.contracts, held.accounts),
                    only=wanted,
                    now=inputs.clock(),
                    progress=progress,
                )
            except Exception:
                # Accounts written before the failure count: the next feed must not reuse their place in the order of arrival.
                inputs.received(read_accounts(workspace))
                raise
            inputs.received(intake.accounts)
        inputs.told += intake.problems
        for problem in intake.problems:
            context.log.warning(str(problem))
        accounts = with_received(held.accounts, intake.accounts)
        of_feed = [account for account in accounts if account.feed == feed.name]
        for provider in context.partition_keys:
            own = [account for account in of_feed if account.provider == provider]
            context.add_asset_metadata(_metadata(workspace, feed, intake, own), partition_key=provider)
        yield dg.MaterializeResult()
        yield from _checks(workspace, intake.accounts, rules)

    return receive


def _metadata(workspace: Workspace, feed: Feed, intake: Intake, accounts: list[Account]) -> dict[str, Any]:
    """What the lake holds of one provider's submissions, and what this run added."""
    files = [
        workspace.lake / feed.name / f"period={one['period_id']}" / f"{account.submission_id}.parquet"
        for account in accounts
        for one in account.slices
    ]
    ids = {account.submission_id for account in accounts}
    new = [account for account in intake.accounts if account.submission_id in ids]
    return {
        "dagster/row_count": sum(account.accepted for account in accounts),
        "bytes_in_lake": sum(path.stat().st_size for path in set(files) if path.is_file()),
        "submissions_new": len(new),
        "submissions_known": len(accounts) - len(new),
        "rows_quarantined": sum(account.quarantined for account in new),
        "exact_duplicates": sum(account.duplicates for account in new),
    }


def _checks(workspace: Workspace, accounts: list[Account], rules: list[str]) -> Any:
    lost = [a.path for a in accounts if a.records != a.accepted + a.quarantined + a.duplicates]
    yield dg.AssetCheckResult(check_name="rows_conserved", passed=not lost, metadata={"submissions": lost})
    refused = {a.path: str(a.problems[0]["message"]) for a in accounts if a.status == "refused"}
    yield dg.AssetCheckResult(
        check_name="submissions_accepted",
        passed=not refused,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"refused": refused},
    )
    failing: dict[str, Counter[str]] = {rule: Counter() for rule in rules}
    severity = dict.fromkeys(rules, "warning")
    for account in accounts:
        report = workspace.lake / "quality" / f"{account.submission_id}.json"
        if report.is_file():
            for line in json.loads(report.read_text("utf-8"))["rules"]:
                severity[line["rule"]] = line["severity"]
                if line["failing"]:
                    failing[line["rule"]][account.path] += line["failing"]
    for rule in rules:
        # Bad rows are already held back, so the check only warns and does not stop the other agencies.
        yield dg.AssetCheckResult(
            check_name=rule,
            passed=not failing[rule],
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"failing_rows": dict(failing[rule]), "severity": severity[rule]},
        )


def ledger_specs() -> list[dg.AssetSpec]:
    """Specs of what the ledger decides: every feed's asset writes it, so it has no asset of its own."""
    described = {
        "slices": "What became of each slice of every submission. Received files write it.",
        "moved": "Rows that a later delivery took to another slice. Received files write it.",
    }
    return [
        dg.AssetSpec(
            ["ledger", name],
            deps=[dg.AssetKey(["lake", feed]) for feed in load_feeds()],
            group_name="lake",
            owners=["team:measurement-centre"],
            kinds={"parquet"},
            description=description,
        )
        for name, description in described.items()
    ]


def lake_assets(providers: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """The assets of all feeds."""
    return [lake_asset(feed, providers) for feed in load_feeds().values()]
