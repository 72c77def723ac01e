"""Means of many items and domains under one weighting, and capping of weights held by several rows.

Belongs here: cells against rows of `methodology.survey_cells.weighted_item_means`, `trim_weights` with counts, `median_weight`.
Does not belong here: the making of factors (`test_weights`).
"""

import numpy as np
import pytest

from methodology.sampling import kish_effective_n, sample_design
from methodology.survey_cells import BLOCK, ItemCells, weighted_item_means
from methodology.survey_estimates import survey_covariance, survey_mean
from methodology.weights import median_weight, rake, trim_weights

CELLS, ITEMS = 30, 3


def _sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cell of each row, weights, answers to three items with gaps."""
    rng = np.random.default_rng(11)
    cell = np.sort(rng.integers(0, CELLS, 500))
    y = rng.integers(0, 5, (500, ITEMS)) * 25.0
    y[rng.random((500, ITEMS)) < 0.1] = np.nan
    y[cell % 2 == 0, 2] = np.nan  # the third is asked in odd cells only
    return cell, rng.uniform(1, 5, 500), y


def _cells(cell: np.ndarray, w: np.ndarray, y: np.ndarray) -> ItemCells:
    def summed(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(cell, column, minlength=CELLS) for column in values.T], axis=1)

    answered, filled = (~np.isnan(y)).astype(float), np.nan_to_num(y)
    wide = w[:, None] * answered
    return ItemCells(
        np.bincount(cell, minlength=CELLS).astype(float),
        np.bincount(cell, w, minlength=CELLS),
        np.bincount(cell, w**2, minlength=CELLS),
        summed(answered),
        summed(wide),
        summed(wide * filled),
        summed(wide * filled**2),
        summed(wide * w[:, None]),
        summed(wide * w[:, None] * filled),
        summed(wide * w[:, None] * filled**2),
    )


@pytest.mark.parametrize("block", [BLOCK, 1])
def test_cells_equal_rows(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("methodology.survey_cells.BLOCK", block)
    cell, w, y = _sample()
    first, second = np.arange(CELLS) % 4, np.arange(CELLS) % 3
    frame = {"first": dict(enumerate([400.0, 300, 200, 100])), "second": dict(enumerate([500.0, 300, 200]))}
    by_row = rake(w, {"first": (first[cell], frame["first"]), "second": (second[cell], frame["second"])})
    cells = _cells(cell, w, y)
    by_cell = rake(cells.asked_w, {"first": (first, frame["first"]), "second": (second, frame["second"])})
    domains = np.column_stack([np.ones(CELLS), *(np.arange(CELLS) % 5 == part for part in range(5))])
    found = weighted_item_means(cells, by_cell, domains)
    design = sample_design(w).reweighted(by_row.weights, by_row.residuals)
    for place, inside in enumerate(domains.T.astype(bool)):
        rows = survey_mean(design, y, inside[cell])
        assert found.mean[place] == pytest.approx(rows.value, rel=1e-9)
        assert found.error[place] == pytest.approx(rows.error, rel=1e-9)
        assert found.n[place].tolist() == rows.n.tolist()
        assert found.element_variance[place] == pytest.approx(
            [survey_covariance(design, y[:, item], y[:, item], inside[cell]).value[0] for item in range(ITEMS)],
            rel=1e-9,
        )
        answered = inside[cell][:, None] & ~np.isnan(y)
        assert found.kish_n[place] == pytest.approx(
            [kish_effective_n(by_row.weights[answered[:, item]]) for item in range(ITEMS)], rel=1e-9
        )


def test_a_domain_nobody_answered_in_has_no_mean() -> None:
    cell, w, y = _sample()
    cells = _cells(cell, w, y)
    adjustment = rake(cells.asked_w, {"all": (np.zeros(CELLS, int), {0: 100.0})})
    found = weighted_item_means(cells, adjustment, (np.arange(CELLS) == 0)[:, None])
    # The third item is asked in odd cells only.
    assert np.isnan([found.mean[0, 2], found.error[0, 2]]).all()
    assert np.isfinite(found.error[0, :2]).all()


def test_equal_answers_have_no_spread() -> None:
    cell, w, y = _sample()
    y = np.where(np.isnan(y), y, 100.0)
    cells = _cells(cell, w, y)
    adjustment = rake(cells.asked_w, {"parts": (np.arange(CELLS) % 2, {0: 70.0, 1: 30.0})})
    found = weighted_item_means(cells, adjustment, np.ones((CELLS, 1)))
    assert found.mean[0] == pytest.approx([100, 100, 100])
    assert found.error[0] == pytest.approx([0, 0, 0], abs=1e-6)


def test_weights_of_many_rows_are_capped_as_if_they_stood_singly() -> None:
    weights, counts = np.array([0.5, 0.8, 1, 1.2, 6.5, 30]), np.array([3, 1, 4, 2, 5, 1])
    rows = np.repeat(weights, counts)
    assert median_weight(weights, counts) == np.median(rows)
    assert median_weight([2.0, 1, 9], [1, 1, 0]) == 1.5
    for cap in (None, 8.0):
        assert np.repeat(trim_weights(weights, cap, counts=counts), counts) == pytest.approx(
            trim_weights(rows, cap), rel=1e-12
        )
