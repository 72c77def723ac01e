"""Weighted surveys: intervals of post-stratified and raked scores, and how much planted response bias weighting removes.

Belongs here: stratified populations with known answers, and samples and respondents drawn from them. Does not belong
here: samples without a design (`intervals`).
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.survey_cells import ItemCells
from methodology.weighted_scores import framed_means, with_intervals
from methodology.weights import Labels, WeightAdjustment, collapse_empty_cells, poststratify, rake, trim_weights
from simulation.coverage.findings import COVERS, Finding, Floats, at_least, drawn, holds, reduction
from simulation.coverage.intervals import LEVELS

# A frame of services (the sampling strata), channels and ages: 36 cells of finite size.
SERVICES, CHANNELS, AGES = 3, 3, 4
CELLS = SERVICES * CHANNELS * AGES
SERVICE, CHANNEL, AGE = (part.ravel() for part in np.indices((SERVICES, CHANNELS, AGES)))
SAMPLES = 50  # per population
TOP = 3  # this level and those above are satisfied
LEVEL = 0.95
WHAT = {"mean": "mean of a stratified sample", "proportion": "share of the satisfied (Wilson on effective n)"}
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Population:
    """Persons by cell and answer (cells, 5), and the chance that a person in each cell answers."""

    answers: Counts
    response: Floats

    @property
    def size(self) -> Counts:
        """Persons by cell."""
        return np.asarray(self.answers.sum(axis=1))

    @property
    def mean(self) -> float:
        """The true score."""
        return float(self.answers.sum(axis=0) @ LEVELS / self.answers.sum())

    @property
    def top(self) -> float:
        """The true share of the satisfied."""
        return float(self.answers[:, TOP:].sum() / self.answers.sum())


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    return [*coverage(rng, draws), *bias(rng, draws)]


def population(rng: np.random.Generator, interaction: float = 0.0) -> Population:
    """A world in which channel and age affect satisfaction and the chance to answer; `interaction` also shifts single cells."""

    def effects(spread: float) -> Floats:
        own = rng.normal(0, spread, CHANNELS)[CHANNEL] + rng.normal(0, spread, AGES)[AGE]
        return np.asarray(own + interaction * rng.normal(0, spread, CELLS))

    size = np.maximum(60, 400 * rng.dirichlet(np.full(CELLS, 4.0)) * CELLS).astype(int)
    satisfaction = 0.6 + effects(0.5) + rng.normal(0, 0.3, SERVICES)[SERVICE]
    limits = np.array([-1.6, -0.8, 0.0, 1.0])
    below = 1 / (1 + np.exp(-1.7 * (limits - satisfaction[:, None])))
    chances = np.diff(np.column_stack([np.zeros(CELLS), below, np.ones(CELLS)]), axis=1)
    response = 1 / (1 + np.exp(1.2 - effects(0.5)))
    return Population(rng.multinomial(size, chances), response)


def coverage(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Stratified samples of up to a fifth of the frame, weighted to it."""
    held: dict[tuple[str, str], list[Flags]] = {}
    for _ in range(draws // SAMPLES):
        world, rows = population(rng), []
        for sample in samples(rng, world, 0.2):
            n = sample.sum(axis=1)
            weights = (np.bincount(SERVICE, world.size) / np.bincount(SERVICE, n))[SERVICE]
            for name, adjust in ADJUSTMENTS.items():
                rows += [{"weighting": name, **row} for row in estimates(sample, weights, world, adjust)]
        found = with_intervals(pd.DataFrame(rows), LEVEL)
        for name in ADJUSTMENTS:
            for kind, truth in (("mean", world.mean), ("proportion", 100 * world.top)):
                own = found[(found["weighting"] == name) & (found["estimator"] == kind)]
                limits = (own["ci_low"].to_numpy(float), own["ci_high"].to_numpy(float))
                held.setdefault((name, kind), []).append(holds(truth, limits))
    return [drawn(f"{WHAT[kind]}, {name}", np.concatenate(worlds), COVERS) for (name, kind), worlds in held.items()]


def samples(rng: np.random.Generator, world: Population, fraction: float) -> Counts:
    """Answers by cell (samples, cells, 5): transactions per service in proportion to its share, drawn with replacement."""
    drawn_answers = np.zeros((SAMPLES, CELLS, 5), np.int64)
    for service in range(SERVICES):
        own = world.answers[service == SERVICE]
        picked = rng.multinomial(round(fraction * own.sum()), own.ravel() / own.sum(), size=SAMPLES)
        drawn_answers[:, service == SERVICE] = picked.reshape(SAMPLES, *own.shape)
    return drawn_answers


def estimates(
    sample: Counts,
    weights: Floats,
    world: Population,
    adjust: Callable[[Floats, Population], WeightAdjustment],
) -> list[dict[str, str | float]]:
    """Score and share of the satisfied as the product estimates them from the cells of one sample."""
    levels = np.column_stack([LEVELS, 100.0 * (np.arange(LEVELS.size) >= TOP)])
    n, first, second = sample.sum(axis=1).astype(float), sample @ levels, sample @ levels**2
    w, wide, answered = weights, weights[:, None], np.repeat(n[:, None], 2, axis=1)
    sums = (answered, wide * answered, wide * first, wide * second)
    squares = (wide**2 * answered, wide**2 * first, wide**2 * second)
    cells = ItemCells(n, n * w, n * w**2, *sums, *squares)
    found = framed_means(cells, adjust(n * w, world), np.ones((CELLS, 1)))
    return [
        {
            "estimator": estimator,
            "n": found.n[0, item],
            "score": found.mean[0, item],
            "standard_error": found.error[0, item],
            "element_variance": found.element_variance[0, item],
            "kish_n": found.kish_n[0, item],
            "freedom": found.freedom[0, item],
        }
        for item, estimator in enumerate(("mean", "proportion"))
    ]


def by_cells(weights: Floats, world: Population) -> WeightAdjustment:
    """Post-stratify to service x channel x age; an empty cell is merged into the next age of its channel."""
    labels = np.arange(CELLS)
    sizes: Mapping[Hashable, float] = dict(zip(labels.tolist(), world.size.astype(float).tolist(), strict=True))
    rule: dict[Hashable, Hashable] = {cell: cell - AGE[cell] + (AGE[cell] + 1) % AGES for cell in labels.tolist()}
    present = weights > 0
    collapsed, _ = collapse_empty_cells(sizes, labels[present], rule)
    found = poststratify(weights[present], labels[present], collapsed)
    factors = np.ones(CELLS)
    factors[present] = found.factors
    return WeightAdjustment(weights, factors, (labels,))


def by_margins(weights: Floats, world: Population) -> WeightAdjustment:
    """Rake to service, channel and age."""
    margins: dict[str, tuple[Labels, Mapping[Hashable, float]]] = {
        name: (codes, {level: float(size) for level, size in enumerate(np.bincount(codes, world.size))})
        for name, codes in (("service", SERVICE), ("channel", CHANNEL), ("age", AGE))
    }
    return rake(weights, margins)


ADJUSTMENTS = {"post-stratified": by_cells, "raked": by_margins}


def bias(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Bias of the respondents' mean before and after weighting, over the samples of each world."""
    found = [
        *_bias(rng, draws, "response by channel and age", 0.0, True),
        *_bias(rng, draws, "the same with interactions the margins do not know", 0.7, False),
    ]
    return [*found, *_blind(rng, draws)]


def _bias(rng: np.random.Generator, draws: int, name: str, interaction: float, raked: bool) -> list[Finding]:
    before, cells, margins, capped = [], [], [], []
    for _ in range(max(draws // SAMPLES, 2)):
        world = population(rng, interaction)
        answers = respondents(rng, world.answers, np.broadcast_to(world.response[:, None], world.answers.shape))
        n, first = answers.sum(axis=2).astype(float), answers @ LEVELS
        before.append((first.sum(axis=1) / n.sum(axis=1)).mean() - world.mean)
        means = np.divide(first, n, out=np.zeros_like(first), where=n > 0)
        weights = [(by_cells(own, world).weights, by_margins(own, world).weights) for own in n]
        cells.append(np.mean([_weighted(w, m) for (w, _), m in zip(weights, means, strict=True)]) - world.mean)
        margins.append(np.mean([_weighted(w, m) for (_, w), m in zip(weights, means, strict=True)]) - world.mean)
        trimmed = [_capped(w, own) for (w, _), own in zip(weights, n, strict=True)]
        capped.append(np.mean([_weighted(w, m) for w, m in zip(trimmed, means, strict=True)]) - world.mean)
    claim = at_least(0.90)
    return [
        reduction(f"bias removed, post-stratified; {name}", before, cells, claim),
        reduction(f"bias removed, post-stratified and capped at 5 medians; {name}", before, capped, claim),
        reduction(f"bias removed, raked; {name}", before, margins, claim if raked else None),
    ]


def _blind(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Response that depends on the answer itself, which nothing in the frame can correct."""
    before, after = [], []
    for _ in range(max(draws // SAMPLES // 2, 2)):
        world = population(rng)
        answers = respondents(rng, world.answers, np.linspace(0.15, 0.35, 5) * np.ones((CELLS, 1)))
        n, first = answers.sum(axis=2).astype(float), answers @ LEVELS
        means = np.divide(first, n, out=np.zeros_like(first), where=n > 0)
        before.append((first.sum(axis=1) / n.sum(axis=1)).mean() - world.mean)
        weighted = [_weighted(by_cells(own, world).weights, m) for own, m in zip(n, means, strict=True)]
        after.append(np.mean(weighted) - world.mean)
    return [reduction("bias removed, post-stratified; the satisfied answer more in every cell", before, after)]


def respondents(rng: np.random.Generator, answers: Counts, chance: Floats) -> Counts:
    """Respondents among everybody who was asked (samples, cells, 5)."""
    return rng.binomial(answers, chance, (SAMPLES, *answers.shape))


def _capped(weights: Floats, n: Floats) -> Floats:
    """Weight sums of cells after the weights of their rows were capped."""
    rows = np.repeat(np.divide(weights, n, out=np.zeros_like(n), where=n > 0), n.astype(int))
    return np.asarray(np.bincount(np.repeat(np.arange(n.size), n.astype(int)), trim_weights(rows), n.size), float)


def _weighted(weights: Floats, means: Floats) -> float:
    return float(weights @ means / weights.sum())
