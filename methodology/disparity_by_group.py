"""True spread, shrinkage and inequality of many families of units at once; each family stands for itself.

Belongs here: `shrinkage`'s DerSimonian-Laird, its interval and shrunken scores, and `inequality`'s Gini and Theil, as arrays over
families. Does not belong here: other estimators of the spread (`shrinkage`) and other indices (`inequality`).

Units are (units,) arrays in any order with the number of their family, 0..F-1; results over families are (families,).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
# Halvings of the search interval: beyond double precision.
STEPS = 80


@dataclass(frozen=True)
class FamilySpread:
    """Per family: units, between-unit variance, precision-weighted mean with its error, share of the spread that is noise."""

    units: Numbers
    tau2: Floats
    mu: Floats
    mu_error: Floats
    noise_share: Floats


def pooled_error(n: npt.ArrayLike, variance: npt.ArrayLike, family: npt.ArrayLike, families: int) -> Floats:
    """Standard error sqrt(s^2 / n) of each unit's mean with its family's pooled variance s^2 = sum (n-1) s_i^2 / sum (n-1).

    A unit's own variance from few answers would weigh it by chance, and one answer has none. variance is not read where n =
    1. NaN where no unit of the family has two answers or all answers within units are equal.
    """
    sizes, own, place = np.asarray(n, float), np.asarray(variance, float), np.asarray(family, np.int64)
    spare = sizes - 1
    total = _sum(np.where(spare > 0, spare * np.where(spare > 0, own, 0.0), 0.0), place, families)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = total / _sum(np.maximum(spare, 0), place, families)
    return np.asarray(np.sqrt(np.where(pooled > 0, pooled, np.nan)[place] / sizes))


def spread_by_group(score: npt.ArrayLike, error: npt.ArrayLike, family: npt.ArrayLike, families: int) -> FamilySpread:
    """DerSimonian-Laird per family, as `shrinkage.spread`; NaN for families below two units.

    Raises ValueError for a score that is not finite or an error that is not positive.
    """
    y, v, place = _checked(score, error, family)
    units = np.bincount(place, minlength=families)
    w = 1 / v
    total, squares = _sum(w, place, families), _sum(w**2, place, families)
    with np.errstate(divide="ignore", invalid="ignore"):
        trace = total - squares / total
        typical = np.where(units > 1, (units - 1) / trace, np.nan)
        tau2 = np.where(units > 1, np.maximum((_q(y, v, place, np.zeros(families)) - (units - 1)) / trace, 0), np.nan)
        precision = 1 / (v + tau2[place])
        all_precision = _sum(precision, place, families)
        mu = _sum(precision * y, place, families) / all_precision
        return FamilySpread(units, tau2, mu, all_precision**-0.5, typical / (tau2 + typical))


def tau_interval_by_group(
    score: npt.ArrayLike, error: npt.ArrayLike, family: npt.ArrayLike, families: int, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Q-profile interval of tau per family, as `shrinkage.tau_interval`; NaN for families below two units."""
    y, v, place = _checked(score, error, family)
    degrees = np.bincount(place, minlength=families) - 1
    tail, known = (1 - level) / 2, degrees > 0
    limits = []
    for share in (1 - tail, tail):
        target = np.where(known, stats.chi2.ppf(share, np.maximum(degrees, 1)), np.inf)
        limits.append(np.where(known, np.sqrt(_solve(y, v, place, target)), np.nan))
    return limits[0], limits[1]


def shrink_by_group(
    score: npt.ArrayLike, error: npt.ArrayLike, family: npt.ArrayLike, found: FamilySpread
) -> tuple[Floats, Floats, Floats]:
    """Shrunken score, its standard error and the reliability of each unit, as `shrinkage.shrink`."""
    y, v, place = np.asarray(score, float), np.asarray(error, float) ** 2, np.asarray(family, np.int64)
    noise = v / (v + found.tau2[place])
    total = np.sqrt(v * (1 - noise) + noise**2 * found.mu_error[place] ** 2)
    return noise * found.mu[place] + (1 - noise) * y, total, 1 - noise


def gini_by_group(value: npt.ArrayLike, weight: npt.ArrayLike, family: npt.ArrayLike, families: int) -> Floats:
    """Gini per family, as `inequality.gini`; NaN where there is nothing to share."""
    x, w, place = _shares(value, weight, family, families)
    order = np.lexsort((x, place))
    x, w, place = x[order], w[order], place[order]
    reached = np.cumsum(w) - w / 2
    before = np.concatenate([[0.0], np.cumsum(_sum(w, place, families))])[:-1]
    return _sum(w * (2 * (reached - before[place]) - 1) * x, place, families)


def theil_by_group(
    value: npt.ArrayLike, weight: npt.ArrayLike, family: npt.ArrayLike, families: int, part: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Theil T per family, between its parts and within them, as `inequality.theil_split`; part: (units,) numbers.

    NaN where there is nothing to share. Parts of different families may have the same number.
    """
    x, w, place = _shares(value, weight, family, families)
    pairs, cell = np.unique(np.stack([place, np.asarray(part, np.int64)]), axis=1, return_inverse=True)
    cell = cell.reshape(-1)
    held, population = _sum(w * x, cell, pairs.shape[1]), _sum(w, cell, pairs.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(population > 0, held / population, 0.0)
        own = np.where(relative[cell] > 0, x / relative[cell], 0.0)
    between = _sum(special.xlogy(held, relative), pairs[0], families)
    within = _sum(w * relative[cell] * special.xlogy(own, own), place, families)
    nothing = np.isnan(_sum(x, place, families))
    return np.where(nothing, np.nan, between), np.where(nothing, np.nan, within)


def _sum(values: Floats, place: Numbers, size: int) -> Floats:
    return np.asarray(np.bincount(place, values, size), float)


def _checked(score: npt.ArrayLike, error: npt.ArrayLike, family: npt.ArrayLike) -> tuple[Floats, Floats, Numbers]:
    y, s, place = np.asarray(score, float), np.asarray(error, float), np.asarray(family, np.int64)
    faults = []
    if not y.shape == s.shape == place.shape:
        faults.append("scores, standard errors and families must be vectors of one length")
    if not np.all(np.isfinite(y)):
        faults.append("scores must be finite")
    if not (np.all(s > 0) and np.all(np.isfinite(s))):
        faults.append("standard errors must be positive and finite")
    if faults:
        raise ValueError("; ".join(faults))
    return y, s**2, place


def _q(y: Floats, v: Floats, place: Numbers, tau2: Floats) -> Floats:
    """Cochran's Q of every family at its tau2."""
    w = 1 / (v + tau2[place])
    with np.errstate(invalid="ignore"):
        mean = _sum(w * y, place, tau2.size) / _sum(w, place, tau2.size)
    return _sum(w * (y - mean[place]) ** 2, place, tau2.size)


def _solve(y: Floats, v: Floats, place: Numbers, target: Floats) -> Floats:
    """tau2 at which each family's falling Q meets its target; 0 where even Q(0) lies below it."""
    low, high = np.zeros(target.size), np.full(target.size, float(v.max(initial=1.0)))
    while np.any(above := _q(y, v, place, high) > target):
        high = np.where(above, 2 * high, high)
    for _ in range(STEPS):
        middle = (low + high) / 2
        above = _q(y, v, place, middle) > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(_q(y, v, place, np.zeros(target.size)) > target, high, 0.0)


def _shares(
    value: npt.ArrayLike, weight: npt.ArrayLike, family: npt.ArrayLike, families: int
) -> tuple[Floats, Floats, Numbers]:
    """Values over their family's weighted mean (NaN where that is 0), and weights that add up to 1 in each family."""
    x, w, place = np.asarray(value, float), np.asarray(weight, float), np.asarray(family, np.int64)
    if not (np.all(x >= 0) and np.all(np.isfinite(x)) and np.all(w > 0) and np.all(np.isfinite(w))):
        raise ValueError("values must be finite and not negative, weights finite and positive")
    w = w / _sum(w, place, families)[place]
    mean = _sum(w * x, place, families)
    return x / np.where(mean > 0, mean, np.nan)[place], w, place
