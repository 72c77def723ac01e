"""DuckDB connections for ingestion, quoting of names and texts in SQL, and rows by column name.

Belongs here: limits of memory, threads and disk, and safe composition of SQL. Does not belong here: any query.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from miyar.workspace import Settings


def database(memory_limit: str, threads: int, temporary: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory database within these limits that spills to the folder `temporary`; its sessions have to `begin`."""
    return duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "threads": threads,
            "temp_directory": str(temporary),
            "autoinstall_known_extensions": "false",
        }
    )


def limit(opened: duckdb.DuckDBPyConnection, settings: Settings, temporary: Path) -> None:
    """Set a database, which has not spilled yet, to a workspace's limits and another folder to spill to."""
    opened.execute(f"set memory_limit = {text(settings.memory_limit)}")
    opened.execute(f"set threads = {settings.threads:d}")
    opened.execute(f"set temp_directory = {text(str(temporary))}")


def begin(session: duckdb.DuckDBPyConnection) -> None:
    """Let a session compute in UTC and keep the delivered order."""
    session.execute("set TimeZone = 'UTC'")
    session.execute("set preserve_insertion_order = true")
    # Left joins must keep the left side's order, but the optimizer may swap sides when the left table is small.
    session.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")


def text(value: str) -> str:
    """A SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """A SQL identifier."""
    return '"' + value.replace('"', '""') + '"'


def texts(values: Iterable[str]) -> str:
    """A comma separated list of SQL text literals."""
    return ", ".join(text(value) for value in values)


def file(path: Path) -> str:
    """The text literal of a file to read, in which `*`, `?` and `[` are no patterns."""
    return text(re.sub(r"[*?[]", r"[\g<0>]", str(path)))


def parquet(*paths: Path, with_places: bool = False) -> str:
    """SQL relation of the rows of Parquet files; `with_places` adds each row's `file_row_number`.

    A folder named a=b in the path adds no column, unlike in DuckDB's default.
    """
    numbered = ", file_row_number = true" if with_places else ""
    return f"read_parquet([{', '.join(map(file, paths))}], hive_partitioning = false{numbered})"


def write(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    """Write the rows of a query to a Parquet file."""
    connection.execute(f"copy ({query}) to {text(str(target))} (format parquet, compression zstd)")


def rows(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rows of an executed query as dictionaries by column name."""
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    """The whole number a query returns."""
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def mark_rows(connection: duckdb.DuckDBPyConnection, variable: str, positions: str, rows: int) -> None:
    """Remember rows of a Parquet file in a bit string; `positions` is a query of their file_row_number.

    Filtering by `is_marked` keeps the file's order. An anti-join on several threads does not.
    """
    connection.execute(
        f"set variable {variable} = (select bitstring_agg(position::bigint, 0, {rows - 1}) "
        f"from ({positions}) as marked(position))"
    )


def is_marked(variable: str) -> str:
    """SQL: true for the rows remembered under a variable; needs `file_row_number`, and at least one such row."""
    return f"get_bit(getvariable('{variable}'), file_row_number::integer) = 1"
