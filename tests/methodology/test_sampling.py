"""Designs, Taylor variances and design effects against R survey's published examples and hand derivation.

Belongs here: `methodology.sampling` and `methodology.survey_estimates`. Does not belong here: weighting (`test_weights`)
and the full reference cases (`tests/reference`).
"""

import math

import numpy as np
import pytest

from methodology.sampling import (
    design_effect,
    kish_deff,
    kish_effective_n,
    sample_design,
    stratified_mean,
    taylor_variance,
)
from methodology.survey_estimates import (
    jackknife,
    survey_covariance,
    survey_mean,
    survey_quantile,
    survey_ratio,
    survey_total,
)

# R survey, data(fpc): two strata, printed with and without finite population correction.
STRATUM = [1, 1, 1, 1, 1, 2, 2, 2]
WEIGHT = [3, 3, 3, 3, 3, 4, 4, 4]
POPULATION = [15, 15, 15, 15, 15, 12, 12, 12]
X = np.array([2.8, 4.1, 6.8, 6.8, 9.2, 3.7, 6.6, 4.2])


def test_mean_and_total_with_and_without_correction() -> None:
    plain, corrected = sample_design(WEIGHT, STRATUM), sample_design(WEIGHT, STRATUM, population=POPULATION)
    mean = survey_mean(plain, X)
    assert mean.value[0] == pytest.approx(5.4481481, abs=5e-8)
    assert mean.error[0] == pytest.approx(0.7412683, abs=5e-8)
    assert survey_mean(corrected, X).error[0] == pytest.approx(0.6160407, abs=5e-8)
    total = survey_total(plain, X)
    assert (total.value[0], total.error[0]) == pytest.approx((147.1, 20.01424), abs=5e-6)
    # 2/3 * 5/4 * 9 * 25.352 + 3/4 * 3/2 * 16 * 4.80667 = 276.66, published as 16.6331.
    assert survey_total(corrected, X).error[0] == pytest.approx(math.sqrt(276.66), rel=1e-12)


def test_a_domain_is_not_a_filtered_sample() -> None:
    domain = survey_mean(sample_design(WEIGHT, STRATUM), X, X > 4)
    # R survey tests/domain.R: zero outside, all rows in n_h.
    assert (domain.value[0], domain.error[0]) == pytest.approx((6.195, 0.7555129), abs=5e-8)
    assert domain.n[0] == 6
    filtered = sample_design(np.array(WEIGHT)[X > 4], np.array(STRATUM)[X > 4])
    assert abs(survey_mean(filtered, X[X > 4]).error[0] - domain.error[0]) > 0.01


def test_missing_answers_are_a_domain() -> None:
    design = sample_design(WEIGHT, STRATUM)
    gaps = np.where(X > 4, X, np.nan)
    assert survey_mean(design, gaps).covariance == pytest.approx(survey_mean(design, X, X > 4).covariance, rel=1e-12)


def test_mean_of_strata_summaries_as_published() -> None:
    # R survey: apistrat by school type, mean 662.29 and SE 9.4089 printed.
    mean, error = stratified_mean(
        [4421, 755, 1018], [100, 50, 50], [674.43, 625.82, 636.6], [15687.41929, 11947.08939, 13824.85714]
    )
    assert (mean, error) == pytest.approx((662.2873636, 9.4089409), abs=5e-7)
    with pytest.raises(ValueError, match="two answers"):
        stratified_mean([10], [1], [3], [0])


def test_summaries_equal_rows() -> None:
    means, variances, sizes = [], [], [15, 12]
    for stratum in (1, 2):
        part = X[np.array(STRATUM) == stratum]
        means.append(part.mean())
        variances.append(part.var(ddof=1))
    rows = survey_mean(sample_design(WEIGHT, STRATUM, population=POPULATION), X)
    found = stratified_mean(sizes, [5, 3], means, variances)
    assert found == pytest.approx((rows.value[0], rows.error[0]), rel=1e-12)


def test_design_effect_of_unequal_weights_as_published() -> None:
    # R survey tests/deff.R ("kigyo"): mean 243.914, SE 48.752, deff against a draw with replacement 1.974067.
    y = np.array([15, 143, 21, 51, 337, 50, 274, 145, 15, 86], float)
    w = [20, 200, 11, 25, 550, 30, 250, 100, 10, 55]
    design = sample_design(w)
    mean = survey_mean(design, y)
    assert (mean.value[0], mean.error[0]) == pytest.approx((243.914, 48.752), abs=5e-4)
    spread = survey_covariance(design, y, y).value[0]
    assert float(design_effect(mean.covariance[0, 0], spread, w)) == pytest.approx(1.974067, abs=5e-7)


def test_kish() -> None:
    # Weights 1 and 3: 2 * 10 / 16.
    assert kish_deff([1, 3]) == 1.25
    assert kish_effective_n([1, 3]) == 1.6
    assert kish_effective_n([2, 2, 2]) == pytest.approx(3, rel=1e-15)
    with pytest.raises(ValueError, match="positive"):
        kish_deff([0, 0])


def test_clusters_by_hand() -> None:
    # Two clusters with totals 3 and 9 of weight one: V(total) = 2/1 * ((3-6)^2 + (9-6)^2) = 36.
    design = sample_design([1, 1, 1], clusters=["a", "a", "b"])
    assert survey_total(design, [1, 2, 9]).error[0] == pytest.approx(6, rel=1e-15)
    assert design.degrees_of_freedom == 1
    # The same label in another stratum is another cluster.
    nested = sample_design([1, 1, 1, 1], ["s", "s", "t", "t"], ["a", "b", "a", "b"])
    assert nested.psu_stratum.size == 4 and nested.degrees_of_freedom == 2


def test_ratio_by_hand() -> None:
    # R = 6/3 = 2; u = (y - 2x)/3 = (-1, 1)/3; V = 2 * sum u^2 = 4/9.
    ratio = survey_ratio(sample_design([1, 1]), [1, 5], [1, 2])
    assert (ratio.value[0], ratio.error[0]) == pytest.approx((2, 2 / 3), rel=1e-15)
    with pytest.raises(ValueError, match="denominator"):
        survey_mean(sample_design([1, 0]), [1, 2], [False, True])


def test_contrast_uses_the_covariance() -> None:
    # The same people twice: the error of the difference is that of the differences.
    before, after = np.array([3.0, 5, 9, 4]), np.array([4.0, 7, 9, 6])
    design = sample_design([1, 2, 1, 2])
    change = survey_mean(design, np.column_stack([after, before])).contrast([1, -1])
    direct = survey_mean(design, after - before)
    assert change == pytest.approx((direct.value[0], direct.error[0]), rel=1e-12)


def test_lonely_units() -> None:
    weight, strata, y = [1.0] * 5, ["a", "a", "b", "b", "c"], np.array([1.0, 3, 2, 6, 9])
    with pytest.raises(ValueError, match="strata c"):
        sample_design(weight, strata)
    # Strata a and b give 2 * ((1-2)^2 + (3-2)^2) = 4 and 16; c nothing, 9^2, or the mean of the others.
    for lonely, variance in {"certainty": 20.0, "adjust": 101.0, "average": 30.0}.items():
        design = sample_design(weight, strata, lonely=lonely)  # type: ignore[arg-type]
        assert survey_total(design, y).covariance[0, 0] == pytest.approx(variance, rel=1e-15), lonely
    # A stratum of one unit in the population was taken whole: nothing is unknown and it is not lonely.
    whole = sample_design(weight, strata, population=[1e9] * 4 + [1])
    assert survey_total(whole, y).covariance[0, 0] == pytest.approx(20, rel=1e-8)
    # A domain that does not reach the lonely stratum borrows nothing for it.
    domain = survey_total(sample_design(weight, strata, lonely="average"), y, np.array(strata) != "c")
    assert domain.covariance[0, 0] == pytest.approx(20, rel=1e-15)


def test_rows_of_weight_zero_stay_in_the_draw() -> None:
    kept, deleted = sample_design([0, 1, 1, 1]), sample_design([1, 1, 1])
    y = [50, 1, 2, 3]
    assert survey_mean(kept, y).value == survey_mean(deleted, y[1:]).value
    # n/(n-1) is 4/3 with the row and 3/2 without.
    assert survey_mean(kept, y).covariance[0, 0] / survey_mean(deleted, y[1:]).covariance[0, 0] == pytest.approx(8 / 9)
    assert kept.degrees_of_freedom == 2


def test_every_fault_is_named() -> None:
    with pytest.raises(ValueError) as fault:
        sample_design([1, -1, 1, np.nan], ["a", "a", "b", "c"], population=[1, 1, 5, 6])
    for words in ("not negative", "than were drawn in strata a", "one unit was drawn in strata b, c"):
        assert words in str(fault.value)
    with pytest.raises(ValueError, match="one number within a stratum"):
        sample_design([1, 1], ["a", "a"], population=[5, 6])
    with pytest.raises(ValueError, match="unknown"):
        sample_design([1, 1], lonely="ignore")  # type: ignore[arg-type]


def test_quantiles() -> None:
    design = sample_design([1, 1, 1, 1, 0])
    y = [4, 1, 3, 2, -99]
    # F reaches one half at 2, not an ulp later; numpy's default is type 7.
    assert survey_quantile(design, y, [0.25, 0.5, 0.51, 1.0]).tolist() == [1, 2, 3, 4]
    assert survey_quantile(design, y, [0.1, 0.5], "hf7") == pytest.approx(np.quantile([1, 2, 3, 4], [0.1, 0.5]))


def test_jackknife_of_a_mean_is_the_sample_error() -> None:
    # For a mean of equal weights JK1 is exactly s / sqrt(n).
    y = np.array([2.0, 3, 7, 4])
    value, error = jackknife(sample_design([1, 1, 1, 1]), lambda w: float(w @ y / w.sum()))
    assert (value, error) == pytest.approx((4, y.std(ddof=1) / 2), rel=1e-12)
    with pytest.raises(ValueError, match="JK1"):
        jackknife(sample_design(WEIGHT, STRATUM), lambda w: float(w.sum()))


def test_variance_of_a_census_is_zero() -> None:
    design = sample_design([1, 1, 1], population=[3, 3, 3])
    assert math.isclose(taylor_variance(design, [1, 5, 9])[0, 0], 0)
