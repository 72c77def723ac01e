"""Tables of the warehouse as frames for the Python models of dbt, and back; whole, or a period at a time.

Belongs here: the way between DuckDB and pandas. Does not belong here: what a model computes, and which periods have to be built
again (`int_periods__pending`).
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import duckdb
import pandas as pd
import pyarrow as pa

# Types Arrow would hand over as Python objects, and what a model computes with instead.
_READ_AS = {"DECIMAL": "double", "HUGEINT": "double", "DATE": "timestamp"}
# Where a value is missing, whole numbers stay whole and booleans stay booleans.
_NULLABLE = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


class Dbt(Protocol):
    """What dbt gives a Python model: relations by name, and the way to say how the model's own is stored.

    dbt reads a model's references from its text: each stands in the model's own file as `dbt.ref("...")` with the name written
    out, and dbt does not look for one in a subscript among a call's arguments.
    """

    def ref(self, name: str, /) -> duckdb.DuckDBPyRelation:
        """The relation of another model."""
        ...

    def config(self, *, materialized: str) -> object:
        """How the model is stored."""
        ...


def read(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """Rows of a relation: text as `str`, decimals as float64, dates as datetime64, the rest in pandas' types with gaps.

    By way of Arrow, five times as fast as `.df()`, which gives the same.
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
    """The thresholds of the methodology version by name."""
    return {str(name): float(value) for name, value in relation.project("name, value").fetchall()}


def equal(relation: duckdb.DuckDBPyRelation, column: str, value: str) -> duckdb.DuckDBPyRelation:
    """The rows whose column has the value."""
    return relation.filter(duckdb.ColumnExpression(column) == duckdb.ConstantExpression(value))


def written(frame: pd.DataFrame, columns: Mapping[str, str]) -> pa.Table:
    """The named columns of a frame in their types, as DuckDB reads them fastest; NaN is null.

    Text by its distinct values: a country's rows repeat theirs, and all periods of a model are held at once.
    """
    table = pa.Table.from_pandas(frame[list(columns)].astype(dict(columns)), preserve_index=False)
    for place, (name, kind) in enumerate(columns.items()):
        if kind == "string":
            table = table.set_column(place, name, table[name].dictionary_encode())
    return table


def by_period(
    pending: duckdb.DuckDBPyRelation,
    tables: Mapping[str, duckdb.DuckDBPyRelation],
    make: Callable[..., pd.DataFrame],
    columns: Mapping[str, str],
) -> pa.Table:
    """What `make` makes of one period's rows of `tables` (given by name), for each pending period, beneath each other.

    A period without any row is nothing. A country's quarters do not fit into memory at once as frames; one does.
    """
    rows = pending.filter("period_version <> 'withdrawn'").project("period_id").order("period_id").fetchall()
    parts = [written(pd.DataFrame(columns=list(columns)), columns)]
    for (period,) in rows:
        own = {name: read(equal(table, "period_id", period)) for name, table in tables.items()}
        if any(len(frame) for frame in own.values()):
            parts.append(written(make(**own), columns))
    return pa.concat_tables(parts)
