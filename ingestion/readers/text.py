"""Delimited text: encodings, quotes, banner and header rows, and line numbers as an editor shows them.

Belongs here: csv and tsv. Does not belong here: JSON lines (`nested`), header matching (`ingestion.headers`).
"""

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.formats import CsvFormat, lines_above
from ingestion.headers import resolve
from ingestion.readers.input import LONGEST_FIELD, Input, Source
from miyar import sql

_BLOCK = 8 << 20
# DuckDB holds a whole line in memory. A line is as long as all its cells, so the limit is a few cells of LONGEST_FIELD.
_LONGEST_LINE = 20 * LONGEST_FIELD
_NO_NULL = "\x01"  # keeps DuckDB from reading any text as null; the contract says which texts mean no value


def read_text(given: Input, connection: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read delimited text through DuckDB's parser into scratch."""
    form = given.contract.format
    assert isinstance(form, CsvFormat)  # noqa: S101 -- narrows the type; the caller chose by it
    path = _as_utf8(given, form, scratch)
    cells = header_cells(given, form, path)
    headers = resolve(given.contract, cells, given.shown, lines_above(form))
    raw = scratch / "raw.parquet"
    try:
        _copy(connection, path, form, len(cells), headers.wanted, raw)
    except duckdb.Error as error:
        if not mixed_line_ends(error):
            raise _explain(given, form, path, error) from None
        path = transcode(given, path, "utf-8", scratch, one_line_end=True)
        try:
            _copy(connection, path, form, len(cells), headers.wanted, raw)
        except duckdb.Error as again:
            raise _explain(given, form, path, again) from None
    rows = pq.read_metadata(raw).num_rows
    return Source(_numbered(raw, path, form, rows), headers, rows)


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
            rows = [next(reader, []) for _ in range(lines_above(form))][form.skip_rows :]
        except csv.Error:
            raise given.fail(
                "field_too_long",
                "the header row has a cell of more than 131,072 characters",
                "Look for a quote that is never closed.",
                form.skip_rows + 1,
            ) from None
    if any("\ufffd" in cell for row in rows for cell in row):
        raise _find_wrong_byte(given, path, form.skip_rows + 1)
    if not any(cell.strip() for cell in rows[-1]):
        raise given.fail(
            "header_missing",
            f"row {lines_above(form)} should be the header and is empty",
            "Deliver the file with its header, or correct skipRows in the contract.",
            lines_above(form),
        )
    return join_headers(rows)


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


def _copy(
    connection: duckdb.DuckDBPyConnection, path: Path, form: CsvFormat, width: int, wanted: list[int], raw: Path
) -> None:
    columns = ", ".join(f"'c{position}': 'varchar'" for position in range(width))
    taken = ", ".join(f"c{position}" for position in wanted) or "1 as nothing"
    quote = sql.text(form.quote)
    connection.execute(
        f"""copy (select {taken} from read_csv({sql.text(str(path))}, auto_detect = false, header = false,
            columns = {{{columns}}}, delim = {sql.text(delimiter_of(form))}, quote = {quote}, escape = {quote},
            skip = {lines_above(form)}, strict_mode = true, null_padding = false,
            nullstr = {sql.text(_NO_NULL)}, max_line_size = {_LONGEST_LINE}))
        to {sql.text(str(raw))} (format parquet, compression lz4)"""
    )


def _as_utf8(given: Input, form: CsvFormat, scratch: Path) -> Path:
    """The file itself if it is UTF-8, else a copy in UTF-8; NUL bytes and a wrong encoding are refused here."""
    try:
        encoding = codecs.lookup(form.encoding).name
    except LookupError:
        raise given.fail(
            "file_encoding",
            f"the contract names the unknown encoding {form.encoding!r}",
            "Correct format.encoding in the contract, e.g. utf-8-sig or windows-1256.",
        ) from None
    if encoding in {"utf-8", "utf-8-sig", "ascii"}:
        _refuse_nul(given)
        return given.path
    return transcode(given, given.path, encoding, scratch)


def _refuse_nul(given: Input) -> None:
    line = 1
    with given.path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            position = block.find(b"\0")
            if position >= 0:
                raise _nul(given, line + block.count(b"\n", 0, position))
            line += block.count(b"\n")


def _nul(given: Input, row: int) -> Exception:
    return given.fail(
        "file_nul",
        "the file holds NUL bytes: it is damaged, or no text in the agreed encoding",
        "Export the file again; if it is UTF-16, say so in format.encoding.",
        row,
    )


def transcode(given: Input, path: Path, encoding: str, scratch: Path, one_line_end: bool = False) -> Path:
    """Copy the file to scratch in UTF-8, on request with uniform line ends; line numbers stay the same."""
    target = scratch / ("one_line_end.csv" if one_line_end else "utf8.csv")
    decoder = codecs.getincrementaldecoder(encoding)()
    line, offset, held = 1, 0, ""
    with path.open("rb") as stream, target.open("w", encoding="utf-8", newline="") as out:
        while True:
            block = stream.read(_BLOCK)
            pending = len(decoder.getstate()[0])
            try:
                decoded = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise encoding_problem(given, encoding, offset + error.start - pending, line) from None
            if "\0" in decoded:
                raise _nul(given, line + decoded.count("\n", 0, decoded.index("\0")))
            line += decoded.count("\n")
            offset += len(block)
            if one_line_end:
                decoded = held + decoded
                # A carriage return at the end of a block may be the first half of a line end.
                held = "\r" if decoded.endswith("\r") and block else ""
                decoded = decoded[: len(decoded) - len(held)].replace("\r\n", "\n").replace("\r", "\n")
            out.write(decoded)
            if not block:
                return target


def encoding_problem(given: Input, encoding: str, offset: int, row: int) -> Exception:
    return given.fail(
        "file_encoding",
        f"the bytes at offset {offset:,} are not {encoding}",
        f"Save the file as {encoding}, or state its encoding in format.encoding (Arabic files: often windows-1256).",
        row,
    )


def _explain(given: Input, form: CsvFormat, path: Path, error: duckdb.Error) -> Exception:
    """Translate DuckDB's message to a rule, a row and a next step; its text quotes cells, so it is not passed on."""
    message = str(error)
    row = error_line(error)
    if "unicode" in message or "utf-8" in message.lower():
        return _find_wrong_byte(given, path, row)
    if "quote" in message.lower() and "unterminated" in message.lower():
        return given.fail(
            "file_quotes",
            "a quoted cell is never closed, or text follows its closing quote",
            "Write every quote inside a quoted cell twice, and close every quote.",
            row,
        )
    width = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if width:
        return given.fail(
            "row_width",
            f"the row has {width[2]} cells where the header has {width[1]}",
            f"Quote cells that hold the delimiter {delimiter_of(form)!r}; give every row all its cells.",
            row,
        )
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


def error_line(error: duckdb.Error) -> int | None:
    """The line that DuckDB's message names."""
    found = re.search(r"CSV Error on Line: (\d+)", str(error))
    return int(found[1]) if found else None


def _find_wrong_byte(given: Input, path: Path, row: int | None) -> Exception:
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, line = 0, 1
    with path.open("rb") as stream:
        while True:
            block = stream.read(_BLOCK)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                start = error.start - pending
                line += block.count(b"\n", 0, max(start, 0))
                return encoding_problem(given, "utf-8", offset + start, line)
            line += block.count(b"\n")
            offset += len(block)
            if not block:
                return encoding_problem(given, "utf-8", 0, row or 1)


def _numbered(raw: Path, path: Path, form: CsvFormat, rows: int) -> str:
    """SQL relation of `raw` with source_row: by position, or by a list of line numbers where lines and rows differ.

    They differ when cells contain line ends or lines are blank. If quotes alone do not reveal the structure, rows are
    counted as a spreadsheet would count them.
    """
    by_position = (
        f"(select file_row_number + {lines_above(form) + 1} as source_row, * exclude (file_row_number) "
        f"from {sql.parquet(raw, with_places=True)})"
    )
    lines = 0
    last = b"\n"
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            lines += block.count(b"\n")
            last = block[-1:]
    lines += last != b"\n"
    if lines == rows + lines_above(form) or lines <= 1:
        return by_position
    starts = _record_lines(path, form)[-rows:] if rows else np.empty(0, np.int64)
    if len(starts) < rows:
        return by_position
    numbers = raw.with_name("lines.parquet")
    pq.write_table(pa.table({"source_row": starts}), numbers)
    return f"(select * from {sql.parquet(numbers)} positional join {sql.parquet(raw)})"


def _record_lines(path: Path, form: CsvFormat) -> npt.NDArray[np.int64]:
    """The line on which each non-blank record starts; a line end outside quotes ends a record."""
    quote = (form.quote or "\0").encode()[0]
    found: list[npt.NDArray[np.int64]] = []
    line, open_quotes, at_start = 1, 0, True
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            data = np.frombuffer(block, np.uint8)
            data = data[data != 13]
            is_end = data == 10
            parity = (np.cumsum(data == quote) + open_quotes) & 1
            ends_record = is_end & (parity == 0)
            # A record begins at the first byte after a record's end that is not itself a line end.
            follows = np.empty(len(data), bool)
            follows[1:] = ends_record[:-1]
            if len(data):
                follows[0] = at_start
                begins = follows & ~is_end
                line_of = np.cumsum(is_end) - is_end + line
                found.append(line_of[begins].astype(np.int64))
                line += int(is_end.sum())
                open_quotes = int(parity[-1])
                at_start = bool(ends_record[-1])
    return np.concatenate(found) if found else np.empty(0, np.int64)
