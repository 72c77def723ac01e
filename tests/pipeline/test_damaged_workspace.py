"""Whatever is torn or changed on the disk ends in one message with a next step, never in a traceback.

Kind: files the product wrote itself and finds damaged: a full disk, a kill between two writes, a bad sector, a restore of
half a backup.

Belongs here: cutting and flipping every kind of file below a workspace. Does not belong here: bad deliveries.
"""

import shutil
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.main import main
from miyar.errors import MiyarError
from publication.manifest import list_editions
from tests.pipeline.conftest import Micro

# One pattern a kind; of several files the first is taken.
KINDS = (
    "miyar.yml",
    "registry/agencies.csv",
    "registry/contracts/a01/survey_responses.yml",
    "landing/a01/survey_responses/*.csv",
    "lake/submissions/*.json",
    "lake/quality/*.json",
    "lake/slices.parquet",
    "lake/moved.parquet",
    "lake/survey_responses/period=*/*.parquet",
    "lake/registry/agencies.parquet",
    "warehouse/*.hash",
    "warehouse/cells.key",
    "editions/ledger.jsonl",
    "editions/2025Q4-r1/manifest.json",
    "editions/2025Q4-r1/benchmarks.duckdb",
    "editions/2025Q4-r1/tables/*.parquet",
    "editions/2025Q4-r1/packs/a01/quality.json",
    "vintages/*.json",
    "vintages/published.parquet",
    "dagster/dagster.yaml",
    "dagster/**/*.db",
)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x80]) + content[middle + 1 :] if content else b"\x80"


def emptied(_: bytes) -> bytes:
    return b""


def ends(*words: Any) -> None:
    """Run a command; anything but its own end, with 0, 1 or 2, is a traceback."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code in (None, 0, 1, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_ends_in_a_traceback(built: Micro, kind: str) -> None:
    path = sorted(built.root.glob(kind))[0]
    content = path.read_bytes()
    path.chmod(0o600)
    damages: tuple[Callable[[bytes], bytes], ...] = (cut, flipped, emptied)
    for damage in damages:
        path.write_bytes(damage(content))
        for words in (("status",), ("verify",), ("show",), ("asof", "2026-02-01"), ("publish", "--reason", "a test")):
            ends(*words, "--workspace", built.root)
        path.write_bytes(content)


def test_a_changed_account_stops_the_run_and_names_the_file(built: Micro) -> None:
    path = sorted(built.workspace.submissions.glob("*.json"))[0]
    path.write_bytes(path.read_bytes().replace(b'"accepted": ', b'"accepted": 1', 1))
    with pytest.raises(MiyarError) as caught:
        built.run()
    said = str(caught.value)
    assert said.count("[account_unreadable]") == 1 and f"lake/submissions/{path.name}" in said and "Restore" in said
    path.unlink()
    result = built.run()
    assert [account.submission_id for account in result.new] == [path.stem]


def test_a_lost_link_to_the_current_edition_is_made_again(built: Micro) -> None:
    current = built.workspace.editions / "current"
    for lead_nowhere in (False, True):
        current.unlink()
        if lead_nowhere:
            current.symlink_to("2031Q1-r1")
        result = built.run()
        assert [problem.rule for problem in result.problems] == ["current_lost"]
        assert current.resolve().name == result.edition_id == "2025Q4-r1"
    assert built.run().problems == []


def test_a_lost_edition_is_told_at_every_run_and_its_name_is_not_given_again(built: Micro) -> None:
    shutil.move(built.workspace.editions / "2025Q4-r1", built.root / "moved")
    for _ in range(2):
        assert [problem.rule for problem in built.run(publish=False).problems] == ["edition_missing"]
    built.withdraw(built.a04_q4)
    result = built.run(reason="a test")
    assert list_editions(built.workspace.editions) == ["2025Q4-r2"] and result.is_published


@pytest.mark.parametrize("how", ["cut", "gone", "middle"])
def test_a_torn_warehouse_is_made_again_from_the_lake(built: Micro, how: str, expected_hash: str) -> None:
    path = built.workspace.warehouse
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
        (path.parent / "built.hash").unlink()
    elif how == "cut":
        path.write_bytes(cut(content))
    else:
        half = len(content) // 2
        path.write_bytes(content[:half] + b"\xa5" * 300_000 + content[half + 300_000 :])
        (path.parent / "built.hash").unlink()
    result = built.run()
    assert result.is_built and [one.rule for one in result.problems] == ([] if how == "gone" else ["warehouse_torn"])
    assert built.content_hash() == expected_hash and not built.run().is_built


def test_rows_lost_from_the_lake_are_read_again(built: Micro, expected_hash: str) -> None:
    submission = built.submission(built.a02_q4)
    (path,) = built.workspace.lake.glob(f"survey_responses/period=*/{submission}.parquet")
    content = path.read_bytes()
    for damage in (cut(content), None):
        path.unlink()
        if damage is not None:
            path.write_bytes(damage)
        assert [account.submission_id for account in built.receive().accounts] == [submission]
        assert path.read_bytes() == content
    path.unlink()
    (built.root / "landing" / built.a02_q4).unlink()
    (problem,) = built.run(publish=False).problems
    assert (problem.rule, problem.who) == ("rows_missing", "a02")
    assert "128 accepted rows" in problem.message  # 64 people, two questions


def test_edited_rows_are_named_and_reach_no_figure(built: Micro) -> None:
    """The same number of rows, so nothing is lost; a change of code would have every row read again, and publish them."""
    submission = built.submission(built.a02_q4)
    (path,) = built.workspace.lake.glob(f"survey_responses/period=*/{submission}.parquet")
    content = path.read_bytes()
    rows = pq.read_table(path)
    place = rows.schema.get_field_index("value")
    edited = rows.set_column(
        place, rows.schema.field(place), pa.array([5] * rows.num_rows, rows.schema.field(place).type)
    )
    path.unlink()
    pq.write_table(edited, path)
    before = built.content_hash()
    for again in ("built.hash", "cells.key"):
        (built.workspace.warehouse.parent / again).unlink()
    with pytest.raises(MiyarError) as caught:
        built.run(reason="registry, methodology or code changed")
    said = str(caught.value)
    assert said.count("[lake_changed]") == 1 and f"lake/{path.relative_to(built.workspace.lake)}" in said
    assert built.content_hash() == before and list_editions(built.workspace.editions) == ["2025Q4-r1"]
    path.unlink()  # as the message says: the delivery is read again
    assert built.run().problems == []
    assert path.read_bytes() == content and built.content_hash() == before
