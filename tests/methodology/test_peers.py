"""Scores compared with their peers': published and independently computed vectors, and edges by hand.

Belongs here: `methodology.peers`. Does not belong here: who is a peer (`tests/dbt`) and the
reference case (`tests/reference`).
"""

import math

import numpy as np
import pytest
from scipy.stats import norm

from methodology.funnels import log_ratio, root_ratio
from methodology.peers import (
    expected_range,
    overdispersion,
    percentile_ranks,
    quartiles,
    truncated,
    truncated_overdispersion,
    winsorised_square,
)
from methodology.special_causes import beyond_limits

# vectors.json, expected_range: ten units, computed apart from this code after Spiegelhalter 2005 (CQC expected range).
SCORES = [82, 79.5, 85, 76, 88, 80.5, 83.2, 71, 84.1, 81]
ERRORS = [1.2, 0.8, 1.5, 1, 2.5, 0.6, 0.9, 1.4, 3, 0.7]
Z = [0.3175, -0.5237, 1.2464, -1.6864, 1.8532, -0.1845, 0.7354, -3.1948, 0.7469, -0.0104]


def test_expected_range_vector() -> None:
    found = expected_range(SCORES, ERRORS)
    assert found.target == pytest.approx(81.03)
    assert found.winsor_limits == pytest.approx((-5.2434, 2.6608), abs=5e-5)
    assert found.phi == pytest.approx(7.8833, abs=5e-5)
    assert found.tau2 == pytest.approx(7.896, abs=5e-4)
    assert list(found.z) == pytest.approx(Z, abs=5e-5)


def test_bands_of_the_vector() -> None:
    # Only the eighth unit lies beyond a limit, and beyond both: |z| = 3.19 > 3.09.
    assert list(beyond_limits(Z)) == [0, 0, 0, 0, 0, 0, 0, -2, 0, 0]
    assert list(beyond_limits(Z, polarity=-1)) == [0, 0, 0, 0, 0, 0, 0, 2, 0, 0]


def test_truncation_vector() -> None:
    # The tests of FunnelPlotR: six units, of which 10 % truncation by rank drops none; phi as published there.
    observed = np.array([100, 150, 180, 80, 120, 225])
    funnel = log_ratio(observed, [108, 112, 165, 95, 100, 220])
    found = truncated_overdispersion(funnel.z, funnel.error)
    assert not truncated(funnel.z).any()
    assert found.phi == pytest.approx(2.948033, abs=5e-7)
    assert found.tau2 == pytest.approx(0.01947753057802157, rel=1e-12)
    # The same units winsorised on the square root scale (domain.md section 7).
    funnel = root_ratio(observed, [108, 112, 165, 95, 100, 220])
    found = overdispersion(funnel.z, funnel.error)
    assert (found.phi, found.tau2) == pytest.approx((2.327178, 0.00343978), rel=1e-6)


def test_truncation_by_rank() -> None:
    # Nineteen units: floor(10 rank / 20) is 0 for rank 1 and 9 for ranks 18 and 19; a log of zero events ranks lowest.
    z = [-np.inf, *range(18)]
    assert list(np.flatnonzero(truncated(z))) == [0, 17, 18]
    found = truncated_overdispersion(z, np.ones(19))
    assert found.phi == pytest.approx(sum(x * x for x in range(16)) / 16)
    assert found.winsor_limits == (0, 15)
    with pytest.raises(ValueError, match="fewer than two"):
        truncated_overdispersion([1, 2, 3], [1, 1, 1], share=0.5)


def test_what_winsorising_leaves_of_a_normal_spread() -> None:
    # By hand at 10 %: q = 1.2815516, phi(q) = 0.1754983; 0.2 q^2 + 0.8 - 2 q phi(q) = 0.3284749 + 0.8 - 0.4498203.
    assert winsorised_square(0.1) == pytest.approx(0.6786546, abs=1e-7)
    assert winsorised_square(0) == 1
    # All but the middle is one of two values, q and -q, and q goes to 0.
    assert winsorised_square(0.4999) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="half"):
        winsorised_square(0.5)


def test_consistent_overdispersion_finds_a_normal_spread() -> None:
    # Normal quantiles at plotting positions, three times as wide as the errors say: phi 9, tau^2 = 9 - 1. Winsorising at
    # quantiles of the units themselves leaves 6.11 of the 9; divided by 0.679 it is 9 again.
    scores = 70 + 3 * norm.ppf((np.arange(2000) + 0.5) / 2000)
    plain, right = (expected_range(scores, np.ones(2000), consistent=way) for way in (False, True))
    assert plain.phi == pytest.approx(9 * 0.6786546, rel=2e-3)
    assert (right.phi, right.tau2) == pytest.approx((9, 8), rel=1e-3)
    # 2.5 % of normal units lie below -1.96 of their own spread; by the plain phi twice as many, Phi(-1.96 x 2.471/3).
    assert (right.z < -1.96).mean() == pytest.approx(0.025, abs=5e-4)
    assert (plain.z < -1.96).mean() == pytest.approx(0.0532, abs=5e-4)


def test_no_overdispersion_leaves_the_errors_alone() -> None:
    # Units one standard error apart, and less: I phi is below I - 1, so tau^2 is 0 and z the plain distance.
    found = expected_range([49, 50, 51, 50], [2, 2, 2, 2])
    assert found.tau2 == 0
    assert list(found.z) == pytest.approx([-0.5, 0, 0.5, 0])


def test_equal_scores_have_no_spread() -> None:
    found = expected_range([70, 70, 70], [1, 2, 3])
    assert (found.phi, found.tau2) == (0, 0)
    assert list(found.z) == [0, 0, 0]


@pytest.mark.parametrize(
    ("scores", "errors", "message"),
    [
        ([80], [1], "two units"),
        ([], [], "two units"),
        ([80, 81], [1, 0], "positive"),
        ([80, float("nan")], [1, 1], "finite"),
        ([80, 81], [1, float("nan")], "positive"),
    ],
)
def test_units_that_cannot_be_placed(scores: list[float], errors: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expected_range(scores, errors)


def test_percentile_and_quartiles_by_hand() -> None:
    # Two of five below, one equal: (2 + 3) / 2 of 5, the mean of the two readings of a tie.
    assert percentile_ranks([50, 60, 70, 80, 90]) == pytest.approx([10, 30, 50, 70, 90])
    assert percentile_ranks([70, 70]) == pytest.approx([50, 50])
    # Of three the median's weights are those of Beta(2, 2), 3 x^2 - 2 x^3 at thirds: 7/27, 13/27, 7/27. None is one score.
    assert quartiles([10, 0, 27])[1] == pytest.approx((0 * 7 + 10 * 13 + 27 * 7) / 27)
    # The lower quartile of three is that of Beta(1, 3), 1 - (1 - x)^3: 19/27, 7/27, 1/27; the upper one is its mirror.
    low, _, high = quartiles([0, 27, 54])
    assert (low, high) == pytest.approx(((27 * 7 + 54) / 27, (27 * 7 + 54 * 19) / 27))
    assert quartiles([10, 0, 27], step=5) == (5, 10, 20)
    for none in ([], [70], [70, float("nan")]):
        assert all(math.isnan(one) for one in quartiles(none))
