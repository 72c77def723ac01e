"""Values as providers write them become typed values, or problems that name row, column and rule."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest

from ingestion import mapping, staging, typing_query

UTC_NAIVE = dt.datetime


def with_column(base: dict[str, Any], *properties: dict[str, Any], without: str = "") -> list[dict[str, Any]]:
    return [p for p in base["properties"] if p["name"] != without] + list(properties)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("4", 4),
        (" 4 ", 4),
        ("٤", 4),
        ("۴", 4),
        ("4.0", 4),
        ("راضٍ", 4),
        ("راض\u200f", 4),
        ("3.25", Decimal("3.25")),
        ("٣٫٢٥", Decimal("3.25")),
    ],
)
def test_answers_on_a_scale(centre: Any, survey: dict[str, Any], written: str, value: Any) -> None:
    centre.contract(survey)
    centre.land(f"agency,id,answered,q1\na01,r1,2025-02-03,{written}\n")
    assert centre.rows("value, answer_status, scale_id, scale_min, scale_max, is_reversed") == [
        (value, "answered", "likert5", 1, 5, False)
    ]


@pytest.mark.parametrize("written", ["9", "9.0", "٩"])
def test_dont_know_is_no_low_score(centre: Any, survey: dict[str, Any], written: str) -> None:
    centre.contract(survey)
    centre.land(f"agency,id,answered,q1\na01,r1,2025-02-03,{written}\na01,r2,2025-02-03,\n")
    assert centre.rows("value, answer_status") == [(None, "dont_know"), (None, "missing")]
    assert centre.problems() == []


def test_label_that_is_on_no_list(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land("agency,id,answered,q1\na01,r1,2025-02-03,happy\nHQ,r2,2025-02-03,1\n")
    assert centre.problems() == [(2, "unknown_code", "q1", "happy"), (3, "unknown_code", "agency", "HQ")]


def test_scale_of_each_row_from_a_column(centre: Any, survey: dict[str, Any]) -> None:
    scale = {"name": "scale", "physicalName": "kind", "labels": {"Stars": "five", "نعم/لا": "yes_no"}}
    scales = {
        "five": {"family": "likert5", "min": 1, "max": 5, "notApplicable": ["n/a"]},
        "yes_no": {"family": "yesno", "min": 0, "max": 1, "reversed": True, "labels": {"نعم": 1, "لا": 0}},
    }
    centre.contract(survey, properties=with_column(survey, scale, without="scale"), scales=scales)
    centre.land(
        "agency,id,answered,q1,kind\n"
        "a01,r1,2025-02-03,5,Stars\n"
        "a01,r2,2025-02-03,نعم,نعم/لا\n"
        "a01,r3,2025-02-03,n/a,stars\n"
        "a01,r4,2025-02-03,نعم,Stars\n"
        "a01,r5,2025-02-03,1,Thumbs\n"
    )
    assert centre.rows("value, answer_status, scale_id, is_reversed")[:3] == [
        (5, "answered", "likert5", False),
        (1, "answered", "yesno", True),
        (None, "not_applicable", "likert5", False),
    ]
    assert centre.problems() == [(5, "unknown_code", "q1", "نعم"), (6, "unknown_code", "kind", "Thumbs")]


def test_answer_after_recovery_is_on_the_same_scale(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, properties=with_column(survey, {"name": "recovered_value", "physicalName": "again"}))
    centre.land("agency,id,answered,q1,again\na01,r1,2025-02-03,1,راضٍ\na01,r2,2025-02-03,1,9\n")
    assert centre.rows("recovered_value") == [(4,), (None,)]
    assert centre.problems() == []


@pytest.mark.parametrize(
    ("decimal", "written", "value"),
    [
        (".", "1234.5", Decimal("1234.5")),
        (".", "1,234,567.5", Decimal("1234567.5")),
        (".", "1 234", 1234),
        (".", "١٬٢٣٤٫٥", Decimal("1234.5")),
        (".", "-2", -2),
        (".", "1e3", 1000),
        (",", "1234,5", Decimal("1234.5")),
        (",", "1.234,5", Decimal("1234.5")),
        (",", "1.234", 1234),
        (",", "١٢٫٥", Decimal("12.5")),
    ],
)
def test_numbers(centre: Any, complaints: dict[str, Any], decimal: str, written: str, value: Any) -> None:
    usage = {
        "feed": "service_usage",
        "properties": [
            {"name": "agency_id", "constant": "a01"},
            {"name": "used_on", "physicalName": "day"},
            {"name": "cost", "physicalName": "cost"},
        ],
    }
    centre.contract(usage, format={"type": "csv", "delimiter": ";", "decimal": decimal})
    centre.land(f"day;cost\n2025-02-03;{written}\n")
    assert centre.problems() == []
    assert centre.rows("cost") == [(value,)]


@pytest.mark.parametrize(
    ("decimal", "written", "rule"),
    [
        (".", "about 5", "value_not_number"),
        (".", "5%", "unit_undeclared"),
        (".", "1_000", "value_not_number"),
        (".", "nan", "value_not_number"),
        (".", "inf", "value_not_number"),
        (".", "12,5", "value_not_number"),
        (",", "12.5", "value_not_number"),
        (".", "9999999999999", "number_out_of_type"),
        (".", "#DIV/0!", "spreadsheet_error"),
    ],
)
def test_what_is_no_number(centre: Any, decimal: str, written: str, rule: str) -> None:
    usage = {
        "feed": "service_usage",
        "properties": [
            {"name": "agency_id", "constant": "a01"},
            {"name": "used_on", "physicalName": "day"},
            {"name": "cost", "physicalName": "cost"},
        ],
    }
    centre.contract(usage, format={"type": "csv", "delimiter": ";", "decimal": decimal})
    centre.land(f"day;cost\n2025-02-03;{written}\n")
    [(row, found, column, _)] = centre.problems()
    assert (row, found, column) == (2, rule, "cost")


def test_counts_are_whole_and_factors_apply(centre: Any) -> None:
    usage = {
        "feed": "service_usage",
        "properties": [
            {"name": "agency_id", "constant": "a01"},
            {"name": "used_on", "physicalName": "day"},
            {"name": "started", "physicalName": "n"},
            {"name": "completed", "physicalName": "thousands", "multiplyBy": 1000},
            {"name": "minutes_due", "physicalName": "hours", "multiplyBy": 60, "nullValues": ["-"]},
        ],
    }
    centre.contract(usage, nullValues=["n/a"])
    centre.land("day,n,thousands,hours\n2025-02-03,5.0,1.5,0.25\n2025-02-03,5.5,n/a,-\n")
    assert centre.rows("started, completed, minutes_due") == [(5, 1500, 15), (None, None, None)]
    assert centre.problems() == [(3, "number_out_of_type", "n", "5.5")]


@pytest.mark.parametrize(
    ("formats", "written", "moment"),
    [
        (None, "2025-02-03", dt.datetime(2025, 2, 3)),
        (None, "2025-02-03T10:20:30", dt.datetime(2025, 2, 3, 10, 20, 30)),
        (None, "2025-02-03 10:20", dt.datetime(2025, 2, 3, 10, 20)),
        (None, "2025-02-03T01:00:00+03:00", dt.datetime(2025, 2, 2, 22)),
        (None, "2025-02-03T01:00:00Z", dt.datetime(2025, 2, 3, 1)),
        (None, "٢٠٢٥-٠٢-٠٣", dt.datetime(2025, 2, 3)),
        (["%d/%m/%Y"], "03/02/2025", dt.datetime(2025, 2, 3)),
        (["%d/%m/%Y", "%Y.%m.%d"], "2025.02.03", dt.datetime(2025, 2, 3)),
        (["%d/%m/%Y %H:%M %z"], "03/02/2025 01:00 +0300", dt.datetime(2025, 2, 2, 22)),
    ],
)
def test_gregorian_dates(
    centre: Any, complaints: dict[str, Any], formats: list[str] | None, written: str, moment: dt.datetime
) -> None:
    opened = {"name": "opened_at", "physicalName": "opened", "dateFormat": formats}
    centre.contract(complaints, properties=with_column(complaints, opened, without="opened_at"))
    centre.land(f"case,opened\nc1,{written}\n")
    assert centre.problems() == []
    assert centre.rows("opened_at, period_id") == [(moment, "2025Q1")]


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("2025-02-30", "date_impossible"),
        ("2025-13-01", "date_impossible"),  # no calendar has a thirteenth month
        ("yesterday", "date_impossible"),
        ("infinity", "date_impossible"),
        ("45000", "date_impossible"),
        ("0025-02-03", "date_impossible"),
        ("1446-02-03", "date_calendar"),
        ("03/02/1446", "date_calendar"),
    ],
)
def test_what_is_no_gregorian_date(centre: Any, complaints: dict[str, Any], written: str, rule: str) -> None:
    centre.contract(complaints)
    centre.land(f"case,opened\nc1,{written}\n")
    assert centre.problems() == [(2, rule, "opened", written)]


# Published pairs of days (Umm al-Qura calendar of the Institute of Astronomical and Geophysical Research).
HIJRI = {
    "1403-02-17": (1982, 12, 2),
    "1442-07-25": (2021, 3, 9),
    "1443-02-09": (2021, 9, 16),
    "1444-09-05": (2023, 3, 27),
    "1446-01-01": (2024, 7, 7),
    "1447-01-01": (2025, 6, 26),
    "1446-09-01": (2025, 3, 1),
}


def test_umm_al_qura_dates(centre: Any, complaints: dict[str, Any]) -> None:
    opened = {"name": "opened_at", "physicalName": "opened", "calendar": "umm_al_qura"}
    centre.contract(complaints, properties=with_column(complaints, opened, without="opened_at"))
    centre.land("case,opened\n" + "".join(f"c{n},{day}\n" for n, day in enumerate(HIJRI)))
    assert centre.rows("opened_at") == [(dt.datetime(*day),) for day in HIJRI.values()]


def test_umm_al_qura_in_other_orders_with_time(centre: Any, complaints: dict[str, Any]) -> None:
    opened = {
        "name": "opened_at",
        "physicalName": "opened",
        "calendar": "umm_al_qura",
        "dateFormat": ["%d/%m/%Yهـ", "%d-%m-%Y %H:%M"],
    }
    centre.contract(complaints, properties=with_column(complaints, opened, without="opened_at"))
    centre.land("case,opened\nc1,١/٩/١٤٤٦هـ\nc2,01-09-1446 13:05\n")
    assert centre.rows("opened_at, period_id") == [
        (dt.datetime(2025, 3, 1), "2025Q1"),
        (dt.datetime(2025, 3, 1, 13, 5), "2025Q1"),
    ]


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("1446-12-30", "date_impossible"),  # the month has 29 days in the published calendar
        ("1446-13-01", "date_impossible"),
        ("1600-01-01", "date_impossible"),
        ("2025-02-03", "date_calendar"),
        ("soon", "date_impossible"),
    ],
)
def test_what_is_no_umm_al_qura_date(centre: Any, complaints: dict[str, Any], written: str, rule: str) -> None:
    opened = {"name": "opened_at", "physicalName": "opened", "calendar": "umm_al_qura"}
    centre.contract(complaints, properties=with_column(complaints, opened, without="opened_at"))
    centre.land(f"case,opened\nc1,{written}\n")
    assert centre.problems() == [(2, rule, "opened", written)]


def test_names_are_looked_up_within_the_rows_agency(centre: Any, complaints: dict[str, Any]) -> None:
    agency = {"name": "agency_id", "physicalName": "body", "lookup": "agencies"}
    service = {"name": "service_id", "physicalName": "service", "lookup": "services"}
    centre.contract(complaints, properties=[*with_column(complaints, agency, without="agency_id"), service])
    centre.land(
        "case,opened,body,service\n"
        "c1,2025-01-01,هيئه النور,إصدار رخصة\n"
        "c2,2025-01-01,NADA  foundation,اصدار رخصه\n"
        "c3,2025-01-01,a01,تجديد\n"
        "c4,2025-01-01,NA,\n"
    )
    assert centre.rows("agency_id, service_id") == [("a01", "a01-s1"), ("a02", "a02-s1"), ("a01", None), ("a01", None)]
    assert centre.problems() == [(4, "unknown_code", "service", "تجديد")]


@pytest.mark.parametrize("lookup", ["regions", None])
def test_bare_region_numbers_are_ambiguous(centre: Any, complaints: dict[str, Any], lookup: str | None) -> None:
    region = {"name": "region_id", "physicalName": "region", "lookup": lookup}
    centre.contract(complaints, properties=with_column(complaints, region))
    centre.land("case,opened,region\nc1,2025-01-01,XX-01\nc2,2025-01-01,1\nc3,2025-01-01,٢\n")
    assert [(row, rule, column) for row, rule, column, _ in centre.problems()] == [
        (3, "region_ambiguous", "region"),
        (4, "region_ambiguous", "region"),
    ]
    assert centre.rows("region_id")[0] == ("XX-01",)


def test_truth_values_and_labels(centre: Any, complaints: dict[str, Any]) -> None:
    solved = {"name": "solved", "physicalName": "solved"}
    thanked = {"name": "thanked", "physicalName": "thanked", "labels": {"✓": True, "✗": False}}
    centre.contract(complaints, properties=with_column(complaints, solved, thanked))
    centre.land("case,opened,solved,thanked\nc1,2025-01-01,TRUE,✓\nc2,2025-01-01,لا,✗\nc3,2025-01-01,maybe,\n")
    assert centre.rows("solved, thanked") == [(True, True), (False, False), (None, None)]
    assert centre.problems() == [(4, "value_not_boolean", "solved", "maybe")]


def test_wide_file_is_unpivoted(centre: Any, survey: dict[str, Any]) -> None:
    shared = [p for p in survey["properties"] if p["name"] not in {"item", "value", "scale"}]
    records = [
        {"properties": [{"name": "item", "constant": item}, {"name": "scale", "constant": "five"}, column]}
        for item, column in (
            ("overall", {"name": "value", "physicalName": "q1"}),
            ("speed", {"name": "value", "physicalName": "q2"}),
        )
    ]
    centre.contract(survey, properties=shared, records=records)
    centre.land("agency,id,answered,q1,q2\na01,r1,2025-02-03,4,9\na01,r2,2025-02-03,,5\na01,r3,2025-02-03,x,\n")
    staged = centre.stage()
    assert (staged.source_rows, staged.records, staged.blank_cells) == (3, 4, 2)
    prefix = staged.submission_id
    assert centre.rows("row_id, item, value, answer_status") == [
        (f"{prefix}:2:1", "overall", 4, "answered"),
        (f"{prefix}:2:2", "speed", None, "dont_know"),
        (f"{prefix}:3:2", "speed", 5, "answered"),
        (f"{prefix}:4:1", "overall", None, "answered"),
    ]
    assert centre.problems() == [(4, "unknown_code", "q1", "x")]


def test_header_renamed_midway(centre: Any, survey: dict[str, Any]) -> None:
    value = {
        "name": "value",
        "physicalName": [
            {"physicalName": "q1", "validFrom": "2024Q1"},
            {"physicalName": "overall_satisfaction", "validFrom": "2025Q1"},
        ],
    }
    centre.contract(survey, properties=with_column(survey, value, without="value"))
    centre.land("agency,id,answered,overall_satisfaction\na01,r1,2025-02-03,4\na01,r2,2024-12-31,4\n")
    assert centre.problems() == [(3, "header_out_of_period", "overall_satisfaction", "4")]
    centre.land("agency,id,answered,q1\na01,r1,2025-02-03,4\na01,r2,2024-12-31,4\n", "g.csv")
    assert centre.problems() == [(2, "header_out_of_period", "q1", "4")]
    centre.land("agency,id,answered,q1,overall_satisfaction\na01,r1,2025-02-03,4,4\n", "h.csv")
    assert [p.rule for p in centre.refusal()] == ["header_ambiguous"]


def test_bands_instead_of_ages(centre: Any, survey: dict[str, Any]) -> None:
    age = {"name": "age_band", "physicalName": "age", "treatment": {"lowerBounds": [18, 30, 60]}}
    centre.contract(survey, properties=with_column(survey, age))
    ages = ["17", "18", "٢٩", "30", "59", "60", "old"]
    centre.land("agency,id,answered,q1,age\n" + "".join(f"a01,r{a},2025-02-03,4,{a}\n" for a in ages))
    assert [band for (band,) in centre.rows("age_band")] == [None, "18-29", "18-29", "30-59", "30-59", "60+", None]
    # A generalised column is personal, so its refused value is not shown.
    assert centre.problems() == [(8, "value_not_number", "age", "")]


def test_period_given_instead_of_a_date(centre: Any, survey: dict[str, Any]) -> None:
    period = {"name": "period_id", "physicalName": "period", "labels": {"الربع الأول": "2025Q1", "2025Q2": "2025Q2"}}
    centre.contract(survey, properties=with_column(survey, period, without="responded_at"))
    centre.land("agency,id,period,q1\na01,r1,الربع الاول,4\na01,r2,2025q2,4\na01,r3,2025Q5,4\n")
    assert centre.rows("period_id") == [("2025Q1",), ("2025Q2",), (None,)]
    assert centre.problems() == [(4, "unknown_code", "period", "2025Q5")]


def test_period_from_a_date_column(centre: Any, survey: dict[str, Any]) -> None:
    period = {"name": "period_id", "physicalName": "period", "dateFormat": ["%m/%Y"]}
    centre.contract(survey, properties=with_column(survey, period, without="responded_at"))
    centre.land("agency,id,period,q1\na01,r1,09/2025,4\na01,r2,2025Q4,4\n")
    assert centre.rows("period_id") == [("2025Q3",), ("2025Q4",)]


def test_row_numbers_stand_in_for_missing_ids(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, properties=with_column(survey, without="response_id"))
    centre.land("agency,answered,q1\na01,2025-02-03,4\na01,2025-02-03,4\n")
    staged = centre.stage()
    # Equal rows without an id are two people, not one row twice.
    assert (staged.records, staged.duplicates) == (2, 0)
    assert centre.rows("response_id") == [("row:2",), ("row:3",)]


def test_row_numbers_are_those_of_an_editor(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "csv", "skipRows": 2})
    centre.land(
        'Report\r\nof 2025\r\nagency,id,answered,q1\r\na01,"r\n1",2025-02-03,1\r\n\r\n'
        'a01,"say ""x""",2025-02-03,2\r\na01,r3,2025-02-03,3\r\n'
    )
    assert centre.rows("source_row, response_id, value") == [(4, "r\n1", 1), (7, 'say "x"', 2), (8, "r3", 3)]


def test_lines_ended_in_two_ways(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land("agency,id,answered,q1\r\na01,r1,2025-02-03,1\na01,r2,2025-02-03,2\r\n")
    assert centre.rows("source_row, value") == [(2, 1), (3, 2)]


def test_order_is_that_of_the_file(centre: Any, survey: dict[str, Any]) -> None:
    """Left joins once returned the rows of a block in another order."""
    centre.contract(survey)
    answers = ["1", "راضٍ", "9", "5", "", "x"]
    lines = [f"{('a01', 'NA', 'Nada Foundation')[n % 3]},r{n},2025-02-03,{answers[n % 6]}" for n in range(6000)]
    centre.land("agency,id,answered,q1\n" + "\n".join(lines) + "\n")
    assert [row for (row,) in centre.rows("source_row")] == list(range(2, 6002))


@pytest.mark.parametrize(
    ("above", "skipped", "first"),
    [
        ("Report\n\n", 2, 4),
        ("\n\n", 2, 4),
        ('"Report\nof 2025",,,\n', 1, 4),
        ("Report,,,\n", 1, 3),
    ],
)
def test_banner_rows(centre: Any, survey: dict[str, Any], above: str, skipped: int, first: int) -> None:
    centre.contract(survey, format={"type": "csv", "skipRows": skipped})
    centre.land(above + "agency,id,answered,q1\na01,r1,2025-02-03,1\na01,r2,2025-02-03,2\n")
    assert centre.rows("source_row, value") == [(first, 1), (first + 1, 2)]


def test_header_with_quotes_and_line_ends(centre: Any, survey: dict[str, Any]) -> None:
    value = {"name": "value", "physicalName": "overall answer"}
    centre.contract(survey, properties=with_column(survey, value, without="value"))
    centre.land('\ufeff"agency", id ,answered,"overall\nanswer"\na01,r1,2025-02-03,1\n')
    assert centre.rows("source_row, value") == [(3, 1)]


def test_two_header_rows_of_delimited_text(centre: Any, survey: dict[str, Any]) -> None:
    names = {"agency": "who / agency", "id": "who / id", "answered": "what / answered", "q1": "what / q1"}
    properties = [
        p | ({"physicalName": names[p["physicalName"]]} if "physicalName" in p else {}) for p in survey["properties"]
    ]
    centre.contract(survey, properties=properties, format={"type": "csv", "headerRows": 2})
    centre.land("who,,what,\nagency,id,answered,q1\na01,r1,2025-02-03,1\n")
    assert centre.rows("source_row, value") == [(3, 1)]


def test_blank_rows_are_counted_and_no_records(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land("agency,id,answered,q1\n,,,\na01,r1,2025-02-03,1\n , ,,\n")
    staged = centre.stage()
    assert (staged.source_rows, staged.blank_cells, staged.records) == (3, 2, 1)


def test_the_typing_query_can_be_printed_and_read(
    centre: Any, survey: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stages say what they do, and the legend at the top of the query explains every column prefix."""
    printed: list[str] = []

    def kept(*given: Any, **named: Any) -> typing_query.TypingQueries:
        made = mapping.typing_queries(*given, **named)
        printed.extend([made.records, made.problems or ""])
        return made

    monkeypatch.setattr(staging, "typing_queries", kept)
    centre.contract(survey)
    centre.land("agency,id,answered,q1\na01,r1,2025-02-03,4\n")
    assert centre.rows("value") == [(4,)]
    records, problems = printed
    stages = re.findall(r"^(?:with )?(\w+) as \($", problems, re.MULTILINE)
    assert stages == [
        "delivered", "codes", "answers_on_scales", "agency", "signed", "numbers", "zones", "moments", "typed", "period", "rules",
    ]  # fmt: skip
    assert re.findall(r"^(?:with )?(\w+) as \($", records, re.MULTILINE) == stages[:-1]
    made = {prefix for sql in printed for prefix in re.findall(r" as ([a-z]_)\w+", sql)}
    assert {"k_", "v_", "r_"} < made <= set(typing_query.LEGEND)
    assert all(sql.startswith("-- t_: the text as delivered") for sql in printed)
