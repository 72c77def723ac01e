"""Who may read which rows of an edition: one rule per published table, no access without a rule, one rule for columns.

Belongs here: kinds of viewer (`Viewer`), the rules (`access.yml`) and the condition they put on a viewer's queries.
Does not belong here: which person is which viewer (`portal.users`, PostgreSQL roles).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import assert_never

import yaml


@dataclass(frozen=True)
class Centre:
    """The measurement centre: reads every row of every table that has a rule."""


@dataclass(frozen=True)
class Agency:
    """One agency: reads its own rows, and shared ones (`is_shared`) where the rule allows it.

    Raises ValueError without an id.
    """

    agency_id: str

    def __post_init__(self) -> None:
        if not self.agency_id:
            raise ValueError("an agency that asks must say which one it is")


@dataclass(frozen=True)
class Public:
    """Anybody: owns no rows, and reads only rows that are shared."""


# There is no default viewer: a value that gets lost is none of these, so it cannot pass for the centre.
Viewer = Centre | Agency | Public

RULES = ("everyone", "owner_and_shared", "owner", "centre")
# The only rule that applies to columns.
COLUMNS = "centre_where_shared"


def _decided() -> dict[str, list[str]]:
    source: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent / "access.yml").read_text("utf-8"))
    return source


@cache
def centre_columns() -> tuple[str, ...]:
    """Return the columns that only the centre reads in rows that belong to no single agency."""
    return tuple(_decided()[COLUMNS])


@cache
def access_rules() -> dict[str, str]:
    """Return table -> rule; raises ValueError for an unknown rule or a table with two."""
    source = {rule: tables for rule, tables in _decided().items() if rule != COLUMNS}
    faults = [f"{rule!r} is no rule" for rule in source if rule not in RULES]
    named = [table for tables in source.values() for table in tables]
    faults += [f"{table} has two rules" for table in sorted(set(named)) if named.count(table) > 1]
    if faults:
        raise ValueError("; ".join(faults))
    return {table: rule for rule, tables in source.items() for table in tables}


def decisions() -> dict[str, str]:
    """Return every rule, by table and by column; an edition's content hash covers them."""
    return access_rules() | {f"column {column}": COLUMNS for column in centre_columns()}


def row_condition(table: str, viewer: Viewer) -> tuple[str, list[str]]:
    """Return the SQL condition a viewer's queries of `table` carry, and its parameters.

    Access is denied by default: nobody reads a table without a rule.
    """
    rule = access_rules().get(table)
    if rule is None:
        return "false", []
    if rule == "everyone" or isinstance(viewer, Centre):
        return "true", []
    if isinstance(viewer, Agency):
        own = {"owner": "agency_id = ?", "owner_and_shared": "(agency_id = ? or is_shared)"}
        return (own[rule], [viewer.agency_id]) if rule in own else ("false", [])
    if isinstance(viewer, Public):
        return "is_shared" if rule == "owner_and_shared" else "false", []
    assert_never(viewer)


def may_read(table: str, viewer: Viewer) -> bool:
    """Return whether the viewer may read any row of the table."""
    return row_condition(table, viewer)[0] != "false"


def visible(columns: Iterable[str], viewer: Viewer) -> str:
    """Return an SQL select list for a table with these columns.

    For everybody but the centre it empties the centre's columns in rows that belong to no single agency.
    """
    names = set(columns)
    kept = [column for column in centre_columns() if column in names]
    if isinstance(viewer, Centre) or not kept:
        return "*"
    own = "agency_id is not null" if "agency_id" in names else "false"
    return f"* replace ({', '.join(f'case when {own} then {column} end as {column}' for column in kept)})"


def tables_without_rule(tables: Iterable[str]) -> list[str]:
    """Return the published tables that nobody may read because they have no rule."""
    return sorted(set(tables) - set(access_rules()))
