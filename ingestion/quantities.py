"""Columns whose contract names a unit: their texts with units, looked up, and SQL of their values.

Belongs here: the join of one column with its units. Does not belong here: what one text means (`units`).
"""

from dataclasses import dataclass

import duckdb

from ingestion.labels import BETWEEN, Lookup, grouped, make_lookup
from ingestion.records import Group, Plan
from ingestion.units import Unit, beside_a_number, quantity, size_in, unit_of


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Make known to `values.number_rule` which texts are numbers with a unit."""
    connection.execute("set variable beside_a_number = ?", [beside_a_number()])


@dataclass(frozen=True)
class Quantities:
    """Look-up of one column's texts with a unit (number text in the column's unit, or the rule they break), and its units."""

    lookup: Lookup
    units: dict[int, Unit]
    column_unit: str | None

    def factor(self, group: Group) -> float | None:
        """The factor of a group's bare numbers; None for one."""
        size = size_in(self.units[group.number], self.column_unit)
        return None if size is None or size == 1 else float(size)

    def takes_bare(self, group: Group) -> bool:
        """True when a bare number says enough in the group's unit."""
        return self.units[group.number].size is not None


def quantities(connection: duckdb.DuckDBPyConnection, plan: Plan, column: str) -> Quantities | None:
    """Look up the distinct texts of a column that are no bare numbers; None where no property of the column has a unit."""
    column_unit = plan.feed.by_name[column].unit
    units: dict[int, Unit] = {}
    entries: dict[str, tuple[str | None, str | None]] = {}
    for group in plan.groups(column):
        unit = unit_of(group.prop.unit, group.prop.multiply_by, column_unit)
        if unit is None or group.is_coded or group.prop.treatment is not None:
            continue
        units[group.number] = unit
        members = ", ".join(str(fed.record) for fed in group.members)
        # Bare numbers, which most texts are, need no look-up.
        others = f"and try_cast(t_{column} as double) is null" if unit.size is not None else ""
        found = connection.execute(
            f"select distinct t_{column} from texts where record_no in ({members}) and t_{column} is not null {others} "
            "order by all"
        ).fetchall()
        for (text,) in found:
            entries[f"{group.number}{BETWEEN}{text}"] = quantity(text, unit, column_unit, plan.contract.format.decimal)
    return Quantities(make_lookup(connection, f"quantities_{column}", entries), units, column_unit) if units else None


def quantity_columns(plan: Plan, column: str, found: Quantities) -> list[str]:
    """SQL of columns q_ (the number in the column's unit) and x_ (why there is none) of the typing query."""
    group = plan.by_group(column, [str(group.number) for group in plan.groups(column)])
    key = grouped(group, f"t_{column}")
    return [f"{found.lookup.code(key)} as q_{column}", f"{found.lookup.other(key)} as x_{column}"]
