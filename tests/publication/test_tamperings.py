"""Every tampering with what was published is found by `verify`, and named.

Belongs here: the deeds of `tests/publication/tamperings.py`, held against `publication.verify`. Does not belong here: cases of
each check (`test_verify`, `test_release_ledger`, `test_checkpoints`).
"""

import shutil
from pathlib import Path

import pytest

from miyar.errors import Problem
from publication.checkpoints import checkpoint_path
from publication.release_ledger import read_entries
from publication.signing_keys import open_key
from publication.verify import Anchors, verify_all
from tests.publication.ledgers import NAMES, three_editions
from tests.publication.tamperings import BY_HEAD, BY_KEY, BY_WITNESS, TAMPERINGS, Tampering


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish three editions with a key, once for all tests; returns the folder of centre and key."""
    return three_editions(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def _anchors(folder: Path) -> dict[str, Anchors]:
    """What somebody noted before anything was tampered with."""
    editions = folder / "centre" / "editions"
    return {
        "": Anchors(),
        BY_HEAD: Anchors(head=read_entries(editions)[-1].entry_hash),
        BY_WITNESS: Anchors(witnesses={"kept.txt": checkpoint_path(editions, NAMES[2]).read_text("utf-8")}),
        BY_KEY: Anchors(key=open_key(folder / "key")),
    }


def _found(editions: Path, anchors: Anchors) -> list[Problem]:
    return [problem for problems in verify_all(editions, anchors=anchors).values() for problem in problems]


def test_without_any_nothing_is_found(folder: Path) -> None:
    for anchor in _anchors(folder).values():
        assert _found(folder / "centre" / "editions", anchor) == []


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: one.name)
def test_a_tampering_is_found_and_named(tampering: Tampering, folder: Path) -> None:
    editions, anchors = folder / "centre" / "editions", _anchors(folder)
    tampering.do(editions)
    if tampering.anchor:
        assert _found(editions, Anchors()) == [], "it is found without an anchor: say so"
    told = _found(editions, anchors[tampering.anchor])
    assert any(
        (one.rule, one.file) == (tampering.rule, tampering.file) and tampering.words in one.message and one.next_step
        for one in told
    ), "\n".join(map(str, told))


def test_how_many_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    anchored = sum(bool(one.anchor) for one in TAMPERINGS)
    with capsys.disabled():
        print(
            f"\n{len(TAMPERINGS)} tamperings, {len(TAMPERINGS)} named; {anchored} of them by an anchor outside the disk only"
        )
    assert len({one.name for one in TAMPERINGS}) == len(TAMPERINGS) >= 30
    assert anchored < len(TAMPERINGS) / 4
