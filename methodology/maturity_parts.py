"""Each unit's score, gated level and probabilities of levels by model, its dimensions, its gates and its announced level.

Belongs here: which practices go to which model, one row per part: `whole`, `dimension`, `gate`. Does not belong here: which
adoption counts (`maturity_practices`), and the formulas (`maturity`, `maturity_uncertainty`).
"""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.lineage import joined
from methodology.maturity import assess, level_of, maturity_score
from methodology.maturity_models import HIGHEST_ADOPTION, MaturityModel
from methodology.maturity_uncertainty import (
    announced_levels,
    level_probabilities,
    level_probabilities_of_score,
    scaled_errors,
)

Floats = npt.NDArray[np.float64]
Row = dict[str, object]
UNIT = ["unit_type", "unit_id", "model_id"]
COLUMNS = {
    "unit_type": "string",
    "unit_id": "string",
    "agency_id": "string",
    "model_id": "string",
    "period_id": "string",
    "part": "string",
    "part_id": "string",
    "score": "float64",
    "level": "Int64",
    **dict.fromkeys(["level_probability", "level_probability_low", "level_probability_high"], "float64"),
    # P(level) of every level, lowest first, as text that parses to the same numbers.
    "level_probabilities": "string",
    "gates_passed": "Int64",
    "gates_failed": "Int64",
    "is_passed": "boolean",
    "points_missing": "float64",
    "practices_missing": "Int64",
    "mandatory_missing": "Int64",
    "practices_count": "Int64",
    "contradicted_count": "Int64",
    "unknown_count": "Int64",
    "slice_ids": "string",
}
ANNOUNCED = {
    **dict.fromkeys([*UNIT, "period_id"], "string"),
    "announced_level": "int64",
    "announced_probability": "float64",
}


def maturity_parts(
    practices: pd.DataFrame,
    *,
    models: Mapping[str, MaturityModel],
    errors: pd.DataFrame,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """All parts of every unit's assessments of one period, rows with COLUMNS.

    practices: as `maturity_practices` gives them. errors: the probability of each verified adoption given the assessed one;
    level_probability_low and _high are the least and greatest P of the level found when assessors err `assessor_errors_low` times
    and `assessor_errors_high` times as often.
    Units none of whose practices count have no row.
    """
    chances = errors.pivot(index="assessed", columns="verified", values="probability").sort_index().to_numpy(float)
    others = [scaled_errors(chances, thresholds[f"assessor_errors_{end}"]) for end in ("low", "high")]
    practices = practices.sort_values([*UNIT, "practice_id"], kind="stable")
    made: list[Row] = []
    for key, own in practices.groupby(UNIT, sort=True):
        unit = dict(zip(UNIT, map(str, key), strict=True))
        model = models.get(unit["model_id"])
        if model is None or own["counted"].isna().all():
            continue
        period = str(own["period_id"].iloc[0])
        common: Row = {
            **unit,
            "agency_id": own["agency_id"].iloc[0],
            "period_id": period,
            "slice_ids": joined(own["slice_ids"]),
        }
        if model.practices:
            # Each unit has its own seed, so its draws do not depend on who else is assessed.
            seed = zlib.crc32("|".join([*unit.values(), period]).encode())
            rng = np.random.default_rng([int(thresholds["monte_carlo_seed"]), seed])
            parts = _by_gates(own, model, [chances, *others], int(thresholds["monte_carlo_draws"]), rng)
        else:
            parts = _by_cuts(own, model)
        made += [{**common, **part} for part in parts]
    return pd.DataFrame(made, columns=list(COLUMNS))


def announcements(wholes: pd.DataFrame, *, announced_at: float) -> pd.DataFrame:
    """Return the level announced for each unit in every cycle of assessment, a row each with ANNOUNCED.

    wholes: UNIT, period_id, level, level_probabilities of rows of part `whole`, over all periods.
    """
    wholes = wholes.sort_values([*UNIT, "period_id"], kind="stable")
    tables = [pd.DataFrame(columns=list(ANNOUNCED)).astype(ANNOUNCED)]
    for _, cycles in wholes.groupby(UNIT, sort=True):
        chances = np.array([text.split(";") for text in cycles["level_probabilities"]], float)
        announced = announced_levels([int(level) for level in cycles["level"]], chances, announced_at)
        own = chances[np.arange(len(cycles)), np.array(announced) - 1]
        made = cycles[[*UNIT, "period_id"]].assign(announced_level=announced, announced_probability=own)
        tables.append(made.astype(ANNOUNCED))
    return pd.concat(tables, ignore_index=True)


def _by_gates(
    own: pd.DataFrame, model: MaturityModel, chances: Sequence[Floats], draws: int, rng: np.random.Generator
) -> list[Row]:
    measured = own[own["is_known"].astype(bool)]
    given = dict(zip(measured["practice_id"], measured["counted"].to_numpy(float), strict=True))
    result = assess(model, {name: None if np.isnan(value) else value for name, value in given.items()})
    # A mean over services may lie between two steps, but assessors' errors are known for whole ones: take the lower.
    step = np.floor(np.array([given.get(name, np.nan) for name in model.practice_ids]) + 1e-9)
    drawn = [level_probabilities(model, step, one, draws, rng) for one in chances]
    gap = result.next_level_gap
    passed = sum(gate.is_passed for gate in result.gates)
    gates: list[Row] = [
        {
            "part": "gate",
            "part_id": str(gate.level),
            "score": 100 * gate.share,
            "is_passed": gate.is_passed,
            "points_missing": gate.points_missing,
            "practices_missing": gate.further_practices,
            "mandatory_missing": len(gate.mandatory_missing),
        }
        for gate in result.gates
    ]
    missing: Row = {
        "points_missing": gap.points_missing if gap else np.nan,
        "practices_missing": gap.further_practices if gap else 0,
        "mandatory_missing": len(gap.mandatory_missing) if gap else 0,
    }
    whole = _whole(own, result.score, result.level, drawn, passed, len(gates) - passed)
    return [{**whole, **missing}, *_dimensions(result.dimensions, own, model), *gates]


def _by_cuts(own: pd.DataFrame, model: MaturityModel) -> list[Row]:
    """Parts under a model without practices: it has cut-offs only, and as nothing was sampled the level is certain."""
    means = own.groupby("dimension", sort=True)["counted"].mean() * (100 / HIGHEST_ADOPTION)
    dimensions = {str(name): float(value) for name, value in means.dropna().items()}
    score = maturity_score(dimensions, {name: model.weights.get(name, 1.0) for name in dimensions})
    level = level_of(score, model.cuts)
    probability = level_probabilities_of_score(score, 0.0, model.cuts)
    at_top = level == len(model.levels)
    whole = _whole(own, score, level, [probability], level - 1, len(model.cuts) - level + 1)
    missing: Row = {
        "points_missing": np.nan if at_top else model.cuts[level - 1] - score,
        "practices_missing": 0,
        "mandatory_missing": 0,
    }
    gates: list[Row] = [
        {
            "part": "gate",
            "part_id": str(number),
            "score": np.nan,
            "is_passed": score >= cut,
            "points_missing": max(cut - score, 0.0),
            "practices_missing": 0,
            "mandatory_missing": 0,
        }
        for number, cut in enumerate(model.cuts, start=2)
    ]
    return [{**whole, **missing}, *_dimensions(dimensions, own, model), *gates]


def _whole(
    own: pd.DataFrame, score: float, level: int, probabilities: Sequence[Floats], passed: int, failed: int
) -> Row:
    found = [float(probability[level - 1]) for probability in probabilities]
    return {
        "part": "whole",
        "part_id": "",
        "score": score,
        "level": level,
        "level_probability": found[0],
        "level_probability_low": min(found),
        "level_probability_high": max(found),
        "level_probabilities": ";".join(repr(float(chance)) for chance in probabilities[0]),
        "gates_passed": passed,
        "gates_failed": failed,
        "practices_count": int(own["counted"].notna().sum()),
        "contradicted_count": int(own["is_contradicted"].sum()),
        "unknown_count": int((~own["is_known"].astype(bool)).sum()),
    }


def _dimensions(dimensions: Mapping[str, float], own: pd.DataFrame, model: MaturityModel) -> list[Row]:
    counted = own.loc[own["counted"].notna(), "dimension"].value_counts().to_dict()
    return [
        {
            "part": "dimension",
            "part_id": name,
            "score": value,
            "level": level_of(value, model.cuts),
            "practices_count": counted.get(name, 0),
        }
        for name, value in dimensions.items()
    ]
