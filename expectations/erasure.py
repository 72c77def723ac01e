"""Erase people: their rows leave the lake, the vintages and (if asked) the landing zone, and never come back.

Published editions stay as they are: they hold sums over five people or more and no pseudonym, and who has one cannot be made
to give it back. The next run computes all figures without the people.

Belongs here: finding a person's rows in what is kept. Does not belong here: taking them out of what is delivered later
(`ingestion.erased`), rewriting files (`ingestion.destruction`), clocks (`retention`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from expectations.told import untold_rows
from ingestion.destruction import Delivered, drop_derived, kept_rows, lake_files, remove_file, rewrite
from ingestion.erased import add_people
from ingestion.feeds import LINEAGE, load_feeds
from ingestion.personal import PSEUDONYM_LENGTH, load_keys, pseudonym
from ingestion.receipts import Decision, Destroyed, Receipts
from ingestion.submission_ledger import Account, read_accounts, write_account
from miyar import sql
from miyar.errors import MiyarError, Problem
from miyar.registry import Registry
from miyar.workspace import Workspace


@dataclass(frozen=True)
class Erasure:
    """What was destroyed, the delivered files that still hold the people, and the number and hash of the last receipt."""

    destroyed: list[Destroyed]
    still_delivered: list[str]
    receipts: int
    head: str

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.destroyed if one.what == "rows")


def pseudonyms_of(workspace: Workspace, people: Iterable[str]) -> set[str]:
    """The pseudonyms of people by their ids as delivered, under every version of the key; raises MiyarError without one."""
    keys = load_keys(workspace)
    if keys is None:
        raise MiyarError(
            Problem(
                "pseudonym_key_missing",
                "people are found by their pseudonyms, and there is no key to make them",
                next_step=f"Set {workspace.settings.pseudonym_key_variable}, or give pseudonyms (--pseudonyms).",
            )
        )
    return {pseudonym(key.key, person) for person in people for key in keys.versions}


def erase(
    workspace: Workspace, registry: Registry, people: set[str], decision: Decision, *, with_files: bool = False
) -> Erasure:
    """Erase the people with these pseudonyms.

    Raises MiyarError for what is no pseudonym, and where there is none.

    Args:
        with_files: also remove the delivered files that hold them, which then cannot be read again.
    """
    _require_pseudonyms(people)
    receipts = Receipts(workspace, "erasure", decision)
    # First, so that nothing read in between or after a kill brings them back.
    add_people(receipts, people)
    delivered, still = Delivered(workspace), list[Path]()
    for account in read_accounts(workspace):
        found = [path for path in lake_files(workspace, account) if _holds(path, account.feed, people)]
        if not found:
            continue
        for path in found:
            rewrite(receipts, account, path, what="rows", without=_condition(account.feed, people))
        _tell_anew(workspace, account, registry)
        still += [path for path in delivered.of(account) if path not in still]
    for path in still if with_files else ():
        remove_file(receipts, path, "landing")
    for path in list(kept_rows(workspace)):
        if any(_holds(path, feed, people) for feed in _feeds_in(path)):
            remove_file(receipts, path, "vintage")
    drop_derived(workspace)
    left = [] if with_files else [path.relative_to(workspace.landing.resolve()).as_posix() for path in still]
    done = [one for one in receipts.destroyed if one.what != "people"]
    return Erasure(done, left, receipts.number, receipts.head)


def _require_pseudonyms(people: set[str]) -> None:
    """Raise MiyarError unless there are some, each with the form of one; what is none is not shown."""
    wrong = [one for one in people if len(one) != PSEUDONYM_LENGTH or set(one) - set("0123456789abcdef")]
    if wrong or not people:
        raise MiyarError(
            Problem(
                "person_unknown",
                f"{len(wrong)} of {len(people)} lines are no pseudonyms" if people else "nobody is named",
                next_step="Give one person a line.",
            )
        )


def _tell_anew(workspace: Workspace, account: Account, registry: Registry) -> None:
    """Count anew the rows that no figure uses."""
    account.untold = untold_rows(workspace, account.feed, account.submission_id, registry)
    write_account(workspace, account)


def _feeds_in(path: Path) -> list[str]:
    with duckdb.connect() as connection:
        found = connection.execute(f"select distinct split_part(slice_id, '|', 1) from {sql.parquet(path)}").fetchall()
    return [feed for (feed,) in found if feed in load_feeds()]


def _condition(feed: str, people: set[str]) -> str:
    """SQL: true for rows in which any text is one of the pseudonyms: which columns have been made ones changes with contracts."""
    texts = [
        column.name for column in load_feeds()[feed].columns if column.type == "text" and column.name not in LINEAGE
    ]
    return " or ".join(f"{name} in ({sql.texts(sorted(people))})" for name in texts)


def _holds(path: Path, feed: str, people: set[str]) -> bool:
    with duckdb.connect() as connection:
        held = connection.execute(
            f"select 1 from {sql.parquet(path)} where {_condition(feed, people)} limit 1"
        ).fetchone()
    return held is not None
