"""Defects planted in delivered columns, with a record of each: what, where, and what should become of it.

Belongs here: corrupting formatted rows. Does not belong here: drawing clean rows or writing files. Planted rows are
additions (copies under new ids), so the clean rows stay complete and the realised figures in the truth remain exact.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ingestion.contract import Contract, Property
from ingestion.feeds import load_feeds
from simulation.personal import national_ids
from simulation.provider_formats import Columns, Style, answer_texts, header_of, scale_of

HEADLINE = {"survey_responses": "overall_satisfaction", "mystery_visits": "outcome"}


@dataclass(frozen=True)
class Planted:
    """One plant: data row counted from 0, canonical column, item of the record (`*` for all), kind, rule and fate."""

    row: int
    column: str
    record: str
    kind: str
    rule: str
    fate: str


@dataclass(frozen=True)
class _Extra:
    cells: dict[str, Any]
    column: str
    record: str
    kind: str
    rule: str
    fate: str = "quarantined"


@dataclass(frozen=True)
class Target:
    """Locates the columns that defects touch in a file of a period."""

    contract: Contract
    period: str

    def header(self, *names: str) -> tuple[str, str]:
        """The first of these canonical columns that the file contains: its name and header."""
        for prop in self._properties():
            header = header_of(prop, self.period)
            if prop.name in names and header is not None:
                return prop.name, header
        raise ValueError(f"{self.contract.id}: none of {names} is a column of its files")

    def headers(self, *names: str) -> list[str]:
        """The headers of these canonical columns, for those that the file contains."""
        found = [header_of(prop, self.period) for prop in self._properties() if prop.name in names]
        return [header for header in found if header is not None]

    def find(self, name: str) -> Property:
        return next(prop for prop in self._properties() if prop.name == name)

    def measure(self) -> str:
        """The header of the headline item's value."""
        key = HEADLINE.get(self.contract.feed)
        for record in self.contract.records:
            by_name = {prop.name: prop for prop in record.properties}
            if any(prop.constant == key for prop in by_name.values()):
                header = header_of(next(by_name[name] for name in ("value", "score") if name in by_name), self.period)
                assert header is not None  # noqa: S101 - a value is never constant
                return header
        return self.header("value", "score", "started", "adoption", "met", "n")[1]

    def others(self) -> list[str]:
        """Headers of the other records than the headline's; emptied, they give no record."""
        mine = self.measure()
        own = [header_of(prop, self.period) for record in self.contract.records for prop in record.properties]
        return [header for header in own if header is not None and header != mine]

    def _properties(self) -> list[Property]:
        return [*self.contract.properties, *(p for record in self.contract.records for p in record.properties)]


def plant(
    contract: Contract, style: Style, period: str, columns: Columns, random: np.random.Generator
) -> tuple[Columns, list[Planted]]:
    """Plant one defect of each kind the style asks for; return the columns and notes on the defects."""
    n = len(next(iter(columns.values())))
    target = Target(contract, period)
    extras: list[_Extra] = []
    changed: list[tuple[int, Planted]] = []
    for number, kind in enumerate(style.defects):
        base = int(random.integers(0, n))
        cells = {header: column[base] for header, column in columns.items()}
        if kind == "id_in_comment":
            header = next(header for header, filling in style.fill.items() if filling == "comment")
            columns[header] = columns[header].copy()
            columns[header][base] = f"رقم الهوية {_id(random)} لم تصلني الرسالة"
            changed.append((base, Planted(base, header, "*", kind, "personal_data_dropped", "reported")))
        else:
            extras += _PLANTS[kind](target, cells, number, random)
    if not extras:
        return columns, [planted for _, planted in changed]
    spots = np.sort(random.integers(0, n + 1, len(extras)))
    order = np.insert(np.arange(n), spots, n + np.arange(len(extras)))
    planted = {}
    for header, column in columns.items():
        added = np.array([extra.cells[header] for extra in extras], dtype=column.dtype)
        planted[header] = np.concatenate([column, added])[order]
    found = {int(index): row for row, index in enumerate(order)}
    notes = [
        Planted(found[n + number], extra.column, extra.record, extra.kind, extra.rule, extra.fate)
        for number, extra in enumerate(extras)
    ]
    notes += [Planted(found[base], p.column, p.record, p.kind, p.rule, p.fate) for base, p in changed]
    return planted, sorted(notes, key=lambda note: (note.row, note.kind))


def _id(random: np.random.Generator) -> str:
    return str(national_ids(random.integers(0, 50_000, 1), np.array([True]))[0])


def _renamed(target: Target, cells: dict[str, Any], number: int) -> None:
    """Give the row a key of its own if it has an id column."""
    for key in load_feeds()[target.contract.feed].key:
        if key.endswith("_id") and key not in ("service_id", "branch_id", "region_id", "journey_id", "period_id"):
            for prop in target.contract.properties:
                header = header_of(prop, target.period)
                if prop.name == key and header is not None:
                    cells[header] = f"{cells[header]}-{number + 1}"


def _corrupted(
    target: Target, cells: dict[str, Any], number: int, column: str, header: str, value: Any
) -> dict[str, Any]:
    changed = {**cells, header: value}
    _renamed(target, changed, number)
    return changed


def _dated(prop: Property, gregorian: tuple[str, str, str], hijri: tuple[str, str, str]) -> str:
    """Year, month and day of the property's calendar, in its format, at half past ten."""
    pattern = (prop.date_format or ["%Y-%m-%dT%H:%M:%S"])[0]
    parts = zip(("%Y", "%m", "%d"), hijri if prop.calendar == "umm_al_qura" else gregorian, strict=True)
    for code, text in (*parts, ("%H", "10"), ("%M", "30"), ("%S", "00")):
        pattern = pattern.replace(code, text)
    return pattern


def _bad_date(target: Target, cells: dict[str, Any], number: int, random: np.random.Generator) -> list[_Extra]:
    """The 30th of February; in the Umm al-Qura calendar 30 Dhu al-Hijja 1446, a month of 29 days."""
    name, header = target.header(load_feeds()[target.contract.feed].event)
    prop = target.find(name)
    value = _dated(prop, (target.period[:4], "02", "30"), ("1446", "12", "30"))
    kind = "impossible_hijri_date" if prop.calendar == "umm_al_qura" else "bad_date"
    return [_Extra(_corrupted(target, cells, number, name, header, value), name, "*", kind, "date_impossible")]


def _closed_period(target: Target, cells: dict[str, Any], number: int, random: np.random.Generator) -> list[_Extra]:
    """A day about ten years before the first open period."""
    name, header = target.header(load_feeds()[target.contract.feed].event)
    value = _dated(target.find(name), ("2014", "01", "15"), ("1435", "03", "14"))
    return [_Extra(_corrupted(target, cells, number, name, header, value), name, "*", "closed_period", "period_closed")]


def _unknown_code(target: Target, cells: dict[str, Any], number: int, random: np.random.Generator) -> list[_Extra]:
    name, header = target.header("channel", "recovery", "outcome", "region_id")
    value = "برق" if name != "region_id" else "جزيرة غير معروفة"
    return [_Extra(_corrupted(target, cells, number, name, header, value), name, "*", "unknown_code", "unknown_code")]


def _region_number(target: Target, cells: dict[str, Any], number: int, random: np.random.Generator) -> list[_Extra]:
    name, header = target.header("region_id")
    changed = _corrupted(target, cells, number, name, header, "4")
    return [_Extra(changed, name, "*", "region_number", "region_ambiguous")]


def _out_of_range(target: Target, cells: dict[str, Any], number: int, random: np.random.Generator) -> list[_Extra]:
    header = target.measure()
    changed = {**cells, **dict.fromkeys(target.others(), "")}
    value: Any = 55 if isinstance(cells[header], int | np.integer) else "55"
    changed = _corrupted(target, changed, number, "value", header, value)
    changed |= _headline(target)
    column = "value" if target.contract.feed == "survey_responses" else "score"
    rule = {"value": "value_in_scale", "score": "score_within_maximum"}[column]
    return [_Extra(changed, column, HEADLINE[target.contract.feed], "out_of_range", rule)]


def _headline(target: Target) -> dict[str, str]:
    """In a long file, the cell that assigns a row to the headline item."""
    if target.contract.records:
        return {}
    prop = next((p for p in target.contract.properties if p.name in ("item", "rubric_item")), None)
    header = header_of(prop, target.period) if prop else None
    if prop is None or header is None:
        return {}
    wanted = HEADLINE[target.contract.feed]
    return {header: next((text for text, code in (prop.labels or {}).items() if code == wanted), wanted)}


def _exact_duplicate(target: Target, cells: dict[str, Any], number: int, random: np.random.Generator) -> list[_Extra]:
    return [_Extra(dict(cells), "", "*", "exact_duplicate", "", "duplicate")]


def _conflicting_key(target: Target, cells: dict[str, Any], number: int, random: np.random.Generator) -> list[_Extra]:
    """Two rows under one new key that differ in one value, so neither can be accepted."""
    if target.contract.feed == "survey_responses":
        header, record = target.measure(), HEADLINE["survey_responses"]
        texts = answer_texts(scale_of(target.contract, record))
        first, second = texts[0][0], texts[1][0]
        changed = {**cells, **dict.fromkeys(target.others(), ""), **_headline(target)}
    else:
        name, header = target.header("channel")
        labels = list(target.find(name).labels or {"phone": "phone", "app": "app"})
        first, second, record, changed = labels[0], labels[1], "*", cells
    pair = [_corrupted(target, changed, number, "", header, value) for value in (first, second)]
    return [_Extra(one, "", record, "conflicting_key", "duplicate_key") for one in pair]


def _id_in_free_text(target: Target, cells: dict[str, Any], number: int, random: np.random.Generator) -> list[_Extra]:
    name, header = target.header("touchpoint", "category")
    changed = _corrupted(target, cells, number, name, header, f"طلب رقم {_id(random)}")
    return [_Extra(changed, name, "*", "id_in_free_text", "personal_data")]


def _other_agency(target: Target, cells: dict[str, Any], number: int, random: np.random.Generator) -> list[_Extra]:
    """A row about an agency that the contract does not cover: the first such agency of the world."""
    name, header = target.header("agency_id")
    covers = target.contract.covers
    stranger = next(agency for agency in ("lighthouse", "kites") if covers != "all" and agency not in covers)
    changed = _corrupted(target, cells, number, name, header, stranger)
    # Services and branches are emptied because they are not the covered agencies', and only the agency should be wrong.
    changed |= dict.fromkeys(target.headers("service_id", "branch_id"), "")
    return [_Extra(changed, name, "*", "other_agency", "agency_not_covered")]


_PLANTS = {
    "bad_date": _bad_date,
    "closed_period": _closed_period,
    "unknown_code": _unknown_code,
    "region_number": _region_number,
    "out_of_range": _out_of_range,
    "exact_duplicate": _exact_duplicate,
    "conflicting_key": _conflicting_key,
    "id_in_free_text": _id_in_free_text,
    "other_agency": _other_agency,
}
