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
from dagster_dbt.asset_utils import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY

from dagster_project.resources import RunInputs
from ingestion.lake_files import require_unchanged
from ingestion.slices import write_slices
from miyar.workspace import Workspace
from warehouse.dbt_runner import HEAVY, LIGHT, NOTED, is_stale, run_dbt, standing_views
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
            require_unchanged(held.workspace, held.accounts)
            write_slices(held.workspace, held.accounts, held.contracts)
            write_snapshots(held)
            is_whole = yield from _results(context, held.workspace, manifest, translator, HEAVY, cells)
            Marks(held.workspace).write("cells", held.hash if is_whole else "")

    @dbt_assets(exclude=" ".join(HEAVY), name="benchmarks", **settings)
    def benchmarks(context: dg.AssetExecutionContext, inputs: dg.ResourceParam[RunInputs]) -> Any:
        with inputs.hold() as held:
            Marks(held.workspace).write("built", "")
            require_unchanged(held.workspace, held.accounts)
            write_slices(held.workspace, held.accounts, held.contracts)
            write_snapshots(held)
            is_whole = yield from _results(context, held.workspace, manifest, translator, LIGHT, benchmarks)
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
    every: dg.AssetsDefinition,
) -> Generator[Any, None, bool]:
    """Run the selected part of one half, whose assets are `every`, and yield each model and test as dbt finishes it.

    Returns whether the whole half was selected. Raises Failure with all failures named.
    """
    checks = {str(spec.metadata[DAGSTER_DBT_UNIQUE_ID_METADATA_KEY]): spec.key for spec in every.check_specs}
    wanted, wanted_checks = set(context.selected_asset_keys), set(context.selected_asset_check_keys)
    is_whole = wanted == every.keys
    select = half
    if not is_whole:
        _refuse_part(workspace, wanted)
        select = [
            node["name"]
            for unique_id, node in manifest["nodes"].items()
            if (node["resource_type"] == "model" and translator.get_asset_key(node) in wanted)
            or checks.get(unique_id) in wanted_checks
        ]
    else:
        # Views that stand are not made again. Dagster would skip a step for which nothing is told of what it reads.
        for unique_id in sorted(standing_views(workspace)):
            readers = [manifest["nodes"].get(one, {}) for one in manifest["child_map"][unique_id]]
            models = [translator.get_asset_key(node) for node in readers if node.get("resource_type") == "model"]
            if (key := translator.get_asset_key(manifest["nodes"][unique_id])) in wanted and set(models) - wanted:
                yield dg.MaterializeResult(asset_key=key, metadata={"dbt": "stands as it was made"})
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
        elif (check := checks.get(result.unique_id)) is not None and check in wanted_checks:
            yield dg.AssetCheckResult(
                asset_key=check.asset_key,
                check_name=check.name,
                passed=not result.failed,
                metadata={"message": result.message},
            )
    if failures:
        raise dg.Failure(
            f"dbt: {'; '.join(failures)}. Rows that fail a test stand in schema failures", allow_retries=False
        )
    return is_whole


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
