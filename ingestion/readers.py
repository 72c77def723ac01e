"""One delivered file to one Parquet file of texts in delivered order, whatever its format.

Belongs here: choosing the reader, checks that hold for every format. Does not belong here: the formats themselves
(`readers_text`, `readers_sheet`, `readers_nested`) and what the columns mean (`mapping`).
"""

from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from ingestion.contract import Contract
from ingestion.formats import CsvFormat, SheetFormat
from ingestion.headers import Headers, blank_header
from ingestion.landing import why_unreadable
from ingestion.values import is_plain
from miyar.errors import MiyarError, Problem

# Longest text of one cell. A spreadsheet cell holds 32,767 characters; more than three times that is a lost quote or an
# attack, not an answer.
LONGEST_FIELD = 100_000


@dataclass(frozen=True)
class Input:
    """A file to be read, and how it is named in messages."""

    path: Path
    shown: str
    contract: Contract

    def problem(self, rule: str, message: str, next_step: str, row: int | None = None, column: str = "") -> Problem:
        return Problem(rule, message, self.contract.provider, self.shown, row, column, next_step)

    def fail(self, rule: str, message: str, next_step: str, row: int | None = None, column: str = "") -> MiyarError:
        return MiyarError(self.problem(rule, message, next_step, row, column))


@dataclass(frozen=True)
class Source:
    """The texts of one file: Parquet columns `c<position of the header>`, and how a row's number is computed."""

    relation: str  # SQL relation with column source_row and the text columns
    headers: Headers
    rows: int
    plain: frozenset[int] = frozenset()  # columns whose texts need neither cleaning nor folding
    sound: frozenset[int] = frozenset()  # columns without any text that could be a spreadsheet's error


def read(given: Input, connection: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read a file into scratch; raises MiyarError on anything that makes the file as a whole unreadable."""
    try:
        size = given.path.stat().st_size
        with given.path.open("rb"):
            pass
    except OSError as error:
        raise unreadable(given, error) from None
    if size == 0:
        raise given.fail("file_empty", "the file is empty (0 bytes)", "Deliver the file again; the transfer was cut.")
    if isinstance(given.contract.format, CsvFormat):
        from ingestion.readers_text import read_text

        source = read_text(given, connection, scratch)
    elif isinstance(given.contract.format, SheetFormat):
        from ingestion.readers_sheet import read_sheet

        source = read_sheet(given, scratch)
    else:
        from ingestion.readers_nested import read_nested

        source = read_nested(given, connection, scratch)
    if source.rows == 0:
        raise given.fail(
            "file_no_rows",
            "the file has a header but no data row",
            "Deliver the rows; if there is nothing to report, deliver no file.",
        )
    _refuse_blank_headers(given, connection, source)
    return _measure(given, connection, source)


def unreadable(given: Input, error: OSError) -> MiyarError:
    """The problem of a file that cannot be opened: gone since it was found, closed to us, or on a failing disk."""
    return given.fail("file_unreadable", *why_unreadable(error))


def _refuse_blank_headers(given: Input, connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    if not source.headers.nameless:
        return
    filled = ", ".join(f"count(*) filter (where trim(c{place}) <> '')" for place in source.headers.nameless)
    counts = connection.execute(f"select {filled} from {source.relation}").fetchone() or ()
    problems = [
        blank_header(given.contract, given.shown, source.headers.row, place)
        for place, count in zip(source.headers.nameless, counts, strict=True)
        if count
    ]
    if problems:
        raise MiyarError(problems)


def _measure(given: Input, connection: duckdb.DuckDBPyConnection, source: Source) -> Source:
    """Look over all cells once: refuse those that are too long, and note the columns that are plain."""
    places = source.headers.wanted
    if not places:
        return source
    measures = ", ".join(
        f"max(strlen(c{place})), bool_and({is_plain(f'c{place}')}), bool_and(not contains(c{place}, '#'))"
        for place in places
    )
    measured = connection.execute(f"select {measures} from {source.relation}").fetchone() or ()
    lengths, plain, sound = measured[0::3], measured[1::3], measured[2::3]
    problems = []
    for place, length in zip(places, lengths, strict=True):
        # Bytes are counted first because that is cheap; a character takes up to four.
        if length is not None and length > LONGEST_FIELD:
            found = connection.execute(
                f"select source_row, length(c{place}) from {source.relation} "
                f"where length(c{place}) > {LONGEST_FIELD} order by source_row limit 1"
            ).fetchone()
            if found:
                problems.append(
                    given.problem(
                        "field_too_long",
                        f"one cell holds {found[1]:,} characters; {LONGEST_FIELD:,} is the limit",
                        "Look for a quote that is never closed; shorten the text.",
                        found[0],
                        source.headers.all[place],
                    )
                )
    if problems:
        raise MiyarError(problems)
    return replace(
        source,
        plain=frozenset(place for place, is_one in zip(places, plain, strict=True) if is_one),
        sound=frozenset(place for place, is_one in zip(places, sound, strict=True) if is_one),
    )
