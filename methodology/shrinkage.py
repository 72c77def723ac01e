"""True spread between units, and each unit's score drawn towards the mean by as much as it is noise.

Belongs here: the normal-normal model of scores with known standard errors: between-unit variance (moment, REML, ML and
others), its interval, shrunken scores, reliability, James-Stein. Does not belong here: variance components from answers
(`variance_components`), ranks (`ranks`), bands (`peers`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Between-unit variance tau2 of scores y with sampling variances v, and the mean mu it implies.

    q is Cochran's heterogeneity with `degrees` degrees of freedom; typical_variance is the sampling variance of a typical
    unit, (k-1) / (sum w - sum w^2 / sum w) with w = 1/v (Higgins & Thompson 2002).
    """

    tau2: float
    mu: float
    mu_error: float
    q: float
    degrees: int
    typical_variance: float

    @property
    def q_p_value(self) -> float:
        """P(chi2 >= q) if all units had the same true score."""
        return float(stats.chi2.sf(self.q, self.degrees))

    @property
    def signal_share(self) -> float:
        """I^2 on 0-1: tau2 / (tau2 + typical variance), the share of the observed spread that is true."""
        return self.tau2 / (self.tau2 + self.typical_variance)

    @property
    def noise_share(self) -> float:
        """1 - I^2: the share of the observed spread that is sampling noise."""
        return 1 - self.signal_share

    @property
    def h2(self) -> float:
        """Observed over sampling variance: tau2 / typical variance + 1."""
        return self.tau2 / self.typical_variance + 1


@dataclass(frozen=True)
class Shrunken:
    """Scores drawn to the mean, per unit.

    reliability = tau2 / (tau2 + v); error includes the uncertainty of mu, conditional_error does not; neither includes that
    of tau2, so that score -+ 1.96 error covers too little where units are few or differ little: `shrunken_interval`.
    """

    score: Floats
    error: Floats
    conditional_error: Floats
    reliability: Floats


def spread(score: npt.ArrayLike, error: npt.ArrayLike, method: str = "DL") -> Spread:
    """Between-unit variance by one of `ESTIMATORS`, never negative, and the precision-weighted mean of units.

    score, error: (units,), in units of the score. DL = max(0, (Q - (k-1)) / (sum w - sum w^2/sum w)), w = 1/s^2; mu =
    sum w* y / sum w*, w* = 1/(s^2 + tau2), se(mu) = 1/sqrt(sum w*). Method FE holds tau2 at 0. Raises ValueError below two
    units, for a score that is not finite, an error that is not positive, or an unknown method. Source: DerSimonian & Laird
    1986; names of the other methods as in Viechtbauer 2010.
    """
    y, v = _checked(score, error)
    if method not in ESTIMATORS:
        raise ValueError(f"no estimator of between-unit variance is called {method}; there are {', '.join(ESTIMATORS)}")
    tau2 = max(0.0, ESTIMATORS[method](y, v))
    mu, precision, _ = _fit(y, v, tau2)
    trace = float((1 / v).sum() - (1 / v**2).sum() / (1 / v).sum())
    return Spread(tau2, mu, float(precision**-0.5), _fit(y, v, 0.0)[2], y.size - 1, (y.size - 1) / trace)


def tau_interval(score: npt.ArrayLike, error: npt.ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Interval of tau, the true standard deviation between units, by inverting Q(tau2) (Q-profile, Viechtbauer 2007).

    The limits solve Q(tau2) = chi2 quantiles of k-1 degrees; a limit is 0 where even Q(0) lies below its quantile. Exact
    under normality, whichever estimator gives the point. Inputs and errors as in `spread`.
    """
    y, v = _checked(score, error)
    tail = (1 - level) / 2
    low, high = (_solve_q(y, v, float(stats.chi2.ppf(share, y.size - 1))) for share in (1 - tail, tail))
    return float(np.sqrt(low)), float(np.sqrt(high))


def shrink(score: npt.ArrayLike, error: npt.ArrayLike, found: Spread) -> Shrunken:
    """Best linear unbiased prediction of each unit's true score: B mu + (1 - B) y with B = s^2 / (s^2 + tau2).

    error^2 = s^2 tau2 / (s^2 + tau2) + B^2 se(mu)^2. Units need not be those `found` was estimated from.
    """
    y, v = np.asarray(score, float), np.asarray(error, float) ** 2
    noise = v / (v + found.tau2)
    conditional = v * (1 - noise)
    total = np.sqrt(conditional + noise**2 * found.mu_error**2)
    return Shrunken(noise * found.mu + (1 - noise) * y, total, np.sqrt(conditional), 1 - noise)


def empirical_bayes(score: npt.ArrayLike, error: npt.ArrayLike, method: str = "DL") -> Shrunken:
    """`spread`, then `shrink` of the same units."""
    return shrink(score, error, spread(score, error, method))


def shrunken_interval(
    score: npt.ArrayLike, error: npt.ArrayLike, level: float = 0.95, points: int = 200
) -> tuple[Floats, Floats, Floats]:
    """Mean and limits (units,) of each unit's true score, averaged over what mu and tau can be instead of one tau taken as known.

    Posterior under flat priors of mu and tau: given tau, unit i is normal as in `shrink`; p(tau | y) is proportional to
    (prod w / sum w)^(1/2) exp(-Q(tau)/2), w = 1/(v + tau^2). Integrated by the midpoint rule in tau/(tau + s), s the harmonic
    standard error; limits are quantiles of the mixture, by bisection. Raises ValueError below three units, for which the
    posterior does not exist, and as `spread`. Source: Gelman 2006, Bayesian Analysis 1; Gelman et al. 2013, 5.4.
    """
    y, v = _checked(score, error)
    if y.size < 3:
        raise ValueError("an interval that averages over the spread needs at least three units")
    share = (np.arange(points) + 0.5) / points
    tau2 = (share / (1 - share)) ** 2 / np.mean(1 / v)
    w = 1 / (v + tau2[:, None])
    total = w.sum(axis=1)
    mu = w @ y / total
    log = 0.5 * (np.log(w).sum(axis=1) - np.log(total) - (w * (y - mu[:, None]) ** 2).sum(axis=1)) - 2 * np.log1p(
        -share
    )
    # Spreads that the scores rule out take no part in the bisection.
    likely = log > log.max() - 25
    chance, w, mu, total = np.exp(log[likely] - log.max()), w[likely], mu[likely], total[likely]
    chance /= chance.sum()
    noise = v * w
    centre = noise * mu[:, None] + (1 - noise) * y
    width = np.sqrt(v * (1 - noise) + noise**2 / total[:, None])
    limits = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        below, above = (centre - 9 * width).min(axis=0), (centre + 9 * width).max(axis=0)
        for _ in range(45):
            middle = (below + above) / 2
            short = chance @ special.ndtr((middle - centre) / width) < tail
            below, above = np.where(short, middle, below), np.where(short, above, middle)
        limits.append((below + above) / 2)
    return chance @ centre, limits[0], limits[1]


def james_stein(score: npt.ArrayLike, variance: float) -> tuple[Floats, float]:
    """Scores of equal known variance drawn to their mean by c: m + c (y - m), c = 1 - (k-3) v / sum (y - m)^2, at least 0.

    Returns the scores and c. Raises ValueError below four units (shrinking to an estimated mean gains nothing) or for a
    variance that is not positive. Source: Efron & Morris 1975, with the positive part.
    """
    y = np.asarray(score, float)
    if y.size < 4 or not variance > 0 or not np.all(np.isfinite(y)):
        raise ValueError("James-Stein needs at least four finite scores and a positive variance")
    distance = y - y.mean()
    squares = float((distance**2).sum())
    kept = max(0.0, 1 - (y.size - 3) * variance / squares) if squares else 0.0
    return y.mean() + kept * distance, kept


def size_for_reliability(reliability: float, icc: float) -> float:
    """Answers a unit needs for a reliability of its mean: R/(1-R) (1-icc)/icc (Spearman-Brown)."""
    if not (0 < reliability < 1 and 0 < icc < 1):
        raise ValueError("reliability and icc must lie between 0 and 1")
    return reliability / (1 - reliability) * (1 - icc) / icc


def _checked(score: npt.ArrayLike, error: npt.ArrayLike) -> tuple[Floats, Floats]:
    y, s = np.asarray(score, float), np.asarray(error, float)
    faults = []
    if y.ndim != 1 or y.shape != s.shape:
        faults.append("scores and standard errors must be vectors of one length")
    if y.size < 2:
        faults.append("spread between units needs at least two units")
    if not np.all(np.isfinite(y)):
        faults.append("scores must be finite")
    if not (np.all(s > 0) and np.all(np.isfinite(s))):
        faults.append("standard errors must be positive and finite")
    if faults:
        raise ValueError("; ".join(faults))
    return y, s**2


def _fit(y: Floats, v: Floats, tau2: float) -> tuple[float, float, float]:
    """Precision-weighted mean, its precision, and Q at a given tau2."""
    w = 1 / (v + tau2)
    mu = float((w * y).sum() / w.sum())
    return mu, float(w.sum()), float((w * (y - mu) ** 2).sum())


def _falling_root(function: Callable[[float], float], start: float) -> float:
    """Root in [0, inf) of a function of tau2 that ends below zero; 0 where it starts there."""
    if function(0.0) <= 0:
        return 0.0
    upper = start
    while function(upper) > 0:
        upper *= 2
    return float(optimize.brentq(function, 0.0, upper, xtol=1e-300, rtol=8.9e-16))


def _solve_q(y: Floats, v: Floats, target: float) -> float:
    return _falling_root(lambda tau2: _fit(y, v, tau2)[2] - target, float(v.max()))


def _dersimonian_laird(y: Floats, v: Floats) -> float:
    w = 1 / v
    return (_fit(y, v, 0.0)[2] - (y.size - 1)) / float(w.sum() - (w**2).sum() / w.sum())


def _hedges(y: Floats, v: Floats) -> float:
    return float(y.var(ddof=1) - v.mean())


def _sidik_jonkman(y: Floats, v: Floats) -> float:
    first = float(y.var())
    return first * _fit(y, v, first)[2] / (y.size - 1) if first > 0 else 0.0


def _paule_mandel(y: Floats, v: Floats) -> float:
    return _solve_q(y, v, y.size - 1)


def _likelihood(restricted: bool) -> Callable[[Floats, Floats], float]:
    def estimate(y: Floats, v: Floats) -> float:
        def score(tau2: float) -> float:
            # Derivative of twice the (restricted) log likelihood in tau2.
            w = 1 / (v + tau2)
            mu = (w * y).sum() / w.sum()
            lost = (w**2).sum() / w.sum() if restricted else 0.0
            return float((w**2 * (y - mu) ** 2).sum() - w.sum() + lost)

        return _falling_root(score, float(v.max() + y.var()))

    return estimate


def _fixed(y: Floats, v: Floats) -> float:
    return 0.0


# DerSimonian-Laird, Hedges, Paule-Mandel (which the iterated empirical Bayes estimator equals), restricted and full maximum
# likelihood, Sidik-Jonkman, fixed effect.
ESTIMATORS: dict[str, Callable[[Floats, Floats], float]] = {
    "DL": _dersimonian_laird,
    "HE": _hedges,
    "PM": _paule_mandel,
    "EB": _paule_mandel,
    "REML": _likelihood(restricted=True),
    "ML": _likelihood(restricted=False),
    "SJ": _sidik_jonkman,
    "FE": _fixed,
}
