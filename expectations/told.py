"""Accepted rows that no figure uses, counted by quarter, agency and reason: what is accepted is told, or it is said why not.

Belongs here: trying the reasons of `told.yml` on one submission's accepted rows. Does not belong here: names that are refused
(`ingestion.known`), rows of deliveries that others replaced (`ingestion.slices`).
"""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from ingestion.databases import ROWS_OF_A_THREAD, session
from ingestion.feeds import load_feeds
from ingestion.rules import rule_texts
from miyar import sql
from miyar.errors import Problem
from miyar.registry import Registry
from miyar.workspace import Workspace

# Tables of `miyar.registry.Registry.figures`, and the columns that reasons may name.
TABLES = {
    "metrics": ("metric_id", "feed", "measure_id", "estimator", "stage", "repeats"),
    "channels": ("channel", "is_digital"),
    "top_boxes": ("points",),
    "practices": ("model_id", "practice_id"),
    "dimensions": ("model_id", "dimension"),
}
VIEWS = """
    create temp view digital as select channel from channels where is_digital = 'true';
    create temp view items as select
        regexp_replace(measure_id, '\\.[a-z_]+$', '') as item, regexp_extract(measure_id, '\\.([a-z_]+)$', 1) as kind, stage
        from metrics where feed = 'survey_responses';
"""


@cache
def _source() -> dict[str, list[dict[str, str]]]:
    source: dict[str, list[dict[str, str]]] = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text("utf-8"))
    return source


def reasons() -> dict[str, list[str]]:
    """Feed -> the reasons for which a row of it may be in no figure."""
    return {feed: [one["reason"] for one in found] for feed, found in _source().items()}


def untold_rows(workspace: Workspace, feed: str, submission_id: str, registry: Registry) -> list[dict[str, Any]]:
    """The accepted rows of a submission that no figure uses: rows by slice_id and reason, in that order.

    Nothing where the registry does not say what figures are made from (`Registry.figures`).
    """
    files = sorted((workspace.lake / feed).glob(f"period=*/{submission_id}.parquet"))
    if not files or not registry.figures or not _source()[feed]:
        return []
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    with session(workspace.settings, workspace.scratch, rows) as connection:
        _register(connection, registry)
        connection.execute("create temp table untold (row_id varchar, slice_id varchar, reason varchar)")
        read = f"(select {', '.join(_columns_of(feed))} from {sql.parquet(*files)})"
        if rows <= ROWS_OF_A_THREAD:
            # Opened once, and not by every reason.
            connection.execute(f"create temp table read as from {read}")
            read = "read"
        connection.execute(f"create temp view accepted as from {read} where row_id not in (select row_id from untold)")
        for one in _source()[feed]:
            accepted = one.get("over", "from accepted")
            connection.execute(
                f"insert into untold select row_id, slice_id, {sql.text(one['reason'])} "
                f"from (select *, coalesce({one['rows']}, false) as is_untold from ({accepted}) as accepted) where is_untold"
            )
        return sql.rows(
            connection.execute(
                "select slice_id, reason, count(*) as rows from untold group by all order by slice_id, reason"
            )
        )


@cache
def _columns_of(feed: str) -> list[str]:
    """The columns of the lake that the feed's reasons name; a word of theirs that is no column costs nothing."""
    words = set(re.findall(r"\w+", " ".join(f"{one['rows']} {one.get('over', '')}" for one in _source()[feed])))
    return [name for name in load_feeds()[feed].lake_schema.names if name in words | {"row_id", "slice_id"}]


def _register(connection: duckdb.DuckDBPyConnection, registry: Registry) -> None:
    tables = {**registry.figures, "services": registry.tables.get("services", [])}
    for name, columns in {**TABLES, "services": ("service_id",)}.items():
        held = {column: pa.array([row[column] for row in tables[name]], pa.string()) for column in columns}
        connection.register(name, pa.table(held))
    connection.execute(VIEWS)


def notes_on(untold: list[dict[str, Any]], accepted: int, who: str, file: str) -> list[Problem]:
    """A note for each reason, most rows first; names that a contract takes without a figure have a note of their own."""
    counts: Counter[str] = Counter()
    for line in untold:
        counts[line["reason"]] += line["rows"]
    notes = []
    for reason, rows in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        text = rule_texts().get(f"untold_{reason}")
        if text is not None:
            message = f"{rows:,} of {accepted:,} accepted rows are in no figure: {text.en}"
            notes.append(Problem(f"untold_{reason}", message, who=who, file=file, next_step=f"{text.next_en}."))
    return notes
