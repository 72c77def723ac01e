"""Scores beside their peers': published and independently computed vectors, and edges by hand.

Belongs here: `methodology.peers`. Does not belong here: who is a peer (`tests/dbt`).
"""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from methodology.peers import band, expected_range, overdispersion, percentile_rank, quartiles

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "cases"
# Ten units, computed apart from this code in R after Spiegelhalter 2005 (CQC expected range).
SCORES = [82, 79.5, 85, 76, 88, 80.5, 83.2, 71, 84.1, 81]
ERRORS = [1.2, 0.8, 1.5, 1, 2.5, 0.6, 0.9, 1.4, 3, 0.7]
Z = [0.3175, -0.5237, 1.2464, -1.6864, 1.8532, -0.1845, 0.7354, -3.1948, 0.7469, -0.0104]


def test_expected_range_vector() -> None:
    found = expected_range(SCORES, ERRORS)
    assert found.target == pytest.approx(81.03)
    assert found.winsor_limits == pytest.approx((-5.2434, 2.6608), abs=5e-5)
    assert found.phi == pytest.approx(7.8833, abs=5e-5)
    assert found.tau2 == pytest.approx(7.896, abs=5e-4)
    assert list(found.z) == pytest.approx(Z, abs=5e-5)


def test_bands_of_the_vector() -> None:
    # Only the eighth unit lies beyond a limit, and beyond both: |z| = 3.19 > 3.09.
    assert list(band(Z)) == [0, 0, 0, 0, 0, 0, 0, -2, 0, 0]
    assert list(band(Z, polarity=-1)) == [0, 0, 0, 0, 0, 0, 0, 2, 0, 0]


def test_bands_at_the_limits() -> None:
    # A z of exactly 1.959964 or 3.090232 is not yet beyond its limit.
    assert list(band([1.959964, 1.959965, 3.090232, 3.090233, -1.959965, -3.090233, 0.0])) == [0, 1, 1, 2, -1, -2, 0]


def _root_ratio(row: dict[str, str]) -> tuple[float, float]:
    expected = float(row["expected_los"])
    return np.sqrt(float(row["observed_los"]) / expected) - 1, 1 / (2 * np.sqrt(expected))


def _arcsine(target: float) -> Callable[[dict[str, str]], tuple[float, float]]:
    def one(row: dict[str, str]) -> tuple[float, float]:
        n = float(row["n"])
        return np.arcsin(np.sqrt(float(row["deaths"]) / n)) - np.arcsin(np.sqrt(target)), 1 / (2 * np.sqrt(n))

    return one


@pytest.mark.parametrize(
    ("group", "share"), [("SR_CQC_wins10", 0.1), ("PR_wins10", 0.1), ("PR_wins05", 0.05), ("SR_SHMI_trim10", 0.1)]
)
def test_overdispersion_against_reference_case(group: str, share: float) -> None:
    folder = CASES / "13_funnel_overdispersion"
    if not folder.is_dir():
        pytest.skip("reference case 13 (funnel, overdispersion) is not beside the repository")
    if group.startswith("SR_SHMI"):
        pytest.skip("truncation by rank (SHMI) is not offered by methodology; winsorising is")
    with (folder / "input.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with (folder / "expected.csv").open(encoding="utf-8", newline="") as stream:
        expected = {
            (row["group"].partition("|")[2], row["metric"]): row
            for row in csv.DictReader(stream)
            if row["group"].split("|")[0] == group
        }
    deaths = sum(float(row["deaths"]) for row in rows) / sum(float(row["n"]) for row in rows)
    transform = _root_ratio if group.startswith("SR") else _arcsine(deaths)
    rows.sort(key=lambda row: row["provider"])
    distance, error = np.array([transform(row) for row in rows]).T
    z = distance / error
    found = overdispersion(z, error, share)
    _assert_near(found.phi, expected["", "phi"])
    _assert_near(found.tau2, expected["", "tau2"])
    winsorised = np.clip(z, *found.winsor_limits)
    for row, own, cut in zip(rows, z, winsorised, strict=True):
        _assert_near(float(own), expected[row["provider"], "Uzscore"])
        _assert_near(float(cut), expected[row["provider"], "Wuzscore"])


def _assert_near(found: float, expected: dict[str, str]) -> None:
    value = float(expected["value"])
    assert found == pytest.approx(value, rel=float(expected["rtol"]), abs=float(expected["atol"])), expected


def test_no_overdispersion_leaves_the_errors_alone() -> None:
    # Units one standard error apart, and less: I phi is below I - 1, so tau^2 is 0 and z the plain distance.
    found = expected_range([49, 50, 51, 50], [2, 2, 2, 2])
    assert found.tau2 == 0
    assert list(found.z) == pytest.approx([-0.5, 0, 0.5, 0])


def test_equal_scores_have_no_spread() -> None:
    found = expected_range([70, 70, 70], [1, 2, 3])
    assert (found.phi, found.tau2) == (0, 0)
    assert list(found.z) == [0, 0, 0]


@pytest.mark.parametrize(
    ("scores", "errors", "message"),
    [
        ([80], [1], "two units"),
        ([], [], "two units"),
        ([80, 81], [1, 0], "positive"),
        ([80, float("nan")], [1, 1], "finite"),
        ([80, 81], [1, float("nan")], "positive"),
    ],
)
def test_units_that_cannot_be_placed(scores: list[float], errors: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expected_range(scores, errors)


def test_percentile_and_quartiles_by_hand() -> None:
    # Two of five below, one equal: (2 + 3) / 2 of 5, the mean of the two readings of a tie.
    assert percentile_rank(70, [50, 60, 70, 80, 90]) == pytest.approx(50)
    assert percentile_rank(90, [50, 60, 70, 80, 90]) == pytest.approx(90)
    assert percentile_rank(70, [70, 70]) == pytest.approx(50)
    # Type 7 on 1..4: positions 1.75, 2.5, 3.25.
    assert quartiles([4, 1, 3, 2]) == pytest.approx((1.75, 2.5, 3.25))
