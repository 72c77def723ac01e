"""The figures of one class of comparable agencies: statistics, both answers, benchmark, ranks; with the class's own draws.

Belongs here: which formula gives which published column. Does not belong here: the formulas (`peer_differences`,
`special_causes`, `achievable`, `ranks`, `peers`) and which agencies make a class (`positions`).
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology import full_counts, peers, ranks
from methodology.achievable import achievable
from methodology.bases import EXACT
from methodology.peer_differences import peer_differences, true_differences
from methodology.shared_errors import apart, loadings_of
from methodology.special_causes import beyond_limits, special_cause_z

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.object_]
VERDICTS = {1: "better", 0: "no_clear_difference", -1: "worse"}
SPECIAL_CAUSES = {
    2: "action_better",
    1: "warning_better",
    0: "within_limits",
    -1: "warning_worse",
    -2: "action_worse",
}
TOP = 3
# A verdict hangs on one quantile of the largest |t|: ten times the draws know it to one part in a hundred. They are cheap, but
# those of all agencies are in memory at once.
MORE_DRAWS, HELD_DRAWS = 10, 4_000_000


@dataclass(frozen=True)
class Compared:
    """What figures are computed from, (rows,) each: taken out of a frame once, for its classes are many and small."""

    score: Floats
    error: Floats
    freedom: Floats
    size: Floats
    polarity: Floats
    smallest_difference: Floats
    base: Words
    shared_errors: Words

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Compared":
        """Scores of any classes: score, error, degrees_of_freedom, n, polarity, smallest_difference, base, shared_errors."""
        numbers = ("score", "error", "degrees_of_freedom", "n", "polarity", "smallest_difference")
        texts = ("base", "shared_errors")
        return cls(
            *(rows[column].to_numpy(float, na_value=np.nan) for column in numbers),
            *(rows[column].to_numpy(object) for column in texts),
        )


@dataclass(frozen=True)
class Agencies:
    """Agencies of one class that pass the gate, (agencies,) each, in the order of their ids; the class's name seeds its draws.

    `own_error` is that of an agency's own answers; `shared` (agencies, factors) loads those that studies gave several of them.
    Others' means are over those `among` whom all are compared.
    """

    name: str
    score: Floats
    own_error: Floats
    shared: Floats
    freedom: Floats
    size: Floats
    polarity: int
    smallest_difference: float
    base: str
    thresholds: Mapping[str, float]
    among: npt.NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        all_rows: Compared,
        at: Integers,
        name: str,
        thresholds: Mapping[str, float],
        among: npt.NDArray[np.bool_] | None = None,
    ) -> "Agencies":
        """The rows of a class, which are `at` these places of all."""
        score, error = all_rows.score[at], all_rows.error[at]
        shared = loadings_of(all_rows.shared_errors[at])
        # What rounding leaves of an error that was all shared is no longer an error of its own.
        own = np.sqrt(np.maximum(error**2 - (shared**2).sum(axis=1), (1e-6 * error) ** 2))
        freedom, size, first = all_rows.freedom[at], all_rows.size[at], at[0]
        polarity, smallest = int(all_rows.polarity[first]), float(all_rows.smallest_difference[first])
        base = str(all_rows.base[first])
        among = np.ones(score.size, bool) if among is None else among
        return cls(name, score, own, shared, freedom, size, polarity, smallest, base, thresholds, among)

    @property
    def others(self) -> Floats | None:
        """Weights (agencies, agencies) of the others' means; None where all are compared with all."""
        if self.among.all():
            return None
        mask = np.tile(self.among, (self.among.size, 1)) & ~np.eye(self.among.size, dtype=bool)
        return np.asarray(mask / mask.sum(axis=1, keepdims=True))

    @property
    def error(self) -> Floats:
        """Errors that may be taken as independent between the agencies of the class: what all of them share is left out."""
        return np.hypot(self.own_error, apart(self.shared))

    @property
    def is_exact(self) -> bool:
        """Whether nothing of them was sampled."""
        return self.base in EXACT

    def draws(self, purpose: str) -> tuple[np.random.Generator, int]:
        """A generator that depends on the class and the purpose alone, and how many draws to take from it."""
        seed = [int(self.thresholds["monte_carlo_seed"]), zlib.crc32(f"{self.name}{purpose}".encode())]
        return np.random.default_rng(seed), int(self.thresholds["monte_carlo_draws"])


def statistics(score: Floats, smallest_difference: float) -> Floats:
    """Median, lower and upper quartile, to a fifth of the smallest difference that matters."""
    low, middle, high = peers.quartiles(score, smallest_difference / 5)
    return np.array([middle, low, high])


def against_peers(own: Agencies) -> tuple[Floats, Words]:
    """Others' mean, difference, its simultaneous interval, p_right and p_beyond (agencies, 6), and the verdict."""
    if own.is_exact:
        return _exactly_against_peers(own)
    rng, draws = own.draws("against peers")
    draws = max(draws, min(MORE_DRAWS * draws, HELD_DRAWS // own.score.size))
    level = own.thresholds["interval_level"]
    found = peer_differences(own.score, own.own_error, rng, level, draws, own.freedom, own.others, own.shared)
    true = true_differences(own.score, own.error, own.smallest_difference)
    chances = (true.p_right(found.direction), true.p_beyond(found.direction))
    figures = np.column_stack([found.others_mean, found.difference, found.low, found.high, *chances])
    return figures, named_words(VERDICTS, own.polarity * found.direction)


def _exactly_against_peers(own: Agencies) -> tuple[Floats, Words]:
    """The same without a sampling error: no interval; a full count is sure, and how far assessors err is not known."""
    found = full_counts.exact_differences(own.score, own.smallest_difference)
    figures = np.full((own.score.size, 6), np.nan)
    figures[:, 0], figures[:, 1] = found.others_mean, found.difference
    if own.base == "census":
        figures[found.direction != 0, 4:] = 1.0
    return figures, named_words(VERDICTS, own.polarity * found.direction)


def special_causes(own: Agencies) -> tuple[Floats, Words]:
    """z against the others, and the limits it passes; none without chance to set limits by."""
    if own.is_exact:
        return np.full(own.score.size, np.nan), np.full(own.score.size, None, object)
    z = special_cause_z(own.score, own.error, own.thresholds["left_out_share"])
    return z, named_words(SPECIAL_CAUSES, beyond_limits(z, own.polarity))


def benchmark(own: Agencies) -> Floats:
    """Benchmark, how many agencies make it, distance and its interval (agencies, 5); NaN where there is none.

    Agencies of unknown size neither make a benchmark nor have a distance; the practices of an index are no beneficiaries.
    """
    made = np.full((own.score.size, 5), np.nan)
    if own.is_exact:
        return made
    known = np.isfinite(own.size) & (own.size > 0) & own.among
    least = int(own.thresholds["minimum_peers"]) + 1
    share, level = own.thresholds["benchmark_share"], own.thresholds["interval_level"]
    if known.sum() < 2 * least:
        return made
    score, error, size = own.score[known], own.error[known], own.size[known]
    found = achievable(score, error, size, share, least, own.polarity, level)
    if found is not None:
        made[known, 0], made[known, 1] = found.value, found.is_best.sum()
        made[known, 2:] = np.column_stack([found.distance, found.low, found.high])
    return made


def ranked(own: Agencies) -> Floats:
    """Rank set, expected rank, P(top three) and tier of each agency (agencies, 5).

    Without a sampling error ranks are exact, and as wide as their ties.
    """
    if own.is_exact:
        low, high, mean = full_counts.exact_ranks(own.score, own.polarity)
        top = full_counts.share_among(low, high, TOP) if own.base == "census" else np.full(low.size, np.nan)
        tier = full_counts.tiers_that_matter(own.score, own.smallest_difference, own.polarity)
        return np.column_stack([low, high, mean, top, tier])
    rng, draws = own.draws("")
    y, error, polarity = own.score, own.error, own.polarity
    level = own.thresholds["interval_level"]
    sets = ranks.simultaneous_rank_sets(y, error, rng, level, polarity, draws, own.freedom)
    expected = ranks.expected_rank(y, error, polarity)
    top = ranks.rank_distribution(y, error, rng, polarity, draws).top(TOP)
    return np.column_stack([sets.lower, sets.upper, expected, top, ranks.tiers(y, sets, polarity)])


def named_words(names: Mapping[int, str], codes: npt.NDArray[np.int64]) -> Words:
    """The word of each code."""
    return np.array([names[int(code)] for code in codes], object)
