"""Normalisation: indicators of unlike units brought to one scale, and ranks.

Belongs here: functions of an array of values over units (`axis`, the first by default; further axes are
indicators or draws), missing as NaN and staying NaN. Does not belong here: treatment of outliers (`outliers`),
weights and means (`aggregation`).

An indicator where less is better is multiplied by -1 first (`directed`); every function then takes more as better. An
indicator that does not vary says nothing about who is better: min-max, z and distance to the best are NaN there.
Source of all: OECD/JRC, Handbook on Constructing Composite Indicators (2008), step 5; conventions of COINr 1.1.14.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]


def directed(values: npt.ArrayLike, direction: npt.ArrayLike) -> Floats:
    """Values times their direction, 1 (more is better) or -1. Raises ValueError for any other direction."""
    sign = np.asarray(direction, float)
    if not np.all(np.abs(sign) == 1):
        raise ValueError("a direction is 1 (more is better) or -1 (less is better)")
    return np.asarray(np.asarray(values, float) * sign)


def min_max(values: npt.ArrayLike, low: float = 0.0, high: float = 100.0, axis: int = 0) -> Floats:
    """low + (high - low)(x - min)/(max - min) over units with a value; NaN where all are equal."""
    x = np.asarray(values, float)
    bottom, top = _extremes(x, axis)
    return low + (high - low) * _ratio(x - bottom, top - bottom)


def goalposts(
    values: npt.ArrayLike,
    lower: npt.ArrayLike,
    upper: npt.ArrayLike,
    low: float = 0.0,
    high: float = 100.0,
    direction: npt.ArrayLike = 1,
) -> Floats:
    """low + (high - low)(x - lower)/(upper - lower), cut at the posts; reversed between them where direction is -1.

    Posts are fixed by the method, not by the units, so a unit's score does not move when others do. Raises ValueError
    where a lower post is not below its upper one.
    """
    bottom, top = np.asarray(lower, float), np.asarray(upper, float)
    if not np.all(bottom < top):
        raise ValueError("a lower goalpost must be below its upper one")
    share = np.clip((np.asarray(values, float) - bottom) / (top - bottom), 0.0, 1.0)
    # Reversing the share, not the posts, keeps the posts in the units of the indicator.
    return np.asarray(low + (high - low) * np.where(np.asarray(direction) < 0, 1.0 - share, share))


def z_scores(values: npt.ArrayLike, mean: float = 0.0, sd: float = 1.0, axis: int = 0) -> Floats:
    """mean + sd (x - average)/s with s over n - 1; NaN where all units are equal or only one has a value."""
    x = np.asarray(values, float)
    present = np.isfinite(x)
    n = present.sum(axis=axis, keepdims=True)
    average = _ratio(np.where(present, x, 0.0).sum(axis=axis, keepdims=True), n)
    distance = x - average
    squares = (np.where(present, distance, 0.0) ** 2).sum(axis=axis, keepdims=True)
    # An average of equal values may miss them by an ulp: equality is read off the extremes.
    bottom, top = _extremes(x, axis)
    deviation = np.where(bottom == top, 0.0, np.sqrt(squares / np.maximum(n - 1, 1)))
    return mean + sd * _ratio(distance, deviation)


def ranks(
    values: npt.ArrayLike,
    axis: int = 0,
    first: Literal["lowest", "highest"] = "lowest",
    ties: Literal["min", "average"] = "min",
    decimals: int | None = None,
) -> Floats:
    """Ranks from 1: `first="lowest"` counts upward (1 = worst), `"highest"` gives the best unit 1; NaN is not ranked.

    Ties share their smallest rank, or their mean. `decimals` rounds before comparing, so that scores equal on paper do
    not differ by floating point.
    """
    x = np.asarray(values, float)
    if decimals is not None:
        x = np.round(x, decimals)
    missing = np.isnan(x)
    # Missing values sort behind all others and so change no rank.
    ordered = np.where(missing, np.inf, x if first == "lowest" else -x)
    return np.where(missing, np.nan, stats.rankdata(ordered, method=ties, axis=axis))


def borda(values: npt.ArrayLike, axis: int = 0) -> Floats:
    """Units strictly below: ascending rank - 1."""
    return ranks(values, axis) - 1


def percentile_ranks(values: npt.ArrayLike, low: float = 0.0, high: float = 1.0, axis: int = 0) -> Floats:
    """low + (high - low)(rank - 1)/(n - 1), ascending; NaN where only one unit has a value."""
    rank = ranks(values, axis)
    n = np.isfinite(rank).sum(axis=axis, keepdims=True)
    return low + (high - low) * _ratio(rank - 1, n - 1.0)


def share_of_best(values: npt.ArrayLike, axis: int = 0) -> Floats:
    """x / max. Of a reversed indicator the best is negative, and worse units exceed 1.

    Where the best is 0 its own share is NaN and a worse unit's inf (the limit from below: no unit is above the best).
    """
    x = np.asarray(values, float)
    top = _extremes(x, axis)[1]
    return np.where((top == 0) & (x < 0), np.inf, _ratio(x, top))


def distance_to_best(values: npt.ArrayLike, axis: int = 0) -> Floats:
    """1 - (max - x)/(max - min): 1 at the best unit, 0 at the worst; NaN where all are equal."""
    x = np.asarray(values, float)
    bottom, top = _extremes(x, axis)
    return 1 - _ratio(top - x, top - bottom)


def distance_to_target(
    values: npt.ArrayLike, target: npt.ArrayLike, direction: int = 1, cap: bool = False, axis: int = 0
) -> Floats:
    """Share of the way from the worst unit to the target: (x - min)/(target - min), or (max - x)/(max - target).

    1 is on target, above 1 beyond it unless `cap`. NaN where the worst unit is at the target. `values` are in their
    own units (not `directed`), as the target is.
    """
    x, goal = np.asarray(values, float), np.asarray(target, float)
    bottom, top = _extremes(x, axis)
    share = _ratio(x - bottom, goal - bottom) if direction > 0 else _ratio(top - x, top - goal)
    return np.minimum(share, 1.0) if cap else share


def ratio_to(values: npt.ArrayLike, reference: npt.ArrayLike) -> Floats:
    """x / reference (a mean, a leader, a year); NaN where the reference is 0."""
    return _ratio(np.asarray(values, float), np.asarray(reference, float))


def above_or_below(values: npt.ArrayLike, reference: npt.ArrayLike, tolerance: float) -> Floats:
    """1, 0 or -1: x above (1 + tolerance) of the reference, within, or below (1 - tolerance)."""
    ratio = ratio_to(values, reference)
    return np.where(np.isnan(ratio), np.nan, (ratio > 1 + tolerance) * 1.0 - (ratio < 1 - tolerance) * 1.0)


def _extremes(x: Floats, axis: int) -> tuple[Floats, Floats]:
    # fmin and fmax pass over NaN, and unlike nanmin leave an empty column NaN without a warning.
    low, high = np.fmin.reduce(x, axis=axis), np.fmax.reduce(x, axis=axis)
    return np.asarray(np.expand_dims(low, axis)), np.asarray(np.expand_dims(high, axis))


def _ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Floats:
    """Quotient, NaN where the denominator is 0."""
    below = np.asarray(denominator, float)
    return np.asarray(np.asarray(numerator, float) / np.where(below == 0, np.nan, below))
