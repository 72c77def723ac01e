"""Delivered text that could reach a page: hidden characters, lengths, and units that no registry names."""

import ast
import json
import unicodedata
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import patterns, plain_text, values
from ingestion.contract import load_contracts
from ingestion.landing import discover

HIDDEN = {
    "nul": "a\x00b",
    "escape": "a\x1bb",
    "tab": "a\tb",
    "line feed": "a\nb",
    "delete": "a\x7fb",
    "next line (C1)": "a\x85b",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
    "right-to-left override": "a\u202eb",
    "left-to-right embedding": "a\u202ab",
    "first strong isolate": "a\u2068b",
    "direction mark within": "a\u200fb",
    "zero width space": "a\u200bb",
    "word joiner": "a\u2060b",
    "soft hyphen": "a\u00adb",
    "byte order mark within": "a\ufeffb",
    "tag character": "a\U000e0041b",
    "joiner between Latin letters": "a\u200db",
    "joiner at the end of a word": "می\u200c",
    "private use": "a\ue000b",
    "noncharacter": "a\ufffeb",
    "unassigned": "a\u0378b",
}
PLAIN = [
    "r1",
    "الرياض",
    "فرع الشمال - ١",
    "می\u200cخواهم",  # Persian: the non-joiner belongs to the spelling
    "نو\u200dک",  # Urdu: so does the joiner
    "مُحَمَّد",  # marks
    "naïve €5 (a/b) № 7",
    "a\u00a0b",  # no-break space, of forms in the web
    "😀",
]


def _lines(*ids: str, **more: str) -> str:
    base = {"agency": "a01", "answered": "2025-02-03", "q1": "4"}
    return "".join(json.dumps(base | {"id": one} | more) + "\n" for one in ids)


@pytest.fixture(params=[2_000, 1], ids=["one by one", "in the engine"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short files are looked at text by text, long ones by the engine."""
    monkeypatch.setattr("ingestion.text_faults.LOOKED_AT", request.param)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_hidden_characters_in_ids_are_refused_and_never_shown(centre: Any, survey: dict[str, Any], text: str) -> None:
    centre.contract(survey, format={"type": "ndjson"})
    centre.land(_lines("r1", text, "r3"), "f.ndjson")
    assert centre.problems() == [(2, "text_hidden", "response_id", "")]


@pytest.mark.parametrize("text", PLAIN)
def test_what_people_write_is_taken(centre: Any, survey: dict[str, Any], text: str) -> None:
    centre.contract(survey, format={"type": "ndjson"})
    centre.land(_lines(text), "f.ndjson")
    assert centre.problems() == []
    assert plain_text.is_plain(text)


@pytest.mark.usefixtures("either_way")
def test_prose_may_have_lines_and_direction_marks_and_no_override(centre: Any, survey: dict[str, Any]) -> None:
    prose = {"name": "touchpoint", "physicalName": "where", "optional": True}
    centre.contract(survey, format={"type": "ndjson"}, properties=[*survey["properties"], prose])
    centre.land(
        _lines("r1", where="counter\nhall \u200f(1)")
        + _lines("r2", where="👩\u200d🚒")
        + _lines("r3", where="a\u202eb"),
        "f.ndjson",
    )
    assert centre.problems() == [(3, "text_hidden", "touchpoint", "")]


@pytest.mark.usefixtures("either_way")
def test_hidden_characters_in_what_becomes_a_pseudonym_would_make_two_people_of_one(
    centre: Any, survey: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIYAR_PSEUDONYM_KEY", "k")
    person = {"name": "beneficiary", "physicalName": "person", "treatment": "pseudonymise"}
    centre.contract(survey, format={"type": "ndjson"}, properties=[*survey["properties"], person])
    centre.land(_lines("r1", person="1000\u200b000008") + _lines("r2", person="1000000008"), "f.ndjson")
    assert centre.problems() == [(1, "text_hidden", "beneficiary", "")]


def test_a_lone_half_of_a_surrogate_pair_is_no_json(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "ndjson"})
    centre.land(
        '{"agency": "a01", "answered": "2025-02-03", "q1": "4", "id": "a\\ud800b"}\n' + _lines("r2"), "f.ndjson"
    )
    [problem] = centre.refusal()
    assert (problem.rule, problem.row) == ("file_malformed", 1)


@pytest.mark.usefixtures("either_way")
def test_the_longest_id_is_taken_and_one_more_character_is_not(centre: Any, survey: dict[str, Any]) -> None:
    longest = plain_text.limits()["id"]
    centre.contract(survey, format={"type": "ndjson"})
    centre.land(_lines("x" * longest, "ي" * longest, "x" * (longest + 1)), "f.ndjson")
    assert centre.problems() == [(3, "text_long", "response_id", "")]


def _usage(column: str) -> dict[str, Any]:
    return {
        "feed": "service_usage",
        "properties": [
            {"name": "agency_id", "constant": "a01"},
            {"name": "used_on", "physicalName": "day"},
            {"name": column, "physicalName": "unit"},
            {"name": "completed", "physicalName": "n"},
        ],
    }


def test_a_slogan_is_no_region(centre: Any) -> None:
    """A region is everybody's: what one agency calls it would stand on the pages of all."""
    centre.contract(_usage("region_id"))
    centre.land("day,unit,n\n2025-10-01,XX-01,1\n2025-10-02,Vote for harbours!,2\n2025-10-03,VOTE,2\n")
    assert [(row, rule, column) for row, rule, column, _ in centre.problems()] == [
        (3, "unit_unknown", "region_id"),
        (4, "unit_unknown", "region_id"),
    ]


def test_a_region_that_only_the_contract_names_is_refused_too(centre: Any) -> None:
    base = _usage("region_id")
    constant = [p | ({"constant": "XX-77"} if p["name"] == "region_id" else {}) for p in base["properties"]]
    constant = [{k: v for k, v in p.items() if k != "physicalName" or "constant" not in p} for p in constant]
    centre.contract(base | {"properties": constant})
    centre.land("day,n\n2025-10-01,1\n")
    assert [(row, rule, column) for row, rule, column, _ in centre.problems()] == [(2, "unit_unknown", "region_id")]


def test_rows_of_an_unknown_region_are_read_again_when_the_registry_has_it(centre: Any) -> None:
    centre.contract(_usage("region_id"))
    centre.land("day,unit,n\n2025-10-01,XX-09,1\n")
    before = centre.stage()
    assert before.names["regions"] is None
    registered = centre.root / "registry" / "regions.csv"
    registered.write_text(registered.read_text("utf-8") + "XX-09,الشرق,East,\n", "utf-8")
    assert centre.problems() == []
    assert centre.stage().names_hash != before.names_hash


def test_a_unit_that_no_registry_names_has_an_id_and_not_a_sentence(centre: Any) -> None:
    centre.contract(_usage("service_id"))
    centre.land(
        "day,unit,n\n2025-10-01,a01-s1,1\n2025-10-02,a01-s9,2\n2025-10-03,The best service ever,2\n"
        "2025-10-04,a01/other,3\n2025-10-05,خدمة-٩,3\n"
    )
    assert [(row, rule, column) for row, rule, column, _ in centre.problems()] == [
        (4, "id_form", "service_id"),
        (5, "id_form", "service_id"),
    ]


def test_a_registered_unit_may_be_called_anything(centre: Any) -> None:
    services = centre.root / "registry" / "services.csv"
    services.write_text(services.read_text("utf-8") + "permit of mooring,a01,تصريح,Permit,,\n", "utf-8")
    centre.contract(_usage("service_id"))
    centre.land("day,unit,n\n2025-10-01,permit of mooring,1\n")
    assert centre.problems() == []


def test_without_a_registry_of_regions_an_id_is_all_there_may_be(centre: Any) -> None:
    (centre.root / "registry" / "regions.csv").unlink()
    centre.contract(_usage("region_id"))
    centre.land("day,unit,n\n2025-10-01,XX-09,1\n2025-10-02,Vote for harbours!,2\n")
    assert [(row, rule) for row, rule, *_ in centre.problems()] == [(3, "id_form")]


def test_every_character_is_judged_alike_in_python_and_in_sql() -> None:
    """Two tables of Unicode, of the standard library and of RE2, differ only in what the older does not know yet."""
    points = [point for point in range(1, 0x110000) if not 0xD800 <= point <= 0xDFFF]
    with duckdb.connect() as connection:
        connection.execute("create table points as select unnest(?::int[]) as point", [points])
        found = connection.execute(f"select point from points where {plain_text.hidden_sql('chr(point)')}").fetchall()
    in_python = {point for point in points if not plain_text.is_plain(chr(point))}
    differing = in_python ^ {point for (point,) in found}
    assert {unicodedata.category(chr(point)) for point in differing} <= {"Cn"}
    assert not any(chr(point).isalnum() and chr(point).isascii() for point in in_python)


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_a_masked_value_hides_no_character(text: str) -> None:
    shown = patterns.mask(text)
    assert plain_text.is_plain(shown)
    with duckdb.connect() as connection:
        values.install(connection)
        connection.execute("set variable given = ?", [text])
        row = connection.execute(f"""select {patterns.mask_sql("getvariable('given')")}""").fetchone()
    assert row == (shown,)


@pytest.mark.parametrize("name", ["a\u202evsc.csv", "a\u2028b.csv", "a\nb.csv", "a\x1b[31m.csv"])
def test_a_file_name_with_hidden_characters_is_told_and_stops_nobody(
    centre: Any, survey: dict[str, Any], name: str
) -> None:
    centre.contract(survey)
    centre.land("agency,id,answered,q1\na01,r1,2025-02-03,4\n", "good.csv")
    centre.land("agency,id,answered,q1\na01,r2,2025-02-03,4\n", name)
    deliveries, (problem,) = discover(centre.workspace, load_contracts(centre.root / "registry"))
    assert [one.relative for one in deliveries] == ["good.csv"]
    assert problem.rule == "file_unmatched" and plain_text.is_plain(str(problem))


def test_only_a_line_feed_ends_a_line_of_a_file() -> None:
    """Texts split into lines are also cut at U+2028, U+0085 and control characters, which a cell may hold; bytes are not."""
    root = Path(plain_text.__file__).parent.parent
    rooms = [path.parent for path in root.glob("*/__init__.py") if path.parent.name != "tests"]
    found = []
    for path in sorted(file for room in rooms for file in room.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "splitlines":
                receiver = ast.unparse(node.value)
                if not receiver.startswith("str(error)") and not receiver.endswith(".read_bytes()"):
                    found.append(f"{path.relative_to(root)}: {receiver}")
    assert found == []
