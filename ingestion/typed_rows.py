"""The typed rows of one file while they are worked on, and the problems of those that could not be typed.

Belongs here: where they are meanwhile: in memory where they are few, for a statement over a file costs more than over so
few rows, else in Parquet files. Does not belong here: the query that makes them (`mapping`), what is done to them (`staging`).
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from ingestion.mapping import KEPT_TEXTS
from ingestion.typing_query import TypingQueries
from miyar import sql


@dataclass
class Rows:
    """An ordered table of the file in work; `relation` and `placed` (with `file_row_number`) are SQL."""

    connection: duckdb.DuckDBPyConnection
    path: Path
    in_memory: bool
    count: int

    @property
    def relation(self) -> str:
        return self._table if self.in_memory else sql.parquet(self.path)

    @property
    def placed(self) -> str:
        if self.in_memory:
            return f"(select *, rowid as file_row_number from {self._table})"
        return sql.parquet(self.path, with_places=True)

    def replace(self, query: str) -> None:
        """Let the rows of a query, which may read these, take their place."""
        if self.in_memory:
            self.connection.execute(f"create or replace temp table {self._table} as {query}")
            self.count = sql.count(self.connection, f"select count(*) from {self._table}")
        else:
            made = self.path.with_name(f"new_{self.path.name}")
            sql.write(self.connection, query, made)
            made.replace(self.path)
            self.count = pq.read_metadata(self.path).num_rows

    def written(self) -> Path:
        """The Parquet file of the rows as they are now."""
        if self.in_memory:
            sql.write(self.connection, f"select * from {self._table}", self.path)
        return self.path

    @property
    def _table(self) -> str:
        return f"{self.path.stem}_rows"


def existing(connection: duckdb.DuckDBPyConnection, path: Path, count: int) -> Rows:
    """The rows of a Parquet file, loaded where they are few."""
    rows = Rows(connection, path, count <= KEPT_TEXTS, count)
    if rows.in_memory:
        rows.replace(f"select * from {sql.parquet(path)}")
    return rows


@dataclass
class TypedRows:
    """The typed rows (columns of the lake), and the rows with `problems` (row_id, problems), None if there are none."""

    typed: Rows
    problems: Rows | None

    def add_problems(self, query: str) -> None:
        """Let the rows of a query be those with problems, which there were none of."""
        self.problems = Rows(self.typed.connection, _problems_of(self.typed.path), self.typed.in_memory, 0)
        self.problems.replace(query)


def typed_rows(connection: duckdb.DuckDBPyConnection, queries: TypingQueries, typed: Path) -> TypedRows:
    """Run the queries of a file; its rows are to be written to `typed` and beside it."""
    found = TypedRows(Rows(connection, typed, queries.in_memory, 0), None)
    if not queries.in_memory:
        found.typed.replace(queries.records)
        if queries.problems is not None:
            found.add_problems(queries.problems)
            _drop_if_none(found)
    elif queries.problems is None:
        found.typed.replace(queries.records)
    else:
        table = found.typed.relation
        found.typed.replace(queries.both)
        found.add_problems(f"select row_id, problems from {table} where problems is not null")
        _drop_if_none(found)
        connection.execute(f"alter table {table} drop column problems")
    return found


def _drop_if_none(found: TypedRows) -> None:
    if found.problems is not None and not found.problems.count:
        found.problems.path.unlink(missing_ok=True)
        found.problems = None


def _problems_of(typed: Path) -> Path:
    return typed.with_name("problems.parquet")
