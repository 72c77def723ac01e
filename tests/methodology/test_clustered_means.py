"""Means of answers drawn in bunches: from totals of primary sampling units against designs row by row, and by hand.

Belongs here: `methodology.clusters`, and what `methodology.scores` makes of it. Does not belong here: weighted means
(`test_item_means`), coverage (`tests/simulation/test_clusters.py`).
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from methodology.clusters import degrees_of_freedom, freedom_between, share_size
from methodology.estimates import SPARE_ANSWERS
from methodology.sampling import sample_design, two_stage_design
from methodology.scores import COLUMNS, KEY, scores
from methodology.service_figures import COLUMNS as FIGURES
from methodology.survey_estimates import survey_covariance, survey_mean

NO_WEIGHTS = pd.DataFrame({"model_id": [], "dimension": [], "weight": []})
NO_FIGURES = pd.DataFrame(columns=list(FIGURES))
NO_METRICS = pd.DataFrame(columns=["metric_id", "measure_id", "estimator"])
UNIT = {"unit_type": "agency", "agency_id": "a", "metric_id": "m", "period_id": "2026Q1", "instrument_id": "i"}
CLUSTER_COLUMNS = [*KEY, "psu", "person", "branch_share", "n", "sum_x", "sum_x2"]


def _statistics(y: np.ndarray, unit: str = "u", estimator: str = "mean") -> pd.DataFrame:
    own = {
        "unit_id": unit,
        "estimator": estimator,
        "part": "",
        "scale_range": 100,
        "slice_ids": "",
        "reported_mean": np.nan,
    }
    sums = {"n": y.size, "n_at_least": y.size, "numerator": y.sum() / 100, "sum_x": y.sum(), "sum_x2": (y**2).sum()}
    return pd.DataFrame([{**UNIT, **own, **sums}])


def _clusters(rows: pd.DataFrame, unit: str = "u") -> pd.DataFrame:
    """Sums of the rows that have a `psu`, by it and the person."""
    drawn = rows[rows["psu"].notna()].assign(n=1, sum_x=rows["y"], sum_x2=rows["y"] ** 2)
    sums = drawn.groupby(["psu", "person", "branch_share"], dropna=False)[["n", "sum_x", "sum_x2"]].sum().reset_index()
    return sums.assign(**UNIT, unit_id=unit)[CLUSTER_COLUMNS]


def _scored(statistics: pd.DataFrame, clusters: pd.DataFrame) -> pd.Series:
    made = scores(statistics, clusters, NO_FIGURES, metrics=NO_METRICS, dimension_weights=NO_WEIGHTS, level=0.95)
    assert list(made.columns) and set(made.columns) == set(COLUMNS)
    return made.iloc[0]


def _mixed() -> pd.DataFrame:
    """120 answers: thirty persons of one to five, the others alone."""
    rng = np.random.default_rng(5)
    person = rng.integers(0, 30, 120).astype(object)
    person[70:] = None
    rows = pd.DataFrame({"person": person, "y": rng.integers(0, 5, 120) * 25.0, "branch_share": 0.0})
    return rows.assign(psu=rows["person"])


def test_persons_and_single_answers_equal_the_design_row_by_row() -> None:
    rows = _mixed()
    label = rows["psu"].where(rows["psu"].notna(), -1 - np.arange(len(rows))).to_numpy(int)
    design = sample_design(np.ones(len(rows)), clusters=label)
    y = rows["y"].to_numpy()
    expected = survey_mean(design, y)
    found = _scored(_statistics(y), _clusters(rows))
    assert found["score"] == pytest.approx(expected.value[0], rel=1e-12)
    assert found["standard_error"] == pytest.approx(expected.error[0], rel=1e-9)
    spread = survey_covariance(sample_design(np.ones(len(rows))), y, y).value[0]
    assert found["design_effect"] == pytest.approx(expected.covariance[0, 0] / (spread / y.size), rel=1e-9)
    assert found["n_effective"] == pytest.approx(y.size / found["design_effect"], rel=1e-12)
    assert found["respondents"] == 50 + rows["person"].nunique()
    assert 30 < found["degrees_of_freedom"] < design.degrees_of_freedom


@pytest.mark.parametrize("registered", [12, 40])
def test_branches_drawn_of_so_many_equal_two_stages_row_by_row(registered: int) -> None:
    rng = np.random.default_rng(6)
    branch = rng.integers(0, 10, 200)
    person = np.where(rng.random(200) < 0.5, 1000 + branch * 10 + rng.integers(0, 6, 200), -1)
    y = np.clip(50 + 10 * rng.standard_normal(10)[branch] + 20 * rng.standard_normal(200), 0, 100).round()
    rows = pd.DataFrame(
        {"y": y, "psu": branch, "person": pd.Series(person).where(person >= 0), "branch_share": 10 / registered}
    )
    alone = np.where(person >= 0, person, -1 - np.arange(200))
    design = two_stage_design(np.ones(200), branch, alone, populations=(np.full(200, registered), None))
    found = _scored(_statistics(y), _clusters(rows))
    assert found["standard_error"] == pytest.approx(survey_mean(design, y).error[0], rel=1e-9)
    assert found["respondents"] == np.unique(alone).size
    # The branches' own, fewer than nine because they are of unequal size, and many of the persons' within.
    size = np.bincount(branch)
    assert found["degrees_of_freedom"] > _freedom_by_matrices(size / size.sum())
    assert found["branches_drawn"] == 10


def _freedom_by_matrices(share: np.ndarray) -> float:
    """tr(A)^2 / tr(A^2) of A = M'DM with M = I - 1h' and D = diag h^2, written out."""
    m = np.eye(share.size) - np.ones((share.size, 1)) * share
    a = m.T @ np.diag(share**2) @ m
    return float(np.trace(a) ** 2 / np.trace(a @ a))


def test_freedom_between_branches_is_that_of_the_quadratic_form() -> None:
    share = np.array([0.1, 0.2, 0.7, 0.25, 0.25, 0.25, 0.25])
    unit = np.array([0, 0, 0, 1, 1, 1, 1])
    found = freedom_between(share[:, None], unit, np.array([[0.54], [0.25]])).ravel()
    assert found == pytest.approx([_freedom_by_matrices(share[:3]), 3], rel=1e-12)
    # Two branches leave one degree of freedom, whatever their sizes.
    assert freedom_between(np.array([[0.1], [0.9]]), np.zeros(2, int), np.array([[0.82]])) == pytest.approx(1)


def test_branches_that_agree_by_chance_are_no_more_certain_than_single_answers() -> None:
    """Two of very many branches, 100 and 101 of 200 satisfied: single answers have an error of sqrt(10^4 p (1 - p)/399).

    One degree of freedom instead of 399 takes t(399)/t(1) = 1.96593/12.70620 off it.
    """
    y = np.concatenate([np.repeat([0.0, 100.0], [100, 100]), np.repeat([0.0, 100.0], [99, 101])])
    rows = pd.DataFrame({"y": y, "psu": np.repeat([0, 1], 200), "person": None, "branch_share": 1e-9})
    found = _scored(_statistics(y), _clusters(rows))
    single = 100 * np.sqrt(201 / 400 * 199 / 400 / 399)
    assert found["standard_error"] == pytest.approx(single * 1.96593 / 12.70620, rel=1e-5)
    assert found["degrees_of_freedom"] == pytest.approx(1)
    # The interval is as wide as that of 400 single answers.
    assert found["ci_high"] - found["ci_low"] == pytest.approx(2 * 1.96593 * single, rel=0.01)


def test_slices_merged_are_slices_at_once_in_any_order() -> None:
    rows = _mixed()
    clusters, statistics = _clusters(rows), _statistics(rows["y"].to_numpy())
    # Persons of one slice are not those of another.
    parts = pd.concat([_clusters(rows[rows["person"].isin(range(start, start + 10))]) for start in (20, 0, 10)])
    assert len(parts) == len(clusters)
    whole = _scored(statistics, clusters)
    other = scores(
        pd.concat([_statistics(rows["y"].to_numpy()[:9], "v"), statistics]).iloc[::-1],
        parts.sample(frac=1, random_state=3),
        NO_FIGURES,
        metrics=NO_METRICS,
        dimension_weights=NO_WEIGHTS,
        level=0.95,
    )
    pd.testing.assert_series_equal(other.iloc[0], whole, check_names=False, check_exact=True)
    # A unit without bunches has what it would have alone.
    assert other.iloc[1][["design_effect", "n_effective", "respondents", "degrees_of_freedom"]].tolist() == [1, 9, 9, 8]


def test_two_persons_by_hand() -> None:
    # (0, 0) and (100, 100): mean 50, totals of y - 50: -100 and 100. V = 2/1 * 20000 / 16 = 2500; S^2/n = 3333.3/4.
    rows = pd.DataFrame(
        {"y": [0.0, 0, 100, 100], "psu": ["p", "p", "q", "q"], "person": ["p", "p", "q", "q"], "branch_share": 0.0}
    )
    found = _scored(_statistics(rows["y"].to_numpy()), _clusters(rows))
    assert (found["standard_error"], found["design_effect"]) == pytest.approx((50, 3))
    assert (found["respondents"], found["degrees_of_freedom"]) == (2, 1)
    # One degree of freedom says next to nothing, and the limits stay on the scale.
    assert 0 <= found["ci_low"] < 1 and 99 < found["ci_high"] <= 100
    share = _scored(_statistics(rows["y"].to_numpy(), estimator="proportion"), _clusters(rows))
    # Binomial error 25 times the root of three.
    assert (share["standard_error"], share["n_effective"]) == pytest.approx((25 * np.sqrt(3), 4 / 3))
    assert 0 <= share["ci_low"] < 10 and 90 < share["ci_high"] <= 100


def test_ten_branches_have_nine_degrees_of_freedom() -> None:
    rng = np.random.default_rng(7)
    y = (50 + 8 * rng.standard_normal((10, 1)) + 10 * rng.standard_normal((10, 40))).ravel()
    rows = pd.DataFrame({"y": y, "psu": np.repeat(np.arange(10), 40), "person": None, "branch_share": 1e-12})
    found = _scored(_statistics(y), _clusters(rows))
    assert found["degrees_of_freedom"] == pytest.approx(9, abs=1e-6)
    m, s, n = found["score"] / 100, found["standard_error"] / 100, found["n_effective"]
    far = n * min(m, 1 - m)
    kappa = (far * n * s**2 / (m * (1 - m)) + SPARE_ANSWERS) / (far + SPARE_ANSWERS)
    for limit in (found["ci_low"] / 100, found["ci_high"] / 100):
        assert (limit - m) ** 2 == pytest.approx(stats.t.ppf(0.975, 9) ** 2 * kappa * limit * (1 - limit) / n, rel=1e-6)


def test_equal_answers_of_a_bunch_count_once() -> None:
    rows = pd.DataFrame(
        {"y": 100.0, "psu": np.repeat(["p", "q", "r"], 4), "person": np.repeat(["p", "q", "r"], 4), "branch_share": 0.0}
    )
    found = _scored(_statistics(rows["y"].to_numpy()), _clusters(rows))
    assert (found["n_effective"], found["design_effect"], found["respondents"]) == (3, 4, 3)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((100 * 0.05 ** (1 / 3), 100))


def test_one_branch_of_many_has_no_error() -> None:
    rows = pd.DataFrame({"y": [0.0, 50, 100], "psu": "b", "person": None, "branch_share": 0.1})
    found = _scored(_statistics(rows["y"].to_numpy()), _clusters(rows))
    assert found["score"] == 50
    assert np.isnan(found[["standard_error", "ci_low", "ci_high", "n_effective", "design_effect"]].astype(float)).all()


def test_degrees_of_freedom_by_hand() -> None:
    # (3 + 1)^2 / (9/9 + 1/1) = 8; one part alone has its own.
    assert degrees_of_freedom([(3.0, 10.0), (1.0, 2.0)]) == pytest.approx(8)
    assert degrees_of_freedom([(3.0, 10.0), (0.0, 0.0)]) == pytest.approx(9)
    # t(9) instead of t(399) at 95 %: (1.96593 / 2.26216)^2 = 0.75525 of the answers.
    assert share_size(100, 400, 9, 0.95) == pytest.approx(75.525, abs=5e-3)
    assert share_size(400, 400, 399, 0.95) == pytest.approx(400, rel=1e-12)


@pytest.mark.parametrize("alone", [0, 1, 5])
def test_one_branch_says_nothing_of_branches_whoever_stands_beside_it(alone: int) -> None:
    """Its total mirrors the few others' by construction: their spread is none of the branches'.

    In worlds of branches correlated by .05 such intervals held 43 % with one answer beside the branch, and 61 % with five.
    """
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(
        {"y": rng.integers(0, 5, 30 + alone) * 25.0, "psu": None, "person": None, "branch_share": np.nan}
    )
    rows.loc[:29, ["psu", "branch_share"]] = ["b1", 0.025]
    made = _scored(_statistics(rows["y"].to_numpy()), _clusters(rows))
    assert made[["standard_error", "ci_low", "ci_high", "n_effective"]].isna().all()
    assert made["score"] == pytest.approx(rows["y"].mean())
