"""Putting an edition in place of the one served, whatever sessions of readers hold.

Belongs here: the publisher's own lock, the swap of schemas, and who is in its way. Does not belong here: the copy and its
rules (`postgres`), what logins may do otherwise (`postgres_limits`).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from miyar.errors import MiyarError, Problem

if TYPE_CHECKING:
    import psycopg

SCHEMA = "benchmarks"
ASIDE = "benchmarks_next"
# Where nobody but the publisher has any right, so that nobody else can lock its table.
OWN = "miyar_publication"
# How long sessions that were told to end get to do so.
ENDING_SECONDS = 10.0
_HOLDING = """
    select distinct locks.pid, coalesce(sessions.usename, 'a prepared transaction')
    from pg_locks as locks
    inner join pg_class as tables on locks.relation = tables.oid
    left join pg_stat_activity as sessions on locks.pid = sessions.pid
    where locks.granted and tables.relnamespace = to_regnamespace(%s) and locks.pid is distinct from pg_backend_pid()
        and locks.database = (select oid from pg_database where datname = current_database())
    order by 1
"""
# Everything built on the tables or on the types of their rows, by its full name; of a view it is its rule.
_BUILT = """
    select distinct (pg_identify_object(built.classid, built.objid, 0)).identity
    from pg_depend as built
    inner join pg_class as tables
        on (built.refclassid, built.refobjid) in (('pg_class'::regclass, tables.oid), ('pg_type'::regclass, tables.reltype))
    where tables.relnamespace = to_regnamespace(%s) and tables.relkind = 'r' and built.deptype in ('n', 'a')
        and (built.classid, built.objid) not in (select 'pg_policy'::regclass::oid, oid from pg_policy)
    order by 1
"""
# Sessions of whoever owns something in a temporary schema.
_TEMPORARY = """
    select distinct sessions.pid, sessions.usename
    from pg_namespace as schemas
    inner join (
        select relnamespace as place, relowner as owner from pg_class
        union select pronamespace, proowner from pg_proc
        union select typnamespace, typowner from pg_type
    ) as objects on objects.place = schemas.oid
    inner join pg_stat_activity as sessions on objects.owner = sessions.usesysid
    where schemas.nspname = any(%s) and sessions.datname = current_database() and sessions.pid <> pg_backend_pid()
"""
Session = tuple[int | None, str]


def only_one(connection: psycopg.Connection) -> None:
    """Keep a second publisher out during this transaction, by a lock on a table that no reader has any right to."""
    import psycopg

    connection.execute(f"create schema if not exists {OWN}")
    connection.execute(f"create table if not exists {OWN}.turn ()")
    try:
        with connection.transaction():
            connection.execute(f"lock table {OWN}.turn in exclusive mode nowait")
    except psycopg.errors.LockNotAvailable:
        raise MiyarError(
            Problem("postgres_busy", "another publication to this server is running", next_step="Wait.")
        ) from None


def swap(connection: psycopg.Connection, wait_seconds: float) -> None:
    """Replace the old schema with the new one as soon as no reader has a transaction on it.

    A reader holds locks on its tables until its transaction ends, which delays the swap, so each transaction sees one
    edition only. Each attempt gives up long before the server looks for deadlocks (1 s), so that no reader is cut off by
    those. The next attempt begins with the table we could not lock: readers then wait before they hold anything, instead
    of holding what we wait for. Sessions that hold on after `wait_seconds` are ended, and so are those whose temporary
    objects are built on the tables: no reader can keep everybody else from the next edition.
    """
    found = connection.execute(
        "select c.relname from pg_class c where c.relnamespace = to_regnamespace(%s) and c.relkind = 'r' order by 1",
        [SCHEMA],
    ).fetchall()
    old = [str(row[0]) for row in found]
    until = time.monotonic() + wait_seconds
    while (wanted := _attempt(connection, old)) is not None:
        if time.monotonic() > until:
            if _attempt(connection, old, ends_others=True) is None:
                return
            raise _busy(_sessions(connection, _HOLDING, [SCHEMA]), wait_seconds)
        old.sort(key=lambda table: table != wanted)
        time.sleep(0.05)


def _attempt(connection: psycopg.Connection, old: list[str], ends_others: bool = False) -> str | None:
    """Swap, and return None; or the table that somebody holds.

    With `ends_others` sessions that hold a table are ended until it is ours, and what is ours is kept: whoever comes
    back at once waits behind us.
    """
    import psycopg
    from psycopg import sql

    wanted, until = "", time.monotonic() + ENDING_SECONDS
    try:
        with connection.transaction():
            connection.execute("set local lock_timeout = '300ms'")
            for wanted in old:
                while not _locked(connection, wanted):
                    holding = _sessions(connection, _HOLDING, [SCHEMA]) if ends_others else []
                    if not ends_others or time.monotonic() > until or not _ended(connection, holding):
                        raise psycopg.errors.LockNotAvailable
            _free_of_others(connection)
            # No cascade: what others built on the tables is theirs.
            for table in old:
                connection.execute(sql.SQL("drop table {}").format(sql.Identifier(SCHEMA, table)))
            connection.execute(f"drop schema if exists {SCHEMA}")
            connection.execute(f"alter schema {ASIDE} rename to {SCHEMA}")
        return None
    except psycopg.errors.LockNotAvailable:
        return wanted


def _locked(connection: psycopg.Connection, table: str) -> bool:
    """Take a table for this transaction alone, if it is free within the time that is set for locks."""
    import psycopg
    from psycopg import sql

    try:
        with connection.transaction():
            target = sql.Identifier(SCHEMA, table)
            connection.execute(sql.SQL("lock table {} in access exclusive mode").format(target))
        return True
    except psycopg.errors.LockNotAvailable:
        return False


def _free_of_others(connection: psycopg.Connection) -> None:
    """See that nothing is built on the tables, which are locked; raises MiyarError if something is, and names it."""
    until = time.monotonic() + ENDING_SECONDS
    while built := [str(row[0]) for row in connection.execute(_BUILT, [SCHEMA])]:
        temporary = sorted({schema for name in built for schema in re.findall(r"\bpg_temp_\d+", name)})
        owners = _sessions(connection, _TEMPORARY, [temporary]) if temporary else []
        lasting = [name for name in built if not re.search(r"\bpg_temp_\d+", name)]
        if lasting or time.monotonic() > until or not _ended(connection, owners):
            raise MiyarError(
                Problem(
                    "tables_in_use",
                    f"other objects are built on the tables of schema {SCHEMA}: {', '.join(lasting or built)}",
                    next_step="Drop them, or have them built on the portal's API or the edition's files; nothing was changed.",
                )
            )
        time.sleep(0.1)


def _sessions(connection: psycopg.Connection, query: str, given: list[object]) -> list[Session]:
    return [(pid, str(who)) for pid, who in connection.execute(query.encode(), given)]


def _ended(connection: psycopg.Connection, sessions: list[Session]) -> bool:
    """End sessions; returns whether this publisher may end them all."""
    import psycopg

    for pid, _ in sessions:
        try:
            with connection.transaction():
                connection.execute("select pg_terminate_backend(%s)", [pid])
        except psycopg.errors.InsufficientPrivilege:
            return False
    return all(pid is not None for pid, _ in sessions)


def _busy(holding: list[Session], wait_seconds: float) -> MiyarError:
    named = (
        ", ".join(who if pid is None else f"{who} (process {pid})" for pid, who in holding) or "a session that is gone"
    )
    return MiyarError(
        Problem(
            "readers_busy",
            f"a transaction was kept open on schema {SCHEMA} for {wait_seconds:g} seconds by {named}",
            next_step="End it, or grant pg_signal_backend to the publisher, who then does; nothing was changed.",
        )
    )
