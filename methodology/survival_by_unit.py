"""Kaplan-Meier of many units at once: median, share by a target and restricted mean, from cells on a common grid.

Belongs here: `survival`'s figures as arrays over units. Does not belong here: the curves themselves and the log-rank test
(`survival`), and which moments start and stop a clock (`dbt`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.estimates import wilson_interval
from methodology.survival import TOLERANCE, Floats, curve_limits, greenwood, hazard

# Units whose curves are held in memory at once.
BLOCK = 4096


@dataclass(frozen=True)
class TimeFigures:
    """Per unit (units,): figures of the time to an event, in the units of the durations, with limits on the log-log scale.

    n: cases watched. median: NaN while fewer than half are resolved. by_target: P(T <= target), NaN where nobody was
    watched that long. mean: mean time up to the horizon, NaN where nobody was watched up to it. The closed_only figures
    are taken over ended cases alone and mislead: they forget those still open.
    """

    n: Floats
    ended: Floats
    median: Floats
    median_low: Floats
    median_high: Floats
    by_target: Floats
    by_target_error: Floats
    by_target_low: Floats
    by_target_high: Floats
    mean: Floats
    mean_error: Floats
    mean_low: Floats
    mean_high: Floats
    closed_only_median: Floats
    closed_only_by_target: Floats
    closed_only_mean: Floats


def time_figures(
    unit: npt.ArrayLike,
    duration: npt.ArrayLike,
    ended: npt.ArrayLike,
    censored: npt.ArrayLike,
    entered: npt.ArrayLike,
    target: float,
    horizon: float,
    level: float = 0.95,
) -> TimeFigures:
    """The figures of every unit 0..U-1 from rows (unit, duration, counts) in any order; every unit has a case.

    S(t) = product of (1 - d/n) by unit; ended, censored, entered as in `survival.kaplan_meier` (entered at 0: watched from
    the opening). Where S at the target is 0 or 1 the log-log limits have no width, and Wilson's on the cases whose fate at
    the target is known stand in. Raises ValueError for negative durations or counts, a unit without a case, entries that do
    not balance or come too late. Source: Kaplan & Meier 1958; Greenwood 1926; Brookmeyer & Crowley 1982.
    """
    place = np.asarray(unit, np.int64)
    time, died, open_, fresh = (np.asarray(part, float) for part in (duration, ended, censored, entered))
    if any(part.shape != place.shape for part in (time, died, open_, fresh)):
        raise ValueError("units, durations and counts must be vectors of one length")
    if not all(np.all(part >= 0) and np.all(np.isfinite(part)) for part in (time, died, open_, fresh)):
        raise ValueError("durations and counts must be finite and not negative")
    units = int(place.max()) + 1 if place.size else 0
    grid, column = np.unique(np.concatenate([[0.0], time]), return_inverse=True)
    column = column[1:]
    blocks = []
    for start in range(0, units, BLOCK):
        size = min(BLOCK, units - start)
        mine = (place >= start) & (place < start + size)
        cell = (place[mine] - start) * grid.size + column[mine]
        tables = [
            np.asarray(np.bincount(cell, part[mine], size * grid.size).reshape(size, grid.size), float)
            for part in (died, open_, fresh)
        ]
        blocks.append(_figures(grid, tables[0], tables[1], tables[2], target, horizon, level))
    names = TimeFigures.__dataclass_fields__
    empty: Floats = np.empty(0)
    return TimeFigures(
        **{name: np.concatenate([getattr(b, name) for b in blocks]) if blocks else empty for name in names}
    )


def _figures(
    time: Floats, died: Floats, open_: Floats, entered: Floats, target: float, horizon: float, level: float
) -> TimeFigures:
    left = died + open_
    if np.any(left.sum(axis=1) <= 0):
        raise ValueError("there is a unit without a case")
    if not np.allclose(entered.sum(axis=1), left.sum(axis=1)):
        raise ValueError("entries must add up to the cases that leave")
    at_risk = entered.cumsum(axis=1) - (left.cumsum(axis=1) - left)
    # Taken over at t > 0: at risk only after t.
    at_risk[:, 1:] -= entered[:, 1:]
    if np.any(at_risk < left):
        raise ValueError("cases leave at a duration before they were taken over")
    survival: Floats = np.cumprod(1 - hazard(died, at_risk), axis=1, dtype=np.float64)
    terms = greenwood(died, at_risk)
    log_error = np.sqrt(terms.cumsum(axis=1))
    low, high = curve_limits(survival, log_error, "log-log", level)
    last: Floats = time[time.size - 1 - np.argmax(left[:, ::-1] > 0, axis=1)]
    middle, early, late = (_crossing(time, curve, last) for curve in (survival, low, high))
    by_target = _by_target(time, survival, log_error, low, high, left, died, at_risk, last, target, level)
    return TimeFigures(
        left.sum(axis=1),
        died.sum(axis=1),
        middle,
        early,
        late,
        *by_target,
        *_restricted_mean(time, survival, terms, last, horizon, level),
        *_closed_only(time, died, target),
    )


def _crossing(time: Floats, curve: Floats, last: Floats) -> Floats:
    """`survival.SurvivalCurve.median` row by row: midpoint where the curve lies at one half, NaN where it stays above."""
    resolved = 1 - curve
    with np.errstate(invalid="ignore"):
        reached, passed = resolved >= 0.5 - TOLERANCE, resolved >= 0.5 + TOLERANCE
    rows, first = np.arange(len(curve)), np.argmax(reached, axis=1)
    flat = np.abs(resolved[rows, first] - 0.5) < TOLERANCE
    fall = np.where(passed.any(axis=1), time[np.argmax(passed, axis=1)], last)
    crossing = np.where(flat, (time[first] + fall) / 2, time[first])
    return np.where(reached.any(axis=1), crossing, np.nan)


def _by_target(
    time: Floats,
    survival: Floats,
    log_error: Floats,
    low: Floats,
    high: Floats,
    left: Floats,
    died: Floats,
    at_risk: Floats,
    last: Floats,
    target: float,
    level: float,
) -> tuple[Floats, Floats, Floats, Floats]:
    column = int(np.searchsorted(time, target, side="right")) - 1
    share = 1 - survival[:, column]
    with np.errstate(invalid="ignore"):
        error = survival[:, column] * log_error[:, column]
    begin, end = 1 - high[:, column], 1 - low[:, column]
    ended = died[:, : column + 1].sum(axis=1)
    known = ended + at_risk[:, column] - left[:, column]
    none, every = share == 0, survival[:, column] == 0
    # Wilson's own error would be 0 there too; the limits carry the doubt.
    wide_low, wide_high = wilson_interval(np.where(every, ended, 0), np.where(every, ended, known), level)
    edge = none | every
    begin, end = np.where(edge, wide_low, begin), np.where(edge, wide_high, end)
    error = np.where(edge, 0.0, error)
    seen = (last >= target) | every
    return tuple(np.where(seen, part, np.nan) for part in (share, error, begin, end))  # type: ignore[return-value]


def _restricted_mean(
    time: Floats, survival: Floats, terms: Floats, last: Floats, horizon: float, level: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """`survival.SurvivalCurve.restricted_mean` row by row."""
    inside = time < horizon
    width = np.diff(np.append(time[inside], horizon))
    areas = survival[:, inside] * width
    ahead = areas[:, ::-1].cumsum(axis=1)[:, ::-1]
    own = terms[:, inside]
    weight = np.where(ahead > 0, ahead, 0.0) ** 2 * np.where(np.isfinite(own), own, 0.0)
    mean, error = areas.sum(axis=1), np.sqrt(weight.sum(axis=1))
    half = stats.norm.ppf(0.5 + level / 2) * error
    seen = (last >= horizon) | (survival[:, -1] == 0)
    parts = (mean, error, np.maximum(mean - half, 0), np.minimum(mean + half, horizon))
    return tuple(np.where(seen, part, np.nan) for part in parts)  # type: ignore[return-value]


def _closed_only(time: Floats, died: Floats, target: float) -> tuple[Floats, Floats, Floats]:
    total, reached = died.sum(axis=1), died.cumsum(axis=1)
    half = total[:, None] / 2
    median = (time[np.argmax(reached >= half, axis=1)] + time[np.argmax(reached > half, axis=1)]) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = died[:, time <= target].sum(axis=1) / total
        mean = died @ time / total
    return np.where(total > 0, median, np.nan), share, mean
