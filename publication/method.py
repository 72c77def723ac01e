"""The methodology a workspace's editions are computed and told with.

Belongs here: finding it, and the names in it that no table carries. Does not belong here: its parameters (`methodology`).
"""

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
    return load_methodology(version, workspace.registry / "metrics.csv", versions)


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
