"""Turn rows into records: which property feeds which canonical column of which record, and SQL of the unpivoted texts.

Belongs here: the shape of records. Does not belong here: what a text means (`mapping`, `labels`).
"""

import json
import re
from dataclasses import dataclass, field

from ingestion.contract import Contract, NamedFrom, Property
from ingestion.expressions import Expression, text_of
from ingestion.feeds import Feed, load_feeds
from ingestion.headers import chosen_name, tidy
from ingestion.readers.input import Input, Source
from miyar import sql
from miyar.errors import MiyarError, Problem


@dataclass(frozen=True)
class Fed:
    """One property of one record, with the source of its text in this file."""

    record: int  # counted from 1
    prop: Property
    sql: str  # text as delivered, cleaned; null if there is none
    header: str  # "" for constants, file names and absent optional headers
    valid: tuple[str, str | None] | None = None  # first period of the header, first period after it
    is_sound: bool = True  # none of its texts can be a spreadsheet error
    parts: tuple[str, ...] = ()  # the texts an expression reads

    @property
    def delivered(self) -> str:
        """SQL: null in a row that holds nothing of it; an expression may be empty where one of its parts is not."""
        return f"coalesce({', '.join(self.parts)})" if self.parts else self.sql


@dataclass(frozen=True)
class Group:
    """Records in which one column is read by the same rules."""

    number: int
    prop: Property
    members: tuple[Fed, ...]

    @property
    def is_coded(self) -> bool:
        """True when the texts are labels or names that stand for codes."""
        return self.prop.labels is not None or bool(self.prop.lookup)

    def code(self, column: str) -> str:
        """Column of the typing query that later stages read: the code if the group is coded, else the text."""
        return f"k_{column}" if self.is_coded else f"t_{column}"


@dataclass(frozen=True)
class Plan:
    """What feeds each canonical column (and the pseudo column `scale`), and the relation of texts."""

    contract: Contract
    feed: Feed
    fed: dict[str, tuple[Fed, ...]]
    record_count: int
    texts: str
    source_rows: int
    _grouped: dict[str, list[Group]] = field(default_factory=dict, repr=False, compare=False)

    def groups(self, column: str) -> list[Group]:
        """What feeds a column, grouped by the rules it is read by."""
        if column not in self._grouped:
            self._grouped[column] = self._groups(column)
        return self._grouped[column]

    def _groups(self, column: str) -> list[Group]:
        gathered: dict[str, list[Fed]] = {}
        for fed in self.fed.get(column, ()):
            gathered.setdefault(_rules_of(fed.prop), []).append(fed)
        return [Group(number, members[0].prop, tuple(members)) for number, members in enumerate(gathered.values())]

    def by_group(self, column: str, expressions: list[str]) -> str:
        """SQL that picks each record's own expression; `expressions` are in the order of `groups`."""
        groups = self.groups(column)
        if len(groups) == 1 and len(groups[0].members) == self.record_count:
            return expressions[0]
        cases = " ".join(
            f"when record_no in ({', '.join(str(fed.record) for fed in group.members)}) then {expression}"
            for group, expression in zip(groups, expressions, strict=True)
        )
        return f"case {cases} end"

    def code(self, column: str) -> str:
        """SQL: the text after labels and names: the code where it is coded, else the text itself."""
        return self.by_group(column, [group.code(column) for group in self.groups(column)])

    def sheet_error(self, column: str) -> str:
        """SQL: true when a text is a spreadsheet error; simply `false` where the column has none."""
        sound = all(fed.is_sound for fed in self.fed.get(column, ()))
        return "false" if sound else f"coalesce(is_sheet_error(t_{column}), false)"

    def label(self, column: str) -> str:
        """SQL: the delivered header that feeds a column in a record, else the column's own name."""
        shown = {fed.record: fed.header or column for fed in self.fed.get(column, ())}
        if len(set(shown.values())) == 1:
            return sql.text(next(iter(shown.values())))
        cases = " ".join(f"when {record} then {sql.text(header)}" for record, header in shown.items())
        return f"case record_no {cases} else {sql.text(column)} end"


_RULES = {
    "labels", "unlisted", "lookup", "date_format", "calendar", "multiply_by", "rounding", "unit", "year_ends", "timezone",
    "treatment", "expression",
}  # fmt: skip


def _rules_of(prop: Property) -> str:
    rules = prop.model_dump(mode="json", include=_RULES)
    return json.dumps(rules, sort_keys=True)


def plan(given: Input, source: Source, relative: str) -> Plan:
    """Plan the records of a file; raises MiyarError when its path lacks something the contract takes from it."""
    contract = given.contract
    feed = load_feeds()[contract.feed]
    groups = [record.properties for record in contract.records] or [[]]
    problems: list[Problem] = []
    fed: dict[str, list[Fed]] = {}
    selects = []
    for record, own in enumerate(groups, start=1):
        for prop in [*contract.properties, *own]:
            one = _fed(given, source, prop, record, relative, feed, problems)
            fed.setdefault(prop.name, []).append(one)
    if problems:
        raise MiyarError(sorted(set(problems)))
    shared = {prop.name for prop in contract.properties}
    for record, _ in enumerate(groups, start=1):
        selects.append({name: next((f for f in feds if f.record == record), None) for name, feds in fed.items()})
    texts = _unpivoted(contract, source, selects, shared) if contract.records else _plain(source, selects[0])
    return Plan(contract, feed, {name: tuple(feds) for name, feds in fed.items()}, len(groups), texts, source.rows)


def _fed(
    given: Input, source: Source, prop: Property, record: int, relative: str, feed: Feed, problems: list[Problem]
) -> Fed:
    if prop.constant is not None:
        constant = str(prop.constant).lower() if isinstance(prop.constant, bool) else str(prop.constant)
        return Fed(record, prop, sql.text(constant), "")
    if prop.file_name is not None:
        found = re.search(prop.file_name, relative)
        if found is None or found[1] is None:
            problems.append(
                given.problem(
                    "file_name",
                    f"the path {relative!r} gives no {prop.name!r} by the pattern {prop.file_name!r}",
                    "Name the file as agreed, or correct fileName in the contract.",
                )
            )
            return Fed(record, prop, "null::varchar", "")
        return Fed(record, prop, sql.text(found[1]), "")
    if prop.expression is not None:
        return _computed(given, source, prop, prop.expression, record)
    named = chosen_name(prop, source.headers)
    if named is None:
        return Fed(record, prop, "null::varchar", "")
    header = tidy(named.physical_name if isinstance(named, NamedFrom) else named)
    position = source.headers.taken[header]
    column = feed.by_name.get(prop.name)
    if position in source.plain:
        value = f"nullif(c{position}, '')"
    elif column is not None and column.free:
        value = f"clean_text(c{position})"
    else:
        value = f"fold_digits(clean_text(c{position}))"
    nulls = [*given.contract.null_values, *prop.null_values]
    if nulls:
        value = f"case when {value} not in ({sql.texts(nulls)}) then {value} end"
    if "" in (prop.labels or {}):
        # The contract gives an empty cell a meaning, so it is treated as a text.
        value = f"coalesce({value}, '')"
    return Fed(record, prop, value, header, _validity(prop, named), position in source.sound)


def _computed(given: Input, source: Source, prop: Property, expression: Expression, record: int) -> Fed:
    """A property made from several columns, each cleaned as if it fed one alone."""
    nulls = [*given.contract.null_values, *prop.null_values]

    def text(header: str) -> str:
        value = f"fold_digits(clean_text(c{source.headers.chosen[header]}))"
        return f"(case when {value} not in ({sql.texts(nulls)}) then {value} end)" if nulls else value

    is_sound = all(source.headers.chosen[header] in source.sound for header in expression.headers)
    made = text_of(expression, text, given.contract.format.decimal)
    return Fed(
        record, prop, made, ", ".join(expression.headers), is_sound=is_sound, parts=tuple(map(text, expression.headers))
    )


def _validity(prop: Property, named: NamedFrom | str) -> tuple[str, str | None] | None:
    if not isinstance(named, NamedFrom) or not isinstance(prop.physical_name, list):
        return None
    dated = [one for one in prop.physical_name if isinstance(one, NamedFrom)]
    later = sorted(one.valid_from for one in dated if one.valid_from > named.valid_from)
    return named.valid_from, later[0] if later else None


def _plain(source: Source, select: dict[str, Fed | None]) -> str:
    fields = ", ".join(f"{fed.sql} as t_{name}" for name, fed in select.items() if fed is not None)
    delivered = [f"t_{name}" for name, fed in select.items() if fed is not None and fed.header]
    filled = f"where {' or '.join(f'{column} is not null' for column in delivered)}" if delivered else ""
    if any(fed.parts for fed in select.values() if fed is not None):
        texts = (fed.delivered for fed in select.values() if fed is not None and fed.header)
        given = f"where {' or '.join(f'({text}) is not null' for text in texts)}"
        return f"select source_row, 1 as record_no, {fields} from {source.relation} {given}"
    return f"select * from (select source_row, 1 as record_no, {fields} from {source.relation}) {filled}"


def _unpivoted(contract: Contract, source: Source, selects: list[dict[str, Fed | None]], shared: set[str]) -> str:
    own = list(dict.fromkeys(name for select in selects for name in select if name not in shared))
    kept = [f"{fed.sql} as t_{name}" for name, fed in selects[0].items() if fed is not None and name in shared]
    structs = []
    for record, (select, declared) in enumerate(zip(selects, contract.records, strict=True), start=1):
        texts = {name: fed.sql for name in own if (fed := select.get(name)) is not None}
        delivered = [fed.delivered for name in own if (fed := select.get(name)) is not None and fed.header]
        empty = " and ".join(f"({sql}) is null" for sql in delivered) if delivered else "false"
        fields = [f"record_no := {record}", f"is_blank := {empty if declared.skip_when_empty else 'false'}"]
        fields += [f"t_{name} := {texts.get(name, 'null::varchar')}" for name in own]
        structs.append(f"struct_pack({', '.join(fields)})")
    unnested = f"select source_row, {''.join(f'{field}, ' for field in kept)}unnest([{', '.join(structs)}]) as record"
    columns = ["record.record_no", *(f"t_{name}" for name in selects[0] if name in shared)]
    columns += [f"record.t_{name}" for name in own]
    return f"select source_row, {', '.join(columns)} from ({unnested} from {source.relation}) where not record.is_blank"
