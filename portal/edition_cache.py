"""The editions a portal can serve: which exist, which is current, and one open connection for each in use.

Belongs here: finding and opening editions. Does not belong here: what a reader may see of one (`view`).
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from miyar.errors import MiyarError
from portal.problems import ReaderProblem, not_found
from publication.checkpoints import checkpoint_path, sound_checkpoint
from publication.manifest import EDITION, Manifest, read_manifest
from publication.reading import open_edition
from publication.release_ledger import FILE
from publication.standing import recorded, standing

# Editions held open at once: the current one, the previous one, and those somebody looks up.
_OPEN = 4

# Rows of answers kept per edition, some hundred megabytes at most: most pages ask for the same few rows.
_KEPT_ROWS = 50_000
Rows = list[dict[str, Any]]


class Answers:
    """Answers of an edition by reader and query, which never change, as it never does; the least recently used go first."""

    def __init__(self, most_rows: int = _KEPT_ROWS) -> None:
        self._most, self._weight = most_rows, 0
        self._held: OrderedDict[tuple[object, ...], Rows] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[object, ...]) -> Rows | None:
        """Return a copy, so that no page changes another's rows."""
        with self._lock:
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
        return [dict(row) for row in found]

    def keep(self, key: tuple[object, ...], rows: Rows) -> None:
        with self._lock:
            if key in self._held:
                return
            self._held[key] = [dict(row) for row in rows]
            # An answer without rows has weight too, so queries that find nothing cannot fill the memory.
            self._weight += len(rows) + 1
            while self._weight > self._most:
                self._weight -= len(self._held.popitem(last=False)[1]) + 1


@dataclass(frozen=True)
class Edition:
    """One immutable edition, open for reading, and the answers it gave so far."""

    edition_id: str
    path: Path
    manifest: Manifest
    connection: duckdb.DuckDBPyConnection
    answers: Answers = field(default_factory=Answers)


class EditionCache:
    """Open editions. They never change, so an open one stays valid as long as its folder exists."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[str, Edition] = OrderedDict()
        self._lock = Lock()
        self._checkpoint: tuple[object, str] = (None, "")

    def ids(self) -> list[str]:
        """Return the ids of all editions that stand in the ledger, oldest first."""
        try:
            return recorded(self._folder)
        except MiyarError:
            return []

    def current_id(self) -> str:
        """Return the edition the ledger names as newest; a request asks once and reads that edition throughout."""
        return self._standing("current").name

    def checkpoint(self) -> str:
        """Return the ledger's newest checkpoint, read anew when either changed; empty if it is not of the verified ledger."""
        path = checkpoint_path(self._folder, self.current_id())
        try:
            key = tuple(_changed(one) for one in (self._folder / FILE, path))
            if self._checkpoint[0] != key:
                self._checkpoint = (key, sound_checkpoint(self._folder))
        except (MiyarError, OSError):
            return ""
        return self._checkpoint[1]

    def get(self, edition_id: str) -> Edition:
        """Return an edition by its id; raises ReaderProblem if there is none, or it is not the one published."""
        if not EDITION.fullmatch(edition_id) or not (self._folder / edition_id).is_dir():
            raise not_found() if self.ids() else ReaderProblem("no_edition")
        path = self._standing(edition_id)
        with self._lock:
            edition = self._open.get(edition_id)
            if edition is None:
                try:
                    edition = Edition(edition_id, path, read_manifest(path), open_edition(path, threads=1))
                except (MiyarError, duckdb.Error, OSError, ValueError, KeyError, TypeError):
                    raise ReaderProblem("no_edition") from None
                self._open[edition_id] = edition
                while len(self._open) > _OPEN:
                    # Not closed explicitly: a request may still be reading, and the end of the last cursor closes it.
                    self._open.popitem(last=False)
            self._open.move_to_end(edition_id)
        return edition

    def _standing(self, name: str) -> Path:
        try:
            return standing(self._folder, name)
        except (MiyarError, OSError):
            raise ReaderProblem("no_edition") from None


def _changed(path: Path) -> tuple[int, ...]:
    state = path.stat()
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
