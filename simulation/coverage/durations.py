"""Time to resolve with cases still open: Kaplan-Meier's intervals, and what closed cases alone would say.

Belongs here: worlds of complaints with a known distribution of durations. Does not belong here: rates of
complaints (`intervals`).
"""

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.survival import SurvivalCurve, closed_only_resolved_by, kaplan_meier
from simulation.coverage.findings import COVERS, Finding, Floats, at_least, drawn, holds

# Days to resolve are log-normal: median 12, and one in ten open after five weeks.
MEDIAN, SIGMA = 12.0, 0.8
QUARTER = 91.0
TARGETS = (5.0, 12.0, 25.0)
FEW = "fewer than ten cases are resolved by then: too wide rather than too narrow"


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    return [*watched(rng, draws), *whole_days(rng, draws), *inherited(rng, draws)]


def resolved_by(target: float) -> float:
    """The true P(T <= target)."""
    return float(stats.norm.cdf(np.log(target / MEDIAN) / SIGMA))


def durations(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """True days to resolve."""
    return MEDIAN * np.exp(SIGMA * rng.standard_normal(shape))


def watched(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Cases opened through a quarter and looked at a month later: those not resolved by then are open."""
    found = []
    for n in (50, 200):
        true, open_for = durations(rng, (draws, n)), QUARTER / 3 + rng.uniform(-QUARTER / 3, QUARTER / 3, (draws, n))
        closed = true <= open_for
        curves = [curve(own, own_closed) for own, own_closed in zip(np.minimum(true, open_for), closed, strict=True)]
        for target in TARGETS:
            held = [bool(holds(resolved_by(target), one.resolved_by(target)[1:])) for one in curves]
            reason = FEW if n * resolved_by(target) < 10 else ""
            found.append(drawn(f"resolved within {target:g} days, {n} cases, some still open", held, COVERS, reason))
        held = [bool(holds(MEDIAN, one.median()[1:])) for one in curves]
        found.append(drawn(f"median time to resolve, {n} cases, some still open", held, COVERS))
    # The misleading figure with an interval of its own, as a reader of closed cases would draw it.
    naive = np.array(
        [
            closed_only_resolved_by(own, own_closed.astype(float), 12.0)
            for own, own_closed in zip(true, closed, strict=True)
        ]
    )
    n_closed = closed.sum(axis=1)
    half = stats.norm.ppf(0.975) * np.sqrt(naive * (1 - naive) / n_closed)
    held_naive = holds(resolved_by(12.0), (naive - half, naive + half))
    return [*found, drawn("resolved within 12 days, from closed cases alone", held_naive)]


def whole_days(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Durations told in whole days: the median's interval ends on a day, and is a little too wide."""
    n = 200
    true = np.ceil(durations(rng, (draws, n)))
    open_for = np.floor(rng.uniform(0, 2 * QUARTER / 3, (draws, n)))
    closed = true <= open_for
    curves = [curve(own, own_closed) for own, own_closed in zip(np.minimum(true, open_for), closed, strict=True)]
    share = [bool(holds(resolved_by(12.0), one.resolved_by(12.0)[1:])) for one in curves]
    # The first whole day by which half are resolved.
    day = next(day for day in range(1, 100) if resolved_by(day) >= 0.5 - 1e-12)
    middle = [bool(holds(day, one.median()[1:])) for one in curves]
    return [
        drawn("resolved within 12 days, whole days", share, COVERS),
        drawn("median time to resolve, whole days (conservative)", middle, at_least(0.95)),
    ]


def inherited(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Half the cases are stock taken over at some age: they were bound to be unresolved until then."""
    n, held, ignored = 200, [], []
    for _ in range(draws):
        true, age = durations(rng, (4 * n,)), rng.uniform(0, 20, 4 * n)
        stock = np.flatnonzero(true > age)[: n // 2]
        time = np.concatenate([true[stock], durations(rng, (n // 2,))])
        entry = np.concatenate([age[stock], np.zeros(n // 2)])
        open_for = entry + rng.uniform(0, 60, n)
        closed, last = time <= open_for, np.minimum(time, open_for)
        zero = np.zeros(n)
        own = kaplan_meier(
            np.concatenate([last, entry]),
            np.concatenate([closed.astype(float), zero]),
            np.concatenate([(~closed).astype(float), zero]),
            np.concatenate([zero, zero + 1]),
        )
        held.append(bool(holds(resolved_by(12.0), own.resolved_by(12.0)[1:])))
        ignored.append(bool(holds(resolved_by(12.0), curve(last, closed).resolved_by(12.0)[1:])))
    return [
        drawn("resolved within 12 days, half the cases inherited", held, COVERS),
        drawn("the same, as if all had been watched from their opening", ignored),
    ]


def curve(time: Floats, closed: npt.NDArray[np.bool_]) -> SurvivalCurve:
    """The curve of single cases: a case is a cell of one."""
    return kaplan_meier(time, closed.astype(float), (~closed).astype(float))
