"""Taking rows out of files that are kept, each with a receipt.

An account is written before the file it speaks of takes its place: after a kill between both the same command, given again, finds
the file as it was and makes the same new one.

Belongs here: finding, rewriting and removing files of lake, vintages and landing zone, with their accounts. Does not belong
here: what is taken out (`expectations.retention`, `expectations.erasure`), receipts themselves (`receipts`).
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import duckdb

from ingestion.lake_files import file_hash
from ingestion.landed import UnsettledError, hash_of
from ingestion.landing import content_of
from ingestion.ledger_files import write_json
from ingestion.receipts import Destroyed, Receipts
from ingestion.submission_ledger import Account
from miyar import atomic_files, sql
from miyar.workspace import Workspace


def lake_files(workspace: Workspace, account: Account) -> list[Path]:
    """The files of a submission's accepted rows."""
    return sorted((workspace.lake / account.feed).glob(f"period=*/{account.submission_id}.parquet"))


def rewrite(
    receipts: Receipts,
    account: Account,
    path: Path,
    *,
    what: str,
    without: str = "false",
    emptied: Iterable[str] = (),
) -> Destroyed:
    """Write a lake file anew without the rows of a condition, or with emptied columns; account and file change together.

    A file that keeps no row goes.
    """
    workspace = receipts.workspace
    name = path.relative_to(workspace.lake).as_posix()
    before, part = file_hash(path), atomic_files.part_of(path)
    with duckdb.connect() as connection:
        rows = sql.parquet(path, with_places=True)
        columns = [one for one, *_ in connection.execute(f"describe from {sql.parquet(path)}").fetchall()]
        shown = ", ".join(
            f"null::{_type_of(connection, path, one)} as {one}" if one in set(emptied) else one for one in columns
        )
        condition = f"not coalesce({without}, false)"
        sql.write(connection, f"select {shown} from {rows} where {condition} order by file_row_number", part)
        counts = dict(connection.execute(f"select slice_id, count(*) from {sql.parquet(part)} group by all").fetchall())
        held = dict(connection.execute(f"select slice_id, count(*) from {sql.parquet(path)} group by all").fetchall())
    _count_out(account, {one: counts.get(one, 0) for one in held})
    after = file_hash(part) if counts else ""
    account.files = {**account.files, name: after} if after else {k: v for k, v in account.files.items() if k != name}
    concerned = sum(held.values()) - (0 if emptied else sum(counts.values()))
    destroyed = Destroyed(what, f"lake/{name}", concerned, before, after)
    write_json(workspace.submissions / f"{account.submission_id}.json", asdict(account))
    receipts.note(destroyed)
    if after:
        atomic_files.finish(path)
    else:
        atomic_files.remove([part, path])
    return destroyed


def _type_of(connection: duckdb.DuckDBPyConnection, path: Path, column: str) -> str:
    row = connection.execute(f"select typeof({column}) from {sql.parquet(path)} limit 1").fetchone()
    return str(row[0]) if row else "varchar"


def _count_out(account: Account, left: Mapping[str, int]) -> None:
    """Let the account have the rows that are left of some slices; those a person decided for are decided for without the others.

    After a kill the account may have been counted before its file was changed: then nothing is counted out again.
    """
    before = {one["slice_id"]: int(one["rows"]) for one in account.slices}
    for one in [*account.slices, *account.decisions]:
        if one.get("slice_id") in left and one.get("rows") == before.get(one["slice_id"]):
            one["rows"] = left[one["slice_id"]]
    gone = sum(before.get(name, rows) - rows for name, rows in left.items())
    account.accepted, account.records, account.erased = (
        account.accepted - gone,
        account.records - gone,
        account.erased + gone,
    )


def remove_file(receipts: Receipts, path: Path, what: str, rows: int = 0) -> None:
    """Remove one file of the workspace."""
    receipts.note(Destroyed(what, path.relative_to(receipts.workspace.root).as_posix(), rows, file_hash(path)))
    path.chmod(0o600)
    path.unlink()


class Delivered:
    """The files of the landing zone by their bytes: a file that was moved or copied holds the same people as the first.

    Each folder of a provider and feed is read once, when it is first asked for.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._landing = workspace.landing.resolve()
        self._found = dict[tuple[str, str], dict[str, list[Path]]]()

    def of(self, account: Account) -> list[Path]:
        """Return the files with the bytes that a submission was read from, in order of their names."""
        provider, feed = account.provider, account.feed
        if (provider, feed) not in self._found:
            by_content = self._found.setdefault((provider, feed), {})
            for path in sorted((self._landing / provider / feed).rglob("*")):
                if content := _content(path, provider, feed):
                    by_content.setdefault(content, []).append(path)
        return self._found[provider, feed].get(account.content or account.submission_id, [])


def _content(path: Path, provider: str, feed: str) -> str:
    try:
        return hash_of(path, content_of(provider, feed))[:16]
    except (OSError, UnsettledError):
        return ""


def kept_rows(workspace: Workspace) -> Iterator[Path]:
    """The files of accepted rows that are kept for the reproduction of earlier editions."""
    for path in sorted((workspace.root / "vintages" / "objects").glob("*")):
        with path.open("rb") as stream:
            if stream.read(4) == b"PAR1" and "slice_id" in _columns(path):
                yield path


def _columns(path: Path) -> set[str]:
    with duckdb.connect() as connection:
        return {one for one, *_ in connection.execute(f"describe from {sql.parquet(path)}").fetchall()}


def drop_derived(workspace: Workspace) -> None:
    """Remove the warehouse, whose free pages would keep what was taken out; the next run builds it from the lake."""
    shutil.rmtree(workspace.warehouse.parent, ignore_errors=True)
    shutil.rmtree(workspace.scratch, ignore_errors=True)
