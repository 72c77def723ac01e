"""What an edition is made from is looked at too: edited rows, accounts and kept inputs are named, and nothing is published from them.

Belongs here: `publication.verify_workspace`, and publishing over an edited lake. Does not belong here: editions themselves
(`test_tamperings`), builds (`tests/ingestion/test_lake_files.py`).
"""

# ruff: noqa: E501 - a deed a line, as in a table

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.lake_files import hashes_of
from ingestion.ledger_files import write_json
from ingestion.submission_ledger import read_account, write_account
from miyar.errors import MiyarError
from miyar.workspace import Workspace
from publication.manifest import read_manifest
from publication.verify_workspace import verify_workspace
from tests.publication.centre import Centre

ROWS = "survey_responses/period=2026Q1/sub-a.parquet"
HELD = "quarantine/survey_responses/sub-a.parquet"


def _live(workspace: Workspace) -> None:
    """Let the submission's rows count, as `ingestion.slices` would say."""
    slices = {"feed": ["survey_responses"], "period_id": ["2026Q1"], "submission_id": ["sub-a"], "status": ["live"]}
    pq.write_table(pa.table(slices), workspace.lake / "slices.parquet")


@pytest.fixture
def workspace(centre: Centre) -> Workspace:
    """A published centre with one submission's rows in its lake: three accepted, one refused."""
    made = centre.workspace
    for name, rows in ((ROWS, 3), (HELD, 1)):
        (made.lake / name).parent.mkdir(parents=True)
        pq.write_table(pa.table({"row_id": [f"r{number}" for number in range(rows)]}), made.lake / name)
    _live(made)
    account = read_account(made, "sub-a")
    account.accepted, account.quarantined = 3, 1
    account.files = hashes_of(made.lake, [made.lake / ROWS, made.lake / HELD])
    write_account(made, account)
    assert centre.publish().is_new
    return made


def _rewritten(path: Path) -> None:
    rows = pq.read_table(path).to_pylist()
    pq.write_table(pa.table({"row_id": ["x", *(row["row_id"] for row in rows[1:])]}), path)


def _account(workspace: Workspace, **fields: Any) -> None:
    """Edit an account as somebody who knows of its checksum."""
    path = workspace.submissions / "sub-a.json"
    content = json.loads(path.read_text("utf-8"))
    del content["checksum"]
    write_json(path, content | fields)


def _forged(workspace: Workspace) -> None:
    """Edit rows, and everything in the account that could tell."""
    _in_a_new_file(workspace.lake / ROWS)
    _account(workspace, files=hashes_of(workspace.lake, [workspace.lake / ROWS, workspace.lake / HELD]))


def _object(workspace: Workspace) -> Path:
    return max((workspace.root / "vintages" / "objects").iterdir(), key=lambda path: path.stat().st_size)


def _index(workspace: Workspace) -> Path:
    name = read_manifest(workspace.editions / "2026Q1-r1").inputs_hash
    return workspace.root / "vintages" / f"{name}.json"


def _byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _in_a_new_file(path: Path) -> None:
    """Editing by writing anew, which leaves the kept copy as it was."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    _rewritten(path)


DEEDS: list[tuple[str, Callable[[Workspace], object], str, str]] = [
    ("rows edited", lambda one: _in_a_new_file(one.lake / ROWS), "lake_changed", f"lake/{ROWS}"),
    ("rows in quarantine edited", lambda one: _in_a_new_file(one.lake / HELD), "lake_changed", f"lake/{HELD}"),
    ("rows gone", lambda one: (one.lake / ROWS).unlink(), "lake_missing", f"lake/{ROWS}"),
    ("rows added", lambda one: shutil.copy(one.lake / ROWS, (one.lake / ROWS).with_name("sub-z.parquet")), "file_added", f"lake/{ROWS.replace('sub-a', 'sub-z')}"),
    ("rows a link", lambda one: (one.lake / ROWS).symlink_to((one.lake / ROWS).rename(one.root / "elsewhere")), "file_linked", f"lake/{ROWS}"),
    ("a byte of an account", lambda one: _byte(one.submissions / "sub-a.json"), "account_unreadable", "lake/submissions/sub-a.json"),
    ("an account's count", lambda one: _account(one, accepted=4), "account_differs", "lake/submissions/sub-a.json"),
    ("an account's hashes taken out", lambda one: _account(one, files={}), "account_differs", "lake/submissions/sub-a.json"),
    ("rows and their account rewritten together", _forged, "account_differs", "lake/submissions/sub-a.json"),
    ("an account of another submission", lambda one: _account(one, submission_id="sub-q"), "account_differs", "lake/submissions/sub-a.json"),
    ("a submission removed", lambda one: (one.submissions / "sub-a.json").unlink(), "submission_missing", "lake/submissions/sub-a.json"),
    ("a kept input edited", lambda one: _byte(_object(one)), "vintage_changed", "vintages"),
    ("a kept input removed", lambda one: _object(one).unlink(), "vintage_missing", "vintages"),
    ("the list of inputs edited", lambda one: _index(one).write_text("{}"), "vintage_changed", "vintages"),
    ("the list of inputs removed", lambda one: _index(one).unlink(), "vintage_missing", "vintages"),
    ("what was published before", lambda one: _rewritten_counts(one.root / "vintages" / "published.parquet"), "vintage_changed", "vintages/published.parquet"),
]  # fmt: skip


def _rewritten_counts(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)


@pytest.mark.parametrize(("deed", "rule", "file"), [pytest.param(*one[1:], id=one[0]) for one in DEEDS])
def test_what_an_edition_is_made_from_is_looked_at(
    deed: Callable[[Workspace], object], rule: str, file: str, workspace: Workspace
) -> None:
    assert not any(verify_workspace(workspace).values())
    deed(workspace)
    told = [problem for problems in verify_workspace(workspace).values() for problem in problems]
    assert any(one.rule == rule and one.file.startswith(file) and one.next_step for one in told), "\n".join(
        map(str, told)
    )


def test_nothing_is_published_from_edited_rows(workspace: Workspace, centre: Centre) -> None:
    """Nor is it called another reason: the file is named, and no half-made edition stays."""
    _in_a_new_file(workspace.lake / ROWS)
    centre.change("update benchmarks.bench_scores set score = 99 where score_id = 's3'")
    before = sorted(path.name for path in workspace.editions.iterdir())
    kept = sorted((workspace.root / "vintages").iterdir())
    with pytest.raises(MiyarError) as caught:
        centre.publish(reason="registry, methodology or code changed")
    assert [(one.rule, one.file) for one in caught.value.problems] == [("lake_changed", f"lake/{ROWS}")]
    assert sorted(path.name for path in workspace.editions.iterdir()) == before
    assert sorted((workspace.root / "vintages").iterdir()) == kept


def test_editing_in_place_is_seen_in_the_kept_copy_too(workspace: Workspace) -> None:
    """Lake and vintages are two names of one file, so a change of one is a change of both; both are named."""
    _rewritten(workspace.lake / ROWS)
    found = verify_workspace(workspace)
    assert [one.rule for one in found["lake"]] == ["lake_changed"]
    assert [one.rule for one in found["vintages"]] == ["vintage_changed"]
