"""Weighting to a frame against published examples, R survey and hand derivation.

Belongs here: `methodology.weights`, `methodology.calibration`, and cells against rows (`methodology.survey_cells`). Does
not belong here: designs and unweighted estimates (`test_sampling`).
"""

import numpy as np
import pytest

from methodology.calibration import calibrate
from methodology.sampling import kish_deff, kish_effective_n, sample_design
from methodology.survey_estimates import survey_mean
from methodology.weights import collapse_empty_cells, margin_residuals, poststratify, rake, trim_weights

# Kalton and Flores-Cervantes 2003, a 4 by 3 table of respondents: cells column by column, as in R survey tests/kalton.R.
KALTON = np.array([20, 50, 100, 30, 40, 140, 50, 100, 40, 310, 50, 70], float)
ROW, COLUMN = np.tile(np.arange(4), 3), np.repeat(np.arange(3), 4)
ROW_TOTALS = dict(enumerate([175.0, 550, 430, 345]))
COLUMN_TOTALS = dict(enumerate([365.0, 415, 720]))


def test_raking_as_published() -> None:
    raked = rake(KALTON, {"a": (ROW, ROW_TOTALS), "b": (COLUMN, COLUMN_TOTALS)})
    expected = [
        [1.810805, 1.452822, 2.016776],
        [1.083564, 0.869352, 1.206815],
        [2.196089, 1.761938, 2.445884],
        [1.833226, 1.470810, 2.041746],
    ]
    found = raked.factors.reshape(3, 4).T
    assert found == pytest.approx(np.array(expected), abs=5e-7)
    assert np.bincount(ROW, raked.weights) == pytest.approx(list(ROW_TOTALS.values()), rel=1e-11)
    assert np.bincount(COLUMN, raked.weights) == pytest.approx(list(COLUMN_TOTALS.values()), rel=1e-11)
    people = np.repeat(raked.factors, KALTON.astype(int))
    assert kish_deff(people) == pytest.approx(1.099680679, abs=5e-10)
    assert kish_effective_n(people) == pytest.approx(909.3548874, abs=5e-8)


def test_poststratification_as_published() -> None:
    # The same source prints the factors to two digits; these counts are the whole numbers that add up to its margins.
    population = np.array([[80, 40, 55], [60, 150, 340], [170, 60, 200], [55, 165, 125]], float)
    cells = [f"{a}{b}" for a, b in zip(ROW, COLUMN, strict=True)]
    frame = {f"{a}{b}": population[a, b] for a in range(4) for b in range(3)}
    factors = poststratify(KALTON, cells, frame).factors.reshape(3, 4).T
    printed = [[4.0, 1.0, 1.38], [1.2, 1.07, 1.1], [1.7, 1.2, 4.0], [1.83, 1.65, 1.79]]
    assert factors == pytest.approx(np.array(printed), abs=0.0051)


def test_rows_are_cells_of_one() -> None:
    weights, labels = np.array([1.0, 2, 3, 4]), ["a", "b", "a", "b"]
    by_row = poststratify(weights, labels, {"a": 40, "b": 12})
    by_cell = poststratify([4.0, 6.0], ["a", "b"], {"a": 40, "b": 12})
    assert by_row.factors.tolist() == [10, 2, 10, 2] and by_cell.factors.tolist() == [10, 2]
    assert by_row.weights.tolist() == [10, 4, 30, 8]


def test_every_fault_of_a_frame_is_named() -> None:
    with pytest.raises(ValueError) as fault:
        poststratify([1, 1], ["a", "x"], {"a": 5, "b": 3, "c": -1, "unused": 0})
    for words in ("not in the population: x", "must be positive: c", "without respondents: b"):
        assert words in str(fault.value)
    assert "unused" not in str(fault.value)
    with pytest.raises(ValueError, match="must be positive: a"):
        poststratify([1], ["a"], {"a": 0})


def test_margins_that_count_different_populations() -> None:
    with pytest.raises(ValueError, match=r"different populations: sex 100, channel 90"):
        rake([1, 1], {"sex": (["f", "m"], {"f": 50, "m": 50}), "channel": (["web", "desk"], {"web": 60, "desk": 30})})


def test_raking_that_cannot_converge_names_the_margins() -> None:
    # Nobody in cells (a, y) and (b, x): both margins fix the same two cells differently.
    with pytest.raises(ValueError, match=r"did not converge.*sex f off by.*channel") as fault:
        rake(
            [10, 10],
            {"sex": (["f", "m"], {"f": 30, "m": 70}), "channel": (["web", "desk"], {"web": 60, "desk": 40})},
            max_rounds=50,
        )
    assert "channel web" in str(fault.value)


def test_an_empty_cell_goes_where_the_rule_says() -> None:
    population = {("web", "north"): 100.0, ("desk", "north"): 20.0, ("kiosk", "north"): 5.0, ("desk", "south"): 0.0}
    rule = {("kiosk", "north"): ("desk", "north"), ("desk", "north"): ("web", "north")}
    collapsed, moves = collapse_empty_cells(population, [("web", "north")], rule)
    assert collapsed == {("web", "north"): 125.0}
    # The kiosk's stand-in is empty as well, so it is followed further and reported.
    assert [(move.cell[0], move.into[0], move.population) for move in moves] == [  # type: ignore[index]
        ("desk", "web", 20.0),
        ("kiosk", "web", 5.0),
    ]
    with pytest.raises(ValueError, match="kiosk × north"):
        collapse_empty_cells(population, [("web", "north"), ("desk", "north")], {})
    with pytest.raises(ValueError, match="without a stand-in: a, b"):
        collapse_empty_cells({"a": 1.0, "b": 1.0}, ["c"], {"a": "b", "b": "a"})


def test_residuals_are_those_of_a_weighted_regression() -> None:
    rng = np.random.default_rng(1)
    margins = [rng.integers(0, 3, 60), rng.integers(0, 4, 60)]
    w, u = rng.uniform(0.5, 3, 60), rng.normal(size=(60, 2))
    dummies = np.column_stack([np.equal.outer(m, np.arange(m.max() + 1)) for m in margins]).astype(float)
    root = np.sqrt(w)[:, None]
    fitted = dummies @ np.linalg.lstsq(root * dummies, root * u, rcond=None)[0]
    assert margin_residuals(u, margins, w) == pytest.approx(u - fitted, abs=1e-11)
    # Raking over margins and calibrating on their dummies are the same weighting and the same residuals.
    frame = [dict(enumerate(np.bincount(m) * 10.0)) for m in margins]
    raked = rake(w, {"a": (margins[0], frame[0]), "b": (margins[1], frame[1])})
    totals = np.concatenate([list(frame[0].values()), list(frame[1].values())])[:-1]
    greg = calibrate(w, dummies[:, :-1], totals, "raking")
    assert raked.weights == pytest.approx(greg.weights, rel=1e-9)
    assert raked.residuals(u) == pytest.approx(greg.residuals(u), abs=1e-11)


def test_a_margin_that_is_fixed_has_no_error() -> None:
    rng = np.random.default_rng(2)
    group, other = rng.integers(0, 2, 40), rng.integers(0, 3, 40)
    w = rng.uniform(1, 4, 40)
    frame = {"g": (group, {0: 30.0, 1: 70.0}), "o": (other, {0: 20.0, 1: 30.0, 2: 50.0})}
    raked = rake(w, frame)
    share = survey_mean(sample_design(w).reweighted(raked.weights, raked.residuals), group)
    assert share.value[0] == pytest.approx(0.7, rel=1e-11)
    assert share.error[0] == pytest.approx(0, abs=1e-12)


def test_linear_calibration_by_hand() -> None:
    # Weights 1, 1 at x = 1, 3 to a total of 4 people... sum w x g = 6 with one auxiliary: g = 1 + x lambda, lambda = 2/10.
    greg = calibrate([1, 1], [[1], [3]], [6])
    assert greg.factors == pytest.approx([1.2, 1.6], rel=1e-12)
    bounded = calibrate([1, 1], [[1], [3]], [6], bounds=(0.5, 1.5))
    # The second factor stops at 1.5; the first makes up 6 - 4.5.
    assert bounded.factors == pytest.approx([1.5, 1.5], rel=1e-9)
    # exp(l) + 3 exp(3l) = 6 has the root z = exp(l) of z + 3 z^3 = 6.
    z = next(root.real for root in np.roots([3, 0, 1, -6]) if abs(root.imag) < 1e-9)
    assert calibrate([1, 1], [[1], [3]], [6], "raking").factors == pytest.approx([z, z**3], rel=1e-9)


def test_logit_factors_stay_within_bounds() -> None:
    rng = np.random.default_rng(4)
    x = np.column_stack([np.ones(50), rng.normal(50, 10, 50)])
    w = rng.uniform(1, 3, 50)
    target = np.array([w.sum() * 1.1, (w @ x[:, 1]) * 1.25])
    found = calibrate(w, x, target, "logit", (0.4, 2.5))
    assert found.weights @ x == pytest.approx(target, rel=1e-10)
    assert found.factors.min() > 0.4 and found.factors.max() < 2.5
    # An auxiliary is known: its total has no error left.
    assert found.residuals(x) == pytest.approx(0, abs=1e-10)


def test_calibration_names_what_cannot_be_met() -> None:
    with pytest.raises(ValueError, match="not met: people"):
        calibrate([1, 1], [[1.0], [1.0]], [10], bounds=(0.5, 2), names=["people"])
    with pytest.raises(ValueError, match="collinear"):
        calibrate([1, 1, 1], [[1.0, 2], [1, 2], [1, 2]], [3, 6])
    with pytest.raises(ValueError, match="must hold 1"):
        calibrate([1, 1], [[1.0], [2]], [3], bounds=(1.1, 2))
    with pytest.raises(ValueError, match="logit needs bounds"):
        calibrate([1, 1], [[1.0], [2]], [3], "logit")


def test_trimming_as_computed_by_hand() -> None:
    # 6.5 is cut to 5; the excess of 1.5 goes to 3.5 of weight in proportion: times 5/3.5.
    w = [0.5, 0.8, 1, 1.2, 6.5]
    assert trim_weights(w) == pytest.approx([0.714286, 1.142857, 1.428571, 1.714286, 5], abs=5e-7)
    assert (kish_deff(w), kish_deff(trim_weights(w))) == pytest.approx((2.279, 1.5897959), abs=5e-8)
    # In equal parts: 1.5 / 4 each.
    assert trim_weights(w, 5, spread="equal") == pytest.approx([0.875, 1.175, 1.375, 1.575, 5], rel=1e-12)


def test_trimming_goes_on_until_nothing_is_outside() -> None:
    w = [1.0, 1, 2.9, 7.1]
    # Once: 4.1 spread over 4.9 pushes the third above 3; again: it is cut too, and 6 remain for the two small ones.
    assert trim_weights(w, 3, iterate=False)[2] > 3
    assert trim_weights(w, 3) == pytest.approx([3, 3, 3, 3], rel=1e-12)
    assert trim_weights([1.0, 1, 2.9, 7.1], 4) == pytest.approx([2, 2, 4, 4], rel=1e-12)
    assert trim_weights([1.0, 1, 1], 5).tolist() == [1, 1, 1]
    # One weight is raised to the floor at the expense of the others.
    assert trim_weights([0.1, 2, 2], 5, floor=0.5) == pytest.approx([0.5, 1.8, 1.8], rel=1e-12)
    with pytest.raises(ValueError, match="cannot add up"):
        trim_weights(w, 2)
