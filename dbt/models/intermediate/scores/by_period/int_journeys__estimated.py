"""Each journey per period and instrument: its own overall item, what its stages weigh, its weakest link, and whose the
shortfall is. One row per part: `journey`, `stage`, `agency`.

Belongs here: which cells make a journey, who owns its stages. Does not belong here: the formulas (`methodology.dominance`,
`methodology.estimates`) and suppression (SQL, after).
"""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa

from methodology import dominance, estimates
from miyar.relations import Dbt, by_period

STAGES = ["before", "during", "after"]
PARTS = ["whole", *STAGES]
KEY = ["journey_id", "period_id", "instrument_id"]
COLUMNS = {
    "journey_id": "string",
    "period_id": "string",
    "instrument_id": "string",
    "part": "string",
    "part_id": "string",
    "n": "Int64",
    "score": "float64",
    "standard_error": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "n_complete": "Int64",
    "r_squared": "float64",
    "contribution": "float64",
    "weight": "float64",
    "shortfall": "float64",
    "shortfall_share": "float64",
    "weakest_stage": "string",
    "weights_reason": "string",
    "owners_count": "Int64",
    "agencies_count": "Int64",
    "steps_count": "Int64",
    "slice_ids": "string",
}
# Shares of a shortfall are given out in units of what is published, so that they sum to it to the last digit.
DECIMALS = 4


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    metrics = dbt.ref("stg_methodology__metrics").df()
    roles = dbt.ref("stg_methodology__roles").df()
    steps = dbt.ref("stg_registry__journey_steps").df()
    services = dbt.ref("stg_registry__services").df()
    parameters = dbt.ref("stg_methodology__thresholds").df()
    thresholds = dict(zip(parameters["name"], parameters["value"], strict=True))
    metric = dict(zip(roles["role"], roles["metric_id"], strict=True)).get("satisfaction")
    items = metrics.loc[metrics["metric_id"] == metric, "measure_id"].str.removesuffix(".mean")
    owned = steps.merge(services[["service_id", "agency_id"]], on="service_id")
    made = partial(_journeys, items=items, owned=owned, thresholds=thresholds)
    return by_period(dbt.ref("int_periods__pending"), {"cells": dbt.ref("int_journeys__cells")}, made, COLUMNS)


def _journeys(cells, items, owned, thresholds):
    """All parts of every journey of one period."""
    cells = cells[cells["item"].isin(items)].sort_values(["journey_id", "slice_id"], kind="stable")
    points = (cells["scale_range"].astype("Int64") + 1).astype("string")
    cells["instrument_id"] = cells["scale_id"] + "/" + points + "|" + cells["wording_version"]
    made = []
    for key, own in cells.groupby(KEY, sort=True):
        owners = owned[owned["journey_id"] == key[0]]
        made += [{**dict(zip(KEY, key, strict=True)), **part} for part in _journey(own, owners, thresholds)]
    return pd.DataFrame(made, columns=list(COLUMNS))


def _journey(own, owners, thresholds):
    level, target = float(thresholds["interval_level"]), float(thresholds["journey_target"])
    sums = own.drop(columns=[*KEY, "slice_id", "agency_id", "item", "scale_id", "wording_version"]).astype(float).sum()
    whole = _estimate(sums, "whole", level)
    stages = [_estimate(sums, stage, level) for stage in STAGES]
    scores = np.array([stage["score"] for stage in stages])
    explained, reason = _importance(sums, thresholds["minimum_n"])
    weights = explained.weights if explained else np.full(len(STAGES), np.nan)
    # As published: the shares must sum to the difference a reader sees.
    shortfall = round(max(target - round(whole["score"], DECIMALS), 0.0), DECIMALS)
    parts = dominance.stage_shortfalls(scores, target, weights)
    weakest = dominance.weakest_link(scores, target, weights) if explained else None
    names = sorted({*owners["agency_id"]})
    stage_rows = [
        {
            "part": "stage",
            "part_id": name,
            **stages[place],
            "contribution": explained.contributions[place] if explained else np.nan,
            "weight": weights[place],
            "shortfall": parts[place],
        }
        for place, name in enumerate(STAGES)
    ]
    head = {
        "part": "journey",
        "part_id": "",
        **whole,
        "n_complete": int(sums["complete_count"]),
        "r_squared": explained.r_squared if explained else np.nan,
        "shortfall": shortfall,
        "weakest_stage": STAGES[weakest] if weakest is not None else None,
        "weights_reason": reason,
        "owners_count": len(names),
        "agencies_count": own["agency_id"].nunique(),
        "slice_ids": ";".join(sorted(set(own["slice_id"]))),
    }
    shares = _shares(shortfall, scores, target, weights, owners) if explained else {}
    return [head, *stage_rows, *_agencies(own, owners, shares, shortfall, level)]


def _estimate(sums, part, level):
    n = sums[f"{part}_count"]
    if n == 0:
        return {"n": 0, "score": np.nan, "standard_error": np.nan, "ci_low": np.nan, "ci_high": np.nan}
    mean, error = estimates.mean_estimate(n, sums[f"sum_{part}"], sums[f"sum_{part}2"])
    low, high = estimates.mean_interval(mean, error, n, level)
    made = {"score": mean, "standard_error": error, "ci_low": low, "ci_high": high}
    return {"n": int(n), **{name: float(value) for name, value in made.items()}}


def _importance(sums, minimum_n):
    """Dominance of the stages, or None and why."""
    n = sums["complete_count"]
    if n < minimum_n:
        return None, "too_few_complete"
    order = [*STAGES, "whole"]
    totals = np.array([sums[f"complete_{part}"] for part in order])
    place = {part: number for number, part in enumerate(PARTS)}
    products = np.array([[sums["complete_{}_{}".format(*sorted((a, b), key=place.get))] for b in order] for a in order])
    covariance = dominance.covariance_of_cells(n, totals, products)
    # Equal answers leave what decimals rounded away.
    if covariance[-1, -1] <= 1e-9:
        return None, "no_variance"
    found = dominance.dominance(covariance)
    return (found, None) if found.r_squared > 0 else (None, "nothing_explained")


def _shares(shortfall, scores, target, weights, owners):
    """Points of the shortfall by agency, whole units of the last published digit; `None` holds stages nobody owns."""
    names = sorted({*owners["agency_id"]})
    owned = np.zeros((len(STAGES), len(names) + 1))
    for place, stage in enumerate(STAGES):
        steps = owners.loc[owners["stage"] == stage, "agency_id"]
        for name, count in steps.value_counts().items():
            owned[place, names.index(name)] = count / len(steps)
        if steps.empty:
            owned[place, -1] = 1.0
    if not np.all(np.isfinite(scores)):
        return {}
    given = dominance.owner_shortfalls(shortfall, scores, target, weights, owned)
    if not np.all(np.isfinite(given)):
        return {}
    units = _apportioned(given, round(shortfall * 10**DECIMALS))
    return {name: unit / 10**DECIMALS for name, unit in zip([*names, None], units, strict=True)}


def _apportioned(shares, total):
    """Whole units near the shares (in points) that sum to `total`: largest remainders, the first of equals."""
    exact = np.asarray(shares, float) * 10**DECIMALS
    units = np.floor(exact + 1e-9).astype(int)
    order = np.argsort(-(exact - units), kind="stable")
    units[order[: total - units.sum()]] += 1
    return units.tolist()


def _agencies(own, owners, shares, shortfall, level):
    """What each agency's own respondents say of the journey, and its share of the shortfall."""
    steps = owners.groupby("agency_id").size()
    rows = []
    for name in sorted({*own["agency_id"], *steps.index}):
        cells = own[own["agency_id"] == name]
        sums = cells[["whole_count", "sum_whole", "sum_whole2"]].astype(float).sum()
        points = shares.get(name, 0.0 if shares else np.nan)
        rows.append(
            {
                "part": "agency",
                "part_id": name,
                **_estimate(sums, "whole", level),
                "shortfall": points,
                "shortfall_share": points / shortfall if shortfall > 0 else np.nan,
                "steps_count": int(steps.get(name, 0)),
                "slice_ids": ";".join(sorted(set(cells["slice_id"]))),
            }
        )
    if shares.get(None, 0) > 0:
        rows.append(
            {
                "part": "agency",
                "part_id": None,
                "n": 0,
                "shortfall": shares[None],
                "shortfall_share": shares[None] / shortfall,
                "steps_count": 0,
                "slice_ids": "",
            }
        )
    return rows
