"""Adapters of the cases on comparison: shrinkage (11), ranks (12), funnels (13).

Belongs here: reading of groups, metrics and columns, and calls of `methodology`. Does not belong here: any formula.
"""

import re
from dataclasses import replace

import numpy as np
import pandas as pd

from methodology.funnels import arcsine_proportion, log_rate, log_ratio, poisson_limits, root_ratio
from methodology.limits import ACTION_Z, WARNING_Z
from methodology.peers import (
    overdispersion,
    percentile_ranks,
    truncated,
    truncated_overdispersion,
)
from methodology.ranks import (
    cumulative_share,
    expected_rank,
    marginal_rank_sets,
    overlap_quantile,
    overlap_rank_sets,
    pairwise_rank_sets,
    percent_rank,
    rank_distribution,
    simultaneous_rank_sets,
    tied_ranks,
)
from methodology.shrinkage import Shrunken, Spread, shrink, spread
from methodology.variance_components import pooled_variance, random_intercepts
from tests.reference.harness import Case, Key, adapter
from tests.reference.tables import cells_by, table_with

Answers = dict[Key, float | None]


@adapter("eb_shrinkage")
def eb_shrinkage(case: Case) -> Answers:
    """Groups `<set>|<estimator>` and `<set>|<estimator>|<branch>`; a set with a column `in_<set>` is that subset of branches."""
    branches = table_with(case, "mean", "vi")
    unit = branches.columns[0]
    answers: Answers = {}
    fits: dict[tuple[str, str], tuple[pd.DataFrame, Spread, Shrunken]] = {}
    for group, metric in case.asked:
        subset, _, rest = group.partition("|")
        method, _, branch = rest.partition("|")
        if subset == "pooled":
            answers[group, metric] = float(
                pooled_variance(branches["n"], branches["sd"] ** 2, np.zeros(len(branches)), 1)[0]
            )
        elif subset.startswith("lmer"):
            answers[group, metric] = _random_intercepts(case, rest, metric)
        else:
            if (subset, method) not in fits:
                kept = branches[branches[f"in_{subset}"] == 1] if f"in_{subset}" in branches else branches
                score, error, one = kept["mean"], np.sqrt(kept["vi"]), np.zeros(len(kept))
                found = spread(score, error, one, 1, method)
                fits[subset, method] = kept, found, shrink(score, error, one, found)
            kept, found, drawn = fits[subset, method]
            if branch:
                position = int(np.flatnonzero(kept[unit].astype(str) == branch)[0])
                answers[group, metric] = float({"eb_blup": drawn.score, "eb_blup_se": drawn.error}[metric][position])
            else:
                (answers[group, metric],) = {
                    "tau2": found.tau2,
                    "mu": found.mu,
                    "mu_se": found.mu_error,
                    "Q": found.q,
                    "Q_p": found.q_p_value,
                    "I2": 100 * found.signal_share,
                    "H2": found.h2,
                }[metric]
    return answers


def _random_intercepts(case: Case, branch: str, metric: str) -> float:
    """The mixed model on respondents, through the cells of each branch."""
    cells = cells_by(table_with(case, "y"), 0)
    fit = random_intercepts(cells["n"], cells["mean"], cells["squares"])
    if not branch:
        return {"tau2": fit.tau2, "sigma2": fit.sigma2, "mu": fit.mu, "mu_se": fit.mu_error}[metric]
    own = cells.loc[branch]
    unknown = np.array([np.nan])
    fitted = (np.array([value]) for value in (fit.tau2, fit.mu, fit.mu_error))
    known = Spread(np.array([len(cells)]), *fitted, unknown, unknown)
    drawn = shrink([own["mean"]], [np.sqrt(fit.sigma2 / own["n"])], [0], known)
    return float({"eb_blup": drawn.score, "eb_postsd_cond": drawn.conditional_error}[metric][0])


@adapter("rank_intervals")
def rank_intervals(case: Case) -> Answers:
    """Metrics name their method and level (`_a10` alpha 10 %, `_90` coverage 90 %); `ties|<unit>` asks for plain ranks."""
    table = table_with(case, "estimate", "se")
    position = {str(unit): row for row, unit in enumerate(table["unit"])}
    found: dict[str, np.ndarray] = {}
    answers: Answers = {}
    for group, metric in case.asked:
        if group.startswith("ties|"):
            scores = table_with(case, "unit", "score")
            units = scores["unit"].astype(str).to_numpy()
            ranks = _plain_ranks(metric, scores["score"].to_numpy(float))
            answers[group, metric] = float(ranks[units == group.partition("|")[2]][0])
        elif metric == "kww_z_independence":
            # The level of the rank sets asked for in the same case.
            (level,) = {_level(other) for _, other in case.asked if other.startswith("kww_rank")}
            answers[group, metric] = overlap_quantile(len(table), level)
        else:
            if metric not in found:
                found[metric] = _uncertain_ranks(metric, table["estimate"].to_numpy(), table["se"].to_numpy())
            answers[group, metric] = float(found[metric][position[group]])
    return answers


def _level(metric: str) -> float:
    """Confidence level a metric's name ends in: `_a10` or `_90`."""
    alpha, digits = re.fullmatch(r".*_(a?)(\d\d)", metric).groups()
    return 1 - int(digits) / 100 if alpha else int(digits) / 100


def _uncertain_ranks(metric: str, y: np.ndarray, s: np.ndarray) -> np.ndarray:
    """One metric for all units. Here rank 1 is the smallest estimate (`_asc`); a fixed seed keeps the run repeatable."""
    rng = np.random.default_rng(12)
    end = "lower" if "_lo_" in metric else "upper"
    if metric == "rank_of_estimate_asc":
        return tied_ranks(y, "min", polarity=-1)
    if metric == "rank_avg_ties_asc":
        return tied_ranks(y, "average", polarity=-1)
    if metric == "expected_rank_asc":
        return expected_rank(y, s, polarity=-1)
    if metric == "percentile_of_expected_rank":
        return (expected_rank(y, s, polarity=-1) - 0.5) / y.size
    if metric.startswith("mc_"):
        drawn = rank_distribution(y, s, rng, polarity=-1, draws=100_000)
        tail = re.fullmatch(r"mc_rank_q(\d+)", metric)
        return drawn.quantile(float(f"0.{tail[1]}")) if tail else drawn.expected
    if pairwise := re.fullmatch(r"rank_(?:lo|hi)_pairwise_([a-z]+)_a\d\d", metric):
        return getattr(pairwise_rank_sets(y, s, _level(metric), pairwise[1], polarity=-1), end)
    if metric.startswith("kww_rank"):
        return getattr(overlap_rank_sets(y, s, _level(metric), polarity=-1), end)
    kind = {"csranks_simul": simultaneous_rank_sets, "csranks_marginal": marginal_rank_sets}
    sets = kind["_".join(metric.split("_")[:2])](y, s, rng, _level(metric), polarity=-1, draws=20_000)
    return getattr(sets, end)


def _plain_ranks(metric: str, score: np.ndarray) -> np.ndarray:
    if metric.startswith("percent_rank"):
        return percent_rank(score)
    if metric == "cume_dist":
        return cumulative_share(score)
    if metric.startswith("mid_percentile"):
        present = np.isfinite(score)
        ranks = np.full(score.size, np.nan)
        ranks[present] = percentile_ranks(score[present]) / 100
        return ranks
    method = "dense" if metric.startswith("dense") else metric.rsplit("_", 1)[1]
    return tied_ranks(score, method, polarity=1 if "_desc" in metric else -1)


@adapter("funnel_overdispersion")
def funnel_overdispersion(case: Case) -> Answers:
    """Groups `<SR_SHMI|SR_CQC|PR|RC>_<trim|wins><per cent>` and `...|<provider>`."""
    units = table_with(case, "observed_los", "expected_los", "deaths", "n")
    position = {str(name): row for row, name in enumerate(units["provider"])}
    plots: dict[str, tuple[dict[str, float], dict[str, np.ndarray]]] = {}
    answers: Answers = {}
    for group, metric in case.asked:
        plot, _, provider = group.partition("|")
        if plot not in plots:
            plots[plot] = _funnel(plot, units)
        overall, columns = plots[plot]
        answers[group, metric] = float(columns[metric][position[provider]]) if provider else overall[metric]
    return answers


def _funnel(plot: str, units: pd.DataFrame) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    kind, trim, percent = re.fullmatch(r"(SR_SHMI|SR_CQC|PR|RC)_(trim|wins)(\d+)", plot).groups()
    transform, top, bottom = {
        "SR_SHMI": (log_ratio, "observed_los", "expected_los"),
        "SR_CQC": (root_ratio, "observed_los", "expected_los"),
        "PR": (arcsine_proportion, "deaths", "n"),
        "RC": (log_rate, "deaths", "observed_los"),
    }[kind]
    numerator, denominator = units[top].to_numpy(float), units[bottom].to_numpy(float)
    funnel, share = transform(numerator, denominator), int(percent) / 100
    found = (truncated_overdispersion if trim == "trim" else overdispersion)(funnel.z, funnel.error, share)
    columns = {"rr": numerator / denominator, "Y": funnel.score, "Uzscore": funnel.z}
    if trim == "trim":
        columns["truncated"] = truncated(funnel.z, share)
        columns["Wuzscore"] = np.where(columns["truncated"], np.nan, funnel.z)
    else:
        low, high = found.winsor_limits
        columns["winsorised"] = (funnel.z <= low) | (funnel.z >= high)
        columns["Wuzscore"] = np.clip(funnel.z, low, high)
    # The reference draws the limits of ratios of counts with the error of a proportion, not with the one in its z scores.
    drawn = replace(funnel, error=1 / (2 * np.sqrt(denominator))) if kind == "RC" else funnel
    for name, z, level in (("95", WARNING_Z, 0.95), ("99", ACTION_Z, 0.998)):
        exact = kind.startswith("SR")
        plain = poisson_limits(denominator, level) if exact else drawn.limits(z)
        columns["LCL" + name], columns["UCL" + name] = plain
        # The reference leaves these limits on the root scale.
        adjusted = drawn.transformed_limits(z, found.tau2) if kind == "SR_CQC" else drawn.limits(z, found.tau2)
        columns[f"OD{name}LCL"], columns[f"OD{name}UCL"] = adjusted
    # Outliers are asked at 99.8 % for SHMI and at 95 % for the others; without overdispersion, by the plain limits.
    name, z = ("99", ACTION_Z) if kind == "SR_SHMI" else ("95", WARNING_Z)
    low, high = drawn.limits(z, found.tau2) if found.tau2 > 0 else (columns["LCL" + name], columns["UCL" + name])
    columns["outlier"] = (columns["rr"] < low) | (columns["rr"] > high)
    return {"phi": found.phi, "tau2": found.tau2}, columns
