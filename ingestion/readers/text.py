"""Delimited text: quotes, banner and header rows, rows that do not fit, lines below the table.

Belongs here: csv and tsv. Does not belong here: encodings (`encodings`), numbering of lines (`lines`), JSON lines (`nested`),
header matching (`ingestion.headers`).
"""

import csv
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from ingestion.formats import CsvFormat, header_end, lines_above
from ingestion.headers import Headers, blank_header, refuse_too_many, resolve
from ingestion.readers.below import Row, table_rows
from ingestion.readers.encodings import as_utf8, find_wrong_byte, transcode
from ingestion.readers.input import Input, Source
from ingestion.readers.limits import LONGEST_FIELD
from ingestion.readers.lines import numbered
from miyar import sql
from miyar.errors import MiyarError, Problem

# DuckDB holds a whole line in memory. A line is as long as all its cells, so the limit is a few cells of LONGEST_FIELD.
_LONGEST_LINE = 20 * LONGEST_FIELD
_NO_NULL = "\x01"  # keeps DuckDB from reading any text as null; the contract says which texts mean no value
_SHOWN = 20  # rows named in one message


def read_text(given: Input, connection: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read delimited text through DuckDB's parser into scratch."""
    form = given.contract.format
    assert isinstance(form, CsvFormat)  # noqa: S101 -- narrows the type; the caller chose by it
    path = as_utf8(given, form.encoding, scratch)
    cells = header_cells(given, form, path)
    _refuse_hint(given, form, cells)
    headers = resolve(given.contract, cells, given.shown, header_end(form))
    path, notes = _without_below(given, form, path, scratch)
    _refuse_nameless(given, form, path, headers)
    raw = scratch / "raw.parquet"
    try:
        _copy(connection, path, form, len(cells), headers.wanted, raw)
    except duckdb.Error as error:
        if not mixed_line_ends(error):
            raise _explain(given, form, path, len(cells), error) from None
        path = transcode(given, path, "utf-8", scratch, one_line_end=True)
        try:
            _copy(connection, path, form, len(cells), headers.wanted, raw)
        except duckdb.Error as again:
            raise _explain(given, form, path, len(cells), again) from None
    rows = pq.read_metadata(raw).num_rows
    relation = numbered(raw, path, form.quote, lines_above(form), rows)
    return Source(relation, headers, rows, notes=tuple(notes))


def mixed_line_ends(error: duckdb.Error) -> bool:
    """True when the parser failed because the file mixes line ends (joined extracts), which rewriting them solves."""
    return "invalid state" in str(error)


def header_cells(given: Input, form: CsvFormat, path: Path) -> list[str]:
    """The header's cells; two header rows are joined with ` / `, with the upper one filled to the right."""
    # The buffer may already hold invalid bytes from far below the header; the parser reports those with their row.
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as stream:
        reader = _csv(stream, form)
        try:
            # Banner rows may contain quoted line ends, like any row.
            rows = [next(reader, []) for _ in range(header_end(form))][form.skip_rows :]
        except csv.Error:
            raise given.fail(
                "field_too_long",
                "the header row has a cell of more than 131,072 characters",
                "Look for a quote that is never closed.",
                form.skip_rows + 1,
            ) from None
    if any("\ufffd" in cell for row in rows for cell in row):
        raise find_wrong_byte(given, path, form.skip_rows + 1)
    refuse_too_many(given.contract, max(map(len, rows)), given.shown, header_end(form))
    if not any(cell.strip() for cell in rows[-1]):
        raise given.fail(
            "header_missing",
            f"row {header_end(form)} should be the header and is empty",
            "Deliver the file with its header, or correct skipRows in the contract.",
            header_end(form),
        )
    return join_headers(rows)


def _refuse_hint(given: Input, form: CsvFormat, cells: list[str]) -> None:
    if form.skip_rows == 0 and re.fullmatch(r"sep=.?", "".join(cells).strip(), re.IGNORECASE):
        raise given.fail(
            "header_missing",
            "row 1 tells a spreadsheet program the delimiter and is no header",
            "Write `skipRows: 1` under `format` in the contract.",
            1,
        )


def join_headers(rows: list[list[str]]) -> list[str]:
    """One name per column, from one or two header rows."""
    if len(rows) == 1:
        return rows[0]
    upper, lower = rows
    width = max(len(upper), len(lower))
    joined, current = [], ""
    for position in range(width):
        above = upper[position].strip() if position < len(upper) else ""
        below = lower[position].strip() if position < len(lower) else ""
        current = above or current
        joined.append(" / ".join(part for part in (current, below) if part) if below else above)
    return joined


def _csv(stream: Iterator[str], form: CsvFormat) -> Iterator[list[str]]:
    return csv.reader(stream, delimiter=delimiter_of(form), quotechar=form.quote or None)


def delimiter_of(form: CsvFormat) -> str:
    return form.delimiter or ("\t" if form.type == "tsv" else ",")


def _without_below(given: Input, form: CsvFormat, path: Path, scratch: Path) -> tuple[Path, list[Problem]]:
    """The file without what stands below its table, and a note that says so."""
    choice = given.contract.rows
    if choice.until is None and not choice.skip_footer:
        return path, []
    notes: list[Problem] = []
    try:
        for _ in table_rows(given, _records(form, path), notes):
            pass
    except csv.Error:
        return path, []  # a cell that is too long; the parser names it
    if not notes:
        return path, []
    first_below = notes[0].row or 0
    target = scratch / "table.csv"
    with (
        path.open(encoding="utf-8", newline="", errors="surrogateescape") as lines,
        target.open("w", encoding="utf-8", newline="", errors="surrogateescape") as out,
    ):
        out.writelines(islice(lines, first_below - 1))
    return target, notes


def _refuse_nameless(given: Input, form: CsvFormat, path: Path, headers: Headers) -> None:
    """Raise MiyarError for columns that hold values and have no header."""
    left = set(headers.nameless)
    filled: set[int] = set()
    if not left:
        return
    try:
        for _, cells in _records(form, path):
            found = {position for position in left if position < len(cells) and cells[position].strip()}
            filled |= found
            left -= found
    except csv.Error:
        return  # a cell that is too long; the parser names it
    if filled:
        raise MiyarError(
            blank_header(given.contract, given.shown, headers.row, position) for position in sorted(filled)
        )


def _records(form: CsvFormat, path: Path) -> Iterator[Row]:
    """The rows below the header, blank ones included, with the line each begins on."""
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as stream:
        reader = _csv(stream, form)
        begins = 1
        for number, cells in enumerate(reader):
            if number >= lines_above(form):
                yield begins, cells
            begins = reader.line_num + 1  # type: ignore[attr-defined]


def _copy(
    connection: duckdb.DuckDBPyConnection, path: Path, form: CsvFormat, width: int, wanted: list[int], raw: Path
) -> None:
    columns = ", ".join(f"'c{position}': 'varchar'" for position in range(width))
    fills = form.short_rows == "fill"
    taken = ", ".join(f"coalesce(c{n}, '') as c{n}" if fills else f"c{n}" for n in wanted) or "1 as nothing"
    quote = sql.text(form.quote)
    # Filling and quoted line ends together need one reader.
    filling = "null_padding = true, parallel = false" if fills else "null_padding = false"
    connection.execute(
        f"""copy (select {taken} from read_csv({sql.file(path)}, auto_detect = false, header = false,
            columns = {{{columns}}}, delim = {sql.text(delimiter_of(form))}, quote = {quote}, escape = {quote},
            skip = {lines_above(form)}, strict_mode = true, {filling}, compression = 'none',
            nullstr = {sql.text(_NO_NULL)}, max_line_size = {_LONGEST_LINE}))
        to {sql.text(str(raw))} (format parquet, compression lz4)"""
    )


def _explain(given: Input, form: CsvFormat, path: Path, cells: int, error: duckdb.Error) -> Exception:
    """Translate DuckDB's message to a rule, a row and a next step; its text quotes cells, so it is not passed on."""
    message = str(error)
    row = error_line(error)
    if "unicode" in message or "utf-8" in message.lower():
        return find_wrong_byte(given, path, row)
    if "quote" in message.lower() and "unterminated" in message.lower():
        return given.fail(
            "file_quotes",
            "a quoted cell is never closed, or text follows its closing quote",
            "Write every quote inside a quoted cell twice, and close every quote.",
            row,
        )
    width = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if width:
        return _misfits(given, form, path, cells, row, int(width[2]))
    if "maximum line size" in message.lower():
        return given.fail(
            "field_too_long",
            f"one row is longer than {_LONGEST_LINE:,} bytes",
            "Look for a quote that is never closed; shorten the text.",
            row,
        )
    if isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException):
        raise error
    return given.fail(
        "file_malformed", "the rows cannot be told apart", "Deliver plain CSV as RFC 4180 describes it.", row
    )


def _misfits(given: Input, form: CsvFormat, path: Path, width: int, row: int | None, found: int) -> Exception:
    """Every row that has not as many cells as the header."""
    fewest = 1 if form.short_rows == "fill" else width
    count, first = 0, []
    try:
        for number, cells in _records(form, path):
            if cells and not fewest <= len(cells) <= width:
                count += 1
                first += [number] if count <= _SHOWN else []
    except csv.Error:
        count = 0
    message = f"the row has {found} cells where the header has {width}"
    if count > 1:
        more = ", …" if count > _SHOWN else ""
        message = f"{count:,} rows have not the header's {width} cells: rows {', '.join(map(str, first))}{more}"
    return given.fail(
        "row_width",
        message,
        f"Quote cells that hold the delimiter {delimiter_of(form)!r}; give every row all its cells. "
        "Lines below the table are left out by rows.until or rows.skipFooter in the contract.",
        first[0] if count > 1 else row,
    )


def error_line(error: duckdb.Error) -> int | None:
    """The line that DuckDB's message names."""
    found = re.search(r"CSV Error on Line: (\d+)", str(error))
    return int(found[1]) if found else None
