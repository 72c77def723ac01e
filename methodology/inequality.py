"""Inequality of shares between units: Gini, Theil and its split by region, Atkinson and others, with weights.

Belongs here: indices of a vector of non-negative values. Does not belong here: the spread of scores net of sampling noise
(`shrinkage`) and intraclass correlation (`variance_components`), which say whether units truly differ.

Values are (units,) and not negative, weights how often each counts (population shares up to a factor; 1 each by default). Every
function raises ValueError for negative or missing values or weights, and where nothing is left to share (sum zero). Observed
values of small units overstate inequality: give shrunken ones, or read the index beside the share that is noise.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TheilSplit:
    """Theil T of the whole = between groups + within them."""

    between: float
    within: float

    @property
    def total(self) -> float:
        """between + within."""
        return self.between + self.within


def gini(value: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Mean absolute difference between two draws over twice the mean, in [0, 1): sum_i (2i - n - 1) x_i / (n sum x), sorted.

    Population form; with frequency weights the same as repeating each value.
    """
    x, w = _shares(value, weight)
    order = np.argsort(x)
    x, w = x[order], w[order]
    # Share of weight below each unit plus half its own, twice, less one: (2i - n - 1)/n for unit weights.
    place = 2 * (np.cumsum(w) - w / 2) - 1
    return float((w * place * x).sum() / (w * x).sum())


def gini_corrected(value: npt.ArrayLike) -> float:
    """Gini times n / (n - 1): 1 where one unit has all. NaN for a single unit."""
    size = np.size(value)
    return gini(value) * size / (size - 1) if size > 1 else float("nan")


def theil(value: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Theil T, the generalised entropy of 1: mean (x/mu) ln(x/mu), with 0 ln 0 = 0; at most ln n."""
    x, w = _shares(value, weight)
    return float((w * special.xlogy(x, x)).sum())


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


def theil_split(value: npt.ArrayLike, group: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> TheilSplit:
    """Theil T between and within groups: between = sum s_g ln(s_g / p_g), within = sum s_g T_g; they add up exactly.

    s_g is a group's share of the total, p_g its share of weight; group: (units,) labels.
    """
    x, w = _shares(value, weight)
    labels, place = np.unique(np.asarray(group), return_inverse=True)
    if place.shape != x.shape:
        raise ValueError("every value needs one group")
    population = np.bincount(place, w, labels.size)
    held = np.bincount(place, w * x, labels.size)
    relative = np.divide(held, population, out=np.zeros_like(held), where=population > 0)
    between = float(special.xlogy(held, relative).sum())
    own = np.divide(x, relative[place], out=np.zeros_like(x), where=relative[place] > 0)
    return TheilSplit(between, float((w * relative[place] * special.xlogy(own, own)).sum()))


def _shares(value: npt.ArrayLike, weight: npt.ArrayLike | None) -> tuple[Floats, Floats]:
    """Values over their weighted mean, and weights that add up to 1."""
    x = np.asarray(value, float)
    w = np.ones_like(x) if weight is None else np.asarray(weight, float)
    if x.ndim != 1 or x.shape != w.shape:
        raise ValueError("values and weights must be vectors of one length")
    faults = []
    if not (np.all(x >= 0) and np.all(np.isfinite(x))):
        faults.append("values must be finite and not negative")
    if not (np.all(w >= 0) and np.all(np.isfinite(w))):
        faults.append("weights must be finite and not negative")
    if not faults and not (w * x).sum() > 0:
        faults.append("there is nothing to share: the sum of values is zero")
    if faults:
        raise ValueError("; ".join(faults))
    w = w / w.sum()
    return x / (w * x).sum(), w
