"""Point estimates and intervals against published figures, an independent package and hand derivation.

Belongs here: `methodology.estimates`. Does not belong here: comparison between units (`test_peers`).
"""

import csv
import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from methodology.estimates import SPARE_ANSWERS, mean_estimate, mean_interval, poisson_rate_interval
from methodology.proportions import wilson_interval

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "cases"


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, Table I, method 3: four printed digits.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # Computed with R stats::prop.test(correct = FALSE).
        (45, 50, 0.7864, 0.9565),
        (30, 30, 0.8865, 1.0),
    ],
)
def test_wilson_as_published(hits: int, n: int, low: float, high: float) -> None:
    found_low, found_high = wilson_interval(hits, n)
    assert float(found_low) == pytest.approx(low, abs=5e-5)
    assert float(found_high) == pytest.approx(high, abs=5e-5)


def test_wilson_against_reference_case() -> None:
    folder = CASES / "07_wilson"
    if not folder.is_dir():
        pytest.skip("reference case 07 (Wilson) is not beside the repository")
    checked = 0
    with (folder / "expected.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["metric"] not in {"wilson_lo", "wilson_hi"}:
                continue
            position = re.fullmatch(r"x=(\d+),n=(\d+),level=([\d.]+)", row["group"])
            assert position is not None
            limits = wilson_interval(int(position[1]), int(position[2]), float(position[3]))
            found = float(limits[row["metric"] == "wilson_hi"])
            expected = float(row["value"])
            assert found == pytest.approx(expected, rel=float(row["rtol"]), abs=float(row["atol"])), row
            checked += 1
    # Each pair of x and n of input.csv, two levels, two limits.
    with (folder / "input.csv").open(encoding="utf-8", newline="") as stream:
        assert checked == 4 * len(list(csv.DictReader(stream)))


def test_wilson_edges() -> None:
    low, high = wilson_interval([0, 1, 0, 5], [1, 1, 0, 5])
    # One trial, z = 1.959964: z^2 / (1 + z^2) = 3.841459 / 4.841459.
    assert float(high[0]) == pytest.approx(0.793450, abs=1e-6)
    assert float(low[0]) == 0.0
    assert float(low[1]) == pytest.approx(0.206550, abs=1e-6)
    assert float(high[1]) == 1.0
    assert math.isnan(low[2]) and math.isnan(high[2])
    # All top box: the upper limit is exactly one and the width remains: n / (n + z^2) = 5 / 8.841459.
    assert float(high[3]) == 1.0
    assert float(low[3]) == pytest.approx(0.565518, abs=1e-6)


@pytest.mark.parametrize(
    ("events", "low95", "high95", "low998", "high998"),
    [
        # FunnelPlotR's tests: exact limits of a ratio of observed to expected where both are equal.
        (15, 0.5596924, 1.649348, 0.386265, 2.082907),
        (20, 0.610826, 1.544419, 0.4479107, 1.902094),
        (30, 0.6746958, 1.427562, 0.5289724, 1.702771),
    ],
)
def test_poisson_limits_as_published(events: int, low95: float, high95: float, low998: float, high998: float) -> None:
    low, high = poisson_rate_interval(events, events, 0.95)
    assert (float(low), float(high)) == pytest.approx((low95, high95), rel=1e-6)
    low, high = poisson_rate_interval(events, events, 0.998)
    assert (float(low), float(high)) == pytest.approx((low998, high998), rel=1e-6)


def test_poisson_edges() -> None:
    low, high = poisson_rate_interval([0, 3, 2], [10, 0, -1])
    assert float(low[0]) == 0.0
    # Zero events: P(0) = exp(-m) = 0.025 at the upper limit, so m = ln 40, here per 10 units of exposure.
    assert float(high[0]) == pytest.approx(math.log(40) / 10, rel=1e-12)
    assert np.isnan(low[1:]).all() and np.isnan(high[1:]).all()


def test_mean_and_error_by_hand() -> None:
    # 0, 50, 100, 50: mean 50, sum of squared deviations 5000, se = sqrt(5000 / 3 / 4).
    mean, error = mean_estimate(4, 200, 15000)
    assert float(mean) == 50
    assert float(error) == pytest.approx(math.sqrt(5000 / 12), rel=1e-15)
    low, high = mean_interval(mean, error, 4)
    # By hand: m = 1/2, n s^2 / (m (1 - m)) = 2/3; two answers' worth from either end, so kappa = (2 * 2/3 + 0.1) / 2.1 = 43/63.
    # t quantile 0.975 with 3 degrees of freedom, Student 1908: 3.182446; h = t^2 kappa / n.
    h = 3.182446**2 * 43 / 63 / 4
    half = math.sqrt(h / 4 + h**2 / 4) / (1 + h)
    assert (float(low), float(high)) == pytest.approx((50 - 100 * half, 50 + 100 * half), abs=1e-4)


@pytest.mark.parametrize("bounds", [(0, 100), (-100, 100)])
@pytest.mark.parametrize(("mean", "error", "n"), [(97.0, 1.5, 40), (3.0, 1.0, 55.5), (62.0, 2.0, 200), (90.0, 5.5, 30)])
def test_limits_solve_the_score_equation(mean: float, error: float, n: float, bounds: tuple[float, float]) -> None:
    """(m - mu)^2 = t^2 kappa mu (1 - mu) / n at both limits, with the quantile of the degrees of freedom that are given."""
    span = bounds[1] - bounds[0]
    m, s = (mean - bounds[0]) / span, error / span
    far = n * min(m, 1 - m)
    kappa = (far * n * s**2 / (m * (1 - m)) + SPARE_ANSWERS) / (far + SPARE_ANSWERS)
    t = stats.t.isf(0.025, 9)
    for limit in mean_interval(mean, error, n, bounds=bounds, degrees_of_freedom=9):
        mu = (float(limit) - bounds[0]) / span
        assert (m - mu) ** 2 == pytest.approx(t**2 * kappa * mu * (1 - mu) / n, rel=1e-9)
        assert 0 < mu < 1


def test_two_points_are_wilson_with_students_quantile() -> None:
    """27 of 30: the variance of a two-point scale is all that it can be, so only the quantile differs from Wilson's."""
    mean, error = mean_estimate(30, 2700, 270000)
    low, high = mean_interval(mean, error, 30)
    level = 2 * stats.norm.cdf(stats.t.isf(0.025, 29)) - 1
    # The variance with n - 1 makes it a Wilson interval of 29 answers, less a thirtieth of a spare one.
    assert (float(low), float(high)) == pytest.approx(
        tuple(100 * float(end) for end in wilson_interval(0.9 * 29, 29, level)), abs=0.05
    )


def test_mean_edges() -> None:
    mean, error = mean_estimate([0, 1, 3], [0, 80, 240], [0, 6400, 19200])
    assert math.isnan(mean[0]) and math.isnan(error[0])
    # One answer has a value and no spread; three equal answers have a spread of exactly zero.
    assert mean[1] == 80 and math.isnan(error[1])
    assert mean[2] == 80 and error[2] == 0


def test_rounding_never_makes_a_negative_spread() -> None:
    # Three answers of 0.1: 0.01 * 3 - 0.3^2 / 3 is below zero in floating point.
    _, error = mean_estimate(3, 0.1 + 0.1 + 0.1, 0.1**2 * 3 - 1e-18)
    assert float(error) == 0


def test_equal_answers_still_have_a_width() -> None:
    # All 30 answers at 100: at most 1 - 0.05^(1/30) = 9.503 % may differ, the rule of three; the upper end is the scale's.
    low, high = mean_interval(100, 0, 30)
    assert float(high) == 100
    assert float(low) == pytest.approx(100 - 100 * (1 - 0.05 ** (1 / 30)), rel=1e-12)
    assert float(low) == pytest.approx(90.497, abs=5e-4)
    # In the middle of the scale both ends move, each by the share of its own distance.
    low, high = mean_interval(50, 0, 30)
    assert 50 - float(low) == pytest.approx(float(high) - 50)
    assert float(low) == pytest.approx(50 - 50 * 0.09503, abs=5e-3)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # Newcombe 1998, Table I, method 4: Wilson with continuity correction.
    [(81, 263, 0.2535, 0.3682), (15, 148, 0.0598, 0.1644), (0, 20, 0.0, 0.2005), (1, 29, 0.0018, 0.1963)],
)
def test_wilson_with_continuity_correction_as_published(hits: int, n: int, low: float, high: float) -> None:
    found = wilson_interval(hits, n, continuity=True)
    assert (float(found[0]), float(found[1])) == pytest.approx((low, high), abs=5.1e-5)


def test_the_correction_never_crosses_the_middle() -> None:
    # At x = n/2 prop.test shrinks the correction to nothing.
    assert wilson_interval(15, 30, continuity=True) == wilson_interval(15, 30)


@pytest.mark.parametrize("steps", [3, 6, 7, 9])
def test_equal_answers_on_a_scale_of_thirds_have_no_spread(steps: int) -> None:
    """Sums of 100 k / steps are rounded: what is left of their difference is no spread, and the rule of three must hold."""
    n = np.repeat(np.arange(2.0, 400), steps + 1)
    position = np.tile(np.arange(steps + 1.0), n.size // (steps + 1))
    mean, error = mean_estimate(n, 100 * n * position / steps, 10_000 * n * position**2 / (steps * steps))
    assert (error == 0).all()
    low, high = mean_interval(mean, error, n)
    # Of n alike answers the other end has a share of at most 1 - .05^(1/n).
    share = 1 - 0.05 ** (1 / n)
    np.testing.assert_allclose(low, mean * (1 - share), atol=1e-9)
    np.testing.assert_allclose(high, mean + share * (100 - mean), atol=1e-9)
