"""A document before it is put into a language: sections of sentences, tables and plots made of typed cells.

Belongs here: the cells and blocks, and the text of a cell. Does not belong here: any layout. Every rendering in every
language is made from the same cells, so no two of them can disagree.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path

from miyar.periods import last_day
from publication.phrasing import Language, Phrasing, sentences
from publication.reading import code_text, reason_text

# Ids of rows are MD5 of their keys.
ID = re.compile("[0-9a-f]{32}")
WORDS = Path(__file__).parent / "words.yml"
COLUMNS = Path(__file__).parent / "columns.yml"


@dataclass(frozen=True)
class Text:
    """A name, or the words of a code, in both languages."""

    ar: str
    en: str


@dataclass(frozen=True)
class Number:
    """A figure; `is_change` always shows its sign."""

    value: Decimal | float | None
    decimals: int = 1
    is_change: bool = False


@dataclass(frozen=True)
class Count:
    value: int | None


@dataclass(frozen=True)
class Interval:
    low: Decimal | float | None
    high: Decimal | float | None
    decimals: int = 1


@dataclass(frozen=True)
class Code:
    """An id or a period: the same in every language. A score's id is shown by its first eight digits."""

    text: str


Cell = Text | Number | Count | Interval | Code


@dataclass(frozen=True)
class Sentence:
    """A sentence of `words.yml` and the cells that fill it."""

    key: str
    cells: dict[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Columns named in `columns.yml`, and rows of cells."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


@dataclass(frozen=True)
class Plot:
    """Drawings side by side that carry their own words."""

    draws: tuple[Callable[[Language], str], ...]


@dataclass(frozen=True)
class Section:
    heading: Sentence
    blocks: list[Sentence | Table | Plot]


@dataclass(frozen=True)
class Document:
    """What one reader gets."""

    title: Sentence
    lead: list[Sentence]
    sections: list[Section]


def dated(period_id: str) -> datetime:
    """Return the date a file states as its own: the end of its period, so that equal content is equal bytes on any day."""
    return datetime.combine(last_day(period_id), time(), UTC)


def coded(code: str | None, *wording_sections: str) -> Text:
    """Return a code of a published table in words: bands, reasons and statuses unless other sections are named."""
    if wording_sections:
        return Text(code_text(code, "ar", *wording_sections), code_text(code, "en", *wording_sections))
    return Text(reason_text(code, "ar"), reason_text(code, "en"))


def score_code(score_id: str | None) -> Code:
    return Code((score_id or "")[:8])


def source_code(table: str, selects: str | None) -> Code:
    """Return where a number comes from: the table, and the row's id (eight digits) or the code that selects its rows."""
    told = (selects or "")[:8] if ID.fullmatch(selects or "") else selects
    return Code(f"{table} {told}" if told else "")


def tell_cell(cell: Cell, say: Phrasing) -> str:
    """Return the text a reader sees for a cell."""
    match cell:
        case Text():
            return cell.ar if say.language == "ar" else cell.en
        case Number():
            return say.signed(cell.value, cell.decimals) if cell.is_change else say.number(cell.value, cell.decimals)
        case Count():
            return say.count(cell.value)
        case Interval():
            return say.interval(cell.low, cell.high, cell.decimals)
        case Code():
            return say.code(cell.text) if cell.text else ""


def tell(sentence: Sentence, say: Phrasing) -> str:
    return say.word(sentence.key, **{name: tell_cell(cell, say) for name, cell in sentence.cells.items()})


def word(key: str, language: Language) -> str:
    """Return a sentence without cells, for the title of a plot."""
    return sentences(WORDS)[key][language]


def column_text(column: str, language: Language, *, is_meaning: bool = False) -> str:
    """Return the heading of a column, or what it means."""
    return sentences(COLUMNS)[column][f"meaning_{language}" if is_meaning else language]
