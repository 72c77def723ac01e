"""Survey means of many domains from sufficient statistics, equal to the row form.

Belongs here: cells (what to sum of the answers), means and Taylor errors from them, weighted to a frame or not. Does not
belong here: clustered draws of several answers per unit (`survey_estimates`), the making of factors (`weights`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from methodology.sampling import Floats, Ints, grouped_sums
from methodology.weights import WeightAdjustment

# Numbers in one array of residuals at a time.
BLOCK = 4_000_000


@dataclass(frozen=True, eq=False)
class SurveyCells:
    """Sums over the answers of each cell (c,): count, w, w y, w^2, w^2 y, w^2 y^2. A cell lies in one design stratum.

    Rows were drawn singly, not in clusters. Answers that are missing are left out of the cells but not out of the
    stratum's `sampled` below.
    """

    n: Floats
    w: Floats
    wy: Floats
    w2: Floats
    w2y: Floats
    w2y2: Floats

    @classmethod
    def of_rows(cls, cell: npt.ArrayLike, weights: npt.ArrayLike, y: npt.ArrayLike, cells: int) -> "SurveyCells":
        """Sum rows (n,) by the code of their cell, 0 to cells - 1."""
        code, w, value = np.asarray(cell, np.int64), np.asarray(weights, float), np.asarray(y, float)
        parts = np.stack([np.ones_like(w), w, w * value, w**2, w**2 * value, w**2 * value**2], axis=1)
        return cls(*grouped_sums(code, parts, cells).T)


def domain_means(
    cells: SurveyCells,
    domain: npt.ArrayLike,
    stratum: npt.ArrayLike,
    sampled: npt.ArrayLike,
    population: npt.ArrayLike | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Mean, standard error and count of every domain; each cell in one domain and one design stratum (codes (c,)).

    `sampled` (H,) counts all rows drawn in a stratum, in whatever domain; `population` (H,) its size. With u = (y -
    ybar_d)/W_d: V_d = sum_h (1 - f_h) n_h/(n_h-1) [sum (w u)^2 - (sum w u)^2 / n_h]. Linear in the number of cells,
    for thousands of branches at once. NaN for a domain without weight; a lonely stratum (n_h = 1, N_h > 1) with answers
    raises ValueError. Source: Sarndal et al. 1992, 10.3.
    """
    group, place = np.asarray(domain, np.int64), np.asarray(stratum, np.int64)
    domains = int(group.max(initial=-1)) + 1
    scale, drawn = _stratum_scale(cells.n, place, sampled, population)
    n, weight, total = grouped_sums(group, np.stack([cells.n, cells.w, cells.wy], axis=1), domains).T
    weight = np.where(weight > 0, weight, np.nan)
    mean = total / weight
    slope, centre = (1 / weight)[group], (-mean / weight)[group]
    squares, sums = _moments(cells, centre, slope)
    # One entry per domain and stratum that meet: never a full table of thousands by hundreds.
    pair, meeting = np.unique(group * drawn.size + place, return_inverse=True)
    met = pair % drawn.size
    squares, sums = grouped_sums(meeting, np.stack([squares, sums], axis=1), pair.size).T
    parts = scale[met] * (squares - sums**2 / drawn[met])
    variance = np.bincount(pair // drawn.size, parts, minlength=domains)
    return mean, np.where(np.isnan(mean), np.nan, np.sqrt(np.maximum(variance, 0))), n


def weighted_domain_means(
    cells: SurveyCells,
    adjustment: WeightAdjustment,
    domains: npt.ArrayLike,
    stratum: npt.ArrayLike,
    sampled: npt.ArrayLike,
    population: npt.ArrayLike | None = None,
) -> tuple[Floats, Floats]:
    """Mean and standard error (D,) of domains (c, D), cells weighted by `poststratify` or `rake` of `cells.w`.

    A cell lies in one group of every margin, so that the residual of u is linear in y within it: e = u - fitted, and
    w g e enters the variance of `domain_means`. Domains may overlap and cut across margins. Raises ValueError as there,
    and where a domain has no weight.
    """
    member, place = np.asarray(domains, float), np.asarray(stratum, np.int64)
    scale, drawn = _stratum_scale(cells.n, place, sampled, population)
    factor = adjustment.factors[:, None]
    weight = (adjustment.factors * cells.w) @ member
    if np.any(weight <= 0):
        raise ValueError("a domain has no weight")
    mean = (adjustment.factors * cells.wy) @ member / weight
    slope, centre = member / weight, -member * mean / weight
    cell_mean = np.divide(cells.wy, cells.w, out=np.zeros_like(cells.w), where=cells.w > 0)[:, None]
    level = centre + slope * cell_mean
    centre = centre - (level - adjustment.residuals(level))
    squares, sums = _moments(cells, factor * centre, factor * slope)
    squares, sums = grouped_sums(place, squares, drawn.size), grouped_sums(place, sums, drawn.size)
    variance = scale @ (squares - sums**2 / drawn[:, None])
    return mean, np.sqrt(np.maximum(variance, 0))


@dataclass(frozen=True, eq=False)
class ItemCells:
    """Answers to k items of one draw, in cells (c,) of asked rows: their count, w, w^2, and of each item (c, k) the sums of
    count, w, w y, w^2, w^2 y, w^2 y^2 over those who answered it.
    """

    asked: Floats
    asked_w: Floats
    asked_w2: Floats
    n: Floats
    w: Floats
    wy: Floats
    wyy: Floats
    w2: Floats
    w2y: Floats
    w2y2: Floats


@dataclass(frozen=True, eq=False)
class ItemMeans:
    """Of each domain and item (D, k): mean, standard error, answers, weight, element variance n/(n-1) sum w (y - ybar)^2 / W,
    and Kish's effective n. NaN where nobody with a weight answered; the element variance is NaN below two answers.
    """

    mean: Floats
    error: Floats
    n: Floats
    weight: Floats
    element_variance: Floats
    kish_n: Floats


def weighted_item_means(cells: ItemCells, adjustment: WeightAdjustment, domains: npt.ArrayLike) -> ItemMeans:
    """Means of many items in many domains (c, D), all weighted by one `adjustment` of the asked rows' `asked_w`.

    The estimator of `weighted_domain_means` with one stratum: who was asked and did not answer stays in the draw with u = 0,
    and residuals of u are under the initial weights. Factors may have been capped since: their cut is taken as fixed.
    """
    member, factor = np.asarray(domains, float), adjustment.factors
    drawn = cells.asked.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        n, weight, total, square = (
            np.einsum("cd,ck->dk", member if part is cells.n else member * factor[:, None], part)
            for part in (cells.n, cells.w, cells.wy, cells.wyy)
        )
        weight = np.where(weight > 0, weight, np.nan)
        mean = total / weight
        element = np.where(n > 1, n / (n - 1), np.nan) * np.maximum(square / weight - mean**2, 0)
        kish = weight**2 / np.einsum("cd,ck->dk", member * factor[:, None] ** 2, cells.w2)
    variance = np.full(mean.shape, np.nan)
    block = max(1, BLOCK // max(cells.n.size, 1))
    for start in range(0, len(mean), block):
        part = slice(start, start + block)
        # u = (y - ybar) / W inside the domain and among those who answered, else 0; arrays are (c, D, k).
        inside = member[:, part, None]
        centre, slope = np.nan_to_num(-mean[part] / weight[part]), np.nan_to_num(1 / weight[part])
        sums = inside * (centre * cells.w[:, None] + slope * cells.wy[:, None])
        first = inside * (centre * cells.w2[:, None] + slope * cells.w2y[:, None])
        second = (
            centre**2 * cells.w2[:, None] + 2 * centre * slope * cells.w2y[:, None] + slope**2 * cells.w2y2[:, None]
        )
        asked_w, asked_w2 = cells.asked_w[:, None, None], cells.asked_w2[:, None, None]
        level = np.divide(sums, asked_w, out=np.zeros_like(sums), where=asked_w > 0)
        fitted = level - adjustment.residuals(level.reshape(factor.size, -1)).reshape(level.shape)
        squares = np.tensordot(factor**2, inside * second - 2 * fitted * first + fitted**2 * asked_w2, 1)
        variance[part] = squares - np.tensordot(factor, sums - fitted * asked_w, 1) ** 2 / drawn
    error = np.sqrt(np.maximum(variance, 0) * drawn / max(drawn - 1, 1))
    return ItemMeans(mean, np.where(np.isnan(mean), np.nan, error), n, weight, element, kish)


def _moments(cells: SurveyCells, centre: Floats, slope: Floats) -> tuple[Any, Any]:
    """Sum of squares and sum of w (centre + slope y) in each cell; coefficients (c,) or (c, D)."""
    shape = (-1,) + (1,) * (centre.ndim - 1)
    w, wy, w2, w2y, w2y2 = (part.reshape(shape) for part in (cells.w, cells.wy, cells.w2, cells.w2y, cells.w2y2))
    return centre**2 * w2 + 2 * centre * slope * w2y + slope**2 * w2y2, centre * w + slope * wy


def _stratum_scale(
    n: Floats, stratum: Ints, sampled: npt.ArrayLike, population: npt.ArrayLike | None
) -> tuple[Floats, Floats]:
    """(1 - f_h) n_h/(n_h - 1) and n_h of every stratum; a stratum nobody was drawn in divides by one, not by zero."""
    drawn = np.asarray(sampled, float)
    size = np.full(drawn.size, np.inf) if population is None else np.asarray(population, float)
    answers = np.bincount(stratum, n, minlength=drawn.size)
    faults = []
    if np.any(answers > drawn):
        faults.append(f"more answers than rows drawn in strata {np.flatnonzero(answers > drawn).tolist()}")
    if np.any(drawn > size):
        faults.append(f"more rows drawn than the population of strata {np.flatnonzero(drawn > size).tolist()}")
    if np.any(lonely := (drawn == 1) & (size > 1) & (answers > 0)):
        faults.append(f"one row was drawn in strata {np.flatnonzero(lonely).tolist()}: collapse them")
    if faults:
        raise ValueError("; ".join(faults))
    return (1 - drawn / size) * np.where(drawn > 1, drawn / np.maximum(drawn - 1, 1), 1.0), np.maximum(drawn, 1)
