"""Non-Gregorian calendars: the Umm al-Qura months, as lists in which dates are looked up.

Belongs here: conversion of calendar days. Does not belong here: parsing of formats (`values`), quarters (`miyar.periods`).
"""

from datetime import date
from functools import cache

import duckdb
from hijridate import Hijri

from ingestion.values import format_pattern
from miyar import sql

FIRST_YEAR, LAST_YEAR = 1343, 1500  # the range of the published Umm al-Qura tables
DEFAULT_FORMATS = ["%Y-%m-%d", "%Y/%m/%d"]
_CLOCK = {"hours": 3600, "minutes": 60, "seconds": 1}


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
    """SQL: a struct y, m, d, seconds (all bigint) of a Hijri text; null when none of the given formats fits."""
    tries = []
    for one in formats or DEFAULT_FORMATS:
        pattern = format_pattern(one)
        names = [group for group in ("y", "m", "d", *_CLOCK) if f"?P<{group}>" in pattern]
        # DuckDB assigns group names by position, so the list must follow the order in the pattern.
        names.sort(key=lambda group: pattern.index(f"?P<{group}>"))
        whole = sql.text(f"^{pattern}$")
        found = f"regexp_extract({value}, {whole}, [{sql.texts(names)}])"
        seconds = " + ".join(
            f"try_cast({found}.{part} as bigint) * {size}" for part, size in _CLOCK.items() if part in names
        )
        fields = ", ".join(f"{part} := try_cast({found}.{part} as bigint)" for part in ("y", "m", "d"))
        tries.append(
            f"case when regexp_matches({value}, {whole}) then struct_pack({fields}, seconds := {seconds or '0::bigint'}) end"
        )
    return f"coalesce({', '.join(tries)})"
