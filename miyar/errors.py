"""How Miyar reports bad input: every problem at once, each with who, where, which rule and the next step.

Belongs here: `Problem` and `MiyarError`. Does not belong here: the rules themselves, or anything that prints values of
personal columns; whoever raises a problem masks its values first.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with one input, worded so that its owner can fix it.

    `rule` is a stable id; `who` is an agency or provider id; `row` counts from 1, as an editor or spreadsheet shows it.
    """

    rule: str
    message: str
    who: str = ""
    file: str = ""
    row: int | None = None
    column: str = ""
    next_step: str = ""

    def __str__(self) -> str:
        place = [self.who, self.file]
        if self.row is not None:
            place.append(f"row {self.row}")
        if self.column:
            place.append(f"column {self.column!r}")
        where = ", ".join(part for part in place if part)
        text = f"[{self.rule}] {where + ': ' if where else ''}{self.message}"
        return f"{text} -> {self.next_step}" if self.next_step else text

    def as_dict(self) -> dict[str, str | int | None]:
        return asdict(self)


class MiyarError(Exception):
    """Bad input or a refused action, with the complete list of problems."""

    def __init__(self, problems: Iterable[Problem] | Problem) -> None:
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class WorkspaceBusyError(MiyarError):
    """Another run holds the workspace; wait for it or try again later."""
