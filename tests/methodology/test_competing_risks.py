"""Cumulative incidence beside a competing event: by hand, at its two limits, and its intervals in worlds of known truth.

Belongs here: `methodology.competing_risks`. Does not belong here: figures made of it (`test_time_figures`,
`test_complaint_figures`).
"""

import numpy as np
import pytest

from methodology.competing_risks import aalen_johansen
from methodology.survival import Cells, kaplan_meier


def test_by_hand() -> None:
    # Ten cases. Day 1: 2 resolved, 1 withdrawn of 10; day 2: 1 open is lost; day 3: 3 resolved of 6; day 4: 1 withdrawn of 3.
    # S: .7, .7, .35; resolved by day 3: .2 + .7 x 3/6 = .55; withdrawn by day 4: .1 + .35/3 = .216667.
    # Two more were open at day 5, so that ten entered.
    cells = Cells.of([0] * 5, [1, 2, 3, 4, 5], [2, 0, 3, 0, 0], [0, 1, 0, 0, 2], competing=[1, 0, 0, 1, 0])
    found = aalen_johansen(cells)
    assert found.time.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.incidence[0] == pytest.approx([0, 0.2, 0.2, 0.55, 0.55, 0.55])
    assert found.competing_incidence[0] == pytest.approx([0, 0.1, 0.1, 0.1, 0.1 + 0.35 / 3, 0.1 + 0.35 / 3])
    # By day 1 it is 2 of 10: .2 x .8 / 10. By day 3, by the delta method over the two days' multinomials, of which day 1 has the
    # derivatives 1 - .35/.7 and -.35/.7: .25 (.2 x .8 + .1 x .9 + 2 x .2 x .1) / 10 + .49 x .25 / 6.
    variance = 0.25 * (0.16 + 0.09 + 2 * 0.02) / 10 + 0.49 * 0.25 / 6
    assert found.error[0, 1] == pytest.approx(np.sqrt(0.016))
    assert found.error[0, 3] == pytest.approx(np.sqrt(variance))
    # Days unresolved within five: 1 + .8 + .8 + .45 + .45.
    assert found.restricted_mean(5).value[0] == pytest.approx(3.5)


def test_without_open_cases_it_is_a_binomial_share() -> None:
    random = np.random.default_rng(5)
    days, kind = random.integers(1, 30, 400), random.random(400) < 0.7
    cells = Cells.of([0] * 400, days, kind, np.zeros(400), competing=~kind)
    found = aalen_johansen(cells)
    for day in (1, 7, 15, 29):
        share = np.mean(kind & (days <= day))
        column = found.column(day)
        assert found.incidence[0, column] == pytest.approx(share)
        assert found.error[0, column] == pytest.approx(np.sqrt(share * (1 - share) / 400))
    # And the mean time unresolved is a mean, of the horizon for those withdrawn.
    lived = np.where(kind, np.minimum(days, 20), 20)
    mean = found.restricted_mean(20)
    assert mean.value[0] == pytest.approx(lived.mean())
    assert mean.error[0] == pytest.approx(lived.std() / np.sqrt(400))


def test_without_a_competing_event_it_is_kaplan_meier() -> None:
    random = np.random.default_rng(6)
    days, ended = random.integers(1, 20, 120).astype(float), random.random(120) < 0.6
    entry = np.where(random.random(120) < 0.3, random.integers(0, 3, 120), 0)
    days = np.maximum(days, entry + 1)
    zero = np.zeros(120)
    columns = [
        np.concatenate(pair) for pair in ((zero, zero), (days, entry), (ended, zero), (~ended, zero), (zero, zero + 1))
    ]
    cells = Cells.of(*columns)
    found, known = aalen_johansen(cells), kaplan_meier(cells)
    assert found.incidence == pytest.approx(1 - known.survival)
    assert found.error == pytest.approx(known.error, nan_ok=True)
    for one, other in zip(found.restricted_mean(15).parts, known.restricted_mean(15).parts, strict=True):
        assert one == pytest.approx(other)
    for one, other in zip(found.at(7).parts, known.at(7).parts, strict=True):
        assert one == pytest.approx(other, nan_ok=True)
    for one, other in zip(found.quantile(0.5).parts, known.quantile(0.5).parts, strict=True):
        assert one == pytest.approx(other, nan_ok=True)


def test_intervals_hold_the_truth() -> None:
    """Resolved at rate .08 a day, withdrawn at .04, watched for 5 to 40 days: P(resolved by 10) = 2/3 (1 - exp(-1.2))."""
    random, worlds, cases = np.random.default_rng(8), 1000, 80
    left = random.exponential(1 / 0.12, (worlds, cases))
    resolved = random.random((worlds, cases)) < 2 / 3
    watched = random.uniform(5, 40, (worlds, cases))
    open_ = left > watched
    unit, days = np.repeat(np.arange(worlds), cases), np.ceil(10 * np.minimum(left, watched)).ravel() / 10
    kinds = [(~open_ & resolved).ravel(), open_.ravel(), (~open_ & ~resolved).ravel()]
    found = aalen_johansen(Cells.of(unit, days, kinds[0], kinds[1], competing=kinds[2]))
    share, still = 2 / 3 * -np.expm1(-1.2), found.at(10)
    held = np.mean((1 - still.high <= share) & (share <= 1 - still.low))
    # 95 % within three standard errors of 1,000 worlds, .7 points each.
    assert held == pytest.approx(0.95, abs=0.021)
    # Unresolved within 20 days: 20 - 2/3 (20 - (1 - exp(-2.4)) / .12).
    mean = found.restricted_mean(20)
    truth = 20 - 2 / 3 * (20 + np.expm1(-2.4) / 0.12)
    assert np.mean((mean.low <= truth) & (truth <= mean.high)) == pytest.approx(0.95, abs=0.021)
