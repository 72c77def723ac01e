"""From a published score back to files and lines, on the built workspace.

Belongs here: `publication.trace`. Does not belong here: how the scores were computed.
"""

import csv
from typing import Any

import duckdb
import pytest

from miyar.errors import MiyarError
from miyar.workspace import Workspace
from publication.reading import open_edition
from publication.trace import trace

ONE_PER_METRIC = """
    select metric_id, unit_type, max(score_id) as score_id
    from bench_scores
    where status = 'reported' and unit_type in ('agency', 'service', 'region', 'journey')
    group by all order by all
"""


@pytest.fixture(scope="module")
def scores(built_workspace: Workspace) -> list[tuple[Any, ...]]:
    with open_edition(built_workspace.editions / "current") as connection:
        return connection.execute(ONE_PER_METRIC).fetchall()


def test_every_kind_of_score_leads_to_rows(built_workspace: Workspace, scores: list[tuple[Any, ...]]) -> None:
    feeds = set()
    for metric, unit_type, score_id in scores:
        found = trace(built_workspace, built_workspace.editions / "current", score_id, limit=3)
        assert found.passport["score_id"] == score_id
        assert found.submissions, (metric, unit_type)
        # Not every feed: a rate has two, and the unit may have rows in only one of them.
        assert any(found.rows_count.values()), (metric, unit_type)
        for feed, rows in found.rows.items():
            assert len(rows) == min(3, found.rows_count[feed])
            for row in rows:
                assert (built_workspace.landing / row["file"]).is_file()
                assert row["source_row"] >= 1
        feeds |= set(found.rows)
    assert feeds >= {"survey_responses", "complaints", "service_usage", "service_standards", "mystery_visits"}
    assert "maturity_assessments" in feeds


def test_cells_and_rows_are_the_same_answers(built_workspace: Workspace) -> None:
    with open_edition(built_workspace.editions / "current") as connection:
        surveyed = connection.execute(
            "select score_id, n from bench_scores where status = 'reported' and metric_id = 'overall_satisfaction' "
            "and instrument_id <> 'reported' order by score_id limit 20"
        ).fetchall()
    assert len(surveyed) == 20
    for score_id, n in surveyed:
        found = trace(built_workspace, built_workspace.editions / "current", score_id)
        cells = found.cells["survey_responses"]
        assert sum(cell["answered_count"] for cell in cells) == n
        assert sum(cell["asked_count"] for cell in cells) == found.rows_count["survey_responses"]


def test_a_line_of_a_file_is_the_row_of_the_score(built_workspace: Workspace) -> None:
    """Checked by hand in a plain CSV: the line named by the trace is about this agency and this quarter."""
    with open_edition(built_workspace.editions / "current") as connection:
        candidates = connection.execute(
            "select s.score_id, s.agency_id, f.path from bench_scores s join bench_lineage l using (score_id) "
            "join fct_submissions f on l.submission_id = f.submission_id "
            "where s.metric_id = 'standard_attainment' and s.unit_type = 'agency' and f.path like '%.csv' order by all"
        ).fetchall()
    assert candidates
    for score_id, agency, path in candidates:
        found = trace(built_workspace, built_workspace.editions / "current", score_id, limit=1000)
        lines = [row["source_row"] for row in found.rows["service_standards"] if row["file"] == path]
        assert lines
        with (built_workspace.landing / path).open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
        accepted = duckdb.sql(
            f"select source_row, met, total from read_parquet('{built_workspace.lake}/service_standards/*/*.parquet') "
            f"where agency_id = '{agency}' and submission_id in "
            f"(select submission_id from read_parquet('{built_workspace.lake}/registry/submissions.parquet') "
            f"where path = '{path}')"
        ).fetchall()
        counts = {row: {str(met), str(total)} for row, met, total in accepted}
        for line in lines:
            assert counts[line] <= {cell.strip() for cell in rows[line - 1]}, (path, line)


def test_an_unknown_score_is_said(built_workspace: Workspace) -> None:
    with pytest.raises(MiyarError, match="score_unknown"):
        trace(built_workspace, built_workspace.editions / "current", "no such score")


def test_the_folder_of_the_workspace_may_have_any_name(
    workspace_copy: Workspace, scores: list[tuple[Any, ...]]
) -> None:
    root = workspace_copy.root.with_name('the centre\'s "own" {lake} of year=2025')
    workspace_copy.root.rename(root)
    moved = Workspace.open(root)
    found = trace(moved, moved.editions / "current", scores[0][2], limit=3)
    assert any(found.rows_count.values()) and any(found.rows.values())


def test_a_lake_that_is_gone_leaves_cells_and_submissions(
    workspace_copy: Workspace, scores: list[tuple[Any, ...]]
) -> None:
    for path in workspace_copy.lake.glob("*/period=*/*.parquet"):
        path.unlink()
    found = trace(workspace_copy, workspace_copy.editions / "current", scores[0][2])
    assert found.submissions and any(found.cells.values())
    assert not any(found.rows_count.values()) and not any(found.rows.values())
