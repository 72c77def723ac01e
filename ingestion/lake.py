"""The lake: accepted rows by feed and period, refused rows with their reasons, one file per submission in each place.

Belongs here: writing and replacing those files, and the count that proves that no row was lost. Does not belong here:
which rows are refused (`expectations`), which submission counts for a slice (`submission_ledger`).
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.bad_rows import counts_by_rule, gather_bad, refuse_rest, write_quarantine
from ingestion.databases import session
from ingestion.faults import guarded
from ingestion.feeds import Feed, load_feeds
from ingestion.lake_files import hashes_of
from ingestion.landing import Delivery
from ingestion.staging import Staged
from ingestion.typed_rows import Rows, existing
from miyar import atomic_files, sql
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace


@dataclass(frozen=True)
class Settlement:
    """The outcome of one submission's records: records = accepted + quarantined + duplicates.

    `bad` counts records with a problem of their own; `quarantined` exceeds it when the whole submission was refused.
    """

    slices: list[dict[str, str | int]]
    bad: int = 0
    refused_whole: bool = False
    rule_counts: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    files: dict[str, str] = field(default_factory=dict)  # path within the lake -> SHA-256


def settle(staged: Staged, refused: pa.Table, workspace: Workspace, refuse_above_share: float = 1.0) -> Settlement:
    """Write a submission's records to the lake or to quarantine, replacing its earlier files.

    Args:
        refused: row_id, rule and column (several joined by `bad_rows.SEVERAL`) of rows that the expectations refuse; a row may
            appear more than once. The values of those columns are added here, masked.
        refuse_above_share: if the share of bad records is larger, none is accepted.
    """
    feed = load_feeds()[staged.contract.feed]
    fault = guarded(staged.contract.provider, staged.delivery.shown)
    with fault:
        is_clean = _is_clean(staged, refused)
        if is_clean and len({one["period_id"] for one in staged.slices}) == 1:
            return _move(staged, feed, workspace)
        with session(workspace.settings, staged.typed.parent, staged.records) as connection:
            typed = existing(connection, staged.typed, staged.records - staged.duplicates)
            bad = 0 if is_clean else gather_bad(connection, staged, typed, refused)
            return _split(typed, bad, staged, feed, workspace, refuse_above_share)


def _is_clean(staged: Staged, refused: pa.Table) -> bool:
    """True when every row is accepted; if they are of one period, the typed file can become the lake file as it is."""
    placed = sum(int(one["rows"]) for one in staged.slices)
    is_placed = placed == staged.records - staged.duplicates
    return staged.problems is None and not refused.num_rows and is_placed


def _move(staged: Staged, feed: Feed, workspace: Workspace) -> Settlement:
    target = _place(workspace, feed, staged, str(staged.slices[0]["period_id"]))
    staged.typed.replace(atomic_files.part_of(target))
    return _publish(workspace, staged, feed, [target], None, Settlement(staged.slices))


def _split(
    typed: Rows, bad: int, staged: Staged, feed: Feed, workspace: Workspace, refuse_above_share: float
) -> Settlement:
    refused_whole = bad > 0 and bad > refuse_above_share * typed.count
    if refused_whole:
        refuse_rest(typed)
    elif bad:
        held = f"select file_row_number from {typed.placed} where row_id in (select row_id from bad)"
        sql.mark_rows(typed.connection, "bad_rows", held, typed.count)
    kept = "" if refused_whole else _kept(bad)
    slices = _slices(typed, kept, refused_whole) if bad else staged.slices
    written: list[Path] = []
    if not refused_whole:
        for period in sorted({str(one["period_id"]) for one in slices if one["rows"]}):
            target = _place(workspace, feed, staged, period)
            _write_accepted(typed, feed, period, kept, target)
            written.append(target)
    quarantine, rule_counts = None, dict[str, int]()
    if bad:
        quarantine = workspace.quarantine / feed.name / f"{staged.submission_id}.parquet"
        write_quarantine(typed, quarantine)
        rule_counts = counts_by_rule(typed.connection)
    return _publish(workspace, staged, feed, written, quarantine, Settlement(slices, bad, refused_whole, rule_counts))


def _place(workspace: Workspace, feed: Feed, staged: Staged, period: str) -> Path:
    target = workspace.lake / feed.name / f"period={period}" / f"{staged.submission_id}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def rows_lost(delivery: Delivery, records: int, accepted: int, quarantined: int, duplicates: int) -> MiyarError:
    """The error that stops a submission whose row counts do not add up."""
    return MiyarError(
        Problem(
            "rows_lost",
            f"{records:,} records read, but {accepted:,} accepted + {quarantined:,} quarantined "
            f"+ {duplicates:,} duplicates",
            delivery.contract.provider,
            delivery.shown,
            next_step="Do not publish; keep the file and report this as a fault of Miyar.",
        )
    )


def write_empty_files(workspace: Workspace) -> None:
    """Write an empty file per feed, so that a feed nobody delivered still has its columns."""
    for feed in load_feeds().values():
        path = workspace.lake / feed.name / "period=none" / "empty.parquet"
        if not path.is_file() or pq.read_schema(path) != feed.lake_schema:
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(feed.lake_schema.empty_table(), atomic_files.part_of(path))
            atomic_files.finish(path)


def _kept(bad: int) -> str:
    return f"where not {sql.is_marked('bad_rows')}" if bad else ""


def _slices(typed: Rows, kept: str, refused_whole: bool) -> list[dict[str, str | int]]:
    """Every slice of the submission, with its number of accepted rows (0 when all of its rows were bad)."""
    accepted = "0" if refused_whole else "count(*) - count(held.row_id)" if kept else "count(*)"
    source = f"{typed.relation} as every"
    if kept and not refused_whole:
        # Few rows are bad, so the join keeps those in memory and never the file.
        source += " left join (select distinct row_id from bad) as held on held.row_id = every.row_id"
    found = typed.connection.execute(
        f"select slice_id, agency_id, period_id, {accepted} as rows from {source} "
        "where agency_id is not null and period_id is not null group by all order by all"
    )
    return sql.rows(found)


def _write_accepted(typed: Rows, feed: Feed, period: str, kept: str, target: Path) -> None:
    columns = ", ".join(feed.lake_schema.names)
    condition = f"{kept} and" if kept else "where"
    rows = f"select {columns} from {typed.placed} {condition} period_id = {sql.text(period)}"
    sql.write(typed.connection, rows, atomic_files.part_of(target))


def _publish(
    workspace: Workspace,
    staged: Staged,
    feed: Feed,
    accepted: list[Path],
    quarantine: Path | None,
    settlement: Settlement,
) -> Settlement:
    """Rename the finished parts into place, remove leftovers of earlier runs of the same submission, and count the rows."""
    written = [*accepted, *([quarantine] if quarantine else [])]
    own = f"{staged.submission_id}.parquet"
    folders = [workspace.lake / feed.name, workspace.quarantine / feed.name]
    for folder in folders:
        stale = [path for path in [*folder.glob(f"period=*/{own}"), *folder.glob(own)] if path not in written]
        parts = [*folder.glob(f"period=*/.{own}.part"), *folder.glob(f".{own}.part")]
        atomic_files.remove(
            [*stale, *(part for part in parts if part not in {atomic_files.part_of(path) for path in written})]
        )
    for path in written:
        atomic_files.finish(path)
    taken = sum(pq.read_metadata(path).num_rows for path in accepted)
    held = pq.read_metadata(quarantine).num_rows if quarantine else 0
    if taken + held + staged.duplicates != staged.records:
        raise rows_lost(staged.delivery, staged.records, taken, held, staged.duplicates)
    files = hashes_of(workspace.lake, written)
    return replace(settlement, accepted=taken, quarantined=held, duplicates=staged.duplicates, files=files)


def drop_quarantine(workspace: Workspace, staged: Staged, settlement: Settlement) -> Settlement:
    """Take what was refused of a submission away again: its clock ran out (`ingestion.erased`)."""
    path = workspace.quarantine / staged.contract.feed / f"{staged.submission_id}.parquet"
    atomic_files.remove([path])
    name = path.relative_to(workspace.lake).as_posix()
    files = {one: digest for one, digest in settlement.files.items() if one != name}
    return replace(settlement, quarantined=0, files=files)


def adopt(aside: Workspace, workspace: Workspace, feed: str, submission_id: str) -> None:
    """Let the files that were settled aside (in the same file system) take the place of a submission's own."""
    own = f"{submission_id}.parquet"
    for new, old in (
        (aside.lake / feed, workspace.lake / feed),
        (aside.quarantine / feed, workspace.quarantine / feed),
    ):
        written = [path.relative_to(new) for path in [*new.glob(f"period=*/{own}"), *new.glob(own)]]
        for relative in written:
            (old / relative).parent.mkdir(parents=True, exist_ok=True)
            (new / relative).replace(old / relative)
        stale = [*old.glob(f"period=*/{own}"), *old.glob(own)]
        atomic_files.remove(path for path in stale if path.relative_to(old) not in written)
