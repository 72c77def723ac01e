"""Readers of JSON, JSON lines and Parquet: nested fields flattened to `a.b`, values as text.

Belongs here: formats whose records carry field names. Does not belong here: delimited text (`text`), fetching JSON from
a server (`ingestion.fetch`).
"""

import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from ingestion.formats import JsonFormat
from ingestion.headers import resolve
from ingestion.readers.encodings import transcode
from ingestion.readers.input import Input, Source
from ingestion.readers.json_fields import fields_of, pointer_of
from ingestion.readers.text import error_line, mixed_line_ends
from miyar import sql

_LONGEST_LINE = 16 << 20  # one JSON record; the same as DuckDB's limit for a JSON object
_SHOWN_LINES = 10  # malformed lines named in one message
_NAME = "[name]"  # the field that holds a record's name where records are named


def read_lines(given: Input, connection: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read JSON lines into scratch; row numbers are line numbers of the file."""
    records = scratch / "records.parquet"
    _lines(given, connection, records)
    return _flatten_json(given, connection, records, scratch)


def read_json(given: Input, connection: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read a JSON document into scratch; row numbers are the positions of its records, from 1."""
    form = given.contract.format
    assert isinstance(form, JsonFormat)  # noqa: S101 -- narrows the type; the caller chose by it
    records = scratch / "records.parquet"
    _items(given, form, connection, records)
    return _flatten_json(given, connection, records, scratch)


def _lines(given: Input, connection: duckdb.DuckDBPyConnection, records: Path) -> None:
    try:
        _copy_lines(connection, given.path, records)
    except duckdb.InvalidInputException as error:
        if "unicode" in str(error) or "utf-8" in str(error):
            raise given.fail(
                "file_encoding", "the file is not UTF-8, as JSON must be", "Write the file as UTF-8.", error_line(error)
            ) from None
        if not mixed_line_ends(error):
            raise given.fail(
                "file_malformed",
                f"a line is longer than {_LONGEST_LINE:,} bytes or holds control characters",
                "Write one JSON record a line.",
                error_line(error),
            ) from None
        _copy_lines(connection, transcode(given, given.path, "utf-8", records.parent, one_line_end=True), records)
    bad = connection.execute(
        f"select file_row_number + 1, count(*) over () from {sql.parquet(records, with_places=True)} "
        "where trim(record) <> '' and not json_valid(record) "
        f"order by 1 limit {_SHOWN_LINES}"
    ).fetchall()
    if bad:
        last = pq.read_metadata(records).num_rows
        if [row for row, _ in bad] == [last]:
            raise given.fail(
                "file_truncated",
                "the last line is no whole JSON record: the file is cut off",
                "Deliver the file again; compare its size with the original.",
                last,
            )
        raise given.fail(
            "file_malformed",
            f"{bad[0][1]:,} lines are no JSON (first: {', '.join(str(row) for row, _ in bad)})",
            "Write one JSON record a line.",
            bad[0][0],
        )


def _copy_lines(connection: duckdb.DuckDBPyConnection, path: Path, records: Path) -> None:
    # With one text column and a delimiter that JSON must escape, every line is one row, blank lines included.
    connection.execute(
        f"""copy (select record from read_csv({sql.file(path)}, auto_detect = false, header = false,
            columns = {{'record': 'varchar'}}, delim = '\x1f', quote = '', escape = '',
            max_line_size = {_LONGEST_LINE}, nullstr = '', compression = 'none'))
        to {sql.text(str(records))} (format parquet)"""
    )


def _items(given: Input, form: JsonFormat, connection: duckdb.DuckDBPyConnection, records: Path) -> None:
    path = pointer_of(part for part in form.items_path.split(".") if part)
    try:
        connection.execute(
            f"create or replace temp table document as select ltrim(content, '\ufeff')::json as document "
            f"from read_text({sql.file(given.path)})"
        )
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException | duckdb.IOException):
            raise
        raise _explain_json(given) from None
    here = f"json_extract(document, {sql.text(path)})" if path else "document"
    kind = connection.execute(f"select json_type({here}) from document").fetchone()
    expected = "ARRAY" if form.items == "list" else "OBJECT"
    if kind is None or kind[0] != expected:
        found = "nothing" if kind is None or kind[0] is None else f"{kind[0].lower()}"
        wanted = {"list": "a list of records", "one": "one record", "named": "records by name"}[form.items]
        raise given.fail(
            "json_items",
            f"itemsPath {form.items_path!r} leads to {found}, not to {wanted}",
            "Correct format.itemsPath or format.items in the contract, or deliver the agreed structure.",
        )
    connection.execute(f"copy ({_records_of(form, here)}) to {sql.text(str(records))} (format parquet)")
    connection.execute("drop table document")


def _records_of(form: JsonFormat, here: str) -> str:
    """SQL of one record a row, as text."""
    if form.items == "list":
        return f"select unnest(json_extract({here}, '$[*]'))::varchar as record from document"
    if form.items == "one":
        return f"select {here}::varchar as record from document"
    pointer = "'/' || replace(replace(name, '~', '~0'), '/', '~1')"
    return f"""select json_merge_patch(json_extract(here, {pointer}), json_object({sql.text(_NAME)}, name))::varchar as record
        from (select here, unnest(json_keys(here)) as name from (select {here} as here from document))"""


def _explain_json(given: Input) -> Exception:
    """Find where the JSON breaks; called only for files that do not parse."""
    try:
        content = given.path.read_text("utf-8-sig")
        json.loads(content)
    except RecursionError:
        return given.fail(
            "file_malformed", "lists stand in lists, thousands deep", "Check the file with a JSON validator."
        )
    except UnicodeDecodeError as error:
        return given.fail(
            "file_encoding",
            f"the bytes at offset {error.start:,} are not utf-8, as JSON must be",
            "Write the file as UTF-8.",
        )
    except json.JSONDecodeError as error:
        if error.pos >= len(content.rstrip()) or "Unterminated" in error.msg:
            return given.fail(
                "file_truncated",
                f"the file is cut off after {len(content):,} characters",
                "Deliver the file again; compare its size with the original.",
                content.count("\n") + 1,
            )
        return given.fail(
            "file_malformed",
            f"no JSON at character {error.colno} of the line",
            "Check the file with a JSON validator.",
            error.lineno,
        )
    return given.fail("file_malformed", "the file is no plain JSON", "Check the file with a JSON validator.")


def _flatten_json(given: Input, connection: duckdb.DuckDBPyConnection, records: Path, scratch: Path) -> Source:
    source = sql.parquet(records, with_places=True)
    filled = f"(select * from {source} where trim(record) <> '')"
    fields = fields_of(given, connection, filled)
    headers = resolve(given.contract, [".".join(field.path) for field in fields], given.shown, None)
    columns = "".join(f", {fields[position].sql} as c{position}" for position in headers.wanted)
    raw = scratch / "raw.parquet"
    connection.execute(
        f"copy (select file_row_number + 1 as source_row{columns} from {filled}) to {sql.text(str(raw))} "
        "(format parquet, compression lz4)"
    )
    return Source(sql.parquet(raw), headers, pq.read_metadata(raw).num_rows)


def read_parquet(given: Input, connection: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read Parquet into scratch as texts; row numbers are the positions of its rows, from 1."""
    source = sql.parquet(given.path, with_places=True)
    raw = scratch / "raw.parquet"
    try:
        described = connection.execute(f"describe select * exclude (file_row_number) from {source}").fetchall()
        leaves = [leaf for name, kind, *_ in described for leaf in _fields((name,), connection, source, kind)]
        headers = resolve(given.contract, [".".join(path) for path, _ in leaves], given.shown, None)
        columns = "".join(f", {_text_of(*leaves[position])} as c{position}" for position in headers.wanted)
        connection.execute(
            f"copy (select file_row_number + 1 as source_row{columns} from {source}) to {sql.text(str(raw))} "
            "(format parquet, compression lz4)"
        )
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException):
            raise
        raise _explain_parquet(given) from None
    return Source(sql.parquet(raw), headers, pq.read_metadata(raw).num_rows)


def _fields(
    path: tuple[str, ...], connection: duckdb.DuckDBPyConnection, source: str, kind: str
) -> list[tuple[tuple[str, ...], str]]:
    if not kind.startswith("STRUCT") or kind.endswith("]"):
        return [(path, kind)]
    inner = connection.execute(f"describe select unnest({_access(path)}) from {source}").fetchall()
    return [leaf for name, deeper, *_ in inner for leaf in _fields((*path, name), connection, source, deeper)]


def _access(path: tuple[str, ...]) -> str:
    return ".".join(sql.name(part) for part in path)


def _text_of(path: tuple[str, ...], kind: str) -> str:
    """SQL of a field as text: whole numbers without a decimal part, the rest as DuckDB writes it (ISO dates, UTC)."""
    value = _access(path)
    if kind in {"DOUBLE", "FLOAT"} or kind.startswith("DECIMAL"):
        whole = f"isfinite({value}::double) and {value} = trunc({value}) and abs({value}) <= {2**53}"
        return (
            f"case when {value} is null or isnan({value}::double) then null "
            f"when {whole} then {value}::bigint::varchar else {value}::varchar end"
        )
    if kind.endswith("]") or kind.startswith(("MAP", "STRUCT")):
        return f"to_json({value})::varchar"
    return f"{value}::varchar"


def _explain_parquet(given: Input) -> Exception:
    with given.path.open("rb") as stream:
        head = stream.read(4)
        stream.seek(-min(4, given.path.stat().st_size), 2)
        tail = stream.read(4)
    if head == b"PAR1" and tail != b"PAR1":
        return given.fail(
            "file_truncated",
            "the Parquet file is cut off: its footer is missing",
            "Deliver the file again; compare its size with the original.",
        )
    return given.fail(
        "file_malformed", "the file is damaged or no Parquet file", "Write the file again and deliver that."
    )
