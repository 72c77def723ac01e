"""Delivered text as it may stand in what others read: no hidden character, not too long, and an id where an id is meant.

A hidden character (control, format, line or paragraph separator, surrogate, private use, unassigned) lets two ids look the
same, turns a page's text around (Unicode Technical Report 36) or ends a line for some readers and not for others. Within a
word of the Arabic script the two joiners are part of the spelling (Persian, Urdu; RFC 5892, appendix A), so there they stand.

Belongs here: which texts these are, in Python and in SQL. Does not belong here: the rows that hold others (`text_faults`),
personal data (`personal`), blanks at a text's ends, which are taken off before (`values`).
"""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from miyar import sql

_HIDDEN_CATEGORIES = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"}
_JOINERS = "\u200c\u200d"
_SEEN = r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}"  # all that is not hidden
_JOINER = r"[\x{200C}\x{200D}]"
_ASTRAY = rf"(^|[^\p{{Arabic}}\p{{M}}]){_JOINER}|{_JOINER}([^\p{{Arabic}}]|$)"
# What people's editors put into prose: ends of lines, direction marks (no overrides and no embeddings), joiners of emoji.
_PROSE = r"\t\r\n\x{200E}\x{200F}\x{061C}\x{200C}\x{200D}"
_PROSE_CHARS = "\t\r\n\u200e\u200f\u061c\u200c\u200d"
REPLACED = "\ufffd"


@cache
def _settings() -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "plain_text.yml").read_text("utf-8"))
    return settings


def limits() -> dict[str, int]:
    """The longest text in characters, by what it is: unit, id or prose."""
    return {name: int(length) for name, length in _settings()["lengths"].items()}


def unit_form() -> str:
    """The regular expression of an id that a unit may have without being registered."""
    return str(_settings()["unit_form"])


def is_plain(text: str, *, is_prose: bool = False) -> bool:
    """Whether a text has no hidden character; joiners stand within words of the Arabic script.

    Prose may have ends of lines, direction marks and joiners.
    """
    if text.isprintable():
        return True
    return all(
        not _is_hidden(char) or (char in _PROSE_CHARS if is_prose else _joins(text, place))
        for place, char in enumerate(text)
    )


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in _HIDDEN_CATEGORIES


def _joins(text: str, place: int) -> bool:
    if text[place] not in _JOINERS:
        return False
    before = text[:place].rstrip("".join(char for char in text[:place] if unicodedata.combining(char)))
    return _is_arabic(before[-1:]) and _is_arabic(text[place + 1 : place + 2])


def _is_arabic(char: str) -> bool:
    return bool(char) and unicodedata.name(char, "").startswith("ARABIC")


def visible(text: str) -> str:
    """The text with a replacement mark for each hidden character, as messages show it."""
    return "".join(REPLACED if _is_hidden(char) else char for char in text)


def visible_sql(value: str) -> str:
    """SQL: the same as `visible`."""
    return f"regexp_replace({value}, {sql.text(f'[^{_SEEN}]')}, '{REPLACED}', 'g')"


def hidden_sql(value: str, *, is_prose: bool = False) -> str:
    """SQL: true for a text with a hidden character; prose may have ends of lines, direction marks and joiners."""
    pattern = f"[^{_SEEN}{_PROSE}]" if is_prose else rf"[^{_SEEN}\x{{200C}}\x{{200D}}]|{_ASTRAY}"
    return f"regexp_matches({value}, {sql.text(pattern)})"
