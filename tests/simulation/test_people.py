"""The same people in several numbers: errors of changes and indices know them, and few drawn branches are no certainty.

Belongs here: the short form of `simulation.coverage.people`. Does not belong here: the formulas (`tests/methodology`).
"""

import numpy as np
import pytest

from simulation.coverage.people import few_branches, index_error, panel_change
from tests.simulation.test_clusters import refuted


def test_an_index_of_items_that_all_answer_states_its_true_error() -> None:
    stated, true = index_error(np.random.default_rng(1), 2000)
    # The standard deviation of 2,000 normal draws is known to 1.6 %.
    assert stated == pytest.approx(true, rel=0.05)


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_the_change_of_a_panel_holds(correlation: float) -> None:
    assert refuted(panel_change(np.random.default_rng(2), 2000, correlation)) == ""


@pytest.mark.parametrize(
    ("branches", "size", "correlation"), [(2, 60, 0.05), (2, 30, 0.0), (3, 40, 0.05), (3, 40, 0.2)]
)
def test_few_drawn_branches_hold(branches: int, size: int, correlation: float) -> None:
    assert refuted(few_branches(np.random.default_rng(3), 3000, branches, size, correlation)) == ""
