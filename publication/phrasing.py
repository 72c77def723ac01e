"""Numbers, intervals and sentences as one reader sees them, in their language.

Belongs here: digits, signs, directions, and filling a sentence of a yml file. Does not belong here: any sentence (the
yml files), layout of a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

Language = Literal["ar", "en"]
Digits = Literal["latin", "arabic_indic"]
LANGUAGES: tuple[Language, ...] = ("ar", "en")

# Left-to-right isolate: without it an Arabic line puts the sign behind its number and glues a number to the code next
# to it.
_ISOLATE, _END = "\u2066", "\u2069"
_RTL_ISOLATE = "\u2067"
_INDIC = str.maketrans("0123456789.,%", "٠١٢٣٤٥٦٧٨٩٫٬٪")
_RANGE: dict[Language, str] = {"ar": "{low} إلى {high}", "en": "{low} to {high}"}
_NONE = "—"


@cache
def sentences(path: Path) -> dict[str, dict[str, str]]:
    """Return key -> text per language, from a yml file."""
    found: dict[str, dict[str, str]] = yaml.safe_load(path.read_text("utf-8"))
    return found


@dataclass(frozen=True)
class Phrasing:
    """How one reader reads: language, kind of digits, and the file that holds the sentences."""

    language: Language
    words: Path
    digits: Digits = "latin"

    @property
    def is_rtl(self) -> bool:
        return self.language == "ar"

    def number(self, value: float | Decimal | None, decimals: int = 1) -> str:
        """Return a number with a true minus sign; a dash for none."""
        if value is None:
            return _NONE
        text = f"{_rounded(value, decimals):f}"
        if not float(text):
            text = text.removeprefix("-")
        return self._isolated(self._numerals(text.replace("-", "−")), is_needed=text.startswith("-"))

    def count(self, value: int | None) -> str:
        """Return a whole number with thousands separated."""
        return _NONE if value is None else self._numerals(f"{value:,}")

    def signed(self, value: float | Decimal | None, decimals: int = 1) -> str:
        """Return a change with its sign, also if it is positive."""
        if value is None:
            return _NONE
        text = f"{_rounded(value, decimals):+f}"
        if not float(text):
            return self._numerals(text[1:])
        return self._isolated(self._numerals(text.replace("-", "−")))

    def interval(self, low: float | Decimal | None, high: float | Decimal | None, decimals: int = 1) -> str:
        """Return low and high with a word between: a dash reads as a minus, and in Arabic hides which end is first."""
        if low is None or high is None:
            return _NONE
        return _RANGE[self.language].format(low=self.number(low, decimals), high=self.number(high, decimals))

    def code(self, text: str) -> str:
        """Return an id or period, kept together as written."""
        return self._isolated(text)

    def name(self, row: Mapping[str, Any], stem: str = "name") -> str:
        """Return a row's name in the reader's language, or in the other one if it has none."""
        other = "en" if self.language == "ar" else "ar"
        return str(row.get(f"{stem}_{self.language}") or row.get(f"{stem}_{other}") or "")

    def word(self, key: str, **values: str) -> str:
        """Return the sentence of a key, filled; raises KeyError if the file has none."""
        return sentences(self.words)[key][self.language].format(**values)

    def line(self, text: str) -> str:
        """Return a line for a medium without direction (SVG text), wrapped in its own direction."""
        return f"{_RTL_ISOLATE}{text}{_END}" if self.is_rtl else text

    def numerals(self, text: str) -> str:
        """Return a date, period or id in the reader's kind of digits."""
        return self._numerals(text)

    def _numerals(self, text: str) -> str:
        return text.translate(_INDIC) if self.is_rtl and self.digits == "arabic_indic" else text

    def _isolated(self, text: str, is_needed: bool = True) -> str:
        return f"{_ISOLATE}{text}{_END}" if self.is_rtl and is_needed else text


def _rounded(value: float | Decimal, decimals: int) -> Decimal:
    """Round half away from zero, as spreadsheets show the same cell."""
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
