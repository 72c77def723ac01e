"""Weights of a draw whose frame leaves them no room: a status of that draw, and nobody else's concern.

Belongs here: `methodology.frame_weights`. Does not belong here: the fitting (`test_weights`) and the model around it
(`tests/dbt/test_comparability.py`).
"""

from collections.abc import Sequence

import pandas as pd
import pytest

from methodology.frame_weights import frame_weights

THRESHOLDS = {"weight_cap": 5.0, "poststratum_minimum_n": 20.0, "unknown_share": 0.1, "minimum_covered_share": 0.8}


def _made(
    draws: dict[str, dict[str, int]], frames: dict[str, dict[str, int]], must_be_known: Sequence[str] = ("channel",)
) -> pd.DataFrame:
    """Weights by agency and channel."""
    place = {"service_id": "s", "region_id": "r", "segment": "g", "period_id": "q"}
    drawn = [
        {
            **place,
            "agency_id": agency,
            "stages": "whole",
            "channel": channel,
            "asked_count": n,
            "asked_w": n,
            "asked_w2": n,
        }
        for agency, channels in draws.items()
        for channel, n in channels.items()
    ]
    counted = [
        {**place, "agency_id": agency, "channel": channel, "completed_count": n}
        for agency, channels in frames.items()
        for channel, n in channels.items()
    ]
    columns = ["agency_id", "period_id", "service_id", "channel", "region_id", "segment", "completed_count"]
    margins = {name: name in must_be_known for name in ("service_id", "channel", "region_id", "segment")}
    made = frame_weights(
        pd.DataFrame(drawn), pd.DataFrame(counted, columns=columns), margins=margins, thresholds=THRESHOLDS
    )
    return made.set_index(["agency_id", "channel"])


def test_a_frame_that_asks_for_more_than_the_cap_leaves_its_agency_unweighted() -> None:
    # Weights 10,000/300 = 33 and 90,000/60 = 1,500; the median is 33 and the mean 278, beyond five times 33: no weights
    # below the cap add up to 100,000.
    ordinary = {"app": 60, "branch": 40}
    draws = {"a": ordinary, "hostile": {"app": 300, "branch": 60}, "z": ordinary}
    frames = {
        "a": {"app": 500, "branch": 500},
        "z": {"app": 500, "branch": 500},
        "hostile": {"app": 10_000, "branch": 90_000},
    }
    found = _made(draws, frames)
    assert found.loc["hostile", "frame_status"].tolist() == ["weights_infeasible"] * 2
    assert found.loc["hostile", "factor"].tolist() == [1, 1]
    assert found.loc["hostile", "weighting_method"].tolist() == ["none"] * 2
    # The others' weights by hand: 500/60 and 500/40, as if nobody else had delivered.
    for agency in "az":
        assert found.loc[agency, "factor"].tolist() == [500 / 60, 500 / 40]
        assert found.loc[agency, "frame_status"].tolist() == ["framed"] * 2


def test_who_was_never_asked_is_not_given_to_those_who_were() -> None:
    """Nine in ten are served at branches and only the app asks: its respondents cannot stand for the branches."""
    draws = {"a": {"app": 300}, "b": {"app": 60, "website": 40}}
    found = _made(draws, {"a": {"app": 10_000, "branch": 90_000}, "b": {"app": 500, "website": 350, "branch": 150}})
    assert found.loc["a", "frame_status"].tolist() == ["population_not_covered"]
    assert (found.loc["a", "covered_share"].item(), found.loc["a", "factor"].item()) == (0.1, 1)
    # A frame that is covered but for a little is used, and says how much it covers.
    assert found.loc["b", "frame_status"].tolist() == ["framed"] * 2
    assert found.loc["b", "covered_share"].tolist() == [0.85] * 2
    assert found.loc["b", "collapsed"].tolist() == ["channel:branch>app:150"] * 2


def test_nobody_is_covered_by_a_blank_or_by_one_answer() -> None:
    """The branches were not asked, whatever one transaction without a channel, a foreign channel or one branch answer say."""
    asked = {"app": 300}
    draws = {"blank": asked, "foreign": asked, "stray": {"app": 300, "kiosk": 40}, "token": {"app": 300, "branch": 1}}
    trap = {"app": 10_000, "branch": 90_000}
    frames = {"blank": {**trap, "-": 1}, "foreign": {"branch": 90_000}, "stray": trap}
    found = _made(draws, {**frames, "token": {"app": 50_000, "branch": 50_000}})
    assert set(found["frame_status"]) == {"population_not_covered"}
    covered = found.groupby("agency_id")["covered_share"].first()
    assert covered["blank"] == pytest.approx(10_001 / 100_001)
    assert covered["foreign"] == 0
    assert covered["stray"] == 0.1
    # An app answer weighs 50,000/300; at most five times that is the branch's share of 100,000 by its one answer.
    assert covered["token"] == pytest.approx((50_000 + 5 * 50_000 / 300) / 100_000)


def test_an_unknown_level_is_no_hole() -> None:
    """Who asked everywhere is covered though some answers and transactions have no channel."""
    found = _made({"some": {"app": 60, "branch": 60, "-": 40}}, {"some": {"app": 500, "branch": 500, "-": 50}})
    assert set(found["frame_status"]) == {"framed"}
    assert set(found["covered_share"]) == {1.0}


def test_leaving_the_channel_out_of_every_answer_covers_nobody_else() -> None:
    """Which channels were asked is not known, so no more than one is counted on."""
    unsaid = {"-": 300}
    frames = {"trap": {"app": 10_000, "branch": 90_000}, "even": {"app": 500, "branch": 500}}
    found = _made({"trap": unsaid, "even": unsaid}, frames)
    covered = found.groupby("agency_id")[["covered_share", "frame_status"]].first()
    assert covered.loc["even"].tolist() == [0.5, "population_not_covered"]
    # Nearly everybody is served at branches: whoever was asked stands for them.
    assert covered.loc["trap"].tolist() == [0.9, "framed"]
    assert _made({"even": unsaid}, frames, must_be_known=())["covered_share"].tolist() == [1.0]


def test_a_channel_said_by_hardly_anybody_is_not_known() -> None:
    """998 answers of a thousand leave the channel out and one names each: that one was asked says nothing of the others."""
    frames = {"even": {"app": 50_000, "branch": 50_000}}
    found = _made({"even": {"-": 998, "app": 1, "branch": 1}}, frames)
    assert set(found["covered_share"]) == {0.5} and set(found["frame_status"]) == {"population_not_covered"}
    # One in twenty may be lost on the way.
    assert set(_made({"even": {"-": 50, "app": 475, "branch": 475}}, frames)["covered_share"]) == {1.0}
