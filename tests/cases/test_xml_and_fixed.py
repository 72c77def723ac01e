"""XML of Open311, SDMX-ML and database dumps, and fixed-width lines."""

from typing import Any

import pytest

from tests.ingestion import conftest as shared

centre, survey, complaints = shared.centre, shared.survey, shared.complaints

# GeoReport v2 of Open311 (wiki.open311.org), abridged.
OPEN311 = """<?xml version="1.0" encoding="utf-8"?>
<service_requests>
  <request><service_request_id>638344</service_request_id><status>closed</status>
    <service_name>Sidewalk &amp; Curb</service_name><requested_datetime>2025-02-14T06:37:38-08:00</requested_datetime>
    <status_notes>Duplicate request.</status_notes><lat>37.7</lat></request>
  <request><service_request_id>638349</service_request_id><status>open</status>
    <service_name><![CDATA[مياه < صرف]]></service_name><requested_datetime>2025-02-15T06:37:38-08:00</requested_datetime>
    <status_notes/><agency_responsible xmlns:xsi="x" xsi:nil="true"/></request>
</service_requests>
"""
# SDMX-ML 2.1, structure-specific: dimensions of the series around each observation.
SDMX = """<message:StructureSpecificData xmlns:message="m"><message:DataSet>
<Series FREQ="A" AREA="N1"><Obs TIME_PERIOD="2025-02-03" OBS_VALUE="12"/><Obs TIME_PERIOD="2025-02-04" OBS_VALUE="13"/></Series>
<Series FREQ="A" AREA="N2"><Obs TIME_PERIOD="2025-02-05" OBS_VALUE="14"/></Series>
</message:DataSet></message:StructureSpecificData>"""
# SDMX-ML 2.1, generic: fields are named by an attribute; an empty one may lack its value (khaeru/sdmx#287).
GENERIC = """<g:DataSet xmlns:g="g"><g:Obs><g:ObsKey><g:Value id="AREA" value="N1"/><g:Value id="TIME" value="2025-02-03"/>
</g:ObsKey><g:ObsValue value="12"/><g:Value id="UNIT"></g:Value></g:Obs></g:DataSet>"""
# mysql --xml and mysqldump --xml.
MYSQL = """<?xml version="1.0"?><resultset statement="select 1" xmlns:xsi="x">
<row><field name="no">C1</field><field name="at">2025-02-03</field><field name="topic" xsi:nil="true"/></row></resultset>"""


def mapped(complaints: dict[str, Any], case: str, opened: str, category: str) -> dict[str, Any]:
    names = {"case_id": case, "opened_at": opened, "category": category}
    properties = [{"name": "agency_id", "constant": "a01"}]
    return complaints | {"properties": properties + [{"name": n, "physicalName": p} for n, p in names.items()]}


def test_open311(centre: Any, complaints: dict[str, Any]) -> None:
    base = mapped(complaints, "service_request_id", "requested_datetime", "service_name")
    centre.contract(base, format={"type": "xml", "recordPath": "service_requests/request"}, ignored=["*"])
    centre.land(OPEN311, "f.xml")
    assert centre.rows("source_row, case_id, category") == [
        (1, "638344", "Sidewalk & Curb"),
        (2, "638349", "مياه < صرف"),
    ]


@pytest.mark.parametrize(
    ("content", "form", "case", "opened", "category", "expected"),
    [
        (
            SDMX,
            {"recordPath": "Obs"},
            "@OBS_VALUE",
            "@TIME_PERIOD",
            "Series.@AREA",
            [("12", "N1"), ("13", "N1"), ("14", "N2")],
        ),
        (GENERIC, {"recordPath": "Obs", "nameAttribute": "id"}, "ObsValue.@value", "TIME", "AREA", [("12", "N1")]),
        (MYSQL, {"recordPath": "resultset/row", "nameAttribute": "name"}, "no", "at", "topic", [("C1", None)]),
    ],
)
def test_attributes_and_named_fields(
    centre: Any,
    complaints: dict[str, Any],
    content: str,
    form: dict[str, Any],
    case: str,
    opened: str,
    category: str,
    expected: list[tuple[str, str | None]],
) -> None:
    """eblondel/rsdmx#43 and dr-leo/pandaSDMX#225 (attributes of the series), mysql's own --xml."""
    centre.contract(mapped(complaints, case, opened, category), format={"type": "xml", **form}, ignored=["*"])
    centre.land(content, "f.xml")
    assert centre.rows("case_id, category") == expected


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (OPEN311[:400], "file_truncated"),
        (OPEN311.replace("</status>", "<status>", 1), "file_malformed"),
        (
            '<!DOCTYPE a [<!ENTITY b "ha">]><service_requests><request>&b;</request></service_requests>',
            "file_malformed",
        ),
        ("<service_requests></service_requests>", "xml_records"),
        ("<service_requests><request>" + "<a>" * 100_000, "file_malformed"),
        ("case,opened\n", "file_malformed"),
    ],
)
def test_xml_is_refused(centre: Any, complaints: dict[str, Any], content: str, rule: str) -> None:
    base = mapped(complaints, "service_request_id", "requested_datetime", "service_name")
    centre.contract(base, format={"type": "xml", "recordPath": "service_requests/request"}, ignored=["*"])
    centre.land(content, "f.xml")
    [problem] = centre.refusal()
    assert problem.rule == rule and problem.next_step


def test_repeated_elements_are_one_text(centre: Any, complaints: dict[str, Any]) -> None:
    base = mapped(complaints, "id", "at", "tag")
    centre.contract(base, format={"type": "xml", "recordPath": "c"}, ignored=["*"])
    centre.land("<l><c><id>1</id><at>2025-02-03</at><tag>a</tag><tag>b</tag><tag/></c></l>", "f.xml")
    assert centre.rows("category") == [("a; b",)]


def test_an_encoding_named_in_the_file(centre: Any, complaints: dict[str, Any]) -> None:
    base = mapped(complaints, "id", "at", "tag")
    centre.contract(base, format={"type": "xml", "recordPath": "c"})
    text = '<?xml version="1.0" encoding="windows-1256"?><l><c><id>1</id><at>2025-02-03</at><tag>مياه</tag></c></l>'
    centre.land(text.encode("windows-1256"), "f.xml")
    assert centre.rows("category") == [("مياه",)]


FIXED = {
    "type": "fixed",
    "columns": [
        {"name": "agency", "start": 1, "width": 3},
        {"name": "id", "start": 4, "width": 3},
        {"name": "answered", "start": 7, "width": 10},
        {"name": "q1", "start": 17, "width": 2},
    ],
}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "windows-1256", "utf-16"])
def test_fixed_width(centre: Any, survey: dict[str, Any], encoding: str) -> None:
    """Characters, not bytes: an Arabic label stands in as many places as it has letters."""
    scale = survey["scales"]["five"] | {"labels": {"نص": 3}}
    centre.contract(survey | {"scales": {"five": scale}}, format=FIXED | {"encoding": encoding, "skipRows": 1})
    centre.land("REPORT 1\na01r1 2025-02-03 4\n\na02r2 2025-02-04نص\r\n".encode(encoding))
    assert centre.rows("source_row, agency_id, response_id, value") == [(2, "a01", "r1", 4), (4, "a02", "r2", 3)]


def test_fixed_width_with_a_trailer(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format=FIXED, rows={"until": "^EOF$"})
    centre.land("a01r1 2025-02-03 4\na01r2 2025-02-03\nEOF 000002\n")
    assert centre.rows("response_id, value") == [("r1", 4), ("r2", None)]
    [note] = centre.stage().notes
    assert note.rule == "rows_below_table"


def test_fixed_width_in_one_endless_line(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format=FIXED)
    centre.land("a01r1 2025-02-03 4" * 100_000)
    [problem] = centre.refusal()
    assert problem.rule == "field_too_long" and problem.row == 1
