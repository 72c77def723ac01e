"""Survey modes: who may be compared with whom.

Belongs here: `methodology.mode_mixes`. Does not belong here: breaks of a series (`methodology.series`), adjustments.
"""

import pandas as pd

from methodology.parameters import load_methodology
from methodology.series import mode_series

THRESHOLDS = load_methodology("2026.2").thresholds


def test_nearly_all_by_phone_and_nearly_none_are_not_the_same_modes() -> None:
    asked = {"a": {"phone": 95, "web": 5}, "b": {"phone": 5, "web": 95}}
    counts = pd.DataFrame(
        [
            {"agency_id": agency, "period_id": "2026Q1", "stage": None, "item": "i", "mode": mode, "asked_count": n}
            for agency, modes in asked.items()
            for mode, n in modes.items()
        ]
    )
    found = mode_series(counts, thresholds=THRESHOLDS).set_index("agency_id")["mode_set"]
    assert found["a"] != found["b"]
