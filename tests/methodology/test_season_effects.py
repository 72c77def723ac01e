"""Seasons in scores and their charts: Ramadan moves every agency at once, by the moon and not by the quarter.

Belongs here: `methodology.season_effects`, and charts of agencies that have seasons. Does not belong here: the calendar
(`tests/dbt/test_experience_tables`), limits and rules (`test_control_charts`).
"""

import numpy as np
import pandas as pd
import pytest

from methodology.charted_series import charted
from methodology.parameters import load_methodology
from methodology.season_effects import season_effects
from simulation.coverage.charts import called


def test_a_fall_is_seen_through_the_swings_of_ramadan() -> None:
    """Of three sigmas, within two quarters, at twelve: four in five, though the month moves scores by up to six."""
    assert called(np.random.default_rng(7), 40, effect=-20, fall=3).any(axis=0).mean() >= 0.8


@pytest.mark.parametrize("shock", [0.0, 0.5])
@pytest.mark.parametrize("effect", [0.0, -20.0])
def test_stable_agencies_are_called_as_often_as_stated(effect: float, shock: float) -> None:
    """Some signal in at most one quarter of twenty, also where quarters move for reasons of their own."""
    # 100 worlds that move together: three standard errors are about a point.
    assert called(np.random.default_rng(7), 100, effect, 0, shock).mean() <= 0.055


def test_an_effect_by_hand() -> None:
    """Two agencies, four quarters, half of the second is a season that costs 4 points: with a wide prior it is found."""
    score = np.array([70, 68, 70, 70, 80, 78, 80, 80], float)
    unit, quarter = np.repeat([0, 1], 4), np.tile(np.arange(4), 2)
    found = season_effects(score, unit, quarter, np.array([[0], [0.5], [0], [0], [1.0], [np.nan]]), 1e6)
    # Against a mean quarter, an eighth of which is season.
    assert found.effect == pytest.approx([0.5, -1.5, 0.5, 0.5, -3.5, 0], abs=1e-6)
    # With a prior of almost no effect there is none.
    assert season_effects(score, unit, quarter, np.array([[0], [0.5], [0], [0]]), 1e-6).effect == pytest.approx(
        0, abs=1e-6
    )


def test_agencies_that_miss_quarters_do_not_look_like_a_season() -> None:
    """The best agency reports in two quarters only: g_t is that of the others."""
    score, unit = np.array([60.0, 62, 60, 62, 90, 92]), np.array([0, 0, 0, 0, 1, 1])
    quarter, days = np.array([0, 1, 2, 3, 2, 3]), np.array([[0], [0.5], [0], [0.5]])
    assert season_effects(score, unit, quarter, days, 1e6).effect == pytest.approx([-1, 1, -1, 1], abs=1e-6)


def test_agencies_that_replace_others_do_not_look_like_a_movement() -> None:
    """Ten agencies report up to the eighth quarter and ten others from the ninth, one in both of these: six points less in a
    season, of which the second half has more, and nothing between the halves."""
    rows = [(a, q) for a in range(10) for q in range(8)] + [(a, q) for a in range(10, 20) for q in range(8, 16)]
    unit, quarter = np.array([*rows, (20, 7), (20, 8)]).T
    days = np.zeros((16, 1))
    days[[1, 5, 9, 11, 13, 15]] = 0.5
    level = np.repeat([90.0, 40, 60], [10, 10, 1])
    found = season_effects(level[unit] - 6 * (days[quarter, 0] > 0), unit, quarter, days, 1e6)
    assert found.effect[1] - found.effect[0] == pytest.approx(-6, abs=1e-6)


def test_nothing_is_said_of_quarters_without_a_calendar() -> None:
    none = np.full((2, 1), np.nan)
    found = season_effects(np.array([1.0, 2.0]), np.array([0, 0]), np.array([0, 1]), none, 10)
    assert not found.effect.any() and not found.error.any()


@pytest.mark.parametrize("end", [0.0, 100.0])
def test_a_point_without_a_signal_lies_within_the_limits_shown(end: float) -> None:
    """An agency that stands at an end of the scale while the month moves all others by eight points."""
    days = np.zeros((16, 1))
    days[[1, 5, 9, 13, 15]] = 1 / 3
    score = 60 + np.random.default_rng(3).normal(0, 1, (8, 16)) + (8 if end == 0 else -8) * (days[:, 0] > 0)
    score[0] = end
    told = pd.DataFrame({"series": np.repeat(np.arange(8), 16), "quarter": np.tile(np.arange(16), 8)}).assign(
        score=score.ravel(), n_effective=200.0, metric_id="m", unit_type="agency"
    )
    now = told[told["quarter"] == 15].reset_index(drop=True)
    made = charted(now, told, {"m"}, load_methodology("2026.2").thresholds, days, {"m": 5.0})
    inside = (made["lower_limit"] <= score[:, 15]) & (score[:, 15] <= made["upper_limit"])
    assert made["control_method"][0] == "p_laney"
    assert (inside | (made["control_signal"] == "beyond_limits")).all()


@pytest.mark.parametrize("unit", [0.001, 1_000.0])
def test_the_unit_of_a_metric_decides_no_signal(unit: float) -> None:
    """Scores fall by 40 standard deviations in the first season there is: told in points, in thousands and in thousandths."""
    days = np.zeros((16, 1))
    days[15] = 1 / 3
    score = 60 + np.random.default_rng(3).normal(0, 1, (8, 16))
    score[:, 15] -= 40
    told = pd.DataFrame({"series": np.repeat(np.arange(8), 16), "quarter": np.tile(np.arange(16), 8)}).assign(
        score=score.ravel(), n_effective=200.0, metric_id="m", unit_type="agency"
    )
    widths = []
    for scale in (1.0, unit):
        rows = told.assign(score=scale * told["score"])
        now = rows[rows["quarter"] == 15].reset_index(drop=True)
        made = charted(now, rows, set(), load_methodology("2026.2").thresholds, days, {"m": 5.0 * scale})
        assert set(made["control_signal"]) == {"beyond_limits"}
        widths.append((np.asarray(made["upper_limit"], float) - np.asarray(made["lower_limit"], float)) / scale)
    assert widths[1] == pytest.approx(widths[0])
