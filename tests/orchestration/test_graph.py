"""The asset graph as a readable file, `asset_graph.json`. Renew it with MIYAR_RENEW=1 and review the difference."""

import json
import os
from pathlib import Path
from typing import Any

import dagster as dg

from ingestion.feeds import load_feeds
from warehouse.dbt_runner import prepare_manifest

SNAPSHOT = Path(__file__).with_name("asset_graph.json")


def _described(definitions: dg.Definitions) -> dict[str, Any]:
    graph = definitions.resolve_asset_graph()
    found = {}
    for node in graph.asset_nodes:
        if not node.is_materializable:
            continue
        partitions = type(node.partitions_def).__name__ if node.partitions_def else ""
        found[node.key.to_user_string()] = {
            "group": node.group_name,
            "owners": sorted(node.owners),
            "deps": sorted(key.to_user_string() for key in node.parent_keys),
            "partitions": partitions,
            "checks": sorted(key.name for key in node.check_keys),
        }
    return dict(sorted(found.items()))


def test_the_graph_is_the_one_that_was_agreed(definitions: dg.Definitions) -> None:
    found = _described(definitions)
    if os.environ.get("MIYAR_RENEW"):
        SNAPSHOT.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    assert found == json.loads(SNAPSHOT.read_text("utf-8"))


def test_every_asset_has_group_owner_and_description(definitions: dg.Definitions) -> None:
    nodes = [node for node in definitions.resolve_asset_graph().asset_nodes if node.is_materializable]
    assert len(nodes) > 40
    assert [node.key for node in nodes if not (node.group_name and node.owners and node.description)] == []


def test_every_dbt_model_is_one_asset(definitions: dg.Definitions) -> None:
    manifest = json.loads(prepare_manifest().read_text("utf-8"))
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    keys = [node.key.path for node in definitions.resolve_asset_graph().asset_nodes if node.is_materializable]
    assert all(keys.count([model["schema"], model["name"]]) == 1 for model in models)


def test_partitioned_assets_are_backfilled_in_one_run(definitions: dg.Definitions) -> None:
    nodes = [node for node in definitions.resolve_asset_graph().asset_nodes if node.partitions_def]
    assert nodes
    assert all(node.backfill_policy == dg.BackfillPolicy.single_run() for node in nodes)


def test_rows_conserved_blocks_and_the_other_checks_of_the_lake_do_not(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    lake = [key for key in graph.asset_check_keys if key.asset_key.path[0] == "lake"]
    blocking = {key.name for key in lake if graph.get(key).blocking}
    assert blocking == {"rows_conserved"}
    assert {key.asset_key.path[1] for key in lake if key.name == "rows_conserved"} == {
        "survey_responses", "complaints", "service_usage", "service_standards", "mystery_visits", "maturity_assessments",
        "reported_measures",
    }  # fmt: skip


def test_the_lake_reaches_the_warehouse_by_the_sources_of_dbt(definitions: dg.Definitions) -> None:
    """Staging of a feed depends on the feed's asset, and on moved rows where rows have ids; the ledger depends on all."""
    graph = definitions.resolve_asset_graph()
    for name, feed in load_feeds().items():
        moved = {dg.AssetKey(["ledger", "moved"])} if any(column.event_id for column in feed.columns) else set()
        parents = graph.get(dg.AssetKey(["staging", f"stg_lake__{name}"])).parent_keys
        assert parents == {dg.AssetKey(["lake", name])} | moved
    (ledger,) = graph.get(dg.AssetKey(["staging", "stg_ledger__slices"])).parent_keys
    assert graph.get(ledger).parent_keys == {dg.AssetKey(["lake", feed]) for feed in load_feeds()}


def test_an_edition_stands_on_assets_that_exist(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    marts = graph.get(dg.AssetKey(["editions", "current"])).parent_keys
    assert len(marts) > 30
    assert [key for key in marts if not graph.get(key).is_materializable] == []
