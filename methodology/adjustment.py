"""Like-for-like scores: respondent mix and survey mode removed from the scores of units.

Belongs here: pooled regression with unit effects from cross products, mode effects of an overlap study. Does not belong
here: standardisation to a common mix (`standardisation`), weights (`weights`). The channel of *service* is a unit's choice
and is never among the adjusters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.estimates import Floats
from methodology.proportions import newcombe_difference

Centre = Literal["respondents", "units"]


@dataclass(frozen=True, eq=False)
class CrossProducts:
    """Sums by unit (b,): answers with a weight, w, w x (b, k), w y, w x x' (b, k, k), w x y (b, k), w y^2."""

    n: Floats
    w: Floats
    wx: Floats
    wy: Floats
    wxx: Floats
    wxy: Floats
    wyy: Floats

    @classmethod
    def of_cells(
        cls,
        unit: npt.ArrayLike,
        x: npt.ArrayLike,
        n: npt.ArrayLike,
        w: npt.ArrayLike,
        wy: npt.ArrayLike,
        wyy: npt.ArrayLike,
        units: int | None = None,
    ) -> "CrossProducts":
        """From cells of unit (c,) and adjusters x (c, k): counts and sums of w, w y, w y^2. A row is a cell of one.

        Raises ValueError on negative weights or anything missing: impute or drop adjusters first.
        """
        code, values = np.asarray(unit, np.int64), np.asarray(x, float)
        values = values.reshape(code.size, -1)
        count, weight, first, second = (np.asarray(part, float) for part in (n, w, wy, wyy))
        if np.any(weight < 0) or not all(np.all(np.isfinite(part)) for part in (values, weight, first, second)):
            raise ValueError(
                "adjusters and answers must be finite, impute or drop what is missing; weights not negative"
            )
        size = units if units is not None else int(code.max(initial=-1)) + 1

        def summed(part: Floats) -> Floats:
            flat = part.reshape(code.size, -1)
            sums = np.stack([np.bincount(code, column, minlength=size) for column in flat.T], axis=-1)
            return np.asarray(sums.reshape(size, *part.shape[1:]), float)

        weighted = weight[:, None] * values
        return cls(
            summed(np.where(weight > 0, count, 0.0)),
            summed(weight),
            summed(weighted),
            summed(first),
            summed(weighted[:, :, None] * values[:, None, :]),
            summed(first[:, None] * values),
            summed(second),
        )

    @classmethod
    def of_rows(
        cls, unit: npt.ArrayLike, x: npt.ArrayLike, y: npt.ArrayLike, weights: npt.ArrayLike | None = None
    ) -> "CrossProducts":
        """From rows: unit codes (n,), adjusters (n, k), answers (n,), weights (n,), by default 1."""
        answer = np.asarray(y, float)
        weight = np.ones_like(answer) if weights is None else np.asarray(weights, float)
        return cls.of_cells(unit, x, np.ones_like(answer), weight, weight * answer, weight * answer**2)


@dataclass(frozen=True, eq=False)
class CaseMix:
    """Raw and adjusted means of units (b,), and the pooled regression behind them.

    `unit_f` tests that all units are equal after adjustment, on (units - 1, degrees_of_freedom) degrees.
    """

    raw: Floats
    adjusted: Floats
    error: Floats
    coefficients: Floats
    covariance: Floats
    residual_sd: float
    degrees_of_freedom: int
    unit_f: float
    unit_f_p: float

    @property
    def adjustment(self) -> Floats:
        """What was added to the raw mean: -sum beta (xbar_i - xbar)."""
        return self.adjusted - self.raw

    @property
    def coefficient_error(self) -> Floats:
        """Standard errors of the coefficients (k,)."""
        return np.sqrt(np.diag(self.covariance))


def casemix_adjusted(
    products: CrossProducts, centre: Centre = "respondents", names: Sequence[str] | None = None
) -> CaseMix:
    """Adjusted means ybar_i - sum beta (xbar_i - xbar), beta pooled within units: y_ij = alpha_i + beta'x_ij + e.

    xbar is the mean of all respondents, or of the units' means. With S the within-unit cross products of x, beta = S^-1
    S_xy, sigma^2 = RSS/(n - units - k) and error_i^2 = sigma^2 (1/w_i + (xbar_i - xbar)' S^-1 (xbar_i - xbar)): a model-based
    error with one sigma for all, so a unit with one answer or equal answers still has a width. An adjusted share may leave 0-1:
    the model is linear and nothing is clipped. NaN for units without weight, and for F with one unit. Raises ValueError where
    adjusters do not vary within units or repeat each other, or no degrees of freedom remain. Source: CAHPS Analysis Program;
    Zaslavsky et al. 2001.
    """
    present = products.w > 0
    w, wx, wy = products.w[present], products.wx[present], products.wy[present]
    k = wx.shape[1]
    labels = list(names) if names is not None else [f"adjuster {position + 1}" for position in range(k)]
    df = int(products.n.sum()) - w.size - k
    within = products.wxx[present].sum(axis=0) - np.einsum("ij,ik->jk", wx / w[:, None], wx)
    within_xy = products.wxy[present].sum(axis=0) - (wx / w[:, None]).T @ wy
    within_yy = products.wyy[present].sum() - np.sum(wy**2 / w)
    spread = np.sqrt(np.maximum(np.diag(within), 0))
    still = spread**2 <= 1e-12 * np.abs(np.diag(products.wxx.sum(axis=0)))
    faults = []
    if still.any():
        faults.append(f"no variation within units: {', '.join(np.array(labels)[still])}")
    elif np.linalg.matrix_rank(within / np.outer(spread, spread), tol=1e-9) < k:
        faults.append(f"adjusters repeat each other: {', '.join(labels)}")
    if df <= 0:
        faults.append(f"{int(products.n.sum())} answers are too few for {w.size} units and {k} adjusters")
    if faults:
        raise ValueError("; ".join(faults))
    inverse = np.linalg.inv(within)
    beta = inverse @ within_xy
    residual_sum = max(float(within_yy - beta @ within_xy), 0.0)
    variance = residual_sum / df
    means = products.wx[present] / w[:, None]
    reference = wx.sum(axis=0) / w.sum() if centre == "respondents" else means.mean(axis=0)
    off = means - reference
    raw = wy / w
    error = np.sqrt(variance * (1 / w + np.einsum("ij,jk,ik->i", off, inverse, off)))
    f, p = _unit_effect(products, residual_sum, df, w.size)
    return CaseMix(
        _filled(raw, present),
        _filled(mix_adjusted(raw, beta, means, reference), present),
        _filled(error, present),
        beta,
        variance * inverse,
        float(np.sqrt(variance)),
        df,
        f,
        p,
    )


def mix_adjusted(
    raw: npt.ArrayLike, coefficients: npt.ArrayLike, unit_means: npt.ArrayLike, reference_means: npt.ArrayLike
) -> Floats:
    """raw (b,) - sum beta (xbar_i - xbar), for coefficients (k,) published or pooled and means (b, k) and (k,)."""
    off = np.asarray(unit_means, float) - np.asarray(reference_means, float)
    return np.asarray(np.asarray(raw, float) - off @ np.asarray(coefficients, float))


def impute_by_unit(x: npt.ArrayLike, unit: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Floats:
    """Missing x (n,) filled with the unit's weighted mean; with the mean of all where a unit has none.

    Raises ValueError where nobody has a value. Source: option of the CAHPS Analysis Program.
    """
    values, code = np.array(x, float), np.asarray(unit, np.int64)
    weight = np.ones_like(values) if weights is None else np.asarray(weights, float)
    known_weight = np.where(np.isnan(values), 0.0, weight)
    if not known_weight.sum() > 0:
        raise ValueError("nobody has a value to impute from")
    filled = np.where(np.isnan(values), 0.0, values)
    held = np.bincount(code, known_weight)
    sums = np.bincount(code, known_weight * filled)
    overall = sums.sum() / held.sum()
    means = np.divide(sums, held, out=np.full(held.size, overall), where=held > 0)
    return np.where(np.isnan(values), means[code], values)


def mode_adjusted(
    score: npt.ArrayLike,
    error: npt.ArrayLike,
    shares: npt.ArrayLike,
    effects: npt.ArrayLike,
    covariance: npt.ArrayLike,
) -> tuple[Floats, Floats]:
    """score* = score - sum_m share_m delta_m and its error, sqrt(se^2 + share' C share).

    Shares (..., m) of each mode but the reference, effects (m,) with covariance (m, m) from an overlap study in which
    the mode was drawn by lot: the coefficients of mode dummies in `casemix_adjusted` of that study. Its error is common
    to all units and does not fall with their n. Raises ValueError where shares are negative or exceed 1 in sum. Source: HCAHPS
    mode experiments.
    """
    part, delta = np.asarray(shares, float), np.asarray(effects, float)
    if np.any(part < 0) or np.any(part.sum(axis=-1) > 1 + 1e-9):
        raise ValueError("shares of modes must not be negative or add up to more than one")
    common = np.einsum("...i,ij,...j->...", part, np.asarray(covariance, float), part)
    return np.asarray(score, float) - part @ delta, np.sqrt(np.asarray(error, float) ** 2 + np.maximum(common, 0))


def starts_new_series(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    n_before: npt.ArrayLike,
    n_after: npt.ArrayLike,
    threshold: float = 0.10,
    level: float = 0.99,
) -> npt.NDArray[np.bool_]:
    """Whether a mode's share (..., m) moved by more than `threshold` and by more than chance explains.

    Without an overlap study such a move breaks the series. With few respondents (n_before, n_after: (...)) shares move by ten
    points by chance, so the interval of the move (Newcombe 1998, method 10, at `level`) must also exclude zero. Steady shares of
    m modes then break a series with a probability of at most about m (1 - level).
    """
    old, new = np.asarray(before, float), np.asarray(after, float)
    size, other = (np.asarray(part, float)[..., None] for part in (n_after, n_before))
    change, low, high = newcombe_difference(new * size, size, old * other, other, level)
    # A move of exactly the threshold does not exceed it, whatever its last bit says.
    return np.asarray(((np.abs(change) > threshold + 1e-12) & ((low > 0) | (high < 0))).any(axis=-1))


def _unit_effect(products: CrossProducts, residual_sum: float, df: int, units: int) -> tuple[float, float]:
    """F and p of equal units: the regression without unit effects against the one with them."""
    if units < 2:
        return np.nan, np.nan
    w, wx, wy = products.w.sum(), products.wx.sum(axis=0), products.wy.sum()
    total = products.wxx.sum(axis=0) - np.outer(wx, wx) / w
    total_xy = products.wxy.sum(axis=0) - wx * wy / w
    without = products.wyy.sum() - wy**2 / w - total_xy @ np.linalg.solve(total, total_xy)
    with np.errstate(divide="ignore"):
        f = np.divide((without - residual_sum) / (units - 1), residual_sum / df)
    return float(f), float(stats.f.sf(f, units - 1, df))


def _filled(values: Floats, present: npt.NDArray[np.bool_]) -> Floats:
    full = np.full(present.size, np.nan)
    full[present] = values
    return full
