"""Scores of one unit and metric over the quarters, and which of them form a series.

Belongs here: what must be the same in two scores that are compared, and the search for the earlier one. Does not belong here:
what is reported of a pair (`trends`) or of a whole series (`charted_series`).

Quarters are counted from any fixed one: only their distances matter.
"""

from collections.abc import Mapping

import numpy as np
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


def numbered(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Scores of all tables concatenated; keys numbered from 0, quarters counted from the first."""
    rows = pd.concat([table[["status", *SCORE, *KEYS, "quarter"]] for table in tables], ignore_index=True)
    for key in KEYS:
        rows[key] = pd.factorize(rows[key])[0]
    rows["quarter"] -= rows["quarter"].min()
    return rows


def comparison_error(rows: pd.DataFrame, level: float) -> "pd.Series[float]":
    """Standard errors; where all answers were equal, the interval's half width over its quantile."""
    half = (rows["ci_high"] - rows["ci_low"]) / (2 * stats.norm.ppf(0.5 + level / 2))
    return rows["standard_error"].where(~(rows["standard_error"] == 0), half)


def with_correlations(rows: pd.DataFrame, people: pd.DataFrame, spans: Mapping[str, int]) -> pd.DataFrame:
    """Rows with the `correlation` of their error with that of the score so many quarters earlier, by the prefix of each span.

    people: SERIES, `quarter`, `other_quarter` and correlation of scores some of whose people answered in both; others have 0.
    """
    key = [*SERIES, "quarter"]
    for prefix, quarters in spans.items():
        own = people.loc[people["quarter"] - people["other_quarter"] == quarters, [*key, "correlation"]]
        column = f"{prefix}correlation"
        rows = rows.merge(own.rename(columns={"correlation": column}), on=key, how="left").fillna({column: 0.0})
    return rows


def earlier(now: pd.DataFrame, rows: pd.DataFrame, key: str, quarters: int) -> Ints:
    """For each row of `now`, the position in `rows` of the same key so many quarters earlier; -1 if there is none."""
    span = int(rows["quarter"].to_numpy().max(initial=0)) + quarters + 1
    then = rows[key].to_numpy() * span + rows["quarter"].to_numpy() + quarters
    return position(then, now[key].to_numpy() * span + now["quarter"].to_numpy())


def position(known: Ints, values: Ints) -> Ints:
    """Position of each value among the known ones, all small and not negative; -1 where it is not among them."""
    at = np.full(max(known.max(initial=0), values.max(initial=0)) + 1, -1, np.int64)
    at[known] = np.arange(known.size)
    return np.asarray(at[values])
