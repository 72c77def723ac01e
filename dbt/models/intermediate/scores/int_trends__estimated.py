"""Change of each reported score: to the quarter before and to the same quarter a year earlier, in its whole series, and in parts.

Belongs here: which scores are compared with which, and the panels of agencies behind regions, peer groups and the whole. Does not
belong here: the formulas (`methodology.change`, `methodology.control_charts`) and the published columns (`bench_trends`).

A row of a period is made from that period and earlier ones only.
"""

import numpy as np
import pandas as pd
from scipy import stats

from methodology.change import difference, kitagawa_by_group, panel_growth
from methodology.control_charts import p_chart, xmr_chart

SERIES = ["unit_type", "unit_id", "metric_id", "instrument_id"]
SCORE = ["score", "standard_error", "ci_low", "ci_high", "n", "n_effective"]
COLUMNS = {
    "score_id": "string",
    **dict.fromkeys(("unit_type", "unit_id", "agency_id", "metric_id", "period_id", "instrument_id"), "string"),
    "status": "string",
    "status_reason": "string",
    "score": "float64",
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
    dbt.config(materialized="table")
    scores = dbt.ref("bench_scores").df()
    mix = dbt.ref("int_mix__by_unit").df()
    agencies = dbt.ref("stg_registry__agencies").df()
    metrics = dbt.ref("stg_methodology__metrics").df()
    thresholds = dbt.ref("stg_methodology__thresholds").df()
    known = thresholds.set_index("name")["value"].to_dict()
    rows = scores[["score_id", *SERIES, "agency_id", "period_id", "status", "status_reason", *SCORE, "slice_ids"]]
    rows = rows.astype(dict.fromkeys(SCORE, "float64"))
    rows = rows.sort_values([*SERIES, "period_id"], kind="stable").reset_index(drop=True)
    members = _members(rows, agencies)
    rows = pd.concat([rows, _pooled(members, known)], ignore_index=True)
    rows["place"] = _place(rows["period_id"])
    reported = rows["status"] == "reported"
    told = rows[reported]
    for quarters, span in ((1, ""), (4, "year_")):
        told = told.join(_changes(told, rows, quarters, span, known["interval_level"]))
    told = told.join(_controlled(told, metrics, known))
    told = told.merge(_mixed(mix), on=[*SERIES, "period_id"], how="left")
    # Beside a shown score its change would tell an earlier one that was withheld.
    told.loc[told["change"].isna(), ["raw_change", "mix_effect"]] = np.nan
    told = told.merge(_panels(members, known), on=[*SERIES, "period_id"], how="left")
    made = pd.concat([told, rows[~reported]], ignore_index=True)
    made["points_count"] = made["points_count"].fillna(0)
    return made.reindex(columns=list(COLUMNS)).astype(COLUMNS)


def _place(period_id):
    """Quarters counted from year 0."""
    return period_id.str[:4].astype("int64") * 4 + period_id.str[5].astype("int64")


def _members(rows, agencies):
    """Each reported member of each panel: the panel's unit beside the member's score."""
    reported = rows[rows["status"] == "reported"]
    tables = []
    for panel, member in PANELS.items():
        own = reported[reported["unit_type"] == member].assign(panel_type=panel)
        if panel == "national":
            own = own.assign(panel_id="all")
        elif panel == "region":
            own = own.assign(panel_id=own["unit_id"].str.split("/").str[-1])
        else:
            own = own.merge(agencies[["agency_id", "peer_group"]].rename(columns={"peer_group": "panel_id"}))
        tables.append(own)
    return pd.concat(tables, ignore_index=True)


def _pooled(members, known):
    """Score of peer groups and of the whole: the mean over agencies, each counting once."""
    own = members[members["panel_type"] != "region"]
    own = own.assign(variance=own["standard_error"] ** 2)
    key = ["panel_type", "panel_id", "metric_id", "instrument_id", "period_id"]
    grouped = own.groupby(key, dropna=False, sort=True)
    made = grouped.agg(
        score=("score", "mean"),
        n=("score", "size"),
        variance=("variance", lambda v: v.sum(min_count=len(v))),
        slice_ids=("slice_ids", lambda ids: ";".join(sorted({part for each in ids for part in each.split(";")}))),
    ).reset_index()
    made["standard_error"] = np.sqrt(made["variance"].astype(float)) / made["n"]
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


def _changes(told, rows, quarters, span, level):
    """Difference to the same series so many quarters earlier, and why there is none."""
    now = told.assign(error=_error(told, level))
    earlier = now[[*SERIES, "place", "score", "error"]].assign(place=now["place"] + quarters)
    both = now.merge(earlier, on=[*SERIES, "place"], how="left", suffixes=("", "_before"))
    both.index = told.index
    change, error, low, high = difference(both["score_before"], both["score"], both["error_before"], both["error"])
    significant = np.where(np.isnan(error), np.nan, (low > 0) | (high < 0))
    unit = ["unit_type", "unit_id", "metric_id", "place"]
    before = rows.assign(place=rows["place"] + quarters)[[*unit, "status"]]
    any_row = before.drop_duplicates(unit)[unit].assign(had_row=True)
    any_score = before[before["status"] == "reported"].drop_duplicates(unit)[unit].assign(had_score=True)
    seen = now[unit].merge(any_row, on=unit, how="left").merge(any_score, on=unit, how="left")
    reason = np.select(
        [~np.isnan(change), seen["had_score"].notna(), seen["had_row"].notna()],
        ["", "instrument_differs", "not_reported_before"],
        "no_earlier_period",
    )
    made = {
        f"{span}change": change,
        f"{span}change_error": error,
        f"{span}change_low": low,
        f"{span}change_high": high,
        f"{span}change_is_significant": significant,
        f"{span}change_reason": np.where(reason == "", None, reason),
    }
    return pd.DataFrame(made, index=told.index)


def _controlled(told, metrics, known):
    """Each score in the chart of its series up to its own period: no later point moves its limits."""
    shares = set(metrics.loc[metrics["estimator"] == "proportion", "metric_id"])
    ordered = told.sort_values([*SERIES, "place"], kind="stable")
    position = ordered.groupby(SERIES, dropna=False).cumcount().to_numpy()
    series = ordered.groupby(SERIES, dropna=False, sort=True).ngroup().to_numpy()
    # Pooled means of agencies are no counts of answers.
    counted = ordered["metric_id"].isin(shares) & ~ordered["unit_type"].isin(["national", "peer_group"])
    shape = (int(series.max(initial=-1)) + 1, int(position.max(initial=-1)) + 1)
    score, size = np.full(shape, np.nan), np.full(shape, np.nan)
    score[series, position] = ordered["score"]
    size[series, position] = ordered["n_effective"]
    is_share = np.zeros(shape[0], bool)
    is_share[series] = counted
    centre, lower, upper = (np.full(shape, np.nan) for _ in range(3))
    signal = np.full(shape, None, dtype=object)
    for points in range(int(known["control_chart_points"]), shape[1] + 1):
        long = np.isfinite(score[:, points - 1])
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
    found = {"centre": centre, "lower_limit": lower, "upper_limit": upper, "control_signal": signal}
    made = pd.DataFrame({name: part[series, position] for name, part in found.items()}, index=ordered.index)
    made["points_count"] = position + 1
    made["control_method"] = np.where(made["control_signal"].isna(), None, np.where(counted, "p_laney", "xmr"))
    return made


def _mixed(mix):
    """Raw change and its mix effect over services and channels; the rate effect is the rest, and so they add up exactly."""
    # A country's groups at once would not fit; no change is of two metrics.
    made = [_mixed_metric(rows) for _, rows in mix.groupby("metric_id", sort=True)]
    columns = [*SERIES, "period_id", "raw_change", "mix_effect"]
    return pd.concat(made, ignore_index=True) if made else pd.DataFrame(columns=columns)


def _mixed_metric(mix):
    rows = mix.assign(place=_place(mix["period_id"]), n=mix["n"].astype(float))
    rows["rate"] = 100 * rows["total"].astype(float) / rows["scale_range"].astype(float) / rows["n"]
    periods = rows[[*SERIES, "period_id", "place"]].drop_duplicates()
    earlier = periods[[*SERIES, "place"]].assign(place=periods["place"] + 1)
    pairs = periods.merge(earlier, on=[*SERIES, "place"]).reset_index(drop=True)
    pairs["pair"] = np.arange(len(pairs))
    sides = []
    for side in (1, 0):
        keyed = pairs[[*SERIES, "place", "pair"]].assign(place=pairs["place"] - side)
        sides.append(rows.merge(keyed, on=[*SERIES, "place"])[["pair", "group_id", "n", "rate"]])
    groups = sides[0].merge(sides[1], on=["pair", "group_id"], how="outer", suffixes=("_before", "_after"))
    groups = groups.sort_values(["pair", "group_id"], kind="stable").fillna({"n_before": 0.0, "n_after": 0.0})
    mixed, rated = kitagawa_by_group(
        *(groups[name] for name in ("n_before", "rate_before", "n_after", "rate_after")), groups["pair"], len(pairs)
    )
    return pairs[[*SERIES, "period_id"]].assign(raw_change=mixed + rated, mix_effect=mixed)


def _panels(members, known):
    """Growth of the matched panel of members, each counting once, with the part of those who came and went."""
    key = ["panel_type", "panel_id", "metric_id", "instrument_id"]
    own = members[[*key, "period_id", "unit_id", "score"]].assign(place=_place(members["period_id"]))
    own = own[own.groupby(key, dropna=False)["unit_id"].transform("nunique") > known["minimum_peers"]]
    rows = []
    for group, table in own.groupby(key, dropna=False, sort=True):
        grid = table.pivot(index="unit_id", columns="place", values="score")
        period = dict(zip(table["place"], table["period_id"], strict=True))
        for place in grid.columns:
            if place - 1 not in grid.columns:
                continue
            before, after = grid[place - 1].to_numpy(float), grid[place].to_numpy(float)
            staying = int((np.isfinite(before) & np.isfinite(after)).sum())
            if staying <= known["minimum_peers"]:
                continue
            found = panel_growth(np.isfinite(before), before, np.isfinite(after), after)
            rows.append((*group, period[place], found.change, found.continuing, found.entrants, staying))
    parts = ["panel_change", "continuing_effect", "entrants_effect", "panel_count"]
    made = pd.DataFrame(rows, columns=[*SERIES, "period_id", *parts])
    return made.astype({**dict.fromkeys([*SERIES, "period_id"], "string"), **dict.fromkeys(parts, "float64")})
