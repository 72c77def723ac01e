"""How sure a level is, and when it is announced, by hand.

Belongs here: `methodology.maturity_uncertainty`. Does not belong here: levels themselves (`test_maturity`).
"""

import numpy as np
import pytest

from methodology.maturity_models import MaturityModel, read_model
from methodology.maturity_uncertainty import (
    announced_levels,
    level_probabilities,
    level_probabilities_of_score,
    scaled_errors,
)


def _small() -> MaturityModel:
    """Two of a1, a2, b2 (a1 among them) make level 2 with 30 points; b1, which the warehouse observes, level 3 with 60."""
    name = {"ar": "اسم", "en": "name"}
    practice = {**name, "level": 2, "evidence": ["document"]}
    observed = {"measure": "share_of_b1", "steps": [0.5, 0.8, 1.0]}
    return read_model(
        {
            "id": "small",
            "dimensions": {"a": {"weight": 1}, "b": {"weight": 1}},
            "cuts": {"values": [30, 60]},
            "levels": [
                name,
                {**name, "gate": {"adoption": 2, "share": 0.5}},
                {**name, "gate": {"adoption": 2, "share": 1}},
            ],
            "practices": {
                "a1": {**practice, "dimension": "a", "mandatory": True},
                "a2": {**practice, "dimension": "a"},
                "b1": {**practice, "dimension": "b", "mandatory": True, "level": 3, "observed": observed},
                "b2": {**practice, "dimension": "b"},
            },
        }
    )


# Judged right with 0.9; else one step too high (nothing lies below 0).
ERRORS = [[1, 0, 0, 0], [0.1, 0.9, 0, 0], [0, 0.1, 0.9, 0], [0, 0, 0.1, 0.9]]


def test_probabilities_of_levels_under_assessors_errors() -> None:
    model = _small()
    # Level 2 stands on a1 and b2, both just at the gate: 0.9 x 0.9. The second agency has a2 and b2 to spare, a1 alone can
    # fail it: 0.9; without b1 neither can be at level 3.
    adoption = [[2, 0, 0, 2], [2, 3, 0, 3]]
    found = level_probabilities(model, adoption, ERRORS, 20_000, np.random.default_rng(3))
    assert found.sum(axis=1) == pytest.approx([1, 1])
    assert found[0] == pytest.approx([0.19, 0.81, 0], abs=0.012)
    assert found[1] == pytest.approx([0.1, 0.9, 0], abs=0.012)
    again = level_probabilities(model, adoption, ERRORS, 100, np.random.default_rng(4))
    assert np.array_equal(again, level_probabilities(model, adoption, ERRORS, 100, np.random.default_rng(4)))


def test_errors_that_are_no_chances_and_adoption_between_steps() -> None:
    with pytest.raises(ValueError, match="probabilities"):
        level_probabilities(_small(), [1, 1, 1, 1], np.eye(4) * 2, 1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="whole steps"):
        level_probabilities(_small(), [1.5, 1, 1, 1], np.eye(4), 1, np.random.default_rng(0))


def test_probabilities_of_a_score() -> None:
    # One error above the cut of 85: Phi(1) = 0.8413 at or above it, Phi(-9) at 95.
    found = level_probabilities_of_score([86, 85], [1, 0], [50, 70, 85, 95])
    assert found[0] == pytest.approx([0, 0, 0.1587, 0.8413, 0], abs=5e-5)
    assert found[1].tolist() == [0, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("levels", "upper", "announced"),
    [
        ([1, 2], 0.9, [1, 2]),  # sure at once
        ([1, 2, 2], 0.6, [1, 1, 2]),  # not sure, but lasting
        ([1, 2, 1, 2], 0.6, [1, 1, 1, 1]),  # coming and going
        ([2, 1, 1], 0.6, [2, 2, 1]),  # down by the same rule
    ],
)
def test_when_a_change_is_announced(levels: list[int], upper: float, announced: list[int]) -> None:
    chances = [[1 - upper, upper] if level == 2 else [upper, 1 - upper] for level in levels]
    assert announced_levels(levels, chances, 0.9) == announced


def test_a_leap_is_announced_as_far_as_it_is_sure() -> None:
    # Found at 4 with P(at least 3) = .95 and P(4) = .6: level 3 is sure. Found at 4 again: two cycles above 3, so 4.
    chances = [[1, 0, 0, 0], [0, 0.05, 0.35, 0.6], [0, 0.05, 0.35, 0.6]]
    assert announced_levels([1, 4, 4], chances, 0.9) == [1, 3, 4]
    # First 2, then 4, neither sure: the nearer of the two is announced.
    unsure = [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.3, 0.1, 0.1, 0.5]]
    assert announced_levels([1, 2, 4], unsure, 0.9) == [1, 1, 2]
    with pytest.raises(ValueError, match="2 levels and probabilities of 1"):
        announced_levels([1, 2], [[1, 0]], 0.9)


def test_assessors_who_err_more_or_less_often() -> None:
    table = np.array([[0.9, 0.1, 0, 0], [0.1, 0.8, 0.1, 0], [0, 0.3, 0.4, 0.3], [0, 0, 0, 1.0]])
    assert scaled_errors(table, 0.5)[1].tolist() == pytest.approx([0.05, 0.9, 0.05, 0])
    assert scaled_errors(table, 2)[:2].tolist() == [pytest.approx([0.8, 0.2, 0, 0]), pytest.approx([0.2, 0.6, 0.2, 0])]
    # Rounding leaves no chance below none.
    assert (scaled_errors([[0.22, 0.08, 0.61, 0.09]] * 4, 2) >= 0).all()
    # More often than always cannot be.
    assert scaled_errors(table, 2)[2:].tolist() == [pytest.approx([0, 0.5, 0, 0.5]), pytest.approx([0, 0, 0, 1])]
