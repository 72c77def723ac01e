"""What tests of several rooms share: one small workspace taken all the way to an edition.

Belongs here: the built workspace and copies of it. Does not belong here: fixtures of one room.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from miyar.workspace import Workspace


@pytest.fixture(scope="session")
def built_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A simulated centre of tiny size, received, built and published once. Never change it: ask for `workspace_copy`."""
    # Dagster and dbt take seconds to import; only sessions that need the workspace pay for them.
    from dagster_project.pipeline import run_pipeline
    from simulation.workspace import write_workspace
    from simulation.world import Size

    root = tmp_path_factory.mktemp("built") / "centre"
    write_workspace(root, size=Size.tiny())
    result = run_pipeline(root, datetime(2026, 1, 20, tzinfo=UTC))
    assert result.is_published
    return Workspace.open(root)


@pytest.fixture
def workspace_copy(built_workspace: Workspace, tmp_path: Path) -> Workspace:
    """A copy of the built workspace, for a test that changes it; landing files and Dagster's records are left out."""
    root = tmp_path / "centre"
    shutil.copytree(
        built_workspace.root,
        root,
        symlinks=True,
        ignore=shutil.ignore_patterns("landing", "dagster", "scratch", ".lock*"),
    )
    return Workspace.open(root)
