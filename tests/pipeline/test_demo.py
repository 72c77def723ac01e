"""The first minutes with Miyar on the smallest demo world: demo, run, run again, status, show."""

import hashlib
import shutil
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from miyar.workspace import Workspace
from simulation.workspace import write_workspace
from simulation.world import Size

MADE = ("landing", "registry")


def call(*words: object) -> str:
    outcome = CliRunner().invoke(app, [str(word) for word in words])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def _bytes(root: Path) -> dict[str, str]:
    """Every file of the demo by its path, with its hash."""
    paths = sorted(path for folder in MADE for path in (root / folder).rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture
def ran(built_workspace: Workspace, tmp_path: Path) -> Path:
    """The demo after its first run, with everything in its folder."""
    shutil.copytree(built_workspace.root, tmp_path / "demo", symlinks=True)
    return tmp_path / "demo"


def test_demo_makes_the_world_that_was_run_and_leaves_it_alone(
    built_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulation.workspace.write_workspace", partial(write_workspace, size=Size.tiny()))
    folder = tmp_path / "demo"
    assert f"{folder}: demo workspace made (seed 2026)" in call("demo", folder)
    made = _bytes(folder)
    assert len(made) > 50 and made == _bytes(built_workspace.root)
    settings = folder / "miyar.yml"
    settings.write_text(settings.read_text("utf-8") + "threads: 1\n", "utf-8")
    assert "is there already" in call("demo", folder)
    assert settings.read_text("utf-8").endswith("threads: 1\n") and _bytes(folder) == made


def test_run_again_status_show(ran: Path) -> None:
    files = [path for path in _bytes(ran) if path.startswith("landing/")]
    told = call("run", "--workspace", ran)
    assert f"nothing new: all {len(files)} files in the landing zone are known" in told
    assert "warehouse: up to date" in told and "edition: 2025Q4-r1 (unchanged)" in told
    # The demo contains one truncated file, as its account says; every other file is accepted.
    told = call("status", "--workspace", ran)
    lines = [line for line in told.splitlines() if line.startswith("│")]
    # Notes on a file may use the words too.
    refused = [line for line in lines if "│ refused " in line]
    assert sum("│ accepted " in line for line in lines) == len(files) - len(refused)
    assert len(refused) == 1 and "wells" in refused[0] and "cut off" in told
    told = call("show", "--workspace", ran)
    assert "الرضا العام · Overall satisfaction · 2025Q4 · 2025Q4-r1" in told
    assert "Lighthouse" in told and "not comparable" in told
