"""The serving copy in PostgreSQL: an edition's tables, documented, typed and under row-level security.

All of it is one transaction: a new schema is built next to the old one and then replaces it. Readers keep the old
edition until their transaction ends; a failure leaves the old one as it was.

Belongs here: copying an edition and applying the rules of `access` to it. Does not belong here: the rules, users and
passwords (the database's administrator grants the roles made here).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from miyar.errors import MiyarError, Problem
from publication.access import (
    Agency,
    Centre,
    Public,
    Viewer,
    columns_without_rule,
    row_condition,
    tables_without_rule,
    visible,
)
from publication.manifest import Manifest, read_manifest
from publication.postgres_limits import close_what_is_open, limit_logins
from publication.postgres_swap import ASIDE, only_one, swap
from publication.reading import open_edition
from publication.release_ledger import root_hash

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

# Group roles without login. A person's login role is granted one of them; without any of them it sees nothing.
CENTRE = "miyar_centre"
AGENCY = "miyar_agency_"
OLDEST_SERVER = 150000
LONGEST_NAME = 63  # bytes; PostgreSQL cuts longer names, and two agencies could then share a role
TYPES = {
    "VARCHAR": "text",
    "BIGINT": "bigint",
    "INTEGER": "integer",
    "BOOLEAN": "boolean",
    "DOUBLE": "double precision",
}
TYPES |= {"DATE": "date", "TIMESTAMP": "timestamp", "TIMESTAMP WITH TIME ZONE": "timestamptz"}
BATCH = 5_000


@dataclass(frozen=True)
class Served:
    """What was put on the server; `left_open` are statements that only an administrator of it may run, and should."""

    edition_id: str
    tables: int
    rows: int
    roles: list[str]
    left_open: list[str]


def role_of(agency_id: str) -> str:
    """Return the group role that reads an agency's rows; raises MiyarError for an id that makes no role name."""
    role = f"{AGENCY}{agency_id}"
    if not agency_id or "\x00" in role or len(role.encode()) > LONGEST_NAME:
        raise MiyarError(
            Problem(
                "role_name_invalid",
                f"PostgreSQL takes role names of 1 to {LONGEST_NAME} bytes, {AGENCY!r} included",
                agency_id[:LONGEST_NAME],
                next_step="Give the agency a shorter id.",
            )
        )
    return role


def serve(edition: Path, dsn: str, *, wait_seconds: float = 60) -> Served:
    """Replace the edition on a server with this one; readers get `wait_seconds` to end their transactions, and are then ended."""
    manifest = read_manifest(edition)
    columns = [column for table in manifest.tables.values() for column in table.columns]
    undecided = tables_without_rule(manifest.tables) + columns_without_rule(columns)
    if undecided:
        raise MiyarError(
            Problem("access_undecided", f"nobody decided who may read {', '.join(undecided)}", file="access.yml")
        )
    with open_edition(edition) as source, _connected(dsn) as connection:
        agencies = [str(row[0]) for row in source.execute("select agency_id from dim_agencies order by 1").fetchall()]
        roles = {agency: role_of(agency) for agency in agencies}
        with connection.transaction():
            only_one(connection)
            left_open = close_what_is_open(connection)
            _make_roles(connection, [CENTRE, *roles.values()])
            _execute(connection, "create schema {}", ASIDE)
            rows = sum(_copy(connection, source, table, manifest, roles) for table in manifest.tables)
            about = (
                f"Miyar edition {manifest.edition_id}, published {manifest.published_at}, root {root_hash(manifest)}"
            )
            _comment(connection, "schema {}", (ASIDE,), about)
            for role in (CENTRE, *roles.values()):
                _execute(connection, "grant usage on schema {} to {}", ASIDE, role)
                _execute(connection, "grant select on all tables in schema {} to {}", ASIDE, role)
            limit_logins(connection, [CENTRE, *roles.values()])
            swap(connection, wait_seconds)
    return Served(manifest.edition_id, len(manifest.tables), rows, [CENTRE, *roles.values()], left_open)


@contextmanager
def _connected(dsn: str) -> Iterator[psycopg.Connection]:
    try:
        import psycopg
    except ModuleNotFoundError:
        raise MiyarError(
            Problem(
                "postgres_missing", "psycopg is not installed", next_step="Install Miyar with the extra `postgres`."
            )
        ) from None
    try:
        with psycopg.connect(dsn, autocommit=True, application_name="miyar") as connection:
            if connection.info.server_version < OLDEST_SERVER:
                raise MiyarError(Problem("postgres_too_old", "the server is older than PostgreSQL 15"))
            yield connection
    except psycopg.Error as error:
        # Only the first line: later ones may repeat values of rows.
        told = str(error).strip().splitlines() or [type(error).__name__]
        raise MiyarError(
            Problem(
                "postgres_failed",
                told[0],
                next_step="The edition served before stands as it was; mend the cause and run the command again.",
            )
        ) from None


def _make_roles(connection: psycopg.Connection, roles: list[str]) -> None:
    there = {row[0] for row in connection.execute("select rolname from pg_roles where rolname = any(%s)", [roles])}
    for role in roles:
        if role not in there:
            _execute(connection, "create role {} nologin", role)


def _copy(
    connection: psycopg.Connection,
    source: duckdb.DuckDBPyConnection,
    table: str,
    manifest: Manifest,
    roles: dict[str, str],
) -> int:
    """Copy one table with its rows, comments, index and rules; returns its number of rows."""
    from psycopg import sql

    described = source.execute(
        "select column_name, data_type, comment, is_nullable from duckdb_columns() where table_name = ? "
        "order by column_index",
        [table],
    ).fetchall()
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}{}").format(
            sql.Identifier(name), sql.SQL(_type(kind)), sql.SQL("" if is_nullable else " not null")
        )
        for name, kind, _, is_nullable in described
    )
    target = sql.Identifier(ASIDE, table)
    connection.execute(sql.SQL("create table {} ({})").format(target, columns))
    # Row-level security cannot empty a column for some readers only, so columns that are not for all are left empty
    # here.
    # In an order drawn anew: EXPLAIN counts the rows that a rule takes away before one's own, which in published order would
    # be those of the next agencies.
    shown = visible([name for name, *_ in described], Public())
    found = source.execute(f'select {shown} from "{table}" order by random()')
    rows = 0
    with connection.cursor() as cursor, cursor.copy(sql.SQL("copy {} from stdin").format(target)) as copy:
        while batch := found.fetchmany(BATCH):
            rows += len(batch)
            for row in batch:
                copy.write_row(row)
    if rows != manifest.tables[table].rows:
        raise MiyarError(
            Problem("rows_lost", f"{table}: {rows} rows, the manifest says {manifest.tables[table].rows}", file=table)
        )
    about = source.execute("select comment from duckdb_tables() where table_name = ?", [table]).fetchone()
    _comment(connection, "table {}", (ASIDE, table), about[0] if about else None)
    for name, _, comment, _ in described:
        _comment(connection, "column {}", (ASIDE, table, name), comment)
    _tell_the_planner_nothing(connection, target, [name for name, *_ in described])
    # Forced, so that it also binds the owner of the table, the role that publishes.
    connection.execute(sql.SQL("alter table {} enable row level security, force row level security").format(target))
    _allow(connection, target, CENTRE, table, Centre())
    for agency, role in roles.items():
        _allow(connection, target, role, table, Agency(agency))
    return rows


def _tell_the_planner_nothing(connection: psycopg.Connection, target: sql.Identifier, columns: list[str]) -> None:
    """Keep the server from counting what is in the columns, for EXPLAIN tells every reader what the planner knows.

    No index either: `agency_id` is compared by a function without side effects, so a reader's own condition would be
    looked up before the rule, and the number of rows that the rule then takes away told. Tables are read whole instead.
    """
    from psycopg import sql

    none = sql.SQL(", ").join(
        sql.SQL("alter column {} set statistics 0").format(sql.Identifier(column)) for column in columns
    )
    connection.execute(sql.SQL("alter table {} {}").format(target, none))
    connection.execute(sql.SQL("alter table {} set (autovacuum_enabled = false)").format(target))


def _allow(connection: psycopg.Connection, target: sql.Identifier, role: str, table: str, viewer: Viewer) -> None:
    """Create a role's policy from the rules of `access`; a role without a policy sees no row."""
    from psycopg import sql

    condition, values = row_condition(table, viewer)
    if condition == "false":
        return
    literal = sql.SQL(condition.replace("?", "{}")).format(*(sql.Literal(value) for value in values))
    connection.execute(
        sql.SQL("create policy {} on {} for select to {} using ({})").format(
            sql.Identifier(role), target, sql.Identifier(role), literal
        )
    )


def _comment(connection: psycopg.Connection, kind: str, name: tuple[str, ...], text: str | None) -> None:
    from psycopg import sql

    if text:
        target = sql.SQL(kind).format(sql.Identifier(*name))
        connection.execute(sql.SQL("comment on {} is {}").format(target, sql.Literal(text)))


def _execute(connection: psycopg.Connection, statement: str, *names: str) -> None:
    """Execute a statement whose gaps are identifiers."""
    from psycopg import sql

    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _type(kind: str) -> str:
    if kind.startswith("DECIMAL("):
        return kind.replace("DECIMAL", "numeric")
    if kind not in TYPES:
        raise MiyarError(Problem("type_unknown", f"no type of PostgreSQL was decided for {kind}"))
    return TYPES[kind]
