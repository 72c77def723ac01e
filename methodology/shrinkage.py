"""True spread between units, and each unit's score shrunk towards the mean in proportion to its noise; many families at once.

Belongs here: the normal-normal model of scores with known standard errors: between-unit variance (moment, REML, ML and
others), its interval, shrunken scores, reliability. Does not belong here: variance components from answers
(`variance_components`), ranks (`ranks`), bands (`peers`).

Units are (units,) arrays in any order with the number of their family, 0..families-1; results over families are (families,),
and each family is independent.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from methodology.estimates import faults_of_scores

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
# Halvings of the search interval: beyond double precision.
STEPS = 80


@dataclass(frozen=True)
class Spread:
    """Per family: between-unit variance tau2 of scores y with sampling variances v, and the mean mu it implies.

    q is Cochran's heterogeneity with units - 1 degrees of freedom; typical_variance is the sampling variance of a typical
    unit, (k-1) / (sum w - sum w^2 / sum w) with w = 1/v (Higgins & Thompson 2002).
    """

    units: Numbers
    tau2: Floats
    mu: Floats
    mu_error: Floats
    q: Floats
    typical_variance: Floats

    @property
    def q_p_value(self) -> Floats:
        """P(chi2 >= q) if all units had the same true score."""
        return np.asarray(stats.chi2.sf(self.q, self.units - 1))

    @property
    def signal_share(self) -> Floats:
        """I^2 on 0-1: tau2 / (tau2 + typical variance), the share of the observed spread that is true."""
        return self.tau2 / (self.tau2 + self.typical_variance)

    @property
    def noise_share(self) -> Floats:
        """1 - I^2: the share of the observed spread that is sampling noise."""
        return self.typical_variance / (self.tau2 + self.typical_variance)

    @property
    def h2(self) -> Floats:
        """Observed over sampling variance: tau2 / typical variance + 1."""
        return self.tau2 / self.typical_variance + 1


@dataclass(frozen=True)
class Shrunken:
    """Scores drawn to the mean, per unit.

    reliability = tau2 / (tau2 + v); error includes the uncertainty of mu, conditional_error does not; neither includes that
    of tau2, so score -+ 1.96 error covers too little where units are few or differ little: use `shrunken_interval`.
    """

    score: Floats
    error: Floats
    conditional_error: Floats
    reliability: Floats


@dataclass(frozen=True)
class SpreadPosterior:
    """Posterior of one family over T spreads tau: `chance` (T,), and given each tau the true scores (T, units).

    True score i is centre_i plus an error of its own of `variance`_i plus noise_i times the error of mu, of `mu_variance` (T,),
    which all units share.
    """

    chance: Floats
    centre: Floats
    variance: Floats
    noise: Floats
    mu_variance: Floats


@dataclass(frozen=True)
class _Units:
    """Scores with their sampling variances, family by family."""

    y: Floats
    v: Floats
    position: Numbers
    families: int

    def sum(self, values: Floats) -> Floats:
        """Sum of each family."""
        return np.asarray(np.bincount(self.position, values, self.families), float)

    @property
    def size(self) -> Numbers:
        """Units of each family."""
        return np.bincount(self.position, minlength=self.families)

    def precision(self, tau2: Floats) -> Floats:
        """1 / (v + tau2) of each unit."""
        return 1 / (self.v + tau2[self.position])

    def distance(self, w: Floats) -> Floats:
        """y - mu of each unit, mu being its family's mean weighted by precision w."""
        with np.errstate(invalid="ignore"):
            return self.y - (self.sum(w * self.y) / self.sum(w))[self.position]

    def q(self, tau2: Floats) -> Floats:
        """Cochran's Q of each family at its tau2."""
        w = self.precision(tau2)
        return self.sum(w * self.distance(w) ** 2)

    def variance(self, spare: int) -> Floats:
        """Variance of the scores of each family, divided by units - spare."""
        with np.errstate(divide="ignore", invalid="ignore"):
            away = self.y - (self.sum(self.y) / self.size)[self.position]
            return self.sum(away**2) / (self.size - spare)


def spread(
    score: npt.ArrayLike, error: npt.ArrayLike, family: npt.ArrayLike, families: int, method: str = "DL"
) -> Spread:
    """Between-unit variance by one of `ESTIMATORS`, never negative, and the precision-weighted mean of units.

    score, error: in units of the score. DL = max(0, (Q - (k-1)) / (sum w - sum w^2/sum w)), w = 1/s^2; mu = sum w* y / sum
    w*, w* = 1/(s^2 + tau2), se(mu) = 1/sqrt(sum w*). Method FE holds tau2 at 0. NaN for families below two units. Raises
    ValueError for a score that is not finite, an error that is not positive, or an unknown method. Source: DerSimonian &
    Laird 1986; names of the other methods as in Viechtbauer 2010.
    """
    own = _checked(score, error, family, families)
    if method not in ESTIMATORS:
        raise ValueError(f"no estimator of between-unit variance is called {method}; there are {', '.join(ESTIMATORS)}")
    with np.errstate(divide="ignore", invalid="ignore"):
        typical = np.where(own.size > 1, (own.size - 1) / _trace(own), np.nan)
        tau2 = np.where(own.size > 1, np.maximum(ESTIMATORS[method](own), 0), np.nan)
        precision = own.precision(tau2)
        total = own.sum(precision)
        mu = own.sum(precision * own.y) / total
        return Spread(own.size, tau2, mu, total**-0.5, own.q(np.zeros(families)), typical)


def tau_interval(
    score: npt.ArrayLike, error: npt.ArrayLike, family: npt.ArrayLike, families: int, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of tau, the true standard deviation between units, by inverting Q(tau2) (Q-profile, Viechtbauer 2007).

    The limits solve Q(tau2) = chi2 quantiles of k-1 degrees; a limit is 0 where even Q(0) lies below its quantile. Exact
    under normality, whichever estimator gives the point. NaN and errors as in `spread`.
    """
    own = _checked(score, error, family, families)
    degrees = own.size - 1
    tail, has_degrees = (1 - level) / 2, degrees > 0
    limits = []
    for share in (1 - tail, tail):
        target = np.where(has_degrees, stats.chi2.ppf(share, np.maximum(degrees, 1)), np.inf)
        limits.append(np.where(has_degrees, np.sqrt(_solve_q(own, target)), np.nan))
    return limits[0], limits[1]


def shrink(score: npt.ArrayLike, error: npt.ArrayLike, family: npt.ArrayLike, found: Spread) -> Shrunken:
    """Best linear unbiased prediction of each unit's true score: B mu + (1 - B) y with B = s^2 / (s^2 + tau2).

    error^2 = s^2 tau2 / (s^2 + tau2) + B^2 se(mu)^2. Units need not be those `found` was estimated from.
    """
    y, v, position = np.asarray(score, float), np.asarray(error, float) ** 2, np.asarray(family, np.int64)
    noise = v / (v + found.tau2[position])
    conditional = v * (1 - noise)
    total = np.sqrt(conditional + noise**2 * found.mu_error[position] ** 2)
    return Shrunken(noise * found.mu[position] + (1 - noise) * y, total, np.sqrt(conditional), 1 - noise)


def shrunken_interval(
    score: npt.ArrayLike, error: npt.ArrayLike, level: float = 0.95, points: int = 200
) -> tuple[Floats, Floats, Floats]:
    """Mean and limits (units,) of each unit's true score, averaged over mu and tau instead of taking tau as known.

    Posterior under flat priors of mu and tau: given tau, unit i is normal as in `shrink`; p(tau | y) is proportional to
    (prod w / sum w)^(1/2) exp(-Q(tau)/2), w = 1/(v + tau^2). Integrated by the midpoint rule in tau/(tau + s), s the harmonic
    standard error; limits are quantiles of the mixture, by bisection. One family. Raises ValueError below three units, for
    which the posterior does not exist, and as `spread`. Source: Gelman 2006, Bayesian Analysis 1; Gelman et al. 2013, 5.4.
    """
    found = spread_posterior(score, error, points)
    chance, centre = found.chance, found.centre
    width = np.sqrt(found.variance + found.noise**2 * found.mu_variance[:, None])
    limits = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        below, above = (centre - 9 * width).min(axis=0), (centre + 9 * width).max(axis=0)
        for _ in range(45):
            middle = (below + above) / 2
            short = chance @ special.ndtr((middle - centre) / width) < tail
            below, above = np.where(short, middle, below), np.where(short, above, middle)
        limits.append((below + above) / 2)
    return chance @ centre, limits[0], limits[1]


def spread_posterior(score: npt.ArrayLike, error: npt.ArrayLike, points: int = 200) -> SpreadPosterior:
    """Posterior of tau under flat priors of mu and tau, and of the units' true scores given each tau, as in `shrink`.

    p(tau | y) is proportional to (prod w / sum w)^(1/2) exp(-Q(tau)/2), w = 1/(v + tau^2), at the midpoints of `points` equal
    parts of tau/(tau + s), s the harmonic standard error. One family. Raises ValueError below three units, for which the
    posterior does not exist, and as `spread`. Source: Gelman 2006, Bayesian Analysis 1; Gelman et al. 2013, 5.4.
    """
    own = _checked(score, error, np.zeros(np.size(score)), 1)
    y, v = own.y, own.v
    if y.size < 3:
        raise ValueError("an average over the spread needs at least three units")
    share = (np.arange(points) + 0.5) / points
    tau2 = (share / (1 - share)) ** 2 / np.mean(1 / v)
    w = 1 / (v + tau2[:, None])
    total = w.sum(axis=1)
    mu = w @ y / total
    log = 0.5 * (np.log(w).sum(axis=1) - np.log(total) - (w * (y - mu[:, None]) ** 2).sum(axis=1)) - 2 * np.log1p(
        -share
    )
    # Spreads that the scores rule out take no part.
    likely = log > log.max() - 25
    chance, w, mu, total = np.exp(log[likely] - log.max()), w[likely], mu[likely], total[likely]
    noise = v * w
    return SpreadPosterior(
        chance / chance.sum(), noise * mu[:, None] + (1 - noise) * y, v * (1 - noise), noise, 1 / total
    )


def _checked(score: npt.ArrayLike, error: npt.ArrayLike, family: npt.ArrayLike, families: int) -> _Units:
    y, s, position = np.asarray(score, float), np.asarray(error, float), np.asarray(family, np.int64)
    faults = faults_of_scores(y, s)
    if y.ndim != 1 or not y.shape == s.shape == position.shape:
        faults.append("scores, standard errors and families must be vectors of one length")
    if faults:
        raise ValueError("; ".join(faults))
    return _Units(y, s**2, position, families)


def _trace(own: _Units) -> Floats:
    w = 1 / own.v
    total = own.sum(w)
    return total - own.sum(w**2) / total


def _falling_root(function: Callable[[Floats], Floats], start: float, families: int) -> Floats:
    """Root in [0, inf) of a function of each family's tau2 that ends at or below zero; 0 where it starts there."""
    low = np.zeros(families)
    high = np.where(function(low) > 0, start, 0.0)
    while np.any(above := function(high) > 0):
        high = np.where(above, 2 * high, high)
    for _ in range(STEPS):
        middle = (low + high) / 2
        # No number lies between them any more.
        if np.all((middle == low) | (middle == high)):
            break
        above = function(middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return high


def _solve_q(own: _Units, target: Floats) -> Floats:
    """tau2 at which each family's decreasing Q meets its target."""
    return _falling_root(lambda tau2: own.q(tau2) - target, float(own.v.max(initial=1.0)), own.families)


def _dersimonian_laird(own: _Units) -> Floats:
    return (own.q(np.zeros(own.families)) - (own.size - 1)) / _trace(own)


def _hedges(own: _Units) -> Floats:
    return own.variance(1) - own.sum(own.v) / own.size


def _sidik_jonkman(own: _Units) -> Floats:
    first = own.variance(0)
    return first * own.q(first) / (own.size - 1)


def _paule_mandel(own: _Units) -> Floats:
    return _solve_q(own, (own.size - 1).astype(float))


def _likelihood(restricted: bool) -> Callable[[_Units], Floats]:
    def estimate(own: _Units) -> Floats:
        def score(tau2: Floats) -> Floats:
            # Derivative of twice the (restricted) log likelihood in tau2.
            w = own.precision(tau2)
            lost = own.sum(w**2) / own.sum(w) if restricted else 0.0
            return own.sum(w**2 * own.distance(w) ** 2) - own.sum(w) + lost

        return _falling_root(score, float(own.v.max(initial=1.0)), own.families)

    return estimate


def _fixed(own: _Units) -> Floats:
    return np.zeros(own.families)


# DerSimonian-Laird, Hedges, Paule-Mandel (which the iterated empirical Bayes estimator equals), restricted and full maximum
# likelihood, Sidik-Jonkman, fixed effect.
ESTIMATORS: dict[str, Callable[[_Units], Floats]] = {
    "DL": _dersimonian_laird,
    "HE": _hedges,
    "PM": _paule_mandel,
    "EB": _paule_mandel,
    "REML": _likelihood(restricted=True),
    "ML": _likelihood(restricted=False),
    "SJ": _sidik_jonkman,
    "FE": _fixed,
}
