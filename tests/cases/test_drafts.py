"""A first contract drafted from a file: it validates, it takes the file, and what it could not know it asks.

Belongs here: files as agencies send them, and what their drafts say. Does not belong here: recipes (`test_recipes`).
"""

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion.contract import Contract, load_contract
from ingestion.draft import Draft, draft
from ingestion.sniffing import format_of
from miyar.errors import MiyarError
from miyar.registry import load_registry
from tests.cases.test_containers import zipped
from tests.cases.test_recipes import QUALTRICS, ZENDESK
from tests.cases.test_xml_and_fixed import GENERIC, MYSQL, OPEN311, SDMX
from tests.ingestion.conftest import Centre, build

ITEMS = {"overall_satisfaction": ["الرضا العام", "Overall satisfaction"], "speed": ["السرعة", "Speed"]}


def drafted(folder: Path, content: str | bytes, feed: str, name: str = "f.csv") -> tuple[Draft, Contract, Centre]:
    """The draft of a file, loaded as a contract, and a centre to which the file was delivered under it."""
    centre = build(folder / "centre")
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    made = draft(file, feed, "a01", centre.workspace, load_registry(centre.root / "registry"), ITEMS)
    path = centre.root / "registry" / "contracts" / "a01" / f"{feed}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(made.text, "utf-8")
    centre.land(file.read_bytes(), name, "a01", feed)
    return made, load_contract(path), centre


def source(contract: Contract, name: str) -> Any:
    props = [*contract.properties, *(prop for record in contract.records for prop in record.properties)]
    found = [prop for prop in props if prop.name == name]
    return found[0].physical_name if found else None


def test_arabic_survey_in_an_old_encoding(tmp_path: Path) -> None:
    lines = ["رقم الاستبانة;تاريخ الإجابة;الرضا العام;الجوال;ملاحظات المدير"]
    answers = ["راض جدا", "راض", "محايد", "غير راض", "غير راض جدا", "لا أعرف"]
    lines += [f"{n};1447/04/0{n + 1};{answer};050000000{n};x{n}" for n, answer in enumerate(answers)]
    made, contract, centre = drafted(tmp_path, "\r\n".join(lines).encode("windows-1256"), "survey_responses")
    assert contract.format.model_dump(include={"type", "encoding", "delimiter"}) == {
        "type": "csv", "encoding": "windows-1256", "delimiter": ";",
    }  # fmt: skip
    assert source(contract, "response_id") == "رقم الاستبانة"
    [responded] = [prop for prop in contract.properties if prop.name == "responded_at"]
    assert (responded.physical_name, responded.calendar) == ("تاريخ الإجابة", "umm_al_qura")
    assert [drop.physical_name for drop in contract.dropped] == ["الجوال"]
    assert contract.ignored == ["ملاحظات المدير"]
    assert any("ملاحظات المدير" in question for question in made.questions)
    assert centre.rows("item, value, answer_status, scale_min, scale_max")[0] == (
        "overall_satisfaction", 5, "answered", 1, 5,
    )  # fmt: skip
    assert [status for (status,) in centre.rows("answer_status")][-1] == "dont_know"
    assert centre.problems() == []


def test_complaints_with_days_first(tmp_path: Path) -> None:
    content = (
        "Case number,Date opened,Closed on,Channel,Subject area,Email\n"
        "C-1,13/10/2025 09:12,14/10/2025 10:00,Phone,Roads,a@example.invalid\n"
        "C-2,02/10/2025 10:00,,Website,Water,b@example.invalid\n"
    )
    made, contract, centre = drafted(tmp_path, content, "complaints")
    assert (source(contract, "case_id"), source(contract, "opened_at"), source(contract, "closed_at")) == (
        "Case number", "Date opened", "Closed on",
    )  # fmt: skip
    assert [drop.physical_name for drop in contract.dropped] == ["Email"]
    assert centre.rows("case_id, opened_at, closed_at, channel") == [
        ("C-1", dt.datetime(2025, 10, 13, 9, 12), dt.datetime(2025, 10, 14, 10), "phone"),
        ("C-2", dt.datetime(2025, 10, 2, 10), None, "website"),
    ]
    assert made.questions == []


def test_days_or_months_first_is_asked(tmp_path: Path) -> None:
    made, _, _ = drafted(tmp_path, "Case number,Date opened\nC-1,02/10/2025\nC-2,03/04/2025\n", "complaints")
    assert any("day" in question and "month" in question and "Date opened" in question for question in made.questions)


def test_usage_with_units_and_quarters(tmp_path: Path) -> None:
    content = "الفترة;المعاملات المبدوءة;المعاملات المكتملة;التكلفة\nالربع الثالث 2025;1.200;1.100;SAR 12,50\n"
    _, contract, centre = drafted(tmp_path, "\ufeff" + content, "service_usage")
    assert (source(contract, "period_id"), source(contract, "started"), source(contract, "completed")) == (
        "الفترة", "المعاملات المبدوءة", "المعاملات المكتملة",
    )  # fmt: skip
    assert centre.rows("period_id, started, completed, cost") == [("2025Q3", 1200, 1100, 12.5)]


def test_several_questions_become_records(tmp_path: Path) -> None:
    rows = "".join(f"r{n},2025-10-0{n},{n},{6 - n},ok\n" for n in range(1, 6))
    made, contract, centre = drafted(
        tmp_path, f"Response ID,Submitted at,Overall satisfaction,Speed,Comment\n{rows}", "survey_responses"
    )
    assert [record.properties[0].constant for record in contract.records] == ["overall_satisfaction", "speed"]
    assert centre.rows("item, value")[:2] == [("overall_satisfaction", 1), ("speed", 5)]
    assert any("best" in question for question in made.questions)
    assert any("Comment" in question for question in made.questions)


def test_json_and_the_recipe_of_a_known_export(tmp_path: Path) -> None:
    _, contract, centre = drafted(tmp_path, ZENDESK, "complaints", "f.json")
    assert contract.extends == "zendesk"
    assert centre.rows("case_id") == [("35",)]
    (tmp_path / "q").mkdir()
    made, contract, _ = drafted(tmp_path / "q", QUALTRICS, "survey_responses")
    assert contract.extends == "qualtrics"
    assert any("Q1" in question for question in made.questions)


def test_what_a_feed_needs_and_no_column_gives_is_asked(tmp_path: Path) -> None:
    made, contract, _ = drafted(tmp_path, "met,total\n80,100\n", "service_standards")
    # A standard without an id is known by its row, so only the period has to be asked.
    assert [question for question in made.questions if "period_id" in question] == made.questions != []
    assert yaml.safe_load(made.text)["covers"] == ["a01"] and contract.feed == "service_standards"


def test_an_unknown_feed_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(MiyarError, match="survey_responses"):
        drafted(tmp_path, json.dumps([{"a": 1}]), "surveys", "f.json")


def test_the_same_file_gives_the_same_draft(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    texts = [
        drafted(tmp_path / name, "Case number,Date opened,X\nC-1,2025-10-02,y\n", "complaints")[0].text
        for name in ("a", "b")
    ]
    assert texts[0] == texts[1]


def test_months_are_days_of_the_feed_not_quarters(tmp_path: Path) -> None:
    """Three months of one quarter would be rows of one key."""
    content = "الشهر;القناة;المعاملات المكتملة\n2025-10;الموقع;800\n2025-11;الموقع;810\n2025-12;الفرع;500\n"
    made, contract, centre = drafted(tmp_path, content, "service_usage")
    assert source(contract, "used_on") == "الشهر" and source(contract, "period_id") is None
    assert centre.rows("used_on, channel, completed, period_id")[0] == (dt.date(2025, 10, 1), "website", 800, "2025Q4")
    assert made.questions == []


def twice(content: str, name: str) -> str:
    """The document with its only record twice."""
    begin, end = content.index(f"<{name}>"), content.index(f"</{name}>") + len(f"</{name}>")
    return content[:end] + content[begin:]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (OPEN311, {"type": "xml", "recordPath": "service_requests/request"}),
        # The observations, and not the series around them.
        (SDMX, {"type": "xml", "recordPath": "StructureSpecificData/DataSet/Series/Obs"}),
        (twice(MYSQL, "row"), {"type": "xml", "recordPath": "resultset/row", "nameAttribute": "name"}),
        (twice(GENERIC, "g:Obs"), {"type": "xml", "recordPath": "DataSet/Obs", "nameAttribute": "id"}),
        ("<l><c><id>1</id><tag>a</tag><tag>b</tag></c><c><id>2</id></c></l>", {"type": "xml", "recordPath": "l/c"}),
    ],
    ids=["open311", "sdmx", "mysql", "generic", "repeated-leaves"],
)  # fmt: skip
def test_the_records_of_xml(tmp_path: Path, content: str, form: dict[str, Any]) -> None:
    file = tmp_path / "f.xml"
    file.write_text(content, "utf-8")
    assert format_of(file) == form


def test_xml_of_complaints(tmp_path: Path) -> None:
    made, contract, centre = drafted(tmp_path, OPEN311, "complaints", "f.xml")
    assert (source(contract, "case_id"), source(contract, "opened_at")) == ("service_request_id", "requested_datetime")
    assert any("service_requests/request" in question for question in made.questions)
    assert centre.stage().records == 2


def test_columns_of_fixed_width(tmp_path: Path) -> None:
    lines = [
        "Case number  Date opened  Channel",
        "C-1          2025-10-02   Phone",
        "C-2          2025-10-03   Website",
    ]
    made, contract, centre = drafted(tmp_path, "\n".join(lines) + "\n", "complaints", "f.txt")
    assert contract.format.model_dump(by_alias=True, exclude_defaults=True) == {
        "type": "fixed", "skipRows": 1, "columns": [
            {"name": "Case number", "start": 1, "width": 13}, {"name": "Date opened", "start": 14, "width": 13},
            {"name": "Channel", "start": 27, "width": 7},
        ],
    }  # fmt: skip
    assert centre.rows("case_id, channel") == [("C-1", "phone"), ("C-2", "website")]
    assert any("format.columns" in question for question in made.questions)


def test_numbers_to_the_right_and_no_header(tmp_path: Path) -> None:
    for name, lines, expected in (
        ("a.txt", ["Name    Count", "ab 1        5", "cde 2      15"], [("Name", 1, 8), ("Count", 9, 5)]),
        ("b.txt", ["a01  2025-02-03   4", "a02  2025-02-04  12", "a03  2025-02-05   7"],
         [("column 1", 1, 5), ("column 2", 6, 12), ("column 3", 18, 2)]),
    ):  # fmt: skip
        (tmp_path / name).write_text("\n".join(lines) + "\n", "utf-8")
        columns = format_of(tmp_path / name)["columns"]
        assert [(one["name"], one["start"], one["width"]) for one in columns] == expected


@pytest.mark.parametrize("kind", ["zip", "gzip"])
def test_tables_of_an_archive(tmp_path: Path, kind: str) -> None:
    table = "Case number;Date opened\nC-1;2025-10-02\n"
    content = gzip.compress(table.encode())
    if kind == "zip":
        content = zipped(
            {"b.csv": table.replace("C-1", "C-2"), "a.csv": table, "readme.txt": "x", "__MACOSX/._a.csv": "y"}
        )
    made, contract, centre = drafted(tmp_path, content, "complaints", f"f.csv.{kind[:2]}")
    assert (contract.format.compression, contract.format.members) == (kind, "*.csv" if kind == "zip" else "*")
    assert centre.rows("case_id") == [("C-1",), ("C-2",)][: 2 if kind == "zip" else 1]
    assert any("format.members" in question for question in made.questions) == (kind == "zip")


def test_an_archive_without_a_table(tmp_path: Path) -> None:
    with pytest.raises(MiyarError, match=r"no table is in the archive; it holds 'a\.exe'"):
        drafted(tmp_path, zipped({"a.exe": "x"}), "complaints", "f.zip")
    with pytest.raises(MiyarError, match="cannot be opened"):
        drafted(tmp_path / "b", zipped({"a.csv": "x" * 500})[:-30], "complaints", "f.zip")
