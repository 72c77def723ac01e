"""The same six answers in every format of delivery."""

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import odf.opendocument
import odf.table
import odf.text
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

ROWS = [
    ("النور", "r1", "2025-02-03", 5),
    ("a02", "r2", "2025-04-30", None),
    ("a01", "r3", "2025-02-03", 2),
]
EXPECTED = [
    ("a01", "r1", dt.datetime(2025, 2, 3), "2025Q1", 5),
    ("a02", "r2", dt.datetime(2025, 4, 30), "2025Q2", None),
    ("a01", "r3", dt.datetime(2025, 2, 3), "2025Q1", 2),
]
NAMES = ("agency", "id", "answered", "q1")
COLUMNS = "agency_id, response_id, responded_at, period_id, value"


def lines(delimiter: str, ends: str = "\n") -> str:
    cells = [NAMES, *(tuple("" if cell is None else str(cell) for cell in row) for row in ROWS)]
    return "".join(delimiter.join(row) + ends for row in cells)


def records() -> list[dict[str, Any]]:
    return [{"body": {"agency": a, "id": i}, "answered": d, "q1": q} for a, i, d, q in ROWS]


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ({"type": "csv"}, lines(",").encode()),
        ({"type": "csv"}, lines(",").encode("utf-8-sig")),
        ({"type": "csv", "delimiter": ";"}, lines(";", "\r\n").encode()),
        ({"type": "tsv"}, lines("\t").encode()),
        ({"type": "csv", "encoding": "windows-1256"}, lines(",").encode("windows-1256")),
        ({"type": "csv", "encoding": "utf-16"}, lines(",").encode("utf-16")),
        ({"type": "csv"}, lines(",")[:-1].encode()),
    ],
)
def test_delimited(centre: Any, survey: dict[str, Any], form: dict[str, Any], content: bytes) -> None:
    centre.contract(survey, format=form)
    centre.land(content)
    assert centre.rows(COLUMNS) == EXPECTED
    assert centre.rows("source_row") == [(2,), (3,), (4,)]


def nested(survey: dict[str, Any]) -> list[dict[str, Any]]:
    renamed = {"agency": "body.agency", "id": "body.id"}
    return [
        p | ({"physicalName": renamed[p["physicalName"]]} if p.get("physicalName") in renamed else {})
        for p in survey["properties"]
    ]


@pytest.mark.parametrize(
    ("form", "content", "first_row"),
    [
        ({"type": "json"}, json.dumps(records()), 1),
        ({"type": "json"}, "\ufeff" + json.dumps(records(), ensure_ascii=False, indent=2), 1),
        ({"type": "json", "itemsPath": "data.rows"}, json.dumps({"data": {"rows": records()}, "n": 3}), 1),
        ({"type": "ndjson"}, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records()), 1),
        ({"type": "ndjson"}, "\n" + "\r\n".join(json.dumps(r) for r in records()), 2),
    ],
)
def test_json(centre: Any, survey: dict[str, Any], form: dict[str, Any], content: str, first_row: int) -> None:
    centre.contract(survey, format=form, properties=nested(survey))
    centre.land(content)
    assert centre.rows(COLUMNS) == EXPECTED
    assert centre.rows("source_row") == [(first_row + n,) for n in range(3)]


def test_parquet(centre: Any, survey: dict[str, Any]) -> None:
    typed = [
        r | {"answered": dt.date.fromisoformat(r["answered"]), "q1": r["q1"] and float(r["q1"])} for r in records()
    ]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(typed), out)
    centre.contract(survey, format={"type": "parquet"}, properties=nested(survey))
    centre.land(out.getvalue())
    assert centre.rows(COLUMNS) == EXPECTED
    assert centre.rows("source_row") == [(1,), (2,), (3,)]


def test_xlsx_with_banner_two_header_rows_and_native_cells(centre: Any, survey: dict[str, Any]) -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet("البيانات")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write(0, 0, "تقرير الربع")
        sheet.merge_range(1, 0, 1, 1, "الجهة")
        sheet.merge_range(1, 2, 1, 3, "الاستجابة")
        sheet.write_row(2, 0, ["الاسم", "الرقم", "التاريخ", "التقييم"])
        for number, (agency, response, answered, value) in enumerate(ROWS, start=3 + 1):
            sheet.write_row(number, 0, [agency, response])
            sheet.write_datetime(number, 2, dt.datetime.fromisoformat(answered), day)
            if value is not None:
                sheet.write_number(number, 3, value)
    names = {
        "agency": "الجهة / الاسم",
        "id": "الجهة / الرقم",
        "answered": "الاستجابة / التاريخ",
        "q1": "الاستجابة / التقييم",
    }
    properties = [
        p | ({"physicalName": names[p["physicalName"]]} if "physicalName" in p else {}) for p in survey["properties"]
    ]
    form = {"type": "xlsx", "sheet": "البيانات", "skipRows": 1, "headerRows": 2, "decimal": ","}
    centre.contract(survey, format=form, properties=properties)
    centre.land(out.getvalue(), "s.xlsx")
    assert centre.rows(COLUMNS) == EXPECTED
    # Row 4 of the sheet is empty, so it is not a record; the following rows keep the sheet's numbers.
    assert centre.rows("source_row") == [(5,), (6,), (7,)]


def ods(path: Path) -> bytes:
    book = odf.opendocument.OpenDocumentSpreadsheet()
    table = odf.table.Table(name="Data")
    book.spreadsheet.addElement(table)

    def add(*cells: Any) -> None:
        row = odf.table.TableRow()
        for cell in cells:
            if isinstance(cell, int):
                made = odf.table.TableCell(valuetype="float", value=cell)
            elif isinstance(cell, dict):
                made = odf.table.TableCell(**cell)
            else:
                made = odf.table.TableCell(**({"valuetype": "string"} if cell else {}))
            if isinstance(cell, str):
                made.addElement(odf.text.P(text=cell))
            if isinstance(cell, dict) and "formula" in cell:
                made.addElement(odf.text.P(text="#REF!"))
            row.addElement(made)
        table.addElement(row)

    add(*NAMES)
    for agency, response, answered, value in ROWS:
        add(agency, response, {"valuetype": "date", "datevalue": answered}, value)
    add("a01", "r4", "2025-02-03", {"valuetype": "string", "stringvalue": "", "formula": "of:=#REF!"})
    book.save(str(path))
    return path.read_bytes()


# odfpy calls a deprecated method of the standard library, but only tests use it.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_ods(centre: Any, survey: dict[str, Any], tmp_path: Path) -> None:
    centre.contract(survey, format={"type": "ods"})
    centre.land(ods(tmp_path / "made.ods"), "s.ods")
    assert centre.rows(COLUMNS)[:3] == EXPECTED
    assert centre.problems() == [(5, "spreadsheet_error", "q1", "#REF!")]


def test_nested_names_that_no_contract_takes(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "json"}, properties=nested(survey))
    centre.land(json.dumps([r | {"meta": {"device": "x"}} for r in records()]))
    [problem] = centre.refusal()
    assert (problem.rule, problem.column) == ("header_unknown", "meta.device")


def test_columns_known_and_not_taken(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(
        survey, ignored=["note*", "سبب*"], dropped=[{"physicalName": "phone*", "reason": "personal", "scan": True}]
    )
    centre.land("agency,note,id,phone1,answered,q1,سبب 2\na01,x,r1,0500000000,2025-02-03,4,y\n")
    assert centre.rows("response_id, value") == [("r1", 4)]
    [note] = centre.stage().notes
    assert (note.rule, note.column) == ("personal_data_dropped", "phone1")
    assert "1 cells" in note.message and "phone" in note.message and "0500000000" not in str(note)
