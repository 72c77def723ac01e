"""Screens of how data came about: one row per screen and unit that has the data for it, for one period.

Belongs here: the one table of all screens; screens of scores, levels and burdens. Does not belong here: the formulas (`screens`),
the limits (`thresholds.csv`), screens of questionnaires and offers (`answer_screens`). A flag is a question to a person; nothing
downstream reads it.
"""

from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
import pandas as pd

from methodology import screens
from methodology.answer_screens import screen_offers, screen_questionnaires, screen_rows
from methodology.lineage import joined

Thresholds = Mapping[str, float]
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


def screenings(
    days: pd.DataFrame,
    offers: pd.DataFrame,
    burdens: pd.DataFrame,
    scores: pd.DataFrame,
    positions: pd.DataFrame,
    assessed: pd.DataFrame,
    closed: pd.DataFrame,
    *,
    levels: pd.DataFrame,
    metrics: pd.DataFrame,
    thresholds: Thresholds,
    satisfaction: str | None,
    last_day: Callable[[str], date],
) -> pd.DataFrame:
    """COLUMNS of all screens of one period.

    days: questionnaires of agencies by day; offers: transactions, invitations and answers by service and channel; burdens:
    beneficiaries by number of invitations; scores and positions: agencies' reported scores and their peers' medians; assessed:
    maturity by model; closed: agencies' complaints that were withdrawn (ended) or resolved instead (competing). levels: cut-offs
    by model; metrics: the catalogue; satisfaction: the metric questionnaires are about; last_day: that of a period.
    """
    slices = days.groupby(["agency_id", "period_id"])["slice_id"].agg(joined)
    made = []
    if len(days):
        ordered = days.sort_values(["agency_id", "slice_id", "day"], kind="stable")
        made += screen_questionnaires(ordered, thresholds, last_day(days["period_id"].iloc[0]))
    made += screen_offers(offers, thresholds)
    for table in made:
        table["slice_ids"] = slices.reindex(pd.MultiIndex.from_frame(table[["agency_id", "period_id"]])).to_numpy()
        table["metric_id"] = satisfaction
    made += [
        *screen_headlines(scores, positions, metrics, thresholds),
        *screen_levels(assessed, levels, metrics, thresholds),
        *screen_burdens(burdens, thresholds),
        *screen_withdrawals(closed, thresholds),
    ]
    whole = pd.concat([pd.DataFrame(columns=list(COLUMNS)), *made])[list(COLUMNS)].astype(COLUMNS)
    return whole.sort_values(KEY, kind="stable", na_position="first").reset_index(drop=True)


def screen_headlines(
    scores: pd.DataFrame, positions: pd.DataFrame, metrics: pd.DataFrame, thresholds: Thresholds
) -> list[pd.DataFrame]:
    """The tipping point of each reported headline with a response rate, compared with the median of its peers."""
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
        thresholds["tipping_gap"],
    )
    fault = np.where(rows["peer_median"].isna(), "fewer_than_five_peers", "everybody_answered")
    common = {name: rows[name].to_numpy() for name in (*key, "slice_ids")}
    n = rows["n"].to_numpy(float)
    return [screen_rows("tipping_point", found, n, fault, unit_id=rows["agency_id"].to_numpy(), **common)]


def screen_levels(
    assessed: pd.DataFrame, levels: pd.DataFrame, metrics: pd.DataFrame, thresholds: Thresholds
) -> list[pd.DataFrame]:
    """Scores of all agencies just below and just above the cut-offs of a model's levels."""
    measured = dict(zip(metrics["measure_id"], metrics["metric_id"], strict=True))
    wholes = assessed[(assessed["part"] == "whole") & (assessed["unit_type"] == "agency") & assessed["score"].notna()]
    made, reach = [], thresholds["bunching_distance"]
    for (period, model_id), own in wholes.groupby(["period_id", "model_id"], sort=True):
        cuts = levels.loc[(levels["model_id"] == model_id) & (levels["level"] > 1), "from_score"].to_numpy(float)
        above = own["score"].to_numpy(float)[:, None] - cuts
        below, over = ((above < 0) & (above >= -reach)).sum(), ((above >= 0) & (above < reach)).sum()
        found = screens.bunching([below], [over], thresholds["bunching_share"], thresholds["screen_alpha"])
        row = screen_rows("bunching", found, below + over, "no_score_near_a_cut_off", unit_id="all", period_id=period)
        metric_id = measured.get(f"maturity.{model_id}")
        made.append(row.assign(metric_id=metric_id, counts_people=False, slice_ids=joined(own["slice_ids"])))
    return made


def screen_burdens(burdens: pd.DataFrame, thresholds: Thresholds) -> list[pd.DataFrame]:
    """Share of beneficiaries asked too often, all agencies together."""
    made = []
    for period, own in burdens.groupby("period_id", sort=True):
        times = np.bincount(own["times"].to_numpy(int), own["beneficiaries_count"].to_numpy(float))
        found = screens.survey_burden(times[None, :], int(thresholds["burden_limit"]), thresholds["burden_share"])
        made.append(screen_rows("survey_burden", found, times.sum(), unit_id="all", period_id=period, slice_ids=""))
    return made


def screen_withdrawals(closed: pd.DataFrame, thresholds: Thresholds) -> list[pd.DataFrame]:
    """Share of an agency's closed complaints that were withdrawn, against its peers': pressure to withdraw looks like this."""
    if closed.empty:
        return []
    groups = closed.groupby(["agency_id", "period_id"], sort=True)
    counts = groups[["ended_count", "competing_count"]].sum()
    withdrawn, n = counts["ended_count"].to_numpy(float), counts.sum(axis=1).to_numpy(float)
    found = screens.share_apart_from_peers(withdrawn, n, thresholds["withdrawal_excess"], thresholds["screen_alpha"])
    agency = counts.index.get_level_values("agency_id")
    period = counts.index.get_level_values("period_id")
    slices = groups["slice_ids"].agg(joined).to_numpy()
    fault = "nothing_closed"
    return [
        screen_rows(
            "withdrawals", found, n, fault, unit_id=agency, agency_id=agency, period_id=period, slice_ids=slices
        )
    ]
