"""dbt's models as assets, and dbt's tests as their checks.

Belongs here: wiring `warehouse.dbt_runner` to assets. Does not belong here: SQL, and arguments of dbt (`dbt_runner`).
"""

import json
from collections.abc import Generator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets

from dagster_project.resources import RunInputs
from miyar.workspace import Workspace
from warehouse.dbt_runner import HEAVY, LIGHT, NOTED, is_stale, run_dbt
from warehouse.marks import Marks
from warehouse.snapshots import write_snapshots

# The warehouse is a single file, so there is one writer at a time.
WRITER = "warehouse"


class Translator(DagsterDbtTranslator):
    """Asset key: schema and table, or for a source what `_sources.yml` says. Group: the schema."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([str(dbt_resource_props["schema"]), str(dbt_resource_props["name"])])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return str(dbt_resource_props["schema"])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return ["team:measurement-centre"]


def warehouse_assets(manifest_path: Path) -> list[dg.AssetsDefinition]:
    """The assets of the cells, which pending slices determine, and of everything computed from them."""
    manifest = json.loads(manifest_path.read_text("utf-8"))
    translator = Translator()
    settings: dict[str, Any] = {
        "manifest": manifest,
        "dagster_dbt_translator": translator,
        "pool": WRITER,
        "retry_policy": dg.RetryPolicy(max_retries=1, delay=10),
    }

    @dbt_assets(select=" ".join(HEAVY), name="cells", **settings)
    def cells(context: dg.AssetExecutionContext, inputs: dg.ResourceParam[RunInputs]) -> Any:
        with inputs.hold() as held:
            Marks(held.workspace).write("built", "")
            Marks(held.workspace).write("cells", "")
            write_snapshots(held)
            is_whole = yield from _results(context, held.workspace, manifest, translator, HEAVY, cells.keys)
            Marks(held.workspace).write("cells", held.hash if is_whole else "")

    @dbt_assets(exclude=" ".join(HEAVY), name="benchmarks", **settings)
    def benchmarks(context: dg.AssetExecutionContext, inputs: dg.ResourceParam[RunInputs]) -> Any:
        with inputs.hold() as held:
            Marks(held.workspace).write("built", "")
            write_snapshots(held)
            is_whole = yield from _results(context, held.workspace, manifest, translator, LIGHT, benchmarks.keys)
            # If the cells were made from other inputs, the scores are not those of these inputs.
            is_built = is_whole and Marks(held.workspace).read("cells") == held.hash
            Marks(held.workspace).write("built", held.hash if is_built else "")

    return [cells, benchmarks]


def _results(
    context: dg.AssetExecutionContext,
    workspace: Workspace,
    manifest: Mapping[str, Any],
    translator: Translator,
    half: list[str],
    every: AbstractSet[dg.AssetKey],
) -> Generator[Any, None, bool]:
    """Run the selected part of one half, whose assets are `every`, and yield each model and test as dbt finishes it.

    Returns whether the whole half was selected. Raises Failure with all failures named.
    """
    checks = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
    wanted = set(context.selected_asset_keys)
    is_whole = wanted == every
    if not is_whole:
        _refuse_part(workspace, wanted)
    select = (
        half
        if is_whole
        else [
            node["name"]
            for node in manifest["nodes"].values()
            if (node["resource_type"] == "model" and translator.get_asset_key(node) in wanted)
            or (node["resource_type"] == "test" and _check_of(node, manifest, translator) in checks)
        ]
    )
    failures = []
    for result in run_dbt(workspace, select, only=not is_whole):
        node = manifest["nodes"][result.unique_id]
        if result.failed:
            failures.append(f"{node['name']} ({result.status}): {result.message}")
        if node["resource_type"] == "model" and not result.failed:
            rows = {} if result.rows is None else {"dagster/row_count": result.rows}
            yield dg.MaterializeResult(
                asset_key=translator.get_asset_key(node),
                metadata={"seconds": result.seconds, "dbt": result.message, **rows},
            )
        elif (check := _check_of(node, manifest, translator)) in checks:
            yield dg.AssetCheckResult(
                asset_key=check[0],
                check_name=check[1],
                passed=not result.failed,
                metadata={"message": result.message},
            )
    if failures:
        raise dg.Failure(
            f"dbt: {'; '.join(failures)}. Rows that fail a test stand in schema failures", allow_retries=False
        )
    return is_whole


def _check_of(
    node: Mapping[str, Any], manifest: Mapping[str, Any], translator: Translator
) -> tuple[dg.AssetKey, str] | None:
    """The asset and name of the check that represents a model's test."""
    if node["resource_type"] != "test" or not node.get("attached_node"):
        return None
    return translator.get_asset_key(manifest["nodes"][node["attached_node"]]), str(node["name"])


def _refuse_part(workspace: Workspace, wanted: AbstractSet[dg.AssetKey]) -> None:
    """Raise Failure if building a part alone would leave the warehouse inconsistent.

    That is so when everything is due to be recomputed, and for models that record what all others were made from.
    """
    notes = sorted(key.path[-1] for key in wanted if key.path[-1] in NOTED)
    if notes:
        raise dg.Failure(
            f"{', '.join(notes)}: notes that all models before were made; materialize the whole group",
            allow_retries=False,
        )
    if is_stale(workspace):
        raise dg.Failure(
            "code, methodology or registry changed since everything was made, so a part alone cannot be; run the job `build`",
            allow_retries=False,
        )
