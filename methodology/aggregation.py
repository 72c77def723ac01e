"""Aggregation: several indicators of a unit combined into one figure, by means or by comparing units pair by pair.

Belongs here: functions of values (..., units, indicators), weights relative to each other, missing as NaN. Does not belong
here: the tree of an index (`index`) and making indicators comparable (`normalisation`).
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Method = Literal["arithmetic", "geometric", "harmonic", "copeland"]


def combine(
    values: npt.ArrayLike, weights: npt.ArrayLike, method: Method = "arithmetic", threshold: float = 0
) -> Floats:
    """One figure per unit, (..., units), from values (..., units, indicators).

    `weights` are (indicators,) or (..., indicators) without the axis of units; they need not sum to one and are renormalised
    over the indicators a unit has. NaN where a unit has none, or fewer than `threshold` of those with a weight (0-1). A surplus
    offsets a deficit in full under the arithmetic mean, less under the geometric and harmonic, and not at all under Copeland,
    which counts units beaten minus units lost to (`copeland`). Raises ValueError for a negative weight, an unknown method, and
    values at or below 0 under geometric and harmonic means.
    """
    x, share = np.asarray(values, float), np.asarray(weights, float)
    if np.any(share < 0) or not np.all(np.isfinite(share)):
        raise ValueError("weights must be finite and not negative")
    if method not in get_args(Method):
        raise ValueError(f"aggregation {method!r} is unknown; known are {', '.join(get_args(Method))}")
    by_unit = np.broadcast_to(share[..., None, :], x.shape)
    counted = np.isfinite(x) & (by_unit > 0)
    if method == "copeland":
        found = copeland(outranking(np.where(counted, x, np.nan), share))
    else:
        if method != "arithmetic" and np.any(x[counted] <= 0):
            raise ValueError(f"a {method} mean needs values above 0: normalise to a range that starts above 0")
        found = _MEANS[method](np.where(counted, x, 1.0), np.where(counted, by_unit, 0.0))
    owed = (by_unit > 0).sum(axis=-1)
    # A share that should equal the threshold must not miss it by an ulp.
    enough = (counted.sum(axis=-1) >= threshold * owed - 1e-9) & counted.any(axis=-1)
    return np.where(enough, found, np.nan)


def _total(w: Floats) -> Floats:
    total = w.sum(axis=-1)
    return np.where(total > 0, total, np.nan)


def _arithmetic(x: Floats, w: Floats) -> Floats:
    return np.asarray((w * x).sum(axis=-1) / _total(w))


def _geometric(x: Floats, w: Floats) -> Floats:
    return np.asarray(np.exp((w * np.log(x)).sum(axis=-1) / _total(w)))


def _harmonic(x: Floats, w: Floats) -> Floats:
    inverse = (w / x).sum(axis=-1)
    return np.asarray(_total(w) / np.where(inverse > 0, inverse, np.nan))


_MEANS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "arithmetic": _arithmetic,
    "geometric": _geometric,
    "harmonic": _harmonic,
}


def outranking(values: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """(..., units, units): the weight of indicators in which the row's unit is above the column's, half the weight where
    equal.

    Over the indicators both units have; 0.5 where they share none, and on the diagonal. o_ij + o_ji = 1. Source: Munda
    and Nardo 2009; COINr 1.1.14.
    """
    x, w = np.asarray(values, float), np.asarray(weights, float)
    shape = (*x.shape[:-1], x.shape[-2])
    won, common = np.zeros(shape), np.zeros(shape)
    # One indicator at a time: units x units x indicators x draws would not fit.
    for column in range(x.shape[-1]):
        own, other = x[..., :, None, column], x[..., None, :, column]
        weight = w[..., column][..., None, None]
        won += weight * ((own > other) + 0.5 * (own == other))
        common += weight * (np.isfinite(own) & np.isfinite(other))
    return np.where(common > 0, won / np.where(common > 0, common, 1.0), 0.5)


def copeland(outranked: npt.ArrayLike) -> Floats:
    """Units beaten (outranking above one half) minus units lost to, by unit. A half within 1e-9 is a tie."""
    margin = np.asarray(outranked, float) - 0.5
    return np.asarray(np.where(np.abs(margin) <= 1e-9, 0.0, np.sign(margin)).sum(axis=-1))


def borda_points(counts: npt.ArrayLike, orders: npt.ArrayLike) -> dict[str, float]:
    """Borda points of a profile: each of `counts` indicators ranks options as in its row of `orders`, best first.

    An option earns m - 1 points for a first place among m, 0 for the last. Raises ValueError where a row names an option
    twice or another set of options.
    """
    rows = [[str(option) for option in row] for row in np.asarray(orders, object)]
    if any(sorted(row) != sorted(set(rows[0])) for row in rows):
        raise ValueError("every order must name the same options, each once")
    points = dict.fromkeys(sorted(rows[0]), 0.0)
    for count, row in zip(np.asarray(counts, float), rows, strict=True):
        for position, option in enumerate(row):
            points[option] += float(count) * (len(row) - 1 - position)
    return points
