"""The columns of dates in the typing query: SQL of the moment each text means, and of the record's period.

Belongs here: which calendar, forms and zone a contract says for which column. Does not belong here: one text (`moments`,
`calendars`), periods by name (`period_names`).
"""

from collections.abc import Iterable

from ingestion import calendars, moments
from ingestion.records import Group, Plan
from ingestion.untyped import is_hijri


class Dates:
    """The date columns of a plan; `iso` are those with texts by ISO 8601, `hijri` those with dates of the Hijri calendar."""

    def __init__(self, plan: Plan, names: Iterable[str], timezone: str) -> None:
        self.plan = plan
        self.names = frozenset(names)
        self.timezone = timezone
        mapped = [column for column in plan.feed.columns if column.name in self.names]
        self.columns = [c.name for c in mapped if c.type in {"date", "timestamp"} or c.name == "period_id"]
        self.iso = [name for name in self.columns if any(self._is_iso(group) for group in plan.groups(name))]
        self.hijri = [name for name in sorted(self.names) if any(map(is_hijri, plan.groups(name)))]

    def hijri_parts(self, name: str) -> str:
        """SQL: the parts of a Hijri text."""
        groups = self.plan.groups(name)
        return self.plan.by_group(
            name,
            [
                calendars.hijri_parts(f"t_{name}", group.prop.date_format) if is_hijri(group) else "null"
                for group in groups
            ],
        )

    def moment(self, name: str) -> str:
        """SQL: the moment a text means."""
        return self.plan.by_group(name, [self._moment(name, group) for group in self.plan.groups(name)])

    def period(self) -> str:
        """SQL: the record's period, by its own column or by the day of its event."""
        if "period_id" in self.names:
            return "coalesce(g_period_id, quarter_of(p_period_id))"
        event = f"v_{self.plan.feed.event}"
        if self.plan.feed.by_name[self.plan.feed.event].type == "timestamp":
            event = moments.Clock(centre=self.timezone).to_local(event)
        return f"quarter_of({event})"

    def _is_iso(self, group: Group) -> bool:
        return not is_hijri(group) and not group.prop.date_format

    def _moment(self, name: str, group: Group) -> str:
        later = group.prop.expression.seconds if group.prop.expression else 0
        return f"{self._told(name, group)} + to_seconds({later})" if later else self._told(name, group)

    def _told(self, name: str, group: Group) -> str:
        clock, kind = self._clock(group), self.plan.feed.by_name[name].type
        if not is_hijri(group):
            return moments.moment(
                group.code(name), f"z_{name}", group.prop.date_format, clock, is_day=kind != "timestamp"
            )
        if kind != "timestamp":
            return f"h_{name}"
        return (
            f"case when j_{name}.is_timed then {clock.from_naive(f'h_{name}')} else {clock.from_day(f'h_{name}')} end"
        )

    def _clock(self, group: Group) -> moments.Clock:
        naive = group.prop.timezone or self.plan.contract.timezone or self.timezone
        return moments.Clock(naive, self.timezone, self.plan.contract.zone_names)
