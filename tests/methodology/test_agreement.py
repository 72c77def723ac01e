"""Agreement of judges against a published vector and variances worked by hand.

Belongs here: `methodology.agreement`. Does not belong here: levels of maturity (`test_maturity`).
"""

import numpy as np
import pytest

from methodology.agreement import cohens_kappa


def test_kappa_of_the_textbook_table() -> None:
    found = cohens_kappa([[20, 5], [10, 15]])
    assert found.kappa == pytest.approx(0.4)
    assert (found.observed, found.chance, found.n) == (pytest.approx(0.7), pytest.approx(0.5), 50)
    # Fleiss, Cohen, Everitt by hand: (.01156 + .01587 + .01089 + .01458 - .05^2) / (50 x .5^4) = .0504 / 3.125.
    assert found.standard_error == pytest.approx((0.0504 / 3.125) ** 0.5)
    assert found.high - found.kappa == pytest.approx(1.959964 * found.standard_error)
    assert found.low == pytest.approx(0.4 - 1.959964 * found.standard_error)


def test_weighted_kappa_forgives_near_misses() -> None:
    found = cohens_kappa([[7, 2, 0], [1, 4, 1], [0, 1, 4]], "linear")
    # Rows 9, 6, 5; columns 8, 7, 5. po = (15 + .5 x 5) / 20; pe = (72 + 42 + 25 + .5 (63 + 48 + 30 + 35)) / 400.
    assert found.observed == pytest.approx(0.875)
    assert found.chance == pytest.approx((139 + 0.5 * 176) / 400)
    assert found.kappa == pytest.approx((0.875 - 0.5675) / (1 - 0.5675))
    quadratic = cohens_kappa([[7, 2, 0], [1, 4, 1], [0, 1, 4]], "quadratic")
    assert quadratic.observed == pytest.approx((15 + 0.75 * 5) / 20)
    assert cohens_kappa([[7, 2, 0], [1, 4, 1], [0, 1, 4]]).kappa < found.kappa < quadratic.kappa


def test_two_levels_have_no_near_misses() -> None:
    table = [[20, 5], [10, 15]]
    assert cohens_kappa(table, "linear") == cohens_kappa(table) == cohens_kappa(table, "quadratic")


def test_the_interval_covers() -> None:
    # Judges agree on 90 % of a fair coin's sides by chance .5: kappa .8. Coverage of 95 % within its own noise.
    random = np.random.default_rng(1)
    tables = random.multinomial(200, [0.45, 0.05, 0.05, 0.45], size=2000).reshape(-1, 2, 2)
    inside = [(found := cohens_kappa(table)).low <= 0.8 <= found.high for table in tables]
    assert 0.93 < np.mean(inside) < 0.97


def test_edges() -> None:
    perfect = cohens_kappa([[8, 0], [0, 4]])
    assert (perfect.kappa, perfect.low, perfect.high) == (1, 1, 1)
    one_category = cohens_kappa([[9, 0], [0, 0]])
    assert np.isnan([one_category.kappa, one_category.low]).all()
    assert one_category.observed == 1
    for table in ([[1, 2, 3]], [[1]], [[0, 0], [0, 0]], [[1, -1], [0, 3]]):
        with pytest.raises(ValueError, match=r"square|negative"):
            cohens_kappa(table)
