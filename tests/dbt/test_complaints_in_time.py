"""The share of complaints answered in time, in worlds of known truth, through the SQL that makes the cells.

Belongs here: `int_complaints__cells` on cases by the hundred thousand. Does not belong here: single cases (dbt's unit tests).
"""

import re

import duckdb
import numpy as np
import pandas as pd
import pytest

from warehouse.dbt_runner import DBT

CELLS = DBT / "models" / "intermediate" / "cells" / "by_slice" / "int_complaints__cells.sql"
KEYS = [
    "slice_id",
    "agency_id",
    "service_id",
    "branch_id",
    "region_id",
    "journey_id",
    "channel",
    "category_code",
    "submission_id",
    "outcome",
]
QUARTER, EXTRACT = pd.Timestamp("2026-01-01"), pd.Timestamp("2026-04-05")


def _cells(cases: pd.DataFrame) -> "pd.Series[float]":
    """Sums of the model's columns: its SQL with the rows in place of the pending ones, each the latest version of its case."""
    sql = CELLS.read_text("utf-8").replace("{{ pending_rows('complaints') }}", "cases")
    sql = sql.replace("{{ age_of_version('complaints') }}", "1")
    assert not re.search(r"\{[{%]", sql)
    with duckdb.connect() as connection:
        connection.register("cases", cases)
        return connection.execute(sql).df().select_dtypes("number").sum()


def _world(due_days: float, withdrawn: float = 0.0, cases: int = 200_000) -> tuple[pd.DataFrame, float]:
    """Cases of a quarter, extracted five days after it, with log-normal durations (median 12 days); the true share in time."""
    random = np.random.default_rng(9)
    days = 12 * np.exp(0.8 * random.standard_normal(cases))
    gone = random.random(cases) < withdrawn
    opened = QUARTER + pd.to_timedelta(random.uniform(0, 90, cases), unit="D")
    answered = pd.Series(opened + pd.to_timedelta(days, unit="D"))
    rows = pd.DataFrame(dict.fromkeys(KEYS, "x"), index=range(cases)).assign(
        period_id="2026Q1",
        opened_at=opened,
        due_at=opened + pd.Timedelta(days=due_days),
        resolved_at=answered.where(answered <= EXTRACT),
        extracted_at=EXTRACT,
        outcome=np.where(gone, "withdrawn", "upheld"),
        reopened_count=0,
        **dict.fromkeys(["acknowledged_at", "escalated_at", "closed_at"], pd.NaT),
    )
    return rows, float(100 * np.mean((days <= due_days) & ~gone))


@pytest.mark.parametrize("due_days", [14, 24, 33])
def test_cases_not_yet_due_do_not_flatter(due_days: float) -> None:
    """As it was, 58, 80 and 90 % were shown as 59, 83 and 92: of cases due after the extract the quick ones counted."""
    rows, truth = _world(due_days)
    cells = _cells(rows)
    # Three standard errors of 100,000 cases and more: under half a point.
    assert 100 * cells["in_time_by_extract_count"] / cells["due_by_extract_count"] == pytest.approx(truth, abs=0.5)
    before = 100 * cells["in_time_count"] / cells["due_count"]
    assert before > truth + 1


def test_a_withdrawn_case_was_not_answered() -> None:
    rows, truth = _world(14, withdrawn=0.3)
    cells = _cells(rows)
    assert 100 * cells["in_time_by_extract_count"] / cells["due_by_extract_count"] == pytest.approx(truth, abs=0.5)
    assert truth < 42
