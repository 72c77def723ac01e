"""Families at once equal each family alone, by the functions that are held to independent software."""

import numpy as np
import pytest

from methodology import inequality, shrinkage
from methodology.disparity_by_group import (
    gini_by_group,
    pooled_error,
    shrink_by_group,
    spread_by_group,
    tau_interval_by_group,
    theil_by_group,
)
from methodology.variance_components import pooled_variance

FAMILIES = 12


@pytest.fixture(scope="module")
def units() -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    random = np.random.default_rng(5)
    family = random.permutation(np.repeat(np.arange(FAMILIES), np.arange(2, 2 + FAMILIES)))
    # The first family does not differ at all beyond chance.
    score = np.where(family == 0, 70.0, random.normal(70, 6, family.size))
    return {
        "family": family,
        "score": score,
        "error": random.uniform(1, 5, family.size),
        "n": random.integers(1, 200, family.size).astype(float),
        "part": random.integers(0, 3, family.size),
    }


def test_spread_interval_and_shrinkage(units: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]
    score, error, family = units["score"], units["error"], units["family"]
    found = spread_by_group(score, error, family, FAMILIES)
    low, high = tau_interval_by_group(score, error, family, FAMILIES)
    shrunk, doubt, reliability = shrink_by_group(score, error, family, found)
    for number in range(FAMILIES):
        own = family == number
        alone = shrinkage.spread(score[own], error[own])
        assert found.units[number] == own.sum()
        assert (found.tau2[number], found.mu[number], found.mu_error[number]) == pytest.approx(
            (alone.tau2, alone.mu, alone.mu_error), rel=1e-9, abs=1e-12
        )
        assert found.noise_share[number] == pytest.approx(alone.noise_share, rel=1e-9)
        assert (low[number], high[number]) == pytest.approx(
            shrinkage.tau_interval(score[own], error[own]), rel=1e-7, abs=1e-9
        )
        drawn = shrinkage.shrink(score[own], error[own], alone)
        assert shrunk[own] == pytest.approx(drawn.score, rel=1e-9)
        assert doubt[own] == pytest.approx(drawn.error, rel=1e-9)
        assert reliability[own] == pytest.approx(drawn.reliability, rel=1e-9, abs=1e-12)
    assert found.tau2[0] == 0
    assert low[0] == 0


def test_inequality(units: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]
    score, n, family, part = units["score"], units["n"], units["family"], units["part"]
    gini = gini_by_group(score, n, family, FAMILIES)
    between, within = theil_by_group(score, n, family, FAMILIES, part)
    for number in range(FAMILIES):
        own = family == number
        assert gini[number] == pytest.approx(inequality.gini(score[own], n[own]), rel=1e-9, abs=1e-12)
        split = inequality.theil_split(score[own], part[own], n[own])
        assert (between[number], within[number]) == pytest.approx((split.between, split.within), rel=1e-9, abs=1e-12)


def test_one_has_all_and_nothing_to_share() -> None:
    # One of two has everything: Gini 1/2 (population form), Theil ln 2; a family of zeros has neither.
    value, weight, family = [0.0, 10.0, 0.0, 0.0], [1, 1, 1, 1], [0, 0, 1, 1]
    assert gini_by_group(value, weight, family, 2).tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    between, within = theil_by_group(value, weight, family, 2, [0, 1, 0, 1])
    assert between.tolist() == pytest.approx([np.log(2), np.nan], nan_ok=True)
    assert within.tolist() == pytest.approx([0, np.nan], nan_ok=True)


def test_pooled_error() -> None:
    # (3 * 16 + 1 * 8) / 4 = 14, over n; one answer has an error too. A family of single answers has none.
    found = pooled_error([4, 2, 1, 1], [16, 8, np.nan, np.nan], [0, 0, 0, 1], 2)
    assert found == pytest.approx([np.sqrt(14 / 4), np.sqrt(14 / 2), np.sqrt(14), np.nan], nan_ok=True)
    assert found[0] ** 2 * 4 == pytest.approx(pooled_variance([4, 2, 1], [16, 8, np.nan]))


def test_a_single_unit_has_no_spread() -> None:
    found = spread_by_group([70, 71, 72], [1, 1, 1], [0, 1, 1], 2)
    low, high = tau_interval_by_group([70, 71, 72], [1, 1, 1], [0, 1, 1], 2)
    assert np.isnan([found.tau2[0], found.noise_share[0], low[0], high[0]]).all()
    assert np.isfinite([found.tau2[1], high[1]]).all()


@pytest.mark.parametrize(("score", "error"), [([np.nan, 1], [1, 1]), ([1, 2], [1, 0]), ([1, 2], [1])])
def test_bad_units_are_refused(score: list[float], error: list[float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        spread_by_group(score, error, [0, 0], 1)
