"""Each feed's rows for each file: the periods of a delivery and the chunks of every file, while the truth is recorded.

Belongs here: the bridge from the world's draws to deliveries. Does not belong here: the draws themselves.
"""

from collections.abc import Iterator, Mapping
from itertools import chain, groupby
from typing import Any

import numpy as np

from ingestion.contract import Contract
from simulation import cases, counts, rubrics, survey
from simulation.deliveries import Delivery
from simulation.provider_formats import Columns, items_of, scale_of
from simulation.survey import Array, Chunk
from simulation.world import Agency, World, parameters

__all__ = ["Columns", "chunks", "owed_periods"]
Scores = list[Mapping[str, object]]
Files = Iterator[tuple[str, Iterator[Chunk]]]
# Number of the best codes that make the top box, by the number of codes, as in the methodology's scales.
TOP_BOX = {2: 1, 5: 2, 7: 2, 11: 2}
REPORTED_LEVELS = 5


def chunks(world: World, delivery: Delivery, contract: Contract, scores: Scores) -> Files:
    """Yield each file of a delivery: its last period and its rows, drawn while they are written.

    The truth is added to `scores` in passing.
    """
    quarters = _FEEDS[delivery.feed](world, delivery, contract, scores)
    if not delivery.yearly:
        yield from quarters
        return
    for _, group in groupby(quarters, key=lambda quarter: quarter[0][:4]):
        held = list(group)
        yield held[-1][0], chain.from_iterable(rows for _, rows in held)


def owed_periods(world: World, feed: str) -> list[tuple[str, str]]:
    """Spans of periods for which a feed is owed: all periods, but maturity only when it is assessed."""
    periods = world.size.period_ids
    if feed == "maturity_assessments":
        return [(period, period) for period in assessed_periods(world)]
    return [(periods[0], periods[-1])]


def assessed_periods(world: World) -> list[str]:
    """Periods with a maturity assessment: the last quarter of each year, and the last period of the world."""
    periods = world.size.period_ids
    return [period for period in periods if period.endswith("Q4") or period == periods[-1]]


def score(
    agency: str, metric: str, period: str, true: float, expected: float | None, realised: float | None, n: int | None
) -> dict[str, object]:
    """One row of the truth."""
    shown = [("" if value is None or np.isnan(value) else f"{value:.6f}") for value in (true, expected, realised)]
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
    people = {name: survey.population(world, world.agencies[name]) for name in delivery.agencies}
    scales = {item: scale_of(contract, item) for item in items_of(contract)}
    levels = {item: scale.max - scale.min + 1 for item, scale in scales.items()}
    periods = world.size.period_ids
    wordings = list(dict.fromkeys(_labels(contract, "wording_version").values())) or [""]

    def drawn(period: str) -> Iterator[Chunk]:
        late = periods.index(period) >= len(periods) // 2
        for name in delivery.agencies:
            held = {item: [0.0, 0.0, 0] for item in levels}
            for chunk in survey.responses(world, world.agencies[name], period, levels, people[name], _most(contract)):
                chunk.rows["wording_version"] = np.full(len(chunk), wordings[-1 if late else 0], dtype=object)
                for item, part in chunk.parts.items():
                    level = part["level"][part["status"] == 0]
                    held[item][0] += int(level.sum())
                    held[item][1] += int((level >= levels[item] - TOP_BOX[levels[item]]).sum())
                    held[item][2] += len(level)
                yield chunk
            scores.extend(_survey_truth(world, world.agencies[name], period, people[name], levels, held))

    for period in periods:
        yield period, drawn(period)


def _survey_truth(
    world: World,
    agency: Agency,
    period: str,
    people: survey.Population,
    levels: Mapping[str, int],
    held: Mapping[str, list[float]],
) -> Iterator[dict[str, object]]:
    """True and realised scores of an agency's items; `held` has the sum of levels, top boxes and answers of each."""
    for item, (total, top, n) in held.items():
        truth = survey.true_scores(world, agency, period, item, levels[item], TOP_BOX[levels[item]], people)
        mean = 100 * total / (levels[item] - 1) / n if n else None
        yield score(agency.agency_id, item, period, truth["mean"], truth["expected"], mean, int(n))
        if item == "overall_satisfaction":
            true, expected, share = truth["top_box"], truth["expected_top_box"], 100 * top / n if n else None
            yield score(agency.agency_id, f"{item}_top_box", period, true, expected, share, int(n))


def _most(contract: Contract) -> int | None:
    limit: int | None = parameters()["sheet_rows"].get(contract.format.type)
    return limit


def _labels(contract: Contract, column: str) -> dict[str, Any]:
    return next((dict(prop.labels or {}) for prop in contract.properties if prop.name == column), {})


def _complaints(world: World, delivery: Delivery, contract: Contract, scores: Scores) -> Files:
    waiting: dict[str, list[dict[str, Array]]] = {agency: [] for agency in delivery.agencies}
    periods = world.size.period_ids

    def drawn(period: str) -> Iterator[Chunk]:
        for agency_id in delivery.agencies:
            agency = world.agencies[agency_id]
            last_seen = periods[-1] if contract.delivery == "upsert" else period
            met = due = 0
            older, fresh = waiting[agency_id], []
            for rows in cases.opened(world, agency, period, _most(contract)):
                met, due = met + cases.in_time(rows, last_seen)[0], due + cases.in_time(rows, last_seen)[1]
                fresh.append(cases.still_open(rows, period))
                yield cases.versions(rows, period)
            if contract.delivery == "upsert":
                for rows in older:
                    yield cases.versions(rows, period)
                    fresh.append(cases.still_open(rows, period))
                waiting[agency_id] = [rows for rows in fresh if len(rows["due_at"])]
            truth = cases.true_in_time(agency)
            scores.append(score(agency_id, "complaints_in_time", period, truth, None, 100 * met / max(1, due), due))

    for period in periods:
        yield period, drawn(period)


def _usage(world: World, delivery: Delivery, contract: Contract, scores: Scores) -> Files:
    def drawn(period: str) -> Iterator[Chunk]:
        for agency in (world.agencies[name] for name in delivery.agencies):
            chunk = counts.usage(world, agency, period)
            digital = np.isin(chunk.rows["channel"], counts.DIGITAL)
            ended = int((chunk.rows["completed"] + chunk.rows["not_eligible"])[digital].sum())
            started = int(chunk.rows["started"][digital].sum())
            truth = counts.true_completion(agency)
            scores.append(
                score(agency.agency_id, "digital_completion", period, truth, None, 100 * ended / started, started)
            )
            yield chunk

    for period in world.size.period_ids:
        yield period, drawn(period)


def _standards(world: World, delivery: Delivery, contract: Contract, scores: Scores) -> Files:
    def drawn(period: str) -> Iterator[Chunk]:
        for agency in (world.agencies[name] for name in delivery.agencies):
            chunk, truth = counts.standards(world, agency, period)
            met, total = int(chunk.rows["met"].sum()), int(chunk.rows["total"].sum())
            scores.append(score(agency.agency_id, "standard_attainment", period, truth, None, 100 * met / total, total))
            yield chunk

    for period in world.size.period_ids:
        yield period, drawn(period)


def _visits(world: World, delivery: Delivery, contract: Contract, scores: Scores) -> Files:
    def drawn(period: str) -> Iterator[Chunk]:
        for agency_id in delivery.agencies:
            agency = world.agencies[agency_id]
            chunk = rubrics.visits(world, agency, period)
            shares = rubrics.visit_scores(chunk)
            truth = rubrics.true_visit_score(agency)
            scores.append(score(agency_id, "mystery_score", period, truth, None, float(shares.mean()), len(shares)))
            yield chunk

    for period in world.size.period_ids:
        yield period, drawn(period)


def _maturity(world: World, delivery: Delivery, contract: Contract, scores: Scores) -> Files:
    def drawn(period: str) -> Iterator[Chunk]:
        for agency in (world.agencies[name] for name in delivery.agencies):
            chunk = rubrics.assessment(world, agency, period)
            for model in dict.fromkeys(chunk.rows["model_id"].tolist()):
                value = rubrics.maturity_score(chunk, model)
                # Every practice is assessed, so the realised score equals the true one.
                scores.append(score(agency.agency_id, f"maturity_{model}", period, value, None, value, None))
            yield chunk

    for period in assessed_periods(world):
        yield period, drawn(period)


def _reported(world: World, delivery: Delivery, contract: Contract, scores: Scores) -> Files:
    agency = world.agencies[delivery.agencies[0]]
    people = survey.population(world, agency)
    for period in world.size.period_ids:
        chunk = counts.reported(world, agency, period, REPORTED_LEVELS, TOP_BOX[REPORTED_LEVELS], people)
        truth = survey.true_scores(
            world, agency, period, "overall_satisfaction", REPORTED_LEVELS, TOP_BOX[REPORTED_LEVELS], people
        )
        true = {
            "overall_satisfaction": (truth["mean"], truth["expected"]),
            "overall_satisfaction_top_box": (truth["top_box"], truth["expected_top_box"]),
            "complaints_in_time": (cases.true_in_time(agency), None),
            "digital_completion": (counts.true_completion(agency), None),
        }
        for measure, (value, expected) in true.items():
            mine = chunk.rows["measure"] == measure
            n = chunk.rows["n"][mine]
            total = n * chunk.rows["mean"][mine] if measure == "overall_satisfaction" else chunk.rows["numerator"][mine]
            realised = total.sum() / n.sum() * (1 if measure == "overall_satisfaction" else 100)
            scores.append(score(agency.agency_id, measure, period, value, expected, float(realised), int(n.sum())))
        yield period, iter([chunk])


_FEEDS = {
    "survey_responses": _survey,
    "complaints": _complaints,
    "service_usage": _usage,
    "service_standards": _standards,
    "mystery_visits": _visits,
    "maturity_assessments": _maturity,
    "reported_measures": _reported,
}
