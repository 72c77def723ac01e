"""A file to read, and what a reader returns.

Belongs here: the input and output of all readers. Does not belong here: any format.
"""

from dataclasses import dataclass
from pathlib import Path

from ingestion.contract import Contract
from ingestion.headers import Headers
from ingestion.landing import why_unreadable
from miyar.errors import MiyarError, Problem


@dataclass(frozen=True)
class Input:
    """A file to read, and its name in messages."""

    path: Path
    shown: str
    contract: Contract
    member: str = ""  # name inside the archive the file came in

    def problem(self, rule: str, message: str, next_step: str, row: int | None = None, column: str = "") -> Problem:
        return Problem(rule, message, self.contract.provider, self.shown, row, column, next_step)

    def fail(self, rule: str, message: str, next_step: str, row: int | None = None, column: str = "") -> MiyarError:
        return MiyarError(self.problem(rule, message, next_step, row, column))


@dataclass(frozen=True)
class Source:
    """The texts of one file: Parquet columns `c<position of the header>`, and how row numbers are computed.

    `rows` counts the rows that are meant; `left_out` those that the contract's `rows` leaves out.
    """

    relation: str  # SQL relation with column source_row and the text columns
    headers: Headers
    rows: int
    plain: frozenset[int] = frozenset()  # columns whose texts need neither cleaning nor folding
    sound: frozenset[int] = frozenset()  # columns in which no text can be a spreadsheet error
    left_out: int = 0
    notes: tuple[Problem, ...] = ()  # what the sender should know although the file is read


def unreadable(given: Input, error: OSError) -> MiyarError:
    """The problem of a file that cannot be opened: deleted since it was found, not permitted, or on a failing disk."""
    return given.fail("file_unreadable", *why_unreadable(error))
