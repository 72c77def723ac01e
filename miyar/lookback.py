"""Inputs of models that look back before the first period to rebuild, read whole or in batches.

Belongs here: SQL of the columns such models read, and finding the rows that the pending periods need. Does not belong
here: models that need only a period's own rows (`relations.by_period`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pandas as pd
import pyarrow as pa

from miyar.isolation import made_without_failing
from miyar.periods import index_of, shift
from miyar.relations import read, written

# Quarters since year 0, as `miyar.periods.index_of` counts them.
QUARTER = "4 * cast(left(period_id, 4) as bigint) + cast(right(period_id, 1) as bigint) - 1 as quarter"


@dataclass(frozen=True)
class Reading:
    """The columns (SQL) to read from a relation, for the rows that meet the condition `where` (SQL).

    In `where`, {pending} is the first pending period, {before} the quarter before it and {year} the quarter a year before it.
    """

    relation: duckdb.DuckDBPyRelation
    columns: Sequence[str]
    where: str

    def rows(self, pending: str) -> duckdb.DuckDBPyRelation:
        """The rows that meet `where`, with all columns."""
        where = self.where.format(pending=pending, before=shift(pending, -1), year=shift(pending, -4))
        return self.relation.filter(where)

    def read(self, rows: duckdb.DuckDBPyRelation) -> pd.DataFrame:
        """Read this reading's columns of the given rows."""
        return read(rows.project(", ".join(self.columns)))


@dataclass(frozen=True)
class Batches:
    """About `rows` rows of the `counted` readings at a time, without splitting a value of `column`, which all readings have."""

    column: str
    rows: int
    counted: Sequence[str]


def number_of(*names: str) -> str:
    """SQL of a number from 0 to 2^63 - 1 for a combination of values: their hash.

    Among 200,000 combinations two collide once in a hundred million builds. Handing over the names instead would take
    most of the time.
    """
    return f"cast(hash({', '.join(names)}) >> 1 as bigint)"


def numbered(relation: duckdb.DuckDBPyRelation, name: str, within: str, by: Sequence[str]) -> duckdb.DuckDBPyRelation:
    """All columns plus each row's number, from 0, within a value of `within`, ordered by `by`."""
    return relation.project(f"*, row_number() over (partition by {within} order by {', '.join(by)}) - 1 as {name}")


def inner_join(
    left: duckdb.DuckDBPyRelation,
    right: duckdb.DuckDBPyRelation,
    on: Sequence[str],
    columns: Mapping[str, Sequence[str]],
) -> duckdb.DuckDBPyRelation:
    """The named columns of `left` and `right`, joined where the columns `on` are equal."""
    same = " and ".join(f'"left".{name} = "right".{name}' for name in on)
    chosen = [f'"{side}".{name}' for side in ("left", "right") for name in columns[side]]
    return left.set_alias("left").join(right.set_alias("right"), same).project(", ".join(chosen))


def since_pending(
    pending: duckdb.DuckDBPyRelation,
    readings: Mapping[str, Reading],
    make: Callable[..., pd.DataFrame],
    columns: Mapping[str, str],
    batches: Batches | None = None,
) -> pa.Table:
    """Return what `make` computes from the readings (by name) and `since`, the first pending quarter; no rows if none is pending.

    With `batches`, it runs once per batch of values of a column: a country's rows do not fit into memory at once, and
    every batch scans all of them again.
    """
    row = pending.aggregate("min(period_id)").fetchone()
    parts = [written(pd.DataFrame(columns=list(columns)), columns)]
    if not row or not row[0]:
        return parts[0]
    first = str(row[0])
    rows = {name: reading.rows(first) for name, reading in readings.items()}
    if batches is None:
        chosen = [rows]
    else:
        values = in_batches([rows[name] for name in batches.counted], batches.column, batches.rows)
        chosen = [{name: _one_of(table, batches.column, some) for name, table in rows.items()} for some in values]
    for some in chosen:
        frames = {name: reading.read(some[name]) for name, reading in readings.items()}
        made, _ = made_without_failing(make, frames, since=index_of(first))
        parts.append(written(made, columns))
    return pa.concat_tables(parts)


def in_batches(tables: Iterable[duckdb.DuckDBPyRelation], column: str, rows: int) -> list[list[str]]:
    """Values of a column that all tables have, in batches of about `rows` rows of the tables together."""
    counts = pd.concat([read(table.aggregate(f"{column}, count(*) as n", column)) for table in tables])
    sizes = counts.groupby(column, sort=True)["n"].sum()
    batch = (sizes.cumsum() - 1) // rows
    return [list(sizes.index[batch == number]) for number in batch.unique()]


def _one_of(relation: duckdb.DuckDBPyRelation, column: str, values: Iterable[str]) -> duckdb.DuckDBPyRelation:
    return relation.filter(duckdb.ColumnExpression(column).isin(*map(duckdb.ConstantExpression, values)))
