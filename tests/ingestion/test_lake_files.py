"""The lake's files are those that were written: each account holds their hashes, and builds look at them.

Belongs here: `ingestion.lake_files`. Does not belong here: that nothing is published from edited rows (tests of publication).
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from ingestion import lake_files
from ingestion.lake_files import require_unchanged
from ingestion.submission_ledger import Account
from miyar.errors import MiyarError
from tests.ingestion.test_lake import PLANTED, refused


@pytest.fixture
def settled(centre: Any, survey: dict[str, Any]) -> tuple[Any, Account]:
    centre.contract(survey)
    centre.land(PLANTED)
    staged = centre.stage()
    settlement = centre.settle(staged, refused((f"{staged.submission_id}:6", "range", "value")))
    known = {"provider": "p", "contract_id": "c", "contract_version": "1", "contract_hash": "h", "path": "p/f.csv"}
    account = Account(
        staged.submission_id,
        feed="survey_responses",
        delivered_key="",
        sequence=1,
        status="accepted",
        files=settlement.files,
        **known,
    )
    return centre.workspace, account


def _rules(workspace: Any, account: Account) -> list[tuple[str, str]]:
    try:
        require_unchanged(workspace, [account])
    except MiyarError as error:
        assert all(problem.next_step and problem.who == "p" for problem in error.problems)
        return [(problem.rule, problem.file) for problem in error.problems]
    return []


def _edit(path: Path) -> None:
    """Change a byte, and set the moment of the change back, as a careful editor would not even have to."""
    content = bytearray(path.read_bytes())
    content[8] ^= 1
    path.write_bytes(bytes(content))


def test_every_file_that_was_written_has_its_hash(settled: tuple[Any, Account]) -> None:
    workspace, account = settled
    own = f"{account.submission_id}.parquet"
    names = [f"survey_responses/period={period}/{own}" for period in ("2025Q1", "2025Q2")]
    assert sorted(account.files) == sorted([*names, f"quarantine/survey_responses/{own}"])
    for name, digest in account.files.items():
        assert hashlib.sha256((workspace.lake / name).read_bytes()).hexdigest() == digest


def test_an_edited_file_stops_a_build_and_is_named(settled: tuple[Any, Account]) -> None:
    workspace, account = settled
    assert _rules(workspace, account) == []
    name = f"survey_responses/period=2025Q1/{account.submission_id}.parquet"
    content = (workspace.lake / name).read_bytes()
    _edit(workspace.lake / name)
    assert _rules(workspace, account) == _rules(workspace, account) == [("lake_changed", f"lake/{name}")]
    (workspace.lake / name).write_bytes(content)
    assert _rules(workspace, account) == []
    (workspace.lake / name).unlink()  # rows that are gone are read again: that is the intake's
    assert _rules(workspace, account) == []


def test_a_file_is_hashed_once_while_it_is_the_same(
    settled: tuple[Any, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, account = settled
    hashed: list[Path] = []
    honest = lake_files.file_hash
    monkeypatch.setattr(lake_files, "file_hash", lambda path: hashed.append(path) or honest(path))
    for _ in range(3):
        assert _rules(workspace, account) == []
    assert len(hashed) == 2  # the accepted ones; a build does not read what is in quarantine
    os.utime(hashed[0], ns=(0, 0))
    assert _rules(workspace, account) == [] and len(hashed) == 3
    # The note of what was seen may go: it is made again.
    (workspace.root / lake_files.SEEN).write_text("{", "utf-8")
    assert _rules(workspace, account) == [] and len(hashed) == 5
