"""Cases 09 and 10: case-mix adjustment and direct standardisation.

Belongs here: which outcome, weighting, area or domain a group's name means. Does not belong here: any method.
"""

import re

import numpy as np
import pandas as pd

from methodology.adjustment import CaseMix, CrossProducts, casemix_adjusted, impute_by_unit
from methodology.sampling import sample_design
from methodology.standardisation import StandardisedRate, dobson_interval, gamma_interval, standardised_rate
from methodology.survey_estimates import survey_mean
from methodology.weights import poststratify
from tests.reference.adapters_survey import by_group, only_input
from tests.reference.harness import Case, Key, adapter
from tests.reference.survey_questions import domain_mask, variable


@adapter("casemix_cahps")
def casemix(case: Case) -> dict[Key, float | None]:
    """`<outcome>|<weighted?>|center=<of what>[|<missing rule>][|<branch>]`; adjusters are those whose `coef:` is asked."""
    data, answers = only_input(case), {}
    adjusters = list(dict.fromkeys(metric[5:] for _, metric in case.asked if metric.startswith("coef:")))
    branches = set(data["branch"].astype(str))
    fitted: dict[str, tuple[CaseMix, list[str]]] = {}
    for group, metrics in by_group(case).items():
        model, _, branch = group.rpartition("|")
        if branch not in branches:
            model, branch = group, ""
        if model not in fitted:
            fitted[model] = fit(data, model, adjusters)
        found, present = fitted[model]
        for metric in metrics:
            if branch:
                values = {
                    "raw_mean": found.raw,
                    "adjusted_mean": found.adjusted,
                    "adjusted_se_ols": found.error,
                    "adjustment": found.adjustment,
                }[metric]
                answers[group, metric] = float(values[present.index(branch)]) if branch in present else None
            else:
                answers[group, metric] = pooled(found, adjusters, metric)
    return answers


def fit(data: pd.DataFrame, model: str, adjusters: list[str]) -> tuple[CaseMix, list[str]]:
    """The regression a group names, and its branches in the order of their codes."""
    outcome, weighting, centring, *rule = model.split("|")
    rows = data.assign(weight=data["w"] if weighting == "weighted" else 1.0)
    rows = rows[rows["weight"] > 0]
    columns = [name + "_missing" if rule and name + "_missing" in data else name for name in adjusters]
    if rule and rule[0].startswith("listwise"):
        rows = rows.dropna(subset=columns)
    names, unit = np.unique(rows["branch"].astype(str), return_inverse=True)
    x = rows[columns].to_numpy(float)
    if rule and "imputed" in rule[0]:
        x = np.column_stack([impute_by_unit(column, unit, rows["weight"]) for column in x.T])
    y = rows["y" if outcome == "mean" else outcome]
    products = CrossProducts.of_rows(unit, x, y, rows["weight"])
    centre = "respondents" if centring == "center=respondents" else "units"
    return casemix_adjusted(products, centre, adjusters), names.tolist()


def pooled(found: CaseMix, adjusters: list[str], metric: str) -> float:
    """A figure of the regression as a whole."""
    head, _, name = metric.partition(":")
    if head == "coef":
        return float(found.coefficients[adjusters.index(name)])
    if head == "coef_se":
        return float(found.coefficient_error[adjusters.index(name)])
    return {
        "residual_sigma": found.residual_sd,
        "df_resid": float(found.degrees_of_freedom),
        "branch_F": found.unit_f,
        "branch_F_p": found.unit_f_p,
    }[metric]


@adapter("direct_standardisation")
def direct_standardisation(case: Case) -> dict[Key, float | None]:
    """`<input>`, `<input>|<area>` for counts by group; `<input>|<column>=<label>` for means of a cluster sample."""
    answers: dict[Key, float | None] = {}
    for group, metrics in by_group(case).items():
        source, _, domain = group.partition("|")
        data = case.inputs[f"input_{source}"]
        if "stdpop" not in data:
            standard = case.inputs[f"std_{source}"]
            answers |= {(group, metric): standardised(data, standard, domain, metric) for metric in metrics}
            continue
        if domain:
            data = data[data["area"].astype(str) == domain]
        found = standardised_rate(data["count"], data["pop"], data["stdpop"])
        answers |= {(group, metric): rate_metric(found, metric) for metric in metrics}
    return answers


def rate_metric(found: StandardisedRate, metric: str) -> float | None:
    """`crude_rate`, `dsr`, `fay_feuer_gamma_lo`, `dobson_byar_hi95_per_100000`."""
    per = re.search(r"_per_(\d+)$", metric)
    scale = float(per[1]) if per else 1.0
    # The public health workbook publishes nothing from fewer than ten events; epitools does, but has no lower limit at 0.
    if (per and found.events < 10) or (metric == "fay_feuer_gamma_lo" and found.events == 0):
        return None
    if metric == "crude_rate":
        return float(found.crude)
    if metric.startswith("dsr"):
        return scale * float(found.rate)
    side, digits = re.search(r"_(lo|hi)(\d*)", metric).groups()  # type: ignore[union-attr]
    level = float(f"0.{digits}") if digits else 0.95
    interval = gamma_interval if "gamma" in metric else dobson_interval
    return scale * float(interval(found, level)[side == "hi"])


def standardised(data: pd.DataFrame, standard: pd.DataFrame, domain: str, metric: str) -> float:
    """Means of a domain of a cluster sample, post-stratified to the standard's mix; the rest of the sample stays as is."""
    (by,) = [name for name in standard if name != "freq"]
    inside = domain_mask(data, domain)
    kind, _, name = metric.partition(":")
    design = sample_design(data["pw"], clusters=data["dnum"], population=data["fpc"])
    if not kind.startswith("crude"):
        cells = [(level,) if row else () for level, row in zip(data[by], inside, strict=True)]
        mix = {(level,): float(freq) for level, freq in zip(standard[by], standard["freq"], strict=True)}
        present = {cell: freq for cell, freq in mix.items() if cell in set(cells)}
        adjustment = poststratify(design.weights, cells, {**present, (): float(design.weights[~inside].sum())})
        design = design.reweighted(adjustment.weights, adjustment.residuals)
    estimate = survey_mean(design, variable(data, name), inside)
    return float(estimate.error[0] if "_se" in kind else estimate.value[0])
