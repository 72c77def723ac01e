"""More inputs of the kinds of the cases about files, sheets and rows, from public reports.

Belongs here: files found after the cases themselves (`siblings.yml` counts them). Does not belong here: single texts
(`test_siblings_of_values`).
"""

import gzip
import io
import json
import zipfile
from typing import Any

import pytest

from tests.cases.old_workbooks import xls, xlsb
from tests.cases.test_containers import HEADER, TABLE, zipped
from tests.cases.test_encodings import with_category
from tests.cases.test_hostile_files import ods, ods_row
from tests.cases.workbooks import Raw, cell, rows, workbook
from tests.ingestion import conftest as shared

centre, survey, complaints = shared.centre, shared.survey, shared.complaints

NAMES = ["agency", "id", "answered", "q1"]
ONE, TWO = ["a01", "r1", "2025-02-03", 5], ["a01", "r2", "2025-02-03", 1]
SHEET = "xl/worksheets/sheet1.xml"
READ = [("r1", 5), ("r2", 1)]


STYLED = "".join(f'<row r="{row}"><c r="A{row}" s="1"/><c r="XFD{row}" s="1"/></row>' for row in range(4, 3000))
EMPTY = "".join(f'<row r="{row}"/>' for row in range(4, 60_000))


def altered(book: bytes, part: str, old: str, new: str) -> bytes:
    """The workbook with one text of one part replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = before.read(name).decode()
            assert name != part or old in content
            after.writestr(name, content.replace(old, new) if name == part else content)
    return out.getvalue()


def noted(centre: Any, rule: str) -> Any:
    found = [note for note in centre.stage().notes if note.rule == rule]
    assert len(found) == 1, [note.rule for note in centre.stage().notes]
    return found[0]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        pytest.param("<v>1,5</v>", "unknown_code", id="decimal-comma"),
        pytest.param("<v>28.01.2007</v>", "unknown_code", id="a-date"),
        pytest.param("<v>950E2862</v>", "spreadsheet_error", id="hexadecimal-id"),
        pytest.param("<v>1.#QNAN</v>", "unknown_code", id="qnan"),
        pytest.param("<v>-1.#IND</v>", "unknown_code", id="ind"),
        pytest.param("<v>#N/A</v>", "spreadsheet_error", id="an-error"),
        pytest.param("<v>12345678901234567890</v>", "number_out_of_type", id="twenty-digits"),
    ],
)
def test_cells_that_are_no_numbers(centre: Any, survey: dict[str, Any], content: str, rule: str) -> None:
    """ahmedwalid05/FastExcel#55 and shuchkin/simplexlsxgen#20 (1,12), SheetJS/sheetjs#679 (28.01.2007 as a number),
    hhurz/tableExport.jquery.plugin#289, statisticssweden/PxWeb#45: one bad cell, and the others are read.
    """
    centre.contract(survey, format={"type": "xlsx"})
    centre.land(workbook(("Data", rows(NAMES, ONE, ["a01", "r2", "2025-02-03", Raw(content)]))), "s.xlsx")
    assert centre.rows("response_id, value")[0] == ("r1", 5)
    assert [(row, told, column) for row, told, column, _ in centre.problems()] == [(3, rule, "q1")]


PACKED = gzip.compress(TABLE.encode())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"".join(gzip.compress(line.encode()) for line in TABLE.splitlines(True)), id="members"),
        pytest.param(PACKED + bytes(512), id="padded"),
    ],
)
def test_gzip_of_several_members(centre: Any, survey: dict[str, Any], content: bytes) -> None:
    """ruby/zlib#7, madler/zlib#984, wader/fq#794, 101arrowz/fflate#102: only the first member was read."""
    centre.contract(survey, format={"type": "csv", "compression": "gzip"})
    centre.land(content, "f.csv.gz")
    assert centre.rows("response_id, value") == [("r1", 4), ("r2", 5)]


@pytest.mark.parametrize(
    ("compression", "content"),
    [
        pytest.param("gzip", gzip.compress(PACKED), id="gzip-in-gzip"),
        pytest.param("zip", None, id="gzip-in-zip"),
        pytest.param("zip", None, id="zip-in-zip"),
    ],
)
def test_an_archive_in_an_archive(
    centre: Any, survey: dict[str, Any], compression: str, content: bytes | None, request: pytest.FixtureRequest
) -> None:
    """The step was to write `compression: gzip`, which the contract says already."""
    if content is None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("f.x", PACKED if "gzip" in request.node.callspec.id else zipped({"f.csv": TABLE}))
        content = out.getvalue()
    centre.contract(survey, format={"type": "csv", "compression": compression})
    centre.land(content, "f.bin")
    [problem] = centre.refusal()
    assert problem.rule == "file_other_format" and "in it" in problem.message
    assert "compression" not in problem.next_step


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n", "web archive", id="mht"),
        pytest.param(b"ID;PWXL;N;E\r\nP;PGeneral\r\n", "SYLK", id="sylk"),
        pytest.param(b'{"error": "unauthorized"}', "JSON", id="json-error"),
        pytest.param(b"[]", "JSON", id="json-empty"),
        pytest.param(b"\x1f\x9d\x90" + bytes(40), "compress", id="compress"),
        pytest.param(b"\x04\x22\x4d\x18" + bytes(40), "lz4", id="lz4"),
        pytest.param(b"ARROW1\0\0" + bytes(80), "Arrow", id="arrow"),
        pytest.param(b"Obj\x01" + bytes(80), "Avro", id="avro"),
        pytest.param(b"\x03\x7d\x01\x01" + bytes(60), "dBASE", id="dbase"),
    ],
)
def test_more_that_is_no_csv(centre: Any, survey: dict[str, Any], content: bytes, says: str) -> None:
    """DataUSA/datausa-site#444 (JSON named .csv); exports of report servers (MHTML, SYLK), errors of services, other tables."""
    centre.contract(survey)
    centre.land(content)
    [problem] = centre.refusal()
    assert problem.rule == "file_other_format" and says in problem.message


def test_a_member_that_nobody_meant(centre: Any, survey: dict[str, Any]) -> None:
    """A readme beside the table: the message names it, and the line of the contract that leaves it out."""
    centre.contract(survey, format={"type": "csv", "compression": "zip"})
    centre.land(zipped({"readme.txt": "hello", "f.csv": TABLE}), "f.zip")
    problems = centre.refusal()
    assert {problem.file for problem in problems} == {"p1/survey_responses/f.zip (readme.txt)"}
    assert "members:" in problems[0].next_step


ARABIC = "case,opened,cat\nC1,2025-02-03,مياه الشرب\nC2,2025-02-03,صرف صحي\n"


@pytest.mark.parametrize(
    ("agreed", "written"),
    [
        pytest.param("windows-1256", "iso-8859-6", id="iso-under-windows"),
        pytest.param("windows-1256", "cp720", id="dos-under-windows"),
        pytest.param("cp1252", "windows-1256", id="arabic-under-western"),
        pytest.param("latin-1", "windows-1256", id="arabic-under-latin-1"),
        pytest.param("latin-1", "iso-8859-6", id="iso-under-latin-1"),
    ],
)
def test_one_code_page_under_another(centre: Any, complaints: dict[str, Any], agreed: str, written: str) -> None:
    """albfernandez/juniversalchardet#43 (ISO-8859-6), thuleqaid/rust-chardet#9, aadsm/jschardet#10, chardet/chardet#80.

    Any byte is a letter there; words of letters that no script has side by side are at least told.
    """
    centre.contract(with_category(complaints), format={"type": "csv", "encoding": agreed})
    centre.land(ARABIC.encode(written))
    assert noted(centre, "text_lost").column == "cat"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        pytest.param("cp1252", "Straßenbahn à l'été, œuvre, Übermaß, naïveté", id="western"),
        pytest.param("windows-1256", "خدمة à la carte", id="arabic-and-french"),
        pytest.param("windows-1256", "مياه (café) صرف", id="both-in-one"),
        pytest.param("utf-8", "Þórðargata, æðisleg, öö", id="icelandic"),
        pytest.param("windows-1256", "قال«نعم»، 25°م", id="quotes"),
        pytest.param("utf-8", "پیشنهاد ژ چ گ", id="persian"),
    ],
)
def test_words_that_are_as_they_should_be(centre: Any, complaints: dict[str, Any], encoding: str, text: str) -> None:
    centre.contract(with_category(complaints), format={"type": "csv", "encoding": encoding})
    centre.land(ARABIC.replace("مياه الشرب", f'"{text}"').replace("صرف صحي", "x").encode(encoding))
    assert centre.stage().notes == []


def test_one_letter_decoded_twice(centre: Any, complaints: dict[str, Any]) -> None:
    """rspeer/python-ftfy#154: `é` became `Ã©`."""
    centre.contract(with_category(complaints))
    centre.land(ARABIC.replace("مياه الشرب", "caf\u00c3\u00a9").replace("صرف صحي", "x"))
    assert noted(centre, "text_lost").column == "cat"


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("agreed", ["windows-1256", "utf-8"])
def test_utf16_without_a_mark(centre: Any, complaints: dict[str, Any], order: str, agreed: str) -> None:
    """genspark-ai/genoffice#438, HKUDS/Vibe-Trading#865, kohii/smoothcsv#2: NUL bytes between the letters."""
    centre.contract(with_category(complaints), format={"type": "csv", "encoding": agreed})
    centre.land(ARABIC.encode(order))
    [problem] = centre.refusal()
    assert problem.rule in {"file_nul", "file_encoding"} and "UTF-16" in problem.next_step + problem.message


def test_utf8_cut_in_a_letter_under_a_code_page(centre: Any, complaints: dict[str, Any]) -> None:
    """The last letter is half there: it is UTF-8 all the same."""
    centre.contract(with_category(complaints), format={"type": "csv", "encoding": "windows-1256"})
    centre.land(ARABIC.encode()[:-2])
    [problem] = centre.refusal()
    assert problem.rule == "file_encoding" and "UTF-8" in problem.message


def test_a_line_for_excel_above_the_header(centre: Any, survey: dict[str, Any]) -> None:
    """PowerShell/PowerShell#7776, rap2hpoutre/fast-excel#327, mholt/PapaParse#951: no header is missing, it stands below."""
    centre.contract(survey)
    centre.land("sep=,\n" + TABLE)
    problems = centre.refusal()
    assert "skipRows: 1" in problems[0].next_step and problems[0].row == 1


@pytest.mark.parametrize(
    ("above", "below"),
    [
        pytest.param('<cols><col min="4" max="4" width="9" hidden="1"/></cols>', "", id="hidden"),
        pytest.param('<cols><col min="3" max="16384" hidden="true" width="9"/></cols>', "", id="hidden-to-the-end"),
        pytest.param('<cols><col min="4" max="4" width="0" customWidth="1"/></cols>', "", id="no-width"),
        pytest.param('<cols><col min="2" max="4" hidden="1" outlineLevel="1" collapsed="1"/></cols>', "", id="grouped"),
        pytest.param(
            '<sheetFormatPr/><x:cols xmlns:x="x"><x:col min="4" max="4" hidden="1"/></x:cols>', "", id="prefixed"
        ),
    ],
)
def test_hidden_columns_are_told(centre: Any, survey: dict[str, Any], above: str, below: str) -> None:
    """SheetJS/sheetjs#2117 and #588, tidyverse/readxl#428, SpartnerNL/Laravel-Excel#564, pyexcel/pyexcel#53: nobody is told."""
    centre.contract(survey, format={"type": "xlsx"})
    centre.land(
        altered(workbook(("Data", rows(NAMES, ONE, TWO))), SHEET, "<sheetData>", f"{above}<sheetData>"), "s.xlsx"
    )
    assert centre.rows("response_id, value") == READ
    note = noted(centre, "columns_hidden")
    assert "q1" in note.message and note.next_step


def test_a_hidden_column_that_holds_nothing_is_not_told(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "xlsx"})
    above = '<cols><col min="5" max="16384" hidden="1"/></cols>'
    centre.land(
        altered(workbook(("Data", rows(NAMES, ONE, TWO))), SHEET, "<sheetData>", f"{above}<sheetData>"), "s.xlsx"
    )
    assert centre.stage().notes == []


def test_a_hidden_column_of_an_open_document(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "ods"})
    columns = (
        '<table:table-column table:number-columns-repeated="3"/><table:table-column table:visibility="collapse"/>'
        '<table:table-column table:number-columns-repeated="16380"/>'
    )
    centre.land(ods(columns + ods_row(*NAMES) + ods_row(*ONE) + ods_row(*TWO)), "s.ods")
    assert "q1" in noted(centre, "columns_hidden").message


@pytest.mark.parametrize("kind", ["xls", "xlsb"])
def test_a_hidden_column_of_a_binary_workbook(centre: Any, survey: dict[str, Any], kind: str) -> None:
    """SheetJS/sheetjs#2117: the flag of a range of columns in old Excel."""
    centre.contract(survey, format={"type": kind})
    centre.land({"xls": xls, "xlsb": xlsb}[kind]([NAMES, ONE, TWO], hidden=3), f"s.{kind}")
    assert centre.rows("response_id, value") == READ
    assert "q1" in noted(centre, "columns_hidden").message


def test_rows_of_no_height_are_hidden(centre: Any, survey: dict[str, Any]) -> None:
    """dfinke/ImportExcel#762, MarkPflug/Sylvan.Data.Excel#185: hidden is formatting, and there are several ways to do it."""
    centre.contract(survey, format={"type": "xlsx"})
    book = altered(workbook(("Data", rows(NAMES, ONE, TWO))), SHEET, '<row r="3"', '<row ht="0" customHeight="1" r="3"')
    centre.land(book, "s.xlsx")
    assert centre.rows("response_id, value") == READ
    assert noted(centre, "rows_hidden").row == 3


def test_rows_that_stand_where_others_are_hidden_by_default(centre: Any, survey: dict[str, Any]) -> None:
    """Excel writes so when all rows below a table are hidden: those that the file lists are seen."""
    centre.contract(survey, format={"type": "xlsx"})
    above = '<sheetFormatPr zeroHeight="1"/>'
    book = altered(workbook(("Data", rows(NAMES, ONE, TWO))), SHEET, "<sheetData>", f"{above}<sheetData>")
    centre.land(book, "s.xlsx")
    assert centre.rows("response_id, value") == READ
    assert centre.stage().notes == []


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_sheets_hidden_by_a_program(centre: Any, survey: dict[str, Any], state: str) -> None:
    """SheetJS/sheetjs#123, awalker89/openxlsx#434."""
    book = workbook(("lists", rows(NAMES, ONE)), ("Data", rows(NAMES, TWO)))
    centre.contract(survey, format={"type": "xlsx"})
    centre.land(
        altered(book, "xl/workbook.xml", '<sheet name="lists"', f'<sheet name="lists" state="{state}"'), "s.xlsx"
    )
    assert centre.rows("response_id, value") == [("r2", 1)]


def test_a_value_under_a_merged_cell_is_told(centre: Any, survey: dict[str, Any]) -> None:
    """ExcelDataReader/ExcelDataReader#582, cfsimplicity/spreadsheet-cfml#49: the sender sees a01 twice, the file says a02."""
    centre.contract(survey, format={"type": "xlsx"})
    covering = '<mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>'
    centre.land(workbook(("Data", rows(NAMES, ONE, ["a02", *TWO[1:]])), after=covering), "s.xlsx")
    note = noted(centre, "cells_merged")
    assert (note.row, note.column) == (3, "agency")


@pytest.mark.parametrize(
    ("area", "row"),
    [
        pytest.param("C2:D2", [(2, "q1")], id="to-the-right"),
        pytest.param("C2:D3", [(2, "q1"), (3, "answered"), (3, "q1")], id="a-block"),
    ],
)
def test_merged_to_the_right(centre: Any, survey: dict[str, Any], area: str, row: list[tuple[int, str]]) -> None:
    """jferard/fastods#137 and #168 (merged over rows and columns), jiteshkumawat/oxml.js#7."""
    centre.contract(survey, format={"type": "xlsx"})
    lines = [["a01", "r1", "2025-02-03"], ["a01", "r2"]]
    after = f'<mergeCells count="1"><mergeCell ref="{area}"/></mergeCells>'
    centre.land(workbook(("Data", rows(NAMES, *lines, ["a01", "r3", "2025-02-03", 4])), after=after), "s.xlsx")
    told = [(line, column) for line, rule, column, _ in centre.problems() if rule == "spreadsheet_error"]
    assert sorted(told) == sorted(row)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>', id="too-large"),
        pytest.param("<sheetData>", '<dimension ref="A1"/><sheetData>', id="too-small"),
        pytest.param("</sheetData>", f"{STYLED}</sheetData>", id="styled"),
        pytest.param(
            "</sheetData>", '<row r="1048576"><c r="A1048576" s="1"/></row></sheetData>', id="styled-last-row"
        ),
        pytest.param("</sheetData>", f"{EMPTY}</sheetData>", id="rows-without-cells"),
    ],
)  # fmt: skip
def test_ranges_larger_than_the_table(centre: Any, survey: dict[str, Any], old: str, new: str) -> None:
    """shuchkin/simplexlsx#168 (the dimension of a 1.4 KB file), iOfficeAI/OfficeCLI#149 and #156 (styled cells without content),
    PHPOffice/PhpSpreadsheet#3982 (to AMK1048579), nao1215/filesql#520 (rows without cells), tafia/calamine#428.
    """
    centre.contract(survey, format={"type": "xlsx"})
    centre.land(altered(workbook(("Data", rows(NAMES, ONE, TWO))), SHEET, old, new), "s.xlsx")
    assert centre.rows("response_id, value") == READ


@pytest.mark.parametrize(
    ("below", "until"),
    [
        pytest.param("(2 rows)\n", r"^\(\d+ rows?\)$", id="psql"),
        pytest.param("\n2 rows selected.\n", "^$", id="sqlplus"),
        pytest.param("Total,2,,9\n", "^Total$", id="total-as-wide"),
        pytest.param('"Total","2","",9\n', "^Total$", id="quoted-total"),
        pytest.param("Grand Total,,,\nPage 1 of 1,,,\n", "^Grand Total", id="page"),
        pytest.param("<!-- generated -->\n", "^<!--", id="html"),
        pytest.param("\x1a", "^\x1a", id="end-of-file-mark"),
    ],
)
def test_what_stands_below(centre: Any, survey: dict[str, Any], below: str, until: str) -> None:
    """hmslincs/hmslincs#86 ((67 rows)), miraisolutions/xlconnect#29, votingworks/arlo#734 and frappe/frappe#9055 (totals)."""
    centre.contract(survey, rows={"until": until})
    centre.land(TABLE + below)
    assert centre.rows("response_id, value") == [("r1", 4), ("r2", 5)]
    assert noted(centre, "rows_below_table").row == 4


@pytest.mark.parametrize(
    ("below", "row"),
    [
        pytest.param("(2 rows)\n", 4, id="psql"),
        pytest.param("a01,r3,2025-02-03,4a01,r4,2025-02-03,5\n", 4, id="glued-lines"),
    ],
)
def test_what_stands_below_is_told(centre: Any, survey: dict[str, Any], below: str, row: int) -> None:
    """langwatch/langwatch#6281 and danvk/localturk#21: batches glued without a line end."""
    centre.contract(survey)
    centre.land(TABLE + below)
    [problem] = centre.refusal()
    assert (problem.rule, problem.row) == ("row_width", row) and "rows.until" in problem.next_step


@pytest.mark.parametrize(
    ("lines", "choice", "left"),
    [
        pytest.param("test,r8,2025-02-03,4\ntry,r9,2025-02-03,4\n", {"unless": {"agency": ["test", "try"]}}, 2, id="tests"),
        pytest.param("agency,id,answered,q1\n", {"unless": {"agency": ["agency"]}}, 1, id="header-again"),
        pytest.param("Total,,,9\n", {"unless": {"agency": ["Total"]}}, 1, id="totals"),
        pytest.param("a01,r8,,4\n", {"unless": {"answered": [""]}}, 1, id="unfinished"),
        pytest.param("a02,r8,2025-02-03,4\na03,r9,2025-02-03,4\n", {"where": {"agency": ["a01"]}}, 2, id="others"),
    ],
)  # fmt: skip
def test_rows_that_are_not_meant(
    centre: Any, survey: dict[str, Any], lines: str, choice: dict[str, Any], left: int
) -> None:
    """cul-it/wp-cul-main#32 (spam), bcemmett/SurveyMonkeyApi-v3#15 (not finished), ushahidi/platform#3073 (other surveys),
    votingworks/arlo#734 (totals among rows), wpninjas/ninja-forms#2404 and whitfin/s3-concat#3 (the header again).
    """
    centre.contract(survey, rows=choice)
    centre.land(TABLE + lines)
    assert centre.rows("response_id, value") == [("r1", 4), ("r2", 5)]
    assert centre.stage().left_out == left


@pytest.mark.parametrize(
    ("record", "name"),
    [
        pytest.param('{"case": "C2", "opened": "2025-02-03", "cat": "a", "cat": "b"}', "cat", id="in-the-record"),
        pytest.param('{"case": "C2", "opened": "2025-02-03", "cat": "a", "by": {"x": 1, "x": 1}}', "by.x", id="deeper"),
    ],
)
def test_a_name_that_one_record_has_twice(centre: Any, complaints: dict[str, Any], record: str, name: str) -> None:
    """jqlang/jq#1636, DaveGamble/cJSON#696: which of the two counts is left open; the second was lost without a word."""
    centre.contract(with_category(complaints), format={"type": "json"})
    centre.land(f'[{{"case": "C1", "opened": "2025-02-03", "cat": "a"}}, {record}]', "f.json")
    [problem] = centre.refusal()
    assert (problem.rule, problem.column) == ("header_duplicated", name)


@pytest.mark.parametrize("empty", [{}, []])
def test_references_that_nobody_set(centre: Any, complaints: dict[str, Any], empty: Any) -> None:
    """Empty in every record: there is no text `{}`."""
    centre.contract(with_category(complaints), format={"type": "json"})
    centre.land(json.dumps([{"case": f"C{n}", "opened": "2025-02-03", "cat": empty} for n in (1, 2)]), "f.json")
    assert centre.rows("category") == [(None,), (None,)]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        pytest.param(["a", ["b"]], ["a", "b"], id="text-or-list-of-one"),
        pytest.param([["a"], ["b"]], ["a", "b"], id="lists-of-one"),
        pytest.param(["a", ["b", "c"]], ["a", '["b","c"]'], id="text-or-list"),
        pytest.param([1, "1x"], ["1", "1x"], id="number-or-text"),
        pytest.param([False, "x"], ["false", "x"], id="truth-or-text"),
        pytest.param([[{"a": 1}, {"b": 2}], ["c"]], ['[{"a":1},{"b":2}]', "c"], id="list-of-objects"),
    ],
)
def test_one_or_many(centre: Any, complaints: dict[str, Any], values: list[Any], found: list[str]) -> None:
    """usnistgov/OSCAL#536 (a list of one is written as its item), jsonsystems/json-schema#111, RumbleDB/rumble#1512,
    Azure/azure-cosmosdb-spark#269.
    """
    centre.contract(with_category(complaints), format={"type": "json"})
    records = [{"case": f"C{n}", "opened": "2025-02-03", "cat": value} for n, value in enumerate(values)]
    centre.land(json.dumps(records), "f.json")
    assert [category for (category,) in centre.rows("category")] == found


@pytest.mark.parametrize("other", [False, 0, "none", [{"v": "b"}]])
def test_an_object_or_something_else(centre: Any, complaints: dict[str, Any], other: Any) -> None:
    """usnistgov/OSCAL#536: an object, or a list of objects: no value of another record is lost without a word."""
    centre.contract(with_category(complaints) | {"ignored": ["cat.v"]}, format={"type": "json"})
    records = [
        {"case": "C1", "opened": "2025-02-03", "cat": {"v": "a"}},
        {"case": "C2", "opened": "2025-02-03", "cat": other},
    ]
    centre.land(json.dumps(records), "f.json")
    (first, second) = centre.rows("case_id, category")
    assert first == ("C1", None) and second[1] is not None


@pytest.mark.parametrize(
    ("header", "name"),
    [
        pytest.param("agency,id,answered,Gender,Gender", "Gender [2]", id="registration"),
        pytest.param("agency,id,answered,Response,Response", "Response [2]", id="surveymonkey"),
        pytest.param("agency,id,answered,Title,Title", "Title [2]", id="ushahidi"),
        pytest.param("agency,id,answered,Q3.13,Q3.13", "Q3.13 [2]", id="qualtrics"),
        pytest.param('agency,id,answered,"How? ",How?', "How? [2]", id="differ-in-a-blank"),
    ],
)
def test_names_that_stand_twice(centre: Any, survey: dict[str, Any], header: str, name: str) -> None:
    """CitizenLabDotCo/citizenlab#6461 (Gender), mattroumaya/surveymonkey#17, ushahidi/platform#3073 (Title of each survey),
    ropensci/qualtRics#176 (Q3.13).
    """
    properties = [p | ({"physicalName": name} if p["name"] == "value" else {}) for p in survey["properties"]]
    centre.contract(survey | {"properties": properties, "ignored": [name.replace("[2]", "[1]")]})
    centre.land(f"{header}\na01,r1,2025-02-03,2,5\n")
    assert centre.rows("value") == [(5,)]


def test_a_shared_text_that_is_not_there(centre: Any, survey: dict[str, Any]) -> None:
    """abap2xlsx/abap2xlsx#319: an index past the table of texts; the file is refused, not read with another text."""
    centre.contract(survey, format={"type": "xlsx"})
    body = rows(NAMES, ONE, TWO).replace(cell("D3", 1), '<c r="D3" t="s"><v>99</v></c>')
    centre.land(workbook(("Data", body)), "s.xlsx")
    [problem] = centre.refusal()
    assert problem.rule == "file_malformed" and problem.next_step


def test_the_header_is_in_the_way(centre: Any, survey: dict[str, Any]) -> None:
    """dataculturegroup/DataBasic#176: a comma at the end of every line is no column."""
    centre.contract(survey)
    centre.land((HEADER + "a01,r1,2025-02-03,4\n").replace("\n", ",\n"))
    assert centre.rows("response_id, value") == [("r1", 4)]


DATED = ("xl/styles.xml", 'formatCode="h:mm"', 'formatCode="yyyy-mm-dd"')


@pytest.mark.parametrize(
    ("content", "found", "told"),
    [
        pytest.param('<c r="C2" s="3"><v>45931.5</v></c>', "2025-10-01 12:00:00", [], id="serial"),
        pytest.param('<c r="C2" t="d"><v>2025-10-01</v></c>', "2025-10-01 00:00:00", [], id="strict"),
        pytest.param(
            '<c r="C2" s="3" t="inlineStr"><is><t>19/19/2000</t></is></c>',
            None,
            ["date_impossible"],
            id="text-in-a-date-cell",
        ),
        pytest.param('<c r="C2" s="3" t="s"><v></v></c>', None, [], id="empty-shared-text"),
        pytest.param('<c r="C2" s="99"><v>45931</v></c>', None, ["date_impossible"], id="no-such-style"),
    ],
)
def test_cells_that_are_dates(
    centre: Any, survey: dict[str, Any], content: str, found: str | None, told: list[str]
) -> None:
    """exceljs/exceljs#2695 (strict files hold ISO dates), shuchkin/simplexlsx#36 (a text in a date cell became a day of 1900),
    MarkPflug/Sylvan.Data.Excel#37 (empty shared texts), ExcelDataReader/ExcelDataReader#649.
    """
    centre.contract(survey, format={"type": "xlsx"})
    body = rows(NAMES, ["a01", "r1", Raw(""), 5]).replace('<c r="C2"></c>', content)
    centre.land(altered(workbook(("Data", body)), *DATED), "s.xlsx")
    assert centre.rows("responded_at::varchar") == [(found,)]
    assert [rule for _, rule, _, _ in centre.problems()] == told


@pytest.mark.parametrize(
    "declared", ['<workbookPr date1904="1"/>', '<workbookPr date1904="true" defaultThemeVersion="1"/>']
)
def test_days_counted_from_1904(centre: Any, survey: dict[str, Any], declared: str) -> None:
    """doy/spreadsheet-parsexlsx#31, shuchkin/simplexlsx#40, yfedoseev/office_oxide#233: off by 1,462 days."""
    centre.contract(survey, format={"type": "xlsx"})
    body = rows(NAMES, ["a01", "r1", Raw(""), 5]).replace('<c r="C2"></c>', '<c r="C2" s="3"><v>44469</v></c>')
    book = altered(altered(workbook(("Data", body)), *DATED), "xl/workbook.xml", "<sheets>", f"{declared}<sheets>")
    centre.land(book, "s.xlsx")
    assert centre.rows("responded_at::varchar") == [("2025-10-01 00:00:00",)]


def test_merged_cells_of_an_open_document(centre: Any, survey: dict[str, Any]) -> None:
    """tafia/calamine's covered.ods, Icinga/icingaweb2-module-fileshipper#16: the covered cell is empty in the file."""
    centre.contract(survey, format={"type": "ods"})
    covered = ods_row(*TWO).replace(
        ods_row("a01")[len("<table:table-row>") : -len("</table:table-row>")], "<table:covered-table-cell/>", 1
    )
    centre.land(ods(ods_row(*NAMES) + ods_row(*ONE) + covered), "s.ods")
    assert [(row, rule, column) for row, rule, column, _ in centre.problems()] == [(3, "spreadsheet_error", "agency")]
    assert "fillDown" in noted(centre, "cells_merged").next_step


def test_the_last_line_ends_in_nothing(centre: Any, survey: dict[str, Any]) -> None:
    """danvk/localturk#21."""
    centre.contract(survey)
    centre.land(TABLE.rstrip("\n"))
    assert centre.rows("response_id, value") == [("r1", 4), ("r2", 5)]
