"""A file for which there is no room is told and tried again; the others are received in the same run.

Kind: one file's failure that stops all others. The operators' full disks; docs/operations.md promises that the next run
tries again.

Belongs here: want of disk. Does not belong here: want of memory, and files that cannot be read at all (`tests/ingestion`).
"""

import errno
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import staging
from tests.cases.deliveries import SURVEY, Centre, answers

PA, PB = "pa/survey_responses/big.csv", "pb/survey_responses/2025Q4.csv"


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    centre = Centre(tmp_path / "centre")
    for provider, agency in (("pa", "water"), ("pb", "roads")):
        own = [p | {"constant": agency} if p["name"] == "agency_id" else p for p in SURVEY["properties"]]
        centre.contract(SURVEY, provider, properties=own)
    centre.land("big.csv", answers(500, "2025-10-02"), "pa")
    centre.land("2025Q4.csv", answers(40, "2025-10-02"), "pb")
    return centre


class Disk:
    """A disk on which whoever reads the big file leaves no room for anybody until its working files are gone."""

    def __init__(self, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scratch, self.read = scratch, staging.read
        self.error: Exception = OSError(errno.ENOSPC, "No space left on device")
        monkeypatch.setattr(staging, "read", self.reading)

    def reading(self, given: Any, connection: Any, scratch: Path) -> Any:
        is_big = given.shown == PA
        if is_big:
            (scratch / "filler").write_bytes(b"x")
        if is_big or list(self.scratch.rglob("filler")):
            raise self.error
        return self.read(given, connection, scratch)


def test_the_big_file_is_told_and_the_other_received(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        Disk(centre.workspace.scratch, patched)
        centre.receive()
    accounts = centre.accounts
    assert (accounts[PA].status, [one["rule"] for one in accounts[PA].problems]) == ("refused", ["disk_full"])
    assert (accounts[PB].status, accounts[PB].accepted) == ("accepted", 40)
    assert not list(centre.workspace.scratch.rglob("*.parquet"))
    # Free space again: the next run tries it.
    assert [(one.path, one.accepted) for one in centre.receive().accounts] == [(PA, 500)]


@pytest.mark.parametrize(
    "step", ["ingestion.lake.atomic_files.finish", "ingestion.ledger_files.atomic_files.write_text"]
)
def test_no_room_for_rows_or_account_of_one(centre: Centre, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full when the first file is settled or recorded; the second finds room."""
    room, name = [False], step.rpartition(".")[2]
    from miyar import atomic_files

    whole = getattr(atomic_files, name)

    def full(path: Path, *rest: Any) -> None:
        if not room[0] and "lake" in str(path) and "quality" not in str(path):
            room[0] = True
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(path, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(step, full)
        intake = centre.receive()
    taken = [account.path for account in intake.accounts if account.accepted]
    told = [one.rule for one in intake.problems] + [p["rule"] for a in intake.accounts for p in a.problems]
    assert len(taken) == 1 and told == ["disk_full"]
    centre.receive()
    assert {account.accepted for account in centre.accounts.values()} == {500, 40}


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OSError(errno.EDQUOT, "Disk quota exceeded"), id="quota"),
        pytest.param(OSError(errno.EFBIG, "File too large"), id="largest-file"),
        pytest.param(duckdb.IOException("IO Error: Could not write file: No space left on device"), id="engine"),
        pytest.param(
            duckdb.OutOfMemoryException("Out of Memory Error: failed to offload data block: max_temp_directory_size"),
            id="spilling",
        ),
        pytest.param(OSError("Error writing bytes to file. Detail: [errno 28] No space left on device"), id="arrow"),
    ],
)
def test_a_disk_that_is_full_in_another_way(centre: Centre, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """TIGRLab/admin#1290 (space is left, and no file can be made), equinor/ert#8864 (the folder of temporary files),
    common-workflow-language/cwltool#2293, nf-core/rnaseq#1400, flux-framework/flux-core#7012.
    """
    with monkeypatch.context() as patched:
        disk = Disk(centre.workspace.scratch, patched)
        disk.error = error
        centre.receive()
    accounts = centre.accounts
    assert accounts[PA].status == "refused" and accounts[PA].problems[0]["rule"] in {"disk_full", "memory_exceeded"}
    assert accounts[PA].problems[0]["next_step"]
    assert (accounts[PB].status, accounts[PB].accepted) == ("accepted", 40)
    assert [(one.path, one.accepted) for one in centre.receive().accounts] == [(PA, 500)]
