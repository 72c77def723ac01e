"""The fields of JSON records: every name any record has, though its kind may differ from record to record.

Belongs here: which fields there are, and SQL of each as text. Does not belong here: finding the records (`nested`).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb

from ingestion.headers import refuse_too_many
from ingestion.readers.input import Input
from miyar import sql

_KINDS_AT_ONCE = 10_000  # different shapes of records held as Python objects at a time


@dataclass(frozen=True)
class Field:
    """One field as a path of names; where other records have an object in its place, only values are its text."""

    path: tuple[str, ...]
    beside_objects: bool = False

    @property
    def pointer(self) -> str:
        """Where the field stands, as a JSON pointer, in which a name is never a pattern."""
        return pointer_of(self.path)

    @property
    def sql(self) -> str:
        """SQL: the field's text in `record`, null where there is none."""
        pointer = sql.text(self.pointer)
        text = f"json_extract_string(record, {pointer})"
        return f"case when json_type(record, {pointer}) <> 'OBJECT' then {text} end" if self.beside_objects else text


def pointer_of(path: Iterable[str]) -> str:
    """A path of names as a JSON pointer (RFC 6901)."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)


def fields_of(given: Input, connection: duckdb.DuckDBPyConnection, records: str) -> list[Field]:
    """All fields of the records (a relation with `record`) in order of appearance.

    A name that is an object in one record and empty in another (a reference that is not set) is the object's fields only.
    Raises MiyarError for records that are no objects, and for more fields than a table has columns.
    """
    connection.execute(
        f"create or replace temp table shapes as select distinct json_structure(record)::varchar as shape "
        f"from {records} order by all"
    )
    tree: dict[str, Any] = {}
    leaves = 0
    shapes = connection.execute("select shape from shapes order by shape")
    while block := shapes.fetchmany(_KINDS_AT_ONCE):
        for (shape,) in block:
            structure = json.loads(shape) if shape else None
            if not isinstance(structure, dict):
                raise given.fail(
                    "json_items", "the records are no JSON objects with names", 'Deliver objects: {"name": value, ...}.'
                )
            leaves += _merge(tree, structure)
            refuse_too_many(given.contract, leaves, given.shown, None)
    return _told(connection, records, _leaves(tree))


def _merge(tree: dict[str, Any], structure: dict[str, Any]) -> int:
    """Add a record's shape to the tree (name -> [has values, fields of the object]); returns how many names are new."""
    new = 0
    waiting = [(tree, structure)]
    while waiting:
        level, found = waiting.pop()
        for name, kind in found.items():
            if name not in level:
                level[name] = [False, {}]
                new += 1
            entry = level[name]
            if isinstance(kind, dict):
                waiting.append((entry[1], kind))
            elif kind != "NULL":
                entry[0] = True
    return new


def _leaves(tree: dict[str, Any]) -> list[Field]:
    found: list[Field] = []
    waiting: list[tuple[tuple[str, ...], list[Any]]] = [((name,), entry) for name, entry in reversed(tree.items())]
    while waiting:
        path, (has_values, inner) = waiting.pop()
        if has_values or not inner:
            found.append(Field(path, beside_objects=bool(inner)))
        waiting += [((*path, name), entry) for name, entry in reversed(inner.items())]
    return found


def _told(connection: duckdb.DuckDBPyConnection, records: str, fields: list[Field]) -> list[Field]:
    """Without the fields beside objects that only ever are empty texts or empty lists."""
    doubtful = [field for field in fields if field.beside_objects]
    empty: set[Field] = set()
    for start in range(0, len(doubtful), 100):
        some = doubtful[start : start + 100]
        counts = ", ".join(f"count(*) filter (where trim({field.sql}) not in ('', '[]'))" for field in some)
        found = connection.execute(f"select {counts} from {records}").fetchone() or ()
        empty |= {field for field, count in zip(some, found, strict=True) if not count}
    return [field for field in fields if field not in empty]
