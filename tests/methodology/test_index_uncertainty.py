"""Uncertainty of a composite index: analytic sensitivity, volumes by hand, draws that must and must not move ranks.

Belongs here: `sensitivity`, `index_uncertainty`. Does not belong here: fixed draws of other software (`tests/reference`).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest

from methodology.index import aggregate, hierarchy
from methodology.index_uncertainty import (
    NORMALISATIONS,
    Assumptions,
    leave_one_out,
    monte_carlo,
    rank_sensitivity,
    rank_shift,
    rank_summary,
    ranks_under,
    sources,
    spearman,
    weight_share_ahead,
)
from methodology.sensitivity import sobol_indices

Floats = npt.NDArray[np.float64]
TREE = hierarchy({"a": "index", "b": "index", "c": "index", "index": None}, {"a": 1, "b": 1, "c": 1})


def _ishigami(uniforms: Mapping[str, Floats]) -> Floats:
    x = np.pi * (2 * np.column_stack([uniforms[name] for name in sorted(uniforms)]) - 1)
    y = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    return np.column_stack([y, 5 + 0 * y])


def test_ishigami() -> None:
    # Analytic for a = 7, b = 0.1 (Ishigami and Homma 1990): V1 = (1 + b pi^4/5)^2 / 2, V2 = a^2/8,
    # V13 = b^2 pi^8 (1/18 - 1/50), V = V1 + V2 + V13.
    v1, v2, v13 = (1 + 0.1 * np.pi**4 / 5) ** 2 / 2, 49 / 8, 0.01 * np.pi**8 * (1 / 18 - 1 / 50)
    total = v1 + v2 + v13
    found = sobol_indices(_ishigami, {"x1": 1, "x2": 1, "x3": 1}, 2**15, np.random.default_rng(1))
    assert found.variance[0] == pytest.approx(total, rel=0.02)
    assert found.first[:, 0] == pytest.approx([v1 / total, v2 / total, 0], abs=0.02)
    assert found.total[:, 0] == pytest.approx([(v1 + v13) / total, v2 / total, v13 / total], abs=0.02)
    # The truth lies within four standard errors, and they are of the size of the misses, not of the indices.
    assert np.all(np.abs(found.first[:, 0] - [v1 / total, v2 / total, 0]) < 4 * found.first_error[:, 0])
    assert np.all(found.first_error[:, 0] < 0.02)
    # An output that does not vary has no sources of variance.
    assert np.isnan(found.first[:, 1]).all()


def test_a_source_of_several_inputs_is_moved_as_one() -> None:
    # Of y = u1 + u2 + 2 v, each u brings 1/12 and v 4/12: no interaction, so first and total agree.
    def model(uniforms: Mapping[str, Floats]) -> Floats:
        return uniforms["u"].sum(axis=1, keepdims=True) + 2 * uniforms["v"]

    found = sobol_indices(model, {"u": 2, "v": 1}, 2**14, np.random.default_rng(2), rows=1000)
    assert found.first[:, 0] == pytest.approx([1 / 3, 2 / 3], abs=0.02)
    assert found.total[:, 0] == pytest.approx([1 / 3, 2 / 3], abs=0.02)
    with pytest.raises(ValueError, match="two evaluations"):
        sobol_indices(model, {}, 100, np.random.default_rng(2))


def test_share_of_weights_by_hand() -> None:
    # Two components: ahead by 3, behind by 1, so ahead while w1 > 1/4.
    assert weight_share_ahead([[3, 0], [0, 1]])[0, 1] == pytest.approx(0.75)
    # Three: +1, +1, -1 is ahead while w3 < 1/2; the triangle above has a quarter of the area.
    found = weight_share_ahead([[1, 1, 0], [0, 0, 1]])
    assert found == pytest.approx(np.array([[0, 0.75], [0.25, 0]]))
    # Better in one thing and equal in all others is dominance; equal units are never ahead.
    found = weight_share_ahead([[2, 5, 5], [1, 5, 5], [1, 5, 5]])
    assert found.tolist() == [[0, 1, 1], [0, 0, 0], [0, 0, 0]]


def test_share_of_weights_against_drawn_weights() -> None:
    random = np.random.default_rng(3)
    scores = random.normal(50, 10, (6, 5)).round(-1)  # rounding makes ties within components
    drawn = random.dirichlet(np.ones(5), 200_000) @ scores.T
    ahead = (drawn[:, :, None] > drawn[:, None, :]).mean(axis=0)
    assert weight_share_ahead(scores) == pytest.approx(ahead, abs=0.006)


def test_a_missing_component_has_no_share() -> None:
    found = weight_share_ahead([[1, 2], [np.nan, 1], [0, 0]])
    assert np.isnan(found[0, 1])
    assert np.isnan(found[1, 2])
    assert found[0, 2] == 1


def test_summaries_by_hand() -> None:
    ranks = np.array([[1, 2, 3], [2, 1, 3], [1, 3, 2], [1, 2, 3]])
    found = rank_summary(ranks, (0.25, 0.75))
    assert found.mean == pytest.approx([1.25, 2, 2.75])
    assert list(found.median) == [1, 2, 3]
    assert found.low == pytest.approx([1, 1.75, 2.75])
    assert found.high == pytest.approx([1.25, 2.25, 3])
    assert found.sd[0] == pytest.approx(0.5)
    assert (list(found.best), list(found.worst)) == ([1, 1, 2], [2, 3, 3])
    assert rank_shift(ranks, [1, 2, 3]) == pytest.approx([0, 2 / 3, 2 / 3, 0])
    # Of three ranks, 1 - 6 sum d^2 / 24.
    assert spearman(ranks, [1, 2, 3]) == pytest.approx([1, 0.5, 0.5, 1])


def test_a_unit_not_ranked_shifts_nobody() -> None:
    assert rank_shift([[1, np.nan, 2]], [2, 1, 3])[0] == 1


def test_without_an_indicator() -> None:
    values = [[90, 10, 20], [10, 40, 30]]
    found = leave_one_out(values, TREE)
    assert found == pytest.approx(np.array([[15, 35], [55, 20], [50, 25]]))


def test_a_unit_best_in_everything_is_always_first() -> None:
    values = np.array([[90.0, 80, 70], [50, 20, 60], [40, 30, 52], [10, 5, 5]])
    ranks = monte_carlo(values, None, TREE, 300, np.random.default_rng(4))
    assert set(ranks[:, 0]) == {1.0}
    assert set(ranks[:, 3]) == {4.0}
    # The two in between are ordered by the choices, not by the data.
    assert set(ranks[:, 1]) == {2.0, 3.0}


def test_the_same_seed_gives_the_same_ranks_in_any_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(5).normal(60, 15, (8, 3))
    first = monte_carlo(values, values / 20, TREE, 50, np.random.default_rng(6))
    again = monte_carlo(values, values / 20, TREE, 50, np.random.default_rng(6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, monte_carlo(values, values / 20, TREE, 50, np.random.default_rng(7)))
    monkeypatch.setattr("methodology.index_uncertainty.CHUNK", 24 * 7)
    assert monte_carlo(values, values / 20, TREE, 50, np.random.default_rng(6)).shape == (50, 8)


def test_without_uncertainty_every_draw_is_the_nominal_index() -> None:
    values = np.random.default_rng(8).normal(60, 15, (8, 3))
    alone = Assumptions((NORMALISATIONS["min_max"],), ("arithmetic",), 0.0)
    ranks = monte_carlo(values, np.zeros_like(values), TREE, 20, np.random.default_rng(9), alone)
    scores = aggregate(NORMALISATIONS["min_max"](values, 0), TREE)[:, -1]
    assert np.array_equal(ranks[0], 1 + (scores[None] > scores[:, None]).sum(axis=1))
    assert np.ptp(ranks, axis=0).max() == 0


def test_uniform_inputs_choose_as_said() -> None:
    values = np.array([[90.0, 10, 10], [40, 40, 40.5], [10, 60, 20]])
    size = sources(TREE, 3, has_errors=False)
    assert size == {"normalisation": 1, "aggregation": 1, "weights": 4}
    middle = {name: np.full((2, width), 0.5) for name, width in size.items()}
    # The first mean forgives the first unit its two worst figures, the last (harmonic) does not.
    middle["aggregation"] = np.array([[0.0], [0.999]])
    raw = Assumptions((lambda x, axis: x,))
    assert ranks_under(middle, values, None, TREE, raw)[:, 0].tolist() == [2, 3]
    assert ranks_under(middle, values, None, TREE, raw)[:, 1].tolist() == [1, 1]


def test_sampling_error_widens_ranks_of_close_units_as_the_normal_says() -> None:
    # Two units whose only indicator differs by 1 with errors 1: the lower leads with Phi(-1/sqrt 2) = 0.2398.
    tree = hierarchy({"a": "index", "index": None}, {"a": 1})
    plain = Assumptions((NORMALISATIONS["min_max"],), ("arithmetic",))
    ranks = monte_carlo([[51.0], [50]], [[1.0], [1]], tree, 20_000, np.random.default_rng(10), plain)
    assert (ranks[:, 1] == 1).mean() == pytest.approx(0.2398, abs=0.012)


def test_the_source_that_matters_is_named() -> None:
    # One indicator: every normalisation, weight and mean keeps its order, so only sampling errors can move a rank.
    tree = hierarchy({"a": "index", "index": None}, {"a": 1})
    values = np.arange(50.0, 60)[:, None]
    nominal = np.arange(10.0, 0, -1)
    found = rank_sensitivity(values, np.ones((10, 1)), tree, nominal, 512, np.random.default_rng(12))
    # The mean shift and ten ranks. (A rank of a unit that never moves would be NaN.)
    assert found.sources == ("normalisation", "aggregation", "weights", "sampling_error")
    assert found.total.shape == (4, 11)
    assert found.total[:3] == pytest.approx(np.zeros((3, 11)))
    assert found.total[3] == pytest.approx(np.ones(11), abs=0.2)
    assert found.first[3] == pytest.approx(np.ones(11))


def test_weights_matter_where_indicators_disagree() -> None:
    values = np.array([[90.0, 10, 50], [10, 90, 50], [48, 52, 0], [60, 55, 100]])
    fixed = Assumptions((NORMALISATIONS["min_max"],), ("arithmetic",), 0.25)
    found = rank_sensitivity(values, None, TREE, [2, 3, 4, 1], 256, np.random.default_rng(13), fixed)
    assert found.sources == ("normalisation", "aggregation", "weights")
    assert found.total[:2, 0] == pytest.approx([0, 0])
    assert found.first[2, 0] == pytest.approx(1)


def test_weights_reach_a_quarter_up_and_down_and_no_further() -> None:
    # The first unit leads while w_a x > w_b. At the ends of the inputs w_b / w_a is 1.25 / 0.75 and 0.75 / 1.25.
    tree = hierarchy({"a": "index", "b": "index", "index": None}, {"a": 1, "b": 1})
    plain = Assumptions((lambda x, axis: x,), ("arithmetic",))
    uniforms = {"normalisation": np.zeros((3, 1)), "aggregation": np.zeros((3, 1))}
    uniforms["weights"] = np.array([[0.0, 1, 0.5], [1, 0, 0.5], [0.5, 0.5, 0.5]])
    for x, leads in ((1.7, [1, 1, 1]), (1.6, [2, 1, 1]), (0.9, [2, 1, 2]), (0.59, [2, 2, 2])):
        assert ranks_under(uniforms, [[x, 0], [0, 1]], None, tree, plain)[:, 0].tolist() == leads
