"""Time to an event with cases still open: Kaplan-Meier of many units at once, from grouped durations.

Belongs here: curves, quantiles and restricted means from counts at each duration. Does not belong here: the figures that are
published (`time_figures`), the test that groups share one curve (`log_rank`), and which moments start and stop a clock (SQL).

A cell is a duration with the number of cases resolved, still open (censored) and, under left truncation, taken over at
that duration. At equal durations events come first, then censorings, then entries: a case open at t is at risk at t, a case
taken over at t > 0 is at risk only after t; cases watched from their opening enter at 0 and are at risk at 0.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.arrays import Floats
from methodology.estimates import Estimates

SCALES = ("plain", "log", "log-log")
# Products of survival fractions miss a round probability by some ulps; survfit's tolerance, the root of machine epsilon.
TOLERANCE = float(np.sqrt(np.finfo(float).eps))


@dataclass(frozen=True)
class SurvivalCurves:
    """Kaplan-Meier of units at durations they have in common, the first of which is 0.

    time: (durations,); all else (units, durations): counts, P(T > time), and Greenwood's standard error of its logarithm. A
    curve is a step function, flat after the unit's last duration.
    """

    time: Floats
    at_risk: Floats
    events: Floats
    censored: Floats
    survival: Floats
    log_error: Floats

    @property
    def error(self) -> Floats:
        """Greenwood's standard error of the survival; NaN where the survival is 0."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.survival * self.log_error)

    @property
    def cumulative_hazard(self) -> Floats:
        """Nelson-Aalen: sum of events / at risk."""
        return np.asarray(np.cumsum(hazard(self.events, self.at_risk), axis=1))

    @property
    def left(self) -> Floats:
        """Cases that left at each duration (units, durations)."""
        return np.asarray(self.events + self.censored)

    @property
    def cases(self) -> Floats:
        """Cases of each unit (units,)."""
        return np.asarray(self.left.sum(axis=1))

    @property
    def last(self) -> Floats:
        """Longest duration of each unit's cases (units,): nothing is known beyond it unless all are resolved."""
        return np.asarray(self.time[self.time.size - 1 - np.argmax(self.left[:, ::-1] > 0, axis=1)])

    def column(self, time: float) -> int:
        """Place of the last duration up to `time`."""
        return int(np.searchsorted(self.time, time, side="right")) - 1

    def limits(self, scale: str = "log-log", level: float = 0.95) -> tuple[Floats, Floats]:
        """Pointwise limits of the survival at each duration, cut at 0 and 1.

        plain: S -+ z S e; log: S exp(-+ z e); log-log: S^exp(+- z e / log S), with e the error of log S. NaN where S = 0; on
        the log-log scale also where S = 1 after the unit's first duration, for it has no width to transform; 1 before that.
        """
        if scale not in SCALES:
            raise ValueError(f"limits are drawn on one of the scales {', '.join(SCALES)}, not {scale}")
        low, high = _limits(self.survival, self.log_error, scale, stats.norm.ppf(0.5 + level / 2))
        untouched = self.left.cumsum(axis=1) == 0
        return np.where(untouched, 1.0, low), np.where(untouched, 1.0, high)

    def at(self, time: float, scale: str = "log-log", level: float = 0.95) -> Estimates:
        """S(time); the last value after the last duration."""
        low, high = self.limits(scale, level)
        position = self.column(time)
        return Estimates(self.survival[:, position], self.error[:, position], low[:, position], high[:, position])

    def quantile(self, share: float = 0.5, scale: str = "log-log", level: float = 0.95) -> Estimates:
        """Duration by which `share` of cases are resolved: the least t with S(t) <= 1 - share; without a standard error.

        Where S is exactly 1 - share over an interval, its midpoint. NaN where S never gets there: more than that share may
        still be open. The limits invert the pointwise limits of S. Source: Brookmeyer & Crowley 1982.
        """
        low, high = self.limits(scale, level)
        middle, early, late = (self._crossing(curve, share) for curve in (self.survival, low, high))
        return Estimates(middle, np.full(middle.shape, np.nan), early, late)

    def restricted_mean(self, horizon: float, level: float = 0.95) -> Estimates:
        """Mean duration up to `horizon`: the area under S from 0 to the horizon, with a normal interval within both.

        Var = sum over events of (area from t to the horizon)^2 d / (n (n - d)). Past the last duration the curve is held
        flat, so a horizon beyond it describes the data only up to there.
        """
        inside = self.time < horizon
        areas = self.survival[:, inside] * np.diff(np.append(self.time[inside], horizon))
        ahead = areas[:, ::-1].cumsum(axis=1)[:, ::-1]
        own = _greenwood(self.events, self.at_risk)[:, inside]
        # The last event ends the curve: no area is left for its infinite variance to multiply.
        weight = np.where(ahead > 0, ahead, 0.0) ** 2 * np.where(np.isfinite(own), own, 0.0)
        mean, error = areas.sum(axis=1), np.sqrt(weight.sum(axis=1))
        half = stats.norm.ppf(0.5 + level / 2) * error
        return Estimates(mean, error, np.maximum(mean - half, 0), np.minimum(mean + half, horizon))

    def _crossing(self, curve: Floats, share: float) -> Floats:
        """Duration at which each curve has fallen by the share."""
        resolved = 1 - curve
        with np.errstate(invalid="ignore"):
            reached, passed = resolved >= share - TOLERANCE, resolved >= share + TOLERANCE
        rows, first = np.arange(len(curve)), np.argmax(reached, axis=1)
        # Flat at the share itself: to the next fall, or to the last duration where there is none.
        flat = np.abs(resolved[rows, first] - share) < TOLERANCE
        fall = np.where(passed.any(axis=1), self.time[np.argmax(passed, axis=1)], self.last)
        crossing = np.where(flat, (self.time[first] + fall) / 2, self.time[first])
        return np.where(reached.any(axis=1), crossing, np.nan)


@dataclass(frozen=True)
class Cells:
    """Cases of many units by duration: rows (rows,) in any order, durations possibly repeated.

    unit: from 0 on, each with a case; duration: time since the case was opened; ended, censored: cases resolved at and open at
    it; entered: cases taken over at it, as many as leave; 0 for those watched from their opening; competing: cases that left at
    it by an event after which they can no more be resolved.
    """

    unit: npt.NDArray[np.int64]
    duration: Floats
    ended: Floats
    censored: Floats
    entered: Floats
    competing: Floats

    @property
    def units(self) -> int:
        return int(self.unit.max(initial=-1)) + 1

    def of_units(self, first: int, after: int) -> "Cells":
        """The cells of the units from `first` on and before `after`, numbered from 0."""
        mine = (self.unit >= first) & (self.unit < after)
        counts = (part[mine] for part in (self.duration, self.ended, self.censored, self.entered, self.competing))
        return Cells(self.unit[mine] - first, *counts)

    @classmethod
    def of(
        cls,
        unit: npt.ArrayLike,
        duration: npt.ArrayLike,
        ended: npt.ArrayLike,
        censored: npt.ArrayLike,
        entered: npt.ArrayLike | None = None,
        competing: npt.ArrayLike = 0.0,
    ) -> "Cells":
        """Return checked cells; without `entered` every case was watched from its opening.

        Raises ValueError for vectors of different lengths, and for durations or counts that are negative or not finite.
        """
        position = np.asarray(unit, np.int64)
        time, died, open_ = (np.asarray(part, float) for part in (duration, ended, censored))
        other = np.zeros(time.shape) + np.asarray(competing, float)
        if entered is None and time.shape == died.shape == open_.shape == other.shape == position.shape:
            position, time = np.concatenate([position, position]), np.concatenate([time, np.zeros(time.size)])
            fresh = np.concatenate([np.zeros(died.size), died + open_ + other])
            died, open_, other = (np.concatenate([part, np.zeros(part.size)]) for part in (died, open_, other))
        else:
            fresh = np.asarray(died if entered is None else entered, float)
        parts = (time, died, open_, fresh, other)
        if any(part.ndim != 1 or part.shape != position.shape for part in parts):
            raise ValueError("units, durations and counts must be vectors of one length")
        if not all(np.all(part >= 0) and np.all(np.isfinite(part)) for part in parts):
            raise ValueError("durations and counts must be finite and not negative")
        return cls(position, *parts)


@dataclass(frozen=True)
class Leaving:
    """Counts of units at the durations they have in common, the first of which is 0: all else (units, durations).

    events, competing, censored: cases that were resolved, that left by a competing event, that were open.
    """

    time: Floats
    at_risk: Floats
    events: Floats
    competing: Floats
    censored: Floats


def leaving(cells: Cells) -> Leaving:
    """Who leaves at each duration, and how many are at risk there.

    Raises ValueError for a unit without a case, entries that do not balance or come too late.
    """
    time, column = np.unique(np.concatenate([[0.0], cells.duration]), return_inverse=True)
    position = cells.unit * time.size + column[1:]
    died, open_, entered, other = (
        np.asarray(np.bincount(position, part, cells.units * time.size).reshape(-1, time.size), float)
        for part in (cells.ended, cells.censored, cells.entered, cells.competing)
    )
    left = died + open_ + other
    if np.any(left.sum(axis=1) <= 0):
        raise ValueError("there is a unit without a case")
    if not np.allclose(entered.sum(axis=1), left.sum(axis=1)):
        raise ValueError("entries must add up to the cases that leave")
    at_risk = entered.cumsum(axis=1) - (left.cumsum(axis=1) - left)
    # Taken over at t > 0: at risk only after t.
    at_risk[:, 1:] -= entered[:, 1:]
    if np.any(at_risk < left):
        raise ValueError("cases leave at a duration before they were taken over")
    return Leaving(time, at_risk, died, other, open_)


def kaplan_meier(cells: Cells) -> SurvivalCurves:
    """Curves S(t) = product of (1 - d/n) of all units.

    Where few are at risk early on, the whole curve depends on those few: check `at_risk`. Raises ValueError as `leaving`, and
    where cases left by a competing event (`competing_risks`). Source: Kaplan & Meier 1958; Greenwood 1926.
    """
    own = leaving(cells)
    if own.competing.any():
        raise ValueError("cases left by a competing event, which is neither the event nor an open case")
    survival: Floats = np.cumprod(1 - hazard(own.events, own.at_risk), axis=1, dtype=np.float64)
    error = np.sqrt(_greenwood(own.events, own.at_risk).cumsum(axis=1))
    return SurvivalCurves(own.time, own.at_risk, own.events, own.censored, survival, error)


def hazard(events: Floats, at_risk: Floats) -> Floats:
    """d / n at each duration, 0 where nobody is at risk; elementwise."""
    return np.divide(events, at_risk, out=np.zeros_like(events), where=at_risk > 0)


def _greenwood(events: Floats, at_risk: Floats) -> Floats:
    """d / (n (n - d)): infinite where everybody at risk is resolved."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(events > 0, np.divide(events, at_risk * (at_risk - events)), 0.0)


def _limits(survival: Floats, log_error: Floats, scale: str, z: float) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore"):
        if scale == "log-log":
            inside = (survival > 0) & (survival < 1)
            log = np.log(np.where(inside, survival, np.nan))
            middle, half = np.log(-log), z * log_error / log
            return np.exp(-np.exp(middle - half)), np.exp(-np.exp(middle + half))
        positive = np.where(survival > 0, survival, np.nan)
        half = z * log_error
        if scale == "log":
            return positive * np.exp(-half), np.minimum(positive * np.exp(half), 1)
        return np.maximum(positive * (1 - half), 0), np.minimum(positive * (1 + half), 1)
