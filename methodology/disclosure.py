"""Disclosure control: which cells may be seen, which others must go with them, and proof that no hidden cell can be worked out.

Belongs here: functions of counts and the equations between them (`additive_tables`), thousands of tables in one call. Does not
belong here: which counts are small, and what earlier editions showed (`suppression`).

A reader knows every published cell, every equation, and that no count is negative. What a hidden cell can then be is an
interval, found by linear programming. Tables that share no hidden cell are independent, so that one program answers for one
cell of every table at once. Source: Hundepool et al., Handbook on Statistical Disclosure Control (2010), chapter 4.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, sparse
from scipy.sparse.csgraph import connected_components

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
# Counts are whole numbers: what a program leaves at 1e-9 decides nothing.
TOLERANCE = 1e-6
# Cells per linear program, as near as whole tables allow: small tables share a program's overhead, and a program's time, which
# grows with the square of its size, stays small.
CELLS = 2_000


@dataclass(frozen=True)
class Protection:
    """Cells to hide, and of the primary ones those whose interval is proved to be as wide as required; (cells,) each."""

    hidden: Mask
    is_proved: Mask


def p_percent(total: npt.ArrayLike, largest: npt.ArrayLike, second: npt.ArrayLike, p: float) -> tuple[Floats, Mask]:
    """By how much the second contributor overestimates the largest, in percent of it, and whether that is p % or more.

    margin = 100 (X - x1 - x2) / x1; a magnitude (minutes, cost) may be published where margin >= p. Raises ValueError where the
    two exceed the total, stand in the wrong order, or the largest is not above 0.
    """
    x, first, other = (np.asarray(part, float) for part in (total, largest, second))
    if np.any(first <= 0) or np.any(other < 0) or np.any(other > first) or np.any(first + other > x):
        raise ValueError("contributions must be in order, not negative, and within the total")
    margin = np.asarray(100 * (x - first - other) / first)
    return margin, margin >= p


def feasible_intervals(
    values: npt.ArrayLike,
    hidden: npt.ArrayLike,
    equations: sparse.csr_array,
    targets: npt.ArrayLike | None = None,
    enough: npt.ArrayLike = np.inf,
) -> tuple[Floats, Floats]:
    """Lowest and highest value each hidden cell can have for a reader of the others; published cells are their own value.

    `values` and `hidden` are (cells,), `equations` (equations, cells) with equations @ values = 0. Only `targets` (a mask, all
    hidden cells by default) are worked out, the rest of the hidden are NaN. An interval found to be `enough` wide (one width,
    or one per cell) is not followed to its ends: both of its ends are then values the cell can have, and there may be others
    beyond, which is all a proof needs and far less work. An upper end that nothing bounds stands at twice the
    largest value. In tables of two dimensions whole numbers reach the ends; in more the interval may be wider than theirs.
    Raises ValueError where values are missing or negative or do not add up.
    """
    x, covered = _checked(values, equations), np.asarray(hidden, bool)
    wanted = (covered if targets is None else covered & np.asarray(targets, bool))[covered]
    low, high = np.where(covered, np.nan, x), np.where(covered, np.nan, x)
    position = np.flatnonzero(covered)
    part = equations[:, covered]
    part = part[np.diff(part.indptr) > 0]
    mine, least, most = x[covered], x[covered].copy(), x[covered].copy()
    width = np.broadcast_to(np.asarray(enough, float), x.shape)[covered]
    block = _tables(part)
    twins, in_sum = _twins(part), np.diff(part.tocsc().indptr) > 0
    swaps = (np.bincount(twins)[twins] > 1) & in_sum
    least[swaps], most[swaps] = 0.0, np.bincount(twins, weights=mine)[twins[swaps]]
    # In a block of twins only, their sum is known and nothing else: those are the ends. Elsewhere another way may lead on.
    alike = np.bincount(block, weights=twins != _first_of(block, twins)) == 0
    todo = np.flatnonzero(wanted & ~(alike[block] & in_sum) & (most - least < width))
    solver = _Vertices(part.tocsc(), mine, block, _ceiling(x))
    if np.isfinite(width).all():
        # Directions in which any two cells pull apart at least once: the binary digits of their numbers.
        for digit in range(int(todo.size).bit_length()):
            for sign in (1.0, -1.0):
                if todo.size:
                    pull = sign * (1.0 - 2.0 * ((np.arange(todo.size) >> digit) & 1))
                    solver.widen(todo, pull, least, most, width)
                    todo = todo[(most - least < width)[todo]]
    for asked in _rounds(todo, block):
        for sign in (1.0, -1.0):
            solver.widen(asked, sign * np.ones(asked.size), least, most)
    low[position[wanted]], high[position[wanted]] = least[wanted], most[wanted]
    return low, high


@dataclass(frozen=True)
class _Vertices:
    """Tables a reader must hold possible: hidden `cells` with the same `columns` @ cells and 0 <= cells <= ceiling, by block."""

    columns: sparse.csc_array
    cells: Floats
    block: npt.NDArray[np.int64]
    ceiling: float

    def widen(
        self,
        asked: npt.NDArray[np.int64],
        pull: npt.ArrayLike,
        least: Floats,
        most: Floats,
        reach: Floats | None = None,
    ) -> None:
        """Find the table that goes furthest against `pull` of the cells `asked`, and widen their intervals in place.

        With `reach` no asked cell moves further than that: many then move enough where else one would move all it can.
        """
        low, high = np.zeros(self.cells.size), np.full(self.cells.size, self.ceiling)
        if reach is not None:
            low[asked] = np.maximum(self.cells[asked] - reach[asked], 0.0)
            high[asked] = self.cells[asked] + reach[asked]
        goal = np.zeros(self.cells.size)
        goal[asked] = pull
        table = np.full(self.cells.size, np.nan)
        blocks = np.unique(self.block[asked])
        for some in _batches(blocks, np.bincount(self.block)[blocks]):
            within = np.flatnonzero(np.isin(self.block, some))
            own = self.columns[:, within]
            lines, line = np.unique(own.indices, return_inverse=True)
            own = sparse.csc_array((own.data, line, own.indptr), shape=(lines.size, within.size))
            found = optimize.linprog(
                goal[within],
                A_eq=own,
                b_eq=own @ self.cells[within],
                bounds=np.column_stack([low[within], high[within]]),
                method="highs",
                # Sums within sums leave nothing to presolve, and looking for it takes longer than solving.
                options={"presolve": False},
            )
            if found.status != 0:
                raise ArithmeticError(f"feasible intervals were not found: {found.message}")
            table[within] = found.x
        least[asked] = np.minimum(least[asked], table[asked])
        most[asked] = np.maximum(most[asked], table[asked])


def _tables(equations: sparse.csr_array) -> npt.NDArray[np.int64]:
    """A number per cell, the same for cells that equations connect."""
    # Cells and equations as the two sides of a graph: pairs of cells of one long equation would be its square.
    _, number = connected_components(sparse.block_array([[None, equations.T], [equations, None]]), directed=False)
    return np.asarray(number[: equations.shape[1]], np.int64)


def _batches(tables: npt.NDArray[np.int64], cells: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """The tables in batches of about CELLS cells; a larger table is a batch of its own."""
    number = (np.cumsum(cells) - cells) // CELLS
    return np.split(tables, np.flatnonzero(np.diff(number)) + 1)


def _twins(part: sparse.csr_array) -> npt.NDArray[np.int64]:
    """A number per column, the same for columns equal in every entry: what one cell loses its twin can gain."""
    columns = part.tocsc()
    columns.sort_indices()
    lines = np.diff(columns.indptr)
    number = np.zeros(lines.size, np.int64)
    made = 0
    for count in np.unique(lines):
        of_size = np.flatnonzero(lines == count)
        entries = columns.indptr[of_size][:, None] + np.arange(count)
        keys = np.hstack([columns.indices[entries], columns.data[entries]])
        _, inverse = np.unique(keys, axis=0, return_inverse=True)
        number[of_size] = made + inverse.reshape(-1)
        made = int(number.max()) + 1
    return number


def _first_of(block: npt.NDArray[np.int64], values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The first value of each cell's block."""
    _, first, inverse = np.unique(block, return_index=True, return_inverse=True)
    return values[first][inverse.reshape(-1)]


def complementary(
    values: npt.ArrayLike,
    primary: npt.ArrayLike,
    width_required: npt.ArrayLike,
    equations: sparse.csr_array,
    hidden: npt.ArrayLike | None = None,
    frozen: npt.ArrayLike | None = None,
) -> Protection:
    """Cells to hide so that the interval of every primary cell is as wide as required, and whether it then is.

    Hides the primary cells and those already `hidden`. Then, for one failing cell of every table at a time, the cheapest
    others among which its value can move by the required width without any equation noticing: a linear program whose cost,
    per count moved, is 1 for a small cell and 2 for the table's largest, so that few cells go and totals go last (the
    heuristic of Fischetti and Salazar 2000). Near the least, not proved least. `frozen` cells are never hidden, such as
    those of an earlier edition; where they leave no way, the cell stays unprotected and its proof fails. The more is hidden
    the wider intervals get, so that one found early still holds. The ends found stay here: they are looked for from the true
    counts (`feasible_intervals`), and would tell of them.
    """
    x, first = _checked(values, equations), np.asarray(primary, bool)
    required = np.broadcast_to(np.asarray(width_required, float), x.shape)
    covered = first.copy() if hidden is None else first | np.asarray(hidden, bool)
    fixed = np.zeros_like(first) if frozen is None else np.asarray(frozen, bool) & ~covered
    table = _tables(equations)
    open_cells = first.copy()
    lower, upper = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    while True:
        low, high = feasible_intervals(x, covered, equations, open_cells, required)
        lower[open_cells], upper[open_cells] = low[open_cells], high[open_cells]
        with np.errstate(invalid="ignore"):
            failing = open_cells & (high - low < required - TOLERANCE)
        if not failing.any():
            break
        # The widest need first: what protects it often protects its neighbours.
        order = np.flatnonzero(failing)[np.argsort(-required[failing], kind="stable")]
        asked = order[np.unique(table[order], return_index=True)[1]]
        for batch in _batches(asked, np.bincount(table)[table[asked]]):
            covered |= _cheapest_moves(x, required, equations, covered, fixed, table, batch)
        # A cell asked once has got all there is; it is looked at again, and asking again would not end.
        low, high = feasible_intervals(x, covered, equations, np.isin(np.arange(x.size), asked), required)
        lower[asked], upper[asked] = low[asked], high[asked]
        open_cells = failing.copy()
        open_cells[asked] = False
    # Nothing bounds cells of no equation (nobody publishes a total of them), and those that may be as high as the search goes.
    alone = np.diff(equations.tocsc().indptr) == 0
    with np.errstate(invalid="ignore"):
        unbounded = alone | (upper >= _ceiling(x) - TOLERANCE)
        return Protection(covered, first & (unbounded | (upper - lower >= required - TOLERANCE)))


def _cheapest_moves(
    x: Floats,
    required: Floats,
    equations: sparse.csr_array,
    covered: Mask,
    fixed: Mask,
    table: npt.NDArray[np.int64],
    asked: npt.NDArray[np.int64],
) -> Mask:
    """Cells that must move when each asked cell moves up by a and down by b with a + b as required.

    Variables are four blocks of cells: up+, up-, down+, down-: two ways the table could be instead. What goes below its value
    by more than the value would be negative.
    """
    cells = np.flatnonzero(np.isin(table, table[asked]))
    own = equations[:, cells]
    own = own[np.diff(own.indptr) > 0]
    target = np.isin(cells, asked)
    largest = np.zeros(table.max() + 1)
    np.maximum.at(largest, table, x)
    count = np.bincount(table)[table[cells]]
    cost = np.where(covered[cells], 0.0, 1 + x[cells] / np.maximum(largest[table[cells]], 1.0))
    # Moving the asked cell is worth more than any detour through its table can cost.
    reward = np.where(target, 4.0 * count + 1, 0.0)
    free = np.where(fixed[cells], 0.0, np.inf)
    drop = np.minimum(free, x[cells])
    need = np.where(target, required[cells], 0.0)
    nothing = np.zeros_like(cost)
    upper = np.concatenate(
        [
            np.where(target, need, free),
            np.where(target, nothing, drop),
            np.where(target, nothing, free),
            np.where(target, np.minimum(need, x[cells]), drop),
        ]
    )
    balance = sparse.block_diag([sparse.hstack([own, -own]), sparse.hstack([own, -own])], format="csr")
    pick = sparse.csr_array(sparse.eye_array(cells.size))[target]
    none = sparse.csr_array(pick.shape)
    found = optimize.linprog(
        np.concatenate([cost - reward, cost, cost, cost - reward]),
        A_ub=sparse.hstack([pick, none, none, pick]),
        b_ub=need[target],
        A_eq=balance,
        b_eq=np.zeros(balance.shape[0]),
        bounds=np.column_stack([np.zeros_like(upper), upper]),
        method="highs",
    )
    if found.status != 0:
        raise ArithmeticError(f"complementary cells were not found: {found.message}")
    moved = np.zeros_like(covered)
    moved[cells] = found.x.reshape(4, -1).max(axis=0) > TOLERANCE
    return moved


def _checked(values: npt.ArrayLike, equations: sparse.csr_array) -> Floats:
    x = np.asarray(values, float)
    if x.ndim != 1 or equations.shape[1] != x.size:
        raise ValueError(f"{x.size} cells for equations between {equations.shape[1]}")
    if not np.all(x >= 0):
        raise ValueError("counts must be there and not negative")
    if not np.allclose(equations @ x, 0, rtol=0, atol=TOLERANCE * max(1.0, float(x.max(initial=0)))):
        raise ValueError("the tables do not add up: a total differs from its parts")
    return x


def _ceiling(x: Floats) -> float:
    """Where the search ends for a cell that nothing bounds."""
    return 2 * float(x.max(initial=0)) + 1


def _rounds(cells: npt.NDArray[np.int64], block: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """The cells dealt out in rounds, no two of one block in the same round."""
    rounds = []
    left = cells
    while left.size:
        first = np.unique(block[left], return_index=True)[1]
        rounds.append(left[first])
        left = np.delete(left, first)
    return rounds
