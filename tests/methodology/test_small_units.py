"""Estimates of units with few answers: against dense algebra, the one-quarter posterior, and what they must not tell.

Belongs here: `methodology.small_units` and `methodology.unit_effects`. Does not belong here: what intervals hold
(`simulation.coverage`) and the published table (`tests/dbt/test_small_units.py`).
"""

import numpy as np
import pandas as pd
import pytest

from methodology.shrinkage import shrunken_interval
from methodology.small_units import small_units
from methodology.unit_effects import SHIFT, UnitRows, given, unit_scores

LIMITS = {
    "owner_n": 5.0,
    "disparity_units": 3.0,
    "interval_level": 0.95,
    "small_unit_quarters": 4.0,
    "unit_spread_sd": 8.0,
}
METRICS = pd.DataFrame({"metric_id": ["m"], "feed": ["survey_responses"], "estimator": ["mean"]})


def table(cells: list[tuple[str, int, list[float]]], agency: str = "a") -> pd.DataFrame:
    """Statistics of branches from their answers: (branch, quarter, answers)."""
    rows = [
        {
            "unit_type": "branch",
            "unit_id": f"{agency}/{branch}",
            "agency_id": agency,
            "metric_id": "m",
            "period_id": f"2025Q{quarter + 1}",
            "instrument_id": "i",
            "quarter": quarter,
            "n": len(answers),
            "respondents": len(answers),
            "numerator": np.nan,
            "sum_x": sum(answers),
            "sum_x2": sum(x * x for x in answers),
        }
        for branch, quarter, answers in cells
    ]
    return pd.DataFrame(rows)


def estimated(rows: pd.DataFrame, since: int = 0) -> pd.DataFrame:
    counts = rows.drop(columns="respondents")
    made = small_units(counts, rows, metrics=METRICS, thresholds=LIMITS, since=since)
    return made.set_index(["unit_id", "period_id"])


def answers(mean: float, n: int) -> list[float]:
    """n answers around a mean that differ by as much as answers do."""
    return [mean + 25 * (-1) ** k for k in range(n)]


def test_given_the_variances_it_is_the_best_linear_unbiased_prediction() -> None:
    # The whole covariance written out: y = X mu + b + e + error, mu with the wide prior.
    unit = np.array([0, 0, 1, 2, 2, 2, 3])
    x = np.array([[1, 0, 0], [0, 0.3, 0.7], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0]])
    y, v = np.array([71.0, 64, 80, 77, 70, 69, 58]), np.array([9.0, 25, 60, 4, 16, 30, 12])
    stays, passes = 20.0, 9.0
    covariance = np.diag(v + passes * (x**2).sum(axis=1)) + stays * (unit[:, None] == unit)
    inverse = np.linalg.inv(covariance)
    precision = x.T @ inverse @ x + (np.eye(3) - 1 / 3) / SHIFT**2
    mu = np.linalg.solve(precision, x.T @ inverse @ y)
    found = given(UnitRows(y, v, unit, x), 2, np.array([stays]), np.array([passes]))
    for one in range(4):
        k = np.where(unit == one, stays + passes * x[:, 2], 0)
        left = np.eye(3)[2] - x.T @ inverse @ k
        assert found.centre[0, one] == pytest.approx(mu[2] + k @ inverse @ (y - x @ mu))
        unseen = stays + passes - k @ inverse @ k
        assert found.variance[0, one] == pytest.approx(unseen + left @ np.linalg.solve(precision, left))
        assert found.explained[0, one] == pytest.approx(1 - unseen / (stays + passes))


def test_with_one_quarter_it_is_the_average_over_one_spread() -> None:
    y, s = np.array([82, 79.5, 85, 76, 88, 80.5, 83.2, 71]), np.array([3, 6, 5, 2, 8, 4, 3, 5.0])
    mean, low, high = shrunken_interval(y, s)
    found = unit_scores(UnitRows(y, s**2, np.arange(8), np.ones((8, 1))), 0, np.inf)
    # Two grids of the same integral.
    assert found.score == pytest.approx(mean, abs=0.01)
    assert found.low == pytest.approx(low, abs=0.02) and found.high == pytest.approx(high, abs=0.02)


def test_units_that_answer_alike_are_as_likely_above_the_mean_as_below() -> None:
    made = estimated(table([(f"b{k}", 0, answers(70, 8)) for k in range(4)]))
    assert made["score"].to_numpy() == pytest.approx(70) and made["p_above"].to_numpy() == pytest.approx(0.5)


def test_answers_of_the_quarters_before_count() -> None:
    now = [(f"b{k}", 3, answers(70, 6)) for k in range(5)]
    past = [(f"b{k}", q, answers(85 if k == 0 else 70, 20)) for k in range(5) for q in range(3)]
    alone, both = estimated(table(now), since=3), estimated(table([*past, *now]), since=3)
    one = ("a/b0", "2025Q4")
    assert alone.loc[one, "score"] == pytest.approx(70) and both.loc[one, "score"] > 74
    assert both.loc[one, "p_above"] > 0.8


def test_fewer_than_five_persons_change_nothing_until_more_have_answered() -> None:
    rest = [(f"b{k}", q, answers(66 + k, 6)) for k in range(1, 5) for q in range(3)]
    few = [("b0", 0, answers(70, 6)), ("b0", 1, [0.0, 0.0, 25.0])]
    others = [("b0", 0, answers(70, 6)), ("b0", 1, [100.0, 75.0, 100.0])]
    first, second = (estimated(table([*rest, *cells])) for cells in (few, others))
    pd.testing.assert_frame_equal(first, second)
    # With two more the five count, in the quarter in which they are five.
    more = [[*cells, ("b0", 2, [50.0, 75.0])] for cells in (few, others)]
    first, second = (estimated(table([*rest, *cells])) for cells in more)
    early = first.index.get_level_values("period_id") < "2025Q3"
    pd.testing.assert_frame_equal(first[early], second[early])
    assert first.loc[("a/b0", "2025Q3"), "score"] < second.loc[("a/b0", "2025Q3"), "score"]


def test_why_there_is_no_estimate() -> None:
    three = [(f"b{k}", 0, answers(70 + k, 5)) for k in range(3)]
    made = estimated(table([*three, ("b3", 0, [75.0])]))
    assert made["own_status"].tolist() == ["reported"] * 3 + ["suppressed"]
    assert made["own_reason"].iloc[3] == "n_below_owner_minimum" and np.isnan(made["score"].iloc[3])
    assert set(estimated(table(three[:2]))["own_reason"]) == {"too_few_units"}
    assert set(estimated(table([(f"b{k}", 0, [75.0] * 5) for k in range(3)]))["own_reason"]) == {"answers_do_not_vary"}


def test_neither_order_nor_another_agency_moves_a_figure() -> None:
    rows = table([(f"b{k}", q, answers(60 + 3 * k, 5 + k)) for k in range(4) for q in range(4)])
    other = table([(f"b{k}", q, [0.0, 100.0] * 9) for k in range(4) for q in range(4)], "z")
    alone, both = estimated(rows), estimated(pd.concat([other, rows]).iloc[::-1])
    pd.testing.assert_frame_equal(alone, both.loc[alone.index])


def test_two_units_are_refused() -> None:
    with pytest.raises(ValueError, match="three units"):
        unit_scores(UnitRows(np.ones(2), np.ones(2), np.arange(2), np.ones((2, 1))), 0, 8.0)
