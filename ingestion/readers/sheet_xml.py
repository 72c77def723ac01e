"""What a sheet's XML says that the spreadsheet library does not: failed formulas, hidden rows, merged and stray cells.

Belongs here: one pass over the XML of xlsx and ods by a real parser, in time and memory that grow with the file only. Does
not belong here: values of cells (`sheet`), finding the part (`archives`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

import numpy as np

from ingestion.readers.limits import LARGEST_SHEET
from ingestion.values import NO_CACHED_VALUE, SHEET_ERRORS

_BLOCK = 1 << 20
# Only sheets that hold one of these need the slower pass: formulas, errors, hidden rows, prefixed names.
_MARKS = (b"<f", b":f", b'"e"', b"'e'", b"hidden", b":c ", b'ht="0"', b"ht='0'")
# The same above the cells: columns that are hidden or have no width.
_HIDES = re.compile(rb"""\bcol\s[^<>]*(hidden|width\s*=\s*["']0["'.])""")
_ROW = re.compile(rb"""<row\s[^<>]{0,200}?r\s*=\s*["']([0-9]{1,10})""")
_COLUMNS_TO_ZZ = 702
_PLACE = re.compile(r"([A-Z]{1,7})([0-9]{1,10})")
# An error repeated over more cells than this is a sheet made to exhaust its reader; the rest of it is not listed.
_MOST_ERRORS = 1_000_000


@dataclass
class SheetFacts:
    """What stands in one sheet beside its values; rows and columns are counted from 0, `hidden` rows from 1.

    `hidden_columns` are ranges from and to a column.

    `filled` counts the cells with content as the file stores them, `last_row` and `last_column` bound them (-1: unknown or none),
    `farthest` is one in the last column, `lowest` one in the last row.
    """

    errors: dict[int, dict[int, str]] = field(default_factory=dict)
    hidden: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    covered: dict[int, list[int]] = field(default_factory=dict)
    filled: int = 0
    last_row: int = -1
    last_column: int = -1
    farthest: tuple[int, int] = (-1, -1)
    lowest: tuple[int, int] = (-1, -1)
    listed: int = 0

    def error(self, row: int, column: int, text: str) -> None:
        """Note a failed cell."""
        if self.listed < _MOST_ERRORS:
            self.errors.setdefault(row, {})[column] = text
            self.listed += 1

    def cell(self, row: int, column: int) -> None:
        """Note a cell with content."""
        self.filled += 1
        if row >= self.last_row:
            self.last_row, self.lowest = row, (row, column)
        if column >= self.last_column:
            self.last_column, self.farthest = column, (row, column)


def known_error(text: str) -> str:
    """The error as spreadsheets show it; newer ones (#SPILL!) and unknown ones count as #VALUE!."""
    return text if text in SHEET_ERRORS else "#VALUE!"


def column_number(letters: str) -> int:
    """Column letters as a number from 0."""
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return column - 1


def cell_name(row: int, column: int) -> str:
    """A place as spreadsheets name it: (1, 3) is D2."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


def xlsx_needs_scan(stream: IO[bytes]) -> bool:
    """True when a sheet may hold something that only `scan_xlsx` sees; a search of bytes, several times faster than that."""
    held, is_wide, rows = b"", False, 0
    while block := stream.read(_BLOCK):
        held += block
        cut = held.rfind(b"<")
        part, held = (held[:cut], held[cut:]) if cut >= 0 else (held, b"")
        # What stands above the cells (the encoding's name) looks like places, and hidden columns are no rows.
        above = max(0, part.find(b"<sheetData"))
        if _HIDES.search(part, 0, above):
            return True
        part = part[above:]
        letters = _most_letters(part)
        if letters > 2 or any(mark in part for mark in _MARKS):
            return True
        # A cell that does not begin with its place may stand anywhere.
        if part.count(b"<c ") + part.count(b"<c>") != part.count(b'<c r="'):
            return True
        is_wide = is_wide or letters == 2
        last = _ROW.search(part, max(0, part.rfind(b"<row ")))
        rows = max(rows, int(last[1])) if last else rows
    # Up to column ZZ a sheet of so many rows may be a rectangle that is too large.
    return any(mark in held for mark in _MARKS) or (is_wide and rows > LARGEST_SHEET // _COLUMNS_TO_ZZ)


def _most_letters(part: bytes) -> int:
    """How many capital letters stand behind a quote before digits, as in the place of a cell: 3 means three or more."""
    data = np.frombuffer(part, np.uint8)
    if len(data) < 4:
        return 0
    quote, upper = (data == 34) | (data == 39), (data >= 65) & (data <= 90)
    two = quote[:-3] & upper[1:-2] & upper[2:-1]
    if (two & upper[3:]).any():
        return 3
    return 2 if (two & (data[3:] >= 48) & (data[3:] <= 57)).any() else 1


def scan_xlsx(stream: IO[bytes]) -> SheetFacts:
    """The facts of an xlsx sheet; a part that is no XML gives those up to the fault, and the library says the rest."""
    facts = SheetFacts()
    scan = _Xlsx(facts)
    _parse(stream, scan.start, scan.end, scan.text)
    return facts


def scan_ods(stream: IO[bytes], sheet: str | None) -> SheetFacts:
    """The facts of one table of an ods document, or of all of them one upon the other."""
    facts = SheetFacts()
    scan = _Ods(facts, sheet)
    _parse(stream, scan.start, scan.end, scan.text)
    return facts


def _parse(stream: IO[bytes], start: object, end: object, text: object) -> None:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text  # type: ignore[assignment]
    try:
        for block in _blocks(stream):
            parser.Parse(block, False)
        parser.Parse(b"", True)
    except expat.ExpatError:
        return


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block


class _Xlsx:
    """Handlers for `row`, `c`, `f`, `v` and `is`, whatever their prefix."""

    def __init__(self, facts: SheetFacts) -> None:
        self._facts = facts
        self._row, self._column = -1, -1
        self._kind, self._value = "", ""
        self._has_formula = self._has_value = self._reads = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "c":
            place = _PLACE.fullmatch(attributes.get("r", ""))
            self._column = column_number(place[1]) if place else self._column + 1
            self._row = int(place[2]) - 1 if place else self._row
            self._kind, self._value = attributes.get("t", ""), ""
            self._has_formula = self._has_value = False
        elif name == "row":
            number = attributes.get("r", "")
            self._row, self._column = int(number) - 1 if number.isdigit() else self._row + 1, -1
            if _is_hidden(attributes, "ht"):
                self._facts.hidden.append(self._row + 1)
        elif name == "col":
            first, last = attributes.get("min", ""), attributes.get("max", "")
            if _is_hidden(attributes, "width") and first.isdigit() and last.isdigit():
                self._facts.hidden_columns.append((int(first) - 1, int(last) - 1))
        elif name == "f":
            self._has_formula = True
        elif name in {"v", "is"}:
            self._reads = True

    def text(self, text: str) -> None:
        if self._reads:
            self._has_value = True
            if len(self._value) < 100:
                self._value += text

    def end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name in {"v", "is"}:
            self._reads = False
        elif name == "c":
            if self._kind == "e":
                self._facts.error(self._row, self._column, known_error(self._value))
            elif self._has_formula and not self._has_value and self._kind != "str":
                self._facts.error(self._row, self._column, NO_CACHED_VALUE)
            if self._has_value:
                self._facts.cell(self._row, self._column)


def _is_hidden(attributes: dict[str, str], size: str) -> bool:
    """True for a row or column that is hidden, or so low or narrow that nobody sees it."""
    return attributes.get("hidden") in {"1", "true"} or re.fullmatch(r"0+(\.0*)?", attributes.get(size, "")) is not None


class _Ods:
    """Handlers for tables, rows and cells of the given table; places follow from repeat counts."""

    def __init__(self, facts: SheetFacts, sheet: str | None) -> None:
        self._facts, self._sheet = facts, sheet
        self._inside = self._reads = False
        self._row, self._column, self._down, self._right = 0, 0, 1, 1
        self._attributes: dict[str, str] = {}
        self._shown = ""
        self._annotations = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self._inside = self._sheet is None or attributes.get("table:name") == self._sheet
            self._row = self._column = 0
        elif not self._inside:
            return
        elif name == "table:table-row":
            self._down, self._column = _repeats(attributes, "rows"), 0
            if attributes.get("table:visibility") in {"collapse", "filter"} and self._down <= _MOST_ERRORS:
                self._facts.hidden += range(self._row + 1, self._row + 1 + self._down)
        elif name == "table:table-column":
            last = self._column + _repeats(attributes, "columns") - 1
            if attributes.get("table:visibility") in {"collapse", "filter"}:
                self._facts.hidden_columns.append((self._column, last))
            self._column = last + 1
        elif name in {"table:table-cell", "table:covered-table-cell"}:
            self._right = _repeats(attributes, "columns")
            self._attributes, self._shown, self._reads = attributes, "", True
        elif name == "office:annotation":
            self._annotations += 1

    def text(self, text: str) -> None:
        if self._reads and not self._annotations and len(self._shown) < 100:
            self._shown += text

    def end(self, name: str) -> None:
        if name == "table:table":
            self._inside = False
        elif not self._inside:
            return
        elif name == "table:table-row":
            self._row += self._down
        elif name == "office:annotation":
            self._annotations -= 1
        elif name in {"table:table-cell", "table:covered-table-cell"}:
            self._cell(is_covered=name == "table:covered-table-cell")
            self._column += self._right
            self._reads = False

    def _cell(self, *, is_covered: bool) -> None:
        attributes, shown = self._attributes, self._shown.strip()
        error, kind = "", attributes.get("calcext:value-type", attributes.get("office:value-type", ""))
        if kind == "error" or ((shown in SHEET_ERRORS or shown.startswith("Err:")) and "table:formula" in attributes):
            error = known_error(shown)
        elif "table:formula" in attributes and not kind:
            error = NO_CACHED_VALUE
        if shown or kind or error:
            self._facts.cell(self._row + self._down - 1, self._column + self._right - 1)
        if (error or is_covered) and self._down * self._right <= _MOST_ERRORS:
            for row in range(self._row, self._row + self._down):
                for column in range(self._column, self._column + self._right):
                    if error:
                        self._facts.error(row, column, error)
                    elif is_covered and self._facts.listed < _MOST_ERRORS:
                        self._facts.listed += 1
                        self._facts.covered.setdefault(row, []).append(column)


def _repeats(attributes: dict[str, str], what: str) -> int:
    number = attributes.get(f"table:number-{what}-repeated", "1")
    return max(1, int(number)) if number.isdigit() and len(number) < 20 else 1
