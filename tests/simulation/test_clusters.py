"""Answers that come in bunches: the product's intervals hold what they claim, and equal agencies are not told apart.

Belongs here: the short form of `simulation.coverage.clusters`. Does not belong here: the formulas (`tests/methodology`).
"""

import numpy as np
import pytest

from simulation.coverage.clusters import DRAWS, Draw, coverage, told_apart
from simulation.coverage.findings import Finding


def refuted(finding: Finding) -> str:
    """The finding in words if these draws refute its claim at 99.9 %, else nothing."""
    low, high = finding.chance(0.999)
    claim = finding.claim
    is_wrong = claim is not None and not finding.withdrawn and (high < claim.low or low > claim.high)
    return f"{finding.what}: {finding.observed:.3f}" if is_wrong else ""


@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.name)
def test_intervals_of_clustered_answers_hold(draw: Draw) -> None:
    assert [text for text in map(refuted, coverage(np.random.default_rng(1), draw, 1500)) if text] == []


@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.name)
def test_equal_agencies_are_not_told_apart(draw: Draw) -> None:
    assert refuted(told_apart(np.random.default_rng(2), draw, 60)) == ""
