"""Non-Gregorian calendars: the Umm al-Qura months, as lists in which dates are looked up.

Belongs here: conversion of calendar days. Does not belong here: Gregorian texts (`moments`), quarters (`miyar.periods`).
"""

import re
from datetime import date
from functools import cache

import duckdb
from hijridate import Hijri

from ingestion.date_words import hijri_words
from miyar import sql

FIRST_YEAR, LAST_YEAR = 1343, 1500  # the range of the published Umm al-Qura tables
DEFAULT_FORMATS = ["%Y-%m-%d", "%Y/%m/%d"]
_CLOCK = {"hours": 3600, "minutes": 60, "seconds": 1}
_HIJRI_CODES = set("YmdBbHIMSp")


@cache
def months() -> tuple[list[date], list[int]]:
    """First Gregorian day and length of every Hijri month from FIRST_YEAR on."""
    firsts = [Hijri(year, month, 1) for year in range(FIRST_YEAR, LAST_YEAR + 1) for month in range(1, 13)]
    return [first.to_gregorian() for first in firsts], [first.month_length() for first in firsts]


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the months available to `hijri_timestamp` on a connection."""
    starts, lengths = months()
    connection.execute("set variable hijri_starts = ?::date[]", [starts])
    connection.execute("set variable hijri_days = ?::bigint[]", [lengths])


def hijri_timestamp(parts: str) -> str:
    """SQL: the Gregorian timestamp of a struct from `hijri_parts`; null for a day that the calendar does not have."""
    month = f"(({parts}.y - {FIRST_YEAR}) * 12 + {parts}.m)"
    days = f"list_extract(getvariable('hijri_days'), {month})"
    start = f"list_extract(getvariable('hijri_starts'), {month})"
    is_covered = f"{parts}.y between {FIRST_YEAR} and {LAST_YEAR} and {parts}.m between 1 and 12"
    return (
        f"case when {is_covered} and {parts}.d between 1 and {days} and {parts}.seconds between 0 and 86399 then "
        f"{start}::timestamp + to_days(({parts}.d - 1)::integer) + to_seconds({parts}.seconds) end"
    )


def hijri_parts(value: str, formats: list[str] | None) -> str:
    """SQL: a struct y, m, d, seconds (all bigint) and is_timed of a Hijri text; null when none of the given formats fits."""
    tries = []
    for one in formats or DEFAULT_FORMATS:
        text, shown = hijri_words(value, one)
        pattern = format_pattern(shown)
        names = [group for group in ("y", "m", "d", *_CLOCK, "half") if f"?P<{group}>" in pattern]
        # DuckDB assigns group names by position, so the list must follow the order in the pattern.
        names.sort(key=lambda group: pattern.index(f"?P<{group}>"))
        whole = sql.text(f"^{pattern}$")
        found = f"regexp_extract({text}, {whole}, [{sql.texts(names)}])"
        seconds = " + ".join(
            f"{_clock_part(found, part, has_half='half' in names)} * {size}"
            for part, size in _CLOCK.items()
            if part in names
        )
        fields = ", ".join(f"{part} := try_cast({found}.{part} as bigint)" for part in ("y", "m", "d"))
        is_timed = "true" if seconds else "false"
        tries.append(
            f"case when regexp_matches({text}, {whole}) then struct_pack({fields}, seconds := {seconds or '0::bigint'}, "
            f"is_timed := {is_timed}) end"
        )
    return f"coalesce({', '.join(tries)})"


def _clock_part(found: str, part: str, *, has_half: bool) -> str:
    number = f"try_cast({found}.{part} as bigint)"
    if part == "hours" and has_half:
        return f"(case when {number} between 1 and 12 then {number} % 12 + if({found}.half = 'PM', 12, 0) end)"
    return number


def is_hijri_format(strptime: str) -> bool:
    """Return whether Hijri dates can be read by a format: a year, one month and a day, with a time or without."""
    parts = re.findall("%(.?)", strptime)
    has_half_hours = ("I" in parts) == ("p" in parts) and not {"I", "H"} <= set(parts)
    is_whole = {"Y", "d"} <= set(parts) <= _HIJRI_CODES and sum(part in "mBb" for part in parts) == 1
    return is_whole and has_half_hours


def format_pattern(strptime: str) -> str:
    """A strptime format as a regular expression with groups y, m, d, and hours, minutes, seconds, half where it has them."""
    groups = {"Y": "(?P<y>[0-9]{4})", "m": "(?P<m>[0-9]{1,2})", "d": "(?P<d>[0-9]{1,2})", "p": "(?P<half>AM|PM)"}
    clock = {
        "H": "hours",
        "I": "hours",
        "M": "minutes",
        "S": "seconds",
    }  # DuckDB compares group names case-insensitively
    groups |= {part: f"(?P<{name}>[0-9]{{1,2}})" for part, name in clock.items()}
    pieces = re.split(r"%([YmdHIMSp])", strptime)
    return "".join(groups[piece] if position % 2 else re.escape(piece) for position, piece in enumerate(pieces))
