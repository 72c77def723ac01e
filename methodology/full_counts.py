"""Figures without a sampling error against each other: differences, ranks with ties, tiers.

Belongs here: what can be said of scores that are a full count or a rating assessed in full. Does not belong here: which metrics
are (`bases`), and scores with an error (`peer_differences`, `ranks`).

Scores are (units,) vectors of one class; `polarity` is 1 where a high score is good, -1 where a low one is. Sums of floats are
compared as they are published, to DECIMALS decimals.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from methodology.ranks import tied_ranks

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
DECIMALS = 4


@dataclass(frozen=True)
class ExactDifferences:
    """Differences to the others' mean, (units,) each; `direction` is 1 where above it by enough to matter, -1 below, else 0."""

    others_mean: Floats
    difference: Floats
    direction: Integers


def exact_differences(score: npt.ArrayLike, smallest: float, weights: npt.ArrayLike | None = None) -> ExactDifferences:
    """d_i = y_i - mean_{j != i} y_j (or the mean by the rows of `weights`, (units, units)) and its sign.

    The sign is told where |d_i| is at least `smallest`, the smallest difference that matters. Nothing was left to chance, so
    every difference is real; whether it is worth telling is all there is to decide. With `smallest` 0 every difference is. Raises
    ValueError below two units and for scores that are not finite.
    """
    y = _finite(score)
    if y.size < 2:
        raise ValueError("a difference needs at least one other unit")
    others_mean = (y.sum() - y) / (y.size - 1) if weights is None else np.asarray(weights, float) @ y
    difference = y - others_mean
    told = _matters(difference, smallest)
    return ExactDifferences(others_mean, difference, np.where(told, np.sign(difference), 0).astype(np.int64))


def exact_ranks(score: npt.ArrayLike, polarity: int = 1) -> tuple[Floats, Floats, Floats]:
    """Best, worst and mean rank of each unit, (units,) each: equal scores share their ranks. 1 is the best."""
    y = np.round(_finite(score), DECIMALS)
    low, high = (tied_ranks(y, method, polarity) for method in ("min", "max"))
    return low, high, (low + high) / 2


def share_among(low: npt.ArrayLike, high: npt.ArrayLike, k: int) -> Floats:
    """Share of the ranks `low` to `high` that are among the first k: 1 or 0 but for ties that the k-th place divides."""
    first, last = np.asarray(low, float), np.asarray(high, float)
    return np.asarray(np.clip((k + 1 - first) / (last - first + 1), 0, 1))


def tiers_that_matter(score: npt.ArrayLike, smallest: float, polarity: int = 1) -> Integers:
    """Tier of each unit, 1 the best: from best to worst, one worse than its tier's leader by `smallest` opens the next."""
    y = np.round(_finite(score), DECIMALS)
    tier = np.ones(y.size, np.int64)
    order = np.argsort(-polarity * y, kind="stable")
    leader, current = order[0], 1
    for unit in order:
        if _matters(y[leader] - y[unit], smallest):
            leader, current = unit, current + 1
        tier[unit] = current
    return tier


def changed(change: npt.ArrayLike, smallest: npt.ArrayLike) -> Floats:
    """1 where a change is large enough to matter, 0 where not, NaN where there is none."""
    moved = np.asarray(change, float)
    return np.where(np.isnan(moved), np.nan, _matters(moved, smallest).astype(float))


def _matters(difference: npt.ArrayLike, smallest: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    size = np.round(np.abs(np.asarray(difference, float)), DECIMALS)
    return np.asarray((size >= np.asarray(smallest, float)) & (size > 0))


def _finite(score: npt.ArrayLike) -> Floats:
    y = np.asarray(score, float)
    if not np.all(np.isfinite(y)):
        raise ValueError("scores must be finite")
    return y
