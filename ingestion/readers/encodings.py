"""Encodings of text files: a copy in UTF-8 where the file is something else, and what shows that the contract names a wrong one.

Belongs here: bytes to characters. Does not belong here: rows and cells (`text`), texts whose letters were lost before (`losses`).
"""

import codecs
from pathlib import Path

from ingestion.readers.input import Input

_BLOCK = 8 << 20
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_UTF8 = frozenset({"utf-8", "utf-8-sig", "ascii"})


def as_utf8(given: Input, encoding_name: str, scratch: Path) -> Path:
    """The file itself if it is UTF-8, else a copy in UTF-8; NUL bytes and a wrong encoding are refused here."""
    try:
        encoding = codecs.lookup(encoding_name).name
    except LookupError:
        raise given.fail(
            "file_encoding",
            f"the contract names the unknown encoding {encoding_name!r}",
            "Correct format.encoding in the contract, e.g. utf-8-sig or windows-1256.",
        ) from None
    mark = _mark(given.path)
    if encoding in _UTF8:
        if mark.startswith(("utf-16", "utf-32")):
            raise _other_encoding(given, mark.upper(), encoding)
        _refuse_nul(given)
        return given.path
    if encoding == "utf-16":
        encoding = _byte_order(given.path) if not mark else encoding
    elif _is_single_byte(encoding):
        text = _utf8_beyond_ascii(given.path)
        if text == "utf-8" or mark.startswith("utf-16"):
            raise _other_encoding(given, "UTF-8" if text else mark.upper(), encoding_name)
        encoding = "utf-8-sig" if mark == "utf-8-sig" and text == "ascii" else encoding
    return transcode(given, given.path, encoding, scratch)


def _mark(path: Path) -> str:
    """The encoding that a byte order mark names, or nothing."""
    with path.open("rb") as stream:
        head = stream.read(4)
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), "")


def _byte_order(path: Path) -> str:
    """UTF-16 without a mark: most characters of a table are below 256, so the zero bytes show the order."""
    with path.open("rb") as stream:
        head = stream.read(_BLOCK)
    even, odd = head[0::2].count(0), head[1::2].count(0)
    return "utf-16-be" if even > odd else "utf-16-le"


def _is_single_byte(encoding: str) -> bool:
    """True for code pages, in which nearly every byte is a character of its own, so that reading never fails."""
    return len(bytes(range(256)).decode(encoding, "replace")) == 256


def _utf8_beyond_ascii(path: Path) -> str:
    """`utf-8` for a file that is valid UTF-8 and not only ASCII, `ascii` for ASCII behind an optional mark, else nothing.

    Texts of a code page are practically never valid UTF-8: every letter would have to be followed by one of few others.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    is_ascii = True
    with path.open("rb") as stream:
        while True:
            block = stream.read(_BLOCK)
            try:
                is_ascii = decoder.decode(block).isascii() and is_ascii
            except UnicodeDecodeError:
                return ""
            if not block:
                # A file cut within a letter is UTF-8 all the same.
                return "ascii" if is_ascii and not decoder.getstate()[0] else "utf-8"


def _other_encoding(given: Input, found: str, agreed: str) -> Exception:
    return given.fail(
        "file_encoding",
        f"the file is {found}, and the contract says {agreed}",
        f"Save the file as {agreed}, or write `encoding: {found.lower()}` under `format` in the contract.",
    )


def _refuse_nul(given: Input) -> None:
    line = 1
    with given.path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            position = block.find(b"\0")
            if position >= 0:
                raise _nul(given, line + block.count(b"\n", 0, position))
            line += block.count(b"\n")


def _nul(given: Input, row: int) -> Exception:
    return given.fail(
        "file_nul",
        "the file holds NUL bytes: it is damaged, or no text in the agreed encoding",
        "Export the file again; if it is UTF-16, say so in format.encoding.",
        row,
    )


def transcode(given: Input, path: Path, encoding: str, scratch: Path, one_line_end: bool = False) -> Path:
    """Copy the file to scratch in UTF-8, on request with uniform line ends; line numbers stay the same."""
    target = scratch / ("one_line_end.csv" if one_line_end else "utf8.csv")
    decoder = codecs.getincrementaldecoder(encoding)()
    line, offset, held = 1, 0, ""
    with path.open("rb") as stream, target.open("w", encoding="utf-8", newline="") as out:
        while True:
            block = stream.read(_BLOCK)
            pending = len(decoder.getstate()[0])
            try:
                decoded = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise encoding_problem(given, encoding, offset + error.start - pending, line) from None
            if "\0" in decoded:
                raise _nul(given, line + decoded.count("\n", 0, decoded.index("\0")))
            line += decoded.count("\n")
            offset += len(block)
            if one_line_end:
                decoded = held + decoded
                # A carriage return at the end of a block may be the first half of a line end.
                held = "\r" if decoded.endswith("\r") and block else ""
                decoded = decoded[: len(decoded) - len(held)].replace("\r\n", "\n").replace("\r", "\n")
            out.write(decoded)
            if not block:
                return target


def encoding_problem(given: Input, encoding: str, offset: int, row: int) -> Exception:
    return given.fail(
        "file_encoding",
        f"the bytes at offset {offset:,} are not {encoding}",
        f"Save the file as {encoding}, or state its encoding in format.encoding (Arabic files: often windows-1256).",
        row,
    )


def find_wrong_byte(given: Input, path: Path, row: int | None) -> Exception:
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, line = 0, 1
    with path.open("rb") as stream:
        while True:
            block = stream.read(_BLOCK)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                start = error.start - pending
                line += block.count(b"\n", 0, max(start, 0))
                return encoding_problem(given, "utf-8", offset + start, line)
            line += block.count(b"\n")
            offset += len(block)
            if not block:
                return encoding_problem(given, "utf-8", 0, row or 1)
