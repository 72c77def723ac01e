"""Records of one file that repeat others of it: taken out, and counted.

Belongs here: what makes two records the same. Does not belong here: one id in several deliveries (`moved_keys`).
"""

import duckdb

from ingestion.feeds import Feed
from ingestion.records import Plan
from ingestion.typed_rows import TypedRows
from miyar import sql


def _key_columns(rows: Plan) -> list[str]:
    """The columns that identify a record, or none when part of the key is only a row number."""
    feed: Feed = rows.feed
    if any(feed.by_name[name].row_default and name not in rows.fed for name in feed.key):
        return []
    return list(dict.fromkeys(["agency_id", *feed.key]))


def take_out_duplicates(connection: duckdb.DuckDBPyConnection, rows: Plan, table: TypedRows) -> int:
    """Remove records that repeat an earlier one in every canonical column and problem; return how many.

    Only records whose key occurs more than once are compared in full, and keys are first compared by a hash of 8 bytes.
    """
    key = _key_columns(rows)
    if not key:
        return 0
    hashed, typed, problems = f"hash({', '.join(key)})", table.typed, table.problems
    connection.execute(
        f"create or replace temp table repeated as select {hashed} as key_hash from {typed.relation} "
        "group by all having count(*) > 1"
    )
    if not sql.count(connection, "select count(*) from repeated"):
        return 0
    columns = ", ".join(column.name for column in rows.feed.columns)
    faults = f"from {problems.relation}" if problems else "from (select '' row_id, [] problems)"
    connection.execute(
        f"""create or replace temp table duplicates as
        select position from (
            select position, row_id, row_number() over (partition by {columns}, problems order by position) as copy
            from (select *, file_row_number as position from {typed.placed}
                  where {hashed} in (select key_hash from repeated)) as found
            left join ({faults}) as faults using (row_id)
        ) where copy > 1 and row_id not in (select row_id from faults where rule = 'id_damaged')"""
    )
    count = sql.count(connection, "select count(*) from duplicates")
    if count:
        sql.mark_rows(connection, "duplicate_rows", "select position from duplicates", typed.count)
        if problems:
            taken_out = f"select row_id from {typed.placed} where {sql.is_marked('duplicate_rows')}"
            problems.replace(f"{faults} where row_id not in ({taken_out})")
        remaining = f"where not {sql.is_marked('duplicate_rows')}"
        typed.replace(f"select * exclude (file_row_number) from {typed.placed} {remaining}")
    return count
