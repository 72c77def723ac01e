"""Turn one delivered file of any format into one Parquet file of texts in delivered order.

Belongs here: the readers by format, and checks for every format. Does not belong here: the formats themselves (`text`,
`sheet`, `nested`), the process they run in (`worker`), what the columns mean (`ingestion.mapping`).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import duckdb

from ingestion.readers.choice import chosen
from ingestion.readers.containers import opened
from ingestion.readers.fixed import read_fixed
from ingestion.readers.input import Input, Source, unreadable
from ingestion.readers.limits import LONGEST_FIELD
from ingestion.readers.losses import is_lost, lost_texts
from ingestion.readers.members import joined
from ingestion.readers.nested import read_json, read_lines, read_parquet
from ingestion.readers.sheet import read_sheet
from ingestion.readers.statistics import read_statistics
from ingestion.readers.text import read_text
from ingestion.readers.xml import read_xml
from ingestion.values import is_plain
from miyar.errors import MiyarError

Reader = Callable[[Input, duckdb.DuckDBPyConnection, Path], Source]

# Format of a contract -> its reader. A new format needs a model in `ingestion.formats`, a reader here, and a writer for
# the simulation (`simulation.files.WRITERS`) if its world is to deliver it.
READERS: dict[str, Reader] = {
    "csv": read_text,
    "tsv": read_text,
    "xlsx": read_sheet,
    "ods": read_sheet,
    "xls": read_sheet,
    "xlsb": read_sheet,
    "json": read_json,
    "ndjson": read_lines,
    "parquet": read_parquet,
    "sav": read_statistics,
    "dta": read_statistics,
    "xpt": read_statistics,
    "xml": read_xml,
    "fixed": read_fixed,
}
# Columns measured in one query: its cost grows with the square of their number.
_AT_ONCE = 200


def read_here(given: Input, connection: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read a file into scratch in this process; raises MiyarError if the file as a whole cannot be read.

    `ingestion.readers.pool.read` does the same in a process that may die.
    """
    try:
        size = given.path.stat().st_size
        with given.path.open("rb"):
            pass
    except OSError as error:
        raise unreadable(given, error) from None
    if size == 0:
        raise given.fail("file_empty", "the file is empty (0 bytes)", "Deliver the file again; the transfer was cut.")
    parts = opened(given, scratch)
    source = joined(given, connection, [_read_member(part, parts, connection) for part in parts], parts, scratch)
    if source.rows == 0:
        raise given.fail(
            "file_no_rows",
            "the file has a header but no data row",
            "Deliver the rows; if there is nothing to report, deliver no file.",
        )
    return _measure(given, connection, chosen(given, connection, source, scratch))


def _read_member(part: Input, parts: list[Input], connection: duckdb.DuckDBPyConnection) -> Source:
    """Read one of the files of a delivery; where there are several, a problem of one says how it is left out."""
    try:
        return _read_part(part, connection)
    except MiyarError as error:
        if len(parts) == 1 or part.contract.format.members != "*":
            raise
        suffix = PurePosixPath(next((one.member for one in parts if one is not part), "")).suffix or ".csv"
        hint = f" If this file is not meant, write `members: '*{suffix}'` under `format` in the contract."
        raise MiyarError(replace(one, next_step=one.next_step + hint) for one in error.problems) from None


def _read_part(part: Input, connection: duckdb.DuckDBPyConnection) -> Source:
    return READERS[part.contract.format.type](part, connection, part.path.parent)


def _measure(given: Input, connection: duckdb.DuckDBPyConnection, source: Source) -> Source:
    """Scan all cells: refuse those that are too long, note lost texts, and note which columns are plain."""
    positions = source.headers.wanted
    lengths: list[int | None] = []
    plain: list[bool] = []
    sound: list[bool] = []
    lost: list[int] = []
    beyond: list[bool] = []
    for start in range(0, len(positions), _AT_ONCE):
        measures = ", ".join(
            f"max(strlen(c{one})), bool_and({is_plain(f'c{one}')}), bool_and(not contains(c{one}, '#')), "
            f"count(*) filter (where {is_lost(f'c{one}')}), coalesce(bool_or(strlen(c{one}) > length(c{one})), false)"
            for one in positions[start : start + _AT_ONCE]
        )
        measured = connection.execute(f"select {measures} from {source.relation}").fetchone() or ()
        lengths += measured[0::5]
        plain += measured[1::5]
        sound += measured[2::5]
        lost += measured[3::5]
        beyond += measured[4::5]
    _refuse_long(given, connection, source, lengths)
    source = replace(
        source,
        plain=frozenset(_among(positions, plain)),
        sound=frozenset(_among(positions, sound)),
    )
    return replace(
        source, notes=(*source.notes, *lost_texts(given, connection, source, lost, _among(positions, beyond)))
    )


def _among(positions: list[int], chosen: list[bool]) -> list[int]:
    return [position for position, is_one in zip(positions, chosen, strict=True) if is_one]


def _refuse_long(
    given: Input, connection: duckdb.DuckDBPyConnection, source: Source, lengths: list[int | None]
) -> None:
    problems = []
    for position, length in zip(source.headers.wanted, lengths, strict=True):
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
