"""How sure a composite index is: ranks under other reasonable choices, and which choice moves them.

Belongs here: ranks over draws of the index's own assumptions and of its data's sampling errors. Does not belong here: the
index itself (`index`), estimators of sensitivity (`sensitivity`), ranks of a single metric.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from methodology import normalisation
from methodology.aggregation import Method
from methodology.index import Hierarchy, aggregate
from methodology.sensitivity import SobolIndices, sobol_indices

Floats = npt.NDArray[np.float64]
Normaliser = Callable[[Floats, int], Floats]
RANK_DECIMALS = 12
# Values evaluated at once: bounds memory at some 100 MB whatever the number of draws.
CHUNK = 2_000_000

# All results are above 0, so that any mean can be taken. T scores are cut five standard deviations out for the same reason.
NORMALISATIONS: dict[str, Normaliser] = {
    "min_max": lambda values, axis: normalisation.min_max(values, 1, 100, axis),
    "z_score": lambda values, axis: np.clip(normalisation.z_scores(values, 50, 10, axis), 1, 100),
    "percentile_rank": lambda values, axis: normalisation.percentile_ranks(values, 1, 100, axis),
}


@dataclass(frozen=True)
class Assumptions:
    """Choices an index could reasonably have been made with; weights vary by +- `weight_spread` of themselves."""

    normalisations: tuple[Normaliser, ...] = tuple(NORMALISATIONS.values())
    methods: tuple[Method, ...] = ("arithmetic", "geometric", "harmonic")
    weight_spread: float = 0.25
    threshold: float = 0.0


@dataclass(frozen=True)
class RankSummary:
    """Ranks of units (1 = best) over draws: each array is (units,)."""

    mean: Floats
    median: Floats
    sd: Floats
    low: Floats
    high: Floats
    best: Floats
    worst: Floats


def rank_summary(ranks: npt.ArrayLike, interval: tuple[float, float] = (0.05, 0.95)) -> RankSummary:
    """Summary of ranks (draws, units); quantiles by linear interpolation (type 7), sd over draws - 1.

    NaN for a unit that was not ranked in every draw.
    """
    drawn = np.asarray(ranks, float)
    low, median, high = np.quantile(drawn, [interval[0], 0.5, interval[1]], axis=0)
    sd = drawn.std(axis=0, ddof=1)
    return RankSummary(drawn.mean(axis=0), median, sd, low, high, drawn.min(axis=0), drawn.max(axis=0))


def rank_shift(ranks: npt.ArrayLike, nominal: npt.ArrayLike) -> Floats:
    """Mean absolute difference from the nominal ranks over units ranked in both, by draw (OECD/JRC Handbook 2008, R_S).

    NaN in a draw that ranks nobody.
    """
    distance = np.abs(np.asarray(ranks, float) - np.asarray(nominal, float))
    present = np.isfinite(distance)
    ranked = present.sum(axis=-1)
    return np.asarray(np.where(present, distance, 0.0).sum(axis=-1) / np.where(ranked > 0, ranked, np.nan))


def spearman(ranks: npt.ArrayLike, nominal: npt.ArrayLike) -> Floats:
    """Spearman correlation of each draw's ranks (draws, units) with the nominal ones; ties share their mean rank."""
    own = stats.rankdata(np.asarray(ranks, float), axis=-1)
    other = stats.rankdata(np.asarray(nominal, float))
    own, other = own - own.mean(axis=-1, keepdims=True), other - other.mean()
    return np.asarray((own * other).sum(axis=-1) / np.sqrt((own**2).sum(axis=-1) * (other**2).sum()))


def leave_one_out(
    values: npt.ArrayLike, tree: Hierarchy, method: Method = "arithmetic", threshold: float = 0
) -> Floats:
    """Index scores (indicators, units) without each indicator in turn, from normalised values (units, indicators)."""
    weights = np.tile(tree.weights, (tree.indicators, 1))
    np.fill_diagonal(weights[:, : tree.indicators], 0.0)
    return np.asarray(aggregate(np.asarray(values, float), tree, method, threshold, weights)[..., -1])


def sources(tree: Hierarchy, units: int, has_errors: bool = True) -> dict[str, int]:
    """Sources of uncertainty and the number of uniform inputs each has."""
    sizes = {"normalisation": 1, "aggregation": 1, "weights": len(tree.names)}
    return {**sizes, "sampling_error": units * tree.indicators} if has_errors else sizes


def ranks_under(
    uniforms: Mapping[str, Floats],
    values: npt.ArrayLike,
    errors: npt.ArrayLike | None,
    tree: Hierarchy,
    assumptions: Assumptions,
) -> Floats:
    """Ranks (draws, units) of the index under uniform inputs per source (draws, size), as `sources` sizes them.

    An input u picks a normalisation or mean by floor(u x choices), scales a weight by 1 + spread (2u - 1), and moves a value
    by its standard error times the normal quantile of u. `values` are (units, indicators), already `directed`; `errors` likewise,
    None or NaN for values that are not samples, or roots (units, indicators, indicators) of their covariance where some come from
    the same people (`shared_people.error_roots`).
    """
    raw = np.asarray(values, float)
    picked = (uniforms["normalisation"][:, 0] * len(assumptions.normalisations)).astype(int)
    mean = (uniforms["aggregation"][:, 0] * len(assumptions.methods)).astype(int)
    weights = tree.weights * (1 + assumptions.weight_spread * (2 * uniforms["weights"] - 1))
    # Every draw has its own normalisation and mean: each is applied once, to all draws that have it.
    drawn = _with_error(raw, errors, uniforms["sampling_error"]) if errors is not None else raw
    drawn = np.broadcast_to(drawn, (picked.size, *raw.shape))
    normalised, scores = np.empty(drawn.shape), np.empty((picked.size, raw.shape[0]))
    for number, normalise in enumerate(assumptions.normalisations):
        rows = np.flatnonzero(picked == number)
        if rows.size:
            normalised[rows] = normalise(drawn[rows], -2)
    for number, method in enumerate(assumptions.methods):
        rows = np.flatnonzero(mean == number)
        if rows.size:
            nodes = aggregate(normalised[rows], tree, method, assumptions.threshold, weights[rows])
            scores[rows] = nodes[..., -1]
    return normalisation.ranks(scores, axis=1, first="highest", decimals=RANK_DECIMALS)


def _with_error(raw: Floats, errors: npt.ArrayLike, uniforms: Floats) -> Floats:
    """Values moved by their errors (draws, units, indicators), from a uniform input of each (draws, units x indicators)."""
    deviate = special.ndtri(uniforms).reshape(len(uniforms), *raw.shape)
    given = np.nan_to_num(np.asarray(errors, float))
    moved = given * deviate if given.ndim == raw.ndim else np.einsum("uij,ruj->rui", given, deviate)
    return np.asarray(raw + moved)


def monte_carlo(
    values: npt.ArrayLike,
    errors: npt.ArrayLike | None,
    tree: Hierarchy,
    draws: int,
    rng: np.random.Generator,
    assumptions: Assumptions | None = None,
) -> Floats:
    """Ranks (draws, units) with every assumption and every sampling error drawn at once; `rank_summary` reads them."""
    raw = np.asarray(values, float)
    sizes = sources(tree, raw.shape[0], errors is not None)
    step = _rows_at_once(raw)
    found = []
    for start in range(0, draws, step):
        uniforms = {name: rng.random((min(step, draws - start), size)) for name, size in sizes.items()}
        found.append(ranks_under(uniforms, raw, errors, tree, assumptions or Assumptions()))
    return np.concatenate(found)


def score_draws(
    values: npt.ArrayLike,
    errors: npt.ArrayLike | None,
    tree: Hierarchy,
    normalise: Normaliser,
    method: Method,
    draws: int,
    rng: np.random.Generator,
    weight_spread: float = 0.25,
    threshold: float = 0.0,
) -> Floats:
    """Index scores (draws, units) under the index's own normalisation and mean, with sampling errors and weights drawn.

    As `ranks_under`, but a score has a unit only under one normalisation, so the others move ranks, not this interval. Quantiles
    of the draws form the interval, without which no composite is shown.
    """
    raw = np.asarray(values, float)
    step = _rows_at_once(raw)
    found = []
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        weights = tree.weights * (1 + weight_spread * (2 * rng.random((rows, len(tree.names))) - 1))
        uniforms = rng.random((rows, raw.size))
        drawn = _with_error(raw, errors, uniforms) if errors is not None else raw
        drawn = np.broadcast_to(drawn, (rows, *raw.shape))
        found.append(aggregate(normalise(drawn, -2), tree, method, threshold, weights)[..., -1])
    return np.concatenate(found)


def rank_sensitivity(
    values: npt.ArrayLike,
    errors: npt.ArrayLike | None,
    tree: Hierarchy,
    nominal: npt.ArrayLike,
    n: int,
    rng: np.random.Generator,
    assumptions: Assumptions | None = None,
) -> SobolIndices:
    """Sobol indices by source: outputs are the mean absolute shift from the nominal ranks, then each unit's rank."""
    raw, reference = np.asarray(values, float), np.asarray(nominal, float)

    def model(uniforms: Mapping[str, Floats]) -> Floats:
        ranks = ranks_under(uniforms, raw, errors, tree, assumptions or Assumptions())
        return np.column_stack([rank_shift(ranks, reference), ranks])

    sizes = sources(tree, raw.shape[0], errors is not None)
    return sobol_indices(model, sizes, n, rng, _rows_at_once(raw))


def _rows_at_once(raw: Floats) -> int:
    return max(1, CHUNK // max(raw.size, 1))


def weight_share_ahead(scores: npt.ArrayLike) -> Floats:
    """(units, units): share of all weight vectors (the simplex) under which the row's weighted mean is above the column's.

    From components (units, k), exact: the volume of the simplex cut by the half-space sum w_c d_c > 0, d = row - column, by
    the recursion of Varsi 1973 (Ali 1973), whose steps are convex combinations and so lose no digits. 1 is dominance under
    any weights, near 0.5 the weights decide the order. Equal units are never ahead of each other; NaN where a component is
    missing.
    """
    x = np.asarray(scores, float)
    above, below = np.triu_indices(x.shape[0], 1)
    d = x[above] - x[below]
    # Both sides are padded with zeros: a gain of 0 passes the recursion on, a loss of 0 leaves it unchanged.
    gains = -np.sort(-np.maximum(d, 0.0), axis=1)
    losses = -np.sort(-np.maximum(-d, 0.0), axis=1)
    behind = np.ones((x.shape[1] + 1, d.shape[0]))
    behind[1:] = gains[:, 0] == 0
    for loss in losses.T:
        for position, gain in enumerate(gains.T, start=1):
            span = gain + loss
            mixed = (gain * behind[position] + loss * behind[position - 1]) / np.where(span == 0, 1.0, span)
            behind[position] = np.where(span == 0, behind[position], mixed)
    share = np.zeros((x.shape[0], x.shape[0]))
    missing = np.isnan(d).any(axis=1)
    share[above, below] = np.where(missing, np.nan, 1 - behind[-1])
    share[below, above] = np.where(missing, np.nan, np.where((d == 0).all(axis=1), 0.0, behind[-1]))
    return share
