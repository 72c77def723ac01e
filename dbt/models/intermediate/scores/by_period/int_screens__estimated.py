"""Screens of how data came about: one row per screen and unit that has the data for it, by `methodology.screens`.

Belongs here: which counts a screen is asked about, and who the peers are: all agencies of the period. Does not belong here: the
formulas, and the limits (`thresholds.csv`). A flag is a question to a person; nothing above reads it.
"""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa

from methodology import screens
from miyar.relations import Dbt, by_period, read

COLUMNS = {
    **dict.fromkeys(
        ("screen", "unit_type", "unit_id", "agency_id", "metric_id", "instrument_id", "period_id"), "string"
    ),
    "n": "float64",
    "statistic": "float64",
    "p_value": "float64",
    "threshold": "float64",
    "is_flagged": "boolean",
    "counts_people": "boolean",
    "fault": "string",
    "slice_ids": "string",
}
KEY = ["screen", "period_id", "unit_type", "unit_id", "metric_id", "instrument_id"]


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    levels = read(dbt.ref("stg_methodology__maturity_levels"))
    metrics = read(dbt.ref("stg_methodology__metrics"))
    roles = read(dbt.ref("stg_methodology__roles"))
    parameters = read(dbt.ref("stg_methodology__thresholds"))
    known = dict(zip(parameters["name"], parameters["value"], strict=True))
    satisfaction = dict(zip(roles["role"], roles["metric_id"], strict=True)).get("satisfaction")
    tables = {
        "days": dbt.ref("int_questionnaires__cells"),
        "offers": dbt.ref("int_offers__counted"),
        "burdens": dbt.ref("int_burdens__counted"),
        "scores": dbt.ref("int_scores__judged").filter("unit_type = 'agency' and status = 'reported'"),
        "positions": dbt.ref("int_positions__estimated"),
        "assessed": dbt.ref("int_maturity__assessed"),
    }
    made = partial(_screens, levels=levels, metrics=metrics, known=known, satisfaction=satisfaction)
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)


def _screens(days, offers, burdens, scores, positions, assessed, levels, metrics, known, satisfaction):
    """All screens of one period."""
    slices = days.groupby(["agency_id", "period_id"])["slice_id"].agg(lambda ids: ";".join(sorted(set(ids))))
    made = []
    if len(days):
        made += _of_questionnaires(days.sort_values(["agency_id", "slice_id", "day"], kind="stable"), known)
    made += _of_offers(offers, known)
    for table in made:
        table["slice_ids"] = slices.reindex(pd.MultiIndex.from_frame(table[["agency_id", "period_id"]])).to_numpy()
        table["metric_id"] = satisfaction
    made += [*_of_headlines(scores, positions, metrics, known), *_of_levels(assessed, levels, metrics, known)]
    made += _of_burdens(burdens, known)
    tables = [table.reindex(columns=list(COLUMNS)).astype(COLUMNS) for table in made]
    whole = pd.concat([pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS), *tables], ignore_index=True)
    return whole.sort_values(KEY, kind="stable", na_position="first").reset_index(drop=True)


def _rows(screen, found, n, faults=None, **columns):
    """A table of one screen; what has no statistic carries the fault."""
    statistic = np.asarray(found.statistic, float)
    table = pd.DataFrame({"statistic": statistic, "p_value": found.p_value, "threshold": found.threshold})
    table = table.assign(screen=screen, unit_type="agency", n=n, counts_people=True, **columns)
    missing = ~np.isfinite(statistic)
    table["is_flagged"] = pd.Series(found.flag, dtype="boolean").mask(missing)
    return table.assign(fault=pd.Series(faults, index=table.index, dtype="string").where(missing))


def _of_questionnaires(own, known):
    """Straight answers, equal pairs, the quarter's last days and bursts of one period's agencies."""
    period = own["period_id"].iloc[0]
    counts = own.groupby("agency_id", sort=True)[
        ["questionnaires_count", "comparable_count", "straight_count", "equal_pairs_twice"]
    ].sum()
    counts = counts.astype(float)
    agencies, alpha = counts.index.to_numpy(), known["screen_alpha"]
    common = {"unit_id": agencies, "agency_id": agencies, "period_id": period}
    comparable = counts["comparable_count"].to_numpy()
    straight = screens.share_apart_from_peers(
        counts["straight_count"].to_numpy(), comparable, known["straight_lining_excess"], alpha
    )
    dated = own.dropna(subset="day")
    by_day = dated.pivot_table(index="agency_id", columns="day", values="questionnaires_count", aggfunc="sum")
    by_day = by_day.reindex(agencies).fillna(0.0).astype(float)
    seen = by_day.to_numpy()
    quarter_end = pd.Period(period, freq="Q").end_time.normalize()
    is_last = (quarter_end - pd.to_datetime(by_day.columns)).days < known["quarter_end_days"]
    ended = screens.share_apart_from_peers(
        seen[:, is_last].sum(axis=1), seen.sum(axis=1), known["quarter_end_excess"], alpha
    )
    tables = [
        _rows("straight_lining", straight, comparable, "too_few_items", **common),
        _equal_pairs(own, agencies, comparable, known, common),
        _rows("quarter_end", ended, seen.sum(axis=1), "no_dates", **common),
    ]
    if len(agencies) > 1 and seen.shape[1] > 1:
        others = seen.sum(axis=0) - seen
        # One answer more on every day: a day on which only this agency asked is rare among peers, not impossible.
        expected = (others + 1) / (others + 1).sum(axis=1, keepdims=True)
        found = screens.burst(seen, known["burst_ratio"], alpha, expected)
        tables.append(_rows("burst", found, seen.sum(axis=1), "no_dates", **common))
    return tables


def _equal_pairs(own, agencies, comparable, known, common):
    """Pairs of one day equal in every answer; what chance makes is what the other agencies have."""
    sized = own.assign(
        equal=own["equal_pairs_twice"].astype(float) / 2,
        pairs=own["comparable_count"].astype(float) * (own["comparable_count"].astype(float) - 1) / 2,
    )
    counted = sized.dropna(subset="day").groupby("agency_id")[["equal", "pairs"]].sum().reindex(agencies).fillna(0.0)
    equal, pairs = counted["equal"].to_numpy(), counted["pairs"].to_numpy()
    others_equal, others_pairs = equal.sum() - equal, pairs.sum() - pairs
    # One equal pair more: that peers had none so far makes it rare, not impossible.
    chance = np.where(others_pairs > 0, (others_equal + 1) / (others_pairs + 1), np.nan)
    found = screens.duplicates(equal, pairs, chance, known["duplicate_ratio"], known["screen_alpha"])
    return _rows("duplicates", found, comparable, "no_pairs_among_peers", **common)


def _of_offers(offers, known):
    """Offer rates by fifths of predicted satisfaction, where invitations without an answer are delivered too."""
    own = offers.dropna(subset="expected_satisfaction").sort_values(
        ["period_id", "agency_id", "expected_satisfaction", "service_id", "channel"], kind="stable"
    )
    if own.empty:
        return []
    counts = ["completed_count", "invited_count", "responded_count"]
    own = own.astype(dict.fromkeys(counts, "float64"))
    asked = own.assign(is_whole=own["invited_count"] <= own["completed_count"]).groupby(["period_id", "agency_id"])
    sums = asked[counts].sum()
    # Nobody invited without an answer, or more invited than there were: invitations are not all delivered.
    is_known = ((sums["invited_count"] > sums["responded_count"]) & asked["is_whole"].all()).to_numpy()
    unit, groups, completed = asked.ngroup().to_numpy(), int(known["offer_groups"]), own["completed_count"].to_numpy()
    # The fifth in which the middle of a service's transactions lies.
    middle = (asked["completed_count"].cumsum().to_numpy() - completed / 2) / sums["completed_count"].to_numpy()[unit]
    place = unit * groups + np.minimum((middle * groups).astype(int), groups - 1)
    offered, whole = (
        np.bincount(place, own[name], is_known.size * groups).reshape(-1, groups)
        for name in ("invited_count", "completed_count")
    )
    offered[~is_known] = 0.0
    made, index = [], sums.index.to_frame(index=False)
    # A fifth without transactions is no step of the trend: units with the same fifths are asked together.
    patterns, pattern = np.unique(whole > 0, axis=0, return_inverse=True)
    for number, used in enumerate(patterns):
        at = np.flatnonzero(pattern.ravel() == number)
        found = screens.offer_by_prediction(
            offered[at][:, used], whole[at][:, used], known["offer_gap"], known["screen_alpha"]
        )
        fault = np.where(is_known[at], "offers_do_not_differ", "invitations_not_recorded")
        agency, period = (index[name].to_numpy()[at] for name in ("agency_id", "period_id"))
        n = sums["completed_count"].to_numpy()[at]
        made.append(_rows("selective_offers", found, n, fault, unit_id=agency, agency_id=agency, period_id=period))
    return made


def _of_headlines(scores, positions, metrics, known):
    """The tipping point of each reported headline with a response rate, held against the median of its peers."""
    headlines = metrics[metrics["is_headline"].astype(str).str.lower().isin(["true", "1"])]["metric_id"]
    key = ["agency_id", "metric_id", "period_id", "instrument_id"]
    rows = scores[scores["metric_id"].isin(headlines) & scores["response_rate"].notna()]
    rows = rows.merge(positions[[*key, "peer_median"]], on=key, how="left")
    rows = rows.sort_values(["period_id", *key], kind="stable").reset_index(drop=True)
    if rows.empty:
        return []
    found = screens.tipping_point(
        rows["score"].to_numpy(float),
        rows["response_rate"].to_numpy(float),
        rows["peer_median"].to_numpy(float),
        known["tipping_gap"],
    )
    fault = np.where(rows["peer_median"].isna(), "fewer_than_five_peers", "everybody_answered")
    common = {name: rows[name].to_numpy() for name in (*key, "slice_ids")}
    return [
        _rows("tipping_point", found, rows["n"].to_numpy(float), fault, unit_id=rows["agency_id"].to_numpy(), **common)
    ]


def _of_levels(assessed, levels, metrics, known):
    """Scores of all agencies just below and just above the cut-offs of a model's levels."""
    measured = dict(zip(metrics["measure_id"], metrics["metric_id"], strict=True))
    wholes = assessed[(assessed["part"] == "whole") & (assessed["unit_type"] == "agency") & assessed["score"].notna()]
    made, reach = [], known["bunching_distance"]
    for (period, model_id), own in wholes.groupby(["period_id", "model_id"], sort=True):
        cuts = levels.loc[(levels["model_id"] == model_id) & (levels["level"] > 1), "from_score"].to_numpy(float)
        above = own["score"].to_numpy(float)[:, None] - cuts
        below, over = ((above < 0) & (above >= -reach)).sum(), ((above >= 0) & (above < reach)).sum()
        found = screens.bunching([below], [over], known["bunching_share"], known["screen_alpha"])
        row = _rows("bunching", found, below + over, "no_score_near_a_cut_off", unit_id="all", period_id=period)
        ids = sorted({one for joined in own["slice_ids"] for one in joined.split(";")})
        made.append(
            row.assign(metric_id=measured.get(f"maturity.{model_id}"), counts_people=False, slice_ids=";".join(ids))
        )
    return made


def _of_burdens(burdens, known):
    """Share of beneficiaries asked too often, all agencies together."""
    made = []
    for period, own in burdens.groupby("period_id", sort=True):
        times = np.bincount(own["times"].to_numpy(int), own["beneficiaries_count"].to_numpy(float))
        found = screens.survey_burden(times[None, :], int(known["burden_limit"]), known["burden_share"])
        made.append(_rows("survey_burden", found, times.sum(), unit_id="all", period_id=period, slice_ids=""))
    return made
