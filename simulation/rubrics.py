"""Assessments by rubric: mystery visits with scored items, and maturity assessments with practices.

Belongs here: drawing scores and adoption, and their true values. Does not belong here: how a provider writes them
(`provider_formats`).
"""

from datetime import timedelta

import numpy as np
from scipy.special import ndtr

from miyar.periods import first_day, last_day
from simulation.survey import Array, Chunk, either, moments
from simulation.world import Agency, World, parameters, table

POINTS = 10
# This item stays empty where the place has no steps or counters to assess.
SKIPPED, SKIPPED_SHARE = "accessibility", 0.1
VISIT_SHARE = 0.6  # of the spread is between visits, the rest between items of one visit


def _spreads() -> tuple[float, float]:
    noise = parameters()["visits"]["noise"]
    return noise * VISIT_SHARE**0.5, noise * (1 - VISIT_SHARE) ** 0.5


def visits(world: World, agency: Agency, period: str) -> Chunk:
    """Visits to an agency in a period, each with its rubric items."""
    random = world.stream("visits", agency.agency_id, period)
    n = parameters()["sizes"][agency.size_class]["visits"]
    between, within = _spreads()
    latent = agency.visit_level + random.normal(0, between, n)
    parts: dict[str, dict[str, Array]] = {}
    for item in table("rubric"):
        y = latent + float(item["offset"]) + random.normal(0, within, n)
        score = np.clip(np.floor(y / POINTS + 0.5), 0, POINTS)
        skipped = (random.random(n) < SKIPPED_SHARE) & (item["rubric_item"] == SKIPPED)
        parts[item["rubric_item"]] = {"score": np.where(skipped, np.nan, score)}
    branch = random.integers(0, len(agency.branches), n)
    at_branch = random.random(n) < 0.6
    checked = random.random(n) < 0.5
    rows: dict[str, Array] = {
        "agency_id": np.full(n, agency.agency_id, dtype=object),
        "visit_id": np.array([f"V-{agency.agency_id}-{period}-{number:03d}" for number in range(1, n + 1)], object),
        "service_id": np.array([row["service_id"] for row in agency.services], dtype=object)[
            random.choice(len(agency.services), n, p=agency.service_share)
        ],
        "branch_id": either(at_branch, np.array([row["branch_id"] for row in agency.branches], object)[branch], None),
        "region_id": np.array([row["region_id"] for row in agency.branches], dtype=object)[branch],
        "visited_at": moments(random, first_day(period), last_day(period), n),
        "channel": np.where(at_branch, "branch", "phone").astype(object),
        "waiting_minutes": np.round(random.exponential(14, n), 1),
        "service_minutes": np.round(random.exponential(9, n), 1),
        "person": random.integers(0, 25, n),
    }
    for check in ("listened", "apologised", "solved", "thanked"):
        rows[check] = either(checked, np.where(random.random(n) < 0.7, "yes", "no"), None).astype(object)
    return Chunk(rows, "rubric_item", parts)


def visit_scores(chunk: Chunk) -> Array:
    """Each visit's score on 0-100: the weighted mean of the scored items."""
    weights = np.array([float(row["item_weight"]) for row in table("rubric")])
    scores = np.stack([chunk.parts[row["rubric_item"]]["score"] for row in table("rubric")], axis=1)
    held = ~np.isnan(scores)
    return np.asarray(100 / POINTS * np.nansum(scores * weights, axis=1) / (held * weights).sum(axis=1))


def true_visit_score(agency: Agency) -> float:
    """Expected score of a visit."""
    spread = float(np.hypot(*_spreads()))
    cuts = (np.arange(1, POINTS + 1) - 0.5) * POINTS
    weights = {row["rubric_item"]: float(row["item_weight"]) for row in table("rubric")}
    expected = {
        row["rubric_item"]: float(
            100 / POINTS * ndtr((agency.visit_level + float(row["offset"]) - cuts) / spread).sum()
        )
        for row in table("rubric")
    }

    def mean(items: list[str]) -> float:
        return sum(weights[item] * expected[item] for item in items) / sum(weights[item] for item in items)

    without = [item for item in weights if item != SKIPPED]
    return (1 - SKIPPED_SHARE) * mean(list(weights)) + SKIPPED_SHARE * mean(without)


def assessment(world: World, agency: Agency, period: str) -> Chunk:
    """One assessment of every maturity model: a row per practice, a few of them not assessed."""
    random = world.stream("maturity", agency.agency_id, period)
    rows = [(row["model_id"], row["practice_id"], row["dimension"]) for row in table("practices")]
    n = len(rows)
    adoption = np.clip(np.round(agency.maturity_level + random.normal(0, parameters()["maturity"]["noise"], n)), 0, 3)
    adoption[random.random(n) < 0.03] = np.nan
    day = last_day(period) - timedelta(days=20)
    named: dict[str, Array] = {
        "agency_id": np.full(n, agency.agency_id, dtype=object),
        "assessment_id": np.array([f"{agency.agency_id}-{period}-{row[0]}" for row in rows], dtype=object),
        "model_id": np.array([row[0] for row in rows], dtype=object),
        "practice_id": np.array([row[1] for row in rows], dtype=object),
        "dimension": np.array([row[2] for row in rows], dtype=object),
        "adoption": adoption,
        "adoption_max": np.full(n, 3),
        "has_evidence": np.where((adoption >= 2) & (random.random(n) < 0.85), "yes", "no").astype(object),
        "assessor": np.full(n, "agency", dtype=object),
        "verifier": np.full(n, "centre", dtype=object),
        "assessed_on": np.full(n, np.datetime64(day)),
        "expires_on": np.full(n, np.datetime64(day + timedelta(days=365))),
    }
    return Chunk(named)


def maturity_score(chunk: Chunk, model: str) -> float:
    """Mean over the model's dimensions of the mean adoption of assessed practices, on 0-100."""
    rows = chunk.rows
    means = []
    for dimension in dict.fromkeys(rows["dimension"][rows["model_id"] == model].tolist()):
        adoption = rows["adoption"][(rows["model_id"] == model) & (rows["dimension"] == dimension)]
        means.append(np.nanmean(adoption) / 3 * 100)
    return float(np.mean(means))
