"""Running checks and their answers: each belongs to one reader, is kept in memory only, and is dropped after a while.

Belongs here: starting a check outside the request that brought the file, and finding its answer. Does not belong here:
the process that judges (`check_worker`), pages.
"""

import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock, Thread
from typing import IO

from miyar.workspace import Workspace
from portal.check_worker import Outcome, check_in_worker
from portal.problems import ReaderProblem, not_found
from portal.sessions import Clock
from portal.settings import PortalSettings
from portal.users import User


@dataclass
class Check:
    """One file's check. `stage`: waiting, judging, scoring, done; when done, there is an outcome or a problem."""

    check_id: str
    contract_id: str
    started_at: datetime
    stage: str = "waiting"
    outcome: Outcome | None = None
    problem: ReaderProblem | None = None
    # Removed when the check ends, and when this process ends.
    folder: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="miyar-check-"), repr=False
    )


class Checks:
    """At most one check per user: a new one replaces the finished one."""

    def __init__(self, workspace: Workspace, settings: PortalSettings, clock: Clock) -> None:
        self._workspace, self._limits, self._clock = workspace, settings.limits, clock
        self._kept_for = timedelta(minutes=settings.sessions.idle_minutes)
        self._held: dict[str, Check] = {}
        self._lock = Lock()

    @property
    def works_out_scores(self) -> bool:
        return self._limits.score_seconds > 0

    def start(self, user: User, content: IO[bytes], name: str, contract_id: str, contract: Path) -> Check:
        """Store the file and start its check; raises ReaderProblem while the reader's previous check is running."""
        with self._lock:
            before = self._held.get(user.key)
            if before is not None and before.stage != "done":
                raise ReaderProblem("too_many", retry_after=self._limits.check_seconds)
            check = self._held[user.key] = Check(secrets.token_urlsafe(16), contract_id, self._clock())
            self._forget()
        file = Path(check.folder.name) / "file" / name
        try:
            file.parent.mkdir()
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
        check.folder.cleanup()
        check.stage = "done"

    def _forget(self) -> None:
        """Drop the answers of checks that started too long ago; the caller holds the lock."""
        oldest = self._clock() - self._kept_for
        for key in [key for key, one in self._held.items() if one.stage == "done" and one.started_at < oldest]:
            del self._held[key]
