"""True scores of an agency's units in one quarter, from few answers in several: what a unit is stays, what a quarter adds goes.

Belongs here: the hierarchical normal model of units over quarters, its posterior and intervals. Does not belong here: which
answers make a row, and who may see what (`small_units`); units without a past (`shrinkage`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from methodology.arrays import Floats

Numbers = npt.NDArray[np.int64]
# The common move of all units in a quarter has a normal prior so wide (in points of 0-100) that it only keeps quarters that no
# row tells apart from being undefined.
SHIFT = 20.0
# The grid of spread and share, and halvings of the search for a limit: limits are those of ever finer ones to 0.05 points.
SPREADS, SHARES, HALVINGS = 24, 4, 24
# Pairs less likely than the likeliest by e to this power take no part.
RULED_OUT = 12.0
LEAST_UNITS = 3


@dataclass(frozen=True)
class UnitRows:
    """Means y (r,) of answers with sampling variances v (r,), sorted by `unit` (r,) 0..units-1, each of which has a row.

    quarters (r, T): the share of a row's answers given in each quarter, rows adding up to one; rows of a unit share no quarter.
    """

    y: Floats
    v: Floats
    unit: Numbers
    quarters: Floats


@dataclass(frozen=True)
class UnitScores:
    """Of each unit (units,) in the quarter asked for: its true score's mean, standard deviation and limits, the probability that
    it lies above the mean of all units, and reliability, the share of the variance between units that its answers explain."""

    score: Floats
    error: Floats
    low: Floats
    high: Floats
    p_above: Floats
    reliability: Floats


@dataclass(frozen=True)
class Given:
    """For each pair (g,) of variances: the log density, and of each unit (g, units) centre and variance of its true score, the
    same of its distance from the mean of all units, and the share of the variance between units that its answers explain."""

    log: Floats
    centre: Floats
    variance: Floats
    above: Floats
    above_variance: Floats
    explained: Floats


def unit_scores(rows: UnitRows, quarter: int, spread_sd: float, level: float = 0.95) -> UnitScores:
    """Posterior of theta_t = mu_t + b + e_t of each unit in the quarter t, a column of `quarters`.

    y = sum_t share_t theta_t + error; b ~ N(0, tau^2 rho) stays, e_t ~ N(0, tau^2 (1 - rho)) is a quarter's own. mu is flat, tau
    half-normal with standard deviation `spread_sd` (in points; infinite: flat) and rho uniform on 0-1; both are averaged over on
    a grid (midpoints of tau/(tau + s), s the harmonic standard error, and of rho). With one quarter, one row a unit and a flat
    prior it is `shrunken_interval`. Limits are quantiles of the mixture. Raises ValueError below three units: two say nothing
    of a spread. Source: Gelman 2006; Rao and Yu 1994, Canadian J. of Statistics 22; Rao and Molina 2015, Small Area Estimation.
    """
    if rows.unit.size == 0 or rows.unit.max() + 1 < LEAST_UNITS:
        raise ValueError("an average over the spread needs at least three units")
    spread = (np.arange(SPREADS) + 0.5) / SPREADS
    tau2 = np.repeat((spread / (1 - spread)) ** 2 / np.mean(1 / rows.v), SHARES)
    rho = np.tile((np.arange(SHARES) + 0.5) / SHARES, SPREADS)
    found = given(rows, quarter, tau2 * rho, tau2 * (1 - rho))
    # dtau = s du / (1 - u)^2
    log = found.log - 2 * np.log1p(-np.repeat(spread, SHARES)) - tau2 / (2 * spread_sd**2)
    likely = log > log.max() - RULED_OUT
    chance = np.exp(log[likely] - log[likely].max())
    chance /= chance.sum()
    centre, width = found.centre[likely], np.sqrt(found.variance[likely])
    mean = chance @ centre
    variance = chance @ (width**2 + (centre - mean) ** 2)
    low, high = (_quantile(chance, centre, width, tail) for tail in ((1 - level) / 2, (1 + level) / 2))
    above = chance @ special.ndtr(found.above[likely] / np.sqrt(found.above_variance[likely]))
    return UnitScores(mean, np.sqrt(variance), low, high, above, chance @ found.explained[likely])


def given(rows: UnitRows, quarter: int, stays: Floats, passes: Floats) -> Given:
    """Best linear unbiased prediction for each pair (g,) of variances: of what stays, and of what a quarter adds.

    With V = diag(d) + stays 1 1' within a unit, d = v + passes sum share^2: mu by generalised least squares, theta = mu_t +
    k' V^-1 (y - X mu), k = stays + passes share_t; variance stays + passes - k' V^-1 k + c' A^-1 c, A = X' V^-1 X and c = 1_t -
    X' V^-1 k. The log density is the restricted likelihood. Source: Henderson 1975; Harville 1977.
    """
    starts = np.flatnonzero(np.diff(rows.unit, prepend=-1))

    def by_unit(values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values, starts, axis=1))

    x, y = rows.quarters, rows.y
    d = rows.v + passes[:, None] * (x**2).sum(axis=1)
    w = 1 / d
    w_unit = by_unit(w)
    c = stays[:, None] / (1 + stays[:, None] * w_unit)
    wx = by_unit(w[:, :, None] * x)
    periods = x.shape[1]
    prior = (np.eye(periods) - 1 / periods) / SHIFT**2
    a = np.einsum("gr,rs,rt->gst", w, x, x) - np.einsum("gb,gbs,gbt->gst", c, wx, wx) + prior
    right = (w * y) @ x - np.einsum("gb,gbs,gb->gs", c, wx, by_unit(w * y))
    inverse = np.linalg.inv(a)
    mu = np.einsum("gst,gt->gs", inverse, right)
    r = y - mu @ x.T
    wr = by_unit(w * r)
    q = (w * r**2).sum(axis=1) - (c * wr**2).sum(axis=1) + np.einsum("gs,st,gt->g", mu, prior, mu)
    determinant = np.log(d).sum(axis=1) + np.log1p(stays[:, None] * w_unit).sum(axis=1)
    log = -0.5 * (determinant + np.linalg.slogdet(a)[1] + q)
    k = stays[:, None] + passes[:, None] * x[:, quarter]
    weight = w * (k - (c * by_unit(w * k))[:, rows.unit])
    away = by_unit(weight * r)
    unseen = (stays + passes)[:, None] - by_unit(weight * k)
    moved = -by_unit(weight[:, :, None] * x)
    target = moved + np.eye(periods)[quarter]
    variance = unseen + np.einsum("gbs,gst,gbt->gb", target, inverse, target)
    above_variance = unseen + np.einsum("gbs,gst,gbt->gb", moved, inverse, moved)
    explained = 1 - unseen / (stays + passes)[:, None]
    return Given(log, mu[:, [quarter]] + away, variance, away, above_variance, explained)


def _quantile(chance: Floats, centre: Floats, width: Floats, tail: float) -> Floats:
    below, above = (centre - 9 * width).min(axis=0), (centre + 9 * width).max(axis=0)
    for _ in range(HALVINGS):
        middle = (below + above) / 2
        short = chance @ special.ndtr((middle - centre) / width) < tail
        below, above = np.where(short, middle, below), np.where(short, above, middle)
    return np.asarray((below + above) / 2)
