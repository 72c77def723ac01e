"""What a change between two periods consists of: interval, mix and rate, factors, panel, and the account of expectation.

Belongs here: decompositions whose parts add up to the change. Does not belong here: whether a series as a whole has changed
(`control_charts`) and whether two periods may be compared (the comparability gate).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
Rate = Callable[[Sequence[Floats]], float]


@dataclass(frozen=True)
class Kitagawa:
    """Parts of each unit's change in a weighted mean (units,): what shifted shares explain, and what changed rates explain."""

    mix: Floats
    rate: Floats


@dataclass(frozen=True)
class DasGupta:
    """Standardised rates (populations, factors) and the effect of each factor; the effects add up to the crude difference."""

    crude: tuple[float, float]
    standardised: Floats
    effects: Floats


@dataclass(frozen=True)
class PanelGrowth:
    """Parts of the change of a weighted mean over units that enter and leave; change = continuing + entrants + exits."""

    change: float
    continuing: float
    entrants: float
    exits: float


def difference(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    error_before: npt.ArrayLike,
    error_after: npt.ArrayLike,
    correlation: npt.ArrayLike = 0.0,
    level: float = 0.95,
    freedom: tuple[npt.ArrayLike, npt.ArrayLike] = (np.inf, np.inf),
) -> tuple[Floats, Floats, Floats, Floats]:
    """after - before with standard error and Student's interval: se^2 = s0^2 + s1^2 - 2 r s0 s1.

    Arrays of one shape (units); r is the correlation of the two estimates, 0 for independent samples, and comes from the design
    where branches or respondents are the same. `freedom` of the two errors: infinite (normal interval) where it is not known;
    of the difference Satterthwaite's where r is 0, else the smaller of the two. Returns change, standard error, lower and upper
    limit; NaN where an input is. Raises ValueError for a negative error or a correlation outside [-1, 1].
    """
    first, second = np.asarray(error_before, float), np.asarray(error_after, float)
    shared = np.asarray(correlation, float)
    if np.any(first < 0) or np.any(second < 0) or np.any(np.abs(shared) > 1):
        raise ValueError("standard errors must not be negative and correlations must lie in [-1, 1]")
    change = np.asarray(after, float) - np.asarray(before, float)
    error = np.sqrt(np.maximum(first**2 + second**2 - 2 * shared * first * second, 0))
    half = stats.t.ppf(0.5 + level / 2, _freedom(first, second, shared, freedom)) * error
    return change, error, change - half, change + half


def _freedom(first: Floats, second: Floats, shared: Floats, freedom: tuple[npt.ArrayLike, npt.ArrayLike]) -> Floats:
    """Degrees of freedom of the error of a difference, one at least."""
    own = [np.where(np.isnan(one), np.inf, np.maximum(one, 1)) for one in (np.asarray(part, float) for part in freedom)]
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = (first**2 + second**2) ** 2 / (first**4 / own[0] + second**4 / own[1])
    apart = np.where(np.isnan(apart), np.inf, apart)
    return np.asarray(np.where(shared == 0, apart, np.minimum(*own)))


def kitagawa(
    size_before: npt.ArrayLike,
    rate_before: npt.ArrayLike,
    size_after: npt.ArrayLike,
    rate_after: npt.ArrayLike,
    unit: npt.ArrayLike,
    units: int,
) -> Kitagawa:
    """Mix and rate effect of each unit's change in sum p r, p = size / sum size, over its groups; they sum to the change.

    Sizes and rates (groups,) of all units are concatenated; `unit` gives the unit of each, 0 to `units` - 1.
    mix = sum (p1 - p0)(r0 + r1)/2, rate = sum (r1 - r0)(p0 + p1)/2. A group empty in one period has no rate there and
    takes the other period's, so its appearance or disappearance is all mix; a group empty in both contributes nothing. NaN for a
    unit without a size in one of the periods. Raises ValueError for vectors of different lengths, negative sizes, and a size
    without a rate. Source: Kitagawa 1955, JASA 50.
    """
    position = np.asarray(unit, int)
    sizes = [np.asarray(size, float) for size in (size_before, size_after)]
    rates = [np.asarray(rate, float) for rate in (rate_before, rate_after)]
    if any(part.shape != position.shape for part in (*sizes, *rates)):
        raise ValueError("sizes, rates and units must be vectors of one length")
    if any(np.any(~(size >= 0) | ~np.isfinite(size)) for size in sizes):
        raise ValueError("sizes must be finite and not negative")
    if any(np.any((size > 0) & ~np.isfinite(rate)) for size, rate in zip(sizes, rates, strict=True)):
        raise ValueError("a group with a size has no rate")
    whole = [np.bincount(position, size, units) for size in sizes]
    defined = (whole[0] > 0) & (whole[1] > 0)
    share = [size / np.where(total > 0, total, 1.0)[position] for size, total in zip(sizes, whole, strict=True)]
    other = [np.where(size > 0, rate, 0.0) for size, rate in zip(sizes, rates, strict=True)]
    rate = [np.where(sizes[side] > 0, rates[side], other[1 - side]) for side in (0, 1)]
    mix = np.bincount(position, (share[1] - share[0]) * (rate[0] + rate[1]) / 2, units)
    change = np.bincount(position, (rate[1] - rate[0]) * (share[0] + share[1]) / 2, units)
    return Kitagawa(np.where(defined, mix, np.nan), np.where(defined, change, np.nan))


def product_of_factors(factors: Sequence[Floats]) -> float:
    """sum over cells of the product of the factors: Das Gupta's usual rate."""
    return float(np.prod(np.stack([np.atleast_1d(factor) for factor in factors]), axis=0).sum())


def das_gupta(
    before: Sequence[npt.ArrayLike], after: Sequence[npt.ArrayLike], rate: Rate = product_of_factors
) -> DasGupta:
    """Standardisation and decomposition of a rate that is a function of P factors, each a number or a vector over cells.

    Factor i is set to each population's value while the others are averaged over all ways to draw them from the two
    populations, subsets of size s weighing s! (P-1-s)! / P!; its effect is the difference. The order of factors does not
    matter and the effects add up exactly. Work grows as 2^P. Raises ValueError where the factors of the two differ in number
    or shape. Source: Das Gupta 1993, Standardization and Decomposition of Rates, US Bureau of the Census P23-186.
    """
    drawn = [[np.asarray(factor, float) for factor in population] for population in (before, after)]
    if not drawn[0] or [factor.shape for factor in drawn[0]] != [factor.shape for factor in drawn[1]]:
        raise ValueError("both populations need the same factors with the same cells")
    positions = range(len(drawn[0]))
    rates = {
        subset: rate([drawn[position in subset][position] for position in positions])
        for size in range(len(drawn[0]) + 1)
        for subset in combinations(positions, size)
    }
    standardised = np.zeros((2, len(positions)))
    for position in positions:
        others = [other for other in positions if other != position]
        for size in range(len(others) + 1):
            weight = 1 / (len(positions) * comb(len(others), size))
            for subset in combinations(others, size):
                standardised[0, position] += weight * rates[subset]
                standardised[1, position] += weight * rates[tuple(sorted((*subset, position)))]
    crude = (rates[()], rates[tuple(positions)])
    return DasGupta(crude, standardised, standardised[1] - standardised[0])


def panel_growth(
    weight_before: npt.ArrayLike, score_before: npt.ArrayLike, weight_after: npt.ArrayLike, score_after: npt.ArrayLike
) -> PanelGrowth:
    """Change of sum w y / sum w split into the matched panel, entrants and exits.

    All (units,), weight 0 where a unit is absent (its score is not read). With means of continuing (C), entering (E) and
    leaving (X) units and shares s of weight: continuing = C1 - C0, entrants = sE (E1 - C1), exits = sX (C0 - X0). Raises
    ValueError for negative weights, a missing score of a unit that is present, or no continuing unit. Source: Melitz &
    Polanec 2015, RAND J. Econ. 46.
    """
    weights = np.stack([np.asarray(weight_before, float), np.asarray(weight_after, float)])
    scores = np.stack([np.asarray(score_before, float), np.asarray(score_after, float)])
    present = weights > 0
    faults = []
    if not (np.all(weights >= 0) and np.all(np.isfinite(weights))):
        faults.append("weights must be finite and not negative")
    if not np.all(np.isfinite(scores[present])):
        faults.append("a unit that is present has no score")
    if not np.any(present.all(axis=0)):
        faults.append("no unit is present in both periods: there is no matched panel")
    if faults:
        raise ValueError("; ".join(faults))
    staying = np.asarray(present.all(axis=0), bool)
    totals = [weights[period].sum() for period in (0, 1)]

    def mean(period: int, units: npt.NDArray[np.bool_]) -> float:
        chosen = units & present[period]
        weight = weights[period, chosen]
        return float((weight * scores[period, chosen]).sum() / weight.sum()) if weight.size else 0.0

    matched = [mean(period, staying) for period in (0, 1)]
    moved = [float(weights[period, ~staying].sum() / totals[period]) for period in (0, 1)]
    entrants = moved[1] * (mean(1, ~staying) - matched[1])
    exits = moved[0] * (matched[0] - mean(0, ~staying))
    everyone = np.ones_like(staying)
    return PanelGrowth(mean(1, everyone) - mean(0, everyone), matched[1] - matched[0], entrants, exits)
