"""The same people in several numbers: errors of changes and indices know them, and few drawn branches are no certainty.

Belongs here: the short forms of `simulation.coverage.people` and `simulation.coverage.branches`. Does not belong here: the
formulas (`tests/methodology`).
"""

import numpy as np
import pytest

from simulation.coverage.branches import few_branches
from simulation.coverage.people import index_error, panel_change, panel_of_branches
from tests.simulation.test_clusters import refuted


def test_an_index_of_items_that_all_answer_states_its_true_error() -> None:
    stated, true = index_error(np.random.default_rng(1), 2000)
    # The standard deviation of 2,000 normal draws is known to 1.6 %.
    assert stated == pytest.approx(true, rel=0.05)


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_the_change_of_a_panel_holds(correlation: float) -> None:
    assert refuted(panel_change(np.random.default_rng(2), 2000, correlation)) == ""


def test_the_change_of_a_weighted_panel_holds() -> None:
    assert refuted(panel_change(np.random.default_rng(2), 1500, 0.6, is_weighted=True)) == ""


@pytest.mark.parametrize(("branches", "kept"), [(3, 0.9), (8, 0.0), (8, 0.9)])
def test_the_change_of_branches_visited_twice_holds(branches: int, kept: float) -> None:
    assert refuted(panel_of_branches(np.random.default_rng(4), 1500, branches, kept=kept)) == ""


@pytest.mark.parametrize(
    ("sizes", "correlation"), [((15, 15), 0.0), ((30, 30), 0.05), ((10, 20, 60), 0.2), ((10, 20, 40, 80), 0.2)]
)
def test_few_drawn_branches_hold(sizes: tuple[int, ...], correlation: float) -> None:
    found = few_branches(np.random.default_rng(3), 3000, sizes, correlation)
    assert [text for text in map(refuted, found) if text] == []
