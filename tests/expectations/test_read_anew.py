"""A file read again by other code: where rows are not the last edition's, verifying reads it once more and says what is true.

Belongs here: accounts that differ though nothing was tampered with, and that do because it was. Does not belong here: other
edits of the lake (`tests/publication/test_edited_lake.py`).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ingestion.lake_files import hashes_of
from ingestion.rereading import open_periods
from ingestion.slices import write_slices
from ingestion.submission_ledger import Account, read_accounts, write_account
from miyar.errors import Problem
from publication import verify_accounts
from publication.manifest import Manifest
from publication.verify_workspace import against_kept
from publication.vintages import inputs_now, keep
from tests.expectations.conftest import Centre
from tests.expectations.keeping import HEADER, OTHER, land, received


@pytest.fixture
def kept(people: Centre) -> Manifest:
    """A centre of which an edition kept its inputs, as publishing does: one file, with a row that is refused."""
    land(people, HEADER + f"a01,r1,2025-02-03,9,{OTHER}\n" + "".join(f"a01,s{n},2025-02-03,4,\n" for n in range(19)))
    received(people)
    write_slices(people.workspace, read_accounts(people.workspace), people.contracts)
    digest = keep(people.workspace, inputs_now(people.workspace))
    texts = dict.fromkeys(
        [
            "previous_edition_id", "previous_manifest_hash", "methodology_version", "methodology_hash", "registry_hash",
            "contracts_hash", "code_hash", "storage_version", "reason", "content_hash",
        ], "",
    )  # fmt: skip
    return Manifest("2025Q1-r1", "2025Q1", 1, published_at="2026-01-01", inputs_hash=digest, **texts)  # type: ignore[arg-type]


def _files(centre: Centre) -> list[Path]:
    return sorted((centre.root / "lake").rglob("*.parquet"))


def _account(centre: Centre) -> Account:
    [account] = read_accounts(centre.workspace)
    return account


def _written_anew(centre: Centre, change: Callable[[Path], None]) -> None:
    """Write files of the lake anew, as other code would, and let the account have their hashes."""
    account = _account(centre)
    paths = [centre.workspace.lake / name for name in account.files]
    for path in paths:
        change(path)
    write_account(centre.workspace, replace(account, files=hashes_of(centre.workspace.lake, paths)))


def _other_writer(path: Path) -> None:
    """The same rows in other bytes."""
    table = pq.read_table(path, partitioning=None)
    path.unlink()
    pq.write_table(table, path, compression="gzip")


def _other_value(path: Path) -> None:
    _edited(path, "value", 5)


def _edited(path: Path, column: str, value: object) -> None:
    table = pq.read_table(path, partitioning=None)
    if column in table.column_names:
        rows = table.to_pylist()
        rows[0][column] = value
        table = table.from_pylist(rows, schema=table.schema)
    path.unlink()
    pq.write_table(table, path)


def _told(centre: Centre, manifest: Manifest) -> list[Problem]:
    return against_kept(centre.workspace, manifest, read_accounts(centre.workspace))


def test_nothing_changed(people: Centre, kept: Manifest) -> None:
    assert _told(people, kept) == []


def test_the_same_rows_by_another_writer(people: Centre, kept: Manifest) -> None:
    before = _account(people).files
    _written_anew(people, _other_writer)
    assert before != _account(people).files
    assert _told(people, kept) == []


def test_other_rows_that_the_file_gives_when_it_is_read_again(people: Centre, kept: Manifest) -> None:
    """As if the edition was made by code that read a value otherwise: what lies in the lake now is what the file says."""
    account = _account(people)
    _written_anew(people, _other_value)
    forged = keep(people.workspace, inputs_now(people.workspace))
    write_account(people.workspace, account)
    for path in (centre_path for centre_path in _files(people) if "period=2" in str(centre_path)):
        path.unlink()
    received(people)
    assert _told(people, replace(kept, inputs_hash=forged)) == []


@pytest.mark.parametrize("column", ["value", "row_id", "problems"])
def test_rows_and_account_edited_together_are_named(people: Centre, kept: Manifest, column: str) -> None:
    _written_anew(
        people, lambda path: _edited(path, column, [] if column == "problems" else 5 if column == "value" else "x")
    )
    [told] = _told(people, kept)
    assert told.rule == "account_differs" and "read again" in told.message


@pytest.mark.parametrize("claimed", ["open_periods", "names", "contract_hash"])
def test_an_account_that_claims_another_reading_is_borne_out_by_its_file(
    people: Centre, kept: Manifest, claimed: str
) -> None:
    """Whoever rewrites rows and account writes into it what he likes, also what no run would read it again for."""
    fields: dict[str, dict[str, Any]] = {
        "open_periods": {"open_periods": open_periods(people.workspace)},
        "names": {"names": {}, "names_hash": ""},
        "contract_hash": {"contract_hash": "0" * 64},
    }
    assert _told(people, kept) == []
    _written_anew(people, _other_value)
    write_account(people.workspace, replace(_account(people), **fields[claimed]))
    [told] = _told(people, kept)
    assert told.rule == "account_differs"


def test_without_the_file_nobody_can_tell(people: Centre, kept: Manifest) -> None:
    _written_anew(people, _other_value)
    for path in (people.root / "landing").rglob("*.csv"):
        path.unlink()
    [told] = _told(people, kept)
    assert told.rule == "account_differs" and "gone" in told.message


def test_what_a_killed_verification_leaves_is_emptied_by_the_next_run(
    people: Centre, kept: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is read once more is copied, and holds personal data as it was delivered."""
    used: list[Path] = []

    def read_again(*given: Any) -> None:
        used.append(given[-1].root)

    monkeypatch.setattr(verify_accounts, "read_again", read_again)
    _written_anew(people, _other_value)
    assert _told(people, kept) != []
    assert len(used) == 1 and used[0].is_relative_to(people.workspace.scratch)
