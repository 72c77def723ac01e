"""Statistical neighbours by hand, the verdict against them, and what two readers could work out.

Belongs here: `methodology.neighbours`, `methodology.neighbour_positions` and `methodology.mean_attacks`. Does not belong here:
the group's and the nation's frames (`test_positions`).
"""

import numpy as np
import pandas as pd
import pytest

from methodology.mean_attacks import told_by_two
from methodology.neighbour_positions import neighbour_positions
from methodology.neighbours import distances, neighbours
from methodology.peer_differences import peer_differences

THRESHOLDS = {
    "minimum_peers": 5.0,
    "interval_level": 0.95,
    "monte_carlo_seed": 1.0,
    "monte_carlo_draws": 500.0,
    "smallest_difference_score_0_100": 5.0,
}


def context_of(values: dict[str, tuple[float, float]]) -> pd.DataFrame:
    rows = [(one, name, x) for one, pair in values.items() for name, x in zip("uv", pair, strict=True)]
    return pd.DataFrame(rows, columns=["agency_id", "variable", "value"])


VARIABLES = pd.DataFrame({"variable": ["u", "v"], "weight": [3.0, 1.0], "transform": ["none", "log"]})


def test_distances_by_hand() -> None:
    # u = 0, 2, 4: sd 2, z = -1, 0, 1. v = 1, e^2, e^4 in logs 0, 2, 4, but given here as such: the same.
    found = distances([[0, 4], [2, 0], [4, 2]], [3, 1])
    # Agencies 0 and 1: gaps -1 and 2; d^2 = (3 x 1 + 1 x 4) / 4 = 7/4, of which u makes 3/7.
    assert found.distance[0, 1] == pytest.approx(np.sqrt(7 / 4))
    assert found.gap[0, 1] == pytest.approx([-1, 2])
    assert found.part[0, 1] / found.distance[0, 1] ** 2 == pytest.approx([3 / 7, 4 / 7])
    assert found.distance == pytest.approx(found.distance.T)


def test_a_variable_that_does_not_vary_sets_nobody_apart() -> None:
    assert distances([[0, 7], [2, 7]], [1, 1]).part[0, 1] == pytest.approx([1, 0])


def test_nearest_and_what_makes_them_near() -> None:
    values = {"a": (0.0, 1.0), "b": (1.0, 1.0), "c": (2.0, 1.0), "d": (9.0, 1.0)}
    agencies = pd.DataFrame({"agency_id": list("abcd")})
    made = neighbours(context_of(values), agencies=agencies, variables=VARIABLES, count=2)
    of_a = made[made["agency_id"] == "a"]
    assert list(zip(of_a["neighbour_id"], of_a["place"], of_a["variable"], strict=True)) == [
        ("b", 1, "u"),
        ("b", 1, "v"),
        ("c", 2, "u"),
        ("c", 2, "v"),
    ]
    assert of_a["contribution"].tolist() == pytest.approx([1, 0, 1, 0])
    # b lies between a and c, equally far: the earlier id comes first.
    assert made.query("agency_id == 'b' and variable == 'u'")["neighbour_id"].tolist() == ["a", "c"]
    shuffled = neighbours(
        context_of(values).iloc[::-1], agencies=agencies.iloc[::-1], variables=VARIABLES.iloc[::-1], count=2
    )
    pd.testing.assert_frame_equal(made.reset_index(drop=True), shuffled.reset_index(drop=True))


def test_a_missing_value_is_a_reason_and_not_a_zero() -> None:
    values = {"a": (0.0, 1.0), "b": (1.0, 1.0), "c": (2.0, 0.0), "d": (9.0, 1.0)}
    agencies = pd.DataFrame({"agency_id": list("abcde")})
    made = neighbours(context_of(values), agencies=agencies, variables=VARIABLES, count=3)
    lacking = made[made["reason"].notna()]
    # The log of nothing is no value, and e has no context at all.
    assert list(zip(lacking["agency_id"], lacking["variable"], strict=True)) == [("c", "v"), ("e", "u")]
    assert set(made["neighbour_id"].dropna()) == {"a", "b", "d"}


def test_with_equal_weights_of_all_others_neighbours_are_the_peers() -> None:
    y, s = np.array([70.0, 74, 66, 81, 60, 71]), np.array([2.0, 1, 3, 2, 2, 1])
    weights = (1 - np.eye(6)) / 5
    plain = peer_differences(y, s, np.random.default_rng(3))
    own = peer_differences(y, s, np.random.default_rng(3), weights=weights)
    for name in ("others_mean", "difference", "error", "low", "high", "direction"):
        assert getattr(own, name) == pytest.approx(getattr(plain, name))


def gated(scores: list[float], group: list[str], error: float = 1.0) -> pd.DataFrame:
    ids = [f"a{number:02d}" for number in range(len(scores))]
    return pd.DataFrame(
        {
            "agency_id": ids,
            "metric_id": "m",
            "period_id": "2025Q4",
            "instrument_id": "i",
            "compared_instrument_id": "i",
            "score": scores,
            "standard_error": error,
            "shared_errors": "",
            "degrees_of_freedom": 200.0,
            "ci_low": np.array(scores) - 2 * error,
            "ci_high": np.array(scores) + 2 * error,
            "n": 200,
            "polarity": 1,
            "base": "persons",
            "smallest_difference": 5.0,
            "comparison_class": group,
            "national_class": "n",
            "national_reason": None,
        }
    )


def placed(rows: pd.DataFrame, sets: dict[str, list[str]], **told: object) -> pd.DataFrame:
    near = pd.DataFrame([(one, other, None) for one, others in sets.items() for other in others])
    near.columns = pd.Index(["agency_id", "neighbour_id", "reason"])
    frame = {"verdict": None, "peer_frame": None, "peer_mean": np.nan, "national_peer_mean": np.nan, **told}
    positions = rows[["agency_id", "metric_id", "period_id", "instrument_id"]].assign(**frame)
    made = neighbour_positions(rows, positions, neighbours=near, thresholds=THRESHOLDS)
    return made.set_index("agency_id")


def test_a_full_count_is_told_from_its_neighbours_by_what_matters() -> None:
    # The last two are nobody's neighbours: less the six, the mean of all would tell a00 what a01 has.
    rows = gated([80.0, 70.0, *[66.0] * 8], ["g"] * 10)
    rows = rows.assign(base="census", standard_error=0.0, ci_low=np.nan, ci_high=np.nan)
    near = [f"a{number:02d}" for number in range(2, 8)]
    made = placed(rows, {"a00": near, "a01": near})
    assert made["neighbour_verdict"][["a00", "a01"]].tolist() == ["better", "no_clear_difference"]
    assert made["neighbour_difference"][["a00", "a01"]].tolist() == pytest.approx([14, 4])
    assert made["neighbour_low"].isna().all()


def test_the_verdict_against_neighbours_and_where_it_turns() -> None:
    # Better than its group of low scores, no better than the neighbours, who are as high as it is.
    rows = gated([80.0, *[60.0] * 6, *[80.0] * 6], ["g"] * 7 + ["h"] * 6)
    high = [f"a{number:02d}" for number in range(7, 13)]
    made = placed(rows, {"a00": high, "a01": high}, verdict="better", peer_frame="group", peer_mean=60.0)
    assert made.loc["a00", "neighbour_verdict"] == "no_clear_difference" and made.loc["a00", "turns_with_neighbours"]
    assert made.loc["a01", "neighbour_verdict"] == "worse"
    assert made.loc["a00", "neighbours_count"] == 6
    assert made.loc["a02", "neighbour_reason"] == "too_few_neighbours" and pd.isna(made.loc["a02", "neighbour_verdict"])
    # The means of the six by two readers are one equation, in six unknowns: nobody's score.
    assert made.loc[["a00", "a01"], "neighbour_mean"].tolist() == pytest.approx([80, 80])


def test_sets_that_differ_by_one_agency_show_no_difference() -> None:
    rows = gated([70.0] * 9, ["g"] * 9)
    five = [f"a{number:02d}" for number in range(2, 7)]
    made = placed(rows, {"a00": five, "a01": [*five, "a07"]})
    # 6 x the one mean less 5 x the other is a07's score; the verdicts, words, tell nothing of it.
    assert made.loc[["a00", "a01"], "neighbour_mean"].isna().all()
    assert set(made.loc[["a00", "a01"], "neighbour_reason"]) == {"neighbours_overlap"}
    assert made.loc[["a00", "a01"], "neighbour_verdict"].notna().all()


def test_means_of_whole_groups_are_known_to_every_reader() -> None:
    """The mean of each peer group is published (`bench_trends`): what is left of a00's set are a02 and a03, of a01's those and
    a04, and so a04 is known."""
    rows = gated([70.0] * 22, ["g"] * 10 + ["h"] * 6 + ["k"] * 6)
    ids = rows["agency_id"].tolist()
    sets = {"a00": [*ids[10:16], "a02", "a03"], "a01": [*ids[16:22], "a02", "a03", "a04"]}
    made = placed(rows, sets, peer_frame="group", peer_mean=70.0)
    assert set(made.loc[["a00", "a01"], "neighbour_reason"]) == {"neighbours_overlap"}
    assert made.loc[["a00", "a01"], "neighbour_mean"].isna().all()


def test_what_two_readers_know_by_hand() -> None:
    def sets(*members: list[int]) -> np.ndarray:
        mask = np.zeros((6, 6), bool)
        for reader, own in enumerate(members):
            mask[reader, own] = True
        return mask

    everybody = np.ones(6, bool)
    # 0 sees the mean of 2, 3, 4 and 1 that of 2, 3, 4, 5: together they know 5. Apart, and with others, nothing.
    assert told_by_two([sets([2, 3, 4], [2, 3, 4, 5])], everybody).tolist() == [True, True, *[False] * 4]
    # A reader's own part is known to it: 5 alone completes 0's set of 3, 4, 5 only with one of those.
    assert told_by_two([sets([1, 2])], everybody).tolist() == [True, True, True, False, False, False]
    assert not told_by_two([sets([2, 3, 4], [3, 4, 5])], everybody).any()
    # Two means of one reader: 2, 3, 4, 5 and 2, 3, 4.
    assert told_by_two([sets([2, 3, 4, 5]), sets([2, 3, 4])], everybody)[0]
    assert not told_by_two([sets([2, 3, 4], [2, 3, 4, 5])], np.zeros(6, bool)).any()


def test_equal_agencies_are_told_apart_in_one_class_of_twenty() -> None:
    rng = np.random.default_rng(11)
    apart = distances(rng.standard_normal((24, 3)), [1, 1, 1]).distance + np.diag(np.full(24, np.inf))
    weights = np.zeros((24, 24))
    np.put_along_axis(weights, np.argsort(apart, axis=1)[:, :8], 1 / 8, axis=1)
    error = rng.uniform(1, 4, 24)
    wrong = [
        peer_differences(70 + error * rng.standard_normal(24), error, rng, draws=1_000, weights=weights).direction.any()
        for _ in range(600)
    ]
    # 5 %, by three standard errors of 600 worlds (0.9 points) and a critical value drawn from 1,000.
    assert 0.02 < np.mean(wrong) < 0.08
