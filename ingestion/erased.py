"""What may not come back, whatever is delivered or read again: people who were erased, and what a retention clock ended.

    lake/erased.json    people: a hash of each pseudonym, enough to know one again, not to say who it was
                        ended: scope (a contract, or a file by its bytes), quarter, and column (empty for whole rows)

Belongs here: the list, and taking out of typed rows what stands on it. Does not belong here: destroying what is kept
(`expectations.erasure`, `expectations.retention`).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ingestion.ledger_files import json_text, read_json
from ingestion.personal import Pseudonyms, pseudonym_sql
from ingestion.receipts import Destroyed, Receipts
from ingestion.typed_rows import TypedRows
from miyar import atomic_files, sql
from miyar.errors import Problem
from miyar.workspace import Workspace

FILE = "lake/erased.json"
EVERY = ""  # in place of a quarter: rows that have none, which go by the clock of their file
QUARANTINE = "quarantine"  # in place of a column: what was refused of a file
Ended = tuple[str, str, str]  # scope, quarter, column


@dataclass(frozen=True)
class Erased:
    """The list: SHA-256 of every erased pseudonym, and what clocks ended."""

    people: frozenset[str] = frozenset()
    ended: frozenset[Ended] = frozenset()

    def ended_of(self, scopes: Iterable[str]) -> dict[str, set[str]]:
        """Return the quarters that ended for any of the scopes, by column; whole rows under the empty column."""
        asked, found = set(scopes), dict[str, set[str]]()
        for scope, period, column in self.ended:
            if scope in asked:
                found.setdefault(column, set()).add(period)
        return found


@dataclass(frozen=True)
class TakenOut:
    """What was taken out of the rows of a file: how many, and the slices that a clock ended with their rows."""

    rows: int = 0
    slices: list[dict[str, str | int]] = field(default_factory=list)


def scopes_of(provider: str, feed: str, contract_id: str, content: str) -> list[str]:
    """What a clock ends: the contract's quarter, and that of these bytes, by whatever contract they are read."""
    return [f"{provider}/{feed}/{contract_id}", content]


def read_erased(workspace: Workspace) -> Erased:
    """Return the list; raises MiyarError if it was changed, for then people could come back."""
    path = workspace.root / FILE
    if not path.is_file():
        return Erased()
    source = read_json(path)
    # Lists of earlier versions have people alone.
    return Erased(frozenset(source["people"]), frozenset((one[0], one[1], one[2]) for one in source.get("ended", ())))


def add_people(receipts: Receipts, pseudonyms: Iterable[str]) -> None:
    """Put people on the list, with a receipt."""
    known = read_erased(receipts.workspace)
    people = known.people | {hashlib.sha256(one.encode()).hexdigest() for one in pseudonyms}
    _write(receipts, "people", Erased(people, known.ended), len(people - known.people))


def add_ended(receipts: Receipts, ended: Iterable[Ended]) -> None:
    """Put what clocks ended on the list, with a receipt if anything is new."""
    known = read_erased(receipts.workspace)
    every = known.ended | set(ended)
    if every != known.ended:
        _write(receipts, "clocks", Erased(known.people, every), len(every - known.ended))


def _write(receipts: Receipts, what: str, erased: Erased, added: int) -> None:
    path = receipts.workspace.root / FILE
    text = json_text({"people": sorted(erased.people), "ended": sorted(map(list, erased.ended))})
    receipts.note(
        Destroyed(what, FILE, added, list_hash(receipts.workspace), hashlib.sha256(text.encode()).hexdigest())
    )
    atomic_files.write_text(path, text)


def list_hash(workspace: Workspace) -> str:
    """Return the hash of the list's file; empty if there is none."""
    path: Path = workspace.root / FILE
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def take_out_people(
    connection: duckdb.DuckDBPyConnection,
    table: TypedRows,
    columns: list[str],
    people: frozenset[str],
    delivered: str,
    keys: Iterable[Pseudonyms],
) -> int:
    """Remove the rows of erased people from the typed rows; return how many.

    Args:
        columns: the columns that hold pseudonyms.
        delivered: SQL of `row_id` and the texts, cleaned, that these were made from.
        keys: every version of the key: who was erased under one is not back under the next.
    """
    if not columns or not people:
        return 0
    connection.execute(
        "create or replace temp table erased_people as select unnest(?::varchar[]) as person", [sorted(people)]
    )
    connection.execute("create or replace temp table erased_ids (row_id varchar)")
    for key in keys:
        key.install(connection)
        held = _is_erased(pseudonym_sql(name) for name in columns)
        connection.execute(f"insert into erased_ids select row_id from ({delivered}) as delivered where {held}")
    return _take_out(connection, table, f"{_is_erased(columns)} or row_id in (select row_id from erased_ids)")


def _is_erased(pseudonyms: Iterable[str]) -> str:
    return " or ".join(f"coalesce(sha256({one}) in (select person from erased_people), false)" for one in pseudonyms)


def take_out_ended(connection: duckdb.DuckDBPyConnection, table: TypedRows, ended: dict[str, set[str]]) -> TakenOut:
    """Remove the rows of quarters that a clock ended (`Erased.ended_of`) from the typed rows."""
    if not ended.get(""):
        return TakenOut()
    condition = f"period_id in ({sql.texts(sorted(ended['']))})"
    slices = sql.rows(
        connection.execute(
            f"select slice_id, agency_id, period_id, count(*) as rows from {table.typed.relation} "
            f"where {condition} and agency_id is not null group by all order by all"
        )
    )
    return TakenOut(_take_out(connection, table, condition), slices)


def empty_ended(table: TypedRows, ended: dict[str, set[str]]) -> None:
    """Empty the columns of quarters that a clock ended for them."""
    columns = sorted(name for name in ended if name not in ("", QUARANTINE))
    emptied = ", ".join(
        f"case when period_id in ({sql.texts(sorted(ended[name]))}) then null else {name} end as {name}"
        for name in columns
    )
    if emptied:
        typed = table.typed
        typed.replace(f"select * exclude (file_row_number) replace ({emptied}) from {typed.placed}")


def _take_out(connection: duckdb.DuckDBPyConnection, table: TypedRows, condition: str) -> int:
    typed = table.typed
    count = sql.count(connection, f"select count(*) from {typed.relation} where {condition}")
    if count:
        sql.mark_rows(
            connection, "erased_rows", f"select file_row_number from {typed.placed} where {condition}", typed.count
        )
        if table.problems:
            gone = f"select row_id from {typed.placed} where {sql.is_marked('erased_rows')}"
            table.problems.replace(f"from {table.problems.relation} where row_id not in ({gone})")
        typed.replace(
            f"select * exclude (file_row_number) from {typed.placed} where not {sql.is_marked('erased_rows')}"
        )
    return count


def ended_note(provider: str, path: str, slices: Iterable[dict[str, str | int]]) -> Problem | None:
    """What is told of the rows of a file that a clock ended; None if there are none."""
    rows = Counter[str]()
    for one in slices:
        rows[str(one["period_id"])] += int(one["rows"])
    if not +rows:
        return None
    told = ", ".join(f"{count:,} rows of {period}" for period, count in sorted(rows.items()))
    return Problem(
        "clock_passed",
        f"{told} were destroyed when their retention clock ran out, and are not taken again",
        provider,
        path,
        next_step="Nothing; deliver the file without them, or remove it when `miyar retain` lists it.",
    )
