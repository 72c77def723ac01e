"""The product to which a recipe is applied: a copy of its files, and a workspace built from it.

Belongs here: the copy, the record of changes to it, building from it. Does not belong here: any recipe.
"""

import filecmp
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from miyar.workspace import Workspace
from warehouse import dbt_runner

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    "dbt",
    "expectations/suites",
    "ingestion/feeds.yml",
    "methodology/roles.csv",
    "methodology/versions",
    "miyar/unit_types.yml",
)


@dataclass(frozen=True)
class Product:
    """The copy, and a built workspace to try it on."""

    root: Path
    workspace: Workspace

    def write(self, file: str, text: str) -> None:
        (self.root / file).write_text(text, "utf-8")

    def insert(self, file: str, before: str, text: str) -> None:
        """Insert lines before the first place that contains `before`, which must exist."""
        old = (self.root / file).read_text("utf-8")
        assert before in old, f"{file} has no {before!r}"
        self.write(file, old.replace(before, text + before, 1))

    def append(self, file: str, line: str) -> None:
        self.write(file, (self.root / file).read_text("utf-8").rstrip("\n") + f"\n{line}\n")

    @property
    def changed(self) -> set[str]:
        """Return the files that differ from the product's, by their path in it."""
        found = set()
        for top in COPIED:
            paths = [self.root / top] if (self.root / top).is_file() else sorted((self.root / top).rglob("*"))
            for path in paths:
                name = path.relative_to(self.root)
                is_made = bool({"target", "__pycache__"} & set(name.parts))
                if path.is_dir() or is_made:
                    continue
                if not (ROOT / name).is_file() or not filecmp.cmp(path, ROOT / name, shallow=False):
                    found.add(name.as_posix())
        return found

    def build(self) -> None:
        """Rebuild the whole warehouse from the copy."""
        from ingestion.lake import write_empty_files
        from ingestion.slices import write_slices
        from warehouse.inputs import Inputs
        from warehouse.snapshots import write_snapshots

        workspace = self.workspace
        workspace.warehouse.unlink(missing_ok=True)
        with workspace.lock():
            inputs = Inputs.read(workspace)
            write_empty_files(workspace)
            write_slices(workspace, inputs.accounts, inputs.contracts)
            write_snapshots(inputs)
            failed = [one for one in dbt_runner.run_dbt(workspace, None, "run") if one.failed]
        assert [(one.unique_id, one.message) for one in failed] == []

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.workspace.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()
