"""From a landed file to its account: waivers, refusal of a whole file, one bad file among good ones, check.

Belongs here: what `expectations.intake` and `expectations.check` decide. Does not belong here: single rules
(`test_suites`), reading and mapping (`tests/ingestion`).
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from expectations.check import check
from expectations.intake import Intake, receive_all
from ingestion.contract import load_contract
from ingestion.submission_ledger import Account, read_accounts
from miyar.errors import MiyarError

GOOD = ["a01,1,2026-01-10 09:00:00,5", "a01,2,2026-01-11 09:00:00,4", "a01,3,2026-02-11 09:00:00,3"]
WAIVED: dict[str, Any] = {
    "waivers": [{"rule": "value_in_scale", "reason": "The old form went to six", "until": "2025Q4"}]
}


def _receive(centre: Any) -> Intake:
    return receive_all(centre.workspace, centre.registry, centre.contracts, read_accounts(centre.workspace))


def _report(centre: Any, account: Account) -> dict[str, dict[str, Any]]:
    path = centre.workspace.lake / "quality" / f"{account.submission_id}.json"
    rows = json.loads(path.read_text("utf-8"))["rules"]
    return {row["rule"]: row for row in rows if row["failing"] or row["waived"]}


def _quarantined(centre: Any, account: Account) -> list[tuple[int, list[str]]]:
    path = centre.workspace.quarantine / "survey_responses" / f"{account.submission_id}.parquet"
    return duckdb.sql(
        f"select source_row, list_transform(problems, p -> p.rule) from read_parquet('{path}') order by 1"
    ).fetchall()


def test_bad_rows_are_kept_apart_and_counted(centre: Any) -> None:
    centre.contract("p1")
    centre.land("p1", "f.csv", *GOOD, "a01,4,2026-01-12 09:00:00,6", "a02,5,2026-01-12 09:00:00,5")
    (account,) = _receive(centre).accounts
    assert (account.status, account.records, account.accepted, account.quarantined) == ("accepted", 5, 3, 2)
    assert account.rule_counts == {"value_in_scale": 1, "agency_not_covered": 1}
    assert _quarantined(centre, account) == [(5, ["value_in_scale"]), (6, ["agency_not_covered"])]
    report = _report(centre, account)
    assert {rule: row["failing"] for rule, row in report.items()} == {"value_in_scale": 1, "agency_not_covered": 1}
    assert report["value_in_scale"]["ar"] and report["value_in_scale"]["next_en"]


def _values(centre: Any, account: Account) -> list[tuple[int, str, str, str]]:
    path = centre.workspace.quarantine / "survey_responses" / f"{account.submission_id}.parquet"
    return duckdb.sql(
        "select source_row, problem.rule, problem.column, problem.value from "
        f"(select source_row, unnest(problems) as problem from read_parquet('{path}')) order by all"
    ).fetchall()


def test_a_refused_row_says_what_stood_in_the_columns_of_its_rule(centre: Any) -> None:
    """The value as it was understood: 6.5 on a scale of five, nothing for an empty cell, and the values of several columns."""
    centre.contract("p1")
    bad = ["a01,4,2026-01-12 09:00:00,6.5", "a02,5,2026-01-12 09:00:00,5", ",6,2026-01-12 09:00:00,1"]
    twice = ["a01,7,2026-01-12 09:00:00,1", "a01,7,2026-01-13 09:00:00,2"]
    late = "a01,8,2035-01-12 09:00:00,1"
    centre.land("p1", "f.csv", *GOOD, *bad, *twice, late, *(f"a01,n{n},2026-01-12 09:00:00,5" for n in range(9)))
    (account,) = _receive(centre).accounts
    found = _values(centre, account)
    assert (5, "value_in_scale", "value", "6.5") in found
    assert (6, "agency_not_covered", "agency_id", "a02") in found
    assert (7, "required_value", "agency_id", "") in found
    assert (8, "duplicate_key", "response_id, item", "7, overall") in found
    assert (10, "period_closed", "period_id", "2035Q1") in found


# A Luhn-valid number like a national id, a phone number and an address.
PERSONAL = ("1000000008", "0501234567", "some.one@example.org")


@pytest.mark.parametrize("treatment", [None, "pseudonymise"])
def test_no_refused_row_shows_personal_data(centre: Any, treatment: str | None) -> None:
    (centre.root / "pseudonym.key").touch(0o600)
    (centre.root / "pseudonym.key").write_text("a key for tests", "utf-8")
    properties = [
        {"name": "agency_id", "physicalName": "agency"},
        {"name": "response_id", "physicalName": "id"} | ({"treatment": treatment} if treatment else {}),
        {"name": "responded_at", "physicalName": "answered"},
        *({"name": name, "constant": value} for name, value in (("item", "overall"), ("wording_version", "w"))),
        {"name": "scale", "constant": "five"},
        {"name": "value", "physicalName": "q1"},
    ]
    path = centre.contract("p1", properties=properties)
    twice = [f"a01,{one},2026-01-1{day} 09:00:00,5" for one in PERSONAL for day in (2, 3)]
    file = centre.land("p1", "f.csv", *GOOD, *twice, *(f"a01,n{n},2026-01-12 09:00:00,5" for n in range(9)))
    answer = check(centre.workspace, centre.registry, file, load_contract(path))
    (account,) = _receive(centre).accounts
    assert account.rule_counts == {"duplicate_key": 6}
    values = {value for _, _, _, value in _values(centre, account)}
    # A pseudonym is hidden like the value itself, because it would reveal which rows are the same person.
    assert values == ({", overall"} if treatment else {"•••, overall"})
    assert {row["value"] for row in answer.rows} == values
    stored = [path.read_bytes() for path in centre.workspace.quarantine.rglob("*") if path.is_file()]
    for text in PERSONAL:
        assert text not in json.dumps([answer.rows, answer.account.problems, account.problems], ensure_ascii=False)
        assert all(text.encode() not in content for content in stored)


def test_a_warning_holds_nothing_back(centre: Any) -> None:
    properties = [{"name": "attempted_at", "physicalName": "q1"}]
    properties += [{"name": name, "constant": value} for name, value in (("item", "overall"), ("wording_version", "w"))]
    properties += [{"name": "agency_id", "physicalName": "agency"}, {"name": "response_id", "physicalName": "id"}]
    properties += [{"name": "responded_at", "physicalName": "answered"}, {"name": "scale", "constant": "five"}]
    centre.contract("p1", properties=[*properties, {"name": "value", "constant": 3}])
    centre.land("p1", "f.csv", "a01,1,2026-01-10 09:00:00,2026-01-09 09:00:00")
    (account,) = _receive(centre).accounts
    assert (account.status, account.accepted, account.quarantined) == ("accepted", 1, 0)
    assert {rule: row["failing"] for rule, row in _report(centre, account).items()} == {"recovery_after_answer": 1}


def test_a_waiver_covers_its_periods_only(centre: Any) -> None:
    centre.contract("p1", **WAIVED)
    centre.land("p1", "f.csv", *GOOD, "a01,4,2025-12-31 09:00:00,6", "a01,5,2026-01-01 09:00:00,6")
    (account,) = _receive(centre).accounts
    assert (account.accepted, account.quarantined) == (4, 1)
    assert _quarantined(centre, account) == [(6, ["value_in_scale"])]
    report = _report(centre, account)["value_in_scale"]
    assert (report["failing"], report["waived"]) == (1, 1)


def test_mostly_bad_is_refused_whole(centre: Any) -> None:
    centre.contract("p1")
    bad = [f"a01,{number},2026-01-10 09:00:00,9" for number in range(10, 14)]
    centre.land("p1", "f.csv", *GOOD, *bad)
    (account,) = _receive(centre).accounts
    assert (account.status, account.accepted, account.quarantined) == ("refused", 0, 7)
    assert [problem["rule"] for problem in account.problems] == ["submission_refused"]
    assert account.problems[0]["who"] == "p1"
    assert "4 of 7" in account.problems[0]["message"]
    # The good rows are kept too, with the reason they were not accepted.
    assert _quarantined(centre, account) == [
        *((row, ["submission_refused"]) for row in (2, 3, 4)),
        *((row, ["value_in_scale"]) for row in (5, 6, 7, 8)),
    ]
    assert not list((centre.workspace.lake / "survey_responses").rglob(f"*{account.submission_id}*"))


def test_half_bad_is_not_refused(centre: Any) -> None:
    """The share must exceed one half: at exactly one half the file is accepted."""
    centre.contract("p1")
    centre.land("p1", "f.csv", GOOD[0], "a01,9,2026-01-10 09:00:00,9")
    (account,) = _receive(centre).accounts
    assert (account.status, account.accepted, account.quarantined) == ("accepted", 1, 1)


def test_one_bad_file_never_stops_another(centre: Any) -> None:
    centre.contract("p1")
    centre.contract("p2", covers=["a02"])
    broken = centre.land("p1", "broken.csv")
    broken.write_bytes(b"PK\x03\x04 no csv at all \x00")
    centre.land("p1", "good.csv", *GOOD)
    centre.land("p2", "f.csv", "a02,1,2026-01-10 09:00:00,5")
    centre.land("p2", "refused.csv", "a01,1,2026-01-10 09:00:00,5", "a01,2,2026-01-10 09:00:00,5")
    intake = _receive(centre)
    assert {account.path: account.status for account in intake.accounts} == {
        "p1/survey_responses/broken.csv": "refused",
        "p1/survey_responses/good.csv": "accepted",
        "p2/survey_responses/f.csv": "accepted",
        "p2/survey_responses/refused.csv": "refused",
    }
    live = duckdb.sql(
        f"select slice_id from read_parquet('{centre.workspace.lake}/slices.parquet') where status = 'live' order by 1"
    ).fetchall()
    assert live == [("survey_responses|a01|2026Q1",), ("survey_responses|a02|2026Q1",)]
    again = _receive(centre)
    assert (again.accounts, again.known) == ([], 4)


def test_only_what_was_asked_for(centre: Any) -> None:
    centre.contract("p1")
    centre.contract("p2", covers=["a02"])
    centre.land("p1", "f.csv", *GOOD)
    centre.land("p2", "f.csv", "a02,1,2026-01-10 09:00:00,5")
    (centre.root / "landing" / "p2" / "elsewhere").mkdir()
    (centre.root / "landing" / "p2" / "elsewhere" / "x.csv").write_text("a\n", "utf-8")
    only = {("p1", "survey_responses")}
    intake = receive_all(
        centre.workspace, centre.registry, centre.contracts, read_accounts(centre.workspace), only=only
    )
    assert [account.provider for account in intake.accounts] == ["p1"]
    assert intake.problems == []
    assert [problem.rule for problem in _receive(centre).problems] == ["file_unmatched"]


def _snapshot(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_check_tells_the_same_and_writes_nothing(centre: Any) -> None:
    contract = centre.contract("p1", **WAIVED)
    file = centre.land(
        "p1",
        "f.csv",
        *GOOD,
        "a01,4,2026-01-12 09:00:00,6",
        "a01,5,2025-12-12 09:00:00,6",
        "a02,6,2026-01-12 09:00:00,5",
        "a01,7,2026-13-12 09:00:00,5",
        GOOD[0],
    )
    before = _snapshot(centre.root)
    told = check(centre.workspace, centre.registry, file, load_contract(contract))
    assert _snapshot(centre.root) == before
    (account,) = _receive(centre).accounts
    for name in (
        "status",
        "submission_id",
        "records",
        "accepted",
        "quarantined",
        "duplicates",
        "slices",
        "rule_counts",
    ):
        assert getattr(told.account, name) == getattr(account, name), name
    assert (account.accepted, account.quarantined, account.duplicates) == (4, 3, 1)
    stored = [(str(row), rule) for row, rules in _quarantined(centre, account) for rule in rules]
    assert sorted((row["row"], row["rule"]) for row in told.rows) == sorted(stored)
    assert all(row["ar"] and row["en"] and row["ar"] != row["rule"] for row in told.rows)


def test_a_check_of_a_file_that_cannot_be_read_says_so(centre: Any) -> None:
    contract = centre.contract("p1")
    with pytest.raises(MiyarError, match="file_unreadable"):
        check(centre.workspace, centre.registry, centre.root / "absent.csv", load_contract(contract))
