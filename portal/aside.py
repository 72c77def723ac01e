"""The self-check in a process of its own, with limits: a file made to harm takes down nothing but its own check.

Belongs here: starting, limiting and ending that process. Does not belong here: judging a file (`expectations.rehearsal`).
"""

import multiprocessing
import os
import resource
import shutil
import tempfile
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO, Any

from miyar.errors import MiyarError
from miyar.workspace import Workspace
from portal.problems import ReaderProblem
from portal.settings import Limits

# Refused rows a page shows; the counts tell how many there are.
SHOWN_ROWS = 200
# The pages need the machine too: a second reader's check waits for the first.
_ONE_AT_A_TIME = BoundedSemaphore(1)


@dataclass(frozen=True)
class Outcome:
    """What the pipeline would say: the account's numbers, problems of the whole file, the first refused rows, what changed."""

    status: str
    file: str
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)


def check_aside(workspace: Workspace, content: IO[bytes], name: str, contract: Path, limits: Limits) -> Outcome:
    """Check one file; raises ReaderProblem when the check itself came to no end within its limits."""
    if not _ONE_AT_A_TIME.acquire(timeout=limits.check_seconds):
        raise ReaderProblem("too_many", retry_after=limits.check_seconds)
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "file" / name
            file.parent.mkdir()
            with file.open("wb") as out:
                shutil.copyfileobj(content, out)
            return _in_process(workspace, file, contract, limits)
    finally:
        _ONE_AT_A_TIME.release()


def _in_process(workspace: Workspace, file: Path, contract: Path, limits: Limits) -> Outcome:
    here, there = multiprocessing.Pipe(duplex=False)
    process = _context().Process(target=_work, args=(there, workspace, file, contract, limits), daemon=True)
    process.start()
    there.close()
    try:
        outcome = here.recv() if here.poll(limits.check_seconds) else None
    except EOFError:
        outcome = None  # it was ended by a limit, or crashed on the file
    finally:
        process.kill()
        process.join()
        here.close()
    if not isinstance(outcome, Outcome):
        raise ReaderProblem("check_failed")
    return outcome


@cache
def _context() -> ForkServerContext:
    """Children are forked from a server that has imported the heavy libraries once and has no threads of ours."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["portal.preloaded"])
    return context


def _work(answer: Connection, workspace: Workspace, file: Path, contract: Path, limits: Limits) -> None:
    from expectations.rehearsal import rehearse

    resource.setrlimit(resource.RLIMIT_AS, (limits.check_memory_bytes, limits.check_memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.check_seconds, limits.check_seconds))
    # Temporary files go beside the upload, so that they are gone with it even when this process is killed.
    tempfile.tempdir = str(file.parent.parent)
    os.chdir(tempfile.tempdir)
    try:
        outcome = rehearse(workspace, file, contract)
    except MiyarError as error:
        answer.send(Outcome("refused", file.name, problems=[problem.as_dict() for problem in error.problems]))
        return
    account = outcome.account
    counts = ("records", "accepted", "quarantined", "duplicates")
    answer.send(
        Outcome(
            account.status,
            file.name,
            {name: getattr(account, name) for name in counts},
            list(account.problems),
            list(account.notes),
            outcome.rows[:SHOWN_ROWS],
            outcome.changes or [],
        )
    )
