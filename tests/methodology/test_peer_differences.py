"""Differences to the others' mean on classes small enough to work out by hand, and probabilities at their known ends.

Belongs here: `methodology.peer_differences`. Does not belong here: how often its directions are right (`simulation.coverage`).
"""

import numpy as np
import pytest
from scipy.stats import norm

from methodology.peer_differences import peer_differences, true_differences


def test_six_equal_errors() -> None:
    found = peer_differences([70, 70, 70, 70, 70, 64], [1] * 6, np.random.default_rng(1), draws=20_000)
    assert found.others_mean.tolist() == pytest.approx([68.8] * 5 + [70])
    assert found.difference.tolist() == pytest.approx([1.2] * 5 + [-6])
    assert found.error.tolist() == pytest.approx([np.sqrt(1.2)] * 6)
    # The 95 % point of the largest of six such |t| is 2.623: 400,000 draws in R.
    assert ((found.high - found.difference) / found.error).tolist() == pytest.approx([2.623] * 6, abs=0.03)
    assert found.direction.tolist() == [0, 0, 0, 0, 0, -1]


def test_errors_are_each_unit_s_own() -> None:
    found = peer_differences([10, 20, 30], [1, 2, 4], np.random.default_rng(1))
    # 1 + (4 + 16) / 4, 4 + (1 + 16) / 4, 16 + (1 + 4) / 4.
    assert (found.error**2).tolist() == pytest.approx([6, 8.25, 17.25])


def test_what_only_the_step_down_tells_ends_at_zero() -> None:
    """Nineteen of twenty units lie far apart: the last is told by the bound of what is left, and its interval begins at zero."""
    ends = np.where(np.arange(19) % 2, 40.0, -40.0) + np.arange(19)
    for d in np.linspace(2.6, 3.3, 30):
        y = np.append(ends, 0.0)
        y[-1] = y[:-1].mean() + d * np.sqrt(1 + 1 / 19)
        found = peer_differences(y, [1] * 20, np.random.default_rng(1), draws=20_000)
        assert (found.direction[-1] == 1) == (found.low[-1] >= 0)
        if found.low[-1] == 0:
            return
    pytest.fail("no difference lay between the two bounds")


def test_a_class_with_its_scores_turned_round_has_the_verdicts_turned_round() -> None:
    y, s = np.array([70.0, 75, 60, 71, 69, 90]), np.array([1, 2, 1, 3, 1, 2.0])
    one, other = (peer_differences(sign * y, s, np.random.default_rng(2)) for sign in (1, -1))
    assert one.direction.tolist() == (-other.direction).tolist()
    assert one.direction.any()


def test_equal_scores_are_as_likely_above_as_below() -> None:
    assert true_differences([70] * 6, [1] * 6, 5).p_above.tolist() == pytest.approx([0.5] * 6)


def test_where_units_differ_far_more_than_their_errors_the_data_speak_alone() -> None:
    # One standard error (sqrt(1 + 4/16)) above the others' mean of 150: Phi(1); half of one beyond a margin of half of one.
    se = np.sqrt(1.25)
    found = true_differences([0, 100, 200, 300, 150 + se], [1] * 5, se / 2)
    assert found.p_above[-1] == pytest.approx(norm.cdf(1), abs=2e-3)
    assert found.p_well_above[-1] == pytest.approx(norm.cdf(0.5), abs=2e-3)
    assert found.p_well_below[-1] == pytest.approx(norm.cdf(-1.5), abs=2e-3)
    assert np.isnan(found.p_right([0] * 5)).all()
    assert found.p_right([1, 1, 1, 1, -1])[-1] == pytest.approx(norm.cdf(-1), abs=2e-3)


def test_where_units_hardly_differ_a_lone_distance_is_doubted() -> None:
    lone = true_differences([70] * 19 + [72.5], [1] * 20, 5)
    assert norm.cdf(0) < lone.p_above[-1] < norm.cdf(2.5 / np.sqrt(1 + 1 / 19))


def test_faults_are_named() -> None:
    with pytest.raises(ValueError, match="no peers"):
        peer_differences([1], [1], np.random.default_rng(1))
    with pytest.raises(ValueError, match="positive"):
        true_differences([1, 2, 3], [1, 0, 1], 5)
