"""Accepted means it will be told: a name that no figure knows is refused, with the nearest that are known.

Belongs here: names of items, measures, models, practices and agencies. Does not belong here: headers
(`tests/ingestion/test_formats.py`).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from expectations.check import check
from ingestion.contract import load_contract
from miyar.registry import load_registry
from publication.method import methodology_of, with_known_names
from tests.ingestion.conftest import SURVEY, Centre, build

SETTINGS = "name: {ar: مركز, en: Centre}\nmethodology: '2026.2'\nperiods: {first: 2023Q1, last: 2026Q4}\n"


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    made = build(tmp_path / "centre")
    (made.root / "miyar.yml").write_text(SETTINGS, "utf-8")
    return made


def checked(centre: Centre, feed: str, properties: list[dict[str, Any]], content: str, **more: Any) -> Any:
    centre.contract({"feed": feed, "properties": properties, **more})
    registry = with_known_names(load_registry(centre.root / "registry"), methodology_of(centre.workspace))
    contract = load_contract(centre.root / "registry" / "contracts" / "p1" / f"{feed}.yml")
    file = centre.root / "f.csv"
    file.write_text(content, "utf-8")
    return check(centre.workspace, registry, file, contract)


def survey(centre: Centre, items: list[str]) -> Any:
    properties = [p for p in SURVEY["properties"] if p["name"] not in {"item", "agency_id"}]
    properties += [{"name": "item", "physicalName": "item"}, {"name": "agency_id", "constant": "a01"}]
    rows = "".join(f"r{n},2025-02-03,4,{item}\n" for n, item in enumerate(items))
    return checked(centre, "survey_responses", properties, f"id,answered,q1,item\n{rows}", scales=SURVEY["scales"])


def test_a_misspelt_item_is_refused_with_the_nearest_known(centre: Centre) -> None:
    """It was 40 accepted answers, no score and no word."""
    found = survey(centre, ["overal_satisfaction"] * 40)
    assert (found.account.status, found.account.accepted, found.account.quarantined) == ("refused", 0, 40)
    [note] = found.account.notes
    assert note["rule"] == "name_unknown"
    assert "'overal_satisfaction' (40 rows)" in note["message"] and "'overall_satisfaction'" in note["message"]
    assert "metrics.csv" in note["next_step"]
    assert {row["rule"] for row in found.rows} == {"name_unknown"}


def test_only_the_rows_of_the_unknown_name_are_held_back(centre: Centre) -> None:
    found = survey(centre, ["overall_satisfaction", "speed", "sped"])
    assert (found.account.status, found.account.accepted, found.account.quarantined) == ("accepted", 2, 1)
    assert [(note["rule"], "'speed'" in note["message"]) for note in found.account.notes] == [("name_unknown", True)]


@pytest.mark.parametrize(
    ("feed", "column", "fixed", "wrong", "right"),
    [
        ("reported_measures", "measure", {"period_id": "2025Q1", "n": 100, "mean": 80}, "speeds", "speed"),
        (
            "maturity_assessments",
            "model_id",
            {"period_id": "2025Q1", "practice_id": "p", "adoption": 1, "adoption_max": 3, "assessment_id": "x"},
            "digital_experiance",
            "digital_experience",
        ),
    ],
)
def test_measures_and_models(
    centre: Centre, feed: str, column: str, fixed: dict[str, Any], wrong: str, right: str
) -> None:
    properties = [{"name": "agency_id", "constant": "a01"}, {"name": column, "physicalName": "name"}]
    properties += [{"name": name, "constant": value} for name, value in fixed.items()]
    found = checked(centre, feed, properties, f"name\n{wrong}\n")
    assert found.account.status == "refused"
    assert any(f"{wrong!r}" in note["message"] and f"{right!r}" in note["message"] for note in found.account.notes)


def test_a_label_of_the_contract_that_names_nothing(centre: Centre) -> None:
    """The contract's own constants and labels are names too; one that is wrong in the contract is told the same way."""
    properties = [p for p in SURVEY["properties"] if p["name"] not in {"item", "agency_id"}]
    properties += [{"name": "item", "constant": "overall_satisfacton"}, {"name": "agency_id", "constant": "a01"}]
    found = checked(
        centre, "survey_responses", properties, "id,answered,q1\nr1,2025-02-03,4\n", scales=SURVEY["scales"]
    )
    assert found.account.status == "refused"
    assert "'overall_satisfaction'" in found.account.notes[0]["message"]


def test_an_agency_that_the_registry_does_not_have(centre: Centre) -> None:
    """Without a look-up any text was taken as an id, and its rows met no agency afterwards."""
    properties = [{"name": "agency_id", "physicalName": "body"}, *SURVEY["properties"][1:]]
    properties = [p | ({"constant": "speed"} if p["name"] == "item" else {}) for p in properties]
    rows = "body,id,answered,q1\na01,r1,2025-02-03,4\na1,r2,2025-02-03,4\n"
    found = checked(centre, "survey_responses", properties, rows, scales=SURVEY["scales"])
    assert (found.account.accepted, found.account.rule_counts) == (1, {"name_unknown": 1})
    assert "'a01'" in found.account.notes[0]["message"]


def test_a_workspaces_own_metric_makes_its_item_known(centre: Centre) -> None:
    from methodology.parameters import VERSIONS

    header, *_ = (VERSIONS / "2026.2" / "metrics.csv").read_text("utf-8").splitlines()
    cells = dict.fromkeys(header.split(","), "")
    cells |= {
        "metric_id": "parking", "name_ar": "المواقف", "name_en": "Parking", "definition_ar": "متوسط", "definition_en": "Mean",
        "feed": "survey_responses", "measure_id": "parking_places.mean", "estimator": "mean", "polarity": "1",
        "unit": "score_0_100", "is_headline": "false", "status": "chosen", "source": "test", "frequency": "quarterly",
    }  # fmt: skip
    lines = [header, ",".join(cells.values())]
    (centre.root / "registry" / "metrics.csv").write_text("\n".join(lines) + "\n", "utf-8")
    assert survey(centre, ["parking_places"]).account.status == "accepted"


def test_names_that_become_known_have_the_file_read_again(centre: Centre) -> None:
    """As with names of the registry: a file that held an unknown name depends on the whole list, others on what they used."""
    from ingestion.names import names_hash

    survey(centre, ["overall_satisfaction", "sped"])
    registry = with_known_names(load_registry(centre.root / "registry"), methodology_of(centre.workspace))
    more = replace(registry, known={**registry.known, "item": registry.known["item"] | {"sped"}})
    assert names_hash({"item": None}, registry) != names_hash({"item": None}, more)
    assert names_hash({"item": ["speed"]}, registry) == names_hash({"item": ["speed"]}, more)


def test_units_that_the_registry_lacks_are_told(centre: Centre) -> None:
    """They count for their agency, and nobody finds them again under a name."""
    properties = [{"name": "agency_id", "constant": "a01"}, {"name": "used_on", "physicalName": "day"}]
    properties += [{"name": "service_id", "physicalName": "service"}, {"name": "completed", "physicalName": "n"}]
    rows = "day,service,n\n2025-10-01,a01-s1,1\n2025-10-02,a01-s9,2\n2025-10-03,a01-s9,2\n"
    found = checked(centre, "service_usage", properties, rows)
    assert found.account.accepted == 3
    [note] = found.account.notes
    assert (note["rule"], note["column"]) == ("unit_unregistered", "service")
    assert note["message"].startswith("2 rows name service_id 'a01-s9'")


def test_a_name_that_may_be_a_persons_is_masked(centre: Centre) -> None:
    found = survey(centre, ["call 0501234567"] * 3)
    assert "0501234567" not in found.account.notes[0]["message"]


def test_names_that_the_contract_takes_without_a_figure_are_listed(centre: Centre) -> None:
    """A long questionnaire has questions that no figure uses yet; the contract says which, and every check lists them."""
    properties = [p for p in SURVEY["properties"] if p["name"] not in {"item", "agency_id"}]
    properties += [{"name": "item", "physicalName": "item"}, {"name": "agency_id", "constant": "a01"}]
    items = ["speed", "q5_01", "q5_02", "q5_02", "q6"]
    rows = "id,answered,q1,item\n" + "".join(f"r{n},2025-02-03,4,{item}\n" for n, item in enumerate(items))
    found = checked(centre, "survey_responses", properties, rows, scales=SURVEY["scales"], untold=["q5_*"])
    assert (found.account.accepted, found.account.rule_counts) == (4, {"name_unknown": 1})
    [unknown, untold] = found.account.notes
    assert unknown["rule"] == "name_unknown" and "'q6' (1 rows)" in unknown["message"]
    assert untold["message"] == "3 rows are taken and no figure uses their item: 'q5_02' (2), 'q5_01' (1)"


def test_constants_of_several_records_are_all_taken(centre: Centre) -> None:
    """Of a wide file only the first record's item was looked at: the others were refused in spite of `untold`."""
    properties = [p for p in SURVEY["properties"] if p["name"] not in {"item", "agency_id", "value"}]
    properties += [{"name": "agency_id", "constant": "a01"}]
    records = [
        {"properties": [{"name": "item", "constant": item}, {"name": "value", "physicalName": column}]}
        for item, column in (("speed", "q1"), ("q5_01", "q2"), ("q5_02", "q3"))
    ]
    given = {"scales": SURVEY["scales"], "records": records, "untold": ["q5_*"]}
    found = checked(centre, "survey_responses", properties, "id,answered,q1,q2,q3\nr1,2025-02-03,4,3,2\n", **given)
    assert (found.account.accepted, found.account.quarantined) == (3, 0)
