"""Baltimore 311: one table as CSV and as spreadsheet, with two schemes of ids, unequal agencies and addresses to drop.

Expected figures are computed here with pandas from the raw CSV; the counts in capitals come from the data set's README.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from ingestion.feeds import LINEAGE, load_feeds
from tests.real.verdicts import counted, published

FORMAT = "%m/%d/%Y %I:%M:%S %p"
IN_TIME, LATE, NOT_CLOSED, NOT_DUE = 7_988, 1_567, 208, 286
LINEAGE_COLUMNS = set(LINEAGE)


@pytest.fixture(scope="module")
def requests(open_set: Callable[..., Any]) -> Any:
    real = open_set("baltimore_311")
    real.land("csv")
    real.receive()
    return real


@pytest.fixture(scope="module")
def raw(requests: Any) -> pd.DataFrame:
    table = pd.read_csv(requests.data / "311_sample.csv", dtype=str, keep_default_na=False)
    for column in ("CreatedDate", "DueDate", "CloseDate"):
        table[column] = pd.to_datetime(table[column].replace("", None), format=FORMAT)
    return table


def test_all_requests_are_accepted_with_their_agency(requests: Any, raw: pd.DataFrame) -> None:
    names = requests.sql(f"select * from read_csv('{requests.workspace.registry}/agencies.csv', all_varchar = true)")
    name_of = dict(zip(names["agency_id"], names["name_en"], strict=True))
    found = requests.sql(f"select agency_id, count(*) as n from {requests.lake('complaints')} group by all")
    assert {name_of[agency]: n for agency, n in found.itertuples(index=False)} == raw["Agency"].value_counts().to_dict()
    assert found["n"].sum() == 10_000
    assert len(found) == 16


def test_due_and_closed(requests: Any, raw: pd.DataFrame) -> None:
    found = requests.sql(
        f"""select count(*) filter (closed_at <= due_at) as in_time, count(*) filter (closed_at > due_at) as late,
            count(*) filter (closed_at is null) as not_closed, count(*) filter (due_at is null) as not_due,
            sum(epoch(closed_at) - epoch(opened_at)) as seconds_open
        from {requests.lake("complaints")}"""
    ).iloc[0]
    assert (found["in_time"], found["late"]) == (IN_TIME, LATE)
    assert (found["not_closed"], found["not_due"]) == (NOT_CLOSED, NOT_DUE)
    assert found["seconds_open"] == (raw["CloseDate"] - raw["CreatedDate"]).dt.total_seconds().sum()


def test_in_time_by_agency_and_period(requests: Any, raw: pd.DataFrame) -> None:
    both = raw.dropna(subset=["CloseDate", "DueDate"])
    both = both.assign(
        period_id=both["CreatedDate"].dt.to_period("Q").astype(str), met=both["CloseDate"] <= both["DueDate"]
    )
    expected = both.groupby(["Agency", "period_id"])["met"].agg(["size", "sum"])
    found = requests.sql(
        f"""select names.name_en as "Agency", period_id, count(*) as size, count(*) filter (closed_at <= due_at) as sum
        from {requests.lake("complaints")} cases
        join read_csv('{requests.workspace.registry}/agencies.csv', all_varchar = true) names using (agency_id)
        where closed_at is not null and due_at is not null group by all"""
    ).set_index(["Agency", "period_id"])
    pd.testing.assert_frame_equal(found.sort_index(), expected, check_dtype=False, check_names=False)


def test_statuses_and_channels(requests: Any, raw: pd.DataFrame) -> None:
    lake = requests.lake("complaints")
    outcomes = (
        requests.sql(f"select outcome, count(*) as n from {lake} group by all").set_index("outcome")["n"].to_dict()
    )
    duplicates = raw["SRStatus"].str.contains("(Duplicate)", regex=False).sum()
    assert outcomes["withdrawn"] == duplicates
    assert set(outcomes) - {"withdrawn"} == {key for key in outcomes if pd.isna(key)}
    channels = requests.sql(f"select channel, count(*) as n from {lake} where channel is not null group by all")
    words = {
        "Phone": "phone",
        "API": "third_party",
        "Mail": "post",
        "Email": "email",
        "Web": "website",
        "Other": "other",
    }
    expected = raw["MethodReceived"].map(words).value_counts().to_dict()
    assert dict(zip(channels["channel"], channels["n"], strict=True)) == expected


def test_addresses_are_not_stored(requests: Any, raw: pd.DataFrame) -> None:
    stored = requests.sql(f"select * from {requests.lake('complaints')}")
    assert set(stored) == {column.name for column in load_feeds()["complaints"].columns} | LINEAGE_COLUMNS
    texts = stored.select_dtypes(include=["object", "string"])
    words = {str(text) for column in texts for text in texts[column].dropna().unique()}
    assert not words & set(raw["Address"].unique()) - {""}
    assert not words & set(raw["GeoLocation"].unique()) - {""}


@pytest.fixture(scope="module")
def sheet(open_set: Callable[..., Any]) -> Any:
    real = open_set("baltimore_311")
    real.land("xlsx")
    real.receive()
    return real


def test_spreadsheet_gives_the_same_rows(requests: Any, sheet: Any) -> None:
    key = ["agency_id", "case_id"]
    rows = [
        real.sql(f"select * from {real.lake('complaints')}")
        .drop(columns=["submission_id", "row_id"])
        .sort_values(key)
        .reset_index(drop=True)
        for real in (requests, sheet)
    ]
    assert len(rows[0]) == 10_000
    pd.testing.assert_frame_equal(rows[0], rows[1])


@pytest.fixture(scope="module")
def benchmarks(requests: Any) -> Any:
    requests.build()
    return requests


def _expected_in_time(raw: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    """Due: past its due time when the last case was opened; in time: closed by its due time, and no duplicate (withdrawn)."""
    known_until = raw["CreatedDate"].max()
    due = raw[raw["DueDate"] <= known_until]
    is_duplicate = due["SRStatus"].str.contains("(Duplicate)", regex=False)
    due = due.assign(
        unit_id=due["Agency"].map(dict(zip(names["name_en"], names["agency_id"], strict=True))),
        period_id=due["CreatedDate"].dt.to_period("Q").astype(str),
        in_time=100.0 * ((due["CloseDate"] <= due["DueDate"]) & ~is_duplicate),
    )
    return due.groupby(["unit_id", "period_id"])["in_time"].agg(["size", "mean"])


def test_published_share_answered_in_time(benchmarks: Any, raw: pd.DataFrame) -> None:
    names = benchmarks.sql(
        f"select * from read_csv('{benchmarks.workspace.registry}/agencies.csv', all_varchar = true)"
    )
    expected = _expected_in_time(raw, names)
    found = benchmarks.scores("agency", "complaints_in_time")
    assert set(found.index) == set(expected.index)
    reported = expected[expected["size"] >= 30]
    assert len(reported) > 70
    pd.testing.assert_series_equal(
        found.loc[reported.index, "score"], reported["mean"], check_names=False, rtol=0, atol=5.1e-5
    )
    assert (found.loc[reported.index, "n"] == reported["size"]).all()


def test_small_agencies_stay_hidden(benchmarks: Any, raw: pd.DataFrame) -> None:
    """Five agencies have fewer than ten requests in five years."""
    names = benchmarks.sql(
        f"select * from read_csv('{benchmarks.workspace.registry}/agencies.csv', all_varchar = true)"
    )
    sizes = raw["Agency"].value_counts()
    small = set(names.loc[names["name_en"].isin(sizes[sizes < 10].index), "agency_id"])
    assert len(small) == 5
    found = benchmarks.scores("agency", "complaints_in_time").reset_index()
    hidden = found[found["unit_id"].isin(small)]
    assert len(hidden)
    assert set(hidden["status"]) == {"suppressed"}
    assert hidden[["score", "n", "ci_low", "ci_high"]].isna().all(axis=None)
    below = found[found["status"] == "reported"]["n"].min()
    assert below >= 30


def test_steps_nobody_recorded_are_no_zero(benchmarks: Any) -> None:
    """The table has no times of acknowledgement or escalation and no reopenings: absent, not 0 %."""
    for metric in ("complaints_acknowledged", "complaints_escalated", "complaints_reopened", "complaints_upheld"):
        assert benchmarks.scores("agency", metric).empty


def test_spreadsheet_gives_the_same_benchmarks(benchmarks: Any, sheet: Any) -> None:
    sheet.build()
    query = "select * from benchmarks.bench_scores order by score_id"
    pd.testing.assert_frame_equal(benchmarks.warehouse(query), sheet.warehouse(query))


def test_the_page_says_what_comes_of_the_set(benchmarks: Any) -> None:
    """`docs/evidence/real_sets.md`: owed positions with a verdict, and the reasons of the others."""
    assert counted(benchmarks.workspace) == published()["baltimore_311"]
