"""The achievable benchmark on units small enough to work out by hand.

Belongs here: `methodology.achievable`. Does not belong here: whose benchmark it is (`test_positions`).
"""

import numpy as np
import pytest
from scipy.stats import norm

from methodology.achievable import achievable

SCORES = np.arange(61.0, 73.0)


def test_the_best_six_of_twelve() -> None:
    # A tenth of 1,200 needs two, six are required: 67 to 72. Each weighs a sixth, so variances are s^2 (1 + 1/6) of those outside
    # and s^2 (1 - 2/6 + 1/6) of those inside.
    found = achievable(SCORES, [0.5] * 12, [100] * 12, 0.1, 6)
    assert found is not None
    assert found.value == 69.5
    assert found.is_best.tolist() == [False] * 6 + [True] * 6
    assert found.distance.tolist() == (SCORES - 69.5).tolist()
    half = norm.ppf(0.975) * 0.5 * np.sqrt([7 / 6] * 6 + [5 / 6] * 6)
    assert (found.high - found.distance).tolist() == pytest.approx(half.tolist())
    assert (found.distance - found.low).tolist() == pytest.approx(half.tolist())


def test_low_scores_are_the_best_where_low_is_good() -> None:
    found = achievable(SCORES, [0.5] * 12, [100] * 12, 0.1, 6, polarity=-1)
    assert found is not None and found.value == 63.5


def test_the_mean_is_pooled() -> None:
    # 72, 71 and 70 have 3,000 of 10,200 together, 72 and 71 only 2,200.
    found = achievable(SCORES, [0.5] * 12, [800] * 10 + [1200, 1000], 0.28, 2)
    assert found is not None
    assert found.value == pytest.approx((800 * 70 + 1200 * 71 + 1000 * 72) / 3000)


def test_a_small_unit_s_lucky_score_does_not_set_the_mark() -> None:
    found = achievable([*SCORES, 90.0], [0.5] * 12 + [30.0], [100] * 12 + [5], 0.1, 2)
    assert found is not None
    assert found.is_best.tolist() == [False] * 10 + [True, True, False]


def test_a_mark_made_by_more_than_half_is_none() -> None:
    assert achievable(SCORES[:11], [0.5] * 11, [100] * 11, 0.1, 6) is None
    with pytest.raises(ValueError, match="positive size"):
        achievable(SCORES, [0.5] * 12, [0] * 12, 0.1, 6)


def test_no_mark_is_one_unit_s_own_score() -> None:
    """Eleven of 300 and one of 90,000 beneficiaries: pooled, the best six are the large one but for 0.1 points."""
    score, size = np.r_[np.arange(60.0, 71), 73.4], np.r_[np.full(11, 300.0), 90_000]
    assert achievable(score, np.full(12, 1.5), size, 0.1, 6) is None
    # 1,500 beside five of 300 are half of the six; 2,100 are half of the eight that a mark needs then, and eight are too many of
    # twelve but not of sixteen.
    for units, large, best in ((12, 1500, 6), (12, 2100, None), (16, 2100, 8)):
        y, n = np.r_[np.linspace(60, 70, units - 1), 73.4], np.r_[np.full(units - 1, 300.0), large]
        found = achievable(y, np.full(units, 1.5), n, 0.1, 6)
        assert (None if found is None else found.is_best.sum()) == best
