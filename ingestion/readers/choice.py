"""Rows of a file by the values of its columns: those that are meant, and values said once for several rows.

Belongs here: fillDown, where and unless under `rows` of a contract. Does not belong here: where the table ends
(`below`), whether a value is acceptable (`expectations`).
"""

from dataclasses import replace
from pathlib import Path

import duckdb

from ingestion.readers.input import Input, Source
from ingestion.values import clean, clean_sql
from miyar import sql


def chosen(given: Input, connection: duckdb.DuckDBPyConnection, source: Source, scratch: Path) -> Source:
    """The rows that are meant; raises MiyarError if there are rows and none is."""
    choice = given.contract.rows
    source = _filled_down(connection, source, choice.fill_down, scratch)
    kept = [_is_one_of(source, name, texts) for name, texts in choice.where.items()]
    kept += [f"not {_is_one_of(source, name, texts)}" for name, texts in choice.unless.items()]
    if not kept:
        return source
    relation = f"(select * from {source.relation} where {' and '.join(kept)})"
    rows = sql.count(connection, f"select count(*) from {relation}")
    left_out = source.rows - rows
    if not rows and source.rows:
        raise given.fail(
            "file_no_rows",
            f"none of the {source.rows:,} rows is meant by `rows` in the contract",
            "Deliver the agreed rows, or correct rows.where and rows.unless in the contract.",
        )
    if not left_out:
        return source
    note = given.problem(
        "rows_left_out",
        f"{left_out:,} of {source.rows:,} rows are not meant (rows.where, rows.unless) and were left out",
        "Nothing to do if the contract is right.",
    )
    return replace(source, relation=relation, rows=rows, left_out=left_out, notes=(*source.notes, note))


def _filled_down(connection: duckdb.DuckDBPyConnection, source: Source, names: list[str], scratch: Path) -> Source:
    positions = sorted({source.headers.chosen[name] for name in names})
    if not positions:
        return source
    filled = ", ".join(
        f"coalesce(last_value(case when {clean_sql(f'c{position}')} is not null then c{position} end ignore nulls) "
        f"over (order by source_row rows unbounded preceding), '') as c{position}"
        for position in positions
    )
    target = scratch / "filled.parquet"
    sql.write(connection, f"select * replace ({filled}) from {source.relation} order by source_row", target)
    return replace(source, relation=sql.parquet(target))


def _is_one_of(source: Source, name: str, texts: list[str]) -> str:
    value = f"coalesce({clean_sql(f'c{source.headers.chosen[name]}')}, '')"
    return f"{value} in ({sql.texts(clean(text) for text in texts)})"
