"""Matching a file's headers with the contract's columns, and reporting every problem of a header row at once.

Belongs here: header names. Does not belong here: reading of files (`readers`) or of values (`mapping`).
"""

import difflib
import re
import unicodedata
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property

from ingestion.contract import Contract, NamedFrom, Property
from ingestion.patterns import mask
from ingestion.values import clean
from miyar.errors import MiyarError, Problem
from miyar.registry import fold

# A sheet has no more columns. A file that has is a table turned on its side, or made to exhaust its reader.
MOST_COLUMNS = 16_384
# Messages look for similar names among this many columns at most, because comparing is slow.
_COMPARED = 1_000
_NTH = re.compile(r"(.*) \[([1-9][0-9]{0,5})\]", re.DOTALL)
_PLACE = re.compile(r"\[column ([1-9][0-9]{0,5})\]")


@dataclass(frozen=True)
class Headers:
    """The headers of one file, and the positions of those that the contract maps, scans or chooses rows by.

    `nameless` are columns without a header, which readers refuse where they hold a value.

    Columns that share a header are named apart: `q1 [1]`, `q1 [2]`; any column is also `[column 4]`.
    """

    all: tuple[str, ...]
    taken: dict[str, int]
    scanned: dict[str, int]
    nameless: tuple[int, ...]
    row: int | None
    chosen: dict[str, int] = field(default_factory=dict)

    @property
    def wanted(self) -> list[int]:
        """Positions of the columns to read, in file order."""
        positions = {*self.taken.values(), *self.scanned.values(), *self.chosen.values()}
        return sorted(positions)

    def shown(self, position: int) -> str:
        """A column's header as messages name it: as the contract does, else without what is personal in it."""
        name = self.all[position]
        return name if name in self.taken or name in self.chosen else mask(name)


def tidy(header: str) -> str:
    """The form in which headers are compared: NFC, invisible ends stripped, inner line breaks and spaces collapsed."""
    return " ".join(clean(unicodedata.normalize("NFC", header)).split())


def names_of(prop: Property) -> list[str]:
    """All headers a property may come from."""
    if isinstance(prop.physical_name, list):
        return [named if isinstance(named, str) else named.physical_name for named in prop.physical_name]
    return [] if prop.physical_name is None else [prop.physical_name]


def properties_of(contract: Contract) -> list[Property]:
    """All properties of a contract: the shared ones, then those of its records."""
    return [*contract.properties, *(prop for record in contract.records for prop in record.properties)]


def chosen_name(prop: Property, headers: Headers) -> NamedFrom | str | None:
    """The header that feeds a property in this file."""
    options: list[NamedFrom | str] = []
    if isinstance(prop.physical_name, list):
        options += prop.physical_name
    elif prop.physical_name is not None:
        options.append(prop.physical_name)
    for named in options:
        if tidy(named if isinstance(named, str) else named.physical_name) in headers.taken:
            return named
    return None


def resolve(contract: Contract, delivered: list[str], file: str, row: int | None) -> Headers:
    """Match delivered headers with the contract; raises MiyarError listing every wrong header.

    Args:
        row: the row of the (last) header row, None for formats without one.
    """
    refuse_too_many(contract, len(delivered), file, row)
    headers = _HeaderRow(contract, file, row, [tidy(header) for header in delivered])
    taken, problems = _taken(headers)
    chosen, missing = _chosen(headers)
    doubled = {problem.column for problem in (*problems, *missing) if problem.rule == "header_duplicated"}
    scanned, unknown = _left(headers, {*taken.values(), *chosen.values()}, doubled)
    problems += [*missing, *unknown]
    # A nameless column is harmless if it is empty, which is only known once the file is read.
    named = {*taken.values(), *chosen.values(), *scanned.values()}
    nameless = [n for n, header in enumerate(headers.names) if not header and row is not None and n not in named]
    nameless = [] if any(_covers(pattern, "") for pattern in contract.ignored) else nameless
    if problems:
        blank = (blank_header(contract, file, row, number) for number in nameless)
        raise MiyarError([*dict.fromkeys(problems), *blank])
    return Headers(tuple(headers.names), taken, scanned, tuple(nameless), row, chosen)


def refuse_too_many(contract: Contract, count: int, file: str, row: int | None) -> None:
    """Raise MiyarError for a file of more than `MOST_COLUMNS` columns."""
    if count > MOST_COLUMNS:
        raise MiyarError(
            Problem(
                "too_many_columns",
                f"the file has {count:,} columns; {MOST_COLUMNS:,} is the limit",
                contract.provider,
                file,
                row,
                next_step="Deliver one row per record, with its fields as columns; look for a lost line end or ids as names.",
            )
        )


class _HeaderRow:
    """The headers of one file and their owner, for messages; finds the column a contract means by a name."""

    def __init__(self, contract: Contract, file: str, row: int | None, names: list[str]) -> None:
        self.contract, self.file, self.row, self.names = contract, file, row, names
        self._places: dict[str, list[int]] = {}
        self._nth: list[int] = []
        for position, name in enumerate(names):
            places = self._places.setdefault(name, [])
            places.append(position)
            self._nth.append(len(places))

    def problem(self, rule: str, message: str, column: str, next_step: str) -> Problem:
        return Problem(rule, message, self.contract.provider, self.file, self.row, column, next_step)

    def places(self, name: str) -> list[int]:
        """The positions of the columns a name of the contract means; several where they share it."""
        if name in self._places and name:
            return self._places[name]
        if place := _PLACE.fullmatch(name):
            position = int(place[1]) - 1
            return [position] if position < len(self.names) else []
        if nth := _NTH.fullmatch(name):
            return self._places.get(nth[1], [])[int(nth[2]) - 1 :][:1]
        return []

    def names_of(self, position: int) -> list[str]:
        """All names of a column, its own first: its header (numbered among equal headers), its place."""
        name, place = self.names[position], f"[column {position + 1}]"
        is_shared = len(self._places[name]) > 1
        return [f"{name} [{self._nth[position]}]", name, place] if is_shared else [name, place]

    @cached_property
    def _is_believable(self) -> bool:
        """Whether the row holds a header of the contract, or what resembles one; else it may be a row of data."""
        own = [tidy(name) for prop in properties_of(self.contract) for name in names_of(prop)]
        own += [tidy(name) for name in self.contract.rows.columns]
        return any(self.places(name) for name in own if not _PLACE.fullmatch(name)) or bool(_near(own, self.names))

    def shown(self, position: int) -> str:
        """A column as messages name it: no text of a row of data, and nothing personal of a header."""
        name, *_, place = self.names_of(position)
        return mask(name) if self._is_believable else place

    def duplicated(self, name: str, count: int) -> Problem:
        return self.problem(
            "header_duplicated",
            f"the header stands {count} times",
            name,
            f"Give each column its own header, or say in the contract which one is meant: '{name} [2]'.",
        )


def _taken(headers: _HeaderRow) -> tuple[dict[str, int], list[Problem]]:
    """Positions of the headers that feed a property, and the problems found with them."""
    taken: dict[str, int] = {}
    problems = []
    for prop in properties_of(headers.contract):
        names = [tidy(header) for header in names_of(prop)]
        places = {header: found for header in names if (found := headers.places(header))}
        taken |= {header: found[0] for header, found in places.items()}
        problems += [headers.duplicated(header, len(found)) for header, found in places.items() if len(found) > 1]
        if names and not places and not prop.optional:
            near = _near(names, headers.names)
            problems.append(
                headers.problem(
                    "header_missing",
                    f"the header {' or '.join(repr(header) for header in names)} for {prop.name!r} is not in the file"
                    + (f"; the file has {near}" if near else ""),
                    names[0],
                    "Deliver the column under its agreed name, or change physicalName in the contract.",
                )
            )
        if len(places) > 1:
            problems.append(
                headers.problem(
                    "header_ambiguous",
                    f"{prop.name!r} has both an older and a newer header: {', '.join(map(repr, places))}",
                    next(iter(places)),
                    "Deliver only one of them.",
                )
            )
    return taken, problems


def _chosen(headers: _HeaderRow) -> tuple[dict[str, int], list[Problem]]:
    """Positions of the columns that rows are chosen by or expressions read, under their names in the contract."""
    chosen: dict[str, int] = {}
    problems = []
    parts = [name for prop in properties_of(headers.contract) if prop.expression for name in prop.expression.headers]
    for name in dict.fromkeys([*headers.contract.rows.columns, *parts]):
        found = headers.places(tidy(name))
        chosen |= {name: found[0]} if found else {}
        if len(found) > 1:
            problems.append(headers.duplicated(name, len(found)))
        if not found:
            verb = "computes with" if name in parts else "chooses rows by"
            problems.append(
                headers.problem(
                    "header_missing",
                    f"the header {name!r}, which the contract {verb}, is not in the file",
                    name,
                    "Deliver the column under its agreed name, or change `rows` or `expression` in the contract.",
                )
            )
    return chosen, problems


def _left(headers: _HeaderRow, used: set[int], doubled: set[str]) -> tuple[dict[str, int], list[Problem]]:
    """Positions of the dropped headers that are scanned, and a problem for each header the contract does not mention.

    Args:
        doubled: headers already told to stand twice.
    """
    contract = headers.contract
    scanned: dict[str, int] = {}
    problems = []
    for number, header in enumerate(headers.names):
        if not header or number in used or header in doubled:
            continue
        names, shown = headers.names_of(number), headers.shown(number)
        dropped = [drop for drop in contract.dropped if any(_covers(drop.physical_name, name) for name in names)]
        if any(drop.scan for drop in dropped):
            scanned[names[0]] = number
        if not dropped and not any(_covers(pattern, name) for pattern in contract.ignored for name in names):
            problems.append(
                headers.problem(
                    "header_unknown",
                    "the contract neither maps, drops nor ignores this header",
                    shown,
                    "Take the column out, or name it in the contract (properties, dropped or ignored).",
                )
            )
    return scanned, problems


def blank_header(contract: Contract, file: str, row: int | None, position: int, where: str = "") -> Problem:
    """The problem of a column without a header; `where` names a value in it."""
    return Problem(
        "header_blank",
        f"column number {position + 1} has no header (a merged header cell?)" + (f"; {where}" if where else ""),
        contract.provider,
        file,
        row,
        next_step="Undo merged header cells and write a header over every column, or name it in the contract as "
        f"'[column {position + 1}]'.",
    )


def _covers(pattern: str, header: str) -> bool:
    pattern = tidy(pattern)
    return pattern == header or fnmatchcase(header, pattern)


def _near(names: list[str], headers: list[str]) -> str:
    """Headers that resemble a missing one, for the message; matching itself is exact."""
    folded = {fold(header): header for header in headers[:_COMPARED] if header}
    close = [
        folded[match]
        for name in names
        for match in difflib.get_close_matches(fold(name), list(folded), n=2, cutoff=0.75)
    ]
    return ", ".join(repr(header) for header in dict.fromkeys(close))
