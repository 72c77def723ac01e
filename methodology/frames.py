"""Helpers for tables of figures: row positions by key, and texts for some rows only.

Belongs here: small operations on columns. Does not belong here: any figure, the slices behind one (`lineage`).
"""

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]


def only_where(condition: Any, texts: Any) -> Texts:
    """The texts (one, or one a row) where the condition (rows,) holds, else None."""
    nothing = np.full(np.shape(condition), None, object)
    return np.asarray(np.where(np.asarray(condition, bool), texts, nothing), object)


def rows_by(rows: pd.DataFrame, keys: list[str]) -> dict[tuple[str, ...], Ints]:
    """Positions of the rows of each combination of keys (two or more; a missing key is a value too), in order of the keys."""
    return cast("dict[tuple[str, ...], Ints]", rows.groupby(keys, sort=True, dropna=False).indices)


def numbers_by(rows: pd.DataFrame, keys: list[str]) -> Ints:
    """Number from 0 of each row's combination of keys (a missing key is a value too), in order of the keys."""
    return np.asarray(rows.groupby(keys, sort=True, dropna=False).ngroup(), np.int64)
