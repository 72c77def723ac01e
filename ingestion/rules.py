"""The catalogue of rules that ingestion can report, as sentences for the agency in both languages.

Belongs here: reading `rules.yml`. Does not belong here: rules about acceptable values (`expectations`).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml


@dataclass(frozen=True)
class RuleText:
    """One rule: what it holds back (file, row, slice, note, setup), its sentence, the next step and the contract's line.

    `contract` is the line of a contract that mends the rule's faults where the data are right; "" where none does.
    """

    unit: str
    ar: str
    en: str
    next_ar: str
    next_en: str
    contract: str = ""


def contract_line(rule: str, column: str) -> str:
    """The line of a contract that mends a rule's faults where the data are right, for one column; "" where none does."""
    text = rule_texts().get(rule)
    quoted = "'" + column.replace("'", "''") + "'"
    return text.contract.replace("{column}", quoted) if text is not None else ""


@cache
def rule_texts() -> dict[str, RuleText]:
    """All rules by id."""
    source = yaml.safe_load((Path(__file__).parent / "rules.yml").read_text("utf-8"))
    return {rule: RuleText(**content) for rule, content in source["rules"].items()}
