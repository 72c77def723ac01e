"""Special cause: is a unit further from its peers than they are from each other? Judged by peers that do not include it.

Belongs here: the z score of each unit against the others' mean and spread, and its place within the control limits. Does not
belong here: whether a unit is better or worse than its peers (`peer_differences`) and the published expected range (`peers`).
"""

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.estimates import faults_of_scores
from methodology.limits import ACTION_Z, WARNING_Z
from methodology.shrinkage import spread

Floats = npt.NDArray[np.float64]
# A normal's median absolute deviation is its standard deviation over this.
MAD = 1.4826


def special_cause_z(score: npt.ArrayLike, error: npt.ArrayLike, left_out_share: float = 0.1) -> Floats:
    """z (units,) of each unit against the others: how far it lies from where one more of them would be expected.

    Of K units, floor(share K) of a unit's K - 1 peers, those furthest from the peers' median, are left out too, so that a few
    outliers do not hide each other. From the h that remain: tau^2 by Paule-Mandel, divided by `central_square` for what was
    cut off; mu the mean weighted by 1/(s^2 + tau^2). t = (y - mu) / sqrt(s^2 + tau^2 + se(mu)^2) is read as Student's with h - 1
    degrees of freedom, because tau is estimated from few, and given as the normal z of the same tail: limits are 1.96 and 3.09
    whatever the number of peers. score, error: (units,). Raises ValueError below three units, for scores that are not finite and
    errors that are not positive. Source: externally studentised residuals (Cook & Weisberg 1982); Paule & Mandel 1982.
    """
    y, s = np.asarray(score, float), np.asarray(error, float)
    faults = faults_of_scores(y, s)
    if y.size < 3:
        faults.append("a unit without two others has no spread to be judged by")
    if faults:
        raise ValueError("; ".join(faults))
    y = y - np.median(y)  # equal scores are then exactly as expected
    units, peers = y.size, y.size - 1
    left_out = int(np.floor(left_out_share * units + 1e-9))
    kept = _reference(y, s, left_out)
    scale = np.sqrt(central_square(1 - left_out / peers))
    family = np.repeat(np.arange(units), kept.shape[1])
    found = spread(y[kept].ravel() / scale, s[kept].ravel(), family, units, "PM")
    t = (y - scale * found.mu) / np.sqrt(s**2 + found.tau2 + found.mu_error**2)
    return np.asarray(np.sign(t) * stats.norm.isf(stats.t.sf(np.abs(t), kept.shape[1] - 1)))


def central_square(share: float) -> float:
    """Mean square of a standard normal value between the limits that hold the central `share`: 1 - 2 q phi(q) / share.

    1 for the whole. Raises ValueError unless 0 < share <= 1.
    """
    if not 0 < share <= 1:
        raise ValueError("the share that is kept must lie above 0 and up to 1")
    if share == 1:
        return 1.0
    q = stats.norm.isf((1 - share) / 2)
    return float(1 - 2 * q * stats.norm.pdf(q) / share)


def beyond_limits(z: npt.ArrayLike, polarity: int = 1) -> npt.NDArray[np.int64]:
    """Limits passed by each z: 0 within both, 1 beyond the warning limit (95 %), 2 beyond the action limit (99.8 %).

    Negative on the worse side; `polarity` is -1 where a low score is good.
    """
    directed = np.asarray(z, float) * polarity
    passed = (np.abs(directed) > WARNING_Z).astype(int) + (np.abs(directed) > ACTION_Z).astype(int)
    return np.asarray(np.sign(directed) * passed, dtype=np.int64)


def _reference(y: Floats, s: Floats, left_out: int) -> npt.NDArray[np.int64]:
    """Peers (units, kept) each unit is judged by: all others but the `left_out` furthest from their median."""
    units = y.size
    others = np.array([np.delete(np.arange(units), unit) for unit in range(units)])
    if not left_out:
        return others
    away = np.abs(y[others] - np.median(y[others], axis=1, keepdims=True))
    extra = np.maximum((MAD * np.median(away, axis=1, keepdims=True)) ** 2 - np.median(s) ** 2, 0)
    order = np.argsort(away / np.sqrt(s[others] ** 2 + extra), axis=1, kind="stable")
    return np.take_along_axis(others, order[:, : units - 1 - left_out], axis=1)
