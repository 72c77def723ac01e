"""Which typed rows break the rules of a suite, all rules in one pass.

Belongs here: that statement, and which of those rows a waiver covers. Does not belong here: which rules there are and what
follows from them (`expectations`).
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from ingestion.typed_rows import TypedRows
from miyar import sql
from miyar.periods import index_of

# What a rule calls the rows of the whole file that have no problem, as Great Expectations does in a query of its own.
BATCH = "{batch}"
_JUDGED = "judged_rows"
# What a statement can only fail with if a rule is written wrongly; whatever else fails is the machine's or the file's.
_WRONG = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)


class SuiteError(RuntimeError):
    """A rule could not be evaluated, which is a fault of the suite and never of the submission."""


def broken_rows(
    connection: duckdb.DuckDBPyConnection, table: TypedRows, rules: Sequence[tuple[str, str]]
) -> list[list[str]]:
    """The ids, sorted, of the rows without problems that break each rule (its id, and an SQL predicate true for bad rows).

    A predicate that is null is not broken. Raises SuiteError naming every rule that cannot be evaluated.
    """
    if not rules:
        return []
    try:
        found = connection.execute(_query(table, [predicate for _, predicate in rules])).to_arrow_table()
    except _WRONG:
        raise SuiteError("rules that could not be evaluated: " + "; ".join(_wrong(connection, table, rules))) from None
    return [sorted(found["row_id"].filter(found[f"broken_{n}"]).to_pylist()) for n in range(len(rules))]


def _query(table: TypedRows, predicates: Sequence[str]) -> str:
    untyped = f" where row_id not in (select row_id from {table.problems.relation})" if table.problems else ""
    named = [
        f"cast(({predicate.replace(BATCH, _JUDGED)}) as boolean) as broken_{n}"
        for n, predicate in enumerate(predicates)
    ]
    any_broken = " or ".join(f"broken_{n}" for n in range(len(predicates)))
    return (
        f"with {_JUDGED} as not materialized (select * from {table.typed.relation}{untyped})\n"
        f"select row_id, {', '.join(f'broken_{n}' for n in range(len(predicates)))}\n"
        f"from (select row_id, {', '.join(named)} from {_JUDGED}) where {any_broken}"
    )


def _wrong(connection: duckdb.DuckDBPyConnection, table: TypedRows, rules: Sequence[tuple[str, str]]) -> list[str]:
    """Every rule that fails alone, with what the engine says of it: the text of a rule, never a cell."""
    wrong = []
    for name, predicate in rules:
        try:
            sql.count(connection, f"select count(*) from ({_query(table, [predicate])}) limit 0")
        except _WRONG as error:
            wrong.append(f"{name}: {str(error).splitlines()[0]}")
    return sorted(wrong)


def rows_after(files: Sequence[Path], row_ids: list[str], period_id: str) -> list[str]:
    """The given rows of typed Parquet files whose period is later or unknown, which a waiver up to that period does not cover."""
    with duckdb.connect() as connection:
        connection.execute("create temp table asked as select unnest(?::varchar[]) as row_id", [row_ids])
        found = connection.execute(
            f"select row_id, period_id from {sql.parquet(*files)} where row_id in (select row_id from asked)"
        ).fetchall()
    last = index_of(period_id)
    later = {row_id for row_id, period in found if period is None or index_of(period) > last}
    return [row_id for row_id in row_ids if row_id in later]
