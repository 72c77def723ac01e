"""Running a dbt Python model on frames made by hand.

Belongs here: loading a model's file and a stand-in for dbt's `ref`. Does not belong here: any expectation.
"""

import importlib.util
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from warehouse.dbt_runner import DBT


class Dbt:
    """What a Python model gets: tables by name, with all periods pending; a table it was not given is a KeyError."""

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        periods = {period for table in tables.values() if "period_id" in table for period in table["period_id"]}
        pending = pd.DataFrame({"period_id": sorted(periods), "period_version": "new"}, dtype="str")
        self.tables = {"int_periods__pending": pending, **tables}

    def config(self, **_: Any) -> None:
        """Models declare how they are stored; here nothing is."""

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        """Return the table as the warehouse has it: a column without values is text there, but DuckDB would infer a number."""
        frame = self.tables[name]
        blank = [column for column in frame if frame[column].dtype == object and frame[column].isna().all()]
        return duckdb.from_df(frame.astype(dict.fromkeys(blank, "str")))


def load_model(name: str) -> ModuleType:
    """The module of a Python model below `scores`."""
    (path,) = (DBT / "models" / "intermediate" / "scores").rglob(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_model(name: str, tables: Mapping[str, pd.DataFrame] | Dbt) -> pd.DataFrame:
    """Return what the model computes from `tables`."""
    made: Any = load_model(name).model(tables if isinstance(tables, Dbt) else Dbt(tables), None)
    return made if isinstance(made, pd.DataFrame) else _as_text(made).to_pandas()


def _as_text(made: pa.Table) -> pa.Table:
    """Return text columns as DuckDB takes them over, without dictionary encoding."""
    for position, field in enumerate(made.schema):
        if pa.types.is_dictionary(field.type):
            made = made.set_column(position, field.name, made.column(position).cast(field.type.value_type))
    return made
