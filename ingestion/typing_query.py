"""The typing query as text: named stages, each of which sees the columns of those before it, and a legend of their prefixes.

Belongs here: putting it together. Does not belong here: what its stages compute (`mapping`).
"""

from dataclasses import dataclass, field

from ingestion.names import NamesRead

# What a column's prefix means in every stage of the typing query.
LEGEND = {
    "t_": "the text as delivered, cleaned",
    "j_": "year, month and day of a Hijri date",
    "h_": "the moment of a Hijri date",
    "k_": "the code of a label or name",
    "w_": "why a label or name has no code",
    "a_": "the code of an answer on its scale; a_status_: what an answer outside the scale means",
    "q_": "the number of a text with a unit, in the unit of its column",
    "x_": "why a text with a unit is no number of its column",
    "u_": "the text of a number with its sign in front",
    "n_": "the text of a number as DuckDB reads it",
    "g_": "the period a text names; e_: why a year alone names none",
    "z_": "a date's text without its zone, and the zone",
    "p_": "the moment a text was parsed to",
    "v_": "the typed value",
    "r_": "the rule a text breaks, null for none",
}


@dataclass
class Query:
    """The named stages of the typing query; each sees the columns of those before it."""

    stages: dict[str, str] = field(default_factory=lambda: {"delivered": "select * from texts"})

    def add(self, name: str, columns: list[str]) -> None:
        """Add a stage that keeps every column and adds the given ones; do nothing if there are none."""
        if columns:
            added = ",\n    ".join(columns)
            self.stages[name] = f"select *,\n    {added}\nfrom {next(reversed(self.stages))}"

    def sql(self, final: str) -> str:
        """The whole query, to be run or printed, with a legend of its prefixes; `final` selects from relation `last`."""
        legend = "\n".join(f"-- {prefix}: {meaning}" for prefix, meaning in LEGEND.items())
        named = ",\n".join(f"{name} as (\n{stage}\n)" for name, stage in self.stages.items())
        return f"{legend}\nwith {named},\nlast as (select * from {next(reversed(self.stages))})\n{final}"


@dataclass(frozen=True)
class TypingQueries:
    """Two queries over the same records in delivered order: all typed records, and those with `problems` (None if impossible).

    `both` is the first with a column `problems`, null where there are none. `in_memory` says that the rows are few.
    """

    records: str
    problems: str | None
    both: str
    names_read: NamesRead
    in_memory: bool = False
