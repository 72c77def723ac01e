"""A few rows never stand for a whole quarter: a slice that a later delivery would shrink waits for a person.

Kind: replacement by slice. StarRocks/starrocks#72943, apache/doris-spark-connector#293 (an overwrite of a partition by
the few rows of a late batch), and days and months that a spreadsheet swapped.

Belongs here: which deliveries are held, and how a person decides. Does not belong here: other replacement
(`tests/ingestion/test_submission_ledger.py`).
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from expectations.check import check
from ingestion.contract import load_contract
from ingestion.decisions import accept
from ingestion.submission_ledger import withdraw
from miyar.errors import MiyarError
from tests.cases.deliveries import CASES, SURVEY, Centre, answers, by_status, counting, rows_of

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
Q3, Q4 = "survey_responses|water|2025Q3", "survey_responses|water|2025Q4"


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    centre = Centre(tmp_path / "centre")
    centre.contract(SURVEY)
    return centre


def waiting(centre: Centre) -> list[tuple[str, str]]:
    return [(one, path) for one, files in by_status(centre, "waiting").items() for path, _ in files]


def submission(centre: Centre, name: str) -> str:
    return centre.accounts[f"water/survey_responses/{name}"].submission_id


def test_one_late_row_does_not_replace_a_quarter(centre: Centre) -> None:
    centre.land("2025Q3.csv", answers(40, "2025-07-15"))
    centre.receive()
    centre.land("2025Q4.csv", answers(39, "2025-10-15", ("r999", "2025-09-30", 5), begin=101))
    intake = centre.receive()
    assert counting(centre) == {Q3: [("2025Q3.csv", 40)], Q4: [("2025Q4.csv", 39)]}
    (problem,) = intake.problems
    assert (problem.rule, problem.who, problem.file) == ("slice_shrinks", "water", "water/survey_responses/2025Q4.csv")
    assert "40" in problem.message and "1" in problem.message and "2025Q3" in problem.message
    assert f"miyar accept {submission(centre, '2025Q4.csv')} {Q3}" in problem.next_step


def test_a_person_accepts_with_a_reason(centre: Centre) -> None:
    centre.land("2025Q3.csv", answers(40, "2025-07-15"))
    centre.land("2025Q3b.csv", answers(3, "2025-07-15"))
    centre.receive()
    later = submission(centre, "2025Q3b.csv")
    with pytest.raises(MiyarError, match=r"\[reason_missing\]"):
        accept(centre.workspace, later, " ", NOW, "huda", centre.contracts)
    accept(centre.workspace, later, "37 answers were of another survey", NOW, "huda", centre.contracts)
    assert counting(centre) == {Q3: [("2025Q3b.csv", 3)]}
    (decision,) = centre.accounts["water/survey_responses/2025Q3b.csv"].decisions
    assert decision == {
        "slice_id": Q3,
        "rows": 3,
        "rows_before": 40,
        "reason": "37 answers were of another survey",
        "by": "huda",
        "at": "2026-01-20T12:00:00+00:00",
    }
    with pytest.raises(MiyarError, match=r"\[nothing_waits\]"):
        accept(centre.workspace, later, "again", NOW, "huda", centre.contracts)
    with pytest.raises(MiyarError, match=r"\[submission_unknown\]"):
        accept(centre.workspace, "nope", "again", NOW, "huda", centre.contracts)


def test_a_person_refuses_by_withdrawing(centre: Centre) -> None:
    centre.land("2025Q3.csv", answers(40, "2025-07-15"))
    centre.land("2025Q3b.csv", answers(3, "2025-07-15"))
    centre.receive()
    withdraw(centre.workspace, submission(centre, "2025Q3b.csv"), "another survey")
    assert counting(centre) == {Q3: [("2025Q3.csv", 40)]} and waiting(centre) == []


def test_a_later_whole_delivery_ends_the_waiting(centre: Centre) -> None:
    centre.land("a.csv", answers(40, "2025-07-15"))
    centre.land("b.csv", answers(3, "2025-07-15"))
    centre.land("c.csv", answers(41, "2025-07-15"))
    centre.receive()
    assert counting(centre) == {Q3: [("c.csv", 41)]} and waiting(centre) == []


def test_a_slice_at_the_edge_of_a_delivery_waits_though_it_shrinks_little(centre: Centre) -> None:
    """30 of 40 are left, but they are 3 % of what the file is about."""
    centre.land("2025Q3.csv", answers(40, "2025-07-15"))
    stray = [(f"s{number}", "2025-09-29", 5) for number in range(30)]
    centre.land("2025Q4.csv", answers(900, "2025-10-15", *stray, begin=101))
    centre.receive()
    assert waiting(centre) == [(Q3, "2025Q4.csv")]


def test_an_ordinary_correction_does_not_wait(centre: Centre) -> None:
    """A few rows fewer, a slice of equal weight in a file of a year: nobody is asked."""
    centre.land("2025Q3.csv", answers(40, "2025-07-15"))
    centre.land("2025Q3b.csv", answers(35, "2025-07-15"))
    year = [(f"y{number}", f"2025-{1 + number % 12:02}-05", 3) for number in range(132)]
    centre.land("2025c.csv", rows_of("id,at,q1", year))
    centre.receive()
    assert waiting(centre) == []
    assert counting(centre)[Q3] == [("2025c.csv", 33)]


@pytest.mark.parametrize("order", [("a.csv", "b.csv"), ("b.csv", "a.csv")])
def test_the_date_of_delivery_decides_and_not_the_order_of_arrival(tmp_path: Path, order: tuple[str, str]) -> None:
    centre = Centre(tmp_path / "dated")
    centre.contract(SURVEY, delivered={"fileName": r"_(\d{4}-\d{2}-\d{2})"})
    content = {"a.csv": answers(40, "2025-07-15"), "b.csv": answers(2, "2025-07-15")}
    names = {"a.csv": "x_2025-10-01.csv", "b.csv": "x_2025-10-02.csv"}
    for name in order:
        centre.land(names[name], content[name])
        centre.receive()
    assert counting(centre) == {Q3: [("x_2025-10-01.csv", 40)]}
    assert waiting(centre) == [(Q3, "x_2025-10-02.csv")]


def test_days_and_months_swapped_are_told_by_the_check(centre: Centre) -> None:
    """Half of 20 dates of October were turned into dates of January to December by a program."""
    path = centre.contract(SURVEY)
    centre.land("2025Q1.csv", answers(40, "2025-01-02"))
    centre.receive()
    swapped = [(f"f{n}", f"2025-10-{13 + n:02}" if n % 2 else f"2025-{1 + n % 3:02}-10", 5) for n in range(12)]
    file = centre.root / "flip.csv"
    file.write_text(rows_of("id,at,q1", swapped), "utf-8")
    told = check(centre.workspace, centre.registry, file, load_contract(path))
    assert [(one.slice_id, one.before, one.after, one.waits) for one in told.slices] == [
        ("survey_responses|water|2025Q1", 40, 6, True),
        (Q4, 0, 6, False),
    ]


def test_deliveries_that_add_wait_for_nobody(tmp_path: Path) -> None:
    """`delivery: add`: the late row of September is one more row of its quarter."""
    centre = Centre(tmp_path / "adding")
    centre.contract(SURVEY, delivery="add")
    centre.land("2025Q3.csv", answers(40, "2025-07-15"))
    centre.receive()
    centre.land("2025Q4.csv", answers(39, "2025-10-15", ("r999", "2025-09-30", 5), begin=101))
    assert centre.receive().problems == []
    assert counting(centre) == {Q3: [("2025Q3.csv", 40), ("2025Q4.csv", 1)], Q4: [("2025Q4.csv", 39)]}


def test_extracts_that_update_wait_for_nobody(tmp_path: Path) -> None:
    centre = Centre(tmp_path / "cases")
    centre.contract(CASES)
    whole = [("water", f"c{number}", "2025-08-01", "branch") for number in range(20)]
    centre.land("1.csv", rows_of("agency,case,opened,channel", whole), feed="complaints")
    centre.land("2.csv", rows_of("agency,case,opened,channel", whole[:1]), feed="complaints")
    assert centre.receive().problems == [] and waiting(centre) == []


def test_what_is_decided_holds_for_the_rows_it_was_decided_on(centre: Centre) -> None:
    """Read again under another contract the file has other rows: the decision is asked for anew."""
    centre.land("2025Q3.csv", answers(40, "2025-07-15"))
    centre.land("2025Q3b.csv", answers(3, "2025-07-15"))
    centre.receive()
    accept(centre.workspace, submission(centre, "2025Q3b.csv"), "decided", NOW, "huda", centre.contracts)
    account = centre.accounts["water/survey_responses/2025Q3b.csv"]
    account.slices[0]["rows"] = 2
    from ingestion.submission_ledger import write_account

    write_account(centre.workspace, account)
    assert waiting(centre) == [(Q3, "2025Q3b.csv")]
