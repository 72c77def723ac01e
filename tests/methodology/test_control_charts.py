"""Control charts: limits and rules by hand.

Belongs here: `methodology.control_charts`. Does not belong here: decompositions (`test_change.py`).
"""

import numpy as np
import pytest

from methodology.control_charts import D2, Multiples, p_chart, signals, xmr_chart


def _at(flags: np.ndarray) -> list[int]:
    return [int(position) for position in np.flatnonzero(flags)]


def test_xmr_limits_by_hand() -> None:
    # 10, 12, 11, 15: moving ranges 2, 1, 4, mean 7/3; the printed factor of XmR charts is 2.66.
    chart = xmr_chart([10, 12, 11, 15])
    assert chart.centre == 12
    assert chart.sigma[0] == pytest.approx(7 / 3 / 1.128, rel=1e-3)
    assert chart.upper[0] == pytest.approx(12 + 2.66 * 7 / 3, rel=1e-3)
    assert chart.lower[0] == pytest.approx(12 - 2.66 * 7 / 3, rel=1e-3)
    assert pytest.approx(1.128, abs=5e-4) == D2


def test_a_baseline_is_not_moved_by_what_follows() -> None:
    # Baseline 50, 52, 50, 52: centre 51, sigma 2/1.128 = 1.77; 57 is 3.4 sigma out and would be less so in its own limits.
    chart = xmr_chart([50, 52, 50, 52, 57], baseline=4)
    assert chart.centre == 51
    assert _at(chart.signals.beyond_limits) == [4]
    assert not xmr_chart([50, 52, 50, 52, 57]).signals.any.any()


def test_p_chart_limits_by_hand() -> None:
    # 180 of 200 and 45 of 100: centre .75, sigma sqrt(.1875/n); .90 and .45 are 4.90 and 6.93 sigma out.
    chart = p_chart([180, 45], [200, 100])
    assert chart.centre == 0.75
    assert list(chart.sigma) == pytest.approx([0.0306186, 0.0433013], abs=5e-8)
    assert chart.upper[0] == pytest.approx(0.75 + 3 * 0.0306186, abs=5e-7)
    assert _at(chart.signals.beyond_limits) == [0, 1]
    # Limits stay within the scale.
    assert p_chart([9, 10], [10, 10]).upper[0] == 1


def test_laney_widens_by_the_moving_range_of_z() -> None:
    # Large samples that fluctuate: z by hand for shares .80, .82, .80, .82 of 10,000 each: sigma = sqrt(.81 x .19 / 10,000).
    plain = p_chart([8000, 8200, 8000, 8200], [10_000] * 4)
    wide = p_chart([8000, 8200, 8000, 8200], [10_000] * 4, overdispersed=True)
    z_range = 0.02 / np.sqrt(0.81 * 0.19 / 10_000)
    assert wide.sigma[0] == pytest.approx(plain.sigma[0] * z_range / D2)
    assert wide.sigma[0] == pytest.approx(0.02 / D2)
    p_chart_alarm, laney_alarm = (xs.signals.two_of_three for xs in (plain, wide))
    assert p_chart_alarm.any()
    assert not laney_alarm.any()


def test_each_rule_at_its_edge() -> None:
    assert _at(signals([3.0, 3.01, -3.01]).beyond_limits) == [1, 2]
    assert _at(signals([0.1] * 7 + [-0.1]).run) == []
    assert _at(signals([-1, *[0.1, 0.2] * 4, 0.3]).run) == [8, 9]
    # A point on the centre line breaks a run.
    assert _at(signals([0.1] * 4 + [0] + [0.1] * 4).run) == []
    assert _at(signals([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).trend) == [5, 6]
    assert _at(signals([0.5, 0.4, 0.3, 0.2, 0.1, 0.1]).trend) == []
    assert _at(signals([0.6, 0.5, 0.4, 0.3, 0.2, 0.1]).trend) == [5]
    assert _at(signals([2.1, 0, 2.1, 0, 0, -2.1, 2.1]).two_of_three) == [2]
    assert _at(signals([2.1, 2.1, 0]).two_of_three) == [1]


def test_equal_values_signal_nothing() -> None:
    # The mean of three 0.1 is not 0.1 in floating point.
    chart = xmr_chart([0.1] * 3)
    assert not chart.signals.any.any()
    assert not p_chart([5] * 9, [5] * 9).signals.any.any()
    # Without spread in the baseline any departure is beyond the limits.
    assert _at(xmr_chart([5, 5, 5, 6], baseline=3).signals.beyond_limits) == [3]


def test_false_signals_of_limits_are_rare() -> None:
    # Beyond 3 sigma: 0.27 % of points of a stable normal series; with an estimated sigma somewhat more. 3,000 points.
    rng = np.random.default_rng(4)
    hit = np.mean([xmr_chart(rng.normal(70, 2, 30)).signals.beyond_limits for _ in range(100)])
    assert 0.0005 < hit < 0.012


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: xmr_chart([1]), "two baseline periods"),
        (lambda: xmr_chart([1, 2, 3], baseline=4), "two baseline periods"),
        (lambda: xmr_chart([1, np.nan, 2]), "finite"),
        (lambda: p_chart([1, 2], [1, 0]), "positive sample size"),
        (lambda: p_chart([3, 2], [2, 2]), "successes between"),
    ],
)
def test_bad_series_are_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]


def test_many_series_equal_each_alone() -> None:
    random = np.random.default_rng(11)
    series = random.normal(70, 3, (20, 12))
    series[0] = 70.0
    hits = random.integers(0, 40, (20, 12))
    many, shares = xmr_chart(series, 8), p_chart(hits, np.full((20, 12), 40), overdispersed=True)
    for row in range(20):
        one, share = xmr_chart(series[row], 8), p_chart(hits[row], np.full(12, 40), overdispersed=True)
        for chart, alone in ((many, one), (shares, share)):
            assert chart.centre[row] == alone.centre
            assert chart.upper[row].tolist() == alone.upper.tolist()
            assert chart.lower[row].tolist() == alone.lower.tolist()
            for name in ("beyond_limits", "run", "trend", "two_of_three", "any"):
                assert getattr(chart.signals, name)[row].tolist() == getattr(alone.signals, name).tolist()


@pytest.mark.parametrize(("share", "size"), [(0.99, 50), (0.995, 50), (0.998, 50), (0.998, 200)])
@pytest.mark.parametrize("points", [5, 8, 12])
def test_rare_failures_are_no_signal_beyond_the_stated_rate(share: float, size: int, points: int) -> None:
    """Three quarters without a failure do not prove that there is none: the first later was a signal in one of nine series."""
    rng = np.random.default_rng(points)
    hits = rng.binomial(size, share, (4000, points)).astype(float)
    baseline = points - 2
    multiples = Multiples.for_new_points(baseline, 0.02, 0.14)
    found = p_chart(hits, np.full(hits.shape, size), baseline, overdispersed=True, multiples=multiples)
    # Two in a hundred, and three standard errors of 4,000 series.
    assert found.signals.beyond_limits[:, -1].mean() <= 0.02 + 3 * np.sqrt(0.02 * 0.98 / 4000)
    assert (found.sigma > 0).all()
    # A fall to four fifths of it is still seen in at least four of five.
    hits[:, -1] = rng.binomial(size, 0.8 * share, 4000)
    fallen = p_chart(hits, np.full(hits.shape, size), baseline, overdispersed=True, multiples=multiples)
    assert points < 8 or fallen.signals.beyond_limits[:, -1].mean() > 0.8
