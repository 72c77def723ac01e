"""Which bytes the lake holds: an account has the hash of every file it wrote, and what is read later has to be these.

A build looks at size, number and moment of each file, and hashes only those that changed since it last looked; publishing and
`miyar verify` always hash.

Belongs here: hashes of the lake's files, and finding those that differ. Does not belong here: writing them (`lake`), rows
that are gone and are read again (`rereading`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ingestion.submission_ledger import Account
from miyar import atomic_files
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace

SEEN = "warehouse/lake.seen.json"  # a note to be quick by; without it every file is hashed once more
QUARANTINE = "quarantine/"


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hashes_of(lake: Path, paths: Iterable[Path]) -> dict[str, str]:
    """Return the hash of each file of the lake by its path within it."""
    return {path.relative_to(lake).as_posix(): file_hash(path) for path in sorted(paths)}


def differing(accounts: Iterable[Account], found: Mapping[str, str]) -> list[Problem]:
    """Return a problem for each file whose hash (by path within the lake) is not the one its account holds."""
    return [
        Problem(
            "lake_changed",
            f"the file is not what was written when {account.path} was received; nothing is made from it",
            who=account.provider,
            file=f"lake/{name}",
            next_step="Find out who edited it. Restore it from backup, or delete it: the next run then reads the delivery again.",
        )
        for account in accounts
        for name, digest in sorted(account.files.items())
        if name in found and found[name] != digest
    ]


def require_unchanged(workspace: Workspace, accounts: Iterable[Account]) -> None:
    """Raise MiyarError naming every accepted file in the lake that is not the one its account wrote."""
    seen = _read_seen(workspace)
    found, now = dict[str, str](), dict[str, list[int | str]]()
    known = list(accounts)
    for name in sorted({name for one in known for name in one.files if not name.startswith(QUARANTINE)}):
        path = workspace.lake / name
        if not path.is_file():
            continue
        state = path.stat()
        identity: list[int | str] = [state.st_ino, state.st_size, state.st_mtime_ns]
        before = seen.get(name, [])
        found[name] = str(before[3]) if before[:3] == identity else file_hash(path)
        now[name] = [*identity, found[name]]
    if problems := differing(known, found):
        raise MiyarError(problems)
    if now != seen:
        atomic_files.write_text(workspace.root / SEEN, json.dumps(now))


def _read_seen(workspace: Workspace) -> dict[str, list[int | str]]:
    try:
        seen = json.loads((workspace.root / SEEN).read_text("utf-8"))
        return {str(name): list(one) for name, one in seen.items() if len(one) == 4}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
