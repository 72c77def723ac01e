"""An edition rebuilt from its kept inputs is the same, whatever happened to registry and lake since.

Belongs here: `warehouse.reproduction` and `publication.vintages`. Does not belong here: the release ledger (`publication`).
"""

from dataclasses import replace
from pathlib import Path

import pytest

from miyar.errors import MiyarError
from miyar.workspace import Workspace
from publication.manifest import read_manifest
from warehouse import reproduction

EDITION = "2025Q4-r1"


def _objects(workspace: Workspace) -> Path:
    return workspace.root / "vintages" / "objects"


def test_an_edition_is_made_again_after_registry_and_lake_moved_on(workspace_copy: Workspace, tmp_path: Path) -> None:
    names = workspace_copy.registry / "agencies.csv"
    lines = names.read_text("utf-8").splitlines()
    names.write_text("\n".join([lines[0], *lines[2:]]) + "\n", "utf-8")
    for path in workspace_copy.submissions.glob("*.json"):
        path.unlink()
    for path in list(workspace_copy.lake.glob("*/period=*/*.parquet"))[::2]:
        path.unlink()
    made = reproduction.reproduce(workspace_copy, EDITION, tmp_path / "again")
    assert made.differing == []
    assert made.is_same
    assert made.published == read_manifest(workspace_copy.editions / EDITION).content_hash


def test_what_differs_is_named(built_workspace: Workspace) -> None:
    manifest = read_manifest(built_workspace.editions / EDITION)
    entry = replace(manifest.tables["bench_scores"], hash="0" * 64)
    agency = min(manifest.packs)
    other = replace(
        manifest,
        tables={**manifest.tables, "bench_scores": entry},
        packs={**manifest.packs, agency: "0" * 64},
        access_hash="0" * 64,
    )
    assert reproduction._differing(manifest, manifest) == []
    assert reproduction._differing(manifest, other) == ["bench_scores", f"packs/{agency}", "access"]


def test_rows_that_counted_are_kept_without_a_second_copy(built_workspace: Workspace) -> None:
    kept = {path.stat().st_ino for path in _objects(built_workspace).iterdir()}
    rows = [p for p in built_workspace.lake.glob("*/period=*/*.parquet") if p.parent.name != "period=none"]
    linked = [path for path in rows if path.stat().st_ino in kept]
    assert len(linked) > len(rows) / 2
    copies = [path for path in _objects(built_workspace).iterdir() if path.stat().st_nlink == 1]
    assert sum(path.stat().st_size for path in copies) < 2_000_000


def test_lost_or_changed_inputs_are_listed(workspace_copy: Workspace, tmp_path: Path) -> None:
    first, second, *_ = sorted(_objects(workspace_copy).iterdir())
    first.unlink()
    second.chmod(0o644)
    second.write_bytes(second.read_bytes() + b"\n")
    with pytest.raises(MiyarError) as caught:
        reproduction.reproduce(workspace_copy, EDITION, tmp_path / "again")
    assert sorted({problem.rule for problem in caught.value.problems}) == ["vintage_changed", "vintage_missing"]
    assert all(problem.file and problem.next_step for problem in caught.value.problems)


def test_other_code_is_refused_unless_asked_for(
    workspace_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reproduction, "code_hash", lambda: "f" * 64)
    with pytest.raises(MiyarError, match=r"code_differs.*made by Miyar [0-9.]+, code [0-9a-f]{16}; this is code f{16}"):
        reproduction.reproduce(workspace_copy, EDITION, tmp_path / "again")


def test_another_methodology_of_the_same_version_is_refused(
    workspace_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its words are published: a level that is called otherwise makes another edition."""
    read = reproduction.read_manifest
    monkeypatch.setattr(reproduction, "read_manifest", lambda path: replace(read(path), methodology_hash="f" * 64))
    with pytest.raises(MiyarError, match=r"code_differs.*methodology f{16}; this is methodology [0-9a-f]{16}"):
        reproduction.reproduce(workspace_copy, EDITION, tmp_path / "again")
