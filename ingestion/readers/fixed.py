"""Text whose columns stand at fixed characters of each line.

Belongs here: cutting lines into cells. Does not belong here: encodings (`encodings`), delimited text (`text`).
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from ingestion.formats import FixedFormat
from ingestion.headers import resolve
from ingestion.readers.below import Row, table_rows
from ingestion.readers.encodings import as_utf8, find_wrong_byte
from ingestion.readers.input import Input, Source
from ingestion.readers.limits import LONGEST_FIELD
from ingestion.readers.rows_out import write_rows
from miyar import sql
from miyar.errors import Problem


def read_fixed(given: Input, _: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read the contract's columns of every filled line into scratch; row numbers are line numbers."""
    form = given.contract.format
    assert isinstance(form, FixedFormat)  # noqa: S101 -- narrows the type; the caller chose by it
    headers = resolve(given.contract, [column.name for column in form.columns], given.shown, None)
    path = as_utf8(given, form.encoding, scratch)
    notes: list[Problem] = []
    raw = scratch / "raw.parquet"
    try:
        found = table_rows(given, _rows(given, form, path), notes)
        count = write_rows(((number, cells) for number, cells in found if any(cells)), headers, raw)
    except UnicodeDecodeError:
        raise find_wrong_byte(given, path, None) from None
    return Source(sql.parquet(raw), headers, count, notes=tuple(notes))


def _rows(given: Input, form: FixedFormat, path: Path) -> Iterator[Row]:
    spans = [(column.start - 1, column.start - 1 + column.width) for column in form.columns]
    longest = max(end for _, end in spans) + LONGEST_FIELD
    with path.open(encoding="utf-8-sig") as lines:
        number = 0
        while line := lines.readline(longest):
            number += 1
            if len(line) == longest and not line.endswith("\n"):
                raise given.fail(
                    "field_too_long",
                    f"the line is longer than {longest:,} characters",
                    "Write one row a line, its columns as wide as the contract says.",
                    number,
                )
            if number > form.skip_rows:
                line = line.rstrip("\r\n")
                yield number, [line[start:end].strip() for start, end in spans]
