"""Calibration of weights to totals of auxiliary variables, with a distance that keeps them near the initial weights.

Belongs here: linear (GREG), bounded linear, raking and logit calibration by Newton's method. Does not belong here:
margins alone (`weights.rake` needs no matrix), the variance (`sampling`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from methodology.sampling import Floats

Distance = Literal["linear", "raking", "logit"]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Initial weights (n,), the factors on them, and an orthonormal basis (n, q) of sqrt(initial) x auxiliaries."""

    initial: Floats
    factors: Floats
    basis: Floats

    @property
    def weights(self) -> Floats:
        """Final weights (n,)."""
        return self.initial * self.factors

    def residuals(self, u: Floats) -> Floats:
        """u (n, k) less its regression on the auxiliaries under the INITIAL weights. Source: Deville and Sarndal 1992."""
        root = np.sqrt(self.initial)[:, None]
        coefficients = self.basis.T @ (root * u)
        return u - np.divide(self.basis @ coefficients, root, out=np.zeros_like(u), where=root > 0)


def calibrate(
    weights: npt.ArrayLike,
    auxiliaries: npt.ArrayLike,
    totals: npt.ArrayLike,
    distance: Distance = "linear",
    bounds: tuple[float, float] | None = None,
    names: Sequence[str] | None = None,
    tolerance: float = 1e-11,
) -> Calibration:
    """Weights w g, g = F(x'lambda), whose sums of auxiliaries X (n, q) are the population totals (q,).

    F(t) is 1 + t (`linear`; cut to `bounds` = (L, U) where given), exp(t) (`raking`), or the `logit` between L < 1 < U:
    (L(U-1) + U(1-L) e^(At)) / (U-1 + (1-L) e^(At)), A = (U-L)/((1-L)(U-1)). Newton with step halving until every total
    holds within `tolerance` of its size. Raises ValueError naming every fault: collinear auxiliaries, bounds that do not
    hold 1, or the totals that cannot be met (bounds too tight, or no such weights). Source: Deville and Sarndal 1992.
    """
    weight, x, target = np.asarray(weights, float), np.asarray(auxiliaries, float), np.asarray(totals, float)
    labels = list(names) if names is not None else [f"total {position + 1}" for position in range(target.size)]
    faults = []
    if x.shape != (weight.size, target.size) or len(labels) != target.size:
        raise ValueError(f"{weight.size} weights and {target.size} totals do not fit auxiliaries of shape {x.shape}")
    if not (np.all(np.isfinite(weight)) and np.all(weight >= 0) and np.all(np.isfinite(x))):
        faults.append("weights and auxiliaries must be finite, weights not negative")
    if bounds is not None and not bounds[0] < 1 < bounds[1]:
        faults.append(f"bounds {bounds} of the factors must hold 1")
    if (distance == "logit" and bounds is None) or (distance == "raking" and bounds is not None):
        faults.append("logit needs bounds, linear may have them, raking has none")
    if not faults and np.linalg.matrix_rank(np.sqrt(weight)[:, None] * x) < target.size:
        faults.append("auxiliaries are collinear in the sample: drop one or merge levels without respondents")
    if faults:
        raise ValueError("; ".join(faults))
    # In an orthonormal basis incomes and dummies have one scale, and Newton's matrix is near the identity.
    basis, triangle = np.linalg.qr(np.sqrt(weight)[:, None] * x)
    scaled = np.linalg.solve(triangle.T, x.T).T
    goal = np.linalg.solve(triangle.T, target)
    size = np.maximum(np.abs(target), np.abs(x.T) @ weight)
    multiplier = np.zeros(target.size)
    factors, slope = _factors(scaled @ multiplier, distance, bounds)
    gap = goal - scaled.T @ (weight * factors)
    for _ in range(200):
        missed = np.abs(target - x.T @ (weight * factors)) > tolerance * size
        if not missed.any():
            return Calibration(weight, factors, basis)
        step = np.linalg.lstsq((scaled * (weight * slope)[:, None]).T @ scaled, gap, rcond=None)[0]
        for halving in range(30):
            trial = multiplier + step / 2**halving
            found, trial_slope = _factors(scaled @ trial, distance, bounds)
            trial_gap = goal - scaled.T @ (weight * found)
            if np.linalg.norm(trial_gap) < np.linalg.norm(gap):
                break
        else:
            break
        multiplier, factors, slope, gap = trial, found, trial_slope, trial_gap
    unmet = ", ".join(label for label, far in zip(labels, missed, strict=True) if far)
    raise ValueError(f"calibration did not converge; these totals are not met: {unmet}")


def _factors(t: Floats, distance: Distance, bounds: tuple[float, float] | None) -> tuple[Floats, Floats]:
    """g = F(t) and its derivative."""
    if distance == "raking":
        # Far from the solution exp would overflow; step halving then recovers.
        factors = np.exp(np.clip(t, -500, 500))
        return factors, factors
    if bounds is None:
        return 1 + t, np.ones_like(t)
    low, high = bounds
    if distance == "linear":
        inside = (t > low - 1) & (t < high - 1)
        return np.clip(1 + t, low, high), inside.astype(float)
    rate = (high - low) / ((1 - low) * (high - 1))
    growth = np.exp(np.clip(rate * t, -500, 500))
    below = high - 1 + (1 - low) * growth
    return (low * (high - 1) + high * (1 - low) * growth) / below, growth * ((high - low) / below) ** 2
