"""Survey means of many items and domains from sufficient statistics, equal to those computed from rows.

Belongs here: cells (what to sum of the answers), means and Taylor errors from them, weighted to a frame or not. Does not
belong here: clustered draws of several answers per unit (`survey_estimates`), the making of factors (`weights`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from methodology.sampling import Floats, Ints
from methodology.weights import WeightAdjustment

# Numbers in one array of residuals at a time.
BLOCK = 4_000_000


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
class Strata:
    """Design strata of a draw: the stratum of each cell (c,), and how many rows each stratum holds in all (H,), if known."""

    code: Ints
    population: Floats | None = None

    def scales(self, asked: Floats) -> list[tuple[npt.NDArray[np.bool_], float, float]]:
        """For each stratum: its cells, the rows drawn in it, and 1 - f.

        Raises ValueError where one row was drawn of several, and where more were drawn than there are.
        """
        drawn = np.bincount(self.code, asked)
        size = np.full(drawn.size, np.inf) if self.population is None else self.population
        faults = []
        if np.any(drawn > size):
            faults.append(f"more rows drawn than the population of strata {np.flatnonzero(drawn > size).tolist()}")
        if np.any(lonely := (drawn == 1) & (size > 1)):
            faults.append(f"one row was drawn in strata {np.flatnonzero(lonely).tolist()}: collapse them")
        if faults:
            raise ValueError("; ".join(faults))
        used = np.flatnonzero(drawn > 0)
        return [(self.code == h, float(drawn[h]), float(1 - drawn[h] / size[h])) for h in used]


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


def weighted_item_means(
    cells: ItemCells, adjustment: WeightAdjustment, domains: npt.ArrayLike, strata: Strata | None = None
) -> ItemMeans:
    """Means of many items in many domains (c, D), all weighted by one `adjustment` of the asked rows' `asked_w`.

    Rows were drawn singly, in one stratum unless `strata` names more. With u = (y - ybar)/W inside a domain and among those who
    answered, else 0, and e = u less its regression on the margins under the initial weights, V = sum over strata of
    (1 - f) n/(n-1) [sum (w g e)^2 - (sum w g e)^2 / n]. Within a cell e is linear in y, for a cell lies in one group of every
    margin. Those asked who did not answer stay in the draw. Factors may have been capped since: the cap is treated as fixed.
    Source: Sarndal et al. 1992, 10.3.
    """
    member, factor = np.asarray(domains, float), adjustment.factors
    whole = [(np.ones(cells.n.shape[0], bool), float(cells.asked.sum()), 1.0)]
    scales = whole if strata is None else strata.scales(cells.asked)
    with np.errstate(divide="ignore", invalid="ignore"):
        n, weight, total, square = (
            np.einsum("cd,ck->dk", member if part is cells.n else member * factor[:, None], part)
            for part in (cells.n, cells.w, cells.wy, cells.wyy)
        )
        weight = np.where(weight > 0, weight, np.nan)
        mean = total / weight
        element = np.where(n > 1, n / (n - 1), np.nan) * np.maximum(square / weight - mean**2, 0)
        kish = weight**2 / np.einsum("cd,ck->dk", member * factor[:, None] ** 2, cells.w2)
    variance = np.zeros(mean.shape)
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
        squares, sums = inside * second - 2 * fitted * first + fitted**2 * asked_w2, sums - fitted * asked_w
        for chosen, drawn, unseen in scales:
            own = factor * chosen
            spread = np.tensordot(own**2, squares, 1) - np.tensordot(own, sums, 1) ** 2 / drawn
            variance[part] += unseen * (np.maximum(spread, 0) * drawn / max(drawn - 1, 1))
    error = np.sqrt(variance)
    return ItemMeans(mean, np.where(np.isnan(mean), np.nan, error), n, weight, element, kish)
