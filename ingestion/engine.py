"""DuckDB connections as every part of ingestion uses them, and the quoting of names and texts in SQL.

Belongs here: limits of memory, threads and disk, and safe composition of SQL. Does not belong here: any query.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from miyar.workspace import Settings


@contextmanager
def connect(settings: Settings, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database within the workspace's limits that spills to `scratch` and keeps the delivered order."""
    scratch.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={
            "memory_limit": settings.memory_limit,
            "threads": settings.threads,
            "temp_directory": str(scratch / "spill"),
            "autoinstall_known_extensions": "false",
        }
    )
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set preserve_insertion_order = true")
        # Left joins must keep the left side's order: the optimizer may otherwise swap sides of a small left table.
        connection.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
        yield connection
    finally:
        connection.close()


def text(value: str) -> str:
    """A SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """A SQL identifier."""
    return '"' + value.replace('"', '""') + '"'


def texts(values: Iterable[str]) -> str:
    """A comma separated list of SQL text literals."""
    return ", ".join(text(value) for value in values)
