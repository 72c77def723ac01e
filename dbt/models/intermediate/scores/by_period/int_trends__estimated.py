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
from miyar.relations import Dbt, read, written

SERIES = ["unit_type", "unit_id", "metric_id", "instrument_id"]
SCORE = ["score", "standard_error", "ci_low", "ci_high", "n", "n_effective"]
TOLD = ["score_id", *SERIES, "agency_id", "period_id", "status_reason", "slice_ids"]
# What must be the same in two scores that are compared, from least to most: one instrument's answers by a unit in a metric, until
# survey modes changed, and weighted or unweighted throughout. In place of names a hash of 63 bits: of a country's 200,000 series
# two meet in one of a hundred million builds, and names of all quarters would take most of the time.
KEYS = {
    "measured": ["unit_type", "unit_id", "metric_id"],
    "instrument": SERIES,
    "unbroken": [*SERIES, "series_id"],
    "series": [*SERIES, "series_id", "weighting"],
}
# Quarters counted from year 0, as `miyar.periods` does.
PLACE = "4 * cast(left(period_id, 4) as bigint) + cast(right(period_id, 1) as bigint) - 1 as place"
# Quarters back to which a score is held: in which span of columns.
SPANS = {"": 1, "year_": 4}
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


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    pending = dbt.ref("int_periods__pending").aggregate("min(period_id)").fetchone()[0]
    parts = [written(pd.DataFrame(columns=list(COLUMNS)), COLUMNS)]
    if not pending:
        return parts[0]
    agencies = read(dbt.ref("stg_registry__agencies"))
    metrics = read(dbt.ref("stg_methodology__metrics"))
    thresholds = read(dbt.ref("stg_methodology__thresholds"))
    known = thresholds.set_index("name")["value"].to_dict()
    scores = dbt.ref("bench_scores")
    mix = dbt.ref("int_mix__by_unit").filter(f"period_id >= '{shift(pending, -1)}'")
    # No change is of two metrics.
    for some in _batches(scores.filter(f"period_id >= '{pending}'"), mix):
        own, groups = (table.filter(_is_one_of("metric_id", some)) for table in (scores, mix))
        made = _trends(*_of_now_and_earlier(own, pending), _by_group(groups), agencies, metrics, known, pending)
        parts.append(written(made, COLUMNS))
    return pa.concat_tables(parts)


def _of_now_and_earlier(scores, pending):
    """Scores from the pending period on, what of earlier ones these are held against, and the members of panels."""
    year, before = (shift(pending, -quarters) for quarters in (max(SPANS.values()), 1))
    keys = [f"{_hash(*names)} as {key}" for key, names in KEYS.items()]
    now = scores.filter(f"period_id >= '{pending}'").project(", ".join([*TOLD, "status", *SCORE, PLACE, *keys]))
    # That a score was withheld is asked a year back, what was reported in all of its series.
    earlier = scores.filter(f"period_id < '{pending}' and (status = 'reported' or period_id >= '{year}')")
    earlier = earlier.project(", ".join(["status", *SCORE, PLACE, *keys]))
    # A pooled score has a series of its own, the panel of a region is held against the period before.
    members = f"unit_type = 'agency' or unit_type = 'agency_region' and period_id >= '{before}'"
    members = scores.filter(f"status = 'reported' and ({members})")
    members = members.project(", ".join([*SERIES, "period_id", "score", "standard_error", "slice_ids"]))
    return read(now), read(earlier), read(members)


def _by_group(mix):
    """Answers of each unit by service and channel; a region is made of all groups that its agencies are made of there."""
    # Sums of floats follow the order of groups: that of their names, for a hash is another in another version.
    order = mix.aggregate("group_id").project("group_id, row_number() over (order by group_id) as group_of")
    mix = mix.join(order.set_alias("places"), "group_id")
    regions = mix.filter("unit_type = 'agency_region'")
    parts = [("unit_type", "unit_id", mix), ("'region'", "split_part(unit_id, '/', -1)", regions)]
    sums = f"{PLACE}, group_of, n, 100 * total / scale_range / n as rate"
    tables = [
        table.project(f"{_hash(kind, name, 'metric_id', 'instrument_id')} as instrument, {sums}")
        for kind, name, table in parts
    ]
    return read(tables[0].union(tables[1]))


def _hash(*names):
    """SQL of a number from 0 to 2^63 - 1 for a combination of values."""
    return f"cast(hash({', '.join(names)}) >> 1 as bigint)"


def _batches(*tables):
    """Metrics in batches of about ROWS rows."""
    sizes = pd.concat([read(table.aggregate("metric_id, count(*) as n", "metric_id")) for table in tables])
    sizes = sizes.groupby("metric_id", sort=True)["n"].sum()
    return [list(some.index) for _, some in sizes.groupby((sizes.cumsum() - 1) // ROWS)]


def _is_one_of(column, values):
    return duckdb.ColumnExpression(column).isin(*map(duckdb.ConstantExpression, values))


def _trends(now, earlier, members, mix, agencies, metrics, known, pending):
    """Rows of some metrics from the pending period on."""
    members = _members(members, agencies)
    pooled = _pooled(members, known, pending)
    is_now = (pooled["period_id"] >= pending).to_numpy()
    now = pd.concat([now, pooled[is_now]], ignore_index=True).astype(dict.fromkeys(SCORE, "float64"))
    rows = _numbered([now, earlier.astype(dict.fromkeys(SCORE, "float64")), pooled[~is_now]])
    told = rows[rows["status"] == "reported"].reset_index(drop=True)
    told = told.assign(error=_error(told, known["interval_level"]))
    shown = (now["status"] == "reported").to_numpy()
    withheld, now = now[~shown], now[shown].reset_index(drop=True)
    mixed = _mixed(mix, now)
    now = now.assign(**told.iloc[: len(now)][[*KEYS, "place", "error"]].to_dict("series"))
    columns = _controlled(now, told, metrics, known)
    for span, quarters in SPANS.items():
        columns |= _changes(now, told, rows, quarters, span)
    now = now.assign(**columns, **mixed)
    # Beside a shown score its change would tell an earlier one that was withheld.
    now.loc[now["change"].isna(), ["raw_change", "mix_effect"]] = np.nan
    now = now.merge(_panels(members, known, pending), on=[*SERIES, "period_id"], how="left")
    made = pd.concat([now, withheld], ignore_index=True)
    made["points_count"] = made["points_count"].fillna(0)
    return made.reindex(columns=list(COLUMNS))


def _numbered(tables):
    """Figures of all rows, their keys and quarters counted from the first: tables below have a row for each."""
    rows = pd.concat([table[["status", *SCORE, *KEYS, "place"]] for table in tables], ignore_index=True)
    for key in KEYS:
        rows[key] = pd.factorize(rows[key])[0]
    rows["place"] -= rows["place"].min()
    return rows


def _place(period_id):
    """Quarters counted from year 0."""
    code, known = pd.factorize(period_id)
    return np.array([index_of(period) for period in known], "int64")[code]


def _members(rows, agencies):
    """Each reported member of each panel: the panel's unit beside the member's score."""
    # Means of floats follow the order of rows.
    reported = rows.sort_values([*SERIES, "period_id"], kind="stable")
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
    made = made.assign(n_effective=made["n"], place=_place(made["period_id"])).drop(columns="variance")
    for key, names in KEYS.items():
        # No hash is negative.
        made[key] = -1 - made.groupby([name for name in names if name in SERIES], dropna=False).ngroup()
    return made.astype(dict.fromkeys(SCORE, "float64"))


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


def _mixed(mix, now):
    """Raw change and its mix effect over services and channels; the rate effect is the rest, and so they add up exactly."""
    group, groups = mix["group_of"].to_numpy(), int(mix["group_of"].max()) + 1 if len(mix) else 1
    series = pd.factorize(pd.concat([now["instrument"], mix["instrument"]]))[0]
    place = np.concatenate([now["place"], mix["place"]])
    place -= place.min() if place.size else 0
    # One number for a series in a period, such that the period before is one less.
    moment = series * (place.max(initial=0) + 2) + place
    wanted, given = np.split(moment, [len(now)])
    places = [_position(wanted, given + step) for step in (1, 0)]
    rows = [np.flatnonzero(place >= 0) for place in places]
    keys = [place[row] * groups + group[row] for place, row in zip(places, rows, strict=True)]
    keys, at = np.unique(np.concatenate(keys), return_inverse=True)
    size, rate = np.zeros((2, keys.size)), np.full((2, keys.size), np.nan)
    for side, (row, own) in enumerate(zip(rows, np.split(at, [len(rows[0])]), strict=True)):
        size[side, own], rate[side, own] = mix["n"].to_numpy(float)[row], mix["rate"].to_numpy(float)[row]
    mixed, rated = kitagawa_by_group(size[0], rate[0], size[1], rate[1], keys // groups, len(now))
    return {"raw_change": mixed + rated, "mix_effect": mixed}


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
