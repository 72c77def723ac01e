"""Writers of provider files: columns of text in, bytes out; the same columns always give the same bytes.

Belongs here: file formats and their fixed time stamps. Does not belong here: the content of the columns
(`provider_formats`, `defects`).
"""

import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from ingestion.formats import CsvFormat, FileFormat, JsonFormat, ParquetFormat, SheetFormat
from simulation.provider_formats import Columns

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,8})(\.[0-9]+)?")


class Writer(Protocol):
    """Takes one chunk after another; the first sets the headers."""

    def write(self, columns: Columns) -> None: ...

    def close(self) -> None: ...


@contextmanager
def opened(path: Path, file_format: FileFormat, banner: Iterable[str] = ()) -> Iterator[Writer]:
    """Yield a writer for one file and close it with the context."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = WRITERS[file_format.type](path, file_format, banner)
    try:
        yield writer
    finally:
        writer.close()


def header_lines(names: Iterable[str], rows: int) -> list[list[str]]:
    """One header row, or two: `upper / lower`, with the upper cell written once as in a merged header."""
    if rows == 1:
        return [list(names)]
    upper: list[str] = []
    lower: list[str] = []
    last = ""
    for name in names:
        group, _, label = name.partition(" / ")
        upper.append("" if group == last else group)
        lower.append(label)
        last = group
    return [upper, lower]


class _Csv:
    def __init__(self, path: Path, file_format: CsvFormat, banner: Iterable[str]) -> None:
        self._file = path.open("wb")
        self._format = file_format
        self._delimiter = file_format.delimiter or ("\t" if file_format.type == "tsv" else ",")
        self._banner: list[str] | None = list(banner)
        # Only the head of the file has a byte order mark.
        self._encoding = "utf-8" if file_format.encoding == "utf-8-sig" else file_format.encoding

    def write(self, columns: Columns) -> None:
        if self._banner is not None:
            head_lines = [[text] for text in self._banner] + header_lines(columns, self._format.header_rows)
            head = "".join(self._delimiter.join(line) + "\n" for line in head_lines)
            self._file.write(head.encode(self._format.encoding))
            self._banner = None
        cells = [_quoted(pa.array(column, pa.string()), self._delimiter) for column in columns.values()]
        lines = pa.compute.binary_join_element_wise(*cells, self._delimiter).to_pylist()
        self._file.write("".join(f"{line}\n" for line in lines).encode(self._encoding))

    def close(self) -> None:
        self._file.close()


def _quoted(column: pa.Array, delimiter: str) -> pa.Array:
    """Quote only the cells that need it, as most exports do."""
    needed = pa.compute.match_substring_regex(column, f'["\\n\\r{re.escape(delimiter)}]')
    if not pa.compute.any(needed).as_py():
        return column
    doubled = pa.compute.replace_substring(column, '"', '""')
    return pa.compute.if_else(needed, pa.compute.binary_join_element_wise('"', doubled, '"', ""), column)


class _Json:
    """NDJSON, or one document with the records at `itemsPath` after a small head."""

    def __init__(self, path: Path, file_format: JsonFormat, _: Iterable[str]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._lines = file_format.type == "ndjson"
        self._names = [name for name in file_format.items_path.split(".") if name]
        self._started = False
        if not self._lines:
            head = "".join(f"{{{json.dumps('schema')}: 1, {json.dumps(name)}: " for name in self._names)
            self._file.write(head + "[")

    def write(self, columns: Columns) -> None:
        paths = [name.split(".") for name in columns]
        for values in zip(*columns.values(), strict=True):
            record: dict[str, Any] = {}
            for path, value in zip(paths, values, strict=True):
                inner = record
                for name in path[:-1]:
                    inner = inner.setdefault(name, {})
                inner[path[-1]] = _json_value(value)
            separator = "" if self._lines or not self._started else ","
            self._file.write(separator + ("" if self._lines else "\n"))
            self._file.write(json.dumps(record, ensure_ascii=False) + ("\n" if self._lines else ""))
            self._started = True

    def close(self) -> None:
        if not self._lines:
            self._file.write("\n]" + "}" * len(self._names) + "\n")
        self._file.close()


def _json_value(text: str) -> str | int | float | None:
    if text == "":
        return None
    if NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


class _Parquet:
    def __init__(self, path: Path, _: ParquetFormat, __: Iterable[str]) -> None:
        self._path = path
        self._writer: pa.parquet.ParquetWriter | None = None

    def write(self, columns: Columns) -> None:
        table = pa.table({name: _arrow(column) for name, column in columns.items()})
        if self._writer is None:
            self._writer = pa.parquet.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _arrow(column: np.ndarray[Any, Any]) -> pa.Array:
    if column.dtype == object:
        return pa.array([None if text in (None, "") else text for text in column], pa.string())
    if np.issubdtype(column.dtype, np.datetime64):
        return pa.array(column.astype("datetime64[us]"))
    return pa.array(column, from_pandas=True)


class _Xlsx:
    def __init__(self, path: Path, file_format: SheetFormat, banner: Iterable[str]) -> None:
        import xlsxwriter

        self._book = xlsxwriter.Workbook(
            str(path), {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm"}
        )
        self._book.set_properties({"created": LONG_AGO})
        self._sheet = self._book.add_worksheet(file_format.sheet if isinstance(file_format.sheet, str) else "Sheet1")
        self._sheet.right_to_left()
        self._row = 0
        self._banner: list[str] | None = list(banner)
        self._header_rows = file_format.header_rows

    def write(self, columns: Columns) -> None:
        if self._banner is not None:
            for line in [[text] for text in self._banner] + header_lines(columns, self._header_rows):
                self._write_row(line)
            self._banner = None
        for values in zip(*columns.values(), strict=True):
            self._write_row(values)

    def _write_row(self, values: Iterable[str]) -> None:
        for position, text in enumerate(values):
            if text != "":
                if NUMBER.fullmatch(text):
                    self._sheet.write_number(self._row, position, float(text))
                else:
                    self._sheet.write_string(self._row, position, text)
        self._row += 1

    def close(self) -> None:
        self._book.close()


class _Ods:
    """Written as XML row by row, because odfpy keeps the document in memory and orders name spaces by earlier use."""

    def __init__(self, path: Path, file_format: SheetFormat, banner: Iterable[str]) -> None:
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._member("mimetype", ODS_TYPE, zipfile.ZIP_STORED)
        self._member("META-INF/manifest.xml", ODS_MANIFEST)
        self._content = self._archive.open(_zip_info("content.xml"), "w")
        name = file_format.sheet if isinstance(file_format.sheet, str) else "Sheet1"
        self._content.write(f"{ODS_HEAD}<table:table table:name={quoteattr(name)}>".encode())
        self._banner: list[str] | None = list(banner)
        self._header_rows = file_format.header_rows

    def _member(self, name: str, content: str, compression: int = zipfile.ZIP_DEFLATED) -> None:
        info = _zip_info(name)
        info.compress_type = compression
        self._archive.writestr(info, content)

    def write(self, columns: Columns) -> None:
        if self._banner is not None:
            for line in [[text] for text in self._banner] + header_lines(columns, self._header_rows):
                self._write_row(line)
            self._banner = None
        for values in zip(*columns.values(), strict=True):
            self._write_row(values)

    def _write_row(self, values: Iterable[str]) -> None:
        cells = "".join(_ods_cell(text) for text in values)
        self._content.write(f"<table:table-row>{cells}</table:table-row>".encode())

    def close(self) -> None:
        self._content.write(b"</table:table></office:spreadsheet></office:body></office:document-content>")
        self._content.close()
        self._archive.close()


ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
ODS_NAMES = "urn:oasis:names:tc:opendocument:xmlns"
ODS_MANIFEST = (
    f'<?xml version="1.0" encoding="UTF-8"?><m:manifest xmlns:m="{ODS_NAMES}:manifest:1.0" m:version="1.2">'
    f'<m:file-entry m:full-path="/" m:media-type="{ODS_TYPE}"/>'
    '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>'
)
ODS_HEAD = (
    f'<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="{ODS_NAMES}:office:1.0" '
    f'xmlns:table="{ODS_NAMES}:table:1.0" xmlns:text="{ODS_NAMES}:text:1.0" office:version="1.2">'
    "<office:body><office:spreadsheet>"
)


def _zip_info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _ods_cell(text: str) -> str:
    if text == "":
        return "<table:table-cell/>"
    kind = f'float" office:value="{text}' if NUMBER.fullmatch(text) else "string"
    return f'<table:table-cell office:value-type="{kind}"><text:p>{escape(text)}</text:p></table:table-cell>'


# Formats of `ingestion.readers.READERS` that a world delivers; binary workbooks, files of statistics programs, XML and fixed
# widths are read only.
WRITERS: dict[str, Callable[[Path, Any, Iterable[str]], Writer]] = {
    "csv": _Csv,
    "tsv": _Csv,
    "xlsx": _Xlsx,
    "ods": _Ods,
    "json": _Json,
    "ndjson": _Json,
    "parquet": _Parquet,
}
