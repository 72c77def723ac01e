"""Which agencies were surveyed alike: groups of survey modes' mixes, and what is left of their difference.

Belongs here: distances between mixes, groups within a declared distance. Does not belong here: breaks of an agency's own series
(`series`), modes taken out by an overlap study (`adjusted_scores`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from methodology.arrays import Floats
from methodology.frames import Ints
from methodology.linked_scores import as_compared

KEY = ["agency_id", "metric_id", "period_id", "instrument_id"]
ALIKE = ["metric_id", "period_id", "compared_instrument_id", "weighting", "adjustments"]
COLUMNS = {
    **dict.fromkeys(KEY, "string"),
    "mode_group": "string",
    "mode_distance": "float64",
    "mode_error": "float64",
}


def mode_groups(
    scores: pd.DataFrame, counts: pd.DataFrame, links: pd.DataFrame, *, thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """COLUMNS of every reported score of one period whose answers came by known modes.

    scores: KEY, weighting, adjustments and mode_set; counts: asked_count by agency_id, period_id and mode; links: scores compared
    on another scale (`linked_scores`). The mixes of two agencies of a group are at most `mode_distance` apart (`distances`).
    `mode_distance` of a row is to its group's mean mix m; `mode_error` is s |share - m|, the standard deviation of what different
    mixes add to a score where effects of modes are independent with a standard deviation of s = `mode_effect_sd`.
    """
    shares = counts.pivot_table("asked_count", "agency_id", "mode", "sum", fill_value=0.0)
    asked = shares.sum(axis=1)
    # Counts of nobody, or that are no counts, make no mix.
    shares = shares[(asked > 0) & np.isfinite(asked) & (shares >= 0).all(axis=1)]
    shares = shares.div(shares.sum(axis=1), axis=0)
    # What a study adjusted, and what was not surveyed, has no mix that matters.
    rows = scores[~scores["mode_set"].isin(["", "adjusted"]) & scores["agency_id"].isin(shares.index)]
    made = [pd.DataFrame(columns=list(COLUMNS))]
    rows = as_compared(rows, links).sort_values(KEY, kind="stable")
    for _, own in rows.groupby(ALIKE, sort=True):
        mixes = shares.loc[own["agency_id"]].to_numpy(float)
        group = grouped(mixes, thresholds["mode_distance"])
        away = mixes - np.stack([mixes[group == one].mean(axis=0) for one in group])
        made.append(
            own[KEY].assign(
                mode_group=[f"mix {one}" for one in group],
                mode_distance=np.abs(away).sum(axis=1) / 2,
                mode_error=thresholds["mode_effect_sd"] * np.sqrt((away**2).sum(axis=1)),
            )
        )
    return pd.concat(made).astype(COLUMNS).reset_index(drop=True)


def distances(mixes: Floats) -> Floats:
    """Share of answers (a, a) that would have to come by another mode for two mixes (a, m) to agree: half of sum |p - q|."""
    return np.asarray(np.abs(mixes[:, None] - mixes[None]).sum(axis=2) / 2)


def grouped(mixes: Floats, limit: float) -> Ints:
    """Number of each mix's group (a,), from 1 on, so that no two mixes of a group are further apart than `limit`.

    The mix with most others within limit / 2 leads the first group, which has all of these; then again among the rest. Ties
    go to the mix with the least sum of distances, then to the first.
    """
    between = distances(mixes)
    near = between <= limit / 2 + 1e-12
    group = np.zeros(len(mixes), np.int64)
    while (free := group == 0).any():
        count = np.where(free, (near & free).sum(axis=1), -1)
        total = np.where(count == count.max(), (between * free).sum(axis=1), np.inf)
        # Sums differ in their last bits with the order of agencies.
        leader = int(np.argmax(total <= total.min() + 1e-9))
        group[free & near[leader]] = group.max() + 1
    return group
