"""Composite indices: normalising, treating, aggregating, against other software's printed values and arithmetic by hand.

Belongs here: `normalisation`, `outliers`, `aggregation`, `index`. Does not belong here: their uncertainty
(`test_index_uncertainty`) and the reference cases (`tests/reference`).
"""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from scipy import stats

from methodology import aggregation, normalisation, outliers
from methodology.index import aggregate, hierarchy
from methodology.parameters import load_methodology

NAN = float("nan")
LIMITS = outliers.Limits.of(load_methodology("2026.2").thresholds)
# Test values of COINr 1.1.14 (MIT): four units, three indicators.
OUTRANKED = [[1, 3, 2], [2, 2, 3], [3, 1, 1], [4, 5, 4]]


def test_weighted_means_of_coinr() -> None:
    assert aggregation.combine([[1, 2, 3]], [1, 1, 1], "geometric")[0] == pytest.approx(1.8171205928)
    assert aggregation.combine([[1, 2, 3]], [1, 1, 2], "geometric")[0] == pytest.approx(18**0.25)
    assert aggregation.combine([[1, 2, 3]], [2, 1, 1], "harmonic")[0] == pytest.approx(1.4117647058823528)


def test_less_pays_for_more_from_mean_to_mean() -> None:
    # 90, 80, 40: arithmetic 70, geometric 288000^(1/3), harmonic 3 / (1/90 + 1/80 + 1/40).
    found = [
        aggregation.combine([[90, 80, 40]], [1, 1, 1], mean)[0] for mean in ("arithmetic", "geometric", "harmonic")
    ]
    assert found == pytest.approx([70, 66.0385, 61.7143], abs=5e-5)


def test_acsi_is_a_weighted_mean_of_pomp_scores() -> None:
    # 100 (.4 x 7 + .3 x 6.5 + .3 x 6.2) / 9, the published form of the American index.
    scores = 100 * (np.array([8.0, 7.5, 7.2]) - 1) / 9
    assert aggregation.combine([scores], [0.4, 0.3, 0.3])[0] == pytest.approx(73.4444444)


def test_outranking_and_copeland_of_coinr() -> None:
    outranked = aggregation.outranking(OUTRANKED, [1, 1, 1])
    assert outranked[1:, 0] == pytest.approx([2 / 3, 1 / 3, 1])
    assert outranked + outranked.T == pytest.approx(np.ones((4, 4)))
    # The fourth unit is above each other one in everything: 3 dominant pairs.
    assert int((outranked == 1).sum()) == 3
    assert list(aggregation.copeland(outranked)) == [-1, 1, -3, 3]
    assert list(aggregation.combine(OUTRANKED, [1, 1, 1], "copeland")) == [-1, 1, -3, 3]


def test_outranking_with_ties_and_gaps() -> None:
    # Equal on the first; only the first is common with the third unit.
    found = aggregation.outranking([[5, 1], [5, 2], [4, NAN]], [3, 1])
    assert found[0] == pytest.approx([0.5, 1.5 / 4, 1])
    assert found[2] == pytest.approx([0, 0, 0.5])
    assert list(aggregation.copeland(found)) == [0, 2, -2]


def test_missing_children_give_their_weight_to_the_others() -> None:
    # (1 x 1 + 3 x 2) / 3; COINr gives the same.
    assert aggregation.combine([[1, NAN, 3]], [1, 1, 2])[0] == pytest.approx(7 / 3)
    assert np.isnan(aggregation.combine([[NAN, NAN]], [1, 1])[0])
    # Two of three present: enough at 2/3, too few at 0.7. A child without weight is not owed.
    assert aggregation.combine([[1, NAN, 3]], [1, 1, 1], threshold=2 / 3)[0] == 2
    assert np.isnan(aggregation.combine([[1, NAN, 3]], [1, 1, 1], threshold=0.7)[0])
    assert aggregation.combine([[1, NAN, 3]], [1, 0, 1], threshold=1)[0] == 2


def test_what_no_mean_can_take() -> None:
    for mean in ("geometric", "harmonic"):
        with pytest.raises(ValueError, match="above 0"):
            aggregation.combine([[0, 4]], [1, 1], mean)
        # A value without weight is ignored.
        assert aggregation.combine([[0, 4]], [0, 1], mean)[0] == pytest.approx(4)
    with pytest.raises(ValueError, match="not negative"):
        aggregation.combine([[1, 2]], [1, -1])
    with pytest.raises(ValueError, match="'median' is unknown"):
        aggregation.combine([[1, 2]], [1, 1], "median")  # type: ignore[arg-type]


def test_skew_and_kurtosis_of_coinr() -> None:
    values = [*range(1, 11), 100]
    assert outliers.shape(values) == pytest.approx((3.2556381841, 10.7066739064))
    found = outliers.treat_outliers(values, LIMITS)
    assert (found.method, found.winsorised) == ("winsorised", 1)
    assert list(found.values) == [*range(1, 11), 10]
    assert found.after == pytest.approx((-0.1276216597, -1.3366772178))
    # The mirror image is cured at its other end, and a gap stays a gap.
    mirrored = outliers.treat_outliers([NAN, *(-value for value in values)], LIMITS)
    assert np.isnan(mirrored.values[0])
    assert list(mirrored.values[1:]) == [-value for value in (*range(1, 11), 10)]


def test_box_cox_where_too_many_points_would_move() -> None:
    # Quantiles of a log-normal: the tail is long however many points move, and a power near the logarithm straightens it.
    values = np.exp(1.5 * stats.norm.ppf((np.arange(60) + 0.5) / 60))
    assert outliers.is_outlying(*outliers.shape(values), LIMITS)
    found = outliers.treat_outliers(values, replace(LIMITS, winsorise_at_most=1))
    assert found.method == "box_cox"
    assert not outliers.is_outlying(*found.after, LIMITS)
    assert list(np.argsort(found.values)) == list(np.argsort(values))


def test_outliers_no_treatment_cures_are_said_so() -> None:
    # One unit apart from 60 equal ones stays apart in every power of its distance.
    values = np.r_[np.zeros(60), 1.0]
    found = outliers.treat_outliers(values, replace(LIMITS, winsorise_at_most=0))
    assert found.method == "failed"
    assert list(found.values) == list(values)
    assert outliers.treat_outliers([1, 2, 3, 4], LIMITS).method == "none"


def test_normalising_by_hand() -> None:
    x = [1, NAN, 3, 9]
    assert normalisation.min_max(x, 1, 100) == pytest.approx([1, NAN, 25.75, 100], nan_ok=True)
    # Mean 13/3, squares 25 + 4 - ...: variance (100 + 16 + 196) / 9 / 2 = 52/3.
    assert normalisation.z_scores(x)[3] == pytest.approx((9 - 13 / 3) / (52 / 3) ** 0.5)
    assert normalisation.ranks(x) == pytest.approx([1, NAN, 2, 3], nan_ok=True)
    assert normalisation.ranks(x, first="highest") == pytest.approx([3, NAN, 2, 1], nan_ok=True)
    assert normalisation.borda(x) == pytest.approx([0, NAN, 1, 2], nan_ok=True)
    assert normalisation.percentile_ranks(x, 0, 100) == pytest.approx([0, NAN, 50, 100], nan_ok=True)
    assert normalisation.share_of_best(x) == pytest.approx([1 / 9, NAN, 1 / 3, 1], nan_ok=True)
    assert normalisation.distance_to_best(x) == pytest.approx([0, NAN, 0.25, 1], nan_ok=True)
    # A reversed indicator: the best of -1, -2, -4 is -1, the worst four times as far.
    assert normalisation.share_of_best(normalisation.directed([1, 2, 4], -1)) == pytest.approx([1, 2, 4])
    assert normalisation.share_of_best([-2.0, 0.0]) == pytest.approx([np.inf, NAN], nan_ok=True)


def test_targets_and_posts_of_coinr() -> None:
    assert normalisation.distance_to_target([0, 5, 11], 10) == pytest.approx([0, 0.5, 1.1])
    assert normalisation.distance_to_target([0, 5, 11], 10, cap=True)[2] == 1
    assert normalisation.goalposts([1, -3, 12], 0, 10, 0, 1) == pytest.approx([0.1, 0, 1])
    assert normalisation.goalposts([1, -3, 12], 0, 10, 0, 1, direction=-1) == pytest.approx([0.9, 1, 0])
    with pytest.raises(ValueError, match="below its upper"):
        normalisation.goalposts([1], 5, 5)
    with pytest.raises(ValueError, match="direction"):
        normalisation.directed([1], 0)


def test_an_indicator_that_does_not_vary_says_nothing() -> None:
    # 0.1 three times: their mean misses 0.1 by an ulp, which must not become a z score.
    for function in (normalisation.min_max, normalisation.z_scores, normalisation.distance_to_best):
        assert np.isnan(function([0.1, 0.1, 0.1])).all()
        assert np.isnan(function([NAN, NAN])).all()
    assert list(normalisation.ranks([0.1, 0.1, 0.1])) == [1, 1, 1]
    assert np.isnan(normalisation.percentile_ranks([5.0, NAN])[0])


def test_scores_equal_on_paper_share_a_rank() -> None:
    x = [0.1 + 0.2, 0.3, 0.1]
    assert list(normalisation.ranks(x, first="highest", decimals=12)) == [1, 1, 3]
    assert list(normalisation.ranks(x, first="highest")) == [1, 2, 3]
    assert list(normalisation.ranks([7, 7, 1], ties="average")) == [2.5, 2.5, 1]


def test_columns_are_normalised_apart_from_each_other() -> None:
    table = np.array([[1.0, 50], [2, 20], [3, 10]])
    for function in (normalisation.min_max, normalisation.z_scores, normalisation.ranks, normalisation.share_of_best):
        columns = np.column_stack([function(table[:, 0]), function(table[:, 1])])
        assert function(table) == pytest.approx(columns)
        assert function(np.stack([table, table[::-1]]), axis=-2)[1] == pytest.approx(columns[::-1])


def test_z_scores_rescaled_are_min_max() -> None:
    # A fact of the UN's index: z-scoring before min-max changes nothing.
    x = [0.9, 0.8, 0.85, 0.75]
    assert normalisation.min_max(normalisation.z_scores(x)) == pytest.approx(normalisation.min_max(x))


def _tree() -> tuple[dict[str, str | None], dict[str, float]]:
    parents = {"index": None, "a1": "a", "a2": "a", "b1": "b", "a": "index", "b": "index"}
    return parents, {"a1": 1, "a2": 3, "b1": 7, "a": 2, "b": 1}


def test_a_tree_by_hand() -> None:
    tree = hierarchy(*_tree())
    assert tree.names[: tree.indicators] == ("a1", "a2", "b1")
    assert tree.names[-1] == "index"
    scores = aggregate([[10, 30, 40], [NAN, 30, 40], [10, 30, NAN]], tree)
    # a = (10 + 3 x 30) / 4 = 25; index = (2 x 25 + 40) / 3 = 30. Without a1, a = 30; without b1, the index is a.
    assert scores[:, tree.position("a")] == pytest.approx([25, 30, 25])
    assert scores[:, -1] == pytest.approx([30, 100 / 3, 25])
    # At a threshold of 0.9 a missing a1 empties a, and so the index too.
    strict = aggregate([[10, 30, 40], [NAN, 30, 40]], tree, threshold=0.9)
    assert strict[:, -1] == pytest.approx([30, NAN], nan_ok=True)


def test_weights_by_draw_equal_one_draw_at_a_time() -> None:
    tree = hierarchy(*_tree())
    values = np.array([[10.0, 30, 40], [20, 5, 70]])
    weights = np.array([tree.weights, [1, 1, 1, 1, 1, 1], [5, 2, 1, 1, 9, 1]])
    for mean in get_args(aggregation.Method):
        together = aggregate(values, tree, mean, weights=weights)
        apart = np.stack([aggregate(values, tree, mean, weights=row) for row in weights])
        assert together == pytest.approx(apart, nan_ok=True)


def test_every_fault_of_a_tree_at_once() -> None:
    parents = {"index": None, "other": None, "a": "index", "b": "nowhere", "c": "d", "d": "c", "e": "a"}
    with pytest.raises(ValueError, match="exactly one node") as caught:
        hierarchy(parents, {"a": -1, "b": 1, "c": 1, "d": 1, "e": 0})
    message = str(caught.value)
    for fault in (
        "not 2: index, other",
        "'b': parent 'nowhere'",
        "'a': weight -1",
        "'c' is its own",
        "'a': no child has",
    ):
        assert fault in message


def test_values_must_fit_the_tree() -> None:
    tree = hierarchy(*_tree())
    with pytest.raises(ValueError, match="3 indicators"):
        aggregate([[1, 2]], tree)
    with pytest.raises(ValueError, match="2 weights for 6 nodes"):
        aggregate([[1, 2, 3]], tree, weights=[1, 1])


def test_borda_of_a_profile() -> None:
    # Condorcet's kind of profile: 2 x (2, 1, 0) and 1 x (0, 2, 1).
    assert aggregation.borda_points([2, 1], [["a", "b", "c"], ["b", "c", "a"]]) == {"a": 4, "b": 4, "c": 1}
    with pytest.raises(ValueError, match="same options"):
        aggregation.borda_points([1, 1], [["a", "b"], ["a", "a"]])
