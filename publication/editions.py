"""Publishing: from the warehouse's marts to an immutable edition.

Belongs here: the steps of publishing and their safety (built aside, hashed, read-only, renamed, `current` swapped).
Does not belong here: hashes (`hashing`), differences (`difference`), what an agency gets (`packs`).
"""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from publication.access import access_rules
from publication.difference import write_difference
from publication.hashing import combined_hash, file_hash, table_hash
from publication.ledger import record_unrecorded
from publication.manifest import Manifest, TableEntry, content_hash, list_editions, read_manifest
from publication.method import methodology_of
from publication.packs import write_owner_files, write_packs
from publication.readers import shelf
from publication.reports import write_reports
from publication.restatements import TABLE as RESTATED
from publication.restatements import fill_restatements
from publication.vintages import keep

# Schemas of the warehouse whose tables are published, all into one schema of the edition.
PUBLISHED = ("core", "benchmarks")
# Drivers back to DuckDB 1.0 read this storage format; newer defaults would lock older BI tools out.
STORAGE_VERSION = "v1.0.0"


@dataclass(frozen=True)
class Origin:
    """Hashes of all an edition was made from, beside the data."""

    methodology_version: str
    methodology_hash: str
    registry_hash: str
    contracts_hash: str
    code_hash: str
    submissions: Mapping[str, str]
    code_version: str = ""


@dataclass(frozen=True)
class Published:
    """The edition that now is current, and whether this call made it."""

    edition_id: str
    path: Path
    content_hash: str
    is_new: bool


def publish(
    workspace: Workspace,
    origin: Origin,
    published_at: datetime,
    *,
    period: str | None = None,
    reason: str = "",
    by: str = "",
    same_method: Path | None = None,
) -> Published:
    """Publish the warehouse as the next edition of a period (default: the last period with a reported score).

    `same_method` is Parquet of the scores under the methodology of the edition before, where that was another one; `by` is who
    publishes. The same content as the period's latest edition changes nothing. A further edition of a period that is already out
    needs a reason; raises MiyarError without one.
    """
    workspace.editions.mkdir(parents=True, exist_ok=True)
    _sweep(workspace.editions)
    record_unrecorded(workspace.editions)
    with _reading(workspace.warehouse) as connection:
        chosen = period or _last_period(connection)
        building = workspace.editions / f".building-{chosen}"
        building.mkdir()
        tables = _write_tables(connection, building, chosen)
        packs = write_owner_files(connection, workspace, building, chosen)
    access = combined_hash(access_rules())
    content = content_hash(tables, packs, access)
    earlier = [name for name in list_editions(workspace.editions) if name.startswith(f"{chosen}-r")]
    if earlier and read_manifest(workspace.editions / earlier[-1]).content_hash == content:
        _remove(building)
        _point_current(workspace.editions, _newest(workspace.editions))
        return Published(earlier[-1], workspace.editions / earlier[-1], content, False)
    if earlier and not reason.strip():
        _remove(building)
        raise MiyarError(
            Problem(
                "reason_missing",
                f"{earlier[-1]} is published and its content would change",
                file=earlier[-1],
                next_step="Publish with --reason: readers must learn why a figure moved.",
            )
        )
    everything = list_editions(workspace.editions)
    edition_id = f"{chosen}-r{len(earlier) + 1}"
    previous = everything[-1] if everything else None
    if previous:
        before = workspace.editions / previous
        write_difference(before, building)
        if RESTATED in tables:
            tables[RESTATED] = fill_restatements(
                building, before, read_manifest(before), origin.methodology_version, same_method
            )
    # Only now: packs and reports tell what was restated, and an edition that is not new needs none of them.
    methodology = methodology_of(workspace)
    with shelf(building / "tables") as tables_read:
        write_packs(tables_read, building, edition_id, chosen, methodology)
        write_reports(tables_read, building, edition_id, chosen, methodology)
    files = {
        path.relative_to(building).as_posix(): file_hash(path) for path in sorted(building.rglob("*")) if path.is_file()
    }
    manifest = Manifest(
        edition_id=edition_id,
        period_id=chosen,
        revision=len(earlier) + 1,
        reason=reason,
        published_at=published_at.isoformat(timespec="seconds"),
        content_hash=content,
        previous_edition_id=previous,
        previous_manifest_hash=file_hash(workspace.editions / previous / "manifest.json") if previous else None,
        methodology_version=origin.methodology_version,
        methodology_hash=origin.methodology_hash,
        registry_hash=origin.registry_hash,
        contracts_hash=origin.contracts_hash,
        code_hash=origin.code_hash,
        storage_version=STORAGE_VERSION,
        tables=tables,
        packs=packs,
        access_hash=access,
        files=files,
        submissions=dict(sorted(origin.submissions.items())),
        code_version=origin.code_version,
        by=by,
        inputs_hash=keep(workspace),
    )
    (building / "manifest.json").write_text(manifest.as_json(), "utf-8")
    _seal(building)
    final = workspace.editions / edition_id
    building.rename(final)
    _sync(workspace.editions)
    record_unrecorded(workspace.editions)
    _point_current(workspace.editions, _newest(workspace.editions))
    return Published(edition_id, final, content, True)


def _last_period(connection: duckdb.DuckDBPyConnection) -> str:
    row = connection.execute("select max(period_id) from benchmarks.bench_scores where status = 'reported'").fetchone()
    if row is None or row[0] is None:
        raise MiyarError(
            Problem(
                "nothing_to_publish",
                "no score is reported in any period",
                next_step="Look at `miyar status`: which submissions were refused, and why?",
            )
        )
    return str(row[0])


def _write_tables(connection: duckdb.DuckDBPyConnection, building: Path, period: str) -> dict[str, TableEntry]:
    """Copy every published table, up to the period, into `benchmarks.duckdb` and Parquet; sorted by all columns."""
    (building / "tables").mkdir()
    connection.execute(
        f"attach '{_quoted(building / 'benchmarks.duckdb')}' as edition (storage_version '{STORAGE_VERSION}')"
    )
    entries = {}
    names = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = current_database() and table_schema in (?, ?) and table_type = 'BASE TABLE' order by all",
        PUBLISHED,
    ).fetchall()
    for schema, name in names:
        columns = connection.execute(
            "select column_name, comment from duckdb_columns() "
            "where database_name = current_database() and schema_name = ? and table_name = ? order by column_index",
            [schema, name],
        ).fetchall()
        where = f"where period_id <= '{period}'" if "period_id" in [column for column, _ in columns] else ""
        if name == "bench_lineage":
            where = f"where score_id in (select score_id from benchmarks.bench_scores where period_id <= '{period}')"
        connection.execute(f"create table edition.{name} as select * from {schema}.{name} {where} order by all")
        _comment(connection, schema, name, columns)
        connection.execute(
            f"copy (select * from edition.{name} order by all) to '{_quoted(building / 'tables' / f'{name}.parquet')}' "
            "(format parquet, compression zstd)"
        )
        counted = connection.execute(f"select count(*) from edition.{name}").fetchone()
        entries[name] = TableEntry(
            int(counted[0]) if counted else 0,
            [column for column, _ in columns],
            table_hash(connection, f"edition.{name}"),
        )
    connection.execute("detach edition")
    return entries


def _comment(
    connection: duckdb.DuckDBPyConnection, schema: str, name: str, columns: list[tuple[str, str | None]]
) -> None:
    """Carry the documentation of a table and its columns over, so that BI tools show it."""
    row = connection.execute(
        "select comment from duckdb_tables() "
        "where database_name = current_database() and schema_name = ? and table_name = ?",
        [schema, name],
    ).fetchone()
    if row and row[0]:
        connection.execute(f"comment on table edition.{name} is '{str(row[0]).replace(chr(39), chr(39) * 2)}'")
    for column, comment in columns:
        if comment:
            text = comment.replace("'", "''")
            connection.execute(f"comment on column edition.{name}.\"{column}\" is '{text}'")


@contextmanager
def _reading(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    if not warehouse.is_file():
        raise MiyarError(Problem("no_warehouse", "nothing was built yet", next_step="Run `miyar run` first."))
    # Through a hub in memory: a connection opened read-only could not attach the edition to be written.
    with duckdb.connect() as connection:
        connection.execute(f"attach '{_quoted(warehouse)}' as warehouse (read_only)")
        connection.execute("use warehouse")
        yield connection


def _seal(folder: Path) -> None:
    """Flush every file to disk and take write permission away: an edition is never edited."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
            path.chmod(0o444)
        else:
            _sync(path)
            path.chmod(0o555)
    _sync(folder)
    # The folder itself is sealed after its rename would need write permission; its content already is.


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _newest(editions: Path) -> str:
    return list_editions(editions)[-1]


def _point_current(editions: Path, edition_id: str) -> None:
    """Swap the `current` link by rename; a reader sees the old edition or the new one, never neither."""
    current = editions / "current"
    if current.is_symlink() and current.readlink() == Path(edition_id):
        return
    link = editions / ".current-next"
    link.unlink(missing_ok=True)
    link.symlink_to(edition_id, target_is_directory=True)
    link.replace(current)
    _sync(editions)


def _sweep(editions: Path) -> None:
    """Remove what a killed run left half built."""
    for path in editions.glob(".building-*"):
        _remove(path)


def _remove(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
