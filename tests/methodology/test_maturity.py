"""Maturity levels against every level published, and scores by hand.

Belongs here: `methodology.maturity` with the shipped models. Does not belong here: the warehouse's tables.
"""

import pytest

from methodology.maturity import dimension_score, level_of, maturity_score
from methodology.parameters import load_methodology

# Levels of named bodies in the digital experience index as published from 2022 to 2025 (score, level in English).
PUBLISHED = [
    *((score, "Competent") for score in (77.26, 82.76, 80.83, 80.41, 78.84, 83.2, 83.04, 82.44, 81.59)),
    *((score, "Advanced") for score in (85.59, 89.4, 89.28, 88.1, 86.5, 86.09, 85.35, 86.71, 93.95, 93.25)),
]


@pytest.mark.parametrize(("score", "level"), PUBLISHED)
def test_every_published_level(score: float, level: str) -> None:
    model = load_methodology("2026.1").models["digital_experience"]
    assert model.levels[level_of(score, model.cuts) - 1]["en"] == level


def test_all_published_levels_are_there() -> None:
    assert len(PUBLISHED) == 19


def test_a_cut_belongs_to_the_level_above() -> None:
    assert [level_of(score, [50, 70]) for score in (0, 49.99, 50, 69.99, 70, 100)] == [1, 1, 2, 2, 3, 3]


def test_cuts_must_rise() -> None:
    for cuts in ([70, 50], [50, 50]):
        with pytest.raises(ValueError, match="reached"):
            level_of(60, cuts)


def test_scores_by_hand() -> None:
    # Adoption 3 of 3, 1 of 2 and 0 of 4: the mean of 1, 0.5 and 0.
    assert dimension_score([3, 1, 0], [3, 2, 4]) == pytest.approx(50)
    # (80 * 3 + 40 * 1) / 4; a weight nobody uses changes nothing.
    assert maturity_score({"a": 80, "b": 40}, {"a": 3, "b": 1, "c": 9}) == pytest.approx(70)


def test_nothing_assessed_is_no_zero() -> None:
    with pytest.raises(ValueError, match="at least one"):
        dimension_score([], [])
    with pytest.raises(ValueError, match="no dimension"):
        maturity_score({}, {"a": 1})
    with pytest.raises(ValueError, match="without a weight: b"):
        maturity_score({"a": 80, "b": 40}, {"a": 1})
