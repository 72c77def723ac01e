"""The questions R `survey` was asked in the cases, put to our estimators: `mean:api00`, `se:awardsYes`, `ci_lo_t:enroll`.

Belongs here: reading of metric and domain names, and the call that answers each. Does not belong here: which design or
weights a group means (`adapters_survey`, `adapters_weights`).
"""

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from methodology.sampling import SampleDesign, design_effect, kish_deff, kish_effective_n
from methodology.survey_estimates import (
    SurveyEstimate,
    survey_covariance,
    survey_mean,
    survey_quantile,
    survey_ratio,
    survey_total,
)

Mask = npt.NDArray[np.bool_]
WEIGHT_METRICS = {
    "sum_weights": np.sum,
    "min_weight": np.min,
    "max_weight": np.max,
    "kish_deff": kish_deff,
    "kish_neff": kish_effective_n,
}


def equals(column: pd.Series, label: str) -> Mask:
    """Where the column holds the label; a number read without its leading zeros is still that label."""
    numbers = pd.to_numeric(pd.Series([label]), errors="coerce").iloc[0]
    same = column.astype(str).to_numpy() == label
    if pd.api.types.is_numeric_dtype(column) and not np.isnan(numbers):
        same |= column.to_numpy(float) == numbers
    return np.asarray(same)


def domain_mask(data: pd.DataFrame, text: str) -> Mask:
    """`a=x`, `a=x,b=y`, `a,b=x,y` or `a in 1,2,3` as a mask of the rows."""
    if listed := re.fullmatch(r"(\w+) in (.+)", text):
        return np.logical_or.reduce([equals(data[listed[1]], label) for label in listed[2].split(",")])
    if listed := re.fullmatch(r"(\w+(?:,\w+)+)=(.+)", text):
        parts = zip(listed[1].split(","), listed[2].split(","), strict=True)
    else:
        parts = iter(part.split("=", 1) for part in re.split(r",(?=\w+=)", text))
    return np.logical_and.reduce([equals(data[name], label) for name, label in parts])


def variable(data: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    """A numeric column, or the indicator of a level (`awardsYes` is column `awards`, level `Yes`)."""
    if name in data and pd.api.types.is_numeric_dtype(data[name]):
        return data[name].to_numpy(float)
    for column in sorted(data.columns, key=len, reverse=True):
        level = name[len(column) :]
        if name.startswith(column) and level and level in set(data[column].dropna().astype(str)):
            missing = data[column].isna().to_numpy()
            return np.where(missing, np.nan, equals(data[column], level).astype(float))
    raise KeyError(f"no column answers {name!r}")


def answer(design: SampleDesign, data: pd.DataFrame, metric: str, domain: Mask | None = None) -> float | None:
    """One metric of the asked ones under a design; None where the metric is not one of these."""
    head, _, name = metric.partition(":")
    if head == "degf":
        return design.degrees_of_freedom
    if head == "n":
        return float(np.count_nonzero(domain))
    if domain is not None and not design.weights[domain].any():
        # Nobody there has a weight: no estimate, so `methodology`, which would refuse, is not called.
        return None
    if head in WEIGHT_METRICS:
        return float(WEIGHT_METRICS[head](design.weights))
    if head == "weight" and domain is not None:
        return float(design.weights[domain][0]) if domain.any() else None
    if found := re.fullmatch(r"q_(math|hf7):(\w+):([\d.]+)", metric):
        return float(survey_quantile(design, variable(data, found[2]), float(found[3]), found[1]))
    if head in {"diff", "diff_se"}:
        y, levels = name.split(":")
        return _difference(design, data, y, levels)[head == "diff_se"]
    if head in {"change", "change_se", "cov"}:
        pair = np.column_stack([variable(data, part) for part in re.split("[-,]", name)])
        means = survey_mean(design, pair, domain)
        # `cov` is the covariance of the two estimated means.
        return float(means.covariance[0, 1]) if head == "cov" else means.contrast([1, -1])[head == "change_se"]
    estimate = _estimate(design, data, re.sub(r"_se$", "", head), name, domain)
    if estimate is None:
        return None
    value, error = float(estimate.value[0]), float(estimate.error[0])
    if head == "se" or head.endswith("_se"):
        return error
    if found := re.fullmatch(r"ci_(lo|hi)_(normal|t)", head):
        quantile = stats.norm.ppf(0.975) if found[2] == "normal" else stats.t.ppf(0.975, design.degrees_of_freedom)
        return float(value + (-1 if found[1] == "lo" else 1) * quantile * error)
    if head.startswith("deff_"):
        y = variable(data, name)
        spread = survey_covariance(design, y, y, domain).value[0]
        return float(design_effect(error**2, spread, design.weights, finite=head == "deff_noreplace"))
    return value


def t_test(design: SampleDesign, data: pd.DataFrame, asked: Iterable[str]) -> dict[str, float]:
    """t, df and p of the difference named among the asked metrics: the slope of a regression loses one degree more."""
    named = next((metric for metric in asked if metric.startswith("diff:")), None)
    if named is None:
        return {}
    difference, error = _difference(design, data, *named.split(":")[1:])
    t, df = difference / error, design.degrees_of_freedom - 1
    return {"ttest_t": t, "ttest_df": df, "ttest_p": float(2 * stats.t.sf(abs(t), df))}


def _estimate(
    design: SampleDesign, data: pd.DataFrame, head: str, name: str, domain: Mask | None
) -> SurveyEstimate | None:
    if head == "ratio":
        top, bottom = name.split("/")
        return survey_ratio(design, variable(data, top), variable(data, bottom), domain)
    if head == "var":
        return survey_covariance(design, variable(data, name), variable(data, name), domain)
    if head == "total":
        return survey_total(design, variable(data, name), domain)
    if head in {"mean", "se"} or head.startswith(("ci_", "deff_")):
        return survey_mean(design, variable(data, name), domain)
    return None


def _difference(design: SampleDesign, data: pd.DataFrame, y: str, levels: str) -> tuple[float, float]:
    """Mean of y at the first level less at the second; `awardsYes-No` names the factor once."""
    first, second = levels.split("-")
    factor = next(name for name in sorted(data.columns, key=len, reverse=True) if first.startswith(name))
    masks = np.column_stack([equals(data[factor], first[len(factor) :]), equals(data[factor], second)])
    return survey_mean(design, variable(data, y), masks).contrast([1, -1])
