"""Importance of stages by hand and by brute force over rows; shortfalls that add up.

Belongs here: `methodology.dominance`. Does not belong here: scores of journeys.
"""

from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest

from methodology.dominance import covariance_of_cells, dominance, owner_shortfalls, stage_shortfalls, weakest_link

Floats = npt.NDArray[np.float64]


def _r_squared(rows: Floats, stages: list[int]) -> float:
    y = rows[:, -1] - rows[:, -1].mean()
    x = rows[:, stages] - rows[:, stages].mean(axis=0)
    rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0] if stages else y
    return 1 - float(rest @ rest / (y @ y))


def _rows() -> Floats:
    random = np.random.default_rng(1)
    stages = random.normal(size=(500, 4)) + random.normal(size=(500, 1))
    overall = stages @ [0.6, 0.3, 0.1, 0] + random.normal(size=500)
    return np.column_stack([stages, overall])


def test_cells_and_orders_of_rows_agree() -> None:
    # The definition itself: the rise in R^2 on entering, averaged over all 24 orders, from rows by least squares.
    rows = _rows()
    rises = np.zeros(4)
    for order in permutations(range(4)):
        for position, stage in enumerate(order):
            rises[stage] += _r_squared(rows, list(order[: position + 1])) - _r_squared(rows, list(order[:position]))
    found = dominance(covariance_of_cells(500, rows.sum(axis=0), rows.T @ rows))
    assert found.contributions == pytest.approx(rises / 24, abs=1e-9)
    assert found.r_squared == pytest.approx(_r_squared(rows, [0, 1, 2, 3]), abs=1e-9)
    assert found.contributions.sum() == pytest.approx(found.r_squared)
    assert found.weights.sum() == pytest.approx(1)


def test_cells_of_parts_add_up_to_those_of_the_whole() -> None:
    rows = _rows()
    parts = [rows[:120], rows[120:]]
    cells = [(len(part), part.sum(axis=0), part.T @ part) for part in parts]
    merged = covariance_of_cells(*(sum(values[1:], start=values[0]) for values in zip(*cells, strict=True)))
    assert merged == pytest.approx(np.cov(rows.T, bias=True), abs=1e-9)
    together = covariance_of_cells(*(np.array(values) for values in zip(*cells, strict=True)))
    assert together[1] == pytest.approx(np.cov(parts[1].T, bias=True), abs=1e-9)


def test_two_stages_by_hand() -> None:
    # r1 = .6, r2 = .5, r12 = .3: R^2 = (.36 + .25 - 2 x .6 x .5 x .3) / (1 - .09) = .43 / .91; first (R^2 + .36 - .25) / 2.
    found = dominance([[1, 0.3, 0.6], [0.3, 1, 0.5], [0.6, 0.5, 1]])
    whole = 0.43 / 0.91
    assert found.contributions == pytest.approx([(whole + 0.11) / 2, (whole - 0.11) / 2])


def test_units_of_items_do_not_matter() -> None:
    c = np.array([[1, 0.3, 0.6], [0.3, 1, 0.5], [0.6, 0.5, 1]])
    scale = np.outer([10, 0.01, 3], [10, 0.01, 3])
    assert dominance(c * scale).contributions == pytest.approx(dominance(c).contributions)


def test_uncorrelated_collinear_and_constant_stages() -> None:
    apart = dominance([[1, 0, 0.6], [0, 1, 0.5], [0.6, 0.5, 1]])
    assert apart.contributions == pytest.approx([0.36, 0.25])
    # The same stage asked twice shares its weight; a stage that never varies has none.
    twice = dominance([[1, 1, 0, 0.6], [1, 1, 0, 0.6], [0, 0, 0, 0], [0.6, 0.6, 0, 1]])
    assert twice.contributions == pytest.approx([0.18, 0.18, 0])
    nothing = dominance([[1, 0], [0, 1]])
    assert nothing.r_squared == 0
    assert np.isnan(nothing.weights).all()


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 0.5]], "square"),
        ([[1.0]], "square"),
        ([[1, 2], [2, 1]], "no covariance"),
        ([[1, 0.2], [0.3, 1]], "no covariance"),
        ([[1, float("nan")], [float("nan"), 1]], "no covariance"),
        ([[1, 0], [0, 0]], "does not vary"),
    ],
)
def test_matrices_that_say_nothing(matrix: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dominance(matrix)


def test_cells_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="needs answers"):
        covariance_of_cells(0, [1, 1], np.eye(2))
    with pytest.raises(ValueError, match="2 items"):
        covariance_of_cells(5, [1, 1], np.eye(3))


def test_the_weakest_link_is_where_it_matters() -> None:
    # Shortfalls 15 x .1, 5 x .6, none: the lowest score is not the weakest link.
    scores, weights = [65, 75, 90], [0.1, 0.6, 0.3]
    assert stage_shortfalls(scores, 80, weights) == pytest.approx([1.5, 3, 0])
    assert weakest_link(scores, 80, weights) == 1
    assert weakest_link(scores, 60, weights) is None


def test_shortfall_of_owners_sums_to_the_whole() -> None:
    # 4.5 weighted points of stages represent a shortfall of 6: 1.5 and 3 of them are 2 and 4; the second stage is shared.
    ownership = [[1, 0, 0], [0, 0.5, 0.5], [0, 0, 1]]
    found = owner_shortfalls(6, [65, 75, 90], 80, [0.1, 0.6, 0.3], ownership)
    assert found == pytest.approx([2, 2, 2])
    assert found.sum() == pytest.approx(6, abs=1e-12)
    assert list(owner_shortfalls(-1, [65, 75, 90], 80, [0.1, 0.6, 0.3], ownership)) == [0, 0, 0]


def test_nobody_owns_what_no_stage_explains() -> None:
    assert np.isnan(owner_shortfalls(6, [90, 90], 80, [0.5, 0.5], np.eye(2))).all()
    with pytest.raises(ValueError, match="in full"):
        owner_shortfalls(6, [70, 70], 80, [0.5, 0.5], [[1, 0], [0.5, 0.4]])
