"""Who is left out when a method raises, and when the method itself is at fault.

Belongs here: `miyar.isolation`. Does not belong here: the models it guards (`tests/dbt/test_hostile_units.py`).
"""

import pandas as pd
import pytest

from miyar.isolation import made_without_failing

ROWS = pd.DataFrame({"agency_id": [*"abcdefg", None], "value": [1.0, 2, 3, -1, 5, 6, 7, 28]})


def _roots(rows: pd.DataFrame) -> pd.DataFrame:
    """Raises for each negative value."""
    if (rows["value"] < 0).any():
        raise ValueError("negative: 47 people")
    return rows.assign(root=rows["value"] ** 0.5)


def _ranks(rows: pd.DataFrame) -> pd.DataFrame:
    """Raises for negative values, and for anybody alone."""
    if rows["agency_id"].nunique() < 2:
        raise ValueError("nobody to compare with")
    return _roots(rows)


@pytest.mark.parametrize("make", [_roots, _ranks])
def test_the_one_at_fault_is_left_out_and_named(make: object, caplog: pytest.LogCaptureFixture) -> None:
    made, failing = made_without_failing(make, {"rows": ROWS})  # type: ignore[arg-type]
    assert failing == ["d"]
    assert made["agency_id"].tolist()[:-1] == [*"abcefg"]
    # Rows of no agency stay, and what the error said does not reach the log.
    assert made["value"].iloc[-1] == 28
    assert "d could not be computed (ValueError)" in caplog.text
    assert "47" not in caplog.text


def test_nobody_is_left_out_where_nothing_raises() -> None:
    good = ROWS[ROWS["value"] > 0]
    made, failing = made_without_failing(_roots, {"rows": good})
    assert failing == []
    assert len(made) == len(good)


def test_a_method_that_fails_with_everybody_stops_the_build() -> None:
    with pytest.raises(ValueError, match="negative"):
        made_without_failing(_roots, {"rows": ROWS.assign(value=-1.0)})
    with pytest.raises(KeyError):
        made_without_failing(lambda rows: rows[["gone"]], {"rows": ROWS})
    # A fault that is no agency's own: rows of none.
    with pytest.raises(ValueError, match="negative"):
        made_without_failing(_roots, {"rows": ROWS.assign(value=[1.0, 1, 1, 1, 1, 1, 1, -1])})


def _clashing(rows: pd.DataFrame) -> pd.DataFrame:
    """Raises for a negative value, and for two rows of 2 and 7 together."""
    if {2.0, 7.0} <= set(rows["value"]):
        raise ValueError("these two cannot be told apart")
    return _roots(rows)


def test_one_at_fault_alone_and_two_together_leave_the_others() -> None:
    """b and g fail together only, d by itself: one of the two and d are left out, and nobody else."""
    made, failing = made_without_failing(_clashing, {"rows": ROWS})
    assert len(failing) == 2 and "d" in failing and {"b", "g"} & set(failing)
    assert len(made) == len(ROWS) - 2


def test_two_clashes_leave_the_others() -> None:
    def clash(rows: pd.DataFrame) -> pd.DataFrame:
        present = set(rows["agency_id"].dropna())
        if {"a", "f"} <= present or {"b", "g"} <= present:
            raise ValueError("clash")
        return rows

    made, failing = made_without_failing(clash, {"rows": ROWS})
    assert len(failing) == 2
    assert len(made) == len(ROWS) - 2
