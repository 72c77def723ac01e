"""World Bank GovTech Maturity Index: 198 economies, two years, 48 indicators on mixed scales, counts and notes at the end.

Expected figures are read here with calamine and computed with pandas; the index itself is the publisher's column GTMI.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from tests.real.verdicts import counted
from tests.real.verdicts import published as on_the_page

GROUPS = {"CGSI": range(1, 18), "PSDI": range(18, 27), "DCEI": range(27, 33), "GTEI": range(33, 49)}
INDICATORS = [f"I-{number}" for number in range(1, 49)]
ABSENT = ["New", "-", ""]


@pytest.fixture(scope="module")
def index(open_set: Callable[..., Any]) -> Any:
    real = open_set("wb_gtmi")
    real.land()
    real.receive()
    return real


@pytest.fixture(scope="module")
def sheet(index: Any) -> pd.DataFrame:
    rows = CalamineWorkbook.from_path(index.data / "Clean_GovTech.xlsx").get_sheet_by_name("Sheet 1").to_python()
    return pd.DataFrame(rows[1:], columns=[str(name) for name in rows[0]])


@pytest.fixture(scope="module")
def assessed(sheet: pd.DataFrame) -> pd.DataFrame:
    """Return one row per economy, year and indicator with a value."""
    economies = sheet[sheet["Code"] != ""]
    long = economies.melt(["Year", "Code"], INDICATORS, "practice_id", "text")
    long = long[~long["text"].isin(ABSENT)]
    period = long["Year"].astype(int).astype(str) + "Q4"
    return long.assign(adoption=long["text"].astype(float), period_id=period, agency_id=long["Code"]).drop(
        columns="text"
    )


def _percentages(assessed: pd.DataFrame) -> pd.Series:
    """I-43 is a ratio, but was delivered as a percentage in 2020."""
    return (assessed["practice_id"] == "I-43") & (assessed["adoption"] > 1)


def test_every_assessed_indicator_is_a_row(index: Any, assessed: pd.DataFrame) -> None:
    expected = assessed[~_percentages(assessed)].groupby(["practice_id", "period_id"])["adoption"].agg(["size", "sum"])
    found = index.sql(
        f"""select practice_id, period_id, count(adoption) as size, sum(adoption::double) as sum
        from {index.lake("maturity_assessments")} group by all"""
    ).set_index(["practice_id", "period_id"])
    pd.testing.assert_frame_equal(found.sort_index(), expected, check_dtype=False, atol=2e-4, rtol=0)
    economies = index.one(f"select count(distinct agency_id) from {index.lake('maturity_assessments')}")
    assert economies == 198


def test_indicators_that_were_not_asked_leave_no_row(index: Any, sheet: pd.DataFrame) -> None:
    found = index.sql(f"select distinct practice_id, period_id from {index.lake('maturity_assessments')}")
    asked_2020 = set(found.loc[found["period_id"] == "2020Q4", "practice_id"])
    year = sheet[sheet["Year"] == 2020]
    new = {name for name in INDICATORS if (year[name] == "New").all()}
    # 1,188 cells by the README: six indicators of 198 economies.
    assert len(new) * len(year) == 1188
    assert asked_2020 == set(INDICATORS) - new


def test_footer_and_percentages_are_held_back(index: Any, sheet: pd.DataFrame, assessed: pd.DataFrame) -> None:
    foot = sheet[sheet["Code"] == ""][INDICATORS]
    footer_cells = int((~foot.isin(ABSENT)).sum().sum())
    percentages = int(_percentages(assessed).sum())
    assert percentages == 190
    held = index.sql(
        f"""select agency_id is null as is_foot, count(*) as n, count(*) filter (
            list_contains([problem.rule for problem in problems], 'adoption_within_maximum')) as out_of_range
        from {index.quarantined("maturity_assessments")} group by all"""
    ).set_index("is_foot")
    assert held["n"].to_dict() == {False: percentages, True: footer_cells}
    assert held.loc[False, "out_of_range"] == percentages


def test_adoption_never_above_its_maximum(index: Any) -> None:
    lake = index.lake("maturity_assessments")
    assert index.one(f"select count(*) from {lake} where adoption > adoption_max or adoption < 0") == 0
    highest = index.sql(f"select practice_id, max(adoption_max)::double as top from {lake} group by all")
    top = highest.set_index("practice_id")["top"]
    assert (top["I-16"], top["I-1"], top["I-35"], top["I-43"]) == (1, 2, 3, 1)


@pytest.fixture(scope="module")
def group_means(assessed: pd.DataFrame, index: Any) -> pd.DataFrame:
    """Mean share of the highest value per group, by hand: the maximum is the highest value of either year, 1 for I-43."""
    rows = assessed[~_percentages(assessed)]
    maximum = rows.groupby("practice_id")["adoption"].max().apply(lambda top: float(-(-top // 1)))
    group_of = {f"I-{number}": group for group, numbers in GROUPS.items() for number in numbers}
    share = 100 * rows["adoption"] / rows["practice_id"].map(maximum)
    group = rows["practice_id"].map(group_of).rename("dimension")
    return share.groupby([rows["agency_id"], rows["period_id"], group]).mean().rename("share").reset_index()


def test_group_means(index: Any, group_means: pd.DataFrame) -> None:
    key = ["agency_id", "period_id", "dimension"]
    found = index.sql(
        f"""select {", ".join(key)}, 100 * avg(adoption::double / adoption_max::double) as share
        from {index.lake("maturity_assessments")} group by all"""
    ).set_index(key)["share"]
    expected = group_means.set_index(key)["share"]
    pd.testing.assert_series_equal(found.sort_index(), expected.sort_index(), rtol=0, atol=1e-3)


def test_index_lies_near_the_published_one(index: Any, sheet: pd.DataFrame) -> None:
    """The publisher weights sub-questions that the file lacks, so the plain mean of groups is near but not equal."""
    found = index.sql(
        f"""with groups as (
            select agency_id, period_id, dimension, avg(adoption::double / adoption_max::double) as share
            from {index.lake("maturity_assessments")} group by all
        )
        select agency_id, period_id, avg(share) as ours from groups group by all"""
    )
    economies = sheet[sheet["Code"] != ""]
    published = pd.DataFrame(
        {
            "agency_id": economies["Code"],
            "period_id": economies["Year"].astype(int).astype(str) + "Q4",
            "published": economies["GTMI"].astype(float),
        }
    )
    both = found.merge(published, on=["agency_id", "period_id"], validate="one_to_one")
    assert len(both) == 396
    for _, year in both.groupby("period_id"):
        assert year["ours"].corr(year["published"]) > 0.98
        assert (year["ours"] - year["published"]).abs().mean() < 0.1


@pytest.fixture(scope="module")
def benchmarks(index: Any) -> Any:
    index.build()
    return index


def test_published_maturity_is_the_mean_of_four_groups(benchmarks: Any, group_means: pd.DataFrame) -> None:
    expected = group_means.groupby(["agency_id", "period_id"])["share"].agg(["size", "mean"])
    assert (expected["size"] == 4).all()
    found = benchmarks.warehouse(
        """select unit_id as agency_id, period_id, status, score::double as score from benchmarks.bench_scores
        where unit_type = 'agency' and metric_id = 'maturity_govtech' and status = 'reported'"""
    ).set_index(["agency_id", "period_id"])
    assert len(found) == 396
    pd.testing.assert_series_equal(found["score"].sort_index(), expected["mean"], check_names=False, rtol=0, atol=1e-3)


def test_economies_have_ranks_verdicts_and_a_change_since_the_last_measurement(
    benchmarks: Any, group_means: pd.DataFrame
) -> None:
    """198 economies measured every second year: nothing of them was placed or compared, for an index has no interval."""
    score = group_means.groupby(["agency_id", "period_id"])["share"].mean().unstack()
    found = benchmarks.warehouse(
        """select positions.agency_id, positions.verdict, positions.rank_low, positions.rank_high,
            trends.change::double as change, trends.compared_period_id
        from benchmarks.bench_peer_positions as positions
        inner join benchmarks.bench_trends as trends on positions.score_id = trends.score_id
        where positions.metric_id = 'maturity_govtech' and positions.period_id = '2022Q4'"""
    ).set_index("agency_id")
    assert len(found) == 198
    now = score["2022Q4"].reindex(found.index)
    assert set(found["verdict"]) == {"better", "no_clear_difference", "worse"}
    others = (now.sum() - now) / 197
    assert ((found["verdict"] == "better") == (now - others >= 5)).all()
    assert (found["rank_low"] - now.round(4).rank(method="min", ascending=False)).abs().max() <= 1
    assert (found["rank_low"] <= found["rank_high"]).all()
    change = (now - score["2020Q4"].reindex(found.index)).rename("change")
    pd.testing.assert_series_equal(found["change"], change, rtol=0, atol=1e-3)
    assert set(found["compared_period_id"]) == {"2020Q4"}


def test_nobody_is_owed_what_is_not_measured(benchmarks: Any) -> None:
    """Of the index, measured in two quarters of nine, 78 % of the published rows were padding."""
    rows = benchmarks.warehouse(
        "select period_id, count(*) as n from benchmarks.bench_scores where unit_type = 'agency' group by all"
    )
    assert dict(zip(rows["period_id"], rows["n"], strict=True)).keys() == {"2020Q4", "2022Q4"}


def test_the_page_says_what_comes_of_the_set(benchmarks: Any) -> None:
    """`docs/evidence/real_sets.md`: owed positions with a verdict, and the reasons of the others."""
    assert counted(benchmarks.workspace) == on_the_page()["wb_gtmi"]
