"""A warehouse file that cannot be read is made again from the lake: nothing stands in it alone.

Belongs here: noticing it, and putting it away. Does not belong here: building (`dbt_runner`).
"""

import duckdb

from miyar import atomic_files, sql
from miyar.errors import Problem
from miyar.workspace import Workspace
from warehouse.dbt_runner import NOTED
from warehouse.marks import Marks

# What DuckDB says of a file that another process has open; that is no damage.
LOCKED = "Could not set lock"


def put_away_if_torn(workspace: Workspace, *, thoroughly: bool = False) -> list[Problem]:
    """Remove a warehouse file that cannot be opened, so that the next build makes it; say so.

    Args:
        thoroughly: also read every table to its end, which takes as long as the warehouse is large.
    """
    path = workspace.warehouse
    if not path.is_file() or _is_readable(workspace, thoroughly=thoroughly):
        return []
    atomic_files.remove([path, path.with_name(f"{path.name}.wal")])
    atomic_files.remove(path.parent / name for name in NOTED.values())
    marks = Marks(workspace)
    for step in ("built", "cells"):
        marks.write(step, "")
    return [
        Problem(
            "warehouse_torn",
            "the file could not be read and was put away; the warehouse is made again from the lake",
            file="warehouse/warehouse.duckdb",
            next_step="Nothing, if it happens once. Else check the disk.",
        )
    ]


def _is_readable(workspace: Workspace, *, thoroughly: bool) -> bool:
    try:
        with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
            tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            for schema, table in tables if thoroughly else []:
                connection.execute(f"select count(hash(t)) from {sql.name(schema)}.{sql.name(table)} as t").fetchall()
    except (duckdb.Error, UnicodeDecodeError, RuntimeError) as error:
        return LOCKED in str(error)
    return True
