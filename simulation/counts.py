"""Counts that agencies report about themselves: service usage, service standards, and aggregates instead of answers.

Belongs here: drawing counts and their true shares. Does not belong here: how a provider writes them (`provider_formats`).
"""

from calendar import monthrange
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from miyar.periods import first_day, last_day
from simulation import cases, survey
from simulation.survey import Array, Chunk
from simulation.world import Agency, World, parameters

DIGITAL = ("website", "app")
# Standards that a service promises: the target, and how the odds of meeting it differ from the agency's usual odds.
STANDARDS = {"timeliness": (0.8, -0.3), "access": (0.9, 0.0), "accuracy": (0.95, 0.5)}


def true_completion(agency: Agency) -> float:
    """Percentage of digital transactions that reach a valid end: completed, or found not eligible."""
    not_eligible = parameters()["usage"]["not_eligible"]
    return float(100 * (not_eligible + (1 - not_eligible) * expit(agency.completed_odds)))


def usage(world: World, agency: Agency, period: str) -> Chunk:
    """Transactions by month, service, channel, region and segment."""
    values = parameters()
    random = world.stream("usage", agency.agency_id, period)
    channels, segments = values["mix"]["channel"], values["mix"]["segment"]
    start = first_day(period)
    months = [date(start.year, start.month + step, 1) for step in range(3)]
    services = [row["service_id"] for row in agency.services]
    axes: list[list[Any]] = [months, services, list(channels), agency.regions, list(segments)]
    cell = np.arange(np.prod([len(axis) for axis in axes]))
    month, service, channel, region, segment = np.unravel_index(cell, [len(axis) for axis in axes])
    share = (
        agency.service_share[service]
        * np.array([agency.channel_share[name] for name in channels])[channel]
        * agency.region_share[region]
        * np.array([figure["share"] for figure in segments.values()])[segment]
    )
    volume = values["sizes"][agency.size_class]["volume"] * max(1.0, world.size.scale)
    started = random.poisson(volume / 3 * share)
    figures = values["usage"]
    not_eligible = random.binomial(started, figures["not_eligible"])
    completed = random.binomial(started - not_eligible, expit(agency.completed_odds))
    rest = started - not_eligible - completed
    failed = random.binomial(rest, figures["failed"] / (1 - figures["completed"]))
    digital = np.isin(np.array(list(channels), dtype=object)[channel], DIGITAL)
    due = np.array([monthrange(day.year, day.month)[1] * 1440.0 for day in months])[month]
    rows: dict[str, Array] = {
        "agency_id": np.full(len(started), agency.agency_id, dtype=object),
        "used_on": np.array(months, dtype="datetime64[D]")[month],
        "service_id": np.array(services, dtype=object)[service],
        "channel": np.array(list(channels), dtype=object)[channel],
        "region_id": np.array(agency.regions, dtype=object)[region],
        "segment": np.array(list(segments), dtype=object)[segment],
        "started": started,
        "completed": completed,
        "not_eligible": not_eligible,
        "failed": failed,
        "abandoned": rest - failed,
        "repeat_visits": random.binomial(started, 0.04),
        "duration_count": completed,
        "duration_minutes": np.round(completed * random.lognormal(2, 0.2, len(started)), 1),
        "minutes_due": np.where(digital, due, np.nan),
        "minutes_available": np.where(digital, np.floor(due * (1 - random.beta(1, 400, len(started)))), np.nan),
    }
    # An export of counts omits combinations that did not occur.
    return Chunk({name: column[started > 0] for name, column in rows.items()})


def standards(world: World, agency: Agency, period: str) -> tuple[Chunk, float]:
    """Standards of every service with the cases that met them, and the true percentage of cases met."""
    random = world.stream("standards", agency.agency_id, period)
    names = [(row["service_id"], kind) for row in agency.services for kind in STANDARDS]
    size = parameters()["sizes"][agency.size_class]["volume"] / 20
    expected = np.repeat(agency.service_share, len(STANDARDS)) * size
    chance = expit(agency.standards_odds + np.array([STANDARDS[kind][1] for _, kind in names]))
    total = random.poisson(expected) + 1
    met = random.binomial(total, chance)
    target = np.array([STANDARDS[kind][0] for _, kind in names])
    rows: dict[str, Array] = {
        "agency_id": np.full(len(names), agency.agency_id, dtype=object),
        "service_id": np.array([service for service, _ in names], dtype=object),
        "standard_id": np.array([f"{service}-{kind}" for service, kind in names], dtype=object),
        "standard_kind": np.array([kind for _, kind in names], dtype=object),
        "measured_on": np.full(len(names), np.datetime64(last_day(period))),
        "target": target,
        "met": met,
        "total": total,
        "is_target_met": np.where(met / total >= target, "yes", "no").astype(object),
    }
    return Chunk(rows), float(100 * (expected + 1) @ chance / (expected + 1).sum())


def reported(world: World, agency: Agency, period: str, levels: int, top: int, people: survey.Population) -> Chunk:
    """What an agency that sends aggregates reports by region: bases, numerators, means and spreads."""
    answers: list[pd.DataFrame] = []
    for chunk in survey.responses(world, agency, period, {"overall_satisfaction": levels}, people):
        part = chunk.parts["overall_satisfaction"]
        score = pd.Series(100 * part["level"] / (levels - 1)).where(part["status"] == 0)
        answers.append(pd.DataFrame({"region_id": chunk.rows["region_id"], "score": score}).dropna())
    by_region = pd.concat(answers).groupby("region_id")["score"]
    lowest_top = 100 * (levels - top) / (levels - 1) - 1e-9
    tops = pd.concat(answers).assign(top=lambda frame: frame["score"] >= lowest_top).groupby("region_id")["top"].sum()
    rows: list[tuple[str, str, float, float, float, float]] = []
    for region in agency.regions:
        if region in by_region.groups:
            scores = by_region.get_group(region)
            spread = float(scores.std()) if len(scores) > 1 else 0.0
            rows.append(("overall_satisfaction", region, len(scores), np.nan, float(scores.mean()), spread))
            rows.append(("overall_satisfaction_top_box", region, len(scores), float(tops[region]), np.nan, np.nan))
    counts = pd.DataFrame(usage(world, agency, period).rows)
    for name, group in counts[counts["channel"].isin(DIGITAL)].groupby("region_id", sort=True):
        ended = float((group["completed"] + group["not_eligible"]).sum())
        rows.append(("digital_completion", str(name), float(group["started"].sum()), ended, np.nan, np.nan))
    opened = pd.concat(
        [pd.DataFrame(one).assign(in_time=cases.met(one)) for one in cases.opened(world, agency, period)]
    )
    for name, group in opened.groupby("region_id", sort=True):
        rows.append(("complaints_in_time", str(name), len(group), float(group["in_time"].sum()), np.nan, np.nan))
    columns = list(zip(*rows, strict=True))
    named: dict[str, Array] = {
        "agency_id": np.full(len(rows), agency.agency_id, dtype=object),
        "measure": np.array(columns[0], dtype=object),
        "region_id": np.array(columns[1], dtype=object),
        "reported_on": np.full(len(rows), np.datetime64(last_day(period))),
        "n": np.array(columns[2]),
        "numerator": np.array(columns[3]),
        "mean": np.array(columns[4]),
        "sd": np.array(columns[5]),
        "frame": np.full(len(rows), "جميع المستفيدين خلال الربع", dtype=object),
    }
    return Chunk(named)
