"""Intervals from simple random samples: means, shares, rates, and the difference of two periods.

Belongs here: worlds of answers and events without a design. Does not belong here: weights and finite populations (`surveys`).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology import estimates
from methodology.change import difference
from simulation.coverage.findings import COVERS, Finding, Floats, at_least, drawn, holds

LEVEL = 0.95
LEVELS = np.array([0.0, 25.0, 50.0, 75.0, 100.0])
# Relative weights of the five answers in a world: in a typical agency two in three answers are 4 or 5.
TYPICAL = np.array([1.0, 1.2, 2.5, 4.5, 3.5])
# True means towards the end of a scale, and the least distance from it of each group of samples.
MEANS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99)
FAR = {"20 or more": 20.0, "12 to 20": 12.0, "5 to 12": 5.0, "2 to 5": 2.0, "fewer than 2": 0.0}
SHARES = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98])
SIZES = np.array([30, 50, 100, 200, 400, 1000])


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    return [*means(rng, draws), *shares(rng, draws), *rates(rng, draws), *differences(rng, draws)]


def means(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Intervals of a mean from cells (n, sum, sum of squares): in ordinary agencies, and up to the end of short scales.

    Towards the end worlds are grouped by how many answers' worth of distance from it a sample holds, n (1 - mean / 100).
    """
    answers = rng.dirichlet(TYPICAL, draws)
    n = rng.integers(30, 401, draws)
    found = [_mean("mean, random agencies of 30 to 400 answers", rng, LEVELS, answers, n)]
    worlds: dict[str, list[npt.NDArray[np.bool_]]] = {}
    above: dict[str, list[npt.NDArray[np.bool_]]] = {}
    each = max(draws // 40, 100)
    for scale, truth, answered in short_scales():
        for size in SIZES:
            group = next(name for name, least in FAR.items() if size * (1 - truth / 100) >= least - 1e-9)
            got = _estimate(rng.multinomial(size, answered, each), scale)
            worlds.setdefault(group, []).append(holds(truth, (got.low, got.high)))
            above.setdefault(group, []).append(got.low > truth + 1e-9)
    for group in FAR:
        claim = COVERS if FAR[group] >= 5 else at_least(0.94)
        what = f"mean of 50 to 99 on 2 to 11 points, {group} answers' worth from the end"
        found.append(drawn(what, np.concatenate(worlds[group]), claim))
        found.append(drawn(f"the same, whole interval above the truth ({group})", np.concatenate(above[group])))
    return found


def short_scales() -> Iterator[tuple[Floats, float, Floats]]:
    """Steps of a scale on 0-100, true mean, and shares of the steps: answers that agree, that differ, and that part in two."""
    for points in (2, 5, 11):
        steps = np.arange(points)
        for mean in MEANS:
            for alike in (0.02, 0.25, 0.7) if points > 2 else (0.5,):
                parameter = 1 / alike - 1
                share = stats.betabinom.pmf(steps, points - 1, mean * parameter, (1 - mean) * parameter)
                yield 100 * steps / (points - 1), 100 * mean, share / share.sum()


def shares(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Wilson intervals of a share: drawn over random shares, and computed exactly on a grid."""
    p, n = rng.uniform(0.02, 0.98, draws), rng.integers(30, 401, draws)
    found = estimates.percentages(rng.binomial(n, p), n, LEVEL)
    covered = holds(100 * p, (found.low, found.high))
    exact = wilson_coverage(SHARES, SIZES)
    low, high = exact.min(), exact.max()
    return [
        drawn("share (Wilson), random shares of 2 to 98 %, 30 to 400 answers", covered, COVERS),
        Finding(f"share (Wilson), mean of {exact.size} points of share and size", float(exact.mean()), 0, COVERS),
        Finding("share (Wilson), lowest point of the grid: counts are whole", float(low), 0),
        Finding("share (Wilson), highest point of the grid", float(high), 0),
    ]


def wilson_coverage(share: npt.ArrayLike, size: npt.ArrayLike) -> Floats:
    """Exact coverage (shares, sizes): the binomial probability of the counts whose interval holds the share."""
    p, sizes = np.asarray(share, float), np.asarray(size)
    covered = np.empty((p.size, sizes.size))
    for position, n in enumerate(sizes):
        hits = np.arange(n + 1)
        found = estimates.percentages(hits, n, LEVEL)
        held = holds(100 * p[:, None], (found.low, found.high))
        covered[:, position] = (stats.binom.pmf(hits, n, p[:, None]) * held).sum(axis=1)
    return covered


def rates(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Exact Poisson intervals, which are conservative by construction, so the claim has no upper end."""
    expected = np.exp(rng.uniform(np.log(0.5), np.log(200), draws))
    found = estimates.rates(rng.poisson(expected), np.ones(draws), LEVEL, per=1)
    covered = holds(expected, (found.low, found.high))
    grid = np.exp(np.linspace(np.log(0.5), np.log(200), 400))
    counts = np.arange(400)
    found = estimates.rates(counts, np.ones(counts.size), LEVEL, per=1)
    held = holds(grid[:, None], (found.low, found.high))
    exact = (stats.poisson.pmf(counts, grid[:, None]) * held).sum(axis=1)
    return [
        drawn("rate (exact Poisson, conservative), 0.5 to 200 events expected", covered, at_least(0.95)),
        Finding("rate, lowest of 400 expected counts", float(exact.min()), 0, at_least(0.95)),
        Finding("rate, highest of 400 expected counts: the price of exactness", float(exact.max()), 0),
    ]


def differences(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Change between two periods, with different people and with the same people."""
    first, second = rng.dirichlet(TYPICAL, draws), rng.dirichlet(TYPICAL, draws)
    n = rng.integers(50, 401, (2, draws))
    before, after = _estimate(rng.multinomial(n[0], first)), _estimate(rng.multinomial(n[1], second))
    _, _, low, high = difference(before.value, after.value, before.error, after.error)
    change = (second - first) @ LEVELS
    apart = drawn("change between two periods, 50 to 400 answers each", holds(change, (low, high)), COVERS)
    # The same people: a joint table of five by five answers, in which people repeat their answer more often than by chance.
    stay = rng.uniform(0.2, 0.7, draws)[:, None, None]
    joint = (1 - stay) * first[:, :, None] * second[:, None, :] + stay * first[:, :, None] * np.eye(5)
    people = n[0]
    table = rng.multinomial(people, joint.reshape(draws, 25)).reshape(draws, 5, 5)
    before, after = _estimate(table.sum(axis=2)), _estimate(table.sum(axis=1))
    cross = np.einsum("dij,i,j->d", table, LEVELS, LEVELS) / people - before.value * after.value
    correlation = cross / (people - 1) / (before.error * after.error)
    _, _, low, high = difference(before.value, after.value, before.error, after.error, np.clip(correlation, -1, 1))
    change = joint.sum(axis=1) @ LEVELS - joint.sum(axis=2) @ LEVELS
    _, _, naive_low, naive_high = difference(before.value, after.value, before.error, after.error)
    return [
        apart,
        drawn("change of the same people, correlation from the design", holds(change, (low, high)), COVERS),
        drawn("the same, read as if they were other people", holds(change, (naive_low, naive_high))),
    ]


def _estimate(counts: npt.NDArray[np.int64], scale: Floats = LEVELS) -> estimates.Estimates:
    return estimates.means(counts.sum(axis=1), counts @ scale, counts @ scale**2, LEVEL)


def _mean(what: str, rng: np.random.Generator, scale: Floats, answers: Floats, n: npt.NDArray[np.int64]) -> Finding:
    found = _estimate(rng.multinomial(n, answers), scale)
    return drawn(what, holds(answers @ scale, (found.low, found.high)), COVERS)
