"""From the landing zone to accounts: which files are read, several at a time, judged together and recorded one by one.

Belongs here: the order of these steps. Does not belong here: how each step works (`ingestion`, `runner`), the decision
accepted or refused (`recording`), Dagster, dbt.
"""

import shutil
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from expectations.batches import judge
from expectations.recording import record, settled
from expectations.suites import Rule, suite_for
from ingestion.arrivals import arrivals, note_gone, unreceived
from ingestion.contract import Contract
from ingestion.feeds import load_feeds
from ingestion.landing import Delivery, discover
from ingestion.rereading import accepted_periods, drop_settled
from ingestion.slices import write_slices
from ingestion.staging import Staged, stage
from ingestion.submission_ledger import Account, by_submission
from miyar.errors import MiyarError, Problem
from miyar.registry import Registry
from miyar.workspace import Workspace

READERS = 2  # files read at once; reading is half SQL, half waiting for the interpreter
AHEAD = 2 * READERS  # files read but not yet judged; this limits the scratch folder
# A batch is judged in one pass, whose start costs about 0.3 s, as much as some hundred thousand rows; of 200 small files
# that is 2 ms each. More files would only lengthen the list of rules that differ by contract.
BATCH_RECORDS = 1_000_000
BATCH_SUBMISSIONS = 200


@dataclass
class Intake:
    """The outcome of one pass over the landing zone: new accounts, files already known, and files that match no contract."""

    accounts: list[Account] = field(default_factory=list)
    known: int = 0
    problems: list[Problem] = field(default_factory=list)


def receive_all(
    workspace: Workspace,
    registry: Registry,
    contracts: list[Contract],
    accounts: list[Account],
    *,
    only: set[tuple[str, str]] | None = None,
    now: datetime | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Intake:
    """Receive every delivery that is new (or whose contract changed), in path order; then rewrite the list of slices.

    `accounts` are all existing accounts of the workspace; those of this intake are added to the slices. `only` limits
    the intake to these (provider, feed) pairs; `now` is the clock by which files wait (`survey` of `ingestion.landing`).
    A bad file ends as a refused account and never stops the others. `progress` is called with (path, done, total).
    """
    wanted = [c for c in contracts if only is None or (c.provider, c.feed) in only]
    deliveries, problems = discover(workspace, wanted, now)
    if only is not None:
        # Problems with files of other contracts are reported by the runs that receive those.
        folders = tuple(f"{provider}/{feed}/" for provider, feed in only)
        problems = [problem for problem in problems if problem.file.startswith(folders)]
    intake = Intake(problems=problems)
    found = arrivals(deliveries, accounts)
    received = by_submission(note_gone(workspace, found, accounts, {(c.provider, c.feed) for c in wanted}))
    fresh = unreceived(found, received, workspace, registry)
    intake.known = len(found) - len(fresh)
    drop_settled(workspace, registry, [one.delivery for one in found], received)
    # Submissions of one feed are judged together, in path order within it.
    fresh.sort(key=lambda delivery: delivery.contract.feed)
    # The next submissions are read while these are judged and written.
    with ThreadPoolExecutor(READERS) as readers:
        coming = deque(readers.submit(_stage, delivery, workspace, registry) for delivery in fresh[:AHEAD])
        batch: list[tuple[Delivery, Staged | MiyarError]] = []
        crowded: list[Delivery] = []
        for number, delivery in enumerate(fresh):
            progress(delivery.relative, number, len(fresh))
            staged = coming.popleft().result()
            if _lacked_room(staged):
                crowded.append(delivery)
            else:
                batch.append((delivery, staged))
            if number + AHEAD < len(fresh):
                coming.append(readers.submit(_stage, fresh[number + AHEAD], workspace, registry))
            if batch and (number + 1 == len(fresh) or _is_full(batch, fresh[number + 1])):
                written, told = _account_for(batch, workspace, registry, received)
                intake.accounts += written
                intake.problems += told
                batch = []
    for delivery in crowded:
        # Alone, with the room that the others have given back.
        written, told = _account_for([(delivery, _stage(delivery, workspace, registry))], workspace, registry, received)
        intake.accounts += written
        intake.problems += told
    progress("", len(fresh), len(fresh))
    _, contested = write_slices(workspace, list(received.values()), contracts)
    intake.problems += contested
    return intake


def receive(delivery: Delivery, workspace: Workspace, registry: Registry) -> Account:
    """Receive one file. Its account is written last: until then a rerun starts the file from scratch."""
    (account,), _ = _account_for([(delivery, _stage(delivery, workspace, registry))], workspace, registry, {})
    return account


def _is_full(batch: list[tuple[Delivery, Staged | MiyarError]], following: Delivery) -> bool:
    records = sum(staged.records for _, staged in batch if isinstance(staged, Staged))
    is_other_feed = following.contract.feed != batch[0][0].contract.feed
    return is_other_feed or len(batch) >= BATCH_SUBMISSIONS or records >= BATCH_RECORDS


def _lacked_room(staged: Staged | MiyarError) -> bool:
    """Whether a file could not be read for want of disk or memory, which another file may have taken."""
    return isinstance(staged, MiyarError) and any(
        one.rule in ("disk_full", "memory_exceeded") for one in staged.problems
    )


def _scratch(delivery: Delivery, workspace: Workspace) -> Path:
    return workspace.scratch / delivery.submission_id


def _stage(delivery: Delivery, workspace: Workspace, registry: Registry) -> Staged | MiyarError:
    """The first half of receiving a file: its typed rows, or why there are none."""
    scratch = _scratch(delivery, workspace)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        return stage(delivery, workspace, registry, scratch)
    except MiyarError as error:
        # At once: what is left of a file that filled the disk would fill it for the others too.
        shutil.rmtree(scratch, ignore_errors=True)
        return error


def _account_for(
    batch: list[tuple[Delivery, Staged | MiyarError]],
    workspace: Workspace,
    registry: Registry,
    received: dict[str, Account],
) -> tuple[list[Account], list[Problem]]:
    """The second half, for submissions of one feed: judge them together, then split, write and record each in `received`.

    Returns the accounts that were written, and what is told beside them.
    """
    try:
        suites = [
            (staged, _suite(delivery, workspace, registry, received.get(delivery.submission_id)))
            for delivery, staged in batch
            if isinstance(staged, Staged)
        ]
        judged = {one.staged.submission_id: one for one in judge(suites, workspace.settings.memory_limit)}
        accounts, told = [], []
        for delivery, staged in batch:
            outcome = staged if isinstance(staged, MiyarError) else judged[staged.submission_id]
            found = record(delivery, outcome, workspace, received, _scratch(delivery, workspace), registry)
            if isinstance(found, Account):
                received[found.submission_id] = found
                accounts.append(found)
            else:
                told += found
            # At once: what is left of one file may be the room that the next one needs.
            shutil.rmtree(_scratch(delivery, workspace), ignore_errors=True)
        return accounts, told
    finally:
        for delivery, _ in batch:
            shutil.rmtree(_scratch(delivery, workspace), ignore_errors=True)


def _suite(delivery: Delivery, workspace: Workspace, registry: Registry, before: Account | None) -> list[Rule]:
    return suite_for(
        load_feeds()[delivery.contract.feed],
        delivery.contract,
        workspace.settings.periods,
        accepted_periods(before),
        _successors(delivery.contract, registry),
        [row["metric_id"] for row in registry.figures.get("open_measures", ())],
    )


def read_again(
    delivery: Delivery, workspace: Workspace, registry: Registry, before: Account, aside: Workspace
) -> Account | None:
    """Read a received file once more into the lake of another workspace; None if it is refused whole. Nothing else is written."""
    scratch = aside.root / "scratch"
    try:
        staged = stage(delivery, workspace, registry, scratch)
    except MiyarError:
        return None
    [judged] = judge([(staged, _suite(delivery, workspace, registry, before))], workspace.settings.memory_limit)
    return settled(delivery, aside, judged, replace(before, notes=[], untold=[]), registry)[0]


def _successors(contract: Contract, registry: Registry) -> list[str]:
    """The agencies that take the place of those a contract covers, and of these in turn."""
    agencies, found = registry.validity("agencies"), list[str]()
    waiting = [] if contract.covers == "all" else list(contract.covers)
    while waiting:
        valid = agencies.get(waiting.pop())
        if valid and valid.successor and valid.successor not in found:
            found.append(valid.successor)
            waiting.append(valid.successor)
    return sorted(found)
