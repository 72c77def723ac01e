"""The types of unit that a score may describe, read once from `unit_types.yml`.

Belongs here: what a unit's id is made of and which data covers it. Does not belong here: the units themselves
(`registry`), and what is computed for them.
"""

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FRAMES = ("known", "partly", "unknown")
FILE = Path(__file__).with_suffix(".yml")


@dataclass(frozen=True)
class UnitType:
    """One type; see the head of `unit_types.yml` for what the fields mean."""

    columns: tuple[str, ...]
    name: dict[str, str]
    records: bool
    frame: str

    def values_of(self, unit_id: str) -> dict[str, str]:
        """The columns of a unit from its id; only the last part may contain `/`."""
        parts = unit_id.split("/", len(self.columns) - 1)
        return dict(zip(self.columns, parts, strict=True))


@cache
def unit_types() -> dict[str, UnitType]:
    """All types by name, in the order of the file. Raises ValueError for an unknown frame."""
    source = yaml.safe_load(FILE.read_text("utf-8"))
    found = {name: UnitType(**{**spec, "columns": tuple(spec["columns"])}) for name, spec in source.items()}
    columns = [frozenset(one.columns) for one in found.values()]
    if len(set(columns)) < len(columns):
        raise ValueError(f"{FILE.name}: two types are made of the same columns, so that one shows what the other hides")
    for name, one in found.items():
        if len(one.columns) > 1 and one.columns[0] != "agency_id":
            raise ValueError(f"{FILE.name}: {name}: the agency comes first in a unit that is part of one")
        if one.frame not in FRAMES:
            raise ValueError(f"{FILE.name}: {name}: frame {one.frame!r} is none of {', '.join(FRAMES)}")
    return found


def columns_by_type() -> dict[str, tuple[str, ...]]:
    """The columns that a unit's id is made of, by type."""
    return {name: one.columns for name, one in unit_types().items()}


def framed_parts() -> dict[str, str]:
    """Types of units within one agency that a population frame knows, and the column that names them there."""
    return {
        name: one.columns[1]
        for name, one in unit_types().items()
        if one.frame == "known" and one.columns[0] == "agency_id" and len(one.columns) == 2
    }


def for_dbt() -> dict[str, dict[str, Any]]:
    """The types as the variable `unit_types` of a dbt run, without their display names."""
    return {
        name: {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(one).items()
            if key != "name"
        }
        for name, one in unit_types().items()
    }
