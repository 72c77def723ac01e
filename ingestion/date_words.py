"""Words in dates: months of both calendars, weekdays, halves of the day and eras, in Arabic and English.

Belongs here: reading `date_words.yml`, and SQL that puts words into the form a format reads. Does not belong here: formats
(`moments`, `calendars`), names of quarters and years (`period_names`).
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from miyar import sql
from miyar.registry import fold

# The letter variants of `miyar.registry.fold` and Persian letters, for texts that SQL folds: from, to; those without a partner
# are dropped.
_VARIANTS = ("أإآٱىةیکـًٌٍَُِّْ", "اااايهيك")
# Spaces that do not break, which ICU puts before AM and PM, and the marks of direction that it puts around slashes.
_UNSEEN = ("\u00a0\u2007\u2009\u202f\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", "    ")
WORD_CODES = ("%B", "%b", "%A", "%a", "%p")


@cache
def date_words() -> dict[str, Any]:
    """The lists of `date_words.yml`."""
    source: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text("utf-8"))
    return source


def spelled_plainly(value: str) -> str:
    """SQL: a text with plain spaces and without marks of direction."""
    plain = f"translate({value}, {sql.text(_UNSEEN[0])}, {sql.text(_UNSEEN[1])})"
    return f"case when strlen({value}) = length({value}) then {value} else {plain} end"


def folded(value: str) -> str:
    """SQL: a text in lower case without Arabic letter variants; the same as `fold_format` in Python."""
    return f"translate(lower({value}), {sql.text(_VARIANTS[0])}, {sql.text(_VARIANTS[1])})"


def fold_format(strptime: str) -> str:
    """The literal letters of a format as `folded` leaves those of a text."""
    pieces = re.split(r"(%.)", strptime)
    table = str.maketrans(_VARIANTS[0][: len(_VARIANTS[1])], _VARIANTS[1], _VARIANTS[0][len(_VARIANTS[1]) :])
    return "".join(piece if number % 2 else piece.lower().translate(table) for number, piece in enumerate(pieces))


def macros() -> list[str]:
    """The macros of words, to be created on a connection."""
    words = date_words()
    return [
        f"english_months(t) as {_replaced('t', words['months'], lambda name: name)}",
        f"english_short_months(t) as {_replaced('t', words['months'], lambda name: name[:3])}",
        f"english_weekdays(t) as {_replaced('t', words['weekdays'], lambda name: name)}",
        f"numbered_hijri_months(t) as {_replaced('t', words['hijri_months'], str)}",
        f"greenwich(t) as {_each('t', words['greenwich'], 'GMT')}",
        f"halves_of_the_day(t, gap) as {_halves('t', 'gap')}",
        f"one_month(t) as {_once('t', list(words['months']))}",
        f"one_short_month(t) as {_once('t', [name[:3] for name in words['months']])}",
    ]


def _replaced(value: str, names: dict[Any, list[str]], target: Any) -> str:
    """SQL: every name in a folded text replaced; longer names first, for some names begin others."""
    pairs = {fold(name): target(key) for key, spelled in names.items() for name in spelled}
    for name in sorted(pairs, key=lambda name: (-len(name), name)):
        value = f"replace({value}, {sql.text(name)}, {sql.text(pairs[name])})"
    return value


def _each(value: str, spelled: list[str], target: str) -> str:
    """SQL: each of the words replaced by one."""
    for word in spelled:
        value = f"replace({value}, {sql.text(word)}, {sql.text(target)})"
    return value


def _halves(value: str, gap: str) -> str:
    """SQL: AM or PM for the words of the halves of the day, behind `gap`, whether a space stood before them or not."""
    noon = rf"(^|[^0-9])(12|0?[1-3])(:[0-9]{{2}}(?::[0-9]{{2}})?) *({_options(date_words()['noon'])})([ ,]|$)"
    value = f"regexp_replace({value}, {sql.text(noon)}, '\\1\\2\\3' || {gap} || 'PM\\5')"
    for half, spelled in date_words()["halves"].items():
        words = rf"(^|[ 0-9]) *({_options(spelled)})([ ,]|$)"
        value = f"regexp_replace({value}, {sql.text(words)}, '\\1' || {gap} || '{half}\\3')"
    return value


def _options(spelled: list[str]) -> str:
    return "|".join(re.escape(fold(word)) for word in sorted(spelled, key=lambda word: (-len(word), word)))


def _once(value: str, names: list[str]) -> str:
    """SQL: one name of a month that stands there by both its names (`January/ January`); two months stay two."""
    either = "|".join(names)
    both = sql.text(rf"({either}) ?[/(] ?({either})\)?")
    same = f"regexp_extract({value}, {both}, 1) = regexp_extract({value}, {both}, 2)"
    return f"case when {same} then regexp_replace({value}, {both}, '\\1') else {value} end"


def without_era(calendar: str, value: str) -> str:
    """SQL: a folded text without an era at its end."""
    return f"regexp_replace({value}, {sql.text(era_pattern(calendar))}, '')"


def era_pattern(calendar: str) -> str:
    """Regular expression of an era at the end of a folded text or format."""
    return rf"\s*({'|'.join(re.escape(fold(word)) for word in date_words()['eras'][calendar])})\.?$"


def gregorian_words(value: str, strptime: str) -> tuple[str, str]:
    """(SQL of the text, the format) in which DuckDB reads a date with words; both as they are if the format has no words."""
    codes = [code for code in WORD_CODES if code in strptime]
    if not codes:
        return value, strptime
    text = folded(value)
    shown = fold_format(strptime)
    if "%p" in codes:
        text = _with_halves(text, shown)
    elif not re.search(era_pattern("gregorian"), shown):
        text = without_era("gregorian", text)
    # Months first: one of them begins with the name of a weekday.
    if "%B" in codes:
        text = f"one_month(english_months({text}))"
    if "%b" in codes:
        text = rf"one_short_month(regexp_replace(english_short_months({text}), '\bsept\b', 'sep'))"
    if "%A" in codes or "%a" in codes:
        text, shown = f"english_weekdays({text})", shown.replace("%a", "%A") if "%A" in codes else shown
        if not re.search(r"%[Aa]\s*[,،]", shown):
            text = f"regexp_replace({text}, '([A-Za-z]+day)[,،]', '\\1')"
    return text, shown


def _with_halves(text: str, strptime: str) -> str:
    gap = " " if re.search(r"\s%p", strptime) else ""
    return f"halves_of_the_day({text}, {sql.text(gap)})"


def hijri_words(value: str, strptime: str) -> tuple[str, str]:
    """(SQL of the text, the format without its era) of a Hijri date; months in words have become numbers."""
    shown = re.sub(era_pattern("hijri"), "", fold_format(strptime))
    text = without_era("hijri", folded(spelled_plainly(value)))
    if "%B" in shown or "%b" in shown:
        text, shown = f"numbered_hijri_months({text})", shown.replace("%B", "%m").replace("%b", "%m")
    if "%p" in shown:
        text = _with_halves(text, shown)
    return text, shown
