"""Adapters of the cases on change and disparity: decomposition (14), time to an event (15), inequality (18).

Belongs here: reading of groups, metrics and columns, and calls of `methodology`. Does not belong here: any formula.
"""

import re

import numpy as np
import pandas as pd

from methodology.change import DasGupta, das_gupta, kitagawa
from methodology.inequality import (
    atkinson,
    coefficient_of_variation,
    generalised_entropy,
    gini,
    gini_corrected,
    hoover,
    mean_log_deviation,
    theil,
    theil_split,
)
from methodology.log_rank import LogRank, log_rank
from methodology.survival import Cells, SurvivalCurves, kaplan_meier
from methodology.variance_components import (
    icc_interval_exact,
    icc_interval_smith,
    icc_one,
    one_way,
    random_intercepts,
)
from tests.reference.harness import Case, Key, adapter
from tests.reference.tables import cells_by, labels, table_with, tables

Answers = dict[Key, float | None]


@adapter("kaplan_meier")
def kaplan_meier_case(case: Case) -> Answers:
    """Groups `<set>`, `<set>|<column>=<value>`, each also with `|t=` or `|at t=`, and `<set>|logrank <column>[=<value>]`.

    A set is a value of the column `case` where an input has one; any other name is the input without that column.
    """
    edges = [table for table in tables(case).values() if "case" in table]
    (main,) = (table for table in tables(case).values() if "case" not in table)
    curves: dict[tuple[str, ...], SurvivalCurves] = {}
    answers: Answers = {}
    for group, metric in case.asked:
        name, *parts = group.split("|")
        rows = next((t[t["case"].astype(str) == name] for t in edges if (t["case"].astype(str) == name).any()), main)
        moment = next((float(p.rsplit("t=", 1)[1]) for p in parts if re.match(r"(at )?t=", p)), None)
        test = next((part.removeprefix("logrank ") for part in parts if part.startswith("logrank ")), None)
        if test is not None:
            column, _, value = test.partition("=")
            answers[group, metric] = _log_rank(rows, column, value, metric)
            continue
        strata = tuple(part for part in parts if not re.match(r"(at )?t=", part))
        if (name, *strata) not in curves:
            for column, _, value in (part.partition("=") for part in strata):
                rows = rows[labels(rows[column]) == value]
            unit = np.zeros(len(rows), int)
            curves[name, *strata] = kaplan_meier(Cells.of(unit, rows["time"], rows["event"], 1 - rows["event"]))
        curve = curves[name, *strata]
        answers[group, metric] = _of_curve(curve, metric) if moment is None else _at(curve, moment, metric)
    return answers


def _at(curve: SurvivalCurves, moment: float, metric: str) -> float:
    end, _, scale = metric.partition("_")
    if end in ("lo", "hi"):
        limits = curve.at(moment, scale)
        return float((limits.low if end == "lo" else limits.high)[0])
    if metric == "surv":
        return float(curve.at(moment).value[0])
    column = {
        "n_risk": curve.at_risk,
        "n_event": curve.events,
        "n_censor": curve.censored,
        "se_greenwood": curve.error,
        "cumhaz_nelson_aalen": curve.cumulative_hazard,
    }[metric]
    return float(column[0, np.flatnonzero(curve.time == moment)[0]])


def _of_curve(curve: SurvivalCurves, metric: str) -> float:
    if mean := re.fullmatch(r"rmst_(se_)?([\d.]+)", metric):
        area = curve.restricted_mean(float(mean[2]))
        return float((area.error if mean[1] else area.value)[0])
    percent, end, scale = re.fullmatch(r"q(\d+)_(?:(lo|hi)_)?(.+)", metric).groups()
    found = curve.quantile(int(percent) / 100, scale)
    return float({None: found.value, "lo": found.low, "hi": found.high}[end][0])


def _log_rank(rows: pd.DataFrame, column: str, value: str, metric: str) -> float:
    kept = rows.dropna(subset=[column])
    group = labels(kept[column])
    levels, durations = sorted(group.unique()), np.unique(kept["time"])

    def counts(flag: int) -> np.ndarray:
        own = [kept.loc[(group == level) & (kept["event"] == flag), "time"].value_counts() for level in levels]
        return np.array([count.reindex(durations, fill_value=0) for count in own])

    found: LogRank = log_rank(durations, counts(1), counts(0))
    if metric in ("chisq", "p"):
        return found.chi2 if metric == "chisq" else found.p_value
    return float(getattr(found, metric)[levels.index(value)])


@adapter("kitagawa_decomposition")
def kitagawa_decomposition(case: Case) -> Answers:
    """Groups `<set>|<factor or crude>`; effects are second minus first population in alphabetical order.

    Factors are columns, multiplied and summed over a population's rows; a
    factor `<id>_struct` beside `rate` is the mix of `size` over the groups of that column.
    """
    answers: Answers = {}
    wanted: dict[str, list[str]] = {}
    for group, _ in case.asked:
        name, _, factor = group.rpartition("|")
        if factor != "crude" and factor not in wanted.setdefault(name, []):
            wanted[name].append(factor)
    for name, factors in wanted.items():
        table = _table_named(case, name, factors)
        table = table.assign(pop=labels(table["pop"]))
        first, second = sorted(table["pop"].unique())
        structured = [factor for factor in factors if factor not in table]
        found = _by_structure(table, structured, factors) if structured else _by_product(table, factors)
        for factor, (rates, effect) in found.items():
            answers[f"{name}|{factor}", "effect"] = effect
            answers[f"{name}|{factor}", f"rate:{first}"], answers[f"{name}|{factor}", f"rate:{second}"] = rates
    return {key: answers[key] for key in case.asked}


Standardised = dict[str, tuple[tuple[float, float], float]]


def _table_named(case: Case, name: str, factors: list[str]) -> pd.DataFrame:
    """The input with these factors as columns; of several, the one whose stem is in the name of the set."""

    def plain(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.lower())

    needed = {"pop", *(factor for factor in factors if not factor.endswith("_struct"))}
    inputs = {plain(stem.removeprefix("input")): table for stem, table in tables(case).items() if needed <= set(table)}
    return inputs[max(inputs, key=lambda stem: (stem in plain(name), len(stem)))]


def _named(found: DasGupta, factors: list[str]) -> Standardised:
    columns = zip(found.standardised.T, found.effects, strict=True)
    by_factor = {f: ((float(r[0]), float(r[1])), float(e)) for f, (r, e) in zip(factors, columns, strict=True)}
    return {**by_factor, "crude": (found.crude, found.crude[1] - found.crude[0])}


def _by_product(table: pd.DataFrame, factors: list[str]) -> Standardised:
    # Rows of the two populations are matched by what is neither population nor factor.
    ids = [column for column in table if column not in ("pop", *factors)]
    first, second = (rows.sort_values(ids) if ids else rows for _, rows in table.groupby("pop", sort=True))
    return _named(das_gupta([first[f] for f in factors], [second[f] for f in factors]), factors)


def _by_structure(table: pd.DataFrame, structured: list[str], factors: list[str]) -> Standardised:
    (structure,) = structured
    groups = labels(table[structure.removesuffix("_struct")])
    wide = table.assign(group=groups).pivot(index="group", columns="pop", values=["size", "rate"])
    first, second = sorted(table["pop"].unique())
    size, rate = wide["size"].fillna(0.0).astype(float), wide["rate"].astype(float)
    parts = kitagawa(size[first], rate[first], size[second], rate[second], np.zeros(len(size), int), 1)
    # Das Gupta's rates of two vector factors hold the same two effects; a group without a rate takes the other's.
    rates = [rate[first].fillna(rate[second]), rate[second].fillna(rate[first])]
    shares = [size[pop] / size[pop].sum() for pop in (first, second)]
    found = _named(das_gupta([shares[0], rates[0]], [shares[1], rates[1]]), [structure, "rate"])
    found[structure] = found[structure][0], float(parts.mix[0])
    found["rate"] = found["rate"][0], float(parts.rate[0])
    return {name: found[name] for name in (*factors, "crude")}


@adapter("inequality_icc")
def inequality_icc(case: Case) -> Answers:
    """Groups name the values: means of units, respondents, `edge|<numbers>`, a split by a column, or a variance table."""
    rows = table_with(case, "region", "y")
    unit = rows.columns[0]
    cells = cells_by(rows, unit)
    small = next((cells_by(t, 0) for t in tables(case).values() if "region" not in t), None)
    answers: Answers = {}
    for group, metric in case.asked:
        kind, _, rest = group.partition("|")
        if kind == "between_within":
            regions = rows.assign(unit=rows[unit].astype(str)).groupby("unit")[rest.rpartition("|")[2]].first()
            part = pd.factorize(regions.reindex(cells.index))[0]
            ones, one = np.ones(len(cells)), np.zeros(len(cells))
            split = theil_split(cells["mean"], ones, one, 1, part)
            (answers[group, metric],) = {
                "theil_T_total": split.total,
                "theil_between": split.between,
                "theil_within": split.within,
            }[metric]
        elif kind == "edge" and re.fullmatch(r"[-\d.,]+", rest):
            answers[group, metric] = _index(metric, np.array(rest.split(","), float), None)
        elif kind in ("icc_anova", "aov", "multilevel", "lmer_REML"):
            answers[group, metric] = _variance(metric, cells, kind)
        elif kind == "edge":
            answers[group, metric] = _variance(metric, small, "icc_anova")
        else:
            value = rows["y"] if kind == "respondents" else cells["mean"]
            weight = cells["n"].to_numpy(float) if kind.endswith("weighted_by_n") else None
            answers[group, metric] = _index(metric, value.to_numpy(float), weight)
    return answers


def _index(metric: str, value: np.ndarray, weight: np.ndarray | None) -> float:
    if parameter := re.fullmatch(r"(atkinson|entropy)_([\d.]+)", metric):
        function = atkinson if parameter[1] == "atkinson" else generalised_entropy
        return function(value, float(parameter[2]), weight)
    if metric == "gini_corrected":
        return gini_corrected(value)
    if metric == "gini":
        weights = np.ones(value.size) if weight is None else weight
        return float(gini(value, weights, np.zeros(value.size), 1)[0])
    function = {
        "theil_T": theil,
        "theil_L_mld": mean_log_deviation,
        "cv_pop": coefficient_of_variation,
        "hoover_RS": hoover,
    }[metric]
    return function(value, weight)


def _variance(metric: str, cells: pd.DataFrame, kind: str) -> float:
    """One figure of the one-way layout; `ICC1` goes by the mean size of units, as the package named in the group does."""
    parts = cells["n"], cells["mean"], cells["squares"]
    if kind == "lmer_REML":
        return random_intercepts(*parts).icc
    table = one_way(*parts)
    if limit := re.fullmatch(r"(lo|hi)_(smith|thd)", metric):
        interval = icc_interval_smith if limit[2] == "smith" else icc_interval_exact
        return interval(table)[limit[1] == "hi"]
    if metric.startswith("ICC1"):
        return icc_one(table.mean_square_between, table.mean_square_within, float(table.sizes.mean()))
    return {
        "icc": table.icc,
        "icc_anova": table.icc,
        "n_groups": float(table.sizes.size),
        "k0": table.k0,
        "var_within": table.mean_square_within,
        "var_among": table.variance_between,
        "ms_between": table.mean_square_between,
        "ms_within": table.mean_square_within,
        "F": table.f_ratio,
        "ICC2_reliability_of_means": table.icc_of_means,
    }[metric]
