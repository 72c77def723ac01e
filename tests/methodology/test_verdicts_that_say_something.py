"""Groups in which the positions said nothing: what a reader saw was "as expected" beside a chart that said otherwise.

Belongs here: the figures by which the want was found, each as a case of `methodology.positions`. Does not belong here: the
formulas of the two answers, and how often they are right (`simulation.coverage`).
"""

import numpy as np
import pytest

from tests.methodology.test_positions import _members, _placed

# A group as in an edition: its ends and its median (67.2) were published, the four between are chosen to give that median.
SCORES = [84.6, 59.8, 72.5, 69.1, 65.3, 61.0]
LOWS, HIGHS = [81.9, 55.2, 69.5, 66.1, 62.3, 58.0], [87.4, 64.3, 75.5, 72.1, 68.3, 64.0]


def _errors() -> np.ndarray:
    return (np.array(HIGHS) - np.array(LOWS)) / (2 * 1.959964)


def test_agencies_twenty_points_apart_are_not_told_the_same() -> None:
    made = _placed(_members(SCORES, ci_low=LOWS, ci_high=HIGHS, standard_error=_errors()))
    # Within half a point of the usual median, 67.2: told to a fifth of the smallest difference.
    assert made["peer_median"].tolist() == pytest.approx([67] * 6)
    assert made["verdict"].iloc[:2].tolist() == ["better", "worse"]


def test_one_of_six_can_lie_beyond_the_outer_limit() -> None:
    made = _placed(_members([80.0, 79.0, 81.0, 80.5, 79.5, 20.0]))
    assert made["special_cause"].iloc[-1] == "action_worse"


def test_two_equally_bad_of_ten_are_found() -> None:
    made = _placed(_members([79.0, 81.0, 80.5, 79.5, 80.2, 79.8, 80.7, 79.3, 40.0, 40.0]))
    assert set(made["special_cause"].iloc[-2:]) == {"action_worse"}


def test_scores_and_their_bare_ranks_are_not_both_told() -> None:
    assert "percentile" not in _placed(_members([70.0] * 6))
