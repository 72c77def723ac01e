"""Cases 08, 28 and ragged rows: which lines of a file are rows."""

import json
from typing import Any

import pytest

from tests.cases.workbooks import rows, workbook
from tests.ingestion import conftest as shared

centre, survey = shared.centre, shared.survey

HEADER = "agency,id,answered,q1\n"
TABLE = HEADER + "a01,r1,2025-02-03,4\na01,r2,2025-02-03,5\n"
READ = [(2, "r1", 4), (3, "r2", 5)]
COLUMNS = "source_row, response_id, value"


@pytest.mark.parametrize(
    ("below", "form", "first"),
    [
        # A footnote, a total, a blank line and a second table (matomo, World Bank, Google Analytics exports).
        ("* provisional figures\n", {"skipFooter": 1}, 4),
        ("Total,,,9\n", {"until": "^Total$"}, 4),
        ("\nmonth,visits\n2025-01,7\n2025-02,8\n", {"until": "^$"}, 4),
        ('\n"Notes, see below\nand above",\n\n', {"skipFooter": 1}, 5),
        ("المجموع,,,9\nملاحظة\n", {"until": "^المجموع"}, 4),
        ("source: a\nsource: b\n\n\n", {"skipFooter": 2}, 4),
        (",,,\n,,,9\n", {"until": "^$"}, 4),
        # tidyverse/readr#88: the lines below every report of a mandated provider.
        ('"Grand Total: 6,634",,,\nPage -1 of 1,,,\n', {"until": "^Grand Total"}, 4),
        # pandas-dev/pandas#32495 and #15910: a quote that is never closed, in a line that is no row.
        ('"a\n', {"skipFooter": 1}, 4),
    ],
)
def test_lines_below_a_table(centre: Any, survey: dict[str, Any], below: str, form: dict[str, Any], first: int) -> None:
    """Case 08; frictionlessdata/datapackage#813, pandas-dev/pandas#4512, tidyverse/readr#88."""
    centre.contract(survey, rows=form)
    centre.land(TABLE + below)
    assert centre.rows(COLUMNS) == READ
    [note] = centre.stage().notes
    assert (note.rule, note.row) == ("rows_below_table", first)
    assert "notes" not in note.message.lower()


def test_a_pattern_that_is_not_there(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, rows={"until": "^Total$"})
    centre.land(TABLE)
    assert centre.rows(COLUMNS) == READ
    assert centre.stage().notes == []


def test_lines_below_that_nobody_described(centre: Any, survey: dict[str, Any]) -> None:
    """Every line that does not fit is named at once, and the next step speaks of lines below the table."""
    centre.contract(survey)
    centre.land(TABLE + "\nTotal,9\nNote\n")
    [problem] = centre.refusal()
    assert (problem.rule, problem.row) == ("row_width", 5)
    assert "rows 5, 6" in problem.message and "rows.until" in problem.next_step


@pytest.mark.parametrize("kind", ["xlsx", "xlsx-footer"])
def test_rows_below_a_table_in_a_sheet(centre: Any, survey: dict[str, Any], kind: str) -> None:
    form = {"until": "^Total$"} if kind == "xlsx" else {"skipFooter": 2}
    centre.contract(survey, format={"type": "xlsx"}, rows=form)
    lines = [line.split(",") for line in TABLE.splitlines()]
    centre.land(workbook(("Data", rows(*lines, ["Total", None, None, 9], ["see the notes"]))), "s.xlsx")
    assert centre.rows(COLUMNS) == READ
    [note] = centre.stage().notes
    assert (note.rule, note.row) == ("rows_below_table", 4)


QUALTRICS = (
    "StartDate,Status,Finished,ResponseId,Q1\n"
    '"Start\nDate",Response Type,Finished,Response ID,How satisfied?\n'
    '"{""ImportId"":""startDate""}","{""ImportId"":""status""}","{""ImportId"":""finished""}",'
    '"{""ImportId"":""_recordId""}","{""ImportId"":""QID1""}"\n'
    "2025-02-03,IP Address,True,R_1,4\n"
    "2025-02-03,Survey Preview,True,R_2,1\n"
    "2025-02-04,IP Address,False,R_3,\n"
)


def qualtrics(survey: dict[str, Any]) -> dict[str, Any]:
    names = {"id": "ResponseId", "answered": "StartDate", "q1": "Q1"}
    properties = [
        {"name": "agency_id", "constant": "a01"}
        if p["name"] == "agency_id"
        else p | ({"physicalName": names[p["physicalName"]]} if "physicalName" in p else {})
        for p in survey["properties"]
    ]
    return survey | {"properties": properties}


def test_three_headers_and_rows_that_are_not_meant(centre: Any, survey: dict[str, Any]) -> None:
    """Case 28; ropensci/qualtRics sample.csv, TEAMSchools/teamster#1017."""
    centre.contract(
        qualtrics(survey),
        format={"type": "csv", "skipBelowHeader": 2},
        rows={"where": {"Status": ["IP Address"], "Finished": ["True"]}},
    )
    centre.land(QUALTRICS)
    assert centre.rows(COLUMNS) == [(5, "R_1", 4)]
    staged = centre.stage()
    assert (staged.source_rows, staged.left_out, staged.records) == (1, 2, 1)
    [note] = staged.notes
    assert note.rule == "rows_left_out" and "2 of 3" in note.message


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"where": {"agency": ["a01"]}}, ["r1", "r2"]),
        ({"where": {"agency": ["a01", "a02"]}, "unless": {"id": ["r2"]}}, ["r1", "r3"]),
        ({"unless": {"note": [""]}}, ["r3"]),
        ({"unless": {"note": ["x"], "id": ["r1"]}}, ["r2"]),
    ],
)
def test_rows_by_their_source_columns(
    centre: Any, survey: dict[str, Any], choice: dict[str, Any], expected: list[str]
) -> None:
    """City 311 extracts hold every department; a column that only chooses rows need not be named anywhere else."""
    named = {"ignored": ["note"]}
    centre.contract(survey, rows=choice, **named)
    centre.land("agency,id,answered,q1,note\na01,r1,2025-02-03,4, \na01,r2,2025-02-03,5,\na02,r3,2025-02-03,1,x\n")
    assert [row[0] for row in centre.rows("response_id")] == expected


def test_a_choice_by_a_column_that_is_not_there(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, rows={"where": {"dept": ["water"]}})
    centre.land(TABLE)
    [problem] = centre.refusal()
    assert (problem.rule, problem.column) == ("header_missing", "dept")


def test_no_row_is_meant(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, rows={"where": {"agency": ["a99"]}})
    centre.land(TABLE)
    [problem] = centre.refusal()
    assert problem.rule == "file_no_rows" and "2" in problem.message


def test_rows_by_columns_in_json(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "json"}, rows={"where": {"test": ["false"]}})
    record = {"agency": "a01", "answered": "2025-02-03", "q1": 4}
    centre.land(json.dumps([record | {"id": "r1", "test": True}, record | {"id": "r2", "test": False}]))
    assert centre.rows("response_id") == [("r2",)]


def test_short_rows(centre: Any, survey: dict[str, Any]) -> None:
    """Exports that leave out empty cells at the end of a row; dathere/qsv#2613, mholt/PapaParse#1053."""
    centre.contract(survey, format={"type": "csv", "shortRows": "fill"})
    centre.land(HEADER + 'a01,r1,2025-02-03\na01,"r\n2",2025-02-03,5\n')
    assert centre.rows(COLUMNS) == [(2, "r1", None), (3, "r\n2", 5)]


def test_long_rows_are_refused_also_where_short_ones_are_filled(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "csv", "shortRows": "fill"})
    centre.land(HEADER + "a01,r1,2025-02-03\na01,r2,2025-02-03,5,9\n")
    [problem] = centre.refusal()
    assert (problem.rule, problem.row) == ("row_width", 3)


def test_values_said_once_for_several_rows(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, rows={"fillDown": ["agency"]})
    centre.land(HEADER + "a01,r1,2025-02-03,4\n,r2,2025-02-03,5\na02,r3,2025-02-03,1\n ,r4,2025-02-03,2\n")
    assert centre.rows("agency_id, response_id") == [("a01", "r1"), ("a01", "r2"), ("a02", "r3"), ("a02", "r4")]
