"""What was accepted stays: reading a file again under other settings never takes accepted rows away by itself.

Kind: reading again under today's settings what was accepted under earlier ones. transferwise/pipelinewise#216 (history
is not touched when configuration is imported again).

Belongs here: when a file is read again, and what becomes of the account it has. Does not belong here: withdrawal.
"""

import errno
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.rereading import accept_reading, read_proposals
from miyar.errors import MiyarError
from tests.cases.deliveries import SURVEY, Centre, answers

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
Q3, Q4 = "survey_responses|water|2025Q3", "survey_responses|water|2025Q4"


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    """Two quarters accepted; since then the first was closed."""
    centre = Centre(tmp_path / "centre")
    centre.contract(SURVEY)
    centre.land("2025Q3.csv", answers(40, "2025-07-15"))
    centre.land("2025Q4.csv", answers(40, "2025-10-15", begin=101))
    assert [account.accepted for account in centre.receive().accounts] == [40, 40]
    centre.open_periods("2025Q4", "2026Q4")
    return centre


def rows(centre: Centre) -> list[tuple[Any, ...]]:
    """Every accepted row of the lake."""
    lake = centre.workspace.lake / "survey_responses"
    return duckdb.sql(
        f"select period_id, response_id, value, scale_max from read_parquet('{lake}/*/*.parquet') order by all"
    ).fetchall()


def with_scale(**changes: Any) -> dict[str, Any]:
    return {"scales": {"five": {**SURVEY["scales"]["five"], **changes}}}


@pytest.mark.parametrize(
    "change",
    [
        {"description": "said better"},
        {"version": "1.0.1"},
        {"precedence": 2},
        {"files": ["*.csv"]},
        {"dropped": []},
    ],
)
def test_what_does_not_touch_reading_reads_nothing_again(centre: Centre, change: dict[str, Any]) -> None:
    before = rows(centre)
    centre.contract(SURVEY, **change)
    intake = centre.receive()
    assert (intake.accounts, intake.known, intake.problems) == ([], 2, [])
    assert rows(centre) == before and len(before) == 80


def test_a_label_that_no_row_used_changes_nothing(centre: Centre) -> None:
    before = rows(centre)
    centre.contract(SURVEY, **with_scale(labels={"Very satisfied": 5, "Delighted": 5}))
    intake = centre.receive()
    assert [(a.status, a.accepted, a.quarantined) for a in intake.accounts] == [("accepted", 40, 0)] * 2
    assert (intake.problems, rows(centre), read_proposals(centre.workspace)) == ([], before, [])


def test_a_change_of_accepted_rows_is_a_proposal(centre: Centre) -> None:
    before = rows(centre)
    centre.contract(SURVEY, **with_scale(max=7))
    intake = centre.receive()
    assert rows(centre) == before and intake.accounts == []
    assert [(one.rule, one.file) for one in intake.problems] == [
        ("reading_changes", "water/survey_responses/2025Q3.csv"),
        ("reading_changes", "water/survey_responses/2025Q4.csv"),
    ]
    first, _ = read_proposals(centre.workspace)
    assert first.changes == [{"slice_id": Q3, "rows_before": 40, "rows": 40, "rows_changed": 40}]
    assert f"miyar accept {first.account.submission_id}" in intake.problems[0].next_step
    # It is asked once and not read again at every run.
    again = centre.receive()
    assert (again.accounts, again.known) == ([], 2) and len(read_proposals(centre.workspace)) == 2


def test_a_person_accepts_the_plan(centre: Centre) -> None:
    centre.contract(SURVEY, **with_scale(max=7))
    centre.receive()
    first, second = read_proposals(centre.workspace)
    with pytest.raises(MiyarError, match=r"\[reason_missing\]"):
        accept_reading(centre.workspace, first.account.submission_id, "", NOW, "huda")
    accept_reading(centre.workspace, first.account.submission_id, "the scale had seven points", NOW, "huda")
    (account,) = centre.receive().accounts
    assert account.path == "water/survey_responses/2025Q3.csv" and account.accepted == 40
    assert account.decisions == [
        {
            "slice_id": Q3,
            "rows": 40,
            "rows_before": 40,
            "reason": "the scale had seven points",
            "by": "huda",
            "at": "2026-01-20T12:00:00+00:00",
        }
    ]
    assert {(period, scale) for period, _, _, scale in rows(centre)} == {("2025Q3", 7), ("2025Q4", 5)}
    assert [one.account.submission_id for one in read_proposals(centre.workspace)] == [second.account.submission_id]


def test_a_contract_that_no_longer_reads_the_file_takes_nothing_away(centre: Centre) -> None:
    before = rows(centre)
    renamed = [p | ({"physicalName": "answer"} if p["name"] == "value" else {}) for p in SURVEY["properties"]]
    centre.contract(SURVEY, properties=renamed)
    centre.receive()
    assert rows(centre) == before
    assert [(one.account.status, one.changes[0]["rows"]) for one in read_proposals(centre.workspace)] == [
        ("refused", 0),
        ("refused", 0),
    ]
    # Set right again, nothing is left to decide.
    centre.contract(SURVEY)
    centre.receive()
    assert read_proposals(centre.workspace) == [] and rows(centre) == before


def test_rows_held_back_before_come_in_by_themselves_while_their_quarter_is_open(tmp_path: Path) -> None:
    centre = Centre(tmp_path / "held")
    centre.contract(SURVEY)
    for name, day in (("2025Q3.csv", "2025-07-15"), ("2025Q4.csv", "2025-10-15")):
        centre.land(name, answers(40, day) + f"x1,{day},Fine\n")
    assert [account.quarantined for account in centre.receive().accounts] == [1, 1]
    centre.open_periods("2025Q4", "2026Q4")
    centre.contract(SURVEY, **with_scale(labels={"Fine": 4}))
    intake = centre.receive()
    assert [(account.path, account.accepted) for account in intake.accounts] == [
        ("water/survey_responses/2025Q4.csv", 41)
    ]
    (proposal,) = read_proposals(centre.workspace)
    assert proposal.changes == [{"slice_id": Q3, "rows_before": 40, "rows": 41, "rows_changed": 1}]


def test_rows_of_a_quarter_closed_since_are_not_held_against_the_others(tmp_path: Path) -> None:
    """The file has a row of a quarter that was closed from the start, so that a change of `periods` has it read again."""
    centre = Centre(tmp_path / "closed")
    centre.contract(SURVEY)
    centre.land("2025Q3.csv", answers(40, "2025-07-15", ("x1", "2024-12-31", 5)))
    centre.receive()
    before = rows(centre)
    centre.open_periods("2025Q4", "2026Q4")
    centre.receive()
    account = centre.accounts["water/survey_responses/2025Q3.csv"]
    assert (account.status, account.accepted, account.rule_counts) == ("accepted", 40, {"period_closed": 1})
    assert rows(centre) == before and read_proposals(centre.workspace) == []


def test_a_failing_disk_takes_nothing_away(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(centre)
    centre.contract(SURVEY, **with_scale(max=7))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("ingestion.staging.plan", full)
        intake = centre.receive()
    assert {one.rule for one in intake.problems} == {"disk_full"}
    assert rows(centre) == before and centre.accounts["water/survey_responses/2025Q3.csv"].accepted == 40
    assert read_proposals(centre.workspace) == []
    centre.receive()
    assert len(read_proposals(centre.workspace)) == 2


def test_a_name_that_means_another_agency_now_is_a_proposal(tmp_path: Path) -> None:
    centre = Centre(tmp_path / "names")
    named = [p for p in SURVEY["properties"] if p["name"] != "agency_id"]
    centre.contract(SURVEY, properties=[{"name": "agency_id", "physicalName": "who", "lookup": "agencies"}, *named])
    agencies = "agency_id,name_ar,name_en,sector,peer_group,size_class,valid_from,valid_to,aliases\n"
    centre.table("agencies", agencies + "water,م,Water,,,,,,Utility\nroads,ط,Roads,,,,,,\n")
    centre.land("f.csv", "who,id,at,q1\nUtility,r1,2025-10-15,4\n")
    centre.receive()
    centre.table("agencies", agencies + "water,م,Water,,,,,,\nroads,ط,Roads,,,,,,Utility\n")
    centre.receive()
    (proposal,) = read_proposals(centre.workspace)
    assert proposal.changes == [
        {"slice_id": "survey_responses|roads|2025Q4", "rows_before": 0, "rows": 1, "rows_changed": 1},
        {"slice_id": Q4, "rows_before": 1, "rows": 0, "rows_changed": 1},
    ]


def test_a_person_refuses_the_plan_and_is_not_asked_again(centre: Centre) -> None:
    before = rows(centre)
    centre.contract(SURVEY, **with_scale(max=7))
    centre.receive()
    for proposal in read_proposals(centre.workspace):
        accept_reading(centre.workspace, proposal.account.submission_id, "five it was", NOW, "huda", is_refused=True)
    intake = centre.receive()
    assert (intake.accounts, intake.problems, read_proposals(centre.workspace)) == ([], [], [])
    assert rows(centre) == before
    # Another change is another question.
    centre.contract(SURVEY, **with_scale(max=9))
    centre.receive()
    assert len(read_proposals(centre.workspace)) == 2
