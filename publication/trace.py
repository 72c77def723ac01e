"""From a published score back to its cells, submissions and rows (file and line).

Belongs here: the way back. Does not belong here: how the score was computed (`dbt`, `methodology`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from ingestion.feeds import load_feeds
from ingestion.lake_files import require_unchanged
from ingestion.submission_ledger import account_path, read_account
from miyar import sql
from miyar.errors import MiyarError, Problem
from miyar.unit_types import unit_types
from miyar.workspace import Workspace


@dataclass(frozen=True)
class Trace:
    """A score's passport, and per feed the cells, submissions and first rows behind it.

    `moved_count` counts the rows of the same files that no longer count here, for a later delivery took them elsewhere.
    """

    passport: dict[str, Any]
    cells: dict[str, list[dict[str, Any]]]
    submissions: list[dict[str, Any]]
    rows: dict[str, list[dict[str, Any]]]
    rows_count: dict[str, int]
    moved_count: dict[str, int]


def trace(workspace: Workspace, edition: Path, score_id: str, limit: int = 20) -> Trace:
    """Trace one score back to its rows; at most `limit` rows per feed are shown, all are counted.

    Holds no lock: call it between runs. Raises MiyarError for an unknown score, and if rows in the lake were edited.
    """
    with duckdb.connect() as connection:
        for name, database in (("edition", edition / "benchmarks.duckdb"), ("warehouse", workspace.warehouse)):
            connection.execute(f"attach {sql.text(str(database.resolve()))} as {name} (read_only)")
        passport = _one(connection, "select * from edition.bench_scores where score_id = ?", [score_id])
        if passport is None:
            raise MiyarError(
                Problem(
                    "score_unknown",
                    f"{edition.name} has no score {score_id!r}",
                    next_step="Take score_id from bench_scores of this edition.",
                )
            )
        metric = _one(connection, "select * from edition.dim_metrics where metric_id = ?", [passport["metric_id"]])
        assert metric is not None  # noqa: S101 - a test of the warehouse guarantees the relation
        submissions = _all(
            connection,
            """select lineage.slice_id, lineage.submission_id, lineage.provider_id, submissions.path
            from edition.bench_lineage as lineage
            inner join edition.fct_submissions as submissions on lineage.submission_id = submissions.submission_id
            where lineage.score_id = ? order by all""",
            [score_id],
        )
        _require_rows(workspace, {str(entry["submission_id"]) for entry in submissions})
        cells: dict[str, list[dict[str, Any]]] = {}
        rows: dict[str, list[dict[str, Any]]] = {}
        counts: dict[str, int] = {}
        moved: dict[str, int] = {}
        for feed in sorted({entry["slice_id"].split("|")[0] for entry in submissions}):
            own = [entry for entry in submissions if entry["slice_id"].startswith(f"{feed}|")]
            where, values = row_conditions(passport, metric, feed)
            where += " and slice_id in (select unnest(?::varchar[]))"
            values.append(sorted({entry["slice_id"] for entry in own}))
            table = f"warehouse.intermediate.{load_feeds()[feed].cells}"
            cells[feed] = _all(
                connection, f"select * from {table} where {where}{_grain(metric, feed)} order by all", values
            )
            files = sorted({path for entry in own if (path := _lake_file(workspace, entry))})
            rows[feed], counts[feed], moved[feed] = [], 0, 0
            if files:  # the files may be gone: an edition outlives the lake it was made from
                left = _has_moved(workspace)
                all_rows = f"select count(*) filter (where {left}) as moved, count(*) as n from {sql.parquet(*files)}"
                [told] = _all(connection, f"{all_rows} where {where}", values)
                counts[feed], moved[feed] = told["n"] - told["moved"], told["moved"]
                found = f"from {sql.parquet(*files)} where {where} and not {left}"
                places = f"select submission_id, source_row, row_id {found} order by all limit {limit}"
                paths = {entry["submission_id"]: entry["path"] for entry in own}
                rows[feed] = [{"file": paths[row["submission_id"]], **row} for row in _all(connection, places, values)]
    return Trace(passport, cells, submissions, rows, counts, moved)


def _require_rows(workspace: Workspace, submissions: set[str]) -> None:
    """Rows that are shown as delivered have to be those that were received; what is gone is not shown at all."""
    known = [one for one in sorted(submissions) if account_path(workspace, one).is_file()]
    require_unchanged(workspace, [read_account(workspace, one) for one in known])


def row_conditions(passport: dict[str, Any], metric: dict[str, Any], feed: str) -> tuple[str, list[Any]]:
    """Return the predicate of a score's rows, written in columns that cells and lake rows share."""
    parts, values = [], []
    for column, value in unit_types()[passport["unit_type"]].values_of(passport["unit_id"]).items():
        parts.append(f"{column} = ?")
        values.append(value)
    measure = str(metric["measure_id"])
    if feed == "survey_responses":
        scale, wording = str(passport["instrument_id"]).rsplit("|", 1)
        parts += ["item = ?", "scale_id = ?", "wording_version = ?"]
        values += [measure.rsplit(".", 1)[0], scale.rsplit("/", 1)[0], wording]
    elif feed == "maturity_assessments":
        parts.append("model_id = ?")
        values.append(measure.removeprefix("maturity."))
    elif feed == "reported_measures":
        parts.append("measure = ?")
        values.append(passport["metric_id"])
    elif feed == "mystery_visits" and measure.startswith("mystery.item."):
        parts.append("rubric_item = ?")
        values.append(measure.removeprefix("mystery.item."))
    if metric["stage"] and feed in {"survey_responses", "mystery_visits", "reported_measures"}:
        parts.append("stage = ?")
        values.append(metric["stage"])
    return " and ".join(parts), values


def _grain(metric: dict[str, Any], feed: str) -> str:
    """Return the condition on the grain of cells: visits have cells of whole visits and of items; a score uses one."""
    if feed != "mystery_visits":
        return ""
    return f" and grain = '{'visit' if metric['measure_id'] == 'mystery.visit' else 'item'}'"


def _has_moved(workspace: Workspace) -> str:
    """SQL: true for a row of the lake that a later delivery took to another slice (`ingestion.moved_keys`)."""
    path = workspace.lake / "moved.parquet"
    return f"(row_id in (select row_id from {sql.parquet(path)}))" if path.is_file() else "false"


def _lake_file(workspace: Workspace, entry: dict[str, Any]) -> Path | None:
    feed, _, period = entry["slice_id"].split("|")
    path = workspace.lake / feed / f"period={period}" / f"{entry['submission_id']}.parquet"
    return path if path.is_file() else None


def _all(connection: duckdb.DuckDBPyConnection, query: str, values: list[Any]) -> list[dict[str, Any]]:
    return sql.rows(connection.execute(query, values))


def _one(connection: duckdb.DuckDBPyConnection, query: str, values: list[Any]) -> dict[str, Any] | None:
    rows = _all(connection, query, values)
    return rows[0] if rows else None
