"""Weights that agree with a population frame: post-stratification, raking, collapsing, capping.

Belongs here: factors of cells (a row is a cell of one) and the residuals they leave. Does not belong here: calibration to
totals of numbers (`calibration`), the variance (`sampling`).

Every function takes weight sums of cells, or weights of rows; a cell's factor multiplies the weight of all its rows.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from methodology.sampling import Floats, Ints, grouped_sums

Labels = Sequence[Hashable] | npt.NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class WeightAdjustment:
    """Initial weights (n,), the factors on them, and the group of each in every margin whose totals now hold."""

    initial: Floats
    factors: Floats
    margins: tuple[Ints, ...]

    @property
    def weights(self) -> Floats:
        """Final weights (n,)."""
        return self.initial * self.factors

    def residuals(self, u: Floats) -> Floats:
        """u (n, k) less its regression on the margins under the INITIAL weights (the convention of `calibrate`)."""
        return margin_residuals(u, self.margins, self.initial)


@dataclass(frozen=True)
class Collapse:
    """A population cell without respondents, the one it was added to, and its size; always reported."""

    cell: Hashable
    into: Hashable
    population: float


def collapse_empty_cells(
    population: Mapping[Hashable, float], sampled: Labels, rule: Mapping[Hashable, Hashable]
) -> tuple[dict[Hashable, float], list[Collapse]]:
    """Population by cell with every cell that has no respondent added to the one the declared rule names.

    `rule` maps a cell to its stand-in, followed until one with respondents; cells that have respondents keep theirs.
    Returns the collapsed population and every move. Raises ValueError naming the empty cells the rule assigns nowhere.
    """
    present, homeless = set(_listed(sampled)), []
    collapsed = {cell: float(count) for cell, count in population.items() if cell in present}
    moves = []
    for cell, count in population.items():
        if cell in present or count == 0:
            continue
        into, seen = rule.get(cell), {cell}
        while into in rule and into not in present and into not in seen:
            seen.add(into)
            into = rule[into]
        if into not in present:
            homeless.append(cell)
            continue
        collapsed[into] = collapsed.get(into, 0.0) + float(count)
        moves.append(Collapse(cell, into, float(count)))
    if homeless:
        raise ValueError(f"population cells without respondents and without a stand-in: {_named(homeless)}")
    return collapsed, moves


def poststratify(weights: npt.ArrayLike, cells: Labels, population: Mapping[Hashable, float]) -> WeightAdjustment:
    """Factors N_g / sum of w in g, for weights (n,) and the post-stratum of each.

    Raises ValueError naming cells of the population without respondents (see `collapse_empty_cells`), cells of the
    sample that the population lacks, and counts that are not positive. Source: Holt and Smith 1979.
    """
    weight = _checked(weights)
    codes, totals = _margin("cells", cells, population, weight)
    return WeightAdjustment(weight, (totals / np.bincount(codes, weight, minlength=totals.size))[codes], (codes,))


def rake(
    weights: npt.ArrayLike,
    margins: Mapping[str, tuple[Labels, Mapping[Hashable, float]]],
    tolerance: float = 1e-12,
    max_rounds: int = 5000,
) -> WeightAdjustment:
    """Factors by iterative proportional fitting: each margin's totals in turn, until all hold within `tolerance`.

    `margins` gives for each name the level of every weight and the population by level. `tolerance` is relative to a
    level's total. Raises ValueError naming every fault: levels on one side only, margins that count different
    populations, or, when the rounds run out, the margins and levels that do not hold. Source: Deming and Stephan 1940.
    """
    weight = _checked(weights)
    if not margins:
        raise ValueError("raking needs a margin")
    faults, coded = [], {}
    for name, (labels, population) in margins.items():
        try:
            coded[name] = _margin(name, labels, population, weight)
        except ValueError as fault:
            faults.append(str(fault))
    sums = {name: float(totals.sum()) for name, (_, totals) in coded.items()}
    if sums and max(sums.values()) - min(sums.values()) > 1e-9 * max(sums.values()):
        listed = ", ".join(f"{name} {total:g}" for name, total in sums.items())
        faults.append(f"margins count different populations: {listed}")
    if faults:
        raise ValueError("; ".join(faults))
    fitted = weight.copy()
    gaps: dict[str, Floats] = {}
    for _ in range(max_rounds):
        for name, (codes, totals) in coded.items():
            ratio = totals / np.bincount(codes, fitted, minlength=totals.size)
            # Measured before the margin is adjusted: at the end of a round the last one always holds.
            gaps[name] = np.abs(ratio - 1)
            fitted *= ratio[codes]
        if max(float(gap.max()) for gap in gaps.values()) <= tolerance:
            factors = np.divide(fitted, weight, out=np.ones_like(weight), where=weight > 0)
            return WeightAdjustment(weight, factors, tuple(codes for codes, _ in coded.values()))
    raise ValueError(f"raking did not converge in {max_rounds} rounds: {_gaps_named(margins, gaps, tolerance)}")


def margin_residuals(
    u: npt.ArrayLike, margins: Sequence[Ints], weights: npt.ArrayLike, cycles: int | None = None
) -> Floats:
    """u (n, k) less its weighted regression on the groups of every margin.

    Solved from the cross counts of groups, or, with `cycles`, by sweeping out group means in turn so many times (R survey's
    rake stops at ten, with weights of one). A group whose weights are all zero keeps its values; without margins all do.
    """
    weight = np.asarray(weights, float)
    residual = np.array(u, float).reshape(weight.size, -1)
    if not margins:
        return residual
    if cycles is None:
        return _regressed(residual, margins, weight)
    for _ in range(cycles):
        for codes in margins:
            size = np.bincount(codes, weight)
            sums = grouped_sums(codes, weight[:, None] * residual, size.size)
            residual -= np.divide(sums, size[:, None], out=np.zeros_like(sums), where=size[:, None] > 0)[codes]
    return residual


def _regressed(residual: Floats, margins: Sequence[Ints], weight: Floats) -> Floats:
    starts = np.cumsum([0, *(int(codes.max(initial=-1)) + 1 for codes in margins)])
    # Each row lies in one group of every margin, in the order of margins, so the matrix can be built in its stored form.
    positions = np.stack([codes + start for codes, start in zip(margins, starts, strict=False)], axis=1).ravel()
    rows = np.arange(0, positions.size + 1, len(margins))
    shape = (weight.size, int(starts[-1]))
    member = sparse.csr_array((np.ones(positions.size), positions, rows), shape=shape)
    heavy = sparse.csr_array((np.repeat(weight, len(margins)), positions, rows), shape=shape).T
    counts = (heavy @ member).toarray()
    # Scaled to a unit diagonal, so that small groups are distinguished from dependent ones: margins share a constant.
    root = np.sqrt(np.diag(counts))
    scale = np.divide(1, root, out=np.zeros_like(root), where=root > 0)
    inverse = scale[:, None] * np.linalg.pinv(scale[:, None] * counts * scale, rcond=1e-12, hermitian=True) * scale
    for _ in range(2):  # the second pass removes rounding error
        residual = residual - member @ (inverse @ (heavy @ residual))
    return np.asarray(residual)


def trim_weights(
    weights: npt.ArrayLike,
    cap: float | None = None,
    floor: float = 0.0,
    spread: Literal["proportional", "equal"] = "proportional",
    iterate: bool = True,
    counts: npt.ArrayLike | None = None,
) -> Floats:
    """Weights (n,) cut to `cap` (5 times the median of positive weights by default) and raised to `floor`, same sum.

    What is cut goes to the weights that were never cut or raised, in proportion to them or in equal parts; again until
    none is outside (once, without `iterate`). `counts` (n,) says how many rows have each weight, one unless given. Raises
    ValueError where the sum cannot be held within the bounds. Source: Potter 1990; R survey's trimWeights for equal parts.
    """
    weight = _checked(weights)
    rows = np.ones(weight.size) if counts is None else np.asarray(counts, float)
    upper = 5 * median_weight(weight, rows) if cap is None else float(cap)
    total, n = float(rows @ weight), int(rows.sum())
    if not floor < upper or total > n * upper * (1 + 1e-12) or total < n * floor * (1 - 1e-12):
        raise ValueError(f"{n} weights between {floor:g} and {upper:g} cannot add up to {total:g}")
    trimmed, free = weight.copy(), np.ones(weight.size, dtype=bool)
    while True:
        outside = (trimmed > upper) | (trimmed < floor)
        if not outside.any():
            return trimmed
        free &= ~outside
        trimmed = np.clip(trimmed, floor, upper)
        excess = total - rows @ trimmed
        base = np.where(free, weight if spread == "proportional" else 1.0, 0.0)
        if base.sum() > 0:
            trimmed += excess * base / (rows @ base)
        elif abs(excess) > 1e-9 * total:
            raise ValueError("every weight is at a bound before the sum is held: raise the cap")
        if not iterate:
            return trimmed


def median_weight(weights: npt.ArrayLike, counts: npt.ArrayLike) -> float:
    """Median of the positive weights (n,) of so many rows each, the mean of the middle two where rows are even."""
    weight, rows = np.asarray(weights, float), np.asarray(counts, float)
    order = np.argsort(weight, kind="stable")
    order = order[(weight[order] > 0) & (rows[order] > 0)]
    reached = np.cumsum(rows[order])
    middle = np.searchsorted(reached, [(reached[-1] - 1) / 2, reached[-1] / 2], side="right")
    return float(weight[order][np.minimum(middle, order.size - 1)].mean())


def _checked(weights: npt.ArrayLike) -> Floats:
    weight = np.asarray(weights, float)
    if not weight.size or not np.all(np.isfinite(weight)) or np.any(weight < 0):
        raise ValueError("weights must be finite and not negative, at least one of them")
    return weight


def _margin(name: str, labels: Labels, population: Mapping[Hashable, float], weight: Floats) -> tuple[Ints, Floats]:
    """Level code of every weight and population by code; a level nobody has on either side is left out."""
    listed = _listed(labels)
    if len(listed) != weight.size:
        raise ValueError(f"{name}: {weight.size} weights and {len(listed)} labels")
    present = set(listed)
    population = {level: float(count) for level, count in population.items() if count != 0 or level in present}
    position = {level: code for code, level in enumerate(population)}
    totals = np.array(list(population.values()))
    faults = []
    if strange := [level for level in dict.fromkeys(listed) if level not in position]:
        faults.append(f"{name}: in the sample but not in the population: {_named(strange)}")
    codes = np.array([position.get(level, 0) for level in listed], dtype=np.int64)
    if wrong := [level for level, count in population.items() if not count > 0]:
        faults.append(f"{name}: population counts must be positive: {_named(wrong)}")
    held = np.bincount(codes, weight, minlength=totals.size) if totals.size else totals
    if empty := [level for level, code in position.items() if held[code] == 0 and level not in wrong]:
        faults.append(f"{name}: in the population but without respondents: {_named(empty)}")
    if faults:
        raise ValueError("; ".join(faults))
    return codes, totals


def _gaps_named(
    margins: Mapping[str, tuple[Labels, Mapping[Hashable, float]]], gaps: Mapping[str, Floats], tolerance: float
) -> str:
    named = []
    for name, gap in gaps.items():
        levels = [level for level, count in margins[name][1].items() if count != 0]
        named += [f"{name} {levels[code]} off by {gap[code]:.2g}" for code in np.flatnonzero(gap > tolerance)]
    return ", ".join(named)


def _listed(labels: Labels) -> list[Hashable]:
    return labels.tolist() if isinstance(labels, np.ndarray) else list(labels)


def _named(cells: Sequence[Hashable]) -> str:
    return ", ".join(" × ".join(map(str, cell)) if isinstance(cell, tuple) else str(cell) for cell in cells)
