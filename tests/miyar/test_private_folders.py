"""A workspace of an earlier version, whose folders others may enter, is closed by the next run.

Belongs here: folders that are there already. Does not belong here: what a run writes anew (`tests/pipeline/test_canaries.py`).
"""

from pathlib import Path

import pytest

from miyar.workspace import OWN_FOLDERS, Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Open to everybody, as an earlier version left it under a usual umask."""
    (tmp_path / "miyar.yml").write_text(
        "name: {ar: م, en: C}\nmethodology: '2026.2'\nperiods: {first: 2025Q1, last: 2025Q4}\n"
    )
    for name in (*OWN_FOLDERS, "landing", "registry", "editions", "portal"):
        folder = tmp_path / name / "below"
        folder.mkdir(parents=True)
        (folder / "file").write_text("rows", "utf-8")
        for path in (folder / "file", folder, folder.parent):
            path.chmod(0o755 if path.is_dir() else 0o644)
    return Workspace.open(tmp_path)


def _modes(workspace: Workspace) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in workspace.root.iterdir() if path.is_dir()}


def test_nobody_else_enters_what_miyar_writes(workspace: Workspace) -> None:
    assert {"lake", "vintages", "warehouse", "scratch", "dagster"} == set(OWN_FOLDERS)
    with workspace.lock():
        pass
    modes = _modes(workspace)
    assert {name: modes[name] for name in OWN_FOLDERS} == dict.fromkeys(OWN_FOLDERS, 0o700)


def test_who_delivers_and_who_reads_editions_keeps_a_way(workspace: Workspace) -> None:
    """Other accounts write below `landing`, keep the registry, open editions and run the portal: that is the centre's to say."""
    with workspace.lock():
        pass
    modes = _modes(workspace)
    assert {modes[name] for name in ("landing", "registry", "editions", "portal")} == {0o755}


def test_a_stricter_mode_stays_and_a_link_is_not_followed(workspace: Workspace, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    elsewhere.chmod(0o755)
    (workspace.root / "lake").chmod(0o500)
    (workspace.root / "vintages").rename(tmp_path / "moved")
    (workspace.root / "vintages").symlink_to(elsewhere)
    with workspace.lock():
        pass
    assert (workspace.root / "lake").stat().st_mode & 0o777 == 0o500
    assert elsewhere.stat().st_mode & 0o777 == 0o755


def test_a_folder_of_another_account_stops_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, mode: int, **_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("miyar.workspace.os.chmod", refused)
    with workspace.lock():
        pass
