"""Suppressed tables under attack: what a reader with a linear program can infer about the hidden counts.

Belongs here: random tables of a release, and an attacker that shares no code with the product's prover. Does not belong
here: what is hidden (`methodology.suppression`, which the warehouse calls too).

The attacker knows every published count, every sum within and across the tables and editions, and that no count is negative.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, sparse

from methodology.suppression import suppressed
from miyar.unit_types import columns_by_type
from simulation.coverage.findings import Finding, Floats, at_least, drawn

Mask = npt.NDArray[np.bool_]
# Unit type, agency ("" for a region of the whole) and unit.
Key = tuple[str, str, str]
Counts = dict[Key, int]
# Parts and their total, as positions among all cells.
Sum = tuple[list[int], int]
MINIMUM_N, OWNER_N = 30, 5
WIDTH = 2 * OWNER_N
SLACK = 1e-6  # of the solver
METRICS = pd.DataFrame({"metric_id": ["m"], "disclosure": ["persons"]})


@dataclass(frozen=True)
class World:
    """Counts of one metric, the agency's region of each branch, and what an earlier edition counted and showed."""

    counts: Counts
    region: dict[str, str]
    earlier: Counts = field(default_factory=dict)
    shown: frozenset[Key] = frozenset()


@dataclass(frozen=True)
class Hidden:
    """What the product hides: all cells, the small ones that no edition showed, and those of them with a proof."""

    cells: frozenset[Key]
    small: frozenset[Key]
    proved: frozenset[Key]


@dataclass(frozen=True)
class Tables:
    """The cells of all tables, concatenated, and the sums a reader knows."""

    values: Floats
    sums: list[Sum]


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    kinds: dict[str, Callable[[np.random.Generator], World]] = {
        "agencies by region": regions,
        "services, regions and branches of agencies": branches,
        "answers that name no service or branch": unnamed,
    }
    share = max(draws // (len(kinds) + 1), 2)
    worlds = {name: [make(rng) for _ in range(share)] for name, make in kinds.items()}
    worlds["tables and their previous edition"] = corrected(rng, share)
    found = []
    for name, drawn_worlds in worlds.items():
        kept, exposed, unprotected = [], [], []
        for world, hidden in zip(drawn_worlds, protected(drawn_worlds), strict=True):
            kept.append(attacked(world, hidden.cells, hidden.proved) >= WIDTH - SLACK)
            exposed.append(bool(np.any(attacked(world, hidden.small, hidden.small) < WIDTH - SLACK)))
            unprotected.append(hidden.proved != hidden.small)
        found += [
            drawn(
                f"hidden counts an attack leaves as wide as required (a draw is a count); {name}",
                np.concatenate(kept),
                at_least(1.0),
            ),
            drawn(f"some count narrowed where the small ones alone are hidden; {name}", exposed),
            drawn(f"no pattern found that protects every count, and the proof says so; {name}", unprotected),
        ]
    return [*found, *editions(worlds["tables and their previous edition"])]


def editions(worlds: Sequence[World]) -> list[Finding]:
    """What checking against the previous edition gains; that its own hidden counts stay hidden is shown but not claimed."""
    exposed, kept = [], []
    forgotten = protected([World(world.counts, world.region) for world in worlds])
    for world, blind, hidden in zip(worlds, forgotten, protected(worlds), strict=True):
        unseen = blind.small - {key for key in world.shown if world.counts.get(key) == world.earlier[key]}
        exposed.append(bool(np.any(attacked(world, blind.cells, unseen) < WIDTH - SLACK)))
        small = frozenset(key for key, n in world.earlier.items() if n < MINIMUM_N and key not in world.shown)
        kept.append(attacked(world, hidden.cells, small, of_earlier=True) >= WIDTH - SLACK)
    return [
        drawn("some count narrowed by two editions where the product looks at today's alone", exposed),
        drawn("hidden counts of the previous edition that both leave as wide as required", np.concatenate(kept)),
    ]


def protected(worlds: Sequence[World]) -> list[Hidden]:
    """What the product hides of each world, computed in one call as for a release."""
    rows, lying, published = [], [], []
    for number, world in enumerate(worlds):
        table = {"metric_id": "m", "period_id": "q", "instrument_id": number}
        for (unit_type, agency, unit), n in world.counts.items():
            cell = {"unit_type": unit_type, "unit_id": unit, "agency_id": agency or None, **table}
            rows.append({**cell, "n": n, "n_at_least": n, "respondents": n, "slice_ids": ""})
        for key, n in world.earlier.items():
            cell = {"unit_type": key[0], "unit_id": key[2], "agency_id": key[1] or None, **table}
            published.append({**cell, "n": n, "is_shown": key in world.shown})
        for branch, region in world.region.items():
            agency, _, name = region.partition("/")
            lying.append({**table, "agency_id": agency, "unit_id": branch, "only_region_id": name})
    cell_columns = ["unit_type", "unit_id", "agency_id", "metric_id", "period_id", "instrument_id"]
    made = suppressed(
        pd.DataFrame(rows),
        pd.DataFrame(lying, columns=[*cell_columns[2:], "unit_id", "only_region_id"]),
        pd.DataFrame(published, columns=[*cell_columns, "n", "is_shown"]),
        # A reader who sees every region sees more than the product shows.
        pd.DataFrame(rows)[cell_columns].assign(is_shared=True),
        metrics=METRICS,
        units=columns_by_type(),
        minimum_n=MINIMUM_N,
        owner_n=OWNER_N,
    )
    found: list[tuple[set[Key], set[Key], set[Key]]] = [(set(), set(), set()) for _ in worlds]
    for world_number, own in made.groupby("instrument_id"):
        keys = list(zip(own["unit_type"], own["agency_id"].fillna(""), own["unit_id"], strict=True))
        is_small = own["is_primary"] & ~own["is_public"]
        for position, marked in enumerate((is_small | True, is_small, is_small & own["is_proved"].eq(True))):
            found[int(str(world_number))][position].update(key for key, one in zip(keys, marked, strict=True) if one)
    return [Hidden(*(frozenset(keys) for keys in sets)) for sets in found]


def people(rng: np.random.Generator, shape: tuple[int, int, int, int], typical: float) -> npt.NDArray[np.int64]:
    """Answers by agency, service, region and branch, many of them few."""
    return np.floor(np.exp(rng.normal(np.log(typical), 1.2, shape))).astype(np.int64)


def counted(answers: npt.NDArray[np.int64], kinds: Sequence[str]) -> World:
    """Cells counted from answers by agency, service, region and branch: agencies, regions, and the named `kinds` of parts."""
    counts: Counts = {}
    region: dict[str, str] = {}
    for a, own in enumerate(answers):
        agency = f"a{a}"
        counts["agency", agency, agency] = int(own.sum())
        for s, n in enumerate(own.sum(axis=(1, 2))):
            counts["service", agency, f"{agency}/s{s}"] = int(n)
        for r, n in enumerate(own.sum(axis=(0, 2))):
            counts["agency_region", agency, f"{agency}/r{r}"] = int(n)
        for (r, b), n in np.ndenumerate(own.sum(axis=0)):
            counts["branch", agency, f"{agency}/b{r}{b}"] = int(n)
            region[f"{agency}/b{r}{b}"] = f"{agency}/r{r}"
    for r, n in enumerate(answers.sum(axis=(0, 1, 3))):
        counts["region", "", f"r{r}"] = int(n)
    return World({key: n for key, n in counts.items() if n and key[0] in {"agency", "region", *kinds}}, region)


def regions(rng: np.random.Generator) -> World:
    """Three to six agencies by three to five regions, with the totals of both."""
    shape = (int(rng.integers(3, 7)), 1, int(rng.integers(3, 6)), 1)
    return counted(people(rng, shape, 80), ["agency_region"])


def branches(rng: np.random.Generator) -> World:
    """Three agencies with services, regions, and branches within the regions, so that sums cross."""
    return counted(people(rng, (3, 3, 3, 2), 20), ["service", "agency_region", "branch"])


def unnamed(rng: np.random.Generator) -> World:
    """The same, but some answers name no service or no branch and count in totals only."""
    world = branches(rng)
    counts = dict(world.counts)
    for key, n in world.counts.items():
        if key[0] in {"service", "branch"} and rng.random() < 0.3:
            counts[key] = int(rng.binomial(n, 0.8))
    return World({key: n for key, n in counts.items() if n}, world.region)


def corrected(rng: np.random.Generator, size: int) -> list[World]:
    """Editions as the product published them, and new ones in which one service of one agency was restated."""
    before = [people(rng, (2, 3, 2, 1), 12) for _ in range(size)]
    kinds = ["service", "agency_region"]
    earlier = [counted(answers, kinds) for answers in before]
    worlds = []
    for answers, old, hidden in zip(before, earlier, protected(earlier), strict=True):
        after = answers.copy()
        after[0, 0] = np.floor(after[0, 0] * rng.uniform(0.5, 1.6, after[0, 0].shape))
        new = counted(after, kinds)
        worlds.append(World(new.counts, new.region, old.counts, frozenset(old.counts) - hidden.cells))
    return worlds


def attacked(world: World, hidden: frozenset[Key], targets: frozenset[Key], of_earlier: bool = False) -> Floats:
    """Width of each target's interval for a reader of both editions when today's does not show `hidden`."""
    first = {key: position for position, key in enumerate(world.earlier)}
    second = {key: len(first) + position for position, key in enumerate(world.counts)}
    values = [*world.earlier.values(), *world.counts.values()]
    is_public = [*(key in world.shown for key in first), *(key not in hidden for key in second)]
    sums = [*sums_of(first, world.region), *sums_of(second, world.region)]
    # Answers that name no part form one more part, which is never shown.
    for parts, total in sums:
        if (rest := values[total] - sum(values[part] for part in parts)) > 0:
            parts.append(len(values))
            values.append(rest)
            is_public.append(False)
    sums += [([first[key]], second[key]) for key, n in world.counts.items() if world.earlier.get(key) == n]
    places = np.array(sorted((first if of_earlier else second)[key] for key in targets), np.int64)
    return widths(Tables(np.array(values, float), sums), ~np.array(is_public), places)


def sums_of(position: dict[Key, int], region: dict[str, str]) -> list[Sum]:
    """Every total with its parts, as the attacker reads them from the units' names."""
    parts: dict[tuple[Key, str], list[int]] = {}
    for (unit_type, agency, unit), own in position.items():
        if unit_type in {"service", "agency_region", "branch"}:
            parts.setdefault((("agency", agency, agency), unit_type), []).append(own)
        if unit_type == "agency_region":
            parts.setdefault((("region", "", unit.split("/")[1]), unit_type), []).append(own)
        if unit_type == "branch" and unit in region:
            parts.setdefault((("agency_region", agency, region[unit]), unit_type), []).append(own)
    return [(own, position[total]) for (total, _), own in parts.items() if total in position]


def widths(tables: Tables, hidden: Mask, targets: npt.NDArray[np.int64]) -> Floats:
    """Highest minus lowest value of each target that is consistent with all other cells."""
    unknown = np.flatnonzero(hidden)
    column = {int(cell): position for position, cell in enumerate(unknown)}
    rows, right = [], []
    for parts, total in tables.sums:
        row, published = np.zeros(unknown.size), 0.0
        for cell, sign in [*((part, 1.0) for part in parts), (total, -1.0)]:
            if cell in column:
                row[column[cell]] += sign
            else:
                published += sign * tables.values[cell]
        if row.any():
            rows.append(row)
            right.append(-published)
    if not rows:
        return np.full(targets.size, np.inf)
    # One program for all targets, with a copy of the unknowns for each target's lowest value and one for its highest.
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
        bounds=(0, 10 * tables.values.sum() + 1),  # far above what any total allows
        method="highs",
    )
    if found.status != 0:
        raise ArithmeticError(f"the attack failed: {found.message}")
    low, high = found.x[asked].reshape(2, -1)
    return np.asarray(high - low)
