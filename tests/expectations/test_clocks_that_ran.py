"""What a retention clock destroyed never comes back while its file lies in the landing zone, and `status` says why.

Belongs here: ways back for rows, columns and quarantine. Does not belong here: what is due, and erasure (`test_keeping`).
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from expectations.erasure import erase
from expectations.retention import destroy, due
from ingestion import erased
from ingestion.ledger_files import write_json
from ingestion.submission_ledger import read_accounts
from miyar import atomic_files
from tests.expectations.conftest import Centre
from tests.expectations.keeping import (
    DECISION,
    FIRST,
    HEADER,
    KEPT,
    OTHER,
    PEOPLE,
    PERSON,
    add_up,
    land,
    pseudonym,
    received,
    rows,
)

# On this day the first quarter of the file is over its clock and the second is not, so the file stays where it lies.
DAY = date(2026, 4, 1)


def run_clock(centre: Centre, day: date = DAY) -> list[str]:
    found = due(centre.workspace, centre.contracts, day)
    return [one.what for one in destroy(centre.workspace, centre.registry, found, DECISION)]


def _contract_changes(centre: Centre) -> None:
    centre.contract("p1", **PEOPLE, retention=KEPT, nullValues=["-"])


def _contract_gets_another_id(centre: Centre) -> None:
    centre.contract("p1", **PEOPLE, retention=KEPT, id="p1-renamed")


def _clock_is_lengthened(centre: Centre) -> None:
    centre.contract("p1", **PEOPLE, retention={"period": "P9Y", "reason": "trends"}, nullValues=["-"])


def _clock_is_taken_away(centre: Centre) -> None:
    centre.contract("p1", **PEOPLE, nullValues=["-"])


def _lake_is_lost(centre: Centre) -> None:
    for path in (centre.root / "lake" / "survey_responses").glob("period=2*/*.parquet"):
        path.unlink()


def _accounts_are_lost(centre: Centre) -> None:
    for path in (centre.root / "lake" / "submissions").glob("*.json"):
        path.unlink()


def _the_same_bytes_again(centre: Centre) -> None:
    land(centre, FIRST, "again.csv")


def _sent_again(centre: Centre) -> None:
    path = centre.root / "landing" / "p1" / "survey_responses" / "q.csv"
    path.unlink()
    received(centre)
    land(centre, FIRST)


def _the_quarter_in_another_file(centre: Centre) -> None:
    land(centre, HEADER + f"a01,r9,2025-02-03,4,{PERSON}\na01,r8,2025-05-04,4,{OTHER}\n", "other.csv")


WAYS: list[Callable[[Centre], None]] = [
    _contract_changes,
    _contract_gets_another_id,
    _clock_is_lengthened,
    _clock_is_taken_away,
    _lake_is_lost,
    _accounts_are_lost,
    _the_same_bytes_again,
    _sent_again,
    _the_quarter_in_another_file,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda one: one.__name__.strip("_"))
def test_rows_do_not_come_back(people: Centre, way: Callable[[Centre], None]) -> None:
    people.contract("p1", **PEOPLE, retention=KEPT)
    received(people)
    assert run_clock(people) == ["rows"]
    way(people)
    received(people)
    files = list((people.root / "lake").rglob("period=2*/*.parquet"))
    assert {path.parent.name for path in files} == {"period=2025Q2"}
    assert {one for one, _ in rows(people)} & {"r1", "r2", "r9"} == set() and ("r4", None) in rows(people)
    assert not list((people.root / "lake" / "quarantine").rglob("*.parquet"))
    add_up(people)
    # The quarter is still known to have come, so that the file that holds it is due when its last quarter is.
    assert all("2025Q1" in {one["period_id"] for one in account.slices} for account in read_accounts(people.workspace))


def test_status_says_why(people: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.terminal.WIDTH", 400)
    people.contract("p1", **PEOPLE, retention=KEPT)
    received(people)
    run_clock(people)
    told = _status(people)
    assert "2 rows of 2025Q1 were destroyed" in told
    _the_same_bytes_again(people)
    received(people)
    assert _status(people).count("2 rows of 2025Q1 were destroyed") == 2


def _status(centre: Centre) -> str:
    told = CliRunner().invoke(app, ["status", "-w", str(centre.root)])
    assert told.exit_code == 0
    return told.output


def test_a_file_of_which_nothing_may_be_kept_is_not_called_bad(people: Centre) -> None:
    people.contract("p1", **PEOPLE, retention=KEPT)
    received(people)
    assert run_clock(people, date(2026, 7, 1)) == ["rows", "rows", "landing"]
    received(people)
    _the_same_bytes_again(people)
    [account] = received(people)
    assert (account.status, account.accepted, account.erased, account.problems) == ("accepted", 0, 4, [])
    assert rows(people) == []
    # The file is due at once, however new its date on the disk is.
    assert _due_files(people) == ["again.csv"]


def test_a_moved_file_and_a_copy_are_due_with_the_first(people: Centre) -> None:
    """They hold the same people, though the account names the place where the file lay first."""
    people.contract("p1", **PEOPLE, retention=KEPT)
    path = land(people, FIRST)
    received(people)
    path.rename(path.with_name("moved.csv"))
    received(people)
    _the_same_bytes_again(people)
    assert _due_files(people) == ["again.csv", "moved.csv"]


def _due_files(centre: Centre) -> list[str]:
    found = due(centre.workspace, centre.contracts, date(2026, 7, 1))
    return sorted(one.path.name for one in found if one.what == "landing")


def test_an_emptied_column_stays_empty(people: Centre) -> None:
    properties: list[dict[str, Any]] = [
        p | ({"retention": KEPT} if p["name"] == "beneficiary" else {}) for p in PEOPLE["properties"]
    ]
    people.contract("p1", properties=properties)
    received(people)
    assert run_clock(people) == ["column"]
    people.contract("p1", properties=properties, nullValues=["-"])
    _the_same_bytes_again(people)
    received(people)
    once = {("r1", None), ("r2", None), ("r3", pseudonym(PERSON)), ("r4", None)}
    assert set(rows(people)) == once and len(rows(people)) == 8
    add_up(people)


def test_quarantined_rows_do_not_come_back(people: Centre) -> None:
    """Rows without a quarter of their own go by the clock of their file, and are known again by its bytes."""
    people.contract("p1", **PEOPLE, retention=KEPT)
    content = HEADER + "a01,r1,never,5,\n" + "".join(f"a01,s{n},2025-02-03,4,\n" for n in range(19))
    land(people, content)
    received(people)
    assert list((people.root / "lake" / "quarantine").rglob("*.parquet"))
    assert run_clock(people) == ["rows", "quarantine", "landing"]
    received(people)
    land(people, content, "again.csv")
    assert [account.erased for account in received(people)] == [20]
    assert not list((people.root / "lake" / "quarantine").rglob("*.parquet")) and rows(people) == []
    add_up(people)


def test_a_destruction_killed_between_account_and_rows_is_finished(
    people: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.contract("p1", **PEOPLE, retention=KEPT)
    received(people)
    finish = atomic_files.finish

    def killed(path: Path) -> None:
        if path.suffix == ".parquet":
            raise KeyboardInterrupt
        finish(path)

    with monkeypatch.context() as patched:
        patched.setattr(atomic_files, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            erase(people.workspace, people.registry, {pseudonym(PERSON)}, DECISION)
    erase(people.workspace, people.registry, {pseudonym(PERSON)}, DECISION)
    assert [one for one, _ in rows(people)] == ["r2", "r4"]
    add_up(people)


def test_a_clock_of_one_contract_takes_nothing_from_another(people: Centre, tmp_path: Path) -> None:
    people.contract("p1", **PEOPLE, retention=KEPT)
    people.contract("p2", **PEOPLE, precedence=1)
    path = people.root / "landing" / "p2" / "survey_responses" / "q.csv"
    path.parent.mkdir(parents=True)
    path.write_text(FIRST, "utf-8")
    received(people)
    assert run_clock(people) == ["rows"]
    people.contract("p2", **PEOPLE, precedence=1, nullValues=["-"])
    received(people)
    [other] = [account for account in read_accounts(people.workspace) if account.provider == "p2"]
    assert (other.accepted, other.erased) == (4, 0)


def test_a_list_of_people_alone_is_read(centre: Centre) -> None:
    """So an earlier version wrote it."""
    write_json(centre.workspace.root / erased.FILE, {"people": ["aa"]})
    found = erased.read_erased(centre.workspace)
    assert (found.people, found.ended) == (frozenset({"aa"}), frozenset())
