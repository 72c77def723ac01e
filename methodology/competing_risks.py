"""Time to an event beside another that precludes it: Aalen-Johansen's cumulative incidence of many units at once.

Belongs here: the share that had the event by a duration, and the time lived without it. Does not belong here: curves without a
competing event (`survival`), the figures that are published (`time_figures`).

A withdrawn complaint is neither resolved nor still open. As an event it would make pressure to withdraw look like speed; as an
open case it would be assumed to be resolved later like the others. Cumulative incidence counts it among the cases and never among
the resolved: F(t) is the share of all cases resolved by t, and no withdrawal can raise it.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from methodology.arrays import Floats
from methodology.estimates import Estimates
from methodology.survival import Cells, SurvivalCurves, hazard, leaving


@dataclass(frozen=True)
class IncidenceCurves(SurvivalCurves):
    """Curves of units beside a competing event.

    survival: 1 - F(t), the share without the event: still open, or left by the competing event; log_error: standard error of its
    logarithm. competing: counts; competing_incidence: the share that left by the competing event, both (units, durations).
    """

    competing: Floats
    competing_incidence: Floats

    @property
    def incidence(self) -> Floats:
        """F(t): the share that had the event by t (units, durations)."""
        return np.asarray(1 - self.survival)

    @property
    def open_share(self) -> Floats:
        """The share still open after t (units, durations)."""
        return np.asarray(self.survival - self.competing_incidence)

    @property
    def left(self) -> Floats:
        return np.asarray(self.events + self.competing + self.censored)

    def restricted_mean(self, horizon: float, level: float = 0.95) -> Estimates:
        """Mean time without the event up to `horizon`, of which a case that left the competing way lives all that remain.

        The area under 1 - F from 0 to the horizon, with a normal interval within both. Var = sum over durations of
        a^2 h1 (1 - h1) / n - 2 a g h1 / n + g^2 h / (n (1 - h)), with a = S(t-) (horizon - t), g the area from t to the horizon
        under F less F(t), h1 and h the hazards of the event and of both. Past the last duration the curve is held flat.
        """
        inside = self.time < horizon
        width = np.diff(np.append(self.time[inside], horizon))
        areas = self.survival[:, inside] * width
        below = (self.incidence[:, inside] * width)[:, ::-1].cumsum(axis=1)[:, ::-1]
        away = horizon - self.time[inside]
        gained = below - self.incidence[:, inside] * away
        hazards = _hazards(self.events, self.competing, self.at_risk)
        own, rest = (part[:, inside] for part in (hazards.own, hazards.rest))
        before = np.concatenate([np.ones((len(own), 1)), self.open_share[:, inside][:, :-1]], axis=1) * away
        n = np.where(self.at_risk > 0, self.at_risk, 1.0)[:, inside]
        variance = (before**2 * own * (1 - own) / n - 2 * before * gained * own / n + gained**2 * rest).sum(axis=1)
        mean, error = areas.sum(axis=1), np.sqrt(np.maximum(variance, 0))
        half = stats.norm.ppf(0.5 + level / 2) * error
        return Estimates(mean, error, np.maximum(mean - half, 0), np.minimum(mean + half, horizon))


def aalen_johansen(cells: Cells) -> IncidenceCurves:
    """Curves F(t) = sum of S(t-) d1/n of all units, where S(t) = product of (1 - (d1 + d2)/n) is the share still open.

    d1 are events, d2 competing ones. The variance of F is that of the delta method over the multinomials of each duration;
    without competing events it is Greenwood's, without open cases the binomial one. Raises ValueError as `leaving`. Source:
    Aalen & Johansen 1978; Dinse & Larson 1986.
    """
    found = leaving(cells)
    hazards = _hazards(found.events, found.competing, found.at_risk)
    own, both, rest = hazards.own, hazards.both, hazards.rest
    still: Floats = np.cumprod(1 - both, axis=1, dtype=np.float64)
    before = np.concatenate([np.ones((len(still), 1)), still[:, :-1]], axis=1)
    competing_incidence = (before * (both - own)).cumsum(axis=1)
    survival = still + competing_incidence
    share, n = 1 - survival, np.where(found.at_risk > 0, found.at_risk, 1.0)
    # sum over t' <= t of S^2 h1 (1 - h1)/n - 2 S (F(t) - F(t')) h1/n + (F(t) - F(t'))^2 h/(n (1 - h)), opened up into sums.
    cross = before * own / n
    variance = (before**2 * own * (1 - own) / n + 2 * share * cross + share**2 * rest).cumsum(axis=1)
    variance += -2 * share * (cross + share * rest).cumsum(axis=1) + share**2 * rest.cumsum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(survival > 0, np.sqrt(np.maximum(variance, 0)) / survival, np.inf)
    return IncidenceCurves(
        found.time,
        found.at_risk,
        found.events,
        found.censored,
        survival,
        error,
        found.competing,
        competing_incidence,
    )


@dataclass(frozen=True)
class _Hazards:
    """Hazards (units, durations) of the event (h1) and of both (h), and h / (n (1 - h)).

    The last is 0 where all leave, for nothing comes after that.
    """

    own: Floats
    both: Floats
    rest: Floats


def _hazards(events: Floats, competing: Floats, at_risk: Floats) -> _Hazards:
    own, both = hazard(events, at_risk), hazard(events + competing, at_risk)
    some = (at_risk > 0) & (both < 1)
    return _Hazards(own, both, np.divide(both, at_risk * (1 - both), out=np.zeros_like(both), where=some))
