"""Receipts of destruction are a chain that editions name and checkpoints cover: one that is edited or removed is found and named.

Belongs here: tampering with receipts and with the list of what may not come back. Does not belong here: what is destroyed
(`tests/expectations`), tampering with editions (`test_tamperings`).
"""

# ruff: noqa: E501 - a deed a line, as in a table

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from ingestion.erased import FILE as LIST
from ingestion.erased import add_people
from ingestion.receipts import FILE, Decision, Destroyed, Receipt, Receipts, read_receipts
from miyar.errors import MiyarError
from miyar.workspace import Workspace
from publication.manifest import read_manifest
from publication.verify import verify_all
from publication.verify_workspace import verify_workspace
from tests.publication.centre import ORIGIN, Centre, publish_as_it_stands

ERASURE = Decision("asked by the person", "officer", datetime(2026, 3, 1, tzinfo=UTC))


def _destroy(workspace: Workspace, people: int) -> None:
    """As `miyar erase` does, for so many people, of whom a kept input is destroyed each."""
    receipts = Receipts(workspace, "erasure", ERASURE)
    for number in range(people):
        add_people(receipts, [f"{number:032x}"])
        receipts.note(Destroyed("vintage", f"vintages/objects/{number:064x}", 0, f"{number:064x}"))


@pytest.fixture
def workspace(centre: Centre) -> Workspace:
    """A centre that destroyed (4 receipts), published, and destroyed once more (2 receipts)."""
    _destroy(centre.workspace, 2)
    assert centre.publish().is_new
    receipts = Receipts(centre.workspace, "retention", ERASURE)
    receipts.note(Destroyed("landing", "landing/p/f/q.csv", 0, "a" * 64))
    receipts.note(Destroyed("landing", "landing/p/f/r.csv", 0, "b" * 64))
    return centre.workspace


def _lines(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Callable[[Workspace], None]:
    def do(workspace: Workspace) -> None:
        path = workspace.root / FILE
        lines = change([json.loads(line) for line in path.read_text("utf-8").splitlines()])
        path.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), "utf-8")

    return do


def _edited(number: int, **fields: Any) -> Callable[[Workspace], None]:
    def change(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        lines[number - 1] |= fields
        return lines

    return _lines(change)


def _fewer_rows(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines[0]["destroyed"]["rows"] = 0
    return lines


def _rewritten(workspace: Workspace) -> None:
    """Let all receipts say another reason, with every hash made anew."""
    receipts, previous = list[Receipt](), "0" * 64
    for one in read_receipts(workspace):
        made = replace(one, reason="an agency asked", previous_hash=previous)
        receipts.append(replace(made, receipt_hash=made.computed))
        previous = receipts[-1].receipt_hash
    rows = [{**vars(one), "destroyed": vars(one.destroyed)} for one in receipts]
    _lines(lambda _: rows)(workspace)


def _list(change: Callable[[Path], object]) -> Callable[[Workspace], object]:
    return lambda workspace: change(workspace.root / LIST)


def _nobody(path: Path) -> None:
    from ingestion.ledger_files import write_json

    write_json(path, {"people": [], "ended": []})


@dataclass(frozen=True)
class Deed:
    name: str
    do: Callable[[Workspace], object]
    rule: str
    row: int | None
    words: str


DEEDS = [
    Deed("who", _edited(2, by="nobody"), "receipt_changed", 2, "was edited"),
    Deed("why", _edited(3, reason="x"), "receipt_changed", 3, "was edited"),
    Deed("how many rows", _lines(_fewer_rows), "receipt_changed", 1, "lake/erased.json was edited"),
    Deed("the last one's moment", _edited(6, at="2020-01-01T00:00:00+00:00"), "receipt_changed", 6, "was edited"),
    Deed("one removed", _lines(lambda lines: lines[:1] + lines[2:]), "receipt_chain_broken", 2, "gone or moved"),
    Deed("the first removed", _lines(lambda lines: lines[1:]), "receipt_chain_broken", 1, "gone or moved"),
    Deed("two moved", _lines(lambda lines: [lines[1], lines[0], *lines[2:]]), "receipt_chain_broken", 1, "gone or moved"),
    Deed("one twice", _lines(lambda lines: [*lines, lines[-1]]), "receipt_chain_broken", 7, "gone or moved"),
    Deed("cut off", _lines(lambda lines: lines[:3]), "receipts_shortened", 3, "1 of the 4 receipts there were at 2026Q1-r1 are gone"),
    Deed("all removed", lambda workspace: (workspace.root / FILE).unlink(), "receipts_shortened", 0, "4 of the 4"),
    Deed("all rewritten with their hashes", _rewritten, "receipts_rewritten", 4, "not those there were at 2026Q1-r1"),
    Deed("one that is none", _edited(2, more="x"), "receipt_unreadable", 2, "no receipt"),
    Deed("not finished", lambda workspace: (workspace.root / FILE).open("a").write("{"), "receipt_unreadable", 7, "not finished"),
    Deed("people taken off the list", _list(_nobody), "erased_list_changed", None, "last receipt"),
    Deed("the list removed", _list(Path.unlink), "erased_list_changed", None, "last receipt"),
]  # fmt: skip


def test_a_list_that_no_receipt_speaks_of_is_found(centre: Centre) -> None:
    """Whoever writes it anew, where nothing was destroyed yet, lets rows of others be left out unseen."""
    from ingestion.ledger_files import write_json

    write_json(centre.workspace.root / LIST, {"people": [], "ended": [["p1/f/c", "2026Q1", ""]]})
    told = [one for problems in verify_workspace(centre.workspace).values() for one in problems]
    assert ("erased_list_changed", LIST) in {(one.rule, one.file) for one in told}
    with pytest.raises(MiyarError):
        centre.publish()


def test_without_any_nothing_is_found(workspace: Workspace) -> None:
    assert [one for problems in verify_workspace(workspace).values() for one in problems] == []
    manifest = read_manifest(workspace.editions / "2026Q1-r1")
    assert (manifest.receipts, manifest.receipts_head) == (4, read_receipts(workspace)[3].receipt_hash)


@pytest.mark.parametrize("deed", DEEDS, ids=lambda one: one.name)
def test_it_is_found_and_named(deed: Deed, workspace: Workspace) -> None:
    deed.do(workspace)
    told = [one for problems in verify_workspace(workspace).values() for one in problems]
    named = [(one.rule, one.row) for one in told if deed.words in one.message and one.next_step]
    assert (deed.rule, deed.row) in named, told
    assert {one.file for one in told} <= {FILE, LIST}


def test_an_edition_cannot_be_told_of_other_receipts(workspace: Workspace) -> None:
    """The manifest names them, the ledger the manifest, and checkpoints the ledger."""
    path = workspace.editions / "2026Q1-r1" / "manifest.json"
    path.chmod(0o644)
    path.write_text(path.read_text("utf-8").replace('"receipts": 4', '"receipts": 3'), "utf-8")
    path.chmod(0o444)
    told = {one.rule for problems in verify_all(workspace.editions).values() for one in problems}
    assert "manifest_changed" in told


@pytest.mark.parametrize("deed", [DEEDS[0], DEEDS[4], DEEDS[8], DEEDS[10], DEEDS[13]], ids=lambda one: one.name)
def test_nothing_is_published_over_it(deed: Deed, workspace: Workspace, centre: Centre) -> None:
    deed.do(workspace)
    centre.change("update benchmarks.bench_scores set score = 3 where score_id = 's3'")
    with pytest.raises(MiyarError) as caught:
        publish_as_it_stands(workspace, ORIGIN, datetime(2026, 4, 21, tzinfo=UTC), reason="corrected")
    assert deed.rule in {one.rule for one in caught.value.problems}


@pytest.mark.parametrize("deed", [DEEDS[0], DEEDS[4]], ids=lambda one: one.name)
def test_nothing_is_destroyed_over_it(deed: Deed, workspace: Workspace) -> None:
    deed.do(workspace)
    with pytest.raises(MiyarError):
        Receipts(workspace, "erasure", ERASURE)


def test_verify_tells_the_last_receipt(workspace: Workspace) -> None:
    told = CliRunner().invoke(app, ["verify", "-w", str(workspace.root)])
    assert (
        f"receipts of destruction: 6, the last 2 in no edition yet; head {read_receipts(workspace)[-1].receipt_hash}"
        in told.output
    )
