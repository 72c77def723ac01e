"""Running a dbt Python model on frames made by hand.

Belongs here: loading a model's file and a stand-in for dbt's `ref`. Does not belong here: any expectation.
"""

import importlib.util
from collections.abc import Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

import duckdb
import pandas as pd

from dagster_project.warehouse import DBT


def load_model(name: str) -> ModuleType:
    """The module of a Python model below `scores`."""
    (path,) = (DBT / "models" / "intermediate" / "scores").rglob(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_model(name: str, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What the model makes of `tables`, all of whose periods are pending; a table it asks for and was not given is a KeyError."""
    given = {"int_periods__pending": pending_periods(tables), **tables}
    dbt = SimpleNamespace(config=lambda **_: None, ref=lambda table: relation(given[table]))
    made: Any = load_model(name).model(dbt, None)
    return made if isinstance(made, pd.DataFrame) else made.to_pandas()


def relation(frame: pd.DataFrame) -> duckdb.DuckDBPyRelation:
    """The frame as a table of the warehouse: a column without any value is text there, and DuckDB would take it for a number."""
    blank = [name for name in frame if frame[name].dtype == object and frame[name].isna().all()]
    return duckdb.from_df(frame.astype(dict.fromkeys(blank, "str")))


def pending_periods(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Every period of the tables, as still to be built."""
    periods = {period for table in tables.values() if "period_id" in table for period in table["period_id"]}
    return pd.DataFrame({"period_id": sorted(periods), "period_version": "new"}, dtype="str")
