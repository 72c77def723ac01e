"""Files that are not (yet) deliveries, and files that change while they are read.

Kind: what lies in the folder is taken for what was sent. keysas-fr/keysas#47 (WinSCP's .filepart passes the gate),
filebrowser/filebrowser#1301 (uploads visible before they are whole), JeffSteinbok/obsidian-onedrive#92 (~$*, Thumbs.db,
desktop.ini), pydio/pydio-sync#123, gorakhargosh/watchdog#947 (.tmp of a running download), kuleuven/mango-ingest#5 (files that
grow for a minute), papra-hq/papra#1168 (0 bytes of a file still synchronised), nextgenhealthcare/connect#1559.

Belongs here: which files are left alone, and that what is read is what was recorded. Does not belong here: reading them.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingestion import landed, staging
from ingestion.landing import survey
from tests.cases.deliveries import SURVEY, Centre, answers

GOOD = answers(40, "2025-10-15")


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    centre = Centre(tmp_path / "centre")
    centre.contract(SURVEY)
    return centre


@pytest.mark.parametrize(
    "name",
    [
        "q4.csv.part",
        "q4.csv.filepart",
        "q4.csv.crdownload",
        "q4.csv.partial",
        "q4.csv.TMP",
        "q4.csv.opdownload",
        "q4.csv.swp",
        "q4.csv.lftp",
        "q4.csv.nxpart",
        "q4.csv~",
        "~syncthing~q4.csv.tmp",
        ".q4.csv.Xa81kf",
        "~$q4.xlsx",
        ".~lock.q4.csv#",
        "Thumbs.db",
        "desktop.ini",
        "Desktop.ini",
        ".DS_Store",
        "._q4.csv",
        "__MACOSX/._q4.csv",
        "__MACOSX/q4.csv",
        "@eaDir/q4.csv",
        ".Trash-1000/q4.csv",
        "lost+found/q4.csv",
    ],
)
def test_what_programs_leave_beside_is_no_delivery(centre: Centre, name: str) -> None:
    centre.land(name, GOOD)
    found = survey(centre.workspace, centre.contracts)
    assert (found.deliveries, found.problems) == ([], [])
    assert [one.file.rpartition("/")[2] for one in found.left] == [name.rpartition("/")[2]]


@pytest.mark.parametrize("name", ["part.csv", "partial results.csv", "q4.tmp.csv", "~q4.csv", "thumbs.db.csv"])
def test_names_that_only_look_like_it_are_deliveries(centre: Centre, name: str) -> None:
    centre.land(name, GOOD)
    assert [one.relative for one in survey(centre.workspace, centre.contracts).deliveries] == [name]


@pytest.mark.parametrize(("age", "waits"), [(0, True), (59, True), (61, False), (-30, True), (-3600, False)])
def test_a_file_changed_within_the_last_minute_waits(centre: Centre, age: int, waits: bool) -> None:
    """A negative age is a file server whose clock is ahead."""
    now = datetime(2026, 1, 20, 12, tzinfo=UTC)
    path = centre.land("q4.csv", GOOD)
    moment = (now - timedelta(seconds=age)).timestamp()
    os.utime(path, (moment, moment))
    intake = centre.receive(now=now)
    assert len(intake.accounts) == (0 if waits else 1)
    assert [one.rule for one in intake.problems] == (["file_settling"] if waits else [])


def test_a_file_that_grows_while_it_is_looked_at_waits(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    path = centre.land("q4.csv", GOOD)
    blocks = landed.blocks

    def growing(descriptor: int, size: int) -> Iterator[bytes]:
        with path.open("a") as stream:
            stream.write("r999,2025-12-01,1\n")
        yield from blocks(descriptor, size)

    monkeypatch.setattr(landed, "blocks", growing)
    found = survey(centre.workspace, centre.contracts)
    assert found.deliveries == [] and [one.rule for one in found.problems] == ["file_settling"]


@pytest.mark.parametrize("how", ["swapped", "cut", "written over", "appended"])
def test_a_file_changed_after_it_was_found_is_not_accepted_as_what_it_was(
    centre: Centre, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = centre.land("q4.csv", GOOD)
    found = survey(centre.workspace, centre.contracts).deliveries
    if how == "swapped":
        other = path.with_name("other")
        other.write_text(answers(40, "2025-10-15", value=1), "utf-8")
        other.replace(path)
    elif how == "cut":
        os.truncate(path, len(GOOD) // 2)
    elif how == "written over":
        path.write_text(GOOD.replace(",4", ",1"), "utf-8")
    else:
        path.write_text(GOOD + "r999,2025-12-01,1\n", "utf-8")
    monkeypatch.setattr("expectations.intake.discover", lambda *_, **__: (found, []))
    intake = centre.receive()
    assert intake.accounts == [] and [one.rule for one in intake.problems] == ["file_settling"]
    monkeypatch.undo()
    (account,) = centre.receive().accounts
    assert account.status == "accepted"


def test_what_is_read_is_a_copy_of_what_was_recorded(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """The landing file may change as soon as it was copied: nothing of that is read."""
    path = centre.land("q4.csv", GOOD)
    plan = staging.read

    def read(given, connection, scratch):  # type: ignore[no-untyped-def]
        path.write_text("id,at,q1\nr1,2025-10-15,1\n", "utf-8")
        assert given.path != path
        return plan(given, connection, scratch)

    monkeypatch.setattr(staging, "read", read)
    (account,) = centre.receive().accounts
    assert (account.accepted, account.source_rows) == (40, 40)


def test_no_link_is_followed_and_no_pipe_is_waited_for(centre: Centre, tmp_path: Path) -> None:
    folder = centre.land("good.csv", GOOD).parent
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_text(GOOD + "x,2025-10-15,1\n", "utf-8")
    (folder / "link.csv").symlink_to(outside / "secret.csv")
    (folder / "dangling.csv").symlink_to(outside / "none.csv")
    (folder / "folder").symlink_to(outside, target_is_directory=True)
    os.mkfifo(folder / "pipe.csv")
    started = time.monotonic()
    found = survey(centre.workspace, centre.contracts)
    assert time.monotonic() - started < 30
    assert [one.relative for one in found.deliveries] == ["good.csv"]
    assert [(one.rule, one.file.rpartition("/")[2]) for one in found.problems] == [
        ("file_not_regular", "dangling.csv"),
        ("file_not_regular", "folder"),
        ("file_not_regular", "link.csv"),
        ("file_not_regular", "pipe.csv"),
    ]
    assert all(one.next_step for one in found.problems)


def test_how_long_a_command_waits(centre: Centre) -> None:
    now = datetime(2026, 1, 20, 12, tzinfo=UTC)
    young, old = centre.land("young.csv", GOOD), centre.land("old.csv", GOOD)
    for path, age in ((young, 20), (old, 3600)):
        os.utime(path, (now.timestamp() - age,) * 2)
    assert landed.seconds_to_rest([young, old], now) == 40
    assert landed.seconds_to_rest([old, centre.root / "gone.csv"], now) == 0
