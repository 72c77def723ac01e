"""Estimates of units too small for a score of their own, from a year's answers and from what an agency's units have in common.

Belongs here: which answers make a row, which rows and units make a family, and why a unit has no estimate. Does not belong here:
the model (`unit_effects`), families of shown units (`disparities`) and access (`publication`).

Every estimate is a function of means of at least `owner_n` persons: a unit's quarters are joined until so many have answered, and
answers wait until then. So neither an estimate nor the difference of two tells of fewer, and each is for the owner's eyes: means
and spreads over hidden units could be solved for by a reader who has some of them.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from methodology.arrays import Floats
from methodology.unit_effects import Numbers, UnitRows, unit_scores

FAMILY = ["unit_type", "agency_id", "metric_id", "instrument_id"]
KEY = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id"]
FIGURES = ["score", "standard_error", "ci_low", "ci_high", "p_above", "reliability"]
COLUMNS = {
    **dict.fromkeys([*KEY, "agency_id", "own_status", "own_reason"], "string"),
    "units_count": "float64",
    **dict.fromkeys(FIGURES, "float64"),
}
TOP = 100.0


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
    made = [pd.DataFrame(columns=list(COLUMNS))]
    for _, family in cells.groupby(FAMILY, sort=True):
        for quarter in np.unique(family["quarter"][family["quarter"] >= since]):
            made.append(_estimated(family, int(quarter), thresholds))
    whole = pd.concat([part.reindex(columns=list(COLUMNS)).astype(COLUMNS) for part in made])
    return whole.sort_values(KEY, kind="stable")


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
    return cells.assign(block=block, end=cells["quarter"].groupby(block).transform("max"))


def _estimated(family: pd.DataFrame, quarter: int, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Rows of a family's units that answered in the quarter: estimates, or why there is none."""
    asked = family[family["quarter"] == quarter]
    has_enough = (family["block"] >= 0) & (family["end"] <= quarter)
    used = family[has_enough & (family["end"] > quarter - thresholds["small_unit_quarters"])]
    units = used["unit_id"].unique()
    has_row = asked["unit_id"].isin(units)
    spare = float(used["n"].sum() - len(used))
    variance = float(used["within"].sum()) / spare if spare > 0 else 0.0
    if units.size < thresholds["disparity_units"] or quarter not in used["quarter"].to_numpy():
        return _without(asked, has_row, "too_few_units")
    if variance <= 0:
        return _without(asked, has_row, "answers_do_not_vary")
    spread_sd, level = thresholds["unit_spread_sd"], thresholds["interval_level"]
    found = unit_scores(_rows(used, variance), _column(used, quarter), spread_sd, level)
    score, low, high = (np.clip(part, 0, TOP) for part in (found.score, found.low, found.high))
    figures = [score, found.error, low, high, found.p_above, found.reliability]
    made = pd.DataFrame(dict(zip(FIGURES, figures, strict=True)), index=units).assign(units_count=float(units.size))
    known = has_row.to_numpy(bool)
    own = made.reindex(asked["unit_id"]).set_axis(asked.index)
    return asked.assign(
        **{name: own[name] for name in own.columns},
        own_status=np.where(known, "reported", "suppressed"),
        own_reason=pd.Series("n_below_owner_minimum", asked.index).mask(known),
    )


def _without(asked: pd.DataFrame, has_row: "pd.Series[bool]", reason: str) -> pd.DataFrame:
    """No estimate for anybody: of those with enough persons for this reason."""
    status = pd.Series("not_applicable", asked.index).where(has_row, "suppressed")
    return asked.assign(
        own_status=status, own_reason=pd.Series(reason, asked.index).where(has_row, "n_below_owner_minimum")
    )


def _rows(used: pd.DataFrame, variance: float) -> UnitRows:
    """A row for each block: its mean, the pooled variance of an answer over its persons, and its share of each quarter.

    Answers of one person are taken to be alike: the error is that of as many answers as there are persons.
    """
    block: Numbers = np.unique(used["block"].to_numpy(np.int64), return_inverse=True)[1].astype(np.int64)
    quarters = np.unique(used["quarter"].to_numpy(np.int64), return_inverse=True)[1]
    n, total, persons = (np.bincount(block, used[name].to_numpy(float)) for name in ("n", "total", "persons"))
    share: Floats = np.zeros((n.size, int(quarters.max()) + 1))
    np.add.at(share, (block, quarters), used["n"].to_numpy(float))
    first = np.unique(block, return_index=True)[1]
    unit = pd.factorize(used["unit_id"].to_numpy(object)[first])[0].astype(np.int64)
    return UnitRows(total / n, variance / persons, unit, share / n[:, None])


def _column(used: pd.DataFrame, quarter: int) -> int:
    return int(np.searchsorted(np.unique(used["quarter"].to_numpy(np.int64)), quarter))
