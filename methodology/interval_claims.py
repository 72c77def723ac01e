"""What the evidence says of each published interval: it holds what it claims, or it does so approximately.

Belongs here: the rules. Does not belong here: their limits (thresholds, each with the study behind it), the studies
(`simulation.coverage`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

KEY = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id"]
COLUMNS = {**dict.fromkeys([*KEY, "interval_claim"], "string")}
HOLDS, APPROXIMATE, NONE = "holds", "approximate", "none"
# Limits of shares are Wilson's, or of a curve read at one time.
OF_SHARES = ["wilson", "taylor_wilson", "aalen_johansen"]


def interval_claims(scores: pd.DataFrame, *, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """COLUMNS of one period's scores.

    scores: KEY, score, ci_low, interval_method, n_effective and branches_drawn (0 where branches were not drawn). An interval is
    `approximate` with an effective n below `interval_least_effective`; with fewer than
    `interval_least_branches` drawn branches; and of a share with less than `interval_least_far` answers' worth at the rarer end.
    It is `none` where there is no interval, and else `holds`.
    """
    effective, score, low, branches = (
        scores[name].to_numpy(float, na_value=np.nan) for name in ("n_effective", "score", "ci_low", "branches_drawn")
    )
    with np.errstate(invalid="ignore"):
        far = effective * np.minimum(score, 100 - score) / 100
        doubtful = (
            (effective < thresholds["interval_least_effective"])
            | ((branches > 0) & (branches < thresholds["interval_least_branches"]))
            | (scores["interval_method"].isin(OF_SHARES).to_numpy(bool) & (far < thresholds["interval_least_far"]))
        )
    claim = np.select([~np.isfinite(low), doubtful], [NONE, APPROXIMATE], HOLDS)
    return pd.DataFrame(scores[KEY].assign(interval_claim=claim))
