"""Point estimates and intervals of one metric, from sufficient statistics.

Belongs here: estimators that turn counts and sums into value, standard error and interval, for arrays of units. Does not
belong here: intervals of shares (`proportions`), comparison between units (`peers`) and parameters (`parameters`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.arrays import Floats, Intervals
from methodology.proportions import wilson_interval

# How many answers at the far end of a scale a sample is taken to have missed: the least with which intervals of means of
# 50 to 99 on scales of 2 to 11 points hold 95 % on average in every group of means (docs/evidence, "intervals").
SPARE_ANSWERS = 0.1
# A spread below this share of the sum of squares is what rounding left: one of 10^9 answers a tenth of the scale off leaves more.
ROUNDING = 1e-13


@dataclass(frozen=True)
class Estimates:
    """One figure of many units (units,): value, standard error and limits."""

    value: Floats
    error: Floats
    low: Floats
    high: Floats

    def where(self, condition: npt.NDArray[np.bool_]) -> "Estimates":
        """Return the same figures where the condition holds, else NaN."""
        value, error, low, high = (np.where(condition, part, np.nan) for part in self.parts)
        return Estimates(value, error, low, high)

    @property
    def parts(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self.value, self.error, self.low, self.high

    def columns(self, value: str) -> dict[str, Floats]:
        """Return the figures as columns of a table, the value under the given name."""
        return {value: self.value, "standard_error": self.error, "ci_low": self.low, "ci_high": self.high}


def faults_of_scores(score: Floats, error: Floats) -> list[str]:
    """Return what is wrong with scores and their standard errors, a sentence each, before they are compared with each other."""
    faults = []
    if not np.all(np.isfinite(score)):
        faults.append("scores must be finite")
    if not (np.all(error > 0) and np.all(np.isfinite(error))):
        faults.append("standard errors must be positive and finite")
    return faults


def compared_scores(score: npt.ArrayLike, error: npt.ArrayLike, too_few: str) -> tuple[Floats, Floats]:
    """Scores and standard errors (units,) of at least two units; raises ValueError naming every fault, `too_few` for fewer."""
    y, s = np.asarray(score, float), np.asarray(error, float)
    faults = faults_of_scores(y, s)
    if y.ndim != 1 or y.shape != s.shape:
        faults.append("scores and standard errors must be vectors of one length")
    if y.size < 2:
        faults.append(too_few)
    if faults:
        raise ValueError("; ".join(faults))
    return y, s


def mean_estimate(n: npt.ArrayLike, sum_x: npt.ArrayLike, sum_x2: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Mean and its standard error from n, sum of x and sum of x squared.

    mean = Sx/n; se = sqrt((Sxx - Sx^2/n) / (n-1) / n). Where n < 1 both are NaN; where n = 1 the se is NaN: one answer
    says nothing about spread.
    """
    size, total, squares = (np.asarray(part, float) for part in (n, sum_x, sum_x2))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(size >= 1, total / size, np.nan)
        # Where all answers are equal, rounded sums can leave a tiny sum of squares of either sign.
        spread = squares - total**2 / size
        spread = np.where(spread > ROUNDING * squares, spread, 0.0)
        error = np.where(size >= 2, np.sqrt(spread / (size - 1) / size), np.nan)
    return mean, error


def mean_interval(
    mean: npt.ArrayLike,
    error: npt.ArrayLike,
    n: npt.ArrayLike,
    level: float = 0.95,
    bounds: tuple[float, float] = (0, 100),
    degrees_of_freedom: npt.ArrayLike | None = None,
) -> Intervals:
    """Score interval of the mean of a bounded scale; it never leaves the scale, nor is it symmetric near an end of it.

    With m = (mean - a)/(b - a), s the error on the same scale and kappa = n s^2 / (m (1 - m)), the share of the most a scale
    of that mean can vary, the limits are the mu with |m - mu| = t sqrt(kappa mu (1 - mu) / n): Wilson's for n/kappa answers,
    with Student's t. Near an end few answers carry the spread and many samples miss them, so kappa is drawn towards 1 with
    the weight of SPARE_ANSWERS against n min(m, 1 - m). n may be effective; degrees of freedom are n - 1 unless given.

    Where the error is zero (all answers equal) the rule of three is used: the opposite extreme has a share of at most
    1 - alpha^(1/n), so the mean lies within that share of the range. Source: Wilson 1927; variance function of a bounded mean.
    """
    low, high = bounds
    centre, s, size = ((np.asarray(part, float)) for part in (mean, error, n))
    m, s = (centre - low) / (high - low), s / (high - low)
    df = size - 1 if degrees_of_freedom is None else np.asarray(degrees_of_freedom, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = stats.t.ppf(0.5 + level / 2, np.maximum(df, 1))
        far = size * np.minimum(m, 1 - m)
        kappa = (far * size * s**2 / (m * (1 - m)) + SPARE_ANSWERS) / (far + SPARE_ANSWERS)
        spread = t**2 * kappa / size
        middle, half = m + spread / 2, np.sqrt(spread * m * (1 - m) + spread**2 / 4)
        share = 1 - (1 - level) ** (1 / size)
        flat = s <= 0
        below = np.where(flat, m - share * m, (middle - half) / (1 + spread))
        above = np.where(flat, m + share * (1 - m), (middle + half) / (1 + spread))
    return low + (high - low) * np.clip(below, 0, 1), low + (high - low) * np.clip(above, 0, 1)


def means(n: npt.ArrayLike, sum_x: npt.ArrayLike, sum_x2: npt.ArrayLike, level: float) -> Estimates:
    """Means of answers on 0-100 with their score intervals, from sums."""
    mean, error = mean_estimate(n, sum_x, sum_x2)
    return Estimates(mean, error, *mean_interval(mean, error, n, level))


def percentages(hits: npt.ArrayLike, n: npt.ArrayLike, level: float) -> Estimates:
    """Shares in per cent with binomial errors, sqrt(p(1-p)/n), and Wilson intervals; NaN where n <= 0."""
    found, size = np.asarray(hits, float), np.asarray(n, float)
    low, high = wilson_interval(found, size, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(size > 0, found / size, np.nan)
        error = np.sqrt(np.maximum(share * (1 - share), 0) / size)
    return Estimates(100 * share, 100 * error, 100 * low, 100 * high)


def rates(events: npt.ArrayLike, exposure: npt.ArrayLike, level: float, per: float = 1000) -> Estimates:
    """Events per so many units of exposure with Poisson errors, sqrt(C)/T, and exact intervals; NaN where T <= 0."""
    count, time = np.asarray(events, float), np.asarray(exposure, float)
    low, high = poisson_rate_interval(count, time, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(time > 0, count / time, np.nan)
        error = np.sqrt(count) / time
    return Estimates(per * rate, per * error, per * low, per * high)


def poisson_rate_interval(events: npt.ArrayLike, exposure: npt.ArrayLike, level: float = 0.95) -> Intervals:
    """Exact (Garwood) interval of a rate: [chi2(a/2; 2C)/2, chi2(1-a/2; 2C+2)/2] / T, in events per unit of exposure.

    NaN where the exposure is not positive; the lower limit of zero events is zero. Source: Garwood 1936.
    """
    count, time = np.asarray(events, float), np.asarray(exposure, float)
    tail = (1 - level) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(count > 0, stats.chi2.ppf(tail, 2 * count) / 2, 0.0) / time
        high = stats.chi2.ppf(1 - tail, 2 * count + 2) / 2 / time
    valid = time > 0
    return np.where(valid, low, np.nan), np.where(valid, high, np.nan)
