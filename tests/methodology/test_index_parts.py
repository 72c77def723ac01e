"""Who gains by what is delivered to an index: nobody by measuring a part so that it compares with nobody's.

Belongs here: `methodology.index_parts` and its gate. Does not belong here: the model around it (`tests/dbt/test_index.py`), the
formulas (`test_index`).
"""

from collections.abc import Hashable
from typing import Any

import pandas as pd
import pytest

from methodology.index_indicators import comparable_scores
from methodology.index_parts import index_parts
from methodology.shared_people import COLUMNS

THRESHOLDS = {
    "minimum_peers": 5,
    "index_minimum_indicators": 2,
    "index_data_threshold": 0.5,
    "index_weight_spread": 0.25,
}
THRESHOLDS |= {"monte_carlo_draws": 400, "monte_carlo_seed": 1, "index_sensitivity_draws": 32, "interval_level": 0.95}
METRICS = ("m1", "m2", "m3")
AGENCIES = [f"a{number}" for number in range(7)]
NODES = pd.DataFrame(
    {
        "node_id": ["root", *METRICS],
        "parent_id": ["", "root", "root", "root"],
        "metric_id": ["", *METRICS],
        "weight": [None, 1.0, 1.0, 1.0],
        "direction": 1,
        "lower_goalpost": 0.0,
        "upper_goalpost": 100.0,
        "aggregation": ["geometric", "", "", ""],
        "is_required": False,
    }
)


def _index(**other: Any) -> dict[Hashable, Any]:
    """The index of a2, whose m2 is bad (12) and delivered with these columns changed."""
    rows = [
        {
            "agency_id": agency,
            "metric_id": metric,
            "period_id": "q",
            "instrument_id": "i",
            "status": "reported",
            "status_reason": None,
            "score": 20.0 + 10 * number,
            "standard_error": 0.5,
            "weighting": "unweighted",
            "frame_status": "no_frame",
            "mode_set": "web",
            "adjustments": "",
            "score_id": agency + metric,
            "slice_ids": "s",
        }
        for number, agency in enumerate(AGENCIES)
        for metric in METRICS
    ]
    rows = [{**row, "score": 12.0, **other} if row["score_id"] == "a2m2" else row for row in rows]
    made = index_parts(
        pd.DataFrame(rows),
        pd.DataFrame(columns=["agency_id", "metric_id", "period_id", "instrument_id", "mode_group"], dtype=object),
        pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS),
        agencies=pd.DataFrame({"agency_id": AGENCIES, "peer_group": "g"}),
        nodes=NODES,
        thresholds=THRESHOLDS,
    )
    return made[made["part"] == "index"].set_index("agency_id").to_dict("index")["a2"]


@pytest.mark.parametrize(
    "other",
    [
        {"instrument_id": "odd"},
        {"mode_set": "phone"},
        {"weighting": "weighted"},
        {"adjustments": "mix"},
        {"frame_status": "population_not_covered"},
    ],
)
def test_what_compares_with_nobody_never_pays(other: dict[str, str]) -> None:
    """Averaged away, the bad m2 would lift the index: 40 with the other two alone, and some 27 with it."""
    delivered, odd = _index(), _index(**other)
    assert odd["score"] <= delivered["score"]
    assert odd["ci_low"] <= delivered["score"] <= odd["ci_high"]
    assert odd["missing_count"] == 1
    # Its best is what the other two promise with a full m2: (1 + .99 x 40)^2 x 100, to the third root.
    assert odd["score_at_best"] == pytest.approx((40.6**2 * 100) ** (1 / 3))


def test_a_base_withheld_never_pays() -> None:
    """How many cases there were is a number an agency has and can leave out; too few cases are not."""
    withheld = {"status": "suppressed", "score": float("nan"), "weighting": "not_applicable"}
    assert _index(**withheld, status_reason="base_unknown")["missing_count"] == 1
    assert _index(**withheld, status_reason="confidential")["missing_count"] == 0
    assert _index(**withheld | {"status": "refused"}, status_reason="values_missing")["missing_count"] == 1
    assert _index(**withheld | {"status": "not_applicable"}, status_reason="no_cases")["missing_count"] == 0


def test_an_agency_is_one_peer_however_many_instruments_it_used() -> None:
    """Five that delivered and one of them again, withheld, with another instrument are five and not six."""
    reported = pd.DataFrame({"agency_id": AGENCIES[:5], "metric_id": "m1", "instrument_id": "i"}).assign(
        weighting="unweighted", mode_group="web", adjustments=""
    )
    assert comparable_scores(reported, reported.head(1).assign(instrument_id="j"), 6).empty
