"""Estimates of units too small for a score of their own, from a year's answers and from what an agency's units have in common.

Belongs here: which answers make a row, which rows and units make a family, and why a unit has no estimate. Does not belong here:
the model (`unit_effects`), families of shown units (`disparities`) and access (`publication`).

Every estimate is a function of means of at least `owner_n` persons: a unit's quarters are joined until so many have answered, and
answers wait until then. So neither an estimate nor the difference of two tells of fewer, and each is for the owner's eyes: means
and spreads over hidden units could be solved for by a reader who has some of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats
from methodology.frames import Texts, only_where, rows_by
from methodology.unit_effects import Numbers, UnitRows, unit_scores

FAMILY = ["unit_type", "agency_id", "metric_id", "instrument_id"]
KEY = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id"]
FIGURES = ["units_count", "score", "standard_error", "ci_low", "ci_high", "p_above", "reliability"]
COLUMNS = {
    **dict.fromkeys([*KEY, "agency_id", "own_status", "own_reason"], "string"),
    **dict.fromkeys(FIGURES, "float64"),
}
TOP = 100.0
FEW_PERSONS = "n_below_owner_minimum"


@dataclass(frozen=True)
class _Cells:
    """Columns of a family's cells, sorted by unit: number of the unit, quarter, block and its last quarter, persons, and number,
    sum and sum of squares within of answers.

    They are taken out of the table once: families are many and small, and rows of a table cost more than their estimates.
    """

    unit: Numbers
    quarter: Numbers
    block: Numbers
    end: Numbers
    persons: Floats
    n: Floats
    total: Floats
    within: Floats

    @classmethod
    def of(cls, cells: pd.DataFrame) -> "_Cells":
        """These columns of a table."""
        return cls(**{name: cells[name].to_numpy() for name in cls.__dataclass_fields__})

    def at(self, rows: Numbers | npt.NDArray[np.bool_]) -> "_Cells":
        """The cells at these positions, or those marked."""
        return _Cells(**{name: values[rows] for name, values in vars(self).items()})


def small_units(
    statistics: pd.DataFrame,
    persons: pd.DataFrame,
    *,
    metrics: pd.DataFrame,
    thresholds: Mapping[str, float],
    since: int,
) -> pd.DataFrame:
    """A row with COLUMNS for every surveyed unit, metric and instrument of the quarters from `since` on.

    statistics: KEY, agency_id, quarter, n, numerator, sum_x and sum_x2 (0-100) from the units' first quarter on; persons: KEY
    and respondents. metrics: metric_id, feed, estimator; means and shares of surveys are estimated. A quarter's estimate uses the
    rows of the family that end within `small_unit_quarters` up to it, and needs `disparity_units` units that have one.
    """
    cells = _with_blocks(_cells(statistics, persons, metrics), thresholds["owner_n"])
    columns = _Cells.of(cells)
    rows, figures, reasons = [np.zeros(0, np.int64)], [np.zeros((0, len(FIGURES)))], [np.zeros(0, object)]
    for at in rows_by(cells, FAMILY).values():
        family = columns.at(at)
        for quarter in np.unique(family.quarter[family.quarter >= since]):
            rows.append(at[family.quarter == quarter])
            made, reason = _estimated(family, int(quarter), thresholds)
            figures.append(made)
            reasons.append(reason)
    reason = np.concatenate(reasons)
    whole = cells.iloc[np.concatenate(rows)].assign(
        own_status=np.select([reason == None, reason == FEW_PERSONS], ["reported", "suppressed"], "not_applicable"),  # noqa: E711
        own_reason=reason,
        **dict(zip(FIGURES, np.concatenate(figures).T, strict=True)),
    )
    return whole[list(COLUMNS)].astype(COLUMNS).sort_values(KEY, kind="stable")


def _cells(statistics: pd.DataFrame, persons: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Mean, sum of squares within and persons of each unit's quarter."""
    surveyed = metrics[(metrics["feed"] == "survey_responses") & metrics["estimator"].isin(["mean", "proportion"])]
    rows: pd.DataFrame = statistics.drop(columns="estimator", errors="ignore").merge(
        surveyed[["metric_id", "estimator"]], on="metric_id"
    )
    rows = rows.merge(persons[[*KEY, "respondents"]], on=KEY)
    is_share = (rows["estimator"] == "proportion").to_numpy(bool)
    n, hits, total, squares = (
        rows[name].to_numpy(float, na_value=np.nan) for name in ("n", "numerator", "sum_x", "sum_x2")
    )
    total, squares = np.where(is_share, TOP * hits, total), np.where(is_share, TOP**2 * hits, squares)
    rows = rows.assign(n=n, total=total, within=np.maximum(squares - total**2 / n, 0.0))
    rows["persons"] = rows["respondents"].to_numpy(float, na_value=np.nan)
    known: pd.DataFrame = rows[np.isfinite(rows["within"]) & (rows["n"] > 0) & (rows["persons"] > 0)]
    return known.sort_values([*FAMILY, "unit_id", "quarter"], kind="stable").reset_index(drop=True)


def _with_blocks(cells: pd.DataFrame, least: float) -> pd.DataFrame:
    """Number the runs of a unit's quarters that together have `least` persons; -1 where there are not yet so many."""
    unit = cells.groupby([*FAMILY, "unit_id"], sort=False).ngroup().to_numpy(np.int64)
    block = np.full(len(cells), -1)
    first, waiting, number = 0, 0.0, 0
    for row, persons in enumerate(cells["persons"].to_numpy(float)):
        if row and unit[row] != unit[row - 1]:
            first, waiting = row, 0.0
        waiting += persons
        if waiting >= least:
            block[first : row + 1] = number
            first, waiting, number = row + 1, 0.0, number + 1
    return cells.assign(unit=unit, block=block, end=cells["quarter"].groupby(block).transform("max"))


def _estimated(family: _Cells, quarter: int, thresholds: Mapping[str, float]) -> tuple[Floats, Texts]:
    """FIGURES of a family's units that answered in the quarter (units, figures), and why there are none (units,), or None."""
    asked = family.unit[family.quarter == quarter]
    since = quarter - thresholds["small_unit_quarters"]
    used = family.at((family.block >= 0) & (family.end <= quarter) & (family.end > since))
    units = np.unique(used.unit)
    has_row = np.isin(asked, units)
    figures = np.full((asked.size, len(FIGURES)), np.nan)
    reason = only_where(~has_row, FEW_PERSONS)
    spare = float(used.n.sum() - used.n.size)
    variance = float(used.within.sum()) / spare if spare > 0 else 0.0
    if units.size < thresholds["disparity_units"] or quarter not in used.quarter:
        reason[has_row] = "too_few_units"
    elif variance <= 0:
        reason[has_row] = "answers_do_not_vary"
    else:
        column = int(np.searchsorted(np.unique(used.quarter), quarter))
        spread_sd, level = thresholds["unit_spread_sd"], thresholds["interval_level"]
        found = unit_scores(_rows(used, variance), column, spread_sd, level)
        count = np.full(units.size, float(units.size))
        score, low, high = (np.clip(part, 0, TOP) for part in (found.score, found.low, found.high))
        made = np.column_stack([count, score, found.error, low, high, found.p_above, found.reliability])
        figures[has_row] = made[np.searchsorted(units, asked[has_row])]
    return figures, reason


def _rows(used: _Cells, variance: float) -> UnitRows:
    """A row for each block: its mean, the pooled variance of an answer over its persons, and its share of each quarter.

    Answers of one person are taken to be alike: the error is that of as many answers as there are persons.
    """
    # Cells are sorted by unit and a unit's blocks follow each other, so that cells of a block are neighbours.
    starts = np.diff(used.block, prepend=-1) != 0
    block = np.cumsum(starts) - 1
    quarters = np.unique(used.quarter, return_inverse=True)[1]
    n, total, persons = (np.bincount(block, values) for values in (used.n, used.total, used.persons))
    share: Floats = np.zeros((n.size, int(quarters.max()) + 1))
    share[block, quarters] = used.n
    unit = np.unique(used.unit[starts], return_inverse=True)[1]
    return UnitRows(total / n, variance / persons, unit, share / n[:, None])
