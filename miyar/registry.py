"""The registry: agencies, services, branches, regions, journeys, what is owed. Plain CSV, checked as a whole.

Belongs here: reading and checking the registry's tables, label look-ups, the registry hash. Does not belong here:
contracts (`ingestion.contract`) and metric definitions (`methodology`).
"""

import csv
import hashlib
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path

from miyar.errors import MiyarError, Problem
from miyar.periods import is_period

# Table -> (its columns, the id column, columns that name ids of other tables). All columns are text; `aliases` are
# separated by `|`. Files that a workspace does not need may be absent, but agencies.csv and owed.csv must be there.
TABLES: dict[str, tuple[tuple[str, ...], str, dict[str, str]]] = {
    "agencies": (
        (
            "agency_id",
            "name_ar",
            "name_en",
            "sector",
            "peer_group",
            "size_class",
            "valid_from",
            "valid_to",
            "aliases",
        ),
        "agency_id",
        {},
    ),
    "providers": (("provider_id", "name_ar", "name_en"), "provider_id", {}),
    "services": (
        ("service_id", "agency_id", "name_ar", "name_en", "digital_stage", "aliases"),
        "service_id",
        {"agency_id": "agencies"},
    ),
    "regions": (("region_id", "name_ar", "name_en", "aliases"), "region_id", {}),
    "branches": (
        ("branch_id", "agency_id", "region_id", "name_ar", "name_en", "aliases"),
        "branch_id",
        {"agency_id": "agencies", "region_id": "regions"},
    ),
    "journeys": (("journey_id", "name_ar", "name_en", "aliases"), "journey_id", {}),
    "journey_steps": (
        ("step_id", "journey_id", "step", "service_id", "stage"),
        "step_id",
        {"journey_id": "journeys", "service_id": "services"},
    ),
    "owed": (("agency_id", "feed", "from_period", "to_period"), "", {"agency_id": "agencies"}),
    # Effects of survey modes on a metric, in its unit, from studies that drew the mode by lot; the reference has effect 0.
    "overlap_studies": (("metric_id", "mode", "effect", "standard_error", "source"), "", {}),
}
NUMBERS = ("effect", "standard_error")
REQUIRED = ("agencies", "owed")


def fold(label: str) -> str:
    """Normal form for comparing labels: NFKC, Arabic letter variants and marks folded, case and spaces collapsed.

    Alef forms become bare alef, alef maqsura becomes ya, ta marbuta becomes ha; tatweel and diacritics go: the spellings
    that vary between writers of the same Arabic name.
    """
    text = unicodedata.normalize("NFKC", label).casefold()
    text = text.translate(_FOLDED)
    text = "".join(char for char in text if not unicodedata.combining(char))
    return " ".join(text.split())


_FOLDED = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ـ": None})


@dataclass(frozen=True)
class Registry:
    """Registry tables as lists of rows (text only), and a hash over all of them."""

    tables: dict[str, list[dict[str, str]]]
    hash: str

    def ids(self, table: str) -> set[str]:
        id_column = TABLES[table][1]
        return {row[id_column] for row in self.tables[table]}

    @cached_property
    def _labels(self) -> dict[str, dict[str, dict[str, str]]]:
        return {table: self._labels_in(table) for table in self.tables if "name_ar" in TABLES[table][0]}

    def labels(self, table: str) -> dict[str, dict[str, str]]:
        """Folded label -> id, per agency: `labels("branches")["a01"]["الرياض"]`; agency `""` holds what has no agency.

        Ids, both names and all aliases are labels. A label that means two ids of one agency is left out here and
        reported when the registry is read.
        """
        return self._labels[table]

    def _labels_in(self, table: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        id_column = TABLES[table][1]
        for row in self.tables[table]:
            agency = row.get("agency_id", "") if table != "agencies" else ""
            for label in _labels_of(row, id_column):
                found.setdefault(agency, {}).setdefault(fold(label), row[id_column])
        return found


def _labels_of(row: dict[str, str], id_column: str) -> list[str]:
    labels = [row[id_column], row["name_ar"], row["name_en"], *row.get("aliases", "").split("|")]
    return [label for label in labels if label.strip()]


def load_registry(folder: Path) -> Registry:
    """Read and check all registry tables; raises MiyarError with every problem of every table."""
    problems: list[Problem] = []
    tables: dict[str, list[dict[str, str]]] = {}
    digest = hashlib.sha256()
    for table, (columns, _, _) in TABLES.items():
        path = folder / f"{table}.csv"
        tables[table] = []
        if not path.is_file():
            if table in REQUIRED:
                problems.append(
                    Problem("registry_missing", "the table is missing", file=path.name, next_step="Create the file.")
                )
            continue
        content = path.read_bytes()
        digest.update(path.name.encode() + b"\0" + content + b"\0")
        rows = list(csv.reader(content.decode("utf-8-sig").splitlines()))
        if not rows or tuple(rows[0]) != columns:
            problems.append(
                Problem(
                    "registry_header",
                    f"the header is {rows[0] if rows else []}",
                    file=path.name,
                    row=1,
                    next_step=f"Write {','.join(columns)}.",
                )
            )
            continue
        for number, cells in enumerate(rows[1:], start=2):
            if not cells:
                continue  # a blank line at the end is no row
            if len(cells) != len(columns):
                problems.append(
                    Problem("registry_row", f"{len(cells)} cells, {len(columns)} expected", file=path.name, row=number)
                )
                continue
            tables[table].append(dict(zip(columns, (cell.strip() for cell in cells), strict=True)))
    problems += _check(tables)
    if problems:
        raise MiyarError(problems)
    return Registry(tables, digest.hexdigest())


def _check(tables: dict[str, list[dict[str, str]]]) -> list[Problem]:
    problems = []
    ids = {table: {row[TABLES[table][1]] for row in rows if TABLES[table][1]} for table, rows in tables.items()}
    for table, (_, id_column, references) in TABLES.items():
        seen: set[str] = set()
        owner: dict[tuple[str, str], str] = {}
        for number, row in enumerate(tables[table], start=2):
            file = f"{table}.csv"
            if id_column:
                identity = row[id_column]
                if not identity:
                    problems.append(Problem("registry_id", "the id is empty", file=file, row=number, column=id_column))
                elif identity in seen:
                    problems.append(
                        Problem("registry_id", f"{identity!r} stands twice", file=file, row=number, column=id_column)
                    )
                seen.add(identity)
                if "name_ar" in row:
                    for label in _labels_of(row, id_column):
                        key = (row.get("agency_id", "") if table != "agencies" else "", fold(label))
                        if owner.setdefault(key, identity) != identity:
                            problems.append(
                                Problem(
                                    "registry_alias",
                                    f"{label!r} means both {owner[key]!r} and {identity!r}",
                                    file=file,
                                    row=number,
                                    column="aliases",
                                    next_step="Give each label to one id.",
                                )
                            )
            for column, target in references.items():
                if row[column] and row[column] not in ids[target]:
                    problems.append(
                        Problem(
                            "registry_reference",
                            f"{row[column]!r} is not in {target}.csv",
                            file=file,
                            row=number,
                            column=column,
                        )
                    )
            for column in NUMBERS:
                if column in row and not _is_number(row[column]):
                    problems.append(
                        Problem(
                            "registry_number", f"{row[column]!r} is no number", file=file, row=number, column=column
                        )
                    )
            for column in ("valid_from", "valid_to", "from_period", "to_period"):
                if row.get(column) and not is_period(row[column]):
                    problems.append(
                        Problem(
                            "registry_period", f"{row[column]!r} is no period", file=file, row=number, column=column
                        )
                    )
    return problems


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False
