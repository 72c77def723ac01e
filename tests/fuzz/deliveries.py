"""Deliveries nobody would send on purpose: valid files of every format, changed cell by cell, line by line and byte by byte.

Belongs here: what is drawn, from a seed. Does not belong here: what must hold of each (`campaign`).

A delivery depends on the campaign's seed and its own number alone, so any one can be drawn again by itself.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import yaml

from ingestion.contract import Contract
from simulation.files import opened

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


@dataclass(frozen=True)
class Form:
    """A contract and valid columns for its files; `formats` are those it is delivered in."""

    feed: str
    properties: list[dict[str, Any]]
    columns: Callable[[np.random.Generator, int], Columns]
    extra: dict[str, Any]


def _answers(rng: np.random.Generator, rows: int) -> Columns:
    start = int(rng.integers(1_000_000))
    return {
        "agency": [str(rng.choice(["a01", "a02", "هيئة النور"])) for _ in range(rows)],
        "id": [f"r{start + row}" for row in range(rows)],
        "answered": [f"2025-0{rng.integers(1, 10)}-1{rng.integers(10)} 0{rng.integers(10)}:30" for _ in range(rows)],
        "q1": [str(rng.integers(1, 6)) for _ in range(rows)],
    }


def _cases(rng: np.random.Generator, rows: int) -> Columns:
    start = int(rng.integers(1_000_000))
    return {
        "case": [f"c{start + row}" for row in range(rows)],
        "opened": [f"2025-0{rng.integers(1, 10)}-1{rng.integers(10)}" for _ in range(rows)],
        "outcome": [str(rng.choice(["upheld", "partly", "not_upheld", ""])) or None for _ in range(rows)],
    }


def _counts(rng: np.random.Generator, rows: int) -> Columns:
    started = rng.integers(10, 10_000, rows)
    return {
        "service": [str(rng.choice(["a02-s1", "a02-s2"])) for _ in range(rows)],
        "quarter": [f"2025Q{rng.integers(1, 5)}" for _ in range(rows)],
        "started": [str(one) for one in started],
        "completed": [str(rng.integers(one)) for one in started],
    }


FORMS = {
    "answers": Form(
        "survey_responses",
        [
            {"name": "agency_id", "physicalName": "agency", "lookup": "agencies"},
            {"name": "response_id", "physicalName": "id"},
            {"name": "responded_at", "physicalName": "answered", "dateFormat": ["%Y-%m-%d %H:%M"]},
            {"name": "item", "constant": "overall_satisfaction"},
            {"name": "wording_version", "constant": "w1"},
            {"name": "scale", "constant": "five"},
            {"name": "value", "physicalName": "q1"},
        ],
        _answers,
        {"scales": {"five": {"family": "likert5", "min": 1, "max": 5, "dontKnow": ["9"], "labels": {"راضٍ": 4}}}},
    ),
    "cases": Form(
        "complaints",
        [
            {"name": "agency_id", "constant": "a01"},
            {"name": "case_id", "physicalName": "case"},
            {"name": "opened_at", "physicalName": "opened"},
            {"name": "outcome", "physicalName": "outcome"},
        ],
        _cases,
        {},
    ),
    "counts": Form(
        "service_usage",
        [
            {"name": "agency_id", "constant": "a02"},
            {"name": "service_id", "physicalName": "service", "lookup": "services"},
            {"name": "period_id", "physicalName": "quarter"},
            {"name": "started", "physicalName": "started"},
            {"name": "completed", "physicalName": "completed"},
        ],
        _counts,
        {},
    ),
}
FORMATS = {
    "csv": {"type": "csv"},
    "arabic": {"type": "csv", "encoding": "windows-1256", "delimiter": ";"},
    "tsv": {"type": "tsv"},
    "xlsx": {"type": "xlsx"},
    "ods": {"type": "ods"},
    "json": {"type": "json", "itemsPath": "items"},
    "ndjson": {"type": "ndjson"},
    "parquet": {"type": "parquet"},
}
# Of workbooks fewer: each is opened by a library that takes its time.
SHARES = {"csv": 5, "arabic": 2, "tsv": 1, "xlsx": 2, "ods": 1, "json": 2, "ndjson": 3, "parquet": 2}


def write_contracts(registry: Path) -> None:
    """One provider for each form and format."""
    for name, form in FORMS.items():
        for kind, file_format in FORMATS.items():
            provider = f"{name}-{kind}"
            content = {
                "id": provider,
                "provider": provider,
                "feed": form.feed,
                "covers": "all",
                "format": file_format,
                "properties": form.properties,
                **form.extra,
            }
            path = registry / "contracts" / provider / f"{form.feed}.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


@dataclass(frozen=True)
class Drawn:
    """A delivery: whose it is, and its bytes."""

    provider: str
    feed: str
    content: bytes


def drawn(seed: int, number: int, contracts: dict[str, Contract], scratch: Path) -> Drawn:
    """Delivery `number` of a campaign: a valid file of a random form and format, changed at one to three levels or not at all."""
    rng = np.random.default_rng([seed, number])
    names = list(SHARES)
    kind = str(rng.choice(names, p=np.array([SHARES[name] for name in names]) / sum(SHARES.values())))
    name = str(rng.choice(list(FORMS)))
    form, provider = FORMS[name], f"{name}-{kind}"
    columns = form.columns(rng, int(rng.integers(1, 25)))
    # One in ten is as it should be: what is refused of those is a fault too.
    depth = rng.random()
    if depth > 0.1:
        for _ in range(int(rng.integers(0, 4))):
            columns = _pick(rng, TABLES)(rng, columns)
    content = _written(columns, contracts[provider], scratch / "drawn")
    if depth > 0.45:
        content = _in_container(rng, content) if kind in ("xlsx", "ods") else _text(rng, content, kind)
    if depth > 0.7:
        for _ in range(int(rng.integers(1, 4))):
            content = _pick(rng, BYTES)(rng, content)
    return Drawn(provider, form.feed, content)


def _written(columns: Columns, contract: Contract, path: Path) -> bytes:
    """The columns as a file; a text that the format cannot hold is left out of it."""
    for keep in (lambda text: True, lambda text: text is None or (text.isascii() and text.isprintable())):
        cells = {
            name if keep(name) else "column": np.array([text if keep(text) else "" for text in values], object)
            for name, values in columns.items()
        }
        try:
            with opened(path, contract.format) as writer:
                writer.write(cells)
        except (ValueError, TypeError, AttributeError):
            continue
        finally:
            content = path.read_bytes() if path.is_file() else b""
            path.unlink(missing_ok=True)
        break
    return content


def _pick(rng: np.random.Generator, of: list[One]) -> One:
    return of[int(rng.integers(len(of)))]


def _cell(rng: np.random.Generator, columns: Columns) -> Columns:
    name, made = _pick(rng, list(columns)), {key: list(values) for key, values in columns.items()}
    if made[name]:
        made[name][int(rng.integers(len(made[name])))] = _pick(rng, HOSTILE)
    return made


def _column_of(rng: np.random.Generator, columns: Columns) -> Columns:
    """A whole column of one hostile text."""
    name = _pick(rng, list(columns))
    return {key: [_pick(rng, HOSTILE)] * len(values) if key == name else values for key, values in columns.items()}


def _header(rng: np.random.Generator, columns: Columns) -> Columns:
    old, new = _pick(rng, list(columns)), _pick(rng, [*HOSTILE, *columns])
    return {new if name == old else name: values for name, values in columns.items()}


def _dropped(rng: np.random.Generator, columns: Columns) -> Columns:
    name = _pick(rng, list(columns))
    return {key: values for key, values in columns.items() if key != name or len(columns) == 1}


def _added(rng: np.random.Generator, columns: Columns) -> Columns:
    rows = len(next(iter(columns.values())))
    return {**columns, _pick(rng, ["note", "q1 ", "Q1", "1", "", "id.1"]): [_pick(rng, HOSTILE) for _ in range(rows)]}


def _rows(rng: np.random.Generator, columns: Columns) -> Columns:
    """Rows repeated, left out and in another order."""
    rows = len(next(iter(columns.values())))
    order = rng.integers(rows, size=int(rng.integers(0, 2 * rows + 1))) if rows else []
    return {name: [values[int(at)] for at in order] for name, values in columns.items()}


# Headers seldom: a file without one of its columns is refused before its cells are looked at.
TABLES = [*[_cell] * 10, *[_rows] * 3, _column_of, _column_of, _header, _dropped, _added]


def _text(rng: np.random.Generator, content: bytes, kind: str) -> bytes:
    """Lines cut, repeated, ended otherwise or written in another encoding; Parquet has no lines."""
    if kind == "parquet":
        return content
    text = content.decode("windows-1256" if kind == "arabic" else "utf-8", "replace")
    lines = text.split("\n")
    what = int(rng.integers(8))
    at = int(rng.integers(len(lines)))
    if what == 0:
        text = _pick(rng, LINE_ENDS).join(lines)
    elif what == 1:
        return text.encode(_pick(rng, ENCODINGS), "replace")
    elif what == 2:
        text = "\n".join([*lines[:at], _pick(rng, HOSTILE), *lines[at:]])
    elif what == 3:
        text = "\n".join([*lines[:at], *lines[at + 1 :]])
    elif what == 4:
        cut = int(rng.integers(len(text) + 1))
        text = text[:cut] + _pick(rng, HOSTILE) + text[cut:]
    elif what == 5:
        text = text.replace(_pick(rng, [",", ";", '"', ":", "{", "\t", " "]), _pick(rng, HOSTILE))
    elif what == 6:
        text = text + text
    elif kind in ("json", "ndjson"):
        text = text.replace(
            '"', _pick(rng, ['"' * 2, "'", "[" * 500, json.dumps(_pick(rng, HOSTILE))]), int(rng.integers(1, 4))
        )
    return text.encode("windows-1256" if kind == "arabic" else "utf-8", "replace")


def _in_container(rng: np.random.Generator, content: bytes) -> bytes:
    """A workbook with one of its XML parts changed, left out or doubled."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
    except zipfile.BadZipFile:
        return content
    name = _pick(rng, sorted(one for one in members if MEMBERS.search(one)))
    what = int(rng.integers(5))
    if what == 0:
        members.pop(name)
    elif what == 1:
        members[name] = _pick(rng, BYTES)(rng, members[name])
    elif what == 2:
        part = members[name].decode("utf-8", "replace")
        members[name] = part.replace(
            _pick(rng, ["<v>", "<c ", 't="s"', "<row", 'r="', ">"]), _pick(rng, ["<v>NaN", "", "<!--", "<c ", ">>"]), 2
        ).encode()
    elif what == 3:
        members[name] = re.sub(rb"[0-9]+", lambda found: _pick(rng, [found[0], b"99999999", b"-1", b""]), members[name])
    else:
        members[f"copy/{name}"] = members[name]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, part in members.items():
            archive.writestr(zipfile.ZipInfo(one), part)
    return made.getvalue()


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
        + _pick(rng, [rng.bytes(8), b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\n" * 50, b"PK\x03\x04"])
        + content[at:]
    )


def _repeated(rng: np.random.Generator, content: bytes) -> bytes:
    first, last = sorted(int(one) for one in rng.integers(len(content) + 1, size=2))
    return content[:last] + content[first:last] * int(rng.integers(1, 20)) + content[last:]


BYTES = [_flipped, _flipped, _cut, _without, _inserted, _repeated]
