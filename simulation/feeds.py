"""Each feed's rows for each file: which periods a delivery has, and the chunks of every file, with the truth noted.

Belongs here: the bridge from the world's drawings to deliveries. Does not belong here: the drawings themselves.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ingestion.contract import Contract
from simulation import cases, survey
from simulation.deliveries import Delivery
from simulation.dress import Columns, items_of, scale_of
from simulation.survey import Array, Chunk
from simulation.world import World

__all__ = ["Columns", "chunks", "owed_periods"]
Scores = list[Mapping[str, object]]
Files = Iterator[tuple[str, Iterator[Chunk]]]
# How many of the best codes make the top box, by the number of codes; the methodology's scales say the same.
TOP_BOX = {2: 1, 5: 2, 7: 2, 11: 2}


def chunks(world: World, delivery: Delivery, contract: Contract, scores: Scores) -> Files:
    """The files of a delivery: period and rows, drawn while they are written; truth is added to `scores` on the way."""
    return _FEEDS[delivery.feed](world, delivery, contract, scores)


def owed_periods(world: World, feed: str) -> list[tuple[str, str]]:
    """Spans of periods for which a feed is owed: all of them, but maturity only when it is assessed."""
    periods = world.size.period_ids
    return [(periods[0], periods[-1])]


def score(
    agency: str, metric: str, period: str, true: float, expected: float | None, realised: float | None, n: int | None
) -> dict[str, object]:
    """One row of the truth."""
    shown = [("" if value is None else f"{value:.6f}") for value in (true, expected, realised)]
    return {
        "agency_id": agency,
        "metric_id": metric,
        "period_id": period,
        "true_value": shown[0],
        "expected_value": shown[1],
        "realised_value": shown[2],
        "realised_n": "" if n is None else n,
    }


def _survey(world: World, delivery: Delivery, contract: Contract, scores: Scores) -> Files:
    agency = world.agencies[delivery.agencies[0]]
    people = survey.population(world, agency)
    scales = {item: scale_of(contract, item) for item in items_of(contract)}
    levels = {item: scale.max - scale.min + 1 for item, scale in scales.items()}
    periods = world.size.period_ids
    wordings = list(dict.fromkeys(_labels(contract, "wording_version").values())) or [""]

    def drawn(period: str) -> Iterator[Chunk]:
        held = {item: [0.0, 0.0, 0] for item in levels}
        late = periods.index(period) >= len(periods) // 2
        for chunk in survey.responses(world, agency, period, levels, people):
            chunk.rows["wording_version"] = np.full(len(chunk), wordings[-1 if late else 0], dtype=object)
            for item, part in chunk.parts.items():
                level = part["level"][part["status"] == 0]
                held[item][0] += int(level.sum())
                held[item][1] += int((level >= levels[item] - TOP_BOX[levels[item]]).sum())
                held[item][2] += len(level)
            yield chunk
        for item, (total, top, n) in held.items():
            truth = survey.true_scores(world, agency, period, item, levels[item], TOP_BOX[levels[item]], people)
            mean = 100 * total / (levels[item] - 1) / n if n else None
            scores.append(score(agency.agency_id, item, period, truth["mean"], truth["expected"], mean, int(n)))
            share = 100 * top / n if n else None
            if item == "overall_satisfaction":
                scores.append(score(agency.agency_id, f"{item}_top_box", period, truth["top_box"], None, share, int(n)))

    for period in periods:
        yield period, drawn(period)


def _labels(contract: Contract, column: str) -> dict[str, Any]:
    return next((dict(prop.labels or {}) for prop in contract.properties if prop.name == column), {})


def _complaints(world: World, delivery: Delivery, contract: Contract, scores: Scores) -> Files:
    waiting: dict[str, list[dict[str, Array]]] = {agency: [] for agency in delivery.agencies}

    def drawn(period: str) -> Iterator[Chunk]:
        for agency_id in delivery.agencies:
            agency = world.agencies[agency_id]
            in_time = n = 0
            older, waiting[agency_id] = waiting[agency_id], []
            for rows in cases.opened(world, agency, period):
                in_time += int((rows["resolved_at"] <= rows["due_at"]).sum())
                n += len(rows["due_at"])
                if contract.delivery == "upsert":
                    older.append(rows)
                else:
                    yield cases.versions(rows, period)
            for rows in older:
                waiting[agency_id].append(cases.still_open(rows, period))
                if len(rows["due_at"]):
                    yield cases.versions(rows, period)
            truth = cases.true_in_time(agency)
            scores.append(score(agency_id, "complaints_in_time", period, truth, truth, 100 * in_time / n, n))

    for period in world.size.period_ids:
        yield period, drawn(period)


_FEEDS = {"survey_responses": _survey, "complaints": _complaints}
