"""Screens: patterns in how data came about that a person should look at. A flag is a question, never a penalty.

Belongs here: functions of counts by agency (or any unit) that give a statistic, a p value, the limit it was compared with and a
flag. Does not belong here: the words for a flag, what follows from it, and scores.

Large numbers make any difference significant, so every test has two limits: it flags at p < `alpha`, and only where the
difference is large enough to matter. Both are parameters of the methodology version and never written in code.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.funnels import arcsine_proportion
from methodology.peers import overdispersion

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Screen:
    """One screen of every unit: arrays (units,). `p_value` is NaN where the screen only compares the statistic with `threshold`.

    A unit without the data a screen needs has a NaN statistic and no flag.
    """

    statistic: Floats
    p_value: Floats
    threshold: Floats
    flag: npt.NDArray[np.bool_]


def share_apart_from_peers(hits: npt.ArrayLike, n: npt.ArrayLike, least_excess: float, alpha: float) -> Screen:
    """Whether a unit's share exceeds its peers' by more than they differ among themselves.

    Used for straight-lining (questionnaires of three items or more answered all alike) and end-of-quarter spikes (answers or
    completions of the quarter's last days): hits among n.
    statistic = share less the pooled share; p from z = (y - target)/sqrt(s^2 + tau^2) on the angular scale, one-sided, with
    the peers' overdispersion (funnels), so that satisfied agencies with many alike answers are not all flagged. Flags above
    `least_excess`. Below two units with answers nobody has peers: p is NaN. Raises ValueError where hits exceed n.
    """
    found, size = np.asarray(hits, float), np.asarray(n, float)
    present = size > 0
    statistic, p = np.full(size.shape, np.nan), np.full(size.shape, np.nan)
    if np.any(found > size):
        raise ValueError("more hits than answers")
    if present.any():
        statistic[present] = found[present] / size[present] - found.sum() / size.sum()
    if present.sum() >= 2:
        funnel = arcsine_proportion(found[present], size[present])
        tau2 = overdispersion(funnel.z, funnel.error, consistent=True).tau2
        p[present] = stats.norm.sf((funnel.score - funnel.target) / np.sqrt(funnel.error**2 + tau2))
    return _flagged(statistic, p, least_excess, alpha)


def burst(counts: npt.ArrayLike, least_ratio: float, alpha: float, expected: npt.ArrayLike | None = None) -> Screen:
    """Whether answers (or complaints) of a unit came in a burst: its most surprising window among `counts` (units, windows).

    `expected` are shares of windows (windows,) or (units, windows), such as the peers' hours of the week; equal by default. p =
    windows x the smallest P(Bin(n, share) >= count), at most 1 (Bonferroni); statistic = count over what was expected in
    that window. Flags from `least_ratio` on. Raises ValueError unless expected shares are positive and sum to one.
    """
    seen = np.asarray(counts, float)
    windows = seen.shape[-1]
    share = np.full(windows, 1 / windows) if expected is None else np.asarray(expected, float)
    if np.any(share <= 0) or not np.allclose(share.sum(axis=-1), 1, rtol=0, atol=1e-9):
        raise ValueError("expected shares of windows must be positive and sum to one")
    n = seen.sum(axis=-1, keepdims=True)
    tail = np.where(n > 0, stats.binom.sf(seen - 1, n, share), np.nan)
    at = np.argmin(tail, axis=-1, keepdims=True)
    ratio = np.where(n > 0, seen / np.where(n > 0, n * share, 1.0), np.nan)
    statistic = np.take_along_axis(ratio, at, axis=-1)[..., 0]
    p = np.minimum(windows * np.take_along_axis(tail, at, axis=-1)[..., 0], 1.0)
    return _flagged(statistic, p, least_ratio, alpha)


def duplicates(
    equal: npt.ArrayLike, pairs: npt.ArrayLike, match_chance: npt.ArrayLike, least_ratio: float, alpha: float
) -> Screen:
    """Whether more of a unit's compared `pairs` of questionnaires are `equal` in every answer than chance would give.

    `match_chance` is the chance that two are, such as the share among peers; NaN where it is unknown, and so is the statistic
    then. Expected are pairs x chance; statistic = equal over expected, p = P(Poisson(expected) >= equal). Flags from
    `least_ratio` on. Raises ValueError for a chance outside 0-1 or 0, and where more pairs are equal than were compared.
    """
    found, size, chance = (np.asarray(part, float) for part in (equal, pairs, match_chance))
    if np.any((chance <= 0) | (chance > 1)) or np.any((found < 0) | (found > size)):
        raise ValueError("chances of a match lie above 0 up to 1, and equal pairs between none and all")
    expected = size * chance
    some = expected > 0
    statistic = np.where(some, found / np.where(some, expected, 1.0), np.nan)
    return _flagged(statistic, np.where(some, stats.poisson.sf(found - 1, expected), np.nan), least_ratio, alpha)


def bunching(below: npt.ArrayLike, above: npt.ArrayLike, least_share: float, alpha: float) -> Screen:
    """Whether scores gather just above a cut-off: counts within the same short distance `below` and `above` it.

    Where scores are smooth the two halves are alike: statistic = share above, p = P(Bin(n, 1/2) >= above), exact (the local
    test of Cattaneo, Titiunik and Vazquez-Bare 2017, for few units better than McCrary's density). Flags from `least_share` on.
    """
    low, high = np.asarray(below, float), np.asarray(above, float)
    n = low + high
    statistic = np.where(n > 0, high / np.where(n > 0, n, 1.0), np.nan)
    return _flagged(statistic, np.where(n > 0, stats.binom.sf(high - 1, n, 0.5), np.nan), least_share, alpha)


def offer_by_prediction(offered: npt.ArrayLike, completed: npt.ArrayLike, least_gap: float, alpha: float) -> Screen:
    """Whether the survey is offered more often the more satisfied a beneficiary is predicted to be.

    `offered` of `completed` transactions, (..., groups), by group of predicted satisfaction from low to high. Cochran-Armitage
    trend: p one-sided for a rise; statistic = slope x (groups - 1), the offer rate's rise from the lowest to the highest
    group along the fitted line. Flags above `least_gap`. NaN where nobody or everybody was offered it, or one group has all.
    """
    x, n = np.asarray(offered, float), np.asarray(completed, float)
    if np.any(x > n) or np.any(x < 0):
        raise ValueError("offers must lie between none and the transactions completed")
    group = np.arange(n.shape[-1])
    whole = n.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = x.sum(axis=-1, keepdims=True) / whole
        distance = group - (n * group).sum(axis=-1, keepdims=True) / whole
        spread = (n * distance**2).sum(axis=-1)
        covariance = (x * distance).sum(axis=-1)
        z = covariance / np.sqrt((rate * (1 - rate))[..., 0] * spread)
        rise = np.where(np.isfinite(z), covariance / spread * (n.shape[-1] - 1), np.nan)
    return _flagged(rise, np.where(np.isfinite(z), stats.norm.sf(z), np.nan), least_gap, alpha)


def tipping_point(
    mean: npt.ArrayLike, response_rate: npt.ArrayLike, reference: npt.ArrayLike, plausible_gap: float
) -> Screen:
    """How far those who did not answer would have to differ for the headline to reach `reference`.

    The reference is what the statement is about: a cut-off, the last quarter, the peers' median. Non-respondents would need a
    mean of m = (reference - r mean)/(1 - r), all on 0-100; statistic = m - mean. Flags where `plausible_gap` points are enough:
    the statement then depends on who answered. NaN, and no flag, where all answered. Raises ValueError for a response rate
    outside 0-1 or 0.
    """
    score, rate, line = (np.asarray(part, float) for part in (mean, response_rate, reference))
    if np.any((rate <= 0) | (rate > 1)):
        raise ValueError("response rates lie above 0 up to 1")
    silent = np.where(rate < 1, 1 - rate, np.nan)
    statistic = np.asarray((line - rate * score) / silent - score)
    with np.errstate(invalid="ignore"):
        flag = np.abs(statistic) <= plausible_gap
    return Screen(
        statistic, np.full(statistic.shape, np.nan), np.full(statistic.shape, plausible_gap), np.asarray(flag)
    )


def survey_burden(beneficiaries: npt.ArrayLike, limit: int, tolerated: float) -> Screen:
    """Share of invited beneficiaries who were asked more than `limit` times in the period, all agencies together.

    `beneficiaries` (..., times) counts them by number of invitations, position 0 being those never invited, who are left out.
    Flags above `tolerated`.
    """
    invited = np.asarray(beneficiaries, float)[..., 1:]
    n = invited.sum(axis=-1)
    statistic = np.where(n > 0, invited[..., limit:].sum(axis=-1) / np.where(n > 0, n, 1.0), np.nan)
    with np.errstate(invalid="ignore"):
        flag = statistic > tolerated
    return Screen(statistic, np.full(n.shape, np.nan), np.full(n.shape, tolerated), np.asarray(flag))


def _flagged(statistic: Floats, p: Floats, threshold: float, alpha: float) -> Screen:
    """A screen by p value whose statistic must also reach the threshold."""
    with np.errstate(invalid="ignore"):
        flag = (p < alpha) & (statistic >= threshold)
    return Screen(np.asarray(statistic), np.asarray(p), np.full(np.shape(statistic), threshold), np.asarray(flag))
