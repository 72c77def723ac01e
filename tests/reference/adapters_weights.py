"""Cases 04 to 06: post-stratification, raking, calibration and trimming of a cluster sample.

Belongs here: which weighting a group's name means. Does not belong here: the metrics (`survey_questions`).
"""

import re
from collections.abc import Hashable, Iterator

import numpy as np
import pandas as pd

from methodology.calibration import Calibration, calibrate
from methodology.sampling import Floats, Residuals, SampleDesign, sample_design
from methodology.survey_estimates import jackknife
from methodology.weights import WeightAdjustment, margin_residuals, poststratify, rake, trim_weights
from tests.reference.adapters_survey import ask, by_group, only_input
from tests.reference.harness import Case, Key, adapter
from tests.reference.survey_questions import variable

Population = dict[Hashable, float]
Margins = dict[str, Population]


def drawn(data: pd.DataFrame, corrected: bool) -> SampleDesign:
    """Districts `dnum` drawn without strata, before weighting."""
    return sample_design(data["pw"], clusters=data["dnum"], population=data["fpc"] if corrected else None)


def population_margins(case: Case) -> Margins:
    """The file of margins: name, level, count."""
    (table,) = [table for table in case.inputs.values() if {"margin", "level", "freq"} <= set(table)]
    return {
        str(name): dict(zip(part["level"].astype(str), part["freq"].astype(float), strict=True))
        for name, part in table.groupby("margin", sort=False)
    }


def population_cells(case: Case, data: pd.DataFrame) -> tuple[list[str], Population]:
    """The file of crossed cells: columns of the sample, and the count."""
    tables = case.inputs.values()
    table = next(table for table in tables if {"freq"} < set(table) <= {*data, "freq"})
    names = [name for name in table if name != "freq"]
    cells = zip(*(table[name].astype(str) for name in names), strict=True)
    return names, dict(zip(cells, table["freq"].astype(float), strict=True))


def labels(data: pd.DataFrame, names: list[str]) -> list[Hashable]:
    """The cell of every row."""
    if len(names) == 1:
        return data[names[0]].astype(str).tolist()
    return list(zip(*(data[name].astype(str) for name in names), strict=True))


@adapter("poststratification")
def poststratification(case: Case) -> dict[Key, float | None]:
    """One margin, or the crossed cells; `<level>_missing_...` takes a level out of the sample or the population."""
    data, margins, answers = only_input(case), population_margins(case), {}
    asked = by_group(case)
    levels = [match[1] for group in asked if (match := re.match(r"(.+)_missing_", group))]
    # The margin is the one whose level goes missing, else the first of the file.
    margin = next((name for name, population in margins.items() if set(levels) & set(population)), next(iter(margins)))
    for group, metrics in asked.items():
        option, _, domain = group.partition("|")
        names, population, sample = [margin], dict(margins[margin]), data
        if "_cells_" in option:
            names, population = population_cells(case, data)
        missing = re.match(r"(.+)_missing_(.+)", option)
        if missing and missing[2] == "in_population":
            population.pop(missing[1])
        elif missing:
            sample = data[data[margin].astype(str) != missing[1]].reset_index(drop=True)
            if missing[2].startswith("partial"):
                population.pop(missing[1])
        design = drawn(sample, option.endswith("_fpc"))
        cells = labels(sample, names)
        try:
            adjustment = poststratify(design.weights, cells, population)
        except ValueError:
            answers |= {(group, metric): 1.0 if metric == "raises_error" else None for metric in metrics}
            continue
        if option.endswith("JK1"):
            for metric in metrics:
                answers[group, metric] = replicated_mean(design, sample, metric, cells, population)
            continue
        answers |= ask(design.reweighted(adjustment.weights, adjustment.residuals), sample, group, metrics, domain)
        answers[group, "raises_error"] = 0.0
    return answers


def replicated_mean(
    design: SampleDesign, data: pd.DataFrame, metric: str, cells: list[Hashable], population: Population
) -> float:
    """A mean or its jackknife error, with every replicate post-stratified again."""
    head, _, name = metric.partition(":")
    y = variable(data, name)

    def mean(weights: Floats) -> float:
        final = poststratify(weights, cells, population).weights
        return float(final @ y / final.sum())

    return jackknife(design, mean)[head == "se"]


@adapter("raking")
def raking(case: Case) -> dict[Key, float | None]:
    """Groups name their margins; residuals as the software of the group takes them (see `residuals_of`)."""
    data, margins, answers = only_input(case), population_margins(case), {}
    asked = by_group(case)
    named = {group: chosen for group in asked if (chosen := margins_named(group, margins))}
    for group, metrics in asked.items():
        # `calibrate_raking` repeats the first group's margins.
        chosen = named.get(group, next(iter(named.values()), list(margins)))
        design = drawn(data, "nofpc" not in group)
        adjustment = raked(design, data, {name: margins[name] for name in chosen})
        final = design.reweighted(adjustment.weights, residuals_of(group, adjustment))
        domain = group.partition("|")[2] if "=" in group else ""
        answers |= ask(final, data, group, metrics, domain)
        for metric in metrics:
            if row := re.fullmatch(r"weight:(\d+)", metric):
                answers[group, metric] = float(adjustment.weights[int(row[1]) - 1])
    return answers


def raked(design: SampleDesign, data: pd.DataFrame, margins: Margins) -> WeightAdjustment:
    """Raking of the sample's rows over margins."""
    return rake(design.weights, {name: (labels(data, [name]), population) for name, population in margins.items()})


def margins_named(group: str, margins: Margins) -> list[str]:
    """The margins in a group's name, written there without their own underscores."""
    tokens = group.replace("|", "_").split("_")
    return [name for name in margins if name in group or name.replace("_", "") in tokens]


def residuals_of(group: str, adjustment: WeightAdjustment) -> Residuals:
    """Three conventions: survey::rake sweeps ten times unweighted, survey::calibrate and we use the initial weights."""
    if "final_weight" in group:
        return lambda u: margin_residuals(u, adjustment.margins, adjustment.weights)
    if group.startswith("calibrate"):
        return adjustment.residuals
    return lambda u: margin_residuals(u, adjustment.margins, np.ones_like(adjustment.initial), cycles=10)


@adapter("calibration_trimming")
def calibration_trimming(case: Case) -> dict[Key, float | None]:
    """`greg_linear`, `..._bounded_L_U`, `logit_L_U`, `raking`, and trimming of raked weights; weights by id column."""
    data, answers, known = only_input(case), {}, {}
    asked = by_group(case)
    bounds_named = [trim_bounds(group) for group in asked if trim_bounds(group)]
    for group, metrics in asked.items():
        option, _, domain = group.partition("|")
        if option not in known:
            design = drawn(data, "nofpc" not in option)
            if option.startswith("trim"):
                low, high = trim_bounds(option) or bounds_named[0]
                initial = raked(design, data, sibling_margins(case)).weights
                strict = "strict" in option
                weights = trim_weights(initial, high, low, spread="equal", iterate=strict)
                known[option] = design.reweighted(weights)
            else:
                adjustment = calibrated(case, design, data, option)
                known[option] = design.reweighted(adjustment.weights, adjustment.residuals)
        answers |= ask(known[option], data, group, metrics, domain)
    return answers


def calibrated(case: Case, design: SampleDesign, data: pd.DataFrame, option: str) -> Calibration:
    """Totals by term: `(Intercept)`, a column, or a level of a column."""
    (totals,) = [table for table in case.inputs.values() if {"term", "total"} <= set(table)]
    terms = totals["term"].tolist()
    x = np.column_stack([np.ones(len(data)) if term == "(Intercept)" else variable(data, term) for term in terms])
    numbers = tuple(float(text) for text in re.findall(r"_(\d+(?:\.\d+)?)", option))
    distance = next(name for name in ("linear", "logit", "raking") if name in option)
    bounds = (numbers[0], numbers[1]) if len(numbers) == 2 else None
    return calibrate(design.weights, x, totals["total"], distance, bounds, terms)


def trim_bounds(group: str) -> tuple[float, float] | None:
    """The two numbers a trimming group ends with."""
    found = re.search(r"trim.*_(\d+(?:\.\d+)?)_(\d+(?:\.\d+)?)$", group.partition("|")[0])
    return (float(found[1]), float(found[2])) if found else None


def sibling_margins(case: Case) -> Margins:
    """The margins of the raking case: in this folder, or in the raking folder next to it."""

    def holders() -> Iterator[Case]:
        yield case
        yield from (Case(folder) for folder in sorted(case.folder.parent.glob("*_raking")))

    return next(
        population_margins(holder)
        for holder in holders()
        if any({"margin", "level", "freq"} <= set(table) for table in holder.inputs.values())
    )
