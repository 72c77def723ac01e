"""Case 10: columns that share a name or have none; decidim/decidim#8327, CitizenLab#6461, akvo/akvo-flow#2315."""

import json
from typing import Any

import pytest

from miyar.errors import MiyarError
from tests.cases.workbooks import rows, workbook
from tests.ingestion import conftest as shared

centre, survey = shared.centre, shared.survey

TWICE = "agency,id,answered,q1,q1\na01,r1,2025-02-03,2,5\n"


def renamed(survey: dict[str, Any], name: str, **further: Any) -> dict[str, Any]:
    properties = [p | ({"physicalName": name} if p["name"] == "value" else {}) for p in survey["properties"]]
    return survey | {"properties": properties, **further}


@pytest.mark.parametrize(
    ("name", "ignored", "value"),
    [("q1 [2]", ["q1 [1]"], 5), ("q1 [1]", ["q1 [2]"], 2), ("q1 [2]", ["q1*"], 5), ("[column 5]", ["q1*"], 5)],
)
def test_the_nth_of_a_name(centre: Any, survey: dict[str, Any], name: str, ignored: list[str], value: int) -> None:
    centre.contract(renamed(survey, name, ignored=ignored))
    centre.land(TWICE)
    assert centre.rows("value") == [(value,)]


def test_both_of_a_name(centre: Any, survey: dict[str, Any]) -> None:
    """SurveyMonkey's `Response` eleven times; mattroumaya/surveymonkey#36, ropensci/qualtRics#176."""
    more = {"records": [{"properties": [{"name": "value", "physicalName": f"q1 [{n}]"}]} for n in (1, 2)]}
    shared_ones = [p for p in survey["properties"] if p["name"] != "value"]
    centre.contract(survey | {"properties": shared_ones, **more})
    centre.land(TWICE)
    assert [row[0] for row in centre.rows("value")] == [2, 5]


def test_a_name_that_stands_twice_is_still_asked_about(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land(TWICE)
    [problem] = centre.refusal()
    assert (problem.rule, problem.column) == ("header_duplicated", "q1") and "'q1 [2]'" in problem.next_step


def test_a_third_that_is_not_there(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(renamed(survey, "q1 [3]", ignored=["q1*"]))
    centre.land(TWICE)
    [problem] = centre.refusal()
    assert (problem.rule, problem.column) == ("header_missing", "q1 [3]")


def test_columns_without_a_name(centre: Any, survey: dict[str, Any]) -> None:
    """A header cell left blank, or merged over two columns; 11 of 172 spreadsheets tried had such."""
    centre.contract(renamed(survey, "[column 4]"))
    centre.land("agency,id,answered,,\na01,r1,2025-02-03,5,\n")
    assert centre.rows("value") == [(5,)]


def test_a_header_that_really_looks_so(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(renamed(survey, "q1 [2]", ignored=["q1"]))
    centre.land("agency,id,answered,q1 [2],q1\na01,r1,2025-02-03,5,2\n")
    assert centre.rows("value") == [(5,)]


def test_columns_apart_in_a_sheet(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(renamed(survey, "q1 [2]", format={"type": "xlsx"}, ignored=["q1 [1]"]))
    centre.land(workbook(("D", rows(["agency", "id", "answered", "q1", "q1"], ["a01", "r1", "2025-02-03", 2, 5]))))
    assert centre.rows("value") == [(5,)]


def test_fields_whose_names_meet_in_json(centre: Any, survey: dict[str, Any]) -> None:
    """`a.b` as a name, and `b` in `a`."""
    centre.contract(renamed(survey, "a.q1 [2]", format={"type": "json"}, ignored=["a.q1 [1]"]))
    centre.land(
        json.dumps([{"agency": "a01", "id": "r1", "answered": "2025-02-03", "a.q1": 2, "a": {"q1": 5}}]), "f.json"
    )
    try:
        assert centre.rows("value") == [(5,)]
    except MiyarError as error:  # pragma: no cover -- shows the problem instead of a bare failure
        pytest.fail(str(error))
