"""Deliveries in the landing zone: files matched with contracts and identified by path and content.

Belongs here: finding and naming deliveries. Does not belong here: reading their content, or what was done with them
before (`submission_ledger`).
"""

import errno
import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from ingestion.contract import Contract
from ingestion.landed import Identity, Landed, UnsettledError, hash_of, is_settled, landed
from ingestion.plain_text import is_plain, visible
from ingestion.rules import rule_texts
from miyar.errors import Problem
from miyar.workspace import Workspace

_NOT_OWN = ("file_not_regular", "file_linked")
UNFINISHED = ".part"  # a fetch still in progress
_A_DAY = 86400


@dataclass(frozen=True)
class Delivery:
    """One delivered file and the contract it came under.

    `content` is a hash of provider, feed and bytes, `submission_id` one of these and the path. `is_again` says that the
    file was received before and was sent again since, after something else had lain at its place (`arrivals`).
    """

    contract: Contract
    path: Path
    relative: str
    submission_id: str
    delivered_key: str
    content: str = ""
    is_again: bool = False

    @property
    def shown(self) -> str:
        """The path below landing/, as messages name it."""
        return f"{self.contract.provider}/{self.contract.feed}/{self.relative}"


@dataclass(frozen=True)
class Survey:
    """Everything in the landing zone: deliveries in path order, files that nobody takes or that wait, and those left alone."""

    deliveries: list[Delivery]
    problems: list[Problem]
    left: list[Problem]


def survey(workspace: Workspace, contracts: list[Contract], now: datetime | None = None) -> Survey:
    """Look at every file below the landing zone.

    With `now`, files that changed within the last minute wait, and dates of delivery that lie ahead are doubted.
    """
    found = Survey([], [], [])
    # The centre's own link to the landing zone is followed; below it none is.
    landing = workspace.landing.resolve()
    for entry in landed(landing):
        shown = entry.path.relative_to(landing).as_posix()
        provider = shown.partition("/")[0] if "/" in shown else ""
        if entry.left in _NOT_OWN:
            found.problems.append(_not_own(entry.left, shown, provider))
        elif entry.left:
            found.left.append(Problem(entry.left, rule_texts()[entry.left].en, provider, _readable(shown)))
        else:
            one = _deliver(contracts, entry, shown, now)
            (found.problems if isinstance(one, Problem) else found.deliveries).append(one)  # type: ignore[arg-type]
    return found


def discover(
    workspace: Workspace, contracts: list[Contract], now: datetime | None = None
) -> tuple[list[Delivery], list[Problem]]:
    """All deliveries in path order, and a problem for each file that no contract takes, that cannot be read, or that waits."""
    found = survey(workspace, contracts, now)
    return found.deliveries, found.problems


def delivery_of(
    path: Path, contract: Contract, relative: str, now: datetime | None = None, identity: Identity | None = None
) -> Delivery | Problem:
    """One file as a delivery under a contract, or the problem that prevents it.

    Args:
        path: absolute; no link on the way is followed.
        identity: of the file that was looked at; another one has taken its name where it differs.
    """
    shown = f"{contract.provider}/{contract.feed}/{relative}"
    unnameable = _unnameable(shown, contract.provider)
    if unnameable:
        return unnameable
    try:
        if now is not None and not is_settled(path, now):
            return settling(shown, contract.provider)
        whole = hash_of(path, beginning_of(contract), identity)
        changed = path.lstat().st_mtime
    except UnsettledError:
        return settling(shown, contract.provider)
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
    # A file is never written after its date: one that was written then is of another clock, not of another date.
    if key and now is not None and _moment(key) > max(now.timestamp(), changed) + _A_DAY:
        return Problem(
            "delivery_date",
            f"the date of delivery {key} lies ahead: it would stand above every later correction",
            contract.provider,
            shown,
            next_step="Correct the date in the file's name; the file is taken when its day has come.",
        )
    submission_id = hashlib.sha256(f"{whole}\0{relative}".encode()).hexdigest()[:16]
    return Delivery(contract, path, relative, submission_id, key or "", whole[:16])


def beginning_of(contract: Contract) -> bytes:
    """What the hash of a delivery's content begins with."""
    return content_of(contract.provider, contract.feed)


def content_of(provider: str, feed: str) -> bytes:
    """The same, for the provider and feed of an account."""
    return f"{provider}\0{feed}\0".encode()


def settling(shown: str, provider: str) -> Problem:
    """What is told of a file that is still being written."""
    return Problem(
        "file_settling",
        "the file was changed within the last minute, or while it was read; nothing of it was taken",
        provider,
        shown,
        next_step="Nothing: the next run takes it when it is at rest.",
    )


def _not_own(rule: str, shown: str, provider: str) -> Problem:
    what = {
        "file_not_regular": "this is a link, a pipe or a device; links are not followed",
        "file_linked": "the file has a second name outside the provider's folder, so it may be somebody else's",
    }[rule]
    step = "Put the file itself, or a copy of its own, into the folder."
    return Problem(rule, what, _readable(provider), _readable(shown), next_step=step)


def _moment(key: str) -> float:
    moment = datetime.fromisoformat(key)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


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
    """The problem of a file name that no ledger or message can hold: in another encoding (unpacked archives), or with
    characters that nobody sees.
    """
    try:
        shown.encode()
    except UnicodeEncodeError:
        return _renamed("the file's name is not UTF-8", "deliver names in UTF-8", shown, provider)
    if not is_plain(shown):
        return _renamed("the file's name holds a character nobody sees", "leave that out", shown, provider)
    return None


def _renamed(reason: str, step: str, shown: str, provider: str) -> Problem:
    step = f"Rename the file, and {step}."
    return Problem("file_unmatched", reason, _readable(provider), _readable(shown), next_step=step)


def _readable(name: str) -> str:
    """A name as messages can hold it."""
    return visible(os.fsencode(name).decode("utf-8", "replace"))


def _deliver(contracts: list[Contract], entry: Landed, shown: str, now: datetime | None) -> Delivery | Problem:
    below = PurePosixPath(shown)
    provider = below.parts[0] if len(below.parts) > 1 else ""
    unnameable = _unnameable(shown, provider)
    if unnameable:
        return unnameable
    feed = below.parts[1] if len(below.parts) > 2 else ""
    own = [contract for contract in contracts if contract.provider == provider]
    matching = [contract for contract in own if contract.feed == feed]
    relative = PurePosixPath(*below.parts[2:]).as_posix() if len(below.parts) > 2 else below.as_posix()
    taking = [contract for contract in matching if any(_matches(relative, glob) for glob in contract.files)]
    if len(taking) == 1:
        return delivery_of(entry.path, taking[0], relative, now, entry.identity)
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
