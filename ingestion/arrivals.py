"""Which deliveries the ledger knows: the same file, one that was moved, one that was sent again, one that is a copy.

A delivery is its provider, feed, path and bytes. Files are compared with the accounts, because only those tell what lay
there before:

- the same bytes at the same path are known, unless something else was received from that path since: then they were
  sent again, and count from then on;
- the same bytes at another path are another delivery, unless the account's own path held them until now and no longer
  does: then the file was moved;
- where files add to each other and rows have no ids, the same bytes are one delivery, because nothing else could tell a
  copy from further rows.

Belongs here: that comparison, and the list of all files with what they are. Does not belong here: finding files (`landing`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ingestion.contract import Contract
from ingestion.feeds import load_feeds
from ingestion.headers import properties_of
from ingestion.landing import Delivery, survey
from ingestion.rereading import is_done
from ingestion.submission_ledger import Account, by_submission, write_account
from miyar.errors import Problem
from miyar.registry import Registry
from miyar.workspace import Workspace


@dataclass(frozen=True)
class Arrival:
    """A delivery as the ledger knows it; `same_as` is the path of the file it only repeats, `moved_from` where it lay before."""

    delivery: Delivery
    same_as: str = ""
    moved_from: str = ""


@dataclass(frozen=True)
class Called:
    """One file of the landing zone: received, new, again, moved, same, waits, ignored or problem; with rule and reason."""

    path: str
    state: str
    rule: str = ""
    why: str = ""


def arrivals(deliveries: Iterable[Delivery], accounts: Sequence[Account]) -> list[Arrival]:
    """The deliveries, each under the id of its account if it has one; in the order given."""
    ledger = _Ledger(list(deliveries), accounts)
    return [ledger.arrival(delivery) for delivery in ledger.deliveries]


def unreceived(
    found: Iterable[Arrival], received: Mapping[str, Account], workspace: Workspace, registry: Registry
) -> list[Delivery]:
    """The deliveries to be read: those that no account is of, that were sent again, or that would be read otherwise today."""
    return [
        one.delivery
        for one in found
        if not one.same_as and not is_done(received.get(one.delivery.submission_id), one.delivery, workspace, registry)
    ]


class _Ledger:
    def __init__(self, deliveries: list[Delivery], accounts: Sequence[Account]) -> None:
        self.deliveries = deliveries
        self.by_id = by_submission(accounts)
        self.accounts: dict[str, list[Account]] = {}
        self.last_at: dict[str, Account] = {}
        for account in accounts:
            self.accounts.setdefault(account.content or account.submission_id, []).append(account)
            last = self.last_at.get(account.path)
            if last is None or account.sequence > last.sequence:
                self.last_at[account.path] = account
        self.lying = {(one.shown, one.content) for one in deliveries}
        self.first: dict[tuple[str, tuple[str, ...]], Delivery] = {}
        for delivery in deliveries:
            self.first.setdefault((delivery.content, taken_from_path(delivery)), delivery)
        self.moved: set[str] = set()

    def arrival(self, delivery: Delivery) -> Arrival:
        own = self._own(delivery)
        if own is None:
            own = self._moved(delivery)
            if own is not None:
                self.moved.add(own.submission_id)
                return Arrival(replace(delivery, submission_id=own.submission_id), moved_from=own.path)
            return Arrival(delivery, same_as=self._copied(delivery))
        known = replace(delivery, submission_id=own.submission_id)
        is_again = own.is_gone or self.last_at[own.path].sequence > own.sequence
        return Arrival(replace(known, is_again=is_again))

    def _own(self, delivery: Delivery) -> Account | None:
        """The account of these bytes at this path; ids of earlier versions were made of the bytes alone."""
        found = self.by_id.get(delivery.submission_id)
        if found is not None:
            return found
        return next((a for a in self.accounts.get(delivery.content, []) if a.path == delivery.shown), None)

    def _moved(self, delivery: Delivery) -> Account | None:
        for account in self.accounts.get(delivery.content, []):
            is_left = (account.path, delivery.content) not in self.lying and not account.is_gone
            before = replace(delivery, relative=account.path.split("/", 2)[-1])
            means_the_same = taken_from_path(before) == taken_from_path(delivery)
            if is_left and means_the_same and account.submission_id not in self.moved:
                return account
        return None

    def _copied(self, delivery: Delivery) -> str:
        if not adds_without_ids(delivery.contract):
            return ""
        first = self.first[delivery.content, taken_from_path(delivery)]
        known = [one for one in self.accounts.get(delivery.content, []) if one.path != delivery.shown]
        taken = [
            one.path
            for one in known
            if taken_from_path(replace(delivery, relative=one.path.split("/", 2)[-1])) == taken_from_path(delivery)
        ]
        return taken[0] if taken else "" if first == delivery else first.shown


def taken_from_path(delivery: Delivery) -> tuple[str, ...]:
    """What the contract takes from a file's path: the texts of its `fileName` patterns, and the date of delivery."""
    patterns = [prop.file_name for prop in properties_of(delivery.contract) if prop.file_name is not None]
    if delivery.contract.delivered is not None:
        patterns.append(delivery.contract.delivered.file_name)
    found = [re.search(pattern, delivery.relative) for pattern in patterns]
    return tuple("" if one is None else one[1] or "" for one in found)


def adds_without_ids(contract: Contract) -> bool:
    """Whether files add rows that are told apart by file and row only."""
    feed, mapped = load_feeds()[contract.feed], {prop.name for prop in properties_of(contract)}
    has_ids = not any(feed.by_name[name].row_default and name not in mapped for name in feed.key)
    return contract.delivery == "add" and not has_ids


def note_gone(
    workspace: Workspace,
    found: Sequence[Arrival],
    accounts: Sequence[Account],
    only: set[tuple[str, str]] | None = None,
) -> list[Account]:
    """Note in their accounts which files no longer lie where they were received from; return all accounts as they are now.

    Without the note nobody could tell a file that was moved from one that was sent again later. A file that only waits
    or that no contract takes today still lies there, and where the whole folder is away nothing is known.
    """
    lying = {one.delivery.submission_id for one in found}
    other = {one.delivery.shown for one in found}
    now = []
    for account in accounts:
        path = workspace.landing / account.path
        is_away = account.path in other or (not path.is_file() and path.parent.is_dir())
        is_gone = account.submission_id not in lying and is_away
        if (only is None or (account.provider, account.feed) in only) and is_gone and not account.is_gone:
            account = replace(account, is_gone=True)
            write_account(workspace, account)
        now.append(account)
    return now


def roll_call(
    workspace: Workspace, contracts: list[Contract], accounts: Sequence[Account], now: datetime
) -> list[Called]:
    """Every file in the landing zone, in path order, and what became of it."""
    found = survey(workspace, contracts, now)
    known = by_submission(accounts)
    called = [_called(one, known.get(one.delivery.submission_id)) for one in arrivals(found.deliveries, accounts)]
    called += [Called(one.file, "ignored", one.rule, one.message) for one in found.left]
    called += [_told(problem) for problem in found.problems]
    return sorted(called, key=lambda one: one.path)


def _called(arrival: Arrival, account: Account | None) -> Called:
    delivery = arrival.delivery
    if arrival.same_as:
        return Called(delivery.shown, "same", why=f"the same bytes as {arrival.same_as}, whose rows have no ids")
    if account is None:
        return Called(delivery.shown, "new", why="the next run receives it")
    if arrival.moved_from:
        return Called(
            delivery.shown, "moved", why=f"received as {arrival.moved_from} (submission {account.submission_id})"
        )
    if delivery.is_again:
        return Called(
            delivery.shown, "again", why=f"sent again after submission {account.submission_id}; the next run takes it"
        )
    return Called(delivery.shown, "received", why=f"submission {account.submission_id}")


def _told(problem: Problem) -> Called:
    state = "waits" if problem.rule == "file_settling" else "problem"
    return Called(problem.file, state, problem.rule, problem.message)
