"""The composite index by peer group and period, with its uncertainty. One row per part: `index`,
`indicator`, `source`, `dominance`.

Belongs here: which agencies have an index and why the others have none, seeds, and the rows of each. Does not belong here:
which indicators there are (`index_indicators`), the formulas (`index`, `index_uncertainty`) and what of it is published.
"""

import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology import normalisation
from methodology.index_indicators import IndexRules, Indicators, comparable_scores, indicators_of
from methodology.index_uncertainty import (
    NORMALISATIONS,
    RANK_DECIMALS,
    Assumptions,
    leave_one_out,
    monte_carlo,
    rank_sensitivity,
    rank_summary,
    score_draws,
    weight_share_ahead,
)
from methodology.lineage import joined

Floats = npt.NDArray[np.float64]
# Nobody chooses how many cases there are, as the size of a sample is chosen.
COUNTED = "not_applicable"
CONFIDENTIAL, NO_CASES = "confidential", "no_cases"
# A survey of too small a part of the population is compared with nobody's, as in the gate of scores.
NOT_COVERED = "population_not_covered"
Row = dict[str, object]
COLUMNS = {
    "agency_id": "string",
    "period_id": "string",
    "peer_group": "string",
    "part": "string",
    "part_id": "string",
    "score": "float64",
    "standard_error": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "rank_mean": "float64",
    "rank_low": "float64",
    "rank_high": "float64",
    "units_count": "Int64",
    "indicators_count": "Int64",
    "missing_count": "Int64",
    "score_at_best": "float64",
    "weight": "float64",
    "normalised": "float64",
    "score_shift": "float64",
    "rank_shift": "float64",
    "first_order": "float64",
    "first_order_error": "float64",
    "total_order": "float64",
    "total_order_error": "float64",
    "compared_count": "Int64",
    "share_ahead_mean": "float64",
    "share_ahead_least": "float64",
    "share_ahead_greatest": "float64",
    "dominates_count": "Int64",
    "dominated_count": "Int64",
    "indicator_score_id": "string",
    "reason": "string",
    "slice_ids": "string",
}


def index_parts(
    scores: pd.DataFrame,
    mixes: pd.DataFrame,
    people: pd.DataFrame,
    *,
    agencies: pd.DataFrame,
    nodes: pd.DataFrame,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """The index of every peer group of one period, rows with COLUMNS.

    scores: agency_id, period_id, metric_id, instrument_id, status, status_reason, score, standard_error, weighting,
    frame_status, mode_set, adjustments, score_id, slice_ids of agencies; mixes: their `mode_group`, as `mode_groups` makes
    them; people: how far their indicators come from the same people (`shared_people.correlations`). agencies: agency_id,
    peer_group. nodes: the index (`index_indicators.indicators_of`). Every agency has an `index` row, with the `reason` where it
    has no index or no interval. What an agency owes and did not deliver, left out, asked of too few or delivered otherwise than
    its peers counts at the worst goalpost, so that neither pays; `score_at_best` is the index with it at the best one, and the
    interval reaches from the one to the other.
    """
    key = ["agency_id", "metric_id", "period_id", "instrument_id"]
    rows = scores.merge(mixes[[*key, "mode_group"]], on=key, how="left")
    rows["mode_group"] = rows["mode_group"].fillna(rows["mode_set"])
    rows = rows[rows["metric_id"].isin(nodes.loc[nodes["metric_id"] != "", "metric_id"])]
    rows = rows.merge(agencies[["agency_id", "peer_group"]], on="agency_id")
    rows = rows.sort_values(["period_id", "peer_group", "metric_id", "agency_id", "instrument_id"], kind="stable")
    made: list[Row] = []
    for (period, group), own in rows.groupby(["period_id", "peer_group"], sort=True):
        parts = _group(
            f"{period}|{group}", own, people[people["period_id"] == period], nodes, IndexRules.of(thresholds)
        )
        made += [{"period_id": period, "peer_group": group, **part} for part in parts]
    return pd.DataFrame(made, columns=list(COLUMNS))


def _group(key: str, own: pd.DataFrame, people: pd.DataFrame, nodes: pd.DataFrame, rules: IndexRules) -> list[Row]:
    delivered, owed = own[own["status"] == "reported"], own[_is_missing(own)]
    compared = comparable_scores(delivered[delivered["frame_status"] != NOT_COVERED], owed, rules.peers)
    measured = int(nodes["metric_id"].isin(compared["metric_id"]).sum())
    every = sorted(set(own["agency_id"]))
    # Where several things are missing, the most basic is the reason.
    if measured < rules.indicators:
        reason = "too_few_indicators" if len(every) >= rules.peers else "too_few_peers"
        return [_without(name, reason, measured) for name in every]
    # What was delivered so that it compares with nobody's is as little known: averaged away, an odd instrument would pay.
    lacking = pd.concat([owed, delivered])
    owing = zip(lacking["agency_id"], lacking["metric_id"], strict=True)
    found = indicators_of(compared, people, nodes, every, owing)
    known_count = found.known.sum(axis=1)
    has_data = np.isfinite(found.nodes(rules.threshold)[:, -1]) & (known_count >= rules.indicators)
    has_index = has_data & found.has_required(nodes)
    enough = has_index.sum() >= rules.peers
    # The most basic reason is the one given.
    reasons = np.select([~has_data, ~has_index], ["too_few_indicators", "opinion_missing"], "too_few_peers")
    made = [
        _without(name, str(reason), int(count))
        for name, reason, has, count in zip(every, reasons, has_index, known_count, strict=True)
        if not (has and enough)
    ]
    return made + _composite(key, found.of(has_index), rules) if enough else made


def _is_missing(scores: pd.DataFrame) -> pd.Series:
    """Which scores are owed and withheld: not delivered, refused, not asked, not computed or of too small a sample."""
    # How many cases there were can be left out, and then the base is unknown; too few of them are confidential.
    is_few_cases = (scores["status_reason"] == CONFIDENTIAL) & (scores["weighting"] == COUNTED)
    is_few_cases |= scores["status_reason"] == NO_CASES
    return (scores["status"] != "reported") & ~is_few_cases


def _without(agency: str, reason: str, indicators: int) -> Row:
    return {
        "agency_id": agency,
        "part": "index",
        "part_id": "",
        "reason": reason,
        "indicators_count": indicators,
        "slice_ids": "",
    }


def _composite(key: str, measured: Indicators, rules: IndexRules) -> list[Row]:
    """All parts of the index of agencies that have one; each group has its own random generator."""
    rng = np.random.default_rng([rules.seed, zlib.crc32(key.encode())])
    own, at_best = measured.bounded(best=False), measured.bounded(best=True)
    tree, method = own.tree, own.method
    nodes, normalised = own.nodes(rules.threshold), own.scaled(own.values)
    score = nodes[:, -1]
    drawn = _drawn(own, rules, rng)
    tail = (1 - rules.level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    if measured.missing.any():
        best = np.quantile(_drawn(at_best, rules, rng), 1 - tail, axis=0)
        high = np.where(measured.missing.any(axis=1), best, high)
    score_at_best = at_best.nodes(rules.threshold)[:, -1]
    error = drawn.std(axis=0, ddof=1)
    directed = normalisation.directed(own.values, own.direction)
    # The index's own goalposts are in the units of the indicators, so directed values are turned back for them.
    choices = (lambda values, axis: own.scaled(values * own.direction), *NORMALISATIONS.values())
    assumptions = Assumptions(normalisations=choices, weight_spread=rules.weight_spread, threshold=rules.threshold)
    roots = own.roots * own.direction[:, None]
    drawn_ranks = monte_carlo(directed, roots, tree, rules.draws, rng, assumptions)
    ranks = rank_summary(drawn_ranks, (tail, 1 - tail))
    nominal = normalisation.ranks(score, first="highest", decimals=RANK_DECIMALS)
    sobol = rank_sensitivity(directed, roots, tree, nominal, rules.sensitivity_draws, rng, assumptions)
    without = leave_one_out(normalised, tree, method, rules.threshold)
    rank_without = normalisation.ranks(without, axis=1, first="highest", decimals=RANK_DECIMALS)
    made: list[Row] = []
    for position, agency in enumerate(own.agencies):
        sure = bool(np.isfinite([low[position], high[position], ranks.low[position], ranks.high[position]]).all())
        sources = [own.source(agency, metric) for metric in own.leaves["metric_id"]]
        made.append(
            {
                "agency_id": agency,
                "part": "index",
                "part_id": tree.names[-1],
                "score": score[position],
                "standard_error": error[position],
                "ci_low": low[position],
                "ci_high": high[position],
                "rank_mean": ranks.mean[position],
                # A quantile between two ranks is rounded away from the middle, so that the interval keeps its level.
                "rank_low": np.floor(ranks.low[position]),
                "rank_high": np.ceil(ranks.high[position]),
                "units_count": len(own.agencies),
                "indicators_count": int(measured.known[position].sum()),
                "missing_count": int(measured.missing[position].sum()),
                "score_at_best": score_at_best[position],
                "reason": None if sure else "no_interval",
                "slice_ids": joined(source.slice_ids for source in sources),
            }
        )
        made += [
            {
                "agency_id": agency,
                "part": "indicator",
                "part_id": tree.names[leaf],
                "score": own.values[position, leaf],
                "standard_error": own.errors[position, leaf],
                "normalised": normalised[position, leaf],
                "weight": tree.share(leaf),
                "score_shift": without[leaf, position] - score[position],
                "rank_shift": rank_without[leaf, position] - nominal[position],
                "indicator_score_id": sources[leaf].score_id,
                "slice_ids": sources[leaf].slice_ids,
            }
            for leaf in np.flatnonzero(measured.known[position]).tolist()
        ]
        made += [
            {
                "agency_id": agency,
                "part": "source",
                "part_id": source,
                "first_order": sobol.first[number, position + 1],
                "first_order_error": sobol.first_error[number, position + 1],
                "total_order": sobol.total[number, position + 1],
                "total_order_error": sobol.total_error[number, position + 1],
            }
            for number, source in enumerate(sobol.sources)
        ]
    return made + _dominance(own, nodes)


def _drawn(own: Indicators, rules: IndexRules, rng: np.random.Generator) -> Floats:
    """Index scores (draws, agencies) under sampling errors and weights."""
    return score_draws(
        own.values,
        own.roots,
        own.tree,
        lambda values, axis: own.scaled(values),
        own.method,
        rules.draws,
        rng,
        rules.weight_spread,
        rules.threshold,
    )


def _dominance(own: Indicators, nodes: Floats) -> list[Row]:
    """How often each agency is ahead of its peers over all weights of the pillars; peers enter as a statistic only."""
    ahead = weight_share_ahead(nodes[:, list(own.tree.children[-1])])
    np.fill_diagonal(ahead, np.nan)
    made: list[Row] = []
    for position, agency in enumerate(own.agencies):
        share, behind = ahead[position], ahead[:, position]
        compared = share[np.isfinite(share)]
        made.append(
            {
                "agency_id": agency,
                "part": "dominance",
                "part_id": own.tree.names[-1],
                "compared_count": len(compared),
                "share_ahead_mean": compared.mean() if len(compared) else np.nan,
                "share_ahead_least": compared.min() if len(compared) else np.nan,
                "share_ahead_greatest": compared.max() if len(compared) else np.nan,
                "dominates_count": int((compared >= 1 - 1e-12).sum()),
                "dominated_count": int((behind[np.isfinite(behind)] >= 1 - 1e-12).sum()),
            }
        )
    return made
