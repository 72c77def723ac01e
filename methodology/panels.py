"""Panels of agencies behind regions, peer groups and the national score: their pooled scores and their growth.

Belongs here: who is a member of which panel, the mean over members, the matched panel's change. Does not belong here: changes of
single scores (`trends`) and the decomposition itself (`change`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from methodology.change import panel_growth
from methodology.frames import Texts, only_where, rows_by
from methodology.lineage import joined
from methodology.score_series import KEYS, SCORE, SERIES

# By type of panel, the type of its members, whose mean the panel's score is.
PANELS = {"national": "agency", "peer_group": "agency", "region": "agency_region"}
GROWTH = ["panel_change", "continuing_effect", "entrants_effect", "panel_count"]
PANEL = ["panel_type", "panel_id", "metric_id", "instrument_id"]


def panel_members(reported: pd.DataFrame, agencies: pd.DataFrame) -> pd.DataFrame:
    """Each reported member of each panel: the panel's unit (`panel_type`, `panel_id`) with the member's score.

    `reported` holds scores of agencies and of their regions, `agencies` the peer group of each.
    """
    # Means of floats depend on the order of rows.
    reported = reported.sort_values([*SERIES, "period_id"], kind="stable")
    peers = agencies[["agency_id", "peer_group"]].rename(columns={"agency_id": "unit_id", "peer_group": "panel_id"})
    tables = []
    for panel, member in PANELS.items():
        own = reported[reported["unit_type"] == member].assign(panel_type=panel)
        if panel == "national":
            own = own.assign(panel_id="all")
        elif panel == "region":
            own = own.assign(panel_id=_region_of(own["unit_id"]))
        else:
            own = own.merge(peers, on="unit_id")
        tables.append(own)
    return pd.concat(tables, ignore_index=True)


def pooled_scores(members: pd.DataFrame, thresholds: Mapping[str, float], since: int) -> pd.DataFrame:
    """Pooled scores of peer groups and the nation per quarter: mean over agencies, each counted once, and its normal interval.

    Suppressed where no more than `minimum_peers` agencies contribute. Slices are named from the quarter `since` on.
    """
    own = members[members["panel_type"] != "region"]
    own = own.assign(variance=own["standard_error"] ** 2)
    key = [*PANEL, "period_id", "quarter"]
    grouped = own.groupby(key, dropna=False, sort=True)
    made = grouped.agg(
        score=("score", "mean"), n=("score", "size"), variance=("variance", "sum"), known=("variance", "count")
    )
    made["variance"] = made["variance"].where(made["known"] == made["n"])
    told = own[own["quarter"] >= since].groupby(key, dropna=False, sort=True)["slice_ids"]
    made["slice_ids"] = told.agg(joined)
    made = made.drop(columns="known").reset_index()
    made["standard_error"] = np.sqrt(made["variance"].astype(float)) / made["n"]
    quantile = stats.norm.ppf(0.5 + thresholds["interval_level"] / 2)
    half = quantile * made["standard_error"].where(made["standard_error"] > 0)
    made["ci_low"], made["ci_high"] = made["score"] - half, made["score"] + half
    # Members must not identify each other: the same minimum as among peers, not counting the viewer.
    enough = made["n"] > thresholds["minimum_peers"]
    made["status"] = np.where(enough, "reported", "suppressed")
    made["status_reason"] = only_where(~enough, "too_few_units")
    made = made.rename(columns={"panel_type": "unit_type", "panel_id": "unit_id"})
    made = made.assign(n_effective=made["n"]).drop(columns="variance")
    for name, columns in KEYS.items():
        # Negative keys: a pooled score has a series of its own, and keys of other scores are never negative.
        made[name] = -1 - made.groupby([column for column in columns if column in SERIES], dropna=False).ngroup()
    return made.astype(dict.fromkeys(SCORE, "float64"))


def panel_changes(members: pd.DataFrame, thresholds: Mapping[str, float], since: int) -> pd.DataFrame:
    """Growth of each matched panel from the quarter `since` on, each member counted once, with the part of entrants.

    A row per panel (named as unit) and period with more than `minimum_peers` members reported in the quarter before as well.
    """
    own = members.loc[members["quarter"] >= since - 1, [*PANEL, "period_id", "quarter", "unit_id", "score"]]
    own = own[own.groupby(PANEL, dropna=False)["unit_id"].transform("nunique") > thresholds["minimum_peers"]]
    rows: list[tuple[object, ...]] = []
    columns = [own[name].to_numpy() for name in ("quarter", "score", "period_id", "unit_id")]
    for panel, members_at in rows_by(own, PANEL).items():
        at, score, period_id, unit_id = (values[members_at] for values in columns)
        unit, units = pd.factorize(unit_id, sort=True)
        grid = {quarter: np.full(len(units), np.nan) for quarter in sorted(set(at.tolist()))}
        for quarter, values in grid.items():
            values[unit[at == quarter]] = score[at == quarter]
        period = dict(zip(at.tolist(), period_id, strict=True))
        for quarter, after in grid.items():
            if quarter < since or quarter - 1 not in grid:
                continue
            before = grid[quarter - 1]
            staying = int((np.isfinite(before) & np.isfinite(after)).sum())
            if staying <= thresholds["minimum_peers"]:
                continue
            found = panel_growth(np.isfinite(before), before, np.isfinite(after), after)
            rows.append((*panel, period[quarter], found.change, found.continuing, found.entrants, staying))
    made = pd.DataFrame(rows, columns=[*SERIES, "period_id", *GROWTH])
    return made.astype({**dict.fromkeys([*SERIES, "period_id"], "string"), **dict.fromkeys(GROWTH, "float64")})


def _region_of(names: "pd.Series[str]") -> Texts:
    """The region of an agency's region: the part after the last slash."""
    code, distinct = pd.factorize(names)
    return np.array([name.rsplit("/", 1)[-1] for name in distinct], object)[code]
