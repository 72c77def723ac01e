"""One edition as one viewer may see it: the only way from a route to a row or a file.

Belongs here: carrying `publication.access` into every query, and which files are whose. Does not belong here: pages.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from miyar.sql import rows as rows_of
from portal.edition_cache import Edition
from portal.problems import not_found
from publication.access import Agency, Centre, Viewer, may_have, may_read, row_condition, visible

Row = dict[str, Any]
_PUBLISHED = ("dim_", "fct_", "bench_")


class View:
    """One viewer's queries: they use plain table names, each replaced by the rows this reader may read.

    A query that names a table any other way, or calls a table function, is refused before it runs; a table without a
    rule has no rows. So a route cannot forget the rule.
    """

    def __init__(self, edition: Edition, viewer: Viewer) -> None:
        self.edition, self.viewer = edition, viewer
        self._cursor = edition.connection.cursor()

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a query with the reader's conditions prepended."""
        key = (self.viewer, sql, *values)
        kept = self.edition.answers.get(key)
        if kept is not None:
            return kept
        parts, given = [], []
        for table in _tables(sql):
            if table not in self.edition.manifest.tables:
                raise not_found()  # the edition is older than this table
            condition, parameters = row_condition(table, self.viewer)
            parts.append(f'"{table}" as (select {self._visible(table)} from main."{table}" where {condition})')
            given += parameters
        # If the query has its own `with`, it continues ours.
        own = sql.strip()
        rest = f", {own[4:]}" if own[:5].split() == ["with"] else f" {own}"
        found = self._run(f"with {', '.join(parts)}{rest}", [*given, *values])
        self.edition.answers.keep(key, found)
        return found

    def one(self, sql: str, values: Sequence[object] = ()) -> Row:
        """Return the first row; raises not found if there is none."""
        found = self.rows(sql, values)
        if not found:
            raise not_found()
        return found[0]

    def tables(self) -> list[str]:
        """Return the published tables of which this reader may read any row."""
        return [name for name in sorted(self.edition.manifest.tables) if may_read(name, self.viewer)]

    def table(self, name: str, filters: Mapping[str, str], limit: int, offset: int) -> list[Row]:
        """Return rows of one table in published order.

        Raises not found for a table or column that does not exist or that this reader may not read.
        """
        if name not in self.tables():
            raise not_found()
        columns = self.edition.manifest.tables[name].columns
        if not set(filters) <= set(columns):
            raise not_found()
        condition, given = row_condition(name, self.viewer)
        asked = "".join(f' and "{column}" = ?' for column in filters)
        sql = (
            f'select {self._visible(name)} from main."{name}" where {condition}{asked} order by rowid limit ? offset ?'
        )
        return self._run(sql, [*given, *filters.values(), limit, offset])

    def agency(self, agency_id: str) -> Row:
        """Return an agency whose own pages this reader may open; any other is not found."""
        if self.viewer not in (Centre(), Agency(agency_id)):
            raise not_found()
        return self.one("select * from dim_agencies where agency_id = ?", [agency_id])

    def files(self) -> list[str]:
        """Return names of files this reader may have."""
        return [name for name in sorted(self.edition.manifest.files) if may_have(name, self.viewer)]

    def path(self, name: str) -> Path | None:
        """Return the path of a file this reader may have: one that the manifest lists, and that lies in the edition itself.

        Nothing leads out of it: a manifest that names a place elsewhere was not written by us, and no link is followed.
        """
        folder = self.edition.path.resolve()
        path = folder / name
        is_listed = name in self.edition.manifest.files and may_have(name, self.viewer)
        is_ours = is_listed and path.resolve() == path and path.is_relative_to(folder) and path.is_file()
        return path if is_ours else None

    def file(self, name: str) -> Path:
        """Return the path of a file this reader may have; raises not found for any other."""
        path = self.path(name)
        if path is None:
            raise not_found()
        return path

    def quality(self, agency_id: str) -> list[Row]:
        """Return the accounts of an agency's submissions, as in its pack."""
        self.agency(agency_id)
        found: list[Row] = json.loads(self.file(f"packs/{agency_id}/quality.json").read_text("utf-8"))
        return found

    def _visible(self, table: str) -> str:
        return visible(self.edition.manifest.tables[table].columns, self.viewer)

    def _run(self, sql: str, values: Sequence[object]) -> list[Row]:
        return rows_of(self._cursor.execute(sql, list(values)))


@lru_cache(maxsize=512)
def _tables(sql: str) -> tuple[str, ...]:
    """Return the published tables a query names, by DuckDB's own parser; raises ValueError for what views do not allow."""
    with duckdb.connect() as parser:
        found = parser.execute("select json_serialize_sql(?)", [sql]).fetchone()
    tree = json.loads(found[0]) if found else {"error": True}
    if tree["error"] or len(tree["statements"]) != 1:
        raise ValueError("a view answers one select")
    own = {entry["key"] for node in _nodes(tree) for entry in (node.get("cte_map") or {}).get("map", [])}
    if any(name.startswith(_PUBLISHED) for name in own):
        raise ValueError("a view's query must not hide a published table behind a name of its own")
    tables = set()
    for node in _nodes(tree):
        kind = node.get("type")
        if kind in ("TABLE_FUNCTION", "SHOW_REF"):
            raise ValueError("a view knows tables only")
        if kind == "BASE_TABLE":
            if node["schema_name"] or node["catalog_name"] or not node["table_name"].isidentifier():
                raise ValueError(f"a view knows plain table names only, not {node['table_name']!r}")
            tables.add(node["table_name"])
    if not tables - own:
        raise ValueError("a view answers questions about published tables")
    return tuple(sorted(tables - own))


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)
