"""Inspection of a spreadsheet's zip archive before any spreadsheet library opens it.

Belongs here: zip bombs, damage, and cells whose formula failed (which the reading library shows as empty). Does not
belong here: the values of cells (`sheet`).
"""

import html
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator

from ingestion.readers.input import Input
from ingestion.values import NO_CACHED_VALUE, SHEET_ERRORS

# A sheet of a million rows and thirty columns is under 2 GB of XML; no report on services is larger.
LARGEST_UNPACKED = 2 << 30
# Real sheets compress 10 to 60 times. Deflate's maximum is about 1,030, which only padding reaches. Small files may
# compress well by chance, so the ratio is checked only from a size that could do harm.
LARGEST_RATIO, RATIO_COUNTS_FROM = 200, 64 << 20
_BLOCK = 4 << 20
_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.DOTALL)
_VALUE = re.compile(rb"<(?:\w+:)?v\b[^>]*>([^<]+)</")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")
_REFERENCE = re.compile(rb'\br="([A-Z]+)([0-9]+)"')
_ROW_END = re.compile(rb"</(?:\w+:)?row>")
_ODS = re.compile(
    rb"<table:table (?P<table>[^>]*)>|<table:table-row\b(?P<row>[^>]*?)(?P<empty_row>/?)>|(?P<row_end></table:table-row>)"
    rb"|<table:(?:covered-)?table-cell\b(?P<cell>[^>]*?)(?:/>|>(?P<content>.*?)</table:(?:covered-)?table-cell>)",
    re.DOTALL,
)

Cells = dict[tuple[int, int], str]  # (row, column), both counted from 0 -> the error text


def check_archive(given: Input) -> None:
    """Refuse bombs and damaged archives. Every member is unpacked once in small blocks, because declared sizes may be false."""
    try:
        with zipfile.ZipFile(given.path) as archive:
            members = archive.infolist()
            unpacked = sum(member.file_size for member in members)
            packed = max(1, sum(member.compress_size for member in members))
            if unpacked > LARGEST_UNPACKED or (unpacked > RATIO_COUNTS_FROM and unpacked > LARGEST_RATIO * packed):
                raise given.fail(
                    "zip_bomb",
                    f"unpacked it would hold {unpacked:,} bytes, {unpacked // packed:,} times its size",
                    "Deliver the plain table: no whole-column formats, no embedded objects.",
                )
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "password" in str(error):
            raise given.fail(
                "file_encrypted", "the spreadsheet is protected by a password", "Deliver it without a password."
            ) from None
        raise _truncated(given) from None
    if damaged:
        raise _truncated(given)


def _truncated(given: Input) -> Exception:
    return given.fail(
        "file_truncated",
        f"the file is cut off or damaged: it is no whole {given.contract.format.type} archive",
        "Deliver the file again; compare its size with the original.",
    )


def failed_cells(given: Input, sheet: str) -> Cells:
    """Cells of a sheet whose formula returned an error or was never computed."""
    with zipfile.ZipFile(given.path) as archive:
        if given.contract.format.type == "ods":
            return _failed_ods(archive.read("content.xml"), sheet)
        part = _sheet_part(archive, sheet)
        found: Cells = {}
        if part is not None:
            for rows in _whole_rows(archive, part):
                if b't="e"' in rows or _FORMULA.search(rows):
                    found |= _failed_xlsx(rows)
        return found


def _sheet_part(archive: zipfile.ZipFile, sheet: str) -> str | None:
    names = archive.namelist()
    if "xl/workbook.xml" not in names or "xl/_rels/workbook.xml.rels" not in names:
        return None
    workbook = archive.read("xl/workbook.xml").decode("utf-8", "replace")
    relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    for tag in re.findall(r"<(?:\w+:)?sheet\b[^>]*>", workbook):
        if html.unescape(_attribute(tag, "name")) == sheet:
            identity = _attribute(tag, r"\w+:id")
            for relation in re.findall(r"<(?:\w+:)?Relationship\b[^>]*>", relations):
                if _attribute(relation, "Id") == identity:
                    target = _attribute(relation, "Target")
                    part = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
                    return part if part in names else None
    return None


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return found[1] if found else ""


def _whole_rows(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    held = b""
    with archive.open(part) as stream:
        while block := stream.read(_BLOCK):
            held += block
            ends = [match.end() for match in _ROW_END.finditer(held)]
            if ends:
                yield held[: ends[-1]]
                held = held[ends[-1] :]
    yield held


def _failed_xlsx(rows: bytes) -> Cells:
    found: Cells = {}
    for cell in _CELL.finditer(rows):
        attributes, content = cell[1], cell[2] or b""
        reference = _REFERENCE.search(attributes)
        if reference is None:
            continue
        value = _VALUE.search(content)
        if b't="e"' in attributes:
            text = html.unescape(value[1].decode("utf-8", "replace")) if value else ""
            found[_position(reference)] = _known_error(text)
        elif value is None and _FORMULA.search(content) and b't="str"' not in attributes:
            found[_position(reference)] = NO_CACHED_VALUE
    return found


def _position(reference: re.Match[bytes]) -> tuple[int, int]:
    column = 0
    for letter in reference[1]:
        column = column * 26 + letter - 64
    return int(reference[2]) - 1, column - 1


def _known_error(text: str) -> str:
    return text if text in SHEET_ERRORS else "#VALUE!"


def _failed_ods(content: bytes, sheet: str) -> Cells:
    """Visits every cell of the sheet, because positions follow from repeat counts."""
    found: Cells = {}
    inside, row, column, repeated = False, 0, 0, 1
    for event in _ODS.finditer(content):
        if event["table"] is not None:
            name = re.search(rb'table:name="([^"]*)"', event["table"])
            inside = name is not None and html.unescape(name[1].decode("utf-8", "replace")) == sheet
            row = column = 0
        elif not inside:
            continue
        elif event["row"] is not None:
            repeated, column = _repeats(event["row"], b"rows"), 0
            row += repeated if event["empty_row"] else 0
        elif event["row_end"] is not None:
            row += repeated
        else:
            attributes, inner = event["cell"], event["content"] or b""
            shown = html.unescape(re.sub(rb"<[^>]+>", b"", inner).decode("utf-8", "replace")).strip()
            error = ""
            if b"table:formula=" in attributes:
                if b'value-type="error"' in attributes or shown in SHEET_ERRORS or shown.startswith("Err:"):
                    error = _known_error(shown)
                elif b"office:value-type=" not in attributes:
                    error = NO_CACHED_VALUE
            width = _repeats(attributes, b"columns")
            if error:
                found |= {(row + down, column + right): error for down in range(repeated) for right in range(width)}
            column += width
    return found


def _repeats(attributes: bytes, what: bytes) -> int:
    found = re.search(rb'table:number-%s-repeated="([0-9]+)"' % what, attributes)
    return int(found[1]) if found else 1
