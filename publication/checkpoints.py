"""Checkpoints: after each entry of the release ledger, its size and root in one small note, signed where there is a key.

    editions/checkpoints/<edition>.txt    origin, number of entries, root in base64 (https://c2sp.org/tlog-checkpoint)

The root is that of an RFC 6962 tree whose leaves are the ledger's entries (the bytes under their hashes). Whoever keeps one
checkpoint, in a pack or a mail, can tell a rewritten ledger from one that only grew, whatever was recomputed with it.

Belongs here: making checkpoints, and holding a ledger against them. Does not belong here: signatures (`notes`), the tree
(`log_tree`), the ledger's own rules (`release_ledger`).
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from miyar import atomic_files
from miyar.errors import MiyarError, Problem
from publication.log_tree import log_leaf, log_root
from publication.notes import Note, NoteError, Verifier, read_note
from publication.release_ledger import RESTORE, Entry, read_entries
from publication.signing_keys import KeyFile
from publication.strict_base64 import read_base64

FOLDER = "checkpoints"
MOST_DIGITS = 18  # of a number of entries: more is none, and Python refuses thousands
WITNESSED = "Ask who keeps another checkpoint or a backup which one is right; do not publish until it is known."


@dataclass(frozen=True)
class Checkpoint:
    """Which ledger, how many entries, and the root over them."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def read_checkpoint(content: str) -> tuple[Checkpoint, Note]:
    """Return a checkpoint and its note; raises NoteError if the text is none."""
    note = read_note(content)
    lines = note.text.split("\n")
    try:
        root = read_base64(lines[2]) if len(lines) == 4 else b""
    except ValueError:
        root = b""
    if (
        len(root) != 32
        or not lines[0]
        or not (lines[1].isascii() and lines[1].isdecimal() and len(lines[1]) <= MOST_DIGITS)
        or str(int(lines[1])) != lines[1]
    ):
        raise NoteError("the text is no checkpoint: origin, number of entries, root")
    return Checkpoint(lines[0], int(lines[1]), root), note


def checkpoint_path(editions: Path, edition_id: str) -> Path:
    return editions / FOLDER / f"{edition_id}.txt"


def leaves_of(entries: Sequence[Entry]) -> list[bytes]:
    """Return the leaves of the ledger's tree."""
    return [log_leaf(entry.hashed) for entry in entries]


def write_checkpoints(editions: Path, key: KeyFile | None) -> None:
    """Write the checkpoint of every entry that has none yet, and sign those that are unsigned where there is a key.

    Raises MiyarError, and signs nothing, if the ledger is not what earlier checkpoints or the key's memory say.
    """
    entries = read_entries(editions)
    leaves = leaves_of(entries)
    if key is not None:
        key.require_memory()
        if problem := _differing(leaves, key.memory(), "what the key signed last"):
            raise MiyarError(problem)
    origin = key.signer.name if key else f"miyar/{entries[0].entry_hash[:16]}" if entries else ""
    for size, entry in enumerate(entries, start=1):
        path = checkpoint_path(editions, entry.edition_id)
        if path.is_file():
            problems = check_checkpoint(editions, entry, leaves, None)
            if problems:
                raise MiyarError(problems)
            if key is None or _read(path)[1].signatures:
                continue
        text = str(Checkpoint(origin, size, log_root(leaves[:size])))
        note = str(Note(text, [key.signer.sign(text)] if key else []))
        atomic_files.write_text(path, note)
        if key is not None and size == len(entries):
            key.remember(note)


def newest_checkpoint(editions: Path) -> str:
    """Return the checkpoint of the ledger's last entry, as readers may keep it; empty if there is none."""
    entries = read_entries(editions)
    path = checkpoint_path(editions, entries[-1].edition_id) if entries else editions
    return path.read_text("utf-8") if path.is_file() else ""


def sound_checkpoint(editions: Path) -> str:
    """Return the newest checkpoint if it is of the ledger as it stands; else an empty text."""
    entries = read_entries(editions)
    problems = check_checkpoint(editions, entries[-1], leaves_of(entries), None) if entries else []
    return "" if problems else newest_checkpoint(editions)


def newest_signers(editions: Path) -> list[str]:
    """Return who signed the newest checkpoint by name, which proves nothing; nobody if it is unsigned or no checkpoint."""
    try:
        return [one.name for one in read_checkpoint(newest_checkpoint(editions))[1].signatures]
    except (MiyarError, NoteError, UnicodeDecodeError):
        return []


def check_checkpoint(editions: Path, entry: Entry, leaves: Sequence[bytes], verifier: Verifier | None) -> list[Problem]:
    """Return what is wrong with the checkpoint of one entry; its signature is checked where its key is known."""
    path = checkpoint_path(editions, entry.edition_id)
    if not path.is_file() or path.is_symlink():
        step = (
            "If publishing was interrupted, run `miyar publish`: it writes the checkpoint. Else restore it from backup."
        )
        return [_problem("checkpoint_missing", "the entry has no checkpoint", path, step)]
    try:
        checkpoint, note = _read(path)
    except (NoteError, UnicodeDecodeError):
        return [_problem("checkpoint_unreadable", "the file is no checkpoint", path)]
    if checkpoint.size != entry.number or checkpoint.root != log_root(leaves[: entry.number]):
        return [_problem("checkpoint_differs", "it is not of the ledger up to this entry", path)]
    if verifier is None:
        return []
    try:
        is_signed = verifier.made(note) is not None
    except NoteError:
        return [_problem("checkpoint_forged", "its signature is not by the key whose name it bears", path)]
    if not is_signed or checkpoint.origin != verifier.name:
        return [_problem("checkpoint_unsigned", "it is not signed by the ledger's key", path)]
    return []


def check_checkpoints(editions: Path, verifier: Verifier | None = None, key: KeyFile | None = None) -> list[Problem]:
    """Return what is wrong with all checkpoints of a readable ledger; `key` adds what it signed last as a witness."""
    entries = read_entries(editions)
    leaves = leaves_of(entries)
    problems = [one for entry in entries for one in check_checkpoint(editions, entry, leaves, verifier)]
    known = {f"{entry.edition_id}.txt" for entry in entries}
    folder = editions / FOLDER
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        is_left = path.name.startswith(".") and path.name.endswith(
            ".part"
        )  # by a kill; the next publication replaces it
        if path.name not in known and not is_left:
            problems.append(_problem("file_added", "the file is no checkpoint of an entry", path))
    if key is not None and (problem := _differing(leaves, key.memory(), "what the key signed last")):
        problems.append(problem)
    return problems


def check_witness(editions: Path, content: str, name: str, verifier: Verifier | None = None) -> list[Problem]:
    """Hold the ledger against a checkpoint that somebody kept; `name` is the file's, for the message."""
    try:
        _, note = read_checkpoint(content)
        if verifier is not None and verifier.made(note) is None:
            raise NoteError("it is not signed by the ledger's key, and proves nothing")
    except NoteError as error:
        return [Problem("witness_unusable", str(error), file=name, next_step="Take a checkpoint of this ledger.")]
    problem = _differing(leaves_of(read_entries(editions)), content, name)
    return [problem] if problem else []


def _differing(leaves: Sequence[bytes], content: str, name: str) -> Problem | None:
    """What is wrong with the ledger if somebody's checkpoint is right; nothing without one."""
    if not content:
        return None
    try:
        kept, _ = read_checkpoint(content)
    except NoteError as error:
        return Problem("witness_unusable", str(error), file=name, next_step="Restore it from backup.")
    if kept.size > len(leaves):
        told = f"{kept.size - len(leaves)} of the {kept.size} entries that it was signed for are gone"
        return Problem("ledger_shortened", told, file=name, next_step=WITNESSED)
    if kept.root != log_root(leaves[: kept.size]):
        return Problem(
            "ledger_rewritten", f"the first {kept.size} entries are not those then", file=name, next_step=WITNESSED
        )
    return None


def _read(path: Path) -> tuple[Checkpoint, Note]:
    return read_checkpoint(path.read_text("utf-8"))


def _problem(rule: str, message: str, path: Path, step: str = RESTORE) -> Problem:
    return Problem(rule, message, file=f"{FOLDER}/{path.name}", next_step=step)
