"""Complaints: cases with their true times, and the versions of them in each quarter's extract.

Belongs here: drawing cases, censoring them at an extract. Does not belong here: how a provider writes them (`provider_formats`).
"""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
from scipy.special import ndtr

from miyar.periods import first_day, last_day
from simulation.survey import CHUNK, Array, Chunk, either, moments
from simulation.world import Agency, World, parameters

MINUTES_PER_DAY = 24 * 60
NEVER = np.datetime64("NaT", "m")


def extract_day(period: str) -> np.datetime64:
    """The day of a quarter's extract: five days after its end."""
    return np.datetime64(last_day(period) + timedelta(days=5), "m")


def true_in_time(agency: Agency) -> float:
    """Chance in percent that a case is resolved by its due date; one that is withdrawn is not."""
    figures = parameters()["complaints"]
    centre = np.log(figures["median_days"]) + agency.resolve_shift
    shares = [
        category["share"] * ndtr((np.log(category["target_days"]) - centre) / figures["sigma"])
        for category in figures["categories"].values()
    ]
    return float(100 * sum(shares) * (1 - figures["withdrawn"]))


def opened(world: World, agency: Agency, period: str, most: int | None = None) -> Iterator[dict[str, Array]]:
    """Yield cases opened in a period with their full true course, a bounded number at a time."""
    figures = parameters()["complaints"]
    random = world.stream("complaints", agency.agency_id, period)
    mean = parameters()["sizes"][agency.size_class]["complaints"] * world.size.scale
    count = max(2, int(random.poisson(mean)))
    count = count if most is None else min(count, most)
    names = list(figures["categories"])
    centre = np.log(figures["median_days"]) + agency.resolve_shift
    for number in range(0, count, CHUNK):
        n = min(CHUNK, count - number)
        category = random.choice(len(names), n, p=[figures["categories"][name]["share"] for name in names])
        target = np.array([figures["categories"][name]["target_days"] for name in names])[category]
        start = moments(random, first_day(period), last_day(period), n)
        minutes = random.lognormal(centre, figures["sigma"], n) * MINUTES_PER_DAY
        resolved = start + np.maximum(30, minutes).astype("timedelta64[m]")
        region = random.choice(len(agency.regions), n, p=agency.region_share)
        service = random.choice(len(agency.services), n, p=agency.service_share)
        fate = random.random(n)
        upheld, partly = figures["upheld"], figures["upheld"] + figures["partly"]
        outcome = np.select(
            [fate < upheld, fate < partly, fate < partly + figures["withdrawn"]],
            ["upheld", "partly", "withdrawn"],
            "not_upheld",
        )
        ids = np.array(
            [f"{agency.agency_id[:3].upper()}-{period}-{serial:06d}" for serial in range(number + 1, number + n + 1)],
            dtype=object,
        )
        repeats = (random.random(n) < figures["repeated"]) & (np.arange(n) > 0)
        checked = random.random(n) < figures["checked"]
        rows: dict[str, Array] = {
            "agency_id": np.full(n, agency.agency_id, dtype=object),
            "case_id": ids,
            "service_id": np.array([row["service_id"] for row in agency.services], dtype=object)[service],
            "region_id": np.array(agency.regions, dtype=object)[region],
            "channel": np.array(["phone", "app", "website", "branch", "social"], dtype=object)[
                random.choice(5, n, p=[0.35, 0.25, 0.2, 0.15, 0.05])
            ],
            "category_code": np.array(names, dtype=object)[category],
            "opened_at": start,
            "acknowledged_at": start + random.exponential(600, n).astype("timedelta64[m]"),
            "first_response_at": start + (random.random(n) * 0.6 * minutes).astype("timedelta64[m]"),
            "due_at": start + (target * MINUTES_PER_DAY).astype("timedelta64[m]"),
            "resolved_at": resolved,
            "closed_at": resolved + random.integers(30, 3000, n).astype("timedelta64[m]"),
            "escalated_at": either(random.random(n) < 0.07, start + (0.8 * minutes).astype("timedelta64[m]"), NEVER),
            "reopened_count": (random.random(n) < figures["reopened"]).astype(np.int64),
            "outcome": outcome.astype(object),
            "earlier_case_id": either(repeats, np.roll(ids, 1), None),
            "person": random.integers(0, 50_000 * max(1, round(world.size.scale)), n),
            "checked_by": either(checked, "audit", None).astype(object),
        }
        for check in ("listened", "apologised", "solved", "thanked"):
            rows[check] = either(checked, either(random.random(n) < 0.75, "yes", "no"), None).astype(object)
        rows["category"] = rows["category_code"]
        yield rows


def versions(rows: dict[str, Array], period: str) -> Chunk:
    """The cases as that period's extract shows them, before anything that happens after it."""
    seen = dict(rows)
    moment = extract_day(period)
    for name in ("acknowledged_at", "first_response_at", "resolved_at", "closed_at", "escalated_at"):
        seen[name] = either(rows[name] <= moment, rows[name], NEVER)
    unresolved = np.isnat(seen["resolved_at"])
    seen["outcome"] = either(unresolved, None, rows["outcome"])
    seen["reopened_count"] = either(unresolved, 0, rows["reopened_count"])
    for name in ("listened", "apologised", "solved", "thanked", "checked_by"):
        seen[name] = either(unresolved, None, rows[name])
    seen["extracted_at"] = np.full(len(unresolved), moment)
    return Chunk(seen)


def in_time(rows: dict[str, Array], period: str) -> tuple[int, int]:
    """Numbers of cases resolved by their due date, and of cases due, as that period's extract shows them."""
    due = rows["due_at"] <= extract_day(period)
    return int((due & met(rows)).sum()), int(due.sum())


def met(rows: dict[str, Array]) -> Array:
    """Which cases were resolved by their due date, rather than withdrawn."""
    return np.asarray((rows["resolved_at"] <= rows["due_at"]) & (rows["outcome"] != "withdrawn"))


def still_open(rows: dict[str, Array], period: str) -> dict[str, Array]:
    """The cases that the period's extract shows as not closed, which the next extract repeats."""
    waiting = rows["closed_at"] > extract_day(period)
    return {name: column[waiting] for name, column in rows.items()}
