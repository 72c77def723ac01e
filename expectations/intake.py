"""From a delivered file in the landing zone to its account: stage, judge, split, write, account.

Belongs here: the order of these steps and the decision accepted or refused. Does not belong here: how each step works
(`ingestion`, `runner`), Dagster, dbt.
"""

import json
import shutil
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from expectations.batches import Judged, judge
from expectations.suites import refuse_above_share, suite_for
from ingestion.contract import Contract
from ingestion.feeds import load_feeds
from ingestion.lake import SEVERAL, settle
from ingestion.landing import Delivery, discover
from ingestion.staging import Staged, stage
from ingestion.submission_ledger import (
    Account,
    by_submission,
    contract_hash,
    is_done,
    next_sequence,
    open_periods,
    write_account,
    write_slices,
)
from miyar import atomic_files
from miyar.errors import MiyarError, Problem
from miyar.periods import index_of
from miyar.registry import Registry
from miyar.workspace import Workspace

OUTSIDE_PERIODS = "period_closed"  # the only rule of the suites that depends on the workspace's settings
READERS = 2  # files read at once; reading is half SQL, half waiting for the interpreter
AHEAD = 2 * READERS  # files read but not yet judged; this limits the scratch folder
# A batch is judged in one pass, whose start costs about 0.3 s, as much as some hundred thousand rows. More files would
# only lengthen the list of rules that differ by contract.
BATCH_RECORDS = 1_000_000
BATCH_SUBMISSIONS = 50
REFUSED_ROWS = pa.schema([(name, pa.string()) for name in ("row_id", "rule", "column")])


@dataclass
class Intake:
    """The outcome of one pass over the landing zone: new accounts, files already known, and files that match no contract."""

    accounts: list[Account] = field(default_factory=list)
    known: int = 0
    problems: list[Problem] = field(default_factory=list)


def receive_all(
    workspace: Workspace,
    registry: Registry,
    contracts: list[Contract],
    accounts: list[Account],
    *,
    only: set[tuple[str, str]] | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Intake:
    """Receive every delivery that is new (or whose contract changed), in path order; then rewrite the list of slices.

    `accounts` are all existing accounts of the workspace; those of this intake are added to the slices. `only` limits
    the intake to these (provider, feed) pairs. A bad file ends as a refused account and never stops the others.
    `progress` is called with (path, done, total).
    """
    wanted = [c for c in contracts if only is None or (c.provider, c.feed) in only]
    deliveries, problems = discover(workspace, wanted)
    if only is not None:
        # Problems with files of other contracts are reported by the runs that receive those.
        folders = tuple(f"{provider}/{feed}/" for provider, feed in only)
        problems = [problem for problem in problems if problem.file.startswith(folders)]
    intake = Intake(problems=problems)
    # The same bytes under two names are one submission, represented by the first path.
    chosen = list({delivery.submission_id: delivery for delivery in reversed(deliveries)}.values())[::-1]
    received = by_submission(accounts)
    fresh = [d for d in chosen if not is_done(received.get(d.submission_id), d, workspace, registry)]
    intake.known = len(chosen) - len(fresh)
    # Submissions of one feed are judged together, in path order within it.
    fresh.sort(key=lambda delivery: delivery.contract.feed)
    # The next submissions are read while these are judged and written.
    with ThreadPoolExecutor(READERS) as readers:
        coming = deque(readers.submit(_stage, delivery, workspace, registry) for delivery in fresh[:AHEAD])
        batch: list[tuple[Delivery, Staged | MiyarError]] = []
        for number, delivery in enumerate(fresh):
            progress(delivery.relative, number, len(fresh))
            batch.append((delivery, coming.popleft().result()))
            if number + AHEAD < len(fresh):
                coming.append(readers.submit(_stage, fresh[number + AHEAD], workspace, registry))
            if number + 1 == len(fresh) or _is_full(batch, fresh[number + 1]):
                intake.accounts += _account_for(batch, workspace, received)
                batch = []
    progress("", len(fresh), len(fresh))
    _, contested = write_slices(workspace, list(received.values()), contracts)
    intake.problems += contested
    return intake


def receive(delivery: Delivery, workspace: Workspace, registry: Registry) -> Account:
    """Receive one file. Its account is written last: until then a rerun starts the file from scratch."""
    (account,) = _account_for([(delivery, _stage(delivery, workspace, registry))], workspace, {})
    return account


def _is_full(batch: list[tuple[Delivery, Staged | MiyarError]], following: Delivery) -> bool:
    records = sum(staged.records for _, staged in batch if isinstance(staged, Staged))
    is_other_feed = following.contract.feed != batch[0][0].contract.feed
    return is_other_feed or len(batch) >= BATCH_SUBMISSIONS or records >= BATCH_RECORDS


def _scratch(delivery: Delivery, workspace: Workspace) -> Path:
    return workspace.scratch / delivery.submission_id


def _stage(delivery: Delivery, workspace: Workspace, registry: Registry) -> Staged | MiyarError:
    """The first half of receiving a file: its typed rows, or why there are none."""
    scratch = _scratch(delivery, workspace)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        return stage(delivery, workspace, registry, scratch)
    except MiyarError as error:
        return error


def _account_for(
    batch: list[tuple[Delivery, Staged | MiyarError]], workspace: Workspace, received: dict[str, Account]
) -> list[Account]:
    """The second half, for submissions of one feed: judge them together, then split, write and record each in `received`."""
    try:
        suites = [
            (staged, suite_for(load_feeds()[delivery.contract.feed], delivery.contract, workspace.settings.periods))
            for delivery, staged in batch
            if isinstance(staged, Staged)
        ]
        judged = {one.staged.submission_id: one for one in judge(suites, workspace.settings.memory_limit)}
        accounts = []
        for delivery, staged in batch:
            account = _new_account(delivery, next_sequence(received, delivery.submission_id))
            if isinstance(staged, MiyarError):
                account.problems = [problem.as_dict() for problem in staged.problems]
            else:
                _settle(delivery, workspace, judged[staged.submission_id], account)
            write_account(workspace, account)
            received[account.submission_id] = account
            accounts.append(account)
        return accounts
    finally:
        for delivery, _ in batch:
            shutil.rmtree(_scratch(delivery, workspace), ignore_errors=True)


def _new_account(delivery: Delivery, sequence: int) -> Account:
    contract = delivery.contract
    return Account(
        submission_id=delivery.submission_id,
        provider=contract.provider,
        feed=contract.feed,
        contract_id=contract.id,
        contract_version=contract.version,
        contract_hash=contract_hash(contract),
        path=delivery.shown,
        delivered_key=delivery.delivered_key,
        sequence=sequence,
        status="refused",
    )


def _settle(delivery: Delivery, workspace: Workspace, judged: Judged, account: Account) -> None:
    staged = judged.staged
    report, refused = _report(judged)
    settlement = settle(staged, refused, workspace, refuse_above_share())
    if settlement.accepted == 0 or settlement.refused_whole:
        account.problems = [_refusal(delivery, settlement.bad, settlement.quarantined + settlement.accepted)]
    else:
        account.status = "accepted"
    account.source_rows = staged.source_rows
    account.blank_cells = staged.blank_cells
    account.records = staged.records
    account.duplicates = staged.duplicates
    account.left_out = staged.left_out
    account.accepted = settlement.accepted
    account.quarantined = settlement.quarantined
    account.slices = settlement.slices
    account.rule_counts = settlement.rule_counts
    account.notes = [note.as_dict() for note in staged.notes]
    account.names, account.names_hash = staged.names, staged.names_hash
    if OUTSIDE_PERIODS in settlement.rule_counts:
        account.open_periods = open_periods(workspace)
    write_quality(workspace, account, report)


def _report(judged: Judged) -> tuple[list[dict[str, Any]], pa.Table]:
    """The quality report (a line per rule and column) and the rows to quarantine; waived rows are counted but kept."""
    until = {waiver.rule: waiver.until for waiver in judged.staged.contract.waivers}
    report, refused = [], []
    for rule, failing in zip(judged.rules, judged.failing, strict=True):
        ids = failing
        if rule.id in until and ids:
            ids = judged.staged.rows_after(ids, index_of(until[rule.id]))
        report.append(
            {
                "rule": rule.id,
                "columns": list(rule.columns),
                "severity": rule.severity,
                "action": rule.action,
                "failing": len(ids),
                "waived": len(failing) - len(ids),
                "ar": rule.ar,
                "en": rule.en,
                "next_ar": rule.next_ar,
                "next_en": rule.next_en,
            }
        )
        if rule.action != "report":
            refused += [(row_id, rule.id, SEVERAL.join(rule.columns)) for row_id in ids]
    lines = [dict(zip(REFUSED_ROWS.names, line, strict=True)) for line in refused]
    return report, pa.Table.from_pylist(lines, schema=REFUSED_ROWS)


def _refusal(delivery: Delivery, quarantined: int, records: int) -> dict[str, str | int | None]:
    return Problem(
        "submission_refused",
        f"{quarantined} of {records} records are bad, so none is taken",
        who=delivery.contract.provider,
        file=delivery.shown,
        next_step="See the quality report for the rules that failed, correct the file and deliver it again.",
    ).as_dict()


def write_quality(workspace: Workspace, account: Account, report: list[dict[str, Any]]) -> None:
    """Store the submission's quality report in the lake, for the agency and for the asset checks."""
    content = json.dumps({"submission_id": account.submission_id, "rules": report}, ensure_ascii=False, indent=1)
    atomic_files.write_text(workspace.lake / "quality" / f"{account.submission_id}.json", content)
