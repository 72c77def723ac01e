"""Positions among peers on classes small enough to work out by hand.

Belongs here: `methodology.positions`: whose statistics, verdicts and ranks there are, and why not. Does not belong here: the
formulas (`test_peer_differences`, `test_special_causes`, `test_achievable`, `test_ranks`) and the gate
(`tests/dbt/test_comparability`).
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from methodology.positions import positions

THRESHOLDS = {
    "minimum_peers": 5.0,
    "left_out_share": 0.1,
    "benchmark_share": 0.1,
    "minimum_reliability": 0.7,
    "interval_level": 0.95,
    "monte_carlo_seed": 1.0,
    "monte_carlo_draws": 2000.0,
    "retest_correlation": 0.7,
}


def _members(scores: list[float], error: float = 1.0, polarity: int = 1, **changes: Any) -> pd.DataFrame:
    """A class as the gate lets it through."""
    count = len(scores)
    frame = {
        "agency_id": [f"a{number:02d}" for number in range(count)],
        "metric_id": ["m"] * count,
        "period_id": ["2026Q1"] * count,
        "instrument_id": ["i"] * count,
        "compared_instrument_id": ["i"] * count,
        "peer_group": ["g"] * count,
        "polarity": [polarity] * count,
        "smallest_difference": [5.0] * count,
        "base": ["persons"] * count,
        "n": [100] * count,
        "score": scores,
        "standard_error": [error] * count,
        "shared_errors": [""] * count,
        "degrees_of_freedom": [np.inf] * count,
        "response_rate": [0.6] * count,
        "ci_low": [score - 2 for score in scores],
        "ci_high": [score + 2 for score in scores],
        "comparison_class": ["c"] * count,
        "peers_count": [count - 1] * count,
        "has_peers": [True] * count,
        "comparability_reason": [None] * count,
        "national_class": ["n"] * count,
        "national_peers_count": [count - 1] * count,
        "has_national_peers": [True] * count,
        "national_reason": [None] * count,
        "reliability": [0.9] * count,
    }
    made = pd.DataFrame({**frame, **changes})
    # What a group's gate says of a score the nation's says too, unless a case says otherwise.
    if "national_reason" not in changes:
        made["national_reason"] = made["comparability_reason"]
    return made


def _placed(members: pd.DataFrame) -> pd.DataFrame:
    """Positions of the class, passed as one period of the gate's table with its members' reliabilities."""
    reliability = members.rename(columns={"agency_id": "unit_id"})
    reliability = reliability[["unit_id", "metric_id", "period_id", "instrument_id", "reliability"]]
    return positions(members.drop(columns="reliability"), reliability, THRESHOLDS)


def test_six_agencies_have_five_peers_each() -> None:
    made = _placed(_members([69, 70, 71, 70, 68, 72]))
    assert set(made["peer_median"]) == {70}
    assert made["comparability_reason"].isna().all()
    assert set(made["peer_frame"]) == {"group"}
    # The others of 72 have the mean 69.6, and its error is sqrt(1 + 5/25); 2.4 is 2.2 of them, and the largest of six noises
    # exceeds 2.6 in one class of twenty.
    assert made["peer_mean"].iloc[5] == pytest.approx(69.6)
    assert made["difference"].iloc[5] == pytest.approx(2.4)
    assert (made["difference_high"] - made["difference"]).tolist() == pytest.approx(
        [2.623 * np.sqrt(1.2)] * 6, abs=0.04
    )
    assert set(made["verdict"]) == {"no_clear_difference"}
    assert set(made["special_cause"]) == {"within_limits"}
    assert made[["p_right", "p_beyond"]].isna().all(axis=None)
    # The nation is the same six: it is no second opinion, and six are too few for a benchmark.
    assert made[["national_verdict", "turns_with_frame", "benchmark"]].isna().all(axis=None)


def test_an_outlier_has_its_verdict_and_rank_by_the_metric_s_direction() -> None:
    scores = [70.0] * 12 + [60.0]
    made = _placed(_members(scores))
    assert made["verdict"].tolist() == ["no_clear_difference"] * 12 + ["worse"]
    assert made["special_cause"].tolist() == ["within_limits"] * 12 + ["action_worse"]
    assert made["p_right"].iloc[-1] > 0.999
    assert made["p_beyond"].iloc[-1] > 0.9
    # Twelve that cannot be distinguished share the ranks 1 to 12; the last is thirteenth.
    assert made["rank_low"].tolist() == [1] * 12 + [13]
    assert made["rank_high"].tolist() == [12] * 12 + [13]
    assert made["tier"].tolist() == [1] * 12 + [2]
    assert made["expected_rank"].tolist() == pytest.approx([6.5] * 12 + [13], abs=1e-6)
    assert made["p_top3"].tolist() == pytest.approx([0.25] * 12 + [0], abs=0.05)
    # The best six serve more than a tenth, and all twelve have 70.
    assert made["benchmark"].tolist() == [70] * 13
    assert made["benchmark_agencies"].tolist() == [6] * 13
    assert made["benchmark_distance"].iloc[-1] == -10
    assert set(made["benchmark_frame"]) == {"group"}
    made = _placed(_members(scores, polarity=-1))
    assert made["verdict"].tolist() == ["no_clear_difference"] * 12 + ["better"]
    assert made["special_cause"].tolist() == ["within_limits"] * 12 + ["action_better"]
    assert (made["rank_low"].iloc[-1], made["rank_high"].iloc[-1], made["p_top3"].iloc[-1]) == (1, 1, 1)


def _nation(**changes: Any) -> pd.DataFrame:
    """Seven agencies of 70 in a group, seven of 60 in another and four of 50 whose own group is too small: one nation."""
    scores = [70.0] * 7 + [60.0] * 7 + [50.0] * 4
    group = ["c"] * 7 + ["d"] * 7 + ["e"] * 4
    small = [False] * 14 + [True] * 4
    frame = {
        "comparison_class": group,
        "peer_group": group,
        "peers_count": [6] * 14 + [3] * 4,
        "has_peers": [not one for one in small],
        "comparability_reason": ["too_few_peers" if one else None for one in small],
        "national_reason": [None] * 18,
    }
    return _members(scores, **{**frame, **changes})


def test_a_group_too_small_gets_the_nation_and_a_verdict_that_turns_is_marked() -> None:
    made = _placed(_nation())
    assert made["peer_frame"].tolist() == ["group"] * 14 + ["national"] * 4
    assert made["peers_count"].tolist() == [6] * 14 + [17] * 4
    assert made["comparability_reason"].isna().all()
    assert made["verdict"].tolist() == ["no_clear_difference"] * 14 + ["worse"] * 4
    # Others of 50: (490 + 420 + 150) / 17.
    assert made["peer_mean"].iloc[-1] == pytest.approx(1060 / 17)
    assert made["national_verdict"].tolist()[:7] == ["better"] * 7
    assert made["turns_with_frame"].tolist()[:7] == [True] * 7
    assert made["turns_with_frame"].iloc[14:].isna().all()
    # Unlike agencies have no order, but the best of the nation set the mark for all.
    assert made["rank_reason"].fillna("").tolist() == [""] * 14 + ["too_few_peers"] * 4
    assert made["benchmark"].tolist() == [70] * 18
    assert set(made["benchmark_frame"]) == {"national"}


def test_a_nation_that_adds_fewer_than_five_would_tell_who_they_are() -> None:
    # Seven and four: from the means of the six others of the group and the ten others of the nation, four would be known.
    members = _nation().iloc[[*range(7), 14, 15, 16, 7]]
    made = _placed(members.assign(has_peers=[True] * 7 + [False] * 4))
    assert made["peer_frame"].value_counts().to_dict() == {"group": 7, "national": 4}
    assert made[["national_peer_mean", "national_verdict", "turns_with_frame"]].isna().all(axis=None)


def test_draws_do_not_depend_on_other_classes() -> None:
    members = _members([69, 70, 71, 70, 68, 72, 75])
    once, again = (_placed(members)["p_top3"].tolist() for _ in range(2))
    assert once == again
    assert _placed(members.assign(comparison_class="other"))["p_top3"].tolist() != once


@pytest.mark.parametrize("reason", ["base_unknown", "no_interval"])
def test_without_a_verdict_there_are_statistics_and_no_rank(reason: str) -> None:
    made = _placed(_members([70.0] * 6, comparability_reason=[reason] * 6))
    assert made["peer_median"].tolist() == [70] * 6
    assert (
        made[["peer_mean", "difference", "z", "rank_low", "rank_high", "expected_rank", "p_top3", "tier"]]
        .isna()
        .all(axis=None)
    )
    assert made[["verdict", "special_cause"]].isna().all(axis=None)
    assert set(made["rank_reason"]) == {reason}


def test_one_that_fails_the_gate_does_not_take_the_others_along() -> None:
    made = _placed(_members([70.0] * 7, comparability_reason=[None] * 6 + ["no_interval"]))
    assert made["verdict"].isna().tolist() == [False] * 6 + [True]


def test_no_direction_no_verdict() -> None:
    made = _placed(_members([70.0] * 6, polarity=0, comparability_reason=["not_ranked_alone"] * 6))
    assert made["verdict"].isna().all()
    assert made["peer_median"].tolist() == [70] * 6


def test_what_is_not_reliable_is_not_ranked() -> None:
    made = _placed(_members([69, 70, 71, 70, 68, 72], reliability=[0.7, 0.69, 0.9, np.nan, 0.9, 0.9]))
    assert made["rank_low"].isna().tolist() == [False, True, False, True, False, False]
    assert made["rank_reason"].tolist() == [None, "reliability_low", None, "reliability_low", None, None]
    assert (made["verdict"] == "no_clear_difference").all()


def test_equal_answers_still_have_an_error() -> None:
    # Error zero, interval from 68 to 72: half its width over 1.96 is used, and the score is compared.
    made = _placed(_members([69, 70, 71, 70, 68, 72], standard_error=[1, 1, 1, 0, 1, 1]))
    assert made["comparability_reason"].isna().all()
    assert made["peer_mean"].iloc[3] == 70


def test_how_far_the_silent_would_have_to_differ() -> None:
    """Six in ten answered: the four who did not move the score by four tenths of their distance."""
    found = _placed(_members([70, 70, 70, 70, 70, 60])).set_index("agency_id")
    last = found.loc["a05"]
    assert last["verdict"] == "worse"
    assert last["tipping_gap"] == pytest.approx(-last["difference_high"] / 0.4)
    assert found["tipping_gap"].drop("a05").isna().all()
    unknown = _placed(_members([70, 70, 70, 70, 70, 60], response_rate=None)).set_index("agency_id")
    assert unknown["tipping_gap"].isna().all()


def _in_groups(sizes: list[int]) -> pd.DataFrame:
    """Positions of agencies in groups of these sizes, all of one national class, by peer group."""
    groups = [f"g{number}" for number, size in enumerate(sizes) for _ in range(size)]
    peers = [sizes[int(name[1:])] - 1 for name in groups]
    reasons = [None if count >= 5 else "too_few_peers" for count in peers]
    scores = [60 + 1.7 * (7 * number % 19) for number in range(len(groups))]
    members = _members(
        scores,
        peer_group=groups,
        comparison_class=groups,
        peers_count=peers,
        has_peers=[count >= 5 for count in peers],
        comparability_reason=reasons,
        national_reason=[None] * len(groups),
    )
    return _placed(members).set_index("peer_group")


def test_two_agencies_together_cannot_work_out_a_third() -> None:
    """A nation's mean less a group's is the rest: two readers who pool theirs must not be left with one other agency."""
    # Ten and two: one of the two and one of the ten would know the other one.
    made = _in_groups([10, 2])
    assert made.loc["g1", "peer_mean"].isna().all() and set(made.loc["g1", "comparability_reason"]) == {"too_few_peers"}
    assert made.loc["g0", "peer_mean"].notna().all()
    # Eleven, eleven and one: a reader of each large group would know the one.
    made = _in_groups([11, 11, 1])
    assert made[["national_peer_mean", "national_verdict"]].isna().all().all()
    assert made.loc[["g0", "g1"], "peer_mean"].notna().all() and np.isfinite(made.loc["g2", "peer_mean"])
    # A mean of several is nobody's score, and where nobody else is left there is nothing to learn.
    made = _in_groups([11, 11, 5])
    assert made.loc[["g0", "g1"], "national_peer_mean"].notna().all()
    assert _in_groups([11, 11])["national_peer_mean"].notna().all()
    assert _in_groups([10, 6])["national_peer_mean"].notna().any()
    assert _in_groups([11, 1]).loc["g1", "peer_frame"] == "national"


def test_a_nation_less_all_its_groups_is_nobody() -> None:
    """Means of whole peer groups are published to all: of the nation's mean a reader in the group of two would keep the other."""
    made = _in_groups([6, 6, 6, 2])
    assert made.loc["g3", "peer_mean"].isna().all() and set(made.loc["g3", "comparability_reason"]) == {"too_few_peers"}
    assert made[["national_peer_mean", "national_verdict"]].isna().all().all()
    # Two of three would know the third.
    assert _in_groups([6, 6, 6, 3]).loc["g3", "peer_mean"].isna().all()
    assert _in_groups([6, 6, 6, 4]).loc["g3", "peer_mean"].notna().all()


def test_another_scale_is_told_what_study_would_link_it() -> None:
    # 100 answers with a standard error of 2.5 differ by 25 (sd); half of the smallest difference is 2.5; by hand 111 people
    # (`test_crosswalk`). A reason that no crosswalk settles names no study.
    reasons = ["instrument_differs", "wording_differs", "mode_mix_differs", None, None, None, None]
    made = _placed(_members([70.0] * 7, 2.5, comparability_reason=reasons))
    assert made["study_n"].tolist()[:2] == [111, 111] and made["study_n"].iloc[2:].isna().all()
