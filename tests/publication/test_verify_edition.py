"""The one-file verifier finds without Miyar what can be found with hashes and signatures alone.

Belongs here: `publication.verify_edition`, run as a reader runs it. Does not belong here: tables (`test_verify`).
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from publication.checkpoints import checkpoint_path
from publication.release_ledger import FILE
from publication.signing_keys import open_key
from publication.verify_edition import is_signed
from tests.publication.conftest import unsealed
from tests.publication.ledgers import NAMES, rewrite, three_editions
from tests.publication.test_notes import RFC_8032


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_editions(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def _told(folder: Path, *words: object, name: str = NAMES[1]) -> tuple[int, list[str]]:
    edition = folder / "centre" / "editions" / name
    # Isolated and without site: neither Miyar nor any package can be imported.
    command = [sys.executable, "-I", "-S", edition / "verify_edition.py", *words]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def _edit(path: Path, old: str, new: str) -> None:
    with unsealed(path):
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def test_an_intact_edition(folder: Path) -> None:
    public = open_key(folder / "key").signer.verifier()
    kept = folder / "centre" / "editions" / NAMES[2] / "packs" / "a01" / "checkpoint.txt"
    for name in NAMES:
        assert _told(folder, name=name) == (0, [f"{name}: intact"])
        assert _told(folder, "--key", public, "--checkpoint", kept, name=name) == (0, [f"{name}: intact"])


def _added(edition: Path) -> None:
    with unsealed(edition / "more.csv") as path:
        path.write_text("x")


def _moved_file(edition: Path) -> None:
    """A manifest may name what lies elsewhere; the verifier does not go there."""
    manifest = json.loads((edition / "manifest.json").read_text("utf-8"))
    manifest["files"]["../ledger.jsonl"] = "0" * 64
    manifest["files"]["/etc/hostname"] = "0" * 64
    with unsealed(edition / "manifest.json") as path:
        path.write_text(json.dumps(manifest), "utf-8")


def _linked(edition: Path) -> None:
    with unsealed(edition / "difference.json") as path:
        path.rename(edition.parent / "elsewhere")
        path.symlink_to(edition.parent / "elsewhere")


def _removed(edition: Path) -> None:
    with unsealed(edition / "packs" / "a01" / "quality.json") as path:
        path.unlink()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda edition: _edit(edition / "difference.json", "{", "{ "),
            ["difference.json: was changed after publication"],
        ),
        (_added, ["more.csv: is not in the manifest"]),
        (_removed, ["packs/a01/quality.json: is gone"]),
        (_linked, ["difference.json: is a link"]),
        (lambda edition: edition.joinpath("verify_edition.py").read_bytes(), []),
        (
            _moved_file,
            [
                "../ledger.jsonl: leads out of the edition",
                "/etc/hostname: leads out of the edition",
                "manifest.json: is not the one the ledger names",
            ],
        ),
        (
            lambda edition: _edit(edition / "manifest.json", '"by": "Huda"', '"by": "Noura"'),
            ["manifest.json: is not the one the ledger names"],
        ),
        (
            lambda edition: _edit(edition.parent / NAMES[0] / "manifest.json", '"by": "Huda"', '"by": "Noura"'),
            [f"{NAMES[0]}: the edition before was changed"],
        ),
        (
            lambda edition: _edit(edition.parent / FILE, '"reason": "a corrected file"', '"reason": "always so"'),
            [f"ledger line {number}: was edited" for number in (1, 2, 3)]
            + [f"{NAMES[1]}.txt: the first 2 entries of the ledger were rewritten"],
        ),
        (
            lambda edition: edition.joinpath("../checkpoints/2026Q1-r2.txt").write_text("x"),
            ["2026Q1-r2.txt: cannot be read (ValueError)"],
        ),
        (
            lambda edition: _edit(edition / "manifest.json", "{", "["),
            ["manifest.json: cannot be read (JSONDecodeError)"],
        ),
    ],
)
def test_what_was_changed_is_named(change: Callable[[Path], object], expected: list[str], folder: Path) -> None:
    change(folder / "centre" / "editions" / NAMES[1])
    code, told = _told(folder)
    assert told == [*expected, f"{NAMES[1]}: {'CHANGED' if expected else 'intact'}"]
    assert code == bool(expected)


def test_a_rewrite_of_everything_is_found_by_a_kept_checkpoint_or_the_key(folder: Path) -> None:
    public = open_key(folder / "key").signer.verifier()
    shutil.copy(checkpoint_path(folder / "centre" / "editions", NAMES[0]), folder / "mine.txt")
    rewrite(folder / "centre" / "editions")
    assert _told(folder) == (0, [f"{NAMES[1]}: intact"])
    told = ["mine.txt: the first 1 entries of the ledger were rewritten", f"{NAMES[1]}: CHANGED"]
    assert _told(folder, "--checkpoint", folder / "mine.txt") == (1, told)
    assert _told(folder, "--key", public) == (1, [f"{NAMES[1]}.txt: is forged", f"{NAMES[1]}: CHANGED"])


def test_without_a_ledger_it_says_what_it_did_not_check(folder: Path) -> None:
    shutil.copytree(folder / "centre" / "editions" / NAMES[1], folder / NAMES[1])
    done = subprocess.run(
        [sys.executable, "-I", "-S", folder / NAMES[1] / "verify_edition.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"{NAMES[1]}: intact")
    assert "only its files" in done.stdout


@pytest.mark.parametrize(("seed", "key", "message", "signature"), RFC_8032)
def test_its_ed25519_is_that_of_rfc_8032(seed: str, key: str, message: str, signature: str) -> None:
    public, text, value = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
    assert is_signed(public, text, value)
    for place in range(0, 64, 5):
        changed = bytearray(value)
        changed[place] ^= 1
        assert not is_signed(public, text, bytes(changed))
    assert not is_signed(public, text + b"x", value)
    assert not is_signed(bytes.fromhex(RFC_8032[0][1] if key != RFC_8032[0][1] else RFC_8032[1][1]), text, value)
    # RFC 8032, 5.1.7: a factor not below the order is refused, or each signature would have a second form.
    order = 2**252 + 27742317777372353535851937790883648493
    second = (int.from_bytes(value[32:], "little") + order).to_bytes(32, "little")
    assert not is_signed(public, text, value[:32] + second)
    assert not is_signed(public, text, value[:63]) and not is_signed(b"\xff" * 32, text, value)
