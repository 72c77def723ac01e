"""Files that crash, hang or exhaust a reading library: each is refused by name, once, and stops nobody else.

Kinds and sources: tafia/calamine#693 (two corners of a sheet abort the process), ToucanToco/fastexcel#487 and
SheetJS/sheetjs#182 (a stray cell far right), tdf/odftoolkit#25 (repeated cells of ods), akheron/jansson#282 (nested
lists), ClickHouse/ClickHouse#39492 (ids as names).
"""

import io
import json
import time
import zipfile
from typing import Any

import pytest

from ingestion.faults import RETRIED
from tests.cases.workbooks import Raw, cell, rows, workbook
from tests.ingestion import conftest as shared

centre, survey, complaints = shared.centre, shared.survey, shared.complaints

HEADER = ["agency", "id", "answered", "q1"]
GOOD = ["a01", "r1", "2025-02-03", 4]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-INF", "1E400", "nan"])
def test_a_number_that_is_none_is_a_bad_cell(centre: Any, survey: dict[str, Any], value: str) -> None:
    """Case 01; kz26/PyExcelerate#36, mini-software/MiniExcel#699, dtjohnson/xlsx-populate#112 write such cells."""
    centre.contract(survey, format={"type": "xlsx"})
    line = ["a01", "r2", "2025-02-03", Raw(f"<v>{value}</v>")]
    centre.land(workbook(("Data", rows(HEADER, GOOD, line))), "s.xlsx")
    assert centre.rows("response_id, value")[0] == ("r1", 4)
    [(row, rule, column, _)] = centre.problems()
    assert (row, column) == (3, "q1") and rule in {"value_not_number", "spreadsheet_error"}


def test_a_stray_cell_far_right_is_named_before_long(centre: Any, survey: dict[str, Any]) -> None:
    """Case 31."""
    centre.contract(survey, format={"type": "xlsx"})
    content = rows(HEADER, GOOD).replace("</row>", cell("XFD2", "x") + "</row>", 2).replace(cell("XFD2", "x"), "", 1)
    centre.land(workbook(("Data", content)), "s.xlsx")
    begun = time.monotonic()
    [problem] = centre.refusal()
    assert time.monotonic() - begun < 20
    assert problem.rule == "header_blank" and "XFD2" in problem.message and problem.rule not in RETRIED


def test_a_sheet_whose_corners_are_far_apart_is_refused_by_name(centre: Any, survey: dict[str, Any]) -> None:
    """Seventeen thousand million cells by the used range; the library aborts the process."""
    centre.contract(survey, format={"type": "xlsx"})
    content = rows(HEADER, GOOD) + f'<row r="1048576">{cell("XFD1048576", 1)}</row>'
    centre.land(workbook(("Data", content)), "s.xlsx")
    [problem] = centre.refusal()
    assert problem.rule == "cell_far_away" and "XFD1048576" in problem.message and problem.next_step


@pytest.mark.parametrize(
    ("line", "place"),
    [
        # developer0hye/office2pdf#1703: LibreOffice's own test file, beyond the grid of any spreadsheet.
        (f'<row r="16777217">{cell("XFE16777217", 1)}</row>', "XFE16777217"),
        # xberg-io/xberg#331: where Excel's Solver keeps its settings.
        (
            "".join(f'<row r="{row}">{cell(f"XFD{row}", 1)}</row>' for row in range(1_048_550, 1_048_576)),
            "XFD1048575",
        ),
        # The last row of a sheet, in a column that is not far.
        (f'<row r="1048576">{cell("ZZ1048576", 1)}</row>', "ZZ1048576"),
    ],
)
def test_cells_far_from_the_table(centre: Any, survey: dict[str, Any], line: str, place: str) -> None:
    centre.contract(survey, format={"type": "xlsx"})
    centre.land(workbook(("Data", rows(HEADER, GOOD) + line)), "s.xlsx")
    [problem] = centre.refusal()
    assert problem.rule == "cell_far_away" and place in problem.message


def test_a_stray_header_far_right_of_a_long_table(centre: Any, survey: dict[str, Any]) -> None:
    """pola-rs/polars#27677: 52 GB for a hundred thousand rows of three columns."""
    centre.contract(survey, format={"type": "xlsx"})
    lines = "".join(f'<row r="{row}">{cell(f"A{row}", "a01")}</row>' for row in range(3, 20_000))
    head = rows(HEADER, GOOD).replace("</row>", cell("XFD1", "stray") + "</row>", 1)
    centre.land(workbook(("Data", head + lines)), "s.xlsx")
    [problem] = centre.refusal()
    assert problem.rule == "cell_far_away" and "XFD1" in problem.message


def test_repeated_rows_with_content_are_rows(centre: Any, survey: dict[str, Any]) -> None:
    """ropensci/readODS#81: 245 rows of a published table were missing; pyexcel/pyexcel-ods#1."""
    centre.contract(survey, format={"type": "ods"})
    twice = ods_row("a01", "r1", "2025-02-03", 4, repeated=' table:number-rows-repeated="3"')
    centre.land(ods(ods_row(*HEADER) + twice), "s.ods")
    staged = centre.stage()
    assert (staged.source_rows, staged.duplicates) == (3, 2)


def test_a_row_number_beyond_any_sheet(centre: Any, survey: dict[str, Any]) -> None:
    """A row number of ten digits; reading ends as a refused file, whatever the library does with it."""
    centre.contract(survey, format={"type": "xlsx"})
    content = rows(HEADER, GOOD) + f'<row r="4294967295">{cell("ZZZZZZ4294967295", 1)}</row>'
    centre.land(workbook(("Data", content)), "s.xlsx")
    [problem] = centre.refusal()
    assert problem.rule not in RETRIED and problem.next_step


def ods(body: str) -> bytes:
    names = "urn:oasis:names:tc:opendocument:xmlns"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        archive.writestr(
            "META-INF/manifest.xml",
            f'<m:manifest xmlns:m="{names}:manifest:1.0"><m:file-entry m:full-path="/" '
            'm:media-type="application/vnd.oasis.opendocument.spreadsheet"/></m:manifest>',
        )
        archive.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{names}:office:1.0" xmlns:table="{names}:table:1.0" '
            f'xmlns:text="{names}:text:1.0"><office:body><office:spreadsheet><table:table table:name="Data">'
            f"{body}</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    return out.getvalue()


def ods_row(*texts: Any, repeated: str = "") -> str:
    cells = "".join(
        f'<table:table-cell office:value-type="float" office:value="{text}"><text:p>{text}</text:p></table:table-cell>'
        if isinstance(text, int)
        else f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'
        for text in texts
    )
    return f"<table:table-row{repeated}>{cells}</table:table-row>"


@pytest.mark.parametrize(
    ("down", "right"), [(1_000_000, 16_000), (2_000_000_000, 1), (1, 2_000_000_000), (99_999_999_999, 99_999_999_999)]
)
def test_an_ods_of_repeated_cells(centre: Any, survey: dict[str, Any], down: int, right: int) -> None:
    """2.4 KB of repeat counts took 11.5 GB; tdf/odftoolkit#25 is the harmless relative of it."""
    centre.contract(survey, format={"type": "ods"})
    bomb = (
        f'<table:table-row table:number-rows-repeated="{down}"><table:table-cell '
        f'table:number-columns-repeated="{right}" office:value-type="float" office:value="1"><text:p>1</text:p>'
        "</table:table-cell></table:table-row>"
    )
    centre.land(ods(ods_row(*HEADER) + ods_row(*GOOD) + bomb), "s.ods")
    [problem] = centre.refusal()
    assert problem.rule not in RETRIED and problem.next_step


def test_empty_cells_repeated_to_the_end_of_the_sheet_do_no_harm(centre: Any, survey: dict[str, Any]) -> None:
    """What LibreOffice writes below every table."""
    centre.contract(survey, format={"type": "ods"})
    rest = (
        '<table:table-row table:number-rows-repeated="1048570"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row>'
    )
    centre.land(ods(ods_row(*HEADER) + ods_row(*GOOD) + rest), "s.ods")
    assert centre.rows("response_id, value") == [("r1", 4)]


def test_a_comment_that_looks_like_cells_costs_no_time(centre: Any, survey: dict[str, Any]) -> None:
    """`<c` in a comment had every such text searched to the end of the sheet: quadratic."""
    centre.contract(survey, format={"type": "xlsx"})
    content = rows(HEADER, GOOD) + "<!--" + "<c t='e'>" * 400_000 + '<f t="e">' + "-->"
    centre.land(workbook(("Data", content)), "s.xlsx")
    begun = time.monotonic()
    assert centre.rows("response_id, value") == [("r1", 4)]
    assert time.monotonic() - begun < 20


def test_deep_json_lines(centre: Any, survey: dict[str, Any]) -> None:
    """400 KB of `[` were a segmentation fault at every run; akheron/jansson#282, Tencent/rapidjson#1027."""
    centre.contract(survey, format={"type": "ndjson"})
    centre.land("[" * 400_000 + "\n", "f.ndjson")
    [problem] = centre.refusal()
    assert problem.rule not in RETRIED and problem.next_step


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_json_documents(centre: Any, survey: dict[str, Any], opening: str) -> None:
    centre.contract(survey, format={"type": "json"})
    centre.land(opening * 300_000, "f.json")
    [problem] = centre.refusal()
    assert problem.rule not in RETRIED and problem.next_step


def test_a_million_headers(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    names = ",".join(f"x{number}" for number in range(1_000_000))
    centre.land(f"agency,id,answered,q1,{names}\n" + "a01,r1,2025-02-03,4" + "," * 1_000_000 + "\n")
    begun = time.monotonic()
    [problem] = centre.refusal()
    assert problem.rule == "too_many_columns" and time.monotonic() - begun < 20


def test_two_hundred_thousand_names_in_json(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "json"}, ignored=["x*"])
    record = {"agency": "a01", "id": "r1", "answered": "2025-02-03", "q1": 4}
    centre.land(json.dumps([record | {f"x{number}": number for number in range(200_000)}]), "f.json")
    begun = time.monotonic()
    [problem] = centre.refusal()
    assert problem.rule == "too_many_columns" and time.monotonic() - begun < 30


def test_ids_as_names_in_json_lines(centre: Any, survey: dict[str, Any]) -> None:
    """Each record with names of its own (maps by id, ClickHouse/ClickHouse#39492)."""
    centre.contract(survey, format={"type": "ndjson"}, ignored=["by.*"])
    record = {"agency": "a01", "answered": "2025-02-03", "q1": 4}
    lines = (json.dumps(record | {"id": f"r{n}", "by": {f"u{n}": 1}}) for n in range(30_000))
    centre.land("\n".join(lines), "f.ndjson")
    begun = time.monotonic()
    [problem] = centre.refusal()
    assert problem.rule == "too_many_columns" and time.monotonic() - begun < 30


def test_one_file_that_kills_its_reader_stops_no_other(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "ndjson"})
    centre.land("[" * 400_000 + "\n", "a.ndjson")
    record = {"agency": "a01", "id": "r1", "answered": "2025-02-03", "q1": 4}
    centre.land(json.dumps(record), "b.ndjson")
    bad, good = centre.deliveries()
    first = shared.MiyarError
    with pytest.raises(first) as caught:
        centre.stage(bad)
    assert [problem.file for problem in caught.value.problems] == ["p1/survey_responses/a.ndjson"]
    assert centre.stage(good).records == 1


def test_a_bomb_in_gzip(centre: Any, survey: dict[str, Any]) -> None:
    import gzip

    centre.contract(survey, format={"type": "csv", "compression": "gzip"})
    centre.land(gzip.compress(b"agency,id,answered,q1\n" + b"a01,r1,2025-02-03,4\n" * 40_000_000), "f.csv.gz")
    [problem] = centre.refusal()
    assert problem.rule == "zip_bomb" and problem.next_step
