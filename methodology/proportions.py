"""Intervals of proportions, of their difference, and of proportions from a survey design.

Belongs here: functions of counts, or of a share with its design-based error. Published shares get Wilson's interval. Does not
belong here: means and rates (`estimates`), the share and error themselves (`survey_estimates`).
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from methodology.arrays import Floats, Intervals

SurveyMethod = Literal["wilson", "logit", "likelihood", "asin", "beta", "mean"]


def wilson_interval(
    successes: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95, continuity: bool = False
) -> Intervals:
    """Wilson score interval of a proportion, on 0-1: (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).

    Keeps a width at 0 % and 100 %. n may be an effective size. NaN where n <= 0. With `continuity` p is moved outwards
    by min(1/2, |x - n/2|)/n before each limit, as R's prop.test does. Source: Wilson 1927, Newcombe 1998.
    """
    hits, size = np.asarray(successes, float), np.asarray(n, float)
    z = stats.norm.ppf(0.5 + level / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(size > 0, hits / size, np.nan)
        step = np.minimum(0.5, np.abs(hits - size / 2)) / size if continuity else np.zeros_like(p)
        below, above = np.clip(p - step, 0, 1), np.clip(p + step, 0, 1)
        low = (below + z**2 / (2 * size) - _score_half(below, size, z)) / (1 + z**2 / size)
        high = (above + z**2 / (2 * size) + _score_half(above, size, z)) / (1 + z**2 / size)
    # The limits at p = 0 and p = 1 are exactly 0 and 1; floating point misses them by an ulp.
    return np.where(below == 0, 0.0, np.clip(low, 0, 1)), np.where(above == 1, 1.0, np.clip(high, 0, 1))


def agresti_coull_interval(successes: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> Intervals:
    """Wald interval around Wilson's centre: p~ -+ z sqrt(p~(1-p~)/n~), p~ = (x + z^2/2)/n~, n~ = n + z^2.

    Not cut at 0 and 1. NaN where n <= 0. Source: Agresti and Coull 1998.
    """
    hits, size = _counts(successes, n)
    z = stats.norm.ppf(0.5 + level / 2)
    larger = size + z**2
    centre = (hits + z**2 / 2) / larger
    half = z * np.sqrt(centre * (1 - centre) / larger)
    return centre - half, centre + half


def clopper_pearson_interval(successes: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> Intervals:
    """Exact interval: beta quantiles [B(a/2; x, n-x+1), B(1-a/2; x+1, n-x)], 0 at x = 0 and 1 at x = n.

    NaN where n <= 0; x and n may be effective, not whole. Source: Clopper and Pearson 1934.
    """
    hits, size = _counts(successes, n)
    tail = (1 - level) / 2
    low = np.where(hits == 0, 0.0, stats.beta.ppf(tail, hits, size - hits + 1))
    high = np.where(hits == size, 1.0, stats.beta.ppf(1 - tail, hits + 1, size - hits))
    return low, high


def jeffreys_interval(successes: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> Intervals:
    """Central quantiles of the posterior Beta(x + 1/2, n - x + 1/2).

    At x = 0 and x = n one-sided, [0, B(level)] and [B(1 - level), 1], so that it still holds `level` of the posterior
    (R binom's convention; Brown, Cai and DasGupta 2001 keep the outer a/2 quantile instead). NaN where n <= 0.
    """
    hits, size = _counts(successes, n)
    tail = (1 - level) / 2
    a, b = hits + 0.5, size - hits + 0.5
    low = stats.beta.ppf(np.where(hits == size, 2 * tail, tail), a, b)
    high = stats.beta.ppf(np.where(hits == 0, 1 - 2 * tail, 1 - tail), a, b)
    return np.where(hits == 0, 0.0, low), np.where(hits == size, 1.0, high)


def newcombe_difference(
    successes: npt.ArrayLike,
    n: npt.ArrayLike,
    other_successes: npt.ArrayLike,
    other_n: npt.ArrayLike,
    level: float = 0.95,
) -> tuple[Floats, Floats, Floats]:
    """Difference p1 - p2 of independent proportions with its hybrid score interval (Newcombe 1998, method 10).

    low = d - sqrt((p1 - l1)^2 + (u2 - p2)^2), high = d + sqrt((u1 - p1)^2 + (p2 - l2)^2), l and u Wilson's limits.
    Sizes may be effective. NaN where either n <= 0.
    """
    (hits, size), (other_hits, other_size) = _counts(successes, n), _counts(other_successes, other_n)
    p, q = hits / size, other_hits / other_size
    p_low, p_high = wilson_interval(hits, size, level)
    q_low, q_high = wilson_interval(other_hits, other_size, level)
    return p - q, p - q - np.hypot(p - p_low, q_high - q), p - q + np.hypot(p_high - p, q - q_low)


def survey_proportion_interval(
    p: npt.ArrayLike,
    error: npt.ArrayLike,
    degrees_of_freedom: npt.ArrayLike,
    n: npt.ArrayLike,
    method: SurveyMethod = "wilson",
    level: float = 0.95,
) -> Intervals:
    """Interval of a share p (0-1) with design-based standard error, n answers; t is Student's quantile of the design.

    `wilson`: on the effective n p(1-p)/se^2 (t_(n-1)/t)^2; where all answers are alike (p = 0 or 1) the design says nothing and n
    itself is used, so that a width remains: pass n divided by Kish's deff there. `beta`: Clopper-Pearson on the same (Korn and
    Graubard 1998). `logit`: logit p -+ t se/(p(1-p)). `asin`: sin^2 of asin sqrt p -+ t se / (2 sqrt(p(1-p))), the angle cut at 0
    and 90 degrees. `likelihood`: 2 n KL(p, q) <= t^2 deff n/(n-1) (Rao and Scott 1984). `mean`: p -+ t se, not cut. All but
    wilson and mean are NaN at p = 0 and p = 1. Source: R survey, svyciprop.
    """
    share, se, df, size = np.broadcast_arrays(*(np.asarray(part, float) for part in (p, error, degrees_of_freedom, n)))
    t = stats.t.ppf(0.5 + level / 2, df)
    if method == "mean":
        return share - t * se, share + t * se
    alike = (share <= 0) | (share >= 1)
    spread = np.where(alike, np.nan, share * (1 - share))
    if method == "logit":
        centre, half = special.logit(np.where(alike, np.nan, share)), t * se / spread
        return special.expit(centre - half), special.expit(centre + half)
    if method == "asin":
        centre, half = np.arcsin(np.sqrt(np.where(alike, np.nan, share))), t * se / (2 * np.sqrt(spread))
        return np.sin(np.maximum(centre - half, 0)) ** 2, np.sin(np.minimum(centre + half, np.pi / 2)) ** 2
    if method == "likelihood":
        limit = t**2 * se**2 / spread * size / (size - 1) / 2
        return _divergence_root(share, limit, 0.0), _divergence_root(share, limit, 1.0)
    fewer = (stats.t.ppf(0.5 + level / 2, size - 1) / t) ** 2
    with np.errstate(divide="ignore"):
        effective = np.where(alike, size if method == "wilson" else np.nan, spread / se**2) * fewer
    interval = wilson_interval if method == "wilson" else clopper_pearson_interval
    return interval(share * effective, effective, level)


def _divergence_root(p: Floats, limit: Floats, end: float) -> Floats:
    """q between p and `end` where p log(p/q) + (1-p) log((1-p)/(1-q)) reaches the limit, by bisection."""
    inner, outer = np.array(p, float), np.full(p.shape, end)
    for _ in range(100):
        middle = (inner + outer) / 2
        below = special.rel_entr(p, middle) + special.rel_entr(1 - p, 1 - middle) < limit
        inner, outer = np.where(below, middle, inner), np.where(below, outer, middle)
    return np.where(np.isnan(limit), np.nan, inner)


def _counts(successes: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Successes and sizes, NaN where the size is zero; more successes than trials are refused."""
    hits, size = np.broadcast_arrays(np.asarray(successes, float), np.asarray(n, float))
    # Weighted counts may exceed their size by rounding.
    if np.any(hits < 0) or np.any(hits > size * (1 + 1e-12)):
        raise ValueError("successes must lie between zero and n")
    positive = size > 0
    return np.where(positive, np.minimum(hits, size), np.nan), np.where(positive, size, np.nan)


def _score_half(p: Floats, n: Floats, z: float) -> Floats:
    """z sqrt(p(1-p)/n + z^2/4n^2)."""
    return np.asarray(z * np.sqrt(np.maximum(p * (1 - p), 0) / n + z**2 / (4 * n**2)))
