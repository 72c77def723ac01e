"""Ranks: the studentised range, vectors, a coverage draw, and edges by hand.

Belongs here: `methodology.ranks`. Does not belong here: the reference case (`tests/reference`) and coverage studies at full
size (`simulation`).
"""

import numpy as np
import pytest
from scipy import stats

from methodology.ranks import (
    RankSets,
    critical_value,
    cumulative_share,
    expected_rank,
    marginal_rank_sets,
    overlap_quantile,
    overlap_rank_sets,
    pairwise_rank_sets,
    percent_rank,
    rank_distribution,
    simultaneous_rank_sets,
    tied_ranks,
    tiers,
)

# vectors.json, rank_crit_equal_se_95.
SCORES, ERRORS = [90, 88, 87, 80, 79.5], [1.0] * 5
LOWER, UPPER = [1, 1, 1, 4, 4], [3, 3, 3, 5, 5]
EXPECTED_RANK = [1.0956, 2.1611, 2.7433, 4.3618, 4.6382]


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def _critical_value(s: np.ndarray, draws: int) -> float:
    """Over all pairs of units."""
    return critical_value(s[:, None] * _rng().standard_normal((s.size, draws)), s, ~np.eye(s.size, dtype=bool))


@pytest.mark.parametrize(
    ("units", "value"), [(3, 2.343700586), (5, 2.727774371), (10, 3.163683577), (20, 3.543799532), (30, 3.748577807)]
)
def test_critical_value_is_the_studentised_range(units: int, value: float) -> None:
    # The quantile of the range of `units` normals over sqrt 2; 40,000 draws place it within about 0.02.
    assert _critical_value(np.full(units, 2.5), draws=40_000) == pytest.approx(value, abs=0.03)


def test_critical_value_with_unequal_errors() -> None:
    s = np.array([0.4, 1.0, 2.2, 0.7])
    noise = np.random.default_rng(1).normal(0, s, (200_000, 4))
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    top = np.max([np.abs(noise[:, i] - noise[:, j]) / np.hypot(s[i], s[j]) for i, j in pairs], axis=0)
    assert _critical_value(s, draws=40_000) == pytest.approx(np.quantile(top, 0.95), abs=0.03)


def test_simultaneous_sets_of_the_vector() -> None:
    sets = simultaneous_rank_sets(SCORES, ERRORS, _rng())
    assert (list(sets.lower), list(sets.upper)) == (LOWER, UPPER)


def test_polarity_turns_the_ranks_round() -> None:
    sets = simultaneous_rank_sets(SCORES, ERRORS, _rng(), polarity=-1)
    assert (list(sets.lower), list(sets.upper)) == ([6 - r for r in UPPER], [6 - r for r in LOWER])
    assert list(expected_rank(SCORES, ERRORS, polarity=-1)) == pytest.approx([6 - r for r in EXPECTED_RANK], abs=5e-5)


def test_expected_rank_of_the_vector_and_of_the_draws() -> None:
    assert list(expected_rank(SCORES, ERRORS)) == pytest.approx(EXPECTED_RANK, abs=5e-5)
    drawn = rank_distribution(SCORES, ERRORS, _rng(), draws=50_000)
    assert list(drawn.expected) == pytest.approx(EXPECTED_RANK, abs=0.02)
    assert drawn.probability.sum(axis=0) == pytest.approx(np.ones(5))
    assert list(drawn.quantile(0.5)) == [1, 2, 3, 4, 5]
    # The last two swap with probability Phi(-0.5 / sqrt 2); either may hold place 4.
    assert drawn.top(4)[3] == pytest.approx(stats.norm.cdf(0.5 / np.sqrt(2)), abs=0.01)
    assert list(drawn.top(3)) == pytest.approx([1, 1, 1, 0, 0], abs=0.001)


def test_step_down_keeps_the_reverse_direction_among_the_hypotheses() -> None:
    # One unit far above two neighbours whose z is 2.05. If settled pairs were dropped in both directions, the neighbours would
    # be alone and separate at 1.96; with the two reverse directions still among the claims the quantile is above 2.1.
    sets = simultaneous_rank_sets([20, 0, 2.05 * np.sqrt(2)], [1, 1, 1], _rng(), draws=40_000)
    assert list(sets.sign[1]) == [-1, 0, 0]
    sets = simultaneous_rank_sets([20, 0, 2.34 * np.sqrt(2)], [1, 1, 1], _rng(), draws=40_000)
    assert list(sets.sign[1]) == [-1, 0, -1]
    # Three neighbours at 2.30: single-step needs 2.344, and the step down, with the outer pair settled, less.
    sets = simultaneous_rank_sets([0, 2.30 * np.sqrt(2), 4.60 * np.sqrt(2)], [1, 1, 1], _rng(), draws=40_000)
    assert list(sets.lower) == list(sets.upper) == [3, 2, 1]


def test_sets_are_nested() -> None:
    rng = np.random.default_rng(3)
    y, s = rng.normal(0, 2, 25), rng.uniform(0.3, 1.2, 25)
    marginal, simultaneous = (kind(y, s, _rng()) for kind in (marginal_rank_sets, simultaneous_rank_sets))
    single = s[:, None] ** 2 + s**2
    told = np.abs(y[:, None] - y) / np.sqrt(single) > _critical_value(s, draws=10_000)
    ranks = tied_ranks(y)
    assert np.all((simultaneous.lower <= ranks) & (ranks <= simultaneous.upper))
    assert np.all((marginal.lower >= simultaneous.lower) & (marginal.upper <= simultaneous.upper))
    assert np.all(np.abs(simultaneous.sign) >= told)
    bonferroni, holm = (pairwise_rank_sets(y, s, adjustment=name) for name in ("bonferroni", "holm"))
    assert np.all(np.abs(holm.sign) >= np.abs(bonferroni.sign))
    assert np.all(np.abs(pairwise_rank_sets(y, s, adjustment="none").sign) >= np.abs(holm.sign))


def test_simultaneous_sets_hold_all_true_ranks_together() -> None:
    # 300 draws of 8 units, three of them equal; 95 % +- 3 binomial errors.
    rng = np.random.default_rng(5)
    truth, s = np.array([0, 0, 0, 1, 2, 3, 6, 9.0]), np.full(8, 1.0)
    best, worst = tied_ranks(truth, "min"), tied_ranks(truth, "max")
    held = 0
    for _ in range(300):
        sets = simultaneous_rank_sets(rng.normal(truth, s), s, rng, draws=1000)
        held += bool(np.all((sets.lower <= best) & (sets.upper >= worst)))
    assert held / 300 >= 0.91


def test_holm_by_hand() -> None:
    # With errors 1/sqrt 2 a difference is its z: 2.5, 2.2, 0.3. p = .0124, .0278, .7642;
    # Holm: .0373, .0557, .7642: only the first at 5 %. Unadjusted also the second.
    y, s = [0, 2.5, 2.2], [np.sqrt(0.5)] * 3
    assert list(pairwise_rank_sets(y, s).sign[0]) == [0, -1, 0]
    assert list(pairwise_rank_sets(y, s, adjustment="none").sign[0]) == [0, -1, -1]
    with pytest.raises(ValueError, match="not sidak"):
        pairwise_rank_sets(y, s, adjustment="sidak")


def test_overlap_sets_by_hand() -> None:
    # Two units at 95 %: z = Phi^-1((1 + sqrt .95) / 2) = 2.2365; intervals part at a difference above 2 z = 4.473.
    assert overlap_quantile(2) == pytest.approx(2.2365, abs=5e-5)
    assert list(overlap_rank_sets([0, 4.47], [1, 1]).lower) == [1, 1]
    assert list(overlap_rank_sets([0, 4.48], [1, 1]).lower) == [2, 1]


def test_tiers_follow_their_leaders() -> None:
    # Scores 9, 7, 5, 1: the second is tied with both neighbours, the third is distinguished from the first.
    sign = np.array([[0, 0, 1, 1], [0, 0, 0, 1], [-1, 0, 0, 0], [-1, -1, 0, 0]])
    assert list(tiers([9, 7, 5, 1], RankSets(sign))) == [1, 1, 2, 2]
    assert list(tiers(SCORES, simultaneous_rank_sets(SCORES, ERRORS, _rng()))) == [1, 1, 1, 2, 2]


def test_ties_and_missing_scores() -> None:
    score = [3, 5, 5, np.nan, 0]
    expected = {
        "min": [3, 1, 1, np.nan, 4],
        "max": [3, 2, 2, np.nan, 4],
        "average": [3, 1.5, 1.5, np.nan, 4],
        "dense": [2, 1, 1, np.nan, 3],
        "first": [3, 1, 2, np.nan, 4],
    }
    for method, ranks in expected.items():
        assert list(tied_ranks(score, method)) == pytest.approx(ranks, nan_ok=True), method
    assert list(percent_rank(score)) == pytest.approx([1 / 3, 2 / 3, 2 / 3, np.nan, 0], nan_ok=True)
    assert list(cumulative_share(score)) == pytest.approx([2 / 4, 1, 1, np.nan, 1 / 4], nan_ok=True)
    assert np.isnan(percent_rank([4])).all()


@pytest.mark.parametrize(
    ("score", "error", "message"),
    [
        ([1], [1], "two units"),
        ([1, np.nan], [1, 1], "finite"),
        ([1, 2], [1, 0], "positive"),
        ([1, 2], [1], "one length"),
    ],
)
def test_bad_input_is_refused(score: list[float], error: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simultaneous_rank_sets(score, error, _rng())


def test_errors_of_few_degrees_of_freedom_part_fewer() -> None:
    """Two units: the quantile is Welch's, here Student's with 2 x 9 degrees of freedom over equal errors."""
    t = float(stats.t.isf(0.025, 18))
    apart = t * np.sqrt(2)
    for factor, told in ((0.97, False), (1.03, True)):
        sets = simultaneous_rank_sets([0, factor * apart], [1, 1], _rng(), draws=200_000, freedom=[9, 9])
        assert bool(sets.sign.any()) is told
    known = simultaneous_rank_sets([0, 0.97 * apart], [1, 1], _rng(), draws=40_000, freedom=[np.inf, np.nan])
    assert known.sign.any()
