"""Running checks and their answers: each belongs to one reader, is kept in memory only, and is dropped after a while.

Belongs here: starting a check outside the request that brought the file, and finding its answer. Does not belong here:
the process that judges (`check_worker`), pages.
"""

import fcntl
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock, Thread
from typing import IO
from weakref import finalize

from miyar.workspace import Workspace
from portal.check_worker import Outcome, check_in_worker
from portal.problems import ReaderProblem, not_found
from portal.sessions import Clock
from portal.settings import PortalSettings
from portal.users import User

_PREFIX = "miyar-checks-"


@dataclass
class Check:
    """One file's check. `stage`: waiting, judging, scoring, done; when done, there is an outcome or a problem."""

    check_id: str
    contract_id: str
    started_at: datetime
    stage: str = "waiting"
    outcome: Outcome | None = None
    problem: ReaderProblem | None = None
    folder: Path = field(default_factory=Path, repr=False)


class Checks:
    """At most one check per user: a new one replaces the finished one."""

    def __init__(self, workspace: Workspace, settings: PortalSettings, clock: Clock) -> None:
        self._workspace, self._limits, self._clock = workspace, settings.limits, clock
        self._kept_for = timedelta(minutes=settings.sessions.idle_minutes)
        self._held: dict[str, Check] = {}
        self._lock = Lock()
        _sweep()
        # Only this account may enter it. Its handle tells another portal that it is in use; it goes when this process
        # ends, and if that was a kill, when the next portal starts.
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        finalize(self, _remove, self.folder, _taken(self.folder))

    @property
    def works_out_scores(self) -> bool:
        return self._limits.score_seconds > 0

    def start(self, user: User, content: IO[bytes], name: str, contract_id: str, contract: Path) -> Check:
        """Store the file and start its check; raises ReaderProblem while the reader's previous check is running."""
        with self._lock:
            before = self._held.get(user.key)
            if before is not None and before.stage != "done":
                raise ReaderProblem("too_many", retry_after=self._limits.check_seconds)
            check_id = secrets.token_urlsafe(16)
            folder = self.folder / check_id
            check = self._held[user.key] = Check(check_id, contract_id, self._clock(), folder=folder)
            self._forget()
        file = check.folder / "file" / name
        try:
            file.parent.mkdir(parents=True)
            with file.open("wb") as out:
                shutil.copyfileobj(content, out)
        except BaseException:
            self._end(check)
            raise
        Thread(target=self._run, args=(check, file, contract), daemon=True).start()
        return check

    def find(self, user: User, check_id: str) -> Check:
        """Return a reader's own check; raises not found for any other."""
        with self._lock:
            self._forget()
            check = self._held.get(user.key)
        if check is None or check.check_id != check_id:
            raise not_found()
        return check

    def seconds_since(self, check: Check) -> int:
        return int((self._clock() - check.started_at).total_seconds())

    def _run(self, check: Check, file: Path, contract: Path) -> None:
        def tell(stage: str) -> None:
            check.stage = stage

        try:
            check.outcome = check_in_worker(self._workspace, file, contract, self._limits, tell)
        except ReaderProblem as problem:
            check.problem = problem
        finally:
            self._end(check)

    def _end(self, check: Check) -> None:
        if check.outcome is None and check.problem is None:
            check.problem = ReaderProblem("check_failed")
        shutil.rmtree(check.folder, ignore_errors=True)
        check.stage = "done"

    def _forget(self) -> None:
        """Drop the answers of checks that started too long ago; the caller holds the lock."""
        oldest = self._clock() - self._kept_for
        for key in [key for key, one in self._held.items() if one.stage == "done" and one.started_at < oldest]:
            del self._held[key]


def _taken(folder: Path) -> int | None:
    """Return a handle that holds the folder for this process as long as it lives; None if another one holds it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _sweep() -> None:
    """Remove the uploads of portals of this account that were killed, and so could not remove them themselves."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if folder.lstat().st_uid == os.geteuid() and (handle := _taken(folder)) is not None:
                _remove(folder, handle)
        except OSError:
            continue  # no folder, or gone by now


def _remove(folder: Path, handle: int | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if handle is not None:
        os.close(handle)
