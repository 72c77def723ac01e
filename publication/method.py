"""The methodology a workspace's editions are computed and told with.

Belongs here: finding it, and the names in it that no table carries. Does not belong here: its parameters (`methodology`).
"""

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml

from methodology.parameters import VERSIONS, Methodology, load_methodology
from miyar.workspace import Workspace


def methodology_of(workspace: Workspace) -> Methodology:
    """The workspace's methodology version with its own metrics; a version of that name in its registry comes first."""
    own = workspace.registry / "methodology"
    version = workspace.settings.methodology
    versions = own if (own / version).is_dir() else VERSIONS
    methodology = load_methodology(version, workspace.registry / "metrics.csv", versions)
    metric_ids = set(methodology.metric_ids)
    usual = {role: metric for role, metric in usual_roles().items() if metric in metric_ids}
    return replace(methodology, roles=usual | methodology.roles)


@cache
def usual_roles() -> dict[str, str]:
    """Role -> metric, for versions that do not say it themselves (their files are fixed)."""
    with (VERSIONS.parent / "roles.csv").open(encoding="utf-8", newline="") as stream:
        return {row["role"]: row["metric_id"] for row in csv.DictReader(stream)}


def items_of_roles(methodology: Methodology) -> dict[str, str]:
    """Role -> the question of surveys it is asked by; a role whose metric is no mean of one question has none."""
    measures = {row["metric_id"]: row["measure_id"] for row in methodology.metrics}
    asked = {role: measures[metric] for role, metric in methodology.roles.items()}
    return {role: measure.removesuffix(".mean") for role, measure in asked.items() if measure.endswith(".mean")}


@cache
def dimension_names(folder: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Maturity model -> dimension -> name per language, from the files of a methodology version."""
    sources = [yaml.safe_load(path.read_text("utf-8")) for path in sorted((folder / "maturity").glob("*.yml"))]
    return {
        source["id"]: {
            dimension: spec.get("name", {"ar": dimension, "en": dimension})
            for dimension, spec in source["dimensions"].items()
        }
        for source in sources
    }
