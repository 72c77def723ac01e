"""The ledger: one account per submission, with what people decided about it.

Belongs here: accounts, when a file is read again, withdrawal. Does not belong here: which account counts for a slice
(`slices`), rows (`lake`), judging them (`expectations`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ingestion.contract import Contract
from ingestion.ledger_files import read_json, unreadable, write_json
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace


@dataclass
class Account:
    """The outcome of one submission. Writing it is the commit point: without it the submission was never received."""

    submission_id: str
    provider: str
    feed: str
    contract_id: str
    contract_version: str
    contract_hash: str
    path: str
    delivered_key: str
    sequence: int  # order of arrival
    status: str  # accepted | refused
    source_rows: int = 0
    blank_cells: int = 0
    records: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    erased: int = 0  # records destroyed since, or never taken because their person was erased; not among `records`
    left_out: int = 0  # source rows that the contract does not mean; not among source_rows
    slices: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)  # of the file as a whole
    rule_counts: dict[str, int] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)
    untold: list[dict[str, Any]] = field(default_factory=list)  # accepted rows in no figure: slice_id, reason, rows
    names: dict[str, list[str] | None] = field(default_factory=dict)  # looked up in the registry, by table
    names_hash: str = ""  # of what those names meant when the file was read
    open_periods: str = ""  # set only if rows outside them were quarantined
    withdrawn: str = ""  # the reason, once withdrawn
    content: str = ""  # hash of provider, feed and bytes; empty in accounts whose id is that hash
    is_gone: bool = False  # the file no longer lay where it was received from when the landing zone was last looked at
    files: dict[str, str] = field(default_factory=dict)  # what it wrote: path within the lake -> SHA-256
    decisions: list[dict[str, Any]] = field(default_factory=list)  # what a person accepted: slice, rows, reason, by, at


# What a contract says beside how a file is read: a change of it reads nothing again.
_NOT_READING = {
    "api_version", "kind", "version", "status", "description", "files", "delivery", "precedence", "server", "retention",
    "processing", "link_pseudonyms",
}  # fmt: skip


def contract_hash(contract: Contract) -> str:
    """Hash of what reading and judging a file depends on; when it changes, the contract's files are read again."""
    content = contract.model_dump(mode="json", by_alias=True, exclude=_NOT_READING)
    for reasoned in (*content["waivers"], *content["dropped"]):
        del reasoned["reason"]
    for prop in (*content["properties"], *(one for record in content["records"] for one in record["properties"])):
        del prop["retention"]
    # Only where files add to each other do rows without an id get one of their own.
    content["adds"] = contract.delivery == "add"
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:16]


def untold_count(account: Account) -> int:
    """Accepted rows of a submission that no figure uses."""
    return sum(int(one["rows"]) for one in account.untold)


def read_accounts(workspace: Workspace) -> list[Account]:
    """All accounts, in order of arrival; raises MiyarError naming each that cannot be read."""
    accounts, problems = [], list[Problem]()
    for path in sorted(workspace.submissions.glob("*.json")):
        try:
            accounts.append(_read(path))
        except MiyarError as error:
            problems += error.problems
    if problems:
        raise MiyarError(problems)
    return _in_order(accounts)


def with_received(accounts: Iterable[Account], received: Iterable[Account]) -> list[Account]:
    """The accounts after an intake, in order of arrival; a submission read again replaces its earlier account."""
    return _in_order(by_submission((*accounts, *received)).values())


def _in_order(accounts: Iterable[Account]) -> list[Account]:
    return sorted(accounts, key=lambda account: (account.sequence, account.path, account.submission_id))


def _read(path: Path) -> Account:
    return account_of(read_json(path), path)


def account_of(content: dict[str, Any], path: Path) -> Account:
    """The account that stands in a file of the ledger; raises MiyarError if it is none."""
    try:
        account = Account(**content)
        for one in account.slices:
            _ = one["slice_id"].split("|")[2], one["agency_id"], one["period_id"], one["rows"] + account.sequence
    except (TypeError, KeyError, AttributeError, IndexError):
        raise MiyarError(unreadable(path, "the file is no account")) from None
    return account


def account_path(workspace: Workspace, submission_id: str) -> Path:
    return workspace.submissions / f"{submission_id}.json"


def write_account(workspace: Workspace, account: Account) -> None:
    """Commit a submission. What people decided survives when the same file is read again (after a change of its contract)."""
    path = account_path(workspace, account.submission_id)
    if path.is_file():
        before = _read(path)
        account.withdrawn = account.withdrawn or before.withdrawn
        account.decisions += [one for one in before.decisions if one not in account.decisions]
    write_json(path, asdict(account))


def next_sequence(received: Mapping[str, Account], submission_id: str, *, is_again: bool = False) -> int:
    """A submission's place in the order of arrival; one received before keeps its place unless it was sent again."""
    own = received.get(submission_id)
    return (
        own.sequence
        if own and not is_again
        else max((account.sequence for account in received.values()), default=0) + 1
    )


def by_submission(accounts: Iterable[Account]) -> dict[str, Account]:
    """Submission id -> its account."""
    return {account.submission_id: account for account in accounts}


def withdraw(workspace: Workspace, submission_id: str, reason: str) -> Account:
    """Withdraw a submission; its slices fall back to the delivery before it, or to nothing.

    Raises MiyarError for an unknown submission or an empty reason.
    """
    account = read_account(workspace, submission_id)
    require_reason(reason)
    account = replace(account, withdrawn=reason.strip())
    write_account(workspace, account)
    return account


def read_account(workspace: Workspace, submission_id: str) -> Account:
    """The account of one submission; raises MiyarError if there is none."""
    path = account_path(workspace, submission_id)
    # An id is typed by a person: it must not lead out of the folder.
    if path.parent != workspace.submissions or not path.is_file():
        raise MiyarError(
            Problem(
                "submission_unknown",
                f"there is no submission {submission_id!r}",
                next_step="Look up the id with `miyar status`.",
            )
        )
    return _read(path)


def require_reason(reason: str) -> None:
    """Raise MiyarError for a decision without a reason."""
    if not reason.strip():
        raise MiyarError(Problem("reason_missing", "a decision needs a reason", next_step="Say why."))
