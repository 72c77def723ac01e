"""Every model says what it holds and what one row is, and the key it claims is one.

Belongs here: descriptions and grains of staging and intermediate models, and the sources below them. Does not belong here: the
published tables, whose contracts dbt enforces itself.
"""

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from ingestion.feeds import load_feeds
from miyar.workspace import Workspace
from warehouse.dbt_runner import prepare_manifest

# Each cell has a row for every metric that uses it, so the only key is all columns.
WITHOUT_KEY = {"int_measures__observed", "int_people__measured", "int_respondents__measured", "int_rows__gathered"}


def _models() -> Iterator[dict[str, Any]]:
    manifest = json.loads(prepare_manifest().read_text("utf-8"))
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] in {"staging", "intermediate"}:
            yield node


def test_every_model_says_what_one_row_is() -> None:
    described = {node["name"]: node["description"] for node in _models()}
    assert len(described) > 90
    assert [name for name, text in described.items() if "One row per " not in text or not text.endswith(".")] == []


@pytest.mark.parametrize("schema", ["staging", "intermediate"])
def test_no_two_rows_share_the_key_a_model_claims(schema: str, built_workspace: Workspace) -> None:
    nodes = [node for node in _models() if node["schema"] == schema]
    keys = {node["name"]: node["config"]["meta"]["grain"] for node in nodes if "grain" in node["config"]["meta"]}
    assert {node["name"] for node in nodes} - set(keys) <= WITHOUT_KEY
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        for name, key in keys.items():
            columns = ", ".join(key)
            shared = connection.execute(
                f"select count(*) from (select 1 from {schema}.{name} group by {columns} having count(*) > 1)"
            ).fetchone()
            assert shared == (0,), name


def test_every_feed_is_a_source_with_the_asset_that_fills_it() -> None:
    manifest = json.loads(prepare_manifest().read_text("utf-8"))
    sources = {node["name"]: node for node in manifest["sources"].values() if node["source_name"] == "lake"}
    assert list(sources) and set(sources) == set(load_feeds())
    for name, node in sources.items():
        assert node["config"]["meta"]["dagster"]["asset_key"] == ["lake", name]
        assert node["description"]
