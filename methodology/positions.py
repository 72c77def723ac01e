"""Each agency's position among its peers: statistics of the group, both answers, rank set, tier, and why one is missing.

Belongs here: in which frame an agency is placed and which figures it gets there (`frame_figures`). Does not belong here: who may
be compared (the comparability gate, in the warehouse), the formulas and reliability (`shrinkage`).

Frames: `group`, the registry's peer group; `national`, all agencies whose instrument agrees. A group with too few gets the
national frame; otherwise the national difference stands beside the group's, and a verdict that is another one there is marked.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats
from methodology.bases import EXACT
from methodology.crosswalk import people_for_link
from methodology.frame_figures import Agencies, Compared, against_peers, benchmark, ranked, special_causes, statistics
from methodology.peers import usable_error

KEY = ["agency_id", "metric_id", "period_id", "instrument_id"]
STATISTICS = ["peer_median", "peer_lower_quartile", "peer_upper_quartile"]
DIFFERENCES = ["peer_mean", "difference", "difference_low", "difference_high"]
CHANCES = ["p_right", "p_beyond"]
TIPPING = "tipping_gap"
BENCHMARK = ["benchmark", "benchmark_agencies", "benchmark_distance", "benchmark_low", "benchmark_high"]
RANKED = ["rank_low", "rank_high", "expected_rank", "p_top3", "tier"]
COLUMNS = {
    **dict.fromkeys([*KEY, "peer_group", "peer_frame"], "string"),
    "peers_count": "int64",
    **dict.fromkeys([*STATISTICS, *DIFFERENCES, "smallest_difference"], "float64"),
    "verdict": "string",
    **dict.fromkeys([*CHANCES, TIPPING], "float64"),
    **dict.fromkeys([f"national_{name}" for name in DIFFERENCES], "float64"),
    "national_verdict": "string",
    "turns_with_frame": "boolean",
    "benchmark_frame": "string",
    **dict.fromkeys([*BENCHMARK, "z"], "float64"),
    "special_cause": "string",
    **dict.fromkeys(["reliability", *RANKED], "float64"),
    "comparability_reason": "string",
    "rank_reason": "string",
    "study_n": "float64",
}
# Reasons that a study of people who answer on both scales would settle.
LINKABLE = ["instrument_differs", "wording_differs"]


def positions(gated: pd.DataFrame, reliability: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Positions of one period's agencies, a row each with COLUMNS.

    gated: KEY, compared_instrument_id, peer_group, n, score, standard_error, shared_errors, degrees_of_freedom, response_rate
    (missing where nothing is surveyed), ci_low, ci_high, polarity, smallest_difference, base, and of each frame its class, the
    count of peers, whether they are enough and the reason against comparison (missing where the gate lets the score through):
    comparison_class, peers_count, has_peers, comparability_reason; national_class, national_peers_count, has_national_peers,
    national_reason. reliability: KEY with unit_id for agency_id, and reliability. Statistics are over a whole class, both answers
    and ranks over those that pass the gate; only reliable scores of a group, and those without a sampling error, show a rank.
    `tipping_gap` is how far those who did not answer would have to be from those who did for a direction told to be lost: the
    distance of the interval from zero over 1 - response rate. `study_n` is how many people a study would take that links the
    score to its peers' scale (`people_for_link`, answers on both correlated by `retest_correlation`).
    """
    reliability = reliability.rename(columns={"unit_id": "agency_id"})
    rows = gated.merge(reliability[[*KEY, "reliability"]], on=KEY, how="left")
    rows = rows.sort_values(["comparison_class", *KEY], kind="stable").reset_index(drop=True)
    # Without one of its own, no difference of a metric is known to matter less than any other.
    rows["smallest_difference"] = rows["smallest_difference"].astype(float).fillna(0.0)
    rows["error"] = usable_error(rows["standard_error"], rows["ci_low"], rows["ci_high"])
    group = _placed(rows, "group", thresholds)
    national = _placed(rows, "national", thresholds)
    return _with_reasons(_joined(rows, group, national, thresholds), thresholds).sort_values(KEY, kind="stable")


def _frame(rows: pd.DataFrame, frame: str) -> pd.DataFrame:
    """The gate's columns of a frame: class, has_peers, passed."""
    names = ("comparison_class", "has_peers", "comparability_reason")
    if frame == "national":
        names = ("national_class", "has_national_peers", "national_reason")
    own = rows[list(names)].set_axis(["class", "has_peers", "reason"], axis=1)
    has_peers = own["has_peers"].astype(bool)
    return own.assign(has_peers=has_peers, passed=own["reason"].isna() & has_peers)


def _placed(rows: pd.DataFrame, kind: str, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """All figures of a frame; ranks and special causes in groups alone, for a nation's agencies do unlike work."""
    frame, is_group = _frame(rows, kind), kind == "group"
    compared, rankable = Compared.of(rows), _rankable(rows, thresholds).to_numpy(bool)
    others, middle, against, best, z, ranks = (np.full((len(rows), width), np.nan) for width in (1, 3, 6, 5, 1, 5))
    verdict, cause = np.full((2, len(rows)), None, object)
    native = (rows["instrument_id"] == rows["compared_instrument_id"]).to_numpy(bool)
    in_mean = frame["passed"].to_numpy(bool, copy=True)
    for name, members, passed in _classes(frame):
        # Means are over those who ask on the scale itself, if they are enough: totals of a scale are published, and a linked
        # score among the others would be what is left of them.
        among = native[passed] | (native[passed].sum() <= thresholds["minimum_peers"])
        in_mean[passed[~among]] = False
        own_scale = members[native[members]]
        asked = own_scale if own_scale.size > thresholds["minimum_peers"] else members
        middle[members] = statistics(compared.score[asked], float(compared.smallest_difference[asked[0]]))
        if not passed.size:
            continue
        others[passed, 0] = among.sum() - among
        own = Agencies.of(compared, passed, name, thresholds, among)
        against[passed], verdict[passed] = against_peers(own)
        best[passed] = benchmark(own)
        if is_group:
            z[passed, 0], cause[passed] = special_causes(own)
            if rankable[passed].any():
                ranks[passed] = ranked(own)
    names = ["others", *STATISTICS, *DIFFERENCES, *CHANCES, *BENCHMARK, "z", *RANKED]
    figures = pd.DataFrame(np.hstack([others, middle, against, best, z, ranks]), rows.index, names)
    words = pd.DataFrame({"verdict": verdict, "special_cause": cause}, rows.index, dtype=object)
    return pd.concat([figures, words, frame[["has_peers", "passed"]].assign(in_mean=in_mean)], axis=1)


def _classes(frame: pd.DataFrame) -> Iterator[tuple[str, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Name, members and those that pass the gate of each class with enough peers."""
    has_peers = np.flatnonzero(frame["has_peers"].to_numpy(bool))
    passed = frame["passed"].to_numpy(bool)
    names = frame["class"].iloc[has_peers]
    for name, places in names.groupby(names.to_numpy()).indices.items():
        members = has_peers[places]
        yield str(name), members, members[passed[members]]


def _joined(
    rows: pd.DataFrame, group: pd.DataFrame, national: pd.DataFrame, thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """Each row in its frame, and the national difference beside the group's where both may be told."""
    one_left, one_left_beside = _one_left(rows, group["in_mean"], national["in_mean"])
    in_group, in_nation = group["has_peers"], national["has_peers"]
    alone = (~group["passed"] & national["passed"] | ~in_group & in_nation) & ~one_left
    told = ["special_cause", "verdict", *STATISTICS, *DIFFERENCES, *CHANCES, "z", *RANKED]
    made = rows.assign(**{name: group[name].where(~alone, national[name]) for name in told})
    made["peer_frame"] = _named(rows, {"group": in_group & ~alone, "national": alone})
    made["comparability_reason"] = made["comparability_reason"].where(~(alone & national["passed"]), None)
    by_nation = alone | group["benchmark"].isna()
    for name in BENCHMARK:
        made[name] = group[name].where(~by_nation, national[name])
    known = made["benchmark"].notna()
    made["benchmark_frame"] = _named(rows, {"group": known & ~by_nation, "national": known & by_nation})
    # Two means over nearly the same agencies would tell the few they do not share.
    more = national["others"] - group["others"] >= thresholds["minimum_peers"]
    beside = group["passed"] & national["passed"] & more & ~one_left_beside
    for name in [*DIFFERENCES, "verdict"]:
        made[f"national_{name}"] = national[name].where(beside, None if name == "verdict" else np.nan)
    made["turns_with_frame"] = (made["verdict"] != made["national_verdict"]).where(beside, None)
    low, high, rate = (made[name].to_numpy(float) for name in ("difference_low", "difference_high", "response_rate"))
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.maximum(np.maximum(low, -high), 0) / (1 - rate)
    # Where everybody answered nobody is left to differ.
    made[TIPPING] = np.where(made["p_right"].notna() & np.isfinite(gap), gap, np.nan)
    made["peers_count"] = rows["peers_count"].where(~alone, rows["national_peers_count"])
    return made


def _one_left(
    rows: pd.DataFrame, in_group: pd.Series, in_nation: pd.Series
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Where a reader of the national mean and one of another group's could work out one other agency's score between them.

    First for readers whose own group has no mean, then for those whose group has: the nation less two groups is left, or less all
    groups whose means are published (`panels.totals`).
    """
    alone, beside = np.zeros((2, len(rows)), bool)
    shown, nation = in_group.to_numpy(bool), in_nation.to_numpy(bool)
    groups = pd.factorize(rows["comparison_class"])[0]
    for places in rows.groupby("national_class").indices.values():
        is_shown = shown[places]
        _, own = np.unique(groups[places], return_inverse=True)
        sizes = np.bincount(own[is_shown], minlength=own.max() + 1)
        left = nation[places].sum() - np.where(is_shown, sizes[own], 1)
        is_other = (np.arange(sizes.size) != own[:, None]) & (sizes > 0)
        # Means of whole groups are published: beside them one of two that are left would know the other.
        rest = left - (sizes.sum() - sizes[own])
        told = ((left[:, None] - sizes == 1) & is_other).any(axis=1) | (rest == 1) | (rest == 2)
        alone[places], beside[places] = told & ~is_shown, told & is_shown
    return alone, beside


def _named(rows: pd.DataFrame, frames: Mapping[str, pd.Series]) -> pd.Series:
    """The name of the frame that each row is in, if any."""
    named = pd.Series(None, index=rows.index, dtype=object)
    for name, holds in frames.items():
        named[holds] = name
    return named


def _with_reasons(rows: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Keep ranks of reliable scores only, and give the reason where there is none."""
    reliable = _rankable(rows, thresholds)
    rows[RANKED] = rows[RANKED].where(reliable)
    reason = rows["comparability_reason"].where(rows["peer_frame"] != "national", "too_few_peers")
    rows["rank_reason"] = reason.where(reason.notna() | reliable, "reliability_low")
    rows["study_n"] = _study_size(rows, thresholds)
    return rows


def _rankable(rows: pd.DataFrame, thresholds: Mapping[str, float]) -> "pd.Series[bool]":
    """Whose order is more than noise."""
    return (rows["reliability"] >= thresholds["minimum_reliability"]) | rows["base"].isin(EXACT)


def _study_size(rows: pd.DataFrame, thresholds: Mapping[str, float]) -> Floats:
    """People who would have to answer on both scales for the link to add half of the smallest difference that matters at most."""
    n, error = (rows[name].to_numpy(float, na_value=np.nan) for name in ("n", "standard_error"))
    margin = rows["smallest_difference"].to_numpy(float) / 2
    people = people_for_link(error * np.sqrt(n), thresholds["retest_correlation"], margin)
    asked = rows["comparability_reason"].isin(LINKABLE).to_numpy(bool) & np.isfinite(people) & (people > 0)
    return np.where(asked, people, np.nan)
