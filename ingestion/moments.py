"""Gregorian texts to moments: by ISO 8601 or a contract's formats, in UTC, whatever zone they are told in.

Belongs here: which form a text has, and whose zone a time without one is in. Does not belong here: zones themselves (`zones`),
words (`date_words`), Hijri dates (`calendars`), periods (`period_names`).
"""

from dataclasses import dataclass, field
from functools import cache

import duckdb

from ingestion import date_words, zones
from ingestion.date_words import gregorian_words, spelled_plainly
from miyar import sql
from miyar.timezones import UTC

# Forms of dates that are numbers, named in a contract's `dateFormat`: SQL of the moment (or day) that number {n} is. Serial
# numbers of spreadsheets count days; the system of 1900 has a 29 February 1900 that never was (60), so earlier ones are refused.
NUMBERED = {
    "epoch_seconds": "make_timestamp(({n} * 1000000)::bigint)",
    "epoch_milliseconds": "make_timestamp(({n} * 1000)::bigint)",
    "serial_1900": "case when {n} >= 61 then timestamp '1899-12-30' + to_milliseconds(round({n} * 86400000)::bigint) end",
    "serial_1904": "case when {n} >= 0 then timestamp '1904-01-01' + to_milliseconds(round({n} * 86400000)::bigint) end",
}
# Beyond these a number of the form is no date of our time: year 9999 in each, so that no cast can overflow.
_LARGEST = {
    "epoch_seconds": 253402300799,
    "epoch_milliseconds": 253402300799000,
    "serial_1900": 2958465,
    "serial_1904": 2957003,
}
# An epoch of the other unit lands in January 1970 or past the year 9999; no service's event is that old.
_SMALLEST = {
    "epoch_seconds": 86400 * 365,
    "epoch_milliseconds": 86400 * 365 * 1000,
    "serial_1900": 61,
    "serial_1904": 0,
}


@dataclass(frozen=True)
class Clock:
    """Whose zones hold: `naive` that of times without a zone, `centre` that of the workspace; what abbreviations mean."""

    naive: str = UTC
    centre: str = UTC
    names: dict[str, str] = field(default_factory=dict)

    def from_naive(self, moment: str) -> str:
        """SQL: a time of day without a zone, in UTC."""
        return _to_utc(moment, self.naive)

    def from_day(self, day: str) -> str:
        """SQL: the first moment of a day, in UTC. A day without a time is one of the centre's days, whoever tells it."""
        return _to_utc(day, self.centre)

    def to_local(self, moment: str) -> str:
        """SQL: a moment in UTC as the centre's time of day."""
        return moment if self.centre == UTC else f"utc_to_local({moment}, {sql.text(self.centre)})"


def _to_utc(moment: str, zone: str) -> str:
    return moment if zone == UTC else f"local_to_utc({moment}, {sql.text(zone)})"


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros of dates, words and zones in a database, with what they look up in this session of it."""
    zones.install(connection)
    for macro in [*date_words.macros(), *_macros()]:
        connection.execute(f"create or replace macro {macro}")


def remember(connection: duckdb.DuckDBPyConnection) -> None:
    """Give one more session of a database with the macros what they look up."""
    zones.remember(connection)


def _macros() -> list[str]:
    strict = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?)?"
    return [
        # Words such as `infinity` are no dates, and a cast of longer texts would silently cut an offset off.
        f"""iso_naive(t) as case when t >= '0' and t < ':' and contains(t, '-') then
            case when strlen(t) = 10 or (strlen(t) = 19 and t like '%:__:__') then try_cast(t as timestamp)
            when regexp_full_match(t, '{strict}') then try_cast(replace(t, ',', '.') as timestamp) end end""",
    ]


def moment(value: str, parts: str, formats: list[str] | None, clock: Clock, *, is_day: bool) -> str:
    """SQL: the moment of a text in UTC, null if there is none; for a column of days the centre's time of day.

    Args:
        parts: the column with the text's body and zone (macro `zoned`), used where there are no formats.
    """
    tries = (
        [_by_format(value, one, clock, is_day=is_day) for one in formats]
        if formats
        else [_iso(value, parts, clock, is_day=is_day)]
    )
    return f"coalesce({', '.join(tries)})"


def _iso(value: str, parts: str, clock: Clock, *, is_day: bool) -> str:
    told = zones.instant(f"iso_naive({parts}.body)", f"{parts}.zone", clock.names)
    if is_day:
        return f"case when {parts}.zone = '' then iso_naive({value}) else {clock.to_local(told)} end"
    naive = clock.from_naive(f"iso_naive({value})")
    if clock.naive != clock.centre:
        day = clock.from_day(f"iso_naive({value})")
        naive = f"case when contains({value}, ':') then {naive} else {day} end"
    return f"case when {parts}.zone = '' then {naive} else {told} end"


def _by_format(value: str, form: str, clock: Clock, *, is_day: bool) -> str:
    if form in NUMBERED:
        return _numbered(value, form, clock, is_day=is_day)
    value = spelled_plainly(value)
    text, shown = gregorian_words(value, form)
    if "%Z" in shown:
        told = zones.instant(_with_word(value, form), f"zone_word(greenwich({value}))", clock.names)
        return clock.to_local(told) if is_day else told
    if "%z" in shown:
        text = f"regexp_replace({text}, '[Zz]$', '+0000')" if shown.endswith("%z") else text
        told = f"timezone('UTC', try_strptime({text}, {sql.text(shown)}))"
        return clock.to_local(told) if is_day else told
    naive = f"try_strptime({text}, {sql.text(shown)})"
    if is_day:
        return naive
    return clock.from_naive(naive) if "%H" in shown or "%I" in shown else clock.from_day(naive)


def _with_word(value: str, form: str) -> str:
    """SQL: the time of day of a text whose zone's name is read apart, wherever the format has it."""
    text, shown = gregorian_words(f"replace(greenwich({value}), zone_word(greenwich({value})), 'UTC')", form)
    return f"timezone('UTC', try_strptime({text}, {sql.text(shown)}))"


def _numbered(value: str, form: str, clock: Clock, *, is_day: bool) -> str:
    number = f"try_cast({value} as decimal(24,6))"
    within = f"{number} between {_SMALLEST[form]} and {_LARGEST[form]}"
    found = NUMBERED[form].replace("{n}", number)
    found = f"case when {within} then {found} end"
    if form.startswith("epoch"):
        return clock.to_local(found) if is_day else found
    return (
        found
        if is_day
        else f"case when {number} = trunc({number}) then {clock.from_day(found)} else {clock.from_naive(found)} end"
    )


def zone_is_unclear(value: str, parts: str, formats: list[str] | None) -> str:
    """SQL: true for a text that would be a moment if its zone were known."""
    if not formats:
        return f"({parts}.zone <> '' and iso_naive({parts}.body) is not null)"
    named = [f"{_with_word(value, one)} is not null" for one in formats if "%Z" in one]
    return f"(zone_word(greenwich({value})) <> '' and ({' or '.join(named)}))" if named else "false"


@cache
def format_fault(strptime: str) -> str:
    """Why no Gregorian date can be read by a format; "" if it can (DuckDB decides)."""
    if strptime in NUMBERED:
        return ""
    if any(code in strptime for code in ("%y", "%D", "%c", "%x", "%g")):
        return "reads years of two digits, whose century would be guessed; have the whole year (%Y) delivered"
    with duckdb.connect() as connection:
        try:
            connection.execute("select try_strptime('', ?)", [strptime])
        except duckdb.Error:
            return f"is no format of dates; write it by strptime, or one of {', '.join(NUMBERED)}"
    return ""
