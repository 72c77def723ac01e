"""Judge several submissions of one feed in one pass, because starting Great Expectations costs more than a small file's rows.

Belongs here: one list of rules for many submissions, and assigning the rows a rule found. Does not belong here: how a
rule is run (`runner`) and what follows (`intake`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from expectations.runner import evaluate, failing_rows
from expectations.suites import Rule
from ingestion.staging import Staged


@dataclass(frozen=True)
class Judged:
    """One submission with its suite and, for each rule, the ids of the rows that break it."""

    staged: Staged
    rules: list[Rule]
    failing: list[list[str]]


def judge(batch: Sequence[tuple[Staged, list[Rule]]], memory_limit: str) -> list[Judged]:
    """Judge submissions of one feed; no verdict depends on which submissions share the batch.

    Every rule is about single rows or the rows of one submission, so one pass over all rows finds what separate passes
    would. A rule that is not identical in all suites is applied only to the submissions that have it.
    """
    if not batch:
        return []
    shared: dict[str, tuple[Rule, list[str]]] = {}
    for staged, rules in batch:
        for rule in rules:
            shared.setdefault(_words(rule), (rule, []))[1].append(staged.submission_id)
    asked = [_only_of(rule, owners) if len(owners) < len(batch) else rule for rule, owners in shared.values()]
    findings = evaluate([s.typed for s, _ in batch], [s.problems for s, _ in batch if s.problems], asked)
    found: dict[tuple[str, str], list[str]] = {}
    for words, ids in zip(shared, failing_rows(findings, memory_limit), strict=True):
        for row_id in ids:
            found.setdefault((words, row_id.partition(":")[0]), []).append(row_id)
    return [
        Judged(staged, rules, [found.get((_words(rule), staged.submission_id), []) for rule in rules])
        for staged, rules in batch
    ]


def _words(rule: Rule) -> str:
    return json.dumps([rule.id, rule.columns, rule.violation, rule.expectation, rule.kwargs], sort_keys=True)


def _only_of(rule: Rule, submissions: list[str]) -> Rule:
    if not rule.violation:
        raise ValueError(f"{rule.id}: suites of one feed differ in a rule that cannot be limited to submissions")
    listed = ", ".join(f"'{submission}'" for submission in submissions)
    return replace(rule, violation=f"submission_id in ({listed}) and ({rule.violation})")
