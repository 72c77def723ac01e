"""Series of scores in their control charts: which points a chart holds, and what one bad series leaves alone.

Belongs here: `methodology.charted_series`. Does not belong here: limits and rules (`test_control_charts`).
"""

import numpy as np
import pandas as pd
import pytest

from methodology.charted_series import charted
from methodology.parameters import load_methodology

SHARE = "share_of_something"
LIMITS = load_methodology("2026.2").thresholds
NO_SEASONS = np.full((60, 1), np.nan)


def _series(unit: int, scores: list[float], sizes: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unit_type": "agency",
            "metric_id": SHARE,
            "series": unit,
            "quarter": range(len(scores)),
            "score": scores,
            "n_effective": sizes,
        }
    )


def test_a_share_without_its_base_stops_no_other_series() -> None:
    """Reported shares without numerators in some years have no base there: no counts, so no chart of counts."""
    shares = [60.0, 62, 59, 61, 60, 63]
    ordinary, bare = _series(0, shares, [200.0] * 6), _series(1, shares, [200.0, np.nan, 200, 200, 200, 200])
    alone = charted(ordinary, ordinary, {SHARE}, LIMITS, NO_SEASONS, {})
    both = pd.concat([ordinary, bare], ignore_index=True)
    found = charted(both, both, {SHARE}, LIMITS, NO_SEASONS, {})
    for name, values in alone.items():
        pd.testing.assert_series_equal(pd.Series(found[name][:6]), pd.Series(values))
    assert found["control_method"][5] == "p_laney"
    # The share itself is measured: it is charted as a measurement.
    assert found["control_method"][11] == "xmr"
    assert np.isfinite([found[name][11] for name in ("centre", "lower_limit", "upper_limit")]).all()


def _signals(scores: np.ndarray, sizes: np.ndarray, metric_id: str) -> np.ndarray:
    """Signal of each world (worlds, quarters) at its last quarter."""
    worlds, quarters = scores.shape
    rows = pd.DataFrame(
        {
            "unit_type": "agency",
            "metric_id": metric_id,
            "series": np.repeat(np.arange(worlds), quarters),
            "quarter": np.tile(np.arange(quarters), worlds),
            "score": scores.ravel(),
            "n_effective": sizes.ravel(),
        }
    )
    return charted(rows[rows["quarter"] == quarters - 1], rows, {SHARE}, LIMITS, NO_SEASONS, {})["control_signal"]


def _worlds(quarters: int, fall: float, metric_id: str) -> tuple[np.ndarray, np.ndarray]:
    """Stable series that fall by so many sigmas in the quarter before the last."""
    random = np.random.default_rng(quarters)
    scores, sizes = 70 + 2 * random.standard_normal((2000, quarters)), np.full((2000, quarters), 4000.0)
    scores[:, -2:] -= 2 * fall
    return _signals(scores[:, :-1], sizes[:, :-1], metric_id), _signals(scores, sizes, metric_id)


@pytest.mark.parametrize("metric_id", [SHARE, "mean"])
def test_a_fall_of_three_sigmas_is_seen_within_two_quarters(metric_id: str) -> None:
    """At twelve quarters, in at least four of five worlds: the twelfth is the first that has fallen."""
    told = _worlds(13, 3, metric_id)
    assert np.mean((told[0] != "none") | (told[1] != "none")) >= 0.8


@pytest.mark.parametrize("quarters", [5, 8, 12, 20, 40])
def test_stable_series_are_called_as_often_as_stated(quarters: int) -> None:
    """Beyond the limits: at most the stated 2 % of quarters, at every length of the series; some signal: at most 5 %."""
    told = np.concatenate(_worlds(quarters + 1, 0, "mean"))
    # 4,000 quarters: three standard errors are .7 points.
    assert LIMITS["control_limit_rate"] / 3 < np.mean(told == "beyond_limits") <= LIMITS["control_limit_rate"] + 0.007
    assert np.mean(told != "none") <= 0.05


def test_the_quarter_judged_does_not_set_its_own_limits() -> None:
    steady = [60.0, 62, 59, 61, 60, 63, 61]
    usual = _series(0, [*steady, 61.0], [200.0] * 8)
    fallen = _series(0, [*steady[:-1], 40.0, 20.0], [200.0] * 8)
    limits = [charted(rows[rows["quarter"] == 7], rows, set(), LIMITS, NO_SEASONS, {}) for rows in (usual, fallen)]
    for name in ("centre", "lower_limit", "upper_limit"):
        assert limits[0][name][0] == limits[1][name][0]
    # Mean of the first six; moving ranges 2, 3, 2, 1, 3.
    assert limits[0]["centre"][0] == pytest.approx(365 / 6)
