"""Published figures of the time to an event: median, share by a target and restricted mean of many units.

Belongs here: which limits replace the curve's own where those have no width, what was watched long enough to report, and the
misleading figures of closed cases. Does not belong here: the curves (`survival`), and which moments start and stop a clock (SQL).
"""

from dataclasses import dataclass

import numpy as np

from methodology.arrays import Floats
from methodology.competing_risks import IncidenceCurves, aalen_johansen
from methodology.estimates import Estimates, mean_interval
from methodology.proportions import wilson_interval
from methodology.survival import Cells

# Units whose curves are held in memory at once.
BLOCK = 4096


@dataclass(frozen=True)
class ClosedOnly:
    """The same figures over ended cases alone (units,). They mislead by ignoring those still open. NaN where none has ended."""

    median: Floats
    by_target: Floats
    mean: Floats


@dataclass(frozen=True)
class TimeFigures:
    """Per unit (units,): figures of the time to an event, in the units of the durations, with limits on the log-log scale.

    n: cases watched from their opening; cases taken over later add to the curve after that and are no sample of the first days.
    median: the time by which half of all cases have had the event, NaN while fewer have, without a standard error. by_target:
    P(T <= target), NaN where nobody was watched that long. mean: mean time without the event up to the horizon, NaN where nobody
    was watched up to it. Cases that left by a competing event are among all cases and never have the event.
    """

    n: Floats
    ended: Floats
    median: Estimates
    by_target: Estimates
    mean: Estimates
    closed_only: ClosedOnly


def time_figures(cells: Cells, target: float, horizon: float, level: float = 0.95) -> TimeFigures:
    """The figures of every unit, each of which has a case.

    Where S at the target is 0 or 1 the log-log limits have no width, so Wilson's on the cases whose fate at the target is known
    are used. Raises ValueError as `aalen_johansen`.
    """
    blocks = [
        _figures(cells.of_units(start, start + BLOCK), target, horizon, level) for start in range(0, cells.units, BLOCK)
    ]

    def stacked(parts: list[Floats]) -> Floats:
        return np.concatenate([np.empty(0), *parts])

    def estimates(parts: list[Estimates]) -> Estimates:
        return Estimates(*(stacked(list(columns)) for columns in zip(*(part.parts for part in parts), strict=True)))

    if not blocks:
        none: Floats = np.empty(0)
        nothing = Estimates(none, none, none, none)
        return TimeFigures(none, none, nothing, nothing, nothing, ClosedOnly(none, none, none))
    return TimeFigures(
        stacked([block.n for block in blocks]),
        stacked([block.ended for block in blocks]),
        estimates([block.median for block in blocks]),
        estimates([block.by_target for block in blocks]),
        estimates([block.mean for block in blocks]),
        ClosedOnly(
            stacked([block.closed_only.median for block in blocks]),
            stacked([block.closed_only.by_target for block in blocks]),
            stacked([block.closed_only.mean for block in blocks]),
        ),
    )


def _figures(cells: Cells, target: float, horizon: float, level: float) -> TimeFigures:
    curves = aalen_johansen(cells)
    all_left = curves.open_share[:, -1] == 0
    fresh = np.where(cells.duration == 0, cells.entered, 0.0)
    watched: Floats = np.bincount(cells.unit, fresh, cells.units).astype(np.float64)
    return TimeFigures(
        watched,
        curves.events.sum(axis=1),
        curves.quantile(0.5, "log-log", level),
        _by_target(curves, target, level),
        _mean(curves, watched, horizon, level).where((curves.last >= horizon) | all_left),
        _closed_only(curves, target),
    )


def _mean(curves: IncidenceCurves, n: Floats, horizon: float, level: float) -> Estimates:
    """The restricted mean; where all cases are alike its limits are those of equal answers between 0 and the horizon."""
    found = curves.restricted_mean(horizon, level)
    low, high = mean_interval(found.value, np.zeros_like(found.value), n, level, (0, horizon))
    alike = found.error <= 1e-9 * horizon
    return Estimates(found.value, found.error, np.where(alike, low, found.low), np.where(alike, high, found.high))


def _by_target(curves: IncidenceCurves, target: float, level: float) -> Estimates:
    """1 - S(target), with the survival limits reversed."""
    still = curves.at(target, "log-log", level)
    share, column = 1 - still.value, curves.column(target)
    ended = curves.events[:, : column + 1].sum(axis=1)
    # Those who left the competing way will never have the event; they know as much of the target as those still at risk after it.
    never = curves.competing[:, : column + 1].sum(axis=1)
    with_outcome = ended + never + curves.at_risk[:, column] - curves.left[:, column]
    none, every = share == 0, still.value == 0
    # Wilson's own error would be 0 there too; the limits carry the uncertainty.
    wide_low, wide_high = wilson_interval(np.where(every, ended, 0), np.where(every, ended, with_outcome), level)
    edge = none | every
    found = Estimates(
        share,
        np.where(edge, 0.0, still.error),
        np.where(edge, wide_low, 1 - still.high),
        np.where(edge, wide_high, 1 - still.low),
    )
    return found.where((curves.last >= target) | (curves.open_share[:, column] == 0))


def _closed_only(curves: IncidenceCurves, target: float) -> ClosedOnly:
    time, died = curves.time, curves.events
    total, reached = died.sum(axis=1), died.cumsum(axis=1)
    half = total[:, None] / 2
    median = (time[np.argmax(reached >= half, axis=1)] + time[np.argmax(reached > half, axis=1)]) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = died[:, time <= target].sum(axis=1) / total
        mean = died @ time / total
    return ClosedOnly(np.where(total > 0, median, np.nan), share, mean)
