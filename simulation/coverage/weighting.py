"""How far weights are capped, and how many answers may lack a margin: what the chosen thresholds cost and what others would.

Belongs here: draws of respondents by channel with a known score, many agencies at once. Does not belong here: samples with a
design, and how much bias weighting removes (`surveys`).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.frame_weights import frame_weights
from methodology.parameters import load_methodology
from simulation.coverage.findings import Finding, Floats, at_most, drawn

CHANNELS = ["app", "website", "phone", "branch"]
POPULATION, ASKED = 100_000, 300
Flags = npt.NDArray[np.bool_]
THRESHOLDS = load_methodology("2026.2").thresholds
NO_CAP = 1e9
NEAR = 2.5  # points: half the smallest difference that matters
MARGINS = {"service_id": False, "channel": False, "region_id": False, "segment": False}


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module; a draw is an agency."""
    return [*caps(rng, draws), *unknowns(rng, draws)]


def caps(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Score within NEAR of the truth, by the cap on weights, where channels answer up to fifteen times as readily as others."""
    chosen = THRESHOLDS["weight_cap"]
    agencies = _Agencies(rng, draws, spread=0.9)
    near = {
        cap: agencies.near({"weight_cap": cap, "minimum_covered_share": 0.0}) for cap in (2.0, 3.0, chosen, 8.0, NO_CAP)
    }
    found = []
    for cap, held in near.items():
        name = f"weights capped at {cap:g} medians" if cap < NO_CAP else "weights not capped"
        found.append(drawn(f"score within {NEAR:g} points, {name}", held))
    best = max((held for cap, held in near.items() if cap != chosen), key=lambda held: float(held.mean()))
    lost = best.astype(float) - near[chosen]
    return [
        *found,
        drawn(f"agencies that the best other cap brings as near and {chosen:g} medians do not", lost, at_most(0.03)),
    ]


def unknowns(rng: np.random.Generator, draws: int) -> list[Finding]:
    """The same by the share of answers without a channel, all of them of one channel; all are weighted."""
    agencies = _Agencies(rng, draws, spread=0.4)
    known = agencies.near({"unknown_share": 1.0})
    found = [drawn(f"score within {NEAR:g} points, all answers with their channel", known)]
    for share in (0.05, 0.1, 0.2, 0.3):
        lost = known.astype(float) - agencies.near({"unknown_share": 1.0}, share)
        claim = at_most(0.05) if share <= THRESHOLDS["unknown_share"] else None
        found.append(drawn(f"agencies no longer so near, {share:.0%} of answers without their channel", lost, claim))
    return found


class _Agencies:
    """Respondents of many agencies by channel, among ASKED who answered of POPULATION transactions."""

    def __init__(self, rng: np.random.Generator, agencies: int, spread: float) -> None:
        shape = (agencies, len(CHANNELS))
        self.size = np.maximum(np.round(POPULATION * rng.dirichlet(np.full(len(CHANNELS), 3.0), agencies)), 1)
        self.level: Floats = 65 + 8 * rng.standard_normal(shape)
        self.truth: Floats = (self.size * self.level).sum(axis=1) / self.size.sum(axis=1)
        readiness = self.size * np.exp(spread * rng.standard_normal(shape))
        self.n = rng.multinomial(ASKED, readiness / readiness.sum(axis=1, keepdims=True))
        self.sum = self.n * self.level + 25 * np.sqrt(self.n) * rng.standard_normal(shape)

    def near(self, changed: Mapping[str, float], unknown: float = 0.0) -> Flags:
        """Whether each agency's score, weighted by the product under changed thresholds, is within NEAR of the truth.

        Up to a share `unknown` of the answers lack their channel: it is the last one that leaves the column blank.
        """
        told = self.n.astype(float)
        blank = np.minimum(np.round(unknown * ASKED), told[:, -1])
        told[:, -1] -= blank
        counts = np.column_stack([told, blank])
        mean = self.sum / np.maximum(self.n, 1)
        means = np.column_stack([mean, mean[:, -1]])
        rows = pd.DataFrame(
            {
                "agency_id": np.repeat([f"a{number:06d}" for number in range(len(told))], counts.shape[1]),
                "channel": np.tile([*CHANNELS, "-"], len(told)),
                "asked_count": counts.ravel().astype(int),
                "mean": means.ravel(),
            }
        ).query("asked_count > 0")
        place = {"period_id": "q", "service_id": "s", "region_id": "r", "segment": "g"}
        drawn_rows = rows.assign(**place, stages="whole", asked_w=rows["asked_count"], asked_w2=rows["asked_count"])
        frames = pd.DataFrame(
            {
                "agency_id": np.repeat([f"a{number:06d}" for number in range(len(told))], len(CHANNELS)),
                "channel": np.tile(CHANNELS, len(told)),
                "completed_count": self.size.ravel().astype(int),
            }
        ).assign(**place)
        made = frame_weights(drawn_rows, frames, margins=MARGINS, thresholds={**THRESHOLDS, **changed})
        weight = made["factor"] * made["asked_w"]
        score = (weight * made["mean"]).groupby(made["agency_id"]).sum() / weight.groupby(made["agency_id"]).sum()
        return np.asarray(np.abs(score.to_numpy() - self.truth) <= NEAR)
