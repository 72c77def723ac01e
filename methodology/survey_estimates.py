"""Estimates from a sample design, row by row: totals, means, ratios, domains, contrasts, covariances, quantiles.

Belongs here: estimators and their linearised values. Does not belong here: the variance of a linearised value
(`sampling`), the same from sufficient statistics (`survey_cells`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from methodology.sampling import Bools, Floats, SampleDesign, taylor_variance


@dataclass(frozen=True, eq=False)
class SurveyEstimate:
    """k values and their covariance (k, k), with the answers each rests on."""

    value: Floats
    covariance: Floats
    n: Floats

    @property
    def error(self) -> Floats:
        """Standard errors (k,)."""
        return np.sqrt(np.diag(self.covariance))

    def contrast(self, coefficients: npt.ArrayLike) -> tuple[float, float]:
        """c'theta and its standard error sqrt(c'Vc): change on the same people, difference of domains."""
        c = np.asarray(coefficients, float)
        return float(c @ self.value), float(np.sqrt(max(c @ self.covariance @ c, 0.0)))


def survey_total(design: SampleDesign, y: npt.ArrayLike, domain: npt.ArrayLike | None = None) -> SurveyEstimate:
    """Totals sum w y of the columns of y (n,) or (n, k), in `domain` (n,) or (n, k); u = y inside, 0 outside.

    A missing answer (NaN) is outside the domain: its row stays in the draw, as do all rows outside.
    """
    values, inside = _columns(y, domain)
    u = np.where(inside, values, 0.0)
    return _estimate(design, design.weights @ u, u, inside)


def survey_ratio(
    design: SampleDesign, numerator: npt.ArrayLike, denominator: npt.ArrayLike, domain: npt.ArrayLike | None = None
) -> SurveyEstimate:
    """Ratios R = sum w y / sum w x of columns y, x (n,) or (n, k) in `domain`; u = (y - R x) / sum w x.

    A row where either is NaN is outside the domain. Raises ValueError where the denominator is zero: a domain without weight has
    no ratio.
    """
    top, inside_top = _columns(numerator, domain)
    bottom, inside_bottom = _columns(denominator, domain)
    inside = inside_top & inside_bottom
    top, bottom = np.where(inside, top, 0.0), np.where(inside, bottom, 0.0)
    total = design.weights @ bottom
    if np.any(total == 0):
        raise ValueError("a ratio needs a denominator other than zero: no weight in the domain")
    value = design.weights @ top / total
    return _estimate(design, value, (top - value * bottom) / total, inside)


def survey_mean(design: SampleDesign, y: npt.ArrayLike, domain: npt.ArrayLike | None = None) -> SurveyEstimate:
    """Means sum w y / sum w of columns y (n,) or (n, k) in `domain`; u = (y - ybar) / sum w. NaN is outside the domain.

    A domain of one answer has an error of zero (its residual is zero), which says nothing about precision: gate on n.
    """
    values, _ = _columns(y, domain)
    return survey_ratio(design, values, np.ones_like(values), domain)


def survey_covariance(
    design: SampleDesign, x: npt.ArrayLike, y: npt.ArrayLike, domain: npt.ArrayLike | None = None
) -> SurveyEstimate:
    """Element covariance n/(n-1) sum w (x - xbar)(y - ybar) / sum w, n counting positive weights; the variance for x = y.

    Its error is that of a mean of products, as in R survey's svyvar. Raises ValueError below two answers.
    """
    left, inside_left = _columns(x, domain)
    right, inside_right = _columns(y, domain)
    inside = inside_left & inside_right
    n = np.count_nonzero(inside & (design.weights > 0)[:, None], axis=0)
    if np.any(n < 2):
        raise ValueError("a covariance needs two answers with a weight")
    left = left - survey_mean(design, left, inside).value
    right = right - survey_mean(design, right, inside).value
    return survey_mean(design, left * right * n / (n - 1), inside)


def survey_quantile(
    design: SampleDesign, y: npt.ArrayLike, probability: npt.ArrayLike, rule: Literal["math", "hf7"] = "math"
) -> Floats:
    """Weighted quantiles of y (n,), missing answers and zero weights left out.

    `math` is the lowest x with F(x) >= p. `hf7` interpolates x_(k) at p_k = S_(k-1)/S_(n-1), S the cumulated weights:
    type 7 of Hyndman and Fan 1996 where weights are equal; among equal answers of unequal weight it depends on the
    order of rows, so that published figures use `math`. Raises ValueError without an answer.
    """
    values, p = np.asarray(y, float), np.asarray(probability, float)
    used = ~np.isnan(values) & (design.weights > 0)
    if not used.any():
        raise ValueError("a quantile needs an answer with a weight")
    order = np.argsort(values[used], kind="stable")
    ordered, cumulated = values[used][order], np.cumsum(design.weights[used][order])
    if rule == "math":
        # A share that meets p exactly must not be missed by an ulp of the cumulated sum.
        position = np.searchsorted(cumulated / cumulated[-1], p - 1e-12)
        return np.asarray(ordered[np.minimum(position, ordered.size - 1)])
    if ordered.size == 1:
        return np.full(p.shape, ordered[0])
    return np.asarray(np.interp(p, np.r_[0.0, cumulated[:-1]] / cumulated[-2], ordered))


def jackknife(design: SampleDesign, statistic: Callable[[Floats], float]) -> tuple[float, float]:
    """Value and delete-one-unit (JK1) standard error of any statistic of the weights, for a draw without strata.

    Replicate r drops unit r and multiplies the other weights by m/(m-1); V = (m-1)/m sum (theta_r - mean theta)^2,
    without a finite population correction. Raises ValueError with strata or fewer than two units. Source: Wolter 2007.
    """
    units = design.psu_stratum.size
    if design.sampled.size > 1 or units < 2:
        raise ValueError("JK1 needs one stratum with two units or more")
    replicates = np.array(
        [statistic(np.where(design.psu == unit, 0.0, design.weights * units / (units - 1))) for unit in range(units)]
    )
    spread = np.sum((replicates - replicates.mean()) ** 2)
    return statistic(design.weights), float(np.sqrt((units - 1) / units * spread))


def _columns(y: npt.ArrayLike, domain: npt.ArrayLike | None) -> tuple[Floats, Bools]:
    """Values as (n, k) and where they count, broadcast against each other."""
    values = np.asarray(y, float)
    values = values[:, None] if values.ndim == 1 else values
    inside = ~np.isnan(values)
    if domain is not None:
        mask = np.asarray(domain, bool)
        inside = inside & (mask[:, None] if mask.ndim == 1 else mask)
    return np.broadcast_to(values, inside.shape), inside


def _estimate(design: SampleDesign, value: Floats, u: Floats, inside: Bools) -> SurveyEstimate:
    covariance = taylor_variance(design, u, inside.any(axis=1))
    return SurveyEstimate(value, covariance, np.count_nonzero(inside, axis=0).astype(float))
