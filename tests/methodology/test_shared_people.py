"""Figures of the same people: correlations against designs row by row and by hand, and what differences make of them.

Belongs here: `methodology.shared_people`, totals of panels, freedom of a difference. Does not belong here:
coverage (`tests/simulation/test_people.py`), who is the same (`dbt/models/**/_unit_tests_people.yml`).
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from methodology.change import difference
from methodology.panels import total_correlations
from methodology.sampling import sample_design
from methodology.shared_people import COLUMNS, PAIR, correlation_matrices, correlations, error_roots
from methodology.survey_estimates import survey_mean

FIRST = {"unit_type": "agency", "unit_id": "a", "metric_id": "m", "period_id": "2026Q2", "instrument_id": "i"}
FIVE_OF_SIX = {"branches": 6, "shared": 5}
OTHER = {"other_metric_id": "m", "other_period_id": "2026Q1", "other_instrument_id": "i"}


def _pair(rows: pd.DataFrame, by: str, level: str = "person", **other: Any) -> dict[str, Any]:
    """What the warehouse counts of answers `y` at `time` 1 and 0 of whoever the column `by` names."""
    now, then = (rows[rows["time"] == time] for time in (1, 0))
    sums = [part.groupby(by)["y"].agg(["size", "sum"]) for part in (now, then)]
    both = sums[0].add_suffix("_now").join(sums[1].add_suffix("_then"), how="inner")
    n, y, n_then, y_then = (both[f"{kind}_{time}"] for time in ("now", "then") for kind in ("size", "sum"))
    products = {
        "n_n": (n * n_then).sum(),
        "n_y": (n * y_then).sum(),
        "y_n": (y * n_then).sum(),
        "y_y": (y * y_then).sum(),
    }
    figures = {"n": len(now), "score": now["y"].mean(), "other_n": len(then), "other_score": then["y"].mean()}
    drawn = {"branch_share": None, "other_share": None, "branches": len(sums[1]), "shared": len(both), "level": level}
    return {**FIRST, **OTHER, **drawn, **products, **figures, **other}


def _design_covariance(rows: pd.DataFrame, by: str) -> np.ndarray:
    """Covariance of both means, answers of one cluster drawn together."""
    design = sample_design(np.ones(len(rows)), clusters=pd.factorize(rows[by])[0])
    times = np.column_stack([rows["time"] == 1, rows["time"] == 0])
    y = np.column_stack([rows["y"], rows["y"]])
    return np.asarray(survey_mean(design, y, times).covariance)


def _panel() -> pd.DataFrame:
    """70 persons before and 60 after, 40 of them the same, of one to three answers."""
    rng = np.random.default_rng(8)
    level = rng.normal(60, 15, 90)
    rows = [
        {"person": f"p{person:02d}", "time": time, "y": float(np.clip(level[person] + rng.normal(0, 10), 0, 100))}
        for time, persons in ((0, range(70)), (1, range(30, 90)))
        for person in persons
        for _ in range(rng.integers(1, 4))
    ]
    return pd.DataFrame(rows)


def test_persons_of_two_periods_equal_the_design_row_by_row() -> None:
    rows = _panel()
    expected = _design_covariance(rows, "person")
    error = np.sqrt(np.diag(expected))
    found = correlations(pd.DataFrame([_pair(rows, "person", standard_error=error[0], other_standard_error=error[1])]))
    assert list(found.columns) == list(COLUMNS)
    # The design divides by 90 - 1 persons where the sum of products has 90.
    assert found["correlation"].tolist() == pytest.approx([expected[0, 1] / error[0] / error[1] * 89 / 90], rel=1e-9)
    assert 0.2 < found["correlation"][0] < 0.9


def test_branches_drawn_twice_equal_the_design_row_by_row() -> None:
    rng = np.random.default_rng(9)
    branch, time = np.repeat(np.arange(8), 50), np.tile([0, 1], 200)
    effect = rng.normal(0, 12, 8)
    rows = pd.DataFrame({"branch": branch, "time": time, "y": 60 + effect[branch] + rng.normal(0, 20, 400)})
    expected = _design_covariance(rows, "branch")
    error = np.sqrt(np.diag(expected))
    of_many = {"branch_share": 1e-9, "other_share": 1e-9, "standard_error": error[0], "other_standard_error": error[1]}
    found = correlations(pd.DataFrame([_pair(rows, "branch", "branch", **of_many)]))
    assert found["correlation"].tolist() == pytest.approx([expected[0, 1] / error[0] / error[1]], rel=1e-6)


def test_factors_of_levels_by_hand() -> None:
    # z z' sums to 8 in each row, n = n' = 2 and both errors are 2: 8 / 4 / 4 = 0.5 with a factor of one.
    base = {
        **FIRST,
        **OTHER,
        "n_n": 0,
        "n_y": 0,
        "y_n": 0,
        "y_y": 8,
        "n": 2,
        "other_n": 2,
        "score": 0,
        "other_score": 0,
    }
    base |= {
        "standard_error": 2,
        "other_standard_error": 2,
        "branches": 3,
        "shared": 2,
        "branch_share": None,
        "other_share": None,
    }
    rows = [
        {**base, "unit_id": "person", "level": "person"},
        # Persons in branches of which 1/4 and 1/9 were drawn: sqrt(1/36) = 1/6.
        {**base, "unit_id": "within", "level": "person_in_branch", "branch_share": 0.25, "other_share": 1 / 9},
        # Five of six branches shared, 0.2 drawn: 5/4 (1 - 0.2 x 6/5) = 0.95, and both levels of a unit add up.
        {**base, "unit_id": "branch", "level": "branch", "branch_share": 0.2, "other_share": 0.3, "y_y": 4}
        | FIVE_OF_SIX,
        {**base, "unit_id": "branch", "level": "person", "y_y": 1},
        # Four shared branches tell too little of how branches move together.
        {**base, "unit_id": "lonely", "level": "branch", "branch_share": 0.2, "shared": 4},
        # Equal answers have no error to be correlated; nothing is correlated beyond one.
        {**base, "unit_id": "equal", "level": "person", "standard_error": 0},
        {**base, "unit_id": "most", "level": "person", "y_y": 80},
    ]
    found = correlations(pd.DataFrame(rows).sample(frac=1, random_state=1)).set_index("unit_id")["correlation"]
    expected = {"person": 0.5, "within": 0.5 / 6, "branch": 0.25 * 0.95 + 1 / 16, "lonely": 0, "equal": 0, "most": 1}
    assert found.to_dict() == pytest.approx(expected)


def test_matrices_and_roots() -> None:
    scores = pd.DataFrame(
        {"agency_id": ["a", "a", "b"], "metric_id": ["x", "y", "x"], "instrument_id": ["i", "j", "i"]}
    )
    pair = {**FIRST, **OTHER, "metric_id": "x", "other_metric_id": "y", "other_instrument_id": "j", "correlation": 0.6}
    other_instrument = {**pair, "instrument_id": "k", "correlation": 0.9}
    people = pd.DataFrame([pair, other_instrument])[[*PAIR, "correlation"]]
    found = correlation_matrices(people, scores, ["a", "b"], ["y", "x"])
    assert found.tolist() == [[[1, 0.6], [0.6, 1]], [[1, 0], [0, 1]]]
    roots = error_roots(np.array([[2.0, 3.0], [np.nan, 5.0]]), found)
    covariance = np.einsum("uij,ukj->uik", roots, roots)
    assert covariance == pytest.approx(np.array([[[4, 3.6], [3.6, 9]], [[0, 0], [0, 25]]]))
    # Pairs that do not fit together (-1 + .5 + .5 under the root) leave errors as they are.
    odd = np.array([[[1.0, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]])
    roots = error_roots(np.ones((1, 3)), odd)
    assert np.einsum("uij,uij->ui", roots, roots) == pytest.approx(np.ones((1, 3)))


def test_a_difference_by_hand() -> None:
    # 3 and 4 apart: 5; of the same people, r = .5: sqrt(9 + 16 - 12) = sqrt(13).
    _, error, low, high = difference([60.0, 60.0], [70.0, 70.0], [3.0, 3.0], [4.0, 4.0], [0.0, 0.5])
    assert error == pytest.approx([5, np.sqrt(13)])
    assert (high - low) / error / 2 == pytest.approx(np.full(2, 1.959964), rel=1e-6)
    # Satterthwaite: 625 / (81/2 + 256/4) = 5.9809; with shared people the smaller, 2: t = 4.3027. Unknown is infinite.
    freedom = ([2.0, 2.0, np.nan], [4.0, 4.0, np.nan])
    _, error, low, high = difference(
        np.zeros(3), np.zeros(3), np.full(3, 3.0), np.full(3, 4.0), [0, 0.5, 0], 0.95, freedom
    )
    expected = [stats.t.ppf(0.975, 625 / (81 / 2 + 256 / 4)), 4.302653, 1.959964]
    assert high / error == pytest.approx(expected, rel=1e-6)


def test_totals_of_the_same_members_by_hand() -> None:
    # Two members of weight 1 and 3 and errors 2 and 1, the first's people the same (r = .5), before and after: covariance
    # .5 x 2 x 2 = 2 of sums whose variance is 4 + 9 = 13 in both quarters.
    member = {
        "panel_type": "national",
        "panel_id": "all",
        "metric_id": "m",
        "instrument_id": "i",
        "score_kind": "pooled",
    }
    members = pd.DataFrame(
        [
            {
                **member,
                "unit_id": unit,
                "quarter": quarter,
                "weight": weight,
                "standard_error": error,
                "correlation": r * quarter,
                "year_correlation": 0.0,
            }
            for quarter in (0, 1)
            for unit, weight, error, r in (("a", 1.0, 2.0, 0.5), ("b", 3.0, 1.0, 0.0))
        ]
    )
    total = pd.DataFrame(
        [{**member, "quarter": quarter, "weight": 4.0, "standard_error": np.sqrt(13) / 4} for quarter in (0, 1)]
    )
    total = total.rename(columns={"panel_type": "unit_type", "panel_id": "unit_id"})
    found = total_correlations(total, members)
    assert found["correlation"].tolist() == pytest.approx([0, 2 / 13])
