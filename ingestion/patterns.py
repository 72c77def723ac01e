"""Patterns of personal data: what they find in a text, and a text with what they find hidden.

Belongs here: searching and masking, in Python and in SQL. Does not belong here: the patterns themselves (`personal.yml`), which
columns are searched and what follows (`personal`).
"""

import re
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

import duckdb
import yaml

from ingestion.pattern_checks import holds, source
from ingestion.plain_text import visible, visible_sql
from ingestion.values import fold_digits
from miyar import sql

SHOWN_LENGTH = 40  # long enough to find the cell, too short to tell a story
_LONG_NUMBER = "[0-9]{7,}"  # phone numbers have seven or more digits
_HIDDEN = "•••"
_FEW = 1_000  # texts that are looked at one by one


@dataclass(frozen=True)
class Pattern:
    """One kind of personal data in free text."""

    id: str
    regex: str
    check: str

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.regex, re.ASCII)

    def finds(self, text: str) -> bool:
        return any(holds(self.check, text, found.start(), found.end()) for found in self.compiled.finditer(text))


@cache
def patterns() -> tuple[Pattern, ...]:
    """All patterns of `personal.yml`, with the given names in them."""
    names = yaml.safe_load((Path(__file__).parent / "given_names.yml").read_text("utf-8"))
    found = []
    for one in source()["patterns"]:
        regex = one["pattern"]
        for script, given in names.items():
            regex = regex.replace(f"{{{script}}}", "|".join(map(re.escape, given)))
        found.append(Pattern(one["id"], regex, one["check"]))
    return tuple(found)


@lru_cache(maxsize=100_000)
def _found_in(text: str) -> tuple[str, ...]:
    """Cached, because files of one provider repeat their words."""
    folded = fold_digits(text)
    return tuple(dict.fromkeys(pattern.id for pattern in patterns() if pattern.finds(folded)))


def found_in(text: str) -> list[str]:
    """Ids of the patterns found in a text."""
    return list(_found_in(text))


def personal_texts(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> dict[str, int]:
    """The distinct texts of a column that hold personal data, sorted, and how many rows have each.

    Few texts are looked at here: for the engine, preparing the patterns costs more than a small file's rows.
    """
    texts = f"select {column}, count(*) from {relation} where {column} is not null"
    found = connection.execute(f"{texts} group by all limit {_FEW + 1}").fetchall()
    if len(found) > _FEW:
        found = connection.execute(f"{texts} and {candidates_sql(column)} group by all").fetchall()
    return {text: rows for text, rows in sorted(found) if found_in(text)}


def mask(value: str) -> str:
    """A refused value as it may be shown: short, without long numbers and without anything a pattern matches."""
    shown = visible(fold_digits(value))
    for pattern in patterns():
        shown = pattern.compiled.sub(_HIDDEN, shown)
    shown = re.sub(_LONG_NUMBER, _HIDDEN, shown)
    return shown if len(shown) <= SHOWN_LENGTH else shown[: SHOWN_LENGTH - 1] + "…"


def mask_sql(value: str) -> str:
    """SQL: the same as `mask`."""
    shown = visible_sql(f"fold_digits({value})")
    for regex in [*(pattern.regex for pattern in patterns()), _LONG_NUMBER]:
        shown = f"regexp_replace({shown}, {sql.text(regex)}, '{_HIDDEN}', 'g')"
    return f"case when length({shown}) <= {SHOWN_LENGTH} then {shown} else left({shown}, {SHOWN_LENGTH - 1}) || '…' end"


def candidates_sql(value: str) -> str:
    """SQL: true when any pattern matches; `found_in` then checks the digits."""
    folded = f"fold_digits({value})"
    return "(" + " or ".join(f"regexp_matches({folded}, {sql.text(one.regex)})" for one in patterns()) + ")"


def mask_values(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> None:
    """Mask a column of a table in place, few distinct texts one by one as `personal_texts` does."""
    found = connection.execute(
        f"select distinct {column} from {table} where {column} <> '' limit {_FEW + 1}"
    ).fetchall()
    if len(found) > _FEW:
        connection.execute(f"update {table} set {column} = {mask_sql(column)}")
        return
    masks = [(text, shown) for (text,) in found if (shown := mask(text)) != text]
    if masks:
        connection.execute(
            f"update {table} set {column} = masks.shown from "
            f"(select unnest(?::varchar[]) as text, unnest(?::varchar[]) as shown) as masks where {table}.{column} = masks.text",
            [[text for text, _ in masks], [shown for _, shown in masks]],
        )
