"""Visits, digital services and service standards of a built workspace against the rows of its lake.

Belongs here: every figure recomputed from single rows, by pandas and scipy, with the definitions of METHODOLOGY, sections 11
and 12. Does not belong here: what is withheld (dbt unit tests, `tests/publication/test_withheld.py`).
"""

import csv
from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from methodology.estimates import SPARE_ANSWERS
from methodology.parameters import VERSIONS
from miyar.workspace import Workspace

CHECKS = ["listened", "apologised", "solved", "thanked"]
# Cells hold shares to six places, published figures have four.
SIXTH, FOURTH = 1e-5, 5.1e-5


@pytest.fixture(scope="module")
def warehouse(built_workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        yield connection


def _live(workspace: Workspace, feed: str) -> pd.DataFrame:
    """Rows of the lake that count."""
    with duckdb.connect() as connection:
        return connection.execute(
            f"""select rows.*
            from read_parquet('{workspace.lake}/{feed}/*/*.parquet', hive_partitioning = false) as rows
            join read_parquet('{workspace.lake}/slices.parquet') as slices using (slice_id, submission_id)
            where slices.status = 'live'"""
        ).df()


def _digital() -> set[str]:
    with (VERSIONS / "2026.2" / "channels.csv").open(encoding="utf-8") as stream:
        return {row["channel"] for row in csv.DictReader(stream) if row["is_digital"] == "true"}


def test_parts_of_visits_are_means_over_visits(
    built_workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    """A visit scores a part once, by its items' weights; a part's score is the mean over visits with its score interval."""
    rows = _live(built_workspace, "mystery_visits")
    rows["weight"] = rows["item_weight"].fillna(1.0)
    rows["share"] = 100 * rows["score"] / rows["score_max"]
    found = warehouse.execute("select * from intermediate.int_visits__estimated where part <> 'check'").df()
    assert set(found["part"]) >= {"stage", "channel"}
    counted = 0
    for part, own in found.groupby("part"):
        judged = rows.dropna(subset=[part, "share"])
        visits: dict[Any, list[float]] = {}
        for (agency, period, value, _), items in judged.groupby(["agency_id", "period_id", part, "visit_id"]):
            visits.setdefault((agency, period, value), []).append(np.average(items["share"], weights=items["weight"]))
        keys = list(zip(own["agency_id"], own["period_id"], own["part_id"], strict=True))
        assert sorted(keys) == sorted(visits)
        for key, row in zip(keys, own.to_dict("records"), strict=True):
            scores = np.array(visits[key])
            assert row["n"] == scores.size
            assert row["score"] == pytest.approx(scores.mean(), abs=SIXTH)
            if scores.size > 1 and scores.std() > 0:
                error = stats.sem(scores)
                assert row["standard_error"] == pytest.approx(error, abs=SIXTH)
                # Both limits solve (m - mu)^2 = t^2 kappa mu (1 - mu) / n, on 0-1.
                m, n, t = scores.mean() / 100, scores.size, stats.t.isf(0.025, scores.size - 1)
                far = n * min(m, 1 - m)
                kappa = (far * n * (error / 100) ** 2 / (m * (1 - m)) + SPARE_ANSWERS) / (far + SPARE_ANSWERS)
                for limit in (row["ci_low"] / 100, row["ci_high"] / 100):
                    assert (limit - m) ** 2 == pytest.approx(t**2 * kappa * limit * (1 - limit) / n, rel=1e-4)
                assert row["ci_low"] < row["score"] < row["ci_high"]
                counted += 1
    assert counted > 20


def test_checks_of_visits_are_shares_of_visits(
    built_workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    """Listened, apologised, solved, thanked: one verdict a visit, whatever the number of its items; Wilson's interval."""
    rows = _live(built_workspace, "mystery_visits")
    found = warehouse.execute("select * from intermediate.int_visits__estimated where part = 'check'").df()
    assert set(found["part_id"]) == set(CHECKS)
    found = found.set_index(["agency_id", "period_id", "part_id"]).sort_index()
    for check in CHECKS:
        verdicts = rows.dropna(subset=[check]).groupby(["agency_id", "period_id", "visit_id"])[check].any()
        groups = verdicts.groupby(level=["agency_id", "period_id"])
        assert groups.ngroups == (found.index.get_level_values("part_id") == check).sum()
        for (agency, period), own in groups:
            row = found.loc[(agency, period, check)]
            hits, n = int(own.sum()), len(own)
            wilson = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
            assert (row["n"], row["score"]) == (n, pytest.approx(100 * hits / n, abs=1e-9))
            assert row["standard_error"] == pytest.approx(100 * (hits / n * (1 - hits / n) / n) ** 0.5, abs=1e-9)
            assert (row["ci_low"], row["ci_high"]) == pytest.approx((100 * wilson.low, 100 * wilson.high), abs=1e-6)


def test_digital_services_are_those_of_the_rows(
    built_workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    rows = _live(built_workspace, "service_usage").dropna(subset=["service_id"])
    rows["is_digital"] = rows["channel"].isin(_digital())
    found = warehouse.execute("select * from benchmarks.bench_digital_services where status = 'reported'").df()
    found = found.set_index(["agency_id", "service_id", "period_id"])
    checked: dict[str, int] = {}

    def holds(figure: str, told: Any, numerator: float, base: float, factor: float = 100) -> None:
        if base > 0:
            assert float(told) == pytest.approx(factor * numerator / base, abs=FOURTH), figure
            checked[figure] = checked.get(figure, 0) + 1
        else:
            assert pd.isna(told), figure

    groups = dict(list(rows.groupby(["agency_id", "service_id", "period_id"])))
    assert len(found) > 20
    for key, row in found.iterrows():
        every = groups[key]
        own = every[every["is_digital"]]
        rated = own.dropna(subset=["started", "completed"])
        # Every valid end counts, including that of an applicant found not eligible.
        ended = rated["completed"].sum() + rated["not_eligible"].fillna(0).sum()
        assert row["n"] == rated["started"].sum()
        holds("completion", row["completion_share"], ended, rated["started"].sum())
        known = every.dropna(subset=["channel"])
        holds("take_up", row["take_up_share"], own["completed"].sum(), known["completed"].sum())
        for figure in ("failed", "abandoned"):
            base = own.dropna(subset=[figure])
            holds(figure, row[f"{figure}_share"], base[figure].sum(), base["started"].sum())
        up = every.dropna(subset=["minutes_available", "minutes_due"])
        holds("availability", row["availability_share"], up["minutes_available"].sum(), up["minutes_due"].sum())
        holds("minutes", row["minutes_to_complete"], own["duration_minutes"].sum(), own["duration_count"].sum(), 1)
        paid = own.dropna(subset=["cost"])
        holds("cost", row["cost_per_transaction"], paid["cost"].sum(), paid["completed"].sum(), 1)
    assert set(checked) >= {"completion", "take_up", "failed", "abandoned", "minutes"}


def test_service_standards_are_those_of_the_rows(
    built_workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    rows = _live(built_workspace, "service_standards")
    key = ["agency_id", "service_id", "period_id", "standard_id", "standard_kind", "channel"]
    found = warehouse.execute("select * from benchmarks.bench_service_standards").df()
    groups = {
        tuple("" if pd.isna(part) else part for part in name): own for name, own in rows.groupby(key, dropna=False)
    }
    assert len(found) == len(groups) > 10
    reported = 0
    for row in found.to_dict("records"):
        own = groups[tuple("" if pd.isna(row[name]) else row[name] for name in key)]
        both = own.dropna(subset=["met", "total"])
        met, total = both["met"].sum(), both["total"].sum()
        if row["status"] == "reported":
            reported += 1
            assert row["n"] == total >= 30
            assert float(row["attainment"]) == pytest.approx(100 * met / total, abs=FOURTH)
            (target,) = own["target"].unique()
            assert float(row["target"]) == pytest.approx(100 * target, abs=FOURTH)
            assert row["is_target_met"] == (met / total >= target)
            declared = own["is_target_met"].dropna().unique()
            if len(declared) == 1:
                assert row["is_declared_met"] == declared[0]
                assert row["is_contradicted"] == (declared[0] != (met / total >= target))
        else:
            assert pd.isna(row["attainment"]) and pd.isna(row["n"])
            # Small ones, and those next to a small one of the same service.
            siblings = [
                float(each.dropna(subset=["met", "total"])["total"].sum())
                for name, each in groups.items()
                if name[:3] == (row["agency_id"], row["service_id"], row["period_id"])
            ]
            assert row["status"] != "suppressed" or min(s for s in siblings if s > 0) < 30
    assert reported > 10
