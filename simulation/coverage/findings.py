"""A study's finding: a share over draws, the range claimed for it, and how much of it may be chance.

Belongs here: findings, claims, verdicts and Monte Carlo intervals. Does not belong here: drawing worlds (the studies)
and how findings are shown (`evidence`).
"""

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Claim:
    """The range a share is claimed to lie in."""

    low: float = 0.0
    high: float = 1.0

    def __str__(self) -> str:
        if self.low == 0.0:
            return f"≤ {_percent(self.high)}"
        return f"≥ {_percent(self.low)}" if self.high == 1.0 else f"{_percent(self.low)} to {_percent(self.high)}"


def at_least(share: float) -> Claim:
    """A claim with no upper end."""
    return Claim(low=share)


def at_most(share: float) -> Claim:
    """A claim with no lower end."""
    return Claim(high=share)


# METHODOLOGY, section 18: 95 % intervals cover 94-96 %.
COVERS = Claim(0.94, 0.96)


@dataclass(frozen=True)
class Finding:
    """A share over `draws` worlds, claimed to lie in a range or shown for contrast.

    `spread` is the standard deviation of a world's own share, None where a world gives yes or no. `draws` is 0 where
    the share was computed exactly. `withdrawn` says why a claim that METHODOLOGY makes in general is not made here.
    """

    what: str
    observed: float
    draws: int
    claim: Claim | None = None
    spread: float | None = None
    withdrawn: str = ""

    def chance(self, level: float = 0.95) -> tuple[float, float]:
        """Monte Carlo interval of the share: Clopper-Pearson for yes or no, else the mean's normal interval."""
        if not self.draws:
            return self.observed, self.observed
        if self.spread is None:
            hits = round(self.observed * self.draws)
            found = stats.binomtest(hits, self.draws).proportion_ci(level)
            return float(found.low), float(found.high)
        half = float(stats.norm.ppf(0.5 + level / 2)) * self.spread / sqrt(self.draws)
        return self.observed - half, self.observed + half

    @property
    def verdict(self) -> str:
        """Compare the share with its claim: held, on the border, missed, withdrawn, or shown (no claim).

        Held: within the claimed range. On the border: outside a one-sided claim, by less than chance explains.
        """
        if self.withdrawn:
            return "withdrawn"
        if self.claim is None:
            return "shown"
        if self.claim.low <= self.observed <= self.claim.high:
            return "held"
        low, high = self.chance()
        one_ended = self.claim.low == 0.0 or self.claim.high == 1.0
        return "on the border" if one_ended and low <= self.claim.high and high >= self.claim.low else "missed"

    @property
    def passes(self) -> bool:
        """Whether no claim is contradicted."""
        return self.verdict != "missed"


def drawn(what: str, worlds: npt.ArrayLike, claim: Claim | None = None, withdrawn: str = "") -> Finding:
    """Finding from one entry per world: true or false, or the world's own share (a mean over its units)."""
    values = np.asarray(worlds)
    if values.ndim != 1 or not values.size or not np.all(np.isfinite(values)):
        raise ValueError(f"{what}: one finite entry per world is needed")
    spread = None if values.dtype == np.bool_ else float(np.std(values, ddof=1))
    return Finding(what, float(values.mean()), values.size, claim, spread, withdrawn)


def reduction(
    what: str, before: npt.ArrayLike, after: npt.ArrayLike, claim: Claim | None = None, withdrawn: str = ""
) -> Finding:
    """Removed share of a bias, 1 - sum |after| / sum |before| over worlds; its spread by linearisation of the ratio."""
    old, new = np.abs(np.asarray(before, float)), np.abs(np.asarray(after, float))
    left = new.sum() / old.sum()
    spread = float(np.std((new - left * old) / old.mean(), ddof=1))
    return Finding(what, float(1 - left), old.size, claim, spread, withdrawn)


def holds(truth: npt.ArrayLike, interval: tuple[npt.ArrayLike, npt.ArrayLike]) -> npt.NDArray[np.bool_]:
    """Whether each interval holds its truth; an unknown end (NaN) excludes nothing."""
    value = np.asarray(truth, float)
    low, high = (np.asarray(end, float) for end in interval)
    return np.asarray(~(value < low) & ~(value > high))


def _percent(share: float) -> str:
    assert isfinite(share)  # noqa: S101
    return f"{100 * share:g} %"
