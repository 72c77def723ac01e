"""Everything a centre writes is its own user's alone, whatever the umask; editions are what was published."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the centre `demo` and all temporary files of the processes that made it."""
    top = tmp_path_factory.mktemp("open")
    (top / "temporary").mkdir(mode=0o700)
    given = {**os.environ, "TMPDIR": str(top / "temporary")}
    for what in ("demo", "run"):
        command = [sys.executable, "-m", "tests.pipeline.open_umask", what, str(top / "demo")]
        subprocess.run(command, cwd=ROOT, env=given, check=True, capture_output=True)
    return top


def _walk(top: Path) -> Iterator[tuple[Path, int]]:
    for parent, folders, files in os.walk(top):
        for name in [*folders, *files]:
            path = Path(parent, name)
            if not path.is_symlink():
                yield path, stat.S_IMODE(path.lstat().st_mode)


def test_nobody_else_may_read_or_write_what_a_run_wrote(written: Path) -> None:
    editions = [path for path in (written / "demo" / "editions").iterdir() if path.is_dir()]
    assert editions
    seen = set()
    for path, mode in _walk(written):
        sealed = any(edition == path or edition in path.parents for edition in editions)
        if sealed:
            assert mode == (0o755 if path in editions else 0o555 if path.is_dir() else 0o444), path
        else:
            assert mode & 0o077 == 0, f"{path} {mode:04o}"
        seen.add(path.relative_to(written).parts[:2][-1])
    # The walk has been everywhere: rows, warehouse, accounts, Dagster's records, what was published before.
    assert {"lake", "warehouse", "dagster", "editions", "landing", "registry", "vintages"} <= seen


def test_an_empty_workspace_is_private_too(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert CliRunner().invoke(app, ["init", str(tmp_path / "new")]).exit_code == 0
    finally:
        os.umask(before)
    paths = list(_walk(tmp_path))
    assert len(paths) > 5 and all(mode & 0o077 == 0 for _, mode in paths)
