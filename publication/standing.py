"""Which edition readers are given: the one that the verified release ledger names, and no other folder.

`current` is a convenience for tools that open paths. Whoever opens an edition through Miyar asks here, and gets a folder
only if the ledger holds together, has an entry of that edition, and manifest and database are those that were published.

Belongs here: finding the edition, and pointing `current` at it. Does not belong here: checking every file (`verify`).
"""

import os
import stat
from collections.abc import Container
from functools import lru_cache
from pathlib import Path

from miyar.errors import MiyarError, Problem
from publication.hashing import file_hash
from publication.manifest import EDITION, list_editions, read_manifest
from publication.release_ledger import FILE, RESTORE, Entry, chain_problems, read_entries

CURRENT = "current"
DATABASE = "benchmarks.duckdb"
Identity = tuple[int, int, int, int, int]


def standing(editions: Path, name: str = CURRENT) -> Path:
    """Return the folder of an edition, by default the current one, if it is the one published; else raises MiyarError.

    Costs some file look-ups: ledger and files are read and hashed anew only when they changed on the disk.
    """
    entries = {entry.edition_id: entry for entry in _entries(editions)}
    if name == CURRENT:
        name = _current(editions, entries)
    if not EDITION.fullmatch(name) or not (editions / name).is_dir():
        raise _refused("edition_missing", "there is no such edition", name, "List the editions folder, or publish one.")
    if name not in entries:
        step = "If publishing was interrupted, run `miyar publish`: it records the edition. Else find out who put it there."
        raise _refused("edition_unrecorded", "the edition stands in no entry of the ledger", name, step)
    folder = editions / name
    if folder.is_symlink():
        raise _refused("file_linked", "the edition is a link to a folder elsewhere", name)
    if not (folder / "manifest.json").is_file():
        raise _refused("edition_missing", "the edition has no manifest", name)
    if _hash(folder / "manifest.json") != entries[name].manifest_hash:
        raise _refused("manifest_changed", "its manifest is not the one published", f"{name}/manifest.json")
    if _hash(folder / DATABASE) != _database_hash(folder, _identity(folder / "manifest.json")):
        raise _refused("database_changed", "its database is not the one published", f"{name}/{DATABASE}")
    return folder


def recorded(editions: Path) -> list[str]:
    """Return the ids of the editions that are present and stand in the verified ledger, oldest first."""
    named = {entry.edition_id for entry in _entries(editions)}
    return [name for name in list_editions(editions) if name in named]


def point_current(editions: Path) -> None:
    """Point `current` at the newest edition of the ledger by rename; a reader sees the old one or the new one, never neither.

    Raises MiyarError if the ledger does not hold together or names none that is there.
    """
    edition_id = _newest(editions, {entry.edition_id for entry in _entries(editions)})
    current = editions / CURRENT
    if current.is_symlink() and current.readlink() == Path(edition_id):
        return
    link = editions / ".current-next"
    link.unlink(missing_ok=True)
    link.symlink_to(edition_id, target_is_directory=True)
    link.replace(current)
    handle = os.open(editions, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def repaired(editions: Path) -> list[Problem]:
    """Point `current` at the newest edition if it leads nowhere, and name the editions of the ledger that are gone."""
    problems = []
    current = editions / CURRENT
    try:
        if not list_editions(editions):
            pass
        elif not current.exists():
            point_current(editions)
            told = ("it led nowhere and points at the newest edition again", "Nothing; readers see that edition.")
            problems.append(Problem("current_lost", told[0], file="editions/current", next_step=told[1]))
        elif not current.is_symlink():
            told = ("it is no link but a file or folder", "Move it away; the next run makes the link.")
            problems.append(Problem("current_lost", told[0], file="editions/current", next_step=told[1]))
        else:
            _current(editions, {entry.edition_id for entry in _entries(editions)})
    except MiyarError as error:
        problems += error.problems
    try:
        entries = read_entries(editions)
    except MiyarError:  # told above
        return problems
    return problems + [
        Problem(
            "edition_missing",
            f"{entry.edition_id} was published and is gone; what it said can no longer be shown",
            file=f"editions/{entry.edition_id}",
            next_step="Restore it from backup. Without it the next revision follows the one before.",
        )
        for entry in entries
        if not (editions / entry.edition_id / "manifest.json").is_file()
    ]


def _current(editions: Path, named: Container[str]) -> str:
    """The newest edition, to which `current` has to lead by its bare name."""
    newest, link = _newest(editions, named), editions / CURRENT
    if not link.is_symlink() or link.readlink() != Path(newest):
        step = f"Find out who moved it, then let it lead to {newest} again: `miyar publish` does it where it is a link."
        raise _refused("current_astray", f"it does not lead to {newest}", CURRENT, step)
    return newest


def _newest(editions: Path, named: Container[str]) -> str:
    """The newest edition that is present and named in the ledger."""
    present = list_editions(editions)
    if not present:
        raise _refused("edition_missing", "nothing is published", "", "Run `miyar run` first.")
    found = [name for name in present if name in named]
    if not found:
        step = "Restore the ledger from backup; if publishing was interrupted, run `miyar publish`."
        raise _refused("edition_unrecorded", "no edition stands in the ledger", present[-1], step)
    return found[-1]


def _entries(editions: Path) -> tuple[Entry, ...]:
    """The ledger's entries, if they hold together; without a ledger none."""
    path = editions / FILE
    return _read_ledger(editions, _identity(path)) if path.is_file() else ()


@lru_cache(maxsize=8)
def _read_ledger(editions: Path, _: Identity) -> tuple[Entry, ...]:
    entries = read_entries(editions)
    if problems := chain_problems(entries):
        raise MiyarError(problems)
    return tuple(entries)


@lru_cache(maxsize=64)
def _database_hash(folder: Path, _: Identity) -> str | None:
    return read_manifest(folder).files.get(DATABASE)


def _hash(path: Path) -> str:
    """The hash of a file that is its own and no link; raises MiyarError for a link, and gives an empty text for no file."""
    if path.is_symlink():
        raise _refused(
            "file_linked", "the file is a link; what it leads to can change", f"{path.parent.name}/{path.name}"
        )
    return _hash_once(path, _identity(path)) if path.is_file() else ""


@lru_cache(maxsize=64)
def _hash_once(path: Path, _: Identity) -> str:
    return file_hash(path)


def _identity(path: Path) -> Identity:
    """What changes when a file does; the moment of its last change cannot be set back, as that of its bytes can."""
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise _refused("file_linked", "it is no file", path.name)
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _refused(rule: str, message: str, name: str, step: str = RESTORE) -> MiyarError:
    return MiyarError(Problem(rule, message, file=name, next_step=step))
