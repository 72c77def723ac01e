"""Screens against other software and arithmetic by hand; that they flag nothing in honest data and flag planted data.

Belongs here: `methodology.screens`. Does not belong here: words and reports.
"""

import numpy as np
import pytest
from scipy import stats

from methodology.screens import (
    bunching,
    burst,
    duplicates,
    offer_by_prediction,
    share_apart_from_peers,
    survey_burden,
    tipping_point,
)

NAN = float("nan")
ALPHA = 0.001


def test_trend_of_offers_as_in_r() -> None:
    # R's prop.trend.test(c(83, 90, 129, 70), c(86, 93, 136, 82)): X-squared 8.2249, p 0.004132 two-sided, a falling share.
    offered, completed = np.array([83, 90, 129, 70]), np.array([86, 93, 136, 82])
    falling, rising = (
        offer_by_prediction(offered, completed, 0.05, ALPHA),
        offer_by_prediction(offered[::-1], completed[::-1], 0.05, ALPHA),
    )
    assert float(rising.p_value) == pytest.approx(0.004132 / 2, abs=5e-7)
    assert float(falling.p_value) == pytest.approx(1 - 0.004132 / 2, abs=5e-7)
    assert float(falling.statistic) < 0 < float(rising.statistic)


def test_offers_by_hand_and_at_the_edges() -> None:
    # 10 %, 20 %, 30 % of equal groups lie on a line: a rise of 20 points.
    found = offer_by_prediction(
        [[100, 200, 300], [200, 200, 200], [0, 0, 0], [9, 9, 9], [0, 0, 5]],
        [[1000] * 3] * 3 + [[9] * 3, [0, 0, 10]],
        0.05,
        ALPHA,
    )
    assert found.statistic == pytest.approx([0.2, 0, NAN, NAN, NAN], nan_ok=True)
    assert found.p_value[1] == pytest.approx(0.5)
    assert found.flag.tolist() == [True, False, False, False, False]
    # Two points between lowest and highest are certain with a million transactions, and do not matter.
    tiny = offer_by_prediction([300_000, 310_000, 320_000], [1_000_000] * 3, 0.05, ALPHA)
    assert float(tiny.p_value) < ALPHA
    assert not bool(tiny.flag)
    with pytest.raises(ValueError, match="between none and"):
        offer_by_prediction([2], [1], 0.05, ALPHA)


def test_straight_lining_among_peers_who_differ() -> None:
    rng = np.random.default_rng(1)
    n = rng.integers(300, 3000, 100)
    shares = np.clip(rng.normal(0.12, 0.03, 100), 0.02, 1)  # agencies differ honestly
    hits = rng.binomial(n, shares)
    hits[7] = round(0.6 * n[7])  # one filled in its own questionnaires
    found = share_apart_from_peers(hits, n, 0.05, ALPHA)
    assert found.flag[7]
    assert found.flag.sum() == 1
    # A test that assumed sampling noise only would have flagged many honest agencies.
    naive = stats.binom.sf(hits - 1, n, hits.sum() / n.sum())
    assert (naive < ALPHA).sum() > 10
    assert found.statistic[7] == pytest.approx(hits[7] / n[7] - hits.sum() / n.sum())


def test_shares_by_hand() -> None:
    # Three alike units, one without answers. z^2 sum below I - 1, so no overdispersion:
    # z = (asin sqrt .34 - asin sqrt .3) 2 sqrt 100.
    found = share_apart_from_peers([26, 34, 30, 0], [100, 100, 100, 0], 0.01, ALPHA)
    assert found.statistic == pytest.approx([-0.04, 0.04, 0, NAN], nan_ok=True)
    z = (np.arcsin(0.34**0.5) - np.arcsin(0.3**0.5)) * 20
    assert found.p_value[1] == pytest.approx(stats.norm.sf(z))
    assert not found.flag.any()
    alone = share_apart_from_peers([5, 0], [10, 0], 0.05, ALPHA)
    assert np.isnan(alone.p_value).all()
    assert alone.statistic[0] == 0
    with pytest.raises(ValueError, match="more hits"):
        share_apart_from_peers([5], [4], 0.05, ALPHA)


def test_bursts() -> None:
    counts = [[10, 10, 10, 10], [25, 5, 5, 5], [0, 0, 0, 0], [100, 0, 0, 0]]
    found = burst(counts, 3, ALPHA)
    assert found.statistic == pytest.approx([1, 2.5, NAN, 4], nan_ok=True)
    assert found.p_value[1] == pytest.approx(4 * stats.binom.sf(24, 40, 0.25))
    assert found.p_value[3] == pytest.approx(4 * 0.25**100)
    assert found.p_value[0] == 1
    assert found.flag.tolist() == [False, False, False, True]
    # Where peers too have all their answers in the first hour, there is no burst.
    assert not burst(counts, 3, ALPHA, [0.97, 0.01, 0.01, 0.01]).flag[3]
    with pytest.raises(ValueError, match="sum to one"):
        burst(counts, 3, ALPHA, [0.5, 0.2, 0.2, 0.2])


def test_bursts_are_rare_by_chance() -> None:
    rng = np.random.default_rng(2)
    counts = rng.multinomial(400, np.full(24, 1 / 24), size=4000)
    p = burst(counts, 0, ALPHA).p_value
    # Bonferroni over windows of one total: at most nominal, and not much below.
    assert 0.02 < (p < 0.05).mean() <= 0.055


def test_duplicates() -> None:
    # 100 questionnaires make 4,950 pairs; at a chance of 1/495 ten are expected.
    found = duplicates([10, 40, 0, 9], [4950, 4950, 0, 4950], [1 / 495, 1 / 495, 1 / 495, NAN], 2, ALPHA)
    assert found.statistic == pytest.approx([1, 4, NAN, NAN], nan_ok=True)
    assert found.p_value[1] == pytest.approx(stats.poisson.sf(39, 10))
    assert found.flag.tolist() == [False, True, False, False]
    with pytest.raises(ValueError, match="chances"):
        duplicates([1], [10], 0, 2, ALPHA)
    with pytest.raises(ValueError, match="between none and all"):
        duplicates([11], [10], 0.5, 2, ALPHA)


def test_bunching_above_a_cut() -> None:
    # 18 of 20 just above: (190 + 20 + 1) / 2^20.
    found = bunching([2, 10, 0, 4], [18, 10, 0, 6], 0.7, ALPHA)
    assert found.statistic == pytest.approx([0.9, 0.5, NAN, 0.6], nan_ok=True)
    assert found.p_value[0] == pytest.approx(211 / 2**20)
    assert found.flag.tolist() == [True, False, False, False]


def test_who_did_not_answer_could_tip_the_statement() -> None:
    # Mean 86 at a response of 20 %, cut 85: non-respondents need (85 - 17.2) / .8 = 84.75, not 1.25 points less.
    found = tipping_point([86, 86, 95, 80], [0.2, 0.95, 0.5, 1.0], 85, 10)
    assert found.statistic == pytest.approx([-1.25, -20, -20, NAN], nan_ok=True)
    assert found.flag.tolist() == [True, False, False, False]
    assert np.isnan(found.p_value).all()
    # The headline with non-respondents at the tipping point equals the reference.
    assert 0.2 * 86 + 0.8 * (86 + found.statistic[0]) == pytest.approx(85)
    with pytest.raises(ValueError, match="response rates"):
        tipping_point(80, 0, 85, 10)


def test_burden_of_surveys() -> None:
    # 1000 never invited, 90 once, 5 four times, 5 five times: 5 % of those invited above four.
    found = survey_burden([[1000, 90, 0, 0, 5, 5], [1000, 90, 5, 0, 5, 0], [7, 0, 0, 0, 0, 0]], 4, 0.02)
    assert found.statistic == pytest.approx([0.05, 0, NAN], nan_ok=True)
    assert found.flag.tolist() == [True, False, False]
    assert survey_burden([0, 1, 1], 1, 0.02).statistic == pytest.approx(0.5)
