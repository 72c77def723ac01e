"""From the landing zone to accounts: which files are read and judged, several at a time, and recorded one by one.

Belongs here: the order of these steps. Does not belong here: how each step works (`ingestion`), the decision accepted or
refused (`recording`), Dagster, dbt.
"""

import shutil
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from expectations.recording import Judged, record, settled
from expectations.suites import Rule, suite_for
from ingestion.arrivals import arrivals, note_gone, unreceived
from ingestion.contract import Contract
from ingestion.feeds import load_feeds
from ingestion.landing import Delivery, discover
from ingestion.rereading import accepted_periods, drop_settled
from ingestion.slices import write_slices
from ingestion.staging import stage
from ingestion.submission_ledger import Account, by_submission
from miyar.errors import MiyarError, Problem
from miyar.registry import Registry
from miyar.workspace import Workspace

READERS = 2  # files read at once; reading is half SQL, half waiting for the interpreter
AHEAD = 2 * READERS  # files read but not yet recorded; this limits the scratch folder


@dataclass
class Intake:
    """The outcome of one pass over the landing zone: new accounts, files already known, and files that match no contract."""

    accounts: list[Account] = field(default_factory=list)
    known: int = 0
    problems: list[Problem] = field(default_factory=list)

    def add(self, outcome: Account | list[Problem]) -> None:
        """Note what became of one file."""
        if isinstance(outcome, Account):
            self.accounts.append(outcome)
        else:
            self.problems += outcome


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
    reader = _Reader(workspace, registry, received)
    # The next submissions are read while these are written.
    with ThreadPoolExecutor(READERS) as readers:
        coming = deque(readers.submit(reader.read, delivery) for delivery in fresh[:AHEAD])
        crowded: list[Delivery] = []
        for number, delivery in enumerate(fresh):
            progress(delivery.relative, number, len(fresh))
            outcome = coming.popleft().result()
            if _lacked_room(outcome):
                crowded.append(delivery)
            else:
                intake.add(reader.account_for(delivery, outcome))
            if number + AHEAD < len(fresh):
                coming.append(readers.submit(reader.read, fresh[number + AHEAD]))
    for delivery in crowded:
        # Alone, with the room that the others have given back.
        intake.add(reader.account_for(delivery, reader.read(delivery)))
    progress("", len(fresh), len(fresh))
    _, contested = write_slices(workspace, list(received.values()), contracts)
    intake.problems += contested
    return intake


def receive(delivery: Delivery, workspace: Workspace, registry: Registry) -> Account:
    """Receive one file. Its account is written last: until then a rerun starts the file from scratch."""
    reader = _Reader(workspace, registry, {})
    outcome = reader.account_for(delivery, reader.read(delivery))
    if not isinstance(outcome, Account):
        raise MiyarError(outcome)
    return outcome


@dataclass(frozen=True)
class _Reader:
    """The two halves of receiving a file, the first of which may run beside others; `received` are the accounts there are."""

    workspace: Workspace
    registry: Registry
    received: dict[str, Account]

    def read(self, delivery: Delivery) -> Judged | MiyarError:
        """Its typed rows and the rules they break, or why there are none."""
        scratch = self._scratch(delivery)
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        try:
            before = self.received.get(delivery.submission_id)
            return _judged(delivery, self.workspace, self.registry, before, scratch)
        except MiyarError as error:
            # At once: what is left of a file that filled the disk would fill it for the others too.
            shutil.rmtree(scratch, ignore_errors=True)
            return error
        except BaseException:
            # A rule that cannot be evaluated ends the intake, and what was read of the file must not stay.
            shutil.rmtree(scratch, ignore_errors=True)
            raise

    def account_for(self, delivery: Delivery, outcome: Judged | MiyarError) -> Account | list[Problem]:
        """Split, write and record it among the accounts; returns what is told where no account is written."""
        scratch = self._scratch(delivery)
        try:
            found = record(delivery, outcome, self.workspace, self.received, scratch, self.registry)
        finally:
            # At once: what is left of one file may be the room that the next one needs.
            shutil.rmtree(scratch, ignore_errors=True)
        if isinstance(found, Account):
            self.received[found.submission_id] = found
        return found

    def _scratch(self, delivery: Delivery) -> Path:
        return self.workspace.scratch / delivery.submission_id


def _lacked_room(outcome: Judged | MiyarError) -> bool:
    """Whether a file could not be read for want of disk or memory, which another file may have taken."""
    return isinstance(outcome, MiyarError) and any(
        one.rule in ("disk_full", "memory_exceeded") for one in outcome.problems
    )


def _judged(
    delivery: Delivery, workspace: Workspace, registry: Registry, before: Account | None, scratch: Path
) -> Judged:
    rules = suite_of(delivery.contract, workspace, registry, before)
    return Judged(stage(delivery, workspace, registry, scratch, [(one.id, one.predicate) for one in rules]), rules)


def suite_of(contract: Contract, workspace: Workspace, registry: Registry, before: Account | None) -> list[Rule]:
    """The rules for a submission under a contract, of which `before` says what was accepted of it earlier."""
    return suite_for(
        load_feeds()[contract.feed],
        contract,
        workspace.settings.periods,
        accepted_periods(before),
        _successors(contract, registry),
        [row["metric_id"] for row in registry.figures.get("open_measures", ())],
    )


def read_again(
    delivery: Delivery, workspace: Workspace, registry: Registry, before: Account, aside: Workspace
) -> Account | None:
    """Read a received file once more into the lake of another workspace; None if it is refused whole. Nothing else is written."""
    try:
        judged = _judged(delivery, workspace, registry, before, aside.root / "scratch")
    except MiyarError:
        return None
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
