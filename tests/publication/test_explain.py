"""A score explained: every step's numbers are those of the tables they come from, and reasons are distinguished.

Belongs here: `publication.explain`. Does not belong here: traces to rows (`test_trace`).
"""

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.feeds import load_feeds
from miyar.errors import MiyarError
from miyar.workspace import Workspace
from publication.explain import Step, explain, sentence, why_not, words
from publication.reading import wording
from publication.trace import row_conditions, trace


def _rows(path: Path, query: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(path.resolve()), read_only=True) as connection:
        result = connection.execute(query)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@pytest.fixture(scope="module")
def edition(built_workspace: Workspace) -> Path:
    return built_workspace.editions / "current"


@pytest.fixture(scope="module")
def score(edition: Path) -> dict[str, Any]:
    """Return the agency score of overall satisfaction with the most answers in the last period."""
    return _rows(
        edition / "benchmarks.duckdb",
        "select * from bench_scores where metric_id = 'overall_satisfaction' and unit_type = 'agency' "
        "and status = 'reported' order by period_id desc, n desc limit 1",
    )[0]


def _cells(workspace: Workspace, score: dict[str, Any]) -> list[dict[str, Any]]:
    scale, wording_version = score["instrument_id"].rsplit("|", 1)
    return _rows(
        workspace.warehouse,
        "select * from intermediate.int_survey__cells where item = 'overall_satisfaction' "
        f"and agency_id = '{score['agency_id']}' and period_id = '{score['period_id']}' "
        f"and scale_id = '{scale.rsplit('/', 1)[0]}' and wording_version = '{wording_version}'",
    )


def test_the_chain_carries_the_numbers_of_its_tables(
    built_workspace: Workspace, edition: Path, score: dict[str, Any]
) -> None:
    found = explain(built_workspace, edition, score["score_id"])
    steps = {step.code: step.numbers for step in found.steps}
    assert list(steps)[:2] == ["rows", "harmonised"]
    cells = _cells(built_workspace, score)
    answered = sum(cell["answered_count"] for cell in cells)
    assert steps["harmonised"]["asked_count"] == steps["rows"]["rows"] == sum(cell["asked_count"] for cell in cells)
    assert steps["harmonised"]["answered_count"] == answered == score["n"]
    assert steps["rows"]["cells"] == len(cells)
    assert steps["interval"]["score"] == score["score"]


# The rows of a score, counted again from the lake; for complaints, the last version of each case.
_IN_LAKE = {
    "complaints": "count(distinct slice_id || case_id)",
    "mystery_visits": "count(*) filter (where score is not null)",
    "maturity_assessments": "count(distinct (slice_id, service_id, practice_id)) filter (where adoption is not null)",
}


def test_every_reported_score_counts_the_rows_of_the_lake(built_workspace: Workspace, edition: Path) -> None:
    database = edition / "benchmarks.duckdb"
    unexplained = _rows(
        database,
        "select count(*) as n from bench_scores anti join bench_explanations using (score_id) where status = 'reported'",
    )
    assert unexplained == [{"n": 0}]
    scores = _rows(
        database,
        "select scores.*, told.rows_count, metrics.feed from bench_scores as scores "
        "inner join bench_explanations as told using (score_id) inner join dim_metrics as metrics using (metric_id) "
        "where metrics.stage is null and metrics.feed <> 'survey_responses' or scores.metric_id = 'overall_satisfaction' "
        "qualify row_number() over (partition by metric_id, unit_type, instrument_id order by score_id) <= 3",
    )
    seen = set()
    for score in scores:
        expected = 0
        for feed in sorted({slice_id.split("|")[0] for slice_id in score["slice_ids"].split(";")}):
            found = trace(built_workspace, edition, score["score_id"], limit=1)
            where, values = row_conditions(found.passport, _metric(database, score["metric_id"]), feed)
            with duckdb.connect() as connection:
                lake = f"read_parquet('{built_workspace.lake}/{feed}/period={score['period_id']}/*.parquet')"
                row = connection.execute(
                    f"select {_IN_LAKE.get(feed, 'count(*)')} from {lake} where {where} and slice_id in "
                    "(select unnest(?)) and submission_id in (select unnest(?))",
                    [*values, score["slice_ids"].split(";"), [one["submission_id"] for one in found.submissions]],
                ).fetchone()
            expected += row[0] if row else 0
        assert score["rows_count"] == expected, (score["metric_id"], score["unit_type"], score["instrument_id"])
        seen.add((score["feed"], score["unit_type"]))
    assert {feed for feed, _ in seen} == set(load_feeds()) - {"reported_measures"}
    assert {unit for _, unit in seen} >= {"agency", "service", "region", "journey"}


def _metric(database: Path, metric_id: str) -> dict[str, Any]:
    return _rows(database, f"select * from dim_metrics where metric_id = '{metric_id}'")[0]


def test_influence_is_what_the_score_would_lose(
    built_workspace: Workspace, edition: Path, score: dict[str, Any]
) -> None:
    found = explain(built_workspace, edition, score["score_id"])
    cells = _cells(built_workspace, score)

    def mean(kept: list[dict[str, Any]]) -> float:
        amounts = [100 * float(cell["sum_position"] or 0) / cell["scale_range"] for cell in kept]
        return sum(amounts) / sum(cell["answered_count"] for cell in kept)

    changes = [
        mean(cells) - mean([other for other in cells if other is not cell]) for cell in cells if cell["answered_count"]
    ]
    expected = sorted((abs(change) for change in changes), reverse=True)[:10]
    assert [abs(one.change) for one in found.influences] == pytest.approx(expected, abs=1e-9)


def test_every_step_and_reason_has_words_in_both_languages(
    built_workspace: Workspace, edition: Path, score: dict[str, Any]
) -> None:
    for texts in words().values():
        assert set(texts) == {"ar", "en"}
        assert re.search("[\u0600-\u06ff]", texts["ar"])
        # Both languages show the same numbers.
        assert sorted(re.findall(r"{\w+}", texts["ar"])) == sorted(re.findall(r"{\w+}", texts["en"]))
    found = explain(built_workspace, edition, score["score_id"])
    for step in found.steps:
        for language in ("ar", "en"):
            assert "{" not in sentence(step, language)
    worded = sentence(Step("no_verdict", {"comparability_reason": "too_few_peers"}), "en")
    assert worded == f"no verdict: {wording()['reasons']['too_few_peers']['en']}"


def test_an_unknown_score_is_one_clear_error(built_workspace: Workspace, edition: Path) -> None:
    with pytest.raises(MiyarError, match=r"\[score_unknown\].*'nothing'"):
        explain(built_workspace, edition, "nothing")


def test_why_not_names_what_differs(edition: Path) -> None:
    rows = _rows(
        edition / "benchmarks.duckdb",
        "select scores.*, peer_group from bench_scores as scores inner join dim_agencies using (agency_id) "
        "where unit_type = 'agency' and metric_id = 'overall_satisfaction'",
    )
    reported = [row for row in rows if row["status"] == "reported"]
    pairs = [
        (a, b) for a in reported for b in reported if a["period_id"] == b["period_id"] and a["unit_id"] < b["unit_id"]
    ]
    other_instrument = next((a, b) for a, b in pairs if a["instrument_id"] != b["instrument_id"])
    other_group = next((a, b) for a, b in pairs if a["peer_group"] != b["peer_group"])
    other_frame = next((a, b) for a, b in pairs if a["weighting"] != b["weighting"])
    differing = {
        "instrument_differs": other_instrument,
        "peer_group_differs": other_group,
        "weighting_differs": other_frame,
    }
    for reason, (a, b) in differing.items():
        found = why_not(edition, a["unit_id"], b["unit_id"], "overall_satisfaction", a["period_id"])
        assert reason in {step.code for step in found.reasons}
    absent = next(row for row in rows if row["status"] == "missing")
    found = why_not(edition, absent["unit_id"], absent["unit_id"], "overall_satisfaction", absent["period_id"])
    assert {step.code for step in found.reasons} == {"not_missing"}


def test_why_not_names_every_unknown_unit(edition: Path) -> None:
    with pytest.raises(MiyarError) as caught:
        why_not(edition, "nobody", "nowhere", "overall_satisfaction", "2025Q1")
    assert [re.findall(r"'(\w+)'", problem.message)[0] for problem in caught.value.problems] == ["nobody", "nowhere"]
