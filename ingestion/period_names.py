"""Quarters, months and years as people write them in a column of periods: a closed list, in Arabic and English.

Belongs here: the meaning of one text. Does not belong here: dates (`moments`), the arithmetic of periods (`miyar.periods`).
A month stands in its quarter, a year in the quarter its last month lies in; a fiscal year is named by the year it ends in.
"""

import re
from functools import cache

import duckdb

from ingestion.date_words import date_words
from ingestion.labels import BETWEEN, grouped, make_lookup
from ingestion.records import Plan
from miyar.registry import fold

UNCLEAR = "period_unclear"
_LONGEST = 80  # bytes; longer texts name no period
_YEAR = "(?P<year>[12][0-9]{3})"
_YEARS = r"(?P<first>[12][0-9]{3}) ?[-/–] ?(?P<last>[0-9]{4}|[0-9]{2})"


def period_of(text: str, year_ends: int | None) -> tuple[str | None, str | None]:
    """(period, None) of a text, (None, rule) if its year needs `yearEnds`, (None, None) if it names no period.

    Args:
        year_ends: month (1-12) in which the years of this column end; None where the contract does not say.
    """
    plain, is_fiscal = _without_words(text)
    year, rest, is_pair = _year(plain)
    if year is None:
        return None, None
    is_fiscal = is_fiscal or is_pair
    if rest in {"", "#"}:
        return (None, UNCLEAR) if year_ends is None else (_fiscal_quarter(year, 4, year_ends), None)
    quarter = _quarter(rest)
    if quarter is not None and is_fiscal:
        return (None, UNCLEAR) if year_ends is None else (_fiscal_quarter(year, quarter, year_ends), None)
    if quarter is None and not is_fiscal:
        quarter = _quarter_of_months(rest)
    return (f"{year}Q{quarter}" if quarter is not None else None), None


def _without_words(text: str) -> tuple[str, bool]:
    """The folded text without eras and small words, and whether it speaks of a fiscal year."""
    plain = f" {fold(text)} "
    is_fiscal = False
    for word in sorted(map(fold, date_words()["fiscal"]), key=len, reverse=True):
        found = re.sub(rf"(?<![^\W\d_]){re.escape(word)}(?![^\W\d_])", " ", plain)
        is_fiscal, plain = is_fiscal or found != plain, found
    for word in map(fold, date_words()["between"]):
        plain = re.sub(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", " ", plain)
    eras = "|".join(re.escape(fold(word)) for word in date_words()["eras"]["gregorian"])
    return " ".join(re.sub(rf"(?<=[0-9]{{4}}) ?({eras})(?= |$)", "", " ".join(plain.split())).split()), is_fiscal


def _year(plain: str) -> tuple[int | None, str, bool]:
    """The year a text names (the last of two), the text with # in its place, and whether there are two."""
    pair = re.search(rf"(?<![0-9]){_YEARS}(?![0-9])", plain)
    if pair:
        first, last = int(pair["first"]), int(pair["last"])
        follows = last == first + 1 if len(pair["last"]) == 4 else last == (first + 1) % 100
        if follows:
            return first + 1, (plain[: pair.start()] + "#" + plain[pair.end() :]).strip(), True
        # 2025-07 is a month; 2024-26 is nothing.
    one = re.search(rf"(?<![0-9]){_YEAR}(?![0-9])", plain)
    if one is None:
        return None, plain, False
    return int(one["year"]), (plain[: one.start()] + "#" + plain[one.end() :]).strip(), False


@cache
def _quarter_words() -> dict[str, int]:
    return {fold(word): number for number, words in date_words()["quarters"].items() for word in words}


def _quarter(rest: str) -> int | None:
    name = re.sub(r"^[ _/-]+|[ _/-]+$", "", rest.replace("#", " "))
    if name in _quarter_words():
        return _quarter_words()[name]
    letters = "|".join(date_words()["quarter_letters"])
    found = re.fullmatch(rf"(?:{letters}) ?0?([1-4])|([1-4]) ?(?:{letters})", name)
    return int(found[1] or found[2]) if found else None


@cache
def _months() -> dict[str, int]:
    months: dict[str, int] = {}
    for number, (english, arabic) in enumerate(date_words()["months"].items(), start=1):
        months |= {fold(name): number for name in (english, english[:3], *arabic)}
    return months | {"sept": 9}


def _quarter_of_months(rest: str) -> int | None:
    """The quarter of a month, or of three months that are one."""
    numbered = re.fullmatch(r"# ?[-/.] ?m?(0?[1-9]|1[0-2])|(0?[1-9]|1[0-2]) ?[-/.] ?#", rest)
    if numbered:
        return (int(numbered[1] or numbered[2]) - 1) // 3 + 1
    name = re.sub(r"^[ _/-]+|[ _/-]+$", "", rest.replace("#", " "))
    if name in _months():
        return (_months()[name] - 1) // 3 + 1
    through = "|".join(re.escape(fold(word)) for word in date_words()["through"])
    ends = [_months().get(part.strip()) for part in re.split(rf" ?(?:\b(?:{through})\b|[-–—]) ?", name)]
    first, last = ends if len(ends) == 2 else (None, None)
    return last // 3 if first is not None and last is not None and last % 3 == 0 and first == last - 2 else None


def _fiscal_quarter(year: int, quarter: int, year_ends: int) -> str:
    """The quarter in which the last month of a fiscal quarter lies."""
    months = year * 12 + (year_ends - 1) - 3 * (4 - quarter)
    return f"{months // 12}Q{months % 12 // 3 + 1}"


def period_columns(connection: duckdb.DuckDBPyConnection, plan: Plan, code: str) -> list[str]:
    """SQL of columns g_ (the period that a text names) and e_ (the rule that a year alone breaks), by distinct texts.

    Args:
        code: SQL of the text after labels.
    """
    entries: dict[str, tuple[str | None, str | None]] = {}
    for group in plan.groups("period_id"):
        members = ", ".join(str(fed.record) for fed in group.members)
        # Dates, which may be as many as rows, are read by the typing step.
        found = connection.execute(
            f"select distinct t_period_id from texts where record_no in ({members}) and strlen(t_period_id) <= {_LONGEST} "
            f"and not regexp_matches(t_period_id, '^[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}') order by all"
        ).fetchall()
        labels = [str(label) for label in (group.prop.labels or {}).values()]
        for text in [*(text for (text,) in found if text is not None), *labels]:
            entries[f"{group.number}{BETWEEN}{text}"] = period_of(text, group.prop.year_ends)
    lookup = make_lookup(connection, "periods_named", entries)
    key = grouped(plan.by_group("period_id", [str(group.number) for group in plan.groups("period_id")]), code)
    return [f"{lookup.code(key)} as g_period_id", f"{lookup.other(key)} as e_period_id"]
