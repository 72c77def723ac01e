"""Inequality of shares between units: Gini and Theil, split by region, of many families at once; Atkinson and others.

Belongs here: indices of a vector of non-negative values. Does not belong here: the spread of scores net of sampling noise
(`shrinkage`) and intraclass correlation (`variance_components`), which say whether units truly differ.

Values are (units,) and not negative, weights how often each counts (population shares up to a factor). `family` is the number
of each unit's family, 0..families-1; results over families are (families,), NaN where there is nothing to share. The other
indices are of one family, weigh each unit by 1 unless weights are given, and raise ValueError where there is nothing to share.
All raise ValueError for negative or missing values or weights. Observed values of small units overstate inequality: pass shrunken
ones, or read the index together with the share of noise.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TheilSplit:
    """Theil T of each family = between its parts + within them."""

    between: Floats
    within: Floats

    @property
    def total(self) -> Floats:
        """between + within."""
        return self.between + self.within


def gini(value: npt.ArrayLike, weight: npt.ArrayLike, family: npt.ArrayLike, families: int) -> Floats:
    """Mean absolute difference between two draws over twice the mean, in [0, 1): sum_i (2i - n - 1) x_i / (n sum x), sorted.

    Population form; with frequency weights the same as repeating each value.
    """
    x, w, position = _family_shares(value, weight, family, families)
    order = np.lexsort((x, position))
    x, w, position = x[order], w[order], position[order]
    # Share of weight below each unit plus half its own, twice, less one: (2i - n - 1)/n for unit weights.
    reached = np.cumsum(w) - w / 2
    before = np.concatenate([[0.0], np.cumsum(_sum(w, position, families))])[:-1]
    return _sum(w * (2 * (reached - before[position]) - 1) * x, position, families)


def gini_corrected(value: npt.ArrayLike) -> float:
    """Gini of one family times n / (n - 1): 1 where one unit has all. NaN for a single unit."""
    size = np.size(value)
    own = gini(value, np.ones(size), np.zeros(size), 1)[0]
    return float(own * size / (size - 1)) if size > 1 else float("nan")


def theil_split(
    value: npt.ArrayLike, weight: npt.ArrayLike, family: npt.ArrayLike, families: int, part: npt.ArrayLike
) -> TheilSplit:
    """Theil T between and within parts: between = sum s_g ln(s_g / p_g), within = sum s_g T_g; they add up exactly.

    s_g is a part's share of its family's total, p_g its share of weight; part: (units,) numbers. Parts of different families
    may have the same number.
    """
    x, w, position = _family_shares(value, weight, family, families)
    pairs, cell = np.unique(np.stack([position, np.asarray(part, np.int64)]), axis=1, return_inverse=True)
    cell = cell.reshape(-1)
    held, population = _sum(w * x, cell, pairs.shape[1]), _sum(w, cell, pairs.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(population > 0, held / population, 0.0)
        own = np.where(relative[cell] > 0, x / relative[cell], 0.0)
    between = _sum(special.xlogy(held, relative), pairs[0], families)
    within = _sum(w * relative[cell] * special.xlogy(own, own), position, families)
    nothing = np.isnan(_sum(x, position, families))
    return TheilSplit(np.where(nothing, np.nan, between), np.where(nothing, np.nan, within))


def theil(value: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Theil T, the generalised entropy of 1: mean (x/mu) ln(x/mu), with 0 ln 0 = 0; at most ln n. One family."""
    x, w = _shares(value, weight)
    one = np.zeros(x.size)
    return float(theil_split(x, w, one, 1, one).total[0])


def mean_log_deviation(value: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Theil L, the generalised entropy of 0: mean ln(mu/x); infinite where a value is 0."""
    x, w = _shares(value, weight)
    with np.errstate(divide="ignore"):
        return float(-(w * np.log(x)).sum())


def generalised_entropy(value: npt.ArrayLike, alpha: float, weight: npt.ArrayLike | None = None) -> float:
    """(mean (x/mu)^alpha - 1) / (alpha (alpha - 1)), with its limits at 0 and 1; the larger alpha, the more the top counts.

    Infinite where alpha < 0 and a value is 0.
    """
    if alpha == 0:
        return mean_log_deviation(value, weight)
    if alpha == 1:
        return theil(value, weight)
    x, w = _shares(value, weight)
    with np.errstate(divide="ignore"):
        return float(((w * x**alpha).sum() - 1) / (alpha * (alpha - 1)))


def atkinson(value: npt.ArrayLike, aversion: float, weight: npt.ArrayLike | None = None) -> float:
    """Share of the total that could be given up for equality: 1 - (mean (x/mu)^(1-e))^(1/(1-e)); 1 - geometric mean/mu at e = 1.

    1 where a value is 0 and aversion is at least 1. Raises ValueError also for an aversion that is not positive.
    """
    if not aversion > 0:
        raise ValueError("inequality aversion must be positive")
    x, w = _shares(value, weight)
    with np.errstate(divide="ignore"):
        if aversion == 1:
            return float(1 - np.exp((w * np.log(x)).sum()))
        return float(1 - (w * x ** (1 - aversion)).sum() ** (1 / (1 - aversion)))


def hoover(value: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Share of the total that would have to move for equality (Ricci-Schutz): sum |x - mu| / (2 sum x)."""
    x, w = _shares(value, weight)
    return float((w * np.abs(x - 1)).sum() / 2)


def coefficient_of_variation(value: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Standard deviation (divided by n) over the mean."""
    x, w = _shares(value, weight)
    return float(np.sqrt((w * (x - 1) ** 2).sum()))


def _sum(values: Floats, position: npt.NDArray[np.int64], size: int) -> Floats:
    return np.asarray(np.bincount(position, values, size), float)


def _family_shares(
    value: npt.ArrayLike, weight: npt.ArrayLike, family: npt.ArrayLike, families: int
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Values over their family's weighted mean (NaN where that is 0), and weights that add up to 1 in each family."""
    x, w, position = np.asarray(value, float), np.asarray(weight, float), np.asarray(family, np.int64)
    faults = _faults(x, w)
    if position.shape != x.shape:
        faults.append("every value needs one family")
    if faults:
        raise ValueError("; ".join(faults))
    w = w / _sum(w, position, families)[position]
    mean = _sum(w * x, position, families)
    return x / np.where(mean > 0, mean, np.nan)[position], w, position


def _shares(value: npt.ArrayLike, weight: npt.ArrayLike | None) -> tuple[Floats, Floats]:
    """Values over their weighted mean, and weights that add up to 1."""
    x = np.asarray(value, float)
    w = np.ones_like(x) if weight is None else np.asarray(weight, float)
    faults = _faults(x, w)
    if not faults and not (w * x).sum() > 0:
        faults.append("there is nothing to share: the sum of values is zero")
    if faults:
        raise ValueError("; ".join(faults))
    w = w / w.sum()
    return x / (w * x).sum(), w


def _faults(x: Floats, w: Floats) -> list[str]:
    if x.ndim != 1 or x.shape != w.shape:
        return ["values and weights must be vectors of one length"]
    faults = []
    if not (np.all(x >= 0) and np.all(np.isfinite(x))):
        faults.append("values must be finite and not negative")
    if not (np.all(w >= 0) and np.all(np.isfinite(w))):
        faults.append("weights must be finite and not negative")
    return faults
