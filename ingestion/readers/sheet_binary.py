"""Failed formulas, hidden rows and columns of binary workbooks (xls, xlsb), which the spreadsheet library shows as empty.

Belongs here: records of BIFF12, and what xlrd knows of BIFF8. Does not belong here: values of cells (`sheet`).
"""

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import xlrd

from ingestion.readers.archives import part_by_id
from ingestion.readers.sheet_xml import SheetFacts, known_error

_ERRORS = {
    0: "#NULL!",
    7: "#DIV/0!",
    15: "#VALUE!",
    23: "#REF!",
    29: "#NAME?",
    36: "#NUM!",
    42: "#N/A",
    43: "#GETTING_DATA",
}
# Records of BIFF12 (MS-XLSB 2.3): a row's head, a range of columns, a sheet's entry in the workbook, cells that hold an error,
# all cells.
_ROW, _COLUMNS, _SHEET = 0, 60, 156
_ERROR_CELLS = {3, 11}
_FILLED_CELLS = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 62}
_MOST_ROWS = 1 << 20
_LARGEST_RECORD = 64 << 20


def scan_xls(path: Path, sheet: str) -> SheetFacts:
    """The facts of a sheet of an xls workbook; none where it cannot be opened, which the library then says."""
    facts = SheetFacts()
    try:
        with (
            path.open("rb") as stream,
            xlrd.open_workbook(
                file_contents=stream.read(), formatting_info=True, on_demand=True, logfile=_Silence()
            ) as book,
        ):
            table = book.sheet_by_name(sheet)
            for row in range(table.nrows):
                for column, kind in enumerate(table.row_types(row)):
                    if kind == xlrd.XL_CELL_ERROR:
                        facts.error(row, column, _ERRORS.get(int(table.cell_value(row, column)), "#VALUE!"))
            facts.hidden = sorted(row + 1 for row, info in table.rowinfo_map.items() if info.hidden)
            facts.hidden_columns = sorted((one, one) for one, info in table.colinfo_map.items() if info.hidden)
    except (xlrd.XLRDError, xlrd.compdoc.CompDocError, struct.error, IndexError, KeyError, AssertionError, ValueError):
        return facts
    return facts


class _Silence:
    def write(self, _: str) -> None:
        """Warnings of the library quote names of the file."""


def scan_xlsb(archive: zipfile.ZipFile, sheet: str) -> SheetFacts:
    """The facts of a sheet of an xlsb workbook."""
    facts = SheetFacts()
    identity = next((one for name, one in _sheets(archive) if name == sheet), "")
    part = part_by_id(archive, "xl/_rels/workbook.bin.rels", identity)
    row = -1
    for kind, content in _records(archive, part):
        if kind == _ROW and len(content) >= 12:
            row = struct.unpack_from("<I", content)[0]
            # The byte after styles and height: bit 4 of the row's flags says that it is hidden.
            if row < _MOST_ROWS and content[11] & 0x10:
                facts.hidden.append(row + 1)
        elif kind == _COLUMNS and len(content) >= 18:
            # First and last column, width and style, then flags of which bit 0 says that they are hidden.
            first, last, width, _, flags = struct.unpack_from("<4IH", content)
            if flags & 1 or not width:
                facts.hidden_columns.append((first, last))
        elif kind in _FILLED_CELLS and len(content) >= 9:
            column = struct.unpack_from("<I", content)[0]
            facts.cell(row, column)
            if kind in _ERROR_CELLS:
                facts.error(row, column, known_error(_ERRORS.get(content[8], "")))
    return facts


def _sheets(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    for kind, content in _records(archive, "xl/workbook.bin"):
        if kind == _SHEET:
            identity, behind = _wide(content, 8)
            yield _wide(content, behind)[0], identity


def _wide(content: bytes, start: int) -> tuple[str, int]:
    """A text of BIFF12 (its length, then UTF-16), and where the next field begins."""
    if len(content) < start + 4:
        return "", start
    end = start + 4 + 2 * min(struct.unpack_from("<I", content, start)[0], len(content))
    return content[start + 4 : end].decode("utf-16-le", "replace"), end


def _records(archive: zipfile.ZipFile, part: str | None) -> Iterator[tuple[int, bytes]]:
    if part is None or part not in archive.namelist():
        return
    with archive.open(part) as stream:
        while first := stream.read(1):
            kind = first[0]
            if kind & 0x80:
                kind = (kind & 0x7F) | (int.from_bytes(stream.read(1)) & 0x7F) << 7
            size = shift = 0
            while shift < 28 and (more := stream.read(1)):
                size |= (more[0] & 0x7F) << shift
                shift += 7
                if not more[0] & 0x80:
                    break
            if size > _LARGEST_RECORD:
                return
            yield kind, stream.read(size)
