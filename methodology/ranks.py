"""Ranks with their uncertainty: sets of ranks, expected ranks, P(top k), tiers of statistical ties.

Belongs here: functions of vectors of scores and standard errors, or of scores alone for ties. Does not
belong here: whether a rank may be shown at all (reliability, the comparability gate) and percentile ranks among peers (`peers`).

Rank 1 is the best. `polarity` is 1 where a high score is good, -1 where a low one is. Errors of different units are taken as
independent. Draws come from the generator that is passed in.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.estimates import compared_scores

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
TIES = {"min": "min", "max": "max", "average": "average", "dense": "dense", "first": "ordinal"}
# Draws held in memory at once while ranks are counted or the largest difference is sought.
CHUNK = 20_000
# So many, or so many numbers of all units together, stay in the processor's cache.
BLOCK, CELLS = 512, 20_000
# From so many degrees of freedom on an error counts as known: Student's 95 % quantile is within 1.3 % of the normal one.
KNOWN_FROM = 100


@dataclass(frozen=True)
class RankSets:
    """Which units are distinguished; `sign[i, j]` is 1 where i is significantly better than j, -1 where worse, else 0."""

    sign: Integers

    @property
    def lower(self) -> Integers:
        """Best rank of each unit: 1 + the number of units significantly better."""
        return np.asarray(1 + (self.sign < 0).sum(axis=1), np.int64)

    @property
    def upper(self) -> Integers:
        """Worst rank of each unit: K - the number of units significantly worse."""
        return np.asarray(len(self.sign) - (self.sign > 0).sum(axis=1), np.int64)


@dataclass(frozen=True)
class RankDistribution:
    """`probability[i, r]` that unit i has rank r + 1."""

    probability: Floats

    @property
    def expected(self) -> Floats:
        """Mean rank of each unit."""
        return self.probability @ np.arange(1.0, len(self.probability) + 1)

    def top(self, k: int) -> Floats:
        """P(rank <= k) of each unit."""
        return np.asarray(self.probability[:, :k].sum(axis=1))

    def quantile(self, share: float) -> Integers:
        """Smallest rank of each unit whose cumulative probability reaches `share`."""
        # Sums of counts over draws miss a round share by an ulp.
        return np.asarray(np.argmax(self.probability.cumsum(axis=1) >= share - 1e-12, axis=1) + 1, np.int64)


def simultaneous_rank_sets(
    score: npt.ArrayLike,
    error: npt.ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
    polarity: int = 1,
    draws: int = 10_000,
    freedom: npt.ArrayLike | None = None,
) -> RankSets:
    """Rank sets that hold all true ranks at once with probability `level` (step-down).

    H_ij, "i is no better than j", is rejected where (y_i - y_j) / sqrt(s_i^2 + s_j^2) exceeds the `level` quantile of the
    largest such ratio of pure noise over all ordered pairs; the quantile is then recomputed over the hypotheses not yet rejected,
    until no more are. The reverse of a rejected H_ij stays among them, because directions are claims too. score, error: (units,);
    freedom (units,): degrees of freedom of the errors, which then vary with the noise (`drawn_errors`). Raises ValueError below
    two units, for scores that are not finite or errors that are not positive. Source: Mogstad, Romano, Shaikh & Wilhelm 2024,
    Rev. Econ. Studies 91.
    """
    y, s = _checked(score, error)
    noise = _noise(s, rng, draws)
    drawn = drawn_errors(s, freedom, rng, draws)
    better = _step_down(_distances(polarity * y, s), ~np.eye(y.size, dtype=bool), noise, drawn, level)
    return _sets(better)


def marginal_rank_sets(
    score: npt.ArrayLike,
    error: npt.ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
    polarity: int = 1,
    draws: int = 10_000,
) -> RankSets:
    """Rank sets that each hold their own unit's true rank with probability `level`; for a unit chosen beforehand.

    As `simultaneous_rank_sets`, but the quantile for unit i is over its own pairs (i, j) only: the sets are narrower and must not
    be compared with each other.
    """
    y, s = _checked(score, error)
    distances, noise = _distances(polarity * y, s), _noise(s, rng, draws)
    sign = np.zeros(distances.shape, np.int64)
    for unit in range(y.size):
        own = np.zeros(distances.shape, bool)
        own[unit] = own[:, unit] = np.arange(y.size) != unit
        sign[unit] = _sets(_step_down(distances, own, noise, s, level)).sign[unit]
    return RankSets(sign)


def critical_value(noise: Floats, error: Floats, pairs: npt.NDArray[np.bool_], level: float = 0.95) -> float:
    """`level` quantile of the largest (noise_i - noise_j) / sqrt(s_i^2 + s_j^2) over the ordered `pairs` of units.

    noise: (units, draws); pairs: (units, units). Over all pairs of equal errors it is the quantile of the studentised range
    over sqrt 2.
    """
    return float(np.quantile(_largest(noise, error, pairs), level))


def pairwise_rank_sets(
    score: npt.ArrayLike, error: npt.ArrayLike, level: float = 0.95, adjustment: str = "holm", polarity: int = 1
) -> RankSets:
    """Rank sets by two-sided z tests of all K(K-1)/2 pairs, p values adjusted by `none`, `bonferroni` or `holm`.

    Needs no draws; bonferroni and holm are simultaneous and somewhat wider than `simultaneous_rank_sets`, `none` is neither
    simultaneous nor marginal. Errors as there.
    """
    y, s = _checked(score, error)
    distances = _distances(polarity * y, s)
    rows, columns = np.triu_indices(y.size, 1)
    p = 2 * stats.norm.sf(np.abs(distances[rows, columns]))
    told = np.zeros(distances.shape, bool)
    told[rows, columns] = _adjusted(p, adjustment) < 1 - level
    return _sets((told | told.T) & (distances > 0))


def overlap_quantile(units: int, level: float = 0.95) -> float:
    """z of independent intervals that hold all `units` true scores with probability `level`: Phi^-1((1 + level^(1/K))/2)."""
    return float(stats.norm.ppf((1 + level ** (1 / units)) / 2))


def overlap_rank_sets(score: npt.ArrayLike, error: npt.ArrayLike, level: float = 0.95, polarity: int = 1) -> RankSets:
    """Rank sets from intervals y +- z s that hold jointly: units are distinguished where the intervals do not overlap.

    Needs no draws and allows for dependence between comparisons, but is the widest. Source: Klein, Wright & Wieczorek 2020,
    JRSS A 183. Errors as in `simultaneous_rank_sets`.
    """
    y, s = _checked(score, error)
    half = overlap_quantile(y.size, level) * s
    return _sets(polarity * (y[:, None] - y) > half[:, None] + half)


def expected_rank(score: npt.ArrayLike, error: npt.ArrayLike, polarity: int = 1) -> Floats:
    """Mean rank of each unit under independent normal true scores: 1 + sum_{j != i} Phi((y_j - y_i) / sqrt(s_i^2 + s_j^2)).

    With shrunken scores and their posterior errors it is the posterior expected rank. Source: Laird & Louis 1989.
    """
    y, s = _checked(score, error)
    beaten = stats.norm.cdf(polarity * (y[None, :] - y[:, None]) / np.hypot(s[:, None], s))
    return np.asarray(0.5 + beaten.sum(axis=1))  # a unit's own term adds 1/2 of the 1


def rank_distribution(
    score: npt.ArrayLike, error: npt.ArrayLike, rng: np.random.Generator, polarity: int = 1, draws: int = 10_000
) -> RankDistribution:
    """Share of draws y + s N(0, 1) in which each unit takes each rank; P(top k), quantiles and means come from it."""
    y, s = _checked(score, error)
    counts = np.zeros(y.size**2)
    unit = np.arange(y.size)[:, None] * y.size
    for start in range(0, draws, CHUNK):
        drawn = y[:, None] + _noise(s, rng, min(CHUNK, draws - start))
        position = np.argsort(np.argsort(-polarity * drawn, axis=0), axis=0)
        counts += np.bincount((unit + position).ravel(), minlength=y.size**2)
    return RankDistribution(counts.reshape(y.size, y.size) / draws)


def tiers(score: npt.ArrayLike, sets: RankSets, polarity: int = 1) -> Integers:
    """Tier of each unit, 1 the best: a tier holds the units not distinguished from its best one.

    Walking from best to worst, a unit significantly worse than the leader of the current tier opens the next. Neighbours across a
    border may still be tied, as the rank sets show; a tier is a summary.
    """
    y = np.asarray(score, float)
    order = np.argsort(-polarity * y, kind="stable")
    tier = np.ones(y.size, np.int64)
    leader, current = order[0], 1
    for unit in order:
        if sets.sign[leader, unit] > 0:
            leader, current = unit, current + 1
        tier[unit] = current
    return tier


def tied_ranks(score: npt.ArrayLike, method: str = "min", polarity: int = 1) -> Floats:
    """Ranks of scores as given, ties by `min` (SQL RANK), `max`, `average`, `dense` or `first` (by place).

    A missing score (NaN) has no rank (NaN) and does not shift the others.
    """
    y = np.asarray(score, float)
    present = np.isfinite(y)
    ranks = np.full(y.size, np.nan)
    ranks[present] = stats.rankdata(-polarity * y[present], method=TIES[method])
    return ranks


def percent_rank(score: npt.ArrayLike) -> Floats:
    """Share of the others below: (rank - 1) / (n - 1), ties at the least rank, as SQL PERCENT_RANK; NaN for n = 1."""
    ranks = tied_ranks(score, "min", polarity=-1)
    others = np.isfinite(ranks).sum() - 1
    return (ranks - 1) / others if others else np.full(ranks.size, np.nan)


def cumulative_share(score: npt.ArrayLike) -> Floats:
    """Share at or below: rank / n, ties at the greatest rank, as SQL CUME_DIST."""
    ranks = tied_ranks(score, "max", polarity=-1)
    return np.asarray(ranks / max(np.isfinite(ranks).sum(), 1))


def _checked(score: npt.ArrayLike, error: npt.ArrayLike) -> tuple[Floats, Floats]:
    return compared_scores(score, error, "ranks need at least two units")


def _distances(directed: Floats, s: Floats) -> Floats:
    """By how many standard errors the row's unit is better than the column's."""
    return np.asarray((directed[:, None] - directed) / np.hypot(s[:, None], s))


def _sets(better: npt.NDArray[np.bool_]) -> RankSets:
    return RankSets(better.astype(np.int64) - better.T.astype(np.int64))


def drawn_errors(error: npt.ArrayLike, freedom: npt.ArrayLike | None, rng: np.random.Generator, draws: int) -> Floats:
    """Errors as samples of such units would estimate them, s sqrt(chi2_f / f) (units, draws), or s alone where all are known.

    An error with KNOWN_FROM degrees of freedom or more, or with NaN, is taken as known.
    """
    s = np.asarray(error, float)
    if freedom is None:
        return s
    f = np.asarray(freedom, float)
    estimated = np.flatnonzero(f < KNOWN_FROM)
    if not estimated.size:
        return s
    drawn = np.repeat(s[:, None], draws, axis=1)
    # Unit by unit, for the draws of one stay in the processor's cache.
    for unit, own in zip(estimated, np.maximum(f[estimated], 1.0), strict=True):
        ratio = rng.chisquare(own, draws) / own
        drawn[unit] *= np.sqrt(ratio, out=ratio)
    return drawn


def _noise(s: Floats, rng: np.random.Generator, draws: int) -> Floats:
    """Noise of each unit (rows) in each draw."""
    return np.asarray(s[:, None] * rng.standard_normal((s.size, draws)))


def _largest(noise: Floats, s: Floats, pairs: npt.NDArray[np.bool_]) -> Floats:
    """Largest (noise_i - noise_j) / sqrt(s_i^2 + s_j^2) among the ordered pairs, in each draw; s (units,) or (units, draws).

    Each pair is computed once, in the row of the unit with more of them: by its absolute value where both directions are
    wanted, with its sign reversed where only the other one is. Draws go in blocks that fit a cache.
    """
    linked = pairs | pairs.T
    count = linked.sum(axis=1)
    first = (count[:, None] > count) | ((count[:, None] == count) & np.triu(linked))
    rows = []
    for unit in np.flatnonzero((linked & first).any(axis=1)):
        others = np.flatnonzero(linked[unit] & first[unit])
        ahead, behind = pairs[unit, others], pairs[others, unit]
        order = np.argsort(~(ahead & behind), kind="stable")
        sign = np.where(ahead, 1, -1)[order, None]
        rows.append((unit, others[order], sign, int((ahead & behind).sum())))
    known = s.ndim == 1
    width = {unit: np.hypot(s[others], s[unit])[:, None] for unit, others, _, _ in rows} if known else {}
    top = np.full(noise.shape[1], -np.inf)
    size = max(BLOCK, CELLS // len(noise))
    for start in range(0, noise.shape[1], size):
        block, best = noise[:, start : start + size], top[start : start + size]
        errors = s if known else s[:, start : start + size]
        for unit, others, sign, both in rows:
            scale = sign / (width[unit] if known else np.hypot(errors[others], errors[unit]))
            ratio = (block[unit] - block[others]) * scale
            np.abs(ratio[:both], out=ratio[:both])
            np.maximum(best, ratio.max(axis=0), out=best)
    return top


def _step_down(
    distances: Floats, pairs: npt.NDArray[np.bool_], noise: Floats, s: Floats, level: float
) -> npt.NDArray[np.bool_]:
    rejected = np.zeros(pairs.shape, bool)
    while np.any(standing := pairs & ~rejected):
        falling = standing & (distances > critical_value(noise, s, standing, level))
        if not falling.any():
            break
        rejected |= falling
    return rejected


def _adjusted(p: Floats, adjustment: str) -> Floats:
    if adjustment == "none":
        return p
    if adjustment == "bonferroni":
        return np.minimum(p * p.size, 1)
    if adjustment == "holm":
        order = np.argsort(p)
        steps = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
        return np.asarray(np.minimum(steps, 1)[np.argsort(order)])
    raise ValueError(f"p values are adjusted by none, bonferroni or holm, not {adjustment}")
