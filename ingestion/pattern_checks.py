"""What a match of a pattern has to satisfy before it counts as personal data: check digits, lengths, ranges, the words around it.

Belongs here: these checks. Does not belong here: the patterns (`personal.yml`), searching (`patterns`).
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_WORD = re.compile(r"[^\s،,.;:!؟?()]+")
_ATTACHED = ("وال", "بال", "لل", "و", "ب", "ل")  # one-letter words that Arabic writes together with the next


@cache
def source() -> dict[str, Any]:
    """All of `personal.yml`."""
    found: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "personal.yml").read_text("utf-8"))
    return found


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B, over the digits of a text."""
    numbers = [int(char) for char in digits if char.isdigit()]
    doubled = [number * 2 - 9 * (number > 4) for number in numbers[-2::-2]]
    return (sum(doubled) + sum(numbers[-1::-2])) % 10 == 0


def mod97(text: str) -> bool:
    """ISO 13616: country and check digits move to the end, letters become two digits, and the remainder must be 1.

    A match may have run into the next word, so it is cut to its country's length; a country of which none is known has no IBAN.
    """
    plain = re.sub("[ -]", "", text).upper()
    length = source()["iban_lengths"].get(plain[:2], 0)
    iban = plain[:length]
    return bool(length) and len(iban) == length and int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1


def _place(text: str) -> bool:
    """Latitude and longitude, or degrees with seconds, within the globe."""
    numbers = [float(one) for one in re.findall(r"-?[0-9]+(?:\.[0-9]+)?", text)]
    return abs(numbers[0]) <= 90 and ("°" in text or abs(numbers[1]) <= 180)


def _person(text: str, start: int, end: int) -> bool:
    """Not a place, an honour or an office: the two words before and after a name, and the name's own words, say which."""
    words = source()["place_words"]
    before = [_bare(word) for word in _WORD.findall(text[:start])[-2:]]
    found = _WORD.findall(text[start:end])
    after = [*found[1:], *_WORD.findall(text[end:])[:2]]
    if set(found) & set(source()["office_words"]):
        return False
    return not {*before, *found[:1]} & set(words["before"]) and not set(after) & set(words["after"])


def _bare(word: str) -> str:
    for attached in _ATTACHED:
        rest = word.removeprefix(attached)
        if rest != word and rest in source()["place_words"]["before"]:
            return rest
    return word


_CHECKS: dict[str, Callable[[str, int, int], bool]] = {
    "none": lambda *_: True,
    "luhn": lambda text, start, end: luhn(text[start:end]),
    "mod97": lambda text, start, end: mod97(text[start:end]),
    "place": lambda text, start, end: _place(text[start:end]),
    "person": _person,
}


def holds(check: str, text: str, start: int, end: int) -> bool:
    """Whether the match of a text from `start` to `end` satisfies a check."""
    return _CHECKS[check](text, start, end)
