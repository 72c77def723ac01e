"""Binary workbooks (xls, xlsb) written record by record: texts, numbers and error cells."""

import io
import struct
import zipfile
from typing import Any

ERRORS = {"#DIV/0!": 7, "#N/A": 42, "#REF!": 23}


def xls(lines: tuple[list[Any], ...] | list[list[Any]], sheet: str = "Data", hidden: int | None = None) -> bytes:
    """A BIFF8 workbook (MS-XLS) of one sheet in an OLE compound file (MS-CFB); `hidden` is a column from 0."""

    def record(kind: int, content: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    def start(kind: int) -> bytes:
        return record(0x809, struct.pack("<HHHHII", 0x600, kind, 0x0DBB, 0x07CC, 0, 6))

    cells = b""
    for row, line in enumerate(lines):
        for column, value in enumerate(line):
            place = struct.pack("<HHH", row, column, 0)
            if isinstance(value, int):
                cells += record(0x203, place + struct.pack("<d", value))
            elif value in ERRORS:
                cells += record(0x205, place + struct.pack("<BB", ERRORS[value], 1))
            elif value is not None:
                text = value.encode("utf-16-le")
                cells += record(0x204, place + struct.pack("<HB", len(value), 1) + text)
    width = max(map(len, lines))
    columns = b"" if hidden is None else record(0x7D, struct.pack("<HHHHHH", hidden, hidden, 2340, 15, 1, 0))
    sheet_stream = start(0x10) + columns + record(0x200, struct.pack("<IIHHH", 0, len(lines), 0, width, 0)) + cells
    sheet_stream += record(0x0A)
    codepage = record(0x42, struct.pack("<H", 1200))
    font = record(0x31, struct.pack("<HHHHHBBBBBB", 200, 0, 0x7FFF, 400, 0, 0, 0, 0, 0, 5, 0) + b"Arial")
    style = record(0xE0, struct.pack("<HHHBBBBIIH", 0, 0, 0xFFF5, 0x20, 0, 0, 0, 0, 0, 0x20C0))
    head = start(5) + codepage + font * 4 + style
    name = struct.pack("<BB", len(sheet), 0) + sheet.encode("latin-1")
    offset = len(head) + 4 + 6 + len(name) + 4
    stream = head + record(0x85, struct.pack("<IBB", offset, 0, 0) + name) + record(0x0A) + sheet_stream
    return _compound("Workbook", stream)


def _compound(name: str, stream: bytes) -> bytes:
    """One stream in an OLE compound file of 512-byte sectors: allocation table, directory, data."""
    stream = stream.ljust(4096, b"\0")
    sectors = -(-len(stream) // 512)
    table = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, 2 + sectors), 0xFFFFFFFE]
    table += [0xFFFFFFFF] * (128 - len(table))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)

    def entry(title: str, kind: int, child: int, first: int, size: int) -> bytes:
        wide = title.encode("utf-16-le") + b"\0\0"
        links = struct.pack("<III", 0xFFFFFFFF, 0xFFFFFFFF, child)
        return (
            wide.ljust(64, b"\0")
            + struct.pack("<HBB", len(wide), kind, 1)
            + links
            + bytes(36)
            + struct.pack("<IQ", first, size)
        )

    unused = entry("", 0, 0xFFFFFFFF, 0, 0)
    directory = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry(name, 2, 0xFFFFFFFF, 2, len(stream)) + unused * 2
    return header + struct.pack("<128I", *table) + directory + stream.ljust(sectors * 512, b"\0")


def xlsb(lines: list[list[Any]], sheet: str = "Data", hidden: int | None = None) -> bytes:
    """A BIFF12 workbook (MS-XLSB) of one sheet with inline texts; `hidden` is a column from 0."""

    def record(kind: int, content: bytes = b"") -> bytes:
        head = bytes([kind]) if kind < 0x80 else bytes([(kind & 0x7F) | 0x80, kind >> 7])
        size, rest = b"", len(content)
        while rest >= 0x80:
            size += bytes([(rest & 0x7F) | 0x80])
            rest >>= 7
        return head + size + bytes([rest]) + content

    def wide(text: str) -> bytes:
        return struct.pack("<I", len(text)) + text.encode("utf-16-le")

    width = max(map(len, lines))
    columns = b""
    if hidden is not None:
        columns = record(390) + record(60, struct.pack("<IIIIH", hidden, hidden, 2340, 0, 1)) + record(391)
    data = record(129) + record(148, struct.pack("<IIII", 0, len(lines) - 1, 0, width - 1)) + columns + record(145)
    for row, line in enumerate(lines):
        data += record(0, struct.pack("<IIHBBBI", row, 0, 300, 0, 0, 0, 0))
        for column, value in enumerate(line):
            place = struct.pack("<II", column, 0)
            if isinstance(value, int):
                data += record(5, place + struct.pack("<d", value))
            elif value in ERRORS:
                data += record(3, place + bytes([ERRORS[value]]))
            elif value is not None:
                data += record(6, place + wide(value))
    data += record(146) + record(130)
    book = record(131) + record(143) + record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide(sheet))
    book += record(144) + record(132)
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.bin", book)
        archive.writestr("xl/worksheets/sheet1.bin", data)
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" Type="{office}/worksheet" '
            'Target="worksheets/sheet1.bin"/></Relationships>',
        )
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types"/>')
    return out.getvalue()
