"""Survey scores weighted to the population frame, with Taylor errors, by `methodology.survey_cells`.

Belongs here: weighted means and shares of agencies, their regions and services, and of regions across agencies. Does not belong
here: the factors (`int_weights__estimated`) and which score is compared (`int_scores__chosen`).
"""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa

from methodology import estimates
from methodology.survey_cells import ItemCells, weighted_item_means
from methodology.weights import WeightAdjustment
from miyar.relations import Dbt, by_period, read

DRAW = ["agency_id", "period_id", "stages"]
CELL = ["service_id", "channel", "region_id", "segment"]
ITEM = ["metric_id", "instrument_id"]
SUMS = ["n", "w", "wy", "wyy", "w2", "w2y", "w2y2"]
PARTS = {"service": "service_id", "agency_region": "region_id"}
KEY = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id"]
COLUMNS = {
    **dict.fromkeys([*KEY, "agency_id", "estimator"], "string"),
    "n": "int64",
    **dict.fromkeys(
        ["score", "standard_error", "ci_low", "ci_high", "n_effective", "design_effect", "weight_sum"], "float64"
    ),
}


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    parameters = read(dbt.ref("stg_methodology__thresholds"))
    level = float(parameters.set_index("name")["value"]["interval_level"])
    tables = {
        "answers": _placed(dbt.ref("int_respondents__by_frame"), dbt.ref("int_weights__estimated")),
        "weights": _numbered(dbt.ref("int_weights__estimated")),
        "statistics": dbt.ref("int_statistics__by_unit").filter("unit_type = 'region'"),
    }
    estimators = read(dbt.ref("stg_methodology__metrics")).set_index("metric_id")["estimator"]
    scores = partial(_scores, estimators=estimators, level=level)
    return by_period(dbt.ref("int_periods__pending"), tables, scores, COLUMNS)


def _numbered(weights):
    """Cells that can be weighted, each with its row within its period: draw after draw."""
    order = f"row_number() over (partition by period_id order by {', '.join([*DRAW, *CELL])}) - 1"
    return weights.filter("frame_status = 'framed'").project(f"*, {order} as cell")


def _placed(answers, weights):
    """Sums of each item by the number of their cell: names of draws and cells are many and long, and stay in the warehouse."""
    columns = [f"answers.{name}" for name in ["period_id", *ITEM, *SUMS]]
    same = " and ".join(f"answers.{name} = weights.{name}" for name in [*DRAW, *CELL])
    joined = answers.set_alias("answers").join(_numbered(weights).set_alias("weights"), same)
    return joined.project(", ".join([*columns, "weights.cell"]))


def _scores(answers, weights, statistics, estimators, level):
    """All scores of one period."""
    weights = weights.sort_values("cell").reset_index(drop=True)
    draw = weights.groupby(DRAW, sort=True).ngroup().to_numpy()
    items = answers.groupby(ITEM, sort=True)
    sums = {"cell": answers["cell"].to_numpy(), "item": items.ngroup().to_numpy()}
    order = np.lexsort((sums["cell"], sums["item"], draw[sums["cell"]]))
    sums |= {name: answers[name].to_numpy() for name in SUMS}
    sums = {name: values[order] for name, values in sums.items()}
    cells = {name: weights[name].to_numpy() for name in weights.columns}
    names, made = items.size().index.to_frame().to_numpy(object), []
    # Rows of a draw lie together in both.
    drawn, answered = (_starts(codes) for codes in (draw, draw[sums["cell"]]))
    for number in range(drawn.size - 1):
        own, said = (slice(*starts[number : number + 2]) for starts in (drawn, answered))
        rows = {name: values[said] for name, values in sums.items()}
        rows["cell"] = rows["cell"] - own.start
        made.append(_draw(rows, {name: values[own] for name, values in cells.items()}, names))
    if not made:
        return pd.DataFrame(columns=list(COLUMNS))
    scores = pd.DataFrame({name: np.concatenate([part[name] for part in made]) for name in made[0]})
    scores = scores[np.isfinite(scores["score"])]
    scores["estimator"] = scores["metric_id"].map(estimators)
    scores = pd.concat([scores, _regions(scores, statistics)], ignore_index=True)
    return _with_intervals(scores, level).sort_values(KEY, kind="stable")


def _starts(codes):
    """Where each code begins in sorted codes from 0 on, and after the last their number."""
    return np.searchsorted(codes, np.arange(codes.max(initial=-1) + 2))


def _draw(rows, factors, items):
    """Estimates of one draw: each of its items, in the agency and in each of its parts; columns as arrays."""
    agency, period = factors["agency_id"][0], factors["period_id"][0]
    known, item = np.unique(rows["item"], return_inverse=True)
    size = factors["factor"].size

    def spread(column):
        table = np.zeros((size, known.size))
        table[rows["cell"], item] = rows[column]
        return table

    asked = (factors[column].astype(float) for column in ("asked_count", "asked_w", "asked_w2"))
    cells = ItemCells(*asked, *(spread(column) for column in SUMS))
    codes = np.array([text.split(";") for text in factors["group_codes"]]).astype(np.int64)
    adjustment = WeightAdjustment(factors["asked_w"].astype(float), factors["factor"], tuple(codes.T))
    units, members = [("agency", agency)], [np.ones((size, 1))]
    for unit_type, column in PARTS.items():
        names, part = np.unique(factors[column].astype(str), return_inverse=True)
        is_named = names != "-"
        units += [(unit_type, f"{agency}/{name}") for name in names[is_named]]
        members.append(np.eye(names.size)[part][:, is_named])
    found = weighted_item_means(cells, adjustment, np.hstack(members))
    # Every level of a margin beyond its first costs a degree of freedom.
    spent = sum(int(margin.max()) for margin in codes.T)
    drawn = cells.asked.sum()
    scale = np.sqrt((drawn - 1) / max(drawn - 1 - spent, 1))
    unit, column = (index.ravel() for index in np.indices(found.mean.shape))
    return {
        "unit_type": np.array([kind for kind, _ in units], object)[unit],
        "unit_id": np.array([name for _, name in units], object)[unit],
        "agency_id": np.full(unit.size, agency, object),
        "metric_id": items[known, 0][column],
        "period_id": np.full(unit.size, period, object),
        "instrument_id": items[known, 1][column],
        "n": found.n.ravel(),
        "score": found.mean.ravel(),
        "standard_error": scale * found.error.ravel(),
        "weight_sum": found.weight.ravel(),
        "element_variance": found.element_variance.ravel(),
        "kish_n": found.kish_n.ravel(),
    }


def _regions(scores, statistics):
    """A region across its agencies: their regional means by weight, where every agency that was measured there has one."""
    parts = scores[scores["unit_type"] == "agency_region"].copy()
    parts["unit_id"] = [
        unit[len(agency) + 1 :] for agency, unit in zip(parts["agency_id"], parts["unit_id"], strict=True)
    ]
    parts["unit_type"], weight = "region", parts["weight_sum"]
    parts["first"], parts["second"] = weight * parts["score"], weight * parts["score"] ** 2
    parts["variance"] = weight**2 * parts["standard_error"] ** 2
    parts["within"] = weight * parts["element_variance"].fillna(0)
    parts["squares"] = weight**2 / parts["kish_n"]
    sums = ["n", "weight_sum", "first", "second", "variance", "within", "squares"]
    regions = parts.groupby([*KEY, "estimator"], sort=True)[sums].sum().reset_index()
    total = regions["weight_sum"]
    regions["score"] = regions["first"] / total
    regions["standard_error"] = np.sqrt(regions["variance"]) / total
    regions["element_variance"] = (regions["within"] + regions["second"]) / total - regions["score"] ** 2
    regions["kish_n"] = total**2 / regions["squares"]
    whole = statistics.groupby(KEY)["n"].sum().rename("answered").reset_index()
    regions = regions.merge(whole, on=KEY)
    return regions[regions["n"] == regions["answered"]].assign(agency_id=None)


def _with_intervals(scores, level):
    """Design effect, effective n (never above n) and interval of every row; scores and errors are on 0-100."""
    n, mean, error = (scores[name].to_numpy(float) for name in ("n", "score", "standard_error"))
    spread = scores["element_variance"].to_numpy(float)
    # Where all answers are equal, or the margins explain all of them, the weights alone tell what they cost.
    told = (spread > 1e-9) & (error > 1e-9)
    effective = np.divide(spread, error**2, out=scores["kish_n"].to_numpy(float).copy(), where=told)
    scores["design_effect"] = n / effective
    size = np.minimum(effective, n)
    mean_low, mean_high = estimates.mean_interval(mean, np.where(told, error, 0.0), size, level)
    low, high = estimates.wilson_interval(mean / 100 * size, size, level)
    is_share = (scores["estimator"] == "proportion").to_numpy()
    scores["n_effective"] = size
    scores["ci_low"], scores["ci_high"] = (
        np.where(is_share, 100 * low, mean_low),
        np.where(is_share, 100 * high, mean_high),
    )
    return scores
