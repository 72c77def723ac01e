"""What a file is by its first bytes, whether its contract expects that, and the opening of compressed files and archives.

Belongs here: gzip, zip, tar, and naming what is no table. Does not belong here: the inside of spreadsheets (`archives`).
"""

import errno
import gzip
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, cast

from ingestion.readers.input import Input
from ingestion.readers.limits import LARGEST_RATIO, LARGEST_UNPACKED, MOST_MEMBERS, RATIO_COUNTS_FROM
from miyar.errors import MiyarError

_BLOCK = 4 << 20
_HEAD = 4096
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# First bytes -> what the file is. Containers that are opened or looked into have their own branch in `kind_of`.
_SIGNATURES = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
    b"%PDF": "PDF",
    b"PAR1": "Parquet",
    b"{\\rtf": "RTF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"SQLite format 3\0": "SQLite",
    b"$FL2": "sav",
    b"$FL3": "sav",
    b"<stata_dta>": "dta",
    b"HEADER RECORD*******LIB": "xpt",
    b"\x1f\x9d": "compress",
    b"\x04\x22\x4d\x18": "lz4",
    b"ARROW1\0\0": "Arrow",
    b"Obj\x01": "Avro",
    b"MIME-Version:": "a web archive",
    b"ID;P": "SYLK",
}
# dBASE has no signature: its kind, then the month and day of its last change, in bytes that no text begins with.
_DBASE = re.compile(rb"[\x03\x30\x31\x83\x8b\xf5].[\x01-\x0c][\x01-\x1f]", re.DOTALL)
# A list of records or a record; a header may begin with a bracket too.
_JSON = re.compile(rb"\[\s*[\[{\]]|\{\s*[\"}]")
# What each format of a contract is by its first bytes; `text` is whatever has no signature.
EXPECTED = {
    "csv": frozenset({"text"}),
    "tsv": frozenset({"text"}),
    "fixed": frozenset({"text"}),
    "json": frozenset({"text", "JSON"}),
    "ndjson": frozenset({"text", "JSON"}),
    "xml": frozenset({"XML", "text"}),
    "xlsx": frozenset({"xlsx", "zip"}),
    "ods": frozenset({"ods", "zip"}),
    "xlsb": frozenset({"xlsb", "zip"}),
    "xls": frozenset({"xls"}),
    "parquet": frozenset({"Parquet", "text"}),
    "sav": frozenset({"sav"}),
    "dta": frozenset({"dta", "text"}),
    "xpt": frozenset({"xpt"}),
}
_INSIDE_ZIP = {"xl/workbook.xml": "xlsx", "xl/workbook.bin": "xlsb", "word/document.xml": "Word"}


def opened(given: Input, scratch: Path) -> list[Input]:
    """The plain files a delivery consists of, under names in scratch that no engine takes for a pattern.

    Raises MiyarError if it is something else than the contract says.
    """
    compression = given.contract.format.compression
    kind = kind_of(given.path)
    if compression == "gzip" and kind == "gzip":
        target = scratch / "delivered"
        with guarded_archive(given, kind), gzip.open(given.path) as stream:
            _unpack(given, cast("IO[bytes]", stream), target)
        parts = [Input(target, given.shown, given.contract)]
    elif compression == "zip" and kind == "zip":
        parts = _members_of_zip(given, scratch)
    elif compression == "tar" and kind in {"tar", "gzip", "bzip2", "xz"}:
        parts = _members_of_tar(given, scratch)
    else:
        link = scratch / "delivered"
        link.unlink(missing_ok=True)
        link.symlink_to(given.path.absolute())
        parts = [Input(link, given.shown, given.contract)]
    outer = kind if parts[0].path.resolve() != given.path.resolve() else ""
    for part in parts:
        _refuse_other(part, kind_of(part.path), outer)
    return parts


def kind_of(path: Path) -> str:
    """What a file is by its first bytes; `text` for whatever has no signature."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    if head.startswith(_COMPOUND):
        return _kind_of_compound(path)
    if head[257:262] == b"ustar":
        return "tar"
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            return kind
    if _DBASE.match(head):
        return "dBASE"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:_HEAD].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table", b"<body")):
        return "HTML"
    if start.startswith(b"<?xml"):
        return "XML"
    return "JSON" if _JSON.match(start) else "text"


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "mimetype" in names and archive.getinfo("mimetype").file_size < _HEAD:
                return "ods" if b"spreadsheet" in archive.read("mimetype") else "zip"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError):
        return "zip"  # whoever reads it says that it is damaged
    return next((kind for name, kind in _INSIDE_ZIP.items() if name in names), "zip")


def _kind_of_compound(path: Path) -> str:
    """An OLE file: its directory names its streams in UTF-16; a protected workbook has one named EncryptedPackage."""
    found = "OLE"
    held = b""
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            held = held[-64:] + block
            if "EncryptedPackage".encode("utf-16-le") in held:
                return "encrypted"
            if "Workbook".encode("utf-16-le") in held or b"B\0o\0o\0k\0\0" in held:
                found = "xls"
    return found


def _refuse_other(given: Input, kind: str, outer: str) -> None:
    """Raise MiyarError for a kind that the contract does not expect; `outer` is the archive it was in."""
    form = given.contract.format.type
    if kind == "encrypted":
        raise given.fail(
            "file_encrypted", "the spreadsheet is protected by a password", "Deliver it without a password."
        )
    if kind in EXPECTED[form]:
        return
    if outer and kind in {"gzip", "zip", "tar"}:
        raise given.fail(
            "file_other_format",
            f"the {outer} archive has a {kind} archive in it, and no {form}",
            f"Deliver the {form} in one archive, or as it is.",
        )
    step = f"Deliver the file as {form}, or change format.type in the contract."
    if kind in {"gzip", "zip", "tar"}:
        step = f"Deliver the file in it, or write `compression: {kind}` under `format` in the contract."
    elif kind == "JSON":
        step = (
            "Look at the file: it may be the error of a service; or write `type: json` under `format` in the contract."
        )
    elif kind in EXPECTED:
        step = f"Deliver the file as {form}, or write `type: {kind}` under `format` in the contract."
    elif kind == "HTML":
        step = "Look at the file in a browser: it may be a sign-in or error page; deliver the table itself."
    raise given.fail("file_other_format", f"by its first bytes the file is {kind}; the contract says {form}", step)


def _members_of_zip(given: Input, scratch: Path) -> list[Input]:
    with guarded_archive(given, "zip"), zipfile.ZipFile(given.path) as archive:
        found = {info.filename: info for info in archive.infolist() if not info.is_dir()}
        names = _meant(given, list(found))
        if sum(found[name].file_size for name in names) > LARGEST_UNPACKED:
            raise bomb(given, sum(found[name].file_size for name in names))
        parts = _parts(given, scratch, names)
        for name, part in zip(names, parts, strict=True):
            with archive.open(found[name]) as stream:
                _unpack(given, stream, part.path)
    return parts


def _members_of_tar(given: Input, scratch: Path) -> list[Input]:
    with guarded_archive(given, "tar"), tarfile.open(given.path) as archive:
        found: dict[str, tarfile.TarInfo] = {}
        for member in archive:
            if member.isreg():
                found[member.name] = member
            if len(found) > MOST_MEMBERS * 2:
                break
        names = _meant(given, list(found))
        parts = _parts(given, scratch, names)
        for name, part in zip(names, parts, strict=True):
            stream = archive.extractfile(found[name])
            if stream is not None:
                _unpack(given, stream, part.path)
    return parts


def _meant(given: Input, names: list[str]) -> list[str]:
    """The members the contract's glob names, in the order of their names; what systems add themselves is none."""
    glob = given.contract.format.members
    plain = [name for name in names if not is_added(name)]
    meant = sorted(name for name in plain if fnmatchcase(name, glob) or fnmatchcase(name.rsplit("/", 1)[-1], glob))
    if not meant:
        shown = ", ".join(map(repr, sorted(plain)[:10])) or "nothing"
        raise given.fail(
            "member_missing",
            f"no member of the archive fits {glob!r}; it holds {shown}",
            "Deliver the agreed file in the archive, or correct format.members in the contract.",
        )
    if len(meant) > MOST_MEMBERS:
        raise given.fail(
            "zip_bomb",
            f"the archive holds {len(meant):,} files; {MOST_MEMBERS:,} is the limit",
            "Deliver fewer files, or name the table in format.members of the contract.",
        )
    return meant


def is_added(name: str) -> bool:
    """True for a member that a system put into the archive itself."""
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1] in {"Thumbs.db", "desktop.ini"}


def _parts(given: Input, scratch: Path, names: list[str]) -> list[Input]:
    """Members have names of our own in scratch, for theirs may lead anywhere."""
    parts = []
    for number, name in enumerate(names):
        folder = scratch / f"member-{number}"
        folder.mkdir(exist_ok=True)
        shown = f"{given.shown} ({name.encode('utf-8', 'replace').decode()})" if len(names) > 1 else given.shown
        parts.append(Input(folder / "delivered", shown, given.contract, name))
    return parts


def _unpack(given: Input, stream: IO[bytes], target: Path) -> None:
    packed = max(1, given.path.stat().st_size)
    written = 0
    with target.open("wb") as out:
        while block := stream.read(_BLOCK):
            written += len(block)
            if written > LARGEST_UNPACKED or (written > RATIO_COUNTS_FROM and written > LARGEST_RATIO * packed):
                raise bomb(given, written)
            out.write(block)


def bomb(given: Input, unpacked: int) -> MiyarError:
    """The problem of an archive that would unpack to more than any table needs."""
    times = unpacked // max(1, given.path.stat().st_size)
    return given.fail(
        "zip_bomb",
        f"unpacked it would hold {unpacked:,} bytes or more, {times:,} times its size",
        "Deliver the plain table: no whole-column formats, no embedded objects.",
    )


@contextmanager
def guarded_archive(given: Input, kind: str) -> Iterator[None]:
    """Turn the errors of damaged and protected archives into problems."""
    try:
        yield
    except RuntimeError as error:
        if "password" in str(error) or "encrypted" in str(error):
            raise given.fail(
                "file_encrypted", "the archive is protected by a password", "Deliver it without a password."
            ) from None
        raise truncated(given, kind) from None
    except OSError as error:
        # Of a damaged archive, whose lists point to places no file has, or which is no gzip further down.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise truncated(given, kind) from None
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, ValueError):
        raise truncated(given, kind) from None


def truncated(given: Input, kind: str) -> MiyarError:
    """The problem of a damaged archive."""
    return given.fail(
        "file_truncated",
        f"the file is cut off or damaged: it is no whole {kind} archive",
        "Deliver the file again; compare its size with the original.",
    )
