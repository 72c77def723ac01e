"""The fields of JSON records: every name any record has, though its kind may differ from record to record.

Belongs here: which fields there are, and SQL of each as text. Does not belong here: finding the records (`nested`).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from ingestion.headers import refuse_too_many
from ingestion.readers.input import Input
from miyar import sql

_KINDS_AT_ONCE = 10_000  # different shapes of records held as Python objects at a time
_MOST_OBJECTS = 200  # objects in a record whose names are compared


@dataclass(frozen=True)
class Field:
    """One field as a path of names.

    Where other records have an object in its place (`beside_objects`), only values are its text. Where some have a list or
    nothing but braces (`is_nested`), a list of one is its item, and what is empty is no text.
    """

    path: tuple[str, ...]
    beside_objects: bool = False
    is_nested: bool = False

    @property
    def pointer(self) -> str:
        """Where the field stands, as a JSON pointer, in which a name is never a pattern."""
        return pointer_of(self.path)

    @property
    def sql(self) -> str:
        """SQL: the field's text in `record`, null where there is none."""
        pointer = sql.text(self.pointer)
        text = f"json_extract_string(record, {pointer})"
        if not (self.beside_objects or self.is_nested):
            return text
        first = sql.text(f"{self.pointer}/0")
        is_deep = f"json_type(record, {first}) in ('OBJECT', 'ARRAY')"
        item = f"case when {is_deep} then {text} else json_extract_string(record, {first}) end"
        of_list = f"case json_array_length(record, {pointer}) when 0 then null when 1 then {item} else {text} end"
        return f"case json_type(record, {pointer}) when 'OBJECT' then null when 'ARRAY' then {of_list} else {text} end"


def pointer_of(path: Iterable[str]) -> str:
    """A path of names as a JSON pointer (RFC 6901)."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)


def fields_of(given: Input, connection: duckdb.DuckDBPyConnection, records: str) -> list[Field]:
    """All fields of the records (a relation with `record`) in order of appearance.

    A name that is an object in one record and empty in another (a reference that is not set) is the object's fields only.
    Raises MiyarError for records that are no objects, and for more fields than a table has columns.
    """
    connection.execute(
        f"create or replace temp table shapes as select json_structure(record)::varchar as shape, "
        f"max(len(json_keys(record))) as names from {records} group by all order by all"
    )
    tree: dict[str, Any] = {}
    leaves = 0
    is_doubled = False
    shapes = connection.execute("select shape, names from shapes order by shape")
    while block := shapes.fetchmany(_KINDS_AT_ONCE):
        for shape, names in block:
            structure = json.loads(shape) if shape else None
            if not isinstance(structure, dict):
                raise given.fail(
                    "json_items", "the records are no JSON objects with names", 'Deliver objects: {"name": value, ...}.'
                )
            leaves += _merge(tree, structure)
            is_doubled = is_doubled or names > len(structure)
            refuse_too_many(given.contract, leaves, given.shown, None)
    objects = [path for path, entry in _walk(tree) if entry[1]][:_MOST_OBJECTS]
    _refuse_doubled(given, connection, records, [(), *objects] if is_doubled else objects)
    return _told(connection, records, _leaves(tree))


def _refuse_doubled(
    given: Input, connection: duckdb.DuckDBPyConnection, records: str, objects: list[tuple[str, ...]]
) -> None:
    """Raise MiyarError for a name that one object has twice: which of its values counts, JSON leaves open."""
    for path in objects:
        keys = f"json_keys(record, {sql.text(pointer_of(path))})" if path else "json_keys(record)"
        found = connection.execute(
            f"select {keys} from {records} where len({keys}) <> len(list_distinct({keys})) limit 1"
        ).fetchone()
        if found:
            name = next(one for number, one in enumerate(found[0]) if one in found[0][:number])
            raise given.fail(
                "header_duplicated",
                "the name stands twice in one object, and only one of its values could be read",
                "Give each field its own name, or write both values as a list.",
                column=".".join((*path, name)),
            )


def _merge(tree: dict[str, Any], structure: dict[str, Any]) -> int:
    """Add a record's shape to the tree; returns how many names are new.

    The tree is name -> [has values, fields of the object, has lists or empty objects].
    """
    new = 0
    waiting = [(tree, structure)]
    while waiting:
        level, found = waiting.pop()
        for name, kind in found.items():
            if name not in level:
                level[name] = [False, {}, False]
                new += 1
            entry = level[name]
            if isinstance(kind, dict):
                waiting.append((entry[1], kind))
            elif kind != "NULL":
                entry[0] = True
                # An object without fields has the shape of any JSON.
                entry[2] = entry[2] or isinstance(kind, list) or kind == "JSON"
    return new


def _leaves(tree: dict[str, Any]) -> list[Field]:
    return [
        Field(path, beside_objects=bool(inner), is_nested=is_nested)
        for path, (has_values, inner, is_nested) in _walk(tree)
        if has_values or not inner
    ]


def _walk(tree: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Every name of the tree with its path, in order of appearance."""
    waiting: list[tuple[tuple[str, ...], list[Any]]] = [((name,), entry) for name, entry in reversed(tree.items())]
    while waiting:
        path, entry = waiting.pop()
        yield path, entry
        waiting += [((*path, name), one) for name, one in reversed(entry[1].items())]


def _told(connection: duckdb.DuckDBPyConnection, records: str, fields: list[Field]) -> list[Field]:
    """Without the fields beside objects that never are a text."""
    doubtful = [field for field in fields if field.beside_objects]
    empty: set[Field] = set()
    for start in range(0, len(doubtful), 100):
        some = doubtful[start : start + 100]
        counts = ", ".join(f"count(*) filter (where trim({field.sql}) <> '')" for field in some)
        found = connection.execute(f"select {counts} from {records}").fetchone() or ()
        empty |= {field for field, count in zip(some, found, strict=True) if not count}
    return [field for field in fields if field not in empty]
