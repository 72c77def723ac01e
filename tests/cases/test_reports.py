"""Reports in other rhythms than the quarter: monthly rows, annual figures beside quarterly ones, figures with and without a base.

Belongs here: what of it a contract can say. Does not belong here: how repeated figures are joined (`tests/dbt`).
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from expectations.intake import receive
from ingestion.feeds import load_feeds
from methodology.bases import KIND_COLUMNS
from methodology.parameters import METRIC_COLUMNS
from tests.ingestion.conftest import Centre, build

AGENCY = {"name": "agency_id", "constant": "a01"}
QUARTERS = {"2025-07": "2025Q3", "2025-08": "2025Q3", "2025-09": "2025Q3", "2025-10": "2025Q4"}


def received(folder: Path, feed: str, properties: list[dict[str, Any]], content: str) -> tuple[Centre, Any]:
    centre = build(folder / "centre")
    centre.contract({"feed": feed, "properties": [AGENCY, *properties]})
    centre.land(content)
    return centre, receive(centre.deliveries()[0], centre.workspace, centre.registry)


@pytest.mark.parametrize(
    ("feed", "day", "properties"),
    [
        ("reported_measures", "reported_on", [{"name": "measure", "constant": "m"}, {"name": "numerator", "physicalName": "met"},
                                              {"name": "n", "physicalName": "total"}]),
        ("service_standards", "measured_on", [{"name": "standard_id", "constant": "s"}, {"name": "met", "physicalName": "met"},
                                              {"name": "total", "physicalName": "total"}]),
    ],
)  # fmt: skip
def test_monthly_rows(tmp_path: Path, feed: str, day: str, properties: list[dict[str, Any]]) -> None:
    """12,765 of 12,765 rows were duplicates of each other: the month was no part of their key."""
    rows = "".join(f"{month},8{number},100\n" for number, month in enumerate(QUARTERS))
    month = {"name": day, "physicalName": "month", "dateFormat": ["%Y-%m"]}
    centre, account = received(tmp_path, feed, [*properties, month], f"month,met,total\n{rows}")
    assert (account.status, account.accepted, account.quarantined) == ("accepted", 4, 0)
    assert [period for (period,) in centre.rows("period_id")] == list(QUARTERS.values())


def test_the_same_month_twice_is_still_a_conflict(tmp_path: Path) -> None:
    properties = [{"name": "standard_id", "constant": "s"}, {"name": "met", "physicalName": "met"}]
    month = {"name": "measured_on", "physicalName": "month", "dateFormat": ["%Y-%m"]}
    _, account = received(
        tmp_path, "service_standards", [*properties, month], "month,met\n2025-07,1\n2025-07,2\n2025-08,3\n"
    )
    assert account.rule_counts == {"duplicate_key": 2, "submission_refused": 1}


def test_annual_rows_beside_quarterly_ones(tmp_path: Path) -> None:
    """A year stands in the quarter its last month lies in; the measure says which of the two a row is."""
    properties = [
        {"name": "measure", "physicalName": "kind", "labels": {"Year": "m_yearly", "Quarter": "m"}},
        {"name": "period_id", "physicalName": "period", "yearEnds": 3},
        {"name": "mean", "physicalName": "percent", "unit": "percent"},
        {"name": "n", "physicalName": "n"},
    ]
    content = "kind,period,percent,n\nYear,2024/25,85%,400\nQuarter,Q1 2025,84.5,100\nQuarter,Q2 2025,86,\n"
    centre, account = received(tmp_path, "reported_measures", properties, content)
    assert account.accepted == 3
    assert centre.rows("measure, period_id, mean::double, n") == [
        ("m_yearly", "2025Q1", 85, 400), ("m", "2025Q1", 84.5, 100), ("m", "2025Q2", 86, None),
    ]  # fmt: skip


def test_keys_name_columns_of_their_feeds() -> None:
    for feed in load_feeds().values():
        assert set(feed.key) <= set(feed.by_name)
        assert isinstance(feed.lake_schema, pa.Schema)


def _scored(folder: Path, metric: dict[str, str], properties: list[dict[str, Any]], content: str) -> tuple[Any, Any]:
    """What `miyar check` says of a file of one measure of the workspace's own, and the agency's scores."""
    from warehouse.check_scores import check_with_scores

    centre = build(folder / "centre")
    (centre.root / "miyar.yml").write_text(
        "name: {ar: مركز, en: Centre}\nmethodology: '2026.2'\nperiods: {first: 2025Q1, last: 2025Q4}\nmemory_limit: 500MB\n",
        "utf-8",
    )
    row = {
        "metric_id": "own", "name_ar": "مؤشر", "name_en": "Own", "definition_ar": "تعريف", "definition_en": "Definition",
        "feed": "reported_measures", "measure_id": "own", "stage": "", "polarity": "1", "is_headline": "false",
        "status": "chosen", "source": "test", "smallest_difference": "1",
    } | metric  # fmt: skip
    row = {name: row.get(name, "") for name in [*METRIC_COLUMNS, *KIND_COLUMNS]}
    (centre.root / "registry" / "metrics.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n", "utf-8")
    measure = {"name": "measure", "constant": "own"}
    centre.contract({"feed": "reported_measures", "properties": [AGENCY, measure, *properties]})
    file = centre.root / "f.csv"
    file.write_text(content, "utf-8")
    contract = centre.root / "registry" / "contracts" / "p1" / "reported_measures.yml"
    result, scores, _ = check_with_scores(centre.workspace, file, contract)
    return result, [one for one in scores if one["unit_type"] == "agency"]


PERIOD = {"name": "period_id", "physicalName": "quarter"}
DAYS = {"estimator": "median", "unit": "days", "polarity": "-1"}


def test_medians_with_and_without_their_base(tmp_path: Path) -> None:
    """A median of days was refused as a mean that is not on 0-100; with its base it was taken for a mean and pooled.

    Without its base it is shown only where it betrays nobody (disclosure public): else it may be of one person.
    """
    columns = [PERIOD, {"name": "mean", "physicalName": "median"}, {"name": "n", "physicalName": "n"}]
    content = "quarter,median,n\n2025Q1,120,400\n2025Q2,95.5,\n"
    result, scores = _scored(tmp_path, DAYS | {"disclosure": "public"}, columns, content)
    assert (result.account.accepted, result.account.untold) == (2, [])
    found = [(one["period_id"], float(one["score"]), one["n"], one["ci_low"]) for one in scores]
    assert found == [("2025Q1", 120, 400, None), ("2025Q2", 95.5, None, None)]


def test_medians_of_parts_make_none_of_the_whole(tmp_path: Path) -> None:
    """Medians of channels, each with its base: no mean of them is the agency's median (censusreporter/census-aggregate#1)."""
    columns = [PERIOD, {"name": "channel", "physicalName": "channel"}]
    columns += [{"name": "mean", "physicalName": "median"}, {"name": "n", "physicalName": "n"}]
    content = "quarter,channel,median,n\n2025Q1,phone,10,40\n2025Q1,website,20,60\n2025Q2,phone,11,50\n"
    result, scores = _scored(tmp_path, DAYS, columns, content)
    assert [(one["reason"], one["rows"]) for one in result.account.untold] == [("means_unpooled", 2)]
    shown = {one["period_id"]: one["score"] for one in scores}
    assert shown["2025Q2"] == 11 and shown.get("2025Q1") is None


def test_a_mean_on_0_100_is_still_held_to_it(tmp_path: Path) -> None:
    columns = [PERIOD, {"name": "mean", "physicalName": "mean"}]
    result, _ = _scored(tmp_path, {"estimator": "mean", "unit": "score_0_100"}, columns, "quarter,mean\n2025Q1,120\n")
    assert result.account.rule_counts == {"mean_on_0_100": 1}


def test_a_weighted_base_with_a_fraction(tmp_path: Path) -> None:
    """Weighted tables have bases such as 412.6; the share is as reported, and the base counts no person it does not have."""
    columns = [PERIOD, {"name": "mean", "physicalName": "percent", "unit": "percent"}]
    columns += [{"name": "n", "physicalName": "base", "rounding": "down"}]
    result, scores = _scored(
        tmp_path, {"estimator": "proportion", "unit": "share_pct"}, columns, "quarter,percent,base\n2025Q1,62.5,412.6\n"
    )
    assert result.account.accepted == 1
    assert [(one["n"], float(one["score"])) for one in scores] == [(412, 62.5)]


OPTIONS = [
    PERIOD,
    {"name": "option", "physicalName": "option", "labels": {"Total": "total"}, "unlisted": "keep"},
    {"name": "n", "physicalName": "count"},
]
SATISFIED = {
    "name": "numerator",
    "expression": {
        "case": [
            {"when": {"option": ["satisfied", "very satisfied"]}, "then": "count"},
            {"when": {"option": ["Total"]}, "then": {"text": ""}},
        ],
        "otherwise": 0,
    },
}
TABULATED = "2025Q1,very satisfied,42\n2025Q1,satisfied,40\n2025Q1,neutral,10\n2025Q1,dissatisfied,8\n"


def test_counts_of_answers_by_option(tmp_path: Path) -> None:
    """A tabulated survey: rows of one measure that differ in the option only were duplicates of each other. 82 of 100."""
    metric = {"estimator": "proportion", "unit": "share_pct"}
    result, scores = _scored(tmp_path, metric, [*OPTIONS, SATISFIED], f"quarter,option,count\n{TABULATED}")
    assert (result.account.accepted, result.account.untold) == (4, [])
    assert [(one["n"], float(one["score"])) for one in scores] == [(100, 82)]


def test_a_mean_of_answers_by_option(tmp_path: Path) -> None:
    """Each option stands for its points, all its answers alike: 42 x 100 + 40 x 75 + 10 x 50 + 8 x 25 = 7,900 of 100 answers."""
    points = {"very satisfied": 100, "satisfied": 75, "neutral": 50, "dissatisfied": 25}
    columns = [*OPTIONS, {"name": "mean", "physicalName": "option", "labels": points}, {"name": "sd", "constant": 0}]
    metric = {"estimator": "mean", "unit": "score_0_100"}
    _, [score] = _scored(tmp_path, metric, columns, f"quarter,option,count\n{TABULATED}")
    assert (score["n"], float(score["score"])) == (100, 79)
    # Sum of squares about 79: 42 x 21^2 + 40 x 4^2 + 10 x 29^2 + 8 x 54^2 = 50,900; s^2 = 50,900 / 99.
    assert float(score["standard_error"]) == pytest.approx((50_900 / 99 / 100) ** 0.5, abs=1e-4)


@pytest.mark.parametrize(("total", "failing"), [(100, 0), (101, 1)])
def test_a_published_total_is_compared_and_not_added(tmp_path: Path, total: int, failing: int) -> None:
    """One line of totals made 200 of 100 answers (votingworks/arlo#948 refuses such files)."""
    from expectations.intake import receive
    from miyar.registry import load_registry
    from publication.method import methodology_of, with_known_names

    content = f"quarter,option,count\n{TABULATED}2025Q1,Total,{total}\n"
    metric = {"estimator": "proportion", "unit": "share_pct"}
    result, [score] = _scored(tmp_path, metric, [*OPTIONS, SATISFIED], content)
    assert result.account.accepted == 5
    assert [(one["reason"], one["rows"]) for one in result.account.untold] == [("total_compared", 1)]
    assert (score["n"], float(score["score"])) == (100, 82)
    centre = Centre(tmp_path / "centre")
    centre.land(content)
    registry = with_known_names(load_registry(centre.root / "registry"), methodology_of(centre.workspace))
    account = receive(centre.deliveries()[0], centre.workspace, registry)
    report = json.loads((centre.root / "lake" / "quality" / f"{account.submission_id}.json").read_text("utf-8"))
    [rule] = [one for one in report["rules"] if one["rule"] == "total_agrees"]
    assert (rule["failing"], rule["action"]) == (failing, "report")
