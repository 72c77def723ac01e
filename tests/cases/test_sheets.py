"""Cases 03, 11, 12 and 34: what the sender sees in a workbook is what is read, or the account says so."""

import io
from typing import Any

import pytest

from ingestion.readers.cells import cell_text
from tests.cases.old_workbooks import xls, xlsb
from tests.cases.workbooks import Raw, cell, rows, workbook
from tests.ingestion import conftest as shared

centre, survey = shared.centre, shared.survey

HEADER = ["agency", "id", "answered", "q1"]
ONE, TWO = ["a01", "r1", "2025-02-03", 5], ["a01", "r2", "2025-02-03", 1]
OLD = ["a01", "old", "2025-02-03", 3]


def test_the_first_visible_sheet_is_read(centre: Any, survey: dict[str, Any]) -> None:
    """Case 11; tidyverse/readxl#513, tidyverse/readxl#533, willtrnr/pyxlsb#35."""
    centre.contract(survey, format={"type": "xlsx"})
    content = workbook(("lists", rows(HEADER, OLD)), ("Data", rows(HEADER, ONE, TWO, hidden=[3])), hidden=["lists"])
    centre.land(content, "s.xlsx")
    assert centre.rows("response_id, value") == [("r1", 5), ("r2", 1)]
    notes = {note.rule: note for note in centre.stage().notes}
    assert set(notes) == {"sheet_read", "rows_hidden"}
    assert "'Data'" in notes["sheet_read"].message and "'lists'" in notes["sheet_read"].message
    assert notes["rows_hidden"].row == 3


@pytest.mark.parametrize(("sheet", "read"), [(0, "one"), (1, "two"), ("two", "two"), ("secret", "secret")])
def test_sheets_by_number_count_visible_ones(centre: Any, survey: dict[str, Any], sheet: Any, read: str) -> None:
    """A hidden sheet is read only where the contract names it."""
    centre.contract(survey, format={"type": "xlsx", "sheet": sheet})
    sheets = [
        (name, rows(HEADER, ["a01", name, "2025-02-03", 5])) for name in ("secret", "one", "hidden between", "two")
    ]
    centre.land(workbook(*sheets, hidden=["secret", "hidden between"]), "s.xlsx")
    assert centre.rows("response_id") == [(read,)]
    [note] = centre.stage().notes
    assert note.rule == "sheet_read"


def test_a_workbook_of_hidden_sheets(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "xlsx"})
    centre.land(workbook(("Data", rows(HEADER, ONE)), hidden=["Data"]), "s.xlsx")
    [problem] = centre.refusal()
    assert problem.rule == "sheet_missing" and "'Data'" in problem.message


MERGED = ["agency", "id", "answered", "q1"]
REPORT = rows(
    MERGED,
    ["a01", "r1", "2025-02-03", 5],
    [None, "r2", "2025-02-03", 4],
    [None, "r3", "2025-02-03", 3],
    ["a02", "r4", "2025-02-03", 2],
    [None, "r5", "2025-02-03", 1],
)
AREAS = '<mergeCells count="2"><mergeCell ref="A2:A4"/><mergeCell ref="A5:A6"/></mergeCells>'


def test_merged_cells_are_filled_where_the_contract_says(centre: Any, survey: dict[str, Any]) -> None:
    """Case 12; frictionlessdata/tabulator-py#329, tidyverse/readxl#355, ExcelDataReader#729."""
    centre.contract(survey, format={"type": "xlsx"}, rows={"fillDown": ["agency"]})
    centre.land(workbook(("Data", REPORT), after=AREAS), "s.xlsx")
    assert [row[0] for row in centre.rows("agency_id")] == ["a01", "a01", "a01", "a02", "a02"]
    assert centre.problems() == []


def test_merged_cells_are_told_where_it_does_not(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "xlsx"})
    centre.land(workbook(("Data", REPORT), after=AREAS), "s.xlsx")
    assert [(row, column, value) for row, _, column, value in centre.problems()] == [
        (3, "agency", "#MERGED_CELL"),
        (4, "agency", "#MERGED_CELL"),
        (6, "agency", "#MERGED_CELL"),
    ]
    [note] = centre.stage().notes
    assert (note.rule, note.row, note.column) == ("cells_merged", 3, "agency")
    assert "fillDown" in note.next_step


@pytest.mark.parametrize(
    ("style", "days", "text"),
    [(1, 750 / 86400, "00:12:30"), (2, 720 / 86400, "00:12:00"), (3, 720 / 86400, "00:12:00"), (2, 1.25, "30:00:00")],
)
def test_a_duration_is_hours_minutes_and_seconds(
    centre: Any, survey: dict[str, Any], style: int, days: float, text: str
) -> None:
    """Case 03; tidyverse/readxl#637, nao1215/filesql#301: one text whatever the cell's format, never a bare number."""
    free = [*survey["properties"], {"name": "segment", "physicalName": "wait"}]
    centre.contract(survey | {"properties": free}, format={"type": "xlsx"})
    content = rows([*HEADER, "wait"], ONE).replace("</row>", cell("E2", days, style) + "</row>", 2)
    content = content.replace(cell("E2", days, style), "", 1)
    centre.land(workbook(("Data", content)), "s.xlsx")
    assert centre.rows("segment") == [(text,)]


def test_fractions_of_a_second_are_kept() -> None:
    import datetime as dt

    assert cell_text(dt.timedelta(seconds=1.5), ".") == "00:00:01.5"
    assert cell_text(dt.timedelta(days=-1, seconds=86399), ".") == "-00:00:01"
    # A sheet stores days as floats: 12:30 is 749.952 s of 0.00868 days, which is told as it is.
    assert cell_text(dt.timedelta(seconds=749, microseconds=952000), ".") == "00:12:29.952"


@pytest.mark.parametrize("error", ["#DIV/0!", "#REF!", "#N/A", "#SPILL!"])
def test_errors_stand_wherever_they_stand(centre: Any, survey: dict[str, Any], error: str) -> None:
    """In a cell without formula, in the last row, in the last column, in shared formulas."""
    centre.contract(survey, format={"type": "xlsx"})
    content = rows(HEADER, ONE).replace(cell("D2", 5), f'<c r="D2" t="e"><v>{error}</v></c>')
    content += (
        f"<row r=\"3\">{cell('A3', 'a01')}{cell('B3', 'r2')}{cell('C3', '2025-02-03')}<c t='e'><v>{error}</v></c></row>"
    )
    centre.land(workbook(("Data", content)), "s.xlsx")
    assert [(row, rule, column) for row, rule, column, _ in centre.problems()] == [
        (2, "spreadsheet_error", "q1"),
        (3, "spreadsheet_error", "q1"),
    ]


def test_cells_that_held(centre: Any, survey: dict[str, Any]) -> None:
    """Case 34 (held): rich text, phonetic runs, escaped line ends, empty shared strings, ISO dates."""
    centre.contract(survey, format={"type": "xlsx"})
    rich = '<c r="B2" t="inlineStr"><is><r><t>r</t></r><r><t>1</t></r><rPh sb="0" eb="1"><t>x</t></rPh></is></c>'
    iso = '<c r="C2" t="d"><v>2025-02-03T08:00:00</v></c>'
    content = rows(HEADER, ["a01", Raw(""), Raw(""), 5])
    content = content.replace('<c r="B2"></c>', rich).replace('<c r="C2"></c>', iso)
    centre.land(workbook(("Data", content)), "s.xlsx")
    assert centre.rows("response_id, responded_at::varchar, value") == [("r1", "2025-02-03 08:00:00", 5)]


def test_old_excel(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "xls"})
    centre.land(xls([HEADER, ONE, ["a01", "r2", "2025-02-03", "#DIV/0!"]]), "s.xls")
    assert centre.rows("source_row, response_id, value") == [(2, "r1", 5), (3, "r2", None)]
    assert centre.problems() == [(3, "spreadsheet_error", "q1", "#DIV/0!")]


def test_old_excel_named_xlsx_and_the_other_way_round(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "xls"})
    centre.land(workbook(("Data", rows(HEADER, ONE))), "s.xls")
    [problem] = centre.refusal()
    assert problem.rule == "file_other_format" and "xlsx" in problem.message


def test_binary_excel(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "xlsb"})
    centre.land(xlsb([HEADER, ONE, ["a01", "r2", "2025-02-03", "#N/A"]]), "s.xlsb")
    assert centre.rows("source_row, response_id, value") == [(2, "r1", 5), (3, "r2", None)]
    assert centre.problems() == [(3, "spreadsheet_error", "q1", "#N/A")]


def test_two_sheets_are_told_even_when_both_are_seen(centre: Any, survey: dict[str, Any]) -> None:
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        for name in ("Data", "Notes"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, HEADER)
            sheet.write_row(1, 0, ONE)
    centre.contract(survey, format={"type": "xlsx"})
    centre.land(out.getvalue(), "s.xlsx")
    [note] = centre.stage().notes
    assert note.rule == "sheet_read" and "'Notes'" in note.message
