"""One delivered file, from landing to its account: staged, validated, split, written, accounted for.

Belongs here: the order of these steps and the decision accepted or refused. Does not belong here: how each step works
(`ingestion`, `runner`), Dagster, dbt.
"""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from expectations.runner import evaluate, failing_rows
from expectations.suites import Rule, refuse_above_share, suite_for
from ingestion.contract import Contract
from ingestion.feeds import load_feeds
from ingestion.lake import settle
from ingestion.landing import Delivery, discover
from ingestion.ledger import Account, contract_hash, is_done, next_sequence, write_account, write_slices
from ingestion.staging import Staged, stage
from miyar.errors import MiyarError, Problem
from miyar.periods import index_of
from miyar.registry import Registry
from miyar.workspace import Workspace

REFUSED_ROWS = pa.schema([(name, pa.string()) for name in ("row_id", "rule", "column", "value")])


@dataclass
class Intake:
    """What one pass over the landing zone did: new accounts, files already known, and files nobody could place."""

    accounts: list[Account] = field(default_factory=list)
    known: int = 0
    problems: list[Problem] = field(default_factory=list)


def receive_all(
    workspace: Workspace,
    registry: Registry,
    contracts: list[Contract],
    *,
    only: set[tuple[str, str]] | None = None,
    progress: Any = None,
) -> Intake:
    """Receive every delivery that is new (or whose contract changed), in path order; then rewrite the list of slices.

    `only` limits to these (provider, feed) pairs. A bad file ends as a refused account and never stops the others.
    `progress` is called with (path, done, total).
    """
    wanted = [c for c in contracts if only is None or (c.provider, c.feed) in only]
    deliveries, problems = discover(workspace, wanted)
    if only is not None:
        # Files of contracts not asked for are somebody else's to report.
        folders = tuple(f"{provider}/{feed}/" for provider, feed in only)
        problems = [problem for problem in problems if problem.file.startswith(folders)]
    intake = Intake(problems=problems)
    # The same bytes under two names are one submission; the first path stands for it.
    chosen = list({delivery.submission_id: delivery for delivery in reversed(deliveries)}.values())[::-1]
    fresh = [delivery for delivery in chosen if not is_done(workspace, delivery)]
    intake.known = len(chosen) - len(fresh)
    # While one file is validated and written, the next is read: the two halves keep both cores busy.
    with ThreadPoolExecutor(max_workers=1) as ahead:
        coming = [ahead.submit(_stage, delivery, workspace, registry) for delivery in fresh[:1]]
        for number, delivery in enumerate(fresh):
            if progress:
                progress(delivery.relative, number, len(fresh))
            staged = coming.pop().result()
            if number + 1 < len(fresh):
                coming.append(ahead.submit(_stage, fresh[number + 1], workspace, registry))
            intake.accounts.append(_account_for(delivery, workspace, staged))
    if progress:
        progress("", len(fresh), len(fresh))
    _, contested = write_slices(workspace)
    intake.problems += contested
    return intake


def receive(delivery: Delivery, workspace: Workspace, registry: Registry) -> Account:
    """Take one file in. Its account is written last: until then a rerun starts the file again from nothing."""
    return _account_for(delivery, workspace, _stage(delivery, workspace, registry))


def _scratch(delivery: Delivery, workspace: Workspace) -> Path:
    return workspace.scratch / delivery.submission_id


def _stage(delivery: Delivery, workspace: Workspace, registry: Registry) -> Staged | MiyarError:
    """The first half: typed rows, or why there are none."""
    scratch = _scratch(delivery, workspace)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        return stage(delivery, workspace, registry, scratch)
    except MiyarError as error:
        return error


def _account_for(delivery: Delivery, workspace: Workspace, staged: Staged | MiyarError) -> Account:
    """The second half: judged, split, written, accounted for."""
    contract = delivery.contract
    account = Account(
        submission_id=delivery.submission_id,
        provider=contract.provider,
        feed=contract.feed,
        contract_id=contract.id,
        contract_version=contract.version,
        contract_hash=contract_hash(contract),
        path=f"{contract.provider}/{contract.feed}/{delivery.relative}",
        delivered_key=delivery.delivered_key,
        sequence=next_sequence(workspace, delivery.submission_id),
        status="refused",
    )
    try:
        if isinstance(staged, MiyarError):
            account.problems = [problem.as_dict() for problem in staged.problems]
        else:
            _judge_and_settle(delivery, workspace, staged, account)
    finally:
        shutil.rmtree(_scratch(delivery, workspace), ignore_errors=True)
    write_account(workspace, account)
    return account


def _judge_and_settle(delivery: Delivery, workspace: Workspace, staged: Staged, account: Account) -> None:
    contract = delivery.contract
    feed = load_feeds()[contract.feed]
    rules = suite_for(feed, contract, workspace.settings.periods)
    findings = failing_rows(evaluate(staged.typed, rules), workspace.settings.memory_limit)
    report, refused = _judge(staged, contract, rules, findings)
    settlement = settle(staged, refused, workspace, refuse_above_share())
    if settlement.accepted == 0 or settlement.refused_whole:
        account.problems = [_refusal(delivery, settlement.bad, settlement.quarantined + settlement.accepted)]
    else:
        account.status = "accepted"
    account.source_rows = staged.source_rows
    account.blank_cells = staged.blank_cells
    account.records = staged.records
    account.duplicates = staged.duplicates
    account.accepted = settlement.accepted
    account.quarantined = settlement.quarantined
    account.slices = settlement.slices
    account.rule_counts = settlement.rule_counts
    account.notes = [note.as_dict() for note in staged.notes]
    write_quality(workspace, account, report)


def _judge(
    staged: Staged, contract: Contract, rules: list[Rule], findings: list[tuple[Rule, list[str]]]
) -> tuple[list[dict[str, Any]], pa.Table]:
    """The quality report (a line per rule and column) and the rows to quarantine; waived rows are counted, not held."""
    until = {waiver.rule: waiver.until for waiver in contract.waivers}
    failing = {id(rule): ids for rule, ids in findings}
    report, refused = [], []
    for rule in rules:
        ids = failing.get(id(rule), [])
        waived = 0
        if rule.id in until and ids:
            waived = len(ids)
            ids = staged.rows_after(ids, index_of(until[rule.id]))
            waived -= len(ids)
        report.append(
            {
                "rule": rule.id,
                "columns": list(rule.columns),
                "severity": rule.severity,
                "action": rule.action,
                "failing": len(ids),
                "waived": waived,
                "ar": rule.ar,
                "en": rule.en,
                "next_ar": rule.next_ar,
                "next_en": rule.next_en,
            }
        )
        if rule.action != "report":
            refused += [(row_id, rule.id, ", ".join(rule.columns), "") for row_id in ids]
    lines = [dict(zip(REFUSED_ROWS.names, line, strict=True)) for line in refused]
    return report, pa.Table.from_pylist(lines, schema=REFUSED_ROWS)


def _refusal(delivery: Delivery, quarantined: int, records: int) -> dict[str, str | int | None]:
    return Problem(
        "submission_refused",
        f"{quarantined} of {records} records are bad, so none is taken",
        who=delivery.contract.provider,
        file=delivery.relative,
        next_step="See the quality report for the rules that failed, correct the file and deliver it again.",
    ).as_dict()


def write_quality(workspace: Workspace, account: Account, report: list[dict[str, Any]]) -> None:
    """Store the submission's quality report beside the ledger, for the agency and for the asset checks."""
    folder = workspace.lake / "quality"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{account.submission_id}.json.part"
    part.write_text(json.dumps({"submission_id": account.submission_id, "rules": report}, ensure_ascii=False, indent=1))
    part.replace(folder / f"{account.submission_id}.json")
