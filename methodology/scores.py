"""Scores of every unit, metric, period and instrument, from sums and counts.

Belongs here: which estimator a metric's statistics go to. Does not belong here: the estimators (`estimates`, `maturity`), what
the kind of a metric makes of its error (`scores_by_kind`), suppression and comparison (later, in SQL).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from methodology.clusters import Bunches, clustered_means, least_effect, share_size
from methodology.estimates import Estimates, mean_estimate, mean_interval, percentages, rates
from methodology.frames import numbers_by, rows_by
from methodology.lineage import joined
from methodology.maturity import maturity_score
from methodology.proportions import wilson_interval

Floats = npt.NDArray[np.float64]

KEY = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id"]
COLUMNS = {
    **dict.fromkeys([*KEY, "agency_id"], "string"),
    **dict.fromkeys(["n", "n_at_least", "respondents"], "Int64"),
    "slice_ids": "string",
    **dict.fromkeys(["score", "standard_error", "ci_low", "ci_high"], "float64"),
    "interval_method": "string",
    **dict.fromkeys(["n_effective", "design_effect", "degrees_of_freedom", "branches_drawn"], "float64"),
    "withheld_reason": "string",
}
BUNCH = ["psu", "person"]
# The instrument of figures that were delivered instead of records.
REPORTED = "reported"
FIGURES = ["value", "standard_error", "ci_low", "ci_high"]


def scores(
    statistics: pd.DataFrame,
    clusters: pd.DataFrame,
    figures: pd.DataFrame,
    *,
    metrics: pd.DataFrame,
    dimension_weights: pd.DataFrame,
    level: float,
    complete: bool = True,
) -> pd.DataFrame:
    """COLUMNS of all scores of one period.

    statistics: n, numerator, sum_x, sum_x2 or a reported mean by KEY, with the metric's estimator (and the dimension, `part`, of
    assessed practices); clusters: n, sum_x and sum_x2 of those answers that were drawn together, by KEY and BUNCH, with the
    `branch_share` drawn; figures: of services (`service_figures`); metrics: metric_id, estimator and measure_id, which names a
    figure by its topic where a metric is one; dimension_weights: of the dimensions of each maturity model; complete: as in
    `assessed_scores`.
    """
    # Sums of floats depend on row order, which must not be left to a parallel scan.
    statistics = statistics.sort_values([*KEY, "scale_range", "part"], kind="stable").reset_index(drop=True)
    # Counts that were delivered as such have no curve: they are a share.
    is_told = (statistics["estimator"] == "incidence") & (statistics["instrument_id"] == REPORTED)
    statistics["estimator"] = statistics["estimator"].mask(is_told, "proportion")
    practices, incidences = (statistics["estimator"] == name for name in ("practice_mean", "incidence"))
    made = [
        measured_scores(statistics[~practices & ~incidences], clusters, level),
        incidence_scores(statistics[incidences], figures, metrics, level),
        assessed_scores(statistics[practices], dimension_weights, complete=complete),
    ]
    return pd.concat(made).sort_values(KEY, kind="stable")


def measured_scores(rows: pd.DataFrame, clusters: pd.DataFrame, level: float) -> pd.DataFrame:
    """COLUMNS of means, shares, ratios and rates: a delivered mean without n, a median and a ratio have no interval.

    Where answers were drawn together the error is that of the draw; the interval has its degrees of freedom, and that of a share
    its effective size.
    """
    n, hits, reported = (rows[name].to_numpy(float, na_value=np.nan) for name in ("n", "numerator", "reported_mean"))
    design = designs(rows.reset_index(drop=True), clusters)
    mean, share = _means(rows, design, level), _shares(hits, n, design, level)
    rate, rarer = rates(hits, n, level), rates(hits, n, level, 100_000)
    nothing = np.full(len(rows), np.nan)
    by_estimator = {
        "mean": (mean, "score"),
        "proportion": (share, "wilson"),
        "ratio": (Estimates(share.value, nothing, nothing, nothing), "none"),
        "median": (Estimates(reported, nothing, nothing, nothing), "none"),
        "rate_per_1000": (rate, "poisson_exact"),
        "rate_per_100000": (rarer, "poisson_exact"),
    }
    kind = rows["estimator"].to_numpy(object)
    chosen = [kind == name for name in by_estimator]
    figures = {
        name: np.select(chosen, [found.columns("score")[name] for found, _ in by_estimator.values()], np.nan)
        for name in mean.columns("score")
    }
    figures["score"] = np.where(np.isnan(n), reported, figures["score"])
    method = np.select(chosen, [method for _, method in by_estimator.values()], "none")
    return rows[[*KEY, "agency_id", "n", "n_at_least", "slice_ids"]].assign(
        **figures,
        interval_method=np.where(np.isnan(n), "none", method),
        **{name: design[name].array for name in design.columns},
        withheld_reason=None,
    )


def designs(rows: pd.DataFrame, clusters: pd.DataFrame) -> pd.DataFrame:
    """Return respondents, n_effective, design_effect, degrees_of_freedom and branches_drawn.

    They are n, n, 1, n - 1 and 0 unless `clusters` say more.
    """
    n = rows["n"].to_numpy(float, na_value=np.nan)
    design = pd.DataFrame({"respondents": n, "n_effective": n, "design_effect": 1.0, "degrees_of_freedom": n - 1})
    design["branches_drawn"] = 0.0
    numbers = rows[[*KEY, "estimator"]].reset_index(names="row")
    drawn = clusters.merge(numbers, on=KEY).sort_values(["row", *BUNCH], kind="stable")
    if len(drawn):
        found = _clustered(rows, drawn)
        design.loc[found.index, found.columns] = found
    return design.assign(respondents=design["respondents"].astype("Int64"))


def _clustered(rows: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    """The design of those rows of which answers were drawn together; shares are counted in percent."""
    row, unit_of_row = np.unique(drawn["row"].to_numpy(), return_inverse=True)
    own = rows.iloc[row]
    n, hits = (own[name].to_numpy(float, na_value=np.nan) for name in ("n", "numerator"))
    is_share = (own["estimator"] == "proportion").to_numpy()
    total = np.where(is_share, 100 * hits, own["sum_x"].to_numpy(float))
    second = np.where(is_share, 10_000 * hits, own["sum_x2"].to_numpy(float))
    mean = total / n
    squares = np.maximum(second - total * mean, 0)
    psu, person = numbers_by(drawn, ["row", "psu"]), numbers_by(drawn, ["row", "person"])
    first = np.unique(psu, return_index=True)[1]
    bunches = Bunches(psu, np.where(drawn["person"].isna(), -1, person), drawn["branch_share"].to_numpy(float)[first])
    sums = tuple(drawn[name].to_numpy(float) for name in ("n", "sum_x", "sum_x2"))
    found = clustered_means(n, mean, squares, bunches, unit_of_row[first], (sums[0], sums[1], sums[2]))
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = found.variance * n * (n - 1) / squares
    # Equal answers say nothing of how alike a bunch is: each counts once. Of a bunch that holds nearly all nothing is known.
    told = (squares > 1e-9 * n) & (found.variance > 0)
    effect = np.where(told, effect, n / found.drawn)
    effect = np.maximum(effect, least_effect(found.freedom, n, found.unseen))
    effect = np.where(np.isnan(found.variance), np.nan, effect)
    columns = {"respondents": found.persons, "n_effective": n / effect, "design_effect": effect}
    return pd.DataFrame({**columns, "degrees_of_freedom": found.freedom, "branches_drawn": found.branches}, index=row)


def _means(rows: pd.DataFrame, design: pd.DataFrame, level: float) -> Estimates:
    """Means of answers on 0-100 with their score intervals."""
    n = rows["n"].to_numpy(float, na_value=np.nan)
    effect, size, freedom = (design[name].to_numpy() for name in ("design_effect", "n_effective", "degrees_of_freedom"))
    mean, error = mean_estimate(n, rows["sum_x"].to_numpy(float), rows["sum_x2"].to_numpy(float))
    error = error * np.sqrt(effect)
    return Estimates(mean, error, *mean_interval(mean, error, size, level, degrees_of_freedom=freedom))


def _shares(hits: Floats, n: Floats, design: pd.DataFrame, level: float) -> Estimates:
    """Shares in per cent with Wilson intervals on the effective size."""
    plain = percentages(hits, n, level)
    effect, effective = (design[name].to_numpy() for name in ("design_effect", "n_effective"))
    size = share_size(effective, n, design["degrees_of_freedom"].to_numpy(), level)
    is_clustered = ~(effect == 1)
    with np.errstate(invalid="ignore"):
        low, high = wilson_interval(np.where(is_clustered, plain.value / 100 * size, hits), size, level)
    return Estimates(
        plain.value,
        plain.error * np.sqrt(effect),
        np.where(is_clustered, 100 * low, plain.low),
        np.where(is_clustered, 100 * high, plain.high),
    )


def incidence_scores(
    rows: pd.DataFrame, figures: pd.DataFrame, metrics: pd.DataFrame, level: float = 0.95
) -> pd.DataFrame:
    """COLUMNS of scores that are figures of services, as shares by a target are; n is the figure's, 0 where there is none.

    Of n cases opened few may have been watched up to the target: the effective n is that of the error, p (1 - p) / se^2, at an
    end of the scale that of Wilson's limits, and never more than n; so many, in whole cases, count for the least n.
    """
    own = metrics.loc[metrics["estimator"] == "incidence", ["metric_id", "measure_id"]]
    named = figures.assign(measure_id=figures["topic"] + "." + figures["figure"]).merge(own, on="measure_id")
    key = ["unit_type", "unit_id", "metric_id", "period_id"]
    found = rows[[*KEY, "agency_id", "slice_ids"]].merge(
        named[[*key, "n", *FIGURES, "interval_method"]], on=key, how="left"
    )
    n = found["n"].fillna(0).astype("Int64")
    share, error, low, high = (found[name].to_numpy(float) / 100 for name in FIGURES)
    z2 = stats.norm.ppf(0.5 + level / 2) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        at_end = np.where(share >= 1, low / (1 - low), (1 - high) / high) * z2
        told = np.where((share <= 0) | (share >= 1), at_end, share * (1 - share) / error**2)
    size = n.to_numpy(float)
    size = np.where(np.isfinite(told), np.minimum(told, size), size)
    return found.rename(columns={"value": "score"}).assign(
        n=n,
        n_at_least=n,
        # A whole number that rounding left a little below itself is that number.
        respondents=pd.array(np.floor(size * (1 + 1e-9)), "Int64"),
        n_effective=size,
        design_effect=1.0,
        degrees_of_freedom=n.astype("float64") - 1,
        interval_method=found["interval_method"].fillna("none"),
        withheld_reason=None,
    )


def assessed_scores(rows: pd.DataFrame, weights: pd.DataFrame, *, complete: bool = True) -> pd.DataFrame:
    """COLUMNS of maturity scores, from sums of practices by dimension.

    If `complete`, a unit without a dimension of its model has no score (`dimension_missing`): the mean of the others would stand
    for what nobody looked at. The dimensions of a model whose weights nobody declared are those that more than half of its
    units of one type and period have.
    """
    weight_of: dict[str, dict[str, float]] = {}
    for model, dimension, weight in weights[["model_id", "dimension", "weight"]].itertuples(index=False):
        weight_of.setdefault(model, {})[dimension] = weight
    usual = _usual_dimensions(rows)
    made = []
    for at in rows_by(rows, KEY).values():
        group = rows.iloc[at]
        declared = weight_of.get(str(group["metric_id"].iloc[0]).removeprefix("maturity_"), {})
        asked = set(declared) or usual.get(tuple(group[FAMILY].iloc[0]), set())
        missing = complete and bool(asked - set(group["part"]))
        made.append(_assessed(group, declared, is_complete=not missing))
    return pd.DataFrame(made, columns=list(COLUMNS))


# Units that answer to one model are complete or not beside each other.
FAMILY = ["unit_type", "metric_id", "period_id"]


def _usual_dimensions(rows: pd.DataFrame) -> dict[tuple[str, ...], set[str]]:
    """Dimensions that more than half of the units of each FAMILY have."""
    if rows.empty:
        return {}
    units = rows.groupby(FAMILY)["unit_id"].nunique()
    has = rows.groupby([*FAMILY, "part"])["unit_id"].nunique()
    common = has.reset_index(name="has").merge(units.reset_index(name="units"), on=FAMILY)
    common = common[2 * common["has"] > common["units"]]
    found: dict[tuple[str, ...], set[str]] = {}
    for *family, part in common[[*FAMILY, "part"]].itertuples(index=False):
        found.setdefault(tuple(family), set()).add(part)
    return found


def _assessed(group: pd.DataFrame, declared: Mapping[str, float], *, is_complete: bool) -> dict[str, object]:
    dimensions = {part: total / n for part, total, n in zip(group["part"], group["sum_x"], group["n"], strict=True)}
    # A dimension the model does not weigh counts like the others: equal weights are the declared default.
    score = maturity_score(dimensions, {part: declared.get(part, 1.0) for part in dimensions})
    n = int(group["n"].sum())
    return {
        **{name: str(group[name].iloc[0]) for name in KEY},
        "agency_id": group["agency_id"].iloc[0],
        "n": n,
        "n_at_least": n,
        "respondents": n,
        "slice_ids": joined(group["slice_ids"]),
        "score": score if is_complete else np.nan,
        "standard_error": np.nan,
        "ci_low": np.nan,
        "ci_high": np.nan,
        "interval_method": "none",
        "n_effective": n,
        "design_effect": np.nan,
        "degrees_of_freedom": np.nan,
        "branches_drawn": 0.0,
        "withheld_reason": None if is_complete else "dimension_missing",
    }
