"""Compile a contract to one DuckDB query: texts of records in, typed canonical columns and problems out.

Belongs here: which rule types which column, and in which order. Does not belong here: the rules for one value
(`values`), dates (`dated`), the shape of records (`records`), look-up tables (`labels`, `calendars`, `personal`).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise

import duckdb

from ingestion import calendars, labels, period_names, quantities, values
from ingestion.contract import Generalise
from ingestion.dated import Dates
from ingestion.feeds import SQL_TYPES, Column
from ingestion.known import is_read, known_names, names_of
from ingestion.labels import grouped
from ingestion.names import NamesRead
from ingestion.personal import Pseudonyms, personal_lookups, pseudonym_sql
from ingestion.records import Group, Plan
from ingestion.typing_query import Query, TypingQueries
from ingestion.untyped import SCALED_VALUES, Untyped
from miyar.registry import Registry

SCALE_COLUMNS = ("scale_id", "scale_min", "scale_max", "is_reversed")
# Up to this many records the texts are kept in memory: for so few rows, recomputing them for each look-up costs more.
KEPT_TEXTS = 20_000


def typing_queries(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    registry: Registry,
    pseudonyms: Pseudonyms | None,
    lineage: dict[str, str],
    *,
    timezone: str,
) -> TypingQueries:
    """SQL of a file's typed records (the columns of the lake), and of the problems of records that could not be typed.

    Creates the look-ups that both use.

    Args:
        lineage: SQL of each lineage column, which may use source_row, record_no, v_agency_id and v_period_id.
        timezone: the workspace's zone.
    """
    in_memory = plan.source_rows * plan.record_count <= KEPT_TEXTS
    connection.execute(f"create or replace temp {'table' if in_memory else 'view'} texts as {plan.texts}")
    made = _Compiler(connection, plan, registry, pseudonyms, timezone).queries(lineage)
    return replace(made, in_memory=in_memory)


class _Compiler:
    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        plan: Plan,
        registry: Registry,
        pseudonyms: Pseudonyms | None,
        timezone: str,
    ) -> None:
        self.connection = connection
        self.plan = plan
        self.pseudonyms = pseudonyms
        self.decimal = plan.contract.format.decimal
        self.columns = [column for column in plan.feed.columns if column.name in plan.fed]
        self.names = {column.name for column in self.columns} | ({"scale"} & set(plan.fed))
        self.dates = Dates(plan, self.names, timezone)
        self.names_read = NamesRead()
        texts = labels.texts_of(connection, plan, self._looked_up(registry))
        self.lookups = {
            name: made
            for name in sorted(self.names)
            if (made := labels.label_lookup(connection, plan, name, registry, self.names_read, texts)) is not None
        }
        self.known = {
            column.name: found
            for column in self.columns
            if (found := known_names(connection, plan, column.name, registry, self.names_read, texts)) is not None
        }
        self.personal = personal_lookups(connection, [c.name for c in self.columns if c.free])
        self.has_scale = "scale" in plan.fed
        quantities.install(connection)
        self.quantities = {
            name: quantities.quantities(connection, plan, name)
            for name in self._numeric()
            if not (self.has_scale and name in SCALED_VALUES)
        }
        if pseudonyms is not None:
            pseudonyms.install(connection)

    def queries(self, lineage: dict[str, str]) -> TypingQueries:
        query = Query()
        hijri = self.dates.hijri
        if hijri:
            calendars.install(self.connection)
        query.add("hijri_parts", [f"{self.dates.hijri_parts(name)} as j_{name}" for name in hijri])
        query.add(
            "codes",
            [f"{calendars.hijri_timestamp(f'j_{name}')} as h_{name}" for name in hijri]
            + [code for name, (_, own) in self.lookups.items() if own is None for code in self._label_codes(name)],
        )
        if self.has_scale:
            query.add("answers_on_scales", self._scale_columns())
        # The columns below may depend on the row's agency, so it is typed first.
        if "agency_id" in self.names:
            query.add("agency", [f"{self._value('agency_id', 'text')} as v_agency_id"])
        query.add(
            "codes_of_the_agency",
            [code for name, (_, own) in self.lookups.items() if own is not None for code in self._label_codes(name)],
        )
        if "period_id" in self.names:
            query.add(
                "named_periods", period_names.period_columns(self.connection, self.plan, self.plan.code("period_id"))
            )
        # Each text is cleaned and parsed once, in a stage of its own. If the expressions were repeated wherever they
        # are used, a wide feed's query would grow so large that planning it costs more than processing a file's rows.
        measured = {name: one for name, one in self.quantities.items() if one is not None}
        query.add(
            "quantities",
            [part for name, one in measured.items() for part in quantities.quantity_columns(self.plan, name, one)],
        )
        query.add("signed", [f"{self._signed(name)} as u_{name}" for name in self._numeric()])
        query.add(
            "numbers", [f"{values.number_text(f'u_{name}', self.decimal)} as n_{name}" for name in self._numeric()]
        )
        query.add("zones", [f"zoned({self.plan.code(name)}) as z_{name}" for name in self.dates.iso])
        query.add("moments", [f"{self.dates.moment(name)} as p_{name}" for name in self.dates.columns])
        typed_here = [c for c in self.columns if c.name not in {"agency_id", "period_id"}]
        query.add("typed", [f"{self._typed(column)} as v_{column.name}" for column in typed_here])
        query.add("period", [f"{self.dates.period()} as v_period_id"])
        records = query.sql(self._records(lineage))
        names = (*(column.name for column in self.columns), *({"scale"} & self.names))
        untyped = Untyped(
            self.plan, names, self.has_scale, frozenset(self.personal), frozenset(measured), frozenset(self.known)
        )
        rules = untyped.rules()
        if not rules:
            return TypingQueries(records, None, records, self.names_read)
        query.add("rules", [f"{rule} as r_{name}" for name, rule in rules.items()])
        broken, problems = untyped.problems(list(rules))
        final = f"select {lineage['row_id']} as row_id, {problems} as problems from last where {broken}"
        both = self._records(lineage, f", case when {broken} then {problems} end as problems")
        return TypingQueries(records, query.sql(final), query.sql(both), self.names_read)

    def _looked_up(self, registry: Registry) -> list[tuple[str, Group]]:
        """The groups whose distinct texts are looked up."""
        return [
            (name, group)
            for name in sorted(self.names)
            for group in self.plan.groups(name)
            if group.is_coded or (names_of(registry, name) is not None and is_read(group))
        ]

    def _numeric(self) -> list[str]:
        """Columns whose texts are read as numbers."""
        kinds = {column.name: column.type for column in self.columns}
        return [
            name
            for name, kind in kinds.items()
            if kind in {"decimal", "integer"}
            or any(isinstance(group.prop.treatment, Generalise) for group in self.plan.groups(name))
        ]

    def _signed(self, name: str) -> str:
        scaled = self.has_scale and name in SCALED_VALUES
        return f"signed({f't_{name}' if scaled else self.plan.code(name)})"

    def _label_codes(self, name: str) -> list[str]:
        """Columns k_ (the code) and w_ (why there is none) of a labelled column."""
        every, own = self.lookups[name]
        group = self.plan.by_group(name, [str(group.number) for group in self.plan.groups(name)])
        key = grouped(group, f"t_{name}")
        code = every.code(key)
        if own is not None and "agency_id" in self.names:
            code = f"coalesce({own.code(grouped(group, grouped('v_agency_id', f't_{name}')))}, {code})"
        return [f"{code} as k_{name}", f"{every.other(key)} as w_{name}"]

    def _scale_columns(self) -> list[str]:
        scale = self.plan.code("scale")
        over_texts = scale
        if "scale" in self.lookups:
            every, _ = self.lookups["scale"]
            group = self.plan.by_group("scale", [str(group.number) for group in self.plan.groups("scale")])
            over_texts = scale.replace("k_scale", f"({every.code(grouped(group, 't_scale'))})")
        answers = [name for name in SCALED_VALUES if name in self.names]
        found = labels.scale_lookups(self.connection, self.plan, over_texts, [f"t_{name}" for name in answers])
        columns = [
            f"{found.kinds.code(scale)} as v_scale_id",
            f"{found.ends.code(scale)}::bigint as v_scale_min",
            f"{found.ends.other(scale)}::bigint as v_scale_max",
            f"{found.kinds.other(scale)}::boolean as v_is_reversed",
        ]
        for name in answers:
            key = grouped(scale, f"t_{name}")
            columns += [f"{found.answers.code(key)} as a_{name}", f"{found.answers.other(key)} as a_status_{name}"]
        return columns

    def _value(self, name: str, kind: str) -> str:
        groups = self.plan.groups(name)
        typed = self.plan.by_group(name, [self._group_value(name, kind, group) for group in groups])
        error = self.plan.sheet_error(name)
        return typed if error == "false" else f"case when not {error} then {typed} end"

    def _group_value(self, name: str, kind: str, group: Group) -> str:
        prop, code = group.prop, group.code(name)
        if prop.treatment == "pseudonymise":
            return pseudonym_sql(f"t_{name}")
        number = f"n_{name}"
        if isinstance(prop.treatment, Generalise):
            return _band(values.decimal_value(number, prop.multiply_by), prop.treatment)
        if kind == "text":
            if name == "region_id" and not group.is_coded:
                return f"case when not regexp_full_match({code}, '[0-9]+([.]0+)?') then {code} end"
            if name in self.personal:
                return f"case when {self.personal[name].code(f't_{name}')} is null then {code} end"
            return self.known[name].only(code) if name in self.known else code
        if kind in {"decimal", "integer"}:
            whole = partial(values.integer_value, rounding=prop.rounding)
            return self._number(name, values.decimal_value if kind == "decimal" else whole, group)
        if kind == "boolean":
            return values.boolean_value(code)
        return f"case when known_year(p_{name}) then p_{name}::{SQL_TYPES[kind]} end"

    def _number(self, name: str, typed: Callable[[str, float | None], str], group: Group) -> str:
        number, found = f"n_{name}", self.quantities.get(name)
        if found is None or group.number not in found.units:
            return typed(number, group.prop.multiply_by)
        named = typed(f"q_{name}", None)
        return f"coalesce({named}, {typed(number, found.factor(group))})" if found.takes_bare(group) else named

    def _typed(self, column: Column) -> str:
        if self.has_scale and column.name in SCALED_VALUES:
            number = values.decimal_value(f"n_{column.name}", None)
            return f"case when a_status_{column.name} is null then {number} else a_{column.name}::decimal(18,6) end"
        return self._value(column.name, column.type)

    def _records(self, lineage: dict[str, str], beside: str = "") -> str:
        columns = {column.name: self._output(column) for column in self.plan.feed.columns} | lineage
        ordered = (f"{columns[name]} as {name}" for name in self.plan.feed.lake_schema.names)
        return f"select {', '.join(ordered)}{beside} from last"

    def _output(self, column: Column) -> str:
        kind = SQL_TYPES[column.type]
        if column.name == "period_id":
            return "v_period_id"
        if column.name == "answer_status":
            return self._answer_status()
        if column.name in self.names or (self.has_scale and column.name in SCALE_COLUMNS):
            return f"v_{column.name}::{kind}"
        if column.row_default and column.name in self.plan.feed.key:
            number = " || ':' || record_no::varchar" if self.plan.contract.records else ""
            return f"'row:' || source_row::varchar{number}"
        return f"null::{kind}"

    def _answer_status(self) -> str:
        value = "t_value" if "value" in self.names else "null"
        derived = f"case when {value} is null then 'missing' else 'answered' end"
        if self.has_scale and "value" in self.names:
            derived = "case when t_value is null then 'missing' else coalesce(a_status_value, 'answered') end"
        return f"coalesce(v_answer_status, {derived})" if "answer_status" in self.names else derived


def _band(number: str, treatment: Generalise) -> str:
    bounds = sorted(treatment.lower_bounds)
    cases = f"when {number} >= {bounds[-1]} then '{bounds[-1]}+'"
    for low, high in reversed(list(pairwise(bounds))):
        label = f"{low}-{high - 1}" if high - 1 > low else f"{low}"
        cases += f" when {number} >= {low} then '{label}'"
    return f"case {cases} end"
