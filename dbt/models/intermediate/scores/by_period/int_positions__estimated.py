"""Each agency's position among its peers, by `methodology.peers` and `methodology.ranks`.

Belongs here: the statistics of those whom the comparability gate lets stand beside each other. Does not belong here: the gate
(`int_comparability__gated`), the formulas (`methodology`) and the published table's columns (`bench_peer_positions`).
"""

import zlib
from functools import partial

import numpy as np
import pandas as pd

from methodology import peers, ranks
from miyar.relations import by_period, read

KEY = ["agency_id", "metric_id", "period_id", "instrument_id"]
COLUMNS = {
    **dict.fromkeys([*KEY, "peer_group"], "string"),
    "peers_count": "int64",
    **dict.fromkeys(["peer_median", "peer_lower_quartile", "peer_upper_quartile", "percentile", "z"], "float64"),
    "band": "string",
    **dict.fromkeys(["reliability", "rank_low", "rank_high", "expected_rank", "p_top3", "tier"], "float64"),
    "comparability_reason": "string",
    "rank_reason": "string",
}
RANKED = ["rank_low", "rank_high", "expected_rank", "p_top3", "tier"]
BANDS = {2: "much_better", 1: "better", 0: "as_expected", -1: "worse", -2: "much_worse"}
TOP = 3


def model(dbt, session):
    dbt.config(materialized="incremental")
    parameters = read(dbt.ref("stg_methodology__thresholds"))
    thresholds = dict(zip(parameters["name"], parameters["value"], strict=True))
    tables = {
        "gated": dbt.ref("int_comparability__gated"),
        "reliability": dbt.ref("int_reliability__estimated").filter("unit_type = 'agency'"),
    }
    estimated = partial(_estimated, thresholds=thresholds)
    return by_period(dbt.ref("int_periods__pending"), tables, estimated, COLUMNS)


def _estimated(gated, reliability, thresholds):
    """All positions of one period."""
    reliability = reliability.rename(columns={"unit_id": "agency_id"})
    rows = gated.merge(reliability[[*KEY, "reliability"]], on=KEY, how="left")
    rows = rows.sort_values(["comparison_class", *KEY], kind="stable").reset_index(drop=True)
    positions = [_positions(members, thresholds) for _, members in rows[rows["has_peers"]].groupby("comparison_class")]
    positions.append(rows[~rows["has_peers"]])
    return _with_reasons(pd.concat(positions), thresholds).sort_values(KEY, kind="stable")


def _positions(members, thresholds):
    """Statistics of one class, bands and rank sets of those the gate lets through."""
    score = members["score"].to_numpy(float)
    polarity = int(members["polarity"].iloc[0])
    low, median, high = peers.quartiles(score)
    made = members.assign(peer_median=median, peer_lower_quartile=low, peer_upper_quartile=high)
    if polarity:
        made["percentile"] = [peers.percentile_rank(one, score) for one in score]
    passed = members["comparability_reason"].isna().to_numpy()
    if not passed.any():
        return made
    own = members[passed]
    y, error = score[passed], own["standard_error"].to_numpy(float)
    # Where all answers are equal the estimated error is zero; the interval still has a width, and that is used.
    half = (own["ci_high"].to_numpy(float) - own["ci_low"].to_numpy(float)) / (2 * peers.WARNING_Z)
    error = np.where(error > 0, error, half)
    banded = peers.expected_range(y, error, thresholds["winsor_share"], consistent=True)
    made.loc[passed, "z"] = banded.z
    made.loc[passed, "band"] = [BANDS[int(band)] for band in peers.band(banded.z, polarity)]
    if (own["reliability"] >= thresholds["minimum_reliability"]).any():
        made.loc[passed, RANKED] = _ranked(own, y, error, polarity, thresholds)
    return made


def _ranked(own, y, error, polarity, thresholds):
    """Rank sets, expected ranks, P(top 3) and tiers (units, 5); a class draws its own numbers, whatever others there are."""
    seed = [int(thresholds["monte_carlo_seed"]), zlib.crc32(own["comparison_class"].iloc[0].encode())]
    rng, draws = np.random.default_rng(seed), int(thresholds["monte_carlo_draws"])
    sets = ranks.simultaneous_rank_sets(y, error, rng, thresholds["interval_level"], polarity, draws)
    top = ranks.rank_distribution(y, error, rng, polarity, draws).top(TOP)
    expected = ranks.expected_rank(y, error, polarity)
    return np.column_stack([sets.lower, sets.upper, expected, top, ranks.tiers(y, sets, polarity)])


def _with_reasons(rows, thresholds):
    """Ranks only of reliable scores, and why there is none."""
    for name in set(COLUMNS) - set(rows.columns):
        rows[name] = None if COLUMNS[name] == "string" else np.nan
    reliable = rows["reliability"] >= thresholds["minimum_reliability"]
    rows[RANKED] = rows[RANKED].where(reliable)
    rows["rank_reason"] = rows["comparability_reason"].where(
        rows["comparability_reason"].notna() | reliable, "reliability_low"
    )
    return rows
