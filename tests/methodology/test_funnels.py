"""Funnel scales and limits: figures published with other software, and edges by hand.

Belongs here: `methodology.funnels`. Does not belong here: overdispersion and bands (`test_peers.py`).
"""

import csv
from pathlib import Path

import numpy as np
import pytest

from methodology.funnels import arcsine_proportion, log_rate, log_ratio, poisson_limits, root_ratio
from methodology.limits import ACTION_Z, WARNING_Z
from methodology.peers import overdispersion

CASE = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "cases" / "13_funnel_overdispersion"


def test_exact_poisson_limits_as_published() -> None:
    # The tests of FunnelPlotR: target 1, expected 15, 20, 30.
    low, high = poisson_limits([15, 20, 30])
    assert list(low) == pytest.approx([0.5596924, 0.6108260, 0.6746958], abs=5e-8)
    assert list(high) == pytest.approx([1.649348, 1.544419, 1.427562], abs=5e-7)
    low, high = poisson_limits([15, 20, 30], 0.998)
    assert list(low) == pytest.approx([0.3862650, 0.4479107, 0.5289724], abs=5e-8)
    assert list(high) == pytest.approx([2.082907, 1.902094, 1.702771], abs=5e-7)


def test_root_limits_come_back_squared() -> None:
    # E = 25: s = 1/10, so 1 +- 1.959964/10 squared; the z of 36 seen is (6/5 - 1) / (1/10) = 2.
    funnel = root_ratio([36, 16], [25, 25])
    assert list(funnel.z) == pytest.approx([2, -2])
    low, high = funnel.limits(WARNING_Z)
    assert low[0] == pytest.approx(0.8040036**2)
    assert high[0] == pytest.approx(1.1959964**2)
    # Below the end of the scale a limit stays at 0, where squaring alone would reflect it: E = 1, z = 3.09 / 2.
    assert root_ratio([1], [1]).limits(ACTION_Z)[0][0] == 0


def test_log_scales_by_hand() -> None:
    funnel = log_ratio([0, 8], [4, 4])
    assert list(funnel.z) == pytest.approx([-np.inf, 2 * np.log(2)])
    assert funnel.limits(2, tau2=0)[1][1] == pytest.approx(np.exp(1))
    assert funnel.limits(2, tau2=0.75)[1][1] == pytest.approx(np.exp(2))
    rate = log_rate([0, 3], [10, 20])
    assert rate.target == pytest.approx(np.log(0.1))
    assert list(rate.score) == pytest.approx([np.log(0.5 / 10.5), np.log(3.5 / 20.5)])
    assert rate.error[1] == pytest.approx(np.sqrt(3 / 3.5**2 + 20 / 20.5**2))


def test_angular_limits_stop_at_the_ends_of_the_scale() -> None:
    # n = 1 at a target of one half: pi/4 -+ 1.96/2 leaves [0, pi/2] on both sides.
    low, high = arcsine_proportion([1, 0], [1, 1]).limits(WARNING_Z)
    assert (list(low), list(high)) == ([0, 0], [1, 1])


def test_angular_limits_inside_the_scale_against_reference_case() -> None:
    if not CASE.is_dir():
        pytest.skip("reference case 13 (funnel, overdispersion) is not beside the repository")
    with (CASE / "input.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with (CASE / "expected.csv").open(encoding="utf-8", newline="") as stream:
        expected = {(row["group"], row["metric"]): float(row["value"] or "nan") for row in csv.DictReader(stream)}
    funnel = arcsine_proportion([float(row["deaths"]) for row in rows], [float(row["n"]) for row in rows])
    compared = 0
    for group, share in (("PR_wins10", 0.1), ("PR_wins05", 0.05)):
        tau2 = overdispersion(funnel.z, funnel.error, share).tau2
        for z, digits in ((WARNING_Z, "95"), (ACTION_Z, "99")):
            for added, names in ((0, (f"LCL{digits}", f"UCL{digits}")), (tau2, (f"OD{digits}LCL", f"OD{digits}UCL"))):
                angles, limits = funnel.transformed_limits(z, added), funnel.limits(z, added)
                for name, angle, limit in zip(names, angles, limits, strict=True):
                    for position, row in enumerate(rows):
                        if 0 <= angle[position] <= np.pi / 2:
                            value = expected[f"{group}|{row['provider']}", name]
                            assert limit[position] == pytest.approx(value, rel=1e-8, abs=1e-10), (group, row, name)
                            compared += 1
    assert compared > 600


@pytest.mark.parametrize(
    ("numerator", "denominator", "message"),
    [
        ([-1], [1], "not negative"),
        ([1], [0], "positive"),
        ([1, 2], [1], "one length"),
        ([np.nan], [-1], "negative; denom"),
    ],
)
def test_bad_counts_are_refused(numerator: list[float], denominator: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        log_ratio(numerator, denominator)


def test_impossible_shares_and_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="more successes"):
        arcsine_proportion([3], [2])
    with pytest.raises(ValueError, match="no unit has an event"):
        log_rate([0, 0], [5, 6])
    with pytest.raises(ValueError, match="expected counts"):
        poisson_limits([0, 1])
