"""dbt in this process: its arguments as pure functions, one run, and the file lock given back afterwards.

Belongs here: everything that calls dbt. Does not belong here: Dagster objects (`assets`) and SQL (`dbt/`).
"""

import gc
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from miyar import unit_types
from miyar.workspace import Workspace
from warehouse.origin import code_hash

DBT = Path(__file__).resolve().parents[1] / "dbt"
# What decides the content of a cell: when any of it changes, every slice is computed again.
CELLS_COME_FROM = ("models/staging/lake/stg_lake__*.sql", "models/intermediate/cells/**/*.sql", "macros/*.sql")

# The two halves of the project, as dbt selects them: rows to cells, and everything computed from cells.
HEAVY = ["fqn:miyar.staging.lake", "fqn:miyar.intermediate.cells"]
LIGHT = ["fqn:miyar.staging.registry", "fqn:miyar.intermediate.scores", "fqn:miyar.marts"]


@dataclass(frozen=True)
class DbtResult:
    """One node of a dbt run: unique id, status as dbt says it, seconds and message."""

    unique_id: str
    status: str
    seconds: float
    message: str

    @property
    def failed(self) -> bool:
        return self.status in {"error", "fail", "runtime error", "skipped"}


def build_key(project: Path | None = None) -> str:
    """Hash of the SQL that makes cells."""
    digest = hashlib.sha256()
    for pattern in CELLS_COME_FROM:
        for path in sorted((project or DBT).glob(pattern)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def cells_key(workspace: Workspace) -> str:
    """Hash of everything cells are made from beside rows: their SQL, and which questions it asks for."""
    items = workspace.lake / "registry" / "items.parquet"
    return hashlib.sha256(build_key().encode() + (items.read_bytes() if items.is_file() else b"")).hexdigest()[:16]


def scores_key(workspace: Workspace) -> str:
    """Hash of everything scores are made from beside cells: code, methodology and registry as the snapshots have them.

    The ledger's submissions, the workspace's periods and what was published come and go with data: a period is made again when
    its own data changed.
    """
    digest = hashlib.sha256(code_hash().encode())
    for path in sorted((workspace.lake / "registry").glob("*.parquet")):
        if path.stem not in {"submissions", "periods", "published"}:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def kept_by_period() -> list[str]:
    """Models whose rows are kept from build to build, a period at a time."""
    return sorted(path.stem for path in DBT.glob("models/**/by_period/*") if path.suffix in {".sql", ".py"})


def _forget_scores(workspace: Workspace) -> None:
    """Drop what is kept from build to build above the cells, so that every period is made anew."""
    if not workspace.warehouse.is_file():
        return
    with duckdb.connect(str(workspace.warehouse)) as connection:
        for name in [*kept_by_period(), "int_periods__built", "int_periods__pending"]:
            schema = "benchmarks" if name.startswith("bench_") else "intermediate"
            connection.execute(f"drop table if exists {schema}.{name}")


def dbt_variables(workspace: Workspace, key: str) -> dict[str, Any]:
    """The variables of one run."""
    return {
        "lake": workspace.lake.as_posix(),
        "methodology_version": workspace.settings.methodology,
        "build_key": key,
        "unit_types": unit_types.for_dbt(),
    }


def dbt_arguments(
    command: str, workspace: Workspace, variables: dict[str, Any], select: list[str], *, full_refresh: bool = False
) -> list[str]:
    """Command line of one dbt run on a workspace.

    Unit tests prove logic and run with the tests, not on every build. A full refresh is for cells whose SQL changed:
    their tables may have other columns now.
    """
    return [
        command,
        *("--project-dir", str(DBT)),
        *("--profiles-dir", str(DBT)),
        *("--target-path", str(workspace.root / "warehouse" / "dbt")),
        *("--log-path", str(workspace.root / "warehouse" / "dbt")),
        *("--vars", json.dumps(variables, sort_keys=True)),
        *(("--select", *select) if select else ()),
        *(("--exclude-resource-type", "unit_test") if command == "build" else ()),
        *(("--full-refresh",) if full_refresh else ()),
        *("--log-level", "none"),
        *("--log-level-file", "warn"),
        # Nobody reads what dbt would note of the run; writing it takes a second.
        "--no-write-json",
    ]


def environment(workspace: Workspace) -> dict[str, str]:
    """What `dbt/profiles.yml` reads."""
    return {
        "MIYAR_WAREHOUSE": str(workspace.warehouse),
        "MIYAR_MEMORY_LIMIT": workspace.settings.memory_limit,
        "MIYAR_THREADS": str(workspace.settings.threads),
        "MIYAR_SPILL": str(workspace.root / "warehouse" / "spill"),
    }


def prepare_manifest() -> Path:
    """Parse the project if its manifest is missing or older than its files; a build step, never part of a run."""
    manifest = DBT / "target" / "manifest.json"
    newest = max(path.stat().st_mtime for path in DBT.rglob("*") if path.is_file() and "target" not in path.parts)
    if not manifest.is_file() or manifest.stat().st_mtime < newest:
        _parse("--write-json")
    return manifest


def _parse(write: str) -> Any:
    """The parsed project. Only who prepares writes: runs beside each other would read what another has half written."""
    from dbt.cli.main import dbtRunner

    outcome = dbtRunner().invoke(
        [
            "parse",
            *("--project-dir", str(DBT)),
            *("--profiles-dir", str(DBT)),
            *("--log-path", str(DBT / "target")),
            *("--log-level", "none"),
            write,
        ]
    )
    if not outcome.success:
        raise RuntimeError(f"dbt could not parse the project: {outcome.exception}")
    return outcome.result


_manifest: Any = None


def run_dbt(workspace: Workspace, select: list[str] | None = None, command: str = "build") -> Iterator[DbtResult]:
    """Build (or test) the warehouse; yields one result per node, in the order of the run.

    Raises RuntimeError when dbt itself could not run. A failed node is a result, not an exception.
    """
    global _manifest
    workspace.warehouse.parent.mkdir(parents=True, exist_ok=True)
    if _manifest is None:
        with _made_to_stay():
            # Parsed with no variables, so that the parse cache on disk holds for every workspace.
            _manifest = _parse("--no-write-json")
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    key = cells_key(workspace)
    remembered = workspace.root / "warehouse" / "cells.key"
    stale = command == "build" and remembered.is_file() and remembered.read_text("utf-8") != key
    arguments = dbt_arguments(command, workspace, dbt_variables(workspace, key), select or [], full_refresh=stale)
    known = workspace.root / "warehouse" / "scores.key"
    method = scores_key(workspace)
    if command != "test" and (stale or not known.is_file() or known.read_text("utf-8") != method):
        known.unlink(missing_ok=True)
        _forget_scores(workspace)
    try:
        with _environment(environment(workspace)):
            outcome = dbtRunner(manifest=_manifest).invoke(arguments)
    finally:
        # dbt keeps the file open in this process; nobody else could read it.
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    results = getattr(outcome.result, "results", None)
    if results is None:
        raise stopped(outcome.exception)
    if any(r.node.name == "int_slices__built" and str(r.status) == "success" for r in results):
        remembered.write_text(key, "utf-8")
    if any(r.node.name == "int_periods__built" and str(r.status) == "success" for r in results):
        known.write_text(method, "utf-8")
    for result in results:
        yield DbtResult(
            result.node.unique_id, str(result.status), float(result.execution_time), str(result.message or "")
        )


def row_counts(workspace: Workspace) -> dict[tuple[str, str], int]:
    """Rows of every table of the warehouse, by schema and name; views hold none."""
    if not workspace.warehouse.is_file():
        return {}
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        found = connection.execute("select schema_name, table_name, estimated_size from duckdb_tables()").fetchall()
    return {(schema, name): int(size) for schema, name, size in found}


def stopped(exception: BaseException | None) -> BaseException:
    """Why dbt came back without results.

    dbt hands back everything that was raised in it, also what has to end this process: Ctrl-C, and Dagster's word that the
    run was terminated. Neither has a text, and neither is a failed build to be tried again.
    """
    if exception is not None and not isinstance(exception, Exception):
        return exception
    kind = type(exception).__name__ if exception else "no results and no error"
    error = RuntimeError(": ".join(part for part in ("dbt could not run", kind, str(exception or "")) if part))
    error.__cause__ = exception
    return error


@contextmanager
def _made_to_stay() -> Iterator[None]:
    """What is made inside lives as long as the process: the garbage collector does not look through it again and again.

    dbt and a parsed project are a quarter of a million objects, and a build makes enough frames to look a dozen times.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
