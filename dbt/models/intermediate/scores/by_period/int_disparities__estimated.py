"""How far branches and regions truly differ: spread net of sampling noise, shrunken scores, inequality of shares.

Belongs here: which units are one family - branches or regions of an agency, regions of the whole - and which error they get.
Does not belong here: the formulas (`methodology.disparity_by_group`) and what may be shown (`bench_disparities`).

A family is its units that are shown. A spread, a mean or a count over hidden units as well could be solved for them: of one
hidden branch the pooled precision gives the count and the pooled mean the score, to the last digit. So everything here is
a function of published scores, counts and errors, and gives away nothing they do not. What it costs is precision: hidden
units are mostly the smallest, and weigh least.
"""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import stats

from methodology.disparity_by_group import (
    gini_by_group,
    pooled_error,
    shrink_by_group,
    spread_by_group,
    tau_interval_by_group,
    theil_by_group,
)
from miyar.relations import Dbt, by_period, read

FAMILY = ["unit_type", "agency_id", "metric_id", "period_id", "instrument_id"]
KEY = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id"]
FIGURES = ["score", "standard_error", "ci_low", "ci_high"]
COLUMNS = {
    "row_type": "string",
    **dict.fromkeys(("unit_type", "unit_id", "agency_id", "metric_id", "period_id", "instrument_id"), "string"),
    "own_status": "string",
    "own_reason": "string",
    "units_count": "float64",
    "n": "float64",
    "score": "float64",
    "standard_error": "float64",
    "shrunken_score": "float64",
    "shrunken_standard_error": "float64",
    "reliability": "float64",
    "tau": "float64",
    "tau_low": "float64",
    "tau_high": "float64",
    "noise_share": "float64",
    "intraclass_correlation": "float64",
    "gini": "float64",
    "theil_between": "float64",
    "theil_within": "float64",
    "slice_ids": "string",
}


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    metrics = read(dbt.ref("stg_methodology__metrics"))
    branches = read(dbt.ref("stg_registry__branches"))
    thresholds = read(dbt.ref("stg_methodology__thresholds"))
    known = thresholds.set_index("name")["value"].to_dict()
    families = "unit_type in ('branch', 'agency_region', 'region')"
    tables = {
        "scores": dbt.ref("int_scores__judged").filter(f"{families} and n is not null"),
        "raw": dbt.ref("int_scores__estimated").filter(families).project(", ".join([*KEY, *FIGURES])),
    }
    estimated = partial(_estimated, metrics=metrics, branches=branches, known=known)
    return by_period(dbt.ref("int_periods__pending"), tables, estimated, COLUMNS)


def _estimated(scores, raw, metrics, branches, known):
    """All families of one period."""
    units = scores.merge(metrics[["metric_id", "estimator"]], on="metric_id")
    units = units[units["estimator"].isin(["mean", "proportion", "rate_per_1000"])]
    units = units[np.isfinite(units["score"].astype(float))]
    units = units.sort_values([*FAMILY, "unit_id"], kind="stable", na_position="first")
    is_shown = units["status"] == "reported"
    hidden = units[~is_shown].assign(row_type="unit")
    hidden["own_status"], hidden["own_reason"] = hidden["status"], hidden["status_reason"]
    hidden = hidden.drop(columns=["n", "score", "standard_error"])
    units = _on_one_footing(units[is_shown].reset_index(drop=True), raw)
    units["family"] = units.groupby(FAMILY, dropna=False, sort=True).ngroup()
    units["error"], units["variance"] = _errors(units, known["interval_level"])
    # A family in which every answer is equal has neither a spread nor an error to set it against.
    has_error = np.isfinite(units["error"]) & (units["error"] > 0)
    equal = units[~has_error].assign(row_type="unit", own_status="not_applicable", own_reason="answers_do_not_vary")
    measured = units[has_error].reset_index(drop=True)
    families = measured.groupby(FAMILY, dropna=False, sort=True)
    measured["family"] = families.ngroup()
    groups = families.agg(
        n=("n", "sum"), slice_ids=("slice_ids", _joined), variance=("variance", "first")
    ).reset_index()
    place, size = measured["family"].to_numpy(), len(groups)
    score, error = measured["score"].to_numpy(float), measured["error"].to_numpy(float)
    found = spread_by_group(score, error, place, size)
    groups["units_count"] = found.units
    enough = found.units >= known["disparity_units"]
    low, high = tau_interval_by_group(score, error, place, size, known["interval_level"])
    shrunk, doubt, reliability = shrink_by_group(score, error, place, found)
    groups["tau"], groups["tau_low"], groups["tau_high"] = np.sqrt(found.tau2), low, high
    groups["noise_share"] = found.noise_share
    groups["intraclass_correlation"] = found.tau2 / (found.tau2 + groups["variance"])
    groups = groups.join(_inequality(measured, shrunk, branches, size))
    groups["own_status"] = np.where(enough, "reported", "not_applicable")
    groups["own_reason"] = np.where(enough, None, "too_few_units")
    groups = groups.assign(row_type="group", unit_id=groups["agency_id"].astype("string").fillna("all"))
    # Predictions of scores on 0-100 by a normal model may leave the scale by a little.
    bounded = measured["estimator"].isin(["mean", "proportion"]).to_numpy()
    measured["shrunken_score"] = np.where(bounded, np.clip(shrunk, 0, 100), np.maximum(shrunk, 0))
    measured["shrunken_standard_error"], measured["reliability"] = doubt, reliability
    measured["units_count"] = found.units[place]
    for column in ("own_status", "own_reason"):
        measured[column] = groups[column].to_numpy()[place]
    tables = [measured.assign(row_type="unit", standard_error=error), groups, equal, hidden]
    made = pd.concat([table.reindex(columns=list(COLUMNS)).astype(COLUMNS) for table in tables], ignore_index=True)
    return made.sort_values(["row_type", *FAMILY, "unit_id"], kind="stable")


def _on_one_footing(units, raw):
    """Weighted and unweighted scores are never compared: a family that has both is compared by answers as they came."""
    mixed = units.groupby(FAMILY, dropna=False)["weighting"].transform("nunique").to_numpy() > 1
    if not mixed.any():
        return units
    raw = units[KEY].merge(raw, on=KEY, how="left")
    for name in FIGURES:
        units[name] = units[name].where(~mixed, raw[name].astype(units[name].dtype))
    return units


def _joined(slice_ids):
    return ";".join(sorted({part for ids in set(slice_ids) for part in ids.split(";")}))


def _errors(units, level):
    """Errors of means and shares from their family's pooled variance, which is returned too; of rates their own."""
    n, score = units["n"].to_numpy(float), units["score"].to_numpy(float)
    own = units["standard_error"].to_numpy(float, na_value=np.nan)
    place, size = units["family"].to_numpy(), int(units["family"].max() + 1) if len(units) else 0
    with np.errstate(divide="ignore", invalid="ignore"):
        of_mean, of_share = own**2 * n, score * (100 - score) * n / (n - 1)
    variance = np.where(units["estimator"] == "mean", of_mean, of_share)
    pooled = pooled_error(n, np.nan_to_num(np.maximum(variance, 0), posinf=0.0), place, size)
    half = (units["ci_high"] - units["ci_low"]).to_numpy(float, na_value=np.nan) / (2 * stats.norm.ppf(0.5 + level / 2))
    is_rate = (units["estimator"] == "rate_per_1000").to_numpy()
    return np.where(is_rate, np.where(own > 0, own, half), pooled), np.where(is_rate, np.nan, pooled**2 * n)


def _inequality(measured, shrunk, branches, size):
    """Gini and Theil of shares, on shrunken scores by n; branches are split by their region."""
    shares = (measured["estimator"] == "proportion").to_numpy() & np.isfinite(shrunk)
    region = dict(zip(branches["agency_id"] + "/" + branches["branch_id"], branches["region_id"], strict=True))
    chosen = measured[shares]
    part = pd.factorize(chosen["unit_id"].map(region).astype("string").fillna(""))[0]
    value, weight, place = np.clip(shrunk[shares], 0, 100), chosen["n"].to_numpy(float), chosen["family"].to_numpy()
    between, within = theil_by_group(value, weight, place, size, part)
    present = np.bincount(place, minlength=size) > 0
    gini = gini_by_group(value, weight, place, size)
    found = {"gini": gini, "theil_between": between, "theil_within": within}
    return pd.DataFrame({name: np.where(present, values, np.nan) for name, values in found.items()})
