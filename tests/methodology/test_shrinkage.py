"""Shrinkage and spread: published examples, independently computed vectors, and edges by hand.

Belongs here: `methodology.shrinkage`. Does not belong here: the reference case with every estimator (`tests/reference`).
"""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm

from methodology.shrinkage import (
    Shrunken,
    Spread,
    shrink,
    shrunken_interval,
    spread,
    tau_interval,
)

# vectors.json, expected_range and dersimonian_eb.
SCORES = [82, 79.5, 85, 76, 88, 80.5, 83.2, 71, 84.1, 81]
ERRORS = [1.2, 0.8, 1.5, 1, 2.5, 0.6, 0.9, 1.4, 3, 0.7]
RELIABILITY = [0.8748, 0.9402, 0.8173, 0.9096, 0.6169, 0.9655, 0.9255, 0.837, 0.528, 0.9536]
SHRUNKEN = [81.8348, 79.5706, 84.2108, 76.4229, 85.1961, 80.5062, 83.0123, 72.5777, 82.4857, 80.9852]
# Thirteen trials of the BCG vaccine: cases and others, treated then control. Figures printed in Viechtbauer 2010,
# J. Stat. Software 36(3), for the log relative risk.
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ],
    float,
)


def _alone(scores: npt.ArrayLike, errors: npt.ArrayLike, method: str = "DL") -> Spread:
    """Of one family."""
    return spread(scores, errors, np.zeros(np.size(scores)), 1, method)


def _drawn(scores: npt.ArrayLike, errors: npt.ArrayLike) -> Shrunken:
    return shrink(scores, errors, np.zeros(np.size(scores)), _alone(scores, errors))


def _bcg() -> tuple[np.ndarray, np.ndarray]:
    treated, control = BCG[:, 0] + BCG[:, 1], BCG[:, 2] + BCG[:, 3]
    effect = np.log(BCG[:, 0] / treated) - np.log(BCG[:, 2] / control)
    return effect, np.sqrt(1 / BCG[:, 0] - 1 / treated + 1 / BCG[:, 2] - 1 / control)


def test_dersimonian_laird_vector() -> None:
    found = _alone(SCORES, ERRORS)
    assert found.q == pytest.approx(98.023404, abs=5e-7)
    assert found.tau2 == pytest.approx(10.0658914, abs=5e-8)
    assert found.mu == pytest.approx(80.6802344, abs=5e-8)
    assert _alone(SCORES, ERRORS, "FE").mu == pytest.approx(80.3183319, abs=5e-8)
    # I^2 = (Q - (k-1)) / Q under this estimator.
    assert found.signal_share == pytest.approx((98.023404 - 9) / 98.023404, abs=1e-7)
    assert found.noise_share == pytest.approx(9 / 98.023404, abs=1e-7)
    drawn = _drawn(SCORES, ERRORS)
    assert list(drawn.reliability) == pytest.approx(RELIABILITY, abs=5e-5)
    assert list(drawn.score) == pytest.approx(SHRUNKEN, abs=5e-5)


def test_restricted_likelihood_as_printed() -> None:
    found = _alone(*_bcg(), method="REML")
    assert found.tau2 == pytest.approx(0.3132, abs=5e-5)
    assert (found.mu, found.mu_error) == pytest.approx((-0.7145, 0.1798), abs=5e-5)
    assert found.q == pytest.approx(152.2330, abs=5e-5)
    assert 100 * found.signal_share == pytest.approx(92.2214, abs=5e-3)
    assert found.h2 == pytest.approx(12.8558, abs=5e-3)


def test_interval_of_tau_as_printed() -> None:
    assert np.ravel(tau_interval(*_bcg(), np.zeros(13), 1)) == pytest.approx((0.3460, 1.0543), abs=5e-5)


def test_every_estimator_agrees_when_all_errors_are_equal() -> None:
    # With equal errors the moment estimators and REML are all var(y) - s^2, ML divides by k: by hand var(1,5,9) = 16.
    score, error = [1, 5, 9], [2, 2, 2]
    for method in ("DL", "HE", "PM", "EB", "REML"):
        assert _alone(score, error, method).tau2 == pytest.approx(12), method
    assert _alone(score, error, "ML").tau2 == pytest.approx(32 / 3 - 4)
    # Sidik-Jonkman from 32/3: RSS = 32 / (4 + 32/3), tau2 = 32/3 RSS / 2.
    assert _alone(score, error, "SJ").tau2 == pytest.approx(32 / 3 * 32 / (4 + 32 / 3) / 2)


def test_units_that_differ_by_chance_share_one_score() -> None:
    found = _alone([50, 51, 49], [5, 5, 5])
    assert found.tau2 == 0
    drawn = _drawn([50, 51, 49], [5, 5, 5])
    assert list(drawn.score) == pytest.approx([50, 50, 50])
    # Nothing but the error of the common mean is left: 5 / sqrt(3).
    assert list(drawn.error) == pytest.approx([5 / np.sqrt(3)] * 3)
    assert list(drawn.conditional_error) == [0, 0, 0]
    assert tau_interval([50, 51, 49], [5, 5, 5], [0, 0, 0], 1)[0] == 0


def test_a_unit_outside_the_fit_is_drawn_to_it() -> None:
    # tau2 = s2: half way between its own score and the mean; error^2 = 9/2 + (1/2)^2 1.
    nine, fifty, one, unknown = (np.array([value]) for value in (9.0, 50.0, 1.0, np.nan))
    drawn = shrink([60], [3], [0], Spread(np.array([10]), nine, fifty, one, unknown, unknown))
    assert drawn.score[0] == pytest.approx(55)
    assert drawn.reliability[0] == pytest.approx(0.5)
    assert drawn.error[0] == pytest.approx(np.sqrt(4.5 + 0.25))


@pytest.mark.parametrize("method", ["DL", "HE", "PM", "REML", "ML", "SJ", "FE"])
def test_families_at_once_equal_each_family_alone(method: str) -> None:
    random = np.random.default_rng(5)
    family = random.permutation(np.repeat(np.arange(12), np.arange(2, 14)))
    # The first family does not differ at all beyond chance.
    score = np.where(family == 0, 70.0, random.normal(70, 6, family.size))
    error = random.uniform(1, 5, family.size)
    found = spread(score, error, family, 12, method)
    low, high = tau_interval(score, error, family, 12)
    drawn = shrink(score, error, family, found)
    for number in range(12):
        own = family == number
        alone = _alone(score[own], error[own], method)
        assert found.units[number] == own.sum()
        for name in ("tau2", "mu", "mu_error", "q", "noise_share"):
            assert getattr(found, name)[number] == pytest.approx(getattr(alone, name)[0], rel=1e-9, abs=1e-12)
        ends = tau_interval(score[own], error[own], np.zeros(own.sum()), 1)
        assert (low[number], high[number]) == pytest.approx(tuple(np.ravel(ends)), rel=1e-7, abs=1e-9)
        by_itself = shrink(score[own], error[own], np.zeros(own.sum()), alone)
        assert drawn.score[own] == pytest.approx(by_itself.score, rel=1e-9)
        assert drawn.error[own] == pytest.approx(by_itself.error, rel=1e-9)
        assert drawn.reliability[own] == pytest.approx(by_itself.reliability, rel=1e-9, abs=1e-12)
    assert low[0] == 0
    assert method == "SJ" or found.tau2[0] == 0


def test_a_single_unit_has_no_spread() -> None:
    found = spread([70, 71, 72], [1, 1, 1], [0, 1, 1], 2)
    low, high = tau_interval([70, 71, 72], [1, 1, 1], [0, 1, 1], 2)
    assert np.isnan([found.tau2[0], found.noise_share[0], low[0], high[0]]).all()
    assert np.isfinite([found.tau2[1], high[1]]).all()


@pytest.mark.parametrize(
    ("scores", "errors", "message"),
    [
        ([80, np.nan], [1, 1], "finite"),
        ([80, 81], [1, 0], "positive"),
        ([80, 81], [1], "one length"),
        ([80, np.inf], [1, -1], "finite; standard errors"),
    ],
)
def test_bad_input_is_refused(scores: list[float], errors: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _alone(scores, errors)


def test_unknown_estimators_are_refused() -> None:
    with pytest.raises(ValueError, match="called XX"):
        _alone([1, 2], [1, 1], "XX")


def test_an_interval_that_does_not_take_the_spread_as_known() -> None:
    # Eight schools (Rubin 1981). The posterior summed over a plain grid of (mu, tau), nothing integrated by formula.
    effect, error = np.array([28, 8, -3, 7, -1, 1, 18, 12.0]), np.array([15, 10, 16, 11, 9, 11, 10, 18.0])
    mean, low, high = shrunken_interval(effect, error)
    mu, tau = np.meshgrid(np.linspace(-60, 80, 561), np.linspace(0.05, 250, 2500), indexing="ij")
    chance = np.exp(sum(norm.logpdf(y, mu, np.hypot(s, tau)) for y, s in zip(effect, error, strict=True)))
    chance /= chance.sum()
    for unit in (0, 2, 7):
        kept = tau**2 / (tau**2 + error[unit] ** 2)
        centre, width = kept * effect[unit] + (1 - kept) * mu, error[unit] * np.sqrt(kept)
        assert mean[unit] == pytest.approx((chance * centre).sum(), abs=0.02)
        assert (chance * norm.cdf((low[unit] - centre) / width)).sum() == pytest.approx(0.025, abs=3e-4)
        assert (chance * norm.cdf((high[unit] - centre) / width)).sum() == pytest.approx(0.975, abs=3e-4)
    # Gelman et al. 2013, table 5.3, from 200 draws: school A -2 to 31, school C -11 to 19.
    assert (low[0], high[0], low[2], high[2]) == pytest.approx((-2, 31, -11, 19), abs=3)


def test_a_spread_without_doubt_is_taken_as_it_is() -> None:
    # Four hundred units with errors far below their spread: the scores stay as they are, and so do their own intervals.
    scores = 70 + 10 * norm.ppf((np.arange(400) + 0.5) / 400)
    mean, low, high = shrunken_interval(scores, np.full(400, 0.1))
    assert mean == pytest.approx(scores, abs=0.01)
    assert high - low == pytest.approx(np.full(400, 2 * 1.959964 * 0.1), rel=1e-3)
    with pytest.raises(ValueError, match="three units"):
        shrunken_interval([70, 71], [1, 1])
