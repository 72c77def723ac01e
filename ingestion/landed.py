"""The files of the landing zone: which are left alone and why, and reading them as they are, whole and unchanged.

Belongs here: walking, opening, hashing and copying files that others write. Does not belong here: whose they are
(`landing`), what is in them (`readers`).
"""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_BLOCK = 4 << 20


class UnsettledError(Exception):
    """The file changed while it was read."""


Identity = tuple[int, int, int]  # device, inode, number of names


@dataclass(frozen=True)
class Landed:
    """One entry of the landing zone; `left` is the rule by which it is left alone, empty for files that may be deliveries."""

    path: Path
    left: str = ""
    identity: Identity | None = None


@cache
def _policy() -> dict[str, Any]:
    policy: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "landing.yml").read_text("utf-8"))
    return policy


def settle_seconds() -> float:
    """For how long a file must not have changed before it is taken; `landing.yml` gives the reason."""
    return float(_policy()["settle_seconds"]["value"])


def landed(folder: Path) -> list[Landed]:
    """Every entry below the landing zone in path order; folders are entries only where they are left alone as a whole."""
    found: list[Landed] = []
    for parent, folders, files in os.walk(folder):
        for name in list(folders):
            path = Path(parent, name)
            left = left_alone(name) or ("file_not_regular" if path.is_symlink() else "")
            if left:
                folders.remove(name)
                found += [Landed(path, left)] if left == "file_not_regular" else _below(path, left)
        for name in files:
            path = Path(parent, name)
            left = left_alone(name)
            found.append(Landed(path, left) if left else _looked_at(path))
    return sorted(_without_linked(found, folder), key=lambda one: one.path.as_posix())


def _below(folder: Path, left: str) -> list[Landed]:
    return [Landed(Path(parent, name), left) for parent, _, files in os.walk(folder) for name in files]


def _looked_at(path: Path) -> Landed:
    try:
        state = path.lstat()
    except OSError:
        return Landed(path)  # gone since, or not to be looked at: reading it says why
    return Landed(path, "" if stat.S_ISREG(state.st_mode) else "file_not_regular", _identity(state))


def _without_linked(found: list[Landed], folder: Path) -> list[Landed]:
    """Files that have a name outside their provider's folder are left alone: they may be anybody's, or the pseudonym key."""
    own = Counter((one.path.relative_to(folder).parts[0], one.identity) for one in found if one.identity)
    return [
        replace(one, left="file_linked")
        if not one.left and one.identity and own[one.path.relative_to(folder).parts[0], one.identity] < one.identity[2]
        else one
        for one in found
    ]


def left_alone(name: str) -> str:
    """The rule by which a file or folder of this name is no delivery, or an empty text."""
    folded = name.lower()
    for kind, rule in (("foreign", "file_foreign"), ("unfinished", "file_unfinished")):
        if any(fnmatchcase(folded, pattern) for pattern in _policy()[kind]["names"]):
            return rule
    return "file_hidden" if name.startswith(".") else ""


def is_settled(path: Path, now: datetime, seconds: float | None = None) -> bool:
    """Whether a file has not changed for so many seconds; a file server's clock may be ahead by as much. Raises OSError."""
    age = now.timestamp() - path.lstat().st_mtime
    return abs(age) > (settle_seconds() if seconds is None else seconds)


def seconds_to_rest(paths: Iterable[Path], now: datetime) -> float:
    """How long it takes until all of these files are settled, if nobody writes them any more; 0 if they are."""
    ages = [now.timestamp() - path.lstat().st_mtime for path in paths if path.exists()]
    return max((settle_seconds() - age for age in ages if abs(age) <= settle_seconds()), default=0.0)


@contextmanager
def _folder_of(path: Path) -> Iterator[int]:
    """A descriptor of the folder of an absolute path, reached without following a link; raises OSError."""
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
    folder = os.open(path.anchor, flags)
    try:
        for part in path.parts[1:-1]:
            following = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = following
        yield folder
    finally:
        os.close(folder)


def _state_in(folder: int, name: str) -> os.stat_result:
    """What lies under a name, if it is a regular file; nothing else is ever opened, for that alone can hang."""
    state = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(state.st_mode):
        raise OSError(f"{name} is no regular file")
    return state


def blocks(descriptor: int, size: int) -> Iterator[bytes]:
    """The first `size` bytes: a file that grows as fast as it is read has an end too."""
    while size > 0 and (block := os.read(descriptor, min(_BLOCK, size))):
        size -= len(block)
        yield block


def hash_of(path: Path, beginning: bytes, identity: Identity | None = None) -> str:
    """SHA-256 over `beginning` and the bytes of a file, which no link on the way leads to.

    Raises OSError, or UnsettledError if the file changed meanwhile or is not the one that was looked at (`identity`).
    """
    with _folder_of(path) as folder:
        state = _state_in(folder, path.name)
    if identity is not None and _identity(state) != identity:
        raise UnsettledError
    return _hashed(path, beginning, _state(state))


@cache
def _hashed(path: Path, beginning: bytes, state: tuple[int, ...]) -> str:
    """Cached per state of the file, because one run looks at the landing zone several times."""
    return _read(path, beginning, None, state)


def copy_with_hash(path: Path, beginning: bytes, target: Path) -> str:
    """Copy a file and return the hash of what was copied, as `hash_of`; raises OSError or UnsettledError."""
    return _read(path, beginning, target)


def _read(path: Path, beginning: bytes, target: Path | None, expected: tuple[int, ...] | None = None) -> str:
    digest = hashlib.sha256(beginning)
    with _folder_of(path) as folder:
        before = _state_in(folder, path.name)
        # Should something else take the name in between, it is not waited for.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path.name, flags, dir_fd=folder)
        try:
            if _state(os.fstat(descriptor)) != (_state(before) if expected is None else expected):
                raise UnsettledError
            if target is None:
                for block in blocks(descriptor, before.st_size):
                    digest.update(block)
            else:
                with target.open("wb") as copy:
                    for block in blocks(descriptor, before.st_size):
                        digest.update(block)
                        copy.write(block)
            # Twice: the file that was opened, and the name it was opened by.
            states = _state(os.fstat(descriptor)), _state(_state_in(folder, path.name))
            if states != (_state(before), _state(before)):
                raise UnsettledError
        finally:
            os.close(descriptor)
    return digest.hexdigest()


def _state(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _identity(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino, found.st_nlink
