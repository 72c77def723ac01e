"""Values that a file gives in parts: a small closed language over its columns, never code.

Belongs here: what each form gives, and what an empty or bad part makes of it. Does not belong here: typing of the result.
"""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.ingestion.conftest import Centre, build

AGENCY = {"name": "agency_id", "constant": "a01"}


def read(
    folder: Path, properties: list[dict[str, Any]], content: str, feed: str = "service_usage", **more: Any
) -> Centre:
    centre = build(folder / "centre")
    centre.contract({"feed": feed, "properties": [AGENCY, *properties]}, **more)
    centre.land(content)
    return centre


DAY = {"name": "used_on", "physicalName": "day"}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"sum": ["a", "b"]}, 15),
        ({"sum": ["a", "b", 100]}, 115),
        ({"difference": ["a", "b"]}, 9),
        ({"product": ["a", 2]}, 24),
        ({"ratio": ["a", "b"]}, 4),
        ({"ratio": ["b", "a"]}, Decimal("0.25")),
        ({"ratio": [{"sum": ["a", "b"]}, {"difference": ["a", "b"]}]}, Decimal("1.666667")),
        ({"ratio": ["a", "zero"]}, None),  # a share of nothing has no value
        ({"sum": ["a", "empty"]}, None),  # never as if the empty cell were a zero
    ],
)
def test_arithmetic(tmp_path: Path, expression: dict[str, Any], value: Any) -> None:
    cost = {"name": "cost", "expression": expression}
    centre = read(
        tmp_path, [DAY, cost], "day,a,b,zero,empty\n2025-10-01,12,3,0,\n", ignored=["a", "b", "zero", "empty"]
    )
    assert centre.problems() == []
    assert centre.rows("cost") == [(value,)]


def test_parts_are_read_by_the_rules_of_numbers(tmp_path: Path) -> None:
    cost = {"name": "cost", "expression": {"sum": ["a", "b"]}}
    form = {"type": "csv", "delimiter": ";", "decimal": ","}
    centre = read(tmp_path, [DAY, cost], "day;a;b\n2025-10-01;1.200,5;٣\n2025-10-02;x;3\n2025-10-03;-;3\n",
                  format=form, nullValues=["-"])  # fmt: skip
    assert centre.rows("cost") == [(Decimal("1203.5"),), (None,), (None,)]
    assert centre.problems() == [(3, "value_not_number", "a, b", "x")]


def test_counts_per_option_give_a_mean(tmp_path: Path) -> None:
    """A tabulated survey: 10, 20 and 70 answers of codes 1, 3 and 5 are 0, 50 and 100 points; (20 x 50 + 70 x 100) / 100 = 80."""
    points = {"sum": [{"product": ["low", 0]}, {"product": ["mid", 50]}, {"product": ["high", 100]}]}
    every = {"sum": ["low", "mid", "high"]}
    properties = [
        {"name": "period_id", "constant": "2025Q4"},
        {"name": "measure", "constant": "m"},
        {"name": "n", "expression": every},
        {"name": "mean", "expression": {"ratio": [points, every]}},
    ]
    centre = read(tmp_path, properties, "low,mid,high\n10,20,70\n", "reported_measures")
    assert centre.rows("n, mean") == [(100, 80)]


def test_texts_joined(tmp_path: Path) -> None:
    case = {"name": "case_id", "expression": {"join": ["office", {"text": "-"}, "no"]}}
    opened = {
        "name": "opened_at",
        "expression": {"join": ["day", {"text": " "}, "time"]},
        "dateFormat": ["%d/%m/%Y %H:%M"],
    }
    centre = read(
        tmp_path, [case, opened], "office,no,day,time\nN,17,01/10/2025,09:30\n,18,02/10/2025,\n", "complaints"
    )
    assert centre.rows("case_id, opened_at")[0] == ("N-17", dt.datetime(2025, 10, 1, 9, 30))
    assert centre.rows("case_id, opened_at")[1] == (None, None)


def test_case_by_columns(tmp_path: Path) -> None:
    """Open311 gives the time of the last change, which is the closing of those that are closed."""
    closed = {
        "name": "closed_at",
        "expression": {"case": [{"when": {"status": ["closed", "مغلق"]}, "then": "updated"}]},
    }
    channel = {
        "name": "channel",
        "expression": {"case": [{"when": {"via": ["1"], "status": ["open"]}, "then": {"text": "phone"}}],
                       "otherwise": {"text": "other"}},
    }  # fmt: skip
    ids = [{"name": "case_id", "physicalName": "id"}, {"name": "opened_at", "physicalName": "opened"}]
    content = "id,opened,status,updated,via\n1,2025-10-01,closed,2025-10-05,1\n2,2025-10-01,open,2025-10-06,1\n"
    centre = read(tmp_path, [*ids, closed, channel], content, "complaints")
    assert centre.rows("closed_at, channel") == [(dt.datetime(2025, 10, 5), "other"), (None, "phone")]


def test_offset_of_a_date(tmp_path: Path) -> None:
    ids = [
        {"name": "case_id", "physicalName": "id"},
        {"name": "opened_at", "physicalName": "opened", "dateFormat": ["%d/%m/%Y"]},
    ]
    due = {"name": "due_at", "expression": {"offset": {"of": "opened", "days": 10}}, "dateFormat": ["%d/%m/%Y"]}
    centre = read(tmp_path, [*ids, due], "id,opened\n1,28/02/2025\n2,x\n", "complaints")
    assert centre.rows("due_at")[0] == (dt.datetime(2025, 3, 10),)
    assert (3, "date_impossible", "opened", "x") in centre.problems()


@pytest.mark.parametrize(
    "expression",
    [
        {},
        {"sum": ["a"], "ratio": ["a", "b"]},
        {"ratio": ["a"]},
        {"ratio": ["a", "b", "a"]},
        {"sum": []},
        {"sql": "1); drop table texts; --"},
        {"sum": [{"join": ["a", "b"]}, 1]},
        {"case": []},
    ],
)
def test_the_language_is_closed(tmp_path: Path, expression: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="contract_invalid"):
        read(tmp_path, [DAY, {"name": "cost", "expression": expression}], "day,a,b\n").stage()


@pytest.mark.parametrize("header", ["a'; drop table texts; --", 'a"b', "a)", "$1", "?"])
def test_names_are_never_code(tmp_path: Path, header: str) -> None:
    cost = {"name": "cost", "expression": {"sum": [header, 1]}}
    quoted = '"' + header.replace('"', '""') + '"'
    centre = read(tmp_path, [DAY, cost], f"day,{quoted}\n2025-10-01,2\n")
    assert centre.rows("cost") == [(3,)]


def test_a_missing_part_is_told_by_its_header(tmp_path: Path) -> None:
    centre = read(tmp_path, [DAY, {"name": "cost", "expression": {"sum": ["a", "b"]}}], "day,a\n2025-10-01,2\n")
    assert [(problem.rule, problem.column) for problem in centre.refusal()] == [("header_missing", "b")]
