"""Time to resolve with cases still open and cases withdrawn: intervals, and what closed cases alone would show.

Belongs here: worlds of complaints with a known distribution of durations. Does not belong here: rates of complaints
(`intervals`).
"""

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.survival import Cells
from methodology.time_figures import TimeFigures, time_figures
from simulation.coverage.findings import COVERS, Finding, Floats, at_least, drawn, holds

# Days to resolve are log-normal: the median is 12, and one in ten cases is open after five weeks.
MEDIAN, SIGMA = 12.0, 0.8
QUARTER = 91.0
TARGETS = (5.0, 12.0, 25.0)
AT_ONCE = 10
PRESSED = 0.4
Flags = npt.NDArray[np.bool_]
FEW = "fewer than ten cases are resolved by then: too wide rather than too narrow"


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    return [*watched(rng, draws), *whole_days(rng, draws), *inherited(rng, draws), *pressed(rng, draws)]


def resolved_by(target: float) -> float:
    """The true P(T <= target)."""
    return float(stats.norm.cdf(np.log(target / MEDIAN) / SIGMA))


def durations(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """True days to resolve."""
    return MEDIAN * np.exp(SIGMA * rng.standard_normal(shape))


def watched(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Cases opened over a quarter and observed a month later, when those not yet resolved are open."""
    found = []
    for n in (50, 200):
        true, open_for = durations(rng, (draws, n)), QUARTER / 3 + rng.uniform(-QUARTER / 3, QUARTER / 3, (draws, n))
        closed = true <= open_for
        cells = cells_of(np.minimum(true, open_for), closed)
        for target in TARGETS:
            reason = FEW if n * resolved_by(target) < 10 else ""
            held = by_target_held(cells, target)
            found.append(drawn(f"resolved within {target:g} days, {n} cases, some still open", held, COVERS, reason))
        held = median_held(cells, MEDIAN)
        found.append(drawn(f"median time to resolve, {n} cases, some still open", held, COVERS))
    # The misleading figure, with the interval that a reader of closed cases would compute.
    naive = np.concatenate([some.closed_only.by_target for some in figures(cells, 12.0)])
    half = stats.norm.ppf(0.975) * np.sqrt(naive * (1 - naive) / closed.sum(axis=1))
    held_naive = holds(resolved_by(12.0), (naive - half, naive + half))
    return [*found, drawn("resolved within 12 days, from closed cases alone", held_naive)]


def whole_days(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Durations in whole days: the median's interval ends on a day and is a little too wide."""
    n = 200
    true = np.ceil(durations(rng, (draws, n)))
    open_for = np.floor(rng.uniform(0, 2 * QUARTER / 3, (draws, n)))
    cells = cells_of(np.minimum(true, open_for), true <= open_for)
    # The first whole day by which half of the cases are resolved.
    day = next(day for day in range(1, 100) if resolved_by(day) >= 0.5 - 1e-12)
    return [
        drawn("resolved within 12 days, whole days", by_target_held(cells, 12.0), COVERS),
        drawn("median time to resolve, whole days (conservative)", median_held(cells, day), at_least(0.95)),
    ]


def inherited(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Half of the cases are stock taken over at some age, which implies that they were unresolved until then."""
    n = 200
    last, entry, closed = np.empty((draws, n)), np.empty((draws, n)), np.empty((draws, n), bool)
    for world in range(draws):
        true, age = durations(rng, (4 * n,)), rng.uniform(0, 20, 4 * n)
        stock = np.flatnonzero(true > age)[: n // 2]
        time = np.concatenate([true[stock], durations(rng, (n // 2,))])
        entry[world] = np.concatenate([age[stock], np.zeros(n // 2)])
        open_for = entry[world] + rng.uniform(0, 60, n)
        closed[world], last[world] = time <= open_for, np.minimum(time, open_for)
    return [
        drawn(
            "resolved within 12 days, half the cases inherited",
            by_target_held(cells_of(last, closed, entry), 12.0),
            COVERS,
        ),
        drawn("the same, as if all had been watched from their opening", by_target_held(cells_of(last, closed), 12.0)),
    ]


def pressed(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Four in ten complainants are pressed to withdraw within three weeks: few are resolved, and none of those who withdrew."""
    n, late, target = 200, 21.0, 12.0
    true = durations(rng, (draws, n))
    gone = np.where(rng.random((draws, n)) < PRESSED, rng.uniform(0, late, (draws, n)), np.inf)
    open_for = rng.uniform(0, 2 * QUARTER / 3, (draws, n))
    left = np.minimum(true, gone)
    closed = left <= open_for
    by_then = np.linspace(0, target, 2001)
    # P(T <= t, T before the withdrawal): the density of T times the share not withdrawn by then.
    density = np.diff([resolved_by(day) if day else 0.0 for day in by_then])
    middle = (by_then[1:] + by_then[:-1]) / 2
    resolved = float(density @ (1 - PRESSED * middle / late))
    unit, time = np.indices(left.shape)[0].ravel(), np.minimum(left, open_for).ravel()
    kinds = [(closed & (true <= gone)).ravel(), (~closed).ravel(), (closed & (true > gone)).ravel()]
    cells = Cells.of(unit, time, kinds[0], kinds[1], competing=kinds[2])
    as_resolved = Cells.of(unit, time, kinds[0] | kinds[2], kinds[1])
    return [
        drawn(f"resolved within 12 days, {name}", by_target_held(some, target, resolved), claim)
        for name, some, claim in (
            ("four in ten pressed to withdraw", cells, COVERS),
            ("the same, withdrawn taken for resolved", as_resolved, None),
        )
    ]


def cells_of(time: Floats, closed: Flags, entry: Floats | None = None) -> Cells:
    """Single cases (worlds, cases), each world as a unit: a case is one cell, plus one more if it was taken over."""
    unit, ended = np.indices(time.shape)[0].ravel(), closed.ravel().astype(float)
    if entry is None:
        return Cells.of(unit, time.ravel(), ended, 1 - ended)
    zero = np.zeros(ended.size)
    return Cells.of(
        np.concatenate([unit, unit]),
        np.concatenate([time.ravel(), entry.ravel()]),
        np.concatenate([ended, zero]),
        np.concatenate([1 - ended, zero]),
        np.concatenate([zero, zero + 1]),
    )


def figures(cells: Cells, target: float) -> list[TimeFigures]:
    """Figures for a few worlds at a time: with durations to the minute, the grid of all worlds would not fit in memory."""
    worlds = range(0, cells.units, AT_ONCE)
    return [time_figures(cells.of_units(first, first + AT_ONCE), target, QUARTER) for first in worlds]


def by_target_held(cells: Cells, target: float, true: float | None = None) -> Flags:
    """Whether each world's interval holds the true share resolved by the target, without withdrawals that of `resolved_by`."""
    share = resolved_by(target) if true is None else true
    found = [some.by_target for some in figures(cells, target)]
    return np.concatenate([holds(share, (some.low, some.high)) for some in found])


def median_held(cells: Cells, median: float) -> Flags:
    """Whether each world's interval holds the true median."""
    found = [some.median for some in figures(cells, TARGETS[0])]
    return np.concatenate([holds(median, (some.low, some.high)) for some in found])
