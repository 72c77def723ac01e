"""Deliveries in the landing zone: files matched with contracts and identified by their content.

Belongs here: finding and naming deliveries. Does not belong here: reading their content, or what was done with them
before (`submission_ledger`).
"""

import errno
import hashlib
import os
import re
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from ingestion.contract import Contract
from miyar.errors import Problem
from miyar.workspace import Workspace

_BLOCK = 4 << 20
UNFINISHED = ".part"  # a copy or a fetch still in progress


@dataclass(frozen=True)
class Delivery:
    """One delivered file and the contract it came under."""

    contract: Contract
    path: Path
    relative: str
    submission_id: str
    delivered_key: str

    @property
    def shown(self) -> str:
        """The path below landing/, as messages name it."""
        return f"{self.contract.provider}/{self.contract.feed}/{self.relative}"


def submission_id_of(path: Path, provider: str, feed: str) -> str:
    """First 16 hex digits of SHA-256 over provider, feed and bytes."""
    state = path.stat()
    return _hashed(path, provider, feed, (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns))


@cache
def _hashed(path: Path, provider: str, feed: str, state: tuple[int, ...]) -> str:
    """Cached per state of the file, because one run scans the landing zone several times."""
    digest = hashlib.sha256(f"{provider}\0{feed}\0".encode())
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()[:16]


def discover(workspace: Workspace, contracts: list[Contract]) -> tuple[list[Delivery], list[Problem]]:
    """All deliveries in path order, and a problem for each file that no contract takes or that cannot be read.

    Of several files with the same bytes only the first path is a delivery.
    """
    deliveries: list[Delivery] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for path in sorted(_files(workspace.landing), key=lambda one: one.as_posix()):
        found = _deliver(workspace, contracts, path)
        if isinstance(found, Problem):
            problems.append(found)
        elif found.submission_id not in seen:
            seen.add(found.submission_id)
            deliveries.append(found)
    return deliveries, problems


def delivery_of(path: Path, contract: Contract, relative: str) -> Delivery | Problem:
    """One file as a delivery under a contract, or the problem that prevents it."""
    shown = f"{contract.provider}/{contract.feed}/{relative}"
    unnameable = _unnameable(shown, contract.provider)
    if unnameable:
        return unnameable
    try:
        identity = submission_id_of(path, contract.provider, contract.feed)
    except OSError as error:
        message, step = why_unreadable(error)
        return Problem("file_unreadable", message, contract.provider, shown, next_step=step)
    key = _delivered_key(contract, relative)
    if key is None and contract.delivered is not None:
        return Problem(
            "delivery_date",
            f"no date of delivery by the pattern {contract.delivered.file_name!r} as {contract.delivered.date_format}",
            contract.provider,
            shown,
            next_step="Name the file as agreed, or correct `delivered` in the contract.",
        )
    return Delivery(contract, path, relative, identity, key or "")


def why_unreadable(error: OSError) -> tuple[str, str]:
    """The reason a file could not be opened, and the next step for it."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"there is no such file: {reason}", "Check the file's name and folder, or deliver the file again."
    if error.errno == errno.EISDIR:
        return f"this is a folder: {reason}", "Name the file in it."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"the file cannot be opened: {reason}", "Give the pipeline's user the right to read the file."
    return f"the file cannot be read: {reason}", "Check the disk or network drive the file lies on, then try again."


def _unnameable(shown: str, provider: str) -> Problem | None:
    """The problem of a file name in another encoding (unpacked archives have such): no ledger or message can hold it."""
    try:
        shown.encode()
    except UnicodeEncodeError:
        readable = os.fsencode(shown).decode("utf-8", "replace")
        step = "Rename the file, and deliver names in UTF-8."
        return Problem("file_unmatched", "the file's name is not UTF-8", provider, readable, next_step=step)
    return None


def _files(landing: Path) -> list[Path]:
    found = []
    for folder, folders, files in os.walk(landing):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder, name) for name in files if not name.startswith(".") and not name.endswith(UNFINISHED)]
    return found


def _deliver(workspace: Workspace, contracts: list[Contract], path: Path) -> Delivery | Problem:
    below = path.relative_to(workspace.landing)
    provider = below.parts[0] if len(below.parts) > 1 else ""
    unnameable = _unnameable(below.as_posix(), provider)
    if unnameable:
        return unnameable
    feed = below.parts[1] if len(below.parts) > 2 else ""
    own = [contract for contract in contracts if contract.provider == provider]
    matching = [contract for contract in own if contract.feed == feed]
    relative = Path(*below.parts[2:]).as_posix() if len(below.parts) > 2 else below.as_posix()
    taking = [contract for contract in matching if any(_matches(relative, glob) for glob in contract.files)]
    if len(taking) == 1:
        return delivery_of(path, taking[0], relative)
    if taking:
        reason = f"several contracts take it: {', '.join(contract.id for contract in taking)}"
        step = "Make the globs under `files` of these contracts exclude each other."
    elif matching:
        globs = ", ".join(repr(glob) for contract in matching for glob in contract.files)
        reason, step = f"the name fits none of the contract's globs {globs}", "Name the file as agreed."
    elif own:
        feeds = ", ".join(contract.feed for contract in own)
        reason = f"the provider has no contract for a folder {feed!r}; it delivers {feeds}"
        step = f"Move the file to landing/{provider}/<feed>/, or add a contract."
    else:
        reason = f"no contract knows the provider folder {provider!r}"
        step = "Move the file to landing/<provider>/<feed>/, or add a contract."
    return Problem("file_unmatched", reason, provider, below.as_posix(), next_step=step)


def _matches(relative: str, glob: str) -> bool:
    return fnmatchcase(relative, glob)


def _delivered_key(contract: Contract, relative: str) -> str | None:
    if contract.delivered is None:
        return None
    found = re.search(contract.delivered.file_name, relative)
    if found is None or not found.groups() or found[1] is None:
        return None
    try:
        moment = datetime.strptime(found[1], contract.delivered.date_format)
    except ValueError:
        return None
    return moment.date().isoformat() if moment.time() == datetime.min.time() else moment.isoformat()
