"""Recipes for the exports people have: each on a sample rebuilt from its program's documentation, down to quotes and headers.

Belongs here: one small sample per recipe. Does not belong here: formats and values themselves.
"""

# ruff: noqa: E501 - the samples keep the lines of the files they are rebuilt from
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from ingestion.contract import load_contract
from ingestion.recipes import load_recipes
from miyar.errors import MiyarError
from tests.ingestion.conftest import build

AGENCY = {"name": "agency_id", "constant": "a01"}
LABELS = {"Very satisfied": 5, "Satisfied": 4, "Neutral": 3, "راضٍ": 4, "راضٍ جدًا": 5}
SCALES = {"five": {"family": "satisfaction_5", "min": 1, "max": 5, "labels": LABELS}}


def question(header: str | list[str]) -> list[dict[str, Any]]:
    return [
        AGENCY,
        {"name": "item", "constant": "overall_satisfaction"},
        {"name": "wording_version", "constant": "w1"},
        {"name": "scale", "constant": "five"},
        {"name": "value", "physicalName": header},
    ]


QUALTRICS = (
    "\ufeffStartDate,EndDate,Status,IPAddress,Progress,Duration (in seconds),Finished,RecordedDate,ResponseId,RecipientLastName,"
    "RecipientFirstName,RecipientEmail,ExternalReference,LocationLatitude,LocationLongitude,DistributionChannel,UserLanguage,Q1\n"
    'Start Date,End Date,Response Type,IP Address,Progress,Duration (in seconds),Finished,Recorded Date,Response ID,Recipient '
    'Last Name,Recipient First Name,Recipient Email,External Data Reference,Location Latitude,Location Longitude,Distribution '
    'Channel,User Language,"How satisfied are you\nwith the service?"\n'
    + ",".join(f'"{{""ImportId"":""{name}""}}"' for name in ("startDate", "endDate", "status", "ipAddress", "progress", "duration",
      "finished", "recordedDate", "_recordId", "recipientLastName", "recipientFirstName", "recipientEmail", "externalDataReference",
      "locationLatitude", "locationLongitude", "distributionChannel", "userLanguage", "QID1")) + "\n"
    "2025-10-01 09:10:00,2025-10-01 09:12:00,IP Address,10.0.0.1,100,120,True,2025-10-01 09:12:01,R_1aBcD,,,,,24.7,46.7,anonymous,AR,Very satisfied\n"
    "2025-10-01 09:10:00,2025-10-01 09:11:00,Survey Preview,10.0.0.1,100,60,True,2025-10-01 09:11:01,R_2aBcD,,,,,,,preview,EN,Neutral\n"
    "2025-10-01 09:10:00,2025-10-01 09:11:00,IP Address,10.0.0.1,40,60,False,2025-10-01 09:11:01,R_3aBcD,,,,,,,anonymous,EN,Neutral\n"
)  # fmt: skip
SURVEYMONKEY = (
    "Respondent ID,Collector ID,Date Created,Date Modified,IP Address,Email Address,First Name,Last Name,Custom Data 1,"
    "How satisfied are you?\n,,,,,,,,,Response\n"
    "118,455,10/01/2025 09:10:00 AM,10/01/2025 09:12:33 PM,10.0.0.1,,,,,Very satisfied\n"
)
LIMESURVEY = (
    '"id","submitdate","lastpage","startlanguage","seed","startdate","datestamp","ipaddr","refurl","SAT"\n'
    '"1","2025-10-01 09:12:33","3","ar","1234","2025-10-01 09:10:00","2025-10-01 09:12:33","10.0.0.1","","5"\n'
    '"2","","1","ar","1235","2025-10-01 09:10:00","2025-10-01 09:10:20","10.0.0.1","",""\n'
)
KOBO = (
    '\ufeff"start";"end";"deviceid";"satisfaction";"_location_latitude";"_id";"_uuid";"_submission_time";"_validation_status";'
    '"_notes";"_status";"_submitted_by";"__version__";"_tags";"_index"\n'
    '"2025-10-01T09:10:00.000+03:00";"2025-10-01T09:12:00.000+03:00";"ee.x:1";"4";"24.7";"118";"5f1c-uuid";"2025-10-01T06:12:33";"";'
    '"";"submitted_via_web";"";"vAbC";"";"1"\n'
)
GOOGLE = (
    '"Timestamp","Email Address","How satisfied are you?"\n'
    '"2025/10/01 9:12:33 PM GMT+3","x@example.invalid","Satisfied"\n'
)  # fmt: skip
GOOGLE_ARABIC = '"طابع زمني","ما مدى رضاك؟"\n"2025/10/01 9:12:33 م غرينتش+3","راضٍ جدًا"\n'
OPEN311 = json.dumps([{
    "service_request_id": "638344", "status": "open", "status_notes": "", "service_name": "Sidewalk", "service_code": "006",
    "description": "A hole", "agency_responsible": None, "service_notice": None, "requested_datetime": "2025-10-01T09:12:33-05:00",
    "updated_datetime": "2025-10-02T09:12:33-05:00", "expected_datetime": "2025-10-15T09:12:33-05:00", "address": "8TH AVE",
    "address_id": "545483", "zipcode": "94122", "lat": 37.76, "long": -122.4, "media_url": None,
}])  # fmt: skip
ZENDESK = json.dumps({"tickets": [{
    "url": "https://x.example.invalid/api/v2/tickets/35.json", "id": 35, "external_id": None, "created_at": "2025-10-01T09:12:33Z",
    "updated_at": "2025-10-02T09:12:33Z", "type": "incident", "subject": "Help", "raw_subject": "Help", "description": "My fire",
    "priority": "high", "status": "solved", "recipient": "s@example.invalid", "requester_id": 1, "submitter_id": 2, "assignee_id": 3,
    "organization_id": 4, "group_id": 5, "collaborator_ids": [6], "follower_ids": [], "has_incidents": False, "due_at": None,
    "tags": ["a"], "via": {"channel": "web"}, "custom_fields": [], "satisfaction_rating": {"score": "good"},
    "sharing_agreement_ids": [], "metric_set": {"solved_at": "2025-10-02T09:12:33Z", "reopens": 1, "replies": 2},
}], "next_page": None, "count": 1})  # fmt: skip
SERVICENOW = json.dumps({"result": [{
    "number": "CS0001", "sys_id": "x", "sys_created_by": "y", "opened_at": "2025-10-01 09:12:33", "resolved_at": "2025-10-02 09:12:33",
    "closed_at": "", "due_date": "", "reopen_count": "0", "category": "inquiry", "contact_type": "phone", "state": "6",
    "short_description": "x", "caller_id": {"link": "l", "value": "v"}, "priority": "3", "work_notes": "",
}]})  # fmt: skip
SOCRATA = json.dumps([{
    "unique_key": "59", "created_date": "2025-10-01T09:12:33.000", "closed_date": "2025-10-02T09:12:33.000", "agency": "DOT",
    "agency_name": "Transport", "complaint_type": "Street Light", "descriptor": "Out", "incident_zip": "1", "street_name": "X",
    "incident_address": "1 X", "open_data_channel_type": "PHONE", "status": "Closed", "latitude": "40.7",
    "location": {"latitude": "40.7", "longitude": "-73.9"},
}])  # fmt: skip
MATOMO = "date,nb_uniq_visitors,nb_visits,nb_actions,nb_visits_converted,bounce_count,sum_visit_length,max_actions,nb_conversions\n2025-10-01,80,100,300,40,20,9000,12,45\n"
NOON = dt.datetime(2025, 10, 1, 9, 12, 33)
SAMPLES: dict[str, tuple[str, str, list[dict[str, Any]], str, list[tuple[Any, ...]]]] = {
    # name: (recipe, file, properties, columns asked for, rows)
    "qualtrics": ("qualtrics", QUALTRICS, question("Q1"), "response_id, responded_at, value",
                  [("R_1aBcD", dt.datetime(2025, 10, 1, 9, 12, 1), 5)]),
    "surveymonkey": ("surveymonkey", SURVEYMONKEY, question("How satisfied are you? / Response"), "response_id, responded_at, value",
                     [("118", dt.datetime(2025, 10, 1, 21, 12, 33), 5)]),
    "limesurvey": ("limesurvey", LIMESURVEY, question("SAT"), "response_id, responded_at, value", [("1", NOON, 5)]),
    "kobotoolbox": ("kobotoolbox", KOBO, question("satisfaction"), "response_id, responded_at, invited_at, value",
                    [("5f1c-uuid", dt.datetime(2025, 10, 1, 6, 12, 33), dt.datetime(2025, 10, 1, 6, 10), 4)]),
    "google_forms": ("google_forms", GOOGLE, question("How satisfied are you?"), "responded_at, value",
                     [(dt.datetime(2025, 10, 1, 18, 12, 33), 4)]),
    "google_forms_ar": ("google_forms", GOOGLE_ARABIC, question("ما مدى رضاك؟"), "responded_at, value",
                        [(dt.datetime(2025, 10, 1, 18, 12, 33), 5)]),
    "open311": ("open311", OPEN311, [AGENCY], "case_id, opened_at, due_at, category",
                [("638344", dt.datetime(2025, 10, 1, 14, 12, 33), dt.datetime(2025, 10, 15, 14, 12, 33), "Sidewalk")]),
    "zendesk": ("zendesk", ZENDESK, [AGENCY], "case_id, opened_at, resolved_at, reopened_count, channel",
                [("35", NOON, dt.datetime(2025, 10, 2, 9, 12, 33), 1, "website")]),
    "servicenow": ("servicenow", SERVICENOW, [AGENCY], "case_id, opened_at, resolved_at, closed_at, channel",
                   [("CS0001", NOON, dt.datetime(2025, 10, 2, 9, 12, 33), None, "phone")]),
    "socrata": ("socrata", SOCRATA, [AGENCY], "case_id, opened_at, closed_at, category, channel",
                [("59", NOON, dt.datetime(2025, 10, 2, 9, 12, 33), "Street Light", "phone")]),
    "matomo": ("matomo", MATOMO, [AGENCY], "used_on, channel, started, completed", [(dt.date(2025, 10, 1), "website", 100, 45)]),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_recipe_reads_a_faithful_sample(tmp_path: Path, name: str) -> None:
    recipe, content, properties, columns, rows = SAMPLES[name]
    base = load_recipes()[recipe].contract
    centre = build(tmp_path / "centre")
    more = {"scales": SCALES} if base["feed"] == "survey_responses" else {}
    # The format comes from the recipe alone.
    centre.contract({"feed": base["feed"], "properties": properties}, extends=recipe, format={}, **more)
    centre.land(content, "f.json" if base["format"]["type"] == "json" else "f.csv")
    assert centre.problems() == []
    assert centre.rows(columns) == rows


def test_microsoft_forms(tmp_path: Path) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    centre = build(tmp_path / "centre")
    centre.contract(
        {"feed": "survey_responses", "properties": question("How satisfied are you?")},
        extends="microsoft_forms", format={}, scales=SCALES,
    )  # fmt: skip
    path = centre.land(b"", "f.xlsx")
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("Sheet1")
        moment = book.add_format({"num_format": "m/d/yy h:mm:ss"})
        sheet.write_row(0, 0, ["ID", "Start time", "Completion time", "Email", "Name", "How satisfied are you?"])
        sheet.write_number(1, 0, 1)
        sheet.write_datetime(1, 1, dt.datetime(2025, 10, 1, 9, 10), moment)
        sheet.write_datetime(1, 2, NOON, moment)
        sheet.write_row(1, 3, ["anonymous", "", "Satisfied"])
    assert centre.rows("response_id, responded_at, value") == [("1", NOON, 4)]


def test_every_recipe_is_tried() -> None:
    assert {recipe for recipe, *_ in SAMPLES.values()} | {"microsoft_forms"} == set(load_recipes())


def test_the_contract_is_laid_over_its_recipe(tmp_path: Path) -> None:
    centre = build(tmp_path / "centre")
    centre.contract(
        {"feed": "survey_responses", "properties": [*question("Q1"), {"name": "mode", "physicalName": "DistributionChannel",
         "labels": {"anonymous": "web"}}, {"name": "responded_at", "physicalName": "EndDate"}]},
        extends="qualtrics", format={"delimiter": ";"}, scales=SCALES, ignored=["Q9"],
    )  # fmt: skip
    contract = load_contract(centre.root / "registry" / "contracts" / "p1" / "survey_responses.yml")
    assert (contract.format.skip_below_header, contract.format.delimiter) == (2, ";")  # type: ignore[union-attr]
    mapped = {prop.name: prop.physical_name for prop in contract.properties}
    assert (mapped["responded_at"], mapped["response_id"]) == ("EndDate", "ResponseId")
    assert "Q9" in contract.ignored and "UserLanguage" in contract.ignored
    assert "EndDate" not in contract.ignored and "DistributionChannel" not in contract.ignored


def test_an_unknown_recipe_is_told_with_the_nearest(tmp_path: Path) -> None:
    centre = build(tmp_path / "centre")
    centre.contract({"feed": "complaints", "properties": [AGENCY]}, extends="zendeks")
    with pytest.raises(MiyarError, match="did you mean 'zendesk'"):
        load_contract(centre.root / "registry" / "contracts" / "p1" / "complaints.yml")
