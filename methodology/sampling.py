"""The sample design: weights, strata, clusters, and the variance they give by Taylor linearisation.

Belongs here: who was drawn how, the variance of linearised totals, design effects and effective sizes. Does not belong
here: the estimators that are linearised (`survey_estimates`), making of weights (`weights`, `calibration`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Residuals = Callable[[Floats], Floats]
Lonely = Literal["fail", "certainty", "adjust", "average"]


@dataclass(frozen=True, eq=False)
class SampleDesign:
    """One entry per row in `weights` and `psu`, per primary sampling unit in `psu_stratum`, per stratum in the rest.

    `inner` is the draw within the primary sampling units, which are its strata, where there was a second stage.
    """

    weights: Floats
    psu: Ints
    psu_stratum: Ints
    sampled: Floats
    population: Floats
    lonely: Lonely = "fail"
    residuals: Residuals | None = field(default=None, repr=False)
    inner: "SampleDesign | None" = field(default=None, repr=False)

    @property
    def degrees_of_freedom(self) -> int:
        """Primary sampling units less strata, counting only those with a positive weight."""
        units = np.unique(self.psu[self.weights > 0])
        return int(units.size - np.unique(self.psu_stratum[units]).size)

    def reweighted(self, weights: npt.ArrayLike, residuals: Residuals | None = None) -> "SampleDesign":
        """The same draw with final weights; `residuals` removes from a linearised value what the weighting fixes."""
        return replace(self, weights=np.asarray(weights, float), residuals=residuals)


def sample_design(
    weights: npt.ArrayLike,
    strata: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    population: npt.ArrayLike | None = None,
    lonely: Lonely = "fail",
) -> SampleDesign:
    """Design of n rows: each of `strata` (n,) its own draw of `clusters` (n,), or of rows, out of `population` (n,) units.

    `population` holds on each row the number of primary sampling units in its stratum; without it the draw counts as
    with replacement. Clusters are nested: the same label in two strata is two clusters. Rows of weight zero stay part
    of the draw. `lonely` says what a stratum with one unit drawn out of more adds to a variance: `fail` refuses it,
    `certainty` nothing, `adjust` the square of its linearised total (around the mean of all units, which is zero for
    means and ratios; for totals that is cautious, as in R survey), `average` the mean of what the other strata add.
    Raises ValueError naming every fault.
    """
    weight = np.asarray(weights, float)
    stratum_labels, stratum = _codes(strata, weight.size)
    _, cluster = (None, np.arange(weight.size)) if clusters is None else _codes(clusters, weight.size)
    pair = stratum * (int(cluster.max(initial=0)) + 1) + cluster
    _, first, psu = np.unique(pair, return_index=True, return_inverse=True)
    psu_stratum = stratum[first]
    sampled = np.bincount(psu_stratum, minlength=stratum_labels.size).astype(float)
    size = np.full(stratum_labels.size, np.inf)
    faults = []
    if not weight.size or not np.all(np.isfinite(weight)) or np.any(weight < 0):
        faults.append("weights must be finite and not negative, at least one of them")
    if lonely not in get_args(Lonely):
        faults.append(f"lonely {lonely!r} is unknown; known are {', '.join(get_args(Lonely))}")
    if population is not None:
        given = np.asarray(population, float)
        size = np.zeros(stratum_labels.size)
        np.maximum.at(size, stratum, given)
        if np.any(given != size[stratum]):
            faults.append("the population must be one number within a stratum")
        short = ~(size >= sampled)
        if short.any():
            faults.append(f"fewer units in the population than were drawn in strata {_names(stratum_labels, short)}")
    alone = (sampled == 1) & (size > 1)
    if lonely == "fail" and alone.any():
        faults.append(f"one unit was drawn in strata {_names(stratum_labels, alone)}; choose what lonely units add")
    if faults:
        raise ValueError("; ".join(faults))
    return SampleDesign(weight, psu.astype(np.int64), psu_stratum.astype(np.int64), sampled, size, lonely)


def two_stage_design(
    weights: npt.ArrayLike,
    clusters: npt.ArrayLike,
    units: npt.ArrayLike,
    strata: npt.ArrayLike | None = None,
    populations: tuple[npt.ArrayLike | None, npt.ArrayLike | None] = (None, None),
    lonely: Lonely = "fail",
) -> SampleDesign:
    """Design of n rows whose `clusters` (n,) were drawn first and then `units` (n,) of each, as in `sample_design`.

    populations: clusters in the stratum and units in the cluster of each row. Raises ValueError naming every fault of a stage.
    """
    first = sample_design(weights, strata, clusters, populations[0], lonely)
    return replace(first, inner=sample_design(weights, first.psu, units, populations[1], lonely))


def taylor_variance(design: SampleDesign, linearised: npt.ArrayLike, members: npt.ArrayLike | None = None) -> Floats:
    """Covariance (k, k) of k estimates from their linearised values u (n, k), before weighting.

    V = sum_h (1 - f_h) n_h/(n_h - 1) sum_i (z_hi - zbar_h)(z_hi - zbar_h)', f_h = n_h/N_h, with z_hi the total of w u in unit i
    of stratum h; a second stage adds sum_hi f_h V_hi, V_hi the same within the unit. Rows outside a domain carry u = 0 and stay.
    `members` (n,) marks the rows of the domain: with lonely `average` a stratum without any neither lends nor borrows a
    variance. Source: Sarndal et al. 1992, 4.3 and 5.5; R survey.
    """
    values = np.asarray(linearised, float).reshape(design.weights.size, -1)
    if design.residuals is not None:
        values = design.residuals(values)
    rows = np.ones(len(values), bool) if members is None else np.asarray(members, bool)
    weighted = design.weights[:, None] * values
    variance = _stage_variance(design, weighted, rows, np.ones(design.sampled.size))
    if design.inner is not None:
        drawn_share = (design.sampled / design.population)[design.psu_stratum]
        variance = variance + _stage_variance(design.inner, weighted, rows, drawn_share)
    return variance


def _stage_variance(design: SampleDesign, weighted: Floats, members: Bools, share: Floats) -> Floats:
    """What one stage adds; its strata count by `share` (strata,)."""
    totals = grouped_sums(design.psu, weighted, design.psu_stratum.size)
    sampled, stratum = design.sampled, design.psu_stratum
    drawn_share = sampled / design.population
    centred = totals - (grouped_sums(stratum, totals, sampled.size) / sampled[:, None])[stratum]
    alone = (sampled == 1) & (drawn_share < 1)
    if design.lonely == "adjust":
        centred = np.where(alone[stratum, None], totals, centred)
    scale = share * (1 - drawn_share) * np.where(sampled > 1, sampled / np.maximum(sampled - 1, 1), 1.0)
    variance = (centred * scale[stratum, None]).T @ centred
    if design.lonely == "average":
        present = np.unique(stratum[design.psu[members]])
        lenders = np.count_nonzero(~alone[present])
        if present.size and not lenders:
            raise ValueError("every stratum has one unit: no other lends its variance")
        variance = variance * (present.size / lenders if present.size else 1.0)
    return np.asarray(variance)


def stratified_mean(
    population: npt.ArrayLike, n: npt.ArrayLike, mean: npt.ArrayLike, variance: npt.ArrayLike
) -> tuple[float, float]:
    """Mean and standard error from strata summaries, each stratum a simple random sample without replacement.

    mean = sum N_h ybar_h / N; V = sum (N_h/N)^2 (1 - n_h/N_h) s_h^2 / n_h, s_h^2 with divisor n_h - 1. Raises
    ValueError where a stratum has fewer than two answers or more than its population. Source: Cochran 1977, 5.9.
    """
    size, drawn, level, spread = (np.asarray(part, float) for part in (population, n, mean, variance))
    if np.any(drawn < 2) or np.any(drawn > size):
        raise ValueError("each stratum needs two answers or more, and no more than its population")
    share = size / size.sum()
    error = np.sqrt(np.sum(share**2 * (1 - drawn / size) * spread / drawn))
    return float(share @ level), float(error)


def kish_deff(weights: npt.ArrayLike) -> float:
    """Loss of precision from unequal weights: n sum w^2 / (sum w)^2 (1 = none). Source: Kish 1965, 11.7."""
    weight = np.asarray(weights, float)
    return float(weight.size / kish_effective_n(weight))


def kish_effective_n(weights: npt.ArrayLike) -> float:
    """Equal-weight answers of the same precision: (sum w)^2 / sum w^2. Raises ValueError without a positive weight."""
    weight = np.asarray(weights, float)
    if not np.all(weight >= 0) or not np.any(weight > 0):
        raise ValueError("weights must not be negative, and one at least positive")
    return float(weight.sum() ** 2 / np.sum(weight**2))


def design_effect(
    variance: npt.ArrayLike, element_variance: npt.ArrayLike, weights: npt.ArrayLike, finite: bool = False
) -> Floats:
    """Variance over that of a simple random sample of equal size: V / (S^2 / n), n counting positive weights.

    S^2 is the weighted element variance (`survey_covariance`). `finite` compares with a draw without replacement from
    sum w units: S^2 (1 - n / sum w) / n. Source: Kish 1965; R survey's deff.
    """
    weight = np.asarray(weights, float)
    n = np.count_nonzero(weight)
    simple = np.asarray(element_variance, float) / n
    if finite:
        simple = simple * (1 - n / weight.sum())
    return np.asarray(np.asarray(variance, float) / simple)


def grouped_sums(group: Ints, values: Floats, groups: int) -> Floats:
    """Sums of the rows of `values` (n, k) by `group` (n,) as (groups, k)."""
    return np.stack([np.bincount(group, column, minlength=groups) for column in values.T], axis=1)


def _codes(labels: npt.ArrayLike | None, n: int) -> tuple[npt.NDArray[np.object_], Ints]:
    """Distinct labels and the code of each row; without labels there is one group."""
    if labels is None:
        return np.array(["all"], dtype=object), np.zeros(n, dtype=np.int64)
    given = np.asarray(labels)
    if given.shape != (n,):
        raise ValueError(f"{n} weights and {given.size} labels of strata or clusters")
    names, codes = np.unique(given.astype(str) if given.dtype == object else given, return_inverse=True)
    return names.astype(object), codes.astype(np.int64)


def _names(labels: npt.NDArray[np.object_], chosen: Bools) -> str:
    return ", ".join(str(label) for label in labels[chosen])
