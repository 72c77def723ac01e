"""A copy of the product's own files that a recipe changes, and that the product reads in their place.

Belongs here: pointing the product to the copy, and back. Does not belong here: the copy itself (`product`), any recipe.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from expectations import suites
from ingestion import feeds
from miyar import unit_types
from miyar.workspace import Workspace
from publication import method, reading
from tests.recipes.product import COPIED, ROOT, Product
from warehouse import dbt_runner

CACHES = (feeds.load_feeds, suites._read, unit_types.unit_types, reading.wording, method.usual_roles)


@pytest.fixture
def product(tmp_path: Path, workspace_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    root = tmp_path / "product"
    for name in COPIED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("target", "__pycache__"))
        else:
            shutil.copy2(ROOT / name, root / name)
    monkeypatch.setattr(dbt_runner, "DBT", root / "dbt")
    monkeypatch.setattr(dbt_runner, "_manifest", None)
    monkeypatch.setattr(feeds, "FILE", root / "ingestion" / "feeds.yml")
    monkeypatch.setattr(suites, "SUITES", root / "expectations" / "suites")
    monkeypatch.setattr(unit_types, "FILE", root / "miyar" / "unit_types.yml")
    monkeypatch.setattr(method, "VERSIONS", root / "methodology" / "versions")
    _forget(CACHES)
    yield Product(root, workspace_copy)
    monkeypatch.undo()
    _forget(CACHES)


def _forget(caches: tuple[Callable[..., Any], ...]) -> None:
    for cached in caches:
        cached.cache_clear()  # type: ignore[attr-defined]  # functools.cache has it, but not its type as a callable
