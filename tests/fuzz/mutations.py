"""Changes to tables, texts, archives and bytes, each with the name by which a campaign counts it.

Belongs here: what one change does. Does not belong here: what is changed and how often (`deliveries`).
"""

import io
import json
import re
import zipfile
import zlib
from typing import TypeVar

import numpy as np

LARGEST_UNPACKED = 1 << 20
Columns = dict[str, list[str | None]]
One = TypeVar("One")
# Texts that broke a reader, a parser or a spreadsheet somewhere.
HOSTILE = [
    *(
        "",
        " ",
        "\t",
        "0",
        "-0",
        "-1",
        "1e309",
        "-1e309",
        "1E+05",
        "NaN",
        "nan",
        "inf",
        "-Infinity",
        "null",
        "NULL",
        "None",
        "N/A",
    ),
    *(
        "#REF!",
        "#N/A",
        "#DIV/0!",
        "=1+1",
        "=HYPERLINK(1)",
        "@SUM(1)",
        "+1",
        "'1",
        '"',
        '""',
        'a"b',
        ",",
        ";",
        "\\",
        "\\n",
        "\\N",
    ),
    *(
        "1,234",
        "12,34,567",
        "1.234,5",
        "1 234",
        "١٢٣",
        "۴",
        "٣٫٥",
        "3.5",
        "5%",
        "٪5",
        "12:30",
        "PT5M",
        "0x1F",
        "1_000",
        "9" * 40,
    ),
    *(
        "2025-02-30",
        "2025-02-03T25:00",
        "31/12/2025",
        "12/31/2025",
        "2025Q1",
        "1446-07-01",
        "0000-00-00",
        "9999-12-31",
        "45000",
    ),
    *(
        "1735689600",
        "1735689600000",
        "2025-02-03 09:00 AST",
        "2025-02-03T09:00:00+14:00",
        "2025-10-26 02:30 Europe/Berlin",
    ),
    *(
        "a01",
        "A01",
        " a01 ",
        "a01\u200f",
        "هيئة النور",
        "هيئه النور",
        "a03",
        "a02",
        "النور",
        "1.23457E+15",
        "true",
        "TRUE",
        "نعم",
    ),
    *(
        "\ufeff",
        "\u200e",
        "\u2028",
        "\u0085",
        "\x00",
        "\x1b[31m",
        "\ufffd",
        "ï»¿",
        "Ã©",
        "\ud7ff",
        "𝟚",
        "e\u0301",
        "🙂",
        "\r",
        "\n",
        "\r\n",
    ),
    *(
        "'; drop table x; --",
        "{{ 1 }}",
        "${x}",
        "%s%n",
        "../../etc",
        "<b>",
        "]]>",
        "&amp;",
        "&#0;",
        "{",
        "[",
        "[]",
        "{}",
        "x" * 5000,
    ),
]
LINE_ENDS = ["\n", "\r\n", "\r", "\n\n", "\u2028", "\x0b", "\x0c"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "windows-1256", "iso-8859-6", "cp037"]
MEMBERS = re.compile(r"\.(xml|rels)$")


def pick(rng: np.random.Generator, of: list[One]) -> One:
    return of[int(rng.integers(len(of)))]


def _cell(rng: np.random.Generator, columns: Columns) -> Columns:
    name, made = pick(rng, list(columns)), {key: list(values) for key, values in columns.items()}
    if made[name]:
        made[name][int(rng.integers(len(made[name])))] = pick(rng, HOSTILE)
    return made


def _column_of(rng: np.random.Generator, columns: Columns) -> Columns:
    """A whole column of one hostile text."""
    name = pick(rng, list(columns))
    return {key: [pick(rng, HOSTILE)] * len(values) if key == name else values for key, values in columns.items()}


def _header(rng: np.random.Generator, columns: Columns) -> Columns:
    old, new = pick(rng, list(columns)), pick(rng, [*HOSTILE, *columns])
    return {new if name == old else name: values for name, values in columns.items()}


def _dropped(rng: np.random.Generator, columns: Columns) -> Columns:
    name = pick(rng, list(columns))
    return {key: values for key, values in columns.items() if key != name or len(columns) == 1}


def _added(rng: np.random.Generator, columns: Columns) -> Columns:
    rows = len(next(iter(columns.values())))
    return {**columns, pick(rng, ["note", "q1 ", "Q1", "1", "", "id.1"]): [pick(rng, HOSTILE) for _ in range(rows)]}


def _rows(rng: np.random.Generator, columns: Columns) -> Columns:
    """Rows repeated, left out and in another order."""
    rows = len(next(iter(columns.values())))
    order = rng.integers(rows, size=int(rng.integers(0, 2 * rows + 1))) if rows else []
    return {name: [values[int(at)] for at in order] for name, values in columns.items()}


# Headers seldom: a file without one of its columns is refused before its cells are looked at.
TABLES = [
    *[("cell", _cell)] * 10,
    *[("rows", _rows)] * 3,
    *[("column", _column_of)] * 2,
    ("header", _header),
    ("column left out", _dropped),
    ("column added", _added),
]


def text_changed(rng: np.random.Generator, content: bytes, encoding: str, kind: str) -> tuple[str, bytes]:
    """Lines cut, repeated, ended otherwise or written in another encoding; fields and values changed."""
    text = content.decode(encoding, "replace")
    name = pick(rng, [*_IN_LINES, *(_IN_JSON if kind in ("json", "ndjson") else _IN_FIELDS)])
    if name == "encoding":
        return name, text.encode(pick(rng, ENCODINGS), "replace")
    return name, _changed(rng, name, text).encode(encoding, "replace")


_IN_LINES = ["line ends", "encoding", "line put in", "line left out", "text cut in", "mark replaced", "file twice"]
_IN_FIELDS = ["field"] * 6
_IN_JSON = ["value"] * 5 + ["quote"]


def _changed(rng: np.random.Generator, name: str, text: str) -> str:
    lines = text.split("\n")
    at, cut = int(rng.integers(len(lines))), int(rng.integers(len(text) + 1))
    match name:
        case "line ends":
            return pick(rng, LINE_ENDS).join(lines)
        case "line put in":
            return "\n".join([*lines[:at], pick(rng, HOSTILE), *lines[at:]])
        case "line left out":
            return "\n".join([*lines[:at], *lines[at + 1 :]])
        case "text cut in":
            return text[:cut] + pick(rng, HOSTILE) + text[cut:]
        case "mark replaced":
            return text.replace(pick(rng, [",", ";", '"', ":", "{", "\t", " "]), pick(rng, HOSTILE))
        case "file twice":
            return text + text
        case "field":
            mark = max(",;\t|", key=lines[at].count)
            fields = lines[at].split(mark)
            fields[int(rng.integers(len(fields)))] = pick(rng, HOSTILE)
            return "\n".join([*lines[:at], mark.join(fields), *lines[at + 1 :]])
        case "value":
            return _with_value(rng, text)
        case _:
            doubled = ['"' * 2, "'", "[" * 500, json.dumps(pick(rng, HOSTILE))]
            return text.replace('"', pick(rng, doubled), int(rng.integers(1, 4)))


# A value of JSON: a text that no colon follows, a number or a word.
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"(?!\s*:)|-?[0-9][0-9.eE+-]*|true|false|null')


def _with_value(rng: np.random.Generator, text: str) -> str:
    found = list(_VALUE.finditer(text))
    if not found:
        return text
    one = pick(rng, found)
    new = pick(
        rng, [json.dumps(pick(rng, HOSTILE)), "null", "true", "[1, 2]", '{"a": 1}', "1e400", "-0.0", "NaN", "9" * 30]
    )
    return text[: one.start()] + new + text[one.end() :]


def _members(content: bytes) -> dict[str, bytes]:
    """The parts of an archive; none where it is no archive, damaged, or too large to be packed again."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > LARGEST_UNPACKED:
                return {}
            return {part.filename: archive.read(part) for part in parts}
    except (zipfile.BadZipFile, RuntimeError, ValueError, OSError, EOFError, zlib.error):
        return {}


def container_changed(rng: np.random.Generator, content: bytes) -> tuple[str, bytes]:
    """A workbook or archive with one of its parts changed, left out or doubled; another file with bytes changed."""
    members = _members(content)
    if not members:
        name, change = pick(rng, BYTES)
        return name, change(rng, content)
    part = pick(rng, sorted(one for one in members if MEMBERS.search(one)) or sorted(members))
    kind = pick(rng, ["part left out", "part doubled", "part's bytes", "part's marks", "part's numbers"])
    match kind:
        case "part left out":
            members.pop(part)
        case "part doubled":
            members[f"copy/{part}"] = members[part]
        case "part's bytes":
            members[part] = pick(rng, BYTES)[1](rng, members[part])
        case "part's marks":
            old = pick(rng, ["<v>", "<c ", 't="s"', "<row", 'r="', ">"])
            new = pick(rng, ["<v>NaN", "", "<!--", "<c ", ">>"])
            members[part] = members[part].decode("utf-8", "replace").replace(old, new, 2).encode()
        case _:
            numbers = [b"99999999", b"-1", b""]
            members[part] = re.sub(rb"[0-9]+", lambda found: pick(rng, [found[0], found[0], *numbers]), members[part])
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, bytes_of in members.items():
            archive.writestr(zipfile.ZipInfo(one), bytes_of)
    return kind, made.getvalue()


def _flipped(rng: np.random.Generator, content: bytes) -> bytes:
    made = bytearray(content)
    for at in rng.integers(len(made), size=int(rng.integers(1, 6))) if made else []:
        made[int(at)] ^= 1 << int(rng.integers(8))
    return bytes(made)


def _cut(rng: np.random.Generator, content: bytes) -> bytes:
    return content[: int(rng.integers(len(content) + 1))]


def _without(rng: np.random.Generator, content: bytes) -> bytes:
    first, last = sorted(int(one) for one in rng.integers(len(content) + 1, size=2))
    return content[:first] + content[min(last, first + 64) :]


def _inserted(rng: np.random.Generator, content: bytes) -> bytes:
    at = int(rng.integers(len(content) + 1))
    return (
        content[:at]
        + pick(rng, [rng.bytes(8), b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\n" * 50, b"PK\x03\x04"])
        + content[at:]
    )


def _repeated(rng: np.random.Generator, content: bytes) -> bytes:
    first, last = sorted(int(one) for one in rng.integers(len(content) + 1, size=2))
    return content[:last] + content[first:last] * int(rng.integers(1, 20)) + content[last:]


BYTES = [
    *[("bits turned", _flipped)] * 2,
    ("cut off", _cut),
    ("bytes left out", _without),
    ("bytes put in", _inserted),
    ("bytes repeated", _repeated),
]
