"""The landing zone as an airlock: what lies there is written by others, who may point to what is not theirs."""

import contextlib
import os
import re
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from ingestion import landed
from ingestion.contract import load_contracts
from ingestion.landing import discover
from ingestion.submission_ledger import read_accounts

FILE = "agency,id,answered,q1\na01,r1,2025-02-03,4\n"
THEIRS = "agency,id,answered,q1\na02,r9,2025-02-03,1\n"


@pytest.fixture
def airlock(centre: Any, survey: dict[str, Any]) -> Any:
    """A centre with two providers; the second's file is what the first is after."""
    for provider in ("p1", "p2"):
        centre.contract(survey, provider)
    centre.land(FILE, "own.csv", "p1", "survey_responses")
    centre.land(THEIRS, "theirs.csv", "p2", "survey_responses")
    return centre


def folder(centre: Any, provider: str) -> Path:
    path: Path = centre.root / "landing" / provider / "survey_responses"
    return path


def found(centre: Any) -> tuple[list[str], dict[str, str]]:
    deliveries, problems = discover(centre.workspace, load_contracts(centre.root / "registry"))
    return [one.shown for one in deliveries], {problem.file: problem.rule for problem in problems}


HONEST = ["p1/survey_responses/own.csv", "p2/survey_responses/theirs.csv"]


def test_a_second_name_of_another_providers_file_is_not_taken(airlock: Any) -> None:
    """A hard link is a regular file: its rows were read as the linking agency's own, and told back to it."""
    os.link(folder(airlock, "p2") / "theirs.csv", folder(airlock, "p1") / "mine.csv")
    deliveries, problems = found(airlock)
    assert "p1/survey_responses/mine.csv" not in deliveries
    assert problems["p1/survey_responses/mine.csv"] == "file_linked"
    assert "p1/survey_responses/own.csv" in deliveries


def test_a_second_name_of_the_key_is_not_taken(airlock: Any) -> None:
    key = airlock.root / "pseudonym.key"
    key.write_text("secret", "utf-8")
    os.link(key, folder(airlock, "p1") / "key.csv")
    deliveries, problems = found(airlock)
    assert deliveries == HONEST and problems == {"p1/survey_responses/key.csv": "file_linked"}


def test_two_names_within_a_providers_own_folder_are_its_own_affair(airlock: Any) -> None:
    os.link(folder(airlock, "p1") / "own.csv", folder(airlock, "p1") / "copy.csv")
    deliveries, problems = found(airlock)
    assert problems == {} and "p1/survey_responses/copy.csv" in deliveries


@pytest.mark.parametrize("place", ["folder", "provider", "file"])
def test_a_link_put_in_place_after_the_look_around_is_not_followed(
    airlock: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Who writes the folder chooses the moment: after it was listed, before the file is opened."""
    looked = landed.landed

    def swapped(top: Path) -> Any:
        entries = looked(top)
        own, theirs = folder(airlock, "p1"), folder(airlock, "p2")
        aside = airlock.root / "aside"
        if place == "file":
            (own / "own.csv").rename(aside)
            (own / "own.csv").symlink_to(theirs / "theirs.csv")
        else:
            (theirs / "own.csv").write_text(THEIRS, "utf-8")
            moved, target = (own, theirs) if place == "folder" else (own.parent, theirs.parent)
            moved.rename(aside)
            moved.symlink_to(target)
        return entries

    monkeypatch.setattr("ingestion.landing.landed", swapped)
    deliveries, problems = found(airlock)
    assert deliveries == ["p2/survey_responses/theirs.csv"]
    assert set(problems) == {"p1/survey_responses/own.csv"}


def test_a_name_given_to_another_file_after_the_look_around_is_not_taken(
    airlock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = landed.landed

    def swapped(top: Path) -> Any:
        entries = looked(top)
        (folder(airlock, "p1") / "own.csv").unlink()
        os.link(folder(airlock, "p2") / "theirs.csv", folder(airlock, "p1") / "own.csv")
        return entries

    monkeypatch.setattr("ingestion.landing.landed", swapped)
    assert found(airlock) == ([], dict.fromkeys(HONEST, "file_settling"))
    monkeypatch.undo()
    assert found(airlock) == ([], dict.fromkeys(HONEST, "file_linked"))


def test_pipes_sockets_and_devices_are_never_opened(
    airlock: Any, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Opening alone can hang, rewind a tape or tell the other end that somebody reads."""
    own = folder(airlock, "p1")
    os.mkfifo(own / "pipe.csv")
    os.chdir(own)  # a socket's path has 107 bytes at most
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.csv")
        with contextlib.suppress(PermissionError):
            os.mknod(own / "device.csv", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        opened: list[str] = []
        opening = os.open

        def watched(path: Any, *rest: Any, **more: Any) -> int:
            opened.append(os.fsdecode(path))
            return opening(path, *rest, **more)

        monkeypatch.setattr(os, "open", watched)
        deliveries, problems = found(airlock)
        monkeypatch.undo()
    os.chdir(airlock.root)
    assert deliveries == HONEST
    assert set(problems.values()) == {"file_not_regular"} and len(problems) in (2, 3)
    assert not any(name.endswith(("pipe.csv", "socket.csv", "device.csv")) for name in opened)


def test_a_pipe_put_in_place_of_a_file_hangs_nobody(airlock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = landed.landed

    def swapped(top: Path) -> Any:
        entries = looked(top)
        (folder(airlock, "p1") / "own.csv").unlink()
        os.mkfifo(folder(airlock, "p1") / "own.csv")
        return entries

    monkeypatch.setattr("ingestion.landing.landed", swapped)
    deliveries, problems = found(airlock)
    assert deliveries == ["p2/survey_responses/theirs.csv"]
    assert problems == {"p1/survey_responses/own.csv": "file_unreadable"}


def test_the_landing_zone_itself_may_lie_on_another_disk(airlock: Any) -> None:
    """The centre's own link is followed: it says where the landing zone is, and nobody who delivers can write it."""
    (airlock.root / "landing").rename(airlock.root.parent / "share")
    (airlock.root / "landing").symlink_to(airlock.root.parent / "share")
    assert found(airlock) == (HONEST, {})


@pytest.mark.parametrize("name", ["own.csv;rm -rf", "own.'quoted'", "own." + "x" * 80, "own.é"])
def test_the_copy_has_a_name_of_our_own(airlock: Any, name: str) -> None:
    folder(airlock, "p1").joinpath("own.csv").rename(folder(airlock, "p1") / name)
    delivery = next(one for one in airlock.deliveries() if one.contract.provider == "p1")
    airlock.receive(delivery)
    scratch = airlock.root / "scratch" / delivery.submission_id
    assert (scratch / "delivered.file").is_file()
    assert all(re.fullmatch(r"[a-z_]+(\.[a-z]+)?", path.name) for path in scratch.iterdir())
    [account] = read_accounts(airlock.workspace)
    assert account.path.endswith(name) and account.accepted == 1
