"""An edition as a reader has it, and the warehouse behind it.

Belongs here: asking both. Does not belong here: what is asked (`equations`, `intervals`).
"""

from typing import Any

import duckdb

from miyar import sql
from miyar.workspace import Workspace
from publication.access import Viewer
from publication.shares import open_shares

Table = tuple[str, str, str]
CELL = "metric_id, instrument_id, period_id"
SCORED = "status = 'reported' and isfinite(score)"


class Published:
    """An edition as a reader has it, and the truth behind it."""

    def __init__(self, workspace: Workspace, viewer: Viewer) -> None:
        self._workspace, self._viewer = workspace, viewer

    def truth(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self._workspace.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def truth_rows(self, query: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(self._workspace.warehouse), read_only=True) as connection:
            return sql.rows(connection.execute(query))

    def rows(self, query: str) -> list[dict[str, Any]]:
        edition = (self._workspace.editions / "current").resolve()
        with open_shares(edition / "benchmarks.duckdb") as shares, shares.of(self._viewer) as share:
            return share.rows(query)

    @property
    def groups(self) -> dict[str, str]:
        return dict(self.truth("select agency_id, peer_group from staging.stg_registry__agencies"))  # type: ignore[arg-type]


def by_table(rows: list[dict[str, Any]]) -> dict[Table, list[dict[str, Any]]]:
    found: dict[Table, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["metric_id"], row["instrument_id"], row["period_id"]), []).append(row)
    return found
