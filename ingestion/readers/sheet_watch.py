"""What a reader of sheets notes on its way: covered and stray cells, hidden rows and columns.

Belongs here: what the sender does not see, or sees otherwise. Does not belong here: reading (`sheet`), the facts of the file
(`sheet_xml`, `sheet_binary`).
"""

from collections.abc import Iterator

from ingestion.headers import Headers, blank_header, tidy
from ingestion.readers.below import Row
from ingestion.readers.input import Input
from ingestion.readers.sheet_xml import SheetFacts, cell_name
from ingestion.values import MERGED_CELL
from miyar.errors import MiyarError, Problem

_SHOWN = 20  # places named in one message


class Watch:
    """Looks at every row on its way: covered and stray cells, hidden rows."""

    def __init__(self, given: Input, headers: Headers, facts: SheetFacts) -> None:
        self._given, self._headers, self._facts = given, headers, facts
        filled = {headers.chosen[name] for name in given.contract.rows.fill_down}
        self._marked = frozenset(headers.wanted) - filled
        self._width = len(headers.all)
        self._nameless = headers.nameless
        self._hidden_rows = frozenset(facts.hidden)
        self._hidden: list[int] = []
        self._merged: dict[int, list[int]] = {}
        self._unseen: dict[int, list[int]] = {}
        self._stray: dict[int, int] = {}

    def through(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The same rows, with cells that a merged cell covers marked."""
        for number, cells in rows:
            if len(cells) > self._width and any(cells[self._width :]):
                self._note_stray(number, cells)
            for column in self._nameless:
                if column < len(cells) and cells[column].strip():
                    self._stray.setdefault(column, number)
            if number in self._hidden_rows:
                self._hidden.append(number)
            for column in self._facts.covered.get(number - 1, ()):
                if column not in self._marked:
                    continue
                if column < len(cells) and cells[column]:
                    self._unseen.setdefault(column, []).append(number)
                    continue
                cells += [""] * (column + 1 - len(cells))
                cells[column] = MERGED_CELL
                self._merged.setdefault(column, []).append(number)
            yield number, cells

    def _note_stray(self, number: int, cells: list[str]) -> None:
        for column in range(self._width, len(cells)):
            if cells[column].strip() and len(self._stray) < _SHOWN:
                self._stray.setdefault(column, number)

    def refuse_stray(self) -> None:
        """Raise MiyarError for values under no header, also to the right of the last one."""
        if "" in {tidy(pattern) for pattern in self._given.contract.ignored}:
            return
        if self._stray:
            raise MiyarError(
                blank_header(
                    self._given.contract,
                    self._given.shown,
                    self._headers.row,
                    column,
                    f"the cell {cell_name(row - 1, column)} holds a value",
                )
                for column, row in sorted(self._stray.items())
            )

    def notes(self) -> list[Problem]:
        """What the sender does not see, or sees otherwise."""
        notes = []
        if self._hidden:
            notes.append(
                self._given.problem(
                    "rows_hidden",
                    f"rows hidden in the sheet were read with the others ({len(self._hidden):,}): {_numbers(self._hidden)}",
                    "If they are not meant, delete them, or leave them out by `rows` in the contract.",
                    self._hidden[0],
                )
            )
        if hidden := [name for name, column in self._read() if self._is_hidden(column)]:
            notes.append(
                self._given.problem(
                    "columns_hidden",
                    f"columns hidden in the sheet were read with the others ({len(hidden):,}): {_listed(hidden)}",
                    "If they are not meant, delete them, or name the columns that are in the contract.",
                    column=hidden[0],
                )
            )
        return notes + self._notes_on_merged()

    def _read(self) -> list[tuple[str, int]]:
        return [(self._headers.all[column], column) for column in self._headers.wanted]

    def _is_hidden(self, column: int) -> bool:
        return any(first <= column <= last for first, last in self._facts.hidden_columns)

    def _notes_on_merged(self) -> list[Problem]:
        notes = []
        for column, rows in sorted(self._merged.items()):
            name = self._headers.shown(column)
            what = f"cells of this column are covered by a merged one ({len(rows):,}): rows {_numbers(rows)}"
            step = (
                "Undo the merge and fill every cell, or write in the contract: "
                f"`rows: {{fillDown: [{name!r}]}}`, if the value above is meant."
            )
            notes.append(self._given.problem("cells_merged", what, step, rows[0], name))
        for column, rows in sorted(self._unseen.items()):
            what = f"values of this column stand under a merged cell, unseen ({len(rows):,}): rows {_numbers(rows)}"
            step = "Undo the merge and look which value is meant; the one under it was read."
            notes.append(self._given.problem("cells_merged", what, step, rows[0], self._headers.shown(column)))
        return notes


def _numbers(rows: list[int]) -> str:
    return _listed([str(row) for row in rows])


def _listed(texts: list[str]) -> str:
    shown = ", ".join(texts[:_SHOWN])
    return f"{shown}, …" if len(texts) > _SHOWN else shown
