"""Portions of one campaign, each run by a test file of its own, so that processes of a test run can share them.

Belongs here: how many, and what a portion must show. Does not belong here: what must hold of one delivery (`campaign`).
"""

from pathlib import Path

from tests.fuzz.campaign import campaign, report

# Two portions, a process each: gathering the files to change takes longer than a hundred deliveries.
PORTION, SEED = 2_500, 2026
HANGS_AFTER = 3_000  # seconds; a portion takes minutes, a file that hangs a reader is stopped long before


def check(portion: int, folder: Path) -> None:
    """Receive a portion's deliveries; raises AssertionError with the counts where one shows a fault."""
    outcome = campaign(range(portion * PORTION, (portion + 1) * PORTION), SEED, folder)
    told = report(outcome, 0)
    print(told)
    assert not outcome.faults, told
    assert outcome.deliveries == PORTION
    # The campaign reaches what it is for: files that are taken, in part or whole, and refusals of many kinds.
    taken = outcome.outcomes["accepted"] + outcome.outcomes["in part"]
    assert taken > PORTION // 10 and outcome.outcomes["refused"] > PORTION // 10, told
    assert len(outcome.rules) > 25 and len(outcome.corpora) == 3, told
