"""Figures of complaints in worlds of known truth: pressure to withdraw, and stock that was never at risk.

Belongs here: `methodology.complaints`. Does not belong here: curves (`test_survival`, `test_competing_risks`) and how
cases become cells (dbt's unit tests).
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from methodology.complaints import complaint_figures

THRESHOLDS = {
    "interval_level": 0.95,
    "resolution_target_days": 5.0,
    "acknowledgement_target_days": 3.0,
    "resolution_horizon_days": 30.0,
    "withdrawal_competes": 1.0,
}
KEY = {"unit_type": "agency", "unit_id": "a", "agency_id": "a", "period_id": "2026Q1"}
COUNTS = pd.DataFrame(columns=[*KEY, "figure", "base_count", "hits_count", "slice_ids"])
PAIRS = pd.DataFrame(
    columns=[
        "agency_id",
        "period_id",
        "both_count",
        "cases_only_count",
        "visits_only_count",
        "neither_count",
        "slice_ids",
    ]
)
KINDS = ["ended_count", "competing_count", "censored_count", "entered_count"]


def _times(clock: str, entry: Any, left: Any, kind: Any) -> pd.DataFrame:
    """Cells of cases by hours at entry and at leaving, and how they left: 0 ended, 1 by the competing way, 2 open."""
    cells = np.concatenate([np.eye(4)[np.asarray(kind)], np.tile(np.eye(4)[3], (len(entry), 1))])
    rows = pd.DataFrame(cells, columns=KINDS).assign(clock=clock, slice_ids="x", **KEY)
    return rows.assign(duration_hours=np.concatenate([np.ceil(left), np.floor(entry)]))


def _figures(times: pd.DataFrame, **thresholds: float) -> pd.DataFrame:
    counts = COUNTS.astype({"base_count": float, "hits_count": float, "figure": str})
    made = complaint_figures(times, counts, PAIRS, {**THRESHOLDS, **thresholds})
    return made.set_index("figure")


def _pressed(cases: int, pressed: float) -> tuple[Any, Any, Any]:
    """Days of resolution (21 % within five) and of withdrawal, for a share pressed within a week and a half; never for others."""
    random = np.random.default_rng(15)
    resolved = np.exp(np.log(5) - stats.norm.ppf(0.21) * 0.8 + 0.8 * random.standard_normal(cases))
    withdrawn = np.where(random.random(cases) < pressed, random.uniform(0, 7.6, cases), np.inf)
    return resolved, withdrawn, np.minimum(resolved, withdrawn)


def test_pressing_people_to_withdraw_resolves_nothing() -> None:
    """21 % are resolved within five days; with 40 % pressed to withdraw 42 % were said to be."""
    resolved, withdrawn, left = _pressed(20_000, 0.4)
    is_resolved = resolved < withdrawn
    times = _times("resolved", np.zeros(left.size), 24 * left, np.where(is_resolved, 0, 1))
    found = _figures(times).loc["resolved_in_target_share"]
    # All cases were watched to their end, so the truth in this sample is counted.
    truth = 100 * np.mean(is_resolved & (np.ceil(24 * resolved) <= 120))
    assert truth < 21
    assert found["value"] == pytest.approx(truth, abs=1e-9)
    # As it was: whoever left was resolved.
    before = _figures(times, withdrawal_competes=0.0).loc["resolved_in_target_share"]
    assert before["value"] == pytest.approx(100 * np.mean(np.ceil(24 * left) <= 120), abs=1e-9)
    assert before["value"] > 40


def test_withdrawals_are_a_figure_of_their_own() -> None:
    resolved, withdrawn, left = _pressed(4000, 0.4)
    times = _times("withdrawn", np.zeros(left.size), 24 * left, np.where(withdrawn < resolved, 0, 1))
    found = _figures(times).loc["withdrawn_share"]
    truth = 100 * np.mean((withdrawn < resolved) & (withdrawn <= 30))
    assert found["value"] == pytest.approx(truth, abs=1e-9)
    assert found["ci_low"] < truth < found["ci_high"]
    # Watched to their end they are a binomial share.
    assert found["standard_error"] == pytest.approx(np.sqrt(truth * (100 - truth) / 4000), rel=1e-9)


def test_cases_inherited_are_no_sample_of_the_first_days() -> None:
    """Five new cases, and two hundred taken over at three weeks: 205 were not watched over the first five days."""
    entry = np.concatenate([np.zeros(5), np.full(200, 24.0 * 21)])
    left = np.concatenate([np.array([10.0, 30, 60, 90, 200]), np.full(200, 24.0 * 40)])
    times = _times("resolved", entry, left, np.zeros(205, int))
    found = _figures(times)
    assert found["n"].to_dict() == {"median_days": 5, "resolved_in_target_share": 5, "restricted_mean_days": 5}
