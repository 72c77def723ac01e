"""Scores of one unit and metric over the quarters, and which of them form a series.

Belongs here: what must be the same in two scores that are compared, and the search for the earlier one. Does not belong here:
what is reported of a pair (`trends`) or of a whole series (`charted_series`).

Quarters are counted from any fixed one: only their distances matter.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from methodology.frames import Ints

SERIES = ["unit_type", "unit_id", "metric_id", "instrument_id"]
SCORE = ["score", "standard_error", "ci_low", "ci_high", "n", "n_effective", "degrees_of_freedom"]
# What two compared scores must share, from least to most: unit and metric; the instrument; the series, which ends where survey
# modes change; the weighting; and what the score was adjusted for. Tables hold a number for each combination, not its names.
KEYS = {
    "measured": ["unit_type", "unit_id", "metric_id"],
    "instrument": SERIES,
    "unbroken": [*SERIES, "series_id"],
    "framed": [*SERIES, "series_id", "weighting"],
    "series": [*SERIES, "series_id", "weighting", "adjustments"],
}


# The correlations of a score's error with an earlier one's that are looked for, by column, and how many quarters back.
CORRELATIONS = {"correlation": 1, "year_correlation": 4}


def numbered(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Scores of all tables with unit_type and metric_id; keys numbered from 0, quarters counted from the first."""
    columns = ["unit_type", "metric_id", "status", *SCORE, *KEYS, "quarter"]
    rows = pd.concat([table[columns] for table in tables], ignore_index=True)
    for key in KEYS:
        rows[key] = pd.factorize(rows[key])[0]
    rows["quarter"] -= rows["quarter"].min()
    return rows


def comparison_error(rows: pd.DataFrame, level: float) -> "pd.Series[float]":
    """Standard errors; where all answers were equal, the interval's half width over its quantile."""
    half = (rows["ci_high"] - rows["ci_low"]) / (2 * stats.norm.ppf(0.5 + level / 2))
    return rows["standard_error"].where(~(rows["standard_error"] == 0), half)


def with_correlations(rows: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Rows with the CORRELATIONS of their error with that of the score so many quarters earlier.

    people: SERIES, `quarter`, `other_quarter` and correlation of scores some of whose people answered in both; others have 0.
    """
    key = [*SERIES, "quarter"]
    for column, quarters in CORRELATIONS.items():
        own = people.loc[people["quarter"] - people["other_quarter"] == quarters, [*key, "correlation"]]
        own = own.rename(columns={"correlation": column})
        rows = rows.merge(own, on=key, how="left").fillna({column: 0.0})
    return rows


def correlation_at(rows: pd.DataFrame, quarters: Ints) -> npt.NDArray[np.float64]:
    """The correlation of each row with the score so many quarters (rows,) earlier; 0 at distances nobody looked at."""
    known = [quarters == apart for apart in CORRELATIONS.values()]
    return np.select(known, [rows[column].to_numpy(float) for column in CORRELATIONS], 0.0)


def earlier(now: pd.DataFrame, rows: pd.DataFrame, key: str, quarters: int | Ints) -> Ints:
    """For each row of `now`, the position in `rows` of the same key so many quarters earlier, its own number; -1 without one."""
    back = np.broadcast_to(np.asarray(quarters, np.int64), len(now))
    most = int(back.max(initial=0))
    span = int(rows["quarter"].to_numpy().max(initial=0)) + most + 1
    then = rows[key].to_numpy() * span + rows["quarter"].to_numpy() + most
    return position(then, now[key].to_numpy() * span + now["quarter"].to_numpy() + most - back)


def measured_before(now: pd.DataFrame, rows: pd.DataFrame, apart: Ints) -> Ints:
    """How many quarters before each row of `now` its unit was last measured in the metric, shown or not; else `apart`.

    `apart` (now,) are the quarters from one measurement to the next. One may come early or late, but none is passed over: looked
    for is up to one quarter short of two measurements. What is measured every quarter is compared with the quarter before.
    """
    reach = 2 * apart - 1
    found = np.zeros(len(now), np.int64)
    for back in range(1, int(reach.max(initial=1)) + 1):
        open_rows = np.flatnonzero((found == 0) & (back <= reach))
        at = earlier(now.iloc[open_rows], rows, "measured", back)
        found[open_rows[at >= 0]] = back
    return np.where(found > 0, found, apart)


def position(known: Ints, values: Ints) -> Ints:
    """Position of each value among the known ones, all small and not negative; -1 where it is not among them."""
    at = np.full(max(known.max(initial=0), values.max(initial=0)) + 1, -1, np.int64)
    at[known] = np.arange(known.size)
    return np.asarray(at[values])


def rarely_measured(metrics: pd.DataFrame) -> list[str]:
    """Ids of metrics (metric_id, quarters_apart) that are not measured every quarter: their series reach further back."""
    return sorted(metrics.loc[metrics["quarters_apart"] > 1, "metric_id"])
