"""Taking rows out of files that are kept, and the receipts of it: paths, hashes and counts, never a value.

An account is written before the file it speaks of takes its place: after a kill between both the same command, given again, finds
the file as it was and makes the same new one.

Belongs here: rewriting and removing files of lake, vintages and landing zone, with their accounts; receipts. Does not belong
here: what is taken out (`expectations.retention`, `expectations.erasure`).
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ingestion.lake_files import file_hash
from ingestion.landed import hash_of
from ingestion.landing import content_of
from ingestion.ledger_files import read_json, write_json
from ingestion.submission_ledger import Account, require_reason
from miyar import atomic_files, sql
from miyar.workspace import Workspace


@dataclass(frozen=True)
class Destroyed:
    """One file that lost rows, a column, or itself: its hash before and (unless it is gone) after, and the rows concerned."""

    what: str  # rows | column | quarantine | landing | vintage
    path: str
    rows: int
    before: str
    after: str = ""


@dataclass(frozen=True)
class Decision:
    """Who destroys, when and why; raises MiyarError without a reason."""

    reason: str
    by: str
    at: datetime

    def __post_init__(self) -> None:
        require_reason(self.reason)


def lake_files(workspace: Workspace, account: Account) -> list[Path]:
    """The files of a submission's accepted rows."""
    return sorted((workspace.lake / account.feed).glob(f"period=*/{account.submission_id}.parquet"))


def rewrite(
    workspace: Workspace,
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
    gone = _count_out(account, held, counts)
    after = file_hash(part) if counts else ""
    account.files = {**account.files, name: after} if after else {k: v for k, v in account.files.items() if k != name}
    concerned = gone or (sum(held.values()) if emptied else 0)
    write_json(workspace.submissions / f"{account.submission_id}.json", asdict(account))
    if after:
        atomic_files.finish(path)
    else:
        atomic_files.remove([part, path])
    return Destroyed(what, f"lake/{name}", concerned, before, after)


def _type_of(connection: duckdb.DuckDBPyConnection, path: Path, column: str) -> str:
    row = connection.execute(f"select typeof({column}) from {sql.parquet(path)} limit 1").fetchone()
    return str(row[0]) if row else "varchar"


def _count_out(account: Account, held: dict[str, int], counts: dict[str, int]) -> int:
    """Take the rows that go out of the account's counts; those a person decided for are decided for without them."""
    gone = {name: rows - counts.get(name, 0) for name, rows in held.items() if rows != counts.get(name, 0)}
    for one in [*account.slices, *account.decisions]:
        if one.get("slice_id") in gone and "rows" in one:
            one["rows"] = max(0, int(one["rows"]) - gone[one["slice_id"]])
    total = sum(gone.values())
    account.accepted, account.records, account.erased = (
        account.accepted - total,
        account.records - total,
        account.erased + total,
    )
    return total


def remove_file(workspace: Workspace, path: Path, what: str, rows: int = 0) -> Destroyed:
    """Remove one file of the workspace."""
    before = file_hash(path)
    path.chmod(0o600)
    path.unlink()
    return Destroyed(what, path.relative_to(workspace.root).as_posix(), rows, before)


def delivered_file(workspace: Workspace, account: Account) -> Path | None:
    """The file a submission was read from, if it still lies there with the same bytes."""
    path = workspace.landing.resolve() / account.path
    try:
        is_same = hash_of(path, content_of(account.provider, account.feed))[:16] == account.content
    except OSError:
        return None
    return path if is_same else None


def kept_rows(workspace: Workspace) -> Iterator[Path]:
    """The files of accepted rows that are kept for the reproduction of earlier editions."""
    for path in sorted((workspace.root / "vintages" / "objects").glob("*")):
        with path.open("rb") as stream:
            if stream.read(4) == b"PAR1" and "slice_id" in _columns(path):
                yield path


def _columns(path: Path) -> set[str]:
    with duckdb.connect() as connection:
        return {one for one, *_ in connection.execute(f"describe from {sql.parquet(path)}").fetchall()}


def _receipts(workspace: Workspace) -> Iterator[Destroyed]:
    for path in sorted((workspace.lake / "receipts").glob("*.json")):
        yield from (Destroyed(**one) for one in read_json(path)["destroyed"])


def removed_by_receipt(workspace: Workspace) -> set[str]:
    """Hashes of the kept inputs that were destroyed with a receipt; raises MiyarError for a receipt that was changed."""
    return {one.before for one in _receipts(workspace) if one.what == "vintage"}


def after_receipts(workspace: Workspace, files: Mapping[str, str]) -> dict[str, str]:
    """Hashes of lake files by path as they are after what was destroyed with a receipt; raises MiyarError as above."""
    steps = {(one.path, one.before): one.after for one in _receipts(workspace)}
    found = {}
    for name, digest in files.items():
        while (step := (f"lake/{name}", digest)) in steps:
            digest = steps.pop(step)
        if digest:
            found[name] = digest
    return found


def drop_derived(workspace: Workspace) -> None:
    """Remove the warehouse, whose free pages would keep what was taken out; the next run builds it from the lake."""
    shutil.rmtree(workspace.warehouse.parent, ignore_errors=True)
    shutil.rmtree(workspace.scratch, ignore_errors=True)


def write_receipt(workspace: Workspace, kind: str, decision: Decision, destroyed: Iterable[Destroyed]) -> Path:
    """Write what was destroyed, by whom and why; the ledger keeps it."""
    folder = workspace.lake / "receipts"
    number = max((int(path.stem) for path in folder.glob("*.json")), default=0) + 1
    content = {
        "kind": kind,
        "at": decision.at.astimezone(UTC).isoformat(timespec="seconds"),
        "by": decision.by,
        "reason": decision.reason.strip(),
        "destroyed": [asdict(one) for one in destroyed],
    }
    path = folder / f"{number:06d}.json"
    write_json(path, content)
    return path
