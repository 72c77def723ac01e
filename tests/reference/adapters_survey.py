"""Cases 01 to 03, 07 and 08: stratified, clustered and awkward designs, intervals of proportions.

Belongs here: which design a group's name means. Does not belong here: the metrics (`survey_questions`).
"""

import re
from collections import defaultdict
from functools import partial

import numpy as np
import pandas as pd

from methodology.proportions import (
    agresti_coull_interval,
    clopper_pearson_interval,
    jeffreys_interval,
    survey_proportion_interval,
    wilson_interval,
)
from methodology.sampling import Lonely, SampleDesign, sample_design, two_stage_design
from methodology.survey_estimates import jackknife, survey_mean
from tests.reference.harness import Case, Key, adapter
from tests.reference.survey_questions import answer, domain_mask, equals, t_test, variable


def by_group(case: Case) -> dict[str, list[str]]:
    """The metrics asked of each group, in order."""
    groups: dict[str, list[str]] = defaultdict(list)
    for group, metric in case.asked:
        groups[group].append(metric)
    return groups


def only_input(case: Case) -> pd.DataFrame:
    """The one sample of the case."""
    (name,) = [stem for stem in case.inputs if stem.startswith("input")]
    return case.inputs[name]


def ask(
    design: SampleDesign, data: pd.DataFrame, group: str, metrics: list[str], domain: str
) -> dict[Key, float | None]:
    """Every metric of a group, over the whole draw or in a domain."""
    mask = domain_mask(data, domain) if domain else None
    tests = t_test(design, data, metrics)
    return {(group, metric): tests.get(metric, answer(design, data, metric, mask)) for metric in metrics}


@adapter("stratified_mean")
def stratified_mean(case: Case) -> dict[Key, float | None]:
    """`fpc` and `nofpc` designs with rows drawn in strata `stype`; `|column=label` is a domain."""
    data, answers = only_input(case), {}
    for group, metrics in by_group(case).items():
        option, _, domain = group.partition("|")
        population = data["fpc"] if option == "fpc" else None
        design = sample_design(data["pw"], data["stype"], population=population)
        answers |= ask(design, data, group, metrics, domain)
    return answers


@adapter("cluster_one_stage")
def cluster_one_stage(case: Case) -> dict[Key, float | None]:
    """Districts `dnum` drawn without strata; `JK1` groups are replicated without a finite population correction."""
    data, answers = only_input(case), {}
    for group, metrics in by_group(case).items():
        option, _, domain = group.partition("|")
        design = sample_design(data["pw"], clusters=data["dnum"], population=data["fpc"] if option == "fpc" else None)
        if option.startswith("JK1"):
            answers |= {(group, metric): replicated(design, data, metric) for metric in metrics}
        else:
            answers |= ask(design, data, group, metrics, domain)
    return answers


@adapter("cluster_two_stage")
def cluster_two_stage(case: Case) -> dict[Key, float | None]:
    """Districts `dnum` drawn without strata, then schools `snum`; populations of both stages, or none."""
    data, answers = only_input(case), {}
    for group, metrics in by_group(case).items():
        option, _, domain = group.partition("|")
        populations = (data["fpc1"], data["fpc2"]) if option == "fpc2" else (None, None)
        # A school drawn alone of several says nothing of its district's spread.
        design = two_stage_design(data["pw"], data["dnum"], data["snum"], populations=populations, lonely="certainty")
        answers |= ask(design, data, group, metrics, domain)
    return answers


def replicated(design: SampleDesign, data: pd.DataFrame, metric: str) -> float:
    """A mean or ratio, or its jackknife error."""
    head, _, name = metric.partition(":")
    top, _, bottom = name.partition("/")
    y, x = variable(data, top), variable(data, bottom) if bottom else np.ones(len(data))
    value, error = jackknife(design, lambda weights: float(weights @ y / (weights @ x)))
    return error if head in {"se", "ratio_se"} else value


@adapter("lonely_psu_zero_variance_zero_weight")
def lonely_psu(case: Case) -> dict[Key, float | None]:
    """`<lonely option>|<fpc column or nofpc>`, or an alteration of the sample without its lonely strata."""
    data, answers = only_input(case), {}
    for group, metrics in by_group(case).items():
        option, correction, domain = [*group.split("|"), "", ""][:3]
        # Two names of one rule in R survey: the stratum adds nothing.
        lonely: Lonely = "certainty" if option == "remove" else option  # type: ignore[assignment]
        sample = data
        if option not in {"remove", "certainty", "adjust", "average", "fail"}:
            sample, lonely = altered(data, option), "fail"
        try:
            design = sample_design(
                sample["pw"],
                sample["stype"],
                sample["psu"],
                sample.get(correction),
                lonely,
            )
        except ValueError:
            answers |= {(group, metric): 1.0 if metric == "raises_error" else None for metric in metrics}
            continue
        answers |= ask(design, sample, group, metrics, domain)
        answers |= {(group, "raises_error"): 0.0}
    return answers


def altered(data: pd.DataFrame, option: str) -> pd.DataFrame:
    """`<stratum>_constant_<value>`, `zero_weight_rows_i_j` (weights kept at zero) or `_deleted`, `missing_y_rows_i_j`."""
    numbers = {int(text) - 1 for text in re.findall(r"(?<=_)\d+", option)}
    if option == "zero_weight_rows_deleted":
        # The same rows as in the group that keeps them.
        numbers = {0, 2}
    sample = data.copy()
    chosen = sample.index.isin(list(numbers))
    if constant := re.fullmatch(r"(\w+)_constant_([\d.]+)", option):
        sample["api00"] = sample["api00"].astype(float).mask(sample["stype"] == constant[1], float(constant[2]))
    elif option.startswith("missing_y"):
        sample["api00"] = sample["api00"].astype(float).mask(chosen)
    elif option.endswith("deleted"):
        sample = sample[~chosen]
    else:
        sample["pw"] = sample["pw"].mask(chosen, 0.0)
    units = sample.groupby("stype")["psu"].transform("nunique")
    return sample[units > 1]


@adapter("wilson")
def wilson(case: Case) -> dict[Key, float | None]:
    """Groups `x=..,n=..,level=..`; metrics `<interval>_lo` and `_hi`."""
    intervals = {
        "wilson": wilson_interval,
        "wilson_cc": partial(wilson_interval, continuity=True),
        "agresti_coull": agresti_coull_interval,
        "clopper_pearson": clopper_pearson_interval,
        "jeffreys_central": jeffreys_interval,
    }
    answers: dict[Key, float | None] = {}
    for group, metric in case.asked:
        given = {name: float(number) for name, number in (part.split("=") for part in group.split(","))}
        name, side = metric.rsplit("_", 1)
        answers[group, metric] = float(intervals[name](given["x"], given["n"], given["level"])[side == "hi"])
    return answers


@adapter("survey_proportion_ci")
def survey_proportion_ci(case: Case) -> dict[Key, float | None]:
    """Groups `<input>|<column of Yes and No>`; metrics `<method>:p`, `:lo` and `:hi`, no finite population correction."""
    answers: dict[Key, float | None] = {}
    for group, metric in case.asked:
        sample, column = group.split("|")
        data = case.inputs[f"input_{sample}"]
        design = sample_design(data["pw"], data.get("stype"), data.get("dnum"))
        estimate = survey_mean(design, equals(data[column], "Yes"))
        p, error = float(estimate.value[0]), float(estimate.error[0])
        method, _, limit = metric.partition(":")
        if limit == "p" or (method == "logit" and error == 0):
            # survey's logit stops its fit short of p = 1 and prints the point as its own interval.
            answers[group, metric] = p
            continue
        known = "logit" if method == "xlogit" else method
        interval = survey_proportion_interval(p, error, design.degrees_of_freedom, len(data), known)  # type: ignore[arg-type]
        answers[group, metric] = float(interval[limit == "hi"])
    return answers
