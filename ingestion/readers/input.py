"""A file to be read, and what a reader makes of it.

Belongs here: what all readers take and give. Does not belong here: any format.
"""

from dataclasses import dataclass
from pathlib import Path

from ingestion.contract import Contract
from ingestion.headers import Headers
from ingestion.landing import why_unreadable
from miyar.errors import MiyarError, Problem

# Longest text of one cell. A spreadsheet cell holds 32,767 characters; more than three times that is a lost quote or an
# attack, not an answer.
LONGEST_FIELD = 100_000


@dataclass(frozen=True)
class Input:
    """A file to be read, and how it is named in messages."""

    path: Path
    shown: str
    contract: Contract

    def problem(self, rule: str, message: str, next_step: str, row: int | None = None, column: str = "") -> Problem:
        return Problem(rule, message, self.contract.provider, self.shown, row, column, next_step)

    def fail(self, rule: str, message: str, next_step: str, row: int | None = None, column: str = "") -> MiyarError:
        return MiyarError(self.problem(rule, message, next_step, row, column))


@dataclass(frozen=True)
class Source:
    """The texts of one file: Parquet columns `c<position of the header>`, and how a row's number is computed."""

    relation: str  # SQL relation with column source_row and the text columns
    headers: Headers
    rows: int
    plain: frozenset[int] = frozenset()  # columns whose texts need neither cleaning nor folding
    sound: frozenset[int] = frozenset()  # columns without any text that could be a spreadsheet's error


def unreadable(given: Input, error: OSError) -> MiyarError:
    """The problem of a file that cannot be opened: gone since it was found, closed to us, or on a failing disk."""
    return given.fail("file_unreadable", *why_unreadable(error))
