"""Errors that agencies share because one study adjusted them all: `methodology.shared_errors` and who reads it.

Belongs here: verdicts, neighbours and totals in worlds whose studies err. Does not belong here: the adjustments
(`test_adjustment`, `test_crosswalk`).
"""

import numpy as np
import pandas as pd
import pytest

from methodology.panels import panel_members, totals
from methodology.parameters import load_methodology
from methodology.positions import positions
from methodology.shared_errors import apart, as_text, loadings_of
from tests.methodology.test_positions import THRESHOLDS, _members

WORLDS, ERROR, STUDY = 80, 1.0, 3.0
FEW_DRAWS = THRESHOLDS | {"monte_carlo_draws": 300.0}
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
    return positions(rows.drop(columns="reliability"), known, FEW_DRAWS)


@pytest.mark.parametrize("unadjusted", [1, 6])
def test_equal_agencies_adjusted_by_one_study_are_told_apart_in_one_world_of_twenty_at_most(unadjusted: int) -> None:
    """Those that answered by web only share nothing of the study's error, which moves all others together."""
    share = np.repeat([0.0, 1.0], [unadjusted, 12 - unadjusted])
    wrong = [bool((_verdicts(seed, share)["verdict"] != "no_clear_difference").any()) for seed in range(WORLDS)]
    # Three standard errors above five in a hundred.
    assert np.mean(wrong) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / WORLDS)


def test_what_a_study_gives_all_agencies_a_mean_of_them_keeps() -> None:
    """Twelve agencies with errors of 3 and 4 of their own and a shared one, all loading 2 and the last none."""
    ids = [f"a{number:02d}" for number in range(12)]
    series = {"unit_type": "agency", "metric_id": "m", "instrument_id": "i", "period_id": "2025Q4"}
    own = np.where(np.arange(12) < 11, np.hypot(3, 2), 4.0)
    reported = pd.DataFrame({"unit_id": ids, "score": 70.0, "n": 100.0, "standard_error": own}).assign(
        **series, quarter=0, n_effective=100.0, degrees_of_freedom=99.0, slice_ids="s"
    )
    reported["shared_errors"] = ["mode:phone=2"] * 11 + [""]
    agencies = pd.DataFrame({"agency_id": ids, "peer_group": "g"})
    frames = pd.DataFrame(columns=[*series, "unit_id", "weight_sum"])
    made = totals(panel_members(reported, frames, agencies, ()), load_methodology("2026.2").thresholds, 0)
    mean = made[(made["unit_type"] == "national") & (made["score_kind"] == "mean_of_agencies")].iloc[0]
    # (11 * 9 + 16 + 22^2) / 144: alone it would be (11 * 13 + 16) / 144.
    assert mean["standard_error"] == pytest.approx(np.sqrt(599) / 12)


def test_text_and_back_and_what_is_between_two() -> None:
    texts = [as_text({"b": 2.0, "a": -1.0}), as_text({"a": 0.0}), None, as_text({"a": 3.0})]
    assert texts[:2] == ["a=-1;b=2", ""]
    loadings = loadings_of(texts)
    assert loadings.tolist() == [[-1, 2], [0, 0], [0, 0], [3, 0]]
    beside = apart(loadings)
    between = ((loadings[:, None] - loadings[None]) ** 2).sum(axis=2)
    assert (between <= beside[:, None] ** 2 + beside[None] ** 2 + 1e-12).all()
    assert apart(np.ones((5, 2))).tolist() == [0.0] * 5
