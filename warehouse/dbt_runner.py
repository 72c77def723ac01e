"""dbt in this process: its arguments as pure functions, one run, and release of the file lock afterwards.

Belongs here: everything that calls dbt. Does not belong here: Dagster's objects (`dagster_project`) and SQL (`dbt/`).
"""

import ctypes
import gc
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import Any

import duckdb

from ingestion.feeds import load_feeds
from miyar import unit_types
from miyar.workspace import Workspace
from warehouse.meaning import meaning
from warehouse.source_code import code_hash

DBT = Path(__file__).resolve().parents[1] / "dbt"
# These files determine the content of a cell; when any of them changes, every slice is recomputed.
CELLS_COME_FROM = ("models/staging/lake/stg_lake__*.sql", "models/intermediate/cells/**/*.sql", "macros/*.sql")

# The two halves of the project, as dbt selectors: from rows to cells, and everything computed from cells.
HEAVY = ["fqn:miyar.staging.lake", "fqn:miyar.intermediate.cells"]
LIGHT = ["fqn:miyar.staging.registry", "fqn:miyar.intermediate.scores", "fqn:miyar.marts"]


@dataclass(frozen=True)
class DbtResult:
    """One node of a dbt run: unique id, dbt's status, seconds, message, and the number of rows of its table."""

    unique_id: str
    status: str
    seconds: float
    message: str
    rows: int | None = None

    @property
    def name(self) -> str:
        """The name of a model; for a test the last part is a hash."""
        return self.unique_id.rpartition(".")[2]

    @property
    def failed(self) -> bool:
        return self.status in {"error", "fail", "runtime error", "skipped"}


def build_key(project: Path | None = None) -> str:
    """Hash of what the SQL that computes cells means."""
    digest = hashlib.sha256()
    for pattern in CELLS_COME_FROM:
        for path in sorted((project or DBT).glob(pattern)):
            digest.update(f"{path.name}\0{meaning(path.read_bytes(), path.suffix)}\0".encode())
    return digest.hexdigest()[:16]


def cells_key(workspace: Workspace) -> str:
    """Hash of everything cells are computed from except rows: their SQL, and the questions it selects."""
    items = workspace.lake / "registry" / "items.parquet"
    return hashlib.sha256(build_key().encode() + (items.read_bytes() if items.is_file() else b"")).hexdigest()[:16]


def scores_key(workspace: Workspace) -> str:
    """Hash of everything scores are computed from except cells: code, and methodology and registry as in the snapshots.

    The ledger's submissions, the workspace's periods and what was published are excluded because they change with the
    data: a period is recomputed when its own data changed.
    """
    digest = hashlib.sha256(code_hash().encode())
    for path in sorted((workspace.lake / "registry").glob("*.parquet")):
        if path.stem not in {"submissions", "periods", "published", "contributed"}:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def kept_by_period() -> list[str]:
    """Models that keep their rows between builds, one period at a time."""
    return sorted(path.stem for path in DBT.glob("models/**/by_period/*") if path.suffix in {".sql", ".py"})


def _forget_scores(workspace: Workspace) -> None:
    """Drop the tables above the cells that are kept between builds, so that every period is recomputed."""
    if not workspace.warehouse.is_file():
        return
    with duckdb.connect(str(workspace.warehouse)) as connection:
        for name in [*kept_by_period(), "int_periods__built", "int_periods__pending"]:
            schema = "benchmarks" if name.startswith("bench_") else "intermediate"
            connection.execute(f"drop table if exists {schema}.{name}")


def dbt_variables(workspace: Workspace, key: str) -> dict[str, Any]:
    """The variables of one dbt run; `views_key` is a hash of all that views are made from."""
    variables = {
        "lake": workspace.lake.as_posix(),
        "methodology_version": workspace.settings.methodology,
        "build_key": key,
        "unit_types": unit_types.for_dbt(),
        "feed_keys": {name: [part for part in feed.key if part != "period_id"] for name, feed in load_feeds().items()},
    }
    made_from = json.dumps([code_hash(), variables], sort_keys=True)
    return {**variables, "views_key": hashlib.sha256(made_from.encode()).hexdigest()[:16]}


def dbt_arguments(
    command: str,
    workspace: Workspace,
    variables: dict[str, Any],
    select: list[str],
    *,
    full_refresh: bool = False,
    only: bool = False,
) -> list[str]:
    """Command line of one dbt run on a workspace.

    Unit tests check logic, so they run with the tests and not on every build. A full refresh is for cells whose SQL
    changed, because their tables may have other columns.
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
        *(("--indirect-selection", "empty") if only else ()),
        *(("--full-refresh",) if full_refresh else ()),
        *("--log-level", "none"),
        *("--log-level-file", "warn"),
        # Nobody reads dbt's record of the run, and writing it takes a second.
        "--no-write-json",
    ]


def environment(workspace: Workspace) -> dict[str, str]:
    """The environment variables that `dbt/profiles.yml` reads."""
    return {
        "MIYAR_WAREHOUSE": str(workspace.warehouse),
        "MIYAR_MEMORY_LIMIT": workspace.settings.memory_limit,
        "MIYAR_THREADS": str(workspace.settings.threads),
        "MIYAR_SPILL": str(workspace.root / "warehouse" / "spill"),
    }


def prepare_manifest() -> Path:
    """Parse the project if its manifest is missing or older than its files; part of the installation, never of a run."""
    manifest = DBT / "target" / "manifest.json"
    newest = max(path.stat().st_mtime for path in DBT.rglob("*") if path.is_file() and "target" not in path.parts)
    if not manifest.is_file() or manifest.stat().st_mtime < newest:
        _parse("--write-json")
    return manifest


def _parse(write: str) -> Any:
    """Parse the project. Only the installation writes the manifest, since concurrent runs could read it half written."""
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


def run_dbt(
    workspace: Workspace, select: list[str] | None = None, command: str = "build", *, only: bool = False
) -> Iterator[DbtResult]:
    """Build (or test) the warehouse; yields one result per node as soon as dbt has it.

    `only` runs exactly the selection; without it, tests of selected models run too. Raises RuntimeError when dbt itself
    could not run; a failed node is a result, not an exception. If the caller stops iterating or is interrupted, the run
    stops: queries are interrupted, queued nodes are dropped, and the file is free afterwards.
    """
    if only and not select:
        raise ValueError("nothing is selected, which dbt would take for everything")
    workspace.warehouse.parent.mkdir(parents=True, exist_ok=True)
    manifest = _parsed_manifest()
    key, method = cells_key(workspace), scores_key(workspace)
    cells, scores = _noted(workspace, "cells.key"), _noted(workspace, "scores.key")
    stale = command == "build" and cells not in ("", key)
    variables, selected = dbt_variables(workspace, key), select or []
    if command != "test" and not only and standing_views(workspace):
        selected = [f"{one},fqn:miyar.{above}" for one in selected or ["fqn:miyar"] for above in ABOVE_STAGING]
    arguments = dbt_arguments(command, workspace, variables, selected, full_refresh=stale, only=only)
    if command != "test" and (stale or scores != method):
        _note(workspace, "scores.key", "")
        _forget_scores(workspace)
    with _environment(environment(workspace)):
        for result in _streamed(manifest, arguments):
            if result.status == "success" and result.name in NOTED:
                _note(workspace, NOTED[result.name], key if result.name == "int_slices__built" else method)
            yield result


# Folders of models that read rows; those of staging are views of files, made again only when they would say something else.
ABOVE_STAGING = ("intermediate", "marts")


def standing_views(workspace: Workspace) -> set[str]:
    """Unique ids of the models of staging if the warehouse has all of them as a run would make them, else none."""
    if not workspace.warehouse.is_file():
        return set()
    views = {
        (node.schema, node.name): unique_id
        for unique_id, node in _parsed_manifest().nodes.items()
        if node.resource_type == "model" and node.schema == "staging"
    }
    key = dbt_variables(workspace, cells_key(workspace))["views_key"]
    try:
        with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
            made = connection.execute("select schema_name, view_name from duckdb_views() where comment = ?", [key])
            return set(views.values()) if set(views) <= set(made.fetchall()) else set()
    except duckdb.Error:
        # Whatever is wrong with the file, dbt finds it too, and tells.
        return set()


# Models that are built last, and the file next to the warehouse that then records the key.
NOTED = {"int_slices__built": "cells.key", "int_periods__built": "scores.key"}


def is_stale(workspace: Workspace) -> bool:
    """Return whether code, methodology or registry changed since the last full build, so that a part alone cannot be built."""
    keys = {"cells.key": cells_key(workspace), "scores.key": scores_key(workspace)}
    return any(_noted(workspace, name) != key for name, key in keys.items())


def _noted(workspace: Workspace, name: str) -> str:
    path = workspace.root / "warehouse" / name
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def _note(workspace: Workspace, name: str, key: str) -> None:
    path = workspace.root / "warehouse" / name
    if key:
        path.write_text(key, "utf-8")
    else:
        path.unlink(missing_ok=True)


_manifest: Any = None


def _parsed_manifest() -> Any:
    """The project, parsed once per process and without variables, so that dbt's cache on disk holds for every workspace."""
    global _manifest
    if _manifest is None:
        with _made_to_stay():
            _manifest = _parse("--no-write-json")
    return _manifest


def _streamed(manifest: Any, arguments: list[str]) -> Iterator[DbtResult]:
    """Yield the results of one dbt invocation, which runs in a thread so that they are available while it works."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import get_adapter_by_type
    from dbt.cli.main import dbtRunner

    _hear_less()
    results: Queue[DbtResult | None] = Queue()
    is_stopped = Event()
    outcomes: list[Any] = []

    def hear(event: Any) -> None:
        if event.info.name not in ("LogStartLine", "NodeFinished"):
            return
        if is_stopped.is_set():
            # Before a node's own work and after it: dbt takes it for that node's failure and skips what depends on it.
            raise RuntimeError("the run was stopped")
        if event.info.name == "LogStartLine":
            return
        told, node = event.data.run_result, event.data.node_info
        rows = _rows(node.node_relation.schema, node.node_relation.alias) if node.resource_type == "model" else None
        results.put(DbtResult(node.unique_id, told.status, told.execution_time, told.message, rows))

    def work() -> None:
        try:
            outcomes.append(dbtRunner(manifest=manifest, callbacks=[hear]).invoke(arguments))
        finally:
            # dbt would keep the file open in this process, so nobody else could read it.
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
            results.put(None)

    thread = Thread(target=work, name="dbt", daemon=True)
    thread.start()
    told = set()
    try:
        while (result := results.get()) is not None:
            told.add(result.unique_id)
            yield result
    except BaseException:
        # Also when the caller closes this generator: queries at work end now, the nodes they belong to have failed.
        is_stopped.set()
        # dbt's own way to stop is Ctrl-C in its main thread: it drops what is queued and cancels what runs.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(KeyboardInterrupt)
        )
        with suppress(KeyError):  # dbt may not have come to its adapter yet
            get_adapter_by_type("duckdb").cancel_open_connections()  # type: ignore[no-untyped-call]
        raise
    finally:
        thread.join()
        # The interrupt may have come while the thread was doing so.
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    outcome = outcomes[0]
    if getattr(outcome.result, "results", None) is None:
        raise could_not_run(outcome.exception)
    # Skipped nodes never start, so the callback did not hear of them.
    for late in outcome.result.results:
        if late.node.unique_id not in told:
            yield DbtResult(late.node.unique_id, str(late.status), float(late.execution_time), str(late.message or ""))


def _hear_less() -> None:
    """Let dbt make no messages that nobody hears: forty for each model, which took a tenth of a small build."""
    from dbt_common.events.base_types import EventLevel
    from dbt_common.events.event_manager import EventManager
    from dbt_common.events.event_manager_client import ctx_set_event_manager

    class Heard(EventManager):
        def fire_event(self, e: Any, level: Any = None, *args: Any, **named: Any) -> None:
            # Its record and callbacks begin at warnings, but for one.
            if (level or e.level_tag()) != EventLevel.DEBUG or type(e).__name__ == "NodeFinished":
                super().fire_event(e, level, *args, **named)

    ctx_set_event_manager(Heard())


def _rows(schema: str, name: str) -> int | None:
    """Number of rows of a table in the warehouse that dbt has open; None for a view."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    handle = DuckDBConnectionManager.env().handle()  # type: ignore[no-untyped-call]
    try:
        found = handle.cursor().execute(
            "select estimated_size from duckdb_tables() where schema_name = ? and table_name = ?", [schema, name]
        )
        row = found.fetchone()
    finally:
        handle.close()
    return int(row[0]) if row else None


def could_not_run(exception: BaseException | None) -> RuntimeError:
    """The error for a dbt invocation that returned no results."""
    kind = type(exception).__name__ if exception else "no results and no error"
    error = RuntimeError(": ".join(part for part in ("dbt could not run", kind, str(exception or "")) if part))
    error.__cause__ = exception
    return error


@contextmanager
def _made_to_stay() -> Iterator[None]:
    """Exempt objects created inside from garbage collection, because they live as long as the process.

    dbt and a parsed project are a quarter of a million objects, and a build creates enough frames for a dozen collections.
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
