"""Errors that agencies share because one study adjusted them all: `methodology.shared_errors` and who reads it.

Belongs here: verdicts, neighbours and totals in worlds whose studies err. Does not belong here: the adjustments (`test_adjustment`,
`test_crosswalk`).
"""

import numpy as np
import pandas as pd
import pytest
from tests.methodology.test_positions import THRESHOLDS, _members

from methodology.positions import positions

WORLDS, ERROR, STUDY = 150, 1.0, 3.0
KEY = ["agency_id", "metric_id", "period_id", "instrument_id"]


def _verdicts(seed: int, share: np.ndarray) -> pd.DataFrame:
    """Positions of equal agencies whose `share` of phone answers one study with an error of STUDY took out."""
    rng = np.random.default_rng(seed)
    score = 70 + ERROR * rng.standard_normal(share.size) + STUDY * rng.standard_normal() * share
    total = np.hypot(ERROR, STUDY * share)
    rows = _members(
        list(score),
        standard_error=total,
        ci_low=score - 1.96 * total,
        ci_high=score + 1.96 * total,
        shared_errors=[f"mode:phone={STUDY * one:.6g}" if one else "" for one in share],
    )
    known = rows[KEY].rename(columns={"agency_id": "unit_id"}).assign(reliability=0.9)
    return positions(rows.drop(columns="reliability"), known, THRESHOLDS)


@pytest.mark.parametrize("unadjusted", [1, 6])
def test_equal_agencies_adjusted_by_one_study_are_told_apart_in_one_world_of_twenty_at_most(unadjusted: int) -> None:
    """Those that answered by web only share nothing of the study's error, which moves all others together."""
    share = np.repeat([0.0, 1.0], [unadjusted, 12 - unadjusted])
    wrong = [bool((_verdicts(seed, share)["verdict"] != "no_clear_difference").any()) for seed in range(WORLDS)]
    # Three standard errors above five in a hundred.
    assert np.mean(wrong) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / WORLDS)
