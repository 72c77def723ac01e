"""Where a table ends: footnotes, totals and second tables below it are left out and told.

Belongs here: until and skipFooter under `rows` of a contract. Does not belong here: rows chosen by their values (`choice`).
"""

import re
from collections import deque
from collections.abc import Iterator

from ingestion.readers.input import Input
from miyar.errors import Problem

Row = tuple[int, list[str]]


def table_rows(given: Input, rows: Iterator[Row], notes: list[Problem]) -> Iterator[Row]:
    """The filled rows of the table; when all are taken, a note about those below it has been added to `notes`."""
    choice = given.contract.rows
    if choice.until is None and not choice.skip_footer:
        yield from rows
        return
    until = None if choice.until is None else re.compile(choice.until)
    held: deque[Row] = deque()
    last_filled, first_below = 0, 0
    for number, cells in rows:
        text = first_filled(cells)
        last_filled = number if text else last_filled
        if not first_below and until is not None and until.search(text):
            first_below = number
        if first_below or not text:
            continue
        held.append((number, cells))
        if len(held) > choice.skip_footer:
            yield held.popleft()
    if held:
        first_below = held[0][0]
    if 0 < first_below <= last_filled:
        notes.append(below_note(given, first_below, last_filled))


def with_gaps(rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows, with one blank row where their numbers leave a gap."""
    last = 0
    for number, cells in rows:
        if last and number > last + 1:
            yield last + 1, []
        yield number, cells
        last = number


def first_filled(cells: list[str]) -> str:
    """The text by which a row is recognised."""
    return next((text for cell in cells if (text := cell.strip())), "")


def below_note(given: Input, first: int, last: int) -> Problem:
    """What tells that rows below a table were not read."""
    where = f"row {first:,} stands" if first == last else f"rows {first:,} to {last:,} stand"
    return given.problem(
        "rows_below_table",
        f"{where} below the table (`rows` in the contract); not read as data",
        "Check that no data row is among them.",
        first,
    )
