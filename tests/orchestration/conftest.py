"""Definitions of a simulated centre, loaded once.

Belongs here: the loaded definitions. Does not belong here: runs (`tests/pipeline`).
"""

from pathlib import Path

import dagster as dg
import pytest

from dagster_project.definitions import define
from dagster_project.resources import RunInputs
from simulation.workspace import write_workspace
from simulation.world import Size


@pytest.fixture(scope="session")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("orchestration") / "centre"
    write_workspace(root, size=Size.tiny())
    return root


@pytest.fixture(scope="session")
def definitions(centre: Path) -> dg.Definitions:
    return define(RunInputs(centre))
