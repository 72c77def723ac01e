"""One reader's share of an edition: exactly the rows the access rules grant, as tables in memory.

Belongs here: making that share. Everything written for a reader is made from it, so that nothing else can slip in. Does
not belong here: the rules (`access`), an edition opened as a whole (`reading`).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from miyar import sql
from publication.access import Centre, Viewer, access_rules, row_condition, visible

# The queries are small: a second thread costs more than it saves, and may change the order of rows.
_CONFIG: dict[str, Any] = {"threads": 1}
_Make = Callable[[str], pa.Table]


class Share:
    """Queries over one viewer's rows. A table's rows are loaded on first use: all at once would fill the memory."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, names: Iterable[str], make: _Make) -> None:
        self._connection, self._make = connection, make
        self.tables = sorted(names)
        self._made: dict[str, pa.Table] = {}

    def rows(self, query: str, *given: Any) -> list[dict[str, Any]]:
        # A word that happens to be a table's name but means something else only costs time.
        for name in sorted(set(re.findall(r"\w+", query)) & set(self.tables)):
            self._table(name)
        return sql.rows(self._connection.execute(query, list(given)))

    def has(self, *tables: str) -> bool:
        """Return whether the edition holds these tables and the reader may read them."""
        return set(tables) <= set(self.tables)

    def own_tables(self, agency_id: str) -> Iterator[tuple[str, pa.Table]]:
        """Yield the reader's tables by name, without rows of no single agency, which are the same for everybody."""
        for name in self.tables:
            rows = self._table(name)
            is_shared = access_rules().get(name) == "owner_and_shared"
            query = f"select * from {name} where agency_id = ?"
            yield name, self._connection.execute(query, [agency_id]).to_arrow_table() if is_shared else rows

    def _table(self, name: str) -> pa.Table:
        if name not in self._made:
            self._made[name] = self._make(name)
            self._connection.register(name, self._made[name])
        return self._made[name]


class Shares:
    """The database of an edition; it gives each reader their share, in a separate thread if need be."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        found = connection.execute("select table_name from duckdb_tables() order by 1").fetchall()
        self._names = [name for (name,) in found if name in access_rules()]

    @contextmanager
    def of(self, viewer: Viewer, **more: pa.Table) -> Iterator[Share]:
        """Open the share of a viewer; `more` are tables of its own.

        It does not contain tables without a rule, nor the centre's tables unless the viewer is the centre.
        """

        def make(name: str) -> pa.Table:
            if name in more:
                return more[name]
            condition, given = row_condition(name, viewer)
            shown = visible(edition.table(name).columns, viewer)
            query = f"select {shown} from {name} where {condition}"
            return edition.execute(query, given).to_arrow_table()

        names = [name for name in self._names if isinstance(viewer, Centre) or access_rules()[name] != "centre"]
        with self._connection.cursor() as edition, duckdb.connect(config=_CONFIG) as connection:
            yield Share(connection, [*names, *more], make)


@contextmanager
def open_shares(database: Path) -> Iterator[Shares]:
    """Open the database of an edition for as long as the context lasts."""
    with duckdb.connect(str(database), read_only=True, config=_CONFIG) as connection:
        yield Shares(connection)
