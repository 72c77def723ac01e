"""Special cause on classes small enough to work out by hand.

Belongs here: `methodology.special_causes`. Does not belong here: false alarms and power (`simulation.coverage`).
"""

import numpy as np
import pytest
from scipy import stats

from methodology.special_causes import beyond_limits, central_square, special_cause_z


def test_the_unit_judged_is_not_in_what_it_is_judged_by() -> None:
    # Tiny errors, so that all spread is tau. The others of 72 have mean 69.6 and variance 1.3; 2.4 / sqrt(1.3 (1 + 1/5)) on four
    # degrees of freedom has the tail of a normal 1.525853 (R: qnorm(pt(2.4 / sqrt(1.3 * 1.2), 4))).
    z = special_cause_z([69, 70, 71, 70, 68, 72], [1e-4] * 6)
    assert z[-1] == pytest.approx(1.525853, abs=1e-5)


def test_two_that_are_alike_do_not_hide_each_other() -> None:
    # Of ten one peer is left out: the other of the two. The eight good ones have mean 80 and squares that sum to
    # 2 (1 + 0.25 + 0.04 + 0.49); what was cut off is restored by the central eight ninths of a normal. t on 7 degrees of freedom.
    variance = 2 * (1 + 0.25 + 0.04 + 0.49) / 7 / central_square(8 / 9)
    t = -40 / np.sqrt(variance * (1 + 1 / 8))
    z = special_cause_z([79.0, 81.0, 80.5, 79.5, 80.2, 79.8, 80.7, 79.3, 40.0, 40.0], [1e-4] * 10)
    assert z[-2:].tolist() == pytest.approx([stats.norm.ppf(stats.t.cdf(t, 7))] * 2, rel=1e-5)
    assert (beyond_limits(z) == [0] * 8 + [-2, -2]).all()


def test_what_is_cut_off_a_normal() -> None:
    # Central 90 %: 1 - 2 q phi(q) / 0.9 with q = 1.644854 (R: qnorm, dnorm).
    assert central_square(0.9) == pytest.approx(0.6230155, abs=1e-6)
    assert central_square(1) == 1
    with pytest.raises(ValueError, match="kept"):
        central_square(0)


def test_limits() -> None:
    z = [1.959964, 1.959965, 3.090233, -1.959965, -3.090233, 0.0]
    assert beyond_limits(z).tolist() == [0, 1, 2, -1, -2, 0]
    assert beyond_limits(z, polarity=-1).tolist() == [0, -1, -2, 1, 2, 0]


def test_two_units_have_no_spread_to_be_judged_by() -> None:
    with pytest.raises(ValueError, match="two others"):
        special_cause_z([1, 2], [1, 1])
