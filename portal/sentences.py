"""The sentences of rules, for pages that show what happened to a file.

Belongs here: finding a rule's words. Does not belong here: the rules (`ingestion/rules.yml`, `expectations/suites`).
"""

from dataclasses import asdict
from functools import cache

from expectations.suites import catalogue
from ingestion.feeds import load_feeds
from ingestion.rules import rule_texts


@cache
def _sentences() -> dict[str, dict[str, str]]:
    """Return the rules of files and rows by id; rules made from a template carry its id before a point."""
    found = {row["id"]: row for feed in load_feeds() for row in catalogue(feed)}
    return found | {rule: asdict(text) for rule, text in rule_texts().items()}


def rule_sentence(rule: str, language: str) -> str:
    """Return a rule's sentence, or its id if it has none."""
    return _sentences().get(rule, {}).get(language, rule)


def rule_next_step(rule: str, language: str) -> str:
    return _sentences().get(rule, {}).get(f"next_{language}", "")
