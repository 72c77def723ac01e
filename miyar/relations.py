"""Tables of the warehouse as frames for the Python models of dbt, and back; whole, or a period at a time.

Belongs here: the way between DuckDB and pandas. Does not belong here: what a model computes, and which periods have to be built
again (`int_periods__pending`).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import duckdb
import pandas as pd
import pyarrow as pa

# Types Arrow would hand over as Python objects, and what a model computes with instead.
_READ_AS = {"DECIMAL": "double", "HUGEINT": "double", "DATE": "timestamp"}
# Where a value is missing, whole numbers stay whole and booleans stay booleans.
_NULLABLE = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


class Dbt(Protocol):
    """What dbt hands to a Python model."""

    def ref(self, name: str) -> duckdb.DuckDBPyRelation: ...

    def config(self, **settings: object) -> None: ...


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


def equal(relation: duckdb.DuckDBPyRelation, column: str, value: str) -> duckdb.DuckDBPyRelation:
    """The rows whose column has the value."""
    return relation.filter(duckdb.ColumnExpression(column) == duckdb.ConstantExpression(value))


def one_of(relation: duckdb.DuckDBPyRelation, column: str, values: Iterable[str]) -> duckdb.DuckDBPyRelation:
    """The rows whose column has one of the values."""
    return relation.filter(duckdb.ColumnExpression(column).isin(*map(duckdb.ConstantExpression, values)))


def thresholds(relation: duckdb.DuckDBPyRelation) -> dict[str, float]:
    """The methodology's thresholds by name."""
    rows = read(relation)
    return {str(name): float(value) for name, value in zip(rows["name"], rows["value"], strict=True)}


def first_of(pending: duckdb.DuckDBPyRelation) -> str | None:
    """The earliest of the periods that have to be built again, if any."""
    row = pending.aggregate("min(period_id)").fetchone()
    return str(row[0]) if row and row[0] else None


def number_of(*names: str) -> str:
    """SQL of a number from 0 to 2^63 - 1 for a combination of values: their hash.

    Of 200,000 combinations two meet in one of a hundred million builds, and to hand over their names would take most of the time.
    """
    return f"cast(hash({', '.join(names)}) >> 1 as bigint)"


def quarter_of(period: str) -> str:
    """SQL of the quarters since year 0 of a column of periods, as `miyar.periods.index_of` counts them."""
    return f"4 * cast(left({period}, 4) as bigint) + cast(right({period}, 1) as bigint) - 1"


def batches(tables: Iterable[duckdb.DuckDBPyRelation], column: str, rows: int) -> list[list[str]]:
    """Values of a column that all tables have, in batches of about so many rows of the tables together."""
    counts = pd.concat([read(table.aggregate(f"{column}, count(*) as n", column)) for table in tables])
    sizes = counts.groupby(column, sort=True)["n"].sum()
    batch = (sizes.cumsum() - 1) // rows
    return [list(sizes.index[batch == number]) for number in batch.unique()]


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
