"""An invented world drawn from a seed: its agencies, services, branches, journeys and their true strengths.

Belongs here: sizes, registry rows, effects. Does not belong here: rows of feeds or files.
"""

import csv
import zlib
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from miyar.periods import period_range, shift

HERE = Path(__file__).parent
Row = dict[str, str]


@dataclass(frozen=True)
class Size:
    """The size of a world. `scale` multiplies survey answers and complaints only."""

    agencies: int = 36
    services: int = 132
    branches: int = 340
    journeys: int = 6
    periods: int = 8
    first_period: str = "2024Q1"
    responses_per_agency_period: int = 250
    scale: float = 1.0

    def __post_init__(self) -> None:
        most = len(table("agencies"))
        if not 3 <= self.agencies <= most:
            raise ValueError(f"agencies: {self.agencies} is not in 3..{most}")
        if not self.agencies <= self.services <= self.agencies * len(table("services")):
            raise ValueError(f"services: {self.services} is not in 1..{len(table('services'))} per agency")
        if self.branches < self.agencies or self.periods < 2 or self.scale <= 0:
            raise ValueError("a world needs a branch per agency, two periods and a positive scale")

    @classmethod
    def tiny(cls) -> "Size":
        """Seven agencies, three quarters, a few thousand answers: every feed and file format, for tests that run often."""
        return cls(7, 21, 35, 3, 3, "2025Q2", 60)

    @classmethod
    def scaled(cls, scale: float) -> "Size":
        return replace(cls(), scale=scale)

    @property
    def period_ids(self) -> list[str]:
        return period_range(self.first_period, shift(self.first_period, self.periods - 1))


@dataclass(frozen=True)
class Agency:
    """One invented agency with its places and true effects (points on 0-100 unless stated)."""

    agency_id: str
    size_class: str
    services: list[Row]
    branches: list[Row]
    regions: list[str]
    region_share: np.ndarray[Any, np.dtype[np.float64]]
    service_share: np.ndarray[Any, np.dtype[np.float64]]
    level: dict[str, float]
    region_effect: dict[str, float]
    branch_effect: dict[str, float]
    service_effect: dict[str, float]
    item_effect: dict[str, float]
    resolve_shift: float
    completed_odds: float
    standards_odds: float
    visit_level: float
    maturity_level: float
    channel_share: dict[str, float]
    mode_share: dict[str, float]
    asked_channels: frozenset[str]
    asked_branches: frozenset[str]
    answers_each: int


@dataclass(frozen=True)
class World:
    """Everything drawn once: registry rows by table, agencies with their truth, and the seed for later draws."""

    seed: int
    size: Size
    registry: dict[str, list[Row]]
    agencies: dict[str, Agency]
    journey_of: dict[str, str] = field(default_factory=dict)

    def stream(self, *purpose: str) -> np.random.Generator:
        """A separate generator for each purpose, so that no draw depends on the order of others."""
        return np.random.default_rng([self.seed, zlib.crc32("|".join(purpose).encode())])


@cache
def parameters() -> dict[str, Any]:
    """The world's figures, which `parameters.yml` explains."""
    return dict(yaml.safe_load((HERE / "parameters.yml").read_text("utf-8")))


@cache
def table(name: str) -> list[Row]:
    """One CSV of this room as rows of text."""
    with (HERE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def draw_world(seed: int = 2026, size: Size = Size()) -> World:
    """Draw agencies, services, branches and journeys with their effects; the same arguments give the same world."""
    world = World(seed, size, {}, {})
    chosen = table("agencies")[: size.agencies]
    regions = table("regions")
    spread = parameters()["sd"]
    region_effect = dict(
        zip(
            [row["region_id"] for row in regions],
            world.stream("regions").normal(0, spread["region"], len(regions)).tolist(),
            strict=True,
        )
    )
    branch_counts = _apportion(size.branches, [parameters()["sizes"][row["size_class"]]["branches"] for row in chosen])
    service_counts = _apportion(size.services, [1.0] * len(chosen))
    for row, branches, services in zip(chosen, branch_counts, service_counts, strict=True):
        world.agencies[row["agency_id"]] = _agency(world, row, branches, services, region_effect)
    every = list(world.agencies.values())
    world.registry.update(
        agencies=[
            {key: row[key] for key in ("agency_id", "name_ar", "name_en", "sector", "peer_group", "size_class")}
            | {"valid_from": "", "valid_to": "", "aliases": row["aliases"]}
            for row in chosen
        ],
        services=[service for agency in every for service in agency.services],
        regions=[{key: row[key] for key in ("region_id", "name_ar", "name_en", "aliases")} for row in regions],
        branches=[branch for agency in every for branch in agency.branches],
    )
    _journeys(world)
    return world


def _apportion(total: int, weights: list[float]) -> list[int]:
    """Whole numbers with this total, close to the weights, none below one."""
    exact = [total * weight / sum(weights) for weight in weights]
    counts = [max(1, int(share)) for share in exact]
    order = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    position = 0
    while sum(counts) != total:
        index = order[position % len(order)]
        step = 1 if sum(counts) < total else -1
        if counts[index] + step >= 1:
            counts[index] += step
        position += 1
    return counts


def _agency(world: World, row: Row, branches: int, services: int, region_effect: dict[str, float]) -> Agency:
    agency_id = row["agency_id"]
    random = world.stream("agency", agency_id)
    values, spread = parameters(), parameters()["sd"]
    service_rows = [
        {
            "service_id": f"{agency_id}-{kind['kind']}",
            "agency_id": agency_id,
            "name_ar": f"{kind['verb_ar']} {row['object_ar']}",
            "name_en": f"{kind['verb_en']} {row['object_en']}",
            "digital_stage": kind["digital_stage"],
            "aliases": "",
        }
        for kind in table("services")[:services]
    ]
    by_population = sorted(table("regions"), key=lambda region: -float(region["population_share"]))
    served = by_population[: min(values["sizes"][row["size_class"]]["regions"], branches)]
    share = np.array([float(region["population_share"]) for region in served])
    branch_rows = []
    for number in range(branches):
        region = served[number % len(served)]
        ordinal = number // len(served) + 1
        branch_rows.append(
            {
                "branch_id": f"{agency_id}-b{number + 1:02d}",
                "agency_id": agency_id,
                "region_id": region["region_id"],
                "name_ar": f"فرع {region['name_ar']} {ordinal}",
                "name_en": f"{region['name_en']} branch {ordinal}",
                "aliases": f"فرع {region['name_ar']}" if ordinal == 1 else "",
            }
        )
    weights = np.array([float(kind["weight"]) for kind in table("services")[:services]])
    weights = weights * random.lognormal(0, 0.3, services)
    periods = world.size.period_ids
    level = values["level"] + random.normal(0, spread["agency"])
    trend, shocks = random.normal(0, spread["trend"]), random.normal(0, spread["period"], len(periods))
    if row["level"]:
        # A planted level stays where it is, so that agencies said to be equal are equal in every period.
        level, trend, shocks = float(row["level"]), 0.0, np.zeros(len(periods))
    trap: dict[str, Any] = values["traps"][row["trap"]] if row["trap"] else {}
    branch_spread = trap.get("branch", 0.0 if row["level"] else spread["branch"])
    place_spread = 0.0 if row["level"] else spread["service"]
    kept = branch_rows[: round(branches * trap.get("branches_asked", 1))]
    return Agency(
        agency_id=agency_id,
        size_class=row["size_class"],
        services=service_rows,
        branches=branch_rows,
        regions=[region["region_id"] for region in served],
        region_share=share / share.sum(),
        service_share=weights / weights.sum(),
        level={period: float(level + trend * step + shocks[step]) for step, period in enumerate(periods)},
        region_effect=dict.fromkeys(region_effect, 0.0) if row["level"] else region_effect,
        branch_effect={branch["branch_id"]: float(random.normal(0, branch_spread)) for branch in branch_rows},
        service_effect={service["service_id"]: float(random.normal(0, place_spread)) for service in service_rows},
        item_effect={
            item["item"]: 0.0 if number == 0 else float(random.normal(0, spread["agency_item"]))
            for number, item in enumerate(table("items"))
        },
        resolve_shift=float(random.normal(0, values["complaints"]["agency"])),
        completed_odds=_odds(values["usage"]["completed"]) + float(random.normal(0, values["usage"]["agency"])),
        standards_odds=_odds(values["standards"]["met"]) + float(random.normal(0, values["standards"]["agency"])),
        visit_level=values["visits"]["level"] + float(random.normal(0, values["visits"]["agency"])),
        maturity_level=values["maturity"]["level"] + float(random.normal(0, values["maturity"]["agency"])),
        channel_share=trap.get(
            "channel", {name: figures["share"] for name, figures in values["mix"]["channel"].items()}
        ),
        mode_share=trap.get("mode", {name: figures["share"] for name, figures in values["mode"].items()}),
        asked_channels=frozenset(trap.get("asked", values["mix"]["channel"])),
        asked_branches=frozenset(branch["branch_id"] for branch in kept),
        answers_each=trap.get("answers_each", 1),
    )


def _odds(share: float) -> float:
    return float(np.log(share / (1 - share)))


def _journeys(world: World) -> None:
    """Each journey uses four services of different agencies, and a service is in at most one journey."""
    random = world.stream("journeys")
    journeys = table("journeys")[: world.size.journeys]
    free = {agency: [row["service_id"] for row in held.services] for agency, held in world.agencies.items()}
    steps = []
    for journey in journeys:
        order = [str(name) for name in random.permutation(sorted(free))]
        order = [name for name in order if free[name]][:4]
        for number, (agency, stage) in enumerate(zip(order, ("before", "during", "during", "after"), strict=False), 1):
            service = free[agency].pop(0)
            world.journey_of[service] = journey["journey_id"]
            steps.append(
                {
                    "step_id": f"{journey['journey_id']}-{number}",
                    "journey_id": journey["journey_id"],
                    "step": str(number),
                    "service_id": service,
                    "stage": stage,
                }
            )
    world.registry.update(journeys=[dict(row) for row in journeys], journey_steps=steps)
