"""What the lake holds, judged once more by Great Expectations: the suites as anybody could run them, against what intake did.

Belongs here: one list of rules for the submissions of a feed, and what of their accepted rows breaks one today. Does not
belong here: how a rule is run (`runner`), the decision at intake (`recording`).
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from expectations.intake import suite_of
from expectations.runner import evaluate, failing_rows
from expectations.suites import Rule
from ingestion.broken_rules import rows_after
from ingestion.contract import Contract
from ingestion.submission_ledger import Account
from miyar.registry import Registry
from miyar.workspace import Workspace

# Each start of Great Expectations costs about 0.3 s; of more submissions the rules that differ by contract get too many.
AT_ONCE = 200


@dataclass(frozen=True)
class Reviewed:
    """A rule that accepted rows of a submission break under today's contract, and how many of these a waiver lets pass."""

    account: Account
    rule: Rule
    rows: int
    waived: int

    @property
    def is_refused(self) -> bool:
        """Whether intake would not accept these rows today."""
        return self.rule.action != "report" and self.rows > self.waived


def review(
    workspace: Workspace,
    registry: Registry,
    contracts: Sequence[Contract],
    accounts: Sequence[Account],
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> list[Reviewed]:
    """Every rule that accepted rows of these submissions break, by path and rule; a submission without a contract is left out."""
    known = {contract.id: contract for contract in contracts}
    asked = sorted((one for one in accounts if one.accepted and one.contract_id in known), key=lambda one: one.feed)
    found, done = list[Reviewed](), 0
    for feed, own in groupby(asked, key=lambda one: one.feed):
        for batch in _batches(list(own)):
            progress(feed, done, len(asked))
            suites = [suite_of(known[one.contract_id], workspace, registry, one) for one in batch]
            found += _judged(workspace, list(zip(batch, suites, strict=True)), known)
            done += len(batch)
    return sorted(found, key=lambda one: (one.account.path, one.account.submission_id, one.rule.id, one.rule.columns))


def _batches(accounts: list[Account]) -> Iterator[list[Account]]:
    for start in range(0, len(accounts), AT_ONCE):
        yield accounts[start : start + AT_ONCE]


def _judged(
    workspace: Workspace, batch: list[tuple[Account, list[Rule]]], known: dict[str, Contract]
) -> list[Reviewed]:
    """No verdict depends on which submissions share the batch: every rule is about single rows or those of one submission."""
    shared: dict[str, tuple[Rule, list[str]]] = {}
    for account, rules in batch:
        for rule in rules:
            shared.setdefault(_words(rule), (rule, []))[1].append(account.submission_id)
    asked = [_only_of(rule, owners) if len(owners) < len(batch) else rule for rule, owners in shared.values()]
    files = [path for account, _ in batch for path in _accepted_files(workspace, account)]
    failing = failing_rows(evaluate(files, [], asked), workspace.settings.memory_limit)
    own = {account.submission_id: account for account, _ in batch}
    found = list[Reviewed]()
    for (rule, _), ids in zip(shared.values(), failing, strict=True):
        for submission, rows in groupby(ids, key=lambda row_id: row_id.partition(":")[0]):
            account, broken = own[submission], list(rows)
            until = {waiver.rule: waiver.until for waiver in known[account.contract_id].waivers}.get(rule.id)
            held = rows_after(_accepted_files(workspace, account), broken, until) if until else broken
            found.append(Reviewed(account, rule, len(broken), len(broken) - len(held)))
    return found


def _words(rule: Rule) -> str:
    return json.dumps([rule.id, rule.columns, rule.violation, rule.expectation, rule.kwargs], sort_keys=True)


def _only_of(rule: Rule, submissions: list[str]) -> Rule:
    if not rule.violation:
        raise ValueError(f"{rule.id}: suites of one feed differ in a rule that cannot be limited to submissions")
    listed = ", ".join(f"'{submission}'" for submission in submissions)
    return replace(rule, violation=f"submission_id in ({listed}) and ({rule.violation})")


def _accepted_files(workspace: Workspace, account: Account) -> list[Path]:
    return sorted((workspace.lake / account.feed).glob(f"period=*/{account.submission_id}.parquet"))
