"""How far branches and regions truly differ: spread net of sampling noise, shrunken scores, inequality of shares.

Belongs here: which units are one family - branches or regions of an agency, regions of the whole - and which error they get.
Does not belong here: the formulas (`shrinkage`, `inequality`, `variance_components`) and what may be shown (the marts).

A family consists of its shown units. A spread, mean or count that included hidden units could be solved for them: with one hidden
branch the pooled precision reveals the count and the pooled mean the score, to the last digit. So everything here is a function
of published scores, counts and errors, and reveals nothing beyond them. The cost is some precision: hidden units are mostly the
smallest and weigh least.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from methodology.inequality import gini, theil_split
from methodology.lineage import joined
from methodology.shrinkage import shrink, spread, tau_interval
from methodology.variance_components import pooled_variance

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

FAMILY = ["unit_type", "agency_id", "metric_id", "period_id", "instrument_id"]
UNIT = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id"]
FIGURES = ["score", "standard_error", "ci_low", "ci_high", "n_effective"]
MEASURED = ["mean", "proportion", "rate_per_1000"]
COLUMNS = {
    "row_type": "string",
    **dict.fromkeys(("unit_type", "unit_id", "agency_id", "metric_id", "period_id", "instrument_id"), "string"),
    "own_status": "string",
    "own_reason": "string",
    "units_count": "float64",
    "n": "float64",
    "n_effective": "float64",
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
    "is_shared": "boolean",
    "slice_ids": "string",
}


def disparities(
    scores: pd.DataFrame,
    raw: pd.DataFrame,
    sharing: pd.DataFrame,
    *,
    metrics: pd.DataFrame,
    branches: pd.DataFrame,
    minimum_units: float,
    level: float,
) -> pd.DataFrame:
    """Families of one period and their units, rows of `row_type` `group` and `unit` with COLUMNS.

    scores: UNIT, agency_id, n, FIGURES, weighting, status, status_reason, slice_ids of branches and regions. raw: UNIT and
    FIGURES before weighting. sharing: UNIT and is_shared of regions of the whole; those that rest on few agencies stand
    alone: readers of their family could solve for them. metrics: metric_id, estimator. branches: agency_id, branch_id,
    region_id. A family below `minimum_units` shown units is not reported; intervals hold with probability `level`.
    """
    is_shared = scores[UNIT].merge(sharing[[*UNIT, "is_shared"]], on=UNIT, how="left")["is_shared"].eq(True)
    scores = scores.assign(is_shared=scores["agency_id"].isna().to_numpy() & is_shared.to_numpy(bool))
    units = scores.merge(metrics[["metric_id", "estimator"]], on="metric_id")
    units = units[units["estimator"].isin(MEASURED)]
    units = units[np.isfinite(units["score"].astype(float))]
    units = units.sort_values([*FAMILY, "unit_id"], kind="stable", na_position="first")
    is_shown = units["status"] == "reported"
    hidden = units[~is_shown].assign(row_type="unit")
    hidden["own_status"], hidden["own_reason"] = hidden["status"], hidden["status_reason"]
    hidden = hidden.drop(columns=["n", "n_effective", "score", "standard_error"])
    is_alone = is_shown & units["agency_id"].isna() & ~units["is_shared"]
    alone = units[is_alone].assign(row_type="unit", own_status="reported")
    units = _on_one_footing(units[is_shown & ~is_alone].reset_index(drop=True), raw)
    units["error"], units["variance"] = _errors(units, level)
    # A family in which every answer is equal has neither a spread nor an error to compare it with.
    has_error = np.isfinite(units["error"]) & (units["error"] > 0)
    equal = units[~has_error].assign(row_type="unit", own_status="not_applicable", own_reason="answers_do_not_vary")
    measured, groups = _families(units[has_error].reset_index(drop=True), branches, minimum_units, level)
    groups["is_shared"] = groups["agency_id"].isna()
    tables = [measured, groups, equal, hidden, alone]
    made: pd.DataFrame = pd.concat([table.reindex(columns=list(COLUMNS)) for table in tables], ignore_index=True)
    return made.astype(COLUMNS).sort_values(["row_type", *FAMILY, "unit_id"], kind="stable")


def _families(
    measured: pd.DataFrame, branches: pd.DataFrame, minimum_units: float, level: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Units with their shrunken scores, and a row per family with its spread and inequality."""
    families = measured.groupby(FAMILY, dropna=False, sort=True)
    family: Numbers = np.asarray(families.ngroup(), np.int64)
    groups = families.agg(
        n=("n", "sum"),
        n_effective=("n_effective", "sum"),
        slice_ids=("slice_ids", joined),
        variance=("variance", "first"),
    ).reset_index()
    size = len(groups)
    score, error = measured["score"].to_numpy(float), measured["error"].to_numpy(float)
    found = spread(score, error, family, size)
    enough = found.units >= minimum_units
    low, high = tau_interval(score, error, family, size, level)
    drawn = shrink(score, error, family, found)
    groups = groups.assign(
        row_type="group",
        unit_id=groups["agency_id"].astype("string").fillna("all"),
        units_count=found.units,
        tau=np.sqrt(found.tau2),
        tau_low=low,
        tau_high=high,
        noise_share=found.noise_share,
        intraclass_correlation=found.tau2 / (found.tau2 + groups["variance"]),
        own_status=np.where(enough, "reported", "not_applicable"),
        own_reason=pd.Series("too_few_units", groups.index).mask(enough),
    ).join(_inequality(measured, drawn.score, family, branches, size))
    # Predictions of scores on 0-100 by a normal model may leave the scale by a little.
    bounded = measured["estimator"].isin(["mean", "proportion"]).to_numpy(bool)
    measured = measured.assign(
        row_type="unit",
        standard_error=error,
        shrunken_score=np.where(bounded, np.clip(drawn.score, 0, 100), np.maximum(drawn.score, 0)),
        shrunken_standard_error=drawn.error,
        reliability=drawn.reliability,
        units_count=found.units[family],
        own_status=groups["own_status"].to_numpy()[family],
        own_reason=groups["own_reason"].to_numpy()[family],
    )
    return measured, groups


def _on_one_footing(units: pd.DataFrame, raw: pd.DataFrame) -> pd.DataFrame:
    """Use raw scores for a family that has both weighted and unweighted ones, which are never compared."""
    mixed = units.groupby(FAMILY, dropna=False)["weighting"].transform("nunique").to_numpy() > 1
    if not mixed.any():
        return units
    raw = units[UNIT].merge(raw, on=UNIT, how="left")
    for name in FIGURES:
        units[name] = units[name].where(~mixed, raw[name].astype(units[name].dtype))
    return units


def _errors(units: pd.DataFrame, level: float) -> tuple[Floats, Floats]:
    """Errors of means and shares from their family's pooled variance of an answer, returned too; rates keep their own.

    Answers count as many as they are worth (`n_effective`), so that repeated persons and weights stay in the errors.
    """
    family = units.groupby(FAMILY, dropna=False, sort=True).ngroup().to_numpy(np.int64)
    n, score = units["n"].to_numpy(float), units["score"].to_numpy(float)
    own, worth = (units[name].to_numpy(float, na_value=np.nan) for name in ("standard_error", "n_effective"))
    worth = np.where(worth > 0, worth, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_mean, of_share = own**2 * worth, score * (100 - score) * n / (n - 1)
    variance = np.where(units["estimator"] == "mean", of_mean, of_share)
    within = np.nan_to_num(np.maximum(variance, 0), posinf=0.0)
    pooled = np.sqrt(pooled_variance(n, within, family, int(family.max(initial=-1)) + 1)[family] / worth)
    half = (units["ci_high"] - units["ci_low"]).to_numpy(float, na_value=np.nan) / (2 * stats.norm.ppf(0.5 + level / 2))
    is_rate = (units["estimator"] == "rate_per_1000").to_numpy(bool)
    return np.where(is_rate, np.where(own > 0, own, half), pooled), np.where(is_rate, np.nan, pooled**2 * worth)


def _inequality(
    measured: pd.DataFrame, shrunk: Floats, family: Numbers, branches: pd.DataFrame, size: int
) -> pd.DataFrame:
    """Gini and Theil of shares, on shrunken scores by n; branches are split by their region."""
    shares = (measured["estimator"] == "proportion").to_numpy(bool) & np.isfinite(shrunk)
    region = dict(zip(branches["agency_id"] + "/" + branches["branch_id"], branches["region_id"], strict=True))
    chosen = measured[shares]
    part = pd.factorize(chosen["unit_id"].map(region).astype("string").fillna(""))[0]
    value, weight, position = np.clip(shrunk[shares], 0, 100), chosen["n"].to_numpy(float), family[shares]
    split = theil_split(value, weight, position, size, part)
    present = np.bincount(position, minlength=size) > 0
    found = {
        "gini": gini(value, weight, position, size),
        "theil_between": split.between,
        "theil_within": split.within,
    }
    return pd.DataFrame({name: np.where(present, values, np.nan) for name, values in found.items()})
