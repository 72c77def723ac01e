"""Direct standardisation: what a unit's rate would be if it had the standard's mix.

Belongs here: standardised rates with their intervals. Does not belong here: standardised means (a domain post-stratified to the
standard, `weights`), adjustment by regression (`adjustment`), decomposition of a change (`change`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.arrays import Floats, Intervals
from methodology.estimates import poisson_rate_interval


@dataclass(frozen=True, eq=False)
class StandardisedRate:
    """Rates of areas (...), from strata on the last axis of what `standardised_rate` was given."""

    crude: Floats
    rate: Floats
    variance: Floats
    events: Floats
    largest_weight: Floats


def standardised_rate(events: npt.ArrayLike, population: npt.ArrayLike, standard: npt.ArrayLike) -> StandardisedRate:
    """Rate sum s_g x_g/n_g / sum s_g with Poisson variance sum s_g^2 x_g/n_g^2 / (sum s_g)^2, over the last axis.

    NaN where a group with a share of the standard has no population or no count: the rate is undefined until the group
    is collapsed. Raises ValueError on negative counts or populations. Source: Fay and Feuer 1997.
    """
    count, size = np.broadcast_arrays(np.asarray(events, float), np.asarray(population, float))
    share = _shares(standard)
    if np.any(count < 0) or np.any(size < 0):
        raise ValueError("events and populations must not be negative")
    used = share > 0
    positive = np.where(size > 0, size, np.nan)
    weight = np.where(used, share / positive, 0.0)
    held = np.where(used, count, 0.0)
    return StandardisedRate(
        count.sum(axis=-1) / size.sum(axis=-1),
        np.sum(weight * held, axis=-1),
        np.sum(weight**2 * held, axis=-1),
        np.sum(held, axis=-1),
        np.max(weight, axis=-1),
    )


def dobson_interval(found: StandardisedRate, level: float = 0.95) -> Intervals:
    """rate + sqrt(variance / O) (limits of O - O): Byar's limits of the count from 10 events on, exact ones below.

    NaN without an event: the count says nothing about the spread over groups; use `gamma_interval`. Source: Dobson et al.
    1991; Breslow and Day 1987 for Byar's approximation.
    """
    events = np.asarray(found.events, float)
    z = stats.norm.ppf(0.5 + level / 2)
    low, high = poisson_rate_interval(events, np.ones_like(events), level)
    many = np.where(events >= 10, events, np.nan)
    byar_low = many * (1 - 1 / (9 * many) - z / (3 * np.sqrt(many))) ** 3
    byar_high = (many + 1) * (1 - 1 / (9 * (many + 1)) + z / (3 * np.sqrt(many + 1))) ** 3
    low, high = np.where(events >= 10, byar_low, low), np.where(events >= 10, byar_high, high)
    scale = np.sqrt(found.variance / np.where(events > 0, events, np.nan))
    return found.rate + scale * (low - events), found.rate + scale * (high - events)


def gamma_interval(found: StandardisedRate, level: float = 0.95) -> Intervals:
    """Gamma quantiles with the rate's mean and variance; the upper one adds an event where it weighs most.

    low: shape r^2/v, scale v/r; high: r + m and v + m^2 in their place, m the largest s_g/n_g. The lower limit without an
    event is zero. At least the nominal coverage. Source: Fay and Feuer 1997.
    """
    tail = (1 - level) / 2
    rate, variance, one = found.rate, found.variance, found.largest_weight
    some = np.where(found.events > 0, rate, np.nan)
    spread = np.where(found.events > 0, variance, np.nan)
    low = stats.gamma.ppf(tail, some**2 / spread, scale=spread / some)
    high = stats.gamma.ppf(1 - tail, (rate + one) ** 2 / (variance + one**2), scale=(variance + one**2) / (rate + one))
    return np.where(found.events == 0, np.where(np.isnan(rate), np.nan, 0.0), low), np.asarray(high)


def _shares(standard: npt.ArrayLike) -> Floats:
    given = np.asarray(standard, float)
    if not np.all(given >= 0) or not np.all(given.sum(axis=-1) > 0):
        raise ValueError("the standard must not be negative and must add up to something")
    return np.asarray(given / given.sum(axis=-1, keepdims=True))
