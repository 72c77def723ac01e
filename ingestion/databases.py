"""Databases of this process that are kept from one file to the next, because starting one costs more than a small file.

Belongs here: keeping them, and that nothing of a file stays. Does not belong here: limits and settings (`sql`), the
macros that they hold (`values`, `moments`), databases that read untrusted files (`readers.worker`).
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ingestion import moments, values
from miyar import sql
from miyar.errors import MiyarError
from miyar.workspace import Settings

# DuckDB's row group: the least that it gives to a thread. For fewer rows the others only wait, which costs a small file a fifth.
ROWS_OF_A_THREAD = 122_880

_idle: dict[tuple[str, int], list[duckdb.DuckDBPyConnection]] = {}
_lock = threading.Lock()
_of_the_parent: list[object] = []


@contextmanager
def session(settings: Settings, scratch: Path, rows: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session for so many rows with the macros of typing, within the workspace's limits; its tables, types and variables
    end with it. What the macros look up is for whoever types to give (`remember`): it takes longer than the session.

    Only one file at a time uses a database, and all of its limits. After a failure of the engine, and after it spilled
    to `scratch`, the database is not used again.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    spill = scratch / "spill"
    limits = settings.memory_limit, settings.threads if rows > ROWS_OF_A_THREAD else 1
    database = _taken(limits)
    is_sound = False
    try:
        database = database or _prepared(limits, spill)
        database.execute(f"set temp_directory = {sql.text(str(spill))}")
        with database.cursor() as one:
            sql.begin(one)
            yield one
        is_sound = True
    except MiyarError:
        is_sound = True
        raise
    finally:
        if database is not None and is_sound and not spill.exists():
            with _lock:
                _idle.setdefault(limits, []).append(database)
        elif database is not None:
            database.close()


def _taken(limits: tuple[str, int]) -> duckdb.DuckDBPyConnection | None:
    with _lock:
        kept = _idle.get(limits)
        return kept.pop() if kept else None


def _prepared(limits: tuple[str, int], spill: Path) -> duckdb.DuckDBPyConnection:
    database = sql.database(*limits, spill)
    sql.begin(database)
    values.install(database)
    moments.install(database)
    return database


def _forget() -> None:
    """Leave the parent's databases alone: their threads are not in a fork, which would wait for them to end."""
    _of_the_parent.append(dict(_idle))
    _idle.clear()


os.register_at_fork(after_in_child=_forget)
