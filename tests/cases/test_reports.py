"""Reports in other rhythms than the quarter: monthly rows, annual figures beside quarterly ones, figures with and without a base.

Belongs here: what of it a contract can say. Does not belong here: how repeated figures are joined (`tests/dbt`).
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from expectations.intake import receive
from ingestion.feeds import load_feeds
from tests.ingestion.conftest import Centre, build

AGENCY = {"name": "agency_id", "constant": "a01"}
QUARTERS = {"2025-07": "2025Q3", "2025-08": "2025Q3", "2025-09": "2025Q3", "2025-10": "2025Q4"}


def received(folder: Path, feed: str, properties: list[dict[str, Any]], content: str) -> tuple[Centre, Any]:
    centre = build(folder / "centre")
    centre.contract({"feed": feed, "properties": [AGENCY, *properties]})
    centre.land(content)
    return centre, receive(centre.deliveries()[0], centre.workspace, centre.registry)


@pytest.mark.parametrize(
    ("feed", "day", "properties"),
    [
        ("reported_measures", "reported_on", [{"name": "measure", "constant": "m"}, {"name": "numerator", "physicalName": "met"},
                                              {"name": "n", "physicalName": "total"}]),
        ("service_standards", "measured_on", [{"name": "standard_id", "constant": "s"}, {"name": "met", "physicalName": "met"},
                                              {"name": "total", "physicalName": "total"}]),
    ],
)  # fmt: skip
def test_monthly_rows(tmp_path: Path, feed: str, day: str, properties: list[dict[str, Any]]) -> None:
    """12,765 of 12,765 rows were duplicates of each other: the month was no part of their key."""
    rows = "".join(f"{month},8{number},100\n" for number, month in enumerate(QUARTERS))
    month = {"name": day, "physicalName": "month", "dateFormat": ["%Y-%m"]}
    centre, account = received(tmp_path, feed, [*properties, month], f"month,met,total\n{rows}")
    assert (account.status, account.accepted, account.quarantined) == ("accepted", 4, 0)
    assert [period for (period,) in centre.rows("period_id")] == list(QUARTERS.values())


def test_the_same_month_twice_is_still_a_conflict(tmp_path: Path) -> None:
    properties = [{"name": "standard_id", "constant": "s"}, {"name": "met", "physicalName": "met"}]
    month = {"name": "measured_on", "physicalName": "month", "dateFormat": ["%Y-%m"]}
    _, account = received(
        tmp_path, "service_standards", [*properties, month], "month,met\n2025-07,1\n2025-07,2\n2025-08,3\n"
    )
    assert account.rule_counts == {"duplicate_key": 2, "submission_refused": 1}


def test_annual_rows_beside_quarterly_ones(tmp_path: Path) -> None:
    """A year stands in the quarter its last month lies in; the measure says which of the two a row is."""
    properties = [
        {"name": "measure", "physicalName": "kind", "labels": {"Year": "m_yearly", "Quarter": "m"}},
        {"name": "period_id", "physicalName": "period", "yearEnds": 3},
        {"name": "mean", "physicalName": "percent", "unit": "percent"},
        {"name": "n", "physicalName": "n"},
    ]
    content = "kind,period,percent,n\nYear,2024/25,85%,400\nQuarter,Q1 2025,84.5,100\nQuarter,Q2 2025,86,\n"
    centre, account = received(tmp_path, "reported_measures", properties, content)
    assert account.accepted == 3
    assert centre.rows("measure, period_id, mean::double, n") == [
        ("m_yearly", "2025Q1", 85, 400), ("m", "2025Q1", 84.5, 100), ("m", "2025Q2", 86, None),
    ]  # fmt: skip


def test_keys_name_columns_of_their_feeds() -> None:
    for feed in load_feeds().values():
        assert set(feed.key) <= set(feed.by_name)
        assert isinstance(feed.lake_schema, pa.Schema)
