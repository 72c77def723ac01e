"""How one text becomes one typed value: SQL macros for cleaning, digits, numbers, dates and truth values.

Belongs here: rules for every contract. Does not belong here: which column gets which rule (`mapping`), other calendars
(`calendars`), personal data (`personal`).
"""

import re
from functools import cache

import duckdb

from miyar import sql
from miyar.periods import period_range

# Marks between groups of thousands, by the contract's decimal mark: the other of point and comma, the Arabic separator,
# apostrophes, and spaces of every width.
_SPACES = (" ", "\u00a0", "\u2007", "\u2009", "\u202f")
GROUPING = {".": (",", "٬", "'", "’", *_SPACES), ",": (".", "٬", "'", "’", *_SPACES)}
_PLAIN = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
ARABIC_DIGITS = "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹"
ASCII_DIGITS = "01234567890123456789"
_DIGITS = str.maketrans(ARABIC_DIGITS, ASCII_DIGITS)
# Space, tab, line ends, no-break and thin spaces, byte order mark, direction marks and embeddings: all invisible at either end.
_ASCII_BLANKS = " \t\r\n\v\f"
_DIRECTION = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_BLANKS = _ASCII_BLANKS + "\u00a0\u2002\u2003\u2007\u2009\u202f\u3000\u200b\ufeff" + _DIRECTION
# What a spreadsheet shows in a cell it could not compute, in any export format.
SHEET_ERRORS = ("#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#GETTING_DATA")
NO_CACHED_VALUE = "#NO_CACHED_VALUE"
MERGED_CELL = "#MERGED_CELL"  # covered by a merged cell, so that what it means is not known
# Plausible Gregorian years for a public service; a year between the two bounds below belongs to another calendar.
EARLIEST_YEAR, LATEST_YEAR = 1900, 2199
OTHER_CALENDAR_YEARS = (1300, 1699)
TRUE = ("true", "1", "yes", "y", "t", "نعم")
FALSE = ("false", "0", "no", "n", "f", "لا")


def fold_digits(value: str) -> str:
    """Arabic-Indic and Persian digits as ASCII digits."""
    return value.translate(_DIGITS)


def clean(value: str) -> str:
    """The text without invisible characters at its ends; the same as the macro `clean_text`, but never null."""
    return value.strip(_BLANKS)


def clean_sql(value: str) -> str:
    """SQL of `clean` that needs no macro; null for what is empty then."""
    return f"nullif(trim({value}, {sql.text(_BLANKS)}), '')"


def _ascii(value: str) -> str:
    """SQL: true for texts of ASCII only, which skip the slow Unicode functions."""
    return f"strlen({value}) = length({value})"


def _grouped(decimal: str) -> str:
    """Regular expression of a number in groups: one to three digits, no zero first, then groups of exactly three by one mark."""
    groups = "|".join(f"({re.escape(mark)}[0-9]{{3}})+" for mark in GROUPING[decimal])
    return f"[+-]?[1-9][0-9]{{0,2}}({groups})([{decimal}٫][0-9]*)?"


def plain_number(value: str, decimal: str) -> str | None:
    """A number text without its marks, with a decimal point; None if it is no number. The same as `number_text` in SQL."""
    if value.endswith("-"):
        value = "-" + value[:-1].rstrip()
    if re.fullmatch(_grouped(decimal), value):
        value = value.translate(dict.fromkeys(map(ord, GROUPING[decimal])))
    elif decimal == "," and "." in value:
        return None
    value = value.replace(decimal, ".").replace("٫", ".")
    return value if re.fullmatch(_PLAIN, value) else None


def _ungrouped(decimal: str) -> str:
    """SQL of a macro's body: the number text t without its marks, or t itself if they do not stand where thousands are."""
    marks = sql.text("[" + "".join(GROUPING[decimal]) + "]")
    # Without any of the marks, which most texts are, no regular expression is tried.
    first = GROUPING[decimal][0]
    is_bare = f"{_ascii('t')} and not contains(t, '{first}') and not contains(t, ' ') and not contains(t, chr(39))"
    return (
        f"case when {is_bare} then t when regexp_full_match(t, {sql.text(_grouped(decimal))}) "
        f"then regexp_replace(t, {marks}, '', 'g')"
    )


def _macros() -> list[str]:
    return [
        f"""clean_text(t) as nullif(
            case when {_ascii("t")} then trim(t, {sql.text(_ASCII_BLANKS)})
            else trim(t, {sql.text(_BLANKS)}) end, '')""",
        f"""fold_digits(t) as case when {_ascii("t")} then t
            else translate(t, '{ARABIC_DIGITS}', '{ASCII_DIGITS}') end""",
        # Negative as bookkeepers and typesetters write it: in parentheses, with the sign behind, with a true minus.
        """signed(t) as case when t >= '*' and t < ':' and not ends_with(t, '-') then t
            when starts_with(t, '(') and ends_with(t, ')') then '-' || trim(substr(t, 2, length(t) - 2))
            when ends_with(t, '-') and t <> '-' then '-' || rtrim(substr(t, 1, length(t) - 1))
            else replace(t, '\u2212', '-') end""",
        f"""number_point(t) as {_ungrouped(".")} else t end""",
        f"""number_comma(t) as replace({_ungrouped(",")} when contains(t, '.') then 'not a number' else t end, ',', '.')""",
        f"""known_year(moment) as year(moment) between {EARLIEST_YEAR} and {LATEST_YEAR}""",
        # Not `in`: the planner turns every longer list into a join, and this macro is used twice per column.
        f"""is_sheet_error(t) as starts_with(t, '#')
            and contains({sql.text("|".join(("", *SHEET_ERRORS, NO_CACHED_VALUE, MERGED_CELL, "")))}, '|' || t || '|')""",
        # A list of all periods, because building the text for every row costs more than parsing its date.
        f"""quarter_of(moment) as case when known_year(moment)
            then list_extract(getvariable('periods'), (year(moment) - {EARLIEST_YEAR}) * 4 + quarter(moment)) end""",
    ]


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros in a database, with what they look up in this session of it."""
    for macro in _macros():
        connection.execute(f"create or replace macro {macro}")
    remember(connection)


def remember(connection: duckdb.DuckDBPyConnection) -> None:
    """Give one more session of a database with the macros what they look up."""
    connection.execute("set variable periods = ?::varchar[]", [_periods()])


@cache
def _periods() -> list[str]:
    return period_range(f"{EARLIEST_YEAR}Q1", f"{LATEST_YEAR}Q4")


def is_plain(value: str) -> str:
    """SQL: true for texts that cleaning and folding would not change: ASCII, without a blank at either end."""
    ends = " and ".join(f"not ends_with({value}, {sql.text(blank)})" for blank in _ASCII_BLANKS)
    return f"({value} = '' or ({_ascii(value)} and {value} >= '!' and {ends}))"


def number_text(value: str, decimal: str) -> str:
    """SQL: a number text with a decimal point and no other marks, which casts to a number, or fails to if it is none."""
    marked = f"number_point({value})" if decimal == "." else f"number_comma({value})"
    return f"replace({marked}, '٫', '.')"


def decimal_value(number: str, factor: float | None) -> str:
    """SQL: number text to DECIMAL(18,6), null if it is not a number. No provider separates digits by underscores."""
    cast = f"case when not contains({number}, '_') then try_cast({number} as decimal(18,6)) end"
    if factor is None:
        return cast
    return (
        f"case when ({cast}) is not null then try_cast(try_cast({number} as double) * {factor!r} as decimal(18,6)) end"
    )


def integer_value(number: str, factor: float | None, rounding: str | None = None) -> str:
    """SQL: number text to BIGINT, null if it has a fraction that is not rounded (`down` or `nearest`)."""
    wide = f"case when not contains({number}, '_') then try_cast({number} as decimal(28,6)) end"
    if factor is not None:
        wide = f"try_cast(try_cast({number} as double) * {factor!r} as decimal(28,6))"
    if rounding is not None:
        return f"try_cast({'floor' if rounding == 'down' else 'round'}({wide}) as bigint)"
    return f"case when ({wide}) = trunc({wide}) then try_cast({wide} as bigint) end"


def number_rule(number: str, written: str) -> str:
    """SQL: the rule broken by a number text that gave no value; `written` is the text before its marks were taken out."""
    return (
        f"case when regexp_full_match({number}, {sql.text(_PLAIN)}) then 'number_out_of_type' "
        f"when regexp_full_match(lower({written}), getvariable('beside_a_number')) then 'unit_undeclared' "
        "else 'value_not_number' end"
    )


def boolean_value(value: str) -> str:
    """SQL: truth values as most software writes them; others need labels."""
    return (
        f"case when contains({sql.text('|'.join(('', *TRUE, '')))}, '|' || lower({value}) || '|') then true "
        f"when contains({sql.text('|'.join(('', *FALSE, '')))}, '|' || lower({value}) || '|') then false end"
    )


def gregorian_rule(value: str, parsed: str) -> str:
    """SQL: why a Gregorian date gave no value: its year is of another calendar, or there is no such day."""
    low, high = OTHER_CALENDAR_YEARS
    year = f"coalesce(year({parsed}), try_cast(regexp_extract({value}, '(^|[^0-9])(1[3-6][0-9]{{2}})([^0-9]|$)', 2) as bigint))"
    return f"case when {year} between {low} and {high} then 'date_calendar' else 'date_impossible' end"
