"""Journeys: how much each stage matters for the whole, which is the weakest link, and who owns the shortfall.

Belongs here: Shapley (dominance) weights of stage items for the overall item, from cross-products, and what follows from
them. Does not belong here: the journey's score, which is its own overall item (`estimates`).
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# Every stage doubles the regressions: 2^15 are solved at once, and more stages would carry little meaning.
MOST_STAGES = 15


@dataclass(frozen=True)
class Dominance:
    """Each stage's share of R^2 (they sum to `r_squared`)."""

    contributions: Floats
    r_squared: float

    @cached_property
    def weights(self) -> Floats:
        """Contributions scaled to sum to one; NaN where the stages explain nothing."""
        return self.contributions / self.r_squared if self.r_squared > 0 else np.full_like(self.contributions, np.nan)


def covariance_of_cells(n: npt.ArrayLike, sums: npt.ArrayLike, cross_products: npt.ArrayLike) -> Floats:
    """Covariance matrix, (..., k, k), from n (or sum of weights), sums (..., k) and raw cross-products (..., k, k).

    C = (S_xy - S_x S_y / n) / n, with divisor n, on which shares of R^2 do not depend. Cells may hold only answers complete in
    all items. Raises ValueError where n is not positive or the matrix is not square.
    """
    size, total, products = np.asarray(n, float), np.asarray(sums, float), np.asarray(cross_products, float)
    if products.shape[-2:] != (total.shape[-1], total.shape[-1]):
        raise ValueError(f"cross-products {products.shape} do not belong to {total.shape[-1]} items")
    if np.any(size <= 0):
        raise ValueError("a covariance needs answers")
    size = size[..., None, None]
    return np.asarray((products - total[..., :, None] * total[..., None, :] / size) / size)


def dominance(covariance: npt.ArrayLike) -> Dominance:
    """General dominance of stages for the overall item; the covariance matrix has the overall item last.

    The contribution of a stage is its rise in R^2 averaged over all subsets of the others: within a size first, then over
    sizes (Lindeman, Merenda and Gold 1980; Budescu 1993; the Shapley value of R^2). It is never negative; collinear stages
    share what they explain; a stage without variance contributes 0. Raises ValueError for a matrix that is not a covariance,
    an overall item without variance, and more than 15 stages.
    """
    c = np.asarray(covariance, float)
    stages = c.shape[0] - 1
    if c.ndim != 2 or c.shape[0] != c.shape[1] or not 1 <= stages <= MOST_STAGES:
        raise ValueError(
            f"dominance needs a square matrix of 1 to {MOST_STAGES} stages and the overall item, not {c.shape}"
        )
    if not np.all(np.isfinite(c)) or not np.allclose(c, c.T) or np.linalg.eigvalsh(c).min() < -1e-8 * np.trace(c):
        raise ValueError("the matrix is no covariance: it must be finite, symmetric and without negative variances")
    if c[-1, -1] <= 0:
        raise ValueError("the overall item does not vary: nothing can be said about what drives it")
    explained = _r_squared_of_subsets(_correlation(c))
    subsets = np.arange(2**stages)
    sizes = np.array([int(subset).bit_count() for subset in subsets])
    # A subset of s of the other k - 1 stages stands for C(k-1, s) orders among k sizes.
    per_size = 1 / (stages * np.array([comb(stages - 1, size) for size in range(stages)]))
    contributions = np.empty(stages)
    for stage in range(stages):
        without = subsets[subsets & (1 << stage) == 0]
        contributions[stage] = (
            (explained[without | (1 << stage)] - explained[without]) * per_size[sizes[without]]
        ).sum()
    return Dominance(contributions, float(explained[-1]))


def _correlation(c: Floats) -> Floats:
    deviation = np.sqrt(np.maximum(np.diag(c), 0.0))
    scale = np.where(deviation > 1e-12 * deviation.max(), deviation, np.inf)
    return np.asarray(c / np.outer(scale, scale))


def _r_squared_of_subsets(r: Floats) -> Floats:
    """R^2 of the last item on every subset of the others; bit i of the position says whether item i is in."""
    stages = r.shape[0] - 1
    explained = np.zeros(2**stages)
    for size in range(1, stages + 1):
        subsets = list(combinations(range(stages), size))
        picked = np.array(subsets)
        link = r[picked, -1]
        # The pseudo-inverse admits collinear and constant stages, which add nothing.
        inverse = np.linalg.pinv(r[picked[:, :, None], picked[:, None, :]], rcond=1e-10, hermitian=True)
        position = (1 << picked).sum(axis=1)
        explained[position] = np.einsum("si,sij,sj->s", link, inverse, link)
    return np.clip(explained, 0.0, 1.0)


def stage_shortfalls(scores: npt.ArrayLike, target: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """weight x max(target - score, 0) by stage: what raising the stage to its target would bring the whole, in points."""
    return np.asarray(
        np.asarray(weights, float) * np.maximum(np.asarray(target, float) - np.asarray(scores, float), 0.0)
    )


def weakest_link(scores: npt.ArrayLike, target: npt.ArrayLike, weights: npt.ArrayLike) -> int | None:
    """Position of the stage with the largest weighted shortfall, the first of equals; None where no stage falls short.

    This is not the lowest score: a poor stage that nobody minds is not a weak link.
    """
    shortfalls = stage_shortfalls(scores, target, weights)
    return int(np.argmax(shortfalls)) if shortfalls.max() > 0 else None


def owner_shortfalls(
    shortfall: float,
    scores: npt.ArrayLike,
    target: npt.ArrayLike,
    weights: npt.ArrayLike,
    ownership: npt.ArrayLike,
) -> Floats:
    """The journey's shortfall (target less its overall item, in points) shared among owners; the shares sum to it exactly.

    It is shared in proportion to `stage_shortfalls`, and within a stage by `ownership` (stages, owners), rows summing to one.
    Zeros where the journey is on target (shortfall <= 0); NaN where it is not but no stage falls short, as no stage explains it
    then. Raises ValueError where a stage is not owned in full.
    """
    owned = np.asarray(ownership, float)
    if np.any(owned < 0) or not np.allclose(owned.sum(axis=1), 1.0, rtol=0, atol=1e-9):
        raise ValueError("the owners of every stage must share it in full: rows of ownership sum to one")
    if shortfall <= 0:
        return np.zeros(owned.shape[1])
    parts = stage_shortfalls(scores, target, weights)
    if parts.sum() <= 0:
        return np.full(owned.shape[1], np.nan)
    return np.asarray(shortfall * (parts @ owned) / parts.sum())
