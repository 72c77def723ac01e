"""The line of a text file on which each of its rows begins, as an editor shows it.

Belongs here: numbering of rows. Does not belong here: reading them (`text`).
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from miyar import sql

_BLOCK = 8 << 20


def numbered(raw: Path, path: Path, quote: str, above: int, rows: int) -> str:
    """SQL relation of `raw` with source_row: by position, or by a list of line numbers where lines and rows differ.

    They differ when cells contain line ends or lines are blank. If quotes alone do not reveal the structure, rows are
    counted as a spreadsheet would count them.
    """
    by_position = (
        f"(select file_row_number + {above + 1} as source_row, * exclude (file_row_number) "
        f"from {sql.parquet(raw, with_places=True)})"
    )
    lines = 0
    last = b"\n"
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            lines += block.count(b"\n")
            last = block[-1:]
    lines += last != b"\n"
    if lines == rows + above or lines <= 1:
        return by_position
    starts = _record_lines(path, quote)[-rows:] if rows else np.empty(0, np.int64)
    if len(starts) < rows:
        return by_position
    numbers = raw.with_name("lines.parquet")
    pq.write_table(pa.table({"source_row": starts}), numbers)
    return f"(select * from {sql.parquet(numbers)} positional join {sql.parquet(raw)})"


def _record_lines(path: Path, quote_mark: str) -> npt.NDArray[np.int64]:
    """The line on which each non-blank record starts; a line end outside quotes ends a record."""
    quote = (quote_mark or "\0").encode()[0]
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
