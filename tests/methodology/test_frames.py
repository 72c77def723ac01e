"""Small operations on columns: texts for some rows, rows by their keys."""

import numpy as np
import pandas as pd

from methodology.frames import numbers_by, only_where, rows_by


def test_texts_stand_where_the_condition_holds() -> None:
    assert only_where([True, False], "why").tolist() == ["why", None]
    assert only_where(np.array([False, True]), np.array(["a", "b"])).tolist() == [None, "b"]


def test_a_missing_key_is_a_key() -> None:
    rows = pd.DataFrame({"first": ["b", "a", "b", "b"], "second": ["x", "x", None, "x"]})
    found = rows_by(rows, ["first", "second"])
    assert [at.tolist() for at in found.values()] == [[1], [0, 3], [2]]
    assert numbers_by(rows, ["first", "second"]).tolist() == [1, 0, 2, 1]
