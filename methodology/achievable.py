"""Achievable benchmark of care: what the best units that serve enough beneficiaries together reach, and the distance to it.

Belongs here: which units make the benchmark, its value, each unit's distance with its interval. Does not belong here: who is
compared with whom (the gate) and what a distance calls for.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.shrinkage import shrink, spread

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Achievable:
    """The benchmark, and of each unit (units,): whether it is of the best, its distance (score less benchmark) and interval."""

    value: float
    is_best: npt.NDArray[np.bool_]
    distance: Floats
    low: Floats
    high: Floats


def achievable(
    score: npt.ArrayLike,
    error: npt.ArrayLike,
    size: npt.ArrayLike,
    least_share: float,
    least_units: int,
    polarity: int = 1,
    level: float = 0.95,
) -> Achievable | None:
    """Pooled mean sum n y / sum n of the best units, by shrunken score, that have `least_share` of all n; None where too many.

    Ordering by shrunken scores keeps a small unit's lucky score from setting the mark; ties go to the larger unit. The
    best are never fewer than `least_units`, and more of them where one has more than half of their n, so that no one's score
    can be read from their mean, nor more than half of all, for then the mark would be the middle: None. Distance d = y -
    benchmark has variance s^2 + sum w_j^2 s_j^2 - 2 w_i s_i^2, w = n / sum n of the best; d +- z se at `level`, not
    simultaneous, the best taken as given. Raises ValueError where a size is not positive and as `spread`. Source: Kiefe et al.
    1998, Int. J. Quality in Health Care 10.
    """
    y, s, n = np.asarray(score, float), np.asarray(error, float), np.asarray(size, float)
    if not np.all(n > 0):
        raise ValueError("units of a benchmark need a positive size")
    family = np.zeros(y.size, np.int64)
    ranked = shrink(y, s, family, spread(y, s, family, 1)).score if y.size > 1 else y
    order = np.lexsort((y, -n, -polarity * ranked))
    reached = int(np.searchsorted(np.cumsum(n[order]), least_share * n.sum() * (1 - 1e-12))) + 1
    count = max(reached, least_units)
    while 2 * count <= y.size and 2 * n[order[:count]].max() > n[order[:count]].sum():
        count += 1
    if 2 * count > y.size:
        return None
    is_best = np.zeros(y.size, bool)
    is_best[order[:count]] = True
    weight = np.where(is_best, n, 0) / n[is_best].sum()
    value = float(weight @ y)
    half = stats.norm.ppf(0.5 + level / 2) * np.sqrt(np.maximum(s**2 * (1 - 2 * weight) + (weight**2 * s**2).sum(), 0))
    return Achievable(value, is_best, y - value, y - value - half, y - value + half)
