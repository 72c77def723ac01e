"""Scores of agencies that ask on another scale: whose are linked, by hand, and in worlds of equal agencies.

Belongs here: `methodology.linked_scores`. Does not belong here: the formula (`test_crosswalk`), shared errors
(`test_shared_errors`).
"""

import numpy as np
import pandas as pd
import pytest

from methodology.crosswalk import linear_crosswalk
from methodology.linked_scores import as_compared, linked_scores
from methodology.positions import positions
from tests.methodology.test_positions import THRESHOLDS, _members

KEY = ["agency_id", "metric_id", "period_id", "instrument_id"]
# As many people as the study by hand has.
LINKING = THRESHOLDS | {"minimum_n": 16.0}
FIVE, ELEVEN = np.arange(5) * 25.0, np.arange(11) * 10.0


def _scores(instruments: dict[str, int], score: float = 60.0) -> pd.DataFrame:
    """So many agencies on each instrument."""
    names = [name for name, count in instruments.items() for _ in range(count)]
    made = pd.DataFrame({"instrument_id": names, "agency_id": [f"a{number:02d}" for number in range(len(names))]})
    made = made.assign(metric_id="m", period_id="q", score=score, standard_error=2.0, shared_errors="")
    return made.assign(ci_low=score - 4, ci_high=score + 4)


def _study(counts: np.ndarray, source: str = "x", target: str = "y", x=FIVE, y=ELEVEN) -> pd.DataFrame:
    rows = [{"level": x[i], "linked_level": y[j], "people": n} for (i, j), n in np.ndenumerate(counts) if n]
    return pd.DataFrame(rows).assign(metric_id="m", instrument_id=source, linked_instrument_id=target)


# Sixteen people: 25 and 75 on one scale, 40 and 60 on the other, four in five alike.
COUNTS = np.zeros((5, 11))
COUNTS[1, 4] = COUNTS[3, 6] = 6
COUNTS[1, 6] = COUNTS[3, 4] = 2


def test_a_score_on_the_scale_of_the_others_by_hand() -> None:
    found = linked_scores(_scores({"x": 1, "y": 6}), _study(COUNTS), thresholds=LINKING).iloc[0]
    # Means 50 and 50, standard deviations 25 and 10: 50 + 0.4 (60 - 50).
    assert (found["agency_id"], found["linked_instrument_id"], found["score"]) == ("a00", "y", pytest.approx(54))
    # Off the means by (25, 10) or (25, -10): d = 0 for twelve and 20 for four, e = 0 (all squares equal): 400 * 4/16 / 16.
    assert found["standard_error"] == pytest.approx(np.hypot(0.4 * 2, np.sqrt(100 / 16)))
    assert found["ci_low"] == pytest.approx(54 - np.hypot(0.4 * 4, 1.959964 * 2.5), abs=1e-5)
    assert found["shared_errors"] == "scale:x>y:level=2.5"


@pytest.mark.parametrize(
    ("instruments", "links"),
    [
        ({"x": 5, "y": 6}, {"x": "y"}),
        ({"x": 6, "y": 6}, {}),  # each has peers of its own
        ({"x": 3, "y": 4}, {"x": "y"}),  # together they have
        ({"x": 3, "z": 9}, {}),  # nobody studied z
        ({"x": 3}, {}),
    ],
)
def test_who_is_linked(instruments: dict[str, int], links: dict[str, str]) -> None:
    both = pd.concat([_study(COUNTS), _study(COUNTS.T, "y", "x", ELEVEN, FIVE)])
    found = linked_scores(_scores(instruments), both, thresholds=LINKING)
    assert dict(zip(found["instrument_id"], found["linked_instrument_id"], strict=True)) == links


def test_a_study_of_which_nothing_follows_links_nothing() -> None:
    alike = np.zeros((5, 11))
    alike[2, 5] = 400
    for study in (_study(alike), _study(COUNTS).iloc[:0]):
        assert linked_scores(_scores({"x": 1, "y": 6}), study, thresholds=LINKING).empty


def test_a_branch_is_not_linked_with_its_agency() -> None:
    scores = _scores({"x": 1, "y": 6})
    links = linked_scores(scores, _study(COUNTS), thresholds=LINKING)
    both = pd.concat([scores.assign(unit_type="agency"), scores.assign(unit_type="branch")], ignore_index=True)
    compared = as_compared(both, links)
    assert compared.groupby("unit_type")["compared_instrument_id"].apply(
        lambda names: (names == "y").sum()
    ).to_dict() == {
        "agency": 7,
        "branch": 6,
    }
    assert compared.loc[compared["unit_type"] == "branch", "score"].tolist() == [60.0] * 7


def _answers(rng: np.random.Generator, mean: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The same people on 1-5 and 0-10, as places on each scale."""
    opinion = mean + 22 * rng.standard_normal(n)
    five = np.clip(np.round((opinion + 8 * rng.standard_normal(n)) / 25), 0, 4).astype(int)
    return five, np.clip(np.round((opinion - 6 + 8 * rng.standard_normal(n)) / 10), 0, 10).astype(int)


@pytest.mark.parametrize("people", [150])
def test_equal_agencies_on_two_scales_are_told_apart_in_one_world_of_twenty_at_most(people: int) -> None:
    """Five agencies ask on 1-5 and seven on 0-10, on which the same people score six points less."""
    worlds, wrong, unlinked = 60, 0, 0
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        five, eleven = _answers(rng, 62, people)
        counts = np.zeros((5, 11))
        np.add.at(counts, (five, eleven), 1)
        samples = [_answers(rng, 62, 400) for _ in range(12)]
        values = [FIVE[sample[0]] if number < 5 else ELEVEN[sample[1]] for number, sample in enumerate(samples)]
        score, error = np.array([v.mean() for v in values]), np.array([v.std(ddof=1) / 20 for v in values])
        scores = _scores({"x": 5, "y": 7}).assign(score=score, standard_error=error)
        scores = scores.assign(ci_low=score - 1.96 * error, ci_high=score + 1.96 * error)
        links = linked_scores(scores, _study(counts), thresholds=LINKING)
        compared = as_compared(scores, links).merge(
            links[[*KEY, "shared_errors"]], on=KEY, how="left", suffixes=("_", "")
        )
        for own, count in ((compared, "wrong"), (scores, "unlinked")):
            rows = _members(list(own["score"]))
            for name in ("standard_error", "ci_low", "ci_high"):
                rows[name] = own[name].to_numpy()
            rows["shared_errors"] = own["shared_errors"].fillna("")
            known = rows[KEY].rename(columns={"agency_id": "unit_id"}).assign(reliability=0.9)
            told = positions(rows.drop(columns="reliability"), known, LINKING | {"monte_carlo_draws": 300.0})
            is_wrong = bool((told["verdict"] != "no_clear_difference").any())
            wrong, unlinked = wrong + (is_wrong and count == "wrong"), unlinked + (is_wrong and count == "unlinked")
    assert wrong / worlds <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / worlds)
    assert unlinked / worlds > 0.9


def test_levels_of_two_wordings_link_as_they_stand() -> None:
    same = linear_crosswalk(np.eye(5) * 20, FIVE, FIVE)
    value, error = same.convert([10.0, 90.0])
    assert value == pytest.approx([10, 90])
    assert error == pytest.approx([0, 0], abs=1e-12)


def test_equal_answers_keep_the_error_their_interval_tells() -> None:
    """All thirty gave the best answer: no spread, and an interval of 8 points; linked they were all but sure."""
    scores = _scores({"x": 1, "y": 6}).assign(standard_error=0.0)
    found = linked_scores(scores, _study(COUNTS), thresholds=LINKING).iloc[0]
    assert found["standard_error"] == pytest.approx(np.hypot(0.4 * 8 / (2 * 1.959964), 2.5), abs=1e-6)


def test_studies_of_two_scales_share_no_error() -> None:
    both = pd.concat([_study(COUNTS), _study(COUNTS, "z", "y")])
    found = linked_scores(_scores({"x": 1, "y": 7, "z": 1}), both, thresholds=LINKING)
    assert found["shared_errors"].tolist() == ["scale:x>y:level=2.5", "scale:z>y:level=2.5"]


def test_a_study_of_too_few_people_links_nothing() -> None:
    """Two people who differ make a line without any error."""
    few = np.zeros((5, 11))
    few[0, 3] = few[4, 6] = 1
    assert linked_scores(_scores({"x": 1, "y": 7}), _study(few), thresholds=LINKING).empty
    raw = _study(COUNTS).assign(
        level=lambda rows: rows["level"] / 25 + 1, linked_level=lambda rows: rows["linked_level"] + 100
    )
    assert linked_scores(_scores({"x": 1, "y": 7}), raw, thresholds=LINKING).empty


def test_a_further_scale_takes_nobodys_link() -> None:
    """y is linked to w; an agency on x, linked to y alone, must not keep it there."""
    both = pd.concat([_study(COUNTS, "y", "w"), _study(COUNTS, "x", "y")])
    found = linked_scores(_scores({"w": 9, "x": 1, "y": 2}), both, thresholds=LINKING)
    assert dict(zip(found["instrument_id"], found["linked_instrument_id"], strict=True)) == {"y": "w"}


def test_who_also_asks_on_the_others_scale_is_there_once() -> None:
    scores = _scores({"x": 2, "y": 6})
    scores.loc[scores["instrument_id"] == "y", "agency_id"] = [f"a0{number}" for number in range(1, 7)]
    found = linked_scores(scores, _study(COUNTS), thresholds=LINKING)
    assert found["agency_id"].tolist() == ["a00"]


def test_a_linked_score_is_compared_with_those_on_the_scale_and_in_nobodys_mean() -> None:
    """Totals of the scale are published: six times a mean with it, less the total without it, would be the linked score."""
    rows = _members([50.0, 60, 62, 64, 66, 68, 70], instrument_id=["x", *["i"] * 6])
    known = rows[KEY].rename(columns={"agency_id": "unit_id"}).assign(reliability=0.9)
    found = positions(rows.drop(columns="reliability"), known, THRESHOLDS).set_index("agency_id")
    assert found.loc["a00", "peer_mean"] == pytest.approx(65)
    assert found.loc["a01", "peer_mean"] == pytest.approx(66)
    assert found.loc["a00", "verdict"] == "worse" and found["peer_median"].tolist() == [65.0] * 7
    # With five on the scale itself no total of it is published, and all are peers.
    few = rows.drop(index=6)
    found = positions(few.drop(columns="reliability"), known.drop(index=6), THRESHOLDS).set_index("agency_id")
    assert found.loc["a01", "peer_mean"] == pytest.approx(62)
