"""When a file is read again, and that this takes no accepted row away: what would change is a proposal a person decides on.

    lake/proposals/<submission_id>.json   the account as it would be, what would change in each slice, and the decision

Belongs here: whether a file is done, comparing a new reading with the accepted one, proposals. Does not belong here: the
reading itself (`staging`), its account (`submission_ledger`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.faults import RETRIED
from ingestion.feeds import load_feeds
from ingestion.landing import Delivery
from ingestion.ledger_files import read_json, unreadable, write_json
from ingestion.names import names_hash
from ingestion.submission_ledger import Account, account_of, contract_hash, require_reason
from miyar import atomic_files, sql
from miyar.errors import MiyarError, Problem
from miyar.registry import Registry
from miyar.workspace import Workspace


@dataclass
class Proposal:
    """A reading that would change accepted rows, or rows of a closed quarter.

    `changes` lists per slice `rows_before`, `rows` and `rows_changed` (rows that go, come or differ). `decision` is
    empty until a person accepts it, so that the next run applies it, or refuses it (`is_refused`): the account then
    stays as it is until something else changes.
    """

    account: Account
    changes: list[dict[str, Any]]
    decision: dict[str, str] = field(default_factory=dict)
    is_refused: bool = False

    @property
    def problem(self) -> Problem:
        """What the operator is told until it is decided."""
        before, after = (sum(one[name] for one in self.changes) for name in ("rows_before", "rows"))
        periods = ", ".join(sorted({one["slice_id"].rpartition("|")[2] for one in self.changes}))
        changed = sum(one["rows_changed"] for one in self.changes)
        return Problem(
            "reading_changes",
            f"read under today's contract, registry and periods, {changed:,} rows of {periods} would change "
            f"({before:,} rows before, {after:,} after); what was accepted stays until it is decided",
            self.account.provider,
            self.account.path,
            next_step=f'`miyar accept {self.account.submission_id} --reason "…"` applies it at the next run; '
            "`miyar keep` with a reason leaves it as it is; or set back what was changed.",
        )


def is_done(account: Account | None, delivery: Delivery, workspace: Workspace, registry: Registry) -> bool:
    """Return whether `account` is of the same bytes, and reading them again could not end differently.

    It could after a machine failure, under another contract, when the registry gives a name in the file another
    meaning, or when rows were quarantined as outside the open periods and these have changed. A reading that waits for
    a decision is not read once more for the same reasons.
    """
    if account is None or delivery.is_again:
        return False
    if _is_of_today(account, delivery, workspace, registry):
        return True
    proposal = read_proposal(workspace, account.submission_id)
    if proposal is None or (proposal.decision and not proposal.is_refused):
        return False
    return not is_lost(account, workspace) and _is_of_today(
        proposal.account, delivery, workspace, registry, is_plan=True
    )


def _is_of_today(
    account: Account, delivery: Delivery, workspace: Workspace, registry: Registry, *, is_plan: bool = False
) -> bool:
    was_judged = not any(problem["rule"] in RETRIED for problem in account.problems)
    return (
        was_judged
        and (is_plan or not is_lost(account, workspace))
        and account.contract_hash == contract_hash(delivery.contract)
        and (not account.names or account.names_hash == names_hash(account.names, registry))
        and account.open_periods in ("", open_periods(workspace))
    )


def open_periods(workspace: Workspace) -> str:
    """First and last period that rows are accepted for, as an account records them."""
    return f"{workspace.settings.periods.first}-{workspace.settings.periods.last}"


def accepted_periods(account: Account | None) -> list[str]:
    """The periods an accepted account has rows of: closed since or not, they are judged as open when it is read again."""
    return [] if account is None else sorted({one["period_id"] for one in account.slices if one["rows"]})


def changes_of(before: Account, lake: Path, after: Account, again: Path) -> list[dict[str, Any]]:
    """What a new reading (its files in the lake `again`) would change of the accepted one, per slice, in order of slices."""
    columns = ", ".join(load_feeds()[before.feed].lake_schema.names)
    with duckdb.connect() as connection:
        for name, folder in (("old", lake), ("new", again)):
            files = sorted((folder / before.feed).glob(f"period=*/{before.submission_id}.parquet"))
            rows = f"select {columns} from {sql.parquet(*files)}" if files else f"select {columns} from old limit 0"
            if name == "old" and not _are_whole(files, before):
                return _changed_counts(before, after)
            connection.execute(f"create view {name} as {rows}")
        found = connection.execute(
            """select slice_id, max(n) from (
                select slice_id, count(*) as n from (from old except all from new) group by all
                union all
                select slice_id, count(*) from (from new except all from old) group by all
            ) group by all order by all"""
        ).fetchall()
    rows_before, rows_after = ({one["slice_id"]: one["rows"] for one in each.slices} for each in (before, after))
    return [
        {
            "slice_id": slice_id,
            "rows_before": rows_before.get(slice_id, 0),
            "rows": rows_after.get(slice_id, 0),
            "rows_changed": changed,
        }
        for slice_id, changed in found
    ]


def _are_whole(files: list[Path], account: Account) -> bool:
    """Whether the lake still has every row the account accepted."""
    return sum(_rows_in(path) for path in files) == account.accepted


def _rows_in(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):
        return 0


def _changed_counts(before: Account, after: Account) -> list[dict[str, Any]]:
    """Where rows of the lake are lost their numbers are compared: what is read again takes their place."""
    old, new = ({one["slice_id"]: one["rows"] for one in each.slices} for each in (before, after))
    return [
        {"slice_id": name, "rows_before": old.get(name, 0), "rows": new.get(name, 0), "rows_changed": abs(change)}
        for name in sorted(old | new)
        if (change := new.get(name, 0) - old.get(name, 0))
    ]


def is_lost(account: Account, workspace: Workspace) -> bool:
    """Whether rows that the account accepted are no longer in the lake, or cannot be read."""
    files = [
        workspace.lake / account.feed / f"period={period}" / f"{account.submission_id}.parquet"
        for period in accepted_periods(account)
    ]
    return bool(account.accepted) and not _are_whole([path for path in files if path.is_file()], account)


def lost_rows(workspace: Workspace, accounts: Iterable[Account], lying: set[str]) -> list[Problem]:
    """A problem for each account whose rows are gone from the lake and whose file is gone too; others are read again."""
    return [
        Problem(
            "rows_missing",
            f"{account.accepted:,} accepted rows are no longer in the lake, and the file they came from is gone",
            account.provider,
            account.path,
            next_step="Restore the folder lake, or the file, from backup.",
        )
        for account in accounts
        if account.submission_id not in lying and not account.withdrawn and is_lost(account, workspace)
    ]


def takes_away(changes: Iterable[Mapping[str, Any]], workspace: Workspace) -> bool:
    """Whether a person has to decide: accepted rows go or differ, or rows come into a quarter that is closed."""
    first, last = workspace.settings.periods.first, workspace.settings.periods.last
    return any(
        one["rows"] - one["rows_before"] < one["rows_changed"]
        or not first <= one["slice_id"].rpartition("|")[2] <= last
        for one in changes
    )


def _path(workspace: Workspace, submission_id: str) -> Path:
    return workspace.lake / "proposals" / f"{submission_id}.json"


def write_proposal(workspace: Workspace, proposal: Proposal) -> None:
    """Keep a proposal, in place of an earlier one of the same file."""
    write_json(_path(workspace, proposal.account.submission_id), asdict(proposal))


def drop_proposal(workspace: Workspace, submission_id: str) -> None:
    """Forget a file's proposal, if there is one: it was applied, or what led to it was set back."""
    atomic_files.remove([_path(workspace, submission_id)])


def read_proposal(workspace: Workspace, submission_id: str) -> Proposal | None:
    """The proposal for one submission, or None."""
    path = _path(workspace, submission_id)
    if not path.is_file():
        return None
    source = read_json(path)
    try:
        account = account_of(source["account"], path)
        return Proposal(account, source["changes"], source["decision"], source["is_refused"])
    except KeyError:
        raise MiyarError(unreadable(path, "the file is no proposal")) from None


def read_proposals(workspace: Workspace) -> list[Proposal]:
    """All proposals that wait, in path order."""
    paths = sorted((workspace.lake / "proposals").glob("*.json"))
    found = [one for path in paths if (one := read_proposal(workspace, path.stem)) and not one.decision]
    return sorted(found, key=lambda one: (one.account.path, one.account.submission_id))


def drop_settled(
    workspace: Workspace, registry: Registry, deliveries: Iterable[Delivery], received: Mapping[str, Account]
) -> None:
    """Forget the proposals of files that today's contract, registry and periods read as they were accepted."""
    asked = {path.stem for path in (workspace.lake / "proposals").glob("*.json")}
    for delivery in deliveries:
        account = received.get(delivery.submission_id)
        if delivery.submission_id in asked and account and _is_of_today(account, delivery, workspace, registry):
            drop_proposal(workspace, delivery.submission_id)


def accept_reading(
    workspace: Workspace, submission_id: str, reason: str, now: datetime, by: str, *, is_refused: bool = False
) -> Proposal:
    """Let a proposal be applied by the next run, or refuse it; raises MiyarError if there is none or no reason is given."""
    require_reason(reason)
    proposal = read_proposal(workspace, submission_id)
    if proposal is None or proposal.decision:
        raise MiyarError(
            Problem(
                "nothing_waits",
                f"no reading of submission {submission_id!r} waits for a decision",
                next_step="See `miyar status` for what waits.",
            )
        )
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    proposal.is_refused = is_refused
    proposal.decision = {"reason": reason.strip(), "by": by, "at": at}
    write_proposal(workspace, proposal)
    return proposal


def decisions_of(proposal: Proposal, changes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The decision as an account keeps it, one for each slice that changed."""
    return [{name: one[name] for name in ("slice_id", "rows", "rows_before")} | proposal.decision for one in changes]
