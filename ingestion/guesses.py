"""What the columns of a file seem to be, for drafting its contract: column by header, dates, units and scales by values.

Belongs here: guesses about one column. Does not belong here: the contract they make (`draft`), the lists (`synonyms.yml`).
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from ingestion import calendars, moments, values
from ingestion.feeds import Column
from ingestion.period_names import period_of
from ingestion.units import fits, load_units, quantity
from miyar.registry import fold

# Forms of dates that are tried, in this order; the first that reads every value is drafted. None is ISO 8601.
_DAYS = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%Y",
    "%d %B %Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%b %d, %Y",
    "%d-%b-%Y",
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_MONTHS = ("%Y-%m", "%m/%Y", "%Y/%m", "%m-%Y", "%B %Y", "%b %Y")
_ZONED = ("%Y/%m/%d %I:%M:%S %p %Z", "%d/%m/%Y %H:%M %z")
_NUMBERED = ("epoch_seconds", "epoch_milliseconds")
_HIJRI = ("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%d-%m-%Y", "%d %B %Y")
# Dates of months and days that could be exchanged: both forms read every value.
_EXCHANGED = {"%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y"}


@dataclass(frozen=True)
class Sample:
    """One column of a file: its header and its distinct filled texts, in order."""

    header: str
    texts: tuple[str, ...]


@cache
def synonyms() -> dict[str, Any]:
    """The lists of `synonyms.yml`."""
    source: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("synonyms.yml").read_text("utf-8"))
    return source


def plain(text: str) -> str:
    """A header or answer in the form in which guesses compare it."""
    return " ".join(re.sub(r"[_\-/.:؟?*()\[\]]+", " ", fold(values.fold_digits(text))).split())


@cache
def _headers() -> dict[str, frozenset[str]]:
    return {name: frozenset(map(plain, [*words, name])) for name, words in synonyms()["columns"].items()}


def is_personal(header: str) -> bool:
    """True for a header that names persons."""
    return plain(header) in set(map(plain, synonyms()["personal"]))


def columns_for(header: str, columns: list[str]) -> list[str]:
    """The canonical columns a header may stand for, of those given."""
    wanted = plain(header)
    return [name for name in columns if wanted in _headers().get(name, {plain(name)})]


class Guesser:
    """Reads samples by the product's own rules for values, on a connection of its own."""

    def __init__(self, decimal: str) -> None:
        self.decimal = decimal
        self._connection = duckdb.connect()
        values.install(self._connection)
        moments.install(self._connection)
        calendars.install(self._connection)

    def date_of(self, sample: Sample) -> tuple[dict[str, Any], str] | None:
        """(fields of the property, question) for a column of dates; None if no form reads all its values."""
        self._take(sample)
        if self._reads_all(f"known_year({self._moment(None)})"):
            return {}, ""
        forms = [day + time for time in _TIMES for day in _DAYS]
        for form in [*forms, *_ZONED, *_NUMBERED]:
            if self._reads_all(f"known_year({self._moment([form])})"):
                other = next((two for one, two in _EXCHANGED.items() if form.startswith(one)), None)
                is_open = other is not None and self._reads_all(
                    f"({self._moment([other + form[len(other) :]])}) is not null"
                )
                asked = (
                    f"{sample.header!r}: is the day first, as drafted, or the month? Every date reads both ways."
                    if is_open
                    else ""
                )
                return {"dateFormat": [form]}, asked
        for form in _HIJRI:
            parts = calendars.hijri_parts("t", [form])
            if self._reads_all(f"({calendars.hijri_timestamp(f'({parts})')}) is not null"):
                return {"dateFormat": [form], "calendar": "umm_al_qura"}, ""
        return None

    def month_form(self, sample: Sample) -> str | None:
        """The form of a column of months; None if they are none."""
        self._take(sample)
        return next((form for form in _MONTHS if self._reads_all(f"known_year({self._moment([form])})")), None)

    def _take(self, sample: Sample) -> None:
        self._connection.execute(
            "create or replace temp table sample as select unnest(?::varchar[]) as t", [list(sample.texts)]
        )

    def _moment(self, formats: list[str] | None) -> str:
        return moments.moment("t", "z", formats, moments.Clock(), is_day=False)

    def _reads_all(self, condition: str) -> bool:
        found = self._connection.execute(
            f"select bool_and(coalesce({condition}, false)) from (select fold_digits(clean_text(t)) as t, "
            "zoned(fold_digits(clean_text(t))) as z from sample)"
        ).fetchone()
        return bool(found and found[0])

    def number_of(self, sample: Sample, column: Column) -> tuple[dict[str, Any], str] | None:
        """(fields of the property, question) for a column of numbers, with or without units; None if they are none."""
        texts = [values.fold_digits(values.clean(text)) for text in sample.texts]
        if all(values.plain_number(text, self.decimal) is not None for text in texts):
            is_share = column.unit in {"share", "percent"}
            asked = (
                f"{sample.header!r}: are its numbers percents (unit: percent) or shares (unit: share)?"
                if is_share
                else ""
            )
            highest = max(float(values.plain_number(text, self.decimal) or 0) for text in texts)
            return ({"unit": "percent" if highest > 1 else "share"} if is_share else {}), asked
        for unit in load_units().values():
            found = (
                [quantity(text, unit, column.unit, self.decimal)[0] for text in texts]
                if fits(unit.name, column.unit)
                else [None]
            )
            if None not in found and unit.size is not None and unit.name not in {"share", "milliseconds"}:
                return {"unit": unit.name}, f"{sample.header!r}: are numbers without a unit in {unit.name}?"
        return None

    def is_period(self, sample: Sample) -> bool:
        """True when every value names a period, or a year."""
        named = [period_of(values.fold_digits(values.clean(text)), None) for text in sample.texts]
        return all(period or rule for period, rule in named)


def labels_of(sample: Sample, column: str) -> dict[str, str] | None:
    """Labels for a coded column, value by value; None unless all are known."""
    known = {plain(word): code for word, code in synonyms()["values"].get(column, {}).items()}
    found = {text: known[plain(text)] for text in sample.texts if plain(text) in known}
    return found if found and len(found) == len(sample.texts) else None


def scale_of(sample: Sample) -> tuple[str, dict[str, Any], str] | None:
    """(id, scale of the contract, question) for a column of answers; None if its values are no answers on one scale."""
    absent = {
        status: {plain(word) for word in synonyms()[status]} for status in ("dont_know", "not_applicable", "refused")
    }
    others = {status: [text for text in sample.texts if plain(text) in words] for status, words in absent.items()}
    answers = [text for text in sample.texts if not any(text in found for found in others.values())]
    names = {"dont_know": "dontKnow", "not_applicable": "notApplicable", "refused": "refused"}
    ends = {names[status]: found for status, found in others.items() if found}
    for scale in synonyms()["scales"]:
        codes = {plain(label): code for label, code in scale["labels"].items()}
        if answers and all(plain(text) in codes for text in answers):
            low, high = min(codes.values()), max(codes.values())
            labels = {text: codes[plain(text)] for text in answers}
            return scale["family"], {"family": scale["family"], "min": low, "max": high, "labels": labels, **ends}, ""
    numbers = [values.fold_digits(text) for text in answers]
    if not numbers or not all(re.fullmatch(r"[0-9]{1,2}", text) for text in numbers):
        return None
    for low, high in synonyms()["numeric_scales"]:
        if all(low <= int(text) <= high for text in numbers) and len(numbers) > (high - low) / 2:
            family = f"satisfaction_{high - low + 1}"
            asked = f"{sample.header!r}: is {high} the best answer, as drafted? If {low} is, write `reversed: true` in its scale."
            return family, {"family": family, "min": low, "max": high, **ends}, asked
    return None
