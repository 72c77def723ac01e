"""A first contract from a file: what its columns seem to be, and a question for all that only its sender can know.

Belongs here: assembling the contract and its questions. Does not belong here: guesses about a column (`guesses`) or a file
(`sniffing`).
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import duckdb
import yaml

from ingestion.contract import Contract
from ingestion.feeds import Column, Feed, load_feeds
from ingestion.guesses import Guesser, Sample, columns_for, is_personal, labels_of, plain, scale_of
from ingestion.headers import tidy
from ingestion.patterns import found_in, mask
from ingestion.readers.input import Input
from ingestion.readers.pool import read
from ingestion.recipes import Recipe, load_recipes, with_recipe
from ingestion.sniffing import format_of
from miyar.errors import MiyarError, Problem
from miyar.registry import Registry
from miyar.workspace import Workspace

SAMPLED = 2_000  # rows whose values are looked at
UNKNOWN = "?"  # stands where a feed needs a value that no column gives
_LOOKUPS = {"agency_id": "agencies", "service_id": "services", "branch_id": "branches", "region_id": "regions"}
_FROM_SCALE = {"scale_id", "scale_min", "scale_max", "is_reversed", "answer_status"}


@dataclass
class Draft:
    """A contract as YAML, and what it leaves to be answered; the questions stand above it as comments."""

    text: str = ""
    questions: list[str] = field(default_factory=list)


def draft(
    file: Path, feed_name: str, provider: str, workspace: Workspace, registry: Registry, items: Mapping[str, list[str]]
) -> Draft:
    """Draft the contract of a file, for a provider that is also the agency where no column names one.

    Raises MiyarError for an unknown feed, and for a file that cannot be read.

    Args:
        items: names of the questions that figures know, by item, in all languages.
    """
    feed = load_feeds().get(feed_name)
    if feed is None:
        known = ", ".join(load_feeds())
        raise MiyarError(Problem("feed_unknown", f"there is no feed {feed_name!r}", next_step=f"Say one of {known}."))
    form = format_of(file)
    recipe, samples = _recipe_of(file, feed, form, provider, workspace)
    _refuse_data_as_headers(file, samples)
    drafter = _Drafter(feed, provider, registry, items, form, recipe)
    content = drafter.contract(samples)
    Contract.model_validate(with_recipe(content))
    head = [
        f"# Drafted from {file.name}. Answer each question, then check the file: miyar check {file.name} --contract THIS_FILE"
    ]
    head += [f"# {number}. {question}" for number, question in enumerate(drafter.questions, start=1)]
    body = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=110)
    return Draft("\n".join(head) + "\n" + body, drafter.questions)


def _refuse_data_as_headers(file: Path, samples: list[Sample]) -> None:
    """Raise MiyarError where headers hold personal data: a contract made of them would keep a person's."""
    personal = sum(bool(found_in(sample.header)) for sample in samples)
    if personal:
        raise MiyarError(
            Problem(
                "header_personal",
                f"{personal} headers hold personal data, so the first row may be a person's; nothing is drafted",
                file=mask(file.name),
                next_step="Write a header above the rows, or say in a contract of your own what its columns are.",
            )
        )


def _recipe_of(
    file: Path, feed: Feed, form: dict[str, Any], provider: str, workspace: Workspace
) -> tuple[Recipe | None, list[Sample]]:
    """The recipe whose every required column the file has, most columns first, and samples of the file's columns."""
    samples = _samples(file, feed, form, provider, workspace)
    found = []
    for recipe in load_recipes().values():
        base = recipe.contract
        if base["feed"] != feed.name or base["format"]["type"] != form["type"]:
            continue
        needed = [prop for prop in base["properties"] if "physicalName" in prop and not prop.get("optional")]
        shown = samples
        joined = {**form, **base["format"]}
        if joined != form:
            try:
                shown = _samples(file, feed, joined, provider, workspace)
            except MiyarError:
                continue
        headers = {sample.header for sample in shown}
        names = [
            prop["physicalName"] if isinstance(prop["physicalName"], list) else [prop["physicalName"]]
            for prop in needed
        ]
        # One column that many programs share (`id`) is no sign of one of them.
        marks = {one["physicalName"] for one in base.get("dropped", [])} | set(base.get("ignored", []))
        if all(any(tidy(name) in headers for name in one) for one in names) and (len(names) > 1 or headers & marks):
            found.append((len(headers & marks) + len(names), recipe, shown))
    if not found:
        return None, samples
    _, recipe, shown = max(found, key=lambda one: one[0])
    return recipe, shown


def _samples(file: Path, feed: Feed, form: dict[str, Any], provider: str, workspace: Workspace) -> list[Sample]:
    """The distinct texts of each column, read by the product's own readers."""
    needed = [
        {"name": column.name, "constant": UNKNOWN}
        for column in feed.columns
        if column.required and column.name not in _FROM_SCALE | {"period_id"}
    ]
    needed += [{"name": "period_id", "constant": UNKNOWN}]
    scale = {"scales": {UNKNOWN: {"family": UNKNOWN, "min": 0, "max": 1}}} if "scale_id" in feed.by_name else {}
    needed += [{"name": "scale", "constant": UNKNOWN}] if scale else []
    probe = Contract.model_validate(
        {
            "id": "draft", "provider": provider, "feed": feed.name, "covers": "all", "format": form, "properties": needed,
            "dropped": [{"physicalName": "*", "reason": "looked at", "scan": True}], **scale,
        }
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        source = read(Input(file, file.name, probe), workspace.settings, Path(folder))
        samples = []
        for header, position in sorted(source.headers.scanned.items(), key=lambda one: one[1]):
            found = connection.execute(
                f"select distinct trim(c{position}) from (from {source.relation} limit {SAMPLED}) "
                f"where trim(c{position}) <> '' order by all"
            ).fetchall()
            samples.append(Sample(header, tuple(text for (text,) in found)))
    return samples


class _Drafter:
    def __init__(
        self,
        feed: Feed,
        provider: str,
        registry: Registry,
        items: Mapping[str, list[str]],
        form: dict[str, Any],
        recipe: Recipe | None,
    ) -> None:
        self.feed, self.provider, self.registry, self.form, self.recipe = feed, provider, registry, form, recipe
        self.items = {plain(name): item for item, names in items.items() for name in [item, *names]}
        self.guesser = Guesser(form.get("decimal", "."))
        self.questions: list[str] = []
        self.taken: set[str] = set()
        self.scales: dict[str, Any] = {}

    def contract(self, samples: list[Sample]) -> dict[str, Any]:
        """The content of the contract."""
        content: dict[str, Any] = {"id": f"{self.provider}-{self.feed.name}", "provider": self.provider}
        if self.recipe is not None:
            content["extends"] = self.recipe.id
        content |= {"feed": self.feed.name, "covers": [self.provider]}
        content["format"] = self._own_format()
        self._ask_about_form()
        samples = [sample for sample in samples if not self._is_of_recipe(sample.header)]
        dropped = [sample.header for sample in samples if is_personal(sample.header)]
        samples = [sample for sample in samples if sample.header not in dropped]
        properties, left = self._mapped(samples)
        records, left = self._questions_of_a_survey(left) if "scale_id" in self.feed.by_name else ([], left)
        properties += self._missing({prop["name"] for prop in properties}, bool(records))
        if len(records) == 1:
            properties, records = [*properties, *records[0]], []
        content["properties"] = properties
        if records:
            content["records"] = [{"properties": own} for own in records]
        if self.scales:
            content["scales"] = self.scales
        if dropped:
            content["dropped"] = [{"physicalName": header, "reason": "personal"} for header in dropped]
        if left:
            content["ignored"] = [sample.header for sample in left]
            self.questions += [f"What is the column {sample.header!r}? It is ignored." for sample in left]
        return content

    def _ask_about_form(self) -> None:
        if "recordPath" in self.form and self.recipe is None:
            self.questions.append(f"Is each element {self.form['recordPath']!r} one record (format.recordPath)?")
        if self.form["type"] == "fixed":
            self.questions.append("Do the columns stand where the first lines have no blanks (format.columns)?")
        if self.form.get("compression") in {"zip", "tar"}:
            meant = self.form.get("members", "*")
            self.questions.append(f"Are all files {meant!r} of the archive parts of one delivery (format.members)?")

    def _own_format(self) -> dict[str, Any]:
        base = self.recipe.contract["format"] if self.recipe else {}
        return {name: value for name, value in self.form.items() if base.get(name) != value}

    def _is_of_recipe(self, header: str) -> bool:
        if self.recipe is None:
            return False
        base = self.recipe.contract
        named = [prop.get("physicalName") for prop in base["properties"]]
        names = [name for one in named for name in (one if isinstance(one, list) else [one])]
        names += [one["physicalName"] for one in base.get("dropped", [])] + base.get("ignored", [])
        self.taken |= {prop["name"] for prop in base["properties"]}
        return any(name is not None and (tidy(name) == header or fnmatchcase(header, name)) for name in names)

    def _mapped(self, samples: list[Sample]) -> tuple[list[dict[str, Any]], list[Sample]]:
        """Properties of the columns that are recognised, and the columns that are not."""
        properties, left = [], []
        for sample in samples:
            columns = [column.name for column in self.feed.columns if column.name not in self.taken]
            for name in columns_for(sample.header, columns):
                prop = self._property(sample, self.feed.by_name[name])
                if prop is not None:
                    properties.append(prop)
                    self.taken.add(name)
                    break
            else:
                left.append(sample)
        return properties, left

    def _property(self, sample: Sample, column: Column) -> dict[str, Any] | None:
        """The property of a column, or None if its values are none of the canonical column."""
        prop: dict[str, Any] = {"name": column.name, "physicalName": sample.header}
        if not sample.texts:
            return prop
        if column.name == "period_id":
            return self._period(prop, sample)
        if column.name in {"value", "recovered_value"} and "scale_id" in self.feed.by_name:
            return prop if column.name == "value" and self._scale(sample) else None
        if column.type in {"date", "timestamp"}:
            return self._with(prop, self.guesser.date_of(sample))
        if column.type in {"decimal", "integer"}:
            return self._with(prop, self.guesser.number_of(sample, column))
        if column.codes and not set(sample.texts) <= set(column.codes):
            labels = labels_of(sample, column.name)
            if labels is None:
                self.questions.append(
                    f"{sample.header!r}: which of {', '.join(column.codes)} is each of its values (labels)?"
                )
                return {**prop, "labels": {}, "unlisted": "empty"}
            return {**prop, "labels": labels}
        if column.name in _LOOKUPS:
            return {**prop, "lookup": _LOOKUPS[column.name]} if self._is_registered(column.name) else None
        return prop

    def _is_registered(self, name: str) -> bool:
        return bool(self.registry.tables[_LOOKUPS[name]])

    def _with(self, prop: dict[str, Any], guess: tuple[dict[str, Any], str] | None) -> dict[str, Any] | None:
        if guess is None:
            return None
        if guess[1]:
            self.questions.append(guess[1])
        return {**prop, **guess[0]}

    def _period(self, prop: dict[str, Any], sample: Sample) -> dict[str, Any] | None:
        month = self.guesser.month_form(sample)
        if month is not None and self.feed.event not in self.taken:
            # Months of one quarter are told apart by their day only.
            self.taken.add(self.feed.event)
            return {**prop, "name": self.feed.event, "dateFormat": [month]}
        if self.guesser.is_period(sample):
            if all(text.isdigit() for text in sample.texts):
                self.questions.append(f"{sample.header!r}: in which month do its years end (yearEnds)?")
                return {**prop, "yearEnds": 12}
            return prop
        return self._with(prop, self.guesser.date_of(sample))

    def _scale(self, sample: Sample) -> str | None:
        found = scale_of(sample)
        if found is None:
            return None
        name, scale, asked = found
        known = self.scales.setdefault(name, scale)
        for part in ("labels", "dontKnow", "notApplicable", "refused"):
            if part in scale and known is not scale:
                merged = (
                    {**known.get(part, {}), **scale[part]}
                    if part == "labels"
                    else sorted({*known.get(part, []), *scale[part]})
                )
                known[part] = merged
        if asked:
            self.questions.append(asked)
        return name

    def _questions_of_a_survey(self, samples: list[Sample]) -> tuple[list[list[dict[str, Any]]], list[Sample]]:
        """Own properties of each question that stands in a column of its own, and the columns that are none."""
        if "value" in self.taken or "item" in self.taken:
            return [], samples
        records: list[list[dict[str, Any]]] = []
        left = []
        for sample in samples:
            item = self.items.get(plain(sample.header))
            is_answer = scale_of(sample) is not None
            if not is_answer or (item is None and not self._may_be_asked(samples)):
                left.append(sample)
                continue
            scale = self._scale(sample)
            if item is None:
                item = plain(sample.header).replace(" ", "_")
                near = ", ".join(sorted(set(self.items.values()))[:8])
                self.questions.append(
                    f"Which item is {sample.header!r}? Drafted as {item!r}, which no figure knows; known are {near}, ..."
                )
            records.append(
                [
                    {"name": "item", "constant": item},
                    {"name": "scale", "constant": scale},
                    {"name": "value", "physicalName": sample.header},
                ]
            )
        return records, left

    def _may_be_asked(self, samples: list[Sample]) -> bool:
        """True when no column is a known question, so that those with answers have to be asked about."""
        return not any(plain(sample.header) in self.items for sample in samples)

    def _missing(self, have: set[str], has_records: bool) -> list[dict[str, Any]]:
        """Properties for what the feed needs and no column gives, each with its question."""
        have = have | self.taken | ({"item", "value", "scale"} if has_records else set())
        added = []
        for column in self.feed.columns:
            is_fed = column.name in have or column.row_default or (column.name in _FROM_SCALE)
            if not column.required or is_fed or (column.name == "period_id" and self.feed.event in have):
                continue
            if column.name == "agency_id":
                added.append({"name": "agency_id", "constant": self.provider})
            else:
                stand_in = self._stand_in(column)
                asked = f"Which column, or which one value, is {column.name} ({column.about.lower()})?"
                self.questions.append(f"{asked} Drafted as {stand_in!r}.")
                added.append({"name": column.name, "constant": self._stand_in(column)})
        if "scale_id" in self.feed.by_name and "scale" not in have:
            added.append({"name": "scale", "constant": next(iter(self.scales), UNKNOWN)})
            if not self.scales:
                self.scales[UNKNOWN] = {"family": UNKNOWN, "min": 0, "max": 1}
                self.questions.append("On which scale are the answers (scales)?")
        return added

    def _stand_in(self, column: Column) -> str:
        return "w1" if column.name == "wording_version" else UNKNOWN
