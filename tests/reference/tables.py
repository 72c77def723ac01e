"""Input tables of a case, found by their columns and read with ids as text.

Belongs here: what several adapters need to read their inputs. Does not belong here: adapters and methods.
"""

import pandas as pd

from tests.reference.harness import Case


def tables(case: Case) -> dict[str, pd.DataFrame]:
    """Every input by its stem; a column is numeric only if each of its values is a number without leading zeros."""
    return {stem: _typed(pd.read_csv(case.folder / f"{stem}.csv", dtype=str)) for stem in case.inputs}


def table_with(case: Case, *columns: str) -> pd.DataFrame:
    """The one input that has all these columns."""
    found = [table for table in tables(case).values() if set(columns) <= set(table)]
    assert len(found) == 1, f"{len(found)} inputs of {case.folder.name} have the columns {', '.join(columns)}"
    return found[0]


def labels(column: pd.Series) -> pd.Series:
    """Values as text in the way groups name them: a whole number has no decimals, even where others are missing."""
    return column.map(lambda value: f"{value:g}" if isinstance(value, float) else str(value))


def cells_by(rows: pd.DataFrame, group: int | str, value: str = "y") -> pd.DataFrame:
    """n, mean and within sum of squares of `value` for each group, a column's name or place; indexed by group."""
    name = rows.columns[group] if isinstance(group, int) else group
    rows = rows.assign(**{name: rows[name].astype(str)})
    grouped = rows.groupby(name, sort=True)[value]
    cells = pd.DataFrame({"n": grouped.size(), "mean": grouped.mean()})
    distance = rows[value] - rows[name].map(cells["mean"])
    return cells.assign(squares=(distance**2).groupby(rows[name]).sum())


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    return table.apply(_typed_column)


def _typed_column(column: pd.Series) -> pd.Series:
    present = column.dropna()
    if present.str.fullmatch(r"0\d+").any():
        return column
    numbers = pd.to_numeric(present, errors="coerce")
    return column if numbers.isna().any() else pd.to_numeric(column)
