"""Panels of agencies behind regions, peer groups and the nation: who is a member, with which weight, and the panel's totals.

Belongs here: members and weights of a panel, the mean of agencies and the pooled figure, and when neither may be shown. Does not
belong here: what a panel's change consists of (`panel_changes`), changes of single scores (`trends`).
"""

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from methodology.contributors import dominated
from methodology.frames import Texts, numbers_by, only_where
from methodology.lineage import joined
from methodology.score_series import CORRELATIONS, KEYS, SCORE, SERIES
from methodology.shared_errors import of_totals

Floats = npt.NDArray[np.float64]
# By type of panel, the type of its members.
PANELS = {"national": "agency", "peer_group": "agency", "region": "agency_region"}
PANEL = ["panel_type", "panel_id", "metric_id", "instrument_id", "score_kind"]
# What a row of trends says: one unit's own score; the mean over agencies, each counted once; everybody counted once.
SCORE_OF_UNIT, MEAN, POOLED = "own", "mean_of_agencies", "pooled"


def panel_members(
    reported: pd.DataFrame, frames: pd.DataFrame, agencies: pd.DataFrame, uncounted: Collection[str]
) -> pd.DataFrame:
    """Each reported member of each panel and kind of score: `panel_type`, `panel_id`, `score_kind`, own score and `weight`.

    `reported` holds scores of agencies and of their regions, `frames` the population (`weight_sum`) that a weighted score stands
    for, `agencies` the peer group of each. In a mean of agencies each weighs 1. In a pooled figure each weighs what its score
    stands for: the frame's population where all members of the panel's quarter are weighted to one, else n, since the two do not
    add up; `pooled_by` says which (population or n). A region's own score is pooled already, so it has no mean; metrics in
    `uncounted`, whose n counts nobody, have no pooled figure.
    """
    same = [*SERIES, "period_id"]
    # A score that is no number is nobody's part of a total.
    reported = reported[np.isfinite(reported["score"].astype(float))]
    reported = reported.merge(frames[[*same, "weight_sum"]], on=same, how="left")
    # Sums of floats depend on the order of rows.
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
        if panel != "region":
            tables.append(own.assign(score_kind=MEAN, weight=1.0, pooled_by=None))
        tables.append(_pooled(own[~own["metric_id"].isin(uncounted)]))
    return pd.concat(tables, ignore_index=True).astype({"score_kind": "str", "pooled_by": "str", "weight": "float64"})


def _pooled(own: pd.DataFrame) -> pd.DataFrame:
    """Members of one type of panel with the weight of those their scores stand for."""
    own = own.assign(score_kind=POOLED, is_framed=own["weight_sum"] > 0)
    framed = own.groupby([*PANEL, "period_id"], dropna=False)["is_framed"].transform("all").astype(bool)
    weight = own["weight_sum"].where(framed, own["n"])
    return own.assign(weight=weight, pooled_by=np.where(framed, "population", "n")).drop(columns="is_framed")


def totals(members: pd.DataFrame, thresholds: Mapping[str, float], since: int) -> pd.DataFrame:
    """Mean of agencies and pooled figure of peer groups and the nation per quarter, with their normal intervals.

    score = sum w y / W, W = sum w, and se^2 = sum w^2 se^2 / W^2 with Satterthwaite's degrees of freedom, plus what members share
    of an overlap study's error (`shared_errors`); a mean has w = 1. n
    is the number of agencies of a mean and the sum of n of a pooled figure; n_effective is that number of a mean and W^2 / sum
    (w^2 / n_effective) of a pooled figure. Suppressed where no more than `minimum_peers` agencies contribute (too_few_units),
    where a base is not known (base_unknown) and where one agency could be worked out (one_agency_dominates), also from the nation
    less its groups. Slices are named from the quarter `since` on.
    """
    own = members[members["panel_type"] != "region"]
    is_mean, weight = own["score_kind"] == MEAN, own["weight"]
    variance = weight**2 * own["standard_error"] ** 2
    own = own.assign(
        product=weight * own["score"],
        variance=variance,
        # Infinite where it is not known: it takes nothing off the whole.
        spent=(variance**2 / own["degrees_of_freedom"].clip(lower=1)).fillna(0.0),
        counted=own["n"].where(~is_mean, 1.0),
        spread=weight**2 / own["n_effective"].where(own["n_effective"] > 0).where(~is_mean, 1.0),
    )
    key = [*PANEL, "period_id", "quarter"]
    grouped = own.groupby(key, dropna=False, sort=True)
    made = grouped.agg(agencies=("score", "size"), pooled_by=("pooled_by", "first"))
    for name in ("weight", "product", "variance", "counted", "spread"):
        # A total is known where it is known of every member.
        made[name] = grouped[name].sum(min_count=1).where(grouped[name].count() == made["agencies"])
    made["spent"] = grouped["spent"].sum()
    panel = numbers_by(own, key)
    made["variance"] += of_totals(own, panel, len(made))
    made["dominated"] = dominated(own["weight"].to_numpy(float), panel, len(made), thresholds)
    told = own[own["quarter"] >= since].groupby(key, dropna=False, sort=True)["slice_ids"]
    made["slice_ids"] = told.agg(joined)
    made = made.reset_index()
    # In a mean all weigh the same, and the minimum of agencies is the rule for it.
    made["dominated"] &= made["score_kind"] == POOLED
    made["score"] = made["product"] / made["weight"]
    made["standard_error"] = np.sqrt(made["variance"]) / made["weight"]
    made["n"], made["n_effective"] = made["counted"], made["weight"] ** 2 / made["spread"]
    made["degrees_of_freedom"] = (made["variance"] ** 2 / made["spent"]).where(made["spent"] > 0, np.inf)
    quantile = stats.t.ppf(0.5 + thresholds["interval_level"] / 2, made["degrees_of_freedom"])
    half = quantile * made["standard_error"].where(made["standard_error"] > 0)
    made["ci_low"], made["ci_high"] = made["score"] - half, made["score"] + half
    # Members must not identify each other: the same minimum as among peers, not counting the viewer.
    few, without_base = made["agencies"] <= thresholds["minimum_peers"], made["weight"].isna()
    reason = np.select(
        [few, without_base, made["dominated"]], ["too_few_units", "base_unknown", "one_agency_dominates"], ""
    )
    reason = np.where(reason == "", _left_over(own, made[key].assign(is_told=reason == ""), thresholds), reason)
    made["status"] = np.where(reason == "", "reported", "suppressed")
    made["status_reason"] = only_where(reason != "", reason)
    return _keyed(made.rename(columns={"panel_type": "unit_type", "panel_id": "unit_id"}))


def _left_over(own: pd.DataFrame, told: pd.DataFrame, thresholds: Mapping[str, float]) -> Texts:
    """Why a nation's total would tell of those in no peer group with a total (rows of `told`): they are what is left of it."""
    key = [name for name in told.columns if name != "is_told"]
    whole = [name for name in key if not name.startswith("panel")]
    rows = own[own["panel_type"] == "peer_group"].merge(told, on=key)
    rows = rows[~rows["is_told"]]
    left = rows.groupby(whole, dropna=False, sort=True).agg(left=("score", "size")).reset_index()
    left["leads"] = dominated(rows["weight"].to_numpy(float), numbers_by(rows, whole), len(left), thresholds)
    found = told.merge(left, on=whole, how="left")
    is_nation = (found["panel_type"] == "national") & found["left"].notna()
    few = is_nation & (found["left"] <= thresholds["minimum_peers"])
    leads = is_nation & (found["score_kind"] == POOLED) & found["leads"].eq(True)
    return np.select([few, leads], ["too_few_units", "one_agency_dominates"], "").astype(object)


def total_correlations(total: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Totals with the CORRELATIONS of their error with that so many quarters earlier.

    r = sum over members of both quarters of r_i w_i w_i' se_i se_i', over W W' se se' of the totals: 0 where nobody answered
    twice.
    """
    panel = {"panel_type": "unit_type", "panel_id": "unit_id"}
    key = [*PANEL, "unit_id", "quarter"]
    moved = members.assign(moved=members["weight"] * members["standard_error"])
    for column, quarters in CORRELATIONS.items():
        some = moved.loc[(moved[column] != 0) & (moved["panel_type"] != "region"), [*key, "moved", column]]
        then = (
            moved[[*key, "moved"]].assign(quarter=moved["quarter"] + quarters).rename(columns={"moved": "moved_then"})
        )
        both = some.merge(then, on=key)
        both["covariance"] = both[column] * both["moved"] * both["moved_then"]
        shared = both.groupby([*PANEL, "quarter"])["covariance"].sum().reset_index().rename(columns=panel)
        own = [*(panel.get(name, name) for name in PANEL), "quarter"]
        error = total.assign(whole=total["weight"] * total["standard_error"])[[*own, "whole"]]
        earlier = error.assign(quarter=error["quarter"] + quarters).rename(columns={"whole": "whole_then"})
        found = shared.merge(error, on=own).merge(earlier, on=own)
        found[column] = (found["covariance"] / (found["whole"] * found["whole_then"])).clip(-1, 1)
        total = total.merge(found[[*own, column]], on=own, how="left").fillna({column: 0.0})
    return total


def _keyed(made: pd.DataFrame) -> pd.DataFrame:
    """Totals with their SCORE as numbers and a number for each of KEYS, which are never those of units' own scores."""
    for name, columns in KEYS.items():
        parts = [column for column in columns if column in SERIES] + ["score_kind"]
        # Another population than before is another frame.
        parts += ["pooled_by"] if "weighting" in columns else []
        # Negative: keys of other scores never are.
        made[name] = -1 - made.groupby(parts, dropna=False).ngroup()
    return made.astype(dict.fromkeys(SCORE, "float64"))


def _region_of(names: "pd.Series[str]") -> Texts:
    """The region of an agency's region: the part after the last slash."""
    code, distinct = pd.factorize(names)
    return np.array([name.rsplit("/", 1)[-1] for name in distinct], object)[code]
