"""Rows whose texts may not stand in what is published: hidden characters, sentences for ids, units that no registry names.

A region or journey is of no agency: what one delivers of it, all read, so its id is the registry's or the row is refused. A
service or branch that the registry lacks counts under its own agency, by an id that is one.

Belongs here: finding these rows among the typed ones. Does not belong here: which texts are plain (`plain_text`).
"""

import duckdb

from ingestion.feeds import Column, Feed
from ingestion.known import SHARED, UNITS, is_unit_id
from ingestion.plain_text import hidden_sql, is_plain, limits
from miyar import sql
from miyar.registry import Registry

LOOKED_AT = 2_000  # rows whose texts are looked at one by one
HIDDEN, LONG, UNKNOWN, FORM = "text_hidden", "text_long", "unit_unknown", "id_form"


def find_text_faults(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    delivered: set[str],
    hidden: str,
    typed: str,
    count: int,
    registry: Registry,
) -> None:
    """Add the rows to the table `faults`; values are never shown.

    Args:
        delivered: the columns whose texts were delivered, neither pseudonyms nor numbered by row.
        hidden: SQL of `row_id` and the texts of columns that become pseudonyms, "" if there are none.
        typed: SQL relation of the typed rows, and their number.
    """
    columns = [one for one in feed.columns if one.type == "text" and one.name in delivered and not one.codes]
    _find(connection, columns, typed, count)
    if hidden:
        names = {one for one, *_ in connection.execute(f"describe {hidden}").fetchall()}
        _find(connection, [column for column in feed.columns if column.name in names], f"({hidden})", count)
    # What a contract says is no better known than what a file says.
    _find_units(connection, list(UNITS), typed, registry)


def _find(connection: duckdb.DuckDBPyConnection, columns: list[Column], rows: str, count: int) -> None:
    if not columns:
        return
    if count > LOOKED_AT:
        _find_in_sql(connection, columns, rows)
        return
    # For the engine, preparing the patterns costs more than so few rows.
    lists = ", ".join(f"list(distinct {column.name})" for column in columns)
    found = connection.execute(f"select {lists} from {rows}").fetchone() or ()
    for column, texts in zip(columns, found, strict=True):
        own = [text for text in texts or () if text is not None]
        longest = limits()["prose" if column.free else "id"]
        _add(connection, rows, HIDDEN, column.name, [one for one in own if not is_plain(one, is_prose=column.free)])
        _add(connection, rows, LONG, column.name, [one for one in own if len(one) > longest])


def _add(connection: duckdb.DuckDBPyConnection, rows: str, rule: str, column: str, texts: list[str]) -> None:
    if texts:
        connection.execute(
            f"insert into faults select row_id, {sql.text(rule)}, {sql.text(column)}, '' from {rows} "
            f"where list_contains(?::varchar[], {column})",
            [texts],
        )


def _find_in_sql(connection: duckdb.DuckDBPyConnection, columns: list[Column], rows: str) -> None:
    """One expression for all columns of a row first, for next to no row has a fault."""
    any_fault, faults = list[str](), list[tuple[str, str, str]]()
    for is_prose in (False, True):
        own = [column.name for column in columns if column.free is is_prose]
        longest = limits()["prose" if is_prose else "id"]
        if own:
            any_fault.append(hidden_sql(f"concat_ws(' ', {', '.join(own)})", is_prose=is_prose))
        for name in own:
            faults += [(HIDDEN, name, hidden_sql(name, is_prose=is_prose)), (LONG, name, f"length({name}) > {longest}")]
            any_fault.append(f"strlen({name}) > {longest}")
    condition = " or ".join(any_fault)
    if connection.execute(f"select 1 from {rows} where {condition} limit 1").fetchone() is None:
        return
    for rule, name, broken in faults:
        connection.execute(
            f"insert into faults select row_id, {sql.text(rule)}, {sql.text(name)}, '' from {rows} "
            f"where ({condition}) and {broken}"
        )


def _find_units(connection: duckdb.DuckDBPyConnection, columns: list[str], typed: str, registry: Registry) -> None:
    lists = ", ".join(f"list(distinct {name})" for name in columns)
    found = connection.execute(f"select {lists} from {typed}").fetchone() or ()
    for name, ids in zip(columns, found, strict=True):
        refused = [one for one in ids or () if one is not None and not is_unit_id(one, name, registry)]
        if refused:
            rule = UNKNOWN if name in SHARED and registry.ids(UNITS[name]) else FORM
            _add(connection, typed, rule, name, refused)


def units_asked(connection: duckdb.DuckDBPyConnection) -> dict[str, None]:
    """The registry tables that lack a unit for which a row is refused: a change of them may make it known."""
    asked = connection.execute(f"select distinct \"column\" from faults where rule in ('{UNKNOWN}', '{FORM}')")
    return {UNITS[column]: None for (column,) in asked.fetchall()}
