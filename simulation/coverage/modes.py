"""Survey mode: the artefact of a changed mode, with and without an overlap study.

Belongs here: worlds in which true scores stay the same while the mode changes. Does not belong here: who answers (`surveys`).
"""

import numpy as np

from methodology.adjustment import CrossProducts, casemix_adjusted, mode_adjusted, starts_new_series
from methodology.change import difference
from methodology.estimates import mean_estimate
from simulation.coverage.findings import COVERS, Claim, Finding, at_least, at_most, drawn, holds

AGENCIES, ANSWERS, NOISE = 20, 300, 25.0
EFFECT = 6.0  # points by which the same person's answer is higher in the new mode
STUDY = 4_000  # answers of the overlap study
OVERLAP_AGENCIES = 10


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    return [*overlap(rng, draws), *series(rng, draws)]


def overlap(rng: np.random.Generator, draws: int) -> list[Finding]:
    """The new mode rises from a tenth to half of the answers; a study that randomised the mode estimates its effect."""
    held, raw_held, raw, adjusted = (np.empty(draws) for _ in range(4))
    for world in range(draws):
        unit, lot = rng.integers(0, OVERLAP_AGENCIES, STUDY), rng.random(STUDY) < 0.5
        answer = (70 + 5 * rng.standard_normal(OVERLAP_AGENCIES))[unit] + EFFECT * lot
        answer += NOISE * rng.standard_normal(STUDY)
        effect = casemix_adjusted(CrossProducts.of_rows(unit, lot.astype(float)[:, None], answer))
        new = rng.random((2, AGENCIES, ANSWERS)) < np.array([0.1, 0.5])[:, None, None]
        y = (70 + 5 * rng.standard_normal(AGENCIES))[:, None] + EFFECT * new + NOISE * rng.standard_normal(new.shape)
        score, error = mean_estimate(np.full((2, AGENCIES), ANSWERS), y.sum(axis=2), (y**2).sum(axis=2))
        share = new.mean(axis=2)
        own, own_error = mode_adjusted(score, error, share[..., None], effect.coefficients, effect.covariance)
        # Both periods use the same study, so they share its error.
        shared = share[0] * share[1] * effect.covariance[0, 0] / (own_error[0] * own_error[1])
        change, _, low, high = difference(own[0], own[1], own_error[0], own_error[1], shared)
        raw_change, _, raw_low, raw_high = difference(score[0], score[1], error[0], error[1])
        held[world], raw_held[world] = holds(0.0, (low, high)).mean(), holds(0.0, (raw_low, raw_high)).mean()
        raw[world], adjusted[world] = raw_change.mean(), change.mean()
    # The artefact is the mean over worlds. The scatter between worlds is sampling error, which the intervals cover.
    removed = Finding(
        "mode artefact removed from a change, overlap study loaded",
        float(1 - abs(adjusted.mean() / raw.mean())),
        draws,
        at_least(0.90),
        float(np.std(adjusted, ddof=1) / abs(raw.mean())),
    )
    return [
        removed,
        drawn("no change held by its interval, mode adjusted", held, COVERS),
        drawn("no change held by its interval, mode ignored", raw_held),
    ]


def series(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Without an overlap study the series breaks where the new mode's share moved by ten points, beyond chance."""
    never, found_by = at_most(0.05), at_least(0.90)
    worlds: list[tuple[int, float, Claim | None]] = [
        (30, 0.0, never),
        (100, 0.0, never),
        (300, 0.0, never),
        (1000, 0.0, never),
        (300, 0.05, None),
        (100, 0.20, None),
        (300, 0.15, None),
        (1000, 0.15, found_by),
        (300, 0.20, found_by),
    ]
    found = []
    for n, moved, claim in worlds:
        first = rng.uniform(0.1, 0.7, draws)
        before, after = rng.binomial(n, first) / n, rng.binomial(n, first + moved) / n
        size = np.full(draws, n)
        broken = starts_new_series(before[:, None], after[:, None], size, size)
        found.append(drawn(f"series broken, mode moved by {100 * moved:g} points, {n} answers", broken, claim))
    return found
