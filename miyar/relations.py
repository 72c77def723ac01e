"""Warehouse tables as frames for dbt's Python models and back, whole or one period at a time.

Belongs here: conversion between DuckDB and pandas. Does not belong here: what a model computes, and which periods to
rebuild (`int_periods__pending`).
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import duckdb
import pandas as pd
import pyarrow as pa

from miyar.isolation import made_without_failing

# Models work on many small groups, where taking rows of texts that Arrow holds costs pandas several times what Python's do.
pd.set_option("mode.string_storage", "python")

# Types that Arrow would convert to Python objects, and the types models compute with instead.
_READ_AS = {"DECIMAL": "double", "HUGEINT": "double", "DATE": "timestamp"}
# These types keep whole numbers whole and booleans boolean where a value is missing.
_NULLABLE = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


class Dbt(Protocol):
    """What dbt passes to a Python model: relations by name, and how to set the model's materialization.

    dbt finds references by parsing the model's own file, so each must be written there as `dbt.ref("...")` with a
    literal name. dbt does not find one in a subscript among a call's arguments.
    """

    def ref(self, name: str, /) -> duckdb.DuckDBPyRelation:
        """The relation of another model."""
        ...

    def config(self, *, materialized: str) -> object:
        """Set how the model is stored."""
        ...


def read(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """Rows of a relation: text as `str`, decimals as float64, dates as datetime64, the rest in pandas' types.

    Types with missing values are nullable ones. Reading through Arrow is five times as fast as `.df()`, with the same result.
    """
    names = zip(relation.columns, relation.types, strict=True)
    columns = [
        f'cast("{name}" as {_READ_AS[kind.id.upper()]}) as "{name}"' if kind.id.upper() in _READ_AS else f'"{name}"'
        for name, kind in names
    ]
    table = relation.project(", ".join(columns)).to_arrow_table()
    if not table.num_rows:
        # pandas cannot join on a column that has no chunk at all.
        table = table.schema.empty_table()
    frame: pd.DataFrame = table.to_pandas()
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count and column.type in _NULLABLE:
            frame[name] = column.to_pandas(types_mapper=_NULLABLE.get)
    return frame


def thresholds_of(relation: duckdb.DuckDBPyRelation) -> dict[str, float]:
    """The methodology version's thresholds by name."""
    return {str(name): float(value) for name, value in relation.project("name, value").fetchall()}


def equal(relation: duckdb.DuckDBPyRelation, column: str, value: str) -> duckdb.DuckDBPyRelation:
    """The rows whose column has the value."""
    return relation.filter(duckdb.ColumnExpression(column) == duckdb.ConstantExpression(value))


def written(frame: pd.DataFrame, columns: Mapping[str, str]) -> pa.Table:
    """The named columns of a frame in the given types, as the Arrow table DuckDB reads fastest; NaN becomes null.

    Text is dictionary-encoded: a country's rows repeat few values, and all periods of a model are in memory at once.
    """
    table = pa.Table.from_pandas(frame[list(columns)].astype(dict(columns)), preserve_index=False)
    for position, (name, kind) in enumerate(columns.items()):
        if kind == "string":
            table = table.set_column(position, name, table[name].dictionary_encode())
    return table


def by_period(
    pending: duckdb.DuckDBPyRelation,
    tables: Mapping[str, duckdb.DuckDBPyRelation],
    make: Callable[..., pd.DataFrame],
    columns: Mapping[str, str],
    *,
    protects: bool = False,
) -> pa.Table:
    """Return what `make` computes from each pending period's rows of `tables` (by name), concatenated.

    Periods without rows are skipped. A country's quarters do not fit into memory as frames at once; one does. An agency with
    whose rows `make` raises has no rows in the result (`isolation`), unless it `protects` somebody: what cannot be proved to be
    safe stops the build.
    """
    rows = pending.filter("period_version <> 'withdrawn'").project("period_id").order("period_id").fetchall()
    parts = [written(pd.DataFrame(columns=list(columns)), columns)]
    for (period,) in rows:
        own = {name: read(equal(table, "period_id", period)) for name, table in tables.items()}
        if any(len(frame) for frame in own.values()):
            made = make(**own) if protects else made_without_failing(make, own)[0]
            parts.append(written(made, columns))
    return pa.concat_tables(parts)
