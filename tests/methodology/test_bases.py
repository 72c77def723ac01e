"""What kind of number a metric is: figures without a sampling error have ranks, verdicts and changes; what is missing is said.

Belongs here: what the base, the disclosure class and the frequency of a metric decide, on figures worked out by hand. Does not
belong here: the formulas for figures with an error (`test_positions`, `test_change`), and reading the registry
(`test_parameters`).
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from methodology.bases import kind_faults, with_kinds
from methodology.positions import positions
from methodology.scores import BUNCH, KEY, assessed_scores, measured_scores
from methodology.scores_by_kind import limits_by_kind, scores_by_kind
from methodology.service_figures import COLUMNS as FIGURES
from methodology.suppression import suppressed
from tests.dbt.trend_tables import trends_of
from tests.methodology.test_positions import THRESHOLDS, _members

# Seven countries' index: 90, two of 80, three of 70, one of 10; five points matter.
SCORES = [90.0, 80.0, 80.0, 70.0, 70.0, 70.0, 10.0]


def _exact(base: str, scores: list[float] = SCORES, **changes: Any) -> pd.DataFrame:
    nothing = [np.nan] * len(scores)
    changes = {"ci_low": nothing, "ci_high": nothing, "response_rate": nothing, "reliability": nothing, **changes}
    members = _members(scores, error=0.0, base=[base] * len(scores), **changes)
    reliability = members.rename(columns={"agency_id": "unit_id"})
    reliability = reliability[["unit_id", "metric_id", "period_id", "instrument_id", "reliability"]]
    return positions(members.drop(columns="reliability"), reliability, THRESHOLDS)


@pytest.mark.parametrize("base", ["census", "index"])
def test_no_sampling_error_is_not_not_comparable(base: str) -> None:
    """144 positions of assessed maturity in the demo, and every index of 193 countries, ended in `no_interval`."""
    made = _exact(base)
    # The others of 90 have 380/6, of 80 390/6, of 70 400/6, of 10 460/6.
    assert made["peer_mean"].tolist() == pytest.approx([380 / 6, *[390 / 6] * 2, *[400 / 6] * 3, 460 / 6])
    assert made["difference"].tolist() == pytest.approx([90 - 380 / 6, *[15] * 2, *[70 - 400 / 6] * 3, 10 - 460 / 6])
    assert made["verdict"].tolist() == ["better"] * 3 + ["no_clear_difference"] * 3 + ["worse"]
    assert made[["difference_low", "difference_high", "comparability_reason", "rank_reason"]].isna().all(axis=None)


@pytest.mark.parametrize("base", ["census", "index"])
def test_ranks_are_exact_with_their_ties(base: str) -> None:
    made = _exact(base)
    assert made["rank_low"].tolist() == [1, 2, 2, 4, 4, 4, 7]
    assert made["rank_high"].tolist() == [1, 3, 3, 6, 6, 6, 7]
    assert made["expected_rank"].tolist() == [1, 2.5, 2.5, 5, 5, 5, 7]
    assert made["tier"].tolist() == [1, 2, 2, 3, 3, 3, 4]
    made = _exact(base, polarity=-1)
    assert made["rank_low"].tolist() == [7, 5, 5, 2, 2, 2, 1]
    assert made["verdict"].tolist() == ["worse"] * 3 + ["no_clear_difference"] * 3 + ["better"]


def test_a_full_count_is_sure_and_an_assessors_index_is_not() -> None:
    """Nothing was left to chance in a full count; how far assessors err is not known."""
    census = _exact("census")
    assert census["p_right"].tolist() == pytest.approx([1, 1, 1, *[np.nan] * 3, 1], nan_ok=True)
    assert census["p_beyond"].tolist() == pytest.approx([1, 1, 1, *[np.nan] * 3, 1], nan_ok=True)
    assert census["p_top3"].tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert _exact("index")[["p_right", "p_beyond", "p_top3"]].isna().all(axis=None)


def test_a_difference_that_just_matters_is_told_and_a_smaller_one_is_not() -> None:
    # The others of 66 have 60 and of 60 have 61; the others of 65 have 60 exactly five below.
    assert _exact("census", [65.0, *[60.0] * 6])["verdict"].tolist() == ["better"] + ["no_clear_difference"] * 6
    assert set(_exact("census", [64.9, *[60.0] * 6])["verdict"]) == {"no_clear_difference"}
    assert set(_exact("index", [60.0] * 7)["verdict"]) == {"no_clear_difference"}


def test_tiers_hold_what_does_not_matter() -> None:
    made = _exact("census", [90.0, 86.0, 85.0, 84.0, 81.0, 80.5, 70.0])
    # 85 is five below the leader and opens a tier; 81 and 80.5 are within five of it.
    assert made["tier"].tolist() == [1, 1, 2, 2, 2, 2, 3]


WEIGHTS = pd.DataFrame({"model_id": ["m"] * 2, "dimension": ["law", "data"], "weight": [1.0, 1.0]})


def _practices(unit: str, model: str = "m", **dimensions: float) -> list[dict[str, Any]]:
    return [
        {
            "unit_type": "agency",
            "unit_id": unit,
            "agency_id": unit,
            "metric_id": f"maturity_{model}",
            "period_id": "2025Q4",
            "instrument_id": "administrative",
            "estimator": "practice_mean",
            "part": part,
            "scale_range": 100,
            "n": 4,
            "n_at_least": 4,
            "sum_x": 4 * value,
            "slice_ids": f"maturity_assessments|{unit}|2025Q4",
        }
        for part, value in dimensions.items()
    ]


def test_a_missing_dimension_is_not_filled_by_the_others() -> None:
    """A country with nothing in one dimension and no row for the other became 41.6 by the mean of what was there."""
    rows = [*_practices("a", law=83.2, data=0.0), *_practices("b", law=83.2)]
    made = assessed_scores(pd.DataFrame(rows), WEIGHTS).set_index("unit_id")
    assert made["score"].tolist() == pytest.approx([41.6, np.nan], nan_ok=True)
    assert made["withheld_reason"].isna().tolist() == [True, False]
    assert made["withheld_reason"]["b"] == "dimension_missing"


def test_dimensions_nobody_declared_are_those_most_assessed() -> None:
    rows = [
        *_practices("a", "own", law=50.0, data=10.0),
        *_practices("b", "own", law=60.0, data=20.0),
        *_practices("c", "own", law=70.0),
        # One assessor's own dimension makes nobody else incomplete.
        *_practices("d", "own", law=80.0, data=40.0, extra=90.0),
    ]
    made = assessed_scores(pd.DataFrame(rows), WEIGHTS).set_index("unit_id")
    assert made["score"].tolist() == pytest.approx([30, 40, np.nan, 70], nan_ok=True)
    assert made["withheld_reason"]["c"] == "dimension_missing"


@pytest.mark.parametrize(("disclosure", "hidden"), [("persons", ["a"]), ("public", [])])
def test_only_persons_are_protected(disclosure: str, hidden: list[str]) -> None:
    """The rule of 30 hid 317 of 321 published scores of countries, each over some twenty services."""
    columns = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id", "agency_id", "slice_ids"]
    scores = pd.DataFrame(
        [["agency", unit, "m", "q", "i", unit, "s", n, n, n] for unit, n in (("a", 21), ("b", 40))],
        columns=[*columns, "n", "n_at_least", "respondents"],
    )
    lying = pd.DataFrame(columns=["metric_id", "period_id", "instrument_id", "agency_id", "unit_id", "only_region_id"])
    published = pd.DataFrame(columns=[*columns[:6], "n", "is_shown"])
    metrics = pd.DataFrame([{"metric_id": "m", "disclosure": disclosure}])
    units = {"agency": ("agency_id",), "service": ("agency_id", "service_id")}
    sharing = scores[columns[:5]].assign(is_shared=True)
    made = suppressed(scores, lying, published, sharing, metrics=metrics, units=units, minimum_n=30, owner_n=5)
    assert made["unit_id"].tolist() == hidden


def _series(periods: dict[str, float], base: str) -> pd.DataFrame:
    error = 0.0 if base in ("census", "index") else 1.0
    rows = [
        {
            "score_id": period,
            "unit_type": "agency",
            "unit_id": "a",
            "agency_id": "a",
            "metric_id": "m",
            "instrument_id": "i",
            "period_id": period,
            "status": "reported",
            "status_reason": "",
            "score": score,
            "standard_error": error,
            "n": 100.0,
            "n_effective": 100.0,
            "series_id": "2023Q4",
            "ci_low": np.nan if error == 0 else score - 2,
            "ci_high": np.nan if error == 0 else score + 2,
            "weighting": "not_applicable",
            "adjustments": "",
            "slice_ids": period,
        }
        for period, score in periods.items()
    ]
    return pd.DataFrame(rows)


def _changes(periods: dict[str, float], base: str, apart: int) -> pd.DataFrame:
    metric = {"metric_id": ["m"], "estimator": ["mean"], "base": [base], "quarters_apart": [apart]}
    metrics = pd.DataFrame({**metric, "smallest_difference": [5.0]})
    made = trends_of(_series(periods, base), stg_methodology__metrics=metrics)
    return made[made["score_kind"] == "own"].loc[("agency", "a", "m")]


def test_a_yearly_figure_changes_against_the_year_before() -> None:
    """Not against a third quarter in which nobody measures."""
    made = _changes({"2023Q4": 40.0, "2024Q4": 44.0, "2025Q4": 52.0}, "index", 4)
    assert made["change"].tolist() == pytest.approx([np.nan, 4, 8], nan_ok=True)
    assert made["compared_period_id"].tolist()[1:] == ["2023Q4", "2024Q4"]
    assert made["year_change"].tolist() == pytest.approx([np.nan, 4, 8], nan_ok=True)
    # Without a sampling error a change has no interval, and counts as one where it matters.
    assert made[["change_low", "change_high"]].isna().all(axis=None)
    assert made["change_is_significant"].tolist()[1:] == [0, 1]
    assert made["change_reason"].tolist()[0] == "no_earlier_period"


def test_the_last_measurement_may_come_early_or_late_but_none_is_passed_over() -> None:
    made = _changes({"2024Q4": 40.0, "2025Q3": 44.0, "2027Q2": 52.0, "2029Q2": 60.0}, "census", 4)
    # Three quarters and seven are one measurement apart; eight are two.
    assert made["change"].tolist() == pytest.approx([np.nan, 4, 8, np.nan], nan_ok=True)
    made = _changes({"2024Q4": 40.0, "2025Q2": 44.0}, "persons", 1)
    assert made["change"].isna().all()
    assert made["change_reason"].tolist() == ["no_earlier_period"] * 2


def test_a_biennial_figure_changes_against_two_years_before() -> None:
    made = _changes({"2020Q4": 40.0, "2022Q4": 44.0}, "index", 8)
    assert made["change"].tolist()[1] == 4
    assert made["compared_period_id"].tolist()[1] == "2020Q4"
    assert np.isnan(made["year_change"].tolist()[1])


def test_limits_know_neither_nought_nor_a_hundred() -> None:
    """Days, money and indices around zero: Student's interval, which may be negative; a full count has none."""
    scores = pd.DataFrame(
        {
            "metric_id": ["days", "balance", "alike", "counted", "rated", "share"],
            "score": [12.0, -3.0, 7.0, 81.5, -1.25, 40.0],
            "standard_error": [2.0, 4.0, 0.0, np.nan, np.nan, 5.0],
            "ci_low": [np.nan] * 5 + [30.0],
            "ci_high": [np.nan] * 5 + [51.0],
            "interval_method": ["score"] * 3 + ["none"] * 2 + ["wilson"],
            "degrees_of_freedom": [24.0, 24.0, 24.0, np.nan, np.nan, 99.0],
        }
    )
    kinds = [
        ("days", "mean", "days", "persons"),
        ("balance", "mean", "points", "cases"),
        ("alike", "mean", "currency", "cases"),
        ("counted", "ratio", "share_pct", "census"),
        ("rated", "mean", "points", "index"),
        ("share", "proportion", "share_pct", "cases"),
    ]
    metrics = pd.DataFrame(kinds, columns=["metric_id", "estimator", "unit", "base"])
    made = limits_by_kind(scores, metrics, 0.95).set_index("metric_id")
    # Student's 97.5 % quantile with 24 degrees of freedom is 2.0639 in every table.
    assert made.loc["days", ["ci_low", "ci_high"]].tolist() == pytest.approx([12 - 4.1278, 12 + 4.1278], abs=1e-4)
    assert made.loc["balance", ["ci_low", "ci_high"]].tolist() == pytest.approx([-11.2556, 5.2556], abs=1e-4)
    assert made["interval_method"].tolist() == ["student", "student", "none", *["no_sampling_error"] * 2, "wilson"]
    assert made.loc[["alike", "counted", "rated"], ["ci_low", "ci_high"]].isna().all(axis=None)
    assert made.loc[["counted", "rated"], "standard_error"].tolist() == [0, 0]
    assert made.loc["share", ["ci_low", "ci_high"]].tolist() == [30, 51]


def _row(**changes: str) -> dict[str, str]:
    row = {"feed": "reported_measures", "estimator": "mean", "unit": "score_0_100", **changes}
    return with_kinds(row, {"smallest_difference_score_0_100": 5.0, "smallest_difference_per_1000": 5.0})


@pytest.mark.parametrize(
    ("estimator", "base", "disclosure"),
    [
        ("mean", "persons", "persons"),
        ("proportion", "cases", "persons"),
        ("ratio", "census", "persons"),
        ("rate_per_1000", "cases", "persons"),
        ("practice_mean", "index", "public"),
    ],
)
def test_a_registry_that_says_nothing_gets_its_estimators_kind(estimator: str, base: str, disclosure: str) -> None:
    row = _row(estimator=estimator)
    assert (row["base"], row["disclosure"], row["frequency"], row["quarters_apart"]) == (
        base,
        disclosure,
        "quarterly",
        "1",
    )
    assert (row["repeats"], row["smallest_difference"], row["year_end"]) == ("conflict", "5.0", "")
    assert kind_faults(row) == []


def test_what_a_metric_is_comes_from_closed_lists() -> None:
    row = _row(base="crowd", disclosure="secret", frequency="daily", repeats="first", year_end="5")
    assert [fault.split(" is ")[0] for fault in kind_faults(row)] == [
        "base 'crowd'",
        "disclosure 'secret'",
        "frequency 'daily'",
        "repeats 'first'",
        "year_end '5'",
    ]
    assert kind_faults(_row(unit="currency")) == [
        "unit 'currency' has no smallest difference that matters; give smallest_difference"
    ]
    assert kind_faults(_row(unit="currency", smallest_difference="1000")) == []
    assert kind_faults(_row(smallest_difference="-1")) == ["smallest_difference '-1' is no number above 0"]
    assert kind_faults(_row(feed="survey_responses", base="census")) == [
        "answers are a sample of persons, not of base 'census'"
    ]
    assert kind_faults(_row(estimator="practice_mean", repeats="sum")) == ["adoption of a practice is not added up"]


def test_records_that_contradict_each_other_have_no_score() -> None:
    """Of 122 published scores of an open-data index one was right: an arbitrary one of several assessments counted."""
    rows = pd.DataFrame([*_practices("a", law=80.0, data=60.0), *_practices("b", law=80.0, data=60.0)])
    rows = rows.assign(
        numerator=np.nan, sum_x2=np.nan, reported_mean=np.nan, conflicts_count=[0, 0, 0, 1], unknown_count=np.nan
    )
    clusters = pd.DataFrame(columns=[*KEY, *BUNCH, "branch_share", "n", "sum_x", "sum_x2"])
    metrics = pd.DataFrame(
        [
            {
                "metric_id": "maturity_m",
                "measure_id": "maturity.m",
                "estimator": "practice_mean",
                "unit": "score_0_100",
                "base": "index",
            }
        ]
    )
    made = scores_by_kind(
        rows,
        clusters,
        pd.DataFrame(columns=list(FIGURES)),
        dimension_weights=WEIGHTS,
        metrics=metrics,
        thresholds={"interval_level": 0.95, "dimensions_complete": 1.0, "unknown_cases_share": 0.1},
    ).set_index("unit_id")
    assert made["score"].tolist() == pytest.approx([70, np.nan], nan_ok=True)
    assert made["withheld_reason"]["b"] == "records_conflict" and pd.isna(made["withheld_reason"]["a"])
    assert made["interval_method"].tolist() == ["no_sampling_error", "none"]


def test_the_version_before_fills_a_missing_dimension() -> None:
    rows = pd.DataFrame(_practices("b", law=83.2))
    assert assessed_scores(rows, WEIGHTS, complete=False)["score"].tolist() == pytest.approx([83.2])


def test_a_rate_of_rare_events_is_per_hundred_thousand() -> None:
    rows = pd.DataFrame(
        [{**_practices("a", law=0.0)[0], "metric_id": "r", "estimator": "rate_per_100000", "n": 200_000}]
    ).assign(numerator=30.0, sum_x=np.nan, sum_x2=np.nan, reported_mean=np.nan)
    clusters = pd.DataFrame(columns=[*KEY, *BUNCH, "branch_share", "n", "sum_x", "sum_x2"])
    made = measured_scores(rows, clusters, 0.95).iloc[0]
    assert made["score"] == pytest.approx(15)
    # Exact limits of 30 events are 20.24 and 42.83 in Garwood's table; half of them here.
    assert (made["ci_low"], made["ci_high"]) == pytest.approx((10.12, 21.41), abs=0.01)
