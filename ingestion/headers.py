"""Matching a file's headers with the contract's columns, and reporting every problem of a header row at once.

Belongs here: header names. Does not belong here: reading of files (`readers`) or of values (`mapping`).
"""

import difflib
import unicodedata
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ingestion.contract import Contract, NamedFrom, Property
from ingestion.values import clean
from miyar.errors import MiyarError, Problem
from miyar.registry import fold


@dataclass(frozen=True)
class Headers:
    """The headers of one file, and the positions of those that the contract maps or scans."""

    all: tuple[str, ...]
    taken: dict[str, int]
    scanned: dict[str, int]
    nameless: tuple[int, ...]
    row: int | None

    @property
    def wanted(self) -> list[int]:
        """Positions of the columns to read, in file order."""
        return sorted({*self.taken.values(), *self.scanned.values(), *self.nameless})


def tidy(header: str) -> str:
    """The form in which headers are compared: NFC, invisible ends stripped, inner line breaks and spaces collapsed."""
    return " ".join(clean(unicodedata.normalize("NFC", header)).split())


def names_of(prop: Property) -> list[str]:
    """All headers a property may come from."""
    if isinstance(prop.physical_name, list):
        return [named.physical_name for named in prop.physical_name]
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
    headers = [tidy(header) for header in delivered]
    header_row = _HeaderRow(contract, file, row)
    taken, problems = _taken(header_row, headers)
    scanned, unknown = _left(header_row, headers, taken)
    problems += unknown
    problems += [
        header_row.problem(
            "header_duplicated", f"the header stands {count} times", header, "Give each column its own header."
        )
        for header, count in Counter(filter(None, headers)).items()
        if count > 1 and (header in taken or header in scanned)
    ]
    # A nameless column is harmless if it is empty, which is only known once the file is read.
    nameless = [number for number, header in enumerate(headers) if not header and row is not None]
    nameless = [] if any(_covers(pattern, "") for pattern in contract.ignored) else nameless
    if problems:
        raise MiyarError([*problems, *(blank_header(contract, file, row, number) for number in nameless)])
    return Headers(tuple(headers), taken, scanned, tuple(nameless), row)


@dataclass(frozen=True)
class _HeaderRow:
    """The owner and position of a header row, for messages."""

    contract: Contract
    file: str
    row: int | None

    def problem(self, rule: str, message: str, column: str, next_step: str) -> Problem:
        return Problem(rule, message, self.contract.provider, self.file, self.row, column, next_step)


def _taken(header_row: _HeaderRow, headers: list[str]) -> tuple[dict[str, int], list[Problem]]:
    """Positions of the headers that feed a property, and the problems found with them."""
    position = {header: number for number, header in reversed(list(enumerate(headers))) if header}
    taken: dict[str, int] = {}
    problems = []
    for prop in properties_of(header_row.contract):
        names = [tidy(header) for header in names_of(prop)]
        present = [header for header in names if header in position]
        taken |= {header: position[header] for header in present}
        if names and not present and not prop.optional:
            near = _near(names, headers)
            problems.append(
                header_row.problem(
                    "header_missing",
                    f"the header {' or '.join(repr(header) for header in names)} for {prop.name!r} is not in the file"
                    + (f"; the file has {near}" if near else ""),
                    names[0],
                    "Deliver the column under its agreed name, or change physicalName in the contract.",
                )
            )
        if len(present) > 1:
            problems.append(
                header_row.problem(
                    "header_ambiguous",
                    f"{prop.name!r} has both an older and a newer header: {', '.join(map(repr, present))}",
                    present[0],
                    "Deliver only one of them.",
                )
            )
    return taken, problems


def _left(header_row: _HeaderRow, headers: list[str], taken: dict[str, int]) -> tuple[dict[str, int], list[Problem]]:
    """Positions of the dropped headers that are scanned, and a problem for each header the contract does not mention."""
    contract = header_row.contract
    scanned: dict[str, int] = {}
    problems = []
    for number, header in enumerate(headers):
        if not header or header in taken:
            continue
        dropped = [drop for drop in contract.dropped if _covers(drop.physical_name, header)]
        if any(drop.scan for drop in dropped):
            scanned[header] = number
        is_named = dropped or any(_covers(pattern, header) for pattern in contract.ignored)
        if not is_named and header not in headers[:number]:
            problems.append(
                header_row.problem(
                    "header_unknown",
                    "the contract neither maps, drops nor ignores this header",
                    header,
                    "Take the column out, or name it in the contract (properties, dropped or ignored).",
                )
            )
    return scanned, problems


def blank_header(contract: Contract, file: str, row: int | None, position: int) -> Problem:
    """The problem of a column without a header."""
    return Problem(
        "header_blank",
        f"column number {position + 1} has no header (a merged header cell?)",
        contract.provider,
        file,
        row,
        next_step="Undo merged header cells and write a header over every column.",
    )


def _covers(pattern: str, header: str) -> bool:
    pattern = tidy(pattern)
    return pattern == header or fnmatchcase(header, pattern)


def _near(names: list[str], headers: list[str]) -> str:
    """Headers that resemble a missing one, for the message; matching itself is exact."""
    folded = {fold(header): header for header in headers if header}
    close = [
        folded[match]
        for name in names
        for match in difflib.get_close_matches(fold(name), list(folded), n=2, cutoff=0.75)
    ]
    return ", ".join(repr(header) for header in dict.fromkeys(close))
