"""Recipes: what every export of one program has in common, for contracts that extend it (`extends: qualtrics`).

Belongs here: reading `recipes/*.yml`, and laying a contract over its recipe. Does not belong here: the contract's model.
"""

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).with_suffix("")
# Lists of a recipe to which a contract adds; in all other fields what the contract says stands alone.
ADDED = ("dropped", "ignored", "null_values", "nullValues")


@dataclass(frozen=True)
class Recipe:
    """One program's export: what it is, where its form is described, what a contract still has to say, and what it need not."""

    id: str
    about: str
    source: str
    needs: str
    contract: dict[str, Any]


@cache
def load_recipes() -> dict[str, Recipe]:
    """All recipes by id."""
    files = sorted(FOLDER.glob("*.yml"))
    return {path.stem: Recipe(path.stem, **yaml.safe_load(path.read_text("utf-8"))) for path in files}


def with_recipe(content: Any) -> Any:
    """A contract as read from its file, laid over the recipe it extends; raises ValueError for an unknown recipe.

    Properties of one name are the contract's, `rows` and `format` are joined field by field, lists of columns left out are
    added up.
    """
    name = content.get("extends") if isinstance(content, dict) else None
    if name is None:
        return content
    recipes = load_recipes()
    if name not in recipes:
        near = difflib.get_close_matches(str(name), list(recipes), n=1)
        meant = f"; did you mean {near[0]!r}" if near else ""
        raise ValueError(f"extends: there is no recipe {name!r} (the recipes are {', '.join(recipes)}){meant}")
    base = recipes[name].contract
    joined = {**base, **content}
    for field in ("format", "rows"):
        if isinstance(base.get(field), dict) and isinstance(content.get(field), dict):
            joined[field] = {**base[field], **content[field]}
    for field in ADDED:
        if isinstance(base.get(field), list) and isinstance(content.get(field), list):
            joined[field] = [*content[field], *base[field]]
    joined["properties"] = _properties(base.get("properties", []), content)
    taken = set(_columns(content))
    joined["ignored"] = [one for one in joined.get("ignored", []) if one not in taken]
    joined["dropped"] = [one for one in joined.get("dropped", []) if _column(one) not in taken]
    return joined


def _properties(base: list[dict[str, Any]], content: dict[str, Any]) -> Any:
    own = content.get("properties", [])
    records = content.get("records", [])
    every = [*own, *(prop for record in records if isinstance(record, dict) for prop in record.get("properties", []))]
    named = {prop.get("name") for prop in every if isinstance(prop, dict)}
    return [*(prop for prop in base if prop["name"] not in named), *own] if isinstance(own, list) else own


def _columns(content: dict[str, Any]) -> list[str]:
    """The source columns that a contract itself maps: no longer left out by its recipe."""
    props = [*content.get("properties", [])]
    props += [
        prop
        for record in content.get("records", [])
        if isinstance(record, dict)
        for prop in record.get("properties", [])
    ]
    names: list[Any] = []
    for prop in props:
        given = prop.get("physicalName") if isinstance(prop, dict) else None
        names += given if isinstance(given, list) else [given]
    return [name for name in names if isinstance(name, str)]


def _column(dropped: Any) -> Any:
    return dropped.get("physicalName") if isinstance(dropped, dict) else None
