"""Which header of a file feeds which column: matching, and every problem of a header row at once.

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
    """The headers of one file, and the positions of those the contract takes or scans."""

    all: tuple[str, ...]
    taken: dict[str, int]
    scanned: dict[str, int]
    nameless: tuple[int, ...]
    row: int | None

    @property
    def wanted(self) -> list[int]:
        """Positions of the columns that are read, in file order."""
        return sorted({*self.taken.values(), *self.scanned.values(), *self.nameless})


def tidy(header: str) -> str:
    """The form headers are compared in: NFC, invisible ends cut, inner line breaks and spaces collapsed."""
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
    """The header of this file that feeds a property."""
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
    """Match delivered headers with the contract; raises MiyarError listing every header that is wrong.

    Args:
        row: the row the (last) header row stands in, None for formats without one.
    """
    headers = [tidy(header) for header in delivered]
    problems: list[Problem] = []

    def report(rule: str, message: str, column: str, next_step: str) -> None:
        problems.append(Problem(rule, message, contract.provider, file, row, column, next_step))

    position = {header: place for place, header in reversed(list(enumerate(headers))) if header}
    known: dict[str, int] = {}
    for prop in properties_of(contract):
        names = [tidy(header) for header in names_of(prop)]
        present = [header for header in names if header in position]
        known |= {header: position[header] for header in present}
        if names and not present and not prop.optional:
            near = _near(names, headers)
            report(
                "header_missing",
                f"the header {' or '.join(repr(header) for header in names)} for {prop.name!r} is not in the file"
                + (f"; the file has {near}" if near else ""),
                names[0],
                "Deliver the column under its agreed name, or change physicalName in the contract.",
            )
        if len(present) > 1:
            report(
                "header_ambiguous",
                f"{prop.name!r} has both an older and a newer header: {', '.join(map(repr, present))}",
                present[0],
                "Deliver only one of them.",
            )
    scanned: dict[str, int] = {}
    for place, header in enumerate(headers):
        if not header:
            continue
        dropped = [drop for drop in contract.dropped if _covers(drop.physical_name, header)]
        if any(drop.scan for drop in dropped) and header not in known:
            scanned[header] = place
        if header in known or dropped or any(_covers(pattern, header) for pattern in contract.ignored):
            continue
        if header not in headers[:place]:
            report(
                "header_unknown",
                "the contract neither maps, drops nor ignores this header",
                header,
                "Take the column out, or name it in the contract (properties, dropped or ignored).",
            )
    for header, count in Counter(header for header in headers if header).items():
        if count > 1 and (header in known or header in scanned):
            report("header_duplicated", f"the header stands {count} times", header, "Give each column its own header.")
    # A nameless column with nothing in it does no harm; whether this one is empty is only known once it is read.
    nameless = [place for place, header in enumerate(headers) if not header and row is not None]
    nameless = [] if any(_covers(pattern, "") for pattern in contract.ignored) else nameless
    if problems:
        raise MiyarError([*problems, *(blank_header(contract, file, row, place) for place in nameless)])
    return Headers(tuple(headers), known, scanned, tuple(nameless), row)


def blank_header(contract: Contract, file: str, row: int | None, place: int) -> Problem:
    """The problem of a column without a header."""
    return Problem(
        "header_blank",
        f"column number {place + 1} has no header (a merged header cell?)",
        contract.provider,
        file,
        row,
        next_step="Undo merged header cells and write a header over every column.",
    )


def _covers(pattern: str, header: str) -> bool:
    pattern = tidy(pattern)
    return pattern == header or fnmatchcase(header, pattern)


def _near(names: list[str], headers: list[str]) -> str:
    """Headers that look like a missing one, for the message; matching itself is exact."""
    folded = {fold(header): header for header in headers if header}
    close = [
        folded[match]
        for name in names
        for match in difflib.get_close_matches(fold(name), list(folded), n=2, cutoff=0.75)
    ]
    return ", ".join(repr(header) for header in dict.fromkeys(close))
