"""What a delivery is: its provider, feed, path and bytes; sent again it counts again, moved it stays what it was.

Kind: identity of a delivery. codeforstartups/dynavec#120 (a second record with equal content is dropped),
DataBiosphere/jade-data-repo#1080 (files told apart by checksum alone), and self-assessments and small tables of counts
that do not change from quarter to quarter.

Belongs here: which files are deliveries, in which order. Does not belong here: which of them counts (`test_slices_that_shrink`).
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingestion.arrivals import roll_call
from ingestion.submission_ledger import read_accounts
from tests.cases.deliveries import STANDARDS, SURVEY, Centre, answers, counting

TABLE = "std,target,met,total\ns1,0.9,90,100\n"


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    centre = Centre(tmp_path / "centre")
    centre.contract(SURVEY)
    return centre


def properties(**fed: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": p["name"], **fed[p["name"]]} if p["name"] in fed else p for p in STANDARDS["properties"]]


def test_equal_bytes_of_two_quarters_are_two_deliveries(centre: Centre) -> None:
    centre.contract(STANDARDS, properties=properties(period_id={"fileName": r"(\d{4}Q\d)"}))
    for quarter in ("2025Q3", "2025Q4"):
        centre.land(f"{quarter}.csv", TABLE, feed="service_standards")
    assert [account.accepted for account in centre.receive().accounts] == [1, 1]
    assert counting(centre) == {
        "service_standards|water|2025Q3": [("2025Q3.csv", 1)],
        "service_standards|water|2025Q4": [("2025Q4.csv", 1)],
    }


def test_equal_bytes_of_two_agencies_are_two_deliveries(centre: Centre) -> None:
    centre.contract(STANDARDS, "hub", files=["*/*.csv"], properties=properties(agency_id={"fileName": r"^(\w+)/"}))
    for agency in ("water", "roads"):
        centre.land(f"{agency}/std.csv", TABLE, "hub", "service_standards")
    centre.receive()
    assert counting(centre) == {
        "service_standards|roads|2025Q4": [("roads/std.csv", 1)],
        "service_standards|water|2025Q4": [("water/std.csv", 1)],
    }


def test_equal_bytes_of_a_later_date_are_a_later_delivery(centre: Centre) -> None:
    """The provider takes its correction back: what it sent first, dated anew, counts."""
    centre.contract(SURVEY, delivered={"fileName": r"_(\d{4}-\d{2}-\d{2})"})
    first, second = answers(40, "2025-10-15"), answers(40, "2025-10-15", value=2)
    for day, content in ((1, first), (2, second), (3, first)):
        centre.land(f"x_2026-01-0{day}.csv", content)
        centre.receive()
    assert counting(centre) == {"survey_responses|water|2025Q4": [("x_2026-01-03.csv", 40)]}


@pytest.mark.parametrize(
    "names", [("a.csv", "b.csv", "c.csv"), ("a.csv", "b.csv", "a2.csv"), ("x.csv", "x.csv", "x.csv")]
)
@pytest.mark.parametrize("is_emptied", [False, True])
def test_an_earlier_version_sent_again_counts(centre: Centre, names: tuple[str, ...], is_emptied: bool) -> None:
    """A, B, then A again: under new names, in place of each other, and where the folder is emptied after each run."""
    first, second = answers(40, "2025-10-15"), answers(40, "2025-10-15", value=2)
    for name, content in zip(names, (first, second, first), strict=True):
        path = centre.land(name, content)
        centre.receive()
        if is_emptied:
            path.unlink()
            centre.receive()
    (((name, rows),),) = counting(centre).values()
    assert (name, rows) == (names[2], 40)
    values = {account.path: account for account in read_accounts(centre.workspace) if account.path.endswith(name)}
    assert max(account.sequence for account in values.values()) == 3


def test_a_file_that_is_moved_is_not_sent_again(centre: Centre) -> None:
    """The archive of an operator: the old file goes to a folder, the new one takes its name."""
    path = centre.land("now.csv", answers(40, "2025-10-15"))
    centre.receive()
    archive = path.parent / "archive"
    archive.mkdir()
    path.rename(archive / "2025.csv")
    centre.contract(SURVEY, files=["*.csv", "archive/*.csv"])
    centre.land("now.csv", answers(40, "2025-10-15", value=2))
    intake = centre.receive()
    assert [account.path for account in intake.accounts] == ["water/survey_responses/now.csv"]
    (((name, _),),) = counting(centre).values()
    assert name == "now.csv" and len(read_accounts(centre.workspace)) == 2


@pytest.mark.parametrize("delivery", ["replace", "upsert", "add"])
def test_a_copy_doubles_no_row(centre: Centre, delivery: str) -> None:
    """With ids the later copy's rows stand for the earlier's; files whose rows have none add what they hold once."""
    numbered = [p for p in SURVEY["properties"] if delivery != "add" or p["name"] != "response_id"]
    ignored = ["id"] if delivery == "add" else []
    centre.contract(SURVEY, delivery=delivery, properties=numbered, ignored=ignored)
    centre.land("a.csv", answers(40, "2025-10-15"))
    centre.receive()
    centre.land("a - copy.csv", answers(40, "2025-10-15"))
    centre.receive()
    found = counting(centre)["survey_responses|water|2025Q4"]
    expected = {
        "replace": [("a - copy.csv", 40)],
        "upsert": [("a.csv", 40), ("a - copy.csv", 40)],  # the same keys: the latest version of each counts
        "add": [("a.csv", 40)],
    }
    assert found == expected[delivery]


def test_rows_without_ids_of_two_files_that_add_are_told_apart(centre: Centre) -> None:
    import duckdb

    properties = [p for p in SURVEY["properties"] if p["name"] != "response_id"]
    centre.contract(SURVEY, delivery="add", properties=properties, ignored=["id"])
    centre.land("a.csv", answers(4, "2025-10-15"))
    centre.land("b.csv", answers(4, "2025-10-15", value=3))
    centre.receive()
    lake = centre.workspace.lake / "survey_responses"
    found = duckdb.sql(f"select count(distinct response_id) from read_parquet('{lake}/*/*.parquet')").fetchone()
    assert found == (8,)


def test_a_file_keeps_the_account_it_had_under_ids_of_bytes_alone(centre: Centre) -> None:
    """Workspaces of earlier versions: ids were made of provider, feed and bytes."""
    from ingestion.submission_ledger import account_path, write_account

    centre.land("a.csv", answers(40, "2025-10-15"))
    centre.receive()
    (account,) = read_accounts(centre.workspace)
    account_path(centre.workspace, account.submission_id).unlink()
    (rows,) = centre.workspace.lake.glob(f"survey_responses/period=*/{account.submission_id}.parquet")
    rows.rename(rows.with_stem(account.content))
    account.submission_id, account.content = account.content, ""
    write_account(centre.workspace, account)
    intake = centre.receive()
    assert (intake.accounts, intake.known) == ([], 1)


def test_every_file_in_the_landing_zone_is_accounted_for(centre: Centre) -> None:
    properties = [p for p in SURVEY["properties"] if p["name"] != "response_id"]
    centre.contract(SURVEY, delivery="add", properties=properties, ignored=["id"], files=["*.csv"])
    for name in ("a.csv", "b.csv"):
        centre.land(name, answers(4, "2025-10-15"))
    centre.receive()
    centre.land("new.csv", answers(5, "2025-10-15"))
    for name in ("q.csv.part", ".hidden.csv", "Thumbs.db", "~$q.csv", "letter.pdf"):
        centre.land(name, "x")
    centre.land("young.csv", answers(6, "2025-10-15"))
    os.mkfifo(centre.root / "landing" / "water" / "survey_responses" / "pipe.csv")
    (centre.root / "landing" / "water" / "survey_responses" / "link.csv").symlink_to("a.csv")
    now = datetime.now(tz=UTC)
    for path in (centre.root / "landing").rglob("*"):
        if path.is_file() and path.name != "young.csv":
            os.utime(path, (now.timestamp() - 3600,) * 2, follow_symlinks=False)
    called = roll_call(centre.workspace, centre.contracts, read_accounts(centre.workspace), now + timedelta(seconds=5))
    assert {Path(one.path).name: (one.state, one.rule) for one in called} == {
        "a.csv": ("received", ""),
        "b.csv": ("same", ""),
        "new.csv": ("new", ""),
        "young.csv": ("waits", "file_settling"),
        "q.csv.part": ("ignored", "file_unfinished"),
        ".hidden.csv": ("ignored", "file_hidden"),
        "Thumbs.db": ("ignored", "file_foreign"),
        "~$q.csv": ("ignored", "file_foreign"),
        "letter.pdf": ("problem", "file_unmatched"),
        "pipe.csv": ("problem", "file_not_regular"),
        "link.csv": ("problem", "file_not_regular"),
    }
    same = next(one for one in called if one.state == "same")
    assert "water/survey_responses/a.csv" in same.why


def test_a_date_of_delivery_that_lies_ahead_is_doubted(centre: Centre) -> None:
    """2062 for 2026 would stand above every later correction for ever."""
    centre.contract(SURVEY, delivered={"fileName": r"_(\d{4}-\d{2}-\d{2})"})
    centre.land("x_2062-01-05.csv", answers(40, "2025-10-15"))
    centre.land("x_2026-01-05.csv", answers(40, "2025-10-15", value=2))
    intake = centre.receive(now=datetime(2026, 1, 20, tzinfo=UTC))
    assert [account.path for account in intake.accounts] == ["water/survey_responses/x_2026-01-05.csv"]
    (problem,) = intake.problems
    assert (problem.rule, problem.file) == ("delivery_date", "water/survey_responses/x_2062-01-05.csv")
    assert "2062-01-05" in problem.message


@pytest.mark.parametrize("how", ["touched", "retired", "unmounted"])
def test_a_file_that_is_not_seen_for_a_while_is_not_sent_again(centre: Centre, how: str) -> None:
    """The older of two files is touched, its contract retired, or the share not mounted, while a run looks: nothing was sent."""
    older = centre.land("b.csv", answers(40, "2025-10-15"))
    centre.receive()
    centre.land("a.csv", answers(41, "2025-10-15", value=2))
    centre.receive()
    folder = older.parent
    if how == "touched":
        centre.receive(now=datetime.fromtimestamp(older.stat().st_mtime + 5, tz=UTC))
    elif how == "retired":
        centre.contract(SURVEY, status="retired")
        centre.receive()
        centre.contract(SURVEY)
    else:
        folder.rename(centre.root / "away")
        centre.receive()
        (centre.root / "away").rename(folder)
    intake = centre.receive()
    assert (intake.accounts, intake.known) == ([], 2)
    assert counting(centre) == {"survey_responses|water|2025Q4": [("a.csv", 41)]}
