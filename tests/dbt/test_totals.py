"""Totals: the mean of agencies and the pooled figure beside it, on worlds small enough to work out by hand.

Belongs here: which agencies make a total, with which weights, and what its change consists of. Does not belong here: changes of
single scores (`test_trends`), the decomposition's formula (`tests/methodology/test_change`).
"""

import pandas as pd
import pytest

from tests.dbt.trend_tables import trends_of

BEFORE, AFTER = "2024Q1", "2025Q1"


def score_rows(rows: list[tuple[str, str, float, float, float | None]]) -> pd.DataFrame:
    """Reported scores of agencies from (agency, period, n, score, standard error)."""
    return pd.DataFrame(
        [
            {
                "score_id": f"{agency}/{period}",
                "unit_type": "agency",
                "unit_id": agency,
                "agency_id": agency,
                "metric_id": "in_time",
                "instrument_id": "administrative",
                "period_id": period,
                "status": "reported",
                "status_reason": None,
                "score": score,
                "standard_error": error,
                "n": n,
                "n_effective": n,
                "ci_low": None,
                "ci_high": None,
                "series_id": BEFORE,
                "weighting": "not_applicable",
                "adjustments": "",
                "slice_ids": f"{agency}-{period}",
            }
            for agency, period, n, score, error in rows
        ]
    ).astype({"status_reason": "str", "ci_low": "float64", "ci_high": "float64"})


def many_rise_one_falls() -> pd.DataFrame:
    """Thirty agencies' requests answered in time, as in New Zealand: 29 small ones rise, the large one falls.

    Before: 87,000 requests at 98.6 % and 29 x 2,000 at 92.6 %. A year later: 68,875 at 76.3 % and 29 x 2,000 at 97.3 %.
    """
    small = [f"small{number:02}" for number in range(29)]
    return score_rows(
        [
            ("large", BEFORE, 87_000, 98.6, 0.05),
            ("large", AFTER, 68_875, 76.3, 0.1),
            *((agency, BEFORE, 2_000, 92.6, 0.5) for agency in small),
            *((agency, AFTER, 2_000, 97.3, 0.5) for agency in small),
        ]
    )


def test_the_mean_of_agencies_rises_while_all_requests_fall() -> None:
    """By hand: (98.6 + 29 x 92.6) / 30 = 92.8 and (76.3 + 29 x 97.3) / 30 = 96.6; of all requests
    .6 x 98.6 + .4 x 92.6 = 96.2 and (68,875 x 76.3 + 58,000 x 97.3) / 126,875 = 85.9.
    """
    made = trends_of(many_rise_one_falls()).loc[("national", "all", "in_time", AFTER)].set_index("statistic")
    assert made.loc["mean_of_agencies", ["score", "year_change"]].tolist() == pytest.approx([96.6, 3.8])
    assert made.loc["pooled", ["score", "year_change"]].tolist() == pytest.approx([85.9, -10.3])
