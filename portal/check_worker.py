"""The check of a file in a separate process with limits, so that a malicious file ends nothing but its own check.

Belongs here: starting, limiting and ending that process. Does not belong here: judging a file (`expectations.check`),
computing its scores (`warehouse.check_scores`), which check is whose (`checks`).
"""

import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from ingestion.contract import Contract, load_contract
from miyar.errors import MiyarError
from miyar.registry import Registry, load_registry
from miyar.workspace import Workspace
from portal.problems import ReaderProblem
from portal.settings import Limits

# Refused rows and scores shown on a page; the counts show how many there are.
SHOWN_ROWS = 200
# Pages need the machine too, so a second reader's check waits for the first.
_ONE_AT_A_TIME = BoundedSemaphore(1)


@dataclass(frozen=True)
class Outcome:
    """What the pipeline would report: the account's counts, problems of the whole file, first refused rows, changes.

    `scores` is None if scoring is off, or if the file was refused; `scores_failed` is set if scoring did not finish.
    """

    status: str
    file: str
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    scores: list[dict[str, Any]] | None = None
    scores_count: int = 0
    scores_failed: bool = False


def check_in_worker(
    workspace: Workspace,
    file: Path,
    contract: Path,
    limits: Limits,
    tell: Callable[[str], None] = lambda stage: None,
) -> Outcome:
    """Check one file, alone in its own folder; `tell` is called as a stage begins: `judging`, `scoring`.

    Raises ReaderProblem if judging does not finish within its limits; unfinished scoring is reported in the outcome.
    """
    if not _ONE_AT_A_TIME.acquire(timeout=limits.check_seconds + limits.score_seconds):
        raise ReaderProblem("too_many", retry_after=limits.check_seconds)
    try:
        tell("judging")
        here, there = multiprocessing.Pipe(duplex=False)
        process = _context().Process(target=_work, args=(there, workspace, file, contract, limits), daemon=True)
        process.start()
        there.close()
        try:
            outcome = _received(here, limits.check_seconds)
            if not isinstance(outcome, Outcome):
                raise ReaderProblem("check_failed")
            if not limits.score_seconds or outcome.status != "accepted":
                return outcome
            tell("scoring")
            scores = _received(here, limits.score_seconds)
        finally:
            process.kill()
            process.join()
            here.close()
    finally:
        _ONE_AT_A_TIME.release()
    if not isinstance(scores, list):
        return replace(outcome, scores_failed=True)
    return replace(outcome, scores=scores[:SHOWN_ROWS], scores_count=len(scores))


def _received(here: Connection, seconds: float) -> Any:
    """Return what the process sent in time; None if a limit ended it or it crashed on the file."""
    try:
        return here.recv() if here.poll(seconds) else None
    except EOFError:
        return None


@cache
def _context() -> ForkServerContext:
    """Return a context that forks children from a server with the heavy libraries imported and none of our threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["portal.preloaded"])
    return context


def _work(answer: Connection, workspace: Workspace, file: Path, contract: Path, limits: Limits) -> None:
    from expectations.check import checking
    from publication.method import methodology_of, with_known_names

    resource.setrlimit(resource.RLIMIT_AS, (limits.check_memory_bytes, limits.check_memory_bytes))
    longest = limits.check_seconds + limits.score_seconds * (os.cpu_count() or 1)
    resource.setrlimit(resource.RLIMIT_CPU, (limits.check_seconds, longest))
    # Temporary files go next to the upload, so that they are deleted with it even if this process is killed.
    tempfile.tempdir = str(file.parent.parent)
    os.chdir(tempfile.tempdir)
    try:
        agreed, registry = load_contract(contract), load_registry(workspace.registry)
        registry = with_known_names(registry, methodology_of(workspace))
        with checking(workspace, registry, file, agreed) as (result, throwaway):
            account = result.account
            counts = ("records", "accepted", "quarantined", "duplicates")
            answer.send(
                Outcome(
                    account.status,
                    file.name,
                    {name: getattr(account, name) for name in counts},
                    list(account.problems),
                    list(account.notes),
                    result.rows[:SHOWN_ROWS],
                    result.changes or [],
                )
            )
            if limits.score_seconds and account.status == "accepted":
                resource.setrlimit(resource.RLIMIT_CPU, (longest, longest))
                answer.send(_scored(throwaway, workspace, registry, agreed))
    except MiyarError as error:
        answer.send(Outcome("refused", file.name, problems=[problem.as_dict() for problem in error.problems]))


def _scored(
    throwaway: Workspace, workspace: Workspace, registry: Registry, contract: Contract
) -> list[dict[str, Any]] | str:
    """Return the scores, or the kind of error: its text may repeat values of the file, which must not reach a log."""
    from warehouse.check_scores import scores_of_check

    try:
        return scores_of_check(throwaway, workspace, registry, contract)
    except Exception as error:
        return type(error).__name__
