"""What changed from one edition to the next, score by score.

Belongs here: comparing two editions. Does not belong here: why it changed (the manifest's reason, restatements).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from miyar import sql

COMPARED = ("score", "ci_low", "ci_high", "n", "status", "status_reason")


@dataclass(frozen=True)
class Difference:
    """Counts of changes, and the changed scores in the order of their keys."""

    summary: dict[str, Any]
    rows: list[dict[str, Any]]


def compare(older: Path, newer: Path) -> Difference:
    """Compare two editions' `bench_scores` by score id."""
    with duckdb.connect() as connection:
        for name, folder in (("older", older), ("newer", newer)):
            source = sql.parquet(folder / "tables" / "bench_scores.parquet")
            connection.execute(f"create view {name} as select * from {source}")
        changed = " or ".join(f"older.{column} is distinct from newer.{column}" for column in COMPARED)
        pairs = ", ".join(f"older.{column} as {column}_before, newer.{column} as {column}_after" for column in COMPARED)
        query = f"""
            select
                coalesce(newer.score_id, older.score_id) as score_id,
                coalesce(newer.unit_type, older.unit_type) as unit_type,
                coalesce(newer.unit_id, older.unit_id) as unit_id,
                coalesce(newer.metric_id, older.metric_id) as metric_id,
                coalesce(newer.period_id, older.period_id) as period_id,
                case
                    when older.score_id is null then 'added'
                    when newer.score_id is null then 'removed'
                    else 'changed'
                end as change,
                {pairs}
            from older
            full outer join newer
                on older.score_id = newer.score_id
            where older.score_id is null or newer.score_id is null or {changed}
            order by period_id, metric_id, unit_type, unit_id, score_id
        """
        found = sql.rows(connection.execute(query))
        rows = [{name: _plain(value) for name, value in row.items()} for row in found]
    counts = {kind: sum(row["change"] == kind for row in rows) for kind in ("added", "removed", "changed")}
    periods = sorted({row["period_id"] for row in rows if row["change"] != "added"})
    summary = {"older": older.name, **counts, "restated_periods": periods}
    return Difference(summary, rows)


def write_difference(older: Path, building: Path) -> None:
    """Write `difference.json` into an edition under construction."""
    difference = compare(older, building)
    text = json.dumps({"summary": difference.summary, "scores": difference.rows}, ensure_ascii=False, indent=1)
    (building / "difference.json").write_text(text + "\n", "utf-8")


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int) else float(value)
