"""Spreadsheets read with calamine: cells as text, banner and header rows, row numbers as the sheet shows them.

Belongs here: values of cells, and what the sender should know of the sheet. Does not belong here: the archive around it
(`archives`), failed and merged cells (`sheet_xml`, `sheet_binary`), header matching (`ingestion.headers`).
"""

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from ingestion.formats import SheetFormat, header_end, lines_above
from ingestion.headers import resolve
from ingestion.readers.archives import check_archive, sheet_part, with_known_errors
from ingestion.readers.below import Row, table_rows, with_gaps
from ingestion.readers.cells import cell_text
from ingestion.readers.input import Input, Source
from ingestion.readers.limits import EMPTIEST_SHARE, LARGEST_SHEET
from ingestion.readers.rows_out import write_rows
from ingestion.readers.sheet_binary import scan_xls, scan_xlsb
from ingestion.readers.sheet_watch import Watch
from ingestion.readers.sheet_xml import SheetFacts, cell_name, scan_ods, scan_xlsx, xlsx_needs_scan
from ingestion.readers.text import join_headers
from miyar import sql
from miyar.errors import MiyarError, Problem

_MOST_COVERED = 5_000_000  # places under merged cells that are looked at; merged areas of a real sheet do not overlap
_ORDINARY_WIDTH = 1_000  # columns; a rectangle that is too large is too wide beyond it, else too tall
_SHOWN = 20  # places named in one message


def read_sheet(given: Input, _: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read one sheet into scratch; fully empty rows are skipped but still counted in row numbers."""
    form = given.contract.format
    assert isinstance(form, SheetFormat)  # noqa: S101 -- narrows the type; the caller chose by it
    if form.type != "xls":
        check_archive(given)
    book = _workbook(given)
    name, notes = _choose(given, form, book)
    facts = _facts(given, form, name)
    _refuse_far(given, facts, name)
    sheet = _sheet(given, book, name, scratch)
    _cover(sheet, facts)
    rows = _rows(sheet, facts, form.decimal)
    heads = _heads(given, form, name, rows)
    headers = resolve(given.contract, heads, given.shown, header_end(form))
    below: list[Problem] = []
    found = _filled(table_rows(given, with_gaps(_data(rows, lines_above(form))), below))
    watch = Watch(given, headers, facts)
    raw = scratch / "raw.parquet"
    count = write_rows(watch.through(found), headers, raw)
    watch.refuse_stray()
    return Source(sql.parquet(raw), headers, count, notes=(*notes, *below, *watch.notes()))


def _workbook(given: Input) -> CalamineWorkbook:
    try:
        # By content: the library trusts a path's suffix, and suffixes lie.
        return CalamineWorkbook.from_filelike(given.path.open("rb"))
    except PasswordError:
        raise given.fail(
            "file_encrypted", "the spreadsheet is protected by a password", "Deliver it without a password."
        ) from None
    except CalamineError:
        if given.contract.format.type == "ods":
            # The library opens all tables at once, and stops at the cell that asks for too much.
            with zipfile.ZipFile(given.path) as archive, archive.open("content.xml") as stream:
                _refuse_far(given, scan_ods(stream, None), "")
        raise _unreadable_sheet(given) from None


def _unreadable_sheet(given: Input) -> MiyarError:
    return given.fail(
        "file_malformed",
        f"the file is no readable {given.contract.format.type} spreadsheet",
        "Open it in a spreadsheet program, save it anew, and deliver that.",
    )


def _choose(given: Input, form: SheetFormat, book: CalamineWorkbook) -> tuple[str, list[Problem]]:
    """The sheet the contract means, and a note where the workbook has others."""
    tables = [meta for meta in book.sheets_metadata if meta.typ == SheetTypeEnum.WorkSheet]
    visible = [meta.name for meta in tables if meta.visible == SheetVisibleEnum.Visible]
    hidden = [meta.name for meta in tables if meta.visible != SheetVisibleEnum.Visible]
    if isinstance(form.sheet, int):
        found = visible[form.sheet] if 0 <= form.sheet < len(visible) else None
    else:
        found = form.sheet if form.sheet in (*visible, *hidden) else None
    others = f"visible: {_list(visible)}; hidden: {_list(hidden)}"
    if found is None:
        raise given.fail(
            "sheet_missing",
            f"there is no visible sheet {form.sheet!r}; the file has {others}",
            "Name the sheet as agreed, or correct format.sheet in the contract (a hidden sheet by its name).",
        )
    if len(tables) == 1:
        return found, []
    state = "hidden sheet" if found in hidden else "sheet"
    step = "If another sheet is meant, name it under format.sheet in the contract."
    return found, [given.problem("sheet_read", f"the {state} {found!r} was read; {others}", step)]


def _list(names: list[str]) -> str:
    return ", ".join(map(repr, names[:_SHOWN])) or "none"


def _facts(given: Input, form: SheetFormat, name: str) -> SheetFacts:
    if form.type == "xls":
        return scan_xls(given.path, name)
    with zipfile.ZipFile(given.path) as archive:
        if form.type == "xlsb":
            return scan_xlsb(archive, name)
        if form.type == "ods":
            with archive.open("content.xml") as stream:
                return scan_ods(stream, name)
        part = sheet_part(archive, name)
        if part is None:
            return SheetFacts()
        with archive.open(part) as stream:
            if not xlsx_needs_scan(stream):
                return SheetFacts()
        with archive.open(part) as stream:
            return scan_xlsx(stream)


def _refuse_far(given: Input, facts: SheetFacts, name: str) -> None:
    """The library holds the rectangle around all filled cells, so one stray cell can ask for more memory than there is."""
    places = (facts.last_row + 1) * (facts.last_column + 1)
    if places > LARGEST_SHEET and places > EMPTIEST_SHARE * facts.filled:
        row, column = facts.farthest if facts.last_column > _ORDINARY_WIDTH else facts.lowest
        far = cell_name(row, column)
        where = f" of sheet {name!r}" if name else ""
        raise given.fail(
            "cell_far_away",
            f"the cell {far}{where} lies far from the table: {facts.filled:,} cells are filled and the sheet "
            f"spans {facts.last_row + 1:,} rows and {facts.last_column + 1:,} columns",
            f"Delete the columns and rows around {far} in the sheet, save it and deliver that.",
            row + 1,
        )


def _sheet(given: Input, book: CalamineWorkbook, name: str, scratch: Path) -> CalamineSheet:
    try:
        return book.get_sheet_by_name(name)
    except CalamineError:
        mended = scratch / "mended.xlsx"
        if given.contract.format.type != "xlsx" or not with_known_errors(given.path, name, mended):
            raise _unreadable_sheet(given) from None
    try:
        return _workbook(replace(given, path=mended)).get_sheet_by_name(name)
    except CalamineError:
        raise _unreadable_sheet(given) from None


def _cover(sheet: CalamineSheet, facts: SheetFacts) -> None:
    """Note the cells that a merged cell covers, within the used part of the sheet."""
    last_row, last_column = sheet.end or (-1, -1)
    places = 0
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        places += max(0, min(bottom, last_row) - top + 1) * max(0, min(right, last_column) - left + 1)
        if places > _MOST_COVERED:
            return
        for row in range(top, min(bottom, last_row) + 1):
            begin = left + 1 if row == top else left
            facts.covered.setdefault(row, []).extend(range(begin, min(right, last_column) + 1))


def _rows(sheet: CalamineSheet, facts: SheetFacts, decimal: str) -> Iterator[Row]:
    """Yield (row number as shown, texts of its cells) for every row that is not empty."""
    waiting = dict(facts.errors)
    for row, cells in enumerate(sheet.iter_rows()):
        texts = [cell if cell.__class__ is str else cell_text(cell, decimal) for cell in cells]
        for column, error in waiting.pop(row, {}).items():
            texts += [""] * (column + 1 - len(texts))
            texts[column] = error
        if any(texts):
            yield row + 1, texts  # type: ignore[misc]
    # Rows below the last value, which the library omits because it does not see cells whose formula failed.
    for row in sorted(waiting):
        width = max(waiting[row]) + 1
        yield row + 1, [waiting[row].get(column, "") for column in range(width)]


def _heads(given: Input, form: SheetFormat, name: str, rows: Iterator[Row]) -> list[str]:
    heads: list[list[str]] = []
    end = header_end(form)
    for number, cells in rows:
        if number > form.skip_rows:
            heads += [[] for _ in range(number - form.skip_rows - 1 - len(heads))] + [cells]
        if number >= end:
            break
    heads = heads[: form.header_rows]
    if len(heads) < form.header_rows or not any(cell.strip() for cell in heads[-1]):
        raise given.fail(
            "header_missing",
            f"row {end} of sheet {name!r} should be the header and is empty",
            "Deliver the sheet with its header, or correct sheet or skipRows in the contract.",
            end,
        )
    joined = join_headers(heads)
    # A stray cell far right makes every row as wide; the header ends with its last name.
    while joined and not joined[-1].strip():
        joined.pop()
    return joined


def _data(rows: Iterator[Row], above: int) -> Iterator[Row]:
    return ((number, cells) for number, cells in rows if number > above)


def _filled(rows: Iterator[Row]) -> Iterator[Row]:
    return ((number, cells) for number, cells in rows if cells)
