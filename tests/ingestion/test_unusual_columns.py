"""Personal data where nobody looks for it: columns of ids and words that are no free text."""

from typing import Any

import pytest

from ingestion.pattern_checks import source
from simulation.personal_data.drawn import with_luhn


def _people(count: int) -> list[str]:
    return [with_luhn(f"1{number:08d}") for number in range(11, 11 + count)]


def _file(ids: list[str]) -> str:
    return "agency,id,answered,q1\n" + "".join(f"a01,{one},2025-02-03,4\n" for one in ids)


def test_ids_of_responses_that_are_national_ids_are_refused(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land(_file(_people(20)))
    found = centre.problems()
    assert {(rule, column, shown) for _, rule, column, shown in found} == {("personal_data", "response_id", "")}
    assert len(found) == 20


def test_serial_numbers_of_which_a_few_happen_to_be_valid_are_not(centre: Any, survey: dict[str, Any]) -> None:
    """Of ten digits beginning with 1, one in ten has a valid check digit."""
    numbers = [f"10000{number:05d}" for number in range(200)]
    centre.contract(survey)
    centre.land(_file(numbers))
    assert centre.problems() == []


def test_names_in_a_column_of_roles_are_refused_and_the_other_rows_stand(
    centre: Any, complaints: dict[str, Any]
) -> None:
    checked = {"name": "checked_by", "physicalName": "by"}
    centre.contract(complaints, properties=[*complaints["properties"], checked])
    names = ["خالد الحربي", "Mohammed Khan", "فهد بن سعود", "نورة القحطاني", "James Smith", "supervisor"]
    centre.land("case,opened,by\n" + "".join(f"c{n},2025-02-03,{name}\n" for n, name in enumerate(names)))
    assert [(row, rule, column) for row, rule, column, _ in centre.problems()] == [
        (row, "personal_data", "checked_by") for row in range(2, 7)
    ]


@pytest.mark.parametrize("looked_at", [2000, 10])
def test_one_person_in_a_column_of_words_is_refused(
    centre: Any, survey: dict[str, Any], looked_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in a column of words may be published under it, so there is no chance to be taken."""
    monkeypatch.setitem(source()["unusual"], "looked_at", looked_at)
    segment = {"name": "segment", "physicalName": "segment"}
    centre.contract(survey, properties=[*survey["properties"], segment])
    rows = "".join(f"a01,r{n},2025-02-03,4,{'me@example.org' if n == 33 else 'students'}\n" for n in range(50))
    centre.land("agency,id,answered,q1,segment\n" + rows)
    assert centre.problems() == [(35, "personal_data", "segment", "")]


def test_a_person_is_no_unit(centre: Any) -> None:
    centre.contract(
        {
            "feed": "service_usage",
            "properties": [
                {"name": "agency_id", "constant": "a01"},
                {"name": "used_on", "physicalName": "day"},
                {"name": "service_id", "physicalName": "unit"},
                {"name": "completed", "physicalName": "n"},
            ],
        }
    )
    centre.land(f"day,unit,n\n2025-10-01,{_people(1)[0]},1\n2025-10-02,0501234567,1\n2025-10-03,a01-s9,1\n")
    assert [(row, rule) for row, rule, *_ in centre.problems()] == [(2, "id_form"), (3, "id_form")]


def test_ids_that_the_contract_pseudonymises_are_nobodys_business(
    centre: Any, survey: dict[str, Any], monkeypatch: Any
) -> None:
    monkeypatch.setenv("MIYAR_PSEUDONYM_KEY", "k")
    properties = [
        p | ({"treatment": "pseudonymise"} if p["name"] == "response_id" else {}) for p in survey["properties"]
    ]
    centre.contract(survey, properties=properties)
    centre.land(_file(_people(20)))
    assert centre.problems() == []
