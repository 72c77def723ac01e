"""Who may read which rows of an edition: one rule per published table, nothing without a rule, and columns of shared rows.

Belongs here: the rules (`access.yml`) and the condition a reader's queries carry. Does not belong here: who a reader is
(`portal`, PostgreSQL roles).
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml

# A reader who owns nothing: of tables by owner such a reader sees only the rows of no single agency.
PUBLIC = ""
RULES = ("everyone", "owner_and_shared", "owner", "centre")
# The one decision about columns.
COLUMNS = "centre_where_shared"


def _decided() -> dict[str, list[str]]:
    source: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent / "access.yml").read_text("utf-8"))
    return source


@cache
def centre_columns() -> tuple[str, ...]:
    """Columns that only the centre reads in rows of no single agency."""
    return tuple(_decided()[COLUMNS])


@cache
def access_rules() -> dict[str, str]:
    """Table -> rule; raises ValueError for an unknown rule or a table with two."""
    source = {rule: tables for rule, tables in _decided().items() if rule != COLUMNS}
    faults = [f"{rule!r} is no rule" for rule in source if rule not in RULES]
    named = [table for tables in source.values() for table in tables]
    faults += [f"{table} has two rules" for table in sorted(set(named)) if named.count(table) > 1]
    if faults:
        raise ValueError("; ".join(faults))
    return {table: rule for rule, tables in source.items() for table in tables}


def decisions() -> dict[str, str]:
    """All that is decided, by table and by column; an edition's content hash covers it."""
    return access_rules() | {f"column {column}": COLUMNS for column in centre_columns()}


def row_condition(table: str, agency_id: str | None) -> tuple[str, list[str]]:
    """SQL condition on `table` for an agency (None: the centre), and its parameters. Default deny.

    The centre reads every table that has a rule; a table without one is read by nobody.
    """
    rule = access_rules().get(table)
    if rule is None:
        return "false", []
    if agency_id is None or rule == "everyone":
        return "true", []
    if rule == "owner":
        return "agency_id = ?", [agency_id]
    if rule == "owner_and_shared":
        return "(agency_id = ? or agency_id is null)", [agency_id]
    return "false", []


def visible(columns: Iterable[str], agency_id: str | None) -> str:
    """SQL select list over a table with these columns: what the centre alone reads of shared rows is empty for others."""
    names = set(columns)
    kept = [column for column in centre_columns() if column in names]
    if agency_id is None or not kept:
        return "*"
    own = "agency_id is not null" if "agency_id" in names else "false"
    return f"* replace ({', '.join(f'case when {own} then {column} end as {column}' for column in kept)})"


def tables_without_rule(tables: Iterable[str]) -> list[str]:
    """Published tables that nobody may read, because nobody decided who may."""
    return sorted(set(tables) - set(access_rules()))
