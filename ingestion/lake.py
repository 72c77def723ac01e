"""The lake: accepted rows by feed and period, refused rows with their reasons, one file per submission in each place.

Belongs here: writing and replacing those files, and the count that proves that no row was lost. Does not belong here:
which rows are refused (`expectations`), which submission counts for a slice (`submission_ledger`).
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.databases import session
from ingestion.faults import guarded
from ingestion.feeds import Feed, load_feeds
from ingestion.headers import properties_of
from ingestion.landing import Delivery
from ingestion.personal import mask_sql
from ingestion.staging import Staged
from miyar import atomic_files, sql
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace

# Joins the columns of a rule that checks several, and their values.
SEVERAL = ", "
_PROBLEM = 'struct(rule varchar, "column" varchar, "value" varchar)'


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


def settle(staged: Staged, refused: pa.Table, workspace: Workspace, refuse_above_share: float = 1.0) -> Settlement:
    """Write a submission's records to the lake or to quarantine, replacing its earlier files.

    Args:
        refused: row_id, rule and column (several joined by `SEVERAL`) of rows that the expectations refuse; a row may
            appear more than once. The values of those columns are added here, masked.
        refuse_above_share: if the share of bad records is larger, none is accepted.
    """
    feed = load_feeds()[staged.contract.feed]
    fault = guarded(staged.contract.provider, staged.delivery.shown)
    with fault:
        if _is_clean(staged, refused):
            return _move(staged, feed, workspace)
        with session(workspace.settings, staged.typed.parent) as connection:
            return _split(connection, staged, feed, refused, workspace, refuse_above_share)


def _is_clean(staged: Staged, refused: pa.Table) -> bool:
    """True when every row is accepted and of one period, so that the typed file can become the lake file as it is."""
    placed = sum(int(one["rows"]) for one in staged.slices)
    periods = {one["period_id"] for one in staged.slices}
    is_placed = placed == staged.records - staged.duplicates
    return staged.problems is None and not refused.num_rows and is_placed and len(periods) == 1


def _move(staged: Staged, feed: Feed, workspace: Workspace) -> Settlement:
    target = _place(workspace, feed, staged, str(staged.slices[0]["period_id"]))
    staged.typed.replace(atomic_files.part_of(target))
    return _publish(workspace, staged, feed, [target], None, Settlement(staged.slices))


def _split(
    connection: duckdb.DuckDBPyConnection,
    staged: Staged,
    feed: Feed,
    refused: pa.Table,
    workspace: Workspace,
    refuse_above_share: float,
) -> Settlement:
    bad = _gather_bad(connection, staged, refused)
    total = staged.records - staged.duplicates
    refused_whole = bad > 0 and bad > refuse_above_share * total
    if refused_whole:
        _refuse_rest(connection, staged)
    elif bad:
        sql.mark_rows(
            connection,
            "bad_rows",
            f"select file_row_number from {_typed(staged)} where row_id in (select row_id from bad)",
            total,
        )
    kept = "" if refused_whole else _kept(bad)
    slices = _slices(connection, staged, kept, refused_whole) if bad else staged.slices
    written: list[Path] = []
    if not refused_whole:
        for period in sorted({str(one["period_id"]) for one in slices if one["rows"]}):
            target = _place(workspace, feed, staged, period)
            _write_accepted(connection, staged, feed, period, kept, target)
            written.append(target)
    quarantine = None
    if bad or refused_whole:
        quarantine = workspace.quarantine / feed.name / f"{staged.submission_id}.parquet"
        _write_quarantine(connection, staged, quarantine)
    rule_counts = dict(
        connection.execute("select rule, count(distinct row_id) from bad group by all order by all").fetchall()
    )
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


def _typed(staged: Staged) -> str:
    return sql.parquet(staged.typed, with_places=True)


def _untyped(staged: Staged) -> str:
    if staged.problems is None:
        return f"(select '' as row_id, []::{_PROBLEM}[] as problems where false)"
    return sql.parquet(staged.problems)


def _kept(bad: int) -> str:
    return f"where not {sql.is_marked('bad_rows')}" if bad else ""


def _gather_bad(connection: duckdb.DuckDBPyConnection, staged: Staged, refused: pa.Table) -> int:
    """Create table `bad`, a line per bad row and problem from mapping and expectations; return the number of bad rows."""
    connection.register("refused", refused)
    connection.execute(
        f"""create or replace temp table bad as
        select row_id, 0 as origin, position, problem.rule, problem."column",
            -- Masked here, before anything leaves the scratch folder, and for bad rows only.
            {mask_sql('problem."value"')} as "value"
        from (select row_id, unnest(problems) as problem, generate_subscripts(problems, 1) as position
              from {_untyped(staged)})
        union all
        select row_id, 1, row_number() over (partition by row_id order by rule, "column"), rule, "column",
            {mask_sql('"value"')}
        from (select refused.*, {_shown(staged, refused)} as "value"
              from refused inner join {_typed(staged)} as typed using (row_id))"""
    )
    # A row without a slice could never be replaced or withdrawn.
    connection.execute(
        f"""insert into bad select row_id, 2, 1, 'slice_unknown',
            case when agency_id is null then 'agency_id' else 'period_id' end, ''
        from {_typed(staged)}
        where (agency_id is null or period_id is null) and row_id not in (select row_id from bad)"""
    )
    connection.unregister("refused")
    return sql.count(connection, "select count(distinct row_id) from bad")


def _shown(staged: Staged, refused: pa.Table) -> str:
    """SQL: the values of the columns a rule names, as text before masking.

    Personal columns and free text are never shown: nobody needs them to find a mistake of form.
    """
    feed = load_feeds()[staged.contract.feed]
    hidden = {prop.name for prop in properties_of(staged.contract) if prop.treatment is not None}
    texts = {}
    for column in feed.columns:
        text = f"typed.{column.name}::varchar"
        if column.type == "decimal":
            text = f"rtrim(rtrim({text}, '0'), '.')"
        texts[column.name] = "''" if column.free or column.name in hidden else f"coalesce({text}, '')"
    joined = f" || {sql.text(SEVERAL)} || "
    cases = [
        f"when {sql.text(names)} then {joined.join(texts[name] for name in names.split(SEVERAL))}"
        for names in sorted(set(refused["column"].to_pylist()))
        if names
    ]
    return f"case refused.\"column\" {' '.join(cases)} else '' end" if cases else "''"


def _refuse_rest(connection: duckdb.DuckDBPyConnection, staged: Staged) -> None:
    connection.execute(
        f"""insert into bad select row_id, 3, 1, 'submission_refused', '', '' from {_typed(staged)}
        where row_id not in (select row_id from bad)"""
    )


def _slices(
    connection: duckdb.DuckDBPyConnection, staged: Staged, kept: str, refused_whole: bool
) -> list[dict[str, str | int]]:
    """Every slice of the submission, with its number of accepted rows (0 when all of its rows were bad)."""
    accepted = "0" if refused_whole else "count(*) - count(held.row_id)" if kept else "count(*)"
    source = f"{_typed(staged)} as every"
    if kept and not refused_whole:
        # Few rows are bad, so the join keeps those in memory and never the file.
        source += " left join (select distinct row_id from bad) as held on held.row_id = every.row_id"
    found = connection.execute(
        f"select slice_id, agency_id, period_id, {accepted} as rows from {source} "
        "where agency_id is not null and period_id is not null group by all order by all"
    )
    return sql.rows(found)


def _write_accepted(
    connection: duckdb.DuckDBPyConnection, staged: Staged, feed: Feed, period: str, kept: str, target: Path
) -> None:
    columns = ", ".join(feed.lake_schema.names)
    condition = f"{kept} and" if kept else "where"
    rows = f"select {columns} from {_typed(staged)} {condition} period_id = {sql.text(period)}"
    sql.write(connection, rows, atomic_files.part_of(target))


def _write_quarantine(connection: duckdb.DuckDBPyConnection, staged: Staged, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = f"""
        select row_id, source_row, provider_id, submission_id, agency_id, period_id, slice_id, found.problems
        from {_typed(staged)} inner join (
            select row_id, list({{'rule': rule, 'column': "column", 'value': "value"}}::{_PROBLEM}
                order by origin, position) as problems
            from bad group by row_id
        ) as found using (row_id)
        order by file_row_number"""
    sql.write(connection, rows, atomic_files.part_of(target))


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
    return replace(settlement, accepted=taken, quarantined=held, duplicates=staged.duplicates)


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
