"""Importance of drivers: published LMG shares, what follows by hand, and the table from sums over pairs.

Belongs here: `methodology.relative_importance` and `methodology.drivers`. Does not belong here: the cells of pairs (their dbt
unit test).
"""

import numpy as np
import pandas as pd
import pytest

from methodology.drivers import drivers
from methodology.relative_importance import importance_shares, r_squared_parts, share_intervals

# R's data set swiss (correlations of Fertility, Agriculture, Examination, Education, Catholic, Infant.Mortality) and the LMG
# shares printed for it by R relaimpo (Gromping 2006, J. Stat. Software 17); the same from base R's lm over all 120 orders.
SWISS = np.array(
    [
        [1, 0.35307918362, -0.645882706457, -0.663788857035, 0.463684700652, 0.416556031435],
        [0.35307918362, 1, -0.686542208617, -0.639522518948, 0.401095053049, -0.060858608417],
        [-0.645882706457, -0.686542208617, 1, 0.698415296288, -0.572741806064, -0.114021596482],
        [-0.663788857035, -0.639522518948, 0.698415296288, 1, -0.153858917091, -0.099321845821],
        [0.463684700652, 0.401095053049, -0.572741806064, -0.153858917091, 1, 0.175495907597],
        [0.416556031435, -0.060858608417, -0.114021596482, -0.099321845821, 0.175495907597, 1],
    ]
)
SWISS_LMG = [0.05709122, 0.17117303, 0.26013468, 0.10557015, 0.11276592]
LEVELS = np.array([0.0, 25, 50, 75, 100])
THRESHOLDS = {"minimum_n": 30.0, "interval_level": 0.95, "monte_carlo_seed": 1.0, "driver_draws": 400.0}
METRICS = pd.DataFrame(
    {
        "metric_id": ["overall", "met", "fast", "easy", "kind", "top"],
        "feed": "survey_responses",
        "estimator": ["mean", "mean", "mean", "mean", "mean", "proportion"],
        "stage": "",
        "measure_id": ["overall.mean", "met.mean", "fast.mean", "easy.mean", "kind.mean", "overall.top_box"],
    }
)
ROLES = pd.DataFrame({"role": ["satisfaction", "expectation"], "metric_id": ["overall", "met"]})


def test_published_shares() -> None:
    parts = r_squared_parts(SWISS)
    assert parts == pytest.approx(SWISS_LMG, abs=5e-9)
    assert parts.sum() == pytest.approx(0.706735, abs=5e-7)
    # Units do not matter: covariances give the same.
    assert r_squared_parts(SWISS * np.outer([2, 3, 1, 5, 1, 7], [2, 3, 1, 5, 1, 7])) == pytest.approx(parts)


def test_two_drivers_by_hand() -> None:
    # r = .6 and .5, drivers correlated .4: R^2 = (.36 + .25 - 2 x .6 x .5 x .4) / (1 - .16) = .37/.84; the first alone explains
    # .36, after the second .37/.84 - .25; its part is the mean of both.
    both = 0.37 / 0.84
    parts = r_squared_parts([[1, 0.6, 0.5], [0.6, 1, 0.4], [0.5, 0.4, 1]])
    assert parts == pytest.approx([(0.36 + both - 0.25) / 2, (0.25 + both - 0.36) / 2])


def test_drivers_apart_have_their_squared_correlations_and_twins_share_alike() -> None:
    assert r_squared_parts([[1, 0.6, 0.3], [0.6, 1, 0], [0.3, 0, 1]]) == pytest.approx([0.36, 0.09])
    shares = importance_shares(r_squared_parts([[1, 0.5, 0.5], [0.5, 1, 0.99], [0.5, 0.99, 1]]))
    assert shares == pytest.approx([0.5, 0.5])


def people(rng: np.random.Generator, n: int, worlds: int = 1) -> np.ndarray:
    """Answers on five points (worlds, n, 4) to overall, easy, fast and kind."""
    person = rng.standard_normal((worlds, n, 1))
    items = 0.8 * person + 0.6 * rng.standard_normal((worlds, n, 3))
    overall = items @ [0.6, 0.3, 0.1] + 0.5 * rng.standard_normal((worlds, n))
    return LEVELS[np.searchsorted([-1.5, -0.8, 0, 0.9], np.concatenate([overall[..., None], items], axis=2))]


def test_limits_hold_the_true_shares_of_answers_on_five_points() -> None:
    rng = np.random.default_rng(5)
    truth = importance_shares(r_squared_parts(np.corrcoef(people(rng, 1_000_000)[0].T)))
    held = []
    for world in people(rng, 150, 1_000):
        low, high = share_intervals(np.corrcoef(world.T), 150, rng, 300)
        held.append((low <= truth) & (truth <= high))
    # Answers on five points are not normal: 93 to 95 % are claimed; a thousand worlds leave less than a point to chance.
    assert 0.92 < np.mean(held) < 0.96


def pairs_of(answers: np.ndarray, items: list[str], agency: str = "a") -> pd.DataFrame:
    rows = []
    for i, one in enumerate(items):
        for j, other in enumerate(items):
            if one < other:
                x, y = answers[:, i], answers[:, j]
                sums = (len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y)
                rows.append((agency, "2025Q4", one, "s", other, "s", *sums))
    names = ["agency_id", "period_id", "item", "instrument_id", "other_item", "other_instrument_id"]
    return pd.DataFrame(rows, columns=[*names, "n", "sum_x", "sum_y", "sum_xx", "sum_yy", "sum_xy"])


def table(pairs: pd.DataFrame) -> pd.DataFrame:
    key = {"agency_id": "a", "period_id": "2025Q4", "instrument_id": "s"}
    scores = pd.DataFrame(
        [{**key, "metric_id": "fast", "unit_type": "agency", "status": "reported", "score": 61.0, "n": 200}]
    )
    distance = {"benchmark_distance": -7.0, "benchmark_low": -9.0, "benchmark_high": -5.0}
    positions = pd.DataFrame([{**key, "metric_id": "fast", **distance}])
    return drivers(pairs, scores, positions, metrics=METRICS, roles=ROLES, thresholds=THRESHOLDS)


def test_the_table_is_what_the_people_give() -> None:
    answers = people(np.random.default_rng(7), 200)[0]
    items = ["overall", "easy", "fast", "kind"]
    # Overall met expectations: the outcome in other words, and no driver of it.
    pairs = pairs_of(np.column_stack([answers, answers[:, 0]]), [*items, "met"])
    made = table(pairs).set_index("driver_metric_id")
    parts = r_squared_parts(np.corrcoef(answers.T))
    assert made.index.tolist() == ["easy", "fast", "kind"]
    assert made["importance"].to_numpy() == pytest.approx(importance_shares(parts))
    assert made["r_squared"].to_numpy() == pytest.approx(parts.sum()) and (made["n"] == 200).all()
    assert (made["importance_low"] < made["importance"]).all() and (made["importance"] < made["importance_high"]).all()
    assert made.loc["fast", ["score", "benchmark_distance"]].tolist() == [61, -7] and np.isnan(
        made.loc["easy", "score"]
    )
    split = pd.concat([pairs_of(answers[:50], items), pairs_of(answers[50:], items)]).iloc[::-1]
    pd.testing.assert_frame_equal(table(split), table(pairs_of(answers, items)))


def test_why_there_is_no_importance() -> None:
    answers = people(np.random.default_rng(7), 200)[0]
    items = ["overall", "easy", "fast", "kind"]
    assert table(pairs_of(answers[:29], items))["own_reason"].tolist() == ["n_below_minimum"]
    assert table(pairs_of(answers[:, :2], items[:2]))["own_reason"].tolist() == ["too_few_items"]
    twins = np.column_stack([answers[:, :2], answers[:, 1]])
    assert table(pairs_of(twins, items[:3]))["own_reason"].tolist() == ["drivers_do_not_vary"]
    assert table(pairs_of(answers[:, 1:], items[1:])).empty


def test_answers_all_alike_are_not_too_few() -> None:
    """200 people who all say 75 of the outcome; and two items that vary, but not among those who answered both."""
    answers = people(np.random.default_rng(7), 200)[0]
    items = ["overall", "easy", "fast"]
    content = np.column_stack([np.full(200, 75.0), answers[:, 1:3]])
    assert table(pairs_of(content, items))["own_reason"].tolist() == ["drivers_do_not_vary"]
    pairs = pairs_of(answers[:, :3], items)
    apart = (pairs["item"] == "easy") & (pairs["other_item"] == "fast")
    pairs.loc[apart, ["n", "sum_x", "sum_xx", "sum_xy"]] = [40, 2000, 100_000, 50 * pairs.loc[apart, "sum_y"].iloc[0]]
    assert table(pairs)["own_reason"].tolist() == ["drivers_do_not_vary"]
