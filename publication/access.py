"""Who may read which rows of an edition: one rule per published table, and nothing without a rule.

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


@cache
def access_rules() -> dict[str, str]:
    """Table -> rule; raises ValueError for an unknown rule or a table with two."""
    source: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent / "access.yml").read_text("utf-8"))
    faults = [f"{rule!r} is no rule" for rule in source if rule not in RULES]
    named = [table for tables in source.values() for table in tables]
    faults += [f"{table} has two rules" for table in sorted(set(named)) if named.count(table) > 1]
    if faults:
        raise ValueError("; ".join(faults))
    return {table: rule for rule, tables in source.items() for table in tables}


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


def tables_without_rule(tables: Iterable[str]) -> list[str]:
    """Published tables that nobody may read, because nobody decided who may."""
    return sorted(set(tables) - set(access_rules()))
