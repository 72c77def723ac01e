"""The Python models' own decisions, on frames small enough to work out by hand.

Belongs here: which estimator a statistic goes to, and who is compared with whom. Does not belong here: the formulas
(`tests/methodology`).
"""

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from methodology.scores import assessed_scores, measured_scores
from tests.dbt.python_models import load_model

KEY = {"unit_type": "agency", "unit_id": "a", "period_id": "2026Q1", "instrument_id": "i", "agency_id": "a"}
THRESHOLDS = {
    "winsor_share": 0.1,
    "minimum_reliability": 0.7,
    "interval_level": 0.95,
    "monte_carlo_seed": 1.0,
    "monte_carlo_draws": 2000.0,
}


@pytest.fixture(scope="module")
def positions() -> ModuleType:
    return load_model("int_positions__estimated")


def _statistics(*rows: dict[str, Any]) -> pd.DataFrame:
    empty = {"n": None, "numerator": None, "sum_x": None, "sum_x2": None, "reported_mean": None, "slice_ids": "x"}
    frame = pd.DataFrame([{**KEY, **empty, "n_at_least": row.get("n"), **row} for row in rows])
    numbers = {"n": "Int64", "n_at_least": "Int64", "numerator": "Float64", "reported_mean": "Float64"}
    return frame.astype({**numbers, "sum_x": "float64", "sum_x2": "float64"})


def test_each_metric_goes_to_its_estimator() -> None:
    rows = _statistics(
        {"metric_id": "mean", "estimator": "mean", "n": 4, "sum_x": 200, "sum_x2": 15000},
        {"metric_id": "share", "estimator": "proportion", "n": 263, "numerator": 81},
        {"metric_id": "ratio", "estimator": "ratio", "n": 200, "numerator": 150},
        {"metric_id": "rate", "estimator": "rate_per_1000", "n": 30000, "numerator": 30},
        {"metric_id": "sent", "estimator": "mean", "n": None, "n_at_least": 100, "reported_mean": 81.5},
        {"metric_id": "none", "estimator": "proportion", "n": 0, "numerator": 0},
    )
    scores = measured_scores(rows, 0.95).set_index("metric_id")
    assert scores.loc["mean", "score"] == 50
    assert scores.loc["mean", "standard_error"] == pytest.approx(20.412415, abs=1e-6)
    assert scores.loc["mean", "interval_method"] == "student"
    # 81 of 263: Newcombe 1998, Table I, in per cent.
    assert scores.loc["share", "score"] == pytest.approx(100 * 81 / 263)
    assert (scores.loc["share", "ci_low"], scores.loc["share", "ci_high"]) == pytest.approx((25.53, 36.62), abs=5e-3)
    assert scores.loc["share", "interval_method"] == "wilson"
    assert scores.loc["ratio", "score"] == 75
    assert scores.loc["ratio", ["standard_error", "ci_low", "ci_high"]].isna().all()
    assert scores.loc["ratio", "interval_method"] == "none"
    # 30 events in 30 thousand: one in a thousand; FunnelPlotR's limits for 30.
    assert scores.loc["rate", "score"] == pytest.approx(1)
    limits = (scores.loc["rate", "ci_low"], scores.loc["rate", "ci_high"])
    assert limits == pytest.approx((0.6746958, 1.427562), rel=1e-6)
    assert scores.loc["rate", "standard_error"] == pytest.approx(1000 * np.sqrt(30) / 30000)
    # A delivered mean without its n stands without any interval.
    assert scores.loc["sent", "score"] == 81.5
    assert scores.loc["sent", ["standard_error", "ci_low", "ci_high"]].isna().all()
    assert scores.loc["sent", "interval_method"] == "none"
    assert np.isnan(scores.loc["none", "score"])


def test_maturity_weighs_dimensions_not_practices() -> None:
    practice = {"metric_id": "maturity_m", "estimator": "practice_mean"}
    rows = _statistics(
        # Two practices at 75 on average in a dimension of weight 3, one at 15 in one the model does not weigh (1).
        {**practice, "part": "d1", "n": 2, "sum_x": 150, "slice_ids": "x;y"},
        {**practice, "part": "d2", "n": 1, "sum_x": 15, "slice_ids": "x"},
    )
    weights = pd.DataFrame({"model_id": ["m", "other"], "dimension": ["d1", "d2"], "weight": [3.0, 9.0]})
    scores = assessed_scores(rows, weights)
    assert len(scores) == 1
    assert scores.loc[0, "score"] == pytest.approx((3 * 75 + 15) / 4)
    assert (scores.loc[0, "n"], scores.loc[0, "slice_ids"], scores.loc[0, "interval_method"]) == (3, "x;y", "none")


def test_nothing_assessed_is_an_empty_table() -> None:
    weights = pd.DataFrame({"model_id": ["m"], "dimension": ["d"], "weight": [1.0]})
    scores = assessed_scores(_statistics({"metric_id": "m", "estimator": "mean", "n": 1}).iloc[:0], weights)
    assert scores.empty
    assert "score" in scores.columns


def _members(scores: list[float], error: float = 1.0, polarity: int = 1, **changes: Any) -> pd.DataFrame:
    """A class as the gate lets it through."""
    count = len(scores)
    frame = {
        "agency_id": [f"a{number:02d}" for number in range(count)],
        "metric_id": ["m"] * count,
        "period_id": ["2026Q1"] * count,
        "instrument_id": ["i"] * count,
        "peer_group": ["g"] * count,
        "polarity": [polarity] * count,
        "score": scores,
        "standard_error": [error] * count,
        "ci_low": [score - 2 for score in scores],
        "ci_high": [score + 2 for score in scores],
        "comparison_class": ["c"] * count,
        "peers_count": [count - 1] * count,
        "has_peers": [True] * count,
        "comparability_reason": [None] * count,
        "reliability": [0.9] * count,
    }
    return pd.DataFrame({**frame, **changes})


def _placed(positions: ModuleType, members: pd.DataFrame) -> pd.DataFrame:
    """The class as one period of the gate's table, beside its members' reliabilities."""
    reliability = members.rename(columns={"agency_id": "unit_id"})
    reliability = reliability[["unit_id", "metric_id", "period_id", "instrument_id", "reliability"]]
    made: pd.DataFrame = positions._estimated(members.drop(columns="reliability"), reliability, THRESHOLDS)
    return made


def test_six_agencies_have_five_peers_each(positions: ModuleType) -> None:
    # Around a mean of 70 within two standard errors: nothing spreads beyond chance, so z is the plain distance.
    made = _placed(positions, _members([69, 70, 71, 70, 68, 72]))
    assert set(made["peer_median"]) == {70}
    assert made["comparability_reason"].isna().all()
    # z: -1, 0, 1, 0, -2, 2; winsorised at the deciles (-1.5 and 1.5) phi = 6.5 / 6, of which winsorising leaves
    # 0.6786546 where nothing spreads but normal chance; 6.5 / 0.68 exceeds 5, so some tau.
    tau2 = (6.5 / 0.6786546 - 5) / (6 - 1)
    assert made["z"].tolist() == pytest.approx([d / np.sqrt(1 + tau2) for d in (-1, 0, 1, 0, -2, 2)])
    assert set(made["band"]) == {"as_expected"}
    # 69 has one below and itself: (1 + 2) / 2 of six.
    assert made["percentile"].iloc[0] == pytest.approx(25)


def test_an_outlier_is_banded_and_ranked_by_the_metric_s_direction(positions: ModuleType) -> None:
    scores = [70.0] * 12 + [60.0]
    # Winsorised limits are 0, so phi = 0 and tau^2 = 0: z of the last = 60 - 69.23 = -9.2, of the others 0.77.
    made = _placed(positions, _members(scores))
    assert made["band"].tolist() == ["as_expected"] * 12 + ["much_worse"]
    # Twelve that cannot be told apart share the ranks 1 to 12, the last is thirteenth.
    assert made["rank_low"].tolist() == [1] * 12 + [13]
    assert made["rank_high"].tolist() == [12] * 12 + [13]
    assert made["tier"].tolist() == [1] * 12 + [2]
    assert made["expected_rank"].tolist() == pytest.approx([6.5] * 12 + [13], abs=1e-6)
    assert made["p_top3"].tolist() == pytest.approx([0.25] * 12 + [0], abs=0.05)
    made = _placed(positions, _members(scores, polarity=-1))
    assert made["band"].tolist() == ["as_expected"] * 12 + ["much_better"]
    assert (made["rank_low"].iloc[-1], made["rank_high"].iloc[-1], made["p_top3"].iloc[-1]) == (1, 1, 1)


def test_draws_do_not_depend_on_other_classes(positions: ModuleType) -> None:
    members = _members([69, 70, 71, 70, 68, 72, 75])
    once, again = (_placed(positions, members)["p_top3"].tolist() for _ in range(2))
    assert once == again
    assert _placed(positions, members.assign(comparison_class="other"))["p_top3"].tolist() != once


@pytest.mark.parametrize("reason", ["base_unknown", "no_interval"])
def test_without_a_band_there_are_statistics_and_no_rank(positions: ModuleType, reason: str) -> None:
    made = _placed(positions, _members([70.0] * 6, comparability_reason=[reason] * 6))
    assert made["peer_median"].tolist() == [70] * 6
    assert made["percentile"].tolist() == [50] * 6
    assert made[["z", "rank_low", "rank_high", "expected_rank", "p_top3", "tier"]].isna().all(axis=None)
    assert made["band"].isna().all()
    assert set(made["rank_reason"]) == {reason}


def test_one_that_fails_the_gate_does_not_take_the_others_along(positions: ModuleType) -> None:
    made = _placed(positions, _members([70.0] * 7, comparability_reason=[None] * 6 + ["no_interval"]))
    assert made["band"].isna().tolist() == [False] * 6 + [True]


def test_no_direction_no_percentile(positions: ModuleType) -> None:
    made = _placed(positions, _members([70.0] * 6, polarity=0, comparability_reason=["not_ranked_alone"] * 6))
    assert made["percentile"].isna().all()
    assert made["peer_median"].tolist() == [70] * 6


def test_what_is_not_reliable_is_not_ranked(positions: ModuleType) -> None:
    made = _placed(positions, _members([69, 70, 71, 70, 68, 72], reliability=[0.7, 0.69, 0.9, np.nan, 0.9, 0.9]))
    assert made["rank_low"].isna().tolist() == [False, True, False, True, False, False]
    assert made["rank_reason"].tolist() == [None, "reliability_low", None, "reliability_low", None, None]
    assert (made["band"] == "as_expected").all()


def test_equal_answers_still_have_an_error(positions: ModuleType) -> None:
    # Error zero, interval from 68 to 72: half its width over 1.96 stands in, and the score is compared.
    made = _placed(positions, _members([69, 70, 71, 70, 68, 72], standard_error=[1, 1, 1, 0, 1, 1]))
    assert made["comparability_reason"].isna().all()
    assert made["z"].iloc[3] == pytest.approx(0)
