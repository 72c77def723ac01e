"""Survey scores weighted to the population frame, with Taylor errors: of agencies, of their regions and services, and of regions
across agencies.

Belongs here: which answers make which score, and what a score's effective size is. Does not belong here: the factors
(`frame_weights`), the means under them (`survey_cells`) and which score is compared (later, in SQL).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats
from methodology.clusters import Bunches, least_effect, share_size
from methodology.estimates import mean_interval
from methodology.frame_weights import DRAW
from methodology.frames import Ints, Texts, numbers_by
from methodology.proportions import wilson_interval
from methodology.survey_cells import ItemBunches, ItemCells, ItemMeans, weighted_item_means
from methodology.weights import WeightAdjustment

Columns = dict[str, npt.NDArray[Any]]

# So many answers at the far end count with the weights' own design effect: the least that holds (`_near_ends`).
SPARE_WEIGHTS = 2.0
ITEM = ["metric_id", "instrument_id"]
ASKED = ["asked_count", "asked_w", "asked_w2"]
SUMS = ["n", "w", "wy", "wyy", "w2", "w2y", "w2y2"]
BUNCH = ["psu", "person"]
KEY = ["unit_type", "unit_id", "metric_id", "period_id", "instrument_id"]
COLUMNS = {
    **dict.fromkeys([*KEY, "agency_id", "estimator"], "string"),
    "n": "int64",
    **dict.fromkeys(["score", "standard_error", "ci_low", "ci_high"], "float64"),
    **dict.fromkeys(["n_effective", "design_effect", "degrees_of_freedom", "weight_sum"], "float64"),
}


def weighted_scores(
    answers: pd.DataFrame,
    clusters: pd.DataFrame,
    weights: pd.DataFrame,
    statistics: pd.DataFrame,
    *,
    estimators: "pd.Series[str]",
    parts: Mapping[str, str],
    level: float,
) -> pd.DataFrame:
    """COLUMNS of all scores of one period, on 0-100.

    answers: SUMS of scores by ITEM and `cell`; clusters: ASKED and SUMS of those that were drawn together by ITEM, `cell` and
    BUNCH, with the `branch_share` drawn; weights: cells that can be weighted as `frame_weights` makes them, each with its
    number `cell`, draw after draw; statistics: n of regions that were measured; estimators: by metric_id; parts: types of
    units within an agency that the frame knows, and the column of a cell that names them.
    """
    weights = weights.sort_values("cell").reset_index(drop=True)
    draw = numbers_by(weights, DRAW)
    names = answers.groupby(ITEM, sort=True).size().index.to_frame().to_numpy(object)
    sums: Columns = {"cell": answers["cell"].to_numpy(), "item": numbers_by(answers, ITEM)}
    order = np.lexsort((sums["cell"], sums["item"], draw[sums["cell"]]))
    sums |= {name: answers[name].to_numpy() for name in SUMS}
    sums = {name: values[order] for name, values in sums.items()}
    cells: Columns = {name: weights[name].to_numpy() for name in weights.columns}
    bunches = _by_draw(
        clusters.merge(answers[ITEM].assign(item=numbers_by(answers, ITEM)).drop_duplicates(), on=ITEM), draw
    )
    made = []
    # Rows of a draw are contiguous in both.
    drawn, answered = (_starts(codes) for codes in (draw, draw[sums["cell"]]))
    for number in range(drawn.size - 1):
        own, said = (slice(*starts[number : number + 2]) for starts in (drawn, answered))
        rows = {name: values[said] for name, values in sums.items()}
        rows["cell"] = rows["cell"] - own.start
        together = bunches.get(number)
        if together is not None:
            together = together | {"cell": together["cell"] - own.start}
        made.append(_draw(rows, {name: values[own] for name, values in cells.items()}, names, parts, together))
    if not made:
        return pd.DataFrame(columns=list(COLUMNS))
    scores = pd.DataFrame({name: np.concatenate([part[name] for part in made]) for name in made[0]})
    scores = scores[np.isfinite(scores["score"])]
    scores["estimator"] = scores["metric_id"].map(estimators)
    scores = pd.concat([scores, _regions(scores, statistics)], ignore_index=True)
    return with_intervals(scores, level).sort_values(KEY, kind="stable")


def _starts(codes: Ints) -> Ints:
    """Start of each code in sorted codes from 0 on, followed by the number of codes."""
    return np.searchsorted(codes, np.arange(codes.max(initial=-1) + 2))


def _by_draw(clusters: pd.DataFrame, draw: Ints) -> dict[int, Columns]:
    """The clusters of each draw that has any, in order; `row`, `cluster` and `one` number cells, bunches and persons in them."""
    rows = clusters.assign(draw=draw[clusters["cell"].to_numpy(np.int64)])
    rows = rows.sort_values(["draw", *BUNCH, "cell", "item"], kind="stable")
    # Numbers of all draws are in the order of those of one.
    made: Columns = {name: rows[name].to_numpy() for name in ("item", "cell", "branch_share", *ASKED, *SUMS)}
    made["row"], made["cluster"] = numbers_by(rows, [*BUNCH, "cell"]), numbers_by(rows, ["psu", "branch_share"])
    made["one"] = np.where(rows["person"].isna(), -1, numbers_by(rows, BUNCH))
    places = rows.groupby("draw", sort=True).indices
    return {int(str(number)): {name: values[at] for name, values in made.items()} for number, at in places.items()}


def _bunches(clusters: Columns, items: Ints) -> ItemBunches | None:
    """Bunches of a draw whose items (their numbers, sorted) are known; those asked are counted by the item that lost fewest."""
    known = np.isin(clusters["item"], items)
    if not known.any():
        return None
    rows = {name: values[known] for name, values in clusters.items()}
    # Those of one row are together.
    _, first, row = np.unique(rows["row"], return_index=True, return_inverse=True)
    item = np.searchsorted(items, rows["item"])

    def spread(column: str) -> npt.NDArray[np.float64]:
        table = np.zeros((first.size, items.size))
        table[row, item] = rows[column]
        return table

    asked = (np.fmax.reduceat(rows[column].astype(float), first) for column in ASKED)
    _, where, psu = np.unique(rows["cluster"][first], return_index=True, return_inverse=True)
    share = rows["branch_share"][first][where].astype(float)
    one = rows["one"][first]
    person = np.where(one < 0, -1, np.unique(one, return_inverse=True)[1])
    sums = ItemCells(*asked, *(spread(column) for column in SUMS))
    return ItemBunches(Bunches(psu, person, share), rows["cell"][first].astype(np.int64), sums)


@dataclass(frozen=True)
class _Units:
    """Units of a draw, and which of its cells are theirs (cells, units)."""

    kind: Texts
    name: Texts
    member: npt.NDArray[np.float64]


def _units(factors: Columns, parts: Mapping[str, str]) -> _Units:
    """The agency, and those of its parts (services, regions) that have a name."""
    agency, size = factors["agency_id"][0], factors["factor"].size
    units, members = [("agency", agency)], [np.ones((size, 1))]
    for unit_type, column in parts.items():
        names, part = np.unique(factors[column].astype(str), return_inverse=True)
        is_named = names != "-"
        units += [(unit_type, f"{agency}/{name}") for name in names[is_named]]
        members.append(np.eye(names.size)[part][:, is_named])
    return _Units(
        np.array([kind for kind, _ in units], object), np.array([name for _, name in units], object), np.hstack(members)
    )


def _draw(rows: Columns, factors: Columns, items: Texts, parts: Mapping[str, str], clusters: Columns | None) -> Columns:
    """Estimates of one draw: each of its items, in the agency and in each of its parts; columns as arrays."""
    known, item = np.unique(rows["item"], return_inverse=True)
    size = factors["factor"].size

    def spread(column: str) -> npt.NDArray[np.float64]:
        table = np.zeros((size, known.size))
        table[rows["cell"], item] = rows[column]
        return table

    asked = (factors[column].astype(float) for column in ASKED)
    cells = ItemCells(*asked, *(spread(column) for column in SUMS))
    codes = np.array([text.split(";") for text in factors["group_codes"]]).astype(np.int64)
    adjustment = WeightAdjustment(factors["asked_w"].astype(float), factors["factor"], tuple(codes.T))
    units = _units(factors, parts)
    together = None if clusters is None else _bunches(clusters, known)
    found = framed_means(cells, adjustment, units.member, together)
    unit, column = (index.ravel() for index in np.indices(found.mean.shape))
    return {
        "unit_type": units.kind[unit],
        "unit_id": units.name[unit],
        "agency_id": np.full(unit.size, factors["agency_id"][0], object),
        "metric_id": items[known, 0][column],
        "period_id": np.full(unit.size, factors["period_id"][0], object),
        "instrument_id": items[known, 1][column],
        "n": found.n.ravel(),
        "score": found.mean.ravel(),
        "standard_error": found.error.ravel(),
        "weight_sum": found.weight.ravel(),
        "element_variance": found.element_variance.ravel(),
        # Equal answers say nothing of how alike a bunch is: each counts once.
        "kish_n": np.minimum(found.kish_n, found.drawn).ravel(),
        "freedom": found.freedom.ravel(),
    }


def framed_means(
    cells: ItemCells, adjustment: WeightAdjustment, units: npt.ArrayLike, together: ItemBunches | None = None
) -> ItemMeans:
    """`weighted_item_means` of units (cells, units) with errors that allow for the frame.

    Every level of a margin beyond its first costs a degree of freedom. Where branches were drawn the error is not below
    that of as many single answers with more degrees of freedom (`least_effect`).
    """
    found = weighted_item_means(cells, adjustment, units, together=together)
    least = np.sqrt(least_effect(found.freedom, found.n, found.unseen)) * found.single_error
    found = replace(found, error=np.where(found.branches > 0, np.maximum(found.error, least), found.error))
    spent = sum(int(margin.max()) for margin in adjustment.margins)
    drawn = cells.asked.sum()
    return replace(found, error=np.sqrt((drawn - 1) / max(drawn - 1 - spent, 1)) * found.error)


def _regions(scores: pd.DataFrame, statistics: pd.DataFrame) -> pd.DataFrame:
    """Scores of regions across agencies: the weighted mean of regional means, if every agency measured there has one."""
    parts = scores[scores["unit_type"] == "agency_region"].copy()
    parts["unit_id"] = [
        unit[len(agency) + 1 :] for agency, unit in zip(parts["agency_id"], parts["unit_id"], strict=True)
    ]
    parts["unit_type"], weight = "region", parts["weight_sum"]
    parts["first"], parts["second"] = weight * parts["score"], weight * parts["score"] ** 2
    parts["variance"] = weight**2 * parts["standard_error"] ** 2
    parts["within"] = weight * parts["element_variance"].fillna(0)
    parts["squares"] = weight**2 / parts["kish_n"]
    parts["spent"] = parts["variance"] ** 2 / parts["freedom"]
    sums = ["n", "weight_sum", "first", "second", "variance", "within", "squares", "spent"]
    regions = parts.groupby([*KEY, "estimator"], sort=True)[sums].sum().reset_index()
    total = regions["weight_sum"]
    regions["score"] = regions["first"] / total
    regions["standard_error"] = np.sqrt(regions["variance"]) / total
    regions["element_variance"] = (regions["within"] + regions["second"]) / total - regions["score"] ** 2
    regions["kish_n"] = total**2 / regions["squares"]
    # As in `degrees_of_freedom`; where nobody was drawn in bunches they are infinite here and follow from the effective n.
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = regions["variance"].to_numpy() ** 2 / regions["spent"].to_numpy()
    regions["freedom"] = np.where(regions["spent"] > 0, freedom, np.inf)
    whole = statistics.groupby(KEY)["n"].sum().rename("answered").reset_index()
    regions = regions.merge(whole, on=KEY)
    return regions[regions["n"] == regions["answered"]].assign(agency_id=None)


def with_intervals(scores: pd.DataFrame, level: float) -> pd.DataFrame:
    """Design effect, effective n, degrees of freedom and interval of every row; scores and errors are on 0-100.

    The effective n may exceed n where the frame explains the answers. Intervals are computed from it, towards an end of the scale
    drawn down to Kish's (`_near_ends`).
    """
    n, mean, error = (scores[name].to_numpy(float) for name in ("n", "score", "standard_error"))
    spread = scores["element_variance"].to_numpy(float)
    # Where all answers are equal, or the margins explain all of them, the weights alone give the design effect.
    told = (spread > 1e-9) & (error > 1e-9)
    size = np.divide(spread, error**2, out=scores["kish_n"].to_numpy(float).copy(), where=told)
    freedom = np.minimum(size - 1, scores["freedom"].to_numpy(float))
    near = _near_ends(mean, size, scores["kish_n"].to_numpy(float))
    spread_error = np.sqrt(np.divide(spread, near, out=np.zeros_like(near), where=told))
    mean_low, mean_high = mean_interval(mean, spread_error, near, level, degrees_of_freedom=freedom)
    base = share_size(near, near, freedom, level)
    low, high = wilson_interval(mean / 100 * base, base, level)
    is_share = (scores["estimator"] == "proportion").to_numpy()
    return scores.assign(
        design_effect=n / size,
        n_effective=size,
        degrees_of_freedom=freedom,
        ci_low=np.where(is_share, 100 * low, mean_low),
        ci_high=np.where(is_share, 100 * high, mean_high),
    )


def _near_ends(mean: Floats, size: Floats, kish_n: Floats) -> Floats:
    """Effective n for intervals: where few answers lie away from the end, they may all carry small weights by chance.

    1/n' = (far/n + SPARE/kish)/(far + SPARE), far = n min(m, 1 - m), never above n: without it intervals of weights of one and
    five hold 91 % five answers' worth from the end, with it 95 (docs/evidence, "surveys").
    """
    far = size * np.minimum(mean, 100 - mean) / 100
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = (far + SPARE_WEIGHTS) / (far / size + SPARE_WEIGHTS / kish_n)
    return np.where(drawn < size, drawn, size)
