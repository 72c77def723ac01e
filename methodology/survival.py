"""Time to an event with cases still open: Kaplan-Meier from grouped durations.

Belongs here: curves, quantiles, restricted means and the log-rank test from counts at each duration. Does not belong here:
which moments start and stop a clock, and what counts as resolved (`dbt`).

A cell is a duration with the number of cases resolved, still open (censored) and, under left truncation, taken over at
that duration. At equal durations events come first, then censorings, then entries: a case open at t is at risk at t, a case
taken over at t > 0 is at risk only after t; cases watched from their opening enter at 0 and are at risk at 0.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
SCALES = ("plain", "log", "log-log")
# Products of survival fractions miss a round probability by some ulps; survfit's tolerance, the root of machine epsilon.
TOLERANCE = float(np.sqrt(np.finfo(float).eps))


@dataclass(frozen=True)
class SurvivalCurve:
    """Kaplan-Meier at each distinct duration: counts, P(T > time), and Greenwood's standard error of its logarithm.

    The curve is a step function, 1 before the first duration and flat after the last.
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
        return np.asarray(np.cumsum(hazard(self.events, self.at_risk)))

    def limits(self, scale: str = "log-log", level: float = 0.95) -> tuple[Floats, Floats]:
        """Pointwise limits of the survival at each duration, cut at 0 and 1.

        plain: S -+ z S e; log: S exp(-+ z e); log-log: S^exp(+- z e / log S), with e the error of log S. NaN where S = 0; on
        the log-log scale also where S = 1 after the first duration, for it has no width to transform.
        """
        return curve_limits(self.survival, self.log_error, scale, level)

    def resolved_by(self, target: float, scale: str = "log-log", level: float = 0.95) -> tuple[float, float, float]:
        """P(resolved <= target) = 1 - S(target) with its interval, the survival limits turned round."""
        survival, low, high = self.at(target, scale, level)
        return 1 - survival, 1 - high, 1 - low

    def at(self, time: float, scale: str = "log-log", level: float = 0.95) -> tuple[float, float, float]:
        """S(time) with its limits; 1, 1, 1 before the first duration and the last values after the last one."""
        place = int(np.searchsorted(self.time, time, side="right")) - 1
        if place < 0:
            return 1.0, 1.0, 1.0
        low, high = self.limits(scale, level)
        return float(self.survival[place]), float(low[place]), float(high[place])

    def quantile(self, share: float = 0.5, scale: str = "log-log", level: float = 0.95) -> tuple[float, float, float]:
        """Duration by which `share` of cases are resolved, with limits: the least t with S(t) <= 1 - share.

        Where S is exactly 1 - share over an interval, its midpoint. NaN where S never gets there: more than that share may
        still be open. The limits invert the pointwise limits of S. Source: Brookmeyer & Crowley 1982.
        """
        low, high = self.limits(scale, level)
        middle, early, late = (_crossing(self.time, curve, share) for curve in (self.survival, low, high))
        return middle, early, late

    def median(self, scale: str = "log-log", level: float = 0.95) -> tuple[float, float, float]:
        """`quantile` of one half."""
        return self.quantile(0.5, scale, level)

    def restricted_mean(self, horizon: float, level: float = 0.95) -> tuple[float, float, float, float]:
        """Mean duration up to `horizon`, its standard error and interval: the area under S from 0 to the horizon.

        Var = sum over events of (area from t to the horizon)^2 d / (n (n - d)). Past the last duration the curve is held
        flat, so a horizon beyond it tells of the data only up to there.
        """
        inside = self.time < horizon
        edges = np.concatenate([[0.0], self.time[inside], [horizon]])
        areas = np.concatenate([[1.0], self.survival[inside]]) * np.diff(edges)
        ahead = areas[::-1].cumsum()[::-1][1:]
        variance = greenwood(self.events, self.at_risk)[inside]
        # The last event ends the curve: no area is left for its infinite variance to weigh on.
        spread = np.sqrt(np.sum(np.where(ahead > 0, ahead, 0) ** 2 * np.where(np.isfinite(variance), variance, 0)))
        half = stats.norm.ppf(0.5 + level / 2) * spread
        mean = float(areas.sum())
        return mean, float(spread), float(max(mean - half, 0)), float(min(mean + half, horizon))


@dataclass(frozen=True)
class LogRank:
    """Observed and expected events of each group, and the test that the groups share one curve."""

    observed: Floats
    expected: Floats
    chi2: float
    p_value: float


def kaplan_meier(
    duration: npt.ArrayLike,
    events: npt.ArrayLike,
    censored: npt.ArrayLike,
    entries: npt.ArrayLike | None = None,
) -> SurvivalCurve:
    """Kaplan-Meier curve S(t) = product of (1 - d/n) from grouped durations, in any order and possibly repeated.

    duration: time since the case was opened; events, censored, entries: (durations,) numbers of cases resolved at, open at,
    and taken over after that duration. Without `entries` every case is watched from its opening. With `entries` they must
    add up to the cases that leave; where few are at risk early on, the whole curve hangs on those few: read `at_risk`.
    Raises ValueError for negative durations or counts, no case at all, entries that do not balance or come too late.
    Source: Kaplan & Meier 1958; Greenwood 1926.
    """
    time, died, open_, entered = _cells(duration, events, censored, entries)
    left = died + open_
    if entries is None:
        at_risk = left[::-1].cumsum()[::-1]
    else:
        fresh = entered[:1] if time[0] == 0 else np.zeros(1)
        at_risk = np.concatenate([fresh, entered.cumsum()[:-1]]) - np.concatenate([np.zeros(1), left.cumsum()[:-1]])
        if np.any(at_risk < left):
            raise ValueError("cases leave at a duration before they were taken over")
    shown = left > 0
    time, at_risk, died, open_ = time[shown], at_risk[shown], died[shown], open_[shown]
    survival: Floats = np.cumprod(1 - hazard(died, at_risk), dtype=np.float64)
    return SurvivalCurve(time, at_risk, died, open_, survival, np.sqrt(np.cumsum(greenwood(died, at_risk))))


def closed_only_median(duration: npt.ArrayLike, events: npt.ArrayLike) -> float:
    """Median duration of the resolved cases alone: the misleading figure, for it forgets those still open.

    NaN where nothing is resolved. Shown only beside `SurvivalCurve.median`.
    """
    time, died, _, _ = _cells(duration, events, np.zeros_like(np.asarray(events, float)), None, allow_empty=True)
    total = died.sum()
    if total == 0:
        return float("nan")
    reached = died.cumsum()
    low = time[np.argmax(reached >= total / 2)]
    high = time[np.argmax(reached > total / 2)]
    return float((low + high) / 2)


def closed_only_resolved_by(duration: npt.ArrayLike, events: npt.ArrayLike, target: float) -> float:
    """Share of the resolved cases that were resolved by the target: misleading as `closed_only_median`."""
    time, died = np.asarray(duration, float), np.asarray(events, float)
    return float(died[time <= target].sum() / died.sum()) if died.sum() else float("nan")


def log_rank(duration: npt.ArrayLike, events: npt.ArrayLike, censored: npt.ArrayLike) -> LogRank:
    """Log-rank test that groups share one curve, from their cells on a common set of durations.

    duration: (durations,) distinct; events, censored: (groups, durations). E_g = sum n_g d / n; chi2 = (O-E)' V^- (O-E) with
    the hypergeometric V, on one degree less than there are groups with anyone at risk. Raises ValueError as `kaplan_meier`
    and below two groups. Source: Mantel 1966; Peto & Peto 1972.
    """
    died, open_ = np.asarray(events, float), np.asarray(censored, float)
    if died.ndim != 2 or died.shape[0] < 2:
        raise ValueError("the log-rank test needs the cells of at least two groups")
    order = np.argsort(np.asarray(duration, float))
    for own, still in zip(died, open_, strict=True):
        _cells(duration, own, still, None)
    died, open_ = died[:, order], open_[:, order]
    at_risk = (died + open_)[:, ::-1].cumsum(axis=1)[:, ::-1]
    all_died, all_at_risk = died.sum(axis=0), at_risk.sum(axis=0)
    share = np.divide(at_risk, all_at_risk, out=np.zeros_like(at_risk), where=all_at_risk > 0)
    expected = (share * all_died).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(all_at_risk > 1, all_died * (all_at_risk - all_died) / (all_at_risk - 1), 0.0)
    covariance = np.diag((factor * share).sum(axis=1)) - (factor * share) @ share.T
    distance = (died.sum(axis=1) - expected)[:-1]
    chi2 = float(distance @ np.linalg.pinv(covariance[:-1, :-1]) @ distance)
    return LogRank(died.sum(axis=1), expected, chi2, float(stats.chi2.sf(chi2, (expected > 0).sum() - 1)))


def _cells(
    duration: npt.ArrayLike,
    events: npt.ArrayLike,
    censored: npt.ArrayLike,
    entries: npt.ArrayLike | None,
    allow_empty: bool = False,
) -> tuple[Floats, Floats, Floats, Floats]:
    """The cells, checked, merged by duration and sorted."""
    time, died, open_ = (np.asarray(part, float) for part in (duration, events, censored))
    entered = np.zeros_like(died) if entries is None else np.asarray(entries, float)
    if time.ndim != 1 or not time.shape == died.shape == open_.shape == entered.shape:
        raise ValueError("durations, events, censored and entries must be vectors of one length")
    faults = []
    if not (np.all(time >= 0) and np.all(np.isfinite(time))):
        faults.append("durations must be finite and not negative")
    if not all(np.all(part >= 0) and np.all(np.isfinite(part)) for part in (died, open_, entered)):
        faults.append("counts must be finite and not negative")
    elif not allow_empty and not (died + open_).sum() > 0:
        faults.append("there is no case")
    elif entries is not None and not np.isclose(entered.sum(), (died + open_).sum()):
        faults.append("entries must add up to the cases that leave")
    if faults:
        raise ValueError("; ".join(faults))
    distinct, place = np.unique(time, return_inverse=True)

    def merged(counts: Floats) -> Floats:
        return np.asarray(np.bincount(place, counts, distinct.size), float)

    return distinct, merged(died), merged(open_), merged(entered)


def hazard(events: Floats, at_risk: Floats) -> Floats:
    """d / n at each duration, 0 where nobody is at risk; elementwise."""
    return np.divide(events, at_risk, out=np.zeros_like(events), where=at_risk > 0)


def greenwood(events: Floats, at_risk: Floats) -> Floats:
    """d / (n (n - d)): infinite where everybody at risk is resolved."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(events > 0, np.divide(events, at_risk * (at_risk - events)), 0.0)


def curve_limits(survival: Floats, log_error: Floats, scale: str, level: float) -> tuple[Floats, Floats]:
    """`SurvivalCurve.limits` of any array of survivals and errors of their logarithms; elementwise."""
    if scale not in SCALES:
        raise ValueError(f"limits are drawn on one of the scales {', '.join(SCALES)}, not {scale}")
    z = stats.norm.ppf(0.5 + level / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        if scale == "log-log":
            inside = (survival > 0) & (survival < 1)
            log = np.log(np.where(inside, survival, np.nan))
            middle, half = np.log(-log), z * log_error / log
            return np.exp(-np.exp(middle - half)), np.exp(-np.exp(middle + half))
        known = np.where(survival > 0, survival, np.nan)
        half = z * log_error
        if scale == "log":
            return known * np.exp(-half), np.minimum(known * np.exp(half), 1)
        return np.maximum(known * (1 - half), 0), np.minimum(known * (1 + half), 1)


def _crossing(time: Floats, curve: Floats, share: float) -> float:
    resolved = 1 - curve
    with np.errstate(invalid="ignore"):
        reached, passed = resolved >= share - TOLERANCE, resolved >= share + TOLERANCE
    if not reached.any():
        return float("nan")
    first = time[np.argmax(reached)]
    if abs(resolved[np.argmax(reached)] - share) >= TOLERANCE:
        return float(first)
    # Flat at the share itself: to the next fall, or to the last duration where there is none.
    return float((first + (time[np.argmax(passed)] if passed.any() else time[-1])) / 2)
