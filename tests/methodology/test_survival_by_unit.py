"""Time figures of many units: equal to the curve of each unit taken alone, and to published values.

Belongs here: `methodology.survival_by_unit`. Does not belong here: the curves themselves (`test_survival`).
"""

import numpy as np
import pytest

from methodology.survival import closed_only_median, closed_only_resolved_by, kaplan_meier
from methodology.survival_by_unit import time_figures

# Freireich 1963, 6-MP arm, 21 patients: week, relapses, censored.
WEEKS = [6, 7, 9, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 34, 35]
RELAPSED = [3, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0]
CENSORED = [1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 2, 1, 1]


def test_published_curve() -> None:
    # R survival: median 23 from 13, S(10) = .752941 with error .0963497, restricted mean to 35 = 23.287395 (2.827468).
    rows = [(0, w, d, c, 0) for w, d, c in zip(WEEKS, RELAPSED, CENSORED, strict=True)]
    found = time_figures(*np.array([(0, 0, 0, 0, 21), *rows], float).T, target=10, horizon=35)
    assert (found.n[0], found.ended[0]) == (21, 9)
    assert (found.median[0], found.median_low[0]) == (23, 13)
    assert np.isnan(found.median_high[0])
    assert found.by_target[0] == pytest.approx(1 - 0.752941, abs=5e-7)
    assert found.by_target_error[0] == pytest.approx(0.0963497, abs=5e-8)
    assert found.mean[0] == pytest.approx(23.287395, abs=5e-7)
    assert found.mean_error[0] == pytest.approx(2.827468, abs=5e-7)
    # Of the nine relapsed alone: median 10, 5 of 9 within ten weeks.
    assert found.closed_only_median[0] == 10
    assert found.closed_only_by_target[0] == pytest.approx(5 / 9)
    assert found.closed_only_mean[0] == pytest.approx(109 / 9)


def test_many_units_equal_each_alone() -> None:
    random = np.random.default_rng(7)
    rows = []
    for unit in range(60):
        for _ in range(int(random.integers(1, 40))):
            begin = float(random.integers(0, 6)) if random.random() < 0.3 else 0.0
            stop = begin + float(random.integers(1, 20))
            gone = random.random() < 0.7
            rows += [(unit, begin, 0, 0, 1), (unit, stop, gone, not gone, 0)]
    table = np.array(rows, float)
    found = time_figures(*random.permutation(table).T, target=8, horizon=12)
    for unit in range(60):
        _, duration, ended, censored, entered = table[table[:, 0] == unit].T
        curve = kaplan_meier(duration, ended, censored, entered)
        median = (found.median[unit], found.median_low[unit], found.median_high[unit])
        assert median == pytest.approx(curve.median(), nan_ok=True, abs=1e-12)
        seen, share = curve.time[-1] >= 8 or curve.survival[-1] == 0, curve.resolved_by(8)
        if not seen:
            assert np.isnan(found.by_target[unit])
        elif 0 < share[0] < 1:
            shares = (found.by_target[unit], found.by_target_low[unit], found.by_target_high[unit])
            assert shares == pytest.approx(share, abs=1e-12)
        else:
            assert found.by_target[unit] == share[0]
            assert found.by_target_high[unit] > found.by_target_low[unit]
        means = (found.mean[unit], found.mean_error[unit], found.mean_low[unit], found.mean_high[unit])
        if curve.time[-1] >= 12 or curve.survival[-1] == 0:
            assert means == pytest.approx(curve.restricted_mean(12), abs=1e-12)
        else:
            assert np.isnan(means).all()
        assert found.closed_only_median[unit] == pytest.approx(closed_only_median(duration, ended), nan_ok=True)
        assert found.closed_only_by_target[unit] == pytest.approx(
            closed_only_resolved_by(duration, ended, 8), nan_ok=True
        )


def test_nobody_or_everybody_by_the_target_keeps_a_width() -> None:
    # Unit 0: five open cases watched ten days; unit 1: five resolved on the first. Wilson of 0 and of 5 in 5: 0.4345 wide.
    rows = [(0, 0, 0, 0, 5), (0, 10, 0, 5, 0), (1, 0, 0, 0, 5), (1, 1, 5, 0, 0)]
    found = time_figures(*np.array(rows, float).T, target=3, horizon=10)
    assert found.by_target.tolist() == [0, 1]
    assert found.by_target_low == pytest.approx([0, 0.565518], abs=1e-6)
    assert found.by_target_high == pytest.approx([0.434482, 1], abs=1e-6)
    assert found.mean.tolist() == [10, 1]


def test_nothing_is_said_beyond_what_was_watched() -> None:
    found = time_figures([0, 0, 0], [0, 1, 2], [0, 1, 0], [0, 0, 1], [2, 0, 0], target=3, horizon=30)
    assert np.isnan([found.by_target[0], found.by_target_low[0], found.mean[0], found.mean_low[0]]).all()
    assert found.median[0] == 1.5


def test_no_units_make_no_figures() -> None:
    nothing: list[float] = []
    assert time_figures(nothing, nothing, nothing, nothing, nothing, target=1, horizon=1).median.shape == (0,)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(0, 0, 0, 0, 1), (0, -1, 1, 0, 0)], "not negative"),
        ([(0, 0, 0, 0, 1), (1, 1, 1, 0, 1)], "without a case"),
        ([(0, 0, 0, 0, 2), (0, 1, 1, 0, 0)], "add up"),
        ([(0, 3, 0, 0, 1), (0, 1, 1, 0, 0)], "before they were taken over"),
    ],
)
def test_bad_cells_are_refused(rows: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        time_figures(*np.array(rows, float).T, target=1, horizon=2)
