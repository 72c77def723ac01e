"""Variance between and within units of a one-way layout, from each unit's n, mean and within sum of squares.

Belongs here: the analysis of variance, its intraclass correlations and intervals, and the REML fit of the random-intercept
model. Does not belong here: shrinkage of single units (`shrinkage`) and inequality of shares (`inequality`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

Floats = npt.NDArray[np.float64]
# Search range of the variance ratio between / within: beyond it one of the two components is zero in practice.
RATIO_RANGE = (1e-10, 1e8)


@dataclass(frozen=True)
class OneWay:
    """Mean squares of a one-way layout; k0 is the size of a balanced group with the same expected mean squares."""

    sizes: Floats
    mean_square_between: float
    mean_square_within: float
    k0: float

    @property
    def f_ratio(self) -> float:
        """MSB / MSW."""
        return self.mean_square_between / self.mean_square_within

    @property
    def variance_between(self) -> float:
        """(MSB - MSW) / k0; negative where the groups differ less than chance, and not truncated."""
        return (self.mean_square_between - self.mean_square_within) / self.k0

    @property
    def icc(self) -> float:
        """Reliability of one answer: (MSB - MSW) / (MSB + (k0 - 1) MSW); may be negative."""
        return icc_one(self.mean_square_between, self.mean_square_within, self.k0)

    @property
    def icc_of_means(self) -> float:
        """Reliability of a unit's mean, ICC(2): (MSB - MSW) / MSB; minus infinity where all means are equal."""
        return 1 - self.mean_square_within / self.mean_square_between if self.mean_square_between else float("-inf")


@dataclass(frozen=True)
class RandomIntercepts:
    """REML fit of y = mu + u_i + e: tau2 between units, sigma2 within, mu with its standard error."""

    tau2: float
    sigma2: float
    mu: float
    mu_error: float

    @property
    def icc(self) -> float:
        """tau2 / (tau2 + sigma2)."""
        return self.tau2 / (self.tau2 + self.sigma2)


def pooled_variance(n: npt.ArrayLike, variance: npt.ArrayLike, family: npt.ArrayLike, families: int) -> Floats:
    """Within-unit variance pooled over the units of each family, (families,): sum (n-1) s^2 / sum (n-1).

    n, variance: (units,), in squared units of the score; variance is not read where n = 1 and may be NaN there. family: (units,)
    numbers 0..families-1. It gives a unit of one answer a standard error, which its own s cannot, and a unit of few answers one
    that is not left to chance. NaN where no unit of the family has two answers or no answer differs within its unit.
    """
    sizes, own, position = np.asarray(n, float), np.asarray(variance, float), np.asarray(family, np.int64)
    spare = sizes - 1
    squares = np.bincount(position, np.where(spare > 0, spare * np.where(spare > 0, own, 0.0), 0.0), families)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = squares / np.bincount(position, np.maximum(spare, 0), families)
    return np.where(pooled > 0, pooled, np.nan)


def one_way(n: npt.ArrayLike, mean: npt.ArrayLike, sum_of_squares: npt.ArrayLike) -> OneWay:
    """Analysis of variance from cells: n, mean and within sum of squares sum (y - mean)^2 of each unit.

    MSB = sum n (m - M)^2 / (a-1), MSW = sum SS / (N - a), k0 = (N - sum n^2/N) / (a-1). Raises ValueError below two units
    or where no unit has two answers. Source: Donner 1986, Int. Stat. Review 54.
    """
    sizes, means, squares = _cells(n, mean, sum_of_squares)
    total, groups = sizes.sum(), sizes.size
    grand = (sizes * means).sum() / total
    between = float((sizes * (means - grand) ** 2).sum() / (groups - 1))
    within = float(squares.sum() / (total - groups))
    return OneWay(sizes, between, within, float((total - (sizes**2).sum() / total) / (groups - 1)))


def icc_one(mean_square_between: float, mean_square_within: float, size: float) -> float:
    """(MSB - MSW) / (MSB + (k - 1) MSW) for a group size k: k0 when unbalanced; the mean size is a common shortcut."""
    return (mean_square_between - mean_square_within) / (mean_square_between + (size - 1) * mean_square_within)


def icc_interval_exact(table: OneWay, level: float = 0.95) -> tuple[float, float]:
    """F interval of the ICC with k0 for the group size; exact when balanced (Thomas & Hultquist 1978, Donner 1986).

    (F/F_upper - 1) / (F/F_upper + k0 - 1) and (F F'_upper - 1) / (F F'_upper + k0 - 1).
    """
    groups, total = table.sizes.size, table.sizes.sum()
    tail = (1 - level) / 2
    low = table.f_ratio / stats.f.isf(tail, groups - 1, total - groups)
    high = table.f_ratio * stats.f.isf(tail, total - groups, groups - 1)
    return float((low - 1) / (low + table.k0 - 1)), float((high - 1) / (high + table.k0 - 1))


def icc_interval_smith(table: OneWay, level: float = 0.95) -> tuple[float, float]:
    """Large-sample interval icc +- z sqrt(V) with Smith's variance of the unbalanced ANOVA estimator.

    V = 2 (1-r)^2 / k0^2 { (1 + r(k0-1))^2 / (N-a) + [(a-1)(1-r)(1 + r(2 k0 - 1)) + r^2 (S2 - 2 S3/N + S2^2/N^2)] / (a-1)^2 },
    S2 = sum n^2, S3 = sum n^3. Source: Smith 1957, Annals of Human Genetics 21.
    """
    sizes, r, k0 = table.sizes, table.icc, table.k0
    total, groups = sizes.sum(), sizes.size
    squares, cubes = (sizes**2).sum(), (sizes**3).sum()
    within = (1 + r * (k0 - 1)) ** 2 / (total - groups)
    uneven = r**2 * (squares - 2 * cubes / total + (squares / total) ** 2)
    between = ((groups - 1) * (1 - r) * (1 + r * (2 * k0 - 1)) + uneven) / (groups - 1) ** 2
    half = stats.norm.ppf(0.5 + level / 2) * np.sqrt(2 * (1 - r) ** 2 / k0**2 * (within + between))
    return float(r - half), float(r + half)


def random_intercepts(n: npt.ArrayLike, mean: npt.ArrayLike, sum_of_squares: npt.ArrayLike) -> RandomIntercepts:
    """REML of the random-intercept model from cells; the same optimum as a mixed-model program finds on the rows.

    With lambda = tau2/sigma2 and w = n / (1 + n lambda): minimise (N-1) log(SSW + sum w (m - mu)^2) + sum log(1 + n lambda)
    + log sum w. Inputs and errors as in `one_way`; tau2 = 0 where the best lambda is at the boundary.
    """
    sizes, means, squares = _cells(n, mean, sum_of_squares)
    total, within = sizes.sum(), squares.sum()

    def fitted(ratio: float) -> tuple[Floats, float, float]:
        weight = sizes / (1 + sizes * ratio)
        mu = float((weight * means).sum() / weight.sum())
        return weight, mu, float((within + (weight * (means - mu) ** 2).sum()) / (total - 1))

    def deviance(ratio: float) -> float:
        weight, _, sigma2 = fitted(ratio)
        return float((total - 1) * np.log(sigma2) + np.log1p(sizes * ratio).sum() + np.log(weight.sum()))

    bounds = np.log(RATIO_RANGE)
    found = optimize.minimize_scalar(
        lambda x: deviance(np.exp(x)), bounds=bounds, method="bounded", options={"xatol": 1e-9}
    )
    ratio = float(np.exp(found.x))
    ratio = 0.0 if deviance(0.0) <= deviance(ratio) else ratio
    weight, mu, sigma2 = fitted(ratio)
    return RandomIntercepts(ratio * sigma2, sigma2, mu, float(np.sqrt(sigma2 / weight.sum())))


def _cells(n: npt.ArrayLike, mean: npt.ArrayLike, sum_of_squares: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    sizes, means, squares = (np.asarray(part, float) for part in (n, mean, sum_of_squares))
    faults = []
    if sizes.ndim != 1 or not sizes.shape == means.shape == squares.shape:
        faults.append("n, mean and sum of squares must be vectors of one length")
    elif not (
        np.all(np.isfinite(means)) and np.all(np.isfinite(squares)) and np.all(sizes >= 1) and np.all(squares >= 0)
    ):
        faults.append("every unit needs n of at least 1, a finite mean and a sum of squares that is not negative")
    if sizes.size < 2:
        faults.append("variance between units needs at least two units")
    elif sizes.sum() <= sizes.size:
        faults.append("no unit has two answers: the variance within units is unknown")
    elif np.all(squares == 0):
        faults.append("no answer differs within its unit: the ratio of variances is undefined")
    if faults:
        raise ValueError("; ".join(faults))
    return sizes, means, squares
