"""Reading documents back: tables of a page, text of a PDF, cells of a workbook, and the numbers in them.

Belongs here: what tests of packs and reports share. Does not belong here: any expectation.
"""

import re
from collections import Counter
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

from pypdf import PdfReader

# A number as readers see it: thousands separated, a true minus sign.
NUMBER = re.compile(r"(?<![\w./|-])[−+]?\d[\d,]*(?:\.\d+)?(?![\w/|])")
ISOLATES = re.compile("[\u2066-\u2069]")


class Page(HTMLParser):
    """Tables (lists of rows of texts) and all tags with their attributes, of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.kinds: list[list[list[str]]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._is_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
            self.kinds.append([])
        elif tag == "tr":
            self.tables[-1].append([])
            self.kinds[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.kinds[-1][-1].append(dict(attrs).get("class") or tag)
            self._is_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._is_cell = self._is_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._is_cell:
            self.tables[-1][-1][-1] += plain(data)


def page(path: Path) -> Page:
    return Page(path.read_text("utf-8"))


def plain(text: str) -> str:
    """Return the text without marks of direction."""
    return ISOLATES.sub("", text)


def numbers(text: str) -> list[Decimal]:
    found = NUMBER.findall(plain(text))
    return [Decimal(number.replace(",", "").replace("−", "-")) for number in found]


def table_numbers(read: Page) -> list[list[list[list[Decimal]]]]:
    """Return the numbers of each cell that holds figures, by table and row."""
    return [
        [
            [numbers(cell) for cell, kind in zip(row, kinds, strict=True) if kind == "number"]
            for row, kinds in zip(table, table_kinds, strict=True)
        ]
        for table, table_kinds in zip(read.tables, read.kinds, strict=True)
    ]


def pdf_text(path: Path) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(path).pages)


def pdf_numbers(path: Path) -> Counter[Decimal]:
    """Return the numbers of a PDF, piece by piece as typeset, so that neighbouring cells are not joined."""
    pieces: list[str] = []
    for one in PdfReader(path).pages:
        one.extract_text(visitor_text=lambda text, *_: pieces.append(text))
    return Counter(numbers(" ".join(pieces)))


def counted(nested: list[list[list[list[Decimal]]]]) -> Counter[Decimal]:
    return Counter(number for table in nested for row in table for cell in row for number in cell)
