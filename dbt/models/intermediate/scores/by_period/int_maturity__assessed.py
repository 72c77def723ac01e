"""Levels behind gates: each unit's score, level and chances of levels by model, its dimensions and its gates.

Belongs here: which practices go to which model, one row per part: `whole`, `dimension`, `gate`. Does not belong here: what
counts of a practice (`int_maturity__practices`), what is announced after several cycles (`int_maturity__announced`) and the
formulas (`methodology.maturity`).
"""

import zlib
from collections import Counter
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa

from methodology.maturity import assess, level_of, maturity_score
from methodology.maturity_models import HIGHEST_ADOPTION, models_of_rows
from methodology.maturity_uncertainty import level_probabilities, level_probabilities_of_score
from miyar.relations import Dbt, by_period, read

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
    "level_probability": "float64",
    # P(level) of every level, lowest first, as text that gives the same numbers again.
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


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    dimensions = read(dbt.ref("stg_methodology__maturity_dimensions"))
    levels = read(dbt.ref("stg_methodology__maturity_levels"))
    listed = read(dbt.ref("stg_methodology__maturity_practices"))
    gates = read(dbt.ref("stg_methodology__maturity_gates"))
    caps = read(dbt.ref("stg_methodology__maturity_models"))
    errors = read(dbt.ref("stg_methodology__adoption_errors"))
    parameters = read(dbt.ref("stg_methodology__thresholds"))
    tables = [table.to_dict("records") for table in (dimensions, levels, listed, gates)]
    models = models_of_rows(*tables, dict(zip(caps["model_id"], caps["unshown"], strict=True)))
    thresholds = dict(zip(parameters["name"], parameters["value"], strict=True))
    chances = errors.pivot(index="assessed", columns="verified", values="probability").sort_index().to_numpy(float)
    made = partial(_parts, models=models, chances=chances, thresholds=thresholds)
    return by_period(dbt.ref("int_periods__pending"), {"practices": dbt.ref("int_maturity__practices")}, made, COLUMNS)


def _parts(practices, models, chances, thresholds):
    """All parts of every unit's assessments of one period."""
    practices = practices.sort_values([*UNIT, "practice_id"], kind="stable")
    made = []
    for key, own in practices.groupby(UNIT, sort=True):
        if key[2] not in models or own["counted"].isna().all():
            continue
        unit = dict(zip(UNIT, key, strict=True))
        period = own["period_id"].iloc[0]
        common = {
            **unit,
            "agency_id": own["agency_id"].iloc[0],
            "period_id": period,
            "slice_ids": ";".join(sorted({one for ids in own["slice_ids"] for one in ids.split(";")})),
        }
        whole, probability, parts = _assessed(unit, period, own, models[key[2]], chances, thresholds)
        whole["level_probabilities"] = ";".join(repr(float(chance)) for chance in probability)
        made += [{**common, **part} for part in (whole, *parts)]
    return pd.DataFrame(made, columns=list(COLUMNS))


def _assessed(unit, period, own, maturity_model, chances, thresholds):
    counts = {
        "practices_count": int(own["counted"].notna().sum()),
        "contradicted_count": int(own["is_contradicted"].sum()),
        "unknown_count": int((~own["is_known"].astype(bool)).sum()),
    }
    if not maturity_model.practices:
        return _by_cuts(own, maturity_model, counts)
    given = {row.practice_id: row.counted for row in own.itertuples() if row.is_known}
    result = assess(maturity_model, {name: None if np.isnan(value) else value for name, value in given.items()})
    # A mean over services may lie between two steps; the error of an assessor is known for whole ones: the lower is taken.
    step = np.floor(np.array([given.get(name, np.nan) for name in maturity_model.practice_ids]) + 1e-9)
    draws = int(thresholds["monte_carlo_draws"])
    seed = zlib.crc32("|".join([*unit.values(), period]).encode())
    rng = np.random.default_rng([int(thresholds["monte_carlo_seed"]), seed])
    # All draws of one unit at once: each row of the repeated assessment is drawn once.
    probability = level_probabilities(maturity_model, np.tile(step, (draws, 1)), chances, 1, rng).mean(axis=0)
    gap = result.next_level_gap
    whole = {
        "part": "whole",
        "part_id": "",
        "score": result.score,
        "level": result.level,
        "level_probability": float(probability[result.level - 1]),
        "gates_passed": sum(gate.is_passed for gate in result.gates),
        "gates_failed": sum(not gate.is_passed for gate in result.gates),
        "points_missing": gap.points_missing if gap else np.nan,
        "practices_missing": gap.further_practices if gap else 0,
        "mandatory_missing": len(gap.mandatory_missing) if gap else 0,
        **counts,
    }
    gates = [
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
    return whole, probability, [*_dimensions(result.dimensions, own, maturity_model), *gates]


def _by_cuts(own, maturity_model, counts):
    """A model that lists no practices has cut-offs only, and nobody drew a sample: its level is certain."""
    dimensions = (own.groupby("dimension", sort=True)["counted"].mean() * (100 / HIGHEST_ADOPTION)).dropna().to_dict()
    weights = {name: maturity_model.weights.get(name, 1.0) for name in dimensions}
    score = maturity_score(dimensions, weights)
    level = level_of(score, maturity_model.cuts)
    probability = level_probabilities_of_score(score, 0.0, maturity_model.cuts)
    at_top = level == len(maturity_model.levels)
    whole = {
        "part": "whole",
        "part_id": "",
        "score": score,
        "level": level,
        "level_probability": float(probability[level - 1]),
        "gates_passed": level - 1,
        "gates_failed": len(maturity_model.cuts) - level + 1,
        "points_missing": np.nan if at_top else maturity_model.cuts[level - 1] - score,
        "practices_missing": 0,
        "mandatory_missing": 0,
        **counts,
    }
    gates = [
        {
            "part": "gate",
            "part_id": str(number),
            "score": np.nan,
            "is_passed": score >= cut,
            "points_missing": max(cut - score, 0.0),
            "practices_missing": 0,
            "mandatory_missing": 0,
        }
        for number, cut in enumerate(maturity_model.cuts, start=2)
    ]
    return whole, probability, [*_dimensions(dimensions, own, maturity_model), *gates]


def _dimensions(dimensions, own, maturity_model):
    counted = Counter(own.loc[own["counted"].notna(), "dimension"])
    return [
        {
            "part": "dimension",
            "part_id": name,
            "score": value,
            "level": level_of(value, maturity_model.cuts),
            "practices_count": counted[name],
        }
        for name, value in dimensions.items()
    ]
