"""Which submission counts for which slice: replacement, additions, contested slices, and those that wait for a person.

Belongs here: deciding it from the accounts. Does not belong here: the accounts themselves (`submission_ledger`), a
person's decision (`decisions`), rows (`lake`).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.contract import Contract
from ingestion.moved_keys import moved_rows
from ingestion.replacement import limits
from ingestion.submission_ledger import Account
from miyar import atomic_files
from miyar.errors import Problem
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
        ("status", pa.string()),  # live | waiting | replaced | contested | refused | withdrawn
        ("rows", pa.int64()),
        ("slice_version", pa.string()),  # changes whenever the submissions that count for the slice change
    ]
)

ContractOf = Callable[[Account], Contract | None]


@dataclass(frozen=True)
class Claim:
    """One account's rows of one slice; `largest` are those of the agency's largest slice in the same delivery."""

    account: Account
    rows: int
    agency_id: str
    period_id: str
    largest: int

    @property
    def status(self) -> str:
        """What it is before others are looked at."""
        if self.account.withdrawn:
            return "withdrawn"
        # A delivery without one good row for the slice says nothing about it, so it replaces nothing.
        return "live" if self.account.status == "accepted" and self.rows else "refused"


@dataclass(frozen=True)
class Waiting:
    """A delivery that does not replace a slice until a person says so, and the rows on both sides."""

    slice_id: str
    account: Account
    before: Account
    rows: int
    rows_before: int

    @property
    def problem(self) -> Problem:
        feed, agency, period = self.slice_id.split("|")
        return Problem(
            "slice_shrinks",
            f"it holds {self.rows:,} rows of {feed} of {period}, where {self.rows_before:,} count that were delivered "
            f"with {self.before.path}; those stay until it is decided",
            agency,
            self.account.path,
            next_step=f'If it is the whole quarter, `miyar accept {self.account.submission_id} {self.slice_id} --reason "…"`; '
            "else deliver the quarter whole, or withdraw this one. If files only ever bring further rows, "
            "let the contract say `delivery: add`.",
        )


def decide(accounts: list[Account], contracts: list[Contract]) -> tuple[pa.Table, list[Problem], list[Waiting]]:
    """Which submission counts for which slice, slices that two providers claim with equal precedence, and what waits.

    The result depends on the accounts only, not on their order in the list.
    """
    by_contract = {(contract.provider, contract.feed, contract.id): contract for contract in contracts}

    def contract_of(account: Account) -> Contract | None:
        return by_contract.get((account.provider, account.feed, account.contract_id))

    claims: dict[str, list[Claim]] = {}
    for account in sorted(accounts, key=_delivery_order):
        largest: dict[str, int] = {}
        for one in account.slices:
            largest[one["agency_id"]] = max(one["rows"], largest.get(one["agency_id"], 0))
        for one in account.slices:
            claim = Claim(account, one["rows"], one["agency_id"], one["period_id"], largest[one["agency_id"]])
            claims.setdefault(one["slice_id"], []).append(claim)
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    waiting: list[Waiting] = []
    for slice_id in sorted(claims):
        found, contested, held = _one_slice(slice_id, claims[slice_id], contract_of)
        rows += found
        problems += contested
        waiting += held
    return pa.Table.from_pylist(rows, schema=SLICES), problems, waiting


def live_slices(accounts: list[Account], contracts: list[Contract]) -> tuple[pa.Table, list[Problem]]:
    """Which submission counts for which slice, and a problem for each slice that is contested or that a delivery would shrink."""
    table, problems, waiting = decide(accounts, contracts)
    return table, [*problems, *(one.problem for one in waiting)]


def _delivery_order(account: Account) -> tuple[str, int, str, str]:
    return account.delivered_key, account.sequence, account.path, account.submission_id


def _one_slice(
    slice_id: str, claims: list[Claim], contract_of: ContractOf
) -> tuple[list[dict[str, Any]], list[Problem], list[Waiting]]:
    status = {claim.account.submission_id: claim.status for claim in claims}
    latest: list[Account] = []
    waiting: list[Waiting] = []
    valid = [claim for claim in claims if claim.status == "live"]
    for provider in sorted({claim.account.provider for claim in valid}):
        own = [claim for claim in valid if claim.account.provider == provider]
        counting, held = _of_provider(slice_id, own, contract_of)
        latest += counting
        waiting += held
    counting, contested = _first_by_precedence(latest, contract_of)
    live = {account.submission_id for account in counting}
    status |= {c.account.submission_id: "replaced" for c in valid if c.account.submission_id not in live}
    status |= {one.account.submission_id: "waiting" for one in waiting}
    problems = []
    if contested:
        problems.append(_contested(slice_id, contested))
        status |= {account.submission_id: "contested" for account in latest}
    version = _version(counting)
    rank: dict[str, int] = {}
    rows = []
    for claim in claims:
        account = claim.account
        rank[account.provider] = rank.get(account.provider, 0) + 1
        rows.append(
            {
                "slice_id": slice_id,
                "feed": account.feed,
                "agency_id": claim.agency_id,
                "period_id": claim.period_id,
                "provider_id": account.provider,
                "submission_id": account.submission_id,
                "delivery_rank": rank[account.provider],
                "status": status[account.submission_id],
                "rows": claim.rows,
                "slice_version": version,
            }
        )
    return rows, problems, waiting


def _of_provider(slice_id: str, own: list[Claim], contract_of: ContractOf) -> tuple[list[Account], list[Waiting]]:
    """A provider's deliveries that count for a slice, and those after them that wait; `own` is in order of delivery."""
    contract = contract_of(own[-1].account)
    if contract is not None and contract.delivery != "replace":
        return [claim.account for claim in own], []
    last, waiting = own[0], list[Waiting]()
    for claim in own[1:]:
        if limits().hold(claim.rows, last.rows, claim.largest) and not _is_accepted(slice_id, claim):
            waiting.append(Waiting(slice_id, claim.account, last.account, claim.rows, last.rows))
        else:
            last, waiting = claim, []
    return [last.account], waiting


def _is_accepted(slice_id: str, claim: Claim) -> bool:
    """Whether a person decided for these rows; read again with others, the slice is asked for anew."""
    return any(one["slice_id"] == slice_id and one["rows"] == claim.rows for one in claim.account.decisions)


def _first_by_precedence(latest: list[Account], contract_of: ContractOf) -> tuple[list[Account], list[Account]]:
    """The first provider's deliveries and no contested ones; or, if several share first place, none and the deliveries of all.

    Providers that all only add rows (two systems of one agency) share it without contest.
    """
    precedence: dict[str, float] = {}
    for account in latest:
        own = _precedence(contract_of(account))
        precedence[account.provider] = min(own, precedence.get(account.provider, own))
    first = min(precedence.values(), default=0.0)
    winners = {provider for provider, rank in precedence.items() if rank == first}
    counting = [account for account in latest if account.provider in winners]
    adding = all((one := contract_of(account)) is not None and one.delivery == "add" for account in counting)
    return (counting, []) if len(winners) < 2 or adding else ([], counting)


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
    """Write `slices.parquet` and `moved.parquet` of the lake from all accounts; return the first, and what is to be told.

    That are contested slices, those a delivery would shrink, and ids that start anew.
    """
    table, problems = live_slices(accounts, contracts)
    order = [account.submission_id for account in sorted(accounts, key=_delivery_order)]
    live = table.filter(pc.equal(table["status"], "live")).to_pylist()
    moved, told = moved_rows(workspace.lake, live, order, contracts, int(limits().restart_from_rows))
    table = _with_moved(table, moved)
    for name, content in (("slices", table), ("moved", moved)):
        path = workspace.lake / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(content, atomic_files.part_of(path), compression="zstd")
        atomic_files.finish(path)
    return table, [*problems, *told]


def _with_moved(table: pa.Table, moved: pa.Table) -> pa.Table:
    """The slices, those that lost rows to others with a version of their own."""
    lost: dict[str, Any] = {}
    for row in moved.to_pylist():
        lost.setdefault(row["slice_id"], hashlib.sha256()).update(f"{row['row_id']}\n".encode())
    versions = [
        hashlib.sha256(f"{version} {lost[slice_id].hexdigest()}".encode()).hexdigest()[:16]
        if slice_id in lost
        else version
        for slice_id, version in zip(table["slice_id"].to_pylist(), table["slice_version"].to_pylist(), strict=True)
    ]
    position = table.schema.get_field_index("slice_version")
    return table.set_column(position, SLICES.field(position), pa.array(versions, pa.string()))
