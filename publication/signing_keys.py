"""The key that signs checkpoints: a file outside the workspace, and what it last signed, noted beside it.

Who may write everything in the workspace cannot sign with it. It may be encrypted with a passphrase (`age_files`), so that who
takes the disk it lies on cannot either. The note beside the key is the key's own memory: it signs only
ledgers that begin with what it signed before.

Belongs here: finding, making and refusing key files. Does not belong here: signatures (`notes`), what is signed
(`checkpoints`).
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from miyar import atomic_files
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from publication.age_files import AgeError, decrypt, encrypt, is_age_file
from publication.notes import NoteError, Signer, Verifier, read_signer, read_verifier, require_name

VARIABLE = "MIYAR_CHECKPOINT_KEY"
PASSPHRASE = "MIYAR_KEY_PASSPHRASE"  # noqa: S105 - names a file, or a descriptor (/dev/fd/3); never the words themselves
SHORTEST = 20  # letters: the file may be stolen, and then guesses are only slow
MAKE = "Make one with `miyar key NAME FILE`, outside the workspace."


@dataclass(frozen=True)
class KeyFile:
    """A private key, and the file it came from."""

    path: Path
    signer: Signer

    def memory(self) -> str:
        """Return the checkpoint that the key signed last; empty before its first."""
        return self._last.read_text("utf-8") if self._last.is_file() else ""

    def require_memory(self) -> None:
        """Raise MiyarError if what is signed could not be noted beside the key."""
        if not os.access(self.path.parent, os.W_OK):
            step = "Let the publisher write the key's folder, or mount its disk for writing."
            raise _refused("key_unwritable", "what the key signs cannot be noted beside it", self.path, step)

    def remember(self, checkpoint: str) -> None:
        """Note what was signed last."""
        atomic_files.write_text(self._last, checkpoint)

    @property
    def _last(self) -> Path:
        return self.path.with_name(f"{self.path.name}.last")


def key_of(workspace: Workspace) -> KeyFile | None:
    """Return the workspace's key, or None where none is named; raises MiyarError if it is unfit to be trusted."""
    named = os.environ.get(VARIABLE, "") or workspace.settings.checkpoint_key
    return open_key(workspace.root / named, workspace.root) if named else None


def key_at_hand(workspace: Workspace) -> tuple[KeyFile | None, Problem | None]:
    """Return the workspace's key, or what is told where its disk is not there, as it may be between publications."""
    try:
        return key_of(workspace), None
    except MiyarError as error:
        if [problem.rule for problem in error.problems] != ["key_missing"]:
            raise
        return None, error.problems[0]


def open_key(path: Path, workspace: Path | None = None) -> KeyFile:
    """Read a key file; raises MiyarError if it is gone, is no key, is readable by others or lies in the workspace."""
    if not path.is_file():
        raise _refused("key_missing", "the key that signs checkpoints is not there", path, MAKE)
    found = path.resolve()
    if workspace is not None and any(
        workspace.resolve() in one.parents for one in (found, path.parent.resolve() / path.name)
    ):
        step = "Move it to a folder, best on a disk, that who writes the workspace cannot write."
        raise _refused("key_in_workspace", "the key lies in the workspace it is to protect", path, step)
    if found.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _refused("key_readable", "others than its owner may read or change the key", path, "chmod 600")
    content = found.read_bytes()
    try:
        if is_age_file(content):
            content = decrypt(content, passphrase(found, workspace))
        return KeyFile(found, read_signer(content.decode().strip()))
    except AgeError as error:
        raise _refused("key_locked", str(error), path, f"Let {PASSPHRASE} name the file of its passphrase.") from None
    except (NoteError, UnicodeDecodeError):
        raise _refused("key_unreadable", "the file is no key that signs checkpoints", path, MAKE) from None


def passphrase(key: Path, workspace: Path | None = None) -> str:
    """Return the passphrase of a key from where the variable says; raises MiyarError if it protects nothing there.

    It does not beside the key, in the workspace, or where others may read it: who takes one of them would have both.
    """
    named = os.environ.get(PASSPHRASE, "")
    if not named:
        raise _refused(
            "key_locked", "it is encrypted, and no passphrase is named", key, f"Let {PASSPHRASE} name its file."
        )
    path = Path(named)
    try:
        state = path.stat()
        found = path.resolve()
        is_file = stat.S_ISREG(state.st_mode)
        near = [key.resolve().parent, *([workspace.resolve()] if workspace is not None else [])]
        if is_file and (state.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or any(one in found.parents for one in near)):
            told = "others may read it, or it lies with the key or in the workspace"
            step = "Keep it apart from both, with mode 0600, or give it by a descriptor."
            raise _refused("passphrase_open", told, path, step)
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise _refused("passphrase_missing", "the passphrase cannot be read", path, f"See {PASSPHRASE}.") from None


def make_key(path: Path, name: str, seed: bytes, words: str | None = None) -> KeyFile:
    """Write a new key (32 random bytes) of a name, readable by its owner only; raises MiyarError if the file exists.

    With a passphrase (`words`) the file is an age file; a short or empty one is refused.
    """
    if words is not None and len(words) < SHORTEST:
        step = f"Take six random words or more, {SHORTEST} letters at least."
        raise _refused("passphrase_short", "the passphrase is too short", path, step)
    try:
        key = KeyFile(path, Signer(require_name(name), seed))
    except NoteError as error:
        raise MiyarError(
            Problem("key_name_invalid", str(error), next_step="Say for example centre.example/ledger.")
        ) from None
    try:
        content = f"{key.signer.secret()}\n".encode()
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:  # noqa: PTH123 - with its mode from the first moment
            stream.write(content if words is None else encrypt(content, words))
    except FileExistsError:
        raise _refused(
            "key_exists", "there is a file already", path, "Name another file; a key is never replaced."
        ) from None
    return key


def public_key(text: str) -> Verifier:
    """Return a public key that somebody typed; raises MiyarError if it is none."""
    try:
        return read_verifier(text)
    except NoteError as error:
        step = "Copy the whole line that `miyar key` printed."
        raise MiyarError(Problem("key_unreadable", str(error), next_step=step)) from None


def _refused(rule: str, message: str, path: Path, step: str) -> MiyarError:
    return MiyarError(Problem(rule, message, file=path.name, next_step=step))
