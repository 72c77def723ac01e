"""Everything that ingestion can report, and every reason why rows are in no figure, is in the catalogue; nothing else is."""

import ast
import re
from pathlib import Path

import pytest

import ingestion
from expectations.told import reasons
from ingestion.rules import rule_texts

SOURCES = sorted(Path(ingestion.__file__).parent.rglob("*.py"))
# Calls, with the position of the argument that is a rule.
CALLS = {"Problem": 0, "problem": 0, "fail": 0, "report": 0, "_problem": 2}
# Rules that SQL returns are in texts: '...' after then, else, or in a union.
IN_SQL = re.compile(
    r"'((?:value|unit|zone|date|period|number|unknown|region|spreadsheet|personal|header|slice|submission|id|agency)_[a-z_]+)'"
)
# Files that decide rules in Python for distinct texts.
IN_PYTHON = {"known.py", "labels.py", "units.py", "period_names.py", "text_faults.py"}
NO_RULES = {"slice_id", "submission_id", "slice_version", "period_id", "agency_id", "unit_texts"}


def reported() -> set[str]:
    """Rule ids found in the source code."""
    found: set[str] = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                position = CALLS.get(name)
                if position is not None and len(node.args) > position:
                    rule = node.args[position]
                    if isinstance(rule, ast.Constant) and isinstance(rule.value, str):
                        found.add(rule.value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(IN_SQL.findall(node.value))
                if path.name == "landed.py" and re.fullmatch("file_[a-z_]+", node.value):
                    found.add(node.value)
                if path.name in IN_PYTHON and node.value in rule_texts():
                    found.add(node.value)
    found |= {f"untold_{one}" for given in reasons().values() for one in given} - {"untold_name_unused"}
    return found - NO_RULES


def test_catalogue_is_complete_and_has_nothing_else() -> None:
    assert reported() == set(rule_texts())


@pytest.mark.parametrize("rule", sorted(rule_texts()))
def test_rule_is_told_in_both_languages(rule: str) -> None:
    text = rule_texts()[rule]
    assert text.unit in {"file", "row", "slice", "note", "setup"}
    for arabic in (text.ar, text.next_ar):
        assert re.search("[\u0621-\u064a]{3}", arabic)
    for english in (text.en, text.next_en):
        assert re.fullmatch(r"[A-Z][ -~]+", english) and not english.endswith(".")
