"""What a contact changed, in worlds where it changed nothing.

Belongs here: `methodology.closed_loop` on people whose two answers correlate more or less than assumed. Does not belong here: the
formula of regression to the mean (`test_uplift`), figures of the warehouse (`tests/dbt/test_experience_tables`).
"""

import numpy as np
import pandas as pd
import pytest

from methodology.closed_loop import loop_figures
from methodology.parameters import load_methodology

LIMITS = load_methodology("2026.2").thresholds
KEY = {"unit_type": "agency", "unit_id": "a", "agency_id": "a", "period_id": "2026Q1"}
CUTS = [-1.4, -0.7, 0.1, 1.0]


def _loops(correlation: float, people: int, random: np.random.Generator) -> pd.DataFrame:
    """Cells of five-point answers, given twice by everybody who was dissatisfied at first; nothing happened in between."""
    first = random.standard_normal(people)
    again = correlation * first + np.sqrt(1 - correlation**2) * random.standard_normal(people)
    rows = pd.DataFrame({"position": np.searchsorted(CUTS, first), "again": np.searchsorted(CUTS, again)})
    rows["change"] = rows["again"] - rows["position"]
    rows["change2"] = rows["change"] ** 2
    cells = rows.groupby("position").agg(
        loops_count=("change", "size"), sum_uplift=("change", "sum"), sum_uplift2=("change2", "sum")
    )
    cells["recovered_count"] = cells["loops_count"].where(cells.index < 2, 0)
    cells["reached_count"] = cells["recovered_count"]
    zero = ["attempted_count", "outcome_count", "solved_count", "not_solved_count", "declined_count"]
    return cells.reset_index().assign(
        **KEY,
        scale_id="s",
        wording_version="w",
        scale_range=4.0,
        duration_hours=5.0,
        slice_ids="x",
        **dict.fromkeys(zero, 0),
    )


@pytest.mark.parametrize("correlation", [0.6, 0.7, 0.85])
def test_no_uplift_is_claimed_where_nothing_happened(correlation: float) -> None:
    """Thousands of answers narrow the error of sampling, not what is assumed of how people answer twice."""
    random = np.random.default_rng(1)
    told = 0
    for _ in range(60):
        made = loop_figures(_loops(correlation, 10_000, random), LIMITS).set_index("figure").loc["uplift_corrected"]
        told += not made["ci_low"] <= 0 <= made["ci_high"]
    assert told / 60 <= 0.05


def test_limits_keep_their_order_where_those_asked_again_were_the_happier() -> None:
    """Of 100 people at 0 and 100 at 25 the latter answer 30 again: 25 lies above everybody's 12.5, so the rise expected without
    contact is negative, and the corrected uplift 5 + (1 - rho) 12.5 falls with rho: it lies between 6.875 and 11.25."""
    cells = _loops(0.7, 1_000, np.random.default_rng(1)).head(2)
    change = {"loops_count": [100, 100], "recovered_count": [0, 100], "reached_count": [0, 100]}
    cells = cells.assign(**change, sum_uplift=[0, 20], sum_uplift2=[0, 20])
    made = loop_figures(cells, LIMITS).set_index("figure").loc["uplift_corrected"]
    assert made["value"] == pytest.approx(5 + 0.3 * 12.5)
    assert made["ci_low"] < 5 + 0.15 * 12.5
    assert made["ci_high"] > 5 + 0.5 * 12.5
