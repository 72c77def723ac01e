"""The warehouse's marts as the tables of an edition: one database, and one Parquet file each.

Belongs here: which tables and periods are copied, and their documentation. Does not belong here: the other files of an
edition (`editions`), who may read a table (`access`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from miyar import sql
from miyar.errors import MiyarError, Problem
from publication.hashing import table_hash
from publication.manifest import TableEntry

# Schemas of the warehouse that are published; their tables share one schema in the edition.
PUBLISHED = ("core", "benchmarks")
# Drivers since DuckDB 1.0 read this storage format; newer defaults would lock older BI tools out.
STORAGE_VERSION = "v1.0.0"


@contextmanager
def reading(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse read-only, on a connection that can also attach the edition to write to."""
    if not warehouse.is_file():
        raise MiyarError(Problem("no_warehouse", "nothing was built yet", next_step="Run `miyar run` first."))
    # The hub in memory is needed because a connection opened read-only cannot attach anything writable.
    with duckdb.connect() as connection:
        connection.execute(f"attach {sql.text(str(warehouse))} as warehouse (read_only)")
        connection.execute("use warehouse")
        yield connection


def known_period(connection: duckdb.DuckDBPyConnection, period: str) -> str:
    """Return `period`, which may come from a command line; raises MiyarError if the warehouse does not have it."""
    if not connection.execute("select 1 from benchmarks.bench_scores where period_id = ?", [period]).fetchone():
        raise MiyarError(
            Problem(
                "period_unknown",
                f"the warehouse has no period {period!r}",
                next_step="Write it as 2026Q3, one of the periods in miyar.yml.",
            )
        )
    return period


def last_reported_period(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the last period with a reported score; raises MiyarError if there is none."""
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


def write_tables(connection: duckdb.DuckDBPyConnection, building: Path, period: str) -> dict[str, TableEntry]:
    """Copy every published table, up to the period, into `benchmarks.duckdb` and Parquet, sorted."""
    (building / "tables").mkdir()
    file = sql.text(str(building / "benchmarks.duckdb"))
    connection.execute(f"attach {file} as edition (storage_version '{STORAGE_VERSION}')")
    entries = {}
    names = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = current_database() and table_schema in (?, ?) and table_type = 'BASE TABLE' order by all",
        PUBLISHED,
    ).fetchall()
    for schema, name in names:
        comments = dict(
            connection.execute(
                "select column_name, comment from duckdb_columns() "
                "where database_name = current_database() and schema_name = ? and table_name = ? order by column_index",
                [schema, name],
            ).fetchall()
        )
        condition = "period_id <= ?" if "period_id" in comments else "true"
        if name == "bench_lineage":
            condition = "score_id in (select score_id from benchmarks.bench_scores where period_id <= ?)"
        order = row_order(list(comments))
        copied = f"select * from {schema}.{name} where {condition} order by {order}"
        connection.execute(f"create table edition.{name} as {copied}", [period] * condition.count("?"))
        _comment(connection, schema, name, comments)
        rows = f"select * from edition.{name} order by {order}"
        sql.write(connection, rows, building / "tables" / f"{name}.parquet")
        entries[name] = TableEntry(
            sql.count(connection, f"select count(*) from edition.{name}"),
            list(comments),
            table_hash(connection, f"edition.{name}"),
        )
    connection.execute("detach edition")
    return entries


def row_order(columns: list[str]) -> str:
    """Return the SQL order of a published table, by all columns.

    Rows about whole agencies come first, then all are in order of agency, so that a query reads few blocks.
    """
    first = [column for column in ("agency_id", "unit_type", "metric_id", "period_id") if column in columns]
    order = [f'"{column}"' for column in [*first, *(column for column in columns if column not in first)]]
    whole = ["unit_type = 'agency' desc"] if {"agency_id", "unit_type"} <= set(columns) else []
    return ", ".join([*whole, *order])


def _comment(connection: duckdb.DuckDBPyConnection, schema: str, table: str, columns: dict[str, str | None]) -> None:
    """Copy the documentation of a table and its columns, so that BI tools show it."""
    row = connection.execute(
        "select comment from duckdb_tables() "
        "where database_name = current_database() and schema_name = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    if row and row[0]:
        connection.execute(f"comment on table edition.{table} is {sql.text(row[0])}")
    for column, comment in columns.items():
        if comment:
            target = f"edition.{table}.{sql.name(column)}"
            connection.execute(f"comment on column {target} is {sql.text(comment)}")
