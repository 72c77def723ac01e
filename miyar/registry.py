"""The registry: agencies, services, branches, regions, journeys and what is owed; plain CSV, checked as a whole.

Belongs here: reading and checking the registry's tables, label look-ups, the registry hash. Does not belong here:
contracts (`ingestion.contract`) and metric definitions (`methodology`).
"""

import csv
import hashlib
import io
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from pathlib import Path

from miyar.errors import MiyarError, Problem
from miyar.periods import is_period
from miyar.registry_tables import KEYS, NUMBERS, OPTIONAL, PERIODS, REQUIRED, TABLES, columns_of


def fold(label: str) -> str:
    """Normal form for comparing labels: NFKC, Arabic letter variants and marks folded, case and spaces collapsed.

    Alef forms become bare alef, alef maqsura becomes ya, ta marbuta becomes ha; tatweel and diacritics are dropped.
    These are the spellings in which writers of the same Arabic name differ.
    """
    text = unicodedata.normalize("NFKC", label).casefold()
    text = text.translate(_FOLDED)
    text = "".join(char for char in text if not unicodedata.combining(char))
    return " ".join(text.split())


_FOLDED = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ـ": None})


@dataclass(frozen=True)
class Validity:
    """First and last period of an entry, each empty if there is none, and the agency that took its place."""

    first: str
    last: str
    successor: str = ""

    def holds(self, period_id: str) -> bool:
        return (not self.first or period_id >= self.first) and (not self.last or period_id <= self.last)


# Columns whose names are those of the maturity model of their row, and the table of `Registry.figures` that lists them.
WITHIN_MODELS = {"practice_id": "practices", "dimension": "dimensions"}


@dataclass(frozen=True)
class Registry:
    """Registry tables as lists of rows (text only), and a hash over all of them.

    `known` are the names that figures of the workspace's methodology use, by column of the feeds (`item`, `measure`, ...);
    a column that is not there may hold any. `figures` are the tables of that methodology that say which rows a figure can use
    (`metrics`, `open_measures`, `channels`, `top_boxes`, `practices`, `dimensions`); empty where nobody asked a methodology.
    """

    tables: dict[str, list[dict[str, str]]]
    hash: str
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)
    figures: Mapping[str, list[dict[str, str]]] = field(default_factory=dict)

    def names_within(self, column: str) -> dict[str, frozenset[str]]:
        """Maturity model -> the names that a `column` of its rows may hold; models that leave it open are not there."""
        found: dict[str, set[str]] = {}
        for row in self.figures.get(WITHIN_MODELS[column], ()):
            found.setdefault(row["model_id"], set()).add(row[column])
        return {model: frozenset(names) for model, names in found.items()}

    def ids(self, table: str) -> set[str]:
        id_column = TABLES[table][1]
        return {row[id_column] for row in self.tables[table]}

    @cached_property
    def _labels(self) -> dict[str, dict[str, dict[str, str]]]:
        return {table: self._labels_in(table) for table in self.tables if "name_ar" in TABLES[table][0]}

    def validity(self, table: str) -> dict[str, "Validity"]:
        """Id -> first and last period, for entries of a table that have either."""
        if table in self.known or table in self.figures:
            return {}
        id_column = TABLES[table][1]
        found = {}
        for row in self.tables[table]:
            first, last = row.get("valid_from", ""), row.get("valid_to", "")
            if first or last:
                found[row[id_column]] = Validity(first, last, row.get("successor", ""))
        return found

    def labels(self, table: str) -> dict[str, dict[str, str]]:
        """Folded label -> id, per agency: `labels("branches")["a01"]["الرياض"]`; agency `""` holds labels of no agency.

        Practices and dimensions are labels of their model. Ids, both names and all aliases are labels. A label with two ids in
        one agency is reported when the registry is read.
        """
        if table in self.known:
            return {"": {name: name for name in self.known[table]}}
        if table in WITHIN_MODELS.values():
            column = next(one for one, its in WITHIN_MODELS.items() if its == table)
            return {model: {name: name for name in names} for model, names in self.names_within(column).items()}
        return self._labels[table]

    def _labels_in(self, table: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        id_column = TABLES[table][1]
        for row in self.tables[table]:
            own = found.setdefault(_scope(table, row), {})
            for label in _labels_of(row, id_column):
                own.setdefault(fold(label), row[id_column])
        return found


def _labels_of(row: dict[str, str], id_column: str) -> list[str]:
    labels = [row[id_column], row["name_ar"], row["name_en"], *row.get("aliases", "").split("|")]
    return [label for label in labels if label.strip()]


def load_registry(folder: Path) -> Registry:
    """Read and check all registry tables; raises MiyarError with every problem of every table."""
    problems: list[Problem] = []
    tables: dict[str, list[_Row]] = {}
    digest = hashlib.sha256()
    for table in TABLES:
        path = folder / f"{table}.csv"
        tables[table] = []
        if path.is_file():
            content = path.read_bytes()
            digest.update(path.name.encode() + b"\0" + content + b"\0")
            tables[table], found = _read(table, content)
            problems += found
        elif table in REQUIRED:
            problems.append(
                Problem("registry_missing", "the table is missing", file=path.name, next_step="Create the file.")
            )
    problems += _check(tables)
    if problems:
        raise MiyarError(problems)
    return Registry({table: [row.cells for row in rows] for table, rows in tables.items()}, digest.hexdigest())


@dataclass(frozen=True)
class _Row:
    """One row by column name, and the line it starts on."""

    table: str
    line: int
    cells: dict[str, str]

    def problem(self, rule: str, message: str, column: str, next_step: str = "") -> Problem:
        return Problem(rule, message, file=f"{self.table}.csv", row=self.line, column=column, next_step=next_step)


def _read(table: str, content: bytes) -> tuple[list[_Row], list[Problem]]:
    """The readable rows of a table, and a problem for each that is not."""
    file, columns = f"{table}.csv", TABLES[table][0]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        step = "Save it as CSV in UTF-8."
        return [], [Problem("registry_encoding", "the table is not UTF-8", file=file, row=line, next_step=step)]
    rows: list[_Row] = []
    problems: list[Problem] = []
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = next(reader, [])
        optional = OPTIONAL.get(table, ())
        if tuple(header[: len(columns)]) != columns or any(name not in optional for name in header[len(columns) :]):
            step = f"Write {','.join(columns)}." + (f" It may end in {','.join(optional)}." if optional else "")
            return [], [Problem("registry_header", f"the header is {header}", file=file, row=1, next_step=step)]
        end = reader.line_num
        for cells in reader:
            line, end = end + 1, reader.line_num
            if cells and cells[0].startswith("#"):
                continue  # a comment
            if len(cells) == len(header):
                given = dict(zip(header, (cell.strip() for cell in cells), strict=True))
                rows.append(_Row(table, line, dict.fromkeys(columns_of(table), "") | given))
            elif cells:  # blank lines are skipped
                problems.append(
                    Problem("registry_row", f"{len(cells)} cells, {len(header)} expected", file=file, row=line)
                )
    except csv.Error as error:
        step = "Look for a quote that is never closed."
        problems.append(Problem("registry_row", str(error), file=file, row=reader.line_num, next_step=step))
    return rows, problems


_LISTED = "Write an id that is listed there, or add it."


def _check(tables: dict[str, list[_Row]]) -> list[Problem]:
    problems: list[Problem] = []
    ids = {table: {row.cells.get(TABLES[table][1], "") for row in rows} for table, rows in tables.items()}
    for table, rows in tables.items():
        _, id_column, references = TABLES[table]
        if id_column:
            problems += _check_ids(rows, id_column)
        if "name_ar" in TABLES[table][0]:
            problems += _check_labels(rows, id_column)
        problems += _check_keys(rows, KEYS.get(table, ()))
        problems += _check_validity(rows)
        problems += _check_studies(table, rows)
        for row in rows:
            problems += [
                row.problem("registry_reference", f"{row.cells[column]!r} is not in {target}.csv", column, _LISTED)
                for column, target in references.items()
                if row.cells[column] and row.cells[column] not in ids[target]
            ]
            problems += [
                row.problem("registry_number", f"{row.cells[column]!r} is no number", column)
                for column in NUMBERS
                if column in row.cells and not _is_number(row.cells[column])
            ]
            problems += [
                row.problem("registry_period", f"{row.cells[column]!r} is no period", column, "Write it as 2026Q3.")
                for column in PERIODS
                if row.cells.get(column) and not is_period(row.cells[column])
            ]
    return problems


def _check_validity(rows: list[_Row]) -> list[Problem]:
    """Report entries that end before they begin, and successors that lead nowhere or in a circle."""
    problems = []
    successors = {row.cells["agency_id"]: row.cells["successor"] for row in rows if row.cells.get("successor")}
    for row in rows:
        first, last = row.cells.get("valid_from", ""), row.cells.get("valid_to", "")
        if first and last and is_period(first) and is_period(last) and last < first:
            step = "Write the first and the last period it exists in."
            problems.append(
                row.problem("registry_period", f"it ends with {last} and begins with {first}", "valid_to", step)
            )
        if not row.cells.get("successor"):
            continue
        if not last:
            step = "Write the agency's last period, or take the successor out."
            problems.append(row.problem("registry_successor", "it has a successor and no end", "valid_to", step))
        passed, one = set[str](), row.cells["agency_id"]
        while one in successors and one not in passed:
            passed.add(one)
            one = successors[one]
        if one in passed:
            step = "Name the agency that took its place."
            problems.append(row.problem("registry_successor", "its successors lead back to it", "successor", step))
    return problems


def _check_studies(table: str, rows: list[_Row]) -> list[Problem]:
    """Report what no study can have found: a reference less sure than what is measured against it, answers off the scale."""
    problems = []
    for row in rows:
        cells = row.cells
        if table == "overlap_studies" and _is_number(cells["standard_error"]) and _is_number(cells["reference_error"]):
            own, shared = float(cells["standard_error"]), float(cells["reference_error"])
            if own < 0 or shared < 0 or 0 < own < shared:
                message = (
                    f"errors of {own:g} and {shared:g}: an effect holds its reference's error, and none is negative"
                )
                problems.append(row.problem("registry_study", message, "reference_error", "Copy both from the study."))
        if table == "scale_studies":
            for column in ("level", "linked_level"):
                if _is_number(cells[column]) and not 0 <= float(cells[column]) <= 100:
                    step = "Write the answer as a score: 0 is the worst, 100 the best."
                    problems.append(row.problem("registry_study", f"{cells[column]!r} is not in 0-100", column, step))
            if _is_number(cells["people"]) and (float(cells["people"]) < 0 or float(cells["people"]) % 1):
                problems.append(row.problem("registry_study", f"{cells['people']!r} is no count of people", "people"))
            if cells["instrument_id"] == cells["linked_instrument_id"]:
                problems.append(row.problem("registry_study", "a scale is linked to itself", "linked_instrument_id"))
    return problems


def _check_ids(rows: list[_Row], id_column: str) -> list[Problem]:
    problems = []
    seen: set[str] = set()
    for row in rows:
        identity = row.cells[id_column]
        if not identity:
            problems.append(row.problem("registry_id", "the id is empty", id_column))
        elif identity in seen:
            problems.append(row.problem("registry_id", f"{identity!r} stands twice", id_column))
        seen.add(identity)
    return problems


def _check_keys(rows: list[_Row], columns: tuple[str, ...]) -> list[Problem]:
    problems = []
    seen: set[tuple[str, ...]] = set()
    for row in rows if columns else []:
        key = tuple(row.cells[column] for column in columns)
        if key in seen:
            problems.append(row.problem("registry_id", f"{' and '.join(map(repr, key))} stand twice", columns[-1]))
        seen.add(key)
    return problems


def _check_labels(rows: list[_Row], id_column: str) -> list[Problem]:
    """Report labels that mean two ids of one agency, or two ids at all in tables without an agency."""
    problems = []
    owner: dict[tuple[str, str], str] = {}
    for row in rows:
        identity = row.cells[id_column]
        for label in _labels_of(row.cells, id_column):
            first = owner.setdefault((_scope(row.table, row.cells), fold(label)), identity)
            if first != identity:
                message = f"{label!r} means both {first!r} and {identity!r}"
                problems.append(row.problem("registry_alias", message, "aliases", "Give each label to one id."))
    return problems


def _scope(table: str, row: dict[str, str]) -> str:
    """The agency within which a row's labels hold; empty for labels that hold everywhere."""
    return "" if table == "agencies" else row.get("agency_id", "")


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False
