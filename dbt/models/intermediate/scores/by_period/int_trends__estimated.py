"""Change of each reported score: to the quarter before and to the same quarter a year earlier, in its whole series, and in parts.

Belongs here: which scores are compared with which, and the panels of agencies behind regions, peer groups and the whole. Does not
belong here: the formulas (`methodology.change`, `methodology.control_charts`) and the published columns (`bench_trends`).

A row of a period is made from that period and earlier ones only.
"""

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import stats

from methodology.change import difference, kitagawa_by_group, panel_growth
from methodology.control_charts import p_chart, xmr_chart
from miyar.periods import index_of, shift
from miyar.relations import read, written

SERIES = ["unit_type", "unit_id", "metric_id", "instrument_id"]
SCORE = ["score", "standard_error", "ci_low", "ci_high", "n", "n_effective"]
# Within a unit's answers to one instrument: until survey modes changed, and weighted or unweighted throughout.
STRETCHES = ["series_id", "weighting"]
# What is told of a score; of an earlier one its figures are enough.
TOLD = ["score_id", "agency_id", "status_reason", "slice_ids"]
# Quarters back to which a score is held: in which span of columns.
SPANS = {"": 1, "year_": 4}
# Numbers of what must be the same in two scores that are compared, from most to least, and of their period.
KEYS = ["series", "unbroken", "instrument", "measured", "place"]
FIGURES = ["score", "standard_error", "ci_low", "ci_high", "n_effective"]
# Rows of both tables in memory at once, as near as whole metrics allow: a country's would not fit, and each reading looks
# through all of them.
ROWS = 500_000
COLUMNS = {
    "score_id": "string",
    **dict.fromkeys(("unit_type", "unit_id", "agency_id", "metric_id", "period_id", "instrument_id"), "string"),
    "status": "string",
    "status_reason": "string",
    "score": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "n": "float64",
    "n_effective": "float64",
    **{
        f"{span}change{part}": "float64"
        for span in ("", "year_")
        for part in ("", "_error", "_low", "_high", "_is_significant")
    },
    "change_reason": "string",
    "year_change_reason": "string",
    "control_method": "string",
    "points_count": "int64",
    "centre": "float64",
    "lower_limit": "float64",
    "upper_limit": "float64",
    "control_signal": "string",
    "raw_change": "float64",
    "mix_effect": "float64",
    "panel_change": "float64",
    "continuing_effect": "float64",
    "entrants_effect": "float64",
    "panel_count": "float64",
    "slice_ids": "string",
}
# What a reader should hear first where several rules are met at once.
SIGNALS = ("beyond_limits", "two_of_three", "run", "trend")
# The members whose mean a unit above the agency is, and the column that names the unit.
PANELS = {"national": "agency", "peer_group": "agency", "region": "agency_region"}


def model(dbt, session):
    dbt.config(materialized="by_period")
    pending = dbt.ref("int_periods__pending").aggregate("min(period_id)").fetchone()[0]
    parts = [written(pd.DataFrame(columns=list(COLUMNS)), COLUMNS)]
    if not pending:
        return parts[0]
    agencies = read(dbt.ref("stg_registry__agencies"))
    metrics = read(dbt.ref("stg_methodology__metrics"))
    thresholds = read(dbt.ref("stg_methodology__thresholds"))
    known = thresholds.set_index("name")["value"].to_dict()
    scores = _wanted(dbt.ref("bench_scores"), pending)
    mix = dbt.ref("int_mix__by_unit").filter(f"period_id >= '{shift(pending, -1)}'")
    # No change is of two metrics.
    for some in _batches(scores, mix):
        rows, groups = (read(table.filter(_is_one_of("metric_id", some))) for table in (scores, mix))
        made = _trends(rows, groups, agencies, metrics, known, pending)
        parts.append(written(made, COLUMNS))
    return pa.concat_tables(parts)


def _wanted(scores, pending):
    """Scores from the pending period on, and of earlier ones what these are held against."""
    is_now = f"period_id >= '{pending}'"
    earliest = shift(pending, -max(SPANS.values()))
    told = [f"case when {is_now} then {name} end as {name}" for name in TOLD]
    # That a score was withheld is asked a year back, what was reported in all of its series.
    wanted = scores.filter(f"status = 'reported' or period_id >= '{earliest}'")
    return wanted.project(", ".join([*SERIES, "period_id", "status", *SCORE, *STRETCHES, *told]))


def _batches(*tables):
    """Metrics in batches of about ROWS rows."""
    sizes = pd.concat([read(table.aggregate("metric_id, count(*) as n", "metric_id")) for table in tables])
    sizes = sizes.groupby("metric_id", sort=True)["n"].sum()
    return [list(some.index) for _, some in sizes.groupby((sizes.cumsum() - 1) // ROWS)]


def _is_one_of(column, values):
    return duckdb.ColumnExpression(column).isin(*map(duckdb.ConstantExpression, values))


def _trends(rows, mix, agencies, metrics, known, pending):
    """Rows of some metrics from the pending period on."""
    rows = rows.astype(dict.fromkeys(SCORE, "float64"))
    members = _members(rows, agencies)
    rows = pd.concat([rows, _pooled(members, known, pending)], ignore_index=True)
    rows["place"] = _place(rows["period_id"])
    rows["unit"] = _numbered(rows, "unit_type", "unit_id")
    rows["measured"] = _numbered(rows, "unit", "metric_id")
    rows["instrument"] = _numbered(rows, "measured", "instrument_id")
    rows["unbroken"] = _numbered(rows, "instrument", "series_id")
    rows["series"] = _numbered(rows, "unbroken", "weighting")
    is_now, reported = (rows["period_id"] >= pending).to_numpy(), (rows["status"] == "reported").to_numpy()
    # Of earlier scores figures and numbers are enough.
    before, told = rows[KEYS], rows.loc[reported, [*KEYS, *FIGURES]]
    told["error"] = _error(told, known["interval_level"])
    now = rows[reported & is_now].assign(error=told["error"].to_numpy()[is_now[reported]])
    columns = _controlled(now, told, metrics, known)
    for span, quarters in SPANS.items():
        columns |= _changes(now, told, before, quarters, span)
    now = now.assign(**columns)
    now = now.merge(_mixed(mix), on=[*SERIES, "period_id"], how="left")
    # Beside a shown score its change would tell an earlier one that was withheld.
    now.loc[now["change"].isna(), ["raw_change", "mix_effect"]] = np.nan
    now = now.merge(_panels(members, known, pending), on=[*SERIES, "period_id"], how="left")
    made = pd.concat([now, rows[~reported & is_now]], ignore_index=True)
    made["points_count"] = made["points_count"].fillna(0)
    return made.reindex(columns=list(COLUMNS))


def _place(period_id):
    """Quarters counted from the first of them: tables below have a row for each."""
    code, known = pd.factorize(period_id)
    place = np.array([index_of(period) for period in known], "int64")
    return pd.Series((place - min(place, default=0))[code], period_id.index)


def _numbered(rows, *columns):
    """One number for each combination of values, none among them."""
    codes = [pd.factorize(rows[name], use_na_sentinel=False) for name in columns]
    return pd.factorize(codes[0][0] * len(codes[1][1]) + codes[1][0])[0]


def _members(rows, agencies):
    """Each reported member of each panel: the panel's unit beside the member's score."""
    columns = [*SERIES, "period_id", "score", "standard_error", "slice_ids"]
    is_member = (rows["status"] == "reported") & rows["unit_type"].isin(PANELS.values())
    # Means of floats follow the order of rows.
    reported = rows.loc[is_member, columns].sort_values([*SERIES, "period_id"], kind="stable")
    peers = agencies[["agency_id", "peer_group"]].rename(columns={"agency_id": "unit_id", "peer_group": "panel_id"})
    tables = []
    for panel, member in PANELS.items():
        own = reported[reported["unit_type"] == member].assign(panel_type=panel)
        if panel == "national":
            own = own.assign(panel_id="all")
        elif panel == "region":
            own = own.assign(panel_id=_after_slash(own["unit_id"]))
        else:
            own = own.merge(peers, on="unit_id")
        tables.append(own)
    return pd.concat(tables, ignore_index=True)


def _pooled(members, known, pending):
    """Score of peer groups and of the whole: the mean over agencies, each counting once."""
    own = members[members["panel_type"] != "region"]
    own = own.assign(variance=own["standard_error"] ** 2)
    key = ["panel_type", "panel_id", "metric_id", "instrument_id", "period_id"]
    grouped = own.groupby(key, dropna=False, sort=True)
    made = grouped.agg(
        score=("score", "mean"), n=("score", "size"), variance=("variance", "sum"), known=("variance", "count")
    )
    made["variance"] = made["variance"].where(made["known"] == made["n"])
    told = own[own["period_id"] >= pending].groupby(key, dropna=False, sort=True)["slice_ids"]
    made["slice_ids"] = told.agg(lambda ids: ";".join(sorted({part for each in ids for part in each.split(";")})))
    made = made.drop(columns="known").reset_index()
    made["standard_error"] = np.sqrt(made["variance"].astype(float)) / made["n"]
    half = stats.norm.ppf(0.5 + known["interval_level"] / 2) * made["standard_error"].where(made["standard_error"] > 0)
    made["ci_low"], made["ci_high"] = made["score"] - half, made["score"] + half
    # A member must stay unknown to the others: the same k as among peers, without the viewer.
    enough = made["n"] > known["minimum_peers"]
    made["status"] = np.where(enough, "reported", "suppressed")
    made["status_reason"] = np.where(enough, None, "too_few_units")
    made = made.rename(columns={"panel_type": "unit_type", "panel_id": "unit_id"})
    return made.assign(n_effective=made["n"]).drop(columns="variance").astype({"score": "float64"})


def _error(rows, level):
    """Standard errors; where all answers were equal the interval's half width over its quantile stands in."""
    half = (rows["ci_high"] - rows["ci_low"]) / (2 * stats.norm.ppf(0.5 + level / 2))
    return rows["standard_error"].where(~(rows["standard_error"] == 0), half)


def _changes(now, told, rows, quarters, span):
    """Difference of scores to the same series so many quarters earlier, and why there is none."""
    place = _earlier(now, told, "series", quarters)
    score, error = (np.append(told[name].to_numpy(), np.nan)[place] for name in ("score", "error"))
    change, error, low, high = difference(score, now["score"], error, now["error"])
    significant = np.where(np.isnan(error), np.nan, (low > 0) | (high < 0))
    had = {
        "frame_differs": _earlier(now, told, "unbroken", quarters) >= 0,
        "series_differs": _earlier(now, told, "instrument", quarters) >= 0,
        "instrument_differs": _earlier(now, told, "measured", quarters) >= 0,
        "not_reported_before": _earlier(now, rows, "measured", quarters) >= 0,
    }
    reason = np.select([~np.isnan(change), *had.values()], ["", *had], "no_earlier_period")
    return {
        f"{span}change": change,
        f"{span}change_error": error,
        f"{span}change_low": low,
        f"{span}change_high": high,
        f"{span}change_is_significant": significant,
        f"{span}change_reason": np.where(reason == "", None, reason),
    }


def _earlier(now, rows, key, quarters):
    """For each row of now the position of one in `rows` with the same key, so many quarters before; -1 where there is none."""
    span = rows["place"].to_numpy().max(initial=0) + quarters + 1
    then = rows[key].to_numpy() * span + rows["place"].to_numpy() + quarters
    return _position(then, now[key].to_numpy() * span + now["place"].to_numpy())


def _controlled(now, told, metrics, known):
    """Each score of now in the chart of its series up to its own period: no later point moves its limits."""
    shares = set(metrics.loc[metrics["estimator"] == "proportion", "metric_id"])
    # Pooled means of agencies are no counts of answers.
    counted = (now["metric_id"].isin(shares) & ~now["unit_type"].isin(["national", "peer_group"])).to_numpy()
    series, place = told["series"].to_numpy(), told["place"].to_numpy()
    has = np.zeros((int(series.max(initial=-1)) + 1, int(place.max(initial=-1)) + 1), bool)
    has[series, place] = True
    # A series may have gaps; its points follow each other.
    point = has.cumsum(axis=1) - 1
    shape = (has.shape[0], int(point.max(initial=-1)) + 1)
    score, size = np.full(shape, np.nan), np.full(shape, np.nan)
    score[series, point[series, place]] = told["score"]
    size[series, point[series, place]] = told["n_effective"]
    series = now["series"].to_numpy()
    position = point[series, now["place"].to_numpy()]
    wanted, is_share = np.zeros(shape, bool), np.zeros(shape[0], bool)
    wanted[series, position] = True
    is_share[series] = counted
    centre, lower, upper = (np.full(shape, np.nan) for _ in range(3))
    signal = np.full(shape, None, dtype=object)
    for points in range(int(known["control_chart_points"]), shape[1] + 1):
        long = wanted[:, points - 1] & np.isfinite(score[:, points - 1])
        for kind in (False, True):
            chosen = np.flatnonzero(long & (is_share == kind))
            if not chosen.size:
                continue
            value, base = score[chosen, :points], size[chosen, :points]
            chart = p_chart(value / 100 * base, base, overdispersed=True) if kind else xmr_chart(value)
            scale, last = 100 if kind else 1, points - 1
            centre[chosen, last] = scale * chart.centre
            lower[chosen, last], upper[chosen, last] = scale * chart.lower[:, last], scale * chart.upper[:, last]
            met = [getattr(chart.signals, name)[:, last] for name in SIGNALS]
            signal[chosen, last] = np.select(met, SIGNALS, "none")
    signal = signal[series, position]
    return {
        "centre": centre[series, position],
        "lower_limit": lower[series, position],
        "upper_limit": upper[series, position],
        "control_signal": signal,
        "points_count": position + 1,
        "control_method": np.where(pd.isna(signal), None, np.where(counted, "p_laney", "xmr")),
    }


def _mixed(mix):
    """Raw change and its mix effect over services and channels; the rate effect is the rest, and so they add up exactly."""
    # Sums of floats follow the order of groups.
    group, names = pd.factorize(mix["group_id"], sort=True)
    # A region is made of all groups that its agencies are made of there.
    parts = np.flatnonzero(mix["unit_type"] == "agency_region")
    regions = mix.iloc[parts].assign(unit_type="region", unit_id=_after_slash(mix["unit_id"].iloc[parts]))
    mix, group = pd.concat([mix, regions], ignore_index=True), np.concatenate([group, group[parts]])
    series = mix.groupby(SERIES, sort=True).ngroup().to_numpy()
    place = _place(mix["period_id"]).to_numpy()
    n = mix["n"].to_numpy(float)
    rate = 100 * mix["total"].to_numpy(float) / mix["scale_range"].to_numpy(float) / n
    # One number for a series in a period, such that the period before is one less.
    moment = series * (int(place.max(initial=0)) + 2) + place
    known, first = np.unique(moment, return_index=True)
    has_before = np.isin(known - 1, known)
    pairs = mix.iloc[first[has_before]][[*SERIES, "period_id"]].reset_index(drop=True)
    after, before = (_position(known[has_before], moment + step) for step in (0, 1))
    keys, at = np.unique(
        np.concatenate([after[after >= 0], before[before >= 0]]) * max(len(names), 1)
        + np.concatenate([group[after >= 0], group[before >= 0]]),
        return_inverse=True,
    )
    n_before, n_after = np.zeros((2, keys.size))
    rate_before, rate_after = np.full((2, keys.size), np.nan)
    count = int((after >= 0).sum())
    n_after[at[:count]], rate_after[at[:count]] = n[after >= 0], rate[after >= 0]
    n_before[at[count:]], rate_before[at[count:]] = n[before >= 0], rate[before >= 0]
    mixed, rated = kitagawa_by_group(n_before, rate_before, n_after, rate_after, keys // max(len(names), 1), len(pairs))
    return pairs.assign(raw_change=mixed + rated, mix_effect=mixed)


def _after_slash(names):
    """The region of an agency's region."""
    code, known = pd.factorize(names)
    return np.array([name.rsplit("/", 1)[-1] for name in known], object)[code]


def _position(known, values):
    """Position of each value among the known ones, all small and not negative; -1 where it is none of them."""
    position = np.full(max(known.max(initial=0), values.max(initial=0)) + 1, -1)
    position[known] = np.arange(known.size)
    return position[values]


def _panels(members, known, pending):
    """Growth of the matched panel of members, each counting once, with the part of those who came and went."""
    key = ["panel_type", "panel_id", "metric_id", "instrument_id"]
    own = members.loc[members["period_id"] >= shift(pending, -1), [*key, "period_id", "unit_id", "score"]]
    own = own.assign(place=_place(own["period_id"]))
    own = own[own.groupby(key, dropna=False)["unit_id"].transform("nunique") > known["minimum_peers"]]
    rows = []
    columns = {name: own[name].to_numpy() for name in ("place", "score", "period_id", "unit_id")}
    for group, members_at in own.groupby(key, dropna=False, sort=True).indices.items():
        at, score, period_id, unit_id = (values[members_at] for values in columns.values())
        unit, units = pd.factorize(unit_id, sort=True)
        grid = {place: np.full(len(units), np.nan) for place in sorted(set(at))}
        for place, values in grid.items():
            values[unit[at == place]] = score[at == place]
        period = dict(zip(at, period_id, strict=True))
        for place in grid:
            if period[place] < pending or place - 1 not in grid:
                continue
            before, after = grid[place - 1], grid[place]
            staying = int((np.isfinite(before) & np.isfinite(after)).sum())
            if staying <= known["minimum_peers"]:
                continue
            found = panel_growth(np.isfinite(before), before, np.isfinite(after), after)
            rows.append((*group, period[place], found.change, found.continuing, found.entrants, staying))
    parts = ["panel_change", "continuing_effect", "entrants_effect", "panel_count"]
    made = pd.DataFrame(rows, columns=[*SERIES, "period_id", *parts])
    return made.astype({**dict.fromkeys([*SERIES, "period_id"], "string"), **dict.fromkeys(parts, "float64")})
