"""Every score in the control chart of its own series, many series of different lengths at once.

Belongs here: which chart a series gets, which points it holds, which signal is reported first. Does not belong here: the charts
and their rules (`control_charts`).
"""

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.control_charts import Multiples, p_chart, xmr_chart
from methodology.frames import Ints, only_where

Floats = npt.NDArray[np.float64]
# A fall should be seen within two quarters: neither the quarter judged nor the one before it sets the limits.
JUDGED = 2
# The order in which signals are reported where several rules are met.
SIGNALS = ("beyond_limits", "two_of_three", "run", "trend")


def charted(
    now: pd.DataFrame, told: pd.DataFrame, shares: Collection[str], thresholds: Mapping[str, float]
) -> dict[str, npt.NDArray[np.generic]]:
    """Columns of each row of `now`: centre, limits and signal of its chart up to its own quarter, and its points.

    `told` holds all reported scores, those of `now` included, numbered by `score_series.numbered`. Later points never move the
    limits of earlier ones; below `control_chart_points` there is no chart. Metrics in `shares` are counts of answers (Laney's p
    chart), all others measurements (XmR); pooled means of agencies are not counts, and neither are shares some of whose points
    have no base. A score that is no number is no point.
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
    score, size = np.full(shape, np.nan), np.full(shape, np.nan)
    score[series, point[series, quarter]] = told["score"]
    size[series, point[series, quarter]] = told["n_effective"]
    position, is_point = point[own, moment], has[own, moment]
    wanted, is_share = np.zeros(shape, bool), np.zeros(height, bool)
    wanted[own[is_point], position[is_point]] = True
    is_share[own] = counted
    # A point's chart is one of counts if all points up to it have a base.
    has_base = np.isfinite(size) & (size > 0) & (score >= 0) & (score <= 100)
    by_count = is_share[:, None] & np.logical_and.accumulate(has_base, axis=1)
    limits, signals = _charts(score, size, wanted, by_count, thresholds)
    signal = only_where(is_point, signals[own, position])
    return {
        **{name: np.where(is_point, values[own, position], np.nan) for name, values in limits.items()},
        "control_signal": signal,
        "points_count": position + 1,
        "control_method": only_where(~pd.isna(signal), np.where(by_count[own, position], "p_laney", "xmr")),
    }


def _charts(
    score: Floats,
    size: Floats,
    wanted: npt.NDArray[np.bool_],
    by_count: npt.NDArray[np.bool_],
    thresholds: Mapping[str, float],
) -> tuple[dict[str, Floats], npt.NDArray[np.object_]]:
    """Limits and signal at each wanted point (series, points), from the points before the JUDGED ones."""
    centre, lower, upper = (np.full(score.shape, np.nan) for _ in range(3))
    signal = np.full(score.shape, None, dtype=object)
    rates = thresholds["control_limit_rate"], thresholds["control_warning_rate"]
    for points in range(int(thresholds["control_chart_points"]), score.shape[1] + 1):
        basis = points - JUDGED
        multiples = Multiples.for_new_points(basis, *rates)
        for kind in (False, True):
            chosen: Ints = np.flatnonzero(wanted[:, points - 1] & (by_count[:, points - 1] == kind))
            if not chosen.size:
                continue
            value, base = score[chosen, :points], size[chosen, :points]
            chart = (
                p_chart(value / 100 * base, base, basis, overdispersed=True, multiples=multiples)
                if kind
                else xmr_chart(value, basis, multiples)
            )
            scale, last = 100 if kind else 1, points - 1
            centre[chosen, last] = scale * chart.centre
            lower[chosen, last], upper[chosen, last] = scale * chart.lower[:, last], scale * chart.upper[:, last]
            met = [getattr(chart.signals, name)[:, last] for name in SIGNALS]
            signal[chosen, last] = np.select(met, SIGNALS, "none")
    return {"centre": centre, "lower_limit": lower, "upper_limit": upper}, signal
