"""Each agency's verdict against its statistical neighbours, beside the verdict against its peer group.

Belongs here: which neighbours may be compared, the verdict among them, what of it may be shown. Does not belong here: who is near
(`neighbours`), the formulas (`peer_differences`), the other frames (`positions`).

Every agency has neighbours of its own, and sets that nearly agree could be subtracted from each other. The verdict is a word and
gives no equation; the difference stands only where no reader, together with any other, could solve their means for the score of
a third (`mean_attacks`).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats
from methodology.bases import EXACT
from methodology.frame_figures import VERDICTS, Agencies, Compared, named_words
from methodology.full_counts import exact_differences
from methodology.mean_attacks import Mask, told_by_two
from methodology.peer_differences import peer_differences
from methodology.peers import usable_error

KEY = ["agency_id", "metric_id", "period_id", "instrument_id"]
FIGURES = ["neighbour_mean", "neighbour_difference", "neighbour_low", "neighbour_high"]
COLUMNS = {
    **dict.fromkeys(KEY, "string"),
    "neighbours_count": "int64",
    "neighbour_verdict": "string",
    "turns_with_neighbours": "boolean",
    **dict.fromkeys(FIGURES, "float64"),
    "neighbour_reason": "string",
}


def neighbour_positions(
    gated: pd.DataFrame, positions: pd.DataFrame, *, neighbours: pd.DataFrame, thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """Positions of one period's agencies among their neighbours, a row each with COLUMNS.

    gated: KEY, compared_instrument_id, score, standard_error, shared_errors, degrees_of_freedom, ci_low, ci_high, n, polarity,
    base, smallest_difference, comparison_class, national_class, national_reason. positions: KEY, verdict, peer_frame, peer_mean,
    national_peer_mean. neighbours: agency_id, neighbour_id and reason. Neighbours count where they agree in everything but the
    peer group and pass the gate; with fewer than `minimum_peers` of them the reason is the gate's, else context_missing or
    too_few_neighbours. Directions are simultaneous over a class. `neighbour_reason` also says neighbours_overlap where the
    verdict stands and the difference does not.
    """
    rows = gated.merge(
        positions[[*KEY, "verdict", "peer_frame", "peer_mean", "national_peer_mean"]], on=KEY, how="left"
    )
    rows = rows.sort_values(["national_class", *KEY], kind="stable").reset_index(drop=True)
    rows["error"] = usable_error(rows["standard_error"], rows["ci_low"], rows["ci_high"])
    near = neighbours.dropna(subset=["neighbour_id"])
    sets = {str(one): frozenset(own) for one, own in near.groupby("agency_id")["neighbour_id"]}
    lacking = set(neighbours.loc[neighbours["reason"].notna(), "agency_id"])
    words = dict.fromkeys(["neighbour_verdict", "turns_with_neighbours"])
    made = rows[KEY].assign(neighbours_count=0, **words, **dict.fromkeys(FIGURES, np.nan))
    made = made.astype(dict.fromkeys(words, object))
    made["neighbour_reason"] = rows["national_reason"].astype(object)
    error = rows["error"].to_numpy(float)
    has_error = (np.isfinite(error) & (error > 0)) | rows["base"].isin(EXACT).to_numpy(bool)
    is_usable = np.isfinite(rows["score"].to_numpy(float, na_value=np.nan)) & has_error
    made.loc[made["neighbour_reason"].isna().to_numpy(bool) & ~is_usable, "neighbour_reason"] = "no_interval"
    passed = made["neighbour_reason"].isna().to_numpy(bool)
    for name, places in rows[passed].groupby("national_class", sort=True).indices.items():
        _placed(made, rows, np.flatnonzero(passed)[places], str(name), sets, thresholds)
    few = passed & (made["neighbours_count"] < thresholds["minimum_peers"]).to_numpy(bool)
    made.loc[few, "neighbour_reason"] = np.where(
        rows.loc[few, "agency_id"].isin(lacking), "context_missing", "too_few_neighbours"
    )
    return made[list(COLUMNS)].sort_values(KEY, kind="stable")


def _placed(
    made: pd.DataFrame,
    rows: pd.DataFrame,
    at: npt.NDArray[np.int64],
    name: str,
    sets: Mapping[str, frozenset[str]],
    thresholds: Mapping[str, float],
) -> None:
    """Fill in the rows of one class that passes the gate."""
    own = rows.iloc[at]
    is_near = _near(own["agency_id"].to_numpy(object), sets)
    # A score linked to the others' scale has neighbours and is nobody's: beside a total of that scale it would be what is left.
    is_near[:, (own["instrument_id"] != own["compared_instrument_id"]).to_numpy(bool)] = False
    made.loc[at, "neighbours_count"] = is_near.sum(axis=1)
    is_near[is_near.sum(axis=1) < thresholds["minimum_peers"]] = False
    has_enough: Mask = np.asarray(is_near.any(axis=1), bool)
    if not has_enough.any():
        return
    agencies = Agencies.of(Compared.of(own), np.arange(len(own)), name, thresholds)
    weights: Floats = is_near / np.maximum(is_near.sum(axis=1, keepdims=True), 1)
    figures, direction = _against_neighbours(agencies, weights)
    verdict = named_words(VERDICTS, agencies.polarity * direction)
    made.loc[at[has_enough], "neighbour_verdict"] = verdict[has_enough]
    beside = has_enough & own["verdict"].notna().to_numpy(bool)
    made.loc[at[beside], "turns_with_neighbours"] = own["verdict"].to_numpy(object)[beside] != verdict[beside]
    told = told_by_two(_shown(own, is_near), has_enough, _totals(own, thresholds["minimum_peers"]))
    figures[told | ~has_enough] = np.nan
    made.loc[at, FIGURES] = figures
    made.loc[at[told], "neighbour_reason"] = "neighbours_overlap"


def _against_neighbours(agencies: Agencies, weights: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Neighbours' mean, difference and its interval (agencies, 4), and the direction told; `weights` (agencies, agencies)."""
    if agencies.is_exact:
        exact = exact_differences(agencies.score, agencies.smallest_difference, weights)
        nothing = np.full(exact.difference.size, np.nan)
        return np.column_stack([exact.others_mean, exact.difference, nothing, nothing]), exact.direction
    rng, draws = agencies.draws("against neighbours")
    level = agencies.thresholds["interval_level"]
    found = peer_differences(
        agencies.score, agencies.own_error, rng, level, draws, agencies.freedom, weights, agencies.shared
    )
    return np.column_stack([found.others_mean, found.difference, found.low, found.high]), found.direction


def _near(ids: npt.NDArray[np.object_], sets: Mapping[str, frozenset[str]]) -> Mask:
    """Whether the agency of the column is a neighbour of that of the row."""
    return np.array([[other in sets.get(one, frozenset()) for other in ids] for one in ids], bool)


def _shown(own: pd.DataFrame, is_near: Mask) -> list[Mask]:
    """The sets behind each agency's means: its group or the nation, the nation beside its group, its neighbours."""
    others = ~np.eye(len(own), dtype=bool)
    groups = own["comparison_class"].to_numpy(object)
    has_mean = np.isfinite(own["peer_mean"].to_numpy(float, na_value=np.nan))
    in_group = has_mean & (own["peer_frame"].fillna("") == "group").to_numpy(bool)
    in_nation = (has_mean & ~in_group) | np.isfinite(own["national_peer_mean"].to_numpy(float, na_value=np.nan))
    group = others & (groups[:, None] == groups) & in_group[:, None]
    return [group, others & in_nation[:, None], is_near]


def _totals(own: pd.DataFrame, least: float) -> Mask:
    """The sets (totals, agencies) whose means every reader is shown: whole peer groups and the nation (`panels.totals`)."""
    groups = own["comparison_class"].to_numpy(object)
    whole = [groups == one for one in sorted(set(groups))] + [np.ones(len(own), bool)]
    return np.array([one for one in whole if one.sum() > least], bool).reshape(-1, len(own))
