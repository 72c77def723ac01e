"""Each agency's position among its peers: statistics of the group, band, rank set, tier, and why one is missing.

Belongs here: which agencies get which figures of `peers` and `ranks`, and with which draws. Does not belong here: who may be
compared (the comparability gate, in the warehouse), the formulas (`peers`, `ranks`) and reliability (`shrinkage`).
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology import peers, ranks

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

KEY = ["agency_id", "metric_id", "period_id", "instrument_id"]
STATISTICS = ["peer_median", "peer_lower_quartile", "peer_upper_quartile", "percentile"]
RANKED = ["rank_low", "rank_high", "expected_rank", "p_top3", "tier"]
COLUMNS = {
    **dict.fromkeys([*KEY, "peer_group"], "string"),
    "peers_count": "int64",
    **dict.fromkeys([*STATISTICS, "z"], "float64"),
    "band": "string",
    **dict.fromkeys(["reliability", *RANKED], "float64"),
    "comparability_reason": "string",
    "rank_reason": "string",
}
BANDS = {2: "much_better", 1: "better", 0: "as_expected", -1: "worse", -2: "much_worse"}
TOP = 3


@dataclass(frozen=True)
class _Agencies:
    """Agencies with a score, (agencies,) each: `passed` the gate, `ranked` where reliable enough."""

    score: Floats
    error: Floats
    passed: Mask
    ranked: Mask
    polarity: Numbers


def positions(gated: pd.DataFrame, reliability: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Positions of one period's agencies, a row each with COLUMNS.

    gated: KEY, peer_group, score, standard_error, ci_low, ci_high, polarity, comparison_class, peers_count, has_peers and
    comparability_reason (missing where the gate lets the score through). reliability: KEY with unit_id for agency_id, and
    reliability. Statistics are over a whole class, bands and ranks over those that pass the gate; only reliable ones show a rank.
    """
    reliability = reliability.rename(columns={"unit_id": "agency_id"})
    rows = gated.merge(reliability[[*KEY, "reliability"]], on=KEY, how="left")
    rows = rows.sort_values(["comparison_class", *KEY], kind="stable").reset_index(drop=True)
    agencies = _Agencies(
        score=rows["score"].to_numpy(float),
        error=peers.usable_error(rows["standard_error"], rows["ci_low"], rows["ci_high"]),
        passed=rows["comparability_reason"].isna().to_numpy(bool),
        ranked=(rows["reliability"] >= thresholds["minimum_reliability"]).to_numpy(bool),
        polarity=rows["polarity"].to_numpy(int),
    )
    found = {name: np.full(len(rows), np.nan) for name in [*STATISTICS, "z", *RANKED]}
    band = np.full(len(rows), None, object)
    has_peers = rows["has_peers"].to_numpy(bool)
    for name, places in rows[has_peers].groupby("comparison_class").indices.items():
        members = np.flatnonzero(has_peers)[places]
        _place(str(name), members, agencies, found, band, thresholds)
    return _with_reasons(rows.assign(**found, band=band), thresholds).sort_values(KEY, kind="stable")


def _place(
    name: str,
    members: Numbers,
    agencies: _Agencies,
    found: Mapping[str, Floats],
    band: npt.NDArray[np.object_],
    thresholds: Mapping[str, float],
) -> None:
    """Write the statistics of one class, and bands and rank sets of those that pass the gate, to their places."""
    score, polarity = agencies.score[members], int(agencies.polarity[members[0]])
    low, median, high = peers.quartiles(score)
    found["peer_lower_quartile"][members], found["peer_upper_quartile"][members] = low, high
    found["peer_median"][members] = median
    if polarity:
        found["percentile"][members] = peers.percentile_ranks(score)
    own = members[agencies.passed[members]]
    if not own.size:
        return
    y, error = agencies.score[own], agencies.error[own]
    found["z"][own] = peers.expected_range(y, error, thresholds["winsor_share"], consistent=True).z
    band[own] = [BANDS[int(one)] for one in peers.band(found["z"][own], polarity)]
    if agencies.ranked[own].any():
        for column, values in _ranked(name, y, error, polarity, thresholds).items():
            found[column][own] = values


def _ranked(
    name: str, y: Floats, error: Floats, polarity: int, thresholds: Mapping[str, float]
) -> dict[str, npt.ArrayLike]:
    """The RANKED columns (units,) of a class, whose draws do not depend on other classes."""
    seed = [int(thresholds["monte_carlo_seed"]), zlib.crc32(name.encode())]
    rng, draws = np.random.default_rng(seed), int(thresholds["monte_carlo_draws"])
    sets = ranks.simultaneous_rank_sets(y, error, rng, thresholds["interval_level"], polarity, draws)
    return {
        "rank_low": sets.lower,
        "rank_high": sets.upper,
        "expected_rank": ranks.expected_rank(y, error, polarity),
        "p_top3": ranks.rank_distribution(y, error, rng, polarity, draws).top(TOP),
        "tier": ranks.tiers(y, sets, polarity),
    }


def _with_reasons(rows: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Keep ranks of reliable scores only, and give the reason where there is none."""
    reliable = rows["reliability"] >= thresholds["minimum_reliability"]
    rows[RANKED] = rows[RANKED].where(reliable)
    rows["rank_reason"] = rows["comparability_reason"].where(
        rows["comparability_reason"].notna() | reliable, "reliability_low"
    )
    return rows
