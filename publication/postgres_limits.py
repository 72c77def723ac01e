"""What every login of a database may do by itself, and need not: locks by number, temporary and large objects, endless waits.

Belongs here: taking that away where the publisher may, and telling an administrator where it may not. Does not belong
here: rights to rows (`postgres`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

# Of a reader's login. It may set them otherwise for itself, so these end what was forgotten; what is meant to hold up a
# publication ends when it waits (`postgres_swap`).
TIMES = {"statement_timeout": "10min", "idle_in_transaction_session_timeout": "60s", "lock_timeout": "30s"}
# Of one login, where an administrator set no number: PostgreSQL takes 100 in all by default, and one reader could have them.
CONNECTIONS = 30
# Functions of the server for locks by number, with which clients could wait for each other, and for large objects, which
# belong to no table and to no rule.
FUNCTIONS = "^(pg_(try_)?advisory_|lo_|loread$|lowrite$)"
_OPEN_FUNCTIONS = """
    select functions.oid::regprocedure::text
    from pg_proc as functions
    where functions.pronamespace = 'pg_catalog'::regnamespace and functions.proname ~ %s and exists (
        select 1 from aclexplode(coalesce(functions.proacl, acldefault('f', functions.proowner))) as rights
        where rights.grantee = 0 and rights.privilege_type = 'EXECUTE'
    )
    order by 1
"""
_OPEN_DATABASE = """
    select format('revoke temporary on database %%I from public', databases.datname)
    from pg_database as databases
    where databases.datname = current_database() and exists (
        select 1 from aclexplode(coalesce(databases.datacl, acldefault('d', databases.datdba))) as rights
        where rights.grantee = 0 and rights.privilege_type = 'TEMPORARY'
    )
"""
# Logins that are members of one of these roles, directly or by another role.
_LOGINS = """
    with recursive members as (
        select oid from pg_roles where rolname = any(%s)
        union
        select memberships.member from pg_auth_members as memberships inner join members on memberships.roleid = members.oid
    )
    select roles.rolname, roles.rolconnlimit from pg_roles as roles inner join members using (oid)
    where roles.rolcanlogin and not roles.rolsuper order by 1
"""


def close_what_is_open(connection: psycopg.Connection) -> list[str]:
    """Take from everybody what no reader needs; returns the statements that are left for an administrator."""
    for statement in _open(connection):
        _tried(connection, statement)
    return _open(connection)


def limit_logins(connection: psycopg.Connection, roles: list[str]) -> None:
    """Give the logins of these roles limits of time and of connections, where the publisher may."""
    from psycopg import sql

    for login, connections in connection.execute(_LOGINS, [roles]).fetchall():
        if connections < 0:
            number = sql.SQL("alter role {} connection limit {}").format(
                sql.Identifier(login), sql.Literal(CONNECTIONS)
            )
            _tried(connection, number.as_string(connection))
        for name, limit in TIMES.items():
            change = sql.SQL("alter role {} in database {} set {} = {}").format(
                sql.Identifier(login), sql.Identifier(connection.info.dbname), sql.SQL(name), sql.Literal(limit)
            )
            _tried(connection, change.as_string(connection))


def _open(connection: psycopg.Connection) -> list[str]:
    functions = [str(row[0]) for row in connection.execute(_OPEN_FUNCTIONS, [FUNCTIONS])]
    found = [str(row[0]) for row in connection.execute(_OPEN_DATABASE.replace("%%", "%").encode())]
    return found + [f"revoke execute on function {function} from public" for function in functions]


def _tried(connection: psycopg.Connection, statement: str) -> None:
    """Execute a statement that the publisher may have no right to; then nothing changes."""
    import psycopg

    try:
        with connection.transaction():
            connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        pass
