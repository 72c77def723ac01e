"""A contract applied in reverse: canonical rows in, the columns a provider would deliver out.

Belongs here: labels, dates, scales, units as text under the provider's headers. Does not belong here: file formats
(`files`), planted defects (`defects`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from hijridate import Gregorian

from ingestion.contract import Contract, Generalise, Property, Scale
from miyar.periods import index_of
from simulation.personal import filled
from simulation.survey import STATUSES, Array, Chunk
from simulation.world import World

ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
Columns = dict[str, Array]


@dataclass(frozen=True)
class Style:
    """Traits of a file that its contract does not state."""

    names: str = "ar"
    arabic_digits: tuple[str, ...] = ()
    banner: tuple[str, ...] = ()
    fill: dict[str, str] = field(default_factory=dict)
    defects: tuple[str, ...] = ()


def header_of(prop: Property, period: str) -> str | None:
    """A property's header in files of a period; None when it is not a column."""
    if prop.physical_name is None or isinstance(prop.physical_name, str):
        return prop.physical_name
    dated = [named for named in prop.physical_name if not isinstance(named, str)]
    if not dated:
        return str(prop.physical_name[0])
    valid = [named for named in dated if index_of(named.valid_from) <= index_of(period)]
    return max(valid, key=lambda named: index_of(named.valid_from)).physical_name


def scale_of(contract: Contract, item: str) -> Scale:
    """The scale a contract gives to an item, by constant or by the item's own label."""
    groups = [record.properties for record in contract.records] or [[]]
    for own in groups:
        by_name = {prop.name: prop for prop in [*contract.properties, *own]}
        scale, named = by_name["scale"], by_name["item"]
        if contract.records and named.constant != item:
            continue
        if scale.constant is not None:
            return contract.scales[str(scale.constant)]
        labels = scale.labels or {}
        label = next((text for text, code in (named.labels or {}).items() if code == item), item)
        return contract.scales[str(labels[label])]
    raise KeyError(item)


def items_of(contract: Contract) -> list[str]:
    """The items (rubric items, practices) of a contract, in its order."""
    names = {"survey_responses": "item", "mystery_visits": "rubric_item", "maturity_assessments": "practice_id"}
    key = names[contract.feed]
    if contract.records:
        return [str(p.constant) for record in contract.records for p in record.properties if p.name == key]
    prop = next(prop for prop in contract.properties if prop.name == key)
    return list(dict.fromkeys(str(code) for code in (prop.labels or {}).values()))


def formatted(
    world: World, contract: Contract, style: Style, period: str, chunk: Chunk, random: np.random.Generator
) -> Columns:
    """Canonical rows as the provider's columns, as text (Parquet keeps numbers and timestamps)."""
    columns: Columns = {}
    wide = bool(contract.records)
    rows = chunk.rows if wide or not chunk.parts else _lengthened(chunk)
    _place(columns, world, contract, style, period, contract.properties, rows)
    for record in contract.records:
        key = next(str(prop.constant) for prop in record.properties if prop.name == chunk.part_key)
        _place(columns, world, contract, style, period, record.properties, {**rows, **chunk.parts[key]})
    n = len(next(iter(columns.values())))
    person = rows["person"] if "person" in rows else np.arange(n)
    national = rows["nationality_class"] == "national" if "nationality_class" in rows else person % 3 > 0
    for header, kind in style.fill.items():
        columns[header] = filled(kind, person, national, random)
    for header in style.arabic_digits:
        columns[header] = _mapped(columns[header], lambda text: text.translate(ARABIC_DIGITS))
    return columns


def _lengthened(chunk: Chunk) -> Columns:
    n, keys = len(chunk), list(chunk.parts)
    rows = {name: np.repeat(column, len(keys)) for name, column in chunk.rows.items()}
    rows[chunk.part_key] = np.tile(np.array(keys, dtype=object), n)
    for name in next(iter(chunk.parts.values())):
        rows[name] = np.stack([chunk.parts[key][name] for key in keys], axis=1).ravel()
    return rows


def _place(
    columns: Columns,
    world: World,
    contract: Contract,
    style: Style,
    period: str,
    properties: Iterable[Property],
    rows: Columns,
) -> None:
    n = len(next(iter(rows.values())))
    for prop in properties:
        header = header_of(prop, period)
        if header is None or header in columns:
            continue
        if prop.name in ("value", "recovered_value"):
            columns[header] = _answers(contract, prop, rows, n)
        else:
            columns[header] = _rendered(world, contract, style, prop, rows)


def _answers(contract: Contract, prop: Property, rows: Columns, n: int) -> Array:
    """Levels and absences as the scale writes them; where a code has several labels they alternate."""
    # In wide files the record determines the item, so the rows have no column `item`.
    items = rows["item"] if "item" in rows else np.full(n, "", dtype=object)
    text = np.full(n, "", dtype=object)
    turn = np.arange(n)
    for item in dict.fromkeys(items.tolist()):
        scale = scale_of(contract, item) if item else _scale_of_value(contract, prop)
        mine = items == item
        choices = answer_texts(scale)
        if prop.name == "recovered_value":
            level, status = rows["recovered_level"][mine], np.where(rows["recovered_level"][mine] < 0, 4, 0)
            if "item" in rows and item != "overall_satisfaction":
                status = np.full(len(status), 4)
        else:
            level, status = rows["level"][mine], rows["status"][mine]
        index = np.where(status == 0, level, scale.max - scale.min + status)
        most = int(np.lcm.reduce([len(choice) for choice in choices]))
        grid = np.array([[choice[k % len(choice)] for choice in choices] for k in range(most)], dtype=object)
        text[mine] = grid[turn[mine] % most, index]
    return text


def _scale_of_value(contract: Contract, prop: Property) -> Scale:
    for record in contract.records:
        if prop in record.properties:
            item = next(str(p.constant) for p in record.properties if p.name == "item")
            return scale_of(contract, item)
    raise KeyError(prop.name)


def answer_texts(scale: Scale) -> list[list[str]]:
    """Spellings by level from worst to best, then by absence in the order of STATUSES."""
    codes = range(scale.max, scale.min - 1, -1) if scale.reversed else range(scale.min, scale.max + 1)
    by_code: dict[int, list[str]] = {}
    for label, code in scale.labels.items():
        by_code.setdefault(int(code), []).append(label)
    texts = [by_code.get(code, [str(code)]) for code in codes]
    absent = {"dont_know": scale.dont_know, "not_applicable": scale.not_applicable, "refused": scale.refused}
    return texts + [list(absent.get(status, [])) or [""] for status in STATUSES[1:]]


def _rendered(world: World, contract: Contract, style: Style, prop: Property, rows: Columns) -> Array:
    name = "person" if prop.treatment == "pseudonymise" else prop.name
    if isinstance(prop.treatment, Generalise):
        name = "age"
    column = rows[name]
    typed = contract.format.type == "parquet"
    if name == "person":
        national = rows["nationality_class"] == "national" if "nationality_class" in rows else column % 3 > 0
        return filled("national_id", column, national, np.random.default_rng(0))
    if np.issubdtype(column.dtype, np.datetime64):
        return column if typed else _dates(column, prop)
    if prop.labels is not None:
        return _labelled(column, prop.labels)
    if prop.lookup is not None:
        return _named(world, style, prop.lookup, column)
    if np.issubdtype(column.dtype, np.number):
        return column if typed else _numbers(column / prop.multiply_by if prop.multiply_by else column, contract)
    null = prop.null_values[0] if prop.null_values else ""
    return np.array([null if text is None else text for text in column], dtype=object)


def _labelled(column: Array, labels: dict[str, Any]) -> Array:
    spellings: dict[Any, list[str]] = {}
    for label, code in labels.items():
        spellings.setdefault(str(code).lower() if isinstance(code, bool) else str(code), []).append(label)
    booleans = {"yes": "true", "no": "false"}
    turn = [0]

    def text(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, float):
            value = int(value)
        choices = spellings.get(str(value)) or spellings[booleans[str(value)]]
        turn[0] += 1
        return choices[turn[0] % len(choices)]

    # Few labels have several spellings, and only these need a choice per row.
    if all(len(choices) == 1 for choices in spellings.values()):
        return _mapped(column, text)
    return np.array([text(value) for value in column], dtype=object)


def _named(world: World, style: Style, lookup: str, column: Array) -> Array:
    id_column = {
        "agencies": "agency_id",
        "services": "service_id",
        "branches": "branch_id",
        "regions": "region_id",
        "journeys": "journey_id",
    }[lookup]
    labels = {}
    for row in world.registry[lookup]:
        alias = row["aliases"].split("|")[0] or row["name_ar"]
        labels[row[id_column]] = {"ar": row["name_ar"], "en": row["name_en"], "alias": alias, "id": row[id_column]}[
            style.names
        ]
    return _mapped(column, lambda value: labels[value])


def _mapped(column: Array, change: Any) -> Array:
    """Apply `change` to each distinct value once; null becomes the empty text."""
    codes, distinct = pd.factorize(column)
    texts = np.array([*(change(value) for value in distinct), ""], dtype=object)
    return np.asarray(texts[codes])


def _dates(column: Array, prop: Property) -> Array:
    """Dates as text, formatting each distinct day and each distinct minute of the day once."""
    pattern = (prop.date_format or ["%Y-%m-%dT%H:%M:%S"])[0]
    absent = np.isnat(column)
    filled_in = np.where(absent, np.datetime64("2000-01-01", "m"), column).astype("datetime64[m]")
    days = filled_in.astype("datetime64[D]")
    day_part, separator, time_part = pattern, "", ""
    for mark in ("T", " "):
        if mark + "%H" in pattern:
            day_part, separator, time_part = pattern.partition(mark)
    codes, distinct = pd.factorize(days)
    shown = np.array([_day(day.astype(date), day_part, prop.calendar) for day in distinct], dtype=object)[codes]
    if time_part:
        minute = (filled_in - days).astype(np.int64)
        clock = [f"{separator}{m // 60:02d}:{m % 60:02d}" + (":00" if "%S" in time_part else "") for m in range(1440)]
        shown = shown + np.array(clock, dtype=object)[minute]
    return np.where(absent, "", shown).astype(object)


def _day(day: date, pattern: str, calendar: str) -> str:
    if calendar == "gregorian":
        return day.strftime(pattern)
    hijri = Gregorian(day.year, day.month, day.day).to_hijri()
    return (
        pattern.replace("%Y", f"{hijri.year:04d}").replace("%m", f"{hijri.month:02d}").replace("%d", f"{hijri.day:02d}")
    )


def _numbers(column: Array, contract: Contract) -> Array:
    values = pd.Series(column)
    whole = bool((values.dropna() % 1 == 0).all())

    def text(value: Any) -> str:
        shown = str(int(value)) if whole else f"{float(value):.4f}".rstrip("0").rstrip(".")
        return shown.replace(".", contract.format.decimal)

    return _mapped(values.to_numpy(), text)
