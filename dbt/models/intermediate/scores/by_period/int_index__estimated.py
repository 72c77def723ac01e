"""The composite index by peer group and period, with everything that says how sure it is. One row per part: `index`,
`indicator`, `source`, `dominance`.

Belongs here: the gate of indicators (one instrument among peers), which agencies have enough, seeds. Does not belong here: the
formulas (`methodology.index*`) and what of it is published (`bench_index*`).
"""

import zlib
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa

from methodology import normalisation
from methodology.index import aggregate, hierarchy
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
from miyar.relations import Dbt, by_period, read

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
# Scores start above 0, so that any mean may follow (as the other normalisations of `index_uncertainty`).
LOWEST, HIGHEST = 1.0, 100.0


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    agencies = read(dbt.ref("stg_registry__agencies"))
    nodes = read(dbt.ref("stg_methodology__index"))
    parameters = read(dbt.ref("stg_methodology__thresholds"))
    thresholds = dict(zip(parameters["name"], parameters["value"], strict=True))
    scores = dbt.ref("bench_scores").filter("unit_type = 'agency'")
    estimated = partial(_estimated, agencies=agencies, nodes=nodes, thresholds=thresholds)
    return by_period(dbt.ref("int_periods__pending"), {"scores": scores}, estimated, COLUMNS)


def _estimated(scores, agencies, nodes, thresholds):
    """All peer groups of one period."""
    leaves = nodes[nodes["metric_id"] != ""]
    rows = scores[scores["metric_id"].isin(leaves["metric_id"])]
    rows = rows.merge(agencies[["agency_id", "peer_group"]], on="agency_id")
    rows = rows.sort_values(["period_id", "peer_group", "metric_id", "agency_id", "instrument_id"], kind="stable")
    made = []
    for (period, group), own in rows.groupby(["period_id", "peer_group"], sort=True):
        parts = _group(period, group, own, nodes, thresholds)
        made += [{"period_id": period, "peer_group": group, **part} for part in parts]
    return pd.DataFrame(made, columns=list(COLUMNS))


def _group(period, group, own, nodes, thresholds):
    needed = int(thresholds["minimum_peers"]) + 1
    reported = own[own["status"] == "reported"]
    compared = _comparable(reported, needed)
    leaves = nodes[nodes["metric_id"].isin(compared["metric_id"])]
    every = sorted(set(own["agency_id"]))
    # An agency has a row whatever became of it, with the least that is missing said first.
    if len(leaves) < thresholds["index_minimum_indicators"]:
        enough = len(every) >= needed
        return [_without(name, "too_few_indicators" if enough else "too_few_peers", len(leaves)) for name in every]
    tree, leaf_nodes = _tree(nodes, leaves)
    values, errors, passports = _matrices(compared, leaf_nodes, every)
    threshold = float(thresholds["index_data_threshold"])
    scale = _goalposts(leaf_nodes)
    method = nodes.loc[nodes["parent_id"] == "", "aggregation"].iloc[0]
    has_index = np.isfinite(aggregate(scale(values, 0), tree, method, threshold)[:, -1])
    has_index &= np.isfinite(values).sum(axis=1) >= thresholds["index_minimum_indicators"]
    known = np.isfinite(values).sum(axis=1)
    if has_index.sum() < needed:
        reason = "too_few_peers"
        return [
            _without(name, reason if has_index[place] else "too_few_indicators", int(known[place]))
            for place, name in enumerate(every)
        ]
    names = [name for name, has in zip(every, has_index, strict=True) if has]
    made = [
        _without(name, "too_few_indicators", int(known[place])) for place, name in enumerate(every) if name not in names
    ]
    inside = (values[has_index], errors[has_index])
    setting = (tree, leaf_nodes, scale, method, threshold, thresholds)
    return made + _composite(f"{period}|{group}", names, *inside, [passports[name] for name in names], setting)


def _comparable(reported, needed):
    """Rows of metrics that one instrument measured for enough peers: the instrument of most, the first of equals."""
    sizes = reported.groupby(["metric_id", "instrument_id"], sort=True, as_index=False)["agency_id"].nunique()
    most = sizes.sort_values("agency_id", ascending=False, kind="stable").drop_duplicates("metric_id")
    most = most[most["agency_id"] >= needed]
    return reported.merge(most[["metric_id", "instrument_id"]], on=["metric_id", "instrument_id"])


def _tree(nodes, leaves):
    """The index over the indicators there are: nodes without any below them go."""
    kept = set(leaves["node_id"])
    parent_of = dict(zip(nodes["node_id"], nodes["parent_id"], strict=True))
    for node in list(kept):
        while parent_of[node]:
            node = parent_of[node]
            kept.add(node)
    held = nodes[nodes["node_id"].isin(kept)]
    parents = {row.node_id: row.parent_id or None for row in held.itertuples()}
    tree = hierarchy(parents, dict(zip(held["node_id"], held["weight"], strict=True)))
    return tree, held.set_index("node_id").loc[list(tree.names[: tree.indicators])].reset_index()


def _matrices(compared, leaf_nodes, every):
    values = np.full((len(every), len(leaf_nodes)), np.nan)
    errors = values.copy()
    passports = {name: {} for name in every}
    column = {metric: place for place, metric in enumerate(leaf_nodes["metric_id"])}
    row = {name: place for place, name in enumerate(every)}
    for one in compared.itertuples():
        place = (row[one.agency_id], column[one.metric_id])
        values[place] = float(one.score)
        errors[place] = float(one.standard_error) if pd.notna(one.standard_error) else np.nan
        passports[one.agency_id][one.metric_id] = (one.score_id, one.slice_ids)
    return values, errors, passports


def _goalposts(leaf_nodes):
    lower, upper = leaf_nodes["lower_goalpost"].to_numpy(float), leaf_nodes["upper_goalpost"].to_numpy(float)
    direction = leaf_nodes["direction"].to_numpy(int)
    return lambda values, axis: normalisation.goalposts(values, lower, upper, LOWEST, HIGHEST, direction)


def _composite(key, names, values, errors, passports, setting):
    tree, leaf_nodes, scale, method, threshold, thresholds = setting
    direction = leaf_nodes["direction"].to_numpy(int)
    draws, spread = int(thresholds["monte_carlo_draws"]), float(thresholds["index_weight_spread"])
    rng = np.random.default_rng([int(thresholds["monte_carlo_seed"]), zlib.crc32(key.encode())])
    normalised = scale(values, 0)
    nodes = aggregate(normalised, tree, method, threshold)
    score = nodes[:, -1]
    drawn = score_draws(values, errors, tree, scale, method, draws, rng, spread, threshold)
    tail = (1 - float(thresholds["interval_level"])) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    error = drawn.std(axis=0, ddof=1)
    directed = normalisation.directed(values, direction)
    # Under the index's own choice goalposts stand in the units of the indicators; directed values need them directed.
    own_scale = lambda moved, axis: scale(moved * direction, axis)  # noqa: E731
    choices = (own_scale, *NORMALISATIONS.values())
    assumptions = Assumptions(normalisations=choices, weight_spread=spread, threshold=threshold)
    ranks = rank_summary(monte_carlo(directed, errors, tree, draws, rng, assumptions), (tail, 1 - tail))
    nominal = normalisation.ranks(score, first="highest", decimals=RANK_DECIMALS)
    n = int(thresholds["index_sensitivity_draws"])
    sobol = rank_sensitivity(directed, errors, tree, nominal, n, rng, assumptions)
    without = leave_one_out(normalised, tree, method, threshold)
    rank_without = normalisation.ranks(without, axis=1, first="highest", decimals=RANK_DECIMALS)
    made = []
    for place, name in enumerate(names):
        sure = bool(np.isfinite([low[place], high[place], ranks.low[place], ranks.high[place]]).all())
        known = np.isfinite(values[place])
        made.append(
            {
                "agency_id": name,
                "part": "index",
                "part_id": tree.names[-1],
                "score": score[place],
                "standard_error": error[place],
                "ci_low": low[place],
                "ci_high": high[place],
                "rank_mean": ranks.mean[place],
                # A quantile between two ranks is rounded away from the middle: the interval holds what it says.
                "rank_low": np.floor(ranks.low[place]),
                "rank_high": np.ceil(ranks.high[place]),
                "units_count": len(names),
                "indicators_count": int(known.sum()),
                "reason": None if sure else "no_interval",
                "slice_ids": ";".join(sorted({one for _, ids in passports[place].values() for one in ids.split(";")})),
            }
        )
        made += [
            {
                "agency_id": name,
                "part": "indicator",
                "part_id": node.node_id,
                "score": values[place, leaf],
                "standard_error": errors[place, leaf],
                "normalised": normalised[place, leaf],
                "weight": _weight(tree, leaf),
                "score_shift": without[leaf, place] - score[place],
                "rank_shift": rank_without[leaf, place] - nominal[place],
                "indicator_score_id": passports[place].get(node.metric_id, ("", ""))[0],
                "slice_ids": passports[place].get(node.metric_id, ("", ""))[1],
            }
            for leaf, node in enumerate(leaf_nodes.itertuples())
            if known[leaf]
        ]
        made += [
            {
                "agency_id": name,
                "part": "source",
                "part_id": source,
                "first_order": sobol.first[number, place + 1],
                "first_order_error": sobol.first_error[number, place + 1],
                "total_order": sobol.total[number, place + 1],
                "total_order_error": sobol.total_error[number, place + 1],
            }
            for number, source in enumerate(sobol.sources)
        ]
    return made + _dominance(names, nodes, tree)


def _weight(tree, leaf):
    """Weight of an indicator in the whole index: the product of shares on the way up."""
    share, node = 1.0, leaf
    while node != len(tree.names) - 1:
        parent = next(place for place, below in enumerate(tree.children) if node in below)
        share *= tree.weights[node] / tree.weights[list(tree.children[parent])].sum()
        node = parent
    return share


def _dominance(names, nodes, tree):
    """How often each agency is ahead of its peers over all weights of the pillars; peers stay a statistic."""
    pillars = nodes[:, list(tree.children[-1])]
    ahead = weight_share_ahead(pillars)
    np.fill_diagonal(ahead, np.nan)
    made = []
    for place, name in enumerate(names):
        own, behind = ahead[place], ahead[:, place]
        compared = own[np.isfinite(own)]
        made.append(
            {
                "agency_id": name,
                "part": "dominance",
                "part_id": tree.names[-1],
                "compared_count": len(compared),
                "share_ahead_mean": compared.mean() if len(compared) else np.nan,
                "share_ahead_least": compared.min() if len(compared) else np.nan,
                "share_ahead_greatest": compared.max() if len(compared) else np.nan,
                "dominates_count": int((compared >= 1 - 1e-12).sum()),
                "dominated_count": int((behind[np.isfinite(behind)] >= 1 - 1e-12).sum()),
            }
        )
    return made


def _without(name, reason, indicators):
    return {
        "agency_id": name,
        "part": "index",
        "part_id": "",
        "reason": reason,
        "indicators_count": indicators,
        "slice_ids": "",
    }
