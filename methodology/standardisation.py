"""Direct standardisation: what a unit's score or rate would be, had it the standard's mix.

Belongs here: standardised means and rates with their intervals, and the weights that standardise rows. Does not belong
here: adjustment by regression (`adjustment`), decomposition of a change (Kitagawa).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.estimates import Floats, Intervals, poisson_rate_interval


@dataclass(frozen=True, eq=False)
class StandardisedRate:
    """Rates of areas (...), from strata on the last axis of what `standardised_rate` was given."""

    crude: Floats
    rate: Floats
    variance: Floats
    events: Floats
    largest_weight: Floats


def standardised_mean(means: npt.ArrayLike, errors: npt.ArrayLike, standard: npt.ArrayLike) -> tuple[Floats, Floats]:
    """sum s_g m_g / sum s_g of means (..., g), standard (g,), and its error sqrt(sum s_g^2 e_g^2) / sum s_g; groups independent.

    NaN where a group with a share of the standard has no mean: collapse it first, and say so. For a clustered sample
    post-stratify the domain to the standard instead (`weights.poststratify`). Raises ValueError where the standard is
    negative or adds up to nothing.
    """
    share = _shares(standard)
    used = share > 0
    level = np.where(used, np.asarray(means, float), 0.0) * share
    spread = np.where(used, np.asarray(errors, float), 0.0) * share
    return np.asarray(level.sum(axis=-1)), np.asarray(np.sqrt(np.sum(spread**2, axis=-1)))


def standardisation_weights(standard: npt.ArrayLike, unit: npt.ArrayLike, cap: float = 5.0) -> Floats:
    """Weight of an answer in each group: share in the standard / share in the unit, at most `cap`.

    Shares or counts, groups on the last axis; score = sum w x / sum w. NaN for groups the unit lacks: nobody there can
    be weighted up. Source: standardisation of the CQC's NHS surveys.
    """
    target = _shares(standard)
    own = np.asarray(unit, float)
    own = own / own.sum(axis=-1, keepdims=True)
    weight = np.divide(target, own, out=np.full(np.broadcast_shapes(target.shape, own.shape), np.nan), where=own > 0)
    return np.asarray(np.minimum(weight, cap))


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
    known = np.where(size > 0, size, np.nan)
    weight = np.where(used, share / known, 0.0)
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

    NaN without an event: the count says nothing of the spread over groups; use `gamma_interval`. Source: Dobson et al.
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
    """Gamma quantiles with the rate's mean and variance; above, with one more event where it weighs most.

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
