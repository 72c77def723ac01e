"""Each journey per period and instrument: its overall item, stage weights, weakest link and owners of the shortfall. One row
per part: `journey`, `stage`, `agency`.

Belongs here: which sums make a journey, when its stages can be weighed, who owns them. Does not belong here: the formulas
(`dominance`, `estimates`) and suppression (later, in SQL).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from methodology import dominance
from methodology.estimates import ROUNDING, mean_estimate, mean_interval
from methodology.journey_sharing import PARTS, withheld_journeys
from methodology.lineage import joined
from methodology.shared_people import products_of_residuals

Floats = npt.NDArray[np.float64]
Sums = Mapping[str, float]
Row = dict[str, object]

STAGES = ["before", "during", "after"]
KEY = ["journey_id", "period_id", "instrument_id"]
COLUMNS = {
    "journey_id": "string",
    "period_id": "string",
    "instrument_id": "string",
    "part": "string",
    "part_id": "string",
    "n": "Int64",
    "respondents": "Int64",
    "n_effective": "float64",
    "score": "float64",
    "standard_error": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "gap": "float64",
    "gap_low": "float64",
    "gap_high": "float64",
    "n_complete": "Int64",
    "r_squared": "float64",
    "contribution": "float64",
    "weight": "float64",
    "shortfall": "float64",
    "shortfall_share": "float64",
    "weakest_stage": "string",
    "weights_reason": "string",
    "owners_count": "Int64",
    "agencies_count": "Int64",
    "steps_count": "Int64",
    "is_shared": "boolean",
    "slice_ids": "string",
}
# Shares of a shortfall are whole units of the last published digit, so that they sum to it exactly.
DECIMALS = 4


@dataclass(frozen=True)
class _Shortfall:
    """Points a journey is short of its target, and each agency's share; `None` holds stages nobody owns.

    There are no shares where the stages could not be weighed or do not explain it.
    """

    points: float
    shares: Mapping[str | None, float]

    def of(self, agency: str | None) -> Row:
        points = self.shares.get(agency, 0.0 if self.shares else np.nan)
        return {"shortfall": points, "shortfall_share": points / self.points if self.points > 0 else np.nan}


def journeys(
    cells: pd.DataFrame,
    before: pd.DataFrame,
    *,
    metrics: pd.DataFrame,
    satisfaction: str | None,
    steps: pd.DataFrame,
    services: pd.DataFrame,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """COLUMNS of all parts of every journey of one period.

    cells: sums, squares and cross-products of scores, and of totals of persons, by journey, instrument, slice and agency; before:
    unit_id, metric_id (`journeys.` and the part), instrument_id, contributor_id and AMOUNTS of parts as shown, by version;
    satisfaction: the metric (of `metrics`) whose item asks about the journey as a whole; steps: stage and service of every
    step; services: the owner of each.
    """
    asked = metrics.loc[metrics["metric_id"] == satisfaction, "measure_id"].str.removesuffix(".mean")
    owned = steps.merge(services[["service_id", "agency_id"]], on="service_id")
    cells = cells[cells["item"].isin(asked)].sort_values(["journey_id", "slice_id"], kind="stable")
    points = (cells["scale_range"].astype("Int64") + 1).astype("string")
    cells["instrument_id"] = cells["scale_id"] + "/" + points + "|" + cells["wording_version"]
    withheld = withheld_journeys(cells, before, thresholds)
    made: list[Row] = []
    for key, own in cells.groupby(KEY, sort=True):
        owners, is_shared = owned[owned["journey_id"] == key[0]], (key[0], key[2]) not in withheld
        made += [{**dict(zip(KEY, key, strict=True)), **part} for part in _journey(own, owners, thresholds, is_shared)]
    return pd.DataFrame(made, columns=list(COLUMNS))


def _journey(own: pd.DataFrame, owners: pd.DataFrame, thresholds: Mapping[str, float], is_shared: bool) -> list[Row]:
    level, target = float(thresholds["interval_level"]), float(thresholds["journey_target"])
    sums = _sums(own.drop(columns=[*KEY, "slice_id", "agency_id", "item", "scale_id", "wording_version"]))
    whole = _estimate(sums, "whole", level)
    stages = [{**_estimate(sums, stage, level), **_gap(sums, stage, level)} for stage in STAGES]
    scores = np.array([stage["score"] for stage in stages], float)
    explained, reason = _importance(sums, thresholds["minimum_n"])
    weights = explained.weights if explained else np.full(len(STAGES), np.nan)
    # Rounded as published: the shares must sum to the difference a reader sees.
    lacking = round(max(target - round(whole["score"], DECIMALS), 0.0), DECIMALS)
    shares = _shares(lacking, scores, target, weights, owners) if explained else {}
    parts = dominance.stage_shortfalls(scores, target, weights)
    weakest = dominance.weakest_link(scores, target, weights) if explained else None
    head: Row = {
        "part": "journey",
        "part_id": "",
        **whole,
        "n_complete": int(sums["complete_count"]),
        "r_squared": explained.r_squared if explained else np.nan,
        "shortfall": lacking,
        "weakest_stage": STAGES[weakest] if weakest is not None else None,
        "weights_reason": reason,
        "owners_count": owners["agency_id"].nunique(),
        "agencies_count": own["agency_id"].nunique(),
        "is_shared": is_shared,
        "slice_ids": joined(own["slice_id"]),
    }
    stage_rows: list[Row] = [
        {
            "part": "stage",
            "part_id": name,
            **stages[position],
            "contribution": explained.contributions[position] if explained else np.nan,
            "weight": weights[position],
            "shortfall": parts[position],
            "is_shared": is_shared,
        }
        for position, name in enumerate(STAGES)
    ]
    return [head, *stage_rows, *_agencies(own, owners, _Shortfall(lacking, shares), level)]


def _sums(cells: pd.DataFrame) -> dict[str, float]:
    return {str(name): float(value) for name, value in cells.astype(float).sum().items()}


def _estimate(sums: Sums, part: str, level: float) -> dict[str, float]:
    """Mean of a part with the error of the totals of persons: each counts once, however often they answered."""
    n, persons = sums[f"{part}_count"], sums[f"{part}_persons"]
    if n == 0:
        return {"n": 0, "respondents": 0, **dict.fromkeys(("score", "standard_error", "ci_low", "ci_high"), np.nan)}
    mean, single = (float(value) for value in mean_estimate(n, sums[f"sum_{part}"], sums[f"sum_{part}2"]))
    error = np.sqrt(max(_covariance(sums, part, part), 0.0)) if persons > 1 else np.nan
    # Equal answers say nothing of how alike a person's are: each person counts once.
    effect = (error / single) ** 2 if persons < n and single > 0 and error > 0 else n / persons
    error = single if persons == n else error
    low, high = mean_interval(mean, error, n / effect, level, degrees_of_freedom=persons - 1)
    found = {"score": mean, "standard_error": error, "ci_low": float(low), "ci_high": float(high)}
    return {"n": int(n), "respondents": int(persons), "n_effective": n / effect, **found}


def _covariance(sums: Sums, one: str, other: str) -> float:
    """Covariance of the means of two parts from the totals of k persons: k/(k - 1) sum (y - n ybar)(y' - n' ybar') / (N N')."""
    first, second = sorted((one, other), key=PARTS.index)
    both, n_y, y_n, y_y = (sums[f"{first}_{second}_{name}"] for name in ("n_n", "n_y", "y_n", "y_y"))
    sizes = [sums[f"{part}_count"] for part in (first, second)]
    means = [np.array(sums[f"sum_{part}"] / size) for part, size in zip((first, second), sizes, strict=True)]
    persons = max(sums[f"{part}_persons"] for part in (first, second))
    total = float(products_of_residuals(both, n_y, y_n, y_y, means[0], means[1]))
    return persons / (persons - 1) * total / (sizes[0] * sizes[1]) if persons > 1 else np.nan


def _gap(sums: Sums, stage: str, level: float) -> dict[str, float]:
    """Score of a stage less the mean of the others, with its interval: the same people answered about all."""
    if min(sums[f"{part}_count"] for part in STAGES) == 0:
        return dict.fromkeys(("gap", "gap_low", "gap_high"), np.nan)
    weights = np.array([1.0 if part == stage else -1 / (len(STAGES) - 1) for part in STAGES])
    means = np.array([sums[f"sum_{part}"] / sums[f"{part}_count"] for part in STAGES])
    covariance = np.array([[_covariance(sums, one, other) for other in STAGES] for one in STAGES])
    persons = min(sums[f"{part}_persons"] for part in STAGES)
    gap, variance = float(weights @ means), float(weights @ covariance @ weights)
    half = float(stats.t.ppf(0.5 + level / 2, max(persons - 1, 1))) * np.sqrt(max(variance, 0.0))
    # Where nobody's answers differ between stages nothing is known of how far they might.
    half = half if variance > ROUNDING else np.nan
    return {"gap": gap, "gap_low": gap - half, "gap_high": gap + half}


def _importance(sums: Sums, minimum_n: float) -> tuple[dominance.Dominance | None, str | None]:
    """Dominance of the stages, or None and the reason."""
    n = sums["complete_count"]
    if n < minimum_n:
        return None, "too_few_complete"
    order = [*STAGES, "whole"]
    totals = np.array([sums[f"complete_{part}"] for part in order])
    products = np.array([[sums[_product(a, b)] for b in order] for a in order])
    covariance = dominance.covariance_of_cells(n, totals, products)
    # With equal answers only rounding error is left.
    if covariance[-1, -1] <= 1e-9:
        return None, "no_variance"
    found = dominance.dominance(covariance)
    return (found, None) if found.r_squared > 0 else (None, "nothing_explained")


def _product(one: str, other: str) -> str:
    """Column of the cross-products of two parts."""
    first, second = sorted((one, other), key=PARTS.index)
    return f"complete_{first}_{second}"


def _shares(
    shortfall: float, scores: Floats, target: float, weights: Floats, owners: pd.DataFrame
) -> dict[str | None, float]:
    """Points of the shortfall by agency, whole units of the last published digit; `None` holds stages nobody owns."""
    if not np.all(np.isfinite(scores)):
        return {}
    names = sorted({*owners["agency_id"]})
    owned = np.zeros((len(STAGES), len(names) + 1))
    for position, stage in enumerate(STAGES):
        steps = owners.loc[owners["stage"] == stage, "agency_id"]
        for name, count in steps.value_counts().items():
            owned[position, names.index(str(name))] = count / len(steps)
        if steps.empty:
            owned[position, -1] = 1.0
    given = dominance.owner_shortfalls(shortfall, scores, target, weights, owned)
    if not np.all(np.isfinite(given)):
        return {}
    units = apportioned(given, round(shortfall * 10**DECIMALS))
    return {name: unit / 10**DECIMALS for name, unit in zip([*names, None], units, strict=True)}


def apportioned(shares: npt.ArrayLike, total: int) -> list[int]:
    """Whole units near the shares (in points) that sum to `total`: largest remainders, the first of equals."""
    exact = np.asarray(shares, float) * 10**DECIMALS
    units = np.floor(exact + 1e-9).astype(int)
    order = np.argsort(-(exact - units), kind="stable")
    units[order[: total - int(units.sum())]] += 1
    return [int(unit) for unit in units]


def _agencies(own: pd.DataFrame, owners: pd.DataFrame, shortfall: _Shortfall, level: float) -> list[Row]:
    """What each agency's own respondents say of the journey, and its share of the shortfall."""
    steps = owners.groupby("agency_id").size()
    rows: list[Row] = []
    for name in sorted({*own["agency_id"], *steps.index}):
        cells = own[own["agency_id"] == name]
        rows.append(
            {
                "part": "agency",
                "part_id": name,
                **_estimate(_sums(cells[[name for name in cells if "whole" in name]]), "whole", level),
                **shortfall.of(name),
                "steps_count": int(steps.get(name, 0)),
                "slice_ids": joined(cells["slice_id"]),
            }
        )
    if shortfall.shares.get(None, 0) > 0:
        rows.append(
            {"part": "agency", "part_id": None, "n": 0, **shortfall.of(None), "steps_count": 0, "slice_ids": ""}
        )
    return rows
