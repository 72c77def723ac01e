"""The Python models' own decisions, on frames small enough to work out by hand.

Belongs here: which estimator a statistic goes to, and who is compared with whom. Does not belong here: the formulas
(`tests/methodology`).
"""

import importlib.util
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dagster_project.warehouse import DBT

KEY = {"unit_type": "agency", "unit_id": "a", "period_id": "2026Q1", "instrument_id": "i", "agency_id": "a"}
THRESHOLDS = {"minimum_peers": 5.0, "winsor_share": 0.1}


def _load(name: str) -> ModuleType:
    path = DBT / "models" / "intermediate" / "scores" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def estimated() -> ModuleType:
    return _load("int_scores__estimated")


@pytest.fixture(scope="module")
def positions() -> ModuleType:
    return _load("int_positions__estimated")


def _statistics(*rows: dict[str, Any]) -> pd.DataFrame:
    empty = {"n": None, "numerator": None, "sum_x": None, "sum_x2": None, "reported_mean": None, "slice_ids": "x"}
    frame = pd.DataFrame([{**KEY, **empty, "n_at_least": row.get("n"), **row} for row in rows])
    numbers = {"n": "Int64", "n_at_least": "Int64", "numerator": "Float64", "reported_mean": "Float64"}
    return frame.astype({**numbers, "sum_x": "float64", "sum_x2": "float64"})


def test_each_metric_goes_to_its_estimator(estimated: ModuleType) -> None:
    rows = _statistics(
        {"metric_id": "mean", "estimator": "mean", "n": 4, "sum_x": 200, "sum_x2": 15000},
        {"metric_id": "share", "estimator": "proportion", "n": 263, "numerator": 81},
        {"metric_id": "ratio", "estimator": "ratio", "n": 200, "numerator": 150},
        {"metric_id": "rate", "estimator": "rate_per_1000", "n": 30000, "numerator": 30},
        {"metric_id": "sent", "estimator": "mean", "n": None, "n_at_least": 100, "reported_mean": 81.5},
        {"metric_id": "none", "estimator": "proportion", "n": 0, "numerator": 0},
    )
    scores = estimated._sampled(rows, 0.95).set_index("metric_id")
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


def test_maturity_weighs_dimensions_not_practices(estimated: ModuleType) -> None:
    practice = {"metric_id": "maturity_m", "estimator": "practice_mean"}
    rows = _statistics(
        # Two practices at 75 on average in a dimension of weight 3, one at 15 in one the model does not weigh (1).
        {**practice, "part": "d1", "n": 2, "sum_x": 150, "slice_ids": "x;y"},
        {**practice, "part": "d2", "n": 1, "sum_x": 15, "slice_ids": "x"},
    )
    weights = pd.DataFrame({"model_id": ["m", "other"], "dimension": ["d1", "d2"], "weight": [3.0, 9.0]})
    scores = estimated._assessed(rows, weights)
    assert len(scores) == 1
    assert scores.loc[0, "score"] == pytest.approx((3 * 75 + 15) / 4)
    assert (scores.loc[0, "n"], scores.loc[0, "slice_ids"], scores.loc[0, "interval_method"]) == (3, "x;y", "none")


def test_nothing_assessed_is_an_empty_table(estimated: ModuleType) -> None:
    weights = pd.DataFrame({"model_id": ["m"], "dimension": ["d"], "weight": [1.0]})
    scores = estimated._assessed(_statistics({"metric_id": "m", "estimator": "mean", "n": 1}).iloc[:0], weights)
    assert scores.empty
    assert "score" in scores.columns


def _members(scores: list[float], error: float = 1.0, **changes: Any) -> pd.DataFrame:
    count = len(scores)
    frame = {
        "agency_id": [f"a{number}" for number in range(count)],
        "metric_id": ["m"] * count,
        "period_id": ["2026Q1"] * count,
        "instrument_id": ["i"] * count,
        "peer_group": ["g"] * count,
        "score": scores,
        "standard_error": [error] * count,
        "ci_low": [score - 2 for score in scores],
        "ci_high": [score + 2 for score in scores],
        "n": [40] * count,
    }
    return pd.DataFrame({**frame, **changes})


def test_six_agencies_have_five_peers_each(positions: ModuleType) -> None:
    # Around a mean of 70 within two standard errors: nothing spreads beyond chance, so z is the plain distance.
    made = positions._positions(_members([69, 70, 71, 70, 68, 72]), 0, 1, THRESHOLDS)
    assert [row["peers_count"] for row in made] == [5] * 6
    assert [row["peer_median"] for row in made] == [70] * 6
    assert [row["comparability_reason"] for row in made] == [None] * 6
    # z: -1, 0, 1, 0, -2, 2; winsorised at the deciles (-1.5 and 1.5) phi = 6.5 / 6, and 6.5 exceeds 5, so a little tau.
    tau2 = (6.5 - 5) / (6 - 1)
    assert [row["z"] for row in made] == pytest.approx([d / np.sqrt(1 + tau2) for d in (-1, 0, 1, 0, -2, 2)])
    assert {row["band"] for row in made} == {"as_expected"}
    # 69 has one below and itself: (1 + 2) / 2 of six.
    assert made[0]["percentile"] == pytest.approx(25)


def test_an_outlier_is_banded_by_the_metric_s_direction(positions: ModuleType) -> None:
    scores = [70.0] * 12 + [60.0]
    members = _members(scores, error=1.0)
    # Winsorised limits are 0, so phi = 0 and tau^2 = 0: z of the last = 60 - 69.23 = -9.2, of the others 0.77.
    bands = [row["band"] for row in positions._positions(members, 0, 1, THRESHOLDS)]
    assert bands == ["as_expected"] * 12 + ["much_worse"]
    bands = [row["band"] for row in positions._positions(members, 0, -1, THRESHOLDS)]
    assert bands == ["as_expected"] * 12 + ["much_better"]


@pytest.mark.parametrize(
    ("members", "elsewhere", "polarity", "reason"),
    [
        (_members([70.0] * 5), 0, 1, "too_few_peers"),
        (_members([70.0] * 5), 1, 1, "instrument_differs"),
        (_members([70.0] * 6), 0, 0, "not_ranked_alone"),
        (_members([70.0] * 3), 0, 0, "not_ranked_alone"),
        (_members([70.0] * 6, n=[40, 40, 40, 40, 40, None]), 0, 1, "base_unknown"),
        (
            _members([70.0] * 6, standard_error=[np.nan] * 6, ci_low=[np.nan] * 6, ci_high=[np.nan] * 6),
            0,
            1,
            "no_interval",
        ),
    ],
)
def test_the_gate_says_why(
    positions: ModuleType, members: pd.DataFrame, elsewhere: int, polarity: int, reason: str
) -> None:
    made = positions._positions(members, elsewhere, polarity, THRESHOLDS)
    assert {row["comparability_reason"] for row in made} == {reason}
    assert {row["band"] for row in made} == {None}
    assert np.isnan([row["z"] for row in made]).all()
    few = len(members) < 6
    # Below five peers the statistics themselves would tell one agency of another.
    assert np.isnan([row["peer_median"] for row in made]).all() == few
    assert np.isnan([row["percentile"] for row in made]).all() == (few or polarity == 0)


def test_equal_answers_still_have_an_error(positions: ModuleType) -> None:
    # Error zero, interval from 68 to 72: half its width over 1.96 stands in, and the score is compared.
    members = _members([69, 70, 71, 70, 68, 72], standard_error=[1, 1, 1, 0, 1, 1])
    made = positions._positions(members, 0, 1, THRESHOLDS)
    assert {row["comparability_reason"] for row in made} == {None}
    assert made[3]["z"] == pytest.approx(0)
