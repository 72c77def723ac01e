"""Survey mode: the artefact of a changed mode, with and without an overlap study.

Belongs here: worlds in which true scores stay the same while the mode changes. Does not belong here: who answers (`surveys`).
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.adjustment import CrossProducts, casemix_adjusted, mode_adjusted, starts_new_series
from methodology.change import difference
from methodology.estimates import mean_estimate
from methodology.linked_scores import COLUMNS as LINKS
from methodology.mode_mixes import mode_groups
from methodology.parameters import load_methodology
from methodology.ranks import simultaneous_rank_sets
from simulation.coverage.findings import COVERS, Claim, Finding, Floats, at_least, at_most, drawn, holds

AGENCIES, ANSWERS, NOISE = 20, 300, 25.0
EFFECT = 6.0  # points by which the same person's answer is higher in the new mode
STUDY = 4_000  # answers of the overlap study
OVERLAP_AGENCIES = 10
MIX_EFFECT = 8.0  # points by which a phone answer is higher than a web answer


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    return [*overlap(rng, draws), *series(rng, draws), *mixes(rng, max(draws // 4, 100))]


def mixes(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Twenty equal agencies whose shares of phone answers differ; a phone answer is MIX_EFFECT points higher.

    Groups of at least six are compared, as the comparability gate does. The share of agencies in none is what the rule withholds.
    """
    thresholds = load_methodology("2026.2").thresholds
    drawn_shares: dict[str, Callable[[], Floats]] = {
        "from 5 to 95 %": lambda: rng.uniform(0.05, 0.95, AGENCIES),
        "10 or 90 %": lambda: np.where(np.arange(AGENCIES) < AGENCIES // 2, 0.1, 0.9),
        "about 25 %": lambda: rng.beta(4, 12, AGENCIES),
        "20 % everywhere": lambda: np.full(AGENCIES, 0.2),
    }
    found = []
    for name, shares in drawn_shares.items():
        told, within, kept = (np.full(draws, np.nan) for _ in range(3))
        for world in range(draws):
            n = int(rng.choice([100, 300, 1000]))
            phone = rng.binomial(n, shares())
            error = np.full(AGENCIES, NOISE / np.sqrt(n))
            score = 70 + MIX_EFFECT * phone / n + error * rng.standard_normal(AGENCIES)
            told[world] = _apart(score, error, rng)
            groups = _groups(phone, n, thresholds)
            own = [np.flatnonzero(groups["mode_group"] == one) for one in groups["mode_group"].unique()]
            own = [places for places in own if places.size > thresholds["minimum_peers"]]
            widened = np.hypot(error, groups["mode_error"].to_numpy(float))
            within[world] = np.mean([_apart(score[places], widened[places], rng) for places in own]) if own else 0.0
            kept[world] = sum(places.size for places in own) / AGENCIES
        found += [
            drawn(f"some equal agencies told apart, phone {name}, one set of modes for all", told == 1),
            drawn(f"some equal agencies told apart, phone {name}, within a group of mixes", within, at_most(0.06)),
            drawn(f"agencies in a group large enough, phone {name}", kept),
        ]
    return found


def _groups(phone: npt.NDArray[np.int64], n: int, thresholds: Mapping[str, float]) -> pd.DataFrame:
    agency = [f"{number:02d}" for number in range(AGENCIES)]
    alike = {"metric_id": "m", "period_id": "q", "instrument_id": "i", "weighting": "weighted", "adjustments": ""}
    scores = pd.DataFrame({"agency_id": agency, **alike, "mode_set": "phone;web"})
    asked = [pd.DataFrame({"agency_id": agency, "mode": "phone", "asked_count": phone})]
    asked += [pd.DataFrame({"agency_id": agency, "mode": "web", "asked_count": n - phone})]
    return mode_groups(scores, pd.concat(asked), pd.DataFrame(columns=list(LINKS)), thresholds=thresholds)


def _apart(score: Floats, error: Floats, rng: np.random.Generator) -> bool:
    """Whether a rank set tells any two apart."""
    return bool(simultaneous_rank_sets(score, error, rng, draws=500).sign.any())


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
