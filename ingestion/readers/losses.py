"""Texts whose letters were lost before delivery: question marks where letters stood, and text decoded as something else.

Belongs here: noticing that in what was read. Does not belong here: a wrong encoding of the file itself (`encodings`).
"""

import re

import duckdb

from ingestion.readers.input import Input, Source
from miyar.errors import Problem

# Code pages through which UTF-8 is most often read by mistake; a text that turns into other valid UTF-8 by way of one of
# them was decoded twice (rspeer/python-ftfy explains why plain texts practically never do).
_PAGES = ("windows-1252", "windows-1256", "latin-1")
_SAMPLE = 2_000  # texts beyond ASCII looked at in each column, from its first row on
_AT_ONCE = 50  # columns looked at in one statement, whose planning costs more than each of its parts
_SHORTEST = {"windows-1256": 2}  # letters that must come out where one alone may be chance
_WESTERN = "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff"
# Letters that no word has side by side: Arabic ones and accented Latin ones; four accented ones in a row; what DOS draws with.
_NO_WORD = re.compile(
    rf"[\u0621-\u06d3][{_WESTERN}]|[{_WESTERN}][\u0621-\u06d3]|[{_WESTERN}]{{4}}|[\u0621-\u06d3][\u2500-\u259f]"
)


def lost_texts(
    given: Input, connection: duckdb.DuckDBPyConnection, source: Source, lost: list[int], beyond: list[int]
) -> list[Problem]:
    """A note for each column that holds such texts.

    Args:
        lost: for each wanted column, its cells of nothing but question marks or with the replacement character.
        beyond: positions of the columns that hold texts beyond ASCII.
    """
    notes = []
    decoded_wrongly = _decoded_wrongly(connection, source, beyond)
    for position, count in zip(source.headers.wanted, lost, strict=True):
        if count:
            what = f"{_cells(count)} of this column hold question marks or U+FFFD where letters stood"
            notes.append(_note(given, source, position, what))
        elif twice := decoded_wrongly.get(position):
            what = f"{_cells(twice)} of this column hold text that was read in a wrong encoding, here or before"
            notes.append(_note(given, source, position, what))
    return notes


def is_lost(value: str) -> str:
    """SQL: true for a cell of three or more question marks and blanks only, or with U+FFFD."""
    return f"contains({value}, '\ufffd') or (contains({value}, '???') and trim({value}, '? ') = '')"


def _cells(count: int) -> str:
    return f"{count:,} cell" if count == 1 else f"{count:,} cells"


def _note(given: Input, source: Source, position: int, what: str) -> Problem:
    step = (
        "Export the file again in UTF-8 from the system it comes from; what is lost in it cannot be restored here. "
        "If the file is sound, correct `encoding` under `format` in the contract."
    )
    return given.problem("text_lost", what, step, column=source.headers.shown(position))


def _decoded_wrongly(connection: duckdb.DuckDBPyConnection, source: Source, beyond: list[int]) -> dict[int, int]:
    """The number of such cells by position; columns without any are left out."""
    found: dict[int, int] = {}
    for start in range(0, len(beyond), _AT_ONCE):
        samples = (
            f"(select {one} as position, c{one} as text, count(*) as cells from (select c{one} from {source.relation} "
            f"where strlen(c{one}) > length(c{one}) limit {_SAMPLE}) group by all)"
            for one in beyond[start : start + _AT_ONCE]
        )
        for position, text, cells in connection.execute(" union all ".join(samples)).fetchall():
            if _NO_WORD.search(text) or any(_turns(text, page) for page in _PAGES):
                found[position] = found.get(position, 0) + cells
    return found


def _turns(text: str, page: str) -> bool:
    try:
        turned = text.encode(page).decode("utf-8")
    except UnicodeError:
        return False
    return sum(not character.isascii() for character in turned) >= _SHORTEST.get(page, 1)
