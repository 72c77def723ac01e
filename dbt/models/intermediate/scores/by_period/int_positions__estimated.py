"""Each agency's position among its peers, by `methodology.peers` and `methodology.ranks`.

Belongs here: the statistics of those whom the comparability gate lets stand beside each other. Does not belong here: the gate
(`int_comparability__gated`), the formulas (`methodology`) and the published table's columns (`bench_peer_positions`).
"""

import zlib
from functools import partial

import numpy as np
import pyarrow as pa

from methodology import peers, ranks
from miyar.relations import Dbt, by_period, read

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
STATISTICS = ["peer_median", "peer_lower_quartile", "peer_upper_quartile", "percentile"]
RANKED = ["rank_low", "rank_high", "expected_rank", "p_top3", "tier"]
BANDS = {2: "much_better", 1: "better", 0: "as_expected", -1: "worse", -2: "much_worse"}
TOP = 3


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
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
    error, half = rows["standard_error"], (rows["ci_high"] - rows["ci_low"]) / (2 * peers.WARNING_Z)
    known = {
        "score": rows["score"].to_numpy(float),
        # Where all answers are equal the estimated error is zero; the interval still has a width, and that is used.
        "error": np.where(error > 0, error, half),
        "passed": rows["comparability_reason"].isna().to_numpy(),
        "ranked": (rows["reliability"] >= thresholds["minimum_reliability"]).to_numpy(),
        "polarity": rows["polarity"].to_numpy(int),
    }
    found = {name: np.full(len(rows), np.nan) for name in [*STATISTICS, "z", *RANKED]}
    band = np.full(len(rows), None, object)
    for name, places in rows[rows["has_peers"]].groupby("comparison_class").indices.items():
        members = np.flatnonzero(rows["has_peers"])[places]
        _place(name, members, known, found, band, thresholds)
    return _with_reasons(rows.assign(**found, band=band), thresholds).sort_values(KEY, kind="stable")


def _place(name, members, known, found, band, thresholds):
    """Statistics of one class, bands and rank sets of those the gate lets through; written to their places."""
    score, polarity = known["score"][members], int(known["polarity"][members[0]])
    low, median, high = peers.quartiles(score)
    found["peer_lower_quartile"][members], found["peer_upper_quartile"][members] = low, high
    found["peer_median"][members] = median
    if polarity:
        found["percentile"][members] = peers.percentile_ranks(score)
    own = members[known["passed"][members]]
    if not own.size:
        return
    y, error = known["score"][own], known["error"][own]
    found["z"][own] = peers.expected_range(y, error, thresholds["winsor_share"], consistent=True).z
    band[own] = [BANDS[int(one)] for one in peers.band(found["z"][own], polarity)]
    if known["ranked"][own].any():
        for column, values in zip(RANKED, _ranked(name, y, error, polarity, thresholds), strict=True):
            found[column][own] = values


def _ranked(name, y, error, polarity, thresholds):
    """The RANKED columns (units,) of a class, which draws its own numbers, whatever others there are."""
    seed = [int(thresholds["monte_carlo_seed"]), zlib.crc32(name.encode())]
    rng, draws = np.random.default_rng(seed), int(thresholds["monte_carlo_draws"])
    sets = ranks.simultaneous_rank_sets(y, error, rng, thresholds["interval_level"], polarity, draws)
    top = ranks.rank_distribution(y, error, rng, polarity, draws).top(TOP)
    expected = ranks.expected_rank(y, error, polarity)
    return sets.lower, sets.upper, expected, top, ranks.tiers(y, sets, polarity)


def _with_reasons(rows, thresholds):
    """Ranks only of reliable scores, and why there is none."""
    reliable = rows["reliability"] >= thresholds["minimum_reliability"]
    rows[RANKED] = rows[RANKED].where(reliable)
    rows["rank_reason"] = rows["comparability_reason"].where(
        rows["comparability_reason"].notna() | reliable, "reliability_low"
    )
    return rows
