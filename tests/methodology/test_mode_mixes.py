"""Survey modes: who may be compared with whom.

Belongs here: `methodology.mode_mixes`. Does not belong here: breaks of a series (`methodology.series`), adjustments.
"""

import numpy as np
import pandas as pd
import pytest

from methodology.linked_scores import COLUMNS as LINKS
from methodology.mode_mixes import distances, grouped, mode_groups
from methodology.parameters import load_methodology

THRESHOLDS = load_methodology("2026.2").thresholds
UNLINKED = pd.DataFrame(columns=list(LINKS))
ALIKE = {"metric_id": "m", "period_id": "2026Q1", "instrument_id": "i", "weighting": "weighted", "adjustments": ""}


def _groups(asked: dict[str, dict[str, int]], thresholds: dict[str, float] = THRESHOLDS) -> pd.DataFrame:
    rows = [
        {"agency_id": name, "mode": mode, "asked_count": n}
        for name, modes in asked.items()
        for mode, n in modes.items()
    ]
    scores = pd.DataFrame({"agency_id": list(asked), **ALIKE, "mode_set": "phone;web"})
    return mode_groups(scores, pd.DataFrame(rows), UNLINKED, thresholds=thresholds).set_index("agency_id")


def test_nearly_all_by_phone_and_nearly_none_are_not_the_same_modes() -> None:
    found = _groups({"a": {"phone": 95, "web": 5}, "b": {"phone": 5, "web": 95}})["mode_group"]
    assert found["a"] != found["b"]


def test_what_is_left_between_mixes_by_hand() -> None:
    """Shares of phone .2 and .4: the mean mix is .3, each .1 away; two modes with s = 5 add 5 sqrt(.1^2 + .1^2)."""
    found = _groups({"a": {"phone": 20, "web": 80}, "b": {"phone": 40, "web": 60}}, THRESHOLDS | {"mode_distance": 0.4})
    assert found["mode_group"].nunique() == 1
    assert found["mode_distance"].tolist() == pytest.approx([0.1, 0.1])
    assert found["mode_error"].tolist() == pytest.approx([0.5 * 2**0.5] * 2)


def test_alike_mixes_add_nothing() -> None:
    found = _groups({"a": {"phone": 20, "web": 80}, "b": {"phone": 10, "web": 40}})
    assert found["mode_group"].nunique() == 1
    assert found["mode_error"].tolist() == [0, 0]


def test_no_two_of_a_group_are_too_far_apart_and_order_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    for modes in (2, 3, 5):
        mixes = rng.dirichlet(np.full(modes, 0.7), 40)
        group = grouped(mixes, 0.3)
        between = distances(mixes)
        assert (group > 0).all()
        assert between[group[:, None] == group[None]].max() <= 0.3
        order = rng.permutation(40)
        again = grouped(mixes[order], 0.3)
        assert ((group[order][:, None] == group[order][None]) == (again[:, None] == again[None])).all()


def test_what_a_study_adjusted_has_no_group() -> None:
    scores = pd.DataFrame({"agency_id": ["a", "b", "c"], **ALIKE, "mode_set": ["adjusted", "", "web"]})
    counts = pd.DataFrame({"agency_id": ["a", "b", "c"], "mode": "web", "asked_count": 10})
    assert mode_groups(scores, counts, UNLINKED, thresholds=THRESHOLDS)["agency_id"].tolist() == ["c"]
    assert mode_groups(scores[:0], counts[:0], UNLINKED, thresholds=THRESHOLDS).empty
