"""People who were erased: nobody brings them back, whatever is delivered or read again.

The list holds a hash of each pseudonym and nothing else: enough to know one again, not to say who it was.

Belongs here: the list, and taking erased people out of typed rows. Does not belong here: erasing from what is kept
(`expectations.erasure`).
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import duckdb

from ingestion.ledger_files import read_json, write_json
from ingestion.typed_rows import TypedRows
from miyar import sql
from miyar.workspace import Workspace


def _path(workspace: Workspace) -> Path:
    return workspace.lake / "erased.json"


def read_erased(workspace: Workspace) -> frozenset[str]:
    """SHA-256 of every erased pseudonym; raises MiyarError if the list was changed, for then people could come back."""
    path = _path(workspace)
    return frozenset(read_json(path)["people"]) if path.is_file() else frozenset()


def add_erased(workspace: Workspace, pseudonyms: Iterable[str]) -> None:
    """Put people on the list."""
    people = read_erased(workspace) | {hashlib.sha256(one.encode()).hexdigest() for one in pseudonyms}
    write_json(_path(workspace), {"people": sorted(people)})


def take_out_erased(
    connection: duckdb.DuckDBPyConnection, table: TypedRows, columns: list[str], erased: frozenset[str]
) -> int:
    """Remove the rows of erased people from the typed rows; return how many.

    Args:
        columns: the columns that hold pseudonyms.
    """
    if not columns or not erased:
        return 0
    connection.execute(
        "create or replace temp table erased_people as select unnest(?::varchar[]) as person", [sorted(erased)]
    )
    held = " or ".join(f"sha256({name}) in (select person from erased_people)" for name in columns)
    typed = table.typed
    count = sql.count(connection, f"select count(*) from {typed.relation} where {held}")
    if count:
        sql.mark_rows(
            connection, "erased_rows", f"select file_row_number from {typed.placed} where {held}", typed.count
        )
        if table.problems:
            gone = f"select row_id from {typed.placed} where {sql.is_marked('erased_rows')}"
            table.problems.replace(f"from {table.problems.relation} where row_id not in ({gone})")
        typed.replace(
            f"select * exclude (file_row_number) from {typed.placed} where not {sql.is_marked('erased_rows')}"
        )
    return count
