"""Where two copies of a table differ: which row, which column.

Belongs here: comparing an edited copy with an intact one. Does not belong here: deciding which copy is intact
(`verify`).
"""

from collections.abc import Sequence
from typing import Any

import duckdb

SHOWN = 3


def locate(connection: duckdb.DuckDBPyConnection, changed: str, intact: str, columns: list[str]) -> str:
    """Return words that name the first differing rows and columns; empty if the copy cannot be read row by row.

    Values are left out: a message may travel further than the table.
    """
    try:
        names = [row[0] for row in connection.execute(f"describe select * from {changed}").fetchall()]
        if names != columns:
            return f": its columns are {', '.join(names)}"
        was = connection.execute(f"from {intact} except all from {changed} order by all").fetchall()
        now = connection.execute(f"from {changed} except all from {intact} order by all").fetchall()
    except duckdb.Error:
        return ""
    parts = []
    for row in now[:SHOWN]:
        before = max(was, key=lambda other: _shared(row, other), default=None)
        if before is None or not _shared(row, before):
            parts.append(f"row {_name(columns, row)} was added")
            continue
        was.remove(before)
        edited = [name for name, old, new in zip(columns, before, row, strict=True) if old != new]
        parts.append(f"row {_name(columns, before)}, column {', '.join(edited)}")
    parts += [f"row {_name(columns, row)} was removed" for row in was[: max(0, SHOWN - len(now))]]
    more = len(now) - SHOWN
    return f": {'; '.join(parts)}{f'; and {more} rows more' if more > 0 else ''}" if parts else ": types differ"


def locate_known(connection: duckdb.DuckDBPyConnection, changed: str, known: str, columns: list[str]) -> str:
    """Return words as `locate` does, where only some rows of the table are known as they were; empty if none of them differs."""
    try:
        listed = ", ".join(f'"{name}"' for name in columns)
        was = connection.execute(
            f"(select distinct {listed} from {known}) except (from {changed}) order by all"
        ).fetchall()
        now = connection.execute(f"from {changed} except (select {listed} from {known})").fetchall()
    except duckdb.Error:
        return ""
    parts = []
    for row in was[:SHOWN]:
        name = _name(columns, row)
        after = next((other for other in now if _name(columns, other) == name), None)
        edited = [column for column, old, new in zip(columns, row, after or row, strict=True) if old != new]
        parts.append(f"row {name}, column {', '.join(edited)}" if after else f"row {name} was removed")
    more = len(was) - SHOWN
    return f": {'; '.join(parts)}{f'; and {more} rows more' if more > 0 else ''}" if parts else ""


def _shared(row: Sequence[Any], other: Sequence[Any]) -> int:
    return sum(one == two for one, two in zip(row, other, strict=True))


def _name(columns: list[str], row: Sequence[Any]) -> str:
    """Name a row by its id column, or by its first three values if it has none."""
    ids = [position for position, name in enumerate(columns) if name in {"score_id", "submission_id"}]
    return "/".join(str(row[position]) for position in (ids[:1] or range(min(3, len(columns)))))
