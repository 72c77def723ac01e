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

LIMITS = load_methodology("2026.2").thresholds
# Share of the days of 2022Q4 to 2025Q4 that fall in Ramadan (29 or 30 days from 23 March 2023, 11 March 2024, 1 March 2025).
RAMADAN = np.array([0, 9 / 90, 20 / 91, 0, 0, 21 / 91, 9 / 91, 0, 0, 29 / 90, 0, 0, 0])
QUARTERS = len(RAMADAN)


def _signals(effect: float, fall: float, worlds: int, agencies: int, shock: float = 0) -> np.ndarray:
    """Signals of agencies' last two quarters (2, worlds x agencies), one metric a world.

    A quarter that is all Ramadan moves scores by `effect`, all agencies share shocks, and all fall by so many sigmas in the
    quarter before the last.
    """
    random = np.random.default_rng(7)
    score = 70 + random.standard_normal((worlds, agencies, QUARTERS)) + effect * RAMADAN
    score += shock * random.standard_normal((worlds, 1, QUARTERS))
    score[..., -2:] -= fall * np.hypot(1, shock)
    series = worlds * agencies
    rows = pd.DataFrame(
        {
            "unit_type": "agency",
            "metric_id": np.repeat([f"m{world}" for world in range(worlds)], agencies * QUARTERS),
            "series": np.repeat(np.arange(series), QUARTERS),
            "quarter": np.tile(np.arange(QUARTERS), series),
            "score": score.ravel(),
            "n_effective": 400.0,
        }
    )
    told = []
    for last in (QUARTERS - 2, QUARTERS - 1):
        before = rows[rows["quarter"] <= last].reset_index(drop=True)
        now = before[before["quarter"] == last].reset_index(drop=True)
        told.append(charted(now, before, set(), LIMITS, RAMADAN[:, None])["control_signal"])
    return np.array(told)


def test_a_fall_is_seen_through_the_swings_of_ramadan() -> None:
    """Of three sigmas, within two quarters, at twelve: four in five, though the month moves scores by up to six."""
    told = _signals(effect=-20, fall=3, worlds=40, agencies=36)
    assert np.mean((told != "none").any(axis=0)) >= 0.8


@pytest.mark.parametrize("shock", [0.0, 0.5])
@pytest.mark.parametrize("effect", [0.0, -20.0])
def test_stable_agencies_are_called_as_often_as_stated(effect: float, shock: float) -> None:
    """Some signal in at most one quarter of twenty, also where quarters move for reasons of their own."""
    told = _signals(effect, fall=0, worlds=100, agencies=36, shock=shock)
    assert np.mean(told != "none") <= 0.055


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


def test_nothing_is_said_of_quarters_without_a_calendar() -> None:
    none = np.full((2, 1), np.nan)
    found = season_effects(np.array([1.0, 2.0]), np.array([0, 0]), np.array([0, 1]), none, 10)
    assert not found.effect.any() and not found.error.any()
