"""Suites as data: the rules of a feed, filled in for one contract.

Belongs here: reading `suites/*.yml` and compiling the complete list of rules. Does not belong here: running them: intake finds
the rows that break them in one pass (`ingestion.broken_rules`), Great Expectations judges what was accepted again (`runner`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from ingestion.contract import Contract
from ingestion.feeds import Feed
from miyar import sql
from miyar.workspace import OpenPeriods

SUITES = Path(__file__).parent / "suites"


@dataclass(frozen=True)
class Rule:
    """One rule of a suite: what is bad, what happens then, and what the agency is told in both languages.

    Exactly one of `violation` (SQL predicate, true for bad rows) and `expectation` (Great Expectations class with
    `kwargs`) is set.
    """

    id: str
    columns: tuple[str, ...]
    severity: Literal["error", "warning"]
    action: Literal["quarantine", "refuse", "report"]
    ar: str
    en: str
    next_ar: str
    next_en: str
    violation: str = ""
    expectation: str = ""
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def predicate(self) -> str:
        """SQL, true for the rows that break the rule; a row of which it is null does not."""
        return self.violation or _PREDICATES[self.expectation](**self.kwargs)


def _outside(
    column: str, min_value: Any = None, max_value: Any = None, *, strict_min: bool = False, strict_max: bool = False
) -> str:
    least = [] if min_value is None else [f"{column} {'<=' if strict_min else '<'} {min_value!r}"]
    most = [] if max_value is None else [f"{column} {'>=' if strict_max else '>'} {max_value!r}"]
    return " or ".join([*least, *most])


# What the suites use of Great Expectations' own kinds of rule, as the predicate of a row that breaks it: a missing value breaks
# the first kind only. A suite with another kind stops the intake before it judges a file.
_PREDICATES: dict[str, Callable[..., str]] = {
    "ExpectColumnValuesToNotBeNull": lambda column: f"{column} is null",
    "ExpectColumnValuesToBeInSet": lambda column, value_set: f"{column} not in ({sql.texts(value_set)})",
    "ExpectColumnValuesToBeBetween": _outside,
}


@cache
def _read(name: str) -> dict[str, Any]:
    source: dict[str, Any] = yaml.safe_load((SUITES / f"{name}.yml").read_text("utf-8"))
    return source


def refuse_above_share() -> float:
    """Share of quarantined records above which a whole submission is refused; `common.yml` gives the reason."""
    return float(_read("common")["refuse_above_share"]["value"])


def catalogue(feed: str) -> list[dict[str, str]]:
    """Every rule id of a feed with its sentences, templates included, for reports and documents."""
    common = _read("common")
    templates = [{"id": name, **spec} for name, spec in common["templates"].items()]
    rows = templates + common["rules"] + _read(feed)["rules"]
    keep = ("id", "severity", "action", "ar", "en", "next_ar", "next_en")
    return [{key: str(row[key]) for key in keep} for row in rows]


def suite_for(
    feed: Feed,
    contract: Contract,
    periods: OpenPeriods,
    kept_periods: Sequence[str] = (),
    successors: Sequence[str] = (),
    open_measures: Sequence[str] = (),
) -> list[Rule]:
    """All rules for one submission: required columns, codes, common rules, and the feed's own.

    `kept_periods` are judged as open: rows of theirs were accepted from this file before. The contract covers the
    `successors` of its agencies too. `open_measures` are those in a unit that does not end at 100 (days, money).
    """
    common = _read("common")
    rules = []
    for column in feed.columns:
        if column.required:
            rules.append(
                _rule(
                    {
                        **common["templates"]["required_value"],
                        "id": "required_value",
                        "columns": [column.name],
                        "expectation": "ExpectColumnValuesToNotBeNull",
                        "kwargs": {"column": column.name},
                    },
                    {},
                )
            )
        if column.codes:
            rules.append(
                _rule(
                    {
                        **common["templates"]["unknown_code"],
                        "id": "unknown_code",
                        "columns": [column.name],
                        "expectation": "ExpectColumnValuesToBeInSet",
                        "kwargs": {"column": column.name, "value_set": list(column.codes)},
                    },
                    {},
                )
            )
    # A row of another submission with the same key is another version of it, not a duplicate.
    key = ("submission_id", "agency_id", *(name for name in feed.key if name != "agency_id"))
    filled = {
        "first_period": periods.first,
        "last_period": periods.last,
        "kept_periods": sql.texts(kept_periods or [""]),
        "covers": _covers_predicate(contract, successors),
        # Key parts that a provider cannot give are null and count as one value.
        "key": ", ".join(f"coalesce(cast({name} as varchar), '')" for name in key),
        "open_measures": sql.texts(open_measures or [""]),
        "batch": "{batch}",
    }
    mapped = {prop.name for record in contract.records for prop in record.properties}
    mapped |= {prop.name for prop in contract.properties}
    for source in [*common["rules"], *_read(feed.name)["rules"]]:
        row_numbered = any(feed.by_name[name].row_default and name not in mapped for name in feed.key)
        # A key made from the row number is unique by construction, so checking it would only cost time.
        if source["id"] == "duplicate_key" and row_numbered:
            continue
        rule = _rule(source, filled)
        rules.append(replace(rule, columns=feed.key) if rule.id == "duplicate_key" else rule)
    return rules


def _covers_predicate(contract: Contract, successors: Sequence[str]) -> str:
    if contract.covers == "all":
        return "true"
    return f"agency_id in ({sql.texts([*contract.covers, *successors])})"


def _rule(source: dict[str, Any], filled: dict[str, str]) -> Rule:
    violation = source.get("violation", "")
    return Rule(
        id=source["id"],
        columns=tuple(source["columns"]),
        severity=source["severity"],
        action=source["action"],
        ar=source["ar"],
        en=source["en"],
        next_ar=source["next_ar"],
        next_en=source["next_en"],
        violation=violation.format(**filled) if violation else "",
        expectation=source.get("expectation", ""),
        kwargs=source.get("kwargs", {}),
    )
