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

from methodology.change import difference, kitagawa
from methodology.charted_series import charted
from methodology.frames import only_where
from methodology.panel_changes import GROWTH, panel_changes
from methodology.panels import PANELS, POOLED, SCORE_OF_UNIT, panel_members, total_correlations, totals
from methodology.score_series import (
    KEYS,
    SCORE,
    SERIES,
    comparison_error,
    earlier,
    numbered,
    position,
    with_correlations,
)

Columns = dict[str, npt.NDArray[np.generic]]

# How many quarters back each span of columns compares, by the prefix of its columns.
SPANS = {"": 1, "year_": 4}
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
    "year_change_reason": "string",
    "control_method": "string",
    "points_count": "int64",
    "centre": "float64",
    "lower_limit": "float64",
    "upper_limit": "float64",
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
    *,
    agencies: pd.DataFrame,
    metrics: pd.DataFrame,
    thresholds: Mapping[str, float],
    since: int,
) -> pd.DataFrame:
    """A row with COLUMNS for each score of some metrics from the quarter `since` on, and for each total of agencies.

    now: scores from `since` on, whatever their status; before: what they are compared with; both with SCORE, a number for each
    of KEYS and their quarter. members: reported scores of agencies, of all quarters, and of agencies' regions, from a year
    before `since` on; frames: the population each of those that are weighted stands for. mix, regions: n and rate of answers of
    units and of whole regions, by instrument (as KEYS has it), quarter and group. people: how far scores from `since` on come
    from the people of earlier ones (`score_series.with_correlations`). agencies: peer group of each; metrics: estimator of
    each.
    """
    uncounted = set(metrics.loc[metrics["estimator"] == "practice_mean", "metric_id"])
    members = with_correlations(panel_members(members, frames, agencies, uncounted), people, SPANS)
    total = total_correlations(totals(members, thresholds, since), members, SPANS)
    is_now = (total["quarter"] >= since).to_numpy()
    # A region's score counts all its answers once, or the population they stand for.
    now = with_correlations(now, people, SPANS)
    now = now.assign(score_kind=np.where(now["unit_type"].isin(list(PANELS)), POOLED, SCORE_OF_UNIT))
    now = pd.concat([now, total[is_now]], ignore_index=True).astype(dict.fromkeys(SCORE, "float64"))
    rows = numbered([now, before.astype(dict.fromkeys(SCORE, "float64")), total[~is_now]])
    told = rows[rows["status"] == "reported"].reset_index(drop=True)
    told = told.assign(error=comparison_error(told, thresholds["interval_level"]))
    shown = (now["status"] == "reported").to_numpy()
    withheld, now = now[~shown], now[shown].reset_index(drop=True)
    mixed = _mixed(pd.concat([mix, regions], ignore_index=True), now)
    for name in (*KEYS, "quarter", "error"):
        now[name] = told[name].iloc[: len(now)]
    shares = set(metrics.loc[metrics["estimator"] == "proportion", "metric_id"])
    columns = charted(now, told, shares, thresholds)
    for span in SPANS:
        columns |= _changes(now, told, rows, span, thresholds["interval_level"])
    now = now.assign(**columns, **mixed)
    # Next to a shown score, its change would reveal an earlier one that was withheld.
    now.loc[now["change"].isna(), ["raw_change", "mix_effect"]] = np.nan
    parts = panel_changes(members, thresholds, since, SPANS)
    now = now.merge(parts, on=[*SERIES, "score_kind", "period_id"], how="left")
    made = pd.concat([now, withheld], ignore_index=True)
    made["points_count"] = made["points_count"].fillna(0)
    return made.reindex(columns=list(COLUMNS))


def _changes(now: pd.DataFrame, told: pd.DataFrame, rows: pd.DataFrame, span: str, level: float) -> Columns:
    """Difference from the score of the same series so many quarters earlier, or the reason there is none."""
    quarters = SPANS[span]
    at = earlier(now, told, "series", quarters)
    names = ("score", "error", "degrees_of_freedom")
    score, error, freedom = (np.append(told[name].to_numpy(float), np.nan)[at] for name in names)
    own_score, own_error, own_freedom, shared = (now[name].to_numpy(float) for name in (*names, f"{span}correlation"))
    change, error, low, high = difference(score, own_score, error, own_error, shared, level, (freedom, own_freedom))
    significant = np.where(np.isnan(error), np.nan, (low > 0) | (high < 0))
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
