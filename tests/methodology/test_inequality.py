"""Inequality indices: values by hand, the properties that define them, and weights as repetition.

Belongs here: `methodology.inequality`. Does not belong here: the reference case (`tests/reference`).
"""

import numpy as np
import numpy.typing as npt
import pytest

from methodology.inequality import (
    atkinson,
    coefficient_of_variation,
    generalised_entropy,
    gini_corrected,
    hoover,
    mean_log_deviation,
    theil,
    theil_split,
)
from methodology.inequality import gini as gini_by_family


def gini(value: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Of one family."""
    size = np.size(value)
    return float(gini_by_family(value, np.ones(size) if weight is None else weight, np.zeros(size), 1)[0])


INDICES = {
    "gini": gini,
    "theil": theil,
    "mean_log_deviation": mean_log_deviation,
    "atkinson": lambda x, w=None: atkinson(x, 0.5, w),
    "entropy": lambda x, w=None: generalised_entropy(x, 2, w),
    "hoover": hoover,
    "coefficient_of_variation": coefficient_of_variation,
}


def test_one_unit_has_all() -> None:
    # Four units, three with nothing: Gini 3/4, corrected 1; Theil ln 4 with 0 ln 0 = 0; three quarters would have to move.
    x = [0, 0, 0, 10]
    assert gini(x) == pytest.approx(0.75)
    assert gini_corrected(x) == pytest.approx(1)
    assert theil(x) == pytest.approx(np.log(4))
    assert mean_log_deviation(x) == np.inf
    assert hoover(x) == pytest.approx(0.75)
    assert coefficient_of_variation(x) == pytest.approx(np.sqrt(3))
    assert atkinson(x, 1) == 1
    assert generalised_entropy(x, -1) == np.inf


def test_one_to_five_by_hand() -> None:
    x = [1, 2, 3, 4, 5]
    # Sum of (2i - 6) i = 20 over 5 x 15; Theil and MLD from their definitions, mean 3.
    assert gini(x) == pytest.approx(20 / 75)
    assert theil(x) == pytest.approx(sum(v / 3 * np.log(v / 3) for v in x) / 5)
    assert mean_log_deviation(x) == pytest.approx(np.log(3) - np.log(120) / 5)
    # Half the squared coefficient of variation is the entropy of 2: variance 2 over 9, half.
    assert generalised_entropy(x, 2) == pytest.approx(1 / 9)
    assert hoover(x) == pytest.approx(6 / 30)
    assert atkinson(x, 1) == pytest.approx(1 - 120 ** (1 / 5) / 3)
    assert atkinson(x, 2) == pytest.approx(1 - 5 / sum(1 / v for v in x) / 3)


def test_weighted_spread_of_five_branches() -> None:
    # domain.md section 11.7: weighted mean 86.7368, weighted standard deviation 5.50447.
    found = coefficient_of_variation([88, 84, 79, 91, 70], [500, 300, 200, 800, 100])
    assert found == pytest.approx(5.50447 / 86.7368, rel=1e-5)


def test_gini_is_half_the_relative_mean_difference() -> None:
    rng = np.random.default_rng(1)
    x, w = rng.gamma(2, 3, 30), rng.integers(1, 9, 30)
    rows = np.repeat(x, w)
    direct = np.abs(rows[:, None] - rows).mean() / (2 * rows.mean())
    assert gini(x, w) == pytest.approx(direct, rel=1e-12)


@pytest.mark.parametrize("name", INDICES)
def test_what_every_index_owes(name: str) -> None:
    index, rng = INDICES[name], np.random.default_rng(2)
    x, w = rng.gamma(2, 3, 12), rng.integers(1, 5, 12)
    assert index(x, w) == pytest.approx(index(np.repeat(x, w)), rel=1e-9)
    assert index(7 * x) == pytest.approx(index(x))
    assert index(rng.permutation(x)) == pytest.approx(index(x))
    assert index([5, 5, 5]) == pytest.approx(0, abs=1e-12)
    # Taking from the richest and giving to the poorest lowers inequality.
    moved = np.sort(x)
    moved[0], moved[-1] = moved[0] + 0.5, moved[-1] - 0.5
    assert index(moved) < index(x)


def test_entropy_meets_its_limits() -> None:
    x = [1, 2, 3, 4, 5]
    assert generalised_entropy(x, 1 + 1e-6) == pytest.approx(theil(x), rel=1e-5)
    assert generalised_entropy(x, 1e-6) == pytest.approx(mean_log_deviation(x), rel=1e-5)
    assert (generalised_entropy(x, 1), generalised_entropy(x, 0)) == (theil(x), mean_log_deviation(x))
    assert atkinson(x, 1 + 1e-7) == pytest.approx(atkinson(x, 1), rel=1e-5)


def test_theil_split_by_hand() -> None:
    # Regions (1, 3) and (8): shares of total 1/3 and 2/3 over 2/3 and 1/3 of units.
    split = theil_split([1, 3, 8], [1, 1, 1], [0, 0, 0], 1, [0, 0, 1])
    assert split.between == pytest.approx(np.log(0.5) / 3 + 2 * np.log(2) / 3)
    assert split.within == pytest.approx(theil([1, 3]) / 3)
    assert split.total == pytest.approx(theil([1, 3, 8]))


def test_theil_split_adds_up_with_weights_zeros_and_an_empty_handed_group() -> None:
    rng = np.random.default_rng(3)
    x, w, group = rng.gamma(1, 2, 40), rng.uniform(0, 4, 40), rng.integers(0, 5, 40)
    x[:3] = 0
    x[group == 4] = 0
    assert theil_split(x, w, np.zeros(40), 1, group).total == pytest.approx(theil(x, w), abs=1e-12)


def test_a_single_unit() -> None:
    assert gini([7]) == 0
    assert np.isnan(gini_corrected([7]))


def test_families_at_once_equal_each_family_alone() -> None:
    random = np.random.default_rng(5)
    family = random.permutation(np.repeat(np.arange(12), np.arange(2, 14)))
    x, w, part = (
        random.gamma(2, 3, family.size),
        random.integers(1, 200, family.size),
        random.integers(0, 3, family.size),
    )
    found, split = gini_by_family(x, w, family, 12), theil_split(x, w, family, 12, part)
    for number in range(12):
        own = family == number
        assert found[number] == pytest.approx(gini(x[own], w[own]), rel=1e-9, abs=1e-12)
        alone = theil_split(x[own], w[own], np.zeros(own.sum()), 1, part[own])
        expected = (alone.between[0], alone.within[0])
        assert (split.between[number], split.within[number]) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_one_has_all_and_a_family_with_nothing_to_share() -> None:
    # One of two has everything: Gini 1/2 (population form), Theil ln 2; a family of zeros has neither.
    value, weight, family = [0.0, 10.0, 0.0, 0.0], [1, 1, 1, 1], [0, 0, 1, 1]
    assert gini_by_family(value, weight, family, 2).tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    split = theil_split(value, weight, family, 2, [0, 1, 0, 1])
    assert split.between.tolist() == pytest.approx([np.log(2), np.nan], nan_ok=True)
    assert split.within.tolist() == pytest.approx([0, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gini([-1, 2]), "not negative"),
        (lambda: theil([0, 0]), "nothing to share"),
        (lambda: theil([1, np.nan], [-1, 1]), "negative; weights"),
        (lambda: theil([1, 2], [1]), "one length"),
        (lambda: atkinson([1, 2], 0), "aversion"),
        (lambda: theil_split([1, 2], [1, 1], [0], 1, [0, 0]), "one family"),
    ],
)
def test_bad_input_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
