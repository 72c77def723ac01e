"""HCAHPS: aggregates of states and hospitals, with bases given as numbers, as bands in words, or not at all.

Expected figures are computed here with pandas from the raw files; national figures are the publisher's
(`national_results.csv`).
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from tests.real.verdicts import counted, published

BOXES = ["bottom", "middle", "top"]


@pytest.fixture(scope="module")
def reports(open_set: Callable[..., Any]) -> Any:
    real = open_set("us_hcahps_maven")
    real.land()
    real.receive()
    return real


@pytest.fixture(scope="module")
def states(reports: Any) -> pd.DataFrame:
    """Return published shares by state, release and measure, one row per box."""
    wide = pd.read_csv(reports.data / "state_results.csv")
    long = wide.melt(["release_period", "State", "measure_id"], [f"{box}_box_percentage" for box in BOXES])
    return pd.DataFrame(
        {
            "agency_id": long["State"],
            "period_id": _period(long["release_period"]),
            "measure": long["measure_id"].str.lower() + "_" + long["variable"].str.removesuffix("_percentage"),
            "share": long["value"].astype(float),
        }
    )


@pytest.fixture(scope="module")
def hospitals(reports: Any) -> pd.DataFrame:
    return pd.read_csv(reports.data / "responses.csv", dtype=str, keep_default_na=False)


def _period(release: pd.Series) -> pd.Series:
    # Release 07_2015 covers October 2013 to September 2014 (reports.csv), so it ends in 2014Q3.
    return (release.str[3:].astype(int) - 1).astype(str) + "Q3"


def test_state_shares_arrive_as_published(reports: Any, states: pd.DataFrame) -> None:
    found = reports.sql(
        f"""select agency_id, period_id, measure, mean::double as share from {reports.lake("reported_measures")}
        where measure like 'h\\_%box' escape '\\'"""
    )
    assert len(found) == 4580 * 3
    key = ["agency_id", "period_id", "measure"]
    pd.testing.assert_frame_equal(
        found.sort_values(key).reset_index(drop=True), states.sort_values(key).reset_index(drop=True), check_dtype=False
    )
    lake = reports.lake("reported_measures")
    bases = f"select count(n) + count(numerator) from {lake} where measure like '%\\_box' escape '\\'"
    assert reports.one(bases) == 0


def test_national_figures_follow_from_the_states(reports: Any) -> None:
    """The national figure is a mean over hospitals; state figures weighted by reporting hospitals come within a point."""
    lake = reports.lake("reported_measures")
    found = reports.sql(
        f"""with weights as (
            select agency_id, period_id, count(mean) as hospitals from {lake} where measure = 'hcahps_response_rate' group by all
        )
        select period_id, measure, sum(mean * hospitals)::double / sum(hospitals) as share
        from {lake} join weights using (agency_id, period_id) where measure like 'h\\_%' escape '\\' group by all"""
    )
    wide = pd.read_csv(reports.data / "national_results.csv")
    national = wide.melt(["release_period", "measure_id"], [f"{box}_box_percentage" for box in BOXES])
    national["period_id"] = _period(national["release_period"])
    national["measure"] = (
        national["measure_id"].str.lower() + "_" + national["variable"].str.removesuffix("_percentage")
    )
    both = found.merge(national, on=["period_id", "measure"], validate="one_to_one")
    assert len(both) == len(national) == 270
    # All three are rounded to whole points before publication, which alone may move a mean by half a point.
    assert (both["share"] - both["value"]).abs().max() < 1.0


def test_bands_of_completed_surveys(reports: Any, hospitals: pd.DataFrame) -> None:
    found = reports.sql(
        f"""select n, n_low, n_high, count(*) as hospitals from {reports.lake("reported_measures")}
        where measure = 'hcahps_completed_surveys' group by all"""
    )
    given = hospitals["completed_surveys"]
    numbers = pd.to_numeric(given, errors="coerce").dropna()
    known = found[found["n"].notna()]
    assert known["hospitals"].sum() == len(numbers)
    assert (known["n"] * known["hospitals"]).sum() == numbers.sum()
    assert known[["n_low", "n_high"]].isna().all(axis=None)
    bands = found[found["n"].isna()].set_index("n_low")
    words = {300: "300 or more", 100: "Between 100 and 299"}
    for low, text in words.items():
        assert bands.loc[low, "hospitals"] == (given == text).sum()
    assert pd.isna(bands.loc[300, "n_high"])
    assert bands.loc[100, "n_high"] == 299
    small = bands.loc[[0]].set_index("n_high")["hospitals"].to_dict()
    assert small == {49: (given == "FEWER THAN 50").sum(), 99: (given == "Fewer than 100").sum()}
    assert found["hospitals"].sum() == (given != "Not Available").sum() == 43_219 - 5_772


def test_response_rates(reports: Any, hospitals: pd.DataFrame) -> None:
    rates = hospitals[hospitals["response_rate"] != "Not Available"].assign(
        period_id=_period(hospitals["release_period"]), rate=lambda rows: rows["response_rate"].astype(float)
    )
    expected = rates.groupby(["state", "period_id"])["rate"].agg(["size", "sum"])
    found = reports.sql(
        f"""select agency_id, period_id, count(mean) as size, sum(mean)::double as sum
        from {reports.lake("reported_measures")} where measure = 'hcahps_response_rate' and mean is not null group by all"""
    ).set_index(["agency_id", "period_id"])
    pd.testing.assert_frame_equal(found.sort_index(), expected, check_dtype=False, check_names=False)
    branches = reports.one(f"select count(distinct branch_id) from {reports.lake('reported_measures')}")
    # 5,251 facilities by the README; those that never gave a figure have no row.
    answering = hospitals[
        (hospitals["completed_surveys"] != "Not Available") | (hospitals["response_rate"] != "Not Available")
    ]
    assert hospitals["facility_id"].nunique() == 5251
    assert branches == answering["facility_id"].nunique()


def test_two_files_of_one_provider_stand_side_by_side(reports: Any) -> None:
    found = reports.sql(
        f"""select count(distinct submission_id) as submissions from {reports.lake("reported_measures")}
        where agency_id = 'AK' and period_id = '2014Q3'"""
    )
    assert found.loc[0, "submissions"] == 2


@pytest.fixture(scope="module")
def benchmarks(reports: Any) -> Any:
    reports.build()
    return reports


def test_shares_without_a_base_are_not_published(benchmarks: Any) -> None:
    """The state file gives no number of respondents; a figure of unknowable precision is withheld, not guessed."""
    found = benchmarks.scores("agency", "h_comp_1_top_box")
    assert len(found) == 458
    assert set(found["status_reason"]) == {"base_unknown"}
    assert found[["score", "n", "ci_low"]].isna().all(axis=None)


def test_response_rates_of_hospitals_with_enough_answers(benchmarks: Any, hospitals: pd.DataFrame) -> None:
    bands = {"300 or more": 300, "Between 100 and 299": 100, "FEWER THAN 50": 0, "Fewer than 100": 0}
    known = hospitals[hospitals["response_rate"] != "Not Available"]
    at_least = pd.to_numeric(known["completed_surveys"].replace({**bands, "Not Available": None}))
    known = known.assign(
        unit_id=known["state"] + "/" + known["facility_id"],
        period_id=_period(known["release_period"]),
        at_least=at_least,
    ).set_index(["unit_id", "period_id"])
    found = benchmarks.scores("branch", "hcahps_response_rate")
    reported = found[found["status"] == "reported"]
    enough = known[known["at_least"] >= 30]
    # Where one small hospital of a state is withheld, the next smallest is too.
    withheld = found.index[found["status"] == "suppressed"].intersection(enough.index)
    assert set(reported.index) | set(withheld) == set(enough.index)
    assert len(withheld) < 0.01 * len(enough)
    expected = enough.loc[reported.index, "response_rate"].astype(float)
    pd.testing.assert_series_equal(reported["score"], expected, check_names=False)


def test_the_page_says_what_comes_of_the_set(benchmarks: Any) -> None:
    """`docs/evidence/real_sets.md`: owed positions with a verdict, and the reasons of the others."""
    assert counted(benchmarks.workspace) == published()["us_hcahps_maven"]
