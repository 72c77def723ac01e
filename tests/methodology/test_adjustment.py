"""Case mix, survey mode and standardisation against published examples and hand derivation.

Belongs here: `methodology.adjustment`, `methodology.standardisation`. Does not belong here: the full cases of R's lm and
epitools (`tests/reference`).
"""

import math

import numpy as np
import pytest
from scipy import stats

from methodology.adjustment import (
    CrossProducts,
    casemix_adjusted,
    impute_by_unit,
    mix_adjusted,
    mode_adjusted,
    starts_new_series,
)
from methodology.standardisation import (
    dobson_interval,
    gamma_interval,
    standardised_rate,
)


def test_a_published_adjustment() -> None:
    # HCAHPS form: 72 - (-3 * .1 + 1.2 * .05 - 2.5 * -.05) = 72.115.
    adjusted = mix_adjusted([72.0], [-3, 1.2, -2.5], [[0.4, 0.55, 0.3]], [0.3, 0.5, 0.35])
    assert adjusted == pytest.approx([72.115], rel=1e-12)


def test_case_mix_by_hand() -> None:
    # Unit 0 has x = 0, 2 and y = 1, 5; unit 1 has x = 2, 4 and y = 4, 6. Within: S = 4, Sxy = 4 + 2, beta = 1.5.
    products = CrossProducts.of_rows([0, 0, 1, 1], [[0], [2], [2], [4]], [1, 5, 4, 6])
    found = casemix_adjusted(products)
    assert found.coefficients == pytest.approx([1.5])
    # xbar = 2: unit 0 gains 1.5, unit 1 loses 1.5, and the order is reversed.
    assert found.raw.tolist() == [3, 5]
    assert found.adjusted == pytest.approx([4.5, 3.5], rel=1e-12)
    assert found.adjustment == pytest.approx([1.5, -1.5], rel=1e-12)
    # RSS = 10 - 6^2/4 = 1 on 4 - 2 - 1 = 1 degree; error^2 = 1 * (1/2 + 1/4).
    assert (found.residual_sd, found.degrees_of_freedom) == (pytest.approx(1), 1)
    assert found.error == pytest.approx([math.sqrt(0.75)] * 2, rel=1e-12)
    assert found.coefficient_error == pytest.approx([0.5], rel=1e-12)
    # Without units Sxx = 8, Sxy = 10, Syy = 14: RSS = 1.5, so F = 0.5 and p = 1 - (2/pi) atan sqrt F on 1 and 1.
    assert found.unit_f == pytest.approx(0.5, rel=1e-12)
    assert found.unit_f_p == pytest.approx(1 - 2 / math.pi * math.atan(math.sqrt(0.5)), rel=1e-12)


def test_cells_equal_rows() -> None:
    rng = np.random.default_rng(7)
    n = 600
    unit, x, w = rng.integers(0, 12, n), rng.integers(0, 3, (n, 2)), rng.uniform(0.5, 2, n)
    y = 50 + 5 * x[:, 0] - 3 * x[:, 1] + unit + rng.normal(0, 10, n)
    rows = casemix_adjusted(CrossProducts.of_rows(unit, x, y, w), "units")
    keys, cell = np.unique(np.column_stack([unit, x]), axis=0, return_inverse=True)
    sums = [np.bincount(cell.ravel(), part) for part in (np.ones(n), w, w * y, w * y**2)]
    cells = casemix_adjusted(CrossProducts.of_cells(keys[:, 0], keys[:, 1:], *sums), "units")
    assert cells.adjusted == pytest.approx(rows.adjusted, rel=1e-9)
    assert cells.error == pytest.approx(rows.error, rel=1e-9)
    assert cells.unit_f == pytest.approx(rows.unit_f, rel=1e-9)


def test_a_planted_mix_is_taken_out() -> None:
    # Every unit serves equally well; only the share of the demanding differs.
    rng = np.random.default_rng(8)
    shares = np.linspace(0.1, 0.9, 30)
    unit = np.repeat(np.arange(30), 400)
    demanding = rng.random(unit.size) < shares[unit]
    y = 80 - 15 * demanding + rng.normal(0, 12, unit.size)
    found = casemix_adjusted(CrossProducts.of_rows(unit, demanding[:, None], y))
    assert np.ptp(found.raw) > 9
    assert np.corrcoef(shares, found.raw)[0, 1] < -0.9
    assert abs(np.polyfit(shares, found.adjusted, 1)[0]) < 2
    z = (found.adjusted - found.adjusted.mean()) / found.error
    assert 0.5 < np.var(z) < 1.7


def test_units_at_the_edge() -> None:
    # One answer: a width from the pooled sigma. No weight: no score, and no part in the degrees of freedom.
    products = CrossProducts.of_rows(
        [0, 0, 0, 1, 1, 2, 3], [[0], [1], [2], [0], [2], [1], [0]], [1, 2, 4, 3, 6, 5, 9], [1, 1, 1, 1, 1, 1, 0]
    )
    found = casemix_adjusted(products)
    assert found.degrees_of_freedom == 6 - 3 - 1
    assert found.error[2] > found.error[0] > 0
    assert np.isnan(found.raw[3]) and np.isnan(found.adjusted[3]) and np.isnan(found.error[3])


def test_adjusters_that_cannot_be_told_apart() -> None:
    unit, y = [0, 0, 1, 1, 1], [1, 2, 3, 4, 6]
    with pytest.raises(ValueError, match="no variation within units: region"):
        casemix_adjusted(
            CrossProducts.of_rows(unit, [[0, 5], [1, 5], [0, 7], [1, 7], [0, 7]], y), names=["age", "region"]
        )
    with pytest.raises(ValueError, match="repeat each other: age, double"):
        casemix_adjusted(
            CrossProducts.of_rows(unit, [[0, 0], [1, 2], [0, 0], [1, 2], [3, 6]], y), names=["age", "double"]
        )
    with pytest.raises(ValueError, match="too few"):
        casemix_adjusted(CrossProducts.of_rows([0, 0, 1], [[0], [1], [1]], [1, 2, 3]))
    with pytest.raises(ValueError, match="impute or drop"):
        CrossProducts.of_rows([0, 0], [[np.nan], [1]], [1, 2])


def test_imputation() -> None:
    # Unit 0 has 2 and 4 with weights 1 and 3; unit 1 has no value and gets everybody's mean.
    found = impute_by_unit([2, 4, np.nan, np.nan], [0, 0, 0, 1], [1, 3, 1, 1])
    assert found.tolist() == [2, 4, 3.5, 3.5]
    with pytest.raises(ValueError, match="nobody"):
        impute_by_unit([np.nan], [0])


def test_mode_by_hand() -> None:
    # 78 with 60 % by phone and an effect of 3.4 points: 75.96; the effect's error of .5 adds .3 to the score's .4.
    score, error = mode_adjusted(78, 0.4, [0.6], [3.4], [[0.25]])
    assert (float(score), float(error)) == pytest.approx((75.96, 0.5), rel=1e-12)
    scores, _ = mode_adjusted([78, 70], [1, 1], [[0.6, 0.1], [0, 0]], [3.4, -2], np.eye(2))
    assert scores == pytest.approx([76.16, 70], rel=1e-12)
    with pytest.raises(ValueError, match="shares"):
        mode_adjusted(78, 1, [0.8, 0.4], [1, 1], np.eye(2))


def test_an_overlap_study_gives_the_mode_effect() -> None:
    # Two services, in each half by phone: phone answers 3 and 5 points higher, pooled 4.
    y = [70, 72, 74, 74, 60, 60, 64, 66]
    phone = [0, 0, 1, 1, 0, 0, 1, 1]
    study = casemix_adjusted(CrossProducts.of_rows([0] * 4 + [1] * 4, np.array(phone)[:, None], y))
    assert study.coefficients == pytest.approx([4], rel=1e-12)


def test_a_new_series_starts_beyond_ten_points() -> None:
    before, after, n = [[0.5, 0.3], [0.5, 0.3]], [[0.6, 0.2], [0.61, 0.3]], [10_000, 10_000]
    assert starts_new_series(before, after, n, n).tolist() == [False, True]
    # Five points of a million are not chance, but not a break either.
    assert not starts_new_series([0.5], [0.55], 1_000_000, 1_000_000)


def test_a_move_that_chance_explains_breaks_no_series() -> None:
    # 50 and 61 of 100, z = 2.5758: Wilson's limits .3753 to .6247 and .4813 to .7250, so that the interval of the move is
    # .11 -+ sqrt(.1287^2 + .1247^2) = .11 - .1792 below. Of 1,000 it is .11 -+ sqrt(.0403^2 + .0406^2) = .11 - .0572.
    assert starts_new_series([[0.5], [0.5]], [[0.61], [0.61]], [100, 1000], [100, 1000]).tolist() == [False, True]
    # Both directions, and the smaller of the two sizes decides.
    assert starts_new_series([[0.61], [0.61]], [[0.5], [0.5]], [100, 1000], [1000, 1000]).tolist() == [False, True]


@pytest.mark.parametrize("n", [10, 30, 100, 300])
def test_steady_shares_hardly_ever_break_a_series(n: int) -> None:
    """Every pair of samples and its probability: the interval errs in about one case of a hundred, the ten points in fewer."""
    hits = np.arange(n + 1)
    first, second = np.meshgrid(hits, hits, indexing="ij")
    size = np.full(first.shape, n)
    breaks = starts_new_series(first[..., None] / n, second[..., None] / n, size, size)
    assert breaks.any()
    for share in np.linspace(0.02, 0.98, 25):
        chance = stats.binom.pmf(hits, n, share)
        assert chance @ breaks @ chance < 0.015


def test_rate_by_hand() -> None:
    found = standardised_rate([5, 0, 2], [10, 5, 20], [100, 200, 300])
    # 1/6 * .5 + 1/2 * .1 = .1333; variance 1/36 * 5/100 + 1/4 * 2/400.
    assert float(found.rate) == pytest.approx(2 / 15, rel=1e-12)
    assert float(found.variance) == pytest.approx(1 / 720 + 1 / 800, rel=1e-12)
    assert float(found.crude) == pytest.approx(0.2, rel=1e-12)
    # A standard with the area's own mix leaves the crude rate, and its exact Poisson limits: Dobson's form is then O/n.
    own = standardised_rate([2, 3], [40, 60], [40, 60])
    low, high = dobson_interval(own)
    # Garwood for 5 events: 1.6235 to 11.6683.
    assert (float(own.rate), float(low), float(high)) == pytest.approx((0.05, 0.016235, 0.116683), abs=5e-7)


def test_byar_as_published() -> None:
    # Breslow and Day 1987, Byar's approximation is within 0.1 % of the exact limits 4.7954, 18.3904 of 10 events.
    own = standardised_rate([4, 6], [40, 60], [40, 60])
    low, high = dobson_interval(own)
    assert (100 * float(low), 100 * float(high)) == pytest.approx((4.7954, 18.3904), rel=2e-3)


def test_areas_without_events_or_people() -> None:
    found = standardised_rate([[0, 0], [3, np.nan]], [[10, 20], [10, 0]], [1, 2])
    low, high = gamma_interval(found)
    # No event: zero at the bottom; at the top an exponential of the largest weight, -ln .025 * max(1/30, 2/60).
    assert found.rate[0] == 0 and low[0] == 0
    assert high[0] == pytest.approx(-math.log(0.025) / 30, rel=1e-9)
    assert np.isnan(dobson_interval(found)).T[0].all()
    # Nobody in a group of the standard: undefined, never a rate of the rest.
    assert np.isnan([found.rate[1], low[1], high[1]]).all()
    with pytest.raises(ValueError, match="negative"):
        standardised_rate([-1], [1], [1])
    with pytest.raises(ValueError, match="add up"):
        standardised_rate([1], [1], [0])


def test_gamma_of_one_stratum_is_the_exact_poisson_interval() -> None:
    # Fay and Feuer 1997: with a single group the gamma limits are Garwood's, for 5 events 1.6235 and 11.6683.
    low, high = gamma_interval(standardised_rate([5], [1], [1]))
    assert (float(low), float(high)) == pytest.approx((1.6235, 11.6683), abs=5e-5)
