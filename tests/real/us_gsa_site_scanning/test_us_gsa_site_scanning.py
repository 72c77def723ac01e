"""GSA site scanning: ten snapshots of federal websites, several per quarter, agencies renamed, agency blank from 2026 on.

Expected figures are computed here with pandas from the raw files.
"""

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from ingestion.contract import load_contracts
from ingestion.decisions import accept
from ingestion.slices import decide, write_slices
from ingestion.submission_ledger import read_accounts
from tests.real.verdicts import counted, published


@pytest.fixture(scope="module")
def scans(open_set: Callable[..., Any]) -> Any:
    real = open_set("us_gsa_site_scanning")
    assert real.land() == 20
    real.receive()
    # Three small agencies lost more than half of their websites between two snapshots of a quarter: four deliveries to few of the
    # hundreds of slices wait for a person, who knows that a snapshot is whole.
    contracts = load_contracts(real.workspace.registry)
    waiting = decide(read_accounts(real.workspace), contracts)[2]
    assert len(waiting) == 4 and all(2 * one.rows < one.rows_before for one in waiting)
    while waiting:
        # The latest decides for those before it.
        latest = waiting[-1].account.submission_id
        accept(real.workspace, latest, "a snapshot is whole", datetime(2026, 10, 1, tzinfo=UTC), "operator", contracts)
        waiting = decide(read_accounts(real.workspace), contracts)[2]
    write_slices(real.workspace, read_accounts(real.workspace), contracts)
    return real


@pytest.fixture(scope="module")
def raw(scans: Any) -> pd.DataFrame:
    """Return all snapshots, each row with its day, its quarter and the agency's id by name or alias."""
    identities = {}
    with (scans.workspace.registry / "agencies.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            for name in [row["name_en"], *filter(None, row["aliases"].split("|"))]:
                identities[name] = row["agency_id"]
    parts = []
    for path in sorted((scans.data / "base_consumer_monthly").glob("*.csv")):
        day = re.findall(r"\d{4}-\d{2}-\d{2}", path.name)[0]
        part = pd.read_csv(path, dtype=str, keep_default_na=False)
        parts.append(part.assign(day=pd.Timestamp(day)))
    rows = pd.concat(parts, ignore_index=True)
    rows["agency_id"] = rows["agency"].map(identities)
    assert rows.loc[rows["agency"] != "", "agency_id"].notna().all()
    rows["period_id"] = rows["day"].dt.to_period("Q").astype(str)
    rows["visits"] = pd.to_numeric(rows["visits"])
    return rows


def test_visits_by_agency_and_snapshot(scans: Any, raw: pd.DataFrame) -> None:
    known = raw.dropna(subset=["agency_id", "visits"])
    expected = known.groupby(["agency_id", "day"])["visits"].agg(["size", "sum"])
    found = scans.sql(
        f"""select agency_id, used_on::timestamp as day, count(*) as size, sum(started) as sum
        from {scans.lake("service_usage")} group by all"""
    ).set_index(["agency_id", "day"])
    assert found.index.get_level_values("day").nunique() == 10
    pd.testing.assert_frame_equal(found.sort_index(), expected, check_dtype=False, check_index_type=False)


def test_all_snapshots_of_a_quarter_count_for_visits(scans: Any) -> None:
    found = scans.sql(
        f"""select period_id, count(distinct used_on) as days, count(distinct submission_id) as submissions
        from {scans.lake("service_usage")} group by all order by all"""
    )
    assert dict(zip(found["period_id"], found["days"], strict=True)) == {
        "2025Q1": 1, "2025Q2": 3, "2026Q1": 1, "2026Q2": 3, "2026Q3": 2,
    }  # fmt: skip
    assert (found["days"] == found["submissions"]).all()


def test_adoption_is_that_of_the_last_snapshot_of_a_quarter(scans: Any, raw: pd.DataFrame) -> None:
    known = raw.dropna(subset=["agency_id"])
    last = known.groupby(["agency_id", "period_id"])["day"].transform("max")
    standing = known[known["day"] == last]
    expected = pd.concat(
        standing.assign(measure=f"{tool}_share", used=standing[tool].str.upper() == "TRUE") for tool in ("dap", "uswds")
    )
    expected = expected.groupby(["agency_id", "period_id", "measure"])["used"].agg(["size", "sum"])
    found = scans.sql(
        f"""select agency_id, period_id, measure, sum(n) as size, sum(numerator)::bigint as sum
        from {scans.lake("reported_measures")} group by all"""
    ).set_index(["agency_id", "period_id", "measure"])
    pd.testing.assert_frame_equal(found.sort_index(), expected, check_dtype=False)
    # An empty cell means a site that does not use the tool, so all sites of the last snapshot are in the base.
    latest = raw[(raw["day"] == raw["day"].max()) & raw["agency_id"].notna()]
    third = found.xs("2026Q3", level="period_id").xs("dap_share", level="measure")
    assert third["size"].sum() >= len(latest) == 8598 - 115


def test_rows_without_agency_are_held_back(scans: Any, raw: pd.DataFrame) -> None:
    blank = raw[raw["agency"] == ""]
    assert (blank["day"] >= "2026-01-01").all()
    for feed, expected in {"service_usage": blank["visits"].notna().sum(), "reported_measures": 2 * len(blank)}.items():
        found = scans.sql(f"select count(distinct row_id) as n from {scans.quarantined(feed)}")
        assert found.loc[0, "n"] == expected


def test_renamed_agencies_are_one(scans: Any, raw: pd.DataFrame) -> None:
    spelled = raw.dropna(subset=["agency_id"]).groupby("agency_id")["agency"].nunique()
    assert (spelled > 1).sum() == 12
    found = scans.one(f"select count(distinct agency_id) from {scans.lake('reported_measures')}")
    assert found == raw["agency_id"].nunique()


@pytest.fixture(scope="module")
def benchmarks(scans: Any) -> Any:
    scans.build()
    return scans


@pytest.mark.parametrize("tool", ["dap", "uswds"])
def test_published_adoption(benchmarks: Any, raw: pd.DataFrame, tool: str) -> None:
    """Share of an agency's websites that use the tool in the quarter's last snapshot: counted in full, and public."""
    known = raw.dropna(subset=["agency_id"])
    standing = known[known["day"] == known.groupby(["agency_id", "period_id"])["day"].transform("max")]
    shares = (standing[tool] != "").groupby([standing["agency_id"], standing["period_id"]]).agg(["size", "mean"])
    expected = shares
    found = benchmarks.scores("agency", f"{tool}_share")
    assert set(found.index) == set(shares.index)
    reported = found[found["status"] == "reported"]
    assert len(reported) > 100
    pd.testing.assert_series_equal(reported["score"], 100 * expected["mean"], check_names=False, rtol=0, atol=5.1e-5)
    assert (reported["n"] == expected["size"]).all()


def test_visits_in_the_warehouse(benchmarks: Any, raw: pd.DataFrame) -> None:
    """A quarter's visits are the sum over its snapshots; without completions no completion rate is published."""
    known = raw.dropna(subset=["agency_id", "visits"])
    expected = known.groupby(["agency_id", "period_id"])["visits"].sum()
    found = benchmarks.warehouse(
        """select agency_id, period_id, sum(started_count)::double as visits
        from intermediate.int_usage__cells group by all"""
    ).set_index(["agency_id", "period_id"])["visits"]
    pd.testing.assert_series_equal(found.sort_index(), expected, check_names=False)
    for metric in ("digital_completion", "digital_take_up"):
        assert "reported" not in set(benchmarks.scores("agency", metric)["status"])


def test_the_page_says_what_comes_of_the_set(benchmarks: Any) -> None:
    """`docs/evidence/real_sets.md`: owed positions with a verdict, and the reasons of the others."""
    assert counted(benchmarks.workspace) == published()["us_gsa_site_scanning"]
