"""Treatment of outlying indicators before normalising.

Belongs here: functions of raw indicator values that report what they changed. Does not belong here: normalisation
(`normalisation`) and means (`aggregation`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """Skew and excess kurtosis beyond both of which one unit decides the indicator, and the most points to winsorise."""

    skew: float
    kurtosis: float
    winsorise_at_most: int

    @classmethod
    def of(cls, thresholds: Mapping[str, float]) -> "Limits":
        """Those of a methodology version."""
        return cls(
            thresholds["outlier_skew"], thresholds["outlier_kurtosis"], int(thresholds["outlier_winsorise_at_most"])
        )


@dataclass(frozen=True)
class Treated:
    """Values after treatment, what was done, and (skewness, excess kurtosis) before and after."""

    values: Floats
    method: Literal["none", "winsorised", "box_cox", "failed"]
    winsorised: int
    exponent: float
    before: tuple[float, float]
    after: tuple[float, float]


def shape(values: npt.ArrayLike) -> tuple[float, float]:
    """Skewness and excess kurtosis, both corrected for bias (type 2: G1 and G2), over values that are not missing.

    NaN below four values, and where all are equal.
    """
    x = _present(values)
    if x.size < 4 or x.min() == x.max():
        return np.nan, np.nan
    return float(stats.skew(x, bias=False)), float(stats.kurtosis(x, bias=False))


def is_outlying(skew: float, excess_kurtosis: float, limits: Limits) -> bool:
    """Whether |skew| and excess kurtosis are beyond their limits, both; undefined shapes are not."""
    return abs(skew) > limits.skew and excess_kurtosis > limits.kurtosis


def treat_outliers(values: npt.ArrayLike, limits: Limits) -> Treated:
    """Winsorise the fewest points that cure an outlying shape; where too many would be needed, Box-Cox the raw values.

    Winsorising sets the most extreme value on the side of the skew to its neighbour's, point by point. Box-Cox takes
    (x - min + range/100) with the exponent of greatest likelihood; it keeps order and changes distances. `method` is
    "failed" where neither cures the shape: the raw values are returned for a person to examine. Missing values stay.
    """
    raw = np.asarray(values, float)
    before = shape(raw)
    if not is_outlying(*before, limits):
        return Treated(raw, "none", 0, np.nan, before, before)
    x, moved, now = raw.copy(), 0, before
    while is_outlying(*now, limits):
        outer, inner = _outermost(x, upper=now[0] > 0)
        # Points already moved equal `outer` too, so this counts every point that would then differ from its raw value.
        moved = int((x == outer).sum())
        if moved > limits.winsorise_at_most:
            break
        x[x == outer] = inner
        now = shape(x)
    if not is_outlying(*now, limits):
        return Treated(x, "winsorised", int((x != raw)[~np.isnan(raw)].sum()), np.nan, before, now)
    present = ~np.isnan(raw)
    shifted = raw[present] - raw[present].min() + np.ptp(raw[present]) / 100
    powered, exponent = stats.boxcox(shifted)
    x = np.full_like(raw, np.nan)
    x[present] = powered
    now = shape(x)
    if is_outlying(*now, limits):
        return Treated(raw, "failed", 0, np.nan, before, before)
    return Treated(x, "box_cox", 0, float(exponent), before, now)


def _outermost(x: Floats, upper: bool) -> tuple[float, float]:
    """The most extreme value on one side, and the next to it."""
    distinct = np.unique(_present(x))
    return (float(distinct[-1]), float(distinct[-2])) if upper else (float(distinct[0]), float(distinct[1]))


def _present(values: npt.ArrayLike) -> Floats:
    x = np.asarray(values, float)
    return np.asarray(x[~np.isnan(x)])
