"""Every score in the control chart of its own series, many series of different lengths at once.

Belongs here: which chart a series gets, which points it holds, which signal is reported first. Does not belong here: the charts
and their rules (`control_charts`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.control_charts import Multiples, p_chart, xmr_chart
from methodology.frames import Ints, only_where
from methodology.season_effects import season_effects

Floats = npt.NDArray[np.float64]
# A fall should be seen within two quarters: neither the quarter judged nor the one before it sets the limits.
JUDGED = 2
# The order in which signals are reported where several rules are met.
SIGNALS = ("beyond_limits", "two_of_three", "run", "trend")


@dataclass(frozen=True)
class _Points:
    """Consecutive points of many series (series, points): value, its base and its quarter; whether the chart is one of counts."""

    value: Floats
    size: Floats
    quarter: Ints
    by_count: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Seasons:
    """Effects of seasons and their errors (metrics, quarter judged, quarters), and the metric of each series."""

    effect: Floats
    error: Floats
    metric: Ints

    def of(self, series: Ints, judged: Ints, quarter: Ints) -> tuple[Floats, Floats]:
        """Effect and error of these series' quarters (series, points), as known when a quarter of each (series,) is judged."""
        at = (self.metric[series][:, None], judged[:, None], quarter)
        return self.effect[at], self.error[at]


def charted(
    now: pd.DataFrame,
    told: pd.DataFrame,
    shares: Collection[str],
    thresholds: Mapping[str, float],
    seasons: Floats,
    matters: Mapping[str, float],
) -> dict[str, npt.NDArray[np.generic]]:
    """Columns of each row of `now`: centre, limits and signal of its chart up to its own quarter, and its points.

    `told` holds all reported scores, those of `now` included, numbered by `score_series.numbered`; seasons (quarters, seasons)
    the share of each quarter's days; `matters`, by metric, the smallest difference that does, which the prior of an effect is
    in. What seasons did to a metric's agencies before the quarter judged (`season_effect`) moves centre and limits, and what is
    not known of it widens them. Later points never move the limits of earlier ones; below `control_chart_points` there is no
    chart. Metrics in `shares` are counts of answers (Laney's p chart), all others measurements (XmR); pooled means of agencies
    are not counts, and neither are shares some of whose points have no base. A score that is no number is no point.
    """
    counted = (now["metric_id"].isin(shares) & ~now["unit_type"].isin(["national", "peer_group"])).to_numpy()
    told = told[np.isfinite(told["score"].to_numpy(float))]
    series, quarter = told["series"].to_numpy(), told["quarter"].to_numpy()
    own, moment = now["series"].to_numpy(), now["quarter"].to_numpy()
    height, width = (
        max(int(a.max(initial=0)), int(b.max(initial=0))) + 1 for a, b in ((series, own), (quarter, moment))
    )
    has = np.zeros((height, width), bool)
    has[series, quarter] = True
    # A series may have gaps, but its points are charted consecutively.
    point = has.cumsum(axis=1) - 1
    shape = (height, max(int(point.max()), 0) + 1)
    score, size, quarter_of = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.int64)
    score[series, point[series, quarter]] = told["score"]
    size[series, point[series, quarter]] = told["n_effective"]
    quarter_of[series, point[series, quarter]] = quarter
    position, is_point = point[own, moment], has[own, moment]
    wanted, is_share = np.zeros(shape, bool), np.zeros(height, bool)
    wanted[own[is_point], position[is_point]] = True
    is_share[own] = counted
    # A point's chart is one of counts if all points up to it have a base.
    has_base = np.isfinite(size) & (size > 0) & (score >= 0) & (score <= 100)
    by_count = is_share[:, None] & np.logical_and.accumulate(has_base, axis=1)
    sds = {metric: thresholds["season_effect_sd"] * smallest for metric, smallest in matters.items()}
    effects = _seasons(told, np.unique(moment), height, seasons, sds)
    limits, signals = _charts(_Points(score, size, quarter_of, by_count), wanted, effects, thresholds)
    signal = only_where(is_point, signals[own, position])
    return {
        **{name: np.where(is_point, values[own, position], np.nan) for name, values in limits.items()},
        "control_signal": signal,
        "points_count": position + 1,
        "control_method": only_where(~pd.isna(signal), np.where(by_count[own, position], "p_laney", "xmr")),
    }


def _seasons(told: pd.DataFrame, judged: Ints, height: int, seasons: Floats, sds: Mapping[str, float]) -> _Seasons:
    """Effects of seasons on each metric, from its agencies' scores before the JUDGED quarters, for each quarter judged."""
    names, number = np.unique(told["metric_id"].to_numpy(str), return_inverse=True)
    metric = np.zeros(height, np.int64)
    metric[told["series"].to_numpy()] = number
    effect, error = np.zeros((2, max(len(names), 1), len(seasons), len(seasons)))
    is_agency = (told["unit_type"] == "agency").to_numpy()
    value, series, moment = (told[name].to_numpy()[is_agency] for name in ("score", "series", "quarter"))
    own = number[is_agency]
    for one in np.unique(own):
        for quarter in judged:
            known = (own == one) & (moment <= quarter - JUDGED)
            found = season_effects(value[known], series[known], moment[known], seasons, sds.get(str(names[one]), 0.0))
            effect[one, quarter], error[one, quarter] = found.effect, found.error
    return _Seasons(effect, error, metric)


def _charts(
    points_of: _Points, wanted: npt.NDArray[np.bool_], seasons: _Seasons, thresholds: Mapping[str, float]
) -> tuple[dict[str, Floats], npt.NDArray[np.object_]]:
    """Limits and signal at each wanted point (series, points), from the points before the JUDGED ones."""
    shape = wanted.shape
    centre, lower, upper, effect = (np.full(shape, np.nan) for _ in range(4))
    signal = np.full(shape, None, dtype=object)
    rates = thresholds["control_limit_rate"], thresholds["control_warning_rate"]
    for points in range(int(thresholds["control_chart_points"]), shape[1] + 1):
        basis = points - JUDGED
        multiples = Multiples.for_new_points(basis, *rates)
        for kind in (False, True):
            last = points - 1
            chosen: Ints = np.flatnonzero(wanted[:, last] & (points_of.by_count[:, last] == kind))
            if not chosen.size:
                continue
            quarter = points_of.quarter[chosen, :points]
            moved, unsure = seasons.of(chosen, quarter[:, last], quarter)
            value, base = points_of.value[chosen, :points] - moved, points_of.size[chosen, :points]
            chart = (
                p_chart(value.clip(0, 100) / 100 * base, base, basis, True, multiples, unsure / 100)
                if kind
                else xmr_chart(value, basis, multiples, unsure)
            )
            scale, place = (100, (0, 100)) if kind else (1, (-np.inf, np.inf))
            effect[chosen, last] = moved[:, last]
            lines = (chart.centre, chart.lower[:, last], chart.upper[:, last])
            for made, line in zip((centre, lower, upper), lines, strict=True):
                shown = (scale * line + moved[:, last]).clip(*place)
                # A limit at an end of the scale cannot be passed, with a season or without.
                made[chosen, last] = np.where(np.isin(scale * line, place) & (made is not centre), scale * line, shown)
            met = [getattr(chart.signals, name)[:, last] for name in SIGNALS]
            signal[chosen, last] = np.select(met, SIGNALS, "none")
    return {"centre": centre, "lower_limit": lower, "upper_limit": upper, "season_effect": effect}, signal
