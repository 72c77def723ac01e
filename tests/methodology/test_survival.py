"""Time to an event: Freireich's remission data with printed figures, row form against cells, and edges by hand.

Belongs here: `methodology.survival`, `methodology.log_rank`. Does not belong here: the reference case (`tests/reference`), many
units at once (`test_time_figures`).
"""

import numpy as np
import pytest
from scipy import stats

from methodology.log_rank import log_rank
from methodology.survival import Cells, SurvivalCurves, kaplan_meier
from methodology.time_figures import time_figures

# Weeks of remission on 6-MP (Freireich et al. 1963), 1 = relapse; figures from R survival (vectors.json, domain.md
# section 10). The placebo arm is printed in every textbook: all relapse.
TIME = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
EVENT = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
SURVIVAL = {6: 0.857143, 7: 0.806723, 10: 0.752941, 13: 0.690196, 16: 0.627451, 22: 0.537815, 23: 0.448179}
ERROR = {6: 0.0763604, 7: 0.0869353, 10: 0.0963497, 13: 0.1068147, 16: 0.1140539, 22: 0.1282338, 23: 0.1345915}


def _open(events: list[int]) -> list[int]:
    return [1 - event for event in events]


def _cells(duration: object, events: object, censored: object, entries: object = None) -> Cells:
    """Of one unit."""
    return Cells.of(np.zeros(np.size(duration), int), duration, events, censored, entries)


def _curve(*cells: object, **entries: object) -> SurvivalCurves:
    return kaplan_meier(_cells(*cells, **entries))


def _at(curve: SurvivalCurves, time: float) -> int:
    """Place of a duration at which somebody left."""
    (position,) = np.flatnonzero(curve.time == time)
    return int(position)


def test_freireich() -> None:
    curve = _curve(TIME, EVENT, _open(EVENT))
    for time, value in SURVIVAL.items():
        assert curve.at(time).value[0] == pytest.approx(value, abs=5e-7)
        assert curve.error[0, _at(curve, time)] == pytest.approx(ERROR[time], abs=5e-8)
    median = curve.quantile(0.5)
    assert (median.value[0], median.low[0]) == (23, 13)
    assert np.isnan(median.high[0])
    mean = curve.restricted_mean(35)
    assert (mean.value[0], mean.error[0]) == pytest.approx((23.287394958, 2.827467623), abs=5e-9)


def test_closed_cases_alone_understate() -> None:
    # domain.md section 10: the median is 10 where Kaplan-Meier has 23; 55.6 % within 10 weeks where it has 24.7 %.
    found = time_figures(_cells(TIME, EVENT, _open(EVENT)), target=10, horizon=35)
    assert found.closed_only.median[0] == 10
    assert found.closed_only.by_target[0] == pytest.approx(0.5556, abs=5e-5)
    resolved = found.by_target
    assert resolved.value[0] == pytest.approx(0.2471, abs=5e-5)
    assert resolved.low[0] < resolved.value[0] < resolved.high[0]
    assert np.isnan(time_figures(_cells([3], [0], [1]), 1, 1).closed_only.median[0])
    assert time_figures(_cells([1, 2, 3, 10], [1, 1, 1, 1], [0] * 4), 1, 1).closed_only.median[0] == 2.5


def test_grouped_cells_are_the_rows() -> None:
    rows = _curve(TIME, EVENT, _open(EVENT))
    times = sorted(set(TIME), reverse=True)
    events = [sum(e for t, e in zip(TIME, EVENT, strict=True) if t == time) for time in times]
    censored = [sum(1 - e for t, e in zip(TIME, EVENT, strict=True) if t == time) for time in times]
    cells = _curve(times, events, censored)
    for name in ("time", "at_risk", "events", "censored", "survival", "log_error"):
        assert getattr(cells, name) == pytest.approx(getattr(rows, name), abs=1e-12), name


def test_limits_by_their_formulas() -> None:
    # S(6) = 18/21 with Greenwood's sum 3 / (21 * 18).
    curve, z = _curve(TIME, EVENT, _open(EVENT)), 1.959963984540054
    s, e = 18 / 21, np.sqrt(3 / (21 * 18))
    power = np.exp(z * e / np.log(s))
    limits = {
        "plain": (s - z * s * e, 1.0),
        "log": (s * np.exp(-z * e), 1.0),
        "log-log": (s ** (1 / power), s**power),
    }
    for scale, (low, high) in limits.items():
        found = curve.at(6, scale)
        assert (found.low[0], found.high[0]) == pytest.approx((low, high))
    with pytest.raises(ValueError, match="log-log, not logit"):
        curve.limits("logit")


def test_before_between_and_after() -> None:
    curve = _curve([2, 4], [1, 1], [0, 2])
    before = curve.at(1.9)
    assert (before.value[0], before.low[0], before.high[0]) == (1, 1, 1)
    assert curve.at(3).value[0] == curve.at(2).value[0] == 0.75
    assert curve.at(99).value[0] == pytest.approx(0.75 * 2 / 3)
    assert list(curve.time) == [0, 2, 4]
    assert list(curve.cumulative_hazard[0]) == pytest.approx([0, 1 / 4, 1 / 4 + 1 / 3])


def test_a_median_on_a_flat_is_its_middle() -> None:
    # S is 1/2 from 2 to 3; and a curve that ends at 1/2 is flat to its last duration.
    assert _curve([1, 2, 3, 4], [1, 1, 1, 1], [0] * 4).quantile().value[0] == 2.5
    assert _curve([1, 2, 9], [1, 1, 0], [0, 0, 2]).quantile().value[0] == 5.5
    # 1 - 1/3 - ... in floating point: ten of thirty resolved at 1, five at 2, the rest later: S(2) is one half exactly.
    assert _curve([1, 2, 6], [10, 5, 15], [0, 0, 0]).quantile().value[0] == 4


def test_nothing_resolved_and_everything_resolved() -> None:
    still = _curve([5, 9], [0, 0], [2, 1])
    median, mean = still.quantile(), still.restricted_mean(9)
    assert np.isnan([median.value, median.low, median.high]).all()
    assert (mean.value[0], mean.error[0]) == (9, 0)
    done = _curve([5], [1], [0])
    assert done.quantile().value[0] == 5
    assert np.isnan(done.error[0, _at(done, 5)])
    assert np.isnan([limit[0, _at(done, 5)] for limit in done.limits("plain")]).all()
    assert [part[0] for part in done.restricted_mean(8).parts] == [5, 0, 5, 5]


def test_stock_taken_over_counts_only_from_then_on() -> None:
    # Two fresh cases resolved at 1 and 4; one of age 2 taken over, resolved at 3. By hand: S = 1/2, then 1/2 of two at
    # risk, then the last one.
    curve = _curve([0, 1, 2, 3, 4], [0, 1, 0, 1, 1], [0] * 5, entries=[2, 0, 1, 0, 0])
    left = [_at(curve, time) for time in (1, 3, 4)]
    assert list(curve.at_risk[0, left]) == [2, 2, 1]
    assert list(curve.survival[0, left]) == [0.5, 0.25, 0]
    # Without it the stock seems to have been watched all along.
    assert _curve([1, 3, 4], [1, 1, 1], [0] * 3).at(1).value[0] == pytest.approx(2 / 3)


def test_stock_removes_the_bias_that_ignoring_it_brings() -> None:
    # Exponential durations, mean 10: cases opened over 60 days, watched from day 30. Cases resolved before day 30 are never
    # seen; the old ones that are seen are the slow ones.
    rng = np.random.default_rng(11)
    opened, lasted = rng.uniform(0, 60, 6000), rng.exponential(10, 6000)
    seen = (opened + lasted > 30) & (opened <= 60)
    opened, lasted = opened[seen], lasted[seen]
    entry, leave = np.maximum(30 - opened, 0), np.minimum(lasted, 60 - opened)
    event = (lasted <= 60 - opened).astype(float)
    time, position = np.unique(np.concatenate([entry, leave]), return_inverse=True)
    arrive, go = position[: entry.size], position[entry.size :]
    died, stay = np.bincount(go, event, time.size), np.bincount(go, 1 - event, time.size)
    truth = np.exp(-1)
    entries = np.bincount(arrive, minlength=time.size)
    assert _curve(time, died, stay, entries=entries).at(10).value[0] == pytest.approx(truth, abs=0.03)
    assert _curve(time, died, stay).at(10).value[0] > truth + 0.08


def test_same_day_cases_enter_before_they_leave() -> None:
    curve = _curve([0, 5], [1, 1], [0, 0], entries=[2, 0])
    assert list(curve.at_risk[0]) == [2, 1]


def test_log_rank_of_both_arms() -> None:
    # domain.md section 10: chi2 = 16.7929; observed and expected 9, 19.25 and 21, 10.75 (Cox & Oakes 1984).
    times = sorted({*TIME, *PLACEBO})
    events = [[sum(e for t, e in zip(TIME, EVENT, strict=True) if t == time) for time in times]]
    censored = [[sum(1 - e for t, e in zip(TIME, EVENT, strict=True) if t == time) for time in times]]
    events.append([PLACEBO.count(time) for time in times])
    censored.append([0] * len(times))
    found = log_rank(times, events, censored)
    assert found.chi2 == pytest.approx(16.7929, abs=5e-5)
    assert list(found.observed) == [9, 21]
    assert list(found.expected) == pytest.approx([19.25, 10.75], abs=5e-3)
    assert found.p_value == pytest.approx(stats.chi2.sf(16.7929, 1), rel=1e-3)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (([-1], [1], [0]), "not negative"),
        (([1], [-1], [3]), "counts"),
        (([1], [0], [0]), "without a case"),
        (([1, 2], [1], [0]), "one length"),
        (([1], [1], [0], [2]), "add up"),
        (([1, 2], [1, 0], [0, 0], [0, 1]), "before they were taken over"),
    ],
)
def test_bad_cells_are_refused(cells: tuple[list[float], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _curve(*cells)


def test_a_log_rank_test_compares() -> None:
    with pytest.raises(ValueError, match="two groups"):
        log_rank([1], [[1]], [[0]])
