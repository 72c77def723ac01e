"""Every accepted row is counted into a figure, or listed with the reason why none uses it.

Belongs here: rows that no figure uses, by kind, and the sum over accounts and warehouses. Does not belong here: names that
are refused (`test_told`).
"""

from pathlib import Path
from typing import Any

import pytest

from expectations.check import check
from expectations.told import reasons
from ingestion.contract import load_contract
from ingestion.rules import rule_texts
from miyar.registry import load_registry
from publication.method import methodology_of, with_known_names
from tests.ingestion.conftest import SURVEY, Centre, build

SETTINGS = "name: {ar: مركز, en: Centre}\nmethodology: '2026.2'\nperiods: {first: 2023Q1, last: 2026Q4}\n"
SURVEYED = [p for p in SURVEY["properties"] if p["name"] not in {"item", "agency_id"}]


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    made = build(tmp_path / "centre")
    (made.root / "miyar.yml").write_text(SETTINGS, "utf-8")
    return made


def checked(centre: Centre, feed: str, columns: str, rows: list[str], **more: Any) -> Any:
    """Check a file of agency a01 whose columns have canonical names, or those of `SURVEYED`."""
    properties = [{"name": name, "physicalName": name} for name in columns.split(",")]
    if feed == "survey_responses":
        properties = [one for one in properties if one["name"] not in {"id", "answered", "q1"}] + SURVEYED
        more = {"scales": SURVEY["scales"]} | more
    centre.contract({"feed": feed, "properties": [{"name": "agency_id", "constant": "a01"}, *properties], **more})
    registry = with_known_names(load_registry(centre.root / "registry"), methodology_of(centre.workspace))
    contract = load_contract(centre.root / "registry" / "contracts" / "p1" / f"{feed}.yml")
    file = centre.root / "f.csv"
    file.write_text("\n".join([columns, *rows]) + "\n", "utf-8")
    return check(centre.workspace, registry, file, contract)


def listed(found: Any) -> dict[str, int]:
    """Reason -> accepted rows of a check that no figure uses."""
    counts: dict[str, int] = {}
    for line in found.account.untold:
        counts[line["reason"]] = counts.get(line["reason"], 0) + line["rows"]
    return counts


def metric(centre: Centre, **cells: str) -> None:
    """Write a metric of the workspace's own."""
    from methodology.parameters import VERSIONS

    header, *_ = (VERSIONS / "2026.2" / "metrics.csv").read_text("utf-8").splitlines()
    row = dict.fromkeys(header.split(","), "") | {
        "name_ar": "مؤشر", "name_en": "Metric", "definition_ar": "تعريف", "definition_en": "Definition",
        "feed": "survey_responses", "polarity": "1", "unit": "score_0_100", "is_headline": "false", "status": "chosen",
        "source": "test", "frequency": "quarterly",
    } | cells  # fmt: skip
    (centre.root / "registry" / "metrics.csv").write_text(f"{header}\n{','.join(row.values())}\n", "utf-8")


# Feed, header, rows, and how many rows are listed with which reason; every row is accepted.
KINDS: dict[str, tuple[str, str, list[str], dict[str, int]]] = {
    # A mean-type measure with counts in place of a mean.
    "mean without a mean": (
        "reported_measures",
        "measure,period_id,n,numerator",
        ["speed,2025Q1,100,80", "ease,2025Q1,50,40"],
        {"value_missing": 2},
    ),
    "share without a numerator": (
        "reported_measures",
        "measure,period_id,n",
        ["digital_completion,2025Q1,100"],
        {"value_missing": 1},
    ),
    # A numerator of nobody knows how many: `int_measures__observed` drops what has neither a base nor a mean.
    "count without a base": (
        "reported_measures",
        "measure,period_id,n,numerator",
        ["complaints_per_1000,2025Q1,,7", "complaints_per_1000,2025Q2,1000,7"],
        {"base_missing": 1},
    ),
    "base that is a band": (
        "reported_measures",
        "measure,period_id,n_low,n_high,numerator",
        ["digital_completion,2025Q1,100,199,80"],
        {"base_missing": 1},
    ),
    # Means of channels without their bases: the agency's mean cannot be worked out of them.
    "means of parts without bases": (
        "reported_measures",
        "measure,period_id,channel,mean",
        ["speed,2025Q1,website,80", "speed,2025Q1,phone,60", "speed,2025Q2,phone,60"],
        {"means_unpooled": 2},
    ),
    # A metric of one stage takes rows of that stage only.
    "measure of another stage": (
        "reported_measures",
        "measure,period_id,stage,n,mean",
        ["mystery_score_before,2025Q1,,40,80", "mystery_score_before,2025Q1,before,40,80"],
        {"stage_unused": 1},
    ),
    "practice not assessed": (
        "maturity_assessments",
        "assessment_id,period_id,model_id,practice_id,dimension,adoption,adoption_max",
        ["x,2025Q1,digital_experience,own,satisfaction,,3", "x,2025Q1,digital_experience,b,satisfaction,2,3"],
        {"value_missing": 1},
    ),
    "earlier assessment": (
        "maturity_assessments",
        "assessment_id,assessed_on,model_id,practice_id,dimension,adoption,adoption_max",
        ["x,2025-01-05,digital_experience,p,satisfaction,1,3", "y,2025-03-05,digital_experience,p,satisfaction,2,3"],
        {"report_replaced": 1},
    ),
    # A visit whose items did not apply.
    "visit without a scored item": (
        "mystery_visits",
        "visit_id,visited_at,rubric_item,score,score_max",
        ["v1,2025-01-05,greeting,,5", "v2,2025-01-06,greeting,4,5"],
        {"value_missing": 1},
    ),
    "standard with neither counts nor verdict": (
        "service_standards",
        "standard_id,period_id,met,total,target",
        ["s1,2025Q1,,,0.9", "s2,2025Q1,8,10,0.9", "s3,2025Q1,8,,0.9"],
        {"value_missing": 2},
    ),
    "transactions of nothing": (
        "service_usage",
        "used_on,channel,completed,repeat_visits",
        ["2025-01-01,website,,3", "2025-02-01,website,9,3"],
        {"value_missing": 1},
    ),
    # Started in a branch: only digital channels have a completion rate.
    "started outside digital channels": (
        "service_usage",
        "used_on,channel,started",
        ["2025-01-01,branch,9", "2025-02-01,website,9"],
        {"value_missing": 1},
    ),
    # Failed transactions are shown by service.
    "figures of services without a service": (
        "service_usage",
        "used_on,channel,service_id,started,failed,minutes_due",
        ["2025-01-01,branch,,,2,", "2025-02-01,website,a01-s1,9,2,", "2025-02-01,phone,,,,60"],
        {"value_missing": 2},
    ),
    "only don't know": (
        "survey_responses",
        "id,answered,q1,item",
        ["r1,2025-02-03,9,speed", "r2,2025-02-03,9,speed", "r1,2025-02-03,4,ease", "r2,2025-02-03,9,ease"],
        {"answers_none": 2},
    ),
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_rows_that_no_figure_uses_are_listed(centre: Centre, kind: str) -> None:
    """An inner join drops what it does not know, and success is reported (wireservice/csvkit#191, Canner/WrenAI#2653,
    turbolytics/sql-flow#240); a comparison drops rows whose column is empty (Open-Web-Analytics/Open-Web-Analytics#1104).
    """
    feed, columns, rows, expected = KINDS[kind]
    found = checked(centre, feed, columns, rows)
    assert (found.account.accepted, found.account.quarantined) == (len(rows), 0), found.rows
    assert listed(found) == expected
    told = {note["rule"]: note["message"] for note in found.account.notes}
    for reason, count in expected.items():
        assert told[f"untold_{reason}"].startswith(f"{count} of {len(rows)} accepted rows")


def test_an_item_that_is_asked_for_one_stage_only(centre: Centre) -> None:
    metric(centre, metric_id="parking_before", measure_id="parking.mean", estimator="mean", stage="before")
    rows = ["r1,2025-02-03,4,parking,before", "r2,2025-02-03,4,parking,after", "r3,2025-02-03,4,parking,"]
    assert listed(checked(centre, "survey_responses", "id,answered,q1,item,stage", rows)) == {"stage_unused": 2}


def test_reports_of_which_one_counts_or_none(centre: Centre) -> None:
    rows = ["waiting,2025-01-31,40,9", "waiting,2025-02-28,44,9", "speed,2025-01-31,40,9", "speed,2025-02-28,44,9"]
    own = {"feed": "reported_measures", "measure_id": "waiting", "estimator": "mean", "repeats": "latest"}
    metric(centre, metric_id="waiting", **own)
    found = checked(centre, "reported_measures", "measure,reported_on,mean,n", rows)
    assert listed(found) == {"report_replaced": 1, "reports_conflict": 2}


def test_a_scale_without_top_boxes(centre: Centre) -> None:
    metric(centre, metric_id="own_top_box", measure_id="own.top_box", estimator="proportion", unit="share_pct")
    rows = ["r1,2025-02-03,4,own"]
    scales = {"five": {"family": "likert8", "min": 1, "max": 8}}
    assert listed(checked(centre, "survey_responses", "id,answered,q1,item", rows, scales=scales)) == {
        "scale_unused": 1
    }
    assert listed(checked(centre, "survey_responses", "id,answered,q1,item", rows)) == {}


def test_names_that_the_contract_takes_are_counted_too(centre: Centre) -> None:
    rows = ["r1,2025-02-03,4,speed", "r1,2025-02-03,4,own_1", "r2,2025-02-03,9,own_2"]
    found = checked(centre, "survey_responses", "id,answered,q1,item", rows, untold=["own_*"])
    assert listed(found) == {"name_unused": 2}
    assert [note["rule"] for note in found.account.notes] == ["name_untold"]


def test_a_practice_or_dimension_that_the_model_does_not_have(centre: Centre) -> None:
    """It was accepted, and the model's own practice of nearly that name counted as not assessed."""
    columns = "assessment_id,period_id,model_id,practice_id,dimension,adoption,adoption_max"
    rows = [
        "x,2025Q1,cx_management,sets_public_targets,strategy,2,3",
        "x,2025Q1,cx_management,sets_public_target,strategy,2,3",
        "x,2025Q1,digital_experience,own,user_experiance,2,3",
        "x,2025Q1,digital_experience,own_2,user_experience,2,3",
        "x,2025Q1,cx_management,states_experience_vision,strategy,3,3",
    ]
    found = checked(centre, "maturity_assessments", columns, rows)
    assert (found.account.accepted, found.account.rule_counts) == (3, {"name_unknown": 2})
    messages = {note["column"]: note["message"] for note in found.account.notes if note["rule"] == "name_unknown"}
    assert "'sets_public_target'" in messages["practice_id"] and "'sets_public_targets'" in messages["practice_id"]
    assert "'user_experiance'" in messages["dimension"] and "'user_experience'" in messages["dimension"]


def test_every_reason_has_its_words() -> None:
    for found in reasons().values():
        assert {f"untold_{reason}" for reason in found} - {"untold_name_unused"} <= set(rule_texts())
