"""Composite indices: reference cases on normalising, aggregating, rank uncertainty and the printed OECD example.

Belongs here: translation between the cases' files and labels and `methodology`. Does not belong here: any statistic.
"""

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology import aggregation, normalisation
from methodology.index import Hierarchy, aggregate, hierarchy
from methodology.index_uncertainty import leave_one_out, rank_shift, rank_summary, spearman
from tests.reference.harness import Case, Key, adapter

Floats = npt.NDArray[np.float64]
Answers = dict[Key, float | None]
# COINr's names of its means, as the groups of case 16 write them.
MEANS: dict[str, aggregation.Method] = {"amean": "arithmetic", "gmean": "geometric", "hmean": "harmonic"}
ROUNDING = 12  # decimals before ranking (README of case 16)


def _normaliser(name: str) -> Callable[[Floats], Floats]:
    """A normalisation by its label: `minmax`, `minmax1_100`, `minmax_1_100`, `zscore`, `borda` and so on."""
    if name.startswith("minmax"):
        ends = [float(end) for end in name.removeprefix("minmax").strip("_").split("_") if end]
        low, high = ends or [0.0, 100.0]
        return lambda x: normalisation.min_max(x, low, high)
    return {
        "zscore": normalisation.z_scores,
        "rank": normalisation.ranks,
        "borda": normalisation.borda,
        "prank": normalisation.percentile_ranks,
        "fracmax": normalisation.share_of_best,
        "dist2max": normalisation.distance_to_best,
    }[name]


def _normalise_one(name: str, x: Floats) -> Floats:
    """A single column by a label that may carry a target or goalposts."""
    if found := re.fullmatch(r"targ(-?[\d.]+)_dir(-?1)(_cap)?", name):
        return normalisation.distance_to_target(x, float(found[1]), int(found[2]), cap=found[3] is not None)
    if found := re.fullmatch(r"(-?[\d.]+)_(-?[\d.]+)_([\d.]+)(_trunc)?(?:_dir(-?1))?", name):
        return normalisation.goalposts(x, float(found[1]), float(found[2]), 0, float(found[3]), int(found[5] or 1))
    return _normaliser(name)(x)


def _tree(structure: pd.DataFrame) -> tuple[Hierarchy, pd.DataFrame]:
    """The index in a structure table, and its rows by code; groups and denominators are not part of it."""
    nodes = structure[structure["Type"].isin(["Indicator", "Aggregate"])].set_index("iCode")
    parents = {code: None if pd.isna(parent) else parent for code, parent in nodes["Parent"].items()}
    return hierarchy(parents, nodes["Weight"].astype(float).to_dict()), nodes


def _table(case: Case, *columns: str) -> pd.DataFrame:
    """The input table that has these columns."""
    found = [table for table in case.inputs.values() if set(columns) <= set(table.columns)]
    if len(found) != 1:
        raise ValueError(f"{len(found)} input tables have the columns {', '.join(columns)}")
    return found[0]


@adapter("composite_normalise_aggregate")
def normalise_and_aggregate(case: Case) -> Answers:
    structure = _table(case, "iCode", "Parent", "Direction")
    tree, nodes = _tree(structure)
    indicators = list(tree.names[: tree.indicators])
    table = _table(case, "uCode", *indicators)
    values = normalisation.directed(
        table[indicators].to_numpy(float), nodes.loc[indicators, "Direction"].to_numpy(float)
    )
    units = table["uCode"].astype(str).tolist()
    edges = {
        str(column): (edge["unit"].astype(str).tolist(), edge[column].to_numpy(float))
        for edge in case.inputs.values()
        if "unit" in edge.columns
        for column in edge.columns.drop("unit")
    }
    pipelines: dict[str, dict[Key, float]] = {}
    singles: dict[Key, dict[str, float]] = {}
    answers: Answers = {}
    for group, metric in case.asked:
        head, *rest = group.split("|")
        if head == "edge" and rest[0].startswith("agg "):
            answers[group, metric] = _edge_aggregate(rest[0], metric)
        elif head == "edge":
            unit, column = rest[-2:]
            if (column, metric) not in singles:
                names, x = edges[column]
                singles[column, metric] = dict(zip(names, _normalise_one(metric, x).tolist(), strict=True))
            answers[group, metric] = singles[column, metric][unit]
        elif metric.startswith(("score:", "rank:")):
            pipeline, unit = group.rsplit("|", 1)
            if pipeline not in pipelines:
                pipelines[pipeline] = _pipeline(pipeline, values, units, tree)
            answers[group, metric] = pipelines[pipeline][unit, metric]
        else:
            unit, code = group.rsplit("|", 1)
            if (code, metric) not in singles:
                x = _normalise_one(metric, values[:, indicators.index(code)])
                singles[code, metric] = dict(zip(units, x.tolist(), strict=True))
            answers[group, metric] = singles[code, metric][unit]
    return answers


def _pipeline(label: str, values: Floats, units: list[str], tree: Hierarchy) -> dict[Key, float]:
    """Scores and ranks of every node and unit under `<normalisation>|<mean>[|dat_thresh=<share>]`."""
    normaliser, mean, *options = label.split("|")
    given = dict(option.split("=", 1) for option in options)
    scores = aggregate(_normaliser(normaliser)(values), tree, MEANS[mean], float(given.get("dat_thresh", 0)))
    positions = normalisation.ranks(scores, first="highest", decimals=ROUNDING)
    return {
        (unit, f"{kind}:{name}"): float(table[row, column])
        for kind, table in (("score", scores), ("rank", positions))
        for row, unit in enumerate(units)
        for column, name in enumerate(tree.names)
    }


def _edge_aggregate(label: str, metric: str) -> float:
    """`agg (1,NA,3) w=(1,1,2)`, `agg all NA`: a mean of values written in the label, or whether it is refused."""
    lists = [
        [np.nan if part.strip() == "NA" else float(part) for part in inner.split(",")]
        for inner in re.findall(r"\(([^)]*)\)", label)
    ]
    values = lists[0] if lists else [np.nan, np.nan]
    weights = lists[1] if len(lists) > 1 else [1.0] * len(values)
    method = MEANS[metric.split("_")[0]]
    try:
        found = aggregation.combine([values], weights, method)[0]
    except ValueError:
        return 1.0 if metric.endswith("_raises_error") else np.nan
    return 0.0 if metric.endswith("_raises_error") else float(found)


@adapter("composite_rank_uncertainty")
def rank_uncertainty(case: Case) -> Answers:
    draws = _table(case, "draw", "iCode", "weight")
    tree, _ = _tree(_table(case, "iCode", "Parent", "Weight"))
    pillars = list(tree.names[: tree.indicators])
    table = _table(case, "uCode", *pillars)
    units = table["uCode"].astype(str).tolist()
    values = table[pillars].to_numpy(float)
    drawn = draws.pivot(index="draw", columns="iCode", values="weight")
    weights = np.tile(tree.weights, (len(drawn), 1))
    for code in drawn.columns:
        weights[:, tree.position(code)] = drawn[code]
    nominal = aggregate(values, tree)[:, -1]
    scores = aggregate(values, tree, weights=weights)[..., -1]
    rank = normalisation.ranks(nominal, first="highest", decimals=ROUNDING)
    ranks = normalisation.ranks(scores, axis=1, first="highest", decimals=ROUNDING)
    shifts = rank_shift(ranks, rank)
    answers: Answers = {("all", "mean_abs_rank_shift"): float(shifts.mean())}
    for label, score, shift, order in zip(drawn.index, scores, shifts, spearman(ranks, rank), strict=True):
        answers[f"draw={label}", "mean_abs_rank_shift"] = float(shift)
        answers[f"draw={label}", "spearman_vs_nominal"] = float(order)
        answers |= {(f"draw={label}|{unit}", "score"): float(own) for unit, own in zip(units, score, strict=True)}
    for pillar, scores_left in zip(pillars, leave_one_out(values, tree), strict=True):
        without = normalisation.ranks(scores_left, first="highest", decimals=ROUNDING)
        answers[f"remove={pillar}", "mean_abs_rank_shift"] = float(rank_shift(without, rank))
        answers |= {(f"remove={pillar}|{unit}", "rank"): float(own) for unit, own in zip(units, without, strict=True)}
    summary = rank_summary(ranks)
    names = {
        "nominal_score": nominal,
        "nominal_rank": rank,
        "mean_rank": summary.mean,
        "median_rank": summary.median,
        "rank_sd": summary.sd,
        "rank_min": summary.best,
        "rank_max": summary.worst,
    }
    for number, unit in enumerate(units):
        answers |= {(unit, metric): float(column[number]) for metric, column in names.items()}
    for group, metric in case.asked:
        if found := re.fullmatch(r"share_top(\d+)", metric):
            answers[group, metric] = float((ranks <= int(found[1])).mean(axis=0)[units.index(group)])
        elif found := re.fullmatch(r"rank_q(\d+)_type7", metric):
            share = int(found[1]) / 100
            answers[group, metric] = float(rank_summary(ranks, (share, share)).low[units.index(group)])
    return answers


@adapter("oecd_tai_printed")
def technology_achievement(case: Case) -> Answers:
    posts = _table(case, "indicator", "goalpost_low", "goalpost_high").set_index("indicator")
    schemes = _table(case, "scheme", "indicator", "weight")
    table = _table(case, "country", *posts.index).set_index("country")
    shares = normalisation.goalposts(
        table[list(posts.index)].to_numpy(float), posts["goalpost_low"], posts["goalpost_high"], 0, 1
    )
    answers: Answers = {}
    for country, row in zip(table.index, shares, strict=True):
        for code, share in zip(posts.index, row, strict=True):
            answers[f"goalposts|{country}|{code}", "normalised"] = float(share)
    for scheme, lines in schemes.groupby("scheme"):
        weights = lines.set_index("indicator")["weight"].reindex(posts.index).to_numpy(float)
        scores = aggregation.combine(shares, weights)
        places = normalisation.ranks(scores, first="highest", decimals=ROUNDING)
        for country, score, place in zip(table.index, scores, places, strict=True):
            answers[f"goalposts|{scheme}|{country}", "score_computed"] = float(score)
            for printed in ("table23", "goalposts"):
                answers[f"{printed}|{scheme}|{country}", "rank_goalposts_capped"] = float(place)
    answers |= _table_15(table, case.asked)
    answers |= _table_14(_table(case, "country", "year", "humidity"))
    votes = _table(case, "n_indicators", "first", "second")
    orders = votes.drop(columns="n_indicators")
    for option, points in aggregation.borda_points(votes["n_indicators"], orders.to_numpy(object)).items():
        answers[f"table26|borda|{option}", "points"] = points
    for group, metric in case.asked:
        if metric == "geometric_mean_printed":
            values = [float(part) for part in group.split("|")[1].split(",")]
            answers[group, metric] = float(aggregation.combine([values], np.ones(len(values)), "geometric")[0])
    return answers


def _table_15(table: pd.DataFrame, asked: list[Key]) -> Answers:
    """Ten normalisations of SCHOOLING, the indicator the handbook prints (README); `p20` is 20 % of the mean."""
    x = table["SCHOOLING"].to_numpy(float)
    ascending = normalisation.ranks(x)
    columns = {
        "rank_asc_ties_min": ascending,
        "zscore_sd_n_minus_1": normalisation.z_scores(x),
        "minmax_0_1": normalisation.min_max(x, 0, 1),
        "ratio_to_mean": normalisation.ratio_to(x, x.mean()),
        "ratio_to_best": normalisation.share_of_best(x),
        "ratio_to_worst": normalisation.ratio_to(x, x.min()),
        "diff_from_mean_ratio": normalisation.ratio_to(x, x.mean()) - 1,
        "diff_from_worst_ratio": normalisation.ratio_to(x, x.min()) - 1,
        "percentile_rank_over_n": 100 * ascending / x.size,
    }
    for metric in {metric for _, metric in asked}:
        if found := re.fullmatch(r"above_below_mean_p(\d+)", metric):
            columns[metric] = normalisation.above_or_below(x, x.mean(), int(found[1]) / 100)
    return {
        (f"table15|{country}", metric): float(column[row])
        for metric, column in columns.items()
        for row, country in enumerate(table.index)
    }


def _table_14(table: pd.DataFrame) -> Answers:
    """Temperature and humidity over the leader of the same year, averaged; the temperature unit should not matter, but does."""
    answers: Answers = {}
    for year, lines in table.groupby("year"):
        for unit, column in (("celsius", "temp_c"), ("fahrenheit", "temp_f")):
            scores = aggregation.combine(
                normalisation.share_of_best(lines[[column, "humidity"]].to_numpy(float)), [1, 1]
            )
            for country, score in zip(lines["country"], scores, strict=True):
                answers[f"table14|{country}|{year}|{unit}", "index"] = float(score)
    return answers
