"""Time figures of many units: those of each unit taken alone, and published values.

Belongs here: `methodology.time_figures`. Does not belong here: the curves themselves (`test_survival`).
"""

import numpy as np
import pytest

from methodology.survival import Cells, kaplan_meier
from methodology.time_figures import TimeFigures, time_figures

# Freireich 1963, 6-MP arm, 21 patients: week, relapses, censored.
WEEKS = [6, 7, 9, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 34, 35]
RELAPSED = [3, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0]
CENSORED = [1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 2, 1, 1]


def _figures(rows: object, target: float, horizon: float) -> TimeFigures:
    """Of rows (unit, duration, ended, censored, entered)."""
    return time_figures(Cells.of(*np.array(rows, float).reshape(-1, 5).T), target, horizon)


def test_published_curve() -> None:
    # R survival: median 23 from 13, S(10) = .752941 with error .0963497, restricted mean to 35 = 23.287395 (2.827468).
    rows = [(0, w, d, c, 0) for w, d, c in zip(WEEKS, RELAPSED, CENSORED, strict=True)]
    found = _figures([(0, 0, 0, 0, 21), *rows], target=10, horizon=35)
    assert (found.n[0], found.ended[0]) == (21, 9)
    assert (found.median.value[0], found.median.low[0]) == (23, 13)
    assert np.isnan(found.median.high[0])
    assert found.by_target.value[0] == pytest.approx(1 - 0.752941, abs=5e-7)
    assert found.by_target.error[0] == pytest.approx(0.0963497, abs=5e-8)
    assert found.mean.value[0] == pytest.approx(23.287395, abs=5e-7)
    assert found.mean.error[0] == pytest.approx(2.827468, abs=5e-7)
    # Of the nine relapsed alone: median 10, 5 of 9 within ten weeks.
    assert found.closed_only.median[0] == 10
    assert found.closed_only.by_target[0] == pytest.approx(5 / 9)
    assert found.closed_only.mean[0] == pytest.approx(109 / 9)


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
    found = _figures(random.permutation(table), target=8, horizon=12)
    for unit in range(60):
        own = table[table[:, 0] == unit]
        own[:, 0] = 0
        alone = _figures(own, target=8, horizon=12)
        for name in ("median", "by_target", "mean"):
            one, many = (getattr(figures, name).parts for figures in (alone, found))
            assert [part[unit] for part in many] == pytest.approx([part[0] for part in one], nan_ok=True, abs=1e-12)
        curve = kaplan_meier(Cells.of(*own.T))
        watched, over = float(curve.last[0]), curve.survival[0, -1] == 0
        assert np.isnan(found.by_target.value[unit]) == (watched < 8 and not over)
        assert np.isnan(found.mean.value[unit]) == (watched < 12 and not over)
        share = found.by_target.value[unit]
        if 0 < share < 1:
            still = curve.at(8)
            limits = (found.by_target.low[unit], found.by_target.high[unit])
            assert (share, *limits) == pytest.approx((1 - still.value[0], 1 - still.high[0], 1 - still.low[0]))
        elif not np.isnan(share):
            assert found.by_target.high[unit] > found.by_target.low[unit]
        ended = np.repeat(own[:, 1], own[:, 2].astype(int))
        expected = (np.median(ended), np.mean(ended <= 8)) if ended.size else (np.nan, np.nan)
        closed = (found.closed_only.median[unit], found.closed_only.by_target[unit])
        assert closed == pytest.approx(expected, nan_ok=True)


def test_nobody_or_everybody_by_the_target_keeps_a_width() -> None:
    # Unit 0: five open cases watched ten days; unit 1: five resolved on the first. Wilson of 0 and of 5 in 5: 0.4345 wide.
    rows = [(0, 0, 0, 0, 5), (0, 10, 0, 5, 0), (1, 0, 0, 0, 5), (1, 1, 5, 0, 0)]
    found = _figures(rows, target=3, horizon=10)
    assert found.by_target.value.tolist() == [0, 1]
    assert found.by_target.low == pytest.approx([0, 0.565518], abs=1e-6)
    assert found.by_target.high == pytest.approx([0.434482, 1], abs=1e-6)
    assert found.mean.value.tolist() == [10, 1]


def test_nothing_is_said_beyond_what_was_watched() -> None:
    found = _figures([(0, 0, 0, 0, 2), (0, 1, 1, 0, 0), (0, 2, 0, 1, 0)], target=3, horizon=30)
    assert np.isnan([*found.by_target.parts, *found.mean.parts]).all()
    assert found.median.value[0] == 1.5


def test_no_units_make_no_figures() -> None:
    assert _figures([], target=1, horizon=1).median.value.shape == (0,)


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
        _figures(rows, target=1, horizon=2)


def test_a_mean_time_of_equal_cases_still_has_a_width() -> None:
    """Forty cases of three days, and forty of which none was resolved: up to 1 - .05^(1/40) of all may lie at the other end."""
    duration = np.array([0.0, 3, 0, 40])
    ended, censored, entered = np.array([[0.0, 40, 0, 0], [0, 0, 0, 40], [40, 0, 40, 0]])
    found = time_figures(Cells.of(np.array([0, 0, 1, 1]), duration, ended, censored, entered, np.zeros(4)), 5, 30)
    share = 1 - 0.05 ** (1 / 40)
    assert found.mean.value.tolist() == [3, 30]
    np.testing.assert_allclose(found.mean.low, [3 * (1 - share), 30 * (1 - share)])
    np.testing.assert_allclose(found.mean.high, [3 + share * 27, 30])
