"""Which scores a change compares, on frames small enough to work out by hand.

Belongs here: what `int_trends__estimated` reads of earlier quarters, and that batches of metrics stay apart. Does not belong
here: the formulas (`tests/methodology`), breaks of a series (`test_comparability`), published columns (`test_experience_tables`).
"""

from typing import Any

import duckdb
import pandas as pd
import pytest

from miyar.lookback import in_batches
from tests.dbt.trend_tables import PARAMETERS, trends_of

QUARTERS = ["2024Q1", "2024Q2", "2024Q3", "2024Q4", "2025Q1", "2025Q2"]
# Twice a metric's rows: three metrics make two batches.
FEW = 24


def _scores() -> pd.DataFrame:
    """Two agencies in three metrics, 1, 2 and 3 points more each quarter, b ten above a; a's `low` was withheld in 2024Q2."""
    rows = [
        {
            "score_id": f"{agency}/{metric}/{period}",
            "unit_type": "agency",
            "unit_id": agency,
            "agency_id": agency,
            "metric_id": metric,
            "instrument_id": "i",
            "period_id": period,
            "status": "reported",
            "status_reason": None,
            "score": 20.0 + 10 * (agency == "b") + step * position,
            "standard_error": 1.0,
            "n": 100.0,
            "n_effective": 100.0,
            "ci_low": 18.0,
            "ci_high": 22.0,
            "series_id": QUARTERS[0],
            "weighting": "weighted",
            "adjustments": "",
            "slice_ids": f"{agency}-{period}",
        }
        for agency in ("a", "b")
        for step, metric in ((1, "low"), (2, "middle"), (3, "top"))
        for position, period in enumerate(QUARTERS)
    ]
    scores = pd.DataFrame(rows).astype({"status_reason": "str"})
    withheld = scores["score_id"] == "a/low/2024Q2"
    figures = ["score", "standard_error", "ci_low", "ci_high", "n", "n_effective"]
    scores.loc[withheld, figures] = None
    scores.loc[withheld, ["status", "status_reason"]] = ["suppressed", "confidential"]
    return scores


def _trends(scores: pd.DataFrame, **tables: Any) -> pd.DataFrame:
    """Trends of single scores and of means of agencies."""
    made = trends_of(scores, **tables)
    return made[made["score_kind"] != "pooled"]


def test_a_change_of_adjustments_breaks_a_series() -> None:
    scores = _scores()
    later = scores["period_id"] >= "2025Q1"
    scores.loc[later & (scores["agency_id"] == "b"), "adjustments"] = "mix"
    made = _trends(scores).loc["agency"]
    reasons = made.loc[("b", "top"), ["change_reason", "year_change_reason"]]
    assert reasons.loc["2025Q1"].tolist() == ["adjustment_differs"] * 2
    assert reasons["change_reason"].isna()["2025Q2"] and reasons["year_change_reason"]["2025Q2"] == "adjustment_differs"
    assert made.loc[("b", "top"), "points_count"].tolist() == [1, 2, 3, 4, 1, 2]
    assert made.loc[("a", "top"), "change_reason"].isna().tolist() == [False] + [True] * 5


def test_metrics_of_one_batch_stay_apart() -> None:
    made = _trends(_scores())
    now = made.xs("2025Q2", level="period_id")
    assert {key: row.change for key, row in now.iterrows()} == {
        **{("agency", unit, metric): step for unit in "ab" for step, metric in ((1, "low"), (2, "middle"), (3, "top"))},
        **{("peer_group", "g", metric): step for step, metric in ((1, "low"), (2, "middle"), (3, "top"))},
        **{("national", "all", metric): step for step, metric in ((1, "low"), (2, "middle"), (3, "top"))},
    }
    assert now["year_change"].loc["agency", "b"].tolist() == [4, 8, 12]
    # A year earlier a's score existed but was withheld; its own series has one point less.
    assert now.loc[[("agency", "a", "low")], "year_change"].isna().all()
    assert now.loc[("agency", "a", "low"), "year_change_reason"] == "not_reported_before"
    assert now.loc[("agency", "a", "low"), "points_count"] == 5
    assert now.loc[("agency", "a", "top"), "points_count"] == 6
    assert made.loc[("agency", "a", "low", "2024Q2"), "status_reason"] == "confidential"
    assert now.loc[("national", "all", "low"), "slice_ids"] == "a-2025Q2;b-2025Q2"


def test_a_new_quarter_alone_is_told_as_among_all() -> None:
    """What is read of earlier quarters is enough: changes, reasons, charts, pooled scores and panels are the same."""
    scores = _scores()
    whole = _trends(scores).query("period_id == '2025Q2'")
    pending = pd.DataFrame({"period_id": ["2025Q2"], "period_version": ["new"]}, dtype="str")
    pd.testing.assert_frame_equal(_trends(scores, int_periods__pending=pending), whole)


def test_a_quarter_is_judged_beside_what_its_season_did_before() -> None:
    """A quarter of 2024Q1 and of 2025Q1 is Ramadan; in the first all scores were 3 points lower."""
    scores = _scores()
    scores["score"] = 60.0 - 3 * (scores["period_id"] == "2024Q1") + 10 * (scores["agency_id"] == "b")
    seasons = pd.DataFrame({"period_id": QUARTERS, "season": "ramadan", "share": [0.25, 0, 0, 0, 0.25, 0]})
    wide = pd.DataFrame({"name": [*PARAMETERS], "value": [*{**PARAMETERS, "season_effect_sd": 1e6}.values()]})
    tables = {"int_periods__seasons": seasons.assign(days=0), "stg_methodology__thresholds": wide}
    made = _trends(scores, **tables)
    row = made.loc[("agency", "b", "top", "2025Q1")]
    # Of the three quarters before, one in twelve days is Ramadan, which costs 12 points a quarter that is all Ramadan.
    assert row["season_effect"] == pytest.approx(-12 * (0.25 - 1 / 12), abs=1e-4)
    assert row["centre"] == pytest.approx(69 - 2, abs=1e-4)
    pending = pd.DataFrame({"period_id": ["2025Q2"], "period_version": ["new"]}, dtype="str")
    alone = _trends(scores, int_periods__pending=pending, **tables)
    pd.testing.assert_frame_equal(alone, made.query("period_id == '2025Q2'"))


def _mix() -> pd.DataFrame:
    """Agency a's `top` by two services: 3 and 7 answers at 40 and 60 in 2025Q1, 6 and 4 at 50 and 70 in 2025Q2."""
    rows = [("2025Q1", "a/x", 3, 40), ("2025Q1", "a/y", 7, 60), ("2025Q2", "a/x", 6, 50), ("2025Q2", "a/y", 4, 70)]
    table = pd.DataFrame(rows, columns=["period_id", "group_id", "n", "rate"])
    table = table.assign(unit_type="agency", unit_id="a", metric_id="top", instrument_id="i", scale_range=100.0)
    return table.assign(n=table["n"].astype(float), total=table["n"] * table["rate"] * 1.0).drop(columns="rate")


def test_a_change_is_split_into_mix_and_the_rest() -> None:
    """By hand: (3 * 40 + 7 * 60) / 10 = 54 and 58; mix = 0.3 * (40 + 50) / 2 - 0.3 * (60 + 70) / 2 = -6."""
    made = _trends(_scores(), int_mix__by_unit=_mix()).loc[("agency", "a", "top")]
    assert made.loc["2025Q2", ["raw_change", "mix_effect"]].tolist() == pytest.approx([4, -6])
    assert made.loc[made.index != "2025Q2", ["raw_change", "mix_effect"]].isna().all(axis=None)


@pytest.mark.parametrize("mix", [{}, {"int_mix__by_unit": _mix()}], ids=["no_answers", "answers_before"])
def test_a_withdrawn_quarter_has_no_trends(mix: dict[str, pd.DataFrame]) -> None:
    pending = pd.DataFrame({"period_id": ["2025Q3"], "period_version": ["withdrawn"]}, dtype="str")
    assert _trends(_scores(), int_periods__pending=pending, **mix).empty


@pytest.mark.parametrize("rows", [1, FEW])
def test_batches_hold_whole_metrics(rows: int) -> None:
    scores = _scores()
    found = in_batches([duckdb.from_df(scores), duckdb.from_df(scores.head(0))], "metric_id", rows)
    assert found == ([["low"], ["middle"], ["top"]] if rows == 1 else [["low", "middle"], ["top"]])
