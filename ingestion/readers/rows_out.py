"""Rows held in Python written to a Parquet file of texts, a batch at a time.

Belongs here: that file. Does not belong here: what the cells say (the readers).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.headers import Headers

_BATCH = 20_000  # rows held as Python objects at a time


def write_rows(rows: Iterable[tuple[int, Sequence[str]]], headers: Headers, raw: Path) -> int:
    """Write (row number, texts in the file's column order) with the wanted columns only; returns how many rows there are."""
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
