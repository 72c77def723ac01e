"""Means of many items and domains under one weighting, and capping of weights held by several rows.

Belongs here: cells against rows of `methodology.survey_cells.weighted_item_means`, `trim_weights` with counts, `median_weight`.
Does not belong here: the making of factors (`test_weights`).
"""

import numpy as np
import pytest

from methodology.clusters import Bunches
from methodology.sampling import kish_effective_n, sample_design, two_stage_design
from methodology.survey_cells import BLOCK, ItemBunches, ItemCells, Strata, weighted_item_means
from methodology.survey_estimates import survey_covariance, survey_mean
from methodology.weights import WeightAdjustment, median_weight, rake, trim_weights

CELLS, ITEMS = 30, 3


def _sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cell of each row, weights, answers to three items with gaps."""
    rng = np.random.default_rng(11)
    cell = np.sort(rng.integers(0, CELLS, 500))
    y = rng.integers(0, 5, (500, ITEMS)) * 25.0
    y[rng.random((500, ITEMS)) < 0.1] = np.nan
    y[cell % 2 == 0, 2] = np.nan  # the third is asked in odd cells only
    return cell, rng.uniform(1, 5, 500), y


def _cells(cell: np.ndarray, w: np.ndarray, y: np.ndarray, size: int = CELLS) -> ItemCells:
    def summed(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(cell, column, minlength=size) for column in values.T], axis=1)

    answered, filled = (~np.isnan(y)).astype(float), np.nan_to_num(y)
    wide = w[:, None] * answered
    return ItemCells(
        np.bincount(cell, minlength=size).astype(float),
        np.bincount(cell, w, minlength=size),
        np.bincount(cell, w**2, minlength=size),
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
    cells = _cells(cell, w, y)
    by_row, by_cell = _raked(cell, w, cells)
    domains = np.column_stack([np.ones(CELLS), *(np.arange(CELLS) % 5 == part for part in range(5))])
    found = weighted_item_means(cells, by_cell, domains)
    design = sample_design(w).reweighted(by_row.weights, by_row.residuals)
    for position, inside in enumerate(domains.T.astype(bool)):
        rows = survey_mean(design, y, inside[cell])
        assert found.mean[position] == pytest.approx(rows.value, rel=1e-9)
        assert found.error[position] == pytest.approx(rows.error, rel=1e-9)
        assert found.n[position].tolist() == rows.n.tolist()
        assert found.element_variance[position] == pytest.approx(
            [survey_covariance(design, y[:, item], y[:, item], inside[cell]).value[0] for item in range(ITEMS)],
            rel=1e-9,
        )
        answered = inside[cell][:, None] & ~np.isnan(y)
        assert found.kish_n[position] == pytest.approx(
            [kish_effective_n(by_row.weights[answered[:, item]]) for item in range(ITEMS)], rel=1e-9
        )


def test_cells_equal_rows_of_a_stratified_draw_from_finite_populations() -> None:
    rng = np.random.default_rng(3)
    n, strata, branches = 400, 4, 25
    stratum, branch, post = rng.integers(0, strata, n), rng.integers(0, branches, n), rng.integers(0, 3, n)
    w, y = rng.uniform(1, 5, n), rng.integers(0, 101, n).astype(float)
    size = np.array([5000.0, 300, 800, 1e6])
    design = sample_design(w, stratum, population=size[stratum])
    codes, cell = np.unique((stratum * branches + branch) * 3 + post, return_inverse=True)
    cell_post, cell_branch = codes % 3, codes // 3 % branches
    cells, drawn = _cells(cell, w, y[:, None], codes.size), Strata(codes // 3 // branches, size)
    masks, cell_masks = (np.equal.outer(code, np.arange(branches)) for code in (branch, cell_branch))

    # Not weighted to anything: the initial weights alone.
    plain = WeightAdjustment(cells.asked_w, np.ones(codes.size), ())
    found, rows = weighted_item_means(cells, plain, cell_masks, drawn), survey_mean(design, y, masks)
    assert found.mean[:, 0] == pytest.approx(rows.value, rel=1e-12)
    assert found.error[:, 0] == pytest.approx(rows.error, rel=1e-9)
    assert found.n[:, 0].tolist() == rows.n.tolist()

    margins = {"post": (post, {0: 900.0, 1: 1500, 2: 600}), "half": (branch % 2, {0: 1000.0, 1: 2000})}
    raked = rake(w, margins)
    by_cell = rake(
        cells.asked_w, {"post": (cell_post, margins["post"][1]), "half": (cell_branch % 2, margins["half"][1])}
    )
    rows = survey_mean(design.reweighted(raked.weights, raked.residuals), y, masks)
    found = weighted_item_means(cells, by_cell, cell_masks, drawn)
    assert found.mean[:, 0] == pytest.approx(rows.value, rel=1e-9)
    assert found.error[:, 0] == pytest.approx(rows.error, rel=1e-9)


def _raked(cell: np.ndarray, w: np.ndarray, cells: ItemCells) -> tuple[WeightAdjustment, WeightAdjustment]:
    """One raking by row and by cell."""
    first, second = np.arange(CELLS) % 4, np.arange(CELLS) % 3
    frame = {"first": dict(enumerate([400.0, 300, 200, 100])), "second": dict(enumerate([500.0, 300, 200]))}
    by_row = rake(w, {"first": (first[cell], frame["first"]), "second": (second[cell], frame["second"])})
    return by_row, rake(cells.asked_w, {"first": (first, frame["first"]), "second": (second, frame["second"])})


def _together(
    sample: tuple[np.ndarray, np.ndarray, np.ndarray], psu: np.ndarray, person: np.ndarray, share: float
) -> ItemBunches:
    """Sums of the rows that have a `psu` by it, the person and the cell; in no order."""
    cell, w, y = sample
    drawn = np.flatnonzero(psu >= 0)
    keys, row = np.unique(np.column_stack([psu, person, cell])[drawn], axis=0, return_inverse=True)
    row = row.ravel()
    order = np.random.default_rng(1).permutation(len(keys))
    sums = _cells(np.argsort(order)[row], w[drawn], y[drawn], len(keys))
    keys = keys[order]
    return ItemBunches(Bunches(keys[:, 0], keys[:, 1], np.full(psu.max() + 1, share)), keys[:, 2], sums)


@pytest.mark.parametrize("block", [BLOCK, 1])
def test_persons_who_answered_several_times_equal_rows(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("methodology.survey_cells.BLOCK", block)
    cell, w, y = _sample()
    cells = _cells(cell, w, y)
    by_row, by_cell = _raked(cell, w, cells)
    person = np.random.default_rng(4).integers(0, 60, 500)
    person[np.random.default_rng(5).random(500) < 0.4] = -1
    domains = np.column_stack([np.ones(CELLS), *(np.arange(CELLS) % 5 == part for part in range(5))])
    together = _together((cell, w, y), person, person, 0.0)
    found = weighted_item_means(cells, by_cell, domains, together=together)
    label = np.where(person >= 0, person, -1 - np.arange(500))
    design = sample_design(w, clusters=label).reweighted(by_row.weights, by_row.residuals)
    for position, inside in enumerate(domains.T.astype(bool)):
        rows = survey_mean(design, y, inside[cell])
        assert found.mean[position] == pytest.approx(rows.value, rel=1e-9)
        assert found.error[position] == pytest.approx(rows.error, rel=1e-9)
        answered = inside[cell][:, None] & ~np.isnan(y)
        assert found.drawn[position].tolist() == [np.unique(label[answered[:, item]]).size for item in range(ITEMS)]
        assert (found.freedom[position] < found.drawn[position]).all()


@pytest.mark.parametrize("registered", [12, 100])
def test_branches_drawn_of_so_many_equal_two_stages_by_row(registered: int) -> None:
    cell, w, y = _sample()
    cells = _cells(cell, w, y)
    by_row, by_cell = _raked(cell, w, cells)
    rng = np.random.default_rng(6)
    branch = rng.integers(0, 10, 500)
    person = np.where(rng.random(500) < 0.5, 10 * rng.integers(0, 15, 500) + branch, -1)
    together = _together((cell, w, y), branch, person, 10 / registered)
    found = weighted_item_means(cells, by_cell, np.ones((CELLS, 1)), together=together)
    alone = np.where(person >= 0, person, -1 - np.arange(500))
    design = two_stage_design(w, branch, alone, populations=(np.full(500, registered), None))
    rows = survey_mean(design.reweighted(by_row.weights, by_row.residuals), y)
    assert found.error[0] == pytest.approx(rows.error, rel=1e-9)
    assert found.drawn[0].tolist() == [10, 10, 10]


def test_one_branch_has_no_error_whoever_stands_beside_it() -> None:
    """Six of 500 answers were given elsewhere: the branch's total mirrors theirs, and nothing is known of other branches."""
    cell, w, y = _sample()
    cells = _cells(cell, w, y)
    _, by_cell = _raked(cell, w, cells)
    branch = np.where(np.arange(500) < 6, -1, 0)
    together = _together((cell, w, y), branch, np.full(500, -1), 0.1)
    found = weighted_item_means(cells, by_cell, np.ones((CELLS, 1)), together=together)
    assert np.isfinite(found.mean).all() and np.isnan(found.error).all()


def test_bunches_have_no_strata() -> None:
    cell, w, y = _sample()
    cells = _cells(cell, w, y)
    together = _together((cell, w, y), cell, cell, 0.0)
    plain = WeightAdjustment(cells.asked_w, np.ones(CELLS), ())
    with pytest.raises(ValueError, match="drawn in one stratum"):
        weighted_item_means(cells, plain, np.ones((CELLS, 1)), Strata(np.arange(CELLS)), together)


def test_strata_refuse_what_rows_refuse() -> None:
    cells = _cells(np.array([0, 1, 1]), np.ones(3), np.array([[1.0], [2], [3]]), 2)
    plain, both = WeightAdjustment(cells.asked_w, np.ones(2), ()), np.ones((2, 1))
    with pytest.raises(ValueError, match=r"one row was drawn in strata \[0\]"):
        weighted_item_means(cells, plain, both, Strata(np.array([0, 1])))
    with pytest.raises(ValueError, match=r"more rows drawn than the population of strata \[1\]"):
        weighted_item_means(cells, plain, both, Strata(np.array([0, 1]), np.array([9.0, 1])))
    # A domain without a cell has no mean, rather than a zero.
    found = weighted_item_means(cells, plain, np.array([[1, 0, 0], [0, 0, 1]]), Strata(np.array([0, 0])))
    assert np.isnan(found.mean[1]).all() and np.isnan(found.error[1]).all()
    assert found.n[:, 0].tolist() == [1, 0, 2]


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
