"""What the change of a panel's total consists of: members that stayed, entrants and exits, at each distance.

Belongs here: which quarters and members are compared, with which weights. Does not belong here: who is a member (`panels`) and
the decomposition itself (`change`).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from methodology.change import panel_growth
from methodology.contributors import dominated
from methodology.frames import rows_by
from methodology.panels import PANEL, POOLED
from methodology.score_series import CORRELATIONS, SERIES

Floats = npt.NDArray[np.float64]
# Spans of columns by the prefix of their names: since the last measurement, and since so many quarters before.
SPANS = ("", "year_")
YEAR = 4
GROWTH = [
    "panel_change", "continuing_effect", "continuing_low", "continuing_high", "entrants_effect", "panel_count",
]  # fmt: skip


def panel_changes(
    members: pd.DataFrame, apart: "pd.Series[int]", thresholds: Mapping[str, float], since: int
) -> pd.DataFrame:
    """Growth of each panel and kind of score from the quarter `since` on, with the part of entrants; exits are the rest.

    A row per panel (named as unit), kind of score and period, with GROWTH for each of SPANS, by the prefix of its columns: since
    the panel's last measurement (less than two measurements of `apart` quarters back, by metric) and since a year before. Empty
    where no more than `minimum_peers` members were reported in both quarters, where the two are pooled by different things, a
    weight is not known, or one member dominates those of either quarter or those that stayed; where `minimum_contributors` or
    fewer came or went, there is the change and no parts. The interval of the continuing
    members' change is normal, se^2 = sum of a^2 + b^2 - 2 r a b over members, a and b their w se / W in both quarters and r
    their correlation at that distance (`score_series.with_correlations`).
    """
    names = [f"{span}{name}" for span in SPANS for name in GROWTH]
    width = float(stats.norm.ppf(0.5 + thresholds["interval_level"] / 2))
    reach = 2 * members["metric_id"].map(apart).fillna(1).astype(int) - 1
    own = members[members["quarter"] >= since - np.maximum(reach, YEAR)]
    own = own[own.groupby(PANEL, dropna=False)["unit_id"].transform("nunique") > thresholds["minimum_peers"]]
    rows: list[tuple[object, ...]] = []
    columns = [own[name].to_numpy() for name in _READ]
    shared = own[list(CORRELATIONS)].to_numpy(float)
    for panel, members_at in rows_by(own, PANEL).items():
        at, period_id, unit_id, weight, score, error, pooled_by = (values[members_at] for values in columns)
        unit, units = pd.factorize(unit_id, sort=True)
        grid = {quarter: np.zeros((3 + len(CORRELATIONS), len(units))) for quarter in sorted(set(at.tolist()))}
        for quarter, values in grid.items():
            here = at == quarter
            values[:3, unit[here]] = weight[here], score[here], error[here]
            values[3:, unit[here]] = shared[members_at][here].T
        nothing = np.zeros(len(units))
        period = dict(zip(at.tolist(), period_id, strict=True))
        by = {
            quarter: kind if isinstance(kind, str) else "" for quarter, kind in zip(at.tolist(), pooled_by, strict=True)
        }
        for quarter, after in grid.items():
            if quarter < since:
                continue
            first = quarter - 2 * int(apart.get(panel[2], 1)) + 1
            last = max((one for one in grid if first <= one < quarter), default=first)
            earlier = [last, quarter - YEAR]
            again = dict(zip(CORRELATIONS.values(), after[3:], strict=True))
            found = [
                _growth(grid[one], after, again.get(quarter - one, nothing), thresholds, width, panel[-1] == POOLED)
                if one in grid and by[one] == by[quarter]
                else _NONE
                for one in earlier
            ]
            rows.append((*panel, period[quarter], *(value for parts in found for value in parts)))
    made = pd.DataFrame(rows, columns=[*SERIES, "score_kind", "period_id", *names])
    texts = [*SERIES, "score_kind", "period_id"]
    return made.astype({**dict.fromkeys(texts, "string"), **dict.fromkeys(names, "float64")})


_READ = ("quarter", "period_id", "unit_id", "weight", "score", "standard_error", "pooled_by")
_NONE = (np.nan,) * len(GROWTH)


def _growth(
    before: Floats, after: Floats, shared: Floats, thresholds: Mapping[str, float], width: float, is_pooled: bool
) -> tuple[float, ...]:
    """GROWTH between two quarters, each the weights (0 if absent), scores and errors of all units; `shared` correlates errors.

    An interval reaches `width` errors to each side.
    """
    weights = np.stack([before[0], after[0]])
    stays = np.asarray((weights > 0).all(axis=0), bool)
    if stays.sum() <= thresholds["minimum_peers"] or not np.isfinite(weights).all():
        return _NONE
    # In a mean all weigh the same, and the minimum of members is the rule for it.
    if is_pooled:
        compared = np.concatenate([weights, weights * stays])
        group = np.repeat(np.arange(len(compared)), compared.shape[1])
        if dominated(compared.ravel(), group, len(compared), thresholds).any():
            return _NONE
    found = panel_growth(before[0], before[1], after[0], after[1])
    # Beside the totals of both quarters the part of a few that came or went would tell their scores.
    moved = [int(((own > 0) & ~stays).sum()) for own in weights]
    if any(0 < count <= thresholds["minimum_contributors"] for count in moved):
        return (found.change, *_NONE[1:-1], float(stays.sum()))
    half = width * _error(before, after, shared, stays)
    low, high = found.continuing - half, found.continuing + half
    return found.change, found.continuing, low, high, found.entrants, float(stays.sum())


def _error(before: Floats, after: Floats, shared: Floats, stays: npt.NDArray[np.bool_]) -> float:
    """Standard error of the change of those that stayed; NaN where one's is not known, or 0."""
    first, second = (quarter[0, stays] * quarter[2, stays] / quarter[0, stays].sum() for quarter in (before, after))
    variance = float((first**2 + second**2 - 2 * shared[stays] * first * second).sum())
    return float(np.sqrt(variance)) if variance > 0 else np.nan
