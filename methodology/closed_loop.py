"""Figures of the closed loop: time from a dissatisfied answer to contact, its outcome, and what it changed.

Belongs here: who counts as dissatisfied, which counts make which figure, and on which base. Does not belong here: the
formulas (`time_figures`, `estimates`, `uplift`) and suppression (later, in SQL).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from methodology.estimates import Estimates, mean_interval, percentages
from methodology.figures_by_unit import KEY, Clock, timed, units_of
from methodology.uplift import uplift

# Shares by the columns that count their base and hits: of all dissatisfied, or of those reached with an outcome.
SHARES = {
    "attempted_share": ("loops_count", "attempted_count"),
    "solved_share": ("outcome_count", "solved_count"),
    "not_solved_share": ("outcome_count", "not_solved_count"),
    "declined_share": ("outcome_count", "declined_count"),
}
CONTACT = {"median": "median_hours", "by_target": "reached_in_target_share", "mean": "restricted_mean_hours"}


def loop_figures(loops: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """All figures of closed loops, from counts by unit, instrument, position of the first answer and whole hours to contact."""
    loops = loops.astype({"position": "float64", "scale_range": "float64"})
    loops["first"] = 100 * loops["position"] / loops["scale_range"]
    unhappy = loops[loops["first"] < thresholds["dissatisfied_below"]]
    level = thresholds["interval_level"]
    tables = [_contact_times(unhappy, thresholds), _shares(unhappy, level), _uplift(loops, thresholds)]
    return pd.concat(tables, ignore_index=True).assign(topic="closed_loop")


def _contact_times(unhappy: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Every dissatisfied answer starts a clock at 0, open until the person is reached; an attempt does not stop it."""
    stops = unhappy.assign(
        duration=unhappy["duration_hours"],
        ended_count=unhappy["reached_count"],
        censored_count=unhappy["loops_count"] - unhappy["reached_count"],
        entered_count=0.0,
        competing_count=0.0,
    )
    starts = stops.assign(duration=0.0, ended_count=0.0, censored_count=0.0, entered_count=stops["loops_count"])
    clock = Clock(thresholds["contact_target_hours"], thresholds["contact_horizon_hours"], CONTACT)
    return timed(pd.concat([starts, stops]), clock, thresholds["interval_level"])


def _shares(unhappy: pd.DataFrame, level: float) -> pd.DataFrame:
    units, heads = units_of(unhappy)
    columns = sorted({column for pair in SHARES.values() for column in pair})
    sums = unhappy[columns].astype(float).groupby(units).sum()
    tables = []
    for name, (base_column, hits_column) in SHARES.items():
        base = sums[base_column].to_numpy()
        own = heads.assign(**percentages(sums[hits_column].to_numpy(), base, level).columns("value"))
        tables.append(
            own.assign(
                figure=name,
                interval_method="wilson",
                n=np.where(base > 0, base, np.nan),
                fault="nobody_reached",
                caveat="attempted_is_not_reached" if name == "attempted_share" else None,
            )
        )
    return pd.concat(tables)


def _uplift(loops: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Change of the dissatisfied who answered again, per instrument and then over a unit's instruments.

    How much two answers of one person correlate is assumed: the limits of the corrected change reach from those at the lowest
    correlation to those at the highest.
    """
    instrument = [*KEY, "scale_id", "wording_version", "scale_range"]
    unhappy = loops["first"] < thresholds["dissatisfied_below"]
    scale = 100 / loops["scale_range"]
    recovered = loops["recovered_count"].where(unhappy, 0.0)
    sums = loops.assign(
        all_count=loops["loops_count"],
        all_first=loops["loops_count"] * loops["first"],
        recovered=recovered,
        recovered_first=recovered * loops["first"],
        change=(loops["sum_uplift"] * scale).where(unhappy).fillna(0.0),
        change2=(loops["sum_uplift2"] * scale**2).where(unhappy).fillna(0.0),
    )
    columns = ["all_count", "all_first", "recovered", "recovered_first", "change", "change2"]
    # Sums of floats depend on row order, so it is fixed first.
    sums = sums.sort_values([*instrument, "position", "duration_hours"], kind="stable")
    per = sums.groupby(instrument, dropna=False)[columns].sum().reset_index()
    # People regress towards the mean of their own instrument, so the unit's mean is weighted by those asked again.
    per["mean_first"] = per["recovered"] * per["all_first"] / per["all_count"]
    _, heads = units_of(sums)
    total = per.groupby(KEY, dropna=False, sort=True)[[*columns, "mean_first"]].sum()
    n = total["recovered"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total["mean_first"].to_numpy(float) / n
    first, change, change2 = (total[name].to_numpy(float) for name in ("recovered_first", "change", "change2"))
    low, found, high = (
        uplift(n, first, change, change2, mean, thresholds[f"retest_correlation{end}"]) for end in ("_low", "", "_high")
    )
    tables = []
    for name, value, ends, caveat in (
        ("uplift_raw", found.raw, (found.raw, found.raw), "holds_regression_to_the_mean"),
        ("uplift_corrected", found.corrected, (low.corrected, high.corrected), "assumed_retest_correlation"),
    ):
        # The higher the correlation, the less regression to the mean: a fall where those asked again were the happier.
        lower, upper = (
            mean_interval(end, found.error, n, thresholds["interval_level"], (-100, 100))[side]
            for side, end in enumerate((np.minimum(*ends), np.maximum(*ends)))
        )
        own = heads.assign(**Estimates(value, found.error, lower, upper).columns("value"))
        tables.append(
            own.assign(
                figure=name,
                interval_method="score",
                n=np.where(n > 0, n, np.nan),
                fault="nobody_answered_again",
                caveat=caveat,
            )
        )
    return pd.concat(tables)
