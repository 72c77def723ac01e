"""What is kept longer than its contract says, as of a day, and its destruction.

Belongs here: clocks of rows, columns, quarantine, delivered files and vintages. Does not belong here: durations
(`ingestion.stewardship`), rewriting files (`ingestion.destruction`), erasing people (`erasure`).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from expectations.told import untold_rows
from ingestion.contract import Contract
from ingestion.destruction import Delivered, drop_derived, kept_rows, lake_files, remove_file, rewrite
from ingestion.erased import EVERY, QUARANTINE, Ended, add_ended, ended_note, scopes_of
from ingestion.headers import properties_of
from ingestion.receipts import Decision, Destroyed, Receipts
from ingestion.stewardship import Retention
from ingestion.submission_ledger import Account, read_account, read_accounts, write_account
from miyar import sql
from miyar.periods import last_day
from miyar.registry import Registry
from miyar.workspace import Workspace


@dataclass(frozen=True)
class Due:
    """Something kept too long (rows, column, quarantine, landing or vintage), since when, and the contract's reason."""

    what: str
    path: Path
    since: date
    reason: str
    submission_id: str = ""
    columns: tuple[str, ...] = ()


def due(workspace: Workspace, contracts: list[Contract], as_of: date) -> list[Due]:
    """All that is kept too long on a day, in order of submissions.

    A delivered file goes when all its quarters are over the shortest of its clocks, for it holds every column. A vintage goes
    when any is, and its edition can no longer be reproduced.
    """
    found, delivered = list[Due](), Delivered(workspace)
    by_id = {(one.provider, one.feed, one.id): one for one in contracts}
    for account in read_accounts(workspace):
        contract = by_id.get((account.provider, account.feed, account.contract_id))
        if contract is not None:
            found += _of_account(workspace, account, contract, as_of, delivered)
    for path in kept_rows(workspace):
        found += _of_vintage(path, contracts, as_of)
    # Files of the same bytes have an account each.
    return list({(one.what, one.path, one.columns): one for one in found}.values())


def _of_account(
    workspace: Workspace, account: Account, contract: Contract, as_of: date, delivered: Delivered
) -> list[Due]:
    found = list[Due]()
    for path in lake_files(workspace, account):
        ended = last_day(path.parent.name.partition("=")[2])
        if (clock := contract.retention) and clock.due(ended) <= as_of:
            found.append(Due("rows", path, clock.due(ended), clock.reason, account.submission_id))
            continue
        for name, column_clock in _columns(contract).items():
            if column_clock.due(ended) <= as_of and _is_filled(path, name):
                day, reason = column_clock.due(ended), column_clock.reason
                found.append(Due("column", path, day, reason, account.submission_id, (name,)))
    ended = _last_day_of(workspace, account)
    quarantine = workspace.quarantine / account.feed / f"{account.submission_id}.parquet"
    if (clock := contract.retention) and quarantine.is_file() and clock.due(ended) <= as_of:
        found.append(Due("quarantine", quarantine, clock.due(ended), clock.reason, account.submission_id))
    clocks = [*_columns(contract).values(), *([contract.retention] if contract.retention else [])]
    if clocks:
        shortest = min(clocks, key=lambda one: one.due(ended))
        for path in delivered.of(account) if shortest.due(ended) <= as_of else ():
            found.append(Due("landing", path, shortest.due(ended), shortest.reason, account.submission_id))
    return found


def _columns(contract: Contract) -> dict[str, Retention]:
    return {prop.name: prop.retention for prop in properties_of(contract) if prop.retention is not None}


def _last_day_of(workspace: Workspace, account: Account) -> date:
    """The last day a file speaks of; of one without a quarter, the day its bytes were last changed."""
    if account.slices:
        return max(last_day(one["period_id"]) for one in account.slices)
    path = workspace.landing / account.path
    moment = path.lstat().st_mtime if path.is_file() else 0.0
    return datetime.fromtimestamp(moment, UTC).date() if moment else date.max.replace(year=9000)


def _is_filled(path: Path, column: str) -> bool:
    with duckdb.connect() as connection:
        return sql.count(connection, f"select count({column}) from {sql.parquet(path)}") > 0


def _of_vintage(path: Path, contracts: list[Contract], as_of: date) -> list[Due]:
    with duckdb.connect() as connection:
        held = connection.execute(
            f"select distinct provider_id, split_part(slice_id, '|', 1), period_id from {sql.parquet(path)}"
        ).fetchall()
    for provider, feed, period in held:
        for contract in contracts:
            clocks = [*_columns(contract).values(), *([contract.retention] if contract.retention else [])]
            for clock in clocks if (contract.provider, contract.feed) == (provider, feed) else ():
                if clock.due(last_day(period)) <= as_of:
                    return [Due("vintage", path, clock.due(last_day(period)), clock.reason)]
    return []


def destroy(workspace: Workspace, registry: Registry, found: list[Due], decision: Decision) -> list[Destroyed]:
    """Destroy all of it, each with a receipt, and let nothing of it be taken in again; return what was destroyed."""
    there = [one for one in found if one.path.is_file()]
    receipts = Receipts(workspace, "retention", decision)
    # First, so that nothing read in between or after a kill brings them back.
    add_ended(receipts, [ended for one in there for ended in _ended(workspace, one)])
    for one in there:
        _destroy(receipts, registry, one)
    if there:
        drop_derived(workspace)
    return [one for one in receipts.destroyed if one.what != "clocks"]


def _ended(workspace: Workspace, one: Due) -> list[Ended]:
    """What may not come back of it."""
    if one.what not in ("rows", "column", "quarantine"):
        return []
    account = read_account(workspace, one.submission_id)
    content = account.content or account.submission_id
    if one.what == "quarantine":
        return [(content, EVERY, QUARANTINE)]
    period = one.path.parent.name.partition("=")[2]
    scopes = scopes_of(account.provider, account.feed, account.contract_id, content)
    return [(scope, period, column) for scope in scopes for column in one.columns or ("",)]


def _destroy(receipts: Receipts, registry: Registry, one: Due) -> None:
    if one.what in ("landing", "vintage"):
        remove_file(receipts, one.path, one.what)
        return
    workspace = receipts.workspace
    account = read_account(workspace, one.submission_id)
    if one.what == "quarantine":
        # The account first: after a kill in between the file is due once more.
        held, name = account.quarantined, one.path.relative_to(workspace.lake).as_posix()
        account.quarantined, account.records, account.erased = 0, account.records - held, account.erased + held
        account.files = {path: digest for path, digest in account.files.items() if path != name}
        write_account(workspace, account)
        remove_file(receipts, one.path, one.what, held)
    elif one.what == "column":
        rewrite(receipts, account, one.path, what="column", emptied=one.columns)
    else:
        period = one.path.parent.name.partition("=")[2]
        note = ended_note(account.provider, account.path, [s for s in account.slices if s["period_id"] == period])
        rewrite(receipts, account, one.path, what="rows", without="true")
        account.notes = [*([note.as_dict()] if note else []), *account.notes]
        account.untold = untold_rows(workspace, account.feed, account.submission_id, registry)
        write_account(workspace, account)
