"""Labels, scales and registry names as look-up tables built from the DISTINCT texts of a file.

Belongs here: folding distinct texts and matching them with the contract or the registry. Does not belong here: anything
per row (that is a join in `mapping`).
"""

import re
from dataclasses import dataclass

import duckdb

from ingestion.contract import Scalar, Scale
from ingestion.names import NamesRead
from ingestion.records import Group, Plan
from ingestion.values import clean, fold_digits
from miyar import sql
from miyar.registry import Registry, fold

AGENCY_SCOPED = ("services", "branches")
# Separates the parts of a key: a control character that the parts themselves do not contain.
BETWEEN = "\x1f"
_BETWEEN = "chr(31)"
_FEW = 500  # keys that a statement may spell out; more of them cost less as a table


def key_of(label: str) -> str:
    """The form in which labels are compared: folded, ASCII digits, whole numbers without a decimal part."""
    folded = fold(clean(fold_digits(label)))
    return re.sub(r"^([+-]?[0-9]+)[.]0+$", r"\1", folded)


def key_of_name(name: str) -> str:
    """The form in which a text is looked up among the registry's names."""
    return fold(clean(fold_digits(name)))


def as_text(code: Scalar) -> str:
    """A code of a contract as the text the typing step reads."""
    return str(code).lower() if isinstance(code, bool) else str(code)


@dataclass(frozen=True)
class Lookup:
    """A map from distinct texts to codes inside a query.

    It uses an enum and a list instead of a join, because a left join changes the order of the rows within a block.
    `has` names the lists of which any entry is filled.
    """

    name: str
    has: frozenset[str]

    def code(self, key: str) -> str:
        """SQL: the code of a key, or null."""
        return self._at("codes", key)

    def other(self, key: str) -> str:
        """SQL: the second value of a key (the rule it breaks, or the status it means)."""
        return self._at("others", key)

    def _at(self, variable: str, key: str) -> str:
        if variable not in self.has:
            return "null::varchar"
        ordinal = f"enum_code(try_cast({key} as {sql.name(f'enum_{self.name}')}))::bigint + 1"
        return f"list_extract(getvariable('{variable}_{self.name}'), {ordinal})"


def make_lookup(
    connection: duckdb.DuckDBPyConnection, name: str, entries: dict[str, tuple[str | None, str | None]]
) -> Lookup:
    """Create the enum and the lists of a map: key -> (code, other)."""
    codes, others = [code for code, _ in entries.values()], [other for _, other in entries.values()]
    lists = {"codes": codes, "others": others}
    has = frozenset(one for one, content in lists.items() if any(text is not None for text in content))
    if has:
        # SQL cannot spell out the character NUL.
        is_spelled = len(entries) <= _FEW and not any("\0" in key for key in entries)
        keys = sql.texts(entries) if is_spelled else "select key from keys"
        if not is_spelled:
            connection.execute("create or replace temp table keys as from (select unnest(?) as key)", [list(entries)])
        connection.execute(f"create temp type {sql.name(f'enum_{name}')} as enum ({keys})")
    for one in sorted(has):
        connection.execute(f"set variable {one}_{name} = ?::varchar[]", [lists[one]])
    return Lookup(name, has)


def grouped(group: int | str, raw: str) -> str:
    """SQL: the key of a text under the rules of one group (or agency, or scale)."""
    return f"{group}::varchar || {_BETWEEN} || {raw}"


Texts = dict[tuple[str, int], list[str]]  # the distinct texts of a column's group


def texts_of(connection: duckdb.DuckDBPyConnection, plan: Plan, groups: list[tuple[str, Group]]) -> Texts:
    """The distinct texts of groups, sorted, in one pass over relation `texts`."""
    if not groups:
        return {}
    lists = []
    for column, group in groups:
        members = ", ".join(str(fed.record) for fed in group.members)
        is_all = len(group.members) == plan.record_count
        only = "" if is_all else f" and record_no in ({members})"
        lists.append(f"list(distinct t_{column}) filter (where t_{column} is not null{only})")
    found = connection.execute(f"select {', '.join(lists)} from texts").fetchone() or ()
    return {(column, group.number): sorted(texts or ()) for (column, group), texts in zip(groups, found, strict=True)}


def label_lookup(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    column: str,
    registry: Registry,
    names_read: NamesRead,
    texts: Texts,
) -> tuple[Lookup, Lookup | None] | None:
    """Create the look-ups of a column's labels and names: for every agency, and (services and branches) for one agency.

    Names looked up in the registry are recorded in `names_read`.
    """
    groups = [group for group in plan.groups(column) if group.is_coded]
    if not groups:
        return None
    every: dict[str, tuple[str | None, str | None]] = {}
    own: dict[str, tuple[str | None, str | None]] = {}
    for group in groups:
        labels = {key_of(label): as_text(code) for label, code in (group.prop.labels or {}).items()}
        unlisted = group.prop.unlisted
        names = registry.labels(group.prop.lookup) if group.prop.lookup else None
        for raw in texts[column, group.number]:
            if group.prop.lookup:
                names_read.note(group.prop.lookup, registry, key_of_name(labels.get(key_of(raw), raw)))
            for agency, code, rule in _matches(raw, labels, names, column, unlisted):
                if agency:
                    own[f"{group.number}{BETWEEN}{agency}{BETWEEN}{raw}"] = (code, rule)
                else:
                    every[f"{group.number}{BETWEEN}{raw}"] = (code, rule)
    scoped = any(group.prop.lookup in AGENCY_SCOPED for group in groups)
    return (
        make_lookup(connection, f"every_{column}", every),
        make_lookup(connection, f"own_{column}", own) if scoped else None,
    )


def _matches(
    raw: str, labels: dict[str, str], names: dict[str, dict[str, str]] | None, column: str, unlisted: str
) -> list[tuple[str, str | None, str | None]]:
    """(agency, code, rule) for one distinct text; agency "" applies to every agency without its own match."""
    code = labels.get(key_of(raw))
    missing = None if unlisted == "empty" else "unknown_code"
    if names is None:
        code = raw if code is None and unlisted == "keep" else code
        return [("", code, None if code is not None else missing)]
    wanted = raw if code is None else code
    if column == "region_id" and is_bare_number(wanted):
        return [("", None, "region_ambiguous")]
    key = key_of_name(wanted)
    matches: list[tuple[str, str | None, str | None]] = [
        (agency, ids[key], None) for agency, ids in sorted(names.items()) if agency and key in ids
    ]
    found = names.get("", {}).get(key)
    if found is None and unlisted == "keep":
        found = wanted
    return [*matches, ("", found, None if found is not None else missing)]


def is_bare_number(value: str) -> bool:
    """Return whether a text is only a number: region 1 differs between code systems, so it does not say which is meant."""
    return re.fullmatch(r"[0-9]+([.]0+)?", value) is not None


@dataclass(frozen=True)
class ScaleLookups:
    """For all scales: min and max, family and reversal, and the answers (key: scale, text)."""

    ends: Lookup
    kinds: Lookup
    answers: Lookup


def scale_lookups(connection: duckdb.DuckDBPyConnection, plan: Plan, scale: str, answers: list[str]) -> ScaleLookups:
    """Look up what each scale is, and the code and status of each distinct answer on it.

    Args:
        scale: SQL of the scale's id over relation `texts`.
        answers: text columns that hold answers.
    """
    scales = plan.contract.scales
    answers_of_scale = {name: _answers_of(one) for name, one in scales.items()}
    entries: dict[str, tuple[str | None, str | None]] = {}
    for answer in answers:
        found = connection.execute(
            f"select distinct {scale}, {answer} from texts where {answer} is not null and {scale} is not null order by all"
        ).fetchall()
        for name, raw in found:
            match = answers_of_scale.get(name, {}).get(key_of(raw))
            if match is not None:
                entries[f"{name}{BETWEEN}{raw}"] = match
    ends = {name: (str(one.min), str(one.max)) for name, one in scales.items()}
    kinds = {name: (one.family, as_text(one.reversed)) for name, one in scales.items()}
    return ScaleLookups(
        ends=make_lookup(connection, "scale_ends", dict(ends)),
        kinds=make_lookup(connection, "scale_kinds", dict(kinds)),
        answers=make_lookup(connection, "scale_answers", entries),
    )


def _answers_of(scale: Scale) -> dict[str, tuple[str | None, str]]:
    codes: dict[str, tuple[str | None, str]] = {}
    for status in ("dont_know", "not_applicable", "refused"):
        codes |= {key_of(label): (None, status) for label in getattr(scale, status)}
    return codes | {key_of(label): (as_text(code), "answered") for label, code in scale.labels.items()}
