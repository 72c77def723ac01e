"""What totals of agencies tell of one agency, beside each other.

Belongs here: `methodology.panels` on panels that could be subtracted from each other. Does not belong here: totals by hand
(`tests/dbt/test_trends`) and correlations of their errors (`test_shared_people`).
"""

import numpy as np
import pandas as pd
import pytest

from methodology.panels import panel_members, totals
from methodology.parameters import load_methodology

THRESHOLDS = load_methodology("2026.2").thresholds
SERIES = {"unit_type": "agency", "metric_id": "m", "instrument_id": "i", "period_id": "2025Q4"}


def _nation(groups: list[str], n: list[float]) -> pd.DataFrame:
    """The nation's totals by kind of score, of agencies with these peer groups and n."""
    ids = [f"a{number:02d}" for number in range(len(groups))]
    score = np.linspace(50, 90, len(ids))
    reported = pd.DataFrame({"unit_id": ids, "score": score, "n": n}).assign(
        **SERIES,
        quarter=0,
        standard_error=1.0,
        n_effective=100.0,
        degrees_of_freedom=99.0,
        shared_errors="",
        slice_ids="s",
    )
    frames = pd.DataFrame(columns=[*SERIES, "unit_id", "weight_sum"])
    agencies = pd.DataFrame({"agency_id": ids, "peer_group": groups})
    made = totals(panel_members(reported, frames, agencies, ()), THRESHOLDS, 0)
    return made[made["unit_type"] == "national"].set_index("score_kind")


@pytest.mark.parametrize("rest", [1, 2, 5])
def test_the_nation_less_its_groups_tells_of_nobody(rest: int) -> None:
    """Groups of six and one of one: 19 times the nation's mean less six times each group's is that agency's score."""
    groups = ["g"] * 6 + ["h"] * 6 + ["k"] * 6 + ["l"] * rest
    nation = _nation(groups, [100.0] * len(groups))
    assert set(nation["status"]) == {"suppressed"} and set(nation["status_reason"]) == {"too_few_units"}


def test_a_total_that_one_dominates_is_not_what_the_nation_leaves() -> None:
    """Of the third group one agency has 10,000 of 10,500 answers: its pooled figure is hidden, and the nation's with it."""
    nation = _nation(["g"] * 6 + ["h"] * 6 + ["k"] * 6, [3000.0] * 12 + [10_000.0] + [100.0] * 5)
    assert nation["status"].to_dict() == {"mean_of_agencies": "reported", "pooled": "suppressed"}
    assert nation["status_reason"].dropna().to_dict() == {"pooled": "one_agency_dominates"}


def test_small_groups_that_are_many_together_hide_nothing() -> None:
    nation = _nation(["g"] * 6 + ["h"] * 3 + ["k"] * 3, [100.0] * 12)
    assert set(nation["status"]) == {"reported"}
