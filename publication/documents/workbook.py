"""A document's tables as a workbook: Arabic sheets right to left, English sheets, and last what each column means.

Belongs here: sheets, headings, types of cells. Does not belong here: the content of tables.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from publication.documents.model import (
    WORDS,
    Cell,
    Code,
    Count,
    Document,
    Interval,
    Number,
    Table,
    Text,
    column_text,
    dated,
    tell,
)
from publication.phrasing import LANGUAGES, Language, Phrasing

# Excel's limit on a sheet's name, and the characters it forbids there.
NAME_LENGTH = 31
_FORBIDDEN = str.maketrans("", "", "[]:*?/\\'")


def write_workbook(
    document: Document, path: Path, period_id: str, first: Callable[[Any], None] = lambda book: None
) -> None:
    """Write the document as a workbook; `first` adds its own sheets before those of the document.

    Numbers are written as numbers, and texts as strings, never as formulas, whatever they begin with.
    """
    # Imported here, not at start-up: only publishing needs it.
    import xlsxwriter

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": dated(period_id), "title": tell(document.title, Phrasing("ar", WORDS))})
        styles = {
            "head": book.add_format({"bold": True, "bg_color": "#eef1f4", "text_wrap": True, "valign": "top"}),
            "text": book.add_format({"text_wrap": True, "valign": "top"}),
            **{str(positions): book.add_format({"num_format": _places(positions)}) for positions in range(5)},
        }
        first(book)
        for language in LANGUAGES:
            _write_language(book, styles, document, language)


def _write_language(book: Any, styles: dict[str, Any], document: Document, language: Language) -> None:
    say = Phrasing(language, WORDS)
    meant: dict[str, None] = {}
    taken: set[str] = set()
    for section in document.sections:
        for table in (block for block in section.blocks if isinstance(block, Table)):
            sheet = _sheet(book, tell(section.heading, say), language, taken)
            position = 0
            for number, column in enumerate(table.columns):
                cells = [row[number] for row in table.rows]
                for part in _parts(column, cells):
                    meant.setdefault(part)
                    sheet.write_string(0, position, column_text(part, language), styles["head"])
                    for line, cell in enumerate(cells, start=1):
                        _write(sheet, styles, line, position, cell, part, say)
                    sheet.set_column(position, position, 30 if any(isinstance(cell, Text) for cell in cells) else 14)
                    position += 1
    sheet = _sheet(book, say.word("columns"), language, taken)
    sheet.write_string(0, 0, say.word("column"), styles["head"])
    sheet.write_string(0, 1, say.word("meaning"), styles["head"])
    for line, column in enumerate(meant, start=1):
        sheet.write_string(line, 0, column_text(column, language), styles["text"])
        sheet.write_string(line, 1, column_text(column, language, is_meaning=True), styles["text"])
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 90)


def _sheet(book: Any, heading: str, language: Language, taken: set[str]) -> Any:
    """Add a sheet with a frozen head; a name already used gets a number."""
    # Sheet names must be unique across both languages, so each begins with its language.
    stem = f"{language} {heading.translate(_FORBIDDEN)}"[:NAME_LENGTH].strip()
    name, number = stem, 2
    while name in taken:
        name = f"{stem[: NAME_LENGTH - 3]} {number}"
        number += 1
    taken.add(name)
    sheet = book.add_worksheet(name)
    if language == "ar":
        sheet.right_to_left()
    sheet.freeze_panes(1, 0)
    return sheet


def _parts(column: str, cells: list[Cell]) -> tuple[str, ...]:
    """Return the columns a column of cells becomes: an interval takes two, so that both ends are numbers."""
    if any(isinstance(cell, Interval) for cell in cells):
        return f"{column}_low", f"{column}_high"
    return (column,)


def _write(sheet: Any, styles: dict[str, Any], line: int, position: int, cell: Cell, part: str, say: Phrasing) -> None:
    match cell:
        case Text():
            sheet.write_string(line, position, cell.ar if say.language == "ar" else cell.en, styles["text"])
        case Code():
            sheet.write_string(line, position, cell.text)
        case Number():
            _number(sheet, line, position, cell.value, styles[str(cell.decimals)])
        case Count():
            _number(sheet, line, position, cell.value, styles["0"])
        case Interval():
            value = cell.low if part.endswith("_low") else cell.high
            # An interval with one end is left empty, as it is on the page.
            is_whole = cell.low is not None and cell.high is not None
            _number(sheet, line, position, value if is_whole else None, styles[str(cell.decimals)])


def _number(sheet: Any, line: int, position: int, value: Any, style: Any) -> None:
    """Write the full value, displayed as on the page; an empty cell where there is none."""
    if value is not None:
        sheet.write_number(line, position, float(value), style)


def _places(decimals: int) -> str:
    return "#,##0" + ("." + "0" * decimals if decimals else "")
