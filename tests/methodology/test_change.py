"""Decompositions of change: printed examples, vectors, exact sums, and edges by hand.

Belongs here: `methodology.change`. Does not belong here: the reference case (`tests/reference`).
"""

import numpy as np
import pytest

from methodology.change import das_gupta, difference, kitagawa, panel_growth

# vectors.json, kitagawa: every group improves and the whole falls.
BEFORE = ([0.5, 0.3, 0.2], [0.9, 0.8, 0.6])
AFTER = ([0.3, 0.3, 0.4], [0.91, 0.82, 0.62])


def _one(size_before: object, rate_before: object, size_after: object, rate_after: object) -> tuple[float, float]:
    """Mix and rate of one unit."""
    parts = kitagawa(size_before, rate_before, size_after, rate_after, np.zeros(np.size(size_before), int), 1)
    return float(parts.mix[0]), float(parts.rate[0])


def test_kitagawa_vector() -> None:
    mix, rate = _one(*BEFORE, *AFTER)
    assert mix == pytest.approx(-0.059)
    assert rate == pytest.approx(0.016)
    assert mix + rate == pytest.approx(0.767 - 0.810, abs=1e-15)


def test_units_of_kitagawa_stay_apart() -> None:
    """Each unit alone is Das Gupta's decomposition of two vector factors."""
    rng = np.random.default_rng(3)
    unit = np.repeat([0, 1, 2, 3], [5, 1, 9, 2])
    sizes = rng.integers(0, 4, (2, unit.size)).astype(float)  # including groups that appear and disappear
    sizes[:, [0, 5, 6]] = 3
    sizes[:, unit == 3] = [[2, 1], [0, 0]]  # the last unit has nobody left
    rates = np.where(sizes > 0, rng.uniform(0, 100, sizes.shape), np.nan)
    shuffled = rng.permutation(unit.size)
    parts = kitagawa(*(part[shuffled] for part in (sizes[0], rates[0], sizes[1], rates[1])), unit[shuffled], 4)
    for number in range(3):
        own = unit == number
        shares = sizes[:, own] / sizes[:, own].sum(axis=1, keepdims=True)
        known = [np.where(np.isnan(rates[side, own]), rates[1 - side, own], rates[side, own]) for side in (0, 1)]
        known = [np.nan_to_num(rate) for rate in known]
        alone = das_gupta([shares[0], known[0]], [shares[1], known[1]]).effects
        assert [parts.mix[number], parts.rate[number]] == pytest.approx(list(alone), abs=1e-9)
    assert np.isnan([parts.mix[3], parts.rate[3]]).all()


def test_kitagawa_takes_sizes_and_many_units() -> None:
    # Sizes need no common scale; a second unit in which only the rates move has no mix.
    sizes = ([50, 30, 20, 5, 5, 0], [300, 300, 400, 8, 8, 0])
    rates = ([*BEFORE[1], 0.5, 0.7, np.nan], [*AFTER[1], 0.6, 0.9, np.nan])
    parts = kitagawa(sizes[0], rates[0], sizes[1], rates[1], [0, 0, 0, 1, 1, 1], 2)
    assert list(parts.mix) == pytest.approx([-0.059, 0])
    assert list(parts.rate) == pytest.approx([0.016, 0.15])


def test_a_group_that_comes_is_all_mix() -> None:
    # 100 at 0.5; then 50 at 0.5 and 50 new at 0.9: 0.5 -> 0.7, all of it mix.
    assert _one([100, 0], [0.5, np.nan], [50, 50], [0.5, 0.9]) == pytest.approx((0.2, 0))
    assert _one([50, 50], [0.5, 0.9], [100, 0], [0.5, np.nan]) == pytest.approx((-0.2, 0))


def test_a_unit_without_a_size_in_a_period_has_no_parts() -> None:
    assert np.isnan(_one([1, 0], [1, 1], [0, 0], [1, 1])).all()


@pytest.mark.parametrize(
    ("before", "after", "crude", "effects"),
    [
        # Das Gupta 1993, examples 2.1 to 2.3, as printed in the README of DasGuptR.
        ((10930, 0.717892), (16591, 0.825974), (7846.56, 13703.73), (4369.913, 1487.262)),
        (
            (51.78746, 0.45919, 0.52638),
            (84.90502, 0.75756, 0.51065),
            (12.51747, 32.84534),
            (10.4340333, 10.5608476, -0.6670084),
        ),
        (
            (25.3, 0.214, 0.279, 0.949),
            (32.7, 0.29, 0.473, 0.986),
            (1.433523, 4.422663),
            (0.6889411, 0.8125381, 1.3829055, 0.1047547),
        ),
    ],
)
def test_das_gupta_as_printed(
    before: tuple[float, ...], after: tuple[float, ...], crude: tuple[float, float], effects: tuple[float, ...]
) -> None:
    found = das_gupta(before, after)
    assert found.crude == pytest.approx(crude, rel=1e-6)
    assert list(found.effects) == pytest.approx(effects, rel=1e-6)
    assert found.effects.sum() == pytest.approx(found.crude[1] - found.crude[0], rel=1e-14)


def test_das_gupta_of_a_rate_that_is_no_product() -> None:
    # Example 3.1: growth = births - deaths, 19.4, 10.8 and 23.7, 9.5: the effects are the differences themselves.
    found = das_gupta((19.4, 10.8), (23.7, 9.5), lambda factors: float(factors[0] - factors[1]))
    assert found.crude == pytest.approx((8.6, 14.2))
    assert list(found.effects) == pytest.approx([4.3, 1.3])


def test_two_vector_factors_are_kitagawa() -> None:
    found = das_gupta(BEFORE, AFTER)
    assert list(found.effects) == pytest.approx([-0.059, 0.016])
    # vectors.json, std_avg: the rates standardised to the average mix.
    assert list(found.standardised[:, 1]) == pytest.approx([0.780, 0.796])


def test_the_order_of_factors_does_not_matter() -> None:
    rng = np.random.default_rng(9)
    before, after = ([rng.uniform(0.1, 2, 4) for _ in range(5)] for _ in range(2))
    order = [3, 0, 4, 1, 2]
    straight, turned = (
        das_gupta(before, after),
        das_gupta([before[position] for position in order], [after[position] for position in order]),
    )
    assert list(turned.effects) == pytest.approx([straight.effects[position] for position in order])
    assert straight.effects.sum() == pytest.approx(straight.crude[1] - straight.crude[0], abs=1e-12)


def test_panel_growth_by_hand() -> None:
    # Three stay (mean 80 -> 82), one of 60 leaves with 1/4 of the weight, one of 90 enters with 1/4:
    # 75 -> 84: 2 + (90-82)/4 + (80-60)/4 = 2 + 2 + 5.
    parts = panel_growth([1, 1, 1, 1, 0], [70, 80, 90, 60, np.nan], [1, 1, 1, 0, 1], [72, 82, 92, np.nan, 90])
    assert (parts.change, parts.continuing, parts.entrants, parts.exits) == pytest.approx((9, 2, 2, 5))


def test_panel_parts_sum_with_unequal_weights() -> None:
    rng = np.random.default_rng(2)
    weights = rng.uniform(0, 5, (2, 40)) * (rng.random((2, 40)) > 0.3)
    scores = rng.normal(80, 8, (2, 40))
    parts = panel_growth(weights[0], scores[0], weights[1], scores[1])
    crude = [np.average(scores[period], weights=weights[period]) for period in (0, 1)]
    assert parts.continuing + parts.entrants + parts.exits == pytest.approx(crude[1] - crude[0], abs=1e-12)


def test_a_fixed_panel_has_neither_entrants_nor_exits() -> None:
    parts = panel_growth([1, 3], [60, 80], [1, 3], [64, 80])
    assert (parts.change, parts.continuing, parts.entrants, parts.exits) == pytest.approx((1, 1, 0, 0))


def test_difference_by_hand() -> None:
    # 3-4-5: independent errors 3 and 4; with correlation 1 they cancel to 1.
    change, error, low, high = difference([70, 70], [80, 80], 3, 4, correlation=[0, 1])
    assert list(change) == [10, 10]
    assert list(error) == pytest.approx([5, 1])
    assert list(low) == pytest.approx([10 - 1.959964 * 5, 10 - 1.959964])
    assert list(high) == pytest.approx([10 + 1.959964 * 5, 10 + 1.959964])
    assert np.isnan(difference(np.nan, 3, 1, 1)[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: _one([-1], [1], [1], [1]), "not negative"),
        (lambda: _one([1, 1], [1, np.nan], [1, 1], [1, 1]), "has no rate"),
        (lambda: _one([1, 1], [1], [1, 1], [1]), "one length"),
        (lambda: das_gupta([1, 2], [1]), "same factors"),
        (lambda: das_gupta([[1, 2]], [[1, 2, 3]]), "same cells"),
        (lambda: panel_growth([1, 0], [1, 1], [0, 1], [1, 1]), "no matched panel"),
        (lambda: panel_growth([-1, 1], [1, np.nan], [1, 1], [1, 1]), "negative; a unit"),
        (lambda: difference(1, 2, -1, 1), "negative"),
        (lambda: difference(1, 2, 1, 1, 1.5), "correlations"),
    ],
)
def test_bad_input_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
