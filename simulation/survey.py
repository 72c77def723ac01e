"""Survey answers from a latent model: who responds, what they answer, and the truth.

Belongs here: population cells, responses, expected scores. Does not belong here: how a provider writes them (`provider_formats`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from math import prod
from typing import Any

import numpy as np
from scipy.special import ndtr

from miyar.periods import first_day, last_day
from simulation.world import Agency, World, parameters, table

Array = np.ndarray[Any, np.dtype[Any]]
CHUNK = 20_000  # rows drawn and formatted at once; bounds memory
STATUSES = ("answered", "dont_know", "not_applicable", "refused", "missing")
MIX = ("segment", "age_band", "gender", "nationality_class")
# Questions that only make sense for some channels; for others the answer is "not applicable".
ONLY_FOR = {
    "e_service_efficiency": {"website", "app"},
    "place_readiness": {"branch"},
    "staff_knowledge": {"branch", "phone"},
    "staff_courtesy": {"branch", "phone"},
}


@dataclass(frozen=True)
class Chunk:
    """Rows of one feed as equally long columns; `parts` holds the columns of each item (rubric item, practice)."""

    rows: dict[str, Array]
    part_key: str = ""
    parts: dict[str, dict[str, Array]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.rows.values())))


def either(condition: Array, yes: Any, no: Any) -> Array:
    """numpy's `where` for values of any kind, including null."""
    return np.asarray(np.where(condition, yes, no))


@dataclass(frozen=True)
class Population:
    """The cells of an agency's users: attributes, population share, share among respondents, latent effect."""

    columns: dict[str, Array]
    share: Array
    respondent_share: Array
    effect: Array


def population(world: World, agency: Agency) -> Population:
    """All cells of service, channel, place and respondent mix."""
    values = parameters()
    places: list[tuple[str, str | None, str, float]] = []
    for channel in values["mix"]["channel"]:
        for region, share in zip(agency.regions, agency.region_share, strict=True):
            here = [row["branch_id"] for row in agency.branches if row["region_id"] == region]
            spots: list[str | None] = [*here] if channel == "branch" else [None]
            places += [(channel, spot, region, agency.channel_share[channel] * share / len(spots)) for spot in spots]
    mixes = [list(values["mix"][name].items()) for name in MIX]
    names: dict[str, list[Any]] = {key: [] for key in ("service_id", "channel", "branch_id", "region_id", *MIX)}
    share, response, effect = [], [], []
    for service, service_share in zip(agency.services, agency.service_share, strict=True):
        service_id = service["service_id"]
        for channel, branch, region, place_share in places:
            of_channel = values["mix"]["channel"][channel]
            is_asked = channel in agency.asked_channels and (branch is None or branch in agency.asked_branches)
            of_place = (
                agency.service_effect[service_id]
                + agency.region_effect[region]
                + of_channel["effect"]
                + (agency.branch_effect[branch] if branch else 0.0)
            )
            for combination in product(*mixes):
                for key, value in zip(
                    ("service_id", "channel", "branch_id", "region_id"),
                    (service_id, channel, branch, region),
                    strict=True,
                ):
                    names[key].append(value)
                for key, (value, _) in zip(MIX, combination, strict=True):
                    names[key].append(value)
                figures = [figure for _, figure in combination]
                share.append(service_share * place_share * prod([figure["share"] for figure in figures]))
                response.append(is_asked * of_channel["response"] * prod([figure["response"] for figure in figures]))
                effect.append(of_place + sum(figure["effect"] for figure in figures))
    shares, responses = np.array(share), np.array(response)
    respondents = shares * responses
    return Population(
        {key: np.array(column, dtype=object) for key, column in names.items()},
        shares / shares.sum(),
        respondents / respondents.sum(),
        np.array(effect),
    )


def expected_pomp(mean: Array, spread: float, levels: int) -> Array:
    """Expected POMP of an answer cut into this many codes: the mean, over the cuts, of the chance to be above each."""
    cuts = 100 * np.arange(1, levels) / levels
    return np.asarray(100 * ndtr((mean[:, None] - cuts[None, :]) / spread).mean(axis=1))


def true_scores(
    world: World, agency: Agency, period: str, item: str, levels: int, top: int, people: Population
) -> dict[str, float]:
    """Population mean and top box without mode effects, and the expected sample values of both.

    If a question makes sense for some channels only, its population is their users. Where none of them is asked, the expected
    values are NaN.
    """
    values = parameters()
    spread = float(np.hypot(values["sd"]["person"], values["sd"]["noise"]))
    asked = np.isin(people.columns["channel"], list(ONLY_FOR.get(item, values["mix"]["channel"])))
    share = people.share * asked / (people.share @ asked)
    answering = float(people.respondent_share @ asked)
    # Nobody who is asked may be able to answer the question; then no sample has an expected value.
    respondents = people.respondent_share * asked / (answering or np.nan)
    mean = agency.level[period] + people.effect + _offset(agency, item)
    lowest_top = 100 * (levels - top) / levels
    modes = [(agency.mode_share[name], mean + mode["effect"]) for name, mode in values["mode"].items()]
    return {
        "mean": float(share @ expected_pomp(mean, spread, levels)),
        "expected": sum(part * float(respondents @ expected_pomp(moved, spread, levels)) for part, moved in modes),
        "top_box": float(100 * share @ ndtr((mean - lowest_top) / spread)),
        "expected_top_box": sum(
            part * float(100 * respondents @ ndtr((moved - lowest_top) / spread)) for part, moved in modes
        ),
    }


def _offset(agency: Agency, item: str) -> float:
    offset = next(float(row["offset"]) for row in table("items") if row["item"] == item)
    return offset + agency.item_effect[item]


def response_count(world: World, agency: Agency, period: str, most: int | None) -> int:
    """Number of responses in a period; small agencies fall below 30 in some periods."""
    factor = parameters()["sizes"][agency.size_class]["responses"]
    luck = world.stream("count", agency.agency_id, period).lognormal(0, 0.15)
    count = max(2, round(float(world.size.responses_per_agency_period * world.size.scale * factor * luck)))
    return count if most is None else min(count, most)


def responses(
    world: World,
    agency: Agency,
    period: str,
    levels: dict[str, int],
    people: Population,
    most: int | None = None,
) -> Iterator[Chunk]:
    """Draw one agency's responses of a period, a bounded number at a time.

    `levels` maps each item to the number of codes of its scale; level 0 is the worst answer. `most` is the maximum that
    a file of the agency's format can hold.
    """
    random = world.stream("survey", agency.agency_id, period)
    count = response_count(world, agency, period, most)
    cumulated = np.cumsum(people.respondent_share)
    for number in range(0, count, CHUNK):
        chunk = _draw(world, agency, period, levels, people, cumulated, random, min(CHUNK, count - number), number)
        volume = parameters()["sizes"][agency.size_class]["volume"]
        chunk.rows["design_weight"] = np.round(volume / count / 10, 2) * np.ones(len(chunk))
        yield chunk


def _draw(
    world: World,
    agency: Agency,
    period: str,
    levels: dict[str, int],
    people: Population,
    cumulated: Array,
    random: np.random.Generator,
    n: int,
    number: int,
) -> Chunk:
    values = parameters()
    cell = np.minimum(np.searchsorted(cumulated, random.random(n)), len(cumulated) - 1)
    rows = {name: column[cell] for name, column in people.columns.items()}
    # Somebody who is asked again has the same place and person's effect, but gives new answers.
    again = np.arange(n) // agency.answers_each
    cell = cell[again]
    rows = {name: column[again] for name, column in rows.items()}
    modes = list(values["mode"])
    mode = random.choice(len(modes), n, p=[agency.mode_share[name] for name in modes])
    rows["agency_id"] = np.full(n, agency.agency_id, dtype=object)
    rows["mode"] = np.array(modes, dtype=object)[mode]
    mode_effect = np.array([values["mode"][name]["effect"] for name in modes])[mode]
    person_effect = random.normal(0, values["sd"]["person"], n)[again]
    latent = agency.level[period] + people.effect[cell] + mode_effect + person_effect
    parts = {}
    for item, count in levels.items():
        y = latent + _offset(agency, item) + random.normal(0, values["sd"]["noise"], n)
        status = random.choice(5, n, p=_absences(values["absent"], item))
        if item in ONLY_FOR:
            status[~np.isin(rows["channel"], list(ONLY_FOR[item]))] = 2
        parts[item] = {
            "level": np.clip(y * count / 100, 0, count - 1).astype(np.int64),
            "status": status,
            "stage": np.full(n, next(row["stage"] for row in table("items") if row["item"] == item), dtype=object),
        }
    rows["responded_at"] = moments(random, first_day(period), last_day(period), n)
    rows["invited_at"] = rows["responded_at"] - random.integers(5, 4000, n).astype("timedelta64[m]")
    rows["response_id"] = np.array([f"{period}-{serial:07d}" for serial in range(number + 1, number + n + 1)], object)
    rows["person"] = random.integers(0, 50_000 * max(1, round(world.size.scale)), n)[again]
    rows["age"] = _ages(rows["age_band"], random)
    rows["touchpoint"] = np.array(["counter", "application", "tracking", "payment"], object)[random.integers(0, 4, n)]
    journey = np.array([world.journey_of.get(service) for service in rows["service_id"]], dtype=object)
    rows["journey_id"] = either(random.random(n) < values["journey_share"], journey, None)
    rows |= _loop(rows, parts["overall_satisfaction"], levels["overall_satisfaction"], random)
    return Chunk(rows, "item", parts)


def _absences(absent: dict[str, float], item: str) -> list[float]:
    # The headline question applies to everybody: it can be refused or skipped, but is never "not applicable".
    shares = [absent[name] * (0.3 if item == "overall_satisfaction" else 1) for name in STATUSES[1:]]
    if item == "overall_satisfaction":
        shares[1] = 0.0
    return [1 - sum(shares), *shares]


def moments(random: np.random.Generator, first: date, last: date, n: int) -> Array:
    """Random moments during waking hours between two days, to the minute."""
    days = np.datetime64(first, "m") + random.integers(0, (last - first).days + 1, n).astype("timedelta64[D]")
    return np.asarray(days + random.integers(7 * 60, 22 * 60, n).astype("timedelta64[m]"))


def _ages(band: Array, random: np.random.Generator) -> Array:
    lower = {name: int(name[:2]) for name in parameters()["mix"]["age_band"]}
    width = {"18-29": 12, "30-44": 15, "45-59": 15, "60+": 25}
    low = np.array([lower[name] for name in band])
    return np.asarray(low + (random.random(len(band)) * np.array([width[name] for name in band])).astype(np.int64))


def _loop(
    rows: dict[str, Array], overall: dict[str, Array], count: int, random: np.random.Generator
) -> dict[str, Array]:
    """Follow-up with the dissatisfied: first attempt, first human contact, outcome, and the later answer."""
    figures, n = parameters()["recovery"], len(rows["responded_at"])
    unhappy = (overall["status"] == 0) & (overall["level"] < count / 2)
    attempted = unhappy & (random.random(n) < figures["attempted"])
    reached = attempted & (random.random(n) < figures["reached"])
    wait = (random.lognormal(np.log(figures["median_hours"] * 60), 0.8, n)).astype("timedelta64[m]")
    never = np.datetime64("NaT", "m")
    solved = random.random(n) < figures["solved"]
    outcome = either(reached, either(solved, "solved", "not_solved"), either(attempted, "unreachable", None))
    better = np.minimum(overall["level"] + random.integers(0, 3, n) * solved, count - 1)
    return {
        "attempted_at": either(attempted, rows["responded_at"] + wait, never),
        "reached_at": either(reached, rows["responded_at"] + wait + np.timedelta64(30, "m"), never),
        "recovery": outcome.astype(object),
        "recovered_level": either(reached, better, -1),
    }
