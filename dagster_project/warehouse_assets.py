"""dbt's models as assets: cells by period, everything above them unpartitioned; dbt tests as asset checks.

Belongs here: the wiring of `warehouse.run_dbt` to assets. Does not belong here: SQL, and arguments of dbt (`warehouse`).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets

from dagster_project.partitions import SINGLE_RUN
from dagster_project.resources import WorkspaceResource
from publication.method import methodology_of
from warehouse.dbt_runner import HEAVY, LIGHT, row_counts, run_dbt
from warehouse.snapshots import write_snapshots
from warehouse.state import State, inputs_hash

# One writer at a time: the warehouse is a single file.
WRITER = "warehouse"


class Translator(DagsterDbtTranslator):
    """Asset key = schema and table, for a source what `_sources.yml` says; group = schema."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([str(dbt_resource_props["schema"]), str(dbt_resource_props["name"])])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return str(dbt_resource_props["schema"])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return ["team:measurement-centre"]


def warehouse_assets(manifest_path: Path, periods: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Cells (partitioned by period) and everything above them."""
    manifest = json.loads(manifest_path.read_text("utf-8"))
    translator = Translator()

    @dbt_assets(
        manifest=manifest,
        select=" ".join(HEAVY),
        name="cells",
        partitions_def=periods,
        backfill_policy=SINGLE_RUN,
        dagster_dbt_translator=translator,
        pool=WRITER,
        retry_policy=dg.RetryPolicy(max_retries=1, delay=10),
    )
    def cells(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> Any:
        with workspace.hold() as place:
            State(place).write("built", "")
            write_snapshots(place, workspace.registry(), methodology_of(place))
            yield from _results(context, place, manifest, translator, HEAVY)

    @dbt_assets(
        manifest=manifest,
        exclude=" ".join(HEAVY),
        name="benchmarks",
        dagster_dbt_translator=translator,
        pool=WRITER,
        retry_policy=dg.RetryPolicy(max_retries=1, delay=10),
    )
    def benchmarks(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> Any:
        with workspace.hold() as place:
            registry = workspace.registry()
            State(place).write("built", "")
            inputs = inputs_hash(place, registry, workspace.contracts())
            write_snapshots(place, registry, methodology_of(place))
            yield from _results(context, place, manifest, translator, LIGHT)
            State(place).write("built", inputs)

    return [cells, benchmarks]


def _results(
    context: dg.AssetExecutionContext,
    place: Any,
    manifest: Mapping[str, Any],
    translator: Translator,
    select: list[str],
) -> Iterator[Any]:
    """Run dbt and give every model its materialisation and every test its check; fail with all failures named."""
    wanted = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
    failures = []
    results = list(run_dbt(place, select))
    rows = row_counts(place)
    for result in results:
        node = manifest["nodes"][result.unique_id]
        if result.failed:
            failures.append(f"{node['name']} ({result.status}): {result.message}")
        if node["resource_type"] == "model" and not result.failed:
            counted = rows.get((str(node["schema"]), str(node["name"])))
            yield dg.MaterializeResult(
                asset_key=translator.get_asset_key(node),
                metadata={
                    "seconds": result.seconds,
                    "dbt": result.message,
                    **({} if counted is None else {"dagster/row_count": counted}),
                },
            )
        elif node["resource_type"] == "test" and node.get("attached_node"):
            key = translator.get_asset_key(manifest["nodes"][node["attached_node"]])
            if (key, node["name"]) in wanted:
                yield dg.AssetCheckResult(
                    asset_key=key,
                    check_name=node["name"],
                    passed=not result.failed,
                    metadata={"message": result.message},
                )
    if failures:
        raise dg.Failure(
            f"dbt: {'; '.join(failures)}. Rows that fail a test stand in schema failures", allow_retries=False
        )
