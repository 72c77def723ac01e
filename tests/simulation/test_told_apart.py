"""Verdicts against a truth worked out by hand.

Belongs here: `simulation.told_apart`. Does not belong here: whether verdicts are right (`test_coverage`).
"""

import pandas as pd
import pytest

from simulation.told_apart import told_apart


def test_by_hand() -> None:
    """Group g: 70, 70, 82 (others' means 76, 76, 70: -6, -6, +12); group h in the national frame: 74 against 74.0."""
    base = {"metric_id": "m", "period_id": "q", "instrument_id": "i", "polarity": 1, "comparability_reason": None}
    said = [
        ("a", "g", "group", "worse", 0.9),
        ("b", "g", "group", "no_clear_difference", None),
        ("c", "g", "group", "worse", 0.7),
        ("d", "h", "national", "no_clear_difference", None),
        ("e", "h", None, None, None),
    ]
    columns = ["agency_id", "peer_group", "peer_frame", "verdict", "p_right"]
    positions = pd.DataFrame(said, columns=columns).assign(**base)
    values = [("a", 70.0), ("b", 70.0), ("c", 82.0), ("d", 74.0)]
    truth = pd.DataFrame(values, columns=["agency_id", "true_value"]).assign(metric_id="m", period_id="q")
    found = told_apart(positions, truth)
    assert (found.owed, found.with_verdict) == (5, 0.8)
    assert (found.large, found.large_told) == (3, pytest.approx(2 / 3))
    assert (found.equal, found.equal_told) == (1, 0)
    assert (found.told, found.told_wrong, found.expected_wrong) == (2, 0.5, pytest.approx(0.2))
