"""Why a text gave no value: SQL of the rule that each column of a record breaks, and of the list of a record's problems.

Belongs here: the reasons, and which of them can occur at all. Does not belong here: how a text becomes a value (`mapping`).
"""

from dataclasses import dataclass

from ingestion import moments, values
from ingestion.contract import Generalise
from ingestion.records import Group, Plan
from miyar import sql

SCALED_VALUES = ("value", "recovered_value")


@dataclass(frozen=True)
class Untyped:
    """The mapped columns of a plan; `personal` are those whose texts are scanned for personal data,
    `measured` those whose texts may have a unit beside them, `known` those whose names a figure has to know.
    """

    plan: Plan
    names: tuple[str, ...]
    has_scale: bool
    personal: frozenset[str]
    measured: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()

    def rules(self) -> dict[str, str]:
        """SQL of the rule that each column breaks in a row, null for none; columns that cannot break one are left out."""
        rules = {}
        for name in self.names:
            kind = self.plan.feed.by_name[name].type if name != "scale" else "text"
            groups = self.plan.groups(name)
            if all(self._is_taken_as_it_is(name, kind, group) for group in groups):
                continue
            value = "v_scale_id" if name == "scale" else f"v_{name}"
            reasons = self.plan.by_group(name, [self._reason(name, kind, group) for group in groups])
            rules[name] = (
                f"case when t_{name} is not null and {value} is null{self._excused(name)} "
                f"then case when {self.plan.sheet_error(name)} then 'spreadsheet_error' else {reasons} end"
                f"{self._outside_header(name)} end"
            )
        return rules

    def problems(self, ruled: list[str]) -> tuple[str, str]:
        """SQL over the r_ columns of `rules`: whether a record has a problem, and the list of its problems."""
        structs = []
        for name in ruled:
            treated = any(group.prop.treatment is not None for group in self.plan.groups(name))
            shown = "''" if treated or name in self.personal else f"t_{name}"
            structs.append(
                f"case when r_{name} is not null then "
                f"{{'rule': r_{name}, 'column': {self.plan.label(name)}, 'value': {shown}}} end"
            )
        broken = " or ".join(f"r_{name} is not null" for name in ruled)
        return broken, f"list_filter([{', '.join(structs)}], problem -> problem is not null)"

    def _is_taken_as_it_is(self, name: str, kind: str, group: Group) -> bool:
        prop = group.prop
        return (
            kind == "text"
            and name not in {"scale", "region_id", "period_id"}
            and name not in self.personal
            and name not in self.known
            and not group.is_coded
            and prop.treatment is None
            and self.plan.sheet_error(name) == "false"
            and all(fed.valid is None for fed in group.members)
        )

    def _excused(self, name: str) -> str:
        """SQL conditions that exclude legitimate nulls: absences on a scale, numbers below the first band, labels left empty."""
        if self.has_scale and name in SCALED_VALUES:
            return f" and a_status_{name} is null"
        conditions = []
        for group in self.plan.groups(name):
            if isinstance(group.prop.treatment, Generalise):
                conditions.append(f"try_cast(n_{name} as double) is null")
            elif group.is_coded and group.prop.unlisted == "empty":
                conditions.append(f"coalesce(k_{name}, w_{name}) is not null")
            else:
                conditions.append("true")
        return f" and {self.plan.by_group(name, conditions)}" if set(conditions) != {"true"} else ""

    def _outside_header(self, name: str) -> str:
        cases = ""
        for fed in self.plan.fed[name]:
            if fed.valid is not None:
                first, after = fed.valid
                late = f" or v_period_id >= {sql.text(after)}" if after else ""
                cases += (
                    f" when record_no = {fed.record} and (v_period_id < {sql.text(first)}{late}) "
                    "then 'header_out_of_period'"
                )
        return cases

    def _reason(self, name: str, kind: str, group: Group) -> str:
        prop = group.prop
        reason = {"text": "'unknown_code'", "boolean": "'value_not_boolean'"}.get(kind, "")
        if isinstance(prop.treatment, Generalise) or kind in {"decimal", "integer"}:
            reason = values.number_rule(f"n_{name}", f"u_{name}")
            if name in self.measured:
                reason = (
                    f"case when q_{name} is not null then 'number_out_of_type' else coalesce(x_{name}, {reason}) end"
                )
        elif kind in {"date", "timestamp"} or name == "period_id":
            reason = self._date_reason(name, group)
        elif name == "region_id" and not group.is_coded:
            reason = "'region_ambiguous'"
        elif name in self.personal:
            reason = "'personal_data'"
        if self.has_scale and name in SCALED_VALUES:
            return f"case when try_cast(n_{name} as double) is null then 'unknown_code' else 'number_out_of_type' end"
        if name in self.known:
            reason = "'name_unknown'"
        if group.is_coded:
            return f"coalesce(w_{name}, {reason})"
        return reason

    def _date_reason(self, name: str, group: Group) -> str:
        if is_hijri(group):
            year = f"j_{name}.y"
            return (
                f"case when {year} between {values.EARLIEST_YEAR} and {values.LATEST_YEAR} "
                "then 'date_calendar' else 'date_impossible' end"
            )
        rule = values.gregorian_rule(group.code(name), f"p_{name}")
        unclear = moments.zone_is_unclear(group.code(name), f"z_{name}", group.prop.date_format)
        rule = f"case when {unclear} then 'zone_unclear' else {rule} end" if unclear != "false" else rule
        return f"coalesce(e_period_id, {rule})" if name == "period_id" else rule


def is_hijri(group: Group) -> bool:
    """True when a group's texts are dates of the Umm al-Qura calendar."""
    return group.prop.calendar == "umm_al_qura"
