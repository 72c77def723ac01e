"""Funnel plots: counts on the scale where their error is stable, and control limits around a target.

Belongs here: transforms of ratios, proportions and rates with their standard errors, approximate limits with overdispersion,
exact Poisson limits. Does not belong here: how much overdispersion there is and bands (`peers`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Funnel:
    """Scores, target and standard errors on the transformed scale, and the function `back` to the published scale."""

    score: Floats
    target: float
    error: Floats
    back: Callable[[Floats], Floats]

    @property
    def z(self) -> Floats:
        """Plain z scores: (score - target) / error."""
        return np.asarray((self.score - self.target) / self.error)

    def limits(self, z: float, tau2: float = 0.0) -> tuple[Floats, Floats]:
        """Limits target +- z sqrt(error^2 + tau2) of each unit, on the published scale."""
        low, high = self.transformed_limits(z, tau2)
        return self.back(low), self.back(high)

    def transformed_limits(self, z: float, tau2: float = 0.0) -> tuple[Floats, Floats]:
        """The same limits on the transformed scale, for a plot that stays there."""
        half = z * np.sqrt(self.error**2 + tau2)
        return self.target - half, self.target + half


def log_ratio(observed: npt.ArrayLike, expected: npt.ArrayLike) -> Funnel:
    """Standardised ratio on the log scale, as SHMI: y = log(O/E), target 0, s = 1/sqrt(E); y = -inf where nothing happened.

    observed, expected: (units,) counts. Raises ValueError for a negative count or an expectation that is not positive.
    """
    seen, due = _counts(observed, expected)
    with np.errstate(divide="ignore"):
        return Funnel(np.log(seen / due), 0.0, 1 / np.sqrt(due), lambda y: np.asarray(np.exp(y)))


def root_ratio(observed: npt.ArrayLike, expected: npt.ArrayLike) -> Funnel:
    """Standardised ratio on the square root scale, as CQC: y = sqrt(O/E), target 1, s = 1/(2 sqrt(E)). Errors as above."""
    seen, due = _counts(observed, expected)
    return Funnel(np.sqrt(seen / due), 1.0, 1 / (2 * np.sqrt(due)), _squared)


def arcsine_proportion(successes: npt.ArrayLike, n: npt.ArrayLike) -> Funnel:
    """Proportion on the angular scale: y = arcsin sqrt(x/n), s = 1/(2 sqrt(n)), target from all successes over all n.

    Limits that leave the scale stop at 0 and 1: sin^2 would fold them back inside. Raises ValueError also where x > n.
    """
    hits, size = _counts(successes, n)
    if np.any(hits > size):
        raise ValueError("more successes than trials")
    target = float(np.arcsin(np.sqrt(hits.sum() / size.sum())))
    return Funnel(np.arcsin(np.sqrt(hits / size)), target, 1 / (2 * np.sqrt(size)), _angle_to_share)


def log_rate(events: npt.ArrayLike, exposure: npt.ArrayLike) -> Funnel:
    """Ratio of two counts on the log scale with a half added to each: y = log((x+.5)/(n+.5)), target log(sum x / sum n).

    s^2 = x/(x+.5)^2 + n/(n+.5)^2, which is the error of a ratio of two Poisson counts. Raises ValueError as above and where
    there is no event at all.
    """
    seen, base = _counts(events, exposure)
    if not seen.sum() > 0:
        raise ValueError("no unit has an event: the log of the overall rate is undefined")
    error = np.sqrt(seen / (seen + 0.5) ** 2 + base / (base + 0.5) ** 2)
    target = float(np.log(seen.sum() / base.sum()))
    return Funnel(np.log((seen + 0.5) / (base + 0.5)), target, error, lambda y: np.asarray(np.exp(y)))


def poisson_limits(expected: npt.ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact limits of the ratio observed/expected around 1: chi2(a/2; 2E)/2E and chi2(1-a/2; 2E+2)/2E.

    expected: (units,) positive, not necessarily whole. Raises ValueError otherwise. Source: Garwood 1936; Dobson et al. 1991.
    """
    due = np.asarray(expected, float)
    if not np.all(due > 0):
        raise ValueError("expected counts must be positive")
    tail = (1 - level) / 2
    return stats.chi2.ppf(tail, 2 * due) / (2 * due), stats.chi2.isf(tail, 2 * due + 2) / (2 * due)


def _counts(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> tuple[Floats, Floats]:
    top, bottom = np.asarray(numerator, float), np.asarray(denominator, float)
    faults = []
    if top.ndim != 1 or top.shape != bottom.shape:
        faults.append("numerators and denominators must be vectors of one length")
    if not (np.all(top >= 0) and np.all(np.isfinite(top))):
        faults.append("numerators must be finite and not negative")
    if not (np.all(bottom > 0) and np.all(np.isfinite(bottom))):
        faults.append("denominators must be finite and positive")
    if faults:
        raise ValueError("; ".join(faults))
    return top, bottom


def _squared(y: Floats) -> Floats:
    return np.asarray(np.maximum(y, 0) ** 2)


def _angle_to_share(y: Floats) -> Floats:
    return np.asarray(np.sin(np.clip(y, 0, np.pi / 2)) ** 2)
