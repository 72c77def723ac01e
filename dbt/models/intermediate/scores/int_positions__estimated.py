"""Each agency's position among its peers, by `methodology.peers`; the comparability gate decides who is a peer.

Belongs here: the gate (same peer group, metric, period and instrument; enough peers) and the statistics of those who pass.
Does not belong here: the formulas (`methodology`) and the published table's columns (`bench_peer_positions`).
"""

import numpy as np
import pandas as pd

from methodology import peers

COLUMNS = {
    "agency_id": "string",
    "metric_id": "string",
    "period_id": "string",
    "instrument_id": "string",
    "peer_group": "string",
    "peers_count": "int64",
    "peer_median": "float64",
    "peer_lower_quartile": "float64",
    "peer_upper_quartile": "float64",
    "percentile": "float64",
    "z": "float64",
    "band": "string",
    "comparability_reason": "string",
}
BANDS = {2: "much_better", 1: "better", 0: "as_expected", -1: "worse", -2: "much_worse"}


def model(dbt, session):
    dbt.config(materialized="table")
    scores = dbt.ref("int_scores__judged").df()
    agencies = dbt.ref("stg_registry__agencies").df()
    metrics = dbt.ref("stg_methodology__metrics").df()
    parameters = dbt.ref("stg_methodology__thresholds").df()
    groups = agencies[["agency_id", "peer_group"]]
    polarity = dict(zip(metrics["metric_id"], metrics["polarity"], strict=True))
    thresholds = dict(zip(parameters["name"], parameters["value"], strict=True))
    rows = scores[(scores["unit_type"] == "agency") & (scores["status"] == "reported")]
    rows = rows.merge(groups, on="agency_id").sort_values(["metric_id", "period_id", "agency_id", "instrument_id"])
    positions = []
    for (metric, _, _), group in rows.groupby(["metric_id", "period_id", "peer_group"], sort=True):
        for _, members in group.groupby("instrument_id", sort=True):
            others_elsewhere = group["agency_id"].nunique() - len(members)
            positions += _positions(members, others_elsewhere, polarity[metric], thresholds)
    return pd.DataFrame(positions, columns=list(COLUMNS)).astype(COLUMNS)


def _positions(members, others_elsewhere, polarity, thresholds):
    score = members["score"].to_numpy(float)
    error = members["standard_error"].to_numpy(float)
    low, high = members["ci_low"].to_numpy(float), members["ci_high"].to_numpy(float)
    # Where all answers are equal the estimated error is zero; the interval still has a width, and that is used.
    error = np.where(error > 0, error, (high - low) / (2 * peers.WARNING_Z))
    needed = int(thresholds["minimum_peers"])
    enough = len(members) - 1 >= needed
    measured = bool(np.all(np.isfinite(error)) and np.all(error > 0))
    base_known = bool(members["n"].notna().all())
    reason = _reason(enough, len(members) - 1 + others_elsewhere >= needed, measured, base_known, polarity)
    banded = peers.expected_range(score, error, thresholds["winsor_share"]) if reason is None else None
    bands = peers.band(banded.z, polarity) if banded else None
    low_q, median, high_q = peers.quartiles(score) if enough else (np.nan,) * 3
    made = []
    for place, row in enumerate(members.itertuples(index=False)):
        made.append(
            {
                **{
                    name: getattr(row, name)
                    for name in ("agency_id", "metric_id", "period_id", "instrument_id", "peer_group")
                },
                "peers_count": len(members) - 1,
                "peer_median": median,
                "peer_lower_quartile": low_q,
                "peer_upper_quartile": high_q,
                "percentile": peers.percentile_rank(score[place], score) if enough and polarity else np.nan,
                "z": banded.z[place] if banded else np.nan,
                "band": BANDS[int(bands[place])] if banded else None,
                "comparability_reason": reason,
            }
        )
    return made


def _reason(enough, enough_with_other_instruments, measured, base_known, polarity):
    """Why no band is given, or None. Order: what the reader can least change comes first."""
    if polarity == 0:
        return "not_ranked_alone"
    if not enough:
        return "instrument_differs" if enough_with_other_instruments else "too_few_peers"
    if not base_known:
        return "base_unknown"
    return None if measured else "no_interval"
