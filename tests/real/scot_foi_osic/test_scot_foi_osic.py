"""Scottish freedom of information: 112 wide columns per body and year, empty cells, duplicate headers.

Expected figures are computed here with pandas from the raw files; the number of requests in 2020 comes from the data
set's README, and `all_time.csv` is the publisher's own sum over years.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from tests.real.verdicts import counted, published

YEARS = range(2013, 2021)
PAIRS = {
    "foi_on_time": ("FOISA response on time", "FOISA requests"),
    "foi_late": ("FOISA response late", "FOISA requests"),
    "foi_failed": ("FOISA - faliure to respond", "FOISA requests"),
    "foi_full_release": ("FOISA - full release", "FOISA requests"),
    "foi_some_released": ("FOISA - some released", "FOISA requests"),
    "foi_none_released": ("FOISA - none released", "FOISA requests"),
    "foi_none_held": ("FOISA - none held ", "FOISA requests"),
    "foi_refused_cost": ("FOISA refused - cost", "FOISA requests"),
    "foi_review_on_time": ("FOISA review - on time", "FOISA reviews "),
    "foi_review_late": ("FOISA review - late response", "FOISA reviews "),
    "foi_review_upheld": ("FOISA review - wholly/partially upheld", "FOISA reviews "),
    "eir_on_time": ("EIRs response on time", "EIR requests"),
    "eir_late": ("EIRs response late", "EIR requests"),
    "eir_full_release": ("EIRs - full release", "EIR requests"),
    "eir_review_on_time": ("EIRs review - on time", "EIRs reviews"),
}
KEY = ["AuthorityName", "period_id", "measure"]


@pytest.fixture(scope="module")
def returns(open_set: Callable[..., Any]) -> Any:
    real = open_set("scot_foi_osic")
    assert real.land() == 8
    real.receive()
    return real


@pytest.fixture(scope="module")
def expected(returns: Any) -> pd.DataFrame:
    """Return one row per body, year and pair of cells with at least one of the two filled."""
    wanted = {"AuthorityName", *(column for pair in PAIRS.values() for column in pair)}
    parts = []
    for year in YEARS:
        wide = pd.read_csv(returns.data / f"{year}.csv", usecols=sorted(wanted))
        for measure, (numerator, base) in PAIRS.items():
            part = wide[["AuthorityName"]].assign(period_id=f"{year}Q4", measure=measure)
            parts.append(part.assign(numerator=wide[numerator], n=wide[base]))
    return pd.concat(parts).dropna(subset=["numerator", "n"], how="all").set_index(KEY).sort_index()


@pytest.fixture(scope="module")
def found(returns: Any) -> pd.DataFrame:
    rows = returns.sql(
        f"""select names.name_en as "AuthorityName", period_id, measure, numerator::double as numerator, n::double as n
        from {returns.lake("reported_measures")}
        join read_csv('{returns.workspace.registry}/agencies.csv', all_varchar = true) names using (agency_id)"""
    )
    return rows.set_index(KEY).sort_index()


def test_every_filled_pair_arrives(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert len(found) > 25_000
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_empty_is_no_zero(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert found["numerator"].isna().sum() == expected["numerator"].isna().sum() > 0
    assert (found["numerator"] == 0).sum() == (expected["numerator"] == 0).sum() > 0


def test_published_requests_of_2020(found: pd.DataFrame) -> None:
    year = found.xs("2020Q4", level="period_id").xs("foi_on_time", level="measure")
    assert year["n"].sum() == 62_300
    # The file lists 510 bodies; three of them gave no figure at all that year.
    assert len(year) == 507


def test_sums_over_years_are_the_publishers(returns: Any, found: pd.DataFrame) -> None:
    """`all_time.csv` sums 2013 to 2019; it leaves out two bodies' returns and differs for a third."""
    columns = {"foi_on_time": "FOISA response on time", "foi_late": "FOISA response late"}
    published = pd.read_csv(returns.data / "all_time.csv").set_index("AuthorityName").fillna(0)
    earlier = found[found.index.get_level_values("period_id") < "2020Q1"]
    for measure, column in {**columns, "n": "FOISA requests"}.items():
        rows = earlier.xs("foi_on_time" if measure == "n" else measure, level="measure")
        sums = rows["n" if measure == "n" else "numerator"].groupby("AuthorityName").sum()
        both = pd.concat([sums, published[column].rename("published")], axis=1).dropna()
        differing = both[both.iloc[:, 0] != both["published"]].index
        assert len(both) >= 500
        assert set(differing) <= {
            "Castle Rock Edinvar Housing Association Ltd",
            "Elderpark Housing Association Ltd",
            "Western Isles Health Board",
        }


def test_more_answers_than_requests_are_kept(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The publisher says a reply may belong to a request of the year before, so such a row is not refused."""
    above = found[found["numerator"] > found["n"]]
    assert len(above) == (expected["numerator"] > expected["n"]).sum()
    assert len(above.xs("foi_on_time", level="measure")) == 58


@pytest.fixture(scope="module")
def benchmarks(returns: Any) -> Any:
    returns.build()
    return returns


@pytest.mark.parametrize("measure", ["foi_on_time", "foi_full_release", "foi_review_on_time", "eir_on_time"])
def test_published_shares(benchmarks: Any, expected: pd.DataFrame, measure: str) -> None:
    """Requests are public counts, and few are shown too; more answers than requests make no share, which is refused by name."""
    names = benchmarks.sql(
        f"select * from read_csv('{benchmarks.workspace.registry}/agencies.csv', all_varchar = true)"
    )
    rows = expected.xs(measure, level="measure").dropna().reset_index()
    rows["unit_id"] = rows["AuthorityName"].map(dict(zip(names["name_en"], names["agency_id"], strict=True)))
    rows = rows.set_index(["unit_id", "period_id"])
    found = benchmarks.scores("agency", measure)
    counted = rows[rows["n"] > 0]
    shares = counted[counted["numerator"] <= counted["n"]]
    reported = found[found["status"] == "reported"]
    assert set(reported.index) == set(shares.index)
    score = (100 * shares["numerator"] / shares["n"]).reindex(reported.index)
    pd.testing.assert_series_equal(reported["score"], score, check_names=False, rtol=0, atol=5.1e-5)
    refused = found[found["status"] == "refused"]
    assert set(refused.index) == set(counted.index) - set(shares.index)
    assert set(refused["status_reason"]) <= {"numerator_above_base"}


def test_bodies_whose_intervals_part_are_told_apart(benchmarks: Any) -> None:
    """Of two bodies of a group whose intervals share no value, at least every second pair has different verdicts."""
    rows = benchmarks.warehouse(
        """select positions.period_id, peer_group, ci_low::double as low, ci_high::double as high, positions.verdict
        from benchmarks.bench_peer_positions as positions inner join benchmarks.bench_scores as scores using (score_id)
        where positions.metric_id = 'foi_full_release' and peer_frame = 'group' and verdict is not null"""
    )
    parted = told = 0
    for _, own in rows.groupby(["period_id", "peer_group"]):
        low, high, verdict = (own[name].to_numpy() for name in ("low", "high", "verdict"))
        apart = low[:, None] > high
        parted += int(apart.sum())
        told += int((apart & (verdict[:, None] != verdict)).sum())
    assert parted > 1_000
    assert told >= parted / 2


def test_the_page_says_what_comes_of_the_set(benchmarks: Any) -> None:
    """`docs/evidence/real_sets.md`: owed positions with a verdict, and the reasons of the others."""
    assert counted(benchmarks.workspace) == published()["scot_foi_osic"]
