"""Uplift after recovery: Galton's expectation, and that chance alone leaves nothing once it is subtracted."""

import numpy as np
import pytest

from methodology.uplift import regression_to_the_mean, uplift


def test_galton() -> None:
    # Galton 1886: children of mid-parents deviate two thirds as far; a deviate of 3 inches falls back by one.
    assert regression_to_the_mean([68.25 - 3, 68.25 + 3], 68.25, 2 / 3) == pytest.approx([1, -1])
    assert regression_to_the_mean(20, 70, 1) == 0
    assert regression_to_the_mean(20, 70, 0) == 50


def test_uplift_from_sums() -> None:
    # First answers 0, 25, 25, changes 50, 25, 0: mean change 25 from a mean of 50/3; mu 70, rho .6: .4 * (70 - 50/3).
    found = uplift([3], [50], [75], [3125], [70], 0.6)
    assert found.raw == pytest.approx([25])
    assert found.expected == pytest.approx([0.4 * (70 - 50 / 3)])
    assert found.corrected == pytest.approx([25 - 21.333333], abs=1e-6)
    assert found.error == pytest.approx([25 / np.sqrt(3)])


def test_chance_alone_leaves_nothing() -> None:
    random = np.random.default_rng(3)
    first, second = random.multivariate_normal([70, 70], [[100, 60], [60, 100]], 200_000).T
    low = first < 60
    change = (second - first)[low]
    sums = ([low.sum()], [first[low].sum()], [change.sum()], [(change**2).sum()], [70.0])
    found = uplift(*sums, 0.6)
    assert found.raw[0] > 5
    assert abs(found.corrected[0]) < 4 * found.error[0]


def test_nobody_asked_again() -> None:
    found = uplift([0, 1], [0, 20], [0, 30], [0, 900], [70, 70], 0.7)
    assert np.isnan([found.raw[0], found.corrected[0], found.error[0], found.error[1]]).all()
    assert found.corrected[1] == pytest.approx(30 - 0.3 * 50)


def test_impossible_correlation() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        regression_to_the_mean(1, 2, 1.2)
