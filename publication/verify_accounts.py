"""Holding accounts and their rows against those the last edition was made from.

A file that was read again may have other rows, or the same in other bytes: by another contract, with other names, or by other
code. The account says which, but whoever rewrote the rows wrote it too, so that nobody has to believe it. Where rows differ the
file itself is read once more, and what it gives decides.

Belongs here: accounts that were rewritten together with their rows. Does not belong here: accounts against the lake
(`verify_workspace`).
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from expectations.intake import read_again
from ingestion.contract import Contract, load_contracts
from ingestion.destruction import Delivered
from ingestion.lake_files import QUARANTINE
from ingestion.landing import delivery_of
from ingestion.ledger_files import read_json
from ingestion.receipts import after_receipts
from ingestion.rereading import changes_of
from ingestion.submission_ledger import Account, account_of, contract_hash
from miyar import sql
from miyar.errors import MiyarError, Problem
from miyar.registry import load_registry
from miyar.workspace import Workspace
from publication.hashing import combined_hash
from publication.manifest import Manifest
from publication.verify_receipts import sound_receipts

AGAIN = "Restore it from backup. Or delete the account: its file is then received as if it were new."


def against_kept(workspace: Workspace, last: Manifest, accounts: list[Account]) -> list[Problem]:
    """Return a problem for each account that, with its rows, is not as the edition kept it, and that nothing explains."""
    kept, receipts = kept_index(workspace, last), sound_receipts(workspace)
    problems = []
    for account in accounts:
        name = f"lake/submissions/{account.submission_id}.json"
        try:
            path = workspace.root / "vintages" / "objects" / kept.get(name, "none")
            before = account_of(read_json(path), path)
        except MiyarError:
            continue  # new since, or the copy is gone or changed, which is told of the copy
        known = after_receipts(receipts, before.files)
        if account.files == known or _are_same_rows(workspace, account.files, known, kept):
            continue
        if why := _unlike_its_file(workspace, account):
            told = f"it and its rows are not those that {last.edition_id} was made from, and {why}"
            problems.append(Problem("account_differs", told, file=name, next_step=AGAIN))
    return problems


def kept_index(workspace: Workspace, manifest: Manifest) -> dict[str, str]:
    """Return the inputs an edition kept, by path; none if the list is gone or is not the one that the manifest names."""
    try:
        source = json.loads((workspace.root / "vintages" / f"{manifest.inputs_hash}.json").read_text("utf-8"))
        return source if combined_hash(source) == manifest.inputs_hash else {}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _are_same_rows(workspace: Workspace, now: dict[str, str], known: dict[str, str], kept: dict[str, str]) -> bool:
    """Whether files that differ hold the same rows in other bytes, as far as the edition kept them."""
    if set(now) != set(known):
        return False
    objects = workspace.root / "vintages" / "objects"
    for name in now:
        if now[name] != known[name]:
            before = objects / kept.get(f"lake/{name}", "none")
            if kept.get(f"lake/{name}") != known[name] or not _have_same_rows(workspace.lake / name, before):
                return False
    return True


def _have_same_rows(one: Path, other: Path) -> bool:
    with duckdb.connect() as connection:
        rows, others = sql.parquet(one), sql.parquet(other)
        try:
            differing = sql.count(
                connection,
                f"select count(*) from ((from {rows} except all from {others}) union all (from {others} except all from {rows}))",
            )
        except duckdb.Error:
            return False
    return differing == 0


def _unlike_its_file(workspace: Workspace, account: Account) -> str:
    """Why its file does not bear an account out; empty if it does."""
    found = Delivered(workspace).of(account)
    if not found:
        return "its file is gone, so that nobody can read it again to see"
    try:
        contract = _contract_of(workspace, account)
        registry = load_registry(workspace.registry)
    except MiyarError:
        contract = None
    if contract is None or contract_hash(contract) != account.contract_hash:
        return "the contract it was read by is no longer there, to read its file again"
    delivery = delivery_of(found[0], contract, account.path.split("/", 2)[-1])
    if isinstance(delivery, Problem):
        return "its file cannot be read again"
    # There the next run empties what a kill leaves, and the file's copy holds personal data.
    workspace.scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.scratch) as folder:
        aside = Workspace(Path(folder), workspace.settings)
        again = read_again(replace(delivery, submission_id=account.submission_id), workspace, registry, account, aside)
        if again is None:
            return "its file, read again, is refused"
        same = not changes_of(account, workspace.lake, again, aside.lake) and _same_quarantine(
            workspace, aside, account
        )
    return "" if same else "its file, read again, gives others"


def _contract_of(workspace: Workspace, account: Account) -> Contract | None:
    contracts = load_contracts(workspace.registry, with_retired=True)
    asked = (account.provider, account.feed, account.contract_id)
    return next((one for one in contracts if (one.provider, one.feed, one.id) == asked), None)


def _same_quarantine(workspace: Workspace, aside: Workspace, account: Account) -> bool:
    name = f"{QUARANTINE}{account.feed}/{account.submission_id}.parquet"
    try:
        tables = [pq.read_table(one.lake / name) if (one.lake / name).is_file() else None for one in (workspace, aside)]
    except (OSError, pa.ArrowException):
        return False
    return tables[0] == tables[1]
