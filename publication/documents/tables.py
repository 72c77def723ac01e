"""Tables of documents, defined column by column: a column's name, and how its cell is made from a row.

Belongs here: cells made from columns of rows, and a section of one table. Does not belong here: any query, and what a
section is about (`sections`, `agency`, `national`, `region`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from publication.documents.model import (
    Cell,
    Code,
    Count,
    Interval,
    Number,
    Section,
    Sentence,
    Table,
    Text,
    coded,
    score_code,
    source_code,
)

Row = Mapping[str, Any]
# Column of `columns.yml` -> function that makes its cell from a row, in the order of the table.
Columns = Mapping[str, Callable[[Row], Cell]]


def named(row: Row, stem: str = "name") -> Text:
    """Return the name of a row's unit, metric or practice."""
    return Text(str(row[f"{stem}_ar"]), str(row[f"{stem}_en"]))


def name(stem: str) -> Callable[[Row], Text]:
    return lambda row: named(row, stem)


def number(column: str, *, is_change: bool = False) -> Callable[[Row], Number]:
    return lambda row: Number(row[column], is_change=is_change)


def interval(low: str, high: str, decimals: int = 1) -> Callable[[Row], Interval]:
    return lambda row: Interval(row[low], row[high], decimals)


def count(column: str) -> Callable[[Row], Count]:
    """Return a count or a sum of counts; an empty cell where nothing was counted."""
    return lambda row: Count(None if row[column] is None else int(row[column]))


def code(column: str) -> Callable[[Row], Code]:
    return lambda row: Code(row[column])


def words(column: str, *wording_sections: str) -> Callable[[Row], Text]:
    """Return a code in words, as `model.coded` finds them."""
    return lambda row: coded(row[column], *wording_sections)


def score(column: str = "score_id") -> Callable[[Row], Code]:
    return lambda row: score_code(row[column])


def source(table: str, column: str) -> Callable[[Row], Code]:
    """Return where the row's numbers come from: the published table, and what selects its row there."""
    return lambda row: source_code(table, row[column])


def table_of(rows: Sequence[Row], columns: Columns) -> Table:
    """Return a table with a line for each row."""
    return Table(tuple(columns), [tuple(cell(row) for cell in columns.values()) for row in rows])


def table_section(
    heading: str, lead: str | Sentence | None, rows: Sequence[Row], columns: Columns, *, empty: str = ""
) -> Section | None:
    """Return a heading, a sentence and a table; without rows the sentence `empty` instead, or no section at all."""
    if not rows:
        return Section(Sentence(heading), [Sentence(empty)]) if empty else None
    said = Sentence(lead) if isinstance(lead, str) else lead
    return Section(Sentence(heading), [*([said] if said else []), table_of(rows, columns)])
