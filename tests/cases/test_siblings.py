"""Every case has five siblings from public reports, and each is proved by a test that exists (`siblings.yml`).

Belongs here: that the register is whole. Does not belong here: any input of a kind (`test_siblings_of_values` and the others).
"""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = yaml.safe_load((HERE / "siblings.yml").read_text("utf-8"))["cases"]
# The numbers of the cases that were sent in.
SENT_IN = [
    *("01", "03", "05", "06", "08", "10", "11", "12", "14", "15", "17", "19"),
    *("21", "23", "24", "25", "26", "28", "30", "31", "33", "34", "35", "37"),
]
SIBLINGS = 5


@cache
def collected() -> frozenset[str]:
    """The ids of all tests of this folder, each also without its input."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(HERE)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parents[1]).stdout
    found = {line.rpartition("tests/cases/")[2] for line in told.splitlines() if "::" in line}
    return frozenset(found | {one.partition("[")[0] for one in found})


def test_the_register_has_every_case() -> None:
    assert [case["case"] for case in CASES] == SENT_IN


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_a_case_has_five_siblings(case: dict[str, Any]) -> None:
    siblings = case["siblings"]
    assert (
        len(siblings) == len({one["test"] for one in siblings}) == len({one["source"] for one in siblings}) == SIBLINGS
    )
    for one in siblings:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+#[0-9]+", one["source"]), one["source"]
        assert one["what"] and one["found"] in {"held", "mended"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_tests_of_a_case_exist(case: dict[str, Any]) -> None:
    named = [*case["expected"], *(one["test"] for one in case["siblings"])]
    assert [one for one in named if one not in collected()] == []
