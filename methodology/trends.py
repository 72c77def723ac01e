"""Change of each reported score: from the quarter before, from the same quarter a year earlier, over its series, and by parts.

Belongs here: which scores are compared with which, and the reason given where a change cannot be reported. Does not belong here:
the formulas (`change`), the chart of a series (`charted_series`), totals of panels (`panels`) and what their change consists of
(`panel_changes`).

A row of a quarter uses that quarter and earlier ones only.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.bases import EXACT
from methodology.change import difference, kitagawa
from methodology.charted_series import charted
from methodology.frames import Ints, only_where
from methodology.full_counts import changed
from methodology.panel_changes import GROWTH, SPANS, YEAR, panel_changes
from methodology.panels import PANELS, POOLED, SCORE_OF_UNIT, panel_members, total_correlations, totals
from methodology.score_series import (
    KEYS,
    SCORE,
    SERIES,
    comparison_error,
    correlation_at,
    earlier,
    measured_before,
    numbered,
    position,
    with_correlations,
)
from methodology.total_attacks import telling

Columns = dict[str, npt.NDArray[np.generic]]

COLUMNS = {
    "score_id": "string",
    **dict.fromkeys(("unit_type", "unit_id", "agency_id", "metric_id", "period_id", "instrument_id"), "string"),
    "score_kind": "string",
    "pooled_by": "string",
    "status": "string",
    "status_reason": "string",
    "score": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "n": "float64",
    "n_effective": "float64",
    **{
        f"{span}change{part}": "float64"
        for span in SPANS
        for part in ("", "_error", "_low", "_high", "_is_significant")
    },
    "change_reason": "string",
    "compared_period_id": "string",
    "year_change_reason": "string",
    "control_method": "string",
    "points_count": "int64",
    "centre": "float64",
    "lower_limit": "float64",
    "upper_limit": "float64",
    "season_effect": "float64",
    "control_signal": "string",
    "raw_change": "float64",
    "mix_effect": "float64",
    **{f"{span}{name}": "float64" for span in SPANS for name in GROWTH},
    "slice_ids": "string",
}


def trends(
    now: pd.DataFrame,
    before: pd.DataFrame,
    members: pd.DataFrame,
    frames: pd.DataFrame,
    mix: pd.DataFrame,
    regions: pd.DataFrame,
    people: pd.DataFrame,
    located: pd.DataFrame,
    withheld: pd.DataFrame,
    *,
    agencies: pd.DataFrame,
    metrics: pd.DataFrame,
    seasons: pd.DataFrame,
    thresholds: Mapping[str, float],
    since: int,
) -> pd.DataFrame:
    """A row with COLUMNS for each score of some metrics from the quarter `since` on, and for each total of agencies.

    now: scores from `since` on, whatever their status; before: what they are compared with; both with SCORE, a number for each
    of KEYS and their quarter. members: reported scores of agencies, of all quarters, and of agencies' regions, as far back as
    they are compared; frames: the population each of those that are weighted stands for. mix, regions: n and rate of answers of
    units and of whole regions, by instrument (as KEYS has it), quarter and group. people: how far scores from `since` on come
    from the people of earlier ones (`score_series.with_correlations`). located: what agencies add to shared regions and journeys
    (`total_attacks.telling`);
    withheld: totals that nobody is shown (`total_sharing.withheld_totals`). agencies: peer group of each; metrics: estimator,
    base, quarters_apart and smallest_difference of each; seasons: share of a quarter's days that is a season. A change is to the
    last measurement (`measured_before`), whose period is named; mix and rate are told of what is measured every quarter.
    """
    uncounted = set(metrics.loc[metrics["base"] == "index", "metric_id"])
    kinds = metrics.set_index("metric_id")[["base", "quarters_apart", "smallest_difference"]]
    members = with_correlations(panel_members(members, frames, agencies, uncounted), people)
    total = totals(members, thresholds, since)
    tells = telling(total, members, located, int(thresholds["minimum_contributors"]))
    key = [*SERIES, "period_id", "score_kind"]
    tells |= total[key].merge(withheld.assign(told=True), on=key, how="left")["told"].eq(True).to_numpy(bool)
    total = total.assign(
        status=total["status"].mask(tells, "suppressed"),
        status_reason=total["status_reason"].mask(tells, "too_few_units"),
    )
    total = total_correlations(total, members)
    is_now = (total["quarter"] >= since).to_numpy()
    # A region's score counts all its answers once, or the population they stand for.
    now = with_correlations(now, people)
    now = now.assign(score_kind=np.where(now["unit_type"].isin(list(PANELS)), POOLED, SCORE_OF_UNIT))
    now = pd.concat([now, total[is_now]], ignore_index=True).astype(dict.fromkeys(SCORE, "float64"))
    tables = [now, before.astype(dict.fromkeys(SCORE, "float64")), total[~is_now]]
    days = _season_shares(seasons, pd.concat([table["quarter"] for table in tables]))
    rows = numbered(tables)
    told = rows[rows["status"] == "reported"].reset_index(drop=True)
    told = told.assign(error=comparison_error(told, thresholds["interval_level"]))
    shown = (now["status"] == "reported").to_numpy()
    withheld, now = now[~shown], now[shown].reset_index(drop=True)
    mixed = _mixed(pd.concat([mix, regions], ignore_index=True), now)
    for name in (*KEYS, "quarter", "error"):
        now[name] = told[name].iloc[: len(now)]
    is_share = (metrics["estimator"] == "proportion") & ~metrics["base"].isin(EXACT)
    matters = {
        str(metric): float(own) for metric, own in kinds["smallest_difference"].astype(float).fillna(0.0).items()
    }
    columns = charted(now, told, set(metrics.loc[is_share, "metric_id"]), thresholds, days, matters)
    kind = kinds.reindex(now["metric_id"])
    apart = kind["quarters_apart"].fillna(1).to_numpy(np.int64)
    last = measured_before(now, rows, apart)
    for span, quarters in zip(SPANS, (last, np.full(len(now), YEAR)), strict=True):
        columns |= _changes(now, told, rows, quarters, span, kind, thresholds["interval_level"])
    columns["compared_period_id"] = only_where(~np.isnan(columns["change"].astype(float)), _before(now, last))
    now = now.assign(**columns, **mixed)
    # Next to a shown score, its change would reveal an earlier one that was withheld.
    now.loc[now["change"].isna() | (apart > 1), ["raw_change", "mix_effect"]] = np.nan
    parts = panel_changes(members, kinds["quarters_apart"], thresholds, since)
    now = now.merge(parts, on=[*SERIES, "score_kind", "period_id"], how="left")
    made = pd.concat([now, withheld], ignore_index=True)
    made["points_count"] = made["points_count"].fillna(0)
    return made.reindex(columns=list(COLUMNS))


def _season_shares(seasons: pd.DataFrame, quarter: "pd.Series[int]") -> npt.NDArray[np.float64]:
    """Shares (quarters, seasons) from the first to the last of these quarters; NaN where the calendar says nothing."""
    wide = seasons.pivot(index="quarter", columns="season", values="share")
    span = range(int(quarter.min()), int(quarter.max()) + 1) if len(quarter) else range(0)
    return np.asarray(wide.reindex(span).to_numpy(float, na_value=np.nan))


def _before(now: pd.DataFrame, quarters: Ints) -> npt.NDArray[np.object_]:
    """The period so many quarters before each row's."""
    year, quarter = now["period_id"].str[:4].astype(int).to_numpy(), now["period_id"].str[5:].astype(int).to_numpy()
    at = 4 * year + quarter - 1 - quarters
    return np.array([f"{one // 4:04d}Q{one % 4 + 1}" for one in at.tolist()], object)


def _changes(
    now: pd.DataFrame,
    told: pd.DataFrame,
    rows: pd.DataFrame,
    quarters: Ints,
    span: str,
    kind: pd.DataFrame,
    level: float,
) -> Columns:
    """Difference from the score of the same series so many quarters earlier (now,), or the reason there is none."""
    at = earlier(now, told, "series", quarters)
    names = ("score", "error", "degrees_of_freedom")
    score, error, freedom = (np.append(told[name].to_numpy(float), np.nan)[at] for name in names)
    own_score, own_error, own_freedom = (now[name].to_numpy(float) for name in names)
    shared = correlation_at(now, quarters)
    change, error, low, high = difference(score, own_score, error, own_error, shared, level, (freedom, own_freedom))
    significant = np.where(np.isnan(error), np.nan, (low > 0) | (high < 0))
    # A change of what was not sampled is real; what is told is whether it matters.
    matters = changed(change, kind["smallest_difference"].astype(float).fillna(0.0).to_numpy())
    significant = np.where(kind["base"].isin(EXACT).to_numpy(), matters, significant)
    had = {
        "adjustment_differs": earlier(now, told, "framed", quarters) >= 0,
        "frame_differs": earlier(now, told, "unbroken", quarters) >= 0,
        "series_differs": earlier(now, told, "instrument", quarters) >= 0,
        "instrument_differs": earlier(now, told, "measured", quarters) >= 0,
        "not_reported_before": earlier(now, rows, "measured", quarters) >= 0,
    }
    reason = np.select([~np.isnan(change), *had.values()], ["", *had], "no_earlier_period")
    return {
        f"{span}change": change,
        f"{span}change_error": error,
        f"{span}change_low": low,
        f"{span}change_high": high,
        f"{span}change_is_significant": significant,
        f"{span}change_reason": only_where(reason != "", reason),
    }


def _mixed(mix: pd.DataFrame, now: pd.DataFrame) -> Columns:
    """Raw change and its mix effect over groups of answers; the rate effect is the rest, so that they add up exactly."""
    group, groups = mix["group_of"].to_numpy(), int(mix["group_of"].max()) + 1 if len(mix) else 1
    series = pd.factorize(pd.concat([now["instrument"], mix["instrument"]]))[0]
    quarter = np.concatenate([now["quarter"].to_numpy(), mix["quarter"].to_numpy()])
    quarter -= quarter.min() if quarter.size else 0
    # One number for a series in a quarter, such that the quarter before is one less.
    moment = series * (quarter.max(initial=0) + 2) + quarter
    wanted, given = np.split(moment, [len(now)])
    places = [position(wanted, given + step) for step in (1, 0)]
    rows = [np.flatnonzero(at >= 0) for at in places]
    keys = [at[row] * groups + group[row] for at, row in zip(places, rows, strict=True)]
    distinct, at = np.unique(np.concatenate(keys), return_inverse=True)
    size, rate = np.zeros((2, distinct.size)), np.full((2, distinct.size), np.nan)
    for side, (row, own) in enumerate(zip(rows, np.split(at, [len(rows[0])]), strict=True)):
        size[side, own], rate[side, own] = mix["n"].to_numpy(float)[row], mix["rate"].to_numpy(float)[row]
    parts = kitagawa(size[0], rate[0], size[1], rate[1], distinct // groups, len(now))
    return {"raw_change": parts.mix + parts.rate, "mix_effect": parts.mix}
