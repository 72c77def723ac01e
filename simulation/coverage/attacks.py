"""Suppressed tables under attack: what a reader with a linear program works out about the hidden counts.

Belongs here: random tables, an attacker that shares no code with the product's own prover. Does not belong here: which counts
are too small (`methodology.disclosure`).

The attacker knows every published count, every sum within and across the tables and editions, and that no count is negative.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import optimize, sparse

from methodology.additive_tables import margin_equations, stacked, with_editions, with_margins
from methodology.disclosure import complementary, prove, publication_states, required_width
from simulation.coverage.findings import Finding, Floats, at_least, drawn

Mask = npt.NDArray[np.bool_]
# Parts and their total, by place among all cells.
Sum = tuple[list[int], int]
SLACK = 1e-6  # of the solver


@dataclass(frozen=True)
class Tables:
    """Cells of all tables one after another, and the sums a reader knows; `settled` hides what an earlier edition hid."""

    values: Floats
    equations: sparse.csr_array
    sums: list[Sum]
    settled: Mask | None = None  # hidden in the earlier edition
    frozen: Mask | None = None  # published in the earlier edition


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    kinds: dict[str, Callable[[np.random.Generator], Tables]] = {
        "one table": one_table,
        "a table of three dimensions": cube,
        "two tables that cross in a margin": crossing,
        "a table and its previous edition": editions,
    }
    found = []
    for name, make in kinds.items():
        worlds = [make(rng) for _ in range(max(draws // len(kinds), 2))]
        kept, exposed, unprotected = [], [], []
        for tables, (hidden, primary, proven) in zip(worlds, protected(worlds), strict=True):
            required = required_width(tables.values)
            cells = np.flatnonzero(proven)
            kept.append(widths(tables, hidden, cells) >= required[cells] - SLACK)
            small = np.flatnonzero(primary)
            alone = primary if tables.settled is None else primary | tables.settled
            exposed.append(bool(np.any(widths(tables, alone, small) < required[small] - SLACK)))
            unprotected.append(not np.array_equal(proven, primary))
        found += [
            drawn(
                f"hidden counts an attack leaves as wide as required (a draw is a count); {name}",
                np.concatenate(kept),
                at_least(1.0),
            ),
            drawn(f"some count narrowed where the small ones alone are hidden; {name}", exposed),
            drawn(f"no pattern found that protects every count, and the proof says so; {name}", unprotected),
        ]
    return found


def protected(worlds: Sequence[Tables]) -> list[tuple[Mask, Mask, Mask]]:
    """For each world, by the product, all in one call as a release would be: cells hidden, small, and small with a proof."""
    values = np.concatenate([tables.values for tables in worlds])
    equations = stacked([tables.equations for tables in worlds])
    settled, frozen = (
        np.concatenate([np.zeros(tables.values.size, bool) if part is None else part for tables, part in parts])
        for parts in ([(own, own.settled) for own in worlds], [(own, own.frozen) for own in worlds])
    )
    primary = (publication_states(values) != "publish") & ~frozen
    hidden, _, _ = complementary(values, primary, required_width(values), equations, settled, frozen)
    proof = prove(values, hidden, primary, required_width(values), equations)
    proven = np.zeros_like(primary)
    proven[proof.cells[proof.passes]] = True
    ends = np.cumsum([tables.values.size for tables in worlds])[:-1]
    return list(zip(*(np.split(part, ends) for part in (hidden, primary, proven)), strict=True))


def counts(rng: np.random.Generator, shape: Sequence[int]) -> Floats:
    """Counts of which one in five or so is below the limit of publication, some of them zero."""
    return np.floor(np.exp(rng.normal(np.log(80), 1.2, shape)))


def one_table(rng: np.random.Generator) -> Tables:
    """Three to six rows, three to five columns, and totals."""
    table = with_margins(counts(rng, (int(rng.integers(3, 7)), int(rng.integers(3, 6)))))
    return Tables(table.ravel(), margin_equations(table.shape), sums(table.shape))


def cube(rng: np.random.Generator) -> Tables:
    """Three dimensions with all their margins."""
    table = with_margins(counts(rng, (3, 3, 2)))
    return Tables(table.ravel(), margin_equations(table.shape), sums(table.shape))


def crossing(rng: np.random.Generator) -> Tables:
    """Region by channel and region by segment of the same people: the totals of regions stand in both."""
    people = np.floor(counts(rng, (4, 3, 3)) / 5)
    first, second = with_margins(people.sum(axis=2)), with_margins(people.sum(axis=1))
    shared = [
        (int(one), int(two)) for one, two in zip(places(first.shape)[:, -1], places(second.shape)[:, -1], strict=True)
    ]
    equations = with_editions(margin_equations(first.shape), margin_equations(second.shape), shared)
    return Tables(
        np.concatenate([first.ravel(), second.ravel()]),
        equations,
        [*sums(first.shape), *sums(second.shape, first.size), *([([one], first.size + two) for one, two in shared])],
    )


def editions(rng: np.random.Generator) -> Tables:
    """An edition already published, and a new one in which a row was restated: all other counts are known to be equal."""
    before = counts(rng, (5, 4))
    after = before.copy()
    after[0] = np.floor(after[0] * rng.uniform(0.7, 1.3, 4))
    old, new = with_margins(before), with_margins(after)
    equations = margin_equations(old.shape)
    primary = publication_states(old.ravel()) != "publish"
    hidden, _, _ = complementary(old.ravel(), primary, required_width(old.ravel()), equations)
    # The restated row, and the totals it enters, are not equal; all else is.
    unchanged = [int(place) for place in places(old.shape)[1:-1].ravel()]
    none = np.zeros(new.size, bool)
    return Tables(
        np.concatenate([old.ravel(), new.ravel()]),
        with_editions(equations, equations, [(place, place) for place in unchanged]),
        [*sums(old.shape), *sums(new.shape, old.size), *([([place], old.size + place) for place in unchanged])],
        np.concatenate([hidden, none]),
        np.concatenate([~hidden, none]),
    )


def places(shape: Sequence[int]) -> npt.NDArray[np.int64]:
    """Place of every cell of a table in row order."""
    return np.arange(int(np.prod(shape))).reshape(tuple(shape))


def sums(shape: Sequence[int], start: int = 0) -> list[Sum]:
    """Every line of a table along every axis, as the attacker reads it: the last cell is the total of the others."""
    cells = places(shape) + start
    lines: list[Sum] = []
    for axis, length in enumerate(shape):
        for others in product(*(range(size) for place, size in enumerate(shape) if place != axis)):
            line = [int(cells[(*others[:axis], step, *others[axis:])]) for step in range(length)]
            lines.append((line[:-1], line[-1]))
    return lines


def widths(tables: Tables, hidden: Mask, targets: npt.NDArray[np.int64]) -> Floats:
    """Highest less lowest value of each target that a reader of all other cells cannot rule out."""
    unknown = np.flatnonzero(hidden)
    column = {int(cell): place for place, cell in enumerate(unknown)}
    rows, right = [], []
    for parts, total in tables.sums:
        row, known = np.zeros(unknown.size), 0.0
        for cell, sign in [*((part, 1.0) for part in parts), (total, -1.0)]:
            if cell in column:
                row[column[cell]] += sign
            else:
                known += sign * tables.values[cell]
        if row.any():
            rows.append(row)
            right.append(-known)
    if not rows:
        return np.full(targets.size, np.inf)
    # One program for all targets: a copy of the unknowns for the lowest value of each, and one for the highest.
    copies = 2 * targets.size
    if not copies:
        return np.zeros(0)
    side = np.repeat([1.0, -1.0], targets.size)
    asked = np.array([column[int(cell)] for cell in targets] * 2) + np.arange(copies) * unknown.size
    goal = np.zeros(copies * unknown.size)
    goal[asked] = side
    found = optimize.linprog(
        goal,
        A_eq=sparse.kron(sparse.eye_array(copies), np.array(rows), format="csr"),
        b_eq=np.tile(right, copies),
        bounds=(0, 10 * tables.values.sum() + 1),  # far above what any total lets a part be
        method="highs",
    )
    if found.status != 0:
        raise ArithmeticError(f"the attack failed: {found.message}")
    low, high = found.x[asked].reshape(2, -1)
    return np.asarray(high - low)
