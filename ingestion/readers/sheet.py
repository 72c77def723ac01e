"""Spreadsheets (xlsx, ods) read with calamine: cells as text, banner and header rows, row numbers as the sheet shows them.

Belongs here: values of cells. Does not belong here: the archive around them (`archives`), header matching (`ingestion.headers`).
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum

from ingestion.formats import SheetFormat, lines_above
from ingestion.headers import Headers, resolve
from ingestion.readers.archives import Cells, check_archive, failed_cells
from ingestion.readers.input import Input, Source
from ingestion.readers.text import join_headers
from miyar import sql

_BATCH = 20_000  # rows held as Python objects at a time
_EXACT = 2**53  # whole numbers up to this are exact in a spreadsheet


def read_sheet(given: Input, _: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read one sheet into scratch; fully empty rows are skipped but still counted in row numbers."""
    form = given.contract.format
    assert isinstance(form, SheetFormat)  # noqa: S101 -- narrows the type; the caller chose by it
    check_archive(given)
    sheet = _open(given, form)
    failed = failed_cells(given, sheet.name)
    rows = _rows(sheet, failed, form.decimal)
    heads: list[list[str]] = []
    header_end = lines_above(form)
    for number, cells in rows:
        if number > form.skip_rows:
            heads += [[] for _ in range(number - form.skip_rows - 1 - len(heads))] + [cells]
        if number >= header_end:
            break
    heads = heads[: form.header_rows]
    if len(heads) < form.header_rows or not any(cell.strip() for cell in heads[-1]):
        raise given.fail(
            "header_missing",
            f"row {header_end} of sheet {sheet.name!r} should be the header and is empty",
            "Deliver the sheet with its header, or correct sheet or skipRows in the contract.",
            header_end,
        )
    headers = resolve(given.contract, join_headers(heads), given.shown, header_end)
    raw = scratch / "raw.parquet"
    count = _write(rows, headers, raw)
    return Source(sql.parquet(raw), headers, count)


def _open(given: Input, form: SheetFormat) -> CalamineSheet:
    try:
        workbook = CalamineWorkbook.from_path(given.path)
        names = [meta.name for meta in workbook.sheets_metadata if meta.typ == SheetTypeEnum.WorkSheet]
        if isinstance(form.sheet, int):
            found = names[form.sheet] if form.sheet < len(names) else None
        else:
            found = form.sheet if form.sheet in names else None
        if found is None:
            raise given.fail(
                "sheet_missing",
                f"there is no sheet {form.sheet!r}; the file has {', '.join(map(repr, names))}",
                "Name the sheet as agreed, or correct format.sheet in the contract.",
            )
        return workbook.get_sheet_by_name(found)
    except CalamineError:
        raise given.fail(
            "file_malformed",
            f"the file is a zip archive but no readable {form.type} spreadsheet",
            "Open it in a spreadsheet program, save it anew, and deliver that.",
        ) from None


def _rows(sheet: CalamineSheet, failed: Cells, decimal: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number as shown, texts of its cells) for every row that is not empty."""
    by_row: dict[int, dict[int, str]] = {}
    for (row, column), error in failed.items():
        by_row.setdefault(row, {})[column] = error
    row = -1
    for row, cells in enumerate(sheet.iter_rows()):
        texts = [cell_text(cell, decimal) for cell in cells]
        for column, error in by_row.pop(row, {}).items():
            texts += [""] * (column + 1 - len(texts))
            texts[column] = error
        if any(texts):
            yield row + 1, texts
    # Rows below the last value, which the library omits because it does not see cells whose formula failed.
    for row in sorted(by_row):
        width = max(by_row[row]) + 1
        yield row + 1, [by_row[row].get(column, "") for column in range(width)]


def cell_text(value: Any, decimal: str) -> str:
    """A cell as text: ISO dates, whole numbers without a decimal part, the contract's decimal mark."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if value == int(value) and abs(value) <= _EXACT:
            return str(int(value))
        return repr(value).replace(".", decimal)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time.min else value.isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return str(int(value.total_seconds()))
    return str(value)


def _write(rows: Iterator[tuple[int, list[str]]], headers: Headers, raw: Path) -> int:
    positions = headers.wanted
    schema = pa.schema([("source_row", pa.int64()), *((f"c{position}", pa.string()) for position in positions)])
    count = 0
    with pq.ParquetWriter(raw, schema, compression="lz4") as writer:
        numbers: list[int] = []
        columns: list[list[str]] = [[] for _ in positions]

        def flush() -> None:
            arrays = [pa.array(numbers, pa.int64()), *(pa.array(column, pa.string()) for column in columns)]
            writer.write_table(pa.table(arrays, schema=schema))
            numbers.clear()
            for column in columns:
                column.clear()

        for number, cells in rows:
            numbers.append(number)
            for column, position in zip(columns, positions, strict=True):
                column.append(cells[position] if position < len(cells) else "")
            count += 1
            if len(numbers) == _BATCH:
                flush()
        flush()
    return count
