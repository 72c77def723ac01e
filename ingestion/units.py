"""Quantities: a number with its unit beside it becomes a number in the unit of its column.

Belongs here: reading `units.yml`, and the meaning of one text under the unit its contract names. Does not belong here: bare
numbers (`values`), which column has which unit (`feeds.yml`).
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path

import yaml

from ingestion.values import plain_number
from miyar.registry import fold

_LONGEST, _LARGEST = 80, 10**15
UNCLEAR, NOT_A_NUMBER = "unit_unclear", "value_not_number"
_NUMBER = r"[+-]?[0-9][0-9.,٫٬'’ \u00a0\u2007\u2009\u202f]*(?:[eE][+-]?[0-9]+)?"
_CLOCK = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<days>[0-9]+)(?: days?,? ?|[.]))?(?P<h>[0-9]+):(?P<m>[0-5][0-9]):(?P<s>[0-5][0-9](?:[.,][0-9]+)?)"
)
_PAIR = re.compile(r"(?P<sign>[+-]?)(?P<first>[0-9]+):(?P<second>[0-9]{2})")
_ISO = re.compile(
    r"(?P<sign>[+-]?)p(?=[0-9t])(?:(?P<weeks>[0-9]+)w)?(?:(?P<days>[0-9]+)d)?"
    r"(?:t(?=[0-9])(?:(?P<hours>[0-9]+)h)?(?:(?P<minutes>[0-9]+)m)?(?:(?P<seconds>[0-9]+(?:[.,][0-9]+)?)s)?)?"
)
_SECONDS = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


@dataclass(frozen=True)
class Unit:
    """One unit: its size in the base of its dimension (None where a bare number says too little), and how it is written."""

    name: str
    dimension: str
    size: Fraction | None
    texts: frozenset[str]
    duals: frozenset[str]
    pairs: tuple[int, int] | None


@cache
def load_units() -> dict[str, Unit]:
    """All units by name."""
    source = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text("utf-8"))
    found = {}
    for dimension, content in source["dimensions"].items():
        for name, spec in content["units"].items():
            found[name] = Unit(
                name,
                dimension,
                Fraction(spec["size"]) if spec["size"] else None,
                frozenset(map(_folded, spec.get("texts", []))),
                frozenset(map(_folded, spec.get("duals", []))),
                tuple(spec["pairs"]) if "pairs" in spec else None,
            )
    return found


@cache
def _joints() -> frozenset[str]:
    source = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text("utf-8"))
    return frozenset(map(_folded, source["dimensions"]["time"]["joined_by"]))


def _folded(text: str) -> str:
    return fold(text).removesuffix(".")


def unit_of(declared: str | None, factor: float | None, column_unit: str | None) -> Unit | None:
    """The unit of a property's bare numbers: the one it names, else the one whose size its factor is, else none."""
    units = load_units()
    if declared is not None:
        return units[declared]
    if factor is None or column_unit is None or column_unit not in units:
        return None
    base = units[column_unit]
    near = [
        unit
        for unit in units.values()
        if unit.size
        and base.size
        and unit.dimension == base.dimension
        and abs(float(unit.size / base.size) / factor - 1) < 1e-9
    ]
    return near[0] if near else None


def size_in(unit: Unit, column_unit: str | None) -> Fraction | None:
    """The factor from a bare number in `unit` to the column's unit; None where a bare number says too little."""
    if column_unit is None or column_unit not in load_units():
        return unit.size and Fraction(1)
    base = load_units()[column_unit].size
    return unit.size / base if unit.size is not None and base is not None else None


def fits(unit: str, column_unit: str | None) -> bool:
    """Return whether numbers in a unit can stand in a column; currencies only where money does."""
    units = load_units()
    if column_unit is None:
        return units[unit].dimension != "money"
    wanted = units[column_unit].dimension if column_unit in units else column_unit
    return units[unit].dimension == wanted


def quantity(text: str, unit: Unit, column_unit: str | None, decimal: str) -> tuple[str | None, str | None]:
    """(number in the column's unit, None) of a text with or without its unit, or (None, the rule it breaks).

    A unit in the text counts before the one of the contract, which is that of bare numbers only.
    """
    # Texts longer than any quantity, exponents whose power would fill the memory, and two numbers in one cell are no numbers.
    if len(text) > _LONGEST or re.search(r"[0-9][eE][+-]?[0-9]{3,}|[0-9](?:\s{2,}|[\t-\r])[0-9]", text):
        return None, NOT_A_NUMBER
    folded = _unsigned(fold(_without_raised_digits(text)))
    bare = plain_number(folded, decimal)
    if bare is not None:
        factor = size_in(unit, column_unit)
        return (None, UNCLEAR) if factor is None else (_shown(Fraction(bare) * factor), None)
    found = _in_base(folded, unit, decimal)
    if isinstance(found, str):
        return None, found
    base = load_units()[column_unit].size if column_unit in load_units() else None
    if base is None:
        base = unit.size or Fraction(1)
    return _shown(found / base), None


def _without_raised_digits(text: str) -> str:
    """The text with ¹, ₂ and ③ as marks: they point to a note, and folding would make them digits of the number."""
    return "".join("†" if one.isnumeric() and not one.isdecimal() else one for one in text)


def _unsigned(text: str) -> str:
    """The text with its minus as `-`, whether it is a true minus or parentheses around the number, with or without its unit."""
    text = text.replace("\u2212", "-")
    inner = re.fullmatch(r"([^0-9()+-]*)\((.+)\)([^0-9()+-]*)", text)
    return f"-{inner[1]}{inner[2]}{inner[3]}" if inner and not (inner[1] and inner[3]) else text


def _shown(value: Fraction) -> str:
    if abs(value) >= _LARGEST:
        return str(int(value))  # more than any column holds, which the typing step tells
    whole = Decimal(value.numerator) / Decimal(value.denominator)
    return f"{whole.quantize(Decimal('0.000001'), ROUND_HALF_UP):f}"


def _in_base(text: str, unit: Unit, decimal: str) -> Fraction | str:
    """The amount in the base of its dimension, or the rule the text breaks."""
    if unit.dimension == "time" and (found := _clock(text, unit)) is not None:
        return found
    one = _one_unit(text, unit, decimal)
    if one is not None:
        return one
    return _compound(text, decimal) if unit.dimension == "time" else _why_not(text)


def _clock(text: str, unit: Unit) -> Fraction | str | None:
    whole = _CLOCK.fullmatch(text)
    if whole:
        seconds = int(whole["days"] or 0) * 86400 + int(whole["h"]) * 3600 + int(whole["m"]) * 60
        return _signed(whole["sign"], seconds + Fraction(whole["s"].replace(",", ".")))
    pair = _PAIR.fullmatch(text)
    if pair:
        if unit.pairs is None or int(pair["second"]) > 59:
            return UNCLEAR
        return _signed(pair["sign"], Fraction(int(pair["first"]) * unit.pairs[0] + int(pair["second"]) * unit.pairs[1]))
    iso = _ISO.fullmatch(text)
    if iso:
        parts = [Fraction((iso[part] or "0").replace(",", ".")) * size for part, size in _SECONDS.items()]
        return _signed(iso["sign"], sum(parts, Fraction(0)))
    return UNCLEAR if re.fullmatch(r"[+-]?p[0-9ymwdths.,]+", text) else None


def _signed(sign: str, amount: Fraction) -> Fraction:
    return -amount if sign == "-" else amount


def _one_unit(text: str, unit: Unit, decimal: str) -> Fraction | str | None:
    """A number with one unit after it or before it."""
    after = re.fullmatch(rf"({_NUMBER})\s*([^0-9+-].*)", text)
    before = re.fullmatch(rf"([+-]?)([^0-9+-][^0-9]*?)\s*({_NUMBER})", text)
    written, word = "", ""
    if after:
        written, word = after[1], after[2]
    elif before:
        written, word = before[1] + before[3], before[2]
    number = plain_number(written.strip(), decimal)
    if number is None:
        return None
    known = _named(word.strip().removesuffix("."), unit)
    if known is None:
        return None
    return Fraction(number) * known.size if known.size is not None else None


def _named(word: str, unit: Unit) -> Unit | None:
    """The unit a word names; a currency only if it is the contract's own, for a sign such as $ stands for several."""
    if unit.dimension == "money":
        return unit if word in unit.texts else None
    found = [one for one in load_units().values() if one.dimension == unit.dimension and word in one.texts]
    return found[0] if found else None


def _compound(text: str, decimal: str) -> Fraction | str:
    """Several numbers with their units of time: 2h 30m, 1 hour and 20 minutes, يومان."""
    total, position = Fraction(0), 0
    times = {word: one for one in load_units().values() if one.dimension == "time" for word in one.texts}
    duals = {word: one for one in load_units().values() for word in one.duals}
    while position < len(text):
        piece = re.match(r"\s*(?:([0-9]+(?:[.,٫][0-9]+)?)\s*)?([^\W\d_]+|[&،,])", text[position:])
        if piece is None:
            return _why_not(text)
        position += piece.end()
        word = piece[2]
        if piece[1] is None and word in _joints():
            continue
        written = piece[1] or ("2" if word in duals else "")
        number = plain_number(written.replace("٫", decimal), decimal)
        named = times.get(word) or duals.get(word)
        if number is None or named is None or named.size is None:
            return _why_not(text)
        total += Fraction(number) * named.size
    return total


def _why_not(text: str) -> str:
    """A number beside something else has an unclear unit; everything else is no number."""
    beside = re.fullmatch(rf"(?:{_NUMBER}\s*[^0-9]+|[^0-9]{{1,4}}\s*{_NUMBER})", text)
    return UNCLEAR if beside else NOT_A_NUMBER


@cache
def beside_a_number() -> str:
    """A regular expression for texts that are a number with a known unit, or a duration: for contracts that name no unit."""
    source = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text("utf-8"))
    specs = [spec for content in source["dimensions"].values() for spec in content["units"].values()]
    words = sorted({text.lower() for spec in specs for text in spec.get("texts", [])}, key=lambda w: (-len(w), w))
    alternatives = "|".join(re.escape(word) for word in words)
    number = r"[-+(]{0,2}[0-9][0-9.,٫٬' ]*\)?-?"
    duals = "|".join(re.escape(text) for spec in specs for text in spec.get("duals", []))
    return (
        rf"({number}\s*({alternatives})[.]?\)?|[-(]?({alternatives})[.]?\s*{number}|[-+]?[0-9]+(:[0-9]{{2}}){{1,2}}([.,][0-9]+)?"
        rf"|p[0-9t][0-9ymwdths.,]*|[0-9]+ days?,? [0-9]+(:[0-9]{{2}}){{2}}([.][0-9]+)?|{duals})"
    )
