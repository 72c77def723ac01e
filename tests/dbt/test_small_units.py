"""What a built world says of branches with few answers, and to whom.

Belongs here: `bench_small_units`. Does not belong here: the estimates (`tests/methodology/test_small_units.py`) and what their
intervals hold (`simulation.coverage`).
"""

from collections.abc import Iterator

import duckdb
import pytest

from miyar.workspace import Workspace
from publication.access import Agency, Centre, Public, may_read, row_condition

BRANCHES = """
    select scores.status, coalesce(small.status, 'none') as told, small.estimated_score, small.ci_low, small.ci_high
    from benchmarks.bench_scores as scores
    inner join core.dim_metrics as metrics using (metric_id)
    left join benchmarks.bench_small_units as small using (score_id)
    where scores.unit_type = 'branch' and metrics.feed = 'survey_responses' and metrics.estimator in ('mean', 'proportion')
"""


@pytest.fixture(scope="module")
def warehouse(built_workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        yield connection


def test_branches_that_show_nothing_have_an_estimate_for_their_agency(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.sql(BRANCHES).df()
    assert len(rows) > 100 and (rows["status"] == "suppressed").mean() > 0.9
    assert "none" not in set(rows["told"])
    # In so small a world most branches have fewer than five answers in a year.
    assert set(rows["told"]) == {"reported", "suppressed", "not_applicable"}


def test_an_estimate_lies_in_its_interval_on_the_scale(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.sql(BRANCHES).df().query("told == 'reported'")
    assert (rows["ci_low"] <= rows["estimated_score"]).all() and (rows["estimated_score"] <= rows["ci_high"]).all()
    assert rows["ci_low"].min() >= 0 and rows["ci_high"].max() <= 100


def test_only_the_agency_and_the_centre_read_estimates() -> None:
    assert may_read("bench_small_units", Centre()) and not may_read("bench_small_units", Public())
    assert row_condition("bench_small_units", Agency("a01")) == ("agency_id = ?", ["a01"])
