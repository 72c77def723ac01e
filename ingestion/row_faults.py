"""What is wrong with typed rows before any suite looks at them: ids a program changed, and units that did not exist then.

Belongs here: these faults, and moving rows of an ended agency to its successor. Does not belong here: why a text gave no
value (`untyped`), what is acceptable (`expectations`).
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from ingestion.feeds import Feed
from ingestion.typed_rows import Rows, TypedRows
from miyar import sql
from miyar.registry import WITHIN_MODELS, Registry, Validity

UNITS = {"service_id": "services", "branch_id": "branches"}


@cache
def _damaged() -> dict[str, Any]:
    source: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "damaged_ids.yml").read_text("utf-8"))
    return source


def find_faults(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    shown: set[str],
    hidden: str,
    typed: Rows,
    registry: Registry,
    untold: Sequence[str] = (),
) -> list[str]:
    """Fill the table `faults` (row_id, rule, column, value) and move rows to successors; return the agencies that were named.

    Args:
        shown: the columns whose ids are as delivered, neither numbered by row nor pseudonyms.
        hidden: SQL of `row_id` and the texts, as delivered, of columns that are pseudonyms in the typed rows; "" if there are
            none. A fault in them has no value to show.
        untold: patterns of practices that the contract takes though their model does not have them.
    """
    connection.execute(
        'create or replace temp table faults (row_id varchar, rule varchar, "column" varchar, "value" varchar)'
    )
    ids = [column.name for column in feed.columns if column.event_id]
    pseudonyms = [] if not hidden else [name for name, *_ in connection.execute(f"describe {hidden}").fetchall()]
    for name in ids:
        if name in shown:
            _find_damaged(connection, name, typed.relation, name)
        elif name in pseudonyms:
            _find_damaged(connection, name, f"({hidden})", "''")
    pairs = connection.execute(
        f"select distinct agency_id, period_id from {typed.relation} where agency_id is not null order by all"
    ).fetchall()
    _place_agencies(connection, feed, typed, registry, [(agency, period) for agency, period in pairs if period])
    for column, table in UNITS.items():
        _find_invalid(connection, column, registry.validity(table), typed)
    if "model_id" in feed.by_name:
        _find_unknown(connection, typed, registry, untold)
    return sorted({agency for agency, _ in pairs})


def _find_damaged(connection: duckdb.DuckDBPyConnection, name: str, rows: str, value: str) -> None:
    rule = _damaged()
    forms = " or ".join(f"regexp_matches({name}, {sql.text(pattern)})" for pattern in rule["patterns"])
    digits = rule["kept_digits"]
    rounded = f"regexp_matches({name}, '^[1-9][0-9]{{{digits - 1}}}0+$')"
    found = connection.execute(
        f"select count(distinct {name}), bool_and({rounded}) from {rows} "
        f"where regexp_matches({name}, '^[1-9][0-9]{{{digits},}}$')"
    ).fetchone()
    if found and found[1] and found[0] >= rule["least_rounded"]:
        forms += f" or {rounded}"
    connection.execute(
        f"insert into faults select row_id, 'id_damaged', {sql.text(name)}, {value} from {rows} where {forms}"
    )


def successor_of(agency: str, period_id: str, agencies: dict[str, Validity]) -> str | None:
    """The agency that stands for another in a period: itself while it exists, else its successor; None if there is none then."""
    one: str = agency
    while True:
        valid = agencies.get(one)
        if valid is None or valid.holds(period_id):
            return one
        if not valid.successor or not valid.last or period_id <= valid.last:
            return None
        one = valid.successor


def _place_agencies(
    connection: duckdb.DuckDBPyConnection, feed: Feed, typed: Rows, registry: Registry, pairs: list[tuple[str, str]]
) -> None:
    agencies = registry.validity("agencies")
    placed = []
    for agency, period in pairs:
        to = successor_of(agency, period, agencies)
        if to != agency:
            rule = "agency_not_begun" if period < agencies[agency].first else "agency_ended"
            placed.append((agency, period, to, rule))
    if not placed:
        return
    connection.execute(
        "create or replace temp table placed (agency_id varchar, period_id varchar, successor varchar, rule varchar)"
    )
    connection.executemany("insert into placed values (?, ?, ?, ?)", placed)
    foreign = " or ".join(
        f"(typed.{column} is not null and typed.{column} not in (select id from owned where agency_id = placed.successor))"
        for column in UNITS
    )
    connection.execute("create or replace temp table owned (agency_id varchar, id varchar)")
    owned = [(row["agency_id"], row[column]) for column, table in UNITS.items() for row in registry.tables[table]]
    if owned:
        connection.executemany("insert into owned values (?, ?)", owned)
    # A service of the old agency is not the successor's until the registry says so: such a row cannot be moved.
    connection.execute(
        f"""insert into faults select row_id, placed.rule, 'agency_id', typed.agency_id
        from {typed.relation} as typed inner join placed using (agency_id, period_id)
        where placed.successor is null or {foreign}"""
    )
    is_moved = "its_successor is not null and not stays"
    slice_id = f"{sql.text(feed.name + '|')} || its_successor || '|' || period_id"
    of_row = {
        "agency_id": f"case when {is_moved} then its_successor else agency_id end",
        "slice_id": f"case when {is_moved} then {slice_id} else slice_id end",
    }
    typed.replace(
        f"""with found as (
            select typed.*, placed.successor as its_successor, file_row_number as place,
                typed.row_id in (select row_id from faults where rule in ('agency_ended', 'agency_not_begun')) as stays
            from {typed.placed} as typed
            left join placed on placed.agency_id = typed.agency_id and placed.period_id = typed.period_id
        )
        select {", ".join(f"{of_row.get(name, name)} as {name}" for name in feed.lake_schema.names)}
        from found order by place"""
    )


def _find_invalid(connection: duckdb.DuckDBPyConnection, column: str, units: dict[str, Validity], typed: Rows) -> None:
    if not units:
        return
    connection.execute("create or replace temp table valid (id varchar, valid_from varchar, valid_to varchar)")
    connection.executemany("insert into valid values (?, ?, ?)", [(i, v.first, v.last) for i, v in units.items()])
    connection.execute(
        f"""insert into faults select row_id, 'unit_not_valid', {sql.text(column)}, {column}
        from {typed.relation} as typed inner join valid on valid.id = typed.{column}
        where typed.period_id < valid.valid_from or (valid.valid_to <> '' and typed.period_id > valid.valid_to)"""
    )


def _find_unknown(
    connection: duckdb.DuckDBPyConnection, typed: Rows, registry: Registry, untold: Sequence[str]
) -> None:
    """Practices and dimensions that the model of their row does not have; a model that lists none takes any."""
    for column in WITHIN_MODELS:
        names = registry.names_within(column)
        pairs = connection.execute(
            f"select distinct model_id, {column} from {typed.relation} where {column} is not null order by all"
        ).fetchall()
        for model, name in pairs:
            is_taken = name in names.get(model, (name,)) or any(fnmatchcase(name, pattern) for pattern in untold)
            if not is_taken:
                connection.execute(
                    f"insert into faults select row_id, 'name_unknown', {sql.text(column)}, {column} "
                    f"from {typed.relation} where model_id = ? and {column} = ?",
                    [model, name],
                )


def tables_asked(connection: duckdb.DuckDBPyConnection) -> dict[str, None]:
    """The tables of models in which a name of the file was not found: any change of them may make it known."""
    asked = connection.execute("select distinct \"column\" from faults where rule = 'name_unknown'").fetchall()
    return {WITHIN_MODELS[column]: None for (column,) in asked}


def add_faults(connection: duckdb.DuckDBPyConnection, rows: TypedRows) -> None:
    """Add the faults found to the problems of the rows."""
    if not sql.count(connection, "select count(*) from faults"):
        return
    one = """{'rule': rule, 'column': "column", 'value': "value"}"""
    added = f'select row_id, list({one} order by rule, "column") as problems from faults group by row_id'
    if rows.problems is None:
        rows.add_problems(f"{added} order by row_id")
        return
    rows.problems.replace(
        f"""select coalesce(old.row_id, new.row_id) as row_id,
            list_concat(coalesce(old.problems, []), coalesce(new.problems, [])) as problems
        from {rows.problems.relation} as old full join ({added}) as new on old.row_id = new.row_id order by row_id"""
    )
