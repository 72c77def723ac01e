"""The same people in several numbers: a panel's change, an index of items that the same people answer.

Belongs here: worlds in which two figures rest on the same people, and what the product says of their difference or mean. Does not
belong here: one figure's own bunches (`clusters`, `branches`).
"""

from collections.abc import Hashable
from itertools import combinations

import numpy as np
import pandas as pd

from methodology.index_parts import index_parts
from methodology.shared_people import correlations
from methodology.survey_cells import ItemCells
from methodology.total_sharing import COLUMNS
from methodology.trends import trends
from methodology.weighted_scores import framed_means
from methodology.weights import poststratify
from simulation.coverage.branches import branch_means
from simulation.coverage.clusters import CUTS, LEVEL
from simulation.coverage.findings import COVERS, Claim, Finding, Floats, at_least, drawn, holds
from simulation.coverage.intervals import LEVELS

ITEMS = ("first", "second", "third")
PEOPLE = 400
# An index's own assumptions stand still here, so that only its sampling error is seen.
INDEX_RULES = {
    "minimum_peers": 5.0,
    "index_minimum_indicators": 3.0,
    "index_data_threshold": 0.5,
    "interval_level": LEVEL,
    "monte_carlo_seed": 1.0,
    "monte_carlo_draws": 2_000.0,
    "index_sensitivity_draws": 8.0,
    "index_weight_spread": 0.0,
}
TREND_RULES = {
    "interval_level": LEVEL,
    "minimum_peers": 5.0,
    "minimum_contributors": 3.0,
    "dominance_margin": 25.0,
    "control_chart_points": 5.0,
    "control_limit_rate": 0.02,
    "control_warning_rate": 0.14,
    "season_effect_sd": 0.0,
}
# No region or journey is shown beside the panels.
NOWHERE = pd.DataFrame(columns=["unit_type", "metric_id", "instrument_id", "period_id", "place", "agency_id", "n"])
NOTHING_WITHHELD = pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
NODES = pd.DataFrame(
    {
        "node_id": ["whole", *ITEMS],
        "parent_id": ["", *["whole"] * 3],
        "metric_id": ["", *ITEMS],
        "weight": [np.nan, 1.0, 1.0, 1.0],
        "direction": 1,
        "lower_goalpost": 0.0,
        "upper_goalpost": 100.0,
        "aggregation": ["arithmetic", "", "", ""],
        "is_required": False,
    }
)


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    found = index_errors(rng, draws)
    for correlation in (0.0, 0.6, 0.9):
        found += [panel_change(rng, draws, correlation), panel_change(rng, draws, correlation, is_weighted=True)]
    for branches, kept in ((3, 0.9), (8, 0.0), (8, 0.9)):
        found.append(panel_of_branches(rng, draws, branches, kept=kept))
    return found


def index_errors(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Stated over true standard error of an index, with the correlation of its items and as if other people gave each."""
    found = []
    for what, is_known, claim in (("", True, Claim(0.95, 1.05)), (", as if others gave each", False, None)):
        stated, true = index_error(rng, draws, is_known=is_known)
        # The standard deviation of m normal draws is known to 1/sqrt(2 m) of itself.
        what = f"stated over true error of an index of three items all answer, correlated .6{what}"
        found.append(Finding(what, stated / true, draws, claim, stated / true / np.sqrt(2)))
    return found


def same_people(rng: np.random.Generator, agencies: int, figures: int, correlation: float) -> Floats:
    """Scores (agencies, people, figures) on five levels, those of one person correlated before they are rounded."""
    common = rng.standard_normal((agencies, PEOPLE, 1))
    own = rng.standard_normal((agencies, PEOPLE, figures))
    latent = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    return np.asarray(LEVELS[np.searchsorted(CUTS, latent)], float)


def index_error(rng: np.random.Generator, agencies: int, *, is_known: bool = True) -> tuple[float, float]:
    """Stated standard error of an index of three items all answer, and its true standard deviation; correlation .6."""
    tables = _index_tables(same_people(rng, agencies, len(ITEMS), 0.6))
    if not is_known:
        tables["people"] = tables["people"][:0]
    made = index_parts(**tables, nodes=NODES, thresholds=INDEX_RULES)
    own = made[made["part"] == "index"]
    stated = float(np.sqrt((own["standard_error"].astype(float) ** 2).mean()))
    return stated, float(own["score"].astype(float).std(ddof=1))


def _index_tables(scores: Floats) -> dict[str, pd.DataFrame]:
    names = [f"a{number:05d}" for number in range(len(scores))]
    rows = pd.DataFrame(
        {
            "agency_id": np.repeat(names, len(ITEMS)),
            "metric_id": ITEMS * len(names),
            "period_id": "2026Q1",
            "instrument_id": "five",
            "status": "reported",
            "status_reason": None,
            "score": scores.mean(axis=1).ravel(),
            "standard_error": scores.std(axis=1, ddof=1).ravel() / np.sqrt(PEOPLE),
            "weighting": "unweighted",
            "frame_status": "not_framed",
            "mode_set": "web",
            "adjustments": "",
        }
    )
    rows["score_id"], rows["slice_ids"] = rows["agency_id"] + rows["metric_id"], "s"
    mixes = pd.DataFrame(columns=["agency_id", "metric_id", "period_id", "instrument_id", "mode_group"], dtype=object)
    people = correlations(
        pd.concat(
            [
                _pairs(scores[..., one], scores[..., two], names, (ITEMS[one], "2026Q1"), (ITEMS[two], "2026Q1"))
                for one, two in combinations(range(len(ITEMS)), 2)
            ],
            ignore_index=True,
        )
    )
    return {
        "scores": rows,
        "mixes": mixes,
        "people": people,
        "agencies": pd.DataFrame({"agency_id": names, "peer_group": "g"}),
    }


def _pairs(
    own: Floats, other: Floats, names: list[str], figure: tuple[str, str], other_figure: tuple[str, str]
) -> pd.DataFrame:
    """What the warehouse counts of two figures (metric and period), answers (agencies, people) of the same people."""
    first, second = (
        {
            "n": float(PEOPLE),
            "score": y.mean(axis=1),
            "standard_error": y.std(axis=1, ddof=1) / np.sqrt(PEOPLE),
        }
        for y in (own, other)
    )
    return pd.DataFrame(
        {
            "unit_type": "agency",
            "unit_id": names,
            "metric_id": figure[0],
            "period_id": figure[1],
            "instrument_id": "five",
            "other_metric_id": other_figure[0],
            "other_period_id": other_figure[1],
            "other_instrument_id": "five",
            "level": "person",
            "branch_share": np.nan,
            "other_share": np.nan,
            "branches": 0,
            "shared": PEOPLE,
            "n_n": float(PEOPLE),
            "n_y": other.sum(axis=1),
            "y_n": own.sum(axis=1),
            "y_y": (own * other).sum(axis=1),
            **first,
            **{f"other_{name}": value for name, value in second.items()},
        }
    )


def panel_change(rng: np.random.Generator, agencies: int, correlation: float, *, is_weighted: bool = False) -> Finding:
    """How often the interval of a change holds the truth (none) where the same people answer in both quarters.

    Weighted, four groups of unequal response stand for a frame: the correlation is that of the plain means all the same.
    """
    answered = same_people(rng, agencies, 2, correlation)
    tables = _trend_tables(answered)
    if is_weighted:
        for name, quarter in (("before", 0), ("now", 1)):
            tables[name] = tables[name].assign(**_weighted(answered[..., quarter]))
    made = trends(**tables, located=NOWHERE, withheld=NOTHING_WITHHELD, thresholds=TREND_RULES, since=1)
    own = made[(made["unit_type"] == "agency") & made["change"].notna()]
    held = holds(0.0, (own["change_low"].to_numpy(float), own["change_high"].to_numpy(float)))
    how = ", weighted to a frame" if is_weighted else ""
    return drawn(f"change, {PEOPLE} people asked in both quarters, correlated {correlation:g}{how}", held, COVERS)


def panel_of_branches(rng: np.random.Generator, agencies: int, branches: int, *, kept: float) -> Finding:
    """The same of branches drawn from very many and visited in both quarters, other people each time.

    Their effects have a correlation of .1 within and `kept` between the quarters.
    """
    tables = _branch_tables(rng, agencies, branches, kept)
    made = trends(**tables, located=NOWHERE, withheld=NOTHING_WITHHELD, thresholds=TREND_RULES, since=1)
    own = made[(made["unit_type"] == "agency") & made["change"].notna()]
    held = holds(0.0, (own["change_low"].to_numpy(float), own["change_high"].to_numpy(float)))
    what = f"change, {branches} branches of 40 answers visited in both quarters, effects correlated {kept:g}"
    return drawn(what, held, at_least(0.94))


def _branch_tables(rng: np.random.Generator, agencies: int, branches: int, kept: float) -> dict[str, pd.DataFrame]:
    common, *fresh = rng.standard_normal((3, agencies, branches, 1))
    answers = []
    for own in fresh:
        effect = np.sqrt(0.1) * (np.sqrt(kept) * common + np.sqrt(1 - kept) * own)
        latent = effect + np.sqrt(0.9) * rng.standard_normal((agencies, branches, 40))
        answers.append(LEVELS[np.searchsorted(CUTS, latent)])
    totals = np.stack([y.sum(axis=2) for y in answers], axis=2)
    tables = _trend_tables(totals)
    figures = [branch_means(y) for y in answers]
    for name, quarter in (("before", 0), ("now", 1)):
        tables[name] = tables[name].assign(**figures[quarter])
    names = tables["now"]["unit_id"].tolist()
    pairs = _pairs(totals[..., 1], totals[..., 0], names, ("first", "2026Q2"), ("first", "2026Q1"))
    pairs = pairs.assign(level="branch", branch_share=1e-9, other_share=1e-9, branches=branches, shared=branches)
    pairs["n_n"] = 40.0**2 * branches
    pairs["n_y"], pairs["y_n"] = 40 * pairs["n_y"], 40 * pairs["y_n"]
    for prefix, figure in (("", figures[1]), ("other_", figures[0])):
        pairs[f"{prefix}n"] = 40.0 * branches
        for column in ("score", "standard_error"):
            pairs[f"{prefix}{column}"] = figure[column]
    tables["people"] = correlations(pairs).assign(quarter=1, other_quarter=0)
    return tables


def _weighted(answered: Floats) -> dict[str, Floats]:
    """Score and error of answers (agencies, people) of four groups, weighted to a frame as the product does it."""
    size = np.array([10, 20, 30, 40]) * PEOPLE // 100
    label = np.repeat(np.arange(4), size)
    frame: dict[Hashable, float] = dict(enumerate((0.4, 0.3, 0.2, 0.1)))
    found = []
    for y in answered:
        first, second = (np.asarray(np.bincount(label, y**power)[:, None], float) for power in (1, 2))
        n = size.astype(float)
        cells = ItemCells(n, n, n, n[:, None], n[:, None], first, second, n[:, None], first, second)
        adjusted = poststratify(n, np.arange(4), {group: PEOPLE * share for group, share in frame.items()})
        means = framed_means(cells, adjusted, np.ones((4, 1)))
        found.append((means.mean[0, 0], means.error[0, 0]))
    score, error = np.array(found).T
    return {"score": score, "standard_error": error}


def _trend_tables(scores: Floats) -> dict[str, pd.DataFrame]:
    names = [f"a{number:05d}" for number in range(len(scores))]
    error = scores.std(axis=1, ddof=1) / np.sqrt(PEOPLE)
    mean = scores.mean(axis=1)
    quarters = [
        pd.DataFrame(
            {
                "score_id": names,
                "unit_type": "agency",
                "unit_id": names,
                "agency_id": names,
                "metric_id": "first",
                "instrument_id": "five",
                "period_id": f"2026Q{quarter + 1}",
                "quarter": quarter,
                "status": "reported",
                "status_reason": None,
                "shared_errors": "",
                "slice_ids": "",
                "score": mean[:, quarter],
                "standard_error": error[:, quarter],
                "ci_low": mean[:, quarter] - 2 * error[:, quarter],
                "ci_high": mean[:, quarter] + 2 * error[:, quarter],
                "n": float(PEOPLE),
                "n_effective": float(PEOPLE),
                "degrees_of_freedom": PEOPLE - 1.0,
                **dict.fromkeys(("measured", "instrument", "unbroken", "framed", "series"), np.arange(len(names))),
            }
        )
        for quarter in (0, 1)
    ]
    member = ["unit_type", "unit_id", "metric_id", "instrument_id", "period_id", "quarter", "score", "standard_error"]
    members = pd.concat(quarters)[[*member, "n", "n_effective", "degrees_of_freedom", "shared_errors", "slice_ids"]]
    series = ["unit_type", "unit_id", "metric_id", "instrument_id", "period_id"]
    texts = dict.fromkeys(series, "str") | {"weight_sum": "float64"}
    groups = pd.DataFrame({name: np.array([], float) for name in ("instrument", "quarter", "group_of", "n", "rate")})
    people = correlations(_pairs(scores[..., 1], scores[..., 0], names, ("first", "2026Q2"), ("first", "2026Q1")))
    groups = groups.astype({"instrument": "int64", "quarter": "int64", "group_of": "int64"})
    return {
        "now": quarters[1],
        "before": quarters[0],
        "members": members,
        "frames": pd.DataFrame(columns=[*series, "weight_sum"]).astype(texts),
        "mix": groups,
        "regions": groups,
        "people": people.assign(quarter=1, other_quarter=0),
        "agencies": pd.DataFrame({"agency_id": names, "peer_group": "g"}),
        "metrics": pd.DataFrame(
            {
                "metric_id": ["first"],
                "estimator": ["mean"],
                "base": ["persons"],
                "quarters_apart": [1],
                "smallest_difference": [5.0],
            }
        ),
        "seasons": pd.DataFrame({"quarter": [0, 1], "season": "ramadan", "share": 0.0}),
    }
