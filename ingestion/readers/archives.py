"""Inspection of a spreadsheet's zip archive before any spreadsheet library opens it.

Belongs here: zip bombs, damage, and which part of the archive is a sheet. Does not belong here: what stands in a sheet
(`sheet_xml`, `sheet_binary`), archives of other files (`containers`).
"""

import html
import posixpath
import re
import zipfile
from pathlib import Path

from ingestion.readers.containers import bomb, guarded_archive, truncated
from ingestion.readers.input import Input
from ingestion.readers.limits import LARGEST_RATIO, LARGEST_UNPACKED, RATIO_COUNTS_FROM

# A workbook's list of sheets is a few KB; one that is larger is searched no further.
_LONGEST_LIST = 16 << 20
_NEWER_ERRORS = re.compile(rb">#(?:SPILL|CALC|FIELD|BLOCKED|CONNECT|UNKNOWN|BUSY|PYTHON|EXTERNAL)!<")
_TAG = re.compile(r"<(?:\w+:)?(\w+)\b([^<>]*)>")


def check_archive(given: Input) -> None:
    """Refuse bombs and damaged archives. Every member is unpacked once in small blocks, because declared sizes may be false."""
    with guarded_archive(given, given.contract.format.type), zipfile.ZipFile(given.path) as archive:
        members = archive.infolist()
        unpacked = sum(member.file_size for member in members)
        packed = max(1, sum(member.compress_size for member in members))
        if unpacked > LARGEST_UNPACKED or (unpacked > RATIO_COUNTS_FROM and unpacked > LARGEST_RATIO * packed):
            raise bomb(given, unpacked)
        if archive.testzip():
            raise truncated(given, given.contract.format.type)


def sheet_part(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The member of an xlsx archive that holds a sheet, or None if its lists do not say."""
    identity = next(
        (_attribute(tag, r"\w+:id") for tag in _tags(archive, "xl/workbook.xml", "sheet") if _named(tag) == sheet), None
    )
    return part_by_id(archive, "xl/_rels/workbook.xml.rels", identity) if identity else None


def with_known_errors(path: Path, sheet: str, target: Path) -> bool:
    """Copy a workbook with the errors of newer spreadsheets (#SPILL!) as #VALUE!, because the library stops at them.

    Returns False, having written nothing, where the sheet has none.
    """
    with zipfile.ZipFile(path) as archive:
        part = sheet_part(archive, sheet)
        content = archive.read(part) if part else b""
        mended = _NEWER_ERRORS.sub(b">#VALUE!<", content)
        if mended == content:
            return False
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
            for info in archive.infolist():
                out.writestr(info.filename, mended if info.filename == part else archive.read(info))
    return True


def part_by_id(archive: zipfile.ZipFile, relations: str, identity: str) -> str | None:
    """The member that a workbook's list of relations names."""
    for relation in _tags(archive, relations, "Relationship"):
        if _attribute(relation, "Id") == identity:
            target = html.unescape(_attribute(relation, "Target"))
            part = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            return part if part in archive.namelist() else None
    return None


def _tags(archive: zipfile.ZipFile, member: str, name: str) -> list[str]:
    if member not in archive.namelist():
        return []
    with archive.open(member) as stream:
        content = stream.read(_LONGEST_LIST).decode("utf-8", "replace")
    return [tag[2] for tag in _TAG.finditer(content) if tag[1] == name]


def _named(tag: str) -> str:
    return html.unescape(_attribute(tag, "name"))


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf"""\s{name}\s*=\s*(?:"([^"]*)"|'([^']*)')""", tag)
    return (found[1] if found[1] is not None else found[2]) if found else ""
