"""One reader's share of an edition: exactly the rows the access rules grant, as tables in memory.

Belongs here: making that share. Everything written for a reader is made from it, so that nothing else can slip in. Does not
belong here: the rules (`access`), an edition opened as a whole (`reading`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ingestion import engine
from publication.access import access_rules, row_condition, visible
from publication.reading import rows_of

# Many small queries: a second thread costs more than it brings, and keeps the order of rows no better.
_CONFIG: dict[str, Any] = {"threads": 1}


class Reader:
    """Queries over one reader's rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: dict[str, pa.Table]) -> None:
        self._connection, self.tables = connection, tables
        for name, rows in tables.items():
            connection.register(name, rows)

    def rows(self, sql: str, *given: Any) -> list[dict[str, Any]]:
        return rows_of(self._connection.execute(sql, list(given)))

    def has(self, *tables: str) -> bool:
        """Whether the edition holds these tables and the reader may read them."""
        return set(tables) <= set(self.tables)

    def own_tables(self, agency_id: str) -> dict[str, pa.Table]:
        """The reader's tables without the rows of no single agency, which are the same for everybody."""
        found = {}
        for name, rows in self.tables.items():
            is_shared = access_rules().get(name) == "owner_and_shared"
            query = f"select * from {name} where agency_id = ?"
            found[name] = self._connection.execute(query, [agency_id]).to_arrow_table() if is_shared else rows
        return found


class Shelf:
    """The Parquet tables of an edition, read once; readers are handed their shares of it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: Path) -> None:
        self._connection = connection
        self._names = [path.stem for path in sorted(tables.glob("*.parquet")) if path.stem in access_rules()]
        for name in self._names:
            connection.execute(f"create table {name} as from {engine.parquet(tables / f'{name}.parquet')}")

    @contextmanager
    def reader(self, agency_id: str | None, **more: pa.Table) -> Iterator[Reader]:
        """The share of an agency; `access.PUBLIC` and None (the centre) as in `row_condition`. `more` are tables of its own.

        A table without a rule, or of the centre for anybody else, is not there at all.
        """
        shares = {}
        for name in self._names:
            if access_rules()[name] == "centre" and agency_id is not None:
                continue
            condition, given = row_condition(name, agency_id)
            shown = visible(self._connection.table(name).columns, agency_id)
            query = f"select {shown} from {name} where {condition}"
            shares[name] = self._connection.execute(query, given).to_arrow_table()
        with duckdb.connect(config=_CONFIG) as connection:
            yield Reader(connection, shares | more)


@contextmanager
def shelf(tables: Path) -> Iterator[Shelf]:
    """The tables in an edition's folder, in memory while the context lasts."""
    with duckdb.connect(config=_CONFIG) as connection:
        yield Shelf(connection, tables)
