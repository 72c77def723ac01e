"""Intervals of proportions against published values and hand derivation.

Belongs here: `methodology.proportions`. Does not belong here: Wilson alone (`test_estimates`), the full grids of R's binom
and survey (`tests/reference`).
"""

import math

import numpy as np
import pytest

from methodology.proportions import (
    agresti_coull_interval,
    clopper_pearson_interval,
    jeffreys_interval,
    newcombe_difference,
    survey_proportion_interval,
)


def test_exact_interval_by_hand() -> None:
    low, high = clopper_pearson_interval([0, 10, 1], [10, 10, 1])
    # No success in ten: (1 - p)^10 = 0.025 at the upper limit.
    assert (low[0], high[0]) == pytest.approx((0, 1 - 0.025**0.1), rel=1e-12)
    assert (low[1], high[1]) == pytest.approx((0.025**0.1, 1), rel=1e-12)
    assert (low[2], high[2]) == pytest.approx((0.025, 1), rel=1e-12)


def test_exact_interval_as_published() -> None:
    # Newcombe 1998, Table I, method 5.
    low, high = clopper_pearson_interval([81, 15, 1], [263, 148, 29])
    assert low == pytest.approx([0.2527, 0.0578, 0.0009], abs=5e-5)
    assert high == pytest.approx([0.3676, 0.1617, 0.1776], abs=5e-5)


def test_agresti_coull_is_centred_on_wilson() -> None:
    # Half of 30: both are 1/2 -+ z / (2 sqrt(30 + z^2)).
    low, high = agresti_coull_interval(15, 30)
    half = 1.959963984540054 / (2 * math.sqrt(30 + 1.959963984540054**2))
    assert (float(low), float(high)) == pytest.approx((0.5 - half, 0.5 + half), rel=1e-12)
    assert float(agresti_coull_interval(0, 10)[0]) < 0


def test_jeffreys() -> None:
    # One trial without success: Beta(1/2, 3/2) has F(p) = (2/pi)(asin sqrt p + sqrt(p(1-p))).
    low, high = jeffreys_interval([0, 15], [1, 30])
    p = float(high[0])
    assert 2 / math.pi * (math.asin(math.sqrt(p)) + math.sqrt(p * (1 - p))) == pytest.approx(0.95, rel=1e-9)
    assert low[0] == 0
    assert low[1] == pytest.approx(1 - high[1], rel=1e-9)


def test_nothing_asked_is_undefined() -> None:
    for interval in (agresti_coull_interval, clopper_pearson_interval, jeffreys_interval):
        assert np.isnan(interval([0], [0])).all(), interval.__name__
    with pytest.raises(ValueError, match="between zero and n"):
        jeffreys_interval(3, 2)


def test_difference_as_published() -> None:
    # Newcombe 1998, Statistics in Medicine 17:873, Table II (a), method 10: 56/70 less 48/80.
    d, low, high = newcombe_difference(56, 70, 48, 80)
    assert (float(d), float(low), float(high)) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert (float(low), float(high)) == pytest.approx((0.05243147, 0.33387265), abs=5e-9)
    # Two empty cells still have a width: Wilson's upper limits of 0/10 and 0/20, z^2/(n + z^2).
    d, low, high = newcombe_difference(0, 10, 0, 20)
    z2 = 1.959963984540054**2
    assert (float(d), float(low), float(high)) == pytest.approx((0, -z2 / (20 + z2), z2 / (10 + z2)), rel=1e-12)


def test_survey_interval_of_a_simple_sample_is_the_plain_one() -> None:
    # With se^2 = p(1-p)/n and as many degrees of freedom as answers less one, the effective n is n.
    p, n = 0.3, 50
    error = math.sqrt(p * (1 - p) / n)
    found = survey_proportion_interval(p, error, n - 1, n, "beta")
    assert np.array(found) == pytest.approx(np.array(clopper_pearson_interval(15, 50)), rel=1e-12)
    # Wilson 15/50, R prop.test(correct = FALSE): 0.1910, 0.4375.
    found = survey_proportion_interval(p, error, n - 1, n)
    assert (float(found[0]), float(found[1])) == pytest.approx((0.1910, 0.4375), abs=5e-5)


def test_a_likelihood_interval_ends_where_the_deviance_says() -> None:
    p, n, error, df, t = 0.3, 50, 0.08, 9, 2.2621571628540993
    low, high = survey_proportion_interval(p, error, df, n, "likelihood")
    for q in (float(low), float(high)):
        deviance = 2 * n * (p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q)))
        assert deviance == pytest.approx(t**2 * error**2 / (p * (1 - p)) * n * n / (n - 1), rel=1e-9)
    assert float(low) < p < float(high)


def test_all_top_box_keeps_a_width_where_it_is_reported() -> None:
    low, high = survey_proportion_interval(1.0, 0.0, 14, 183)
    assert 0.9 < float(low) < 1 and float(high) == 1
    for method in ("logit", "asin", "beta", "likelihood"):
        assert np.isnan(survey_proportion_interval(1.0, 0.0, 14, 183, method)).all(), method  # type: ignore[arg-type]


def test_an_angle_is_cut_at_zero() -> None:
    low, high = survey_proportion_interval(0.005, 0.005, 14, 200, "asin")
    assert float(low) == 0 and 0.005 < float(high) < 0.05
