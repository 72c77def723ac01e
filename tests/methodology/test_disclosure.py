"""Disclosure control against printed examples, every whole-number table a reader could consider, and hand-made traps.

Belongs here: `disclosure`. Does not belong here: the tables of a release (`tests/dbt/test_suppression.py`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from scipy import sparse

from methodology.disclosure import TOLERANCE, complementary, feasible_intervals, p_percent
from tests.methodology.margins import margin_equations, stacked, with_editions, with_margins

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Proof:
    """What a reader can work out about each primary cell; `passes` where upper - lower is as wide as required."""

    lower: Floats
    upper: Floats
    passes: Mask


def prove(
    values: npt.ArrayLike,
    hidden: npt.ArrayLike,
    primary: npt.ArrayLike,
    width_required: npt.ArrayLike,
    equations: sparse.csr_array,
) -> Proof:
    """Return the whole interval of every primary cell, not only as much of it as is required."""
    cells = np.flatnonzero(np.asarray(primary, bool))
    low, high = (end[cells] for end in feasible_intervals(values, hidden, equations, primary))
    required = np.broadcast_to(np.asarray(width_required, float), np.shape(values))[cells]
    return Proof(low, high, high - low >= required - TOLERANCE)


def test_p_percent_of_the_handbook() -> None:
    # SDC Handbook: 110,000 with contributors of 52,000 and 50,000: 8,000 / 52,000 = 15.4 % off, safe at 10 %.
    margin, is_safe = p_percent(110_000, 52_000, 50_000, 10)
    assert float(margin) == pytest.approx(15.3846, abs=5e-5)
    assert bool(is_safe)
    # 330 = 300 + 20 + 10: the second knows the first within 3.3 %.
    margin, is_safe = p_percent([330, 330], [300, 150], [20, 20], 10)
    assert margin == pytest.approx([10 / 3, 320 / 3])
    assert is_safe.tolist() == [False, True]
    for wrong in ((10, 3, 4), (10, 8, 4), (10, 0, 0)):
        with pytest.raises(ValueError, match="in order"):
            p_percent(*wrong, 10)


def test_margins() -> None:
    table = with_margins([[1, 2], [3, 4]])
    assert table.tolist() == [[1, 2, 3], [3, 4, 7], [4, 6, 10]]
    equations = margin_equations(table.shape)
    assert equations.shape == (6, 9)
    assert (equations @ table.ravel() == 0).all()
    cube = with_margins(np.arange(8).reshape(2, 2, 2))
    assert cube[-1, -1, -1] == 28
    assert (margin_equations(cube.shape) @ cube.ravel() == 0).all()
    both = stacked([equations, margin_equations(cube.shape)])
    assert (both @ np.concatenate([table.ravel(), cube.ravel()]) == 0).all()


def test_the_printed_two_by_two() -> None:
    # Geurts 1992, in the SDC Handbook: rows 7 and 3, columns 6 and 4, all four cells hidden.
    low, high = feasible_intervals(with_margins([[5, 2], [1, 2]]).ravel(), _inner((3, 3)), margin_equations((3, 3)))
    assert list(zip(low.reshape(3, 3)[:2, :2].ravel(), high.reshape(3, 3)[:2, :2].ravel(), strict=True)) == [
        (pytest.approx(3), pytest.approx(6)),
        (pytest.approx(1), pytest.approx(4)),
        (pytest.approx(0), pytest.approx(3)),
        (pytest.approx(0), pytest.approx(3)),
    ]
    # Published cells are known.
    assert low[-1] == high[-1] == 10


def _inner(shape: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, bool)
    mask[:-1, :-1] = True
    return mask.ravel()


def _ends_by_trying(values: Floats, hidden: Mask, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Smallest and largest whole number of each hidden cell over every table that fits what is published."""
    positions = np.flatnonzero(hidden)
    tries = np.indices((int(values.max()) + 1,) * positions.size).reshape(positions.size, -1)
    tables = np.repeat(values[:, None], tries.shape[1], axis=1)
    tables[positions] = tries
    fits = (np.abs(margin_equations(shape) @ tables) < 1e-9).all(axis=0)
    return tables[:, fits].min(axis=1), tables[:, fits].max(axis=1)


def test_intervals_are_those_of_every_possible_table() -> None:
    rng = np.random.default_rng(1)
    tables, masks, ends = [], [], []
    for _ in range(25):
        counts = with_margins(rng.integers(0, 3, (3, 2)))
        mask = np.zeros(counts.size, bool)
        # The grand total stays published; totals of rows and columns may be hidden too.
        mask[rng.choice(counts.size - 1, 5, replace=False)] = True
        tables.append(counts.ravel())
        masks.append(mask)
        ends.append(_ends_by_trying(counts.ravel(), mask, (4, 3)))
    equations = stacked([margin_equations((4, 3))] * 25)
    low, high = feasible_intervals(np.concatenate(tables), np.concatenate(masks), equations)
    assert low == pytest.approx(np.concatenate([end[0] for end in ends]), abs=1e-6)
    assert high == pytest.approx(np.concatenate([end[1] for end in ends]), abs=1e-6)


def test_wide_enough_is_decided_as_by_the_whole_interval() -> None:
    rng = np.random.default_rng(7)
    counts = [with_margins(rng.integers(0, 25, (5, 4))) for _ in range(120)]
    values = np.concatenate([table.ravel() for table in counts])
    equations = stacked([margin_equations((6, 5))] * 120)
    # Some tables hide one cell only, some a few, some nearly all: every way an interval can come about.
    hidden = rng.random(values.size) < np.repeat(rng.choice([0.04, 0.2, 0.8], 120), 30)
    low, high = feasible_intervals(values, hidden, equations)
    for enough in (3.0, 10.0, 40.0):
        least, most = feasible_intervals(values, hidden, equations, enough=enough)
        assert (least >= low - 1e-6).all() and (most <= high + 1e-6).all()
        decided = (most - least >= enough - 1e-6) == (high - low >= enough - 1e-6)
        assert decided.all()
        assert 0 < ((high - low)[hidden] >= enough - 1e-6).mean() < 1
        # What is not wide enough was followed to its ends.
        narrow = high - low < enough - 1e-6
        assert least[narrow] == pytest.approx(low[narrow], abs=1e-5)


def test_tables_beside_each_other_do_not_touch() -> None:
    rng = np.random.default_rng(2)
    counts = [with_margins(rng.integers(0, 50, (3, 4))) for _ in range(150)]
    masks = [(table < 30).ravel() for table in counts]
    equations = margin_equations((4, 5))
    together = feasible_intervals(
        np.concatenate([table.ravel() for table in counts]), np.concatenate(masks), stacked([equations] * 150)
    )
    for number in (0, 77, 149):
        alone = feasible_intervals(counts[number].ravel(), masks[number], equations)
        for end, whole in zip(alone, together, strict=True):
            assert end == pytest.approx(whole[20 * number : 20 * number + 20], abs=1e-6)


def test_a_sum_of_parts_needs_a_second_hidden_part() -> None:
    values, equations = with_margins([40, 3, 50, 60]), margin_equations((5,))
    primary = values == 3
    # Alone it is the total less the rest: exactly known.
    alone = prove(values, primary, primary, 5, equations)
    assert (alone.lower[0], alone.upper[0], alone.passes[0]) == (3, 3, False)
    hidden = complementary(values, primary, 5, equations).hidden
    # The smallest part that can absorb 5 of it is hidden too; the reader then knows 0 to 43.
    assert hidden.tolist() == [True, True, False, False, False]
    proof = prove(values, hidden, primary, 5, equations)
    assert (proof.lower[0], proof.upper[0], proof.passes[0]) == (0, 43, True)


def test_two_small_cells_do_not_protect_each_other() -> None:
    # 1 + 2 hidden: each is 0 to 3, too narrow for a width of 5, so a third part must be hidden.
    values, equations = with_margins([1, 2, 35, 60]), margin_equations((5,))
    primary = values < 5
    assert not prove(values, primary, primary, 5, equations).passes.any()
    hidden = complementary(values, primary, 5, equations).hidden
    assert hidden.tolist() == [True, True, True, False, False]
    assert prove(values, hidden, primary, 5, equations).passes.all()


def test_a_cell_of_a_cross_table_needs_a_cycle() -> None:
    values = with_margins([[3, 40, 45], [50, 35, 60], [70, 80, 90]])
    equations = margin_equations(values.shape)
    primary = (values == 3).ravel()
    # One more cell in its row is not enough: the column reveals both.
    row_only = primary | (values == 40).ravel()
    assert not prove(values.ravel(), row_only, primary, 5, equations).passes[0]
    hidden = complementary(values.ravel(), primary, 5, equations).hidden
    # The cheapest cycle: 3, 40, 50, 35; no total is touched.
    assert set(values.ravel()[hidden]) == {3, 40, 50, 35}
    assert prove(values.ravel(), hidden, primary, 5, equations).passes.all()


def test_thousands_of_shapes_are_protected_without_hiding_all() -> None:
    rng = np.random.default_rng(3)
    tables = [
        with_margins(np.floor(rng.lognormal(4, 1.2, (rng.integers(2, 5), rng.integers(2, 7))))) for _ in range(150)
    ]
    values = np.concatenate([table.ravel() for table in tables])
    equations = stacked([margin_equations(table.shape) for table in tables])
    primary, required = values < 30, np.clip(values, 5, 10)
    assert not prove(values, primary, primary, required, equations).passes.all()
    found = complementary(values, primary, required, equations)
    hidden = found.hidden
    assert (hidden | ~primary).all()
    # Intervals followed only as far as required agree with the whole intervals.
    assert (found.is_proved == primary).all()
    assert prove(values, hidden, primary, required, equations).passes.all()
    # A table without a small cell hides nothing.
    start = 0
    for table in tables:
        own = slice(start, start + table.size)
        start += table.size
        assert primary[own].any() or not hidden[own].any()
    assert hidden.sum() < 0.75 * values.size


def test_a_table_of_three_dimensions() -> None:
    values = with_margins(np.random.default_rng(4).integers(20, 90, (2, 3, 2)))
    values = with_margins(np.where(np.indices((2, 3, 2)).sum(axis=0) == 0, 2, values[:2, :3, :2]))
    equations = margin_equations(values.shape)
    primary = (values == 2).ravel()
    hidden = complementary(values.ravel(), primary, 5, equations).hidden
    assert prove(values.ravel(), hidden, primary, 5, equations).passes.all()
    # Every plane through the cell must hold a cycle: seven others at least.
    assert hidden.sum() >= 8


def test_two_editions_give_away_what_each_keeps() -> None:
    values, equations = with_margins([12, 33, 50]), margin_equations((4,))
    primary = np.array([True, False, False, False])
    first = np.array([True, True, False, False])
    second = np.array([True, False, True, False])
    for hidden in (first, second):
        assert prove(values, hidden, primary, 10, equations).passes.all()
    # Read together, each edition publishes what the other hid beside the small cell.
    both = with_editions(equations, equations, [(cell, cell) for cell in range(4)])
    twice, small = np.tile(values, 2), np.tile(primary, 2)
    proof = prove(twice, np.concatenate([first, second]), small, 10, both)
    assert proof.lower.tolist() == proof.upper.tolist() == [12, 12]
    assert not proof.passes.any()
    # Hiding what the first edition hid protects the cell; what it published cannot be withdrawn.
    frozen = np.concatenate([np.ones(4, bool), np.zeros(4, bool)])
    chosen = complementary(twice, small, 10, both, np.concatenate([first, np.zeros(4, bool)]), frozen).hidden
    assert chosen.tolist() == [*first, *first]
    assert prove(twice, chosen, small, 10, both).passes.all()


def test_a_correction_of_one_cell_gives_its_neighbour_away() -> None:
    # Two hidden parts; only the second is corrected, by 4, and the total with it. Nothing follows: no cell is known.
    equations = margin_equations((4,))
    before, after = with_margins([12, 33, 50]), with_margins([12, 37, 50])
    both = with_editions(equations, equations, [(0, 0), (2, 2)])
    hidden = np.array([True, True, False, False])
    proof = prove(
        np.concatenate([before, after]), np.tile(hidden, 2), np.tile([True, False, False, False], 2), 10, both
    )
    assert proof.upper == pytest.approx([45, 45])
    # Once the correction is published, everything is known.
    later = np.array([True, False, False, False])
    proof = prove(
        np.concatenate([before, after]),
        np.concatenate([hidden, later]),
        np.tile([True, False, False, False], 2),
        10,
        both,
    )
    assert proof.upper == pytest.approx([12, 12])


def test_where_nothing_may_be_hidden_the_proof_says_so() -> None:
    values, equations = with_margins([3, 40, 50]), margin_equations((4,))
    primary = values == 3
    found = complementary(values, primary, 5, equations, frozen=~primary)
    assert not found.is_proved.any()
    hidden = found.hidden
    assert hidden.tolist() == primary.tolist()
    assert not prove(values, hidden, primary, 5, equations).passes.any()


def test_a_hidden_total_is_bounded_by_nothing() -> None:
    values, equations = with_margins([3, 40]), margin_equations((3,))
    low, high = feasible_intervals(values, [True, False, True], equations)
    # The part may be anything, the total is 40 more: both end at the ceiling, twice the largest value and one.
    assert low.tolist() == pytest.approx([0, 40, 40])
    assert high.tolist() == pytest.approx([47, 40, 87])


def test_nothing_to_hide() -> None:
    values, equations = with_margins([[40, 50], [60, 70]]).ravel(), margin_equations((3, 3))
    nothing = np.zeros(9, bool)
    assert not complementary(values, nothing, 5, equations).hidden.any()
    assert not complementary(values, nothing, 5, equations).is_proved.any()


def test_a_cell_that_stands_in_no_sum() -> None:
    equations = stacked([margin_equations((3,)), sparse.csr_array((0, 1))])
    low, high = feasible_intervals([1, 2, 3, 7], [False, False, False, True], equations)
    assert (low[-1], high[-1]) == (0, 15)
    no_sums = sparse.csr_array((0, 2))
    # No total of it is published, so it is unbounded, however wide it must be.
    assert complementary([1, 2], [True, False], 100, no_sums).is_proved.tolist() == [True, False]
    low, high = feasible_intervals([1, 2], [True, True], no_sums)
    assert (low.tolist(), high.tolist()) == ([0, 0], [5, 5])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2, 4], "do not add up"),
        ([-1, 2, 1], "not negative"),
        ([np.nan, 2, 2], "must be there"),
        ([1, 2], "2 cells"),
    ],
)
def test_tables_that_are_none(values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        feasible_intervals(values, np.zeros(len(values), bool), margin_equations((3,)))
