"""Every unreadable file ends in one clear refusal: who, which file, which row, which rule, what to do."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from ingestion.contract import load_contracts
from ingestion.databases import session
from ingestion.landing import discover
from ingestion.readers import read_here
from ingestion.readers.input import Input
from ingestion.readers.limits import RATIO_COUNTS_FROM
from miyar.errors import MiyarError

HEADER = "agency,id,answered,q1\n"
GOOD = "a01,r1,2025-02-03,4\n"


def told(problem: Any, rule: str, *, row: int | None = None, column: str = "") -> str:
    """Check that a problem names provider, file, place, rule and next step; return its message."""
    text = str(problem)
    assert text.startswith(f"[{rule}] p1, p1/")
    assert problem.next_step and text.endswith(f"-> {problem.next_step}")
    assert (problem.row, problem.column) == (row, column)
    if row is not None:
        assert f"row {row}" in text
    if column:
        assert f"column {column!r}" in text
    return text


@pytest.mark.parametrize(
    ("content", "rule", "row", "says"),
    [
        (b"", "file_empty", None, "0 bytes"),
        (HEADER.encode(), "file_no_rows", None, "no data row"),
        ((HEADER + GOOD).encode() + "a01,ر,2025-02-03,4\n".encode("windows-1256"), "file_encoding", 3, "offset 46"),
        ((HEADER + GOOD + 'a01,"r2,2025-02-03,4\n').encode(), "file_quotes", 3, "never closed"),
        ((HEADER + GOOD + 'a01,"r"2,2025-02-03,4\n').encode(), "file_quotes", 3, "follows its closing quote"),
        ((HEADER + GOOD + "a01,r2,2025-02-03\n").encode(), "row_width", 3, "3 cells where the header has 4"),
        ((HEADER + GOOD + "a01,r2,2025-02-03,4,x\n").encode(), "row_width", 3, "5 cells where the header has 4"),
        ((HEADER + GOOD + "a01,r\0,2025-02-03,4\n").encode(), "file_nul", 3, "NUL bytes"),
    ],
)
def test_delimited_file_is_refused(
    centre: Any, survey: dict[str, Any], content: bytes, rule: str, row: int | None, says: str
) -> None:
    centre.contract(survey)
    centre.land(content, "2025.csv")
    [problem] = centre.refusal()
    text = told(problem, rule, row=row)
    assert says in text and "p1/survey_responses/2025.csv" in text


def test_wrong_encoding_in_transcoded_file(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "csv", "encoding": "utf-16-le"})
    centre.land((HEADER + GOOD).encode("utf-16-le") + b"\x00\xd8")
    [problem] = centre.refusal()
    assert "are not utf-16-le" in told(problem, "file_encoding", row=3)


def test_header_in_another_encoding(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, ignored=["ملاحظة"])
    centre.land(f"agency,id,answered,q1,ملاحظة\n{GOOD[:-1]},x\n".encode("windows-1256"))
    [problem] = centre.refusal()
    assert "windows-1256" in told(problem, "file_encoding", row=1)


def test_unknown_encoding_is_the_contracts_fault(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "csv", "encoding": "windows-9999"})
    centre.land(HEADER + GOOD)
    [problem] = centre.refusal()
    assert "windows-9999" in told(problem, "file_encoding")


def test_field_of_a_million_characters(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land(HEADER + GOOD + f"a01,{'x' * 1_000_000},2025-02-03,4\n")
    [problem] = centre.refusal()
    assert "1,000,000 characters" in told(problem, "field_too_long", row=3, column="id")


def test_header_problems_are_listed_all_at_once(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land("agency,agency,Answered,extra,q1\na01,a01,2025-02-03,x,4\n")
    problems = {(p.rule, p.column): p for p in centre.refusal()}
    assert set(problems) == {
        ("header_missing", "id"),
        ("header_missing", "answered"),
        ("header_duplicated", "agency"),
        ("header_unknown", "extra"),
        ("header_unknown", "Answered"),
    }
    for (rule, column), problem in problems.items():
        told(problem, rule, row=1, column=column)
    # A renamed column is not guessed, but the message names the likely one.
    assert "the file has 'Answered'" in str(problems["header_missing", "answered"])


def test_merged_header_leaves_a_blank_one(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land("agency,id,answered,q1,\na01,r1,2025-02-03,4,5\n")
    [problem] = centre.refusal()
    assert "column number 5 has no header" in told(problem, "header_blank", row=1)


def test_empty_column_without_header_does_no_harm(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land("agency,id,answered,q1,\na01,r1,2025-02-03,4,\n")
    assert centre.rows("value") == [(4,)]


def test_banner_row_where_the_header_should_be(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "csv", "skipRows": 1})
    centre.land("Report\n\n" + HEADER + GOOD)
    [problem] = centre.refusal()
    assert "should be the header and is empty" in told(problem, "header_missing", row=2)


def test_unreadable_file(centre: Any, survey: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    centre.contract(survey)
    path = centre.land(HEADER + GOOD)
    opened = os.open

    def denied(opening: Any, *args: Any, **kwargs: Any) -> int:
        if opening == path.name:  # within its folder, reached without following a link
            raise PermissionError(13, os.strerror(13))
        return opened(opening, *args, **kwargs)

    # The tests may run as a user whom file modes do not stop, so the refusal is simulated.
    monkeypatch.setattr(os, "open", denied)
    deliveries, [problem] = discover(centre.workspace, load_contracts(centre.root / "registry"))
    assert deliveries == []
    assert "Permission denied" in told(problem, "file_unreadable")


def workbook(fill: Callable[[Any], None]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        fill(book.add_worksheet("Data"))
    return out.getvalue()


def good_sheet(sheet: Any) -> None:
    sheet.write_row(0, 0, ["agency", "id", "answered", "q1"])
    sheet.write_row(1, 0, ["a01", "r1", "2025-02-03", 4])


def test_formula_and_error_cells_name_row_and_column(centre: Any, survey: dict[str, Any]) -> None:
    def fill(sheet: Any) -> None:
        good_sheet(sheet)
        sheet.write_row(2, 0, ["a01", "r2", "2025-02-03"])
        sheet.write_formula(2, 3, "=Gone!A1", None, "#REF!")
        sheet.write_row(4, 0, ["a01", "r4", "2025-02-03"])
        sheet.write_formula(4, 3, "=D2+1", None, 5)

    centre.contract(survey, format={"type": "xlsx"})
    centre.land(workbook(fill), "s.xlsx")
    assert centre.problems() == [(3, "spreadsheet_error", "q1", "#REF!")]
    # A computed formula counts with its value; the empty sheet row 4 is not a record but keeps its number.
    assert centre.rows("source_row, value") == [(2, 4), (3, None), (5, 5)]


def test_formula_without_a_computed_value(centre: Any, survey: dict[str, Any]) -> None:
    book = openpyxl.Workbook()
    book.active.append(["agency", "id", "answered", "q1"])
    book.active.append(["a01", "r1", "2025-02-03", "=2+2"])
    out = io.BytesIO()
    book.save(out)
    centre.contract(survey, format={"type": "xlsx"})
    centre.land(out.getvalue(), "s.xlsx")
    assert centre.problems() == [(2, "spreadsheet_error", "q1", "#NO_CACHED_VALUE")]


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_truncated_spreadsheet(centre: Any, survey: dict[str, Any], kept: float) -> None:
    whole = workbook(good_sheet)
    centre.contract(survey, format={"type": "xlsx"})
    centre.land(whole[: int(len(whole) * kept)], "s.xlsx")
    [problem] = centre.refusal()
    assert "cut off or damaged" in told(problem, "file_truncated")


def test_spreadsheet_damaged_inside(centre: Any, survey: dict[str, Any]) -> None:
    damaged = bytearray(workbook(good_sheet))
    position = damaged.index(b"xl/worksheets/sheet1.xml") + 40
    damaged[position : position + 8] = b"\xff" * 8
    centre.contract(survey, format={"type": "xlsx"})
    centre.land(bytes(damaged), "s.xlsx")
    [problem] = centre.refusal()
    told(problem, "file_truncated")


def test_zip_bomb_is_refused_before_it_is_unpacked(
    centre: Any, survey: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.BytesIO(workbook(good_sheet))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/bomb.xml", b"0" * (RATIO_COUNTS_FROM + 1))
    monkeypatch.setattr(zipfile.ZipFile, "testzip", lambda self: pytest.fail("it was unpacked"))
    centre.contract(survey, format={"type": "xlsx"})
    path = centre.land(out.getvalue(), "s.xlsx")
    contract = centre.deliveries()[0].contract
    # In this process, where unpacking would be seen.
    with (
        session(centre.workspace.settings, centre.root / "scratch", 1) as connection,
        pytest.raises(MiyarError) as caught,
    ):
        read_here(Input(path, "p1/survey_responses/s.xlsx", contract), connection, centre.root / "scratch")
    [problem] = caught.value.problems
    assert "times its size" in told(problem, "zip_bomb")


def test_missing_sheet_names_those_that_are_there(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "xlsx", "sheet": "Answers"})
    centre.land(workbook(good_sheet), "s.xlsx")
    [problem] = centre.refusal()
    assert "'Answers'" in told(problem, "sheet_missing") and "'Data'" in str(problem)


def test_merged_header_in_a_spreadsheet(centre: Any, survey: dict[str, Any]) -> None:
    def fill(sheet: Any) -> None:
        good_sheet(sheet)
        sheet.merge_range(0, 3, 0, 4, "q1")
        sheet.write(1, 4, 5)

    centre.contract(survey, format={"type": "xlsx"})
    centre.land(workbook(fill), "s.xlsx")
    [problem] = centre.refusal()
    assert "column number 5" in told(problem, "header_blank", row=1)


RECORD = {"agency": "a01", "id": "r1", "answered": "2025-02-03", "q1": 4}


@pytest.mark.parametrize(
    ("kind", "content", "rule", "row", "says"),
    [
        ("json", json.dumps([RECORD])[:-5], "file_truncated", 1, "cut off"),
        ("json", '[\n{"agency": }\n]', "file_malformed", 2, "no JSON"),
        ("json", '{"data": []}', "json_items", None, "leads to object"),
        ("json", "[]", "header_missing", None, "not in the file"),
        ("ndjson", json.dumps(RECORD) + "\n" + json.dumps(RECORD)[:-9], "file_truncated", 2, "cut off"),
        ("ndjson", json.dumps(RECORD) + "\n\n{oops}\n" + json.dumps(RECORD) + "\n", "file_malformed", 3, "no JSON"),
        ("ndjson", "[1]\n[2]\n", "json_items", None, "no JSON objects"),
    ],
)
def test_json_is_refused(
    centre: Any, survey: dict[str, Any], kind: str, content: str, rule: str, row: int | None, says: str
) -> None:
    centre.contract(survey, format={"type": kind})
    centre.land(content, f"f.{kind}")
    problem = centre.refusal()[0]
    assert says in told(problem, rule, row=row, column=problem.column)


@pytest.mark.parametrize("kept", [0.2, 0.95])
def test_truncated_parquet(centre: Any, survey: dict[str, Any], kept: float) -> None:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([RECORD] * 100), out)
    centre.contract(survey, format={"type": "parquet"})
    centre.land(out.getvalue()[: int(len(out.getvalue()) * kept)], "f.parquet")
    [problem] = centre.refusal()
    assert "footer is missing" in told(problem, "file_truncated")


def test_something_else_called_parquet(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "parquet"})
    centre.land("hello, this is text", "f.parquet")
    [problem] = centre.refusal()
    told(problem, "file_malformed")


def test_path_without_what_the_contract_reads_from_it(centre: Any, survey: dict[str, Any]) -> None:
    properties = [p for p in survey["properties"] if p["name"] != "responded_at"]
    properties.append({"name": "period_id", "fileName": r"(\d{4}Q\d)"})
    centre.contract(survey, properties=properties, ignored=["answered"])
    centre.land(HEADER + GOOD, "latest.csv")
    [problem] = centre.refusal()
    assert "'latest.csv'" in told(problem, "file_name")
