"""Figures of complaints and closed loops, one row per unit, period and figure, by `methodology`.

Belongs here: which counts and durations make which figure, and which base it stands on. Does not belong here: the formulas
(`methodology`), suppression (`bench_complaints`, `bench_closed_loop`).
"""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa

from methodology.agreement import cohens_kappa
from methodology.estimates import mean_interval, poisson_rate_interval, wilson_interval
from methodology.recovery import uplift
from methodology.survival_by_unit import time_figures
from miyar.relations import Dbt, by_period, read

KEY = ["unit_type", "unit_id", "agency_id", "period_id"]
COLUMNS = {
    "topic": "string",
    "unit_type": "string",
    "unit_id": "string",
    "agency_id": "string",
    "period_id": "string",
    "figure": "string",
    "value": "float64",
    "standard_error": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "interval_method": "string",
    "n": "float64",
    "closed_only_misleading": "float64",
    "fault": "string",
    "caveat": "string",
    "slice_ids": "string",
}
# Figures of a share of those who were reached, by the column that counts them.
OUTCOMES = {"solved_share": "solved_count", "not_solved_share": "not_solved_count", "declined_share": "declined_count"}


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    thresholds = read(dbt.ref("stg_methodology__thresholds"))
    known = thresholds.set_index("name")["value"].to_dict()
    tables = {
        "times": dbt.ref("int_complaint_times__by_unit"),
        "counts": dbt.ref("int_complaint_counts__by_unit"),
        "pairs": dbt.ref("int_last__by_unit"),
        "loops": dbt.ref("int_closed_loop__by_unit"),
    }
    return by_period(dbt.ref("int_periods__pending"), tables, partial(_figures, known=known), COLUMNS)


def _figures(times, counts, pairs, loops, known):
    """All figures of one period."""
    loops = loops.astype({"position": "float64", "scale_range": "float64"})
    loops["first"] = 100 * loops["position"] / loops["scale_range"]
    unhappy = loops[loops["first"] < known["dissatisfied_below"]]
    tables = [
        _complaint_times(times, known),
        _shares(counts, known["interval_level"]),
        _agreement(pairs, known["interval_level"]),
        _contact_times(unhappy, known),
        _outcomes(unhappy, known["interval_level"]),
        _uplift(loops, known),
    ]
    made = pd.concat([table.reindex(columns=list(COLUMNS)).astype(COLUMNS) for table in tables], ignore_index=True)
    return made.sort_values(["topic", *KEY, "figure"], kind="stable").reset_index(drop=True)


def _complaint_times(times, known):
    days = times.assign(duration=times["duration_hours"] / 24)
    resolved = _timed(
        days[days["clock"] == "resolved"],
        known["resolution_target_days"],
        known["resolution_horizon_days"],
        known["interval_level"],
        {"median": "median_days", "by_target": "resolved_in_target_share", "mean": "restricted_mean_days"},
    )
    acknowledged = _timed(
        days[days["clock"] == "acknowledged"],
        known["acknowledgement_target_days"],
        known["resolution_horizon_days"],
        known["interval_level"],
        {"by_target": "acknowledged_in_target_share"},
    )
    return pd.concat([resolved, acknowledged]).assign(topic="complaints")


def _contact_times(unhappy, known):
    """Every dissatisfied answer starts a clock at 0, and it is open until a person was reached: an attempt does not stop it."""
    stops = unhappy.assign(
        duration=unhappy["duration_hours"],
        ended_count=unhappy["reached_count"],
        censored_count=unhappy["loops_count"] - unhappy["reached_count"],
        entered_count=0.0,
    )
    starts = stops.assign(duration=0.0, ended_count=0.0, censored_count=0.0, entered_count=stops["loops_count"])
    names = {"median": "median_hours", "by_target": "reached_in_target_share", "mean": "restricted_mean_hours"}
    target, horizon = known["contact_target_hours"], known["contact_horizon_hours"]
    rows = pd.concat([starts, stops])
    return _timed(rows, target, horizon, known["interval_level"], names).assign(topic="closed_loop")


def _timed(rows, target, horizon, level, names):
    """Figures of the time to an event, by the kind of figure and its name."""
    rows = rows[(rows["ended_count"] + rows["censored_count"] + rows["entered_count"]) > 0]
    units, heads = _units(rows)
    found = time_figures(
        units,
        rows["duration"],
        rows["ended_count"],
        rows["censored_count"],
        rows["entered_count"],
        target,
        horizon,
        level,
    )
    parts = {
        "median": (found.median, np.nan, found.median_low, found.median_high, found.closed_only_median, 1),
        "by_target": (
            found.by_target,
            found.by_target_error,
            found.by_target_low,
            found.by_target_high,
            found.closed_only_by_target,
            100,
        ),
        "mean": (found.mean, found.mean_error, found.mean_low, found.mean_high, found.closed_only_mean, 1),
    }
    faults = {"median": "fewer_than_half_ended", "by_target": "not_watched_to_target", "mean": "not_watched_to_horizon"}
    tables = []
    for kind, name in names.items():
        value, error, low, high, shadow, scale = parts[kind]
        tables.append(
            heads.assign(
                figure=name,
                value=scale * value,
                standard_error=scale * error,
                ci_low=scale * low,
                ci_high=scale * high,
                interval_method="kaplan_meier",
                n=found.n,
                closed_only_misleading=scale * shadow,
                fault=faults[kind],
            )
        )
    return pd.concat(tables) if tables else heads


def _units(rows):
    """Number of each row's unit, and one row per unit with the slices behind it."""
    grouped = rows.groupby(KEY, dropna=False, sort=True)
    heads = grouped["slice_ids"].agg(_joined).reset_index()
    return grouped.ngroup().to_numpy(), heads


def _joined(slice_ids):
    return ";".join(sorted({part for ids in set(slice_ids) for part in ids.split(";")}))


def _shares(counts, level):
    base, hits = counts["base_count"].to_numpy(float), counts["hits_count"].to_numpy(float)
    is_rate = (counts["figure"] == "per_1000_transactions").to_numpy()
    rate_low, rate_high = poisson_rate_interval(hits, base, level)
    low, high = wilson_interval(np.minimum(hits, base), base, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(base > 0, hits / base, np.nan)
        error = np.where(is_rate, np.sqrt(hits) / base, np.sqrt(np.maximum(share * (1 - share), 0) / base))
    scale = np.where(is_rate, 1000, 100)
    caveats = {"per_1000_transactions": "more_may_mean_better_access", "first_contact_resolution_share": "by_pseudonym"}
    return counts[[*KEY, "figure", "slice_ids"]].assign(
        topic="complaints",
        value=scale * share,
        standard_error=scale * error,
        ci_low=scale * np.where(is_rate, rate_low, low),
        ci_high=scale * np.where(is_rate, rate_high, high),
        interval_method=np.where(is_rate, "poisson_exact", "wilson"),
        n=np.where(base > 0, base, np.nan),
        fault=np.where(is_rate, "no_transactions", None),
        caveat=counts["figure"].map(caveats),
    )


def _agreement(pairs, level):
    rows = []
    for pair in pairs.itertuples(index=False):
        table = [[pair.both_count, pair.cases_only_count], [pair.visits_only_count, pair.neither_count]]
        found = cohens_kappa(table, level=level)
        rows.append(
            {
                "unit_id": pair.agency_id,
                "agency_id": pair.agency_id,
                "period_id": pair.period_id,
                "value": found.kappa,
                "standard_error": found.standard_error,
                "ci_low": found.low,
                "ci_high": found.high,
                "n": found.n,
                "slice_ids": _joined([pair.slice_ids]),
            }
        )
    made = pd.DataFrame(rows, columns=[*KEY[1:], "value", "standard_error", "ci_low", "ci_high", "n", "slice_ids"])
    return made.assign(
        topic="complaints",
        unit_type="agency",
        figure="last_agreement_kappa",
        interval_method="fleiss_cohen_everitt",
        fault="verdicts_do_not_vary",
    )


def _outcomes(unhappy, level):
    bases = {"attempted_share": ("loops_count", "attempted_count")}
    bases |= {name: ("outcome_count", column) for name, column in OUTCOMES.items()}
    units, heads = _units(unhappy)
    columns = sorted({column for pair in bases.values() for column in pair})
    sums = unhappy[columns].astype(float).groupby(units).sum()
    tables = []
    for name, (base_column, hits_column) in bases.items():
        base, hits = sums[base_column].to_numpy(), sums[hits_column].to_numpy()
        low, high = wilson_interval(hits, base, level)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = hits / base
            error = np.sqrt(share * (1 - share) / base)
        tables.append(
            heads.assign(
                topic="closed_loop",
                figure=name,
                value=100 * share,
                standard_error=100 * error,
                ci_low=100 * low,
                ci_high=100 * high,
                interval_method="wilson",
                n=np.where(base > 0, base, np.nan),
                fault="nobody_reached",
                caveat="attempted_is_not_reached" if name == "attempted_share" else None,
            )
        )
    return pd.concat(tables)


def _uplift(loops, known):
    """Change of the dissatisfied who answered again, per instrument and then over a unit's instruments."""
    instrument = [*KEY, "scale_id", "wording_version", "scale_range"]
    unhappy = loops["first"] < known["dissatisfied_below"]
    scale = 100 / loops["scale_range"]
    recovered = loops["recovered_count"].where(unhappy, 0.0)
    sums = loops.assign(
        all_count=loops["loops_count"],
        all_first=loops["loops_count"] * loops["first"],
        recovered=recovered,
        recovered_first=recovered * loops["first"],
        change=(loops["sum_uplift"] * scale).where(unhappy).fillna(0.0),
        change2=(loops["sum_uplift2"] * scale**2).where(unhappy).fillna(0.0),
        slice_ids=loops["slice_ids"],
    )
    columns = ["all_count", "all_first", "recovered", "recovered_first", "change", "change2"]
    # Sums of floats follow the order of rows: fixed first.
    sums = sums.sort_values([*instrument, "position", "duration_hours"], kind="stable")
    per = sums.groupby(instrument, dropna=False)[columns].sum().reset_index()
    # Each instrument's people fall back towards its own mean: the unit's mean is that of the people asked again.
    per["mean_first"] = per["recovered"] * per["all_first"] / per["all_count"]
    _, heads = _units(sums)
    total = per.groupby(KEY, dropna=False, sort=True)[[*columns, "mean_first"]].sum()
    n = total["recovered"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total["mean_first"].to_numpy(float) / n
    sums_of = [total[name].to_numpy(float) for name in ("recovered_first", "change", "change2")]
    found = uplift(n, *sums_of, mean, known["retest_correlation"])
    tables = []
    for name, value, caveat in (
        ("uplift_raw", found.raw, "holds_regression_to_the_mean"),
        ("uplift_corrected", found.corrected, "assumed_retest_correlation"),
    ):
        low, high = mean_interval(value, found.error, n, known["interval_level"], (-100, 100))
        tables.append(
            heads.assign(
                topic="closed_loop",
                figure=name,
                value=value,
                standard_error=found.error,
                ci_low=low,
                ci_high=high,
                interval_method="student",
                n=np.where(n > 0, n, np.nan),
                fault="nobody_answered_again",
                caveat=caveat,
            )
        )
    return pd.concat(tables)
