"""A judged submission becomes an account: accepted, refused, or a proposal where it would change what was accepted before.

Belongs here: that decision, the quality report, and what is kept when a file is read again. Does not belong here: which
files are read (`intake`), the files of the lake (`ingestion.lake`).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from expectations.suites import Rule, refuse_above_share
from expectations.told import notes_on, untold_rows
from ingestion.bad_rows import SEVERAL
from ingestion.broken_rules import rows_after
from ingestion.faults import RETRIED, MachineError, guarded
from ingestion.lake import adopt, drop_quarantine, settle
from ingestion.landing import Delivery
from ingestion.rereading import (
    Proposal,
    changes_of,
    decisions_of,
    drop_proposal,
    open_periods,
    read_proposal,
    takes_away,
    write_proposal,
)
from ingestion.staging import Staged
from ingestion.submission_ledger import Account, contract_hash, next_sequence, write_account
from miyar import atomic_files
from miyar.errors import MiyarError, Problem
from miyar.registry import Registry
from miyar.workspace import Workspace

OUTSIDE_PERIODS = "period_closed"  # the only rule of the suites that depends on the workspace's settings
REFUSED_ROWS = pa.schema([(name, pa.string()) for name in ("row_id", "rule", "column")])


@dataclass(frozen=True)
class Judged:
    """One staged submission with the suite it was judged by: rule n is broken by the rows `staged.broken[n]`."""

    staged: Staged
    rules: list[Rule]


def record(
    delivery: Delivery,
    outcome: Judged | MiyarError,
    workspace: Workspace,
    received: dict[str, Account],
    scratch: Path,
    registry: Registry,
) -> Account | list[Problem]:
    """Write the rows and the account of one submission; the account is the commit point.

    A submission of which rows were accepted before is settled aside first. Where that changes accepted rows nothing is
    written but a proposal, and the problems to tell are returned instead of an account; so are those of a machine
    failure, and of a file that changed while it was read: it is found again as what it is then.
    """
    if isinstance(outcome, MiyarError) and all(problem.rule == "file_settling" for problem in outcome.problems):
        return outcome.problems
    before = received.get(delivery.submission_id)
    sequence = next_sequence(received, delivery.submission_id, is_again=delivery.is_again)
    account = _new_account(delivery, sequence)
    try:
        with guarded(delivery.contract.provider, delivery.shown):
            if before is not None and before.accepted:
                return _record_again(delivery, outcome, workspace, before, account, scratch, registry)
            return _record_new(delivery, outcome, workspace, account, registry)
    except MachineError as error:
        # Not even the account could be written: the file is received when there is room for it.
        return error.problems


def _record_new(
    delivery: Delivery, outcome: Judged | MiyarError, workspace: Workspace, account: Account, registry: Registry
) -> Account:
    if isinstance(outcome, Judged):
        try:
            account, report = settled(delivery, workspace, outcome, account, registry)
        except MachineError as error:
            outcome = error
        else:
            write_quality(workspace, account, report)
    if isinstance(outcome, MiyarError):
        account = _new_account(delivery, account.sequence)
        account.problems = [problem.as_dict() for problem in outcome.problems]
    write_account(workspace, account)
    return account


def _record_again(
    delivery: Delivery,
    outcome: Judged | MiyarError,
    workspace: Workspace,
    before: Account,
    account: Account,
    scratch: Path,
    registry: Registry,
) -> Account | list[Problem]:
    aside = Workspace(scratch / "again", workspace.settings)
    report: list[dict[str, Any]] = []
    if isinstance(outcome, Judged):
        try:
            account, report = settled(delivery, aside, outcome, account, registry)
        except MachineError as error:
            outcome = error
    if isinstance(outcome, MiyarError):
        if any(problem.rule in RETRIED for problem in outcome.problems):
            return outcome.problems
        account.problems = [problem.as_dict() for problem in outcome.problems]
    changes = changes_of(before, workspace.lake, account, aside.lake)
    asked = read_proposal(workspace, account.submission_id)
    # No change: the run that applied the decision was killed before it wrote the account.
    is_decided = asked is not None and bool(asked.decision) and not asked.is_refused and changes in (asked.changes, [])
    if takes_away(changes, workspace) and not is_decided:
        proposal = Proposal(account, changes)
        write_proposal(workspace, proposal)
        return [proposal.problem]
    if is_decided and asked is not None:
        account.decisions = decisions_of(asked, asked.changes)
    adopt(aside, workspace, account.feed, account.submission_id)
    write_quality(workspace, account, report)
    write_account(workspace, account)
    drop_proposal(workspace, account.submission_id)
    return account


def _new_account(delivery: Delivery, sequence: int) -> Account:
    contract = delivery.contract
    return Account(
        submission_id=delivery.submission_id,
        provider=contract.provider,
        feed=contract.feed,
        contract_id=contract.id,
        contract_version=contract.version,
        contract_hash=contract_hash(contract),
        content=delivery.content,
        path=delivery.shown,
        delivered_key=delivery.delivered_key,
        sequence=sequence,
        status="refused",
    )


def settled(
    delivery: Delivery, workspace: Workspace, judged: Judged, account: Account, registry: Registry
) -> tuple[Account, list[dict[str, Any]]]:
    """Split the rows into those accepted and those held back; the account of both, and the quality report."""
    staged = judged.staged
    report, refused = _report(judged)
    settlement = settle(staged, refused, workspace, refuse_above_share())
    # A file of which nothing may be kept is no bad one.
    is_over = bool(staged.erased and not staged.records)
    if (settlement.accepted == 0 and not is_over) or settlement.refused_whole:
        account.problems = [_refusal(delivery, settlement.bad, settlement.quarantined + settlement.accepted)]
    else:
        account.status = "accepted"
    if settlement.quarantined and not staged.keeps_refused:
        settlement = drop_quarantine(workspace, staged, settlement)
    account.source_rows = staged.source_rows
    account.blank_cells = staged.blank_cells
    account.records = settlement.accepted + settlement.quarantined + settlement.duplicates
    account.duplicates = staged.duplicates
    account.left_out = staged.left_out
    account.erased = staged.erased + staged.records - account.records
    account.accepted = settlement.accepted
    account.quarantined = settlement.quarantined
    account.slices = sorted([*settlement.slices, *staged.ended], key=lambda one: str(one["slice_id"]))
    account.rule_counts = settlement.rule_counts
    account.files = settlement.files
    account.untold = untold_rows(workspace, account.feed, account.submission_id, registry)
    notes = [*staged.notes, *notes_on(account.untold, account.accepted, account.provider, account.path)]
    account.notes = [note.as_dict() for note in notes]
    account.names, account.names_hash = staged.names, staged.names_hash
    if OUTSIDE_PERIODS in settlement.rule_counts:
        account.open_periods = open_periods(workspace)
    return account, report


def _report(judged: Judged) -> tuple[list[dict[str, Any]], pa.Table]:
    """The quality report (a line per rule and column) and the rows to quarantine; waived rows are counted but kept."""
    until = {waiver.rule: waiver.until for waiver in judged.staged.contract.waivers}
    report, refused = [], []
    for rule, failing in zip(judged.rules, judged.staged.broken, strict=True):
        ids = failing
        if rule.id in until and ids:
            ids = rows_after([judged.staged.typed], ids, until[rule.id])
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
