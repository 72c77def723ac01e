"""Who may read what of an edition: one rule per published table, per column and per kind of file; no access without one.

Belongs here: kinds of viewer (`Viewer`), the rules (`access.yml`) and the condition they put on a viewer's queries.
Does not belong here: which person is which viewer (`portal.users`, PostgreSQL roles).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, assert_never

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
# The only rule of columns that depends on the reader.
COLUMNS = "centre_where_shared"
COLUMN_RULES = ("row", "delivery", COLUMNS)
FILE_RULES = ("everyone", "owner", "centre")
_AGENCY = "{agency}"


def _decided() -> dict[str, Any]:
    source: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "access.yml").read_text("utf-8"))
    return source


def _by_name(source: dict[str, list[str]], rules: tuple[str, ...]) -> dict[str, str]:
    """Return name -> rule; raises ValueError for an unknown rule or a name with two."""
    faults = [f"{rule!r} is no rule" for rule in source if rule not in rules]
    named = [name for names in source.values() for name in names]
    faults += [f"{name} has two rules" for name in sorted(set(named)) if named.count(name) > 1]
    if faults:
        raise ValueError("; ".join(faults))
    return {name: rule for rule, names in source.items() for name in names}


@cache
def access_rules() -> dict[str, str]:
    """Return table -> rule; raises ValueError for an unknown rule or a table with two."""
    return _by_name({rule: names for rule, names in _decided().items() if rule not in ("columns", "files")}, RULES)


@cache
def column_rules() -> dict[str, str]:
    """Return column -> rule, the same in every table; raises ValueError for an unknown rule or a column with two."""
    return _by_name(_decided()["columns"], COLUMN_RULES)


@cache
def file_rules() -> dict[str, str]:
    """Return kind of file -> rule; raises ValueError for an unknown rule or a kind with two."""
    return _by_name(_decided()["files"], FILE_RULES)


def decisions() -> dict[str, str]:
    """Return every rule, by table, column and kind of file; an edition's content hash covers them."""
    columns = {f"column {column}": rule for column, rule in column_rules().items()}
    return access_rules() | columns | {f"file {kind}": rule for kind, rule in file_rules().items()}


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

    It empties columns without a rule for everybody, and for everybody but the centre the centre's columns in rows that
    belong to no single agency.
    """
    names = list(columns)
    own = "agency_id is not null" if "agency_id" in names else "false"
    emptied = dict.fromkeys(columns_without_rule(names), "false")
    if not isinstance(viewer, Centre):
        emptied |= {name: own for name in names if column_rules().get(name) == COLUMNS}
    if not emptied:
        return "*"
    # A case, and not null itself, so that the column keeps its type.
    return f"* replace ({', '.join(f'case when {when} then {name} end as {name}' for name, when in emptied.items())})"


def may_have(file: str, viewer: Viewer) -> bool:
    """Return whether the viewer may have this file of an edition, by its path there. Nobody has one of no kind."""
    rule, agency = _kind(file)
    if rule == "everyone" or isinstance(viewer, Centre):
        return bool(rule)
    return rule == "owner" and isinstance(viewer, Agency) and viewer.agency_id == agency


@lru_cache(maxsize=100_000)
def _kind(file: str) -> tuple[str, str]:
    """Return a file's rule and, where it is of one agency, whose it is; empty texts for one of no kind."""
    parts = file.split("/")
    if {"", ".", ".."} & set(parts):
        return "", ""
    for kind, rule in file_rules().items():
        patterns = [pattern.replace(_AGENCY, "*") for pattern in kind.split("/")]
        if len(patterns) == len(parts) and all(map(fnmatchcase, parts, patterns)):
            return rule, parts[kind.split("/").index(_AGENCY)] if _AGENCY in kind else ""
    return "", ""


def tables_without_rule(tables: Iterable[str]) -> list[str]:
    """Return the published tables that nobody may read because they have no rule."""
    return sorted(set(tables) - set(access_rules()))


def columns_without_rule(columns: Iterable[str]) -> list[str]:
    """Return the columns that nobody may read because they have no rule."""
    return sorted(set(columns) - set(column_rules()))


def files_without_rule(files: Iterable[str]) -> list[str]:
    """Return the files of an edition that nobody may have because they are of no kind."""
    return sorted(file for file in files if not may_have(file, Centre()))
