"""Running a dbt Python model on frames made by hand.

Belongs here: loading a model's file and a stand-in for dbt's `ref`. Does not belong here: any expectation.
"""

import importlib.util
from collections.abc import Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd

from dagster_project.warehouse import DBT


def load_model(name: str) -> ModuleType:
    """The module of a Python model below `scores`."""
    path = DBT / "models" / "intermediate" / "scores" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_model(name: str, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What the model makes of `tables`; a table it asks for and was not given is a KeyError."""
    dbt = SimpleNamespace(config=lambda **_: None, ref=lambda table: SimpleNamespace(df=lambda: tables[table].copy()))
    made: Any = load_model(name).model(dbt, None)
    assert isinstance(made, pd.DataFrame)
    return made
