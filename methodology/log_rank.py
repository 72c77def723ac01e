"""Whether groups share one curve of the time to an event: the log-rank test.

Belongs here: the test, from cells of each group. Does not belong here: the curves (`survival`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.arrays import Floats
from methodology.survival import Cells


@dataclass(frozen=True)
class LogRank:
    """Observed and expected events of each group, and the test that the groups share one curve."""

    observed: Floats
    expected: Floats
    chi2: float
    p_value: float


def log_rank(duration: npt.ArrayLike, events: npt.ArrayLike, censored: npt.ArrayLike) -> LogRank:
    """Log-rank test that groups share one curve, from their cells on a common set of durations.

    duration: (durations,) distinct; events, censored: (groups, durations). E_g = sum n_g d / n; chi2 = (O-E)' V^- (O-E) with
    the hypergeometric V, on one degree less than there are groups with anyone at risk. Raises ValueError as `Cells.of`,
    for a group without a case, and below two groups. Source: Mantel 1966; Peto & Peto 1972.
    """
    died, open_ = np.asarray(events, float), np.asarray(censored, float)
    if died.ndim != 2 or died.shape[0] < 2:
        raise ValueError("the log-rank test needs the cells of at least two groups")
    time = np.asarray(duration, float)
    order = np.argsort(time)
    for own, still in zip(died, open_, strict=True):
        if not (Cells.of(np.zeros(time.size), time, own, still).entered.sum() > 0):
            raise ValueError("there is a group without a case")
    died, open_ = died[:, order], open_[:, order]
    at_risk = (died + open_)[:, ::-1].cumsum(axis=1)[:, ::-1]
    all_died, all_at_risk = died.sum(axis=0), at_risk.sum(axis=0)
    share = np.divide(at_risk, all_at_risk, out=np.zeros_like(at_risk), where=all_at_risk > 0)
    expected = (share * all_died).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(all_at_risk > 1, all_died * (all_at_risk - all_died) / (all_at_risk - 1), 0.0)
    covariance = np.diag((factor * share).sum(axis=1)) - (factor * share) @ share.T
    distance = (died.sum(axis=1) - expected)[:-1]
    chi2 = float(distance @ np.linalg.pinv(covariance[:-1, :-1]) @ distance)
    return LogRank(died.sum(axis=1), expected, chi2, float(stats.chi2.sf(chi2, (expected > 0).sum() - 1)))
