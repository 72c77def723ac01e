"""What tests of several rooms share: one small workspace taken all the way to an edition, and the order of the test files.

Belongs here: the built workspace and copies of it, things that are made once for all workers. Does not belong here: fixtures
of one room.
"""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from miyar.workspace import Workspace

# Tests write files and run at once; those about files at rest pass a clock.
os.environ["MIYAR_SETTLE"] = "0"

# Files that take minutes: begun first, so that no worker is left with one of them when the others have done all the rest.
LONGEST = (
    "fuzz/test_first_portion.py",
    "fuzz/test_second_portion.py",
    "pipeline/test_killed.py",
    "pipeline/test_incremental.py",
    "pipeline/test_restatements.py",
    "pipeline/test_command.py",
    "pipeline/test_failed_checks.py",
    "pipeline/test_bad_neighbours.py",
    "pipeline/test_together.py",
    "real/us_gsa_site_scanning/test_us_gsa_site_scanning.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stable: within a file, and among the other files, tests keep their order."""
    rank = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    gone = [path.name for path in rank if not path.is_file()]
    if gone:
        raise pytest.UsageError(f"LONGEST names files that are gone: {', '.join(gone)}")
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


MadeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Makes a folder once for all workers; gives this worker's own copy of it."""
    own = tmp_path_factory.getbasetemp()
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def made(name: str, make: Callable[[Path], None]) -> Path:
        original, done = common / f"{name}-original", common / f"{name}-done"
        with FileLock(common / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(original, ignore_errors=True)  # of a worker that failed half way
                make(original)
                done.touch()
        return _copy(original, tmp_path_factory.mktemp(name) / "centre")

    return made


def _copy(original: Path, target: Path) -> Path:
    """With files that are one file under two names staying so, as those of the lake and of the vintages are."""
    copies: dict[int, str] = {}

    def copy(source: str, to: str) -> str:
        number = Path(source).stat().st_ino
        if number in copies:
            os.link(copies[number], to)
        else:
            copies[number] = shutil.copy2(source, to)
        return to

    return Path(shutil.copytree(original, target, symlinks=True, copy_function=copy))


@pytest.fixture(scope="session")
def built_workspace(made_once: MadeOnce) -> Workspace:
    """A simulated centre of tiny size, received, built and published once. Never change it: ask for `workspace_copy`."""

    def make(root: Path) -> None:
        # Dagster and dbt take seconds to import; only sessions that need the workspace pay for them.
        from dagster_project.pipeline import run_pipeline
        from simulation.workspace import write_workspace
        from simulation.world import Size

        write_workspace(root, size=Size.tiny())
        assert run_pipeline(root, datetime(2026, 1, 20, tzinfo=UTC)).is_published

    return Workspace.open(made_once("built", make))


CopyOfBuilt = Callable[[str], Workspace]


@pytest.fixture(scope="session")
def copy_of_built(built_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> CopyOfBuilt:
    """Copies of the built workspace, by name, for tests that change one; landing files and Dagster's records are left out."""

    def copied(name: str) -> Workspace:
        root = tmp_path_factory.mktemp(name) / "centre"
        ignored = shutil.ignore_patterns("landing", "dagster", "scratch", ".lock*")
        shutil.copytree(built_workspace.root, root, symlinks=True, ignore=ignored)
        return Workspace.open(root)

    return copied


@pytest.fixture
def workspace_copy(copy_of_built: CopyOfBuilt) -> Workspace:
    """A copy of the built workspace for one test."""
    return copy_of_built("copy")
