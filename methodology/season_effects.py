"""What Ramadan, Hajj and Eid did to the scores of a metric, from the quarters before the one judged.

Belongs here: the common movement of many agencies' scores, and how much of it the seasons account for. Does not belong here:
the calendar (`seasons`) and what is judged beside it (`charted_series`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from methodology.frames import Ints

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SeasonEffects:
    """Per quarter (quarters,): what its seasons added, against a mean quarter before the one judged, and the error of that."""

    effect: Floats
    error: Floats


def season_effects(score: npt.ArrayLike, unit: Ints, quarter: Ints, shares: npt.ArrayLike, sd: float) -> SeasonEffects:
    """Effects of seasons on the quarters of `shares` (quarters, seasons), from scores (rows,) of units in known quarters.

    Seasons fall on all agencies at once, so the quarter is the unit of observation, however many agencies there are: the common
    movement g_t of y_it = a_i + g_t + e_it is regressed on the shares of days, with a normal prior of mean 0 and standard
    deviation `sd` on the effect of a quarter that is all season (ridge; Lindley & Smith 1972). The error holds what is not known
    of the coefficients. A quarter whose shares are not known, and every quarter where two known ones are missing, has no effect.
    """
    days = np.asarray(shares, float)
    value, units, at = np.asarray(score, float), np.asarray(unit), np.asarray(quarter)
    nothing = np.zeros(len(days))
    is_known = np.isfinite(days).all(axis=1)
    value, units, at = (array[is_known[at]] for array in (value, units, at))
    seen = np.unique(at)
    if seen.size < 2:
        return SeasonEffects(nothing, nothing)
    moved = _common_movement(value, np.unique(units, return_inverse=True)[1], np.searchsorted(seen, at), seen.size)
    centre = days[seen].mean(axis=0)
    off = days[seen] - centre
    beta, covariance = _ridge(off, moved, sd)
    away = np.where(is_known[:, None], days - centre, 0.0)
    error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", away, covariance, away), 0))
    return SeasonEffects(away @ beta, error)


def _common_movement(value: Floats, unit: Ints, quarter: Ints, quarters: int) -> Floats:
    """g_t of y_it = a_i + g_t by least squares, with mean 0 over the quarters that agencies link; a_i are solved out."""
    counts = np.zeros((int(unit.max()) + 1, quarters))
    np.add.at(counts, (unit, quarter), 1.0)
    level = np.bincount(unit, value) / counts.sum(axis=1)
    normal = np.diag(counts.sum(axis=0)) - counts.T @ (counts / counts.sum(axis=1, keepdims=True))
    right = np.bincount(quarter, value - level[unit], minlength=quarters)
    moved = np.linalg.pinv(normal, rcond=1e-10, hermitian=True) @ right
    return np.asarray(moved - moved.mean())


def _ridge(x: Floats, y: Floats, sd: float) -> tuple[Floats, Floats]:
    """Coefficients and covariance under the prior, with the variance that is left after a first fit."""
    squares = x.T @ x
    total = float(y @ y) / (len(y) - 1)
    beta: Floats = np.zeros(x.shape[1])
    covariance: Floats = np.zeros_like(squares)
    variance = total
    if total == 0:
        return beta, covariance
    for _ in range(2):
        inverse = np.linalg.inv(sd**2 * squares + variance * np.eye(len(squares)))
        beta = np.asarray(sd**2 * inverse @ x.T @ y)
        covariance = np.asarray(sd**2 * variance * inverse)
        spent = float(np.trace(sd**2 * inverse @ squares))
        # Seasons that explain everything leave nothing to weigh the prior with.
        variance = max(float(np.sum((y - x @ beta) ** 2)) / max(len(y) - 1 - spent, 1), 1e-9 * total)
    return beta, covariance
