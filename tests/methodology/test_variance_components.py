"""Variance components: a published data set, the row form, and edges by hand.

Belongs here: `methodology.variance_components`. Does not belong here: the reference cases (`tests/reference`).
"""

import numpy as np
import pytest

from methodology.variance_components import (
    icc_interval_exact,
    icc_one,
    one_way,
    pooled_variance,
    random_intercepts,
)

# Yield of six batches of dyestuff, five preparations each (Davies & Goldsmith 1972). Printed REML fit (Bates et al. 2015,
# lme4): batch variance 1764, residual 2451, mean 1527.50 with standard error 19.38.
DYESTUFF = np.array(
    [
        [1545, 1440, 1440, 1520, 1580],
        [1540, 1555, 1490, 1560, 1495],
        [1595, 1550, 1605, 1510, 1560],
        [1445, 1440, 1595, 1465, 1545],
        [1595, 1630, 1515, 1635, 1625],
        [1520, 1455, 1450, 1480, 1445],
    ],
    float,
)


def _cells(groups: list[np.ndarray]) -> tuple[list[int], list[float], list[float]]:
    return [g.size for g in groups], [g.mean() for g in groups], [((g - g.mean()) ** 2).sum() for g in groups]


def test_dyestuff_as_printed() -> None:
    fit = random_intercepts(*_cells(list(DYESTUFF)))
    assert (fit.tau2, fit.sigma2) == pytest.approx((1764.05, 2451.25), abs=5e-3)
    assert (fit.mu, fit.mu_error) == pytest.approx((1527.5, 19.38), abs=5e-3)
    # Balanced: the analysis of variance gives the same components.
    table = one_way(*_cells(list(DYESTUFF)))
    assert table.variance_between == pytest.approx(1764.05)
    assert table.mean_square_within == pytest.approx(2451.25)
    assert table.k0 == pytest.approx(5)
    assert table.icc == pytest.approx(1764.05 / (1764.05 + 2451.25))


def test_reml_is_the_maximum_of_the_likelihood_of_the_rows() -> None:
    rng = np.random.default_rng(1)
    groups = [rng.normal(rng.normal(0, 2), 1.3, size) for size in (2, 5, 9, 1, 14, 6)]
    fit = random_intercepts(*_cells(groups))
    y = np.concatenate(groups)
    unit = np.repeat(np.arange(6), [g.size for g in groups])
    same, ones = (unit[:, None] == unit).astype(float), np.ones((y.size, 1))

    def restricted(tau2: float, sigma2: float) -> float:
        covariance = sigma2 * np.eye(y.size) + tau2 * same
        inverse = np.linalg.inv(covariance)
        information = ones.T @ inverse @ ones
        mu = np.linalg.solve(information, ones.T @ inverse @ y)
        residual = y - mu[0]
        return -0.5 * float(
            np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1] + residual @ inverse @ residual
        )

    best = restricted(fit.tau2, fit.sigma2)
    for factor in (0.99, 1.01):
        assert restricted(fit.tau2 * factor, fit.sigma2) < best
        assert restricted(fit.tau2, fit.sigma2 * factor) < best


def test_groups_alike_leave_no_variance_between() -> None:
    groups = [np.array([3.0, 4, 5])] * 4
    table = one_way(*_cells(groups))
    # MSB = 0, MSW = 1, k0 = 3: (0 - 1) / (0 + 2) = -1/2, not truncated.
    assert table.icc == pytest.approx(-0.5)
    assert random_intercepts(*_cells(groups)).tau2 == 0


def test_mean_size_shortcut_differs_from_k0_when_unbalanced() -> None:
    # By hand: (0, 2), (4,): N = 3, M = 2, MSB = 2 (1-2)^2 + (4-2)^2 = 6, MSW = 2, k0 = 3 - 5/3 = 4/3.
    table = one_way([2, 1], [1, 4], [2, 0])
    assert (table.mean_square_between, table.mean_square_within) == pytest.approx((6, 2))
    assert table.k0 == pytest.approx(4 / 3)
    assert table.icc == pytest.approx(4 / (6 + 2 / 3))
    assert icc_one(6, 2, 1.5) == pytest.approx(4 / 7)
    assert table.icc_of_means == pytest.approx(2 / 3)
    assert table.f_ratio == pytest.approx(3)


def test_interval_holds_the_true_value_in_nominal_share_of_draws() -> None:
    # Balanced, tau2 = 1, sigma2 = 3, so ICC = 1/4; 400 draws of 20 units of 8 have a binomial error of 1.1 points.
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(400):
        y = rng.normal(0, 1, (20, 1)) + rng.normal(0, np.sqrt(3), (20, 8))
        low, high = icc_interval_exact(one_way(*_cells(list(y))))
        held += low <= 0.25 <= high
    assert 0.92 <= held / 400 <= 0.98


def test_pooled_variance_skips_units_of_one_answer() -> None:
    # (2 x 2 + 4 x 4) / 6; a family of single answers has none, nor has one in which nobody differs.
    found = pooled_variance([1, 3, 5, 1, 1, 4], [np.nan, 2, 4, np.nan, np.nan, 0], [0, 0, 0, 1, 1, 2], 3)
    assert found == pytest.approx([20 / 6, np.nan, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (([3], [1], [1]), "two units"),
        (([1, 1], [1, 2], [0, 0]), "two answers"),
        (([2, 2], [1, 2], [0, 0]), "no answer differs"),
        (([2, 0], [1, 2], [1, 1]), "n of at least 1"),
        (([2, 2], [1, np.nan], [1, 1]), "finite mean"),
        (([2, 2], [1], [1, 1]), "one length"),
    ],
)
def test_bad_cells_are_refused(cells: tuple[list[float], list[float], list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        one_way(*cells)
