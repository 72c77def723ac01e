"""Each agency's verdict against its statistical neighbours, beside the verdict against its peer group.

Belongs here: which neighbours may be compared, the verdict among them, what of it may be shown. Does not belong here: who is near
(`neighbours`), the formulas (`peer_differences`), the other frames (`positions`).

Every agency has neighbours of its own, and sets that nearly agree could be subtracted from each other. The verdict is a word and
gives no equation; the difference stands only where no reader, together with any other, could solve their means for the score of
a third (`mean_attacks`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats
from methodology.bases import EXACT
from methodology.frame_figures import VERDICTS, Agencies, Compared, named_words
from methodology.frames import Texts
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
    reason = rows["national_reason"].to_numpy(object, copy=True)
    error = rows["error"].to_numpy(float)
    has_error = (np.isfinite(error) & (error > 0)) | rows["base"].isin(EXACT).to_numpy(bool)
    is_usable = np.isfinite(rows["score"].to_numpy(float, na_value=np.nan)) & has_error
    reason[pd.isna(reason) & ~is_usable] = "no_interval"
    passed = np.flatnonzero(pd.isna(reason))
    own, made = _Rows.of(rows), _Made.nothing(len(rows))
    for name, places in rows.iloc[passed].groupby("national_class", sort=True).indices.items():
        _placed(made, own, passed[places], str(name), sets, thresholds)
    few = passed[made.count[passed] < thresholds["minimum_peers"]]
    reason[few] = np.where(rows["agency_id"].iloc[few].isin(lacking), "context_missing", "too_few_neighbours")
    reason[made.is_told] = "neighbours_overlap"
    words = {"neighbour_verdict": made.verdict, "turns_with_neighbours": made.turns, "neighbour_reason": reason}
    figures = pd.DataFrame(made.figures, rows.index, FIGURES).assign(neighbours_count=made.count)
    found = pd.concat([rows[KEY], figures, pd.DataFrame(words, rows.index, dtype=object)], axis=1)
    return found[list(COLUMNS)].sort_values(KEY, kind="stable")


@dataclass(frozen=True)
class _Rows:
    """Columns of all rows, (rows,) each, taken out of their frame once; which means of peers the agency is shown."""

    compared: Compared
    agency: Texts
    group: Texts
    verdict: Texts
    is_native: Mask
    in_group: Mask
    in_nation: Mask

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "_Rows":
        """Of gated rows with their positions and errors."""
        agency, group, verdict = (rows[name].to_numpy(object) for name in ("agency_id", "comparison_class", "verdict"))
        is_native = (rows["instrument_id"] == rows["compared_instrument_id"]).to_numpy(bool)
        has_mean, has_nation = (
            np.isfinite(rows[name].to_numpy(float, na_value=np.nan)) for name in ("peer_mean", "national_peer_mean")
        )
        in_group = has_mean & (rows["peer_frame"].fillna("") == "group").to_numpy(bool)
        return cls(Compared.of(rows), agency, group, verdict, is_native, in_group, (has_mean & ~in_group) | has_nation)


@dataclass(frozen=True)
class _Made:
    """What is found of each row (rows,), filled in class by class; is_told: whether its means would tell of a third agency."""

    count: npt.NDArray[np.int64]
    verdict: Texts
    turns: Texts
    figures: Floats
    is_told: Mask

    @classmethod
    def nothing(cls, size: int) -> "_Made":
        """Of rows without neighbours."""
        verdict, turns = np.full((2, size), None, object)
        figures = np.full((size, len(FIGURES)), np.nan)
        return cls(np.zeros(size, np.int64), verdict, turns, figures, np.zeros(size, bool))


def _placed(
    made: _Made,
    rows: _Rows,
    at: npt.NDArray[np.int64],
    name: str,
    sets: Mapping[str, frozenset[str]],
    thresholds: Mapping[str, float],
) -> None:
    """Fill in the rows of one class that passes the gate."""
    is_near = _near(rows.agency[at], sets)
    # A score linked to the others' scale has neighbours and is nobody's: beside a total of that scale it would be what is left.
    is_near[:, ~rows.is_native[at]] = False
    made.count[at] = is_near.sum(axis=1)
    is_near[is_near.sum(axis=1) < thresholds["minimum_peers"]] = False
    has_enough: Mask = np.asarray(is_near.any(axis=1), bool)
    if not has_enough.any():
        return
    agencies = Agencies.of(rows.compared, at, name, thresholds)
    weights: Floats = is_near / np.maximum(is_near.sum(axis=1, keepdims=True), 1)
    figures, direction = _against_neighbours(agencies, weights)
    verdict = named_words(VERDICTS, agencies.polarity * direction)
    made.verdict[at[has_enough]] = verdict[has_enough]
    beside = has_enough & pd.notna(rows.verdict[at])
    made.turns[at[beside]] = rows.verdict[at[beside]] != verdict[beside]
    told = told_by_two(_shown(rows, at, is_near), has_enough, _totals(rows.group[at], thresholds["minimum_peers"]))
    figures[told | ~has_enough] = np.nan
    made.figures[at] = figures
    made.is_told[at] = told


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


def _shown(rows: _Rows, at: npt.NDArray[np.int64], is_near: Mask) -> list[Mask]:
    """The sets behind each agency's means: its group or the nation, the nation beside its group, its neighbours."""
    others = ~np.eye(at.size, dtype=bool)
    groups = rows.group[at]
    group = others & (groups[:, None] == groups) & rows.in_group[at][:, None]
    return [group, others & rows.in_nation[at][:, None], is_near]


def _totals(groups: Texts, least: float) -> Mask:
    """The sets (totals, agencies) whose means every reader is shown: whole peer groups and the nation (`panels.totals`)."""
    whole = [groups == one for one in sorted(set(groups))] + [np.ones(groups.size, bool)]
    return np.array([one for one in whole if one.sum() > least], bool).reshape(-1, groups.size)
