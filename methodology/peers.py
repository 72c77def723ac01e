"""Scores compared with their peers': statistics of the group and the expected range.

Belongs here: statistics of a group, the expected range as published, errors in use. Does not belong here: who may be compared
with whom (the comparability gate, in the warehouse), thresholds (`parameters`), and the product's own answers
(`peer_differences`, `special_causes`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from methodology.limits import WARNING_Z

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Overdispersion:
    """How much more units differ than their standard errors explain; z counts only between the limits."""

    winsor_limits: tuple[float, float]
    phi: float
    tau2: float


@dataclass(frozen=True)
class ExpectedRange:
    """Overdispersed z scores of a group of units, and the steps that led there."""

    target: float
    winsor_limits: tuple[float, float]
    phi: float
    tau2: float
    z: Floats


def overdispersion(
    z: npt.ArrayLike, error: npt.ArrayLike, winsor_share: float = 0.1, consistent: bool = False
) -> Overdispersion:
    """phi and tau^2 of plain z scores and their standard errors (additive random effects).

    z is winsorised at the `winsor_share` quantiles (type 7); phi = mean(z_w^2); tau^2 = 0 if I phi < I - 1 else
    (I phi - (I-1)) / (Sw - Sw2/Sw), w = 1/s^2, Sw2 = sum w^2. Source: Spiegelhalter 2005/2012. Winsorising also cuts units
    that are not outliers, so the published phi is a third too low and too many units lie beyond the limits; `consistent` divides
    it by `winsorised_square`, which corrects it where z is normal.
    """
    raw, s = np.asarray(z, float), np.asarray(error, float)
    low, high = np.quantile(raw, [winsor_share, 1 - winsor_share])
    kept = winsorised_square(winsor_share) if consistent else 1.0
    return _dispersion(np.clip(raw, low, high) / np.sqrt(kept), s, (float(low), float(high)))


def winsorised_square(share: float) -> float:
    """Mean square of a standard normal value winsorised at its `share` quantiles: 2 a q^2 + (1 - 2a) - 2 q phi(q).

    q = Phi^-1(1 - a); 0.679 at 10 %, 1 without winsorising. Raises ValueError unless 0 <= share < 1/2.
    """
    if not 0 <= share < 0.5:
        raise ValueError("the share that is winsorised on each side must lie from 0 to below one half")
    if share == 0:
        return 1.0
    q = stats.norm.isf(share)
    return float(2 * share * q**2 + (1 - 2 * share) - 2 * q * stats.norm.pdf(q))


def truncated(z: npt.ArrayLike, share: float = 0.1) -> npt.NDArray[np.bool_]:
    """Which units fall in the lowest or highest `share` of z by rank: floor(rank k / (I + 1)) is 0 or k - 1, k = 1/share.

    Ties share their mean rank. A z of -inf (log of zero events) has a rank like any other. Source: NHS Digital, SHMI
    methodology.
    """
    raw = np.asarray(z, float)
    groups = 1 / share
    group = np.floor(stats.rankdata(raw) * groups / (raw.size + 1))
    return np.asarray((group <= 0) | (group >= groups - 1))


def truncated_overdispersion(z: npt.ArrayLike, error: npt.ArrayLike, share: float = 0.1) -> Overdispersion:
    """phi and tau^2 as in `overdispersion`, over the units that `truncated` leaves; the limits are their least and greatest z.

    Raises ValueError where fewer than two units are left.
    """
    raw, s = np.asarray(z, float), np.asarray(error, float)
    kept = ~truncated(raw, share)
    if kept.sum() < 2:
        raise ValueError("truncation leaves fewer than two units")
    return _dispersion(raw[kept], s[kept], (float(raw[kept].min()), float(raw[kept].max())))


def expected_range(
    score: npt.ArrayLike, error: npt.ArrayLike, winsor_share: float = 0.1, consistent: bool = False
) -> ExpectedRange:
    """z of each unit against the mean of units, widened by what `overdispersion` finds.

    theta = mean(y); z = (y - theta)/s; z_D = (y - theta)/sqrt(s^2 + tau^2). `consistent` as in `overdispersion`, for bands
    whose false alarms are at their nominal rate. Source: as in CQC benchmarks, which are not `consistent`. Raises
    ValueError below two units or where an error is not positive: a unit without a width has no place in a funnel.
    """
    y, s = np.asarray(score, float), np.asarray(error, float)
    if y.size < 2:
        raise ValueError("an expected range needs at least two units")
    if not (np.all(np.isfinite(y)) and np.all(s > 0)):
        raise ValueError("scores must be finite and standard errors positive")
    target = float(y.mean())
    found = overdispersion((y - target) / s, s, winsor_share, consistent)
    z = (y - target) / np.sqrt(s**2 + found.tau2)
    return ExpectedRange(target, found.winsor_limits, found.phi, found.tau2, z)


def percentile_ranks(score: npt.ArrayLike) -> Floats:
    """Share of scores below each one plus half of those equal, itself included, on 0-100 (mean percentile rank); (units,)."""
    y = np.asarray(score, float)
    ordered = np.sort(y)
    return 50 * (np.searchsorted(ordered, y, "left") + np.searchsorted(ordered, y, "right")) / y.size


def quartiles(peers: npt.ArrayLike, step: float = 0) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile by Harrell and Davis (1982), each rounded to a multiple of `step` (0: exact).

    Q_p = sum w_i y_(i), w_i = I(i/n) - I((i - 1)/n) of Beta((n + 1) p, (n + 1)(1 - p)): every score has a part in each. The usual
    median of an odd number of agencies is the score of one of them. Rounded, quartiles and mean together do not give the scores.
    NaN below two scores and where one is missing.
    """
    values = np.asarray(peers, float)
    if values.size < 2 or not np.isfinite(values).all():
        return np.nan, np.nan, np.nan
    ordered, n = np.sort(values), values.size
    below = np.arange(n + 1) / n
    shares = [special.betainc((n + 1) * p, (n + 1) * (1 - p), below) for p in (0.25, 0.5, 0.75)]
    exact = np.array([np.diff(share) @ ordered for share in shares])
    low, middle, high = np.round(exact / step) * step if step > 0 else exact
    return float(low), float(middle), float(high)


def usable_error(error: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> Floats:
    """Standard errors above 0 as they are, else half the width of the 95 % interval over its normal quantile; (units,).

    Where all answers are equal the estimated error is zero; the interval still has a width, which is used instead.
    """
    s, half = np.asarray(error, float), (np.asarray(high, float) - np.asarray(low, float)) / (2 * WARNING_Z)
    return np.where(s > 0, s, half)


def _dispersion(z: Floats, s: Floats, limits: tuple[float, float]) -> Overdispersion:
    phi = float(np.mean(z**2))
    weight = 1 / s**2
    spare = z.size * phi - (z.size - 1)
    tau2 = 0.0 if spare < 0 else float(spare / (weight.sum() - (weight**2).sum() / weight.sum()))
    return Overdispersion(limits, phi, tau2)
