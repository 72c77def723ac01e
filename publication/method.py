"""The methodology with which a workspace's editions are computed and described.

Belongs here: finding it, and those of its names that no table carries. Does not belong here: its parameters
(`methodology`).
"""

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml

from methodology.bases import BOUNDED_UNITS
from methodology.parameters import VERSIONS, Methodology, load_methodology
from miyar.registry import Registry
from miyar.workspace import Workspace


def methodology_of(workspace: Workspace) -> Methodology:
    """Return the workspace's methodology version with its own metrics; a version in its registry has precedence."""
    own = workspace.registry / "methodology"
    version = workspace.settings.methodology
    versions = own if (own / version).is_dir() else VERSIONS
    methodology = load_methodology(version, workspace.registry / "metrics.csv", versions)
    metric_ids = set(methodology.metric_ids)
    usual = {role: metric for role, metric in usual_roles().items() if metric in metric_ids}
    return replace(methodology, roles=usual | methodology.roles)


def with_known_names(registry: Registry, methodology: Methodology) -> Registry:
    """Return the registry with the names that this methodology's figures use; all others would be accepted and never told."""
    measures = {(row["feed"], row["measure_id"]) for row in methodology.metrics}
    models = {measure.removeprefix("maturity.") for _, measure in measures if measure.startswith("maturity.")}
    known = {
        # The last part says what is computed of the answers: mean, top_box, ...
        "item": frozenset(measure.rpartition(".")[0] for feed, measure in measures if feed == "survey_responses"),
        "measure": frozenset(methodology.metric_ids),
        "model_id": frozenset(models | set(methodology.models)),
    }
    return replace(registry, known=known, figures=_figures(methodology))


def _figures(methodology: Methodology) -> dict[str, list[dict[str, str]]]:
    """The tables that say which rows a figure can use."""
    models = methodology.models.values()
    return {
        "metrics": methodology.metrics,
        "open_measures": [row for row in methodology.metrics if row["unit"] not in BOUNDED_UNITS],
        "channels": methodology.channels,
        "top_boxes": methodology.top_boxes,
        "practices": [
            {"model_id": model.model_id, "practice_id": practice} for model in models for practice in model.practice_ids
        ],
        "dimensions": [
            {"model_id": model.model_id, "dimension": dimension} for model in models for dimension in model.weights
        ],
    }


def item_names(methodology: Methodology) -> dict[str, list[str]]:
    """Return survey question -> its names in both languages, for questions whose mean over the whole journey is a metric."""
    return {
        row["measure_id"].removesuffix(".mean"): [row["name_ar"], row["name_en"]]
        for row in methodology.metrics
        if row["feed"] == "survey_responses" and row["measure_id"].endswith(".mean") and not row["stage"]
    }


@cache
def usual_roles() -> dict[str, str]:
    """Return role -> metric, for versions that name no roles (their files are fixed)."""
    with (VERSIONS.parent / "roles.csv").open(encoding="utf-8", newline="") as stream:
        return {row["role"]: row["metric_id"] for row in csv.DictReader(stream)}


def items_of_roles(methodology: Methodology) -> dict[str, str]:
    """Return role -> the survey question that measures it; roles whose metric is no mean of one question are left out."""
    measures = {row["metric_id"]: row["measure_id"] for row in methodology.metrics}
    asked = {role: measures[metric] for role, metric in methodology.roles.items()}
    return {role: measure.removesuffix(".mean") for role, measure in asked.items() if measure.endswith(".mean")}


@cache
def dimension_names(folder: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Return maturity model -> dimension -> name per language, from the files of a methodology version."""
    sources = [yaml.safe_load(path.read_text("utf-8")) for path in sorted((folder / "maturity").glob("*.yml"))]
    return {
        source["id"]: {
            dimension: spec.get("name", {"ar": dimension, "en": dimension})
            for dimension, spec in source["dimensions"].items()
        }
        for source in sources
    }
