"""Agreement of two judges beyond chance: Cohen's kappa of a cross table.

Belongs here: functions of counts by the first judge's category (rows) and the second's (columns). Does not belong here: how
judges' errors move a level (`maturity`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats


@dataclass(frozen=True)
class Agreement:
    """Kappa with its standard error and interval; observed and chance agreement as shares."""

    kappa: float
    standard_error: float
    low: float
    high: float
    observed: float
    chance: float
    n: int


def cohens_kappa(
    table: npt.ArrayLike, weights: Literal["none", "linear", "quadratic"] = "none", level: float = 0.95
) -> Agreement:
    """kappa = (po - pe)/(1 - pe) of a square table of counts, with a large-sample interval cut at [-1, 1].

    `weights` credit near misses of ordered categories: 1 - |i - j|/(k - 1), or 1 - (i - j)^2/(k - 1)^2. Variance of Fleiss,
    Cohen and Everitt (1969). Where both judges use one and the same category only, chance agreement is 1 and kappa, error
    and interval are NaN. An interval without width (perfect agreement) says only that the sample held no disagreement.
    Raises ValueError for a table that is not square, has negative counts, or nobody in it.
    """
    counts = np.asarray(table, float)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.shape[0] < 2:
        raise ValueError("agreement needs a square table of at least two categories")
    if not np.all(counts >= 0) or counts.sum() <= 0:
        raise ValueError("counts must not be negative, and somebody must have been judged twice")
    n = counts.sum()
    p = counts / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    credit = _credit(p.shape[0], weights)
    observed, chance = float((credit * p).sum()), float(rows @ credit @ columns)
    if np.isclose(chance, 1.0, rtol=0, atol=1e-12):
        return Agreement(np.nan, np.nan, np.nan, np.nan, observed, chance, int(n))
    kappa = (observed - chance) / (1 - chance)
    expected = (credit @ columns)[:, None] + (rows @ credit)[None, :]
    spread = (p * (credit * (1 - chance) - expected * (1 - observed)) ** 2).sum()
    variance = (spread - (observed * chance - 2 * chance + observed) ** 2) / (n * (1 - chance) ** 4)
    error = float(np.sqrt(max(variance, 0.0)))  # rounding leaves -1e-17 under perfect agreement
    half = float(stats.norm.ppf(0.5 + level / 2)) * error
    return Agreement(kappa, error, max(kappa - half, -1.0), min(kappa + half, 1.0), observed, chance, int(n))


def _credit(k: int, weights: str) -> npt.NDArray[np.float64]:
    apart = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / (k - 1)
    if weights == "none":
        return np.eye(k)
    return np.asarray(1 - apart if weights == "linear" else 1 - apart**2)
