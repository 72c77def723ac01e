"""Case 14 and pages of common services: fields whose kind differs from record to record."""

import json
from typing import Any

import pytest

from tests.ingestion import conftest as shared

centre, survey, complaints = shared.centre, shared.survey, shared.complaints


def tickets(complaints: dict[str, Any], **names: str) -> dict[str, Any]:
    """The complaints contract with other names in the file."""
    renamed = {"case_id": "number", "opened_at": "opened_at", "category": "assignment_group.display_value"} | names
    properties = [{"name": "agency_id", "constant": "a01"}]
    properties += [{"name": column, "physicalName": name} for column, name in renamed.items()]
    return complaints | {"properties": properties}


def record(number: str, group: Any) -> dict[str, Any]:
    return {"number": number, "opened_at": "2025-02-03", "assignment_group": group}


WATER = {"display_value": "Water", "link": "https://x.example/1"}


@pytest.mark.parametrize("empty", ["", None, [], {}])
@pytest.mark.parametrize("kind", ["json", "ndjson"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("optional", [False, True])
def test_one_empty_reference_changes_no_other_record(
    centre: Any, complaints: dict[str, Any], empty: Any, kind: str, turned: bool, optional: bool
) -> None:
    """ServiceNow's Table API; singer-io/tap-zendesk#10, datamill-co/target-postgres#153."""
    base = tickets(complaints)
    base["properties"][-1] |= {"optional": optional}
    centre.contract(base, format={"type": kind}, ignored=["assignment_group.link"])
    records = [record("C1", WATER), record("C2", empty)][:: -1 if turned else 1]
    centre.land(json.dumps(records) if kind == "json" else "\n".join(map(json.dumps, records)), f"f.{kind}")
    assert sorted(centre.rows("case_id, category")) == [("C1", "Water"), ("C2", None)]


def test_a_value_where_others_have_an_object_is_a_column_of_its_own(centre: Any, complaints: dict[str, Any]) -> None:
    centre.contract(tickets(complaints), format={"type": "json"}, ignored=["assignment_group.link"])
    centre.land(json.dumps([record("C1", WATER), record("C2", "Roads")]), "f.json")
    [problem] = centre.refusal()
    assert (problem.rule, problem.column) == ("header_unknown", "assignment_group")


def test_both_kinds_can_be_read(centre: Any, complaints: dict[str, Any]) -> None:
    base = tickets(complaints, category_code="assignment_group")
    centre.contract(base, format={"type": "json"}, ignored=["assignment_group.link"])
    centre.land(json.dumps([record("C1", WATER), record("C2", "Roads")]), "f.json")
    assert centre.rows("category, category_code") == [("Water", None), (None, "Roads")]


def test_numbers_and_texts_in_one_field(centre: Any, complaints: dict[str, Any]) -> None:
    centre.contract(tickets(complaints, category="c"), format={"type": "json"}, ignored=["assignment_group*"])
    records = [record(str(n), "") | {"c": value} for n, value in enumerate([1, "x", True, 2.5, None])]
    centre.land(json.dumps(records), "f.json")
    assert [row[0] for row in centre.rows("category")] == ["1", "x", "true", "2.5", None]


PAGES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, str]]] = [
    (
        "ServiceNow",
        {"result": [record("C1", WATER), record("C2", "")]},
        {"itemsPath": "result"},
        {},
    ),
    (
        "Zendesk",
        {
            "tickets": [
                {"id": 1, "created_at": "2025-02-03T08:00:00Z", "via": {"channel": "web"}, "custom_fields": [1]},
                {"id": 2, "created_at": "2025-02-03T08:00:00Z", "via": {"channel": "api"}, "custom_fields": []},
            ],
            "next_page": None,
            "count": 2,
        },
        {"itemsPath": "tickets"},
        {"case_id": "id", "opened_at": "created_at", "category": "via.channel"},
    ),
    (
        "KoboToolbox",
        {
            "count": 2,
            "next": None,
            "results": [
                {"_id": 1, "_submission_time": "2025-02-03T08:00:00", "group/topic": "water", "_tags": []},
                {"_id": 2, "_submission_time": "2025-02-03T08:00:00", "_tags": []},
            ],
        },
        {"itemsPath": "results"},
        {"case_id": "_id", "opened_at": "_submission_time", "category": "group/topic"},
    ),
    (
        "Qualtrics",
        {
            "responses": [
                {
                    "responseId": "R_1",
                    "values": {"startDate": "2025-02-03T08:00:00Z", "QID1": 2},
                    "labels": {"QID1": "x"},
                },
                {"responseId": "R_2", "values": {"startDate": "2025-02-03T08:00:00Z"}, "labels": {}},
            ]
        },
        {"itemsPath": "responses"},
        {"case_id": "responseId", "opened_at": "values.startDate", "category": "labels.QID1"},
    ),
    (
        "Socrata",
        [  # type: ignore[list-item]
            {
                "unique_key": "1",
                "created_date": "2025-02-03T08:00:00.000",
                "location": {"type": "Point", "coordinates": [1, 2]},
            },
            {"unique_key": "2", "created_date": "2025-02-03T08:00:00.000", "complaint_type": "Noise"},
        ],
        {},
        {"case_id": "unique_key", "opened_at": "created_date", "category": "complaint_type"},
    ),
    (
        "GeoJSON",
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": {"type": "Point", "coordinates": [46.7, 24.6]},
                    "properties": {"id": number, "at": "2025-02-03", "topic": "pothole"},
                }
                for number in (1, 2)
            ],
        },
        {"itemsPath": "features"},
        {"case_id": "properties.id", "opened_at": "properties.at", "category": "properties.topic"},
    ),
    (
        "one object a file",
        {"id": "C1", "at": "2025-02-03", "answers": {"topic": "water"}},
        {"items": "one"},
        {"case_id": "id", "opened_at": "at", "category": "answers.topic"},
    ),
    (
        "an object by id",  # Kotlin/dataframe#567, ClickHouse/ClickHouse#78699
        {"data": {"C1": {"at": "2025-02-03", "topic": "w"}, "C2": {"at": "2025-02-03", "topic": "w"}}},
        {"itemsPath": "data", "items": "named"},
        {"case_id": "[name]", "opened_at": "at", "category": "topic"},
    ),
]


@pytest.mark.parametrize(("service", "page", "form", "names"), PAGES, ids=[page[0] for page in PAGES])
def test_pages(
    centre: Any, complaints: dict[str, Any], service: str, page: Any, form: dict[str, Any], names: dict[str, str]
) -> None:
    base = tickets(complaints, **names)
    for prop in base["properties"]:
        prop.update({"optional": True} if prop["name"] == "category" else {})
    centre.contract(base, format={"type": "json", **form}, ignored=["*"])
    centre.land(json.dumps(page), "f.json")
    found = centre.rows("case_id, category")
    assert len(found) == (1 if service == "one object a file" else 2)
    assert found[0][0] in {"C1", "1", "R_1"} and any(category for _, category in found)


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a'b", "*", "a[0]", "$", "سؤال", "a b", "a/b", "#", ""])
def test_names_are_names_and_never_paths(centre: Any, complaints: dict[str, Any], name: str) -> None:
    centre.contract(
        tickets(complaints, category="[column 4]"), format={"type": "json"}, ignored=["x", "assignment_group"]
    )
    centre.land(json.dumps([{"number": "C1", "opened_at": "2025-02-03", "x": 1, name: "v"}]), "f.json")
    assert centre.rows("category") == [("v",)]
