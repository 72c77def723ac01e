"""Dagster's event log in SQLite, with one engine and one connection kept for each file.

Belongs here: keeping them. Does not belong here: what Dagster writes, and the instance's other settings (`instance`).

Dagster makes a new engine for every event it writes or reads, so SQLAlchemy compiles each statement again; that took a third of
the time of a small run. The files are those of Dagster's own class, with which its web server and daemon read them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, StaticPool, create_engine, event


class KeptEngines(SqliteEventLogStorage):
    """`SqliteEventLogStorage` whose connections, and the statements compiled for them, stay until the instance is disposed of."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "KeptEngines":
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            # One connection, because `_db_lock` lets one thread at a time have it. When the last one of a file closes, SQLite
            # writes its log of changes back, so a connection for every event would do that for every event.
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            event.listen(engine, "connect", _without_waiting)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            self._engines[shard] = engine
        return self._engines[shard]

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; asked for every event, and a table that is there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        """Let go of the engines too."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


def _without_waiting(connection: sqlite3.Connection, _: object) -> None:
    """Let no event wait for the disk: with a write-ahead log a power cut costs the last events of a run, never the file."""
    connection.execute("pragma synchronous = normal")
