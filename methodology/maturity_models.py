"""Maturity models as data: dimensions, practices, levels and their gates, read from `versions/<version>/maturity/*.yml`.

Belongs here: the shape of a model, reading one, and faults that can be seen without assessing anybody. Does not belong
here: scores and levels (`maturity`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

# Adoption of a practice: 0 undeveloped, 1 ad hoc, 2 repeatable, 3 systematic.
HIGHEST_ADOPTION = 3


@dataclass(frozen=True)
class Observed:
    """A practice the warehouse answers: adoption is the number of `steps` that `measure` (0-1) reaches."""

    measure: str
    steps: tuple[float, ...]


@dataclass(frozen=True)
class Practice:
    """Something an agency does; it belongs to one dimension, and to one level's gate."""

    practice_id: str
    dimension: str
    level: int
    is_mandatory: bool
    names: dict[str, str]
    evidence: tuple[str, ...]
    observed: Observed | None = None


@dataclass(frozen=True)
class Gate:
    """What a level requires of its own practices: mandatory ones, and a share of all, at `adoption` or above."""

    level: int
    adoption: float
    share: float


@dataclass(frozen=True)
class MaturityModel:
    """Dimensions with weights, levels with rising score floors (`cuts`, from the second level on) and gates."""

    model_id: str
    weights: dict[str, float]
    cuts: list[float]
    levels: list[dict[str, str]]
    practices: list[Practice] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    # A model without a rule of its own accepts adoption as claimed.
    unshown_adoption: float = HIGHEST_ADOPTION

    @cached_property
    def practice_ids(self) -> list[str]:
        return [practice.practice_id for practice in self.practices]


def read_model(source: Mapping[str, Any]) -> MaturityModel:
    """A model from the parsed YAML of its file. A level's `gate` and the model's `practices` may be absent."""
    practices = [
        Practice(
            practice_id,
            spec["dimension"],
            int(spec["level"]),
            bool(spec.get("mandatory", False)),
            {"ar": spec["ar"], "en": spec["en"]},
            tuple(spec["evidence"]),
            Observed(spec["observed"]["measure"], tuple(map(float, spec["observed"]["steps"])))
            if "observed" in spec
            else None,
        )
        for practice_id, spec in source.get("practices", {}).items()
    ]
    gates = [
        Gate(number, float(level["gate"]["adoption"]), float(level["gate"]["share"]))
        for number, level in enumerate(source["levels"], start=1)
        if "gate" in level
    ]
    return MaturityModel(
        source["id"],
        {name: float(spec["weight"]) for name, spec in source["dimensions"].items()},
        [float(cut) for cut in source["cuts"]["values"]],
        [{"ar": level["ar"], "en": level["en"]} for level in source["levels"]],
        practices,
        gates,
        float(source.get("unshown_adoption", {}).get("value", HIGHEST_ADOPTION)),
    )


def models_of_tables(
    dimensions: pd.DataFrame,
    levels: pd.DataFrame,
    practices: pd.DataFrame,
    gates: pd.DataFrame,
    models: pd.DataFrame,
) -> dict[str, MaturityModel]:
    """Models by id from the flat tables they are stored in; `models` gives per model what a claim without evidence counts as.

    Columns as the snapshots name them: levels from the first on with `from_score`, practices with `steps` joined by `;` (empty
    where the warehouse does not answer). Order of dimensions and practices is by name, so that it does not depend on the store.
    """
    unshown = zip(models["model_id"], models["unshown"], strict=True)
    found = {str(name): MaturityModel(str(name), {}, [], [], unshown_adoption=float(cap)) for name, cap in unshown}
    for row in _rows(dimensions, "dimension"):
        found[row["model_id"]].weights[row["dimension"]] = float(row["weight"])
    for row in _rows(levels, "level"):
        found[row["model_id"]].levels.append({"ar": row["name_ar"], "en": row["name_en"]})
        if int(row["level"]) > 1:
            found[row["model_id"]].cuts.append(float(row["from_score"]))
    for row in _rows(practices, "practice_id"):
        steps = tuple(float(step) for step in str(row["steps"]).split(";") if step)
        practice = Practice(
            practice_id=row["practice_id"],
            dimension=row["dimension"],
            level=int(row["level"]),
            is_mandatory=bool(row["is_mandatory"]),
            names={"ar": row["name_ar"], "en": row["name_en"]},
            evidence=(),
            observed=Observed(str(row["measure"]), steps) if steps else None,
        )
        found[row["model_id"]].practices.append(practice)
    for row in _rows(gates, "level"):
        found[row["model_id"]].gates.append(Gate(int(row["level"]), float(row["adoption"]), float(row["share"])))
    return found


def _rows(table: pd.DataFrame, order: str) -> list[dict[Any, Any]]:
    return table.sort_values(order, kind="stable").to_dict("records")


def model_faults(model: MaturityModel) -> list[str]:
    """Every way the model contradicts itself, except levels nobody can end at (`maturity.unreachable_levels`)."""
    faults = []
    if model.cuts != sorted(set(model.cuts)) or not all(0 < cut <= 100 for cut in model.cuts):
        faults.append("cut-offs must rise within 0-100, else a level cannot be reached")
    if len(model.levels) != len(model.cuts) + 1:
        faults.append(f"{len(model.cuts)} cut-offs make {len(model.cuts) + 1} levels, {len(model.levels)} are named")
    if not model.weights or any(weight <= 0 for weight in model.weights.values()):
        faults.append("every dimension needs a positive weight")
    for practice in model.practices:
        faults += [f"practice {practice.practice_id!r}: {fault}" for fault in _practice_faults(practice, model)]
    for gate in model.gates:
        if not (1 <= gate.adoption <= HIGHEST_ADOPTION and 0 < gate.share <= 1):
            faults.append(
                f"the gate of level {gate.level} asks for a share of {gate.share:g} at adoption {gate.adoption:g}; "
                f"a share is above 0 up to 1, adoption 1 to {HIGHEST_ADOPTION}"
            )
    if not 0 <= model.unshown_adoption <= HIGHEST_ADOPTION:
        faults.append(f"unshown_adoption {model.unshown_adoption:g} is not within 0-{HIGHEST_ADOPTION}")
    owed = {practice.level for practice in model.practices}
    gated = {gate.level for gate in model.gates}
    faults += [f"level {level} has practices and no gate" for level in sorted(owed - gated)]
    faults += [f"level {level} has a gate and no practice" for level in sorted(gated - owed)]
    unpractised = sorted(set(model.weights) - {practice.dimension for practice in model.practices})
    if model.practices and unpractised:
        faults.append(f"dimensions without a practice: {', '.join(unpractised)}")
    return faults


def _practice_faults(practice: Practice, model: MaturityModel) -> list[str]:
    faults = []
    if practice.dimension not in model.weights:
        faults.append(f"dimension {practice.dimension!r} is unknown")
    if not 2 <= practice.level <= len(model.levels):
        faults.append(f"level {practice.level} is not within 2-{len(model.levels)}; the first level asks for nothing")
    if not all(practice.names.values()):
        faults.append("a name is needed in both languages")
    if not practice.evidence:
        faults.append("no kind of evidence is named")
    if practice.observed is not None:
        steps = practice.observed.steps
        if len(steps) != HIGHEST_ADOPTION or list(steps) != sorted(set(steps)):
            faults.append(f"{HIGHEST_ADOPTION} rising steps are needed, one for each adoption above 0")
    return faults
