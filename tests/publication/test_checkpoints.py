"""A ledger rewritten whole is found by one checkpoint kept anywhere else, and no key signs it.

Belongs here: checkpoints in editions and packs, keys, witnesses. Does not belong here: the form of notes (`test_notes`),
what is found without an anchor (`test_tamperings`).
"""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from miyar.errors import MiyarError
from miyar.workspace import Workspace
from publication.checkpoints import check_witness, checkpoint_path, read_checkpoint
from publication.notes import WITNESS, NoteError, Verifier, witnessed_at
from publication.signing_keys import VARIABLE, KeyFile, key_of, make_key, open_key
from publication.verify import Anchors, verify_all
from publication.witnesses import cosign, request
from tests.publication.centre import ORIGIN, Centre, publish_as_it_stands
from tests.publication.ledgers import NAMES, SEED, publish_on, rewrite, three_editions


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish three editions with a key, once for all tests; returns the folder of centre and key."""
    return three_editions(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a copy of them for a test that changes it."""
    shutil.copytree(made, tmp_path / "copy", symlinks=True)
    yield tmp_path / "copy"


def _rules(folder: Path, **anchors: Any) -> list[str]:
    found = verify_all(folder / "centre" / "editions", anchors=Anchors(**anchors))
    return sorted(problem.rule for problems in found.values() for problem in problems)


def _key(folder: Path) -> KeyFile:
    return open_key(folder / "key", folder / "centre")


def test_every_edition_has_a_signed_checkpoint_and_every_pack_the_one_before(folder: Path) -> None:
    editions = folder / "centre" / "editions"
    verifier = _key(folder).signer.verifier()
    for size, name in enumerate(NAMES, start=1):
        content = checkpoint_path(editions, name).read_text("utf-8")
        checkpoint, note = read_checkpoint(content)
        assert (checkpoint.origin, checkpoint.size) == ("centre.example/ledger", size)
        assert verifier.made(note) == note.signatures[0]
        before = NAMES[size - 2] if size > 1 else None
        for pack in (editions / name / "packs").iterdir():
            kept = pack / "checkpoint.txt"
            assert kept.is_file() == (before is not None)
            if before:
                assert kept.read_text("utf-8") == checkpoint_path(editions, before).read_text("utf-8")
    assert _key(folder).memory() == checkpoint_path(editions, NAMES[2]).read_text("utf-8")
    assert _rules(folder) == _rules(folder, key=_key(folder)) == _rules(folder, verifier=verifier) == []


@pytest.mark.parametrize("name", NAMES)
def test_one_kept_checkpoint_finds_a_rewrite_of_everything_on_the_disk(name: str, folder: Path) -> None:
    editions = folder / "centre" / "editions"
    kept = checkpoint_path(editions, name).read_text("utf-8")
    assert check_witness(editions, kept, "mine.txt") == []
    rewrite(folder / "centre" / "editions")
    assert _rules(folder) == []  # nothing on this disk tells
    assert _rules(folder, witnesses={"mine.txt": kept}) == ["ledger_rewritten"]
    [problem] = check_witness(editions, kept, "mine.txt")
    assert problem.file == "mine.txt" and problem.next_step


def test_a_rollback_is_found_by_what_a_pack_carries_and_by_the_key(folder: Path) -> None:
    editions = folder / "centre" / "editions"
    kept = (editions / NAMES[2] / "packs" / "a01" / "checkpoint.txt").read_text("utf-8")
    rewrite(folder / "centre" / "editions", keep=1)
    (editions / "current").unlink()
    (editions / "current").symlink_to(NAMES[0])
    assert _rules(folder) == []
    assert _rules(folder, witnesses={"mine.txt": kept}) == ["ledger_shortened"]
    assert _rules(folder, key=_key(folder)) == ["checkpoint_forged", "ledger_shortened"]


def test_a_forged_signature_is_told_by_the_public_key_alone(folder: Path) -> None:
    verifier = _key(folder).signer.verifier()
    rewrite(folder / "centre" / "editions")
    assert _rules(folder, verifier=verifier) == ["checkpoint_forged"] * 3
    assert _rules(folder, verifier=Verifier("another", 1, verifier.key)) == ["checkpoint_unsigned"] * 3


def test_the_key_signs_no_rewritten_ledger(folder: Path) -> None:
    """Not even where the forger left no checkpoint: the key remembers what it signed."""
    rewrite(folder / "centre" / "editions")
    for name in NAMES:
        checkpoint_path(folder / "centre" / "editions", name).unlink()
    centre = Workspace.open(folder / "centre")
    with pytest.raises(MiyarError) as caught:
        publish_as_it_stands(centre, ORIGIN, datetime(2026, 5, 1, tzinfo=UTC), period="2025Q4", key=_key(folder))
    assert [problem.rule for problem in caught.value.problems] == ["ledger_rewritten"]
    assert not list((centre.editions / "checkpoints").iterdir())


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda path: path.unlink(), "checkpoint_missing"),
        (lambda path: path.write_text("x", "utf-8"), "checkpoint_unreadable"),
        (lambda path: path.write_bytes(b"\xff"), "checkpoint_unreadable"),
        (
            lambda path: path.write_text(path.read_text("utf-8").replace("\n2\n", "\n3\n"), "utf-8"),
            "checkpoint_differs",
        ),
        (
            lambda path: path.write_text(path.read_text("utf-8").partition("\n\n")[0] + "\n\n", "utf-8"),
            "checkpoint_unsigned",
        ),
        (lambda path: path.with_name("more.txt").write_text("x", "utf-8"), "file_added"),
    ],
)
def test_a_changed_checkpoint_is_named(change: Callable[[Path], object], rule: str, folder: Path) -> None:
    change(checkpoint_path(folder / "centre" / "editions", NAMES[1]))
    assert _rules(folder, verifier=_key(folder).signer.verifier()) == [rule]


def test_without_a_key_checkpoints_are_unsigned_and_a_later_key_signs_them(centre: Centre, tmp_path: Path) -> None:
    publish_on(centre, 20, None)
    path = checkpoint_path(centre.workspace.editions, NAMES[0])
    first, note = read_checkpoint(path.read_text("utf-8"))
    assert note.signatures == [] and first.origin.startswith("miyar/")
    publish_on(centre, 21, make_key(tmp_path / "key", "centre.example/ledger", SEED))
    for name in NAMES[:2]:
        _, note = read_checkpoint(checkpoint_path(centre.workspace.editions, name).read_text("utf-8"))
        assert [one.name for one in note.signatures] == ["centre.example/ledger"]
    assert check_witness(centre.workspace.editions, str(first) + "\n", "first.txt") == []


def test_a_killed_publishing_gets_its_checkpoint_from_the_next(folder: Path) -> None:
    path = checkpoint_path(folder / "centre" / "editions", NAMES[2])
    content = path.read_text("utf-8")
    path.rename(path.with_name(f".{path.name}.part"))
    assert _rules(folder) == ["checkpoint_missing"]
    key = _key(folder)
    key.remember((folder / "centre/editions/checkpoints/2026Q1-r2.txt").read_text("utf-8"))
    centre = Workspace.open(folder / "centre")
    assert not publish_as_it_stands(centre, ORIGIN, datetime(2026, 5, 1, tzinfo=UTC), key=key).is_new
    assert (path.read_text("utf-8"), key.memory()) == (content, content)


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda key: key.unlink(), "key_missing"),
        (lambda key: key.chmod(0o640), "key_readable"),
        (lambda key: key.chmod(0o604), "key_readable"),
        (lambda key: key.chmod(0o622), "key_readable"),
        (lambda key: key.write_text("PRIVATE+KEY+x"), "key_unreadable"),
        (lambda key: key.write_bytes(b"\xff\xfe"), "key_unreadable"),
    ],
)
def test_a_key_that_cannot_be_trusted_is_refused(spoil: Callable[[Path], object], rule: str, tmp_path: Path) -> None:
    make_key(tmp_path / "key", "centre.example/ledger", SEED)
    spoil(tmp_path / "key")
    with pytest.raises(MiyarError, match=rule) as caught:
        open_key(tmp_path / "key")
    assert "PRIVATE+KEY+x" not in str(caught.value)


def test_a_key_within_the_workspace_is_refused_also_through_a_link(
    centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = centre.workspace.root
    assert key_of(centre.workspace) is None
    make_key(root / "registry" / "key", "centre.example/ledger", SEED)
    make_key(tmp_path / "key", "centre.example/ledger", SEED)
    (tmp_path / "link").symlink_to(root / "registry" / "key")
    (root / "link").symlink_to(tmp_path / "key")
    for path in (root / "registry" / "key", Path("registry/key"), tmp_path / "link", root / "link"):
        monkeypatch.setenv(VARIABLE, str(path))
        with pytest.raises(MiyarError, match="key_in_workspace"):
            key_of(centre.workspace)
    monkeypatch.setenv(VARIABLE, "../key")
    key = key_of(centre.workspace)
    assert key is not None and key.path == tmp_path / "key"
    monkeypatch.delenv(VARIABLE)
    (root / "miyar.yml").write_text((root / "miyar.yml").read_text() + "checkpoint_key: ../key\n")
    assert key_of(Workspace.open(root)) == key


def test_a_key_that_cannot_remember_signs_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told before anything is published, and not after the edition is in its place. (A disk that is read-only tells root too.)"""
    centre = Workspace.open(folder / "centre")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(MiyarError, match="key_unwritable"):
        publish_as_it_stands(centre, ORIGIN, datetime(2026, 5, 1, tzinfo=UTC), period="2025Q4", key=_key(folder))
    assert sorted(path.name for path in centre.editions.iterdir() if path.is_dir()) == sorted(
        [*NAMES, "checkpoints", "current"]
    )


def test_a_witness_that_knows_the_ledgers_key_cosigns_nothing_else(folder: Path, tmp_path: Path) -> None:
    key = make_key(tmp_path / "witness", "agency.example/witness", bytes(32))
    public = _key(folder).signer.verifier()
    content = request(folder / "centre" / "editions")
    _, note = read_checkpoint(content)
    for forged in (note.text + "\n", content.replace("\n3\n", "\n4\n")):
        with pytest.raises(MiyarError, match="checkpoint_forged"):
            cosign(forged, key, 1, public)
    assert cosign(content, key, 1, public).startswith(content)


def test_a_new_key_is_its_owners_and_replaces_none(tmp_path: Path) -> None:
    make_key(tmp_path / "key", "centre.example/ledger", SEED)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(MiyarError, match="key_exists"):
        make_key(tmp_path / "key", "centre.example/ledger", SEED)
    with pytest.raises(MiyarError, match="key_name_invalid"):
        make_key(tmp_path / "other", "a name", SEED)


@pytest.mark.parametrize(
    "text",
    [
        "o\n07\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
        "o\n7\n\n",
        "o\n7\nAAAA\n\n",
        "o\n\u0667\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
        "\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
        "o\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nmore\n\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(NoteError):
        read_checkpoint(text)


def test_a_witness_cosigns_what_continues_and_refuses_what_contradicts(folder: Path, tmp_path: Path) -> None:
    editions = folder / "centre" / "editions"
    key = make_key(tmp_path / "witness", "agency.example/witness", bytes(32))
    first = checkpoint_path(editions, NAMES[0]).read_text("utf-8")
    cosigned = cosign(first, key, 1_800_000_000)
    _, note = read_checkpoint(cosigned)
    line = key.signer.verifier(WITNESS).made(note)
    assert line is not None and witnessed_at(line) == 1_800_000_000
    assert _key(folder).signer.verifier().made(note) == note.signatures[0]
    assert check_witness(editions, cosigned, "mine.txt", _key(folder).signer.verifier()) == []
    assert len(read_checkpoint(cosign(cosigned, key, 1_800_000_009))[1].signatures) == 2  # again: one line a witness
    with pytest.raises(MiyarError, match="witness_unproved"):
        cosign(request(editions), key, 1)
    asked = request(editions, 1)
    assert asked.startswith("old 1\n") and asked.endswith(request(editions))
    assert read_checkpoint(cosign(asked, key, 2))[0].size == 3
    for content, rule in (
        (first, "ledger_rewritten"),  # an older one: a rollback
        (asked.replace("\n3\n", "\n4\n"), "witness_unproved"),
        (request(editions).replace("centre.example/ledger\n3", "other.example/ledger\n3"), "witness_other_ledger"),
        ("old x\n\n" + first, "checkpoint_unreadable"),
        ("old 3\n=\n\n" + first, "checkpoint_unreadable"),
        ("nothing", "checkpoint_unreadable"),
    ):
        with pytest.raises(MiyarError, match=rule):
            cosign(content, key, 3)
    rewrite(folder / "centre" / "editions")
    for content in (request(editions), request(editions, 3), request(editions, 2)):
        with pytest.raises(MiyarError, match="ledger_rewritten"):
            cosign(content, key, 3)
    with pytest.raises(MiyarError, match="ledger_shortened"):
        request(editions, 4)


@pytest.mark.parametrize("size", ["1" * 5000, "-1", "01", "١", ""])
def test_a_number_of_entries_is_a_number(size: str) -> None:
    """Python itself raises for thousands of digits."""
    with pytest.raises(NoteError, match="no checkpoint"):
        read_checkpoint(f"o\n{size}\n{'A' * 43}=\n\n\u2014 n AAAAAAAA\n")
