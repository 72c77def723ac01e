"""Maturity: from practices to dimension scores, a score, and a level behind gates.

Belongs here: pure functions over adoption and a level model given as data. Does not belong here: the models themselves
(`versions/<version>/maturity/*.yml`, `maturity_models`), and how sure a level is (`maturity_uncertainty`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from methodology.maturity_models import HIGHEST_ADOPTION, MaturityModel, Practice

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GateResult:
    """What one level requires and what was found; any `further_practices` more of its practices are needed."""

    level: int
    is_passed: bool
    mandatory_missing: tuple[str, ...]
    share: float
    share_needed: float
    further_practices: int
    points_missing: float


@dataclass(frozen=True)
class Assessment:
    """Score and dimension scores on 0-100, level, and the gates of all levels from the second on."""

    score: float
    dimensions: dict[str, float]
    level: int
    gates: tuple[GateResult, ...]

    @property
    def next_level_gap(self) -> GateResult | None:
        """What is missing for the next level; None at the top."""
        return next((gate for gate in self.gates if gate.level == self.level + 1), None)


def maturity_score(dimensions: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Weighted mean of dimension scores, on 0-100. Every dimension needs a weight; weights need not sum to one."""
    missing = sorted(set(dimensions) - set(weights))
    if missing or not dimensions:
        raise ValueError(f"dimensions without a weight: {', '.join(missing) or 'no dimension given'}")
    total = sum(weights[name] for name in dimensions)
    return sum(value * weights[name] for name, value in sorted(dimensions.items())) / total


def level_of(score: float, cuts: Sequence[float]) -> int:
    """Level 1..len(cuts)+1: one above the number of cut-offs reached (score >= cut)."""
    if list(cuts) != sorted(set(cuts)):
        raise ValueError("cut-offs must rise: a level that cannot be reached is no level")
    return 1 + sum(score >= cut for cut in cuts)


def shown_adoption(
    adoption: npt.ArrayLike, has_evidence: npt.ArrayLike, is_expired: npt.ArrayLike, unshown: npt.ArrayLike
) -> Floats:
    """Adoption that counts: as assessed where evidence was given and has not expired, else at most `unshown`."""
    given = np.asarray(adoption, float)
    shown = np.asarray(has_evidence, bool) & ~np.asarray(is_expired, bool)
    return np.where(shown, given, np.minimum(given, unshown))


def observed_adoption(practice: Practice, value: float | None) -> float:
    """Adoption as the warehouse sees it: the number of the practice's steps that `value` (0-1) reaches; NaN without a value.

    Raises ValueError for a practice the warehouse does not answer.
    """
    if practice.observed is None:
        raise ValueError(f"practice {practice.practice_id!r} is not answered by the warehouse")
    if value is None or np.isnan(value):
        return np.nan
    return float(sum(value >= step for step in practice.observed.steps))


def scores_of(model: MaturityModel, adoption: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Scores (...) and dimension scores (..., dimensions), on 0-100, of adoption (..., practices) in the model's order.

    A dimension is the mean share of possible adoption over its assessed practices, the score their weighted mean. NaN marks a
    practice that was not assessed; a dimension without any is NaN and its weight falls to the others.
    """
    given = np.asarray(adoption, float)
    belongs = np.array([[practice.dimension == name for practice in model.practices] for name in model.weights], float)
    assessed = np.isfinite(given)
    counted = assessed @ belongs.T
    with np.errstate(invalid="ignore"):
        dimensions = 100 / HIGHEST_ADOPTION * (np.where(assessed, given, 0.0) @ belongs.T) / counted
        weights = np.where(counted > 0, list(model.weights.values()), 0.0)
        scores = (weights * np.where(counted > 0, dimensions, 0.0)).sum(axis=-1) / weights.sum(axis=-1)
    return scores, dimensions


def levels_of(model: MaturityModel, adoption: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Levels (...) of adoption (..., practices): the last of the consecutive levels, from the second on, whose gates are passed.

    A level is passed with its score floor, its mandatory practices and its share of practices at the gate's adoption; a surplus
    elsewhere does not help. A practice that was not assessed is not adopted.
    """
    given = np.asarray(adoption, float)
    scores, _ = scores_of(model, given)
    reached = np.ones(given.shape[:-1], bool)
    level = np.ones(given.shape[:-1], np.int64)
    for number, cut in enumerate(model.cuts, start=2):
        reached = reached & (scores >= cut) & _passes(model, given, number)
        level += reached
    return level


def _passes(model: MaturityModel, given: Floats, level: int) -> npt.NDArray[np.bool_]:
    passed = np.ones(given.shape[:-1], bool)
    own = np.array([practice.level == level for practice in model.practices], bool)
    mandatory = np.array([practice.is_mandatory for practice in model.practices], bool)
    for gate in model.gates:
        if gate.level == level:
            adopted = given >= gate.adoption
            passed &= adopted[..., own & mandatory].all(axis=-1)
            passed &= adopted[..., own].sum(axis=-1) >= _needed(gate.share, int(own.sum()))
    return passed


def _needed(share: float, practices: int) -> int:
    # 0.7 of 10 is 7.000000000000001 in floating point, and would ask for eight.
    return int(np.ceil(share * practices - 1e-9))


def assess(model: MaturityModel, adoption: Mapping[str, float | None]) -> Assessment:
    """Score, level and gates of one assessment; `adoption` (0-3) counts as given, see `shown_adoption`.

    Practices of the model that are absent or None were not assessed. Raises ValueError naming practices the model does not
    know, values outside 0-3, and an empty assessment.
    """
    unknown = sorted(set(adoption) - set(model.practice_ids))
    wrong = sorted(name for name, value in adoption.items() if value is not None and not 0 <= value <= HIGHEST_ADOPTION)
    faults = [f"practices unknown to {model.model_id}: {', '.join(unknown)}"] if unknown else []
    faults += [f"adoption outside 0-{HIGHEST_ADOPTION}: {', '.join(wrong)}"] if wrong else []
    if not any(value is not None for value in adoption.values()):
        faults.append("nothing was assessed")
    if faults:
        raise ValueError("; ".join(faults))
    given = np.array([np.nan if (value := adoption.get(name)) is None else value for name in model.practice_ids])
    scores, dimensions = scores_of(model, given)
    gates = tuple(_gate_result(model, given, float(scores), number) for number in range(2, len(model.levels) + 1))
    named = {name: float(value) for name, value in zip(model.weights, dimensions, strict=True) if np.isfinite(value)}
    return Assessment(float(scores), named, int(levels_of(model, given)), gates)


def _gate_result(model: MaturityModel, given: Floats, score: float, level: int) -> GateResult:
    own = [position for position, practice in enumerate(model.practices) if practice.level == level]
    gate = next((gate for gate in model.gates if gate.level == level), None)
    points = max(model.cuts[level - 2] - score, 0.0)
    if gate is None:
        return GateResult(level, points == 0, (), np.nan, 0.0, 0, points)
    short = [position for position in own if not given[position] >= gate.adoption]
    mandatory = tuple(
        model.practices[position].practice_id for position in short if model.practices[position].is_mandatory
    )
    further = max(_needed(gate.share, len(own)) - (len(own) - len(short)), 0)
    passed = not mandatory and further == 0 and points == 0
    return GateResult(level, passed, mandatory, 1 - len(short) / len(own), gate.share, further, points)


def unreachable_levels(model: MaturityModel) -> list[int]:
    """Levels at which no constructed adoption ends.

    Tried for the top level: everything at its best. For any other: everything at its best except the next level's mandatory
    practices, or except just too many of its practices; and the least that passes all gates up to the level. Without practices
    every level with a rising cut-off can be reached.
    """
    if not model.practices:
        return []
    best = np.full(len(model.practices), float(HIGHEST_ADOPTION))
    tried = [best, np.zeros_like(best)]
    for gate in model.gates:
        own = np.array([practice.level == gate.level for practice in model.practices])
        mandatory = np.array([practice.is_mandatory for practice in model.practices])
        below = gate.adoption - 1
        tried.append(np.where(own & mandatory, below, best))
        tried.append(np.where(own, below, best))
        lower = np.array([practice.level <= gate.level for practice in model.practices])
        tried.append(np.where(lower, best, 0.0))
    ends = set(levels_of(model, np.array(tried)).tolist())
    return sorted(set(range(1, len(model.levels) + 1)) - ends)
