"""Clocks and erasure: what is due goes with a receipt, people who were erased do not come back, and all counts still add up."""

from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from expectations.erasure import erase, pseudonyms_of
from expectations.retention import destroy, due
from ingestion.receipts import Decision, read_receipts
from ingestion.slices import decide
from ingestion.submission_ledger import read_accounts
from miyar.errors import MiyarError
from tests.expectations.conftest import Centre
from tests.expectations.keeping import (
    DECISION,
    FIRST,
    HEADER,
    KEPT,
    KEY,
    OTHER,
    PEOPLE,
    PERSON,
    add_up,
    land,
    pseudonym,
    received,
    rows,
)


def test_an_erased_person_is_gone_and_the_counts_add_up(people: Centre) -> None:
    received(people)
    before = decide(read_accounts(people.workspace), people.contracts)[0].to_pylist()
    outcome = erase(people.workspace, people.registry, {pseudonym(PERSON)}, DECISION)
    assert rows(people) == [("r2", pseudonym(OTHER)), ("r4", None)] and outcome.rows == 2
    [account] = read_accounts(people.workspace)
    assert (account.accepted, account.erased) == (2, 2)
    add_up(people)
    after = decide(read_accounts(people.workspace), people.contracts)[0].to_pylist()
    assert {one["slice_version"] for one in before}.isdisjoint({one["slice_version"] for one in after})
    assert outcome.still_delivered == ["p1/survey_responses/q.csv"]


def test_receipts_tell_counts_and_hashes_and_no_value(people: Centre) -> None:
    received(people)
    outcome = erase(people.workspace, people.registry, {pseudonym(PERSON)}, DECISION, with_files=True)
    text = (people.root / "lake" / "receipts.jsonl").read_text("utf-8")
    assert PERSON not in text and pseudonym(PERSON) not in text
    told = read_receipts(people.workspace)
    assert {(one.kind, one.by, one.at) for one in told} == {("erasure", "officer", "2026-05-01T00:00:00+00:00")}
    assert [(one.destroyed.what, one.destroyed.rows) for one in told] == [
        ("people", 1),
        ("rows", 1),
        ("rows", 1),
        ("landing", 0),
    ]
    assert all(len(one.destroyed.before) == 64 for one in told[1:])
    assert (outcome.receipts, outcome.head) == (4, told[-1].receipt_hash)
    assert not (people.root / "landing" / "p1" / "survey_responses" / "q.csv").exists()
    for path in (people.root / "lake").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert PERSON.encode() not in content and pseudonym(PERSON).encode() not in content, path


def test_the_person_does_not_come_back(people: Centre) -> None:
    """By the same file sent again, by another file, by reading again under a changed contract, by a lost lake."""
    received(people)
    erase(people.workspace, people.registry, {pseudonym(PERSON)}, DECISION)
    land(people, FIRST, "again.csv")
    land(people, HEADER + f"a01,r9,2025-02-03,4,{PERSON}\na01,r8,2025-02-04,4,{OTHER}\n", "other.csv")
    received(people)
    assert {person for _, person in rows(people)} == {pseudonym(OTHER), None}
    people.contract("p1", **PEOPLE, nullValues=["-"])
    received(people)
    for path in (people.root / "lake" / "survey_responses").glob("period=2*/*.parquet"):
        path.unlink()
    received(people)
    assert {person for _, person in rows(people)} == {pseudonym(OTHER), None}
    assert sum(account.erased for account in read_accounts(people.workspace)) == 2 + 2 + 1
    add_up(people)


def test_a_killed_erasure_is_finished_by_the_same_command(people: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    received(people)

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ingestion.destruction.atomic_files.finish", killed)
        with pytest.raises(KeyboardInterrupt):
            erase(people.workspace, people.registry, {pseudonym(PERSON)}, DECISION)
    erase(people.workspace, people.registry, {pseudonym(PERSON)}, DECISION)
    assert rows(people) == [("r2", pseudonym(OTHER)), ("r4", None)]
    add_up(people)


def test_kept_inputs_of_earlier_editions_and_the_warehouse_hold_nobody(people: Centre) -> None:
    received(people)
    objects = people.root / "vintages" / "objects"
    objects.mkdir(parents=True)
    for number, path in enumerate(sorted((people.root / "lake" / "survey_responses").glob("period=2*/*.parquet"))):
        (objects / str(number)).hardlink_to(path)
    (objects / "settings").write_text("name: x", "utf-8")
    (people.root / "warehouse").mkdir()
    (people.root / "warehouse" / "warehouse.duckdb").write_text(pseudonym(PERSON), "utf-8")
    edition = people.root / "editions" / "2025Q1-r1" / "table"
    edition.parent.mkdir(parents=True)
    edition.write_text("published", "utf-8")
    outcome = erase(people.workspace, people.registry, {pseudonym(PERSON)}, DECISION)
    assert sorted(one.what for one in outcome.destroyed) == ["rows", "rows", "vintage", "vintage"]
    assert [path.name for path in objects.iterdir()] == ["settings"]
    assert not (people.root / "warehouse").exists() and edition.read_text("utf-8") == "published"


def test_people_are_found_under_every_version_of_the_key(people: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    received(people)
    monkeypatch.setenv("MIYAR_PSEUDONYM_KEY", f"{KEY}\nnewer")
    erase(people.workspace, people.registry, pseudonyms_of(people.workspace, [" ١٠٠٠٠٠٠٠٠٨ "]), DECISION)
    assert [one for one, _ in rows(people)] == ["r2", "r4"]


def test_the_person_does_not_come_back_under_a_newer_key(people: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list has pseudonyms of the keys there were; the earlier lines of the key are kept for this."""
    received(people)
    erase(people.workspace, people.registry, pseudonyms_of(people.workspace, [PERSON]), DECISION)
    monkeypatch.setenv("MIYAR_PSEUDONYM_KEY", f"{KEY}\nnewer")
    land(people, HEADER + f"a01,r9,2025-02-03,4,{PERSON}\na01,r8,2025-02-04,4,{OTHER}\n", "other.csv")
    received(people)
    assert [one for one, _ in rows(people)] == ["r2", "r4", "r8"]
    add_up(people)


@pytest.mark.parametrize("asked", [set[str](), {PERSON}, {pseudonym(PERSON), "x"}])
def test_what_is_no_pseudonym_is_not_shown(people: Centre, asked: set[str]) -> None:
    with pytest.raises(MiyarError) as caught:
        erase(people.workspace, people.registry, asked, DECISION)
    assert [one.rule for one in caught.value.problems] == ["person_unknown"] and PERSON not in str(caught.value)


def test_rows_are_due_a_year_after_their_quarter(people: Centre) -> None:
    people.contract("p1", **PEOPLE, retention=KEPT)
    received(people)
    assert due(people.workspace, people.contracts, date(2026, 3, 31)) == []
    [only] = due(people.workspace, people.contracts, date(2026, 4, 1))
    assert (only.what, only.path.parent.name, only.since) == ("rows", "period=2025Q1", date(2026, 4, 1))
    found = due(people.workspace, people.contracts, date(2026, 7, 1))
    assert [one.what for one in found] == ["rows", "rows", "landing"]
    destroyed = destroy(people.workspace, people.registry, found, DECISION)
    assert [one.rows for one in destroyed] == [2, 2, 0]
    assert rows(people) == [] and not list((people.root / "landing").rglob("*.csv"))
    add_up(people)
    assert due(people.workspace, people.contracts, date(2026, 7, 1)) == []


def test_a_column_is_emptied_before_its_rows_go(people: Centre) -> None:
    properties = [p | ({"retention": KEPT} if p["name"] == "beneficiary" else {}) for p in PEOPLE["properties"]]
    people.contract("p1", properties=properties, retention={"period": "P5Y", "reason": "trends"})
    received(people)
    found = due(people.workspace, people.contracts, date(2026, 4, 1))
    assert [(one.what, one.columns) for one in found] == [("column", ("beneficiary",))]
    destroy(people.workspace, people.registry, found, DECISION)
    assert rows(people) == [("r1", None), ("r2", None), ("r3", pseudonym(PERSON)), ("r4", None)]
    add_up(people)
    assert due(people.workspace, people.contracts, date(2026, 4, 1)) == []
    # The delivered file holds the column as long as any of its quarters.
    assert [one.what for one in due(people.workspace, people.contracts, date(2026, 7, 1))] == ["column", "landing"]


def test_quarantine_and_kept_inputs_have_the_clock_too(people: Centre) -> None:
    people.contract("p1", **PEOPLE, retention=KEPT)
    land(people, HEADER + f"a01,r1,2025-02-03,9,{PERSON}\n" + "".join(f"a01,s{n},2025-02-03,4,\n" for n in range(9)))
    received(people)
    objects = people.root / "vintages" / "objects"
    objects.mkdir(parents=True)
    for path in (people.root / "lake" / "survey_responses").glob("period=2*/*.parquet"):
        (objects / "a").hardlink_to(path)
    found = due(people.workspace, people.contracts, date(2026, 4, 1))
    assert [one.what for one in found] == ["rows", "quarantine", "landing", "vintage"]
    destroyed = destroy(people.workspace, people.registry, found, DECISION)
    assert (
        len(destroyed) == 4
        and not list(objects.iterdir())
        and not list((people.root / "lake" / "quarantine").rglob("*.parquet"))
    )


def test_another_file_in_its_place_is_not_destroyed(people: Centre) -> None:
    people.contract("p1", **PEOPLE, retention=KEPT)
    received(people)
    land(people, FIRST + "a01,r5,2026-02-03,4,\n")
    assert [one.what for one in due(people.workspace, people.contracts, date(2026, 7, 1))] == ["rows", "rows"]


def test_without_a_clock_or_a_reason_nothing_goes(people: Centre) -> None:
    received(people)
    assert due(people.workspace, people.contracts, date(2099, 1, 1)) == []
    with pytest.raises(MiyarError, match="reason"):
        Decision(" ", "officer", DECISION.at)


def test_commands(people: Centre, tmp_path: Path) -> None:
    people.contract("p1", **PEOPLE, retention=KEPT)
    received(people)
    at = ["-w", str(people.root)]
    told = CliRunner().invoke(app, ["erase", "--reason", "asked", *at], input=f"{PERSON}\n")
    assert told.exit_code == 0 and "2 rows of 1 people erased" in told.output and PERSON not in told.output
    told = CliRunner().invoke(app, ["retain", "--as-of", "2026-07-01", *at])
    assert "3 kept too long on 2026-07-01" in told.output and rows(people)
    told = CliRunner().invoke(app, ["retain", "--as-of", "2026-07-01", "--apply", "--reason", "law", *at])
    assert (
        told.exit_code == 0
        and "3 destroyed; a receipt of each in lake/receipts.jsonl" in told.output
        and not rows(people)
    )
    assert asdict(read_accounts(people.workspace)[0])["erased"] == 4


def test_no_command_takes_a_person_as_a_word(people: Centre) -> None:
    assert CliRunner().invoke(app, ["erase", PERSON, "--reason", "x", "-w", str(people.root)]).exit_code == 2
