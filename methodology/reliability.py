"""Reliability of each reported score: how much of the spread among units like it is signal.

Belongs here: which units are alike (type, metric, period, peer group, instrument, weighting). Does not belong here: the formula
(`shrinkage`) and what reliability is used for (`positions`).
"""

import numpy as np
import pandas as pd
from scipy import stats

from methodology.arrays import Floats
from methodology.clusters import UPPER
from methodology.linked_scores import as_compared
from methodology.peers import usable_error
from methodology.ranks import KNOWN_FROM
from methodology.shrinkage import shrink, spread

KEY = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id"]
ALIKE = [
    *("unit_type", "metric_id", "period_id", "peer_group"),
    *("compared_instrument_id", "weighting", "mode_group", "adjustments"),
]
COLUMNS = {**dict.fromkeys(KEY, "string"), "reliability": "float64"}


def reliabilities(
    scores: pd.DataFrame,
    mixes: pd.DataFrame,
    links: pd.DataFrame,
    *,
    agencies: pd.DataFrame,
    minimum_peers: float,
) -> pd.DataFrame:
    """Return reliabilities of one period's reported scores, a row each with COLUMNS.

    A unit with fewer than `minimum_peers` others like it has none.

    scores: KEY, agency_id, score, standard_error, degrees_of_freedom, ci_low, ci_high, weighting, mode_set, adjustments. An error
    of few degrees of freedom counts as the normal one whose interval is as wide, t se / z: what is little known is little
    reliable. mixes: `mode_group` of agencies' scores as `mode_groups` makes them; links: scores compared on another scale.
    agencies: agency_id, peer_group; units of no agency make a group of their own.
    """
    rows = as_compared(scores, links).merge(agencies[["agency_id", "peer_group"]], on="agency_id", how="left")
    rows = rows.fillna({"peer_group": ""})
    # Parts of an agency are like those of other agencies surveyed by the same modes.
    rows = rows.merge(mixes[[*KEY[2:], "agency_id", "mode_group"]], on=[*KEY[2:], "agency_id"], how="left")
    rows["mode_group"] = rows["mode_group"].fillna(rows["mode_set"])
    error = usable_error(rows["standard_error"], rows["ci_low"], rows["ci_high"])
    rows = rows.assign(error=error * _widened(rows["degrees_of_freedom"].to_numpy(float, na_value=np.nan)))
    rows = rows[np.isfinite(rows["error"]) & (rows["error"] > 0)].sort_values(KEY, kind="stable")
    family = rows.groupby(ALIKE, sort=True).ngroup().to_numpy(np.int64)
    # A unit with an unknown characteristic belongs to no family.
    rows, family = rows[family >= 0], family[family >= 0]
    enough = np.bincount(family)[family] > minimum_peers
    rows, (_, family) = rows[enough], np.unique(family[enough], return_inverse=True)
    found = spread(rows["score"], rows["error"], family, int(family.max(initial=-1)) + 1)
    made: pd.DataFrame = rows.assign(reliability=shrink(rows["score"], rows["error"], family, found).reliability)
    return made


def _widened(freedom: Floats) -> Floats:
    """Student's over the normal quantile; 1 from `KNOWN_FROM` degrees of freedom on, and where they are not known."""
    few = freedom < KNOWN_FROM
    return np.asarray(
        np.where(few, stats.t.ppf(UPPER, np.where(few, np.maximum(freedom, 1), 1)) / stats.norm.ppf(UPPER), 1.0)
    )
