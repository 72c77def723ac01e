"""The signing key under a passphrase: an age file that is worth nothing without a second thing, kept elsewhere.

Belongs here: the format, and refusing keys and passphrases that protect nothing. Does not belong here: what is signed
(`test_checkpoints`).
"""

import base64
import os
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from miyar.errors import MiyarError
from publication import age_files
from publication.age_files import AgeError, decrypt, encrypt
from publication.signing_keys import PASSPHRASE, VARIABLE, KeyFile, key_of, make_key, open_key
from tests.publication.centre import Centre

WORDS = "six words that nobody guesses at all"
SEED = bytes(range(32))
ALPHABET = f"{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}+/".encode()
# Made by another program (pyrage 1.4.0), passphrase WORDS, content `hello from rage`.
OF_RAGE = (
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBSVnJkUGdicFZVUG0weWhkeit6bGZ3IDE5Cm5kZlliYy9CWXZNSTJiMmJkcHRpUU1taXhxam5Qc"
    "UFlL0V0S012elRNcjgKLS0tIENNbFJ4ZnprU3VVQkYyeFlwTmtDRjlud0dHOW05UHRYRFNPUWxiSWNXYkUKfjsos7x2N4L4Xbs+94+882xILWKv9NHZni"
    "uET7K1JHCYaY4BBFUAQ69Uh0dpdoQ="
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guessing may be cheap in tests."""
    monkeypatch.setattr(age_files, "WORK", 10)
    monkeypatch.setattr("publication.signing_keys.encrypt", lambda content, words: encrypt(content, words, 10))


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A passphrase's file, apart from the key's folder."""
    path = tmp_path / "elsewhere" / "words"
    path.parent.mkdir()
    path.touch(0o600)
    path.write_text(f"{WORDS}\n", "utf-8")
    monkeypatch.setenv(PASSPHRASE, str(path))
    return path


@pytest.fixture
def locked(tmp_path: Path, words: Path) -> Path:
    folder = tmp_path / "disk"
    folder.mkdir()
    make_key(folder / "key", "centre.example/ledger", SEED, WORDS)
    return folder / "key"


def test_a_file_of_another_program_is_read() -> None:
    assert decrypt(base64.b64decode(OF_RAGE), WORDS) == b"hello from rage"


def test_no_bit_may_change() -> None:
    content = encrypt(b"PRIVATE+KEY+x", WORDS, 4)
    changed = [
        content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]
        for place in range(len(content))
        for bit in range(8)
    ]
    assert [file for file in changed if _opens(file)] == []


def test_base64_is_written_in_one_way() -> None:
    """The last character of 32 bytes has two bits that say nothing; with them set, another file would be as good."""
    content = encrypt(b"PRIVATE+KEY+x", WORDS, 4)
    end = content.index(b"\n", content.index(b"\n---") + 1)
    last = ALPHABET.index(content[end - 1])
    others = [content[: end - 1] + ALPHABET[last + more : last + more + 1] + content[end:] for more in (1, 2, 3)]
    assert [file for file in others if _opens(file)] == []


def _opens(content: bytes) -> bool:
    try:
        decrypt(content, WORDS)
    except AgeError:
        return False
    return True


def test_a_file_that_asks_for_all_memory_is_refused() -> None:
    content = encrypt(b"x", WORDS, 4).replace(b" 4\n", b" 30\n")
    with pytest.raises(AgeError, match="no file"):
        decrypt(content, WORDS)


def test_the_key_signs_as_before_and_its_file_tells_nothing(locked: Path) -> None:
    content = locked.read_bytes()
    assert b"PRIVATE" not in content and SEED not in content and base64.b64encode(SEED)[:20] not in content
    assert locked.stat().st_mode & 0o777 == 0o600
    assert str(open_key(locked).signer.verifier()) == str(
        make_key(locked.with_name("plain"), "centre.example/ledger", SEED).signer.verifier()
    )


def _none(key: Path, words: Path, patch: pytest.MonkeyPatch) -> None:
    patch.delenv(PASSPHRASE)


def _wrong(key: Path, words: Path, patch: pytest.MonkeyPatch) -> None:
    words.write_text("six other words that somebody might guess", "utf-8")


def _gone(key: Path, words: Path, patch: pytest.MonkeyPatch) -> None:
    words.unlink()


def _read_by_others(key: Path, words: Path, patch: pytest.MonkeyPatch) -> None:
    words.chmod(0o644)


def _beside(key: Path, words: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv(PASSPHRASE, str(words.rename(key.with_name("words"))))


def _beside_by_a_link(key: Path, words: Path, patch: pytest.MonkeyPatch) -> None:
    moved = words.rename(key.with_name("words"))
    words.symlink_to(moved)


def _key_read_by_others(key: Path, words: Path, patch: pytest.MonkeyPatch) -> None:
    key.chmod(0o644)


REFUSED: list[tuple[Callable[[Path, Path, pytest.MonkeyPatch], None], str]] = [
    (_none, "key_locked"),
    (_wrong, "key_locked"),
    (_gone, "passphrase_missing"),
    (_read_by_others, "passphrase_open"),
    (_beside, "passphrase_open"),
    (_beside_by_a_link, "passphrase_open"),
    (_key_read_by_others, "key_readable"),
]


@pytest.mark.parametrize(("deed", "rule"), REFUSED, ids=lambda one: getattr(one, "__name__", ""))
def test_what_protects_nothing_is_refused(
    deed: Callable[[Path, Path, pytest.MonkeyPatch], None],
    rule: str,
    locked: Path,
    words: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deed(locked, words, monkeypatch)
    with pytest.raises(MiyarError) as caught:
        open_key(locked)
    assert [one.rule for one in caught.value.problems] == [rule]
    assert WORDS not in str(caught.value) and caught.value.problems[0].next_step


def test_a_passphrase_in_the_workspace_is_refused(
    locked: Path, words: Path, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = centre.workspace.root
    monkeypatch.setenv(VARIABLE, str(locked))
    assert isinstance(key_of(centre.workspace), KeyFile)
    monkeypatch.setenv(PASSPHRASE, str(words.rename(root / "words")))
    with pytest.raises(MiyarError) as caught:
        key_of(centre.workspace)
    assert [one.rule for one in caught.value.problems] == ["passphrase_open"]


def test_it_may_come_by_a_descriptor_and_then_lies_nowhere(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, f"{WORDS}\n".encode())
    os.close(writing)
    monkeypatch.setenv(PASSPHRASE, f"/dev/fd/{reading}")
    try:
        assert open_key(locked).signer.name == "centre.example/ledger"
    finally:
        os.close(reading)


def test_a_short_passphrase_makes_no_key(tmp_path: Path) -> None:
    with pytest.raises(MiyarError) as caught:
        make_key(tmp_path / "key", "centre.example/ledger", SEED, "hunter2")
    assert [one.rule for one in caught.value.problems] == ["passphrase_short"]
    assert not (tmp_path / "key").exists()


def test_an_empty_passphrase_makes_no_key_that_lies_open(tmp_path: Path, words: Path) -> None:
    """A file whose words were not written yet, or a pipe that gave nothing: who asked for a locked key has no other."""
    (tmp_path / "disk").mkdir()
    path = tmp_path / "disk" / "key"
    words.write_text("\n", "utf-8")
    told = CliRunner().invoke(app, ["key", "centre.example/ledger", str(path), "--locked"])
    assert told.exit_code != 0 and not path.exists()


def test_the_command_makes_one_and_a_publication_signs_with_it(
    tmp_path: Path, words: Path, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "disk").mkdir()
    path = tmp_path / "disk" / "key"
    told = CliRunner().invoke(app, ["key", "centre.example/ledger", str(path), "--locked"])
    assert told.exit_code == 0 and WORDS not in told.output and path.read_bytes().startswith(b"age-encryption.org/v1")
    monkeypatch.setenv(VARIABLE, str(path))
    centre.publish(key=key_of(centre.workspace))
    told = CliRunner().invoke(app, ["verify", "-w", str(centre.workspace.root)])
    assert "signed by centre.example/ledger (checked)" in told.output
