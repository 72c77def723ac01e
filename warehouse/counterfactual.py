"""Today's data under the previous edition's methodology, which shows how much of a restatement is due to data.

Belongs here: one more build of the light half, in a temporary folder. Does not belong here: comparing
(`publication.restatements`).
"""

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb

from miyar import sql
from miyar.workspace import Workspace
from publication.manifest import list_editions, read_manifest
from publication.method import methodology_of
from warehouse.dbt_runner import LIGHT, run_dbt
from warehouse.inputs import Inputs
from warehouse.snapshots import write_snapshots


def same_method(inputs: Inputs, folder: Path) -> Path | None:
    """Compute scores under the last edition's methodology in `folder`; None if the workspace still uses it or has no edition."""
    workspace = inputs.workspace
    editions = list_editions(workspace.editions)
    if not editions:
        return None
    version = read_manifest(workspace.editions / editions[-1]).methodology_version
    return None if version == workspace.settings.methodology else scores_under(inputs, version, folder)


def scores_under(inputs: Inputs, methodology_version: str, folder: Path) -> Path:
    """Compute `bench_scores` under another methodology version, in the empty `folder`; return the Parquet file.

    Everything above the cells is recomputed on a copy of the warehouse; cells do not depend on the methodology. Raises
    RuntimeError naming what dbt could not build.
    """
    workspace = inputs.workspace
    settings = workspace.settings.model_copy(update={"methodology": methodology_version})
    aside = Workspace(folder, settings)
    aside.warehouse.parent.mkdir(parents=True)
    aside.lake.mkdir()
    shutil.copyfile(workspace.warehouse, aside.warehouse)
    shutil.copyfile(workspace.lake / "slices.parquet", aside.lake / "slices.parquet")
    methodology = methodology_of(replace(workspace, settings=settings))
    write_snapshots(replace(inputs, methodology=methodology), into=aside.lake)
    failures = [f"{result.unique_id}: {result.message}" for result in run_dbt(aside, LIGHT, "run") if result.failed]
    if failures:
        raise RuntimeError(f"under methodology {methodology_version}: {'; '.join(failures)}")
    scores = folder / "bench_scores.parquet"
    with duckdb.connect(str(aside.warehouse), read_only=True) as connection:
        sql.write(connection, "from benchmarks.bench_scores", scores)
    return scores
