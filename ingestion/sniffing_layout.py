"""What stands inside a file without separators: records of XML, columns of fixed width, the tables of an archive.

Belongs here: guesses for drafting a contract. Does not belong here: guesses from separators (`sniffing`), reading under a
contract (`readers`), which never guesses.
"""

import gzip
import re
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any
from xml.parsers import expat

from ingestion.readers.containers import is_added
from miyar.errors import MiyarError, Problem

_BLOCK = 1 << 20
_MOST = 64 << 20  # bytes of an archive's first table that are looked at
_NAMING = ("name", "id")  # attributes that name a field: mysql's own XML, SDMX
_LEAST_LINES = 3
_DIGIT = re.compile(r"[0-9٠-٩]")


@contextmanager
def _opened(file: Path) -> Iterator[None]:
    try:
        yield
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        gzip.BadGzipFile,
        EOFError,
        RuntimeError,
        NotImplementedError,
    ):
        step = "Open it yourself: it is damaged or protected by a password."
        raise MiyarError(
            Problem("draft_format", "the archive cannot be opened", file=file.name, next_step=step)
        ) from None


def unpacked(file: Path, kind: str, suffixes: Collection[str], target: Path) -> tuple[Path, dict[str, str]]:
    """The first table of an archive in the folder `target`, and the fields of the format that lead to it.

    Raises MiyarError for an archive that cannot be opened, or has nothing in it.

    Args:
        kind: gzip, zip or tar.
        suffixes: endings of names that a draft can be made from; the one most members have is taken.
    """
    with _opened(file):
        if kind == "gzip":
            inner = target / (file.stem if Path(file.stem).suffix.lower() in suffixes else f"{file.stem}.csv")
            with gzip.open(file) as stream:
                inner.write_bytes(stream.read(_MOST))
            return inner, {"compression": "gzip"}
        members = _members(file, kind)
        names = sorted(name for name in members if not is_added(name))
        endings = Counter(PurePosixPath(name).suffix.lower() for name in names)
        known = [ending for ending in endings if ending in suffixes]
        if not known:
            shown = ", ".join(map(repr, names[:10])) or "nothing"
            raise MiyarError(
                Problem(
                    "draft_format",
                    f"no table is in the archive; it holds {shown}",
                    file=file.name,
                    next_step="Unpack it.",
                )
            )
        ending = max(known, key=lambda one: (endings[one], one))
        meant = [name for name in names if PurePosixPath(name).suffix.lower() == ending]
        inner = target / f"member{ending}"
        inner.write_bytes(members[meant[0]])
        glob = {"members": f"*{PurePosixPath(meant[0]).suffix}"} if len(meant) < len(names) else {}
        return inner, {"compression": kind, **glob}


def _members(file: Path, kind: str) -> dict[str, bytes]:
    """The beginnings of the members by name; those after the first few hundred are not looked at."""
    if kind == "zip":
        with zipfile.ZipFile(file) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            return {name: _beginning(archive.open(name)) for name in names[:500]}
    with tarfile.open(file) as archive:
        found: dict[str, bytes] = {}
        for member in archive:
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is not None and len(found) < 500:
                found[member.name] = _beginning(stream)
        return found


def _beginning(stream: IO[bytes]) -> bytes:
    with stream:
        return stream.read(_BLOCK)


def xml_form(head: bytes) -> dict[str, Any] | None:
    """The `format` of XML by its beginning: which element is a record, and whether an attribute names its fields."""
    root = _Element("")
    if not _parsed(head, root):
        return None
    path, element = _records_of(root)
    if not path:
        return None
    naming = _naming(element)
    return {"type": "xml", "recordPath": "/".join(path)} | ({"nameAttribute": naming} if naming else {})


class _Element:
    """One path of elements: how often it stands, how often in one parent at most, and what is in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = self.most = 0
        self.children: dict[str, _Element] = {}
        self.attributes: dict[str, set[str]] = {}

    @property
    def has_fields(self) -> bool:
        return bool(self.children or self.attributes)


def _parsed(head: bytes, root: _Element) -> bool:
    """Add the elements of a document's beginning to the root; False if it is no XML."""
    open_ones, counts = [root], [Counter[str]()]

    def start(name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        element = open_ones[-1].children.setdefault(name, _Element(name))
        counts[-1][name] += 1
        element.count += 1
        element.most = max(element.most, counts[-1][name])
        for key, value in attributes.items():
            if not key.startswith("xmlns"):
                element.attributes.setdefault(key.rpartition(":")[2], set()).add(value)
        open_ones.append(element)
        counts.append(Counter())

    def end(_: str) -> None:
        open_ones.pop()
        counts.pop()

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(head, False)
    except expat.ExpatError:
        return bool(root.children) and len(head) >= _BLOCK
    return bool(root.children)


def _records_of(root: _Element) -> tuple[list[str], _Element]:
    """The first element from the root on that is repeated and has fields, or, if such ones repeat in it, those."""
    path: list[str] = []
    element, found = root, False
    while True:
        inner = [one for one in element.children.values() if one.has_fields]
        repeated = [one for one in inner if one.most > 1 and not (found and _naming(element))]
        if not repeated and (found or not inner):
            break
        element = max(repeated or inner, key=lambda one: (one.count, one.name))
        found = found or bool(repeated)
        path.append(element.name)
    return path, element


def _naming(element: _Element) -> str | None:
    """The attribute by which children of one name are told apart, the same in each record."""
    for child in element.children.values():
        for attribute in _NAMING:
            names = child.attributes.get(attribute, set())
            if child.most > 1 and len(names) == child.most and child.count >= len(names):
                return attribute
        if (inner := _naming(child)) is not None and child.most == 1:
            return inner
    return None


def fixed_form(lines: list[str], encoding: str) -> dict[str, Any] | None:
    """The `format` of lines whose columns stand at fixed characters, cut where every line has a blank; None if there are none."""
    rows = [line.rstrip("\r\n") for line in lines if line.strip()]
    if len(rows) < _LEAST_LINES:
        return None
    has_header = not _DIGIT.search(rows[0]) and all(_DIGIT.search(row) for row in rows[1:])
    header = rows[0] if has_header else ""
    cuts = _cuts(rows[1:] if has_header else rows, header)
    if len(cuts) < 2:
        return None
    ends = [*cuts[1:], max(map(len, rows))]
    names = [header[start:end].strip() for start, end in zip(cuts, ends, strict=True)]
    columns = [
        {"name": name or f"column {number}", "start": start + 1, "width": end - start}
        for number, (name, start, end) in enumerate(zip(names, cuts, ends, strict=True), start=1)
    ]
    form: dict[str, Any] = {"type": "fixed", "columns": columns}
    if encoding != "utf-8-sig":
        form["encoding"] = encoding
    return form | ({"skipRows": next(n for n, line in enumerate(lines, start=1) if line.strip())} if has_header else {})


def _cuts(rows: list[str], header: str) -> list[int]:
    """Where columns begin: behind the blanks that all rows share, and within those behind the widest gap of the header."""
    width = max(map(len, rows))
    shared = "".join(" " if all(row[place : place + 1] in {"", " "} for row in rows) else "x" for place in range(width))
    cuts = [len(shared) - len(shared.lstrip())] if shared.strip() else []
    for gap in re.finditer(r"(?<=x) +(?=x)", shared):
        above = header[gap.start() : gap.end()].ljust(len(gap[0])) if header else ""
        blanks = max(re.finditer(" +", above), key=lambda one: len(one[0]), default=None)
        cuts.append(gap.start() + blanks.end() if blanks is not None else gap.end())
    return cuts
