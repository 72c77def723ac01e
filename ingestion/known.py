"""Names that figures know: items, measures, models and practices of the methodology, agencies of the registry.

Belongs here: which columns hold such names, and telling unknown ones with the nearest known. Does not belong here: the lists
themselves (`miyar.registry.Registry.known`), labels and aliases (`labels`).
"""

import difflib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

import duckdb

from ingestion.labels import Lookup, Texts, as_text, key_of, key_of_name, make_lookup
from ingestion.names import NamesRead
from ingestion.patterns import found_in, mask
from ingestion.plain_text import limits, unit_form
from ingestion.readers.input import Input
from ingestion.records import Group, Plan
from miyar import sql
from miyar.errors import Problem
from miyar.registry import WITHIN_MODELS, Registry

RULE = "name_unknown"
# Columns of units that rows may name without a look-up, and the registry table that gives a unit its names.
UNITS = {"service_id": "services", "branch_id": "branches", "region_id": "regions", "journey_id": "journeys"}
SHARED = ("region_id", "journey_id")  # of no agency
_TOLD = 5  # unregistered ids of one column that are named; a message is no list


@dataclass(frozen=True)
class Known:
    """The names known in one column, as a look-up."""

    lookup: Lookup

    def only(self, code: str) -> str:
        """SQL: a name if it is known, else null."""
        return self.lookup.code(code)


def names_of(registry: Registry, column: str) -> frozenset[str] | None:
    """The names that a column may hold; None where any may stand."""
    return frozenset(registry.ids("agencies")) if column == "agency_id" else registry.known.get(column)


def known_names(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    column: str,
    registry: Registry,
    names_read: NamesRead,
    texts: Texts,
) -> Known | None:
    """Create the look-up of a column's known names, and note which of them the file uses."""
    names = names_of(registry, column)
    if names is None:
        return None
    table = "agencies" if column == "agency_id" else column
    taken = set(names)
    for group in plan.groups(column):
        if group.prop.lookup is None:
            for text in _texts(texts, column, group):
                names_read.note(table, registry, key_of_name(text) if table == "agencies" else text)
                if table != "agencies" and _is_untold(text, plan):
                    taken.add(text)
    return Known(make_lookup(connection, f"known_{column}", {name: (name, None) for name in sorted(taken)}))


def _is_untold(name: str, plan: Plan) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in plan.contract.untold)


def untold_names(
    given: Input, connection: duckdb.DuckDBPyConnection, plan: Plan, typed: str, registry: Registry
) -> list[Problem]:
    """A note for each column with names that the contract takes though no figure uses them, with their rows.

    Args:
        typed: SQL relation of the typed rows.
    """
    notes = []
    for column in plan.fed if plan.contract.untold else ():
        names = registry.known.get(column)
        if names is None:
            continue
        found = connection.execute(
            f"select {column} as name, count(*) as rows from {typed} where {column} is not null "
            f"and not list_contains(?::varchar[], {column}) group by all order by count(*) desc, 1",
            [sorted(names)],
        ).fetchall()
        if found:
            shown = ", ".join(f"{mask(name)!r} ({count:,})" for name, count in found[:_TOLD])
            notes.append(
                given.problem(
                    "name_untold",
                    f"{sum(count for _, count in found):,} rows are taken and no figure uses their {column}: {shown}"
                    + (f" and {len(found) - _TOLD:,} more names" if len(found) > _TOLD else ""),
                    "Add a metric over them to registry/metrics.csv, or leave them out of the delivery.",
                    column=plan.fed[column][0].header or column,
                )
            )
    return notes


def is_read(group: Group) -> bool:
    """Whether a group's names are texts of the file."""
    return group.prop.constant is None and (group.prop.labels is None or group.prop.unlisted == "keep")


def _texts(texts: Texts, column: str, group: Group) -> list[str]:
    """The names a group of properties can give: constants and labels from the contract, others from the file."""
    # Constants are read by the same rules, so that one group has those of all its records.
    constants = [str(fed.prop.constant) for fed in group.members if fed.prop.constant is not None]
    if len(constants) == len(group.members):
        return constants
    labels = [str(code) for code in (group.prop.labels or {}).values()]
    return [*labels, *texts[column, group.number]] if is_read(group) else labels


def unknown_names(
    given: Input, connection: duckdb.DuckDBPyConnection, plan: Plan, problems: str, registry: Registry
) -> list[Problem]:
    """A note for each unknown name of a file, with its rows and the nearest known names, most rows first.

    Args:
        problems: SQL relation with the column `problems` of the rows that could not be typed.
    """
    found = connection.execute(
        f"""select problem.column as header, problem.value as value, count(*) as rows
        from (select unnest(problems) as problem from {problems}) where problem.rule = '{RULE}'
        group by all order by count(*) desc, 1, 2"""
    )
    fed_by = {
        fed.header or column: (
            column,
            {key_of(label): as_text(code) for label, code in (fed.prop.labels or {}).items()},
        )
        for column, feds in plan.fed.items()
        if names_of(registry, column) is not None
        for fed in feds
    }
    # Faults of names that depend on the row's model stand under the canonical name of their column.
    fed_by |= {column: (column, {}) for column in WITHIN_MODELS if column in plan.fed}
    notes = []
    for line in sql.rows(found):
        column, labels = fed_by[line["header"]]
        name = labels.get(key_of(line["value"]), line["value"])
        names = sorted(_names_anywhere(registry, column))
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
        shown = ", ".join(map(repr, near or names[:5]))
        told = f"the nearest known {'is' if len(near) == 1 else 'are'} {shown}" if near else f"known are {shown}, ..."
        notes.append(
            given.problem(
                RULE,
                f"{mask(name)!r} ({line['rows']:,} rows) names no {column} that a figure knows; {told}",
                "Correct the name in the file or under labels in the contract; a new item or measure needs a line in "
                "registry/metrics.csv (or, to be taken without a figure, in the contract's `untold`), a new agency one in "
                "registry/agencies.csv.",
                column=line["header"],
            )
        )
    return notes


def _names_anywhere(registry: Registry, column: str) -> frozenset[str]:
    """The names that a column may hold, in some model where they depend on it."""
    if column in WITHIN_MODELS:
        return frozenset[str]().union(*registry.names_within(column).values())
    return names_of(registry, column) or frozenset()


def is_unit_id(text: str, column: str, registry: Registry) -> bool:
    """Whether a text may stand as the id of a unit: the registry names it, or has none of a kind or it is an agency's own,
    and then it has the form of an id and is nobody's.
    """
    registered = registry.ids(UNITS[column])
    if text in registered:
        return True
    is_open = column not in SHARED or not registered
    is_id = len(text) <= limits()["unit"] and re.fullmatch(unit_form(), text) is not None
    return is_open and is_id and not found_in(text)


def unregistered_units(
    given: Input, connection: duckdb.DuckDBPyConnection, plan: Plan, typed: str, registry: Registry
) -> list[Problem]:
    """A note for each column whose rows name units that the registry lacks: they count for the agency, under no name.

    Args:
        typed: SQL relation of the typed rows.
    """
    notes = []
    for column, table in UNITS.items():
        if all(fed.prop.lookup is not None for fed in plan.fed.get(column, ())):
            continue
        registered = sorted(registry.ids(table))
        found = connection.execute(
            f"select {column} as id, count(*) as rows from {typed} where {column} is not null "
            f"and not list_contains(?::varchar[], {column}) group by all order by count(*) desc, 1",
            [registered],
        ).fetchall()
        found = [(name, count) for name, count in found if is_unit_id(name, column, registry)]  # others are refused
        if found:
            shown = ", ".join(repr(mask(name)) for name, _ in found[:_TOLD]) + (", ..." if len(found) > _TOLD else "")
            rows = sum(count for _, count in found)
            notes.append(
                given.problem(
                    "unit_unregistered",
                    f"{rows:,} rows name {column} {shown}, not in registry/{table}.csv: they count for their agency, and "
                    "the unit has no name",
                    f"Register it in registry/{table}.csv, or let the contract find it by name (lookup: {table}).",
                    column=plan.fed[column][0].header or column,
                )
            )
    return notes
