"""Turn one delivered file of any format into one Parquet file of texts in delivered order.

Belongs here: the readers by format, and checks for every format. Does not belong here: the formats themselves (`text`,
`sheet`, `nested`) and what the columns mean (`ingestion.mapping`).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb

from ingestion.headers import blank_header
from ingestion.readers.input import LONGEST_FIELD, Input, Source, unreadable
from ingestion.readers.nested import read_json, read_lines, read_parquet
from ingestion.readers.sheet import read_sheet
from ingestion.readers.text import read_text
from ingestion.values import is_plain
from miyar.errors import MiyarError

Reader = Callable[[Input, duckdb.DuckDBPyConnection, Path], Source]

# Format of a contract -> its reader. A new format needs a model in `ingestion.formats`, a reader here, and a writer for
# the simulation (`simulation.files.WRITERS`).
READERS: dict[str, Reader] = {
    "csv": read_text,
    "tsv": read_text,
    "xlsx": read_sheet,
    "ods": read_sheet,
    "json": read_json,
    "ndjson": read_lines,
    "parquet": read_parquet,
}


def read(given: Input, connection: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read a file into scratch; raises MiyarError if the file as a whole cannot be read."""
    try:
        size = given.path.stat().st_size
        with given.path.open("rb"):
            pass
    except OSError as error:
        raise unreadable(given, error) from None
    if size == 0:
        raise given.fail("file_empty", "the file is empty (0 bytes)", "Deliver the file again; the transfer was cut.")
    source = READERS[given.contract.format.type](given, connection, scratch)
    if source.rows == 0:
        raise given.fail(
            "file_no_rows",
            "the file has a header but no data row",
            "Deliver the rows; if there is nothing to report, deliver no file.",
        )
    _refuse_blank_headers(given, connection, source)
    return _measure(given, connection, source)


def _refuse_blank_headers(given: Input, connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    if not source.headers.nameless:
        return
    filled = ", ".join(f"count(*) filter (where trim(c{position}) <> '')" for position in source.headers.nameless)
    counts = connection.execute(f"select {filled} from {source.relation}").fetchone() or ()
    problems = [
        blank_header(given.contract, given.shown, source.headers.row, position)
        for position, count in zip(source.headers.nameless, counts, strict=True)
        if count
    ]
    if problems:
        raise MiyarError(problems)


def _measure(given: Input, connection: duckdb.DuckDBPyConnection, source: Source) -> Source:
    """Scan all cells once: refuse those that are too long, and note which columns are plain."""
    positions = source.headers.wanted
    if not positions:
        return source
    measures = ", ".join(
        f"max(strlen(c{position})), bool_and({is_plain(f'c{position}')}), bool_and(not contains(c{position}, '#'))"
        for position in positions
    )
    measured = connection.execute(f"select {measures} from {source.relation}").fetchone() or ()
    lengths, plain, sound = measured[0::3], measured[1::3], measured[2::3]
    problems = []
    for position, length in zip(positions, lengths, strict=True):
        # Count bytes first because that is cheap; a character takes up to four.
        if length is not None and length > LONGEST_FIELD:
            found = connection.execute(
                f"select source_row, length(c{position}) from {source.relation} "
                f"where length(c{position}) > {LONGEST_FIELD} order by source_row limit 1"
            ).fetchone()
            if found:
                problems.append(
                    given.problem(
                        "field_too_long",
                        f"one cell holds {found[1]:,} characters; {LONGEST_FIELD:,} is the limit",
                        "Look for a quote that is never closed; shorten the text.",
                        found[0],
                        source.headers.all[position],
                    )
                )
    if problems:
        raise MiyarError(problems)
    return replace(
        source,
        plain=frozenset(position for position, is_one in zip(positions, plain, strict=True) if is_one),
        sound=frozenset(position for position, is_one in zip(positions, sound, strict=True) if is_one),
    )
