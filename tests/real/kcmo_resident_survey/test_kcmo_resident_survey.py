"""Kansas City resident survey: wide answers of two waves, sixteen departments, 9 is "don't know".

Expected figures are computed here with pandas from the raw files; the numbers of respondents come from the data set's
README.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from publication.manifest import list_editions
from tests.reached import differences
from tests.real.verdicts import counted, published

FILES = {"FY2022_RS_Cleaned_safe.csv": "2021Q3", "kcmo_mar_2022_safe.csv": "2022Q1"}
DEPARTMENTS = [
    "police", "fire", "streets", "solid_waste", "water", "neighborhoods", "parks", "health",
    "airport", "call_311", "court", "employees", "communication", "stormwater", "transit", "planning",
]  # fmt: skip
# Batteries about one department: question, number of items, department.
BATTERIES = [("q5", 7, "police"), ("q7", 4, "fire"), ("q9", 10, "streets"), ("q11", 2, "transit")]
BATTERIES += [("q12", 10, "neighborhoods"), ("q15", 5, "court"), ("q17", 4, "call_311")]


@pytest.fixture(scope="module")
def survey(open_set: Callable[..., Any]) -> Any:
    real = open_set("kcmo_resident_survey")
    real.land()
    real.receive()
    return real


@pytest.fixture(scope="module")
def raw(survey: Any) -> pd.DataFrame:
    # The copy consolidates 160 single columns; without it pandas warns when another is added.
    waves = [pd.read_csv(survey.data / name, na_values=["NA"]).copy().assign(period_id=p) for name, p in FILES.items()]
    return pd.concat(waves, ignore_index=True)


@pytest.fixture(scope="module")
def answers(raw: pd.DataFrame) -> pd.DataFrame:
    """Return one row per answer the contract takes: respondent, period, department, question, code as delivered."""
    asked = [(f"q3_{number:02d}", department) for number, department in enumerate(DEPARTMENTS, start=1)]
    asked += [(f"{q}_{number:02d}", department) for q, items, department in BATTERIES for number in range(1, items + 1)]
    long = raw.melt(["id", "period_id", "method", "counci"], [q for q, _ in asked], "question", "code")
    return long.assign(agency_id=long["question"].map(dict(asked)))


def test_every_answer_of_every_respondent_is_a_row(survey: Any, answers: pd.DataFrame) -> None:
    lake = survey.lake("survey_responses")
    assert len(answers) == 2017 * 58
    assert survey.one(f"select count(*) from {lake}") == len(answers)
    per_wave = survey.sql(f"select period_id, count(distinct response_id) as n from {lake} group by all order by all")
    # The README gives 1,033 and 984 respondents.
    assert dict(zip(per_wave["period_id"], per_wave["n"], strict=True)) == {"2021Q3": 1033, "2022Q1": 984}


def test_dont_know_is_no_score(survey: Any, answers: pd.DataFrame) -> None:
    found = survey.sql(
        f"""select answer_status, count(*) as n, count(value) as valued, max(value)::double as highest
        from {survey.lake("survey_responses")} group by all"""
    ).set_index("answer_status")
    assert found["n"].to_dict() == {"answered": (answers["code"] <= 5).sum(), "dont_know": (answers["code"] == 9).sum()}
    assert found.loc["dont_know", "valued"] == 0
    assert found.loc["answered", "highest"] == 5


def test_department_satisfaction(survey: Any, answers: pd.DataFrame) -> None:
    rated = answers[answers["question"].str.startswith("q3_") & answers["code"].between(1, 5)]
    expected = rated.assign(pomp=(rated["code"] - 1) * 25).groupby(["agency_id", "period_id"])["pomp"]
    found = survey.sql(
        f"""select agency_id, period_id, count(value) as n,
            avg(100 * (value - scale_min)::double / (scale_max - scale_min)) as mean
        from {survey.lake("survey_responses")} where item = 'overall_satisfaction' group by all"""
    ).set_index(["agency_id", "period_id"])
    assert len(found) == 32
    pd.testing.assert_series_equal(found["n"].sort_index(), expected.size(), check_names=False)
    pd.testing.assert_series_equal(found["mean"].sort_index(), expected.mean(), check_names=False, rtol=1e-12)


def test_battery_items_keep_their_department(survey: Any, answers: pd.DataFrame) -> None:
    renamed = {"q15_03": "staff_courtesy", "q17_03": "staff_courtesy"}
    battery = answers[~answers["question"].str.startswith("q3_")]
    battery = battery.assign(
        item=battery["question"].replace(renamed), code=battery["code"].where(battery["code"] <= 5)
    )
    expected = battery.groupby(["agency_id", "item"])["code"].agg(["size", "sum"])
    found = survey.sql(
        f"""select agency_id, item, count(*) as size, sum(value)::double as sum
        from {survey.lake("survey_responses")} where item <> 'overall_satisfaction' group by all"""
    ).set_index(["agency_id", "item"])
    assert len(found) == 42
    pd.testing.assert_frame_equal(found.sort_index(), expected, check_dtype=False)


def test_modes_and_districts(survey: Any, raw: pd.DataFrame) -> None:
    lake = survey.lake("survey_responses")
    modes = survey.sql(f"select mode, count(distinct response_id) as n from {lake} group by all").set_index("mode")["n"]
    assert modes.to_dict() == raw["method"].str.lower().value_counts().to_dict()
    places = survey.sql(f"select region_id, count(distinct response_id) as n from {lake} group by all")
    expected = {f"district_{code}": n for code, n in raw["counci"].value_counts().items()}
    assert dict(zip(places["region_id"], places["n"], strict=True)) == expected


def test_personal_columns_are_not_stored(survey: Any) -> None:
    stored = survey.sql(f"select * from {survey.lake('survey_responses')}")
    assert stored[["age_band", "gender", "nationality_class", "segment", "beneficiary"]].isna().all(axis=None)
    texts = stored.select_dtypes(exclude="number").drop(columns=["row_id", "submission_id", "response_id"])
    # Race is delivered in words, so no column may contain them.
    words = {str(text) for column in texts for text in texts[column].unique()}
    assert not words & {"White", "Black/African American", "Hispanic", "Asian/Pacific Islander", "Kansas City", "MO"}


@pytest.fixture(scope="module")
def benchmarks(survey: Any) -> Any:
    """Run everything up to an edition; the files have already been received."""
    result = survey.publish()
    assert (result.new, result.problems, result.is_published) == ([], [], True)
    assert differences(survey.workspace) == []
    return survey


def test_nothing_new_publishes_nothing(benchmarks: Any) -> None:
    before = list_editions(benchmarks.workspace.editions)
    result = benchmarks.publish()
    assert (result.new, result.is_built, result.is_published) == ([], False, False)
    assert [result.edition_id] == before


def test_published_department_scores(benchmarks: Any, answers: pd.DataFrame) -> None:
    """Mean on 0-100 and share of 4 and 5, each with its base, from the raw answers."""
    rated = answers[answers["question"].str.startswith("q3_") & (answers["code"] <= 5)]
    rated = rated.assign(mean=(rated["code"] - 1) * 25, top_box=(rated["code"] >= 4) * 100)
    groups = rated.groupby(["agency_id", "period_id"])
    for metric, column in {"overall_satisfaction": "mean", "overall_satisfaction_top_box": "top_box"}.items():
        found = benchmarks.scores("agency", metric)
        assert set(found["status"]) == {"reported"}
        pd.testing.assert_series_equal(found["n"], groups.size(), check_dtype=False, check_names=False)
        # The table holds four decimals.
        pd.testing.assert_series_equal(found["score"], groups[column].mean(), check_names=False, rtol=0, atol=5.1e-5)


def test_published_intervals(benchmarks: Any, answers: pd.DataFrame) -> None:
    """Wilson for a share and the score interval for a mean, computed here for one department."""
    codes = answers[(answers["question"] == "q3_01") & (answers["period_id"] == "2021Q3") & (answers["code"] <= 5)][
        "code"
    ]
    n, share = len(codes), (codes >= 4).mean()
    z = 1.959963984540054
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * ((share * (1 - share) + z * z / (4 * n)) / n) ** 0.5 / (1 + z * z / n)
    found = benchmarks.scores("agency", "overall_satisfaction_top_box").loc[("police", "2021Q3")]
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(
        (100 * (middle - half), 100 * (middle + half)), abs=1e-4
    )
    # Student's quantile at a thousand degrees of freedom is between 1.960 and 1.963; a score interval is narrower by half of
    # its squared ratio to the scale, a thousandth here.
    mean = benchmarks.scores("agency", "overall_satisfaction").loc[("police", "2021Q3")]
    width = (mean["ci_high"] - mean["ci_low"]) / 2 / (25 * codes.std() / n**0.5)
    assert 1.9575 < width < 1.9635


def test_districts_are_units(benchmarks: Any, answers: pd.DataFrame) -> None:
    rated = answers[answers["question"].str.startswith("q3_") & (answers["code"] <= 5)]
    rated = rated.assign(unit_id="district_" + rated["counci"].astype(str), mean=(rated["code"] - 1) * 25)
    expected = rated.groupby(["unit_id", "period_id"])["mean"].mean()
    found = benchmarks.scores("region", "overall_satisfaction")
    assert len(found) == 12
    pd.testing.assert_series_equal(found["score"], expected, check_names=False, rtol=0, atol=5.1e-5)


def test_peers(benchmarks: Any, answers: pd.DataFrame) -> None:
    """Median and quartiles of the sixteen departments, and the mean of the fifteen others of each."""
    rated = answers[answers["question"].str.startswith("q3_") & (answers["code"] <= 5)]
    rated = rated[rated["period_id"] == "2022Q1"]
    scores = ((rated["code"] - 1) * 25).groupby(rated["agency_id"]).mean()
    found = benchmarks.warehouse(
        """select agency_id, peers_count, peer_median::double as median, peer_lower_quartile::double as low,
            peer_upper_quartile::double as high, peer_mean::double as peer_mean,
            difference::double as difference
        from benchmarks.bench_peer_positions where metric_id = 'overall_satisfaction' and period_id = '2022Q1'"""
    ).set_index("agency_id")
    assert len(found) == 16
    assert set(found["peers_count"]) == {15}
    # Harrell-Davis weights of sixteen from the beta distribution, told to whole points.
    share, ordered = np.arange(17) / 16, np.sort(scores.to_numpy())
    quartiles = [round(float(np.diff(beta.cdf(share, 17 * p, 17 * (1 - p))) @ ordered)) for p in (0.25, 0.5, 0.75)]
    assert found[["low", "median", "high"]].drop_duplicates().to_numpy().tolist() == [quartiles]
    others = (scores.sum() - scores) / 15
    for name, expected in (("peer_mean", others), ("difference", scores - others)):
        pd.testing.assert_series_equal(found[name].sort_index(), expected, check_names=False, rtol=0, atol=5.1e-5)


def test_the_page_says_what_comes_of_the_set(benchmarks: Any) -> None:
    """`docs/evidence/real_sets.md`: owed positions with a verdict, and the reasons of the others."""
    assert counted(benchmarks.workspace) == published()["kcmo_resident_survey"]
