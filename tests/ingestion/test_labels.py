"""Labels that do not cover every text, labels of the empty cell, and letters that must not be stripped as blanks."""

from typing import Any

import pytest

BANDS = {"300 or more": 300, "Between 100 and 299": 100}
MEASURES: dict[str, Any] = {"feed": "reported_measures"}
SHARED = [
    {"name": "agency_id", "constant": "a01"},
    {"name": "period_id", "constant": "2025Q1"},
    {"name": "measure", "constant": "m"},
    {"name": "branch_id", "physicalName": "place"},
]
FILE = "place,answers\nb1,300 or more\nb2,61\nb3,between 100 and 299\nb4,\nb5,many\n"


@pytest.mark.parametrize(
    ("unlisted", "values", "problems"),
    [
        ("refuse", [300, None, 100, None, None], [(3, "unknown_code"), (6, "unknown_code")]),
        ("empty", [300, None, 100, None, None], []),
        ("keep", [300, 61, 100, None, None], [(6, "value_not_number")]),
    ],
)
def test_texts_outside_the_labels(
    centre: Any, unlisted: str, values: list[int | None], problems: list[tuple[int, str]]
) -> None:
    low = {"name": "n_low", "physicalName": "answers", "labels": BANDS, "unlisted": unlisted}
    centre.contract(MEASURES, properties=[*SHARED, low])
    centre.land(FILE)
    assert [row[0] for row in centre.rows("n_low")] == values
    assert [(row, rule) for row, rule, _, _ in centre.problems()] == problems


def test_one_column_is_a_number_or_a_band(centre: Any) -> None:
    number = {"name": "n", "physicalName": "answers", "nullValues": [*BANDS, "between 100 and 299", "many"]}
    low = {"name": "n_low", "physicalName": "answers", "labels": BANDS, "unlisted": "empty"}
    centre.contract(MEASURES, properties=[*SHARED, number, low])
    centre.land(FILE)
    assert centre.rows("n, n_low") == [(None, 300), (61, None), (None, 100), (None, None), (None, None)]
    assert centre.problems() == []


def test_an_empty_cell_may_have_a_label(centre: Any) -> None:
    used = {"name": "numerator", "physicalName": "used", "labels": {"": 0, "TRUE": 1}}
    records = [{"properties": [{"name": "measure", "constant": "m"}, used]}]
    centre.contract(MEASURES, properties=[p for p in SHARED if p["name"] != "measure"], records=records)
    centre.land("place,used\nb1,TRUE\nb2,\nb3,true\nb4,maybe\n")
    assert [row[0] for row in centre.rows("numerator")] == [1, 0, 1, None]
    assert [(row, rule) for row, rule, _, _ in centre.problems()] == [(5, "unknown_code")]


@pytest.mark.parametrize("written", ["vac-acc", "olive v", "fax", "staff", "tar"])
def test_letters_at_the_ends_are_kept(centre: Any, written: str) -> None:
    centre.contract(MEASURES, properties=SHARED)
    centre.land(f"place\n\v {written}\t\n")
    assert centre.rows("branch_id") == [(written,)]
