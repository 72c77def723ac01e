"""The rows of a submission that are held back: gathered with their reasons, masked, and written to quarantine.

Belongs here: table `bad` of the session, and what of a bad row may be shown. Does not belong here: which rows are refused
(`expectations`), accepted rows (`lake`).
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from ingestion.feeds import load_feeds
from ingestion.headers import properties_of
from ingestion.patterns import mask_values
from ingestion.staging import Staged
from ingestion.typed_rows import Rows
from miyar import atomic_files, sql

# Joins the columns of a rule that checks several, and their values.
SEVERAL = ", "
_PROBLEM = 'struct(rule varchar, "column" varchar, "value" varchar)'


def gather_bad(connection: duckdb.DuckDBPyConnection, staged: Staged, typed: Rows, refused: pa.Table) -> int:
    """Create table `bad`, a line per bad row and problem from mapping and expectations; return the number of bad rows."""
    connection.register("refused", refused)
    connection.execute(
        f"""create or replace temp table bad as
        select row_id, 0 as origin, position, problem.rule, problem."column", problem."value"
        from (select row_id, unnest(problems) as problem, generate_subscripts(problems, 1) as position
              from {_untyped(staged)})
        union all
        select row_id, 1, row_number() over (partition by row_id order by rule, "column"), rule, "column", "value"
        from (select refused.*, {_shown(staged, refused)} as "value"
              from refused inner join {typed.relation} as typed using (row_id))"""
    )
    # Masked here, before anything leaves the scratch folder, and for bad rows only.
    mask_values(connection, "bad", '"value"')
    # A row without a slice could never be replaced or withdrawn.
    connection.execute(
        f"""insert into bad select row_id, 2, 1, 'slice_unknown',
            case when agency_id is null then 'agency_id' else 'period_id' end, ''
        from {typed.relation}
        where (agency_id is null or period_id is null) and row_id not in (select row_id from bad)"""
    )
    connection.unregister("refused")
    return sql.count(connection, "select count(distinct row_id) from bad")


def _shown(staged: Staged, refused: pa.Table) -> str:
    """SQL: the values of the columns a rule names, as text before masking.

    Personal columns and free text are never shown: nobody needs them to find a mistake of form.
    """
    feed = load_feeds()[staged.contract.feed]
    hidden = {prop.name for prop in properties_of(staged.contract) if prop.treatment is not None}
    texts = {}
    for column in feed.columns:
        text = f"typed.{column.name}::varchar"
        if column.type == "decimal":
            text = f"rtrim(rtrim({text}, '0'), '.')"
        texts[column.name] = "''" if column.free or column.name in hidden else f"coalesce({text}, '')"
    joined = f" || {sql.text(SEVERAL)} || "
    cases = [
        f"when {sql.text(names)} then {joined.join(texts[name] for name in names.split(SEVERAL))}"
        for names in sorted(set(refused["column"].to_pylist()))
        if names
    ]
    return f"case refused.\"column\" {' '.join(cases)} else '' end" if cases else "''"


def refuse_rest(typed: Rows) -> None:
    """Let every other row be bad because the submission is."""
    typed.connection.execute(
        f"""insert into bad select row_id, 3, 1, 'submission_refused', '', '' from {typed.relation}
        where row_id not in (select row_id from bad)"""
    )


def counts_by_rule(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The number of bad rows by rule."""
    return dict(connection.execute("select rule, count(distinct row_id) from bad group by all order by all").fetchall())


def write_quarantine(typed: Rows, target: Path) -> None:
    """Write the bad rows, without their content, and their problems."""
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = f"""
        select row_id, source_row, provider_id, submission_id, agency_id, period_id, slice_id, found.problems
        from {typed.placed} inner join (
            select row_id, list({{'rule': rule, 'column': "column", 'value': "value"}}::{_PROBLEM}
                order by origin, position) as problems
            from bad group by row_id
        ) as found using (row_id)
        order by file_row_number"""
    sql.write(typed.connection, rows, atomic_files.part_of(target))


def _untyped(staged: Staged) -> str:
    if staged.problems is None:
        return f"(select '' as row_id, []::{_PROBLEM}[] as problems where false)"
    return sql.parquet(staged.problems)
