"""Screens of questionnaires and of whom a survey was offered to, for all agencies of one period.

Belongs here: which counts each screen uses, and who the peers are: all other agencies of the period. Does not belong here:
the formulas (`screens`), the limits (`thresholds.csv`), screens of scores (`screening`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from methodology import screens
from methodology.frames import Ints, Texts, numbers_by

Thresholds = Mapping[str, float]
COUNTS = ["questionnaires_count", "comparable_count", "straight_count", "equal_pairs_twice"]


def screen_rows(screen: str, found: screens.Screen, n: Any, faults: Any = None, **columns: Any) -> pd.DataFrame:
    """Return the rows of one screen; one without a statistic carries the fault. `n`, `faults`, columns: one, or one per unit."""
    statistic = np.asarray(found.statistic, float)
    table = pd.DataFrame({"statistic": statistic, "p_value": found.p_value, "threshold": found.threshold})
    table = table.assign(screen=screen, unit_type="agency", n=n, counts_people=True, **columns)
    missing = ~np.isfinite(statistic)
    table["is_flagged"] = pd.Series(found.flag, dtype="boolean").mask(missing)
    return table.assign(fault=pd.Series(faults, index=table.index, dtype="string").where(missing))


@dataclass(frozen=True)
class _Agencies:
    """The agencies of one period, in order, with the questionnaires of each that can be compared."""

    agency_id: Texts
    period_id: str
    comparable: screens.Floats

    def rows(self, screen: str, found: screens.Screen, n: screens.Floats, fault: str) -> pd.DataFrame:
        return screen_rows(
            screen, found, n, fault, unit_id=self.agency_id, agency_id=self.agency_id, period_id=self.period_id
        )


def screen_questionnaires(days: pd.DataFrame, thresholds: Thresholds, quarter_end: date) -> list[pd.DataFrame]:
    """Straight answers, equal pairs, the quarter's last days and bursts of one period's agencies, from counts by day."""
    counts = days.groupby("agency_id", sort=True)[COUNTS].sum().astype(float)
    agencies = _Agencies(
        counts.index.to_numpy(object), days["period_id"].iloc[0], counts["comparable_count"].to_numpy(float)
    )
    straight = screens.share_apart_from_peers(
        counts["straight_count"].to_numpy(float),
        agencies.comparable,
        thresholds["straight_lining_excess"],
        thresholds["screen_alpha"],
    )
    return [
        agencies.rows("straight_lining", straight, agencies.comparable, "too_few_items"),
        _equal_pairs(days, agencies, thresholds),
        *_over_time(days, agencies, thresholds, quarter_end),
    ]


def _over_time(
    days: pd.DataFrame, agencies: _Agencies, thresholds: Thresholds, quarter_end: date
) -> list[pd.DataFrame]:
    """Screen the quarter's last days, and bursts if there are peers to show which days are rare."""
    alpha = thresholds["screen_alpha"]
    dated = days.dropna(subset="day")
    by_day = dated.pivot_table(index="agency_id", columns="day", values="questionnaires_count", aggfunc="sum")
    by_day = by_day.reindex(agencies.agency_id).fillna(0.0).astype(float)
    seen = by_day.to_numpy(float)
    is_last = (pd.Timestamp(quarter_end) - pd.to_datetime(by_day.columns)).days < thresholds["quarter_end_days"]
    ended = screens.share_apart_from_peers(
        seen[:, is_last].sum(axis=1), seen.sum(axis=1), thresholds["quarter_end_excess"], alpha
    )
    tables = [agencies.rows("quarter_end", ended, seen.sum(axis=1), "no_dates")]
    if len(agencies.agency_id) > 1 and seen.shape[1] > 1:
        others = seen.sum(axis=0) - seen
        # Add one answer to every day: a day on which only this agency asked is rare among peers, not impossible.
        expected = (others + 1) / (others + 1).sum(axis=1, keepdims=True)
        found = screens.burst(seen, thresholds["burst_ratio"], alpha, expected)
        tables.append(agencies.rows("burst", found, seen.sum(axis=1), "no_dates"))
    return tables


def _equal_pairs(days: pd.DataFrame, agencies: _Agencies, thresholds: Thresholds) -> pd.DataFrame:
    """Screen pairs of one day that are equal in every answer; the other agencies' share is taken as chance."""
    sized = days.assign(
        equal=days["equal_pairs_twice"].astype(float) / 2,
        pairs=days["comparable_count"].astype(float) * (days["comparable_count"].astype(float) - 1) / 2,
    )
    counted = sized.dropna(subset="day").groupby("agency_id")[["equal", "pairs"]].sum()
    counted = counted.reindex(agencies.agency_id).fillna(0.0)
    equal, pairs = counted["equal"].to_numpy(float), counted["pairs"].to_numpy(float)
    others_equal, others_pairs = equal.sum() - equal, pairs.sum() - pairs
    # Add one equal pair: if peers had none so far, it is rare, not impossible.
    chance = np.where(others_pairs > 0, (others_equal + 1) / (others_pairs + 1), np.nan)
    found = screens.duplicates(equal, pairs, chance, thresholds["duplicate_ratio"], thresholds["screen_alpha"])
    return agencies.rows("duplicates", found, agencies.comparable, "no_pairs_among_peers")


def screen_offers(offers: pd.DataFrame, thresholds: Thresholds) -> list[pd.DataFrame]:
    """Screen offer rates by fifths of predicted satisfaction, where unanswered invitations are delivered too."""
    own = offers.dropna(subset="expected_satisfaction").sort_values(
        ["period_id", "agency_id", "expected_satisfaction", "service_id", "channel"], kind="stable"
    )
    if own.empty:
        return []
    counts = ["completed_count", "invited_count", "responded_count"]
    own = own.astype(dict.fromkeys(counts, "float64"))
    asked = own.assign(is_whole=own["invited_count"] <= own["completed_count"]).groupby(["period_id", "agency_id"])
    sums = asked[counts].sum()
    # If every invitation was answered, or invitations exceed transactions, not all of them were delivered.
    is_known = ((sums["invited_count"] > sums["responded_count"]) & asked["is_whole"].all()).to_numpy(bool)
    groups = int(thresholds["offer_groups"])
    fifth = _fifths(own, numbers_by(own, ["period_id", "agency_id"]), groups)
    offered, whole = (
        np.bincount(fifth, own[name].to_numpy(float), is_known.size * groups).reshape(-1, groups)
        for name in ("invited_count", "completed_count")
    )
    offered[~is_known] = 0.0
    made, index = [], sums.index.to_frame(index=False)
    # A fifth without transactions is not a step of the trend, so units with the same fifths are tested together.
    patterns, pattern = np.unique(whole > 0, axis=0, return_inverse=True)
    for number, used in enumerate(patterns):
        at = np.flatnonzero(pattern.ravel() == number)
        found = screens.offer_by_prediction(
            offered[at][:, used], whole[at][:, used], thresholds["offer_gap"], thresholds["screen_alpha"]
        )
        fault = np.where(is_known[at], "offers_do_not_differ", "invitations_not_recorded")
        agency, period = (index[name].to_numpy()[at] for name in ("agency_id", "period_id"))
        n = sums["completed_count"].to_numpy()[at]
        made.append(
            screen_rows("selective_offers", found, n, fault, unit_id=agency, agency_id=agency, period_id=period)
        )
    return made


def _fifths(own: pd.DataFrame, unit: Ints, groups: int) -> Ints:
    """Group of each row, numbered through all units: the one holding the midpoint of its service's transactions."""
    completed = own["completed_count"].to_numpy(float)
    whole = np.bincount(unit, completed)
    cumulated = own["completed_count"].groupby(unit).cumsum().to_numpy(float)
    middle = (cumulated - completed / 2) / whole[unit]
    return np.asarray(unit * groups + np.minimum((middle * groups).astype(np.int64), groups - 1))
