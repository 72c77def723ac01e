"""Views are made when what they say changes, and not by every build: those of staging took a quarter of a small one.

Belongs here: when they are made again. Does not belong here: what is made of rows (`test_incremental`).
"""

import shutil
from typing import Any

import duckdb
import pytest

from warehouse import dbt_runner
from warehouse.dbt_runner import run_dbt


def _views(built: Any) -> set[str]:
    with duckdb.connect(str(built.workspace.warehouse), read_only=True) as connection:
        query = "select view_name from duckdb_views() where schema_name = 'staging'"
        return {name for (name,) in connection.execute(query).fetchall()}


def _made(built: Any) -> set[str]:
    """Names of what a build makes."""
    results = list(run_dbt(built.workspace, command="run"))
    assert [one for one in results if one.failed] == []
    return {one.name for one in results}


def test_views_are_made_again_only_when_they_say_something_else(built: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # The copy's lake is elsewhere.
    views = _views(built)
    assert len(views) > 35 and _made(built) > views
    assert _made(built) & views == set()
    assert len(_made(built)) > 100
    with duckdb.connect(str(built.workspace.warehouse)) as connection:
        connection.execute("drop view staging.stg_registry__regions")
    assert _made(built) > views
    assert _views(built) == views
    monkeypatch.setattr(dbt_runner, "code_hash", lambda: "another code")
    assert _made(built) > views
    assert _made(built) & views == set()


def test_a_view_of_another_warehouse_is_made_again(built: Any) -> None:
    """A file from a backup may hold views of earlier code."""
    _made(built)
    early = built.root / "early.duckdb"
    shutil.copy(built.workspace.warehouse, early)
    with duckdb.connect(str(early)) as connection:
        connection.execute("create or replace view staging.stg_registry__regions as select 1 as other")
    shutil.copy(early, built.workspace.warehouse)
    assert "stg_registry__regions" in _made(built)
    assert _made(built) & _views(built) == set()
