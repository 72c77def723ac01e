"""The reference page of values: how texts in cells become numbers, dates and periods, from the lists that ingestion reads.

Belongs here: docs/values.md. Does not belong here: facts of its own, the other pages (`reference`).
"""

import yaml

from ingestion.date_words import date_words
from warehouse.source_code import REPOSITORY

MADE = "<!-- Made by `make docs`; do not edit. -->\n"


def values_page() -> str:
    """How texts become values: the closed lists of units, words in dates, periods and zones."""
    parts = [MADE, "# Values\n", _paragraph(VALUES_INTRO), "## Units\n", _paragraph(UNITS_INTRO)]
    parts.append("| `unit` | of | written beside a number |\n|---|---|---|")
    for unit in yaml.safe_load((REPOSITORY / "ingestion" / "units.yml").read_text("utf-8"))["dimensions"].items():
        for name, spec in unit[1]["units"].items():
            shown = ", ".join(f"`{text}`" for text in [*spec.get("texts", []), *spec.get("duals", [])])
            parts.append(f"| `{name}` | {unit[0]} | {shown} |")
    parts += ["", "## Dates and times\n", _paragraph(DATES), "", "| in a date | written |\n|---|---|"]
    words = date_words()
    for list_name in ("months", "weekdays", "halves", "hijri_months", "eras"):
        for name, spelled in words[list_name].items():
            parts.append(f"| {list_name.replace('_', ' ')}: {name} | {', '.join(f'`{text}`' for text in spelled)} |")
    parts += ["", "## Periods\n", _paragraph(PERIODS), "", "## Time zones\n", _paragraph(ZONES)]
    return "\n".join(parts).rstrip() + "\n"


VALUES_INTRO = """
What a text in a cell may look like, and what it becomes. Every list here is closed: what is not on it is quarantined with a
rule, and never guessed. Digits may be ASCII, Arabic or Persian. Numbers may be grouped in threes (`1,234,567.5`, `١٬٢٣٤٫٥`,
`1 234`, `1'234`; with `decimal: ","` also `1.234,5`), the first group having one to three digits and no zero in front;
negative ones may stand in parentheses or have the sign behind. `12,34,567` and `2025 123` are no numbers. Which of point
and comma is the decimal mark, the contract says (`format.decimal`).
"""
UNITS_INTRO = """
`unit` in a property names the unit of bare numbers; a text that names its own (`85%`, `12 min`, `PT12M30S`, `0:12:30`, `1
day, 2:03:00`, `2h 30m`) is taken by that, and both become the unit of the column ([contracts.md](contracts.md) names it).
So `unit: percent` makes 0.85 of `85` and of `85%` under `target`, and `unit: share` takes `0.85` as it is. Spreadsheets
hold 0.85 where they show 85 %: read them as shares. A `multiplyBy` that is the size of a unit says the same as naming it.
Where the contract names no unit, texts with one are refused (`unit_undeclared`). A currency is never converted into
another.
"""
DATES = """
Without `dateFormat`, ISO 8601: `2025-10-01`, `2025-10-01 09:12`, `2025-10-01T09:12:30.5+03:00`. Otherwise strptime formats,
tried in order, with names of months (`%B`, `%b`), weekdays (`%A`, `%a`) and halves of the day (`%p`) in Arabic or English,
whatever the machine's language. Or a number, by name, never guessed: `epoch_seconds`, `epoch_milliseconds`, `serial_1900`,
`serial_1904` (spreadsheets). Years of two digits are refused in the contract. `calendar: umm_al_qura` reads Hijri dates,
with months as numbers (`%m`) or names (`%B`).
"""
PERIODS = """
A column mapped to `period_id` may hold quarters (`2025Q3`, `2025-Q3`, `Q3 2025`, `Q3/2025`, `3Q2025`, `Third quarter of
2025`, `الربع الثالث 2025`, `ر3 2025`), the three months of one (`Jul-Sep 2025`), months (`2025-07`, `07/2025`, `2025-M07`,
`July 2025`, `يوليو 2025`), which stand in their quarter, or dates. Years (`2025`, `FY2025`, `2024/25`, `السنة المالية
2025`) stand in the quarter their last month lies in, and need `yearEnds` (1-12) in the property; `FY2025 Q1` counts within
that year. A year named by two (`2024/25`) is the one that ends in the second.
"""
ZONES = """
A time is kept in UTC. `timezone` in `miyar.yml` is the centre's zone (default UTC, which moves no time that names none):
its days and quarters count, so with `Asia/Riyadh` half past midnight on 1 October is in the fourth quarter. `timezone` in a
contract, or in one property, is the zone of times that name none (default: the centre's). A text may name an offset
(`+03:00`, `UTC+3`, `GMT+0300 (Arabian Standard Time)`), a place (`Asia/Riyadh`), `Z`, `UTC` or `GMT`; it is converted.
Abbreviations such as AST, BST, EST and IST stand for several zones and are refused (`zone_unclear`) unless the contract
says what they mean: `zoneNames: {AST: Asia/Riyadh}`. A day without a time is a day of the centre and never moves.
"""


def _paragraph(text: str) -> str:
    return " ".join(text.split()) + "\n"
