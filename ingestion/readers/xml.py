"""XML: one record an element, its fields the elements and attributes inside, read as a stream.

Belongs here: paths, attributes and names of fields. Does not belong here: the XML of spreadsheets (`sheet_xml`).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.formats import XmlFormat
from ingestion.headers import refuse_too_many, resolve
from ingestion.readers.input import Input, Source
from ingestion.readers.json_fields import pointer_of
from ingestion.readers.limits import LONGEST_FIELD
from miyar import sql

_BLOCK = 1 << 20
_BATCH = 10_000  # records held as Python objects at a time
_CUT = {3, 5, 20}  # the parser's codes for an end without the root's, within a tag, within a section of text
_DEEPEST = 200  # elements within elements; no report nests a tenth of it


def read_xml(given: Input, connection: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read the records into scratch; row numbers are their positions, from 1."""
    form = given.contract.format
    assert isinstance(form, XmlFormat)  # noqa: S101 -- narrows the type; the caller chose by it
    records = scratch / "records.parquet"
    names = _write_records(given, form, records)
    headers = resolve(given.contract, names, given.shown, None)
    columns = "".join(
        f", json_extract_string(record, {sql.text(pointer_of([names[position]]))}) as c{position}"
        for position in headers.wanted
    )
    raw = scratch / "raw.parquet"
    connection.execute(
        f"copy (select file_row_number + 1 as source_row{columns} from {sql.parquet(records, with_places=True)}) "
        f"to {sql.text(str(raw))} (format parquet, compression lz4)"
    )
    return Source(sql.parquet(raw), headers, pq.read_metadata(raw).num_rows)


def _write_records(given: Input, form: XmlFormat, records: Path) -> list[str]:
    """Write each record as JSON of its fields; returns all names of fields in order of appearance."""
    names: dict[str, None] = {}
    schema = pa.schema([("record", pa.string())])
    with pq.ParquetWriter(records, schema) as writer:
        batch: list[str] = []
        for record in _records(given, form):
            names |= dict.fromkeys(record)
            refuse_too_many(given.contract, len(names), given.shown, None)
            batch.append(json.dumps(record, ensure_ascii=False))
            if len(batch) == _BATCH:
                writer.write_table(pa.table({"record": batch}, schema))
                batch = []
        writer.write_table(pa.table({"record": batch}, schema))
    return list(names)


def _records(given: Input, form: XmlFormat) -> Iterator[dict[str, str]]:
    scan = _Scan(given, form)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = scan.start, scan.end
    parser.CharacterDataHandler = scan.text
    parser.EntityDeclHandler = scan.entity
    last = False
    try:
        with given.path.open("rb") as stream:
            while not last:
                block = stream.read(_BLOCK)
                last = not block
                parser.Parse(block, last)
                yield from scan.done
                scan.done.clear()
    except expat.ExpatError as error:
        is_cut = last and error.code in _CUT
        raise given.fail(
            "file_truncated" if is_cut else "file_malformed",
            "the file is cut off" if is_cut else f"no XML at character {error.offset + 1} of the line",
            "Deliver the file again; compare its size with the original."
            if is_cut
            else "Check the file with an XML validator.",
            error.lineno,
        ) from None
    if not scan.found:
        raise given.fail(
            "xml_records",
            f"recordPath {form.record_path!r} leads to no element",
            "Correct format.recordPath in the contract, or deliver the agreed structure.",
        )


class _Scan:
    """Handlers that gather the fields of one record after the other; prefixes of names are left out."""

    def __init__(self, given: Input, form: XmlFormat) -> None:
        self._given, self._form = given, form
        self._wanted = form.record_path.strip("/").split("/")
        self._open: list[str] = []
        self._around: list[dict[str, str]] = []
        self._record: dict[str, str] | None = None
        self._depth = 0
        self._texts: list[str] = []
        self._length = 0
        self._fields: list[str] = []
        self._had_children = False
        self.done: list[dict[str, str]] = []
        self.found = False

    def entity(self, *_: object) -> None:
        """Entities of one's own can repeat a text a billion times, and no report needs them."""
        raise self._given.fail(
            "file_malformed", "the file declares entities of its own", "Deliver XML without a document type."
        )

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = _local(name)
        self._open.append(name)
        if len(self._open) > _DEEPEST:
            raise self._given.fail(
                "file_malformed",
                f"elements stand more than {_DEEPEST} deep in each other",
                "Check the file with an XML validator.",
            )
        if self._record is None:
            self._around.append({f"{name}.@{_local(key)}": value for key, value in attributes.items()})
            if self._open[-len(self._wanted) :] == self._wanted:
                self.found = True
                self._record = {key: value for level in self._around[:-1] for key, value in level.items()}
                self._record |= {f"@{_local(key)}": value for key, value in attributes.items()}
                self._depth, self._fields, self._texts, self._length = len(self._open), [], [], 0
            return
        self._texts, self._length = [], 0
        self._had_children = False
        self._field(name, attributes)

    def _field(self, name: str, attributes: dict[str, str]) -> None:
        key = self._form.name_attribute
        if key is not None and key in attributes:
            self._fields.append(attributes[key])
            if "value" in attributes:
                self._add(attributes[key], attributes["value"])
            return
        self._fields.append(name)
        for attribute, value in attributes.items():
            if _local(attribute) != "nil":
                self._add(".".join([*self._path(), f"@{_local(attribute)}"]), value)

    def _path(self) -> list[str]:
        # Elements that only hold named fields add nothing to their names.
        return self._fields[-1:] if self._form.name_attribute else self._fields

    def _add(self, name: str, value: str) -> None:
        assert self._record is not None  # noqa: S101 -- called inside a record only
        before = self._record.get(name)
        # An element that is repeated (several categories) is one text, as exports to tables write it.
        self._record[name] = value if not before else f"{before}; {value}" if value else before

    def text(self, text: str) -> None:
        if self._record is not None and self._length <= LONGEST_FIELD:
            self._texts.append(text)
            self._length += len(text)

    def end(self, _: str) -> None:
        depth = len(self._open)
        self._open.pop()
        if self._record is None:
            self._around.pop()
        elif depth == self._depth:
            self._around.pop()
            if not self._had_children and (text := "".join(self._texts).strip()):
                self._add("text()", text)
            self.done.append(self._record)
            self._record = None
        else:
            text = "".join(self._texts).strip()
            if text or not self._had_children:
                self._leaf(text)
            self._texts, self._length = [], 0
            self._had_children = True
            self._fields.pop()

    def _leaf(self, text: str) -> None:
        if text or self._fields[-1] not in (self._record or {}):
            self._add(".".join(self._path()), text)


def _local(name: str) -> str:
    return name.rpartition(":")[2]
