"""The ledger: one account per submission, which together decide which submission counts for which slice.

Belongs here: accounts, replacement, withdrawal, contested slices. Does not belong here: rows (`lake`), judging them
(`expectations`).
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.contract import Contract
from ingestion.faults import RETRIED
from ingestion.landing import Delivery
from ingestion.names import names_hash
from miyar import atomic_files
from miyar.errors import MiyarError, Problem
from miyar.registry import Registry
from miyar.workspace import Workspace

SLICES = pa.schema(
    [
        ("slice_id", pa.string()),
        ("feed", pa.string()),
        ("agency_id", pa.string()),
        ("period_id", pa.string()),
        ("provider_id", pa.string()),
        ("submission_id", pa.string()),
        ("delivery_rank", pa.int64()),  # 1 is the earliest delivery of the slice by its provider
        ("status", pa.string()),  # live | replaced | contested | refused | withdrawn
        ("rows", pa.int64()),
        ("slice_version", pa.string()),  # changes whenever the submissions that count for the slice change
    ]
)


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
    left_out: int = 0  # source rows that the contract does not mean; not among source_rows
    slices: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)  # of the file as a whole
    rule_counts: dict[str, int] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)
    names: dict[str, list[str] | None] = field(default_factory=dict)  # looked up in the registry, by table
    names_hash: str = ""  # of what those names meant when the file was read
    open_periods: str = ""  # set only if rows outside them were quarantined
    withdrawn: str = ""  # the reason, once withdrawn


def contract_hash(contract: Contract) -> str:
    """Hash of everything a contract says; when it changes, the contract's files are read again."""
    return hashlib.sha256(contract.model_dump_json(by_alias=True).encode()).hexdigest()[:16]


def read_accounts(workspace: Workspace) -> list[Account]:
    """All accounts, in order of arrival."""
    return _in_order(_read(path) for path in workspace.submissions.glob("*.json"))


def with_received(accounts: Iterable[Account], received: Iterable[Account]) -> list[Account]:
    """The accounts after an intake, in order of arrival; a submission read again replaces its earlier account."""
    return _in_order(by_submission((*accounts, *received)).values())


def _in_order(accounts: Iterable[Account]) -> list[Account]:
    return sorted(accounts, key=lambda account: (account.sequence, account.path, account.submission_id))


def _read(path: Path) -> Account:
    return Account(**json.loads(path.read_text("utf-8")))


def account_path(workspace: Workspace, submission_id: str) -> Path:
    return workspace.submissions / f"{submission_id}.json"


def write_account(workspace: Workspace, account: Account) -> None:
    """Commit a submission. A withdrawal survives when the same file is read again (after a change of its contract)."""
    path = account_path(workspace, account.submission_id)
    if path.is_file() and not account.withdrawn:
        account.withdrawn = _read(path).withdrawn
    content = json.dumps(asdict(account), ensure_ascii=False, indent=1, sort_keys=True)
    atomic_files.write_text(path, content + "\n")


def is_done(account: Account | None, delivery: Delivery, workspace: Workspace, registry: Registry) -> bool:
    """Return whether `account` is of the same bytes, and reading them again could not end differently.

    It could after a machine failure, under another contract, when the registry gives a name in the file another
    meaning, or when rows were quarantined as outside the open periods and these have changed.
    """
    if account is None:
        return False
    was_judged = not any(problem["rule"] in RETRIED for problem in account.problems)
    return (
        was_judged
        and account.contract_hash == contract_hash(delivery.contract)
        and (not account.names or account.names_hash == names_hash(account.names, registry))
        and account.open_periods in ("", open_periods(workspace))
    )


def open_periods(workspace: Workspace) -> str:
    """First and last period that rows are accepted for, as an account records them."""
    return f"{workspace.settings.periods.first}-{workspace.settings.periods.last}"


def next_sequence(received: Mapping[str, Account], submission_id: str) -> int:
    """A submission's place in the order of arrival; one received before keeps its place."""
    own = received.get(submission_id)
    return own.sequence if own else max((account.sequence for account in received.values()), default=0) + 1


def by_submission(accounts: Iterable[Account]) -> dict[str, Account]:
    """Submission id -> its account."""
    return {account.submission_id: account for account in accounts}


def withdraw(workspace: Workspace, submission_id: str, reason: str) -> Account:
    """Withdraw a submission; its slices fall back to the delivery before it, or to nothing.

    Raises MiyarError for an unknown submission or an empty reason.
    """
    path = account_path(workspace, submission_id)
    if not path.is_file():
        raise MiyarError(
            Problem(
                "submission_unknown",
                f"there is no submission {submission_id!r}",
                next_step="Look up the id with `miyar status`.",
            )
        )
    if not reason.strip():
        raise MiyarError(Problem("reason_missing", "a withdrawal needs a reason", next_step="Say why."))
    account = replace(_read(path), withdrawn=reason.strip())
    write_account(workspace, account)
    return account


def live_slices(accounts: list[Account], contracts: list[Contract]) -> tuple[pa.Table, list[Problem]]:
    """Which submission counts for which slice, and a problem for each slice that two providers claim with equal precedence.

    The result depends on the accounts only, not on their order in the list.
    """
    by_contract = {(contract.provider, contract.feed, contract.id): contract for contract in contracts}
    claims: dict[str, list[tuple[Account, dict[str, Any]]]] = {}
    for account in sorted(accounts, key=_delivery_order):
        for one in account.slices:
            claims.setdefault(one["slice_id"], []).append((account, one))
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for slice_id in sorted(claims):
        found, contested = _one_slice(slice_id, claims[slice_id], by_contract)
        rows += found
        problems += contested
    return pa.Table.from_pylist(rows, schema=SLICES), problems


def _delivery_order(account: Account) -> tuple[str, int, str, str]:
    return account.delivered_key, account.sequence, account.path, account.submission_id


def _one_slice(
    slice_id: str,
    claims: list[tuple[Account, dict[str, Any]]],
    contracts: dict[tuple[str, str, str], Contract],
) -> tuple[list[dict[str, Any]], list[Problem]]:
    def contract_of(account: Account) -> Contract | None:
        return contracts.get((account.provider, account.feed, account.contract_id))

    status = {account.submission_id: _own_status(account, one) for account, one in claims}
    valid = [account for account, _ in claims if status[account.submission_id] == "live"]
    latest = _latest(valid, contract_of)
    counting, contested = _first_by_precedence(latest, contract_of)
    live = {account.submission_id for account in counting}
    status |= {account.submission_id: "replaced" for account in valid if account.submission_id not in live}
    problems = []
    if contested:
        problems.append(_contested(slice_id, contested))
        status |= {account.submission_id: "contested" for account in latest}
    version = _version(counting)
    rank: dict[str, int] = {}
    rows = []
    for account, one in claims:
        rank[account.provider] = rank.get(account.provider, 0) + 1
        rows.append(
            {
                "slice_id": slice_id,
                "feed": account.feed,
                "agency_id": one["agency_id"],
                "period_id": one["period_id"],
                "provider_id": account.provider,
                "submission_id": account.submission_id,
                "delivery_rank": rank[account.provider],
                "status": status[account.submission_id],
                "rows": one["rows"],
                "slice_version": version,
            }
        )
    return rows, problems


def _latest(valid: list[Account], contract_of: Callable[[Account], Contract | None]) -> list[Account]:
    """Each provider's last delivery, or all of them where later ones only add and update rows; `valid` is in order."""
    found: list[Account] = []
    for provider in sorted({account.provider for account in valid}):
        own = [account for account in valid if account.provider == provider]
        contract = contract_of(own[-1])
        found += own if contract is not None and contract.delivery == "upsert" else own[-1:]
    return found


def _first_by_precedence(
    latest: list[Account], contract_of: Callable[[Account], Contract | None]
) -> tuple[list[Account], list[Account]]:
    """The first provider's deliveries and no contested ones; or, if several share first place, none and the deliveries of all."""
    precedence: dict[str, float] = {}
    for account in latest:
        own = _precedence(contract_of(account))
        precedence[account.provider] = min(own, precedence.get(account.provider, own))
    first = min(precedence.values(), default=0.0)
    winners = {provider for provider, rank in precedence.items() if rank == first}
    counting = [account for account in latest if account.provider in winners]
    return (counting, []) if len(winners) < 2 else ([], counting)


def _own_status(account: Account, one: dict[str, Any]) -> str:
    if account.withdrawn:
        return "withdrawn"
    # A delivery without one good row for the slice says nothing about it, so it replaces nothing.
    return "live" if account.status == "accepted" and one["rows"] else "refused"


def _precedence(contract: Contract | None) -> float:
    return float("inf") if contract is None or contract.precedence is None else contract.precedence


def _contested(slice_id: str, accounts: list[Account]) -> Problem:
    feed, agency, period = slice_id.split("|")
    return Problem(
        "slice_contested",
        f"{' and '.join(sorted({account.provider for account in accounts}))} both deliver {feed} of {period}; "
        "neither counts until it is decided",
        agency,
        ", ".join(sorted(account.path for account in accounts)),
        next_step="Give the contract that shall win the lower `precedence`, or withdraw one submission.",
    )


def _version(live: list[Account]) -> str:
    digest = hashlib.sha256()
    for account in live:
        digest.update(
            f"{account.submission_id} {account.contract_hash} {account.names_hash} {account.accepted}\n".encode()
        )
    return digest.hexdigest()[:16]


def write_slices(
    workspace: Workspace, accounts: list[Account], contracts: list[Contract]
) -> tuple[pa.Table, list[Problem]]:
    """Write `lake/slices.parquet` from all accounts; return the table and the contested slices."""
    table, problems = live_slices(accounts, contracts)
    path = workspace.lake / "slices.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, atomic_files.part_of(path), compression="zstd")
    atomic_files.finish(path)
    return table, problems
