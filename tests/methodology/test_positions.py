"""Positions among peers on classes small enough to work out by hand.

Belongs here: `methodology.positions`: whose statistics, bands and ranks there are, and why not. Does not belong here: the
formulas (`test_peers`, `test_ranks`) and the gate (`tests/dbt/test_comparability`).
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from methodology.positions import positions

THRESHOLDS = {
    "winsor_share": 0.1,
    "minimum_reliability": 0.7,
    "interval_level": 0.95,
    "monte_carlo_seed": 1.0,
    "monte_carlo_draws": 2000.0,
}


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


def _placed(members: pd.DataFrame) -> pd.DataFrame:
    """Positions of the class, passed as one period of the gate's table with its members' reliabilities."""
    reliability = members.rename(columns={"agency_id": "unit_id"})
    reliability = reliability[["unit_id", "metric_id", "period_id", "instrument_id", "reliability"]]
    return positions(members.drop(columns="reliability"), reliability, THRESHOLDS)


def test_six_agencies_have_five_peers_each() -> None:
    # Around a mean of 70 within two standard errors: nothing spreads beyond chance, so z is the plain distance.
    made = _placed(_members([69, 70, 71, 70, 68, 72]))
    assert set(made["peer_median"]) == {70}
    assert made["comparability_reason"].isna().all()
    # z: -1, 0, 1, 0, -2, 2; winsorised at the deciles (-1.5 and 1.5) phi = 6.5 / 6, of which winsorising leaves
    # 0.6786546 where nothing spreads but normal chance; 6.5 / 0.68 exceeds 5, so some tau.
    tau2 = (6.5 / 0.6786546 - 5) / (6 - 1)
    assert made["z"].tolist() == pytest.approx([d / np.sqrt(1 + tau2) for d in (-1, 0, 1, 0, -2, 2)])
    assert set(made["band"]) == {"as_expected"}
    # 69 has one below and itself: (1 + 2) / 2 of six.
    assert made["percentile"].iloc[0] == pytest.approx(25)


def test_an_outlier_is_banded_and_ranked_by_the_metric_s_direction() -> None:
    scores = [70.0] * 12 + [60.0]
    # Winsorised limits are 0, so phi = 0 and tau^2 = 0: z of the last = 60 - 69.23 = -9.2, of the others 0.77.
    made = _placed(_members(scores))
    assert made["band"].tolist() == ["as_expected"] * 12 + ["much_worse"]
    # Twelve that cannot be distinguished share the ranks 1 to 12; the last is thirteenth.
    assert made["rank_low"].tolist() == [1] * 12 + [13]
    assert made["rank_high"].tolist() == [12] * 12 + [13]
    assert made["tier"].tolist() == [1] * 12 + [2]
    assert made["expected_rank"].tolist() == pytest.approx([6.5] * 12 + [13], abs=1e-6)
    assert made["p_top3"].tolist() == pytest.approx([0.25] * 12 + [0], abs=0.05)
    made = _placed(_members(scores, polarity=-1))
    assert made["band"].tolist() == ["as_expected"] * 12 + ["much_better"]
    assert (made["rank_low"].iloc[-1], made["rank_high"].iloc[-1], made["p_top3"].iloc[-1]) == (1, 1, 1)


def test_draws_do_not_depend_on_other_classes() -> None:
    members = _members([69, 70, 71, 70, 68, 72, 75])
    once, again = (_placed(members)["p_top3"].tolist() for _ in range(2))
    assert once == again
    assert _placed(members.assign(comparison_class="other"))["p_top3"].tolist() != once


@pytest.mark.parametrize("reason", ["base_unknown", "no_interval"])
def test_without_a_band_there_are_statistics_and_no_rank(reason: str) -> None:
    made = _placed(_members([70.0] * 6, comparability_reason=[reason] * 6))
    assert made["peer_median"].tolist() == [70] * 6
    assert made["percentile"].tolist() == [50] * 6
    assert made[["z", "rank_low", "rank_high", "expected_rank", "p_top3", "tier"]].isna().all(axis=None)
    assert made["band"].isna().all()
    assert set(made["rank_reason"]) == {reason}


def test_one_that_fails_the_gate_does_not_take_the_others_along() -> None:
    made = _placed(_members([70.0] * 7, comparability_reason=[None] * 6 + ["no_interval"]))
    assert made["band"].isna().tolist() == [False] * 6 + [True]


def test_no_direction_no_percentile() -> None:
    made = _placed(_members([70.0] * 6, polarity=0, comparability_reason=["not_ranked_alone"] * 6))
    assert made["percentile"].isna().all()
    assert made["peer_median"].tolist() == [70] * 6


def test_what_is_not_reliable_is_not_ranked() -> None:
    made = _placed(_members([69, 70, 71, 70, 68, 72], reliability=[0.7, 0.69, 0.9, np.nan, 0.9, 0.9]))
    assert made["rank_low"].isna().tolist() == [False, True, False, True, False, False]
    assert made["rank_reason"].tolist() == [None, "reliability_low", None, "reliability_low", None, None]
    assert (made["band"] == "as_expected").all()


def test_equal_answers_still_have_an_error() -> None:
    # Error zero, interval from 68 to 72: half its width over 1.96 is used, and the score is compared.
    made = _placed(_members([69, 70, 71, 70, 68, 72], standard_error=[1, 1, 1, 0, 1, 1]))
    assert made["comparability_reason"].isna().all()
    assert made["z"].iloc[3] == pytest.approx(0)
