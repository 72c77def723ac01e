"""Time zones of texts: which part of a text names one, and the moment in UTC that a time of day in it is.

Belongs here: zones and offsets. Does not belong here: formats (`moments`), the zone a contract or workspace names (they say).
A text never reaches a cast to a timestamp with a zone: there DuckDB 1.5 leaks a row's zone into the next (duckdb/duckdb#24438).
"""

import duckdb

from miyar import sql
from miyar.timezones import known_places

# Z, an offset (+03:00, UTC+3), a name of the IANA database, or an abbreviation; then what Java and JavaScript add in brackets.
_ZONE = (
    r"(?P<zone>[Zz]|(?:UTC|GMT)?[+-][0-9]{1,2}(?::?[0-9]{2})?|[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+|[A-Za-z]{3,5}|[ACEMP]T)"
    r"(?:\s*(?:\[[^\[\]]*\]|\([^()]*\)))?"
)
_TIMED = rf"^(?P<body>.*[0-9]:[0-9]{{2}}(?:[.,][0-9]+)?)\s*\(?{_ZONE}\)?$"
_OFFSET = "([+-])([0-9]{1,2}):?([0-9]{2})?$"
_WORD = r"\b((?:UTC|GMT)[+-][0-9]{1,2}(?::?[0-9]{2})?|UTC|GMT|[A-Z]{3,5}|[ACEMP]T|[A-Z][a-z]+(?:/[A-Za-z_+-]+)+)\b"
# Abbreviations with one meaning; all others (AST, BST, EST, IST, ...) stand for several zones: scrapinghub/dateparser#683.
CERTAIN = ("Z", "UTC", "GMT")
_FARTHEST = 14 * 60  # minutes; no zone is farther from UTC (Kiribati; tz database, 2025)


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros of zones in a database, with what they look up in this session of it."""
    remember(connection)
    offset = f"regexp_extract(zone, '{_OFFSET}', ['sign', 'hours', 'minutes'])"
    for macro in (
        # Texts of 10 characters are days, of 19 mostly times to the second: neither has a zone. The next two forms are most
        # of the others, and need no regular expression.
        f"""zoned(t) as case when not contains(t, ':') or (strlen(t) = 19 and t like '%:__:__') then {_parts("''", "''")}
            when ends_with(t, 'Z') and strlen(t) = 20 then {_parts("left(t, 19)", "'Z'")}
            when strlen(t) = 25 and t like '%:__:__+__:__' then {_parts("left(t, 19)", "right(t, 6)")}
            else regexp_extract(replace(t, '\u2212', '-'), {sql.text(_TIMED)}, ['body', 'zone']) end""",
        f"zone_word(t) as regexp_extract(t, {sql.text(_WORD)}, 1)",
        "local_to_utc(moment, zone) as make_timestamp(epoch_us(timezone(zone, moment)))",
        "utc_to_local(moment, zone) as timezone(zone, timezone('UTC', moment))",
        f"possible_shift(shift) as case when shift between -{_FARTHEST} and {_FARTHEST} then shift end",
        """minutes_of(shift) as (shift.hours::integer * 60 + coalesce(try_cast(shift.minutes as integer), 0))
            * case when shift.sign = '-' then -1 else 1 end""",
        f"""zone_minutes(zone) as case when upper(zone) in ({sql.texts(CERTAIN)}) then 0
            when strlen(zone) = 6 and zone like '+__:__' then substr(zone, 2, 2)::integer * 60 + substr(zone, 5, 2)::integer
            when regexp_matches(zone, '^(UTC|GMT)?[+-]') then minutes_of({offset}) end""",
        """instant(moment, zone) as case when contains(zone, '/')
            then case when list_contains(getvariable('zones'), zone) then local_to_utc(moment, zone) end
            else moment - to_minutes(possible_shift(zone_minutes(zone))) end""",
    ):
        connection.execute(f"create or replace macro {macro}")


def remember(connection: duckdb.DuckDBPyConnection) -> None:
    """Give one more session of a database with the macros what they look up."""
    connection.execute("set variable zones = ?::varchar[]", [list(known_places())])


def _parts(body: str, zone: str) -> str:
    return f"{{'body': {body}, 'zone': {zone}}}"


def instant(moment: str, zone: str, names: dict[str, str]) -> str:
    """SQL: the moment in UTC of a time of day in a zone; null for a zone that is unknown or ambiguous.

    Args:
        names: what the contract says abbreviations mean.
    """
    declared = "".join(
        f"when {zone} = {sql.text(short)} then local_to_utc({moment}, {sql.text(name)}) "
        for short, name in names.items()
    )
    return f"case {declared}else instant({moment}, {zone}) end" if names else f"instant({moment}, {zone})"
