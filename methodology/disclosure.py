"""Disclosure control: which cells to hide, which others to hide with them, and proof that no hidden cell can be worked out.

Belongs here: functions of counts and the equations between them (`additive_tables`), thousands of tables in one call. Does not
belong here: which counts are small, and what earlier editions showed (`suppression`).

A reader knows every published cell, every equation, and that no count is negative. The possible values of a hidden cell then form
an interval, found by linear programming. Tables that share no hidden cell are independent, so one program solves one cell of
every table at once. Source: Hundepool et al., Handbook on Statistical Disclosure Control (2010), chapter 4.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, sparse
from scipy.sparse.csgraph import connected_components

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
# Counts are whole numbers, so a solver's remainder of 1e-9 must decide nothing.
TOLERANCE = 1e-6
# Cells per linear program, as near as whole tables allow: small tables share a program's overhead, and its time, which grows with
# the square of its size, stays short.
CELLS = 2_000


@dataclass(frozen=True)
class Protection:
    """Cells to hide, and primary cells whose interval is proved to be as wide as required; (cells,) each."""

    hidden: Mask
    is_proved: Mask


def p_percent(total: npt.ArrayLike, largest: npt.ArrayLike, second: npt.ArrayLike, p: float) -> tuple[Floats, Mask]:
    """By how much the second contributor overestimates the largest, in percent of it, and whether that is p % or more.

    margin = 100 (X - x1 - x2) / x1; a magnitude (minutes, cost) may be published where margin >= p. Raises ValueError where the
    two exceed the total, are in the wrong order, or the largest is not above 0.
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
    """Return the lowest and highest value of each hidden cell given the published ones; a published cell has its own value.

    `values` and `hidden` are (cells,), `equations` (equations, cells) with equations @ values = 0. Only `targets` (a mask, all
    hidden cells by default) are solved; the other hidden cells are NaN. The search stops once an interval is `enough` wide (one
    width, or one per cell): both ends are then possible values and others may lie beyond, which suffices for a proof and costs
    far less. An unbounded upper end is returned as twice the largest value. In two-dimensional tables whole numbers reach the
    ends; in more dimensions the interval may be wider than theirs. Raises ValueError where values are missing or negative or do
    not add up.
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
    # In a block of twins only their sum is known, so the ends are final. Elsewhere another path may lead further.
    alike = np.bincount(block, weights=twins != _first_of(block, twins)) == 0
    todo = np.flatnonzero(wanted & ~(alike[block] & in_sum) & (most - least < width))
    solver = _Vertices(part.tocsc(), mine, block, _ceiling(x))
    if np.isfinite(width).all():
        # Directions that separate any two cells at least once: the binary digits of their numbers.
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
    """Tables a reader must allow for: hidden `cells` with the same `columns` @ cells and 0 <= cells <= ceiling, by block."""

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
        """Find the table that moves the cells `asked` furthest against `pull`, and widen their intervals in place.

        With `reach` no asked cell moves further than that, so many move enough instead of one as far as it can.
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
                # Nested sums leave presolve nothing to remove, and it takes longer than solving.
                options={"presolve": False},
            )
            if found.status != 0:
                raise ArithmeticError(f"feasible intervals were not found: {found.message}")
            table[within] = found.x
        least[asked] = np.minimum(least[asked], table[asked])
        most[asked] = np.maximum(most[asked], table[asked])


def _tables(equations: sparse.csr_array) -> npt.NDArray[np.int64]:
    """A number per cell, the same for cells that equations connect."""
    # A bipartite graph of cells and equations: pairing the cells of a long equation would square its length.
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
    """Return the cells to hide so that every primary cell's interval is as wide as required, and whether it then is.

    Hides the primary cells and those already `hidden`. Then, for one failing cell of every table at a time, it hides the cheapest
    others among which that value can move by the required width with every equation still holding: a linear program whose cost,
    per count moved, is 1 for a small cell and 2 for the table's largest, so that few cells are hidden and totals last (the
    heuristic of Fischetti and Salazar 2000). The result is near the minimum, not proved minimal. `frozen` cells, such as those of
    an earlier edition, are never hidden; where they leave no solution, the cell stays unprotected and its proof fails. Hiding
    more only widens intervals, so one proved early still holds. The ends are not returned: the search for them starts from the
    true counts (`feasible_intervals`), so they would reveal them.
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
        # The widest requirement first: what protects that cell often protects its neighbours.
        order = np.flatnonzero(failing)[np.argsort(-required[failing], kind="stable")]
        asked = order[np.unique(table[order], return_index=True)[1]]
        for batch in _batches(asked, np.bincount(table)[table[asked]]):
            covered |= _cheapest_moves(x, required, equations, covered, fixed, table, batch)
        # A cell asked once has obtained all it can: it is checked but not asked again, or the loop would not end.
        low, high = feasible_intervals(x, covered, equations, np.isin(np.arange(x.size), asked), required)
        lower[asked], upper[asked] = low[asked], high[asked]
        open_cells = failing.copy()
        open_cells[asked] = False
    # Cells in no equation (no total of them is published) and cells that reach the end of the search are unbounded.
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

    The variables are four blocks of cells, up+, up-, down+ and down-, which describe two alternative tables. No cell may fall by
    more than its value, since it would be negative.
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
