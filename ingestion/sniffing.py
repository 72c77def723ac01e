"""What a file seems to be, for drafting its contract: format, encoding, separator, banner rows, decimal mark.

Belongs here: guesses from bytes and separators. Does not belong here: what has no separators (`sniffing_layout`), guesses about
columns (`guesses`), reading under a contract (`readers`), which never guesses.
"""

import csv
import io
import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from ingestion.readers.containers import kind_of
from ingestion.sniffing_layout import fixed_form, unpacked, xml_form
from miyar.errors import MiyarError, Problem

_SUFFIXES = {
    ".csv": "csv", ".txt": "csv", ".tsv": "tsv", ".tab": "tsv", ".xlsx": "xlsx", ".xlsm": "xlsx", ".ods": "ods", ".xls": "xls",
    ".xlsb": "xlsb", ".json": "json", ".geojson": "json", ".ndjson": "ndjson", ".jsonl": "ndjson", ".parquet": "parquet",
    ".sav": "sav", ".dta": "dta", ".xpt": "xpt", ".xml": "xml", ".dat": "csv", ".prn": "csv", ".asc": "csv",
}  # fmt: skip
_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE = 1 << 20  # bytes of a text file that are looked at
_ROWS = 200
# A text whose letters beyond ASCII are mostly Arabic under the Arabic code page is in that code page.
_ARABIC_SHARE = 0.5


def format_of(file: Path) -> dict[str, Any]:
    """The `format` of a contract that seems to fit a file; raises MiyarError for one that no draft can be made from."""
    kind = _SUFFIXES.get(file.suffix.lower())
    try:
        with file.open("rb") as stream:
            head = stream.read(_SAMPLE)
    except OSError as error:
        raise MiyarError(
            Problem(
                "file_unreadable", error.strerror or "it cannot be opened", file=file.name, next_step="Check the path."
            )
        ) from None
    container = kind_of(file)
    if container in {"gzip", "zip", "tar"}:
        with tempfile.TemporaryDirectory() as folder:
            inner, leading = unpacked(file, container, _SUFFIXES, Path(folder))
            return {**format_of(inner), **leading}
    kind = _by_first_bytes(head) or kind
    if kind == "xml":
        return xml_form(head) or _no_draft(file)
    if kind is None:
        _no_draft(file)
    if kind in {"csv", "tsv"}:
        return _text(head, str(kind))
    if kind == "json":
        return _json(file)
    return {"type": kind}


def _no_draft(file: Path) -> NoReturn:
    known = ", ".join(sorted(set(_SUFFIXES)))
    raise MiyarError(
        Problem(
            "draft_format",
            "it is none of the formats that a draft can be made from",
            file=file.name,
            next_step=f"Name it by its format ({known}), or write `format` as in docs/contracts.md.",
        )
    )


def _by_first_bytes(head: bytes) -> str | None:
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    start = plain[:1]
    if plain.startswith(b"<?xml") or (
        start == b"<" and not plain[:9].lower().startswith((b"<!doctype", b"<html", b"<table"))
    ):
        return "xml"
    if head.startswith(b"PAR1"):
        return "parquet"
    if start == b"[":
        return "json"
    if start == b"{":
        first, _, rest = head.strip().partition(b"\n")
        return "ndjson" if _is_object(first) and (not rest or rest.lstrip()[:1] == b"{") else "json"
    return None


def _is_object(line: bytes) -> bool:
    try:
        content = json.loads(line)
    except ValueError:
        return False
    # A whole page of an API on one line holds its records in a list.
    return isinstance(content, dict) and not any(_is_records(value) for value in content.values())


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return {"type": "json"}
    if isinstance(content, list):
        return {"type": "json"}
    paths = [name for name, value in content.items() if _is_records(value)]
    paths += [
        f"{name}.{inner}"
        for name, value in content.items()
        if isinstance(value, dict)
        for inner, one in value.items()
        if _is_records(one)
    ]
    return {"type": "json", "itemsPath": paths[0]} if paths else {"type": "json", "items": "one"}


def _text(head: bytes, kind: str) -> dict[str, Any]:
    encoding = _encoding(head)
    text = head.decode(encoding, errors="replace")
    # Not `splitlines`, which also cuts at separators that a cell may hold.
    lines = list(io.StringIO(text, newline=""))
    lines = lines[:-1] if len(head) == _SAMPLE else lines
    delimiter, rows = _rows(lines, ("\t",) if kind == "tsv" else _DELIMITERS)
    if 2 * sum(len(row) > 1 for row in rows) < len(rows) and (fixed := fixed_form(lines[:_ROWS], encoding)):
        return fixed
    form: dict[str, Any] = {"type": kind}
    if encoding != "utf-8-sig":
        form["encoding"] = encoding
    if kind == "csv" and delimiter != ",":
        form["delimiter"] = delimiter
    banner = _banner(rows)
    if banner:
        form["skipRows"] = banner
    if _decimal(rows[banner + 1 :]) == ",":
        form["decimal"] = ","
    return form


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for end in range(4):  # the sample may end within a character
        try:
            head[: len(head) - end].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return "utf-8-sig"
    beyond = [char for char in head.decode("windows-1256", errors="replace") if ord(char) > 127]
    arabic = sum("\u0600" <= char <= "\u06ff" for char in beyond)
    return "windows-1256" if arabic >= _ARABIC_SHARE * len(beyond) else "windows-1252"


def _rows(lines: list[str], delimiters: tuple[str, ...]) -> tuple[str, list[list[str]]]:
    """The separator under which most rows have one width above 1, and the rows it gives."""
    best: tuple[float, int, str, list[list[str]]] = (0, 0, delimiters[0], [])
    for delimiter in delimiters:
        try:
            rows = [row for row, _ in zip(csv.reader(lines, delimiter=delimiter), range(_ROWS), strict=False)]
        except csv.Error:
            continue
        widths = Counter(len(row) for row in rows if len(row) > 1)
        if not best[3]:
            best = (0, 0, delimiter, rows)
        if widths:
            width, count = widths.most_common(1)[0]
            best = max(best, (count / len(rows), width, delimiter, rows), key=lambda one: one[:2])
    return best[2], best[3]


def _banner(rows: list[list[str]]) -> int:
    """The rows above the first that is as wide as most are."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return 0
    usual = widths.most_common(1)[0][0]
    return next(number for number, row in enumerate(rows) if len(row) == usual and sum(map(bool, row)) > 1)


def _decimal(rows: list[list[str]]) -> str:
    """The decimal mark that the cells show: a comma only where it stands as a mark that cannot group thousands."""
    cells = [cell.strip() for row in rows for cell in row]
    number = r"[+-]?[0-9]{1,3}(?:[.][0-9]{3})*,(?:[0-9]{1,2}|[0-9]{4,})"
    commas = sum(bool(re.search(rf"(?<![0-9.,]){number}(?![0-9.,])", cell)) for cell in cells)
    points = sum(bool(re.search(r"(?<![0-9.,])[0-9]+[.](?:[0-9]{1,2}|[0-9]{4,})(?![0-9.,])", cell)) for cell in cells)
    return "," if commas > points else "."
