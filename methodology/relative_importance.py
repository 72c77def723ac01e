"""How much each driver explains of an outcome when drivers share what they explain: LMG shares of R squared, with intervals.

Belongs here: shares from correlations of one group of people. Does not belong here: which items are drivers (`drivers`), scores
and benchmarks. A share is an association, not a cause.
"""

from itertools import combinations
from math import factorial

import numpy as np
import numpy.typing as npt

from methodology.arrays import Floats


def r_squared_parts(correlation: npt.ArrayLike) -> Floats:
    """LMG parts of R^2, (..., drivers), from correlations (..., drivers + 1, drivers + 1) whose first row is the outcome's.

    part_j = mean over all orders of the rise of R^2 when driver j enters: sum over S without j of |S|! (p - |S| - 1)! / p! times
    (R^2(S + j) - R^2(S)), R^2(S) = r_S' R_SS^-1 r_S. Parts add up to R^2 and are never negative in truth. Covariances will do.
    Raises numpy's LinAlgError where drivers repeat each other exactly. Source: Lindeman, Merenda and Gold 1980; Gromping 2006.
    """
    c = np.asarray(correlation, float)
    scale = np.sqrt(np.diagonal(c, axis1=-2, axis2=-1))
    c = c / scale[..., :, None] / scale[..., None, :]
    drivers = c.shape[-1] - 1
    explained: dict[tuple[int, ...], Floats] = {(): np.zeros(c.shape[:-2])}
    for size in range(1, drivers + 1):
        for chosen in combinations(range(1, drivers + 1), size):
            own = list(chosen)
            r = c[..., own, 0]
            inside = c[..., np.array(own)[:, None], own]
            explained[chosen] = np.sum(r * np.linalg.solve(inside, r[..., None])[..., 0], axis=-1)
    parts = np.zeros((*c.shape[:-2], drivers))
    for chosen, before in explained.items():
        weight = factorial(len(chosen)) * factorial(max(drivers - len(chosen) - 1, 0)) / factorial(drivers)
        for j in set(range(1, drivers + 1)) - set(chosen):
            parts[..., j - 1] += weight * (explained[tuple(sorted((*chosen, j)))] - before)
    return parts


def importance_shares(parts: npt.ArrayLike) -> Floats:
    """Parts over their sum: each driver's share of what all explain together."""
    own = np.asarray(parts, float)
    return np.asarray(own / own.sum(axis=-1, keepdims=True))


def share_intervals(
    correlation: npt.ArrayLike, n: float, rng: np.random.Generator, draws: int, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Limits of the shares: quantiles over correlations of n people drawn again, as if answers were normal.

    Covariances are drawn from the Wishart distribution with n - 1 degrees of freedom around the observed ones (Bartlett's
    decomposition). Answers on few levels are not normal: the limits hold 93 to 95 %, which is tested. Raises ValueError where n
    does not exceed the number of items.
    """
    c = np.asarray(correlation, float)
    items = len(c)
    if not n > items:
        raise ValueError("fewer people than items tell nothing of their correlations")
    root = np.linalg.cholesky(c)
    lower = np.tril(rng.standard_normal((draws, items, items)), -1)
    at = np.arange(items)
    lower[:, at, at] = np.sqrt(rng.chisquare(n - 1 - at, (draws, items)))
    factor = root @ lower
    shares = importance_shares(r_squared_parts(factor @ factor.transpose(0, 2, 1)))
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.asarray(low), np.asarray(high)
