"""Late respondents as a measure of those who never respond: by hand, and in a world whose truth is known.

Belongs here: `methodology.late_answers`. Does not belong here: tipping points (`test_positions`).
"""

import numpy as np
import pandas as pd
import pytest

from methodology.late_answers import late_answers
from methodology.parameters import load_methodology

THRESHOLDS = load_methodology("2026.2").thresholds
KEY = {"agency_id": "a", "metric_id": "m", "period_id": "q", "instrument_id": "i"}


def _told(early: tuple[int, float, float], late: tuple[int, float, float], **other: float | None) -> pd.Series:
    """n, mean and standard deviation of either half; a score of 70, half of all answered."""
    rows = [
        {**KEY, "is_late": is_late, "n": n, "sum_x": n * mean, "sum_x2": n * (mean**2 + sd**2)}
        for is_late, (n, mean, sd) in ((False, early), (True, late))
    ]
    scores = pd.DataFrame([{**KEY, "score": 70.0, "design_effect": 1.0, "response_rate": 0.5, **other}])
    positions = pd.DataFrame([{**KEY, "difference": 6.0, "tipping_gap": 5.0, **other}])
    made = late_answers(pd.DataFrame(rows), scores, positions, thresholds=THRESHOLDS)
    return made.iloc[0] if len(made) else pd.Series(dtype=object)


def test_the_range_by_hand() -> None:
    made = _told((401, 71.0, 20.0), (401, 69.0, 20.0))
    # Each half: 400 / 400, so se = sqrt(2). Half of those asked are silent, on a line twice the gap away: the whole gap.
    half = 1.959964 * 2**0.5
    assert (made["late_gap"], made["late_gap_low"]) == (pytest.approx(-2), pytest.approx(-2 - half, abs=1e-6))
    assert made["nonresponse_low"] == pytest.approx(70 - 2 - half, abs=1e-6)
    assert made["nonresponse_high"] == pytest.approx(70 - 2 + half, abs=1e-6)
    # The gap may be nothing.
    assert not made["turns_with_nonresponse"]
    assert _told((401, 71.0, 20.0), (401, 68.0, 20.0))[
        "turns_with_nonresponse"
    ]  # silent ones 3 / 0.5 = 6 below, 5 suffice


@pytest.mark.parametrize(
    ("other", "turns"),
    [
        ({"tipping_gap": 6.1}, False),
        ({"difference": -6.0}, False),  # below its peers: lost to silent ones above, of whom there is no sign
        ({"tipping_gap": None}, None),
        ({"tipping_gap": 0.0}, None),
        ({"response_rate": 0.3}, True),
        ({"response_rate": 0.9, "tipping_gap": 3.4}, False),
        ({"response_rate": None}, None),
        ({"design_effect": 4.0}, False),
    ],
)
def test_where_a_verdict_rests_on_who_did_not_respond(other: dict[str, float | None], turns: bool | None) -> None:
    made = _told((401, 71.0, 20.0), (401, 68.0, 20.0), **other)
    assert (None if pd.isna(made["turns_with_nonresponse"]) else bool(made["turns_with_nonresponse"])) is turns
    assert np.isfinite(made["late_gap"]) and np.isfinite(made["nonresponse_low"]) == (
        other.get("response_rate", 1) is not None
    )


def test_of_few_nothing_is_told() -> None:
    assert _told((401, 71.0, 20.0), (29, 69.0, 20.0)).empty
    assert not _told((30, 71.0, 20.0), (30, 69.0, 20.0)).empty


def test_the_truth_lies_in_the_range_where_silence_grows_with_dissatisfaction() -> None:
    """Who is less satisfied takes longer; who takes longest never answers. The score of all, 65, lies below what is seen."""
    held, seen = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        opinion = np.clip(65 + 20 * rng.standard_normal(1500), 0, 100)
        delay = rng.standard_normal(1500) - (opinion - 65) / 60
        answered = delay <= np.quantile(delay, 0.6)
        own, when = opinion[answered], delay[answered]
        late = when > np.median(when)
        halves = [
            (int((~late).sum()), own[~late].mean(), own[~late].std()),
            (int(late.sum()), own[late].mean(), own[late].std()),
        ]
        made = _told(halves[0], halves[1], score=float(own.mean()), response_rate=0.6)
        truth, error = opinion.mean(), own.std() / np.sqrt(own.size)
        held.append(made["nonresponse_low"] - 1.96 * error <= truth <= made["nonresponse_high"] + 1.96 * error)
        seen.append(abs(own.mean() - truth) <= 1.96 * error)
    assert np.mean(held) > 0.95
    assert np.mean(seen) < 0.6
