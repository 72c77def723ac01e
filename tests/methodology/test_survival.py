"""Time to an event: Freireich's remission data with printed figures, row form against cells, and edges by hand.

Belongs here: `methodology.survival`. Does not belong here: the reference case (`tests/reference`).
"""

import numpy as np
import pytest
from scipy import stats

from methodology.survival import (
    closed_only_median,
    closed_only_resolved_by,
    kaplan_meier,
    log_rank,
)

# Weeks of remission on 6-MP (Freireich et al. 1963), 1 = relapse; figures from R survival (vectors.json, domain.md
# section 10). The placebo arm is printed in every textbook: all relapse.
TIME = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
EVENT = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
SURVIVAL = {6: 0.857143, 7: 0.806723, 10: 0.752941, 13: 0.690196, 16: 0.627451, 22: 0.537815, 23: 0.448179}
ERROR = {6: 0.0763604, 7: 0.0869353, 10: 0.0963497, 13: 0.1068147, 16: 0.1140539, 22: 0.1282338, 23: 0.1345915}


def _open(events: list[int]) -> list[int]:
    return [1 - event for event in events]


def test_freireich() -> None:
    curve = kaplan_meier(TIME, EVENT, _open(EVENT))
    for time, value in SURVIVAL.items():
        assert curve.at(time)[0] == pytest.approx(value, abs=5e-7)
        assert curve.error[curve.time == time][0] == pytest.approx(ERROR[time], abs=5e-8)
    median, low, high = curve.median()
    assert (median, low) == (23, 13)
    assert np.isnan(high)
    mean, spread, _, _ = curve.restricted_mean(35)
    assert (mean, spread) == pytest.approx((23.287394958, 2.827467623), abs=5e-9)


def test_closed_cases_alone_understate() -> None:
    # domain.md section 10: the median is 10 where Kaplan-Meier has 23; 55.6 % within 10 weeks where it has 24.7 %.
    curve = kaplan_meier(TIME, EVENT, _open(EVENT))
    assert closed_only_median(TIME, EVENT) == 10
    assert closed_only_resolved_by(TIME, EVENT, 10) == pytest.approx(0.5556, abs=5e-5)
    resolved, low, high = curve.resolved_by(10)
    assert resolved == pytest.approx(0.2471, abs=5e-5)
    assert low < resolved < high
    assert np.isnan(closed_only_median([3], [0]))
    assert closed_only_median([1, 2, 3, 10], [1, 1, 1, 1]) == 2.5


def test_grouped_cells_are_the_rows() -> None:
    rows = kaplan_meier(TIME, EVENT, _open(EVENT))
    times = sorted(set(TIME), reverse=True)
    events = [sum(e for t, e in zip(TIME, EVENT, strict=True) if t == time) for time in times]
    censored = [sum(1 - e for t, e in zip(TIME, EVENT, strict=True) if t == time) for time in times]
    cells = kaplan_meier(times, events, censored)
    for name in ("time", "at_risk", "events", "censored", "survival", "log_error"):
        assert getattr(cells, name) == pytest.approx(getattr(rows, name), abs=1e-12), name


def test_limits_by_their_formulas() -> None:
    # S(6) = 18/21 with Greenwood's sum 3 / (21 * 18).
    curve, z = kaplan_meier(TIME, EVENT, _open(EVENT)), 1.959963984540054
    s, e = 18 / 21, np.sqrt(3 / (21 * 18))
    assert curve.at(6, "plain")[1:] == pytest.approx((s - z * s * e, 1.0))
    assert curve.at(6, "log")[1:] == pytest.approx((s * np.exp(-z * e), 1.0))
    power = np.exp(z * e / np.log(s))
    assert curve.at(6, "log-log")[1:] == pytest.approx((s ** (1 / power), s**power))
    with pytest.raises(ValueError, match="log-log, not logit"):
        curve.limits("logit")


def test_before_between_and_after() -> None:
    curve = kaplan_meier([2, 4], [1, 1], [0, 2])
    assert curve.at(1.9) == (1, 1, 1)
    assert curve.at(3)[0] == curve.at(2)[0] == 0.75
    assert curve.at(99)[0] == pytest.approx(0.75 * 2 / 3)
    assert list(curve.cumulative_hazard) == pytest.approx([1 / 4, 1 / 4 + 1 / 3])


def test_a_median_on_a_flat_is_its_middle() -> None:
    # S is 1/2 from 2 to 3; and a curve that ends at 1/2 is flat to its last duration.
    assert kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1], [0] * 4).median()[0] == 2.5
    assert kaplan_meier([1, 2, 9], [1, 1, 0], [0, 0, 2]).median()[0] == 5.5
    # 1 - 1/3 - ... in floating point: ten of thirty resolved at 1, five at 2, the rest later: S(2) is one half exactly.
    assert kaplan_meier([1, 2, 6], [10, 5, 15], [0, 0, 0]).median()[0] == 4


def test_nothing_resolved_and_everything_resolved() -> None:
    still = kaplan_meier([5, 9], [0, 0], [2, 1])
    assert np.isnan(still.median()).all()
    assert still.restricted_mean(9)[:2] == (9, 0)
    done = kaplan_meier([5], [1], [0])
    assert done.median()[0] == 5
    assert np.isnan(done.error).all()
    assert np.isnan(done.limits("plain")).all()
    assert done.restricted_mean(8) == (5, 0, 5, 5)


def test_stock_taken_over_counts_only_from_then_on() -> None:
    # Two fresh cases resolved at 1 and 4; one of age 2 taken over, resolved at 3. By hand: S = 1/2, then 1/2 of two at
    # risk, then the last one.
    curve = kaplan_meier([0, 1, 2, 3, 4], [0, 1, 0, 1, 1], [0] * 5, entries=[2, 0, 1, 0, 0])
    assert list(curve.time) == [1, 3, 4]
    assert list(curve.at_risk) == [2, 2, 1]
    assert list(curve.survival) == [0.5, 0.25, 0]
    # Without it the stock seems to have been watched all along.
    assert kaplan_meier([1, 3, 4], [1, 1, 1], [0] * 3).survival[0] == pytest.approx(2 / 3)


def test_stock_removes_the_bias_that_ignoring_it_brings() -> None:
    # Exponential durations, mean 10: cases opened over 60 days, watched from day 30. Cases resolved before day 30 are never
    # seen; the old ones that are seen are the slow ones.
    rng = np.random.default_rng(11)
    opened, lasted = rng.uniform(0, 60, 6000), rng.exponential(10, 6000)
    seen = (opened + lasted > 30) & (opened <= 60)
    opened, lasted = opened[seen], lasted[seen]
    entry, leave = np.maximum(30 - opened, 0), np.minimum(lasted, 60 - opened)
    event = (lasted <= 60 - opened).astype(float)
    time, place = np.unique(np.concatenate([entry, leave]), return_inverse=True)
    arrive, go = place[: entry.size], place[entry.size :]
    died, stay = np.bincount(go, event, time.size), np.bincount(go, 1 - event, time.size)
    truth = np.exp(-1)
    assert kaplan_meier(time, died, stay, np.bincount(arrive, minlength=time.size)).at(10)[0] == pytest.approx(
        truth, abs=0.03
    )
    assert kaplan_meier(time, died, stay).at(10)[0] > truth + 0.08


def test_same_day_cases_enter_before_they_leave() -> None:
    curve = kaplan_meier([0, 5], [1, 1], [0, 0], entries=[2, 0])
    assert list(curve.at_risk) == [2, 1]


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
        (([1], [0], [0]), "no case"),
        (([1, 2], [1], [0]), "one length"),
        (([1], [1], [0], [2]), "add up"),
        (([1, 2], [1, 0], [0, 0], [0, 1]), "before they were taken over"),
    ],
)
def test_bad_cells_are_refused(cells: tuple[list[float], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kaplan_meier(*cells)


def test_a_log_rank_test_compares() -> None:
    with pytest.raises(ValueError, match="two groups"):
        log_rank([1], [[1]], [[0]])
