"""The Python models' own decisions, on frames small enough to work out by hand.

Belongs here: which estimator a statistic goes to. Does not belong here: the formulas (`tests/methodology`) and how models are
built (`test_thin_models`).
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from methodology.scores import BUNCH, assessed_scores, incidence_scores, measured_scores, scores
from methodology.scores import KEY as UNIT

KEY = {"unit_type": "agency", "unit_id": "a", "period_id": "2026Q1", "instrument_id": "i", "agency_id": "a"}
NO_CLUSTERS = pd.DataFrame(columns=[*UNIT, *BUNCH, "branch_share", "n", "sum_x", "sum_x2"])


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
    scores = measured_scores(rows, NO_CLUSTERS, 0.95).set_index("metric_id")
    assert scores.loc["mean", "score"] == 50
    assert scores.loc["mean", "standard_error"] == pytest.approx(20.412415, abs=1e-6)
    assert scores.loc["mean", "interval_method"] == "score"
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
    # A delivered mean without its n has no interval.
    assert scores.loc["sent", "score"] == 81.5
    assert scores.loc["sent", ["standard_error", "ci_low", "ci_high"]].isna().all()
    assert scores.loc["sent", "interval_method"] == "none"
    assert np.isnan(scores.loc["none", "score"])


def test_a_score_may_be_a_figure_of_services() -> None:
    """A share by a target is read off a curve: counts alone do not know who was watched long enough."""
    rows = _statistics(
        {"metric_id": "by_target", "estimator": "incidence", "n": 50, "numerator": 30},
        {"metric_id": "by_target", "unit_id": "b", "estimator": "incidence", "n": 50, "numerator": 30},
    )
    figure = {"unit_type": "agency", "unit_id": "a", "period_id": "2026Q1", "topic": "t", "figure": "f", "n": 40.0}
    figure |= {
        "value": 61.5,
        "standard_error": 7.5,
        "ci_low": 46.0,
        "ci_high": 74.0,
        "interval_method": "aalen_johansen",
    }
    metrics = pd.DataFrame({"metric_id": ["by_target"], "measure_id": ["t.f"], "estimator": ["incidence"]})
    made = incidence_scores(rows, pd.DataFrame([figure]), metrics).set_index("unit_id")
    told = made.loc["a", ["score", "standard_error", "ci_low", "ci_high", "interval_method", "n", "n_at_least"]]
    assert told.tolist() == [61.5, 7.5, 46.0, 74.0, "aalen_johansen", 40, 40]
    # Nobody of b was watched from the opening of a case.
    assert made.loc["b", ["score", "standard_error"]].isna().all()
    assert made.loc["b", "n"] == 0


def test_few_cases_watched_to_the_target_are_few() -> None:
    """Of 30 cases opened all but a few were lost from sight on the first day: the error is theirs, and so is the size."""
    rows = _statistics({"metric_id": "by_target", "estimator": "incidence", "n": 30, "numerator": 2})
    figure = {"unit_type": "agency", "unit_id": "a", "period_id": "2026Q1", "topic": "t", "figure": "f", "n": 30.0}
    figure |= {
        "value": 50.0,
        "standard_error": 25.0,
        "ci_low": 6.0,
        "ci_high": 84.0,
        "interval_method": "aalen_johansen",
    }
    metrics = pd.DataFrame({"metric_id": ["by_target"], "measure_id": ["t.f"], "estimator": ["incidence"]})
    # 100 sqrt(1/4 / 4) = 25.
    assert incidence_scores(rows, pd.DataFrame([figure]), metrics)["n_effective"].tolist() == [4]
    # One case, resolved: Wilson's lower limit of one of one is 1 / (1 + 1.96^2).
    edge = figure | {"value": 100.0, "standard_error": 0.0, "ci_low": 20.654931, "ci_high": 100.0}
    made = incidence_scores(rows, pd.DataFrame([edge]), metrics)
    assert made["n_effective"].tolist() == pytest.approx([1], abs=1e-5)


def test_a_reported_count_is_not_the_figure_of_the_records() -> None:
    """An agency delivers its cases and, with another feed, that 8 of 10 were in time: each instrument says what it says."""
    own = {"metric_id": "by_target", "estimator": "incidence"}
    rows = _statistics(
        {**own, "n": 50, "numerator": 30}, {**own, "n": 10, "numerator": 8, "instrument_id": "reported"}
    ).assign(scale_range=100, part="")
    figure = {"unit_type": "agency", "unit_id": "a", "period_id": "2026Q1", "topic": "t", "figure": "f", "n": 40.0}
    figure |= {
        "value": 61.5,
        "standard_error": 7.5,
        "ci_low": 46.0,
        "ci_high": 74.0,
        "interval_method": "aalen_johansen",
    }
    metrics = pd.DataFrame({"metric_id": ["by_target"], "measure_id": ["t.f"], "estimator": ["incidence"]})
    none = pd.DataFrame(columns=["model_id", "dimension", "weight"])
    made = scores(rows, NO_CLUSTERS, pd.DataFrame([figure]), metrics=metrics, dimension_weights=none, level=0.95)
    made = made.set_index("instrument_id")
    assert made["score"].to_dict() == {"i": 61.5, "reported": 80.0}
    assert made["n"].to_dict() == {"i": 40, "reported": 10}


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
