"""What makes survey scores comparable, recomputed from the lake row by row, and the statuses of what cannot be computed.

Belongs here: weights, weighted and adjusted scores, series, reliability and the gate, on a built workspace and on frames small
enough to work out by hand. Does not belong here: the formulas (`tests/methodology`), SQL models (their unit tests).
"""

import copy
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from methodology.adjusted_scores import UNIT, mix_effects, mode_effects, with_adjustments
from methodology.adjustment import CrossProducts, casemix_adjusted, mix_adjusted
from methodology.frame_weights import frame_weights
from methodology.linked_scores import COLUMNS as LINKS
from methodology.parameters import load_methodology
from methodology.sampling import sample_design
from methodology.survey_estimates import survey_mean
from methodology.weighted_scores import with_intervals
from methodology.weights import rake, trim_weights
from miyar.workspace import Workspace
from simulation import survey
from simulation.world import Size, draw_world, parameters
from tests.dbt.python_models import Dbt, run_model
from tests.dbt.trend_tables import trends_of

MARGINS = ["service_id", "channel", "region_id", "segment"]
THRESHOLDS = {
    "interval_level": 0.95,
    "minimum_peers": 5.0,
    "weight_cap": 5.0,
    "poststratum_minimum_n": 20.0,
    "unknown_share": 0.1,
    "minimum_covered_share": 0.7,
    "mode_share_change": 0.1,
    "mode_change_level": 0.99,
    "mode_share_minimum": 0.05,
    "minimum_reliability": 0.7,
    "left_out_share": 0.1,
    "benchmark_share": 0.1,
    "monte_carlo_seed": 1.0,
    "monte_carlo_draws": 500.0,
    "retest_correlation": 0.7,
}


def _run(name: str, **tables: pd.DataFrame) -> pd.DataFrame:
    parameters = pd.DataFrame({"name": list(THRESHOLDS), "value": list(THRESHOLDS.values())})
    return run_model(name, {"stg_methodology__thresholds": parameters, **tables})


@pytest.fixture(scope="module")
def warehouse(built_workspace: Workspace) -> Any:
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def answers(built_workspace: Workspace) -> pd.DataFrame:
    """Rows of the lake that count: one per person and question."""
    lake = built_workspace.lake
    return duckdb.sql(
        f"""select rows.*, scale_id || '/' || (scale_max - scale_min + 1) || '|' || wording_version as instrument_id,
            100 * (case when is_reversed then scale_max - value else value - scale_min end)::double
                / (scale_max - scale_min) as y
        from read_parquet('{lake}/survey_responses/*/*.parquet', hive_partitioning = false) as rows
        inner join '{lake}/slices.parquet' as slices
            on rows.slice_id = slices.slice_id and rows.submission_id = slices.submission_id and slices.status = 'live'
        order by rows.row_id, item"""
    ).df()


def _frame(workspace: Workspace, agency: str, period: str) -> pd.DataFrame:
    lake = workspace.lake
    return duckdb.sql(
        f"""select {", ".join(MARGINS)}, sum(completed) as completed
        from read_parquet('{lake}/service_usage/*/*.parquet', hive_partitioning = false) as rows
        inner join '{lake}/slices.parquet' as slices
            on rows.slice_id = slices.slice_id and rows.submission_id = slices.submission_id and slices.status = 'live'
        where rows.agency_id = '{agency}' and rows.period_id = '{period}' group by all order by all"""
    ).df()


def _row_weights(people: pd.DataFrame, frame: pd.DataFrame) -> tuple[Any, np.ndarray]:
    """Raking of single respondents over the four margins, empty levels given to the largest, then capped."""
    initial = people["design_weight"].astype(float).to_numpy()
    initial = np.ones(len(people)) if np.isnan(initial).any() else initial
    margins = {}
    for name in MARGINS:
        population = frame.groupby(name)["completed"].sum().astype(float)
        present = population[population.index.isin(people[name])]
        lost = population.sum() - present.sum()
        present.loc[present.sort_index().idxmax()] += lost
        margins[name] = (people[name].tolist(), present.to_dict())
    raked = rake(initial, margins)
    return raked, trim_weights(raked.weights)


def _drawn_with(people: pd.DataFrame, registered: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Primary sampling unit of each response, the person who sent it, and the share of branches where it is one."""
    times = people.groupby("beneficiary")["response_id"].transform("size")
    person = people["response_id"].where(~(times > 1), people["beneficiary"])
    share = people["branch_id"].nunique() / registered
    is_branch = people["branch_id"].notna() & (share < 1)
    return (
        person.where(~is_branch, people["branch_id"]).to_numpy(),
        person.to_numpy(),
        share * is_branch.to_numpy(float),
    )


def _variance(z: np.ndarray, psu: np.ndarray, person: np.ndarray, share: np.ndarray) -> float:
    """k/(k-1) [sum (1 - f) t^2 - (1 - mean f) (sum t)^2/k] + sum f m/(m-1) [sum s^2 - t^2/m], s the totals of m persons."""
    rows = pd.DataFrame({"z": z, "psu": psu, "person": person, "f": share})
    units = rows.groupby("psu").agg(t=("z", "sum"), f=("f", "first"), m=("person", "nunique"))
    persons = rows.groupby(["psu", "person"])["z"].sum() ** 2
    units["s"] = persons.groupby("psu").sum()
    units["within"] = (units["s"] - units["t"] ** 2 / units["m"]) * units["m"] / (units["m"] - 1).clip(lower=1)
    k = len(units)
    between = ((1 - units["f"]) * units["t"] ** 2).sum() - (1 - units["f"].mean()) * units["t"].sum() ** 2 / k
    return float(between * k / (k - 1) + (units["f"] * units["within"]).sum())


@pytest.mark.parametrize("agency", ["lighthouse", "sundials"])
def test_weighted_scores_are_those_of_single_rows(
    built_workspace: Workspace, warehouse: Any, answers: pd.DataFrame, agency: str
) -> None:
    """One answer at a time: raked, capped, Taylor error of who was drawn together, with the residuals of the margins."""
    period, item = "2025Q3", "speed"
    mine = answers[(answers["agency_id"] == agency) & (answers["period_id"] == period)]
    stages = set(mine.loc[mine["item"] == item, "stage"])
    people = mine[mine["stage"].isin(stages)].drop_duplicates("response_id").sort_values("response_id")
    raked, weights = _row_weights(people, _frame(built_workspace, agency, period))
    y = people["response_id"].map(mine[mine["item"] == item].set_index("response_id")["y"]).to_numpy(float)
    region = people["region_id"].iloc[0]
    design = sample_design(raked.initial).reweighted(weights, raked.residuals)
    found = survey_mean(design, y, np.column_stack([np.full(len(people), True), people["region_id"] == region]))
    spent = sum(len(set(codes)) - 1 for codes in raked.margins)
    (registered,) = warehouse.execute(
        "select count(*) from staging.stg_registry__branches where agency_id = ?", [agency]
    ).fetchone()
    draw = _drawn_with(people, registered)
    # The agency with branches is one whose branches were a sample.
    assert (draw[2] > 0).any() == (agency == "lighthouse")
    variances = []
    for inside, mean in zip((np.full(len(people), True), people["region_id"] == region), found.value, strict=True):
        u = np.where(inside & ~np.isnan(y), np.nan_to_num(y) - mean, 0.0) / (weights @ (inside & ~np.isnan(y)))
        variances.append(_variance(weights * raked.residuals(u[:, None])[:, 0], *draw))
    error = np.sqrt(variances) * np.sqrt((len(people) - 1) / (len(people) - 1 - spent))
    rows = warehouse.execute(
        """select score, standard_error, n from intermediate.int_scores__weighted
        where metric_id = ? and period_id = ? and (unit_id = ? or unit_id = ?) order by unit_type""",
        [item, period, agency, f"{agency}/{region}"],
    ).df()
    assert rows["score"].to_numpy() == pytest.approx(found.value, rel=1e-9)
    assert rows["standard_error"].to_numpy() == pytest.approx(error, rel=1e-9)
    assert rows["n"].tolist() == found.n.tolist()


def test_adjusted_scores_are_those_of_single_rows(warehouse: Any, answers: pd.DataFrame) -> None:
    """The pooled regression of one metric, period and peer group, one answer at a time under the weights of its cell."""
    period, item = "2025Q3", "speed"
    weights = warehouse.sql("from intermediate.int_weights__estimated").df()
    agencies = warehouse.sql("from core.dim_agencies").df()
    licensing = agencies.loc[agencies["peer_group"] == "licensing", "agency_id"]
    rows = answers[(answers["item"] == item) & (answers["period_id"] == period) & answers["agency_id"].isin(licensing)]
    rows = rows[rows["y"].notna()].copy()
    rows[MARGINS] = rows[MARGINS].fillna("-")
    rows = rows.merge(weights[weights["stages"] == "during"], on=["agency_id", "period_id", *MARGINS])
    has_weights = rows.groupby("agency_id")["design_weight"].transform(lambda column: column.notna().all())
    rows["w"] = rows["factor"] * rows["design_weight"].astype(float).where(has_weights, 1.0)
    rows["w"] *= rows.groupby("agency_id")["w"].transform("size") / rows.groupby("agency_id")["w"].transform("sum")
    codes, unit = np.unique(rows["agency_id"].astype(str), return_inverse=True)
    own = [pd.get_dummies(rows[name], drop_first=True) for name in ("age_band", "gender", "nationality_class")]
    control = pd.get_dummies(rows["mode"], drop_first=True)
    k = sum(part.shape[1] for part in own)
    x = pd.concat([*own, control], axis=1).to_numpy(float)
    products = CrossProducts.of_rows(unit, x, rows["y"], rows["w"])
    found = casemix_adjusted(products)
    means = products.wx[:, :k] / products.w[:, None]
    centre = products.wx[:, :k].sum(axis=0) / products.w.sum()
    mix = mix_adjusted(np.zeros(codes.size), found.coefficients[:k], means, centre)
    kept = warehouse.execute(
        """select adjusted.agency_id, adjusted.score - weighted.score as mix, adjusted.standard_error,
            weighted.standard_error as base_error, weighted.n, weighted.design_effect
        from intermediate.int_scores__adjusted as adjusted
        inner join intermediate.int_scores__weighted as weighted
            on adjusted.agency_id = weighted.unit_id and adjusted.metric_id = weighted.metric_id
            and adjusted.period_id = weighted.period_id and adjusted.instrument_id = weighted.instrument_id
        where adjusted.metric_id = ? and adjusted.period_id = ? order by 1""",
        [item, period],
    ).df()
    assert kept["agency_id"].tolist() == codes.tolist()
    # Weights are kept to a millionth, and so are the sums.
    assert kept["mix"].to_numpy() == pytest.approx(mix, abs=1e-6)
    assert np.abs(mix).max() > 0.1
    off = means - centre
    effect = np.average(np.maximum(kept["design_effect"], 1), weights=kept["n"])
    extra = np.sqrt(effect * np.einsum("ij,jk,ik->i", off, found.covariance[:k, :k], off))
    assert kept["standard_error"].to_numpy() == pytest.approx(np.hypot(kept["base_error"], extra), abs=1e-6)


@pytest.mark.parametrize(("seen", "removed"), [(("channel", "segment"), 0.99), ((*survey.MIX, "channel"), 0.6)])
def test_weighting_takes_out_planted_response_bias(
    monkeypatch: pytest.MonkeyPatch, seen: tuple[str, ...], removed: float
) -> None:
    """The simulation's own response bias in expectation: all that the frame covers, and most of it where age also matters."""
    values = copy.deepcopy(parameters())
    for name in set(values["mix"]) - set(seen):
        for figures in values["mix"][name].values():
            figures["response"] = 1.0
    monkeypatch.setattr(survey, "parameters", lambda: values)
    world = draw_world(2026, Size.tiny())
    agency = world.agencies["lighthouse"]
    people = survey.population(world, agency)
    cells = pd.DataFrame(people.columns).assign(
        asked_count=10_000 * people.respondent_share,
        completed_count=1e6 * people.share,
        y=survey.expected_pomp(agency.level["2025Q3"] + people.effect, 17.0, 5),
    )
    cells["wy"] = cells["asked_count"] * cells["y"]
    frame = cells.groupby(MARGINS)[["asked_count", "completed_count", "wy"]].sum().reset_index()
    frame = frame.assign(agency_id="lighthouse", period_id="2025Q3", stages="during", asked_w=frame["asked_count"])
    found = frame_weights(frame, frame, margins=dict.fromkeys(MARGINS, False), thresholds=THRESHOLDS)
    truth = float(people.share @ cells["y"])
    raw = frame["wy"].sum() / frame["asked_count"].sum() - truth
    weighted = (found["factor"] * found["wy"]).sum() / (found["factor"] * found["asked_count"]).sum() - truth
    assert abs(raw) > 0.4
    assert abs(weighted) <= (1 - removed) * abs(raw)


def test_frames_are_met(warehouse: Any) -> None:
    """Before the cap, the weights of every framed draw add up to the completed transactions of its agency and period."""
    gaps = warehouse.sql(
        """select draws.agency_id, draws.period_id, draws.stages, sum(weights.asked_w * weights.factor) as weight,
            max(weights.population) as population
        from intermediate.int_survey_samples__counted as draws
        inner join intermediate.int_weights__estimated as weights using (agency_id, period_id, stages, service_id, channel,
            region_id, segment)
        where weights.frame_status = 'framed' group by all"""
    ).df()
    assert len(gaps) > 20
    assert gaps["weight"].to_numpy() == pytest.approx(gaps["population"].to_numpy(), rel=1e-9)


def test_bands_are_given_within_one_weighting_only(warehouse: Any) -> None:
    mixed = warehouse.sql(
        """select count(*) from (
            select gated.comparison_class
            from intermediate.int_comparability__gated as gated
            inner join intermediate.int_scores__judged as scores
                on gated.agency_id = scores.unit_id and scores.unit_type = 'agency' and gated.metric_id = scores.metric_id
                and gated.period_id = scores.period_id and gated.instrument_id = scores.instrument_id
            group by gated.comparison_class
            having count(distinct (scores.weighting, scores.adjustments, scores.instrument_id)) > 1)"""
    ).fetchone()
    assert mixed == (0,)
    # Whoever is compared had mixes of survey modes within the declared distance.
    (furthest,) = warehouse.sql(
        """with asked as (
            select agency_id, period_id, mode, sum(asked_count) as n from intermediate.int_modes__counted group by all),
        shares as (
            select agency_id, period_id, mode, n / sum(n) over (partition by agency_id, period_id) as share from asked),
        compared as (
            select distinct gated.period_id, gated.comparison_class, gated.agency_id
            from intermediate.int_comparability__gated as gated
            inner join intermediate.int_modes__grouped using (agency_id, metric_id, period_id, instrument_id)),
        apart as (
            select sum(abs(coalesce(a.share, 0) - coalesce(b.share, 0))) / 2 as distance
            from compared as one
            inner join compared as other using (period_id, comparison_class)
            cross join (select distinct mode from shares) as modes
            left join shares as a on one.agency_id = a.agency_id and one.period_id = a.period_id and modes.mode = a.mode
            left join shares as b on other.agency_id = b.agency_id and one.period_id = b.period_id and modes.mode = b.mode
            group by one.agency_id, other.agency_id, one.period_id, one.comparison_class)
        select max(distance) from apart"""
    ).fetchone()
    assert 0 < furthest <= load_methodology("2026.2").thresholds["mode_distance"] + 1e-12
    shown = warehouse.sql("select count(*) from benchmarks.bench_peer_positions where verdict is not null").fetchone()
    assert shown[0] > 20


def test_there_is_no_bare_rank(warehouse: Any) -> None:
    bare = warehouse.sql(
        """select count(*) from benchmarks.bench_peer_positions
        where (expected_rank is null) <> (rank_low is null) or (rank_high is null) <> (rank_low is null)
            or (rank_low is not null and (reliability < 0.7 or rank_low > rank_high or expected_rank < rank_low - 0.5))
            or (rank_low is null) = (rank_reason is null)"""
    ).fetchone()
    assert bare == (0,)


def _cells(rows: list[dict[str, Any]]) -> pd.DataFrame:
    base = {"agency_id": "a", "period_id": "q", "stages": "s", "service_id": "x", "region_id": "r", "segment": "g"}
    return pd.DataFrame([{**base, **row} for row in rows])


def _weights(draw: list[dict[str, Any]], frame: list[dict[str, Any]]) -> pd.DataFrame:
    margins = pd.DataFrame({"margin": MARGINS, "empty_level_goes_to": "largest", "must_be_known": False})
    drawn = _cells([{"asked_w": row["asked_count"], "asked_w2": row["asked_count"], **row} for row in draw])
    counted = _cells(frame) if frame else _cells([{"channel": "app", "completed_count": 1}]).iloc[:0]
    return _run(
        "int_weights__estimated",
        int_survey_samples__counted=drawn,
        int_frames__counted=counted,
        stg_methodology__margins=margins,
    )


def test_post_strata_where_each_has_respondents_enough() -> None:
    draw = [{"channel": "app", "asked_count": 60}, {"channel": "desk", "asked_count": 20}]
    frame = [{"channel": "app", "completed_count": 500}, {"channel": "desk", "completed_count": 500}]
    found = _weights(draw, frame)
    assert found["weighting_method"].tolist() == ["poststratified"] * 2
    assert found["factor"].tolist() == pytest.approx([500 / 60, 25])
    assert found["capped_share"].tolist() == [0, 0]
    # With 19 in one of them the margins are raked; here that gives the same weight in another way.
    found = _weights([draw[0], {**draw[1], "asked_count": 19}], frame)
    assert found["weighting_method"].tolist() == ["raked"] * 2
    assert found["factor"].tolist() == pytest.approx([500 / 60, 500 / 19])


def test_levels_without_respondents_go_to_the_largest_and_are_told() -> None:
    draw = [{"channel": "app", "asked_count": 60}, {"channel": "desk", "asked_count": 30}]
    frame = [{"channel": name, "completed_count": n} for name, n in (("app", 400), ("desk", 300), ("kiosk", 200))]
    found = _weights(draw, frame)
    assert set(found["collapsed"]) == {"channel:kiosk>app:200"}
    assert found["factor"].tolist() == pytest.approx([10, 10])


def test_answers_without_a_place_in_the_frame() -> None:
    frame = [{"channel": "app", "completed_count": 600}, {"channel": "desk", "completed_count": 400}]
    few = [{"channel": name, "asked_count": n} for name, n in (("-", 5), ("app", 60), ("desk", 35))]
    found = _weights(few, frame)
    # Five of a hundred stand for fifty of a thousand; the others share what is left as the frame says.
    assert found["factor"].tolist() == pytest.approx([10, 0.95 * 600 / 60, 0.95 * 400 / 35])
    many = [{"channel": name, "asked_count": n} for name, n in (("-", 15), ("app", 50), ("desk", 35))]
    found = _weights(many, frame)
    # More than a tenth: the channel is no margin, and the others have one level each.
    assert set(found["margins"]) == {"service_id;region_id;segment"}
    assert found["factor"].tolist() == pytest.approx([10, 10, 10])


def test_one_answer_does_not_carry_a_score() -> None:
    draw = [{"channel": "app", "asked_count": 99}, {"channel": "desk", "asked_count": 1}]
    frame = [{"channel": "app", "completed_count": 900}, {"channel": "desk", "completed_count": 100}]
    found = _weights(draw, frame)
    # The median weight is 900/99; the one answer is cut to five times that, and the rest of its 100 spread over the others.
    assert found["factor"].tolist() == pytest.approx([(1000 - 4500 / 99) / 99, 4500 / 99])
    assert found["capped_share"].tolist() == pytest.approx([(100 - 4500 / 99) / 1000] * 2)


@pytest.mark.parametrize(
    ("draw", "frame", "status"),
    [
        ([("app", 60)], [], "no_frame"),
        ([("-", 60)], [("app", 60)], "framed"),  # three other margins place it
        ([("app", 3), ("desk", 2)], [("app", 60), ("desk", 60)], "framed"),
        ([("app", 1), ("desk", 1)], [("app", 60), ("desk", 60)], "sample_too_small"),
        ([("app", 300), ("desk", 60)], [("app", 10_000), ("desk", 90_000)], "weights_infeasible"),
    ],
)
def test_states_of_a_draw(draw: list[tuple[str, int]], frame: list[tuple[str, int]], status: str) -> None:
    found = _weights(
        [{"channel": channel, "asked_count": n} for channel, n in draw],
        [{"channel": channel, "completed_count": n} for channel, n in frame],
    )
    assert set(found["frame_status"]) == {status}
    assert np.isfinite(found["factor"]).all()


def test_no_margin_is_no_weighting() -> None:
    other = dict.fromkeys(MARGINS, "elsewhere")
    found = _weights([{**other, "asked_count": 40}], [{"channel": "app", "completed_count": 9}])
    assert found["frame_status"].tolist() == ["frame_unusable"]
    assert found["factor"].tolist() == [1]


def test_a_mode_that_moved_by_more_than_ten_points_begins_a_series() -> None:
    shares = {"q1": (50, 50), "q2": (60, 40), "q3": (71, 29), "q4": (97, 3)}
    cells = pd.DataFrame(
        [
            ("a", period, "whole", "overall_satisfaction", mode, 20 * n)
            for period, pair in shares.items()
            for mode, n in zip(("web", "unknown"), pair, strict=True)
        ],
        columns=["agency_id", "period_id", "stage", "item", "mode", "asked_count"],
    )
    found = _run("int_series__estimated", int_modes__counted=cells)
    # Exactly ten points do not exceed ten; eleven do.
    assert found["series_id"].tolist() == ["q1", "q1", "q3", "q4"]
    # Three in a hundred do not make a mode.
    assert found["mode_set"].tolist() == ["unknown;web"] * 3 + ["web"]


def test_answers_of_one_respondent_are_no_sample_of_modes() -> None:
    """Twenty items to 100 respondents are 100 draws of a mode, not 2,000: from 50 to 61 of a hundred is chance."""
    cells = pd.DataFrame(
        [
            ("a", period, stage, f"item_{item}", mode, n)
            for period, by_stage in {"q1": (25, 25), "q2": (31, 30)}.items()
            for stage, web in zip(("before", None), by_stage, strict=True)
            for item in range(20)
            for mode, n in (("web", web), ("phone", 50 - web))
        ],
        columns=["agency_id", "period_id", "stage", "item", "mode", "asked_count"],
    )
    found = _run("int_series__estimated", int_modes__counted=cells)
    assert found["series_id"].tolist() == ["q1", "q1"]
    # The same shares of ten times as many respondents are not chance.
    more = cells.assign(asked_count=10 * cells["asked_count"])
    found = _run("int_series__estimated", int_modes__counted=more)
    assert found["series_id"].tolist() == ["q1", "q2"]


def test_no_change_is_told_across_a_break_or_between_weighted_and_unweighted() -> None:
    """Seven quarters of one agency: modes changed in the fourth, the seventh has no frame; one instrument throughout."""
    unit = {"unit_type": "agency", "unit_id": "a", "agency_id": "a", "metric_id": "m", "instrument_id": "i"}
    told = {"status": "reported", "status_reason": None, "standard_error": 1.0, "n": 100.0, "n_effective": 100.0}
    quarters = ["2024Q1", "2024Q2", "2024Q3", "2024Q4", "2025Q1", "2025Q2", "2025Q3"]
    scores = pd.DataFrame(
        [
            {
                **unit,
                **told,
                "score_id": period,
                "period_id": period,
                "score": 70.0 + position,
                "ci_low": 68.0 + position,
                "ci_high": 72.0 + position,
                "slice_ids": "s",
                "series_id": quarters[0] if position < 3 else quarters[3],
                "weighting": "unweighted" if position == 6 else "weighted",
                "adjustments": "",
            }
            for position, period in enumerate(quarters)
        ]
    ).astype({"status_reason": "str"})
    made = trends_of(scores).reset_index()
    own = made[made["unit_type"] == "agency"].set_index("period_id").sort_index()
    assert own["change"].notna().tolist() == [False, True, True, False, True, True, False]
    assert own["change_reason"].fillna("").tolist() == [
        "no_earlier_period", "", "", "series_differs", "", "", "frame_differs",
    ]  # fmt: skip
    # A year before the fifth quarter the series was another one; a year before the seventh too, whatever its weights.
    assert own["year_change_reason"].tolist() == ["no_earlier_period"] * 4 + ["series_differs"] * 3
    # Charts restart.
    assert own["points_count"].tolist() == [1, 2, 3, 1, 2, 3, 1]


def test_branches_and_journeys_are_unweighted_and_say_so(built_workspace: Workspace) -> None:
    """Completed transactions record no branch or journey, so there is nothing to weight such answers to."""
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        rows = connection.execute(
            """select scores.unit_type, scores.frame_status, scores.weighting, scores.score_basis, scores.score_weighted
            from benchmarks.bench_scores as scores
            inner join core.dim_metrics as metrics using (metric_id)
            where scores.unit_type in ('branch', 'journey') and metrics.feed = 'survey_responses'
                and scores.instrument_id <> 'reported'"""
        ).fetchall()
        # Nor do any of them enter the peer groups of the gate.
        gated = connection.execute(
            "select distinct scores.unit_type from benchmarks.bench_peer_positions "
            "inner join benchmarks.bench_scores as scores using (score_id)"
        ).fetchall()
    assert {row[0] for row in rows} == {"branch", "journey"}
    assert {row[1:] for row in rows} == {("not_framed", "unweighted", "raw", None)}
    assert gated == [("agency",)]


def test_modes_are_taken_out_where_a_study_measured_them() -> None:
    unit = {"metric_id": "m", "period_id": "q", "instrument_id": "i"}
    answers = pd.DataFrame(
        [
            {**unit, "agency_id": agency, "mode": mode, "w": w}
            for agency, modes in {"a": {"web": 75, "phone": 25}, "b": {"web": 50, "sms": 50}}.items()
            for mode, w in modes.items()
        ]
    )
    studies = pd.DataFrame(
        {"metric_id": "m", "mode": ["web", "phone"], "effect": [0.0, 4.0], "standard_error": [0.0, 0.8]}
    ).assign(reference_error=0.5)
    effects = mode_effects(answers, studies)
    # A quarter by phone, 4 points too high: one point less, with a quarter of its error. Nobody measured b's text messages.
    assert effects[["agency_id", "mode_effect", "mode_error"]].to_numpy().tolist() == [["a", -1.0, pytest.approx(0.2)]]
    base = pd.DataFrame(
        [{**unit, "agency_id": "a", "score": 70.0, "standard_error": 1.0, "ci_low": 68.0, "ci_high": 72.0}]
    )
    rows = base.merge(effects, on=UNIT, how="left").assign(mix=np.nan, mix_error=np.nan)
    made = with_adjustments(rows, 0.95).iloc[0]
    assert (made["score"], made["adjustments"]) == (69, "mode")
    assert made["standard_error"] == pytest.approx(np.hypot(1, 0.2))
    assert made["ci_low"] == pytest.approx(69 - np.hypot(2, 1.959964 * 0.2), abs=1e-6)


def test_the_mix_needs_two_units_that_record_it() -> None:
    declared = pd.DataFrame({"adjuster": ["age_band"], "role": ["adjuster"]})
    rows = [
        {"agency_id": agency, "age_band": age, "n": 20, "w": 20.0, "wy": 20 * y, "wyy": 20 * (y**2 + 25)}
        for agency, ages in {"a": {"old": 80.0, "young": 60.0}, "b": {"old": 90.0, "young": 70.0}}.items()
        for age, y in ages.items()
    ]
    group = pd.DataFrame(rows).assign(metric_id="m", period_id="q", instrument_id="i", share=1.0, design_effect=1.0)
    # Both have the same mix, so there is nothing to adjust and no error.
    found = mix_effects(group, declared, 0.1)
    assert found[["mix", "mix_error"]].to_numpy(float) == pytest.approx(np.zeros((2, 2)), abs=1e-9)
    # Thirty old in a, ten in b: 20 points an old-young step, and a quarter off the mean of one half each way.
    group["n"] = [30, 10, 10, 30]
    group[["w", "wy", "wyy"]] = group[["w", "wy", "wyy"]].mul(group["n"] / 20, axis=0)
    found = mix_effects(group, declared, 0.1)
    assert found["mix"].tolist() == pytest.approx([-5, 5])
    # Design effects of 7 and 1 are 4 on the average, and twice the error; one below one is none, one unknown is left out.
    for effects, times in (([7, 7, 1, 1], 2), ([0.5, 0.5, 0.9, 0.9], 1), ([np.nan, np.nan, 4, 4], 2)):
        bunched = mix_effects(group.assign(design_effect=effects), declared, 0.1)
        assert bunched["mix_error"].tolist() == pytest.approx((times * found["mix_error"]).tolist())
        assert bunched["mix"].tolist() == found["mix"].tolist()
    assert mix_effects(group[group["agency_id"] == "a"], declared, 0.1).empty
    group.loc[group["agency_id"] == "b", "age_band"] = None
    assert mix_effects(group, declared, 0.1).empty


def test_equal_answers_of_everybody_end_as_a_state_not_as_nan() -> None:
    rows = pd.DataFrame({"n": [40.0], "score": [100.0], "standard_error": [0.0]})
    rows = rows.assign(element_variance=0.0, kish_n=25.0, freedom=np.inf, estimator=["mean"])
    found = with_intervals(rows, 0.95).iloc[0]
    # 25 answers' worth: the rule of three bounds the opposite extreme.
    assert (found["n_effective"], found["design_effect"]) == (25, 1.6)
    assert (found["ci_low"], found["ci_high"]) == (pytest.approx(100 * 0.05 ** (1 / 25)), 100)
    scores = pd.DataFrame({"unit_id": [f"a{number}" for number in range(7)]}).assign(
        unit_type="agency", agency_id=lambda frame: frame["unit_id"], metric_id="m", period_id="q", instrument_id="i"
    )
    scores = scores.assign(n=40, score=100.0, standard_error=0.0, ci_low=97.0, ci_high=100.0, status="reported")
    scores = scores.assign(weighting="weighted", mode_set="web", adjustments="", degrees_of_freedom=39.0)
    agencies = pd.DataFrame({"agency_id": scores["agency_id"], "peer_group": "g"})
    mixes = scores[["agency_id", "metric_id", "period_id", "instrument_id"]].assign(mode_group="mix 1")
    reliability = _run(
        "int_reliability__estimated",
        int_scores__judged=scores,
        stg_registry__agencies=agencies,
        int_modes__grouped=mixes,
        int_scores__linked=pd.DataFrame(columns=list(LINKS)).astype(LINKS),
    )
    assert reliability["reliability"].tolist() == [0] * 7
    gated = scores.assign(
        peer_group="g",
        polarity=1,
        base="cases",
        unit="share_pct",
        smallest_difference=5.0,
        degrees_of_freedom=39.0,
        shared_errors="",
        compared_instrument_id="i",
        response_rate=0.5,
    )
    gated = gated.assign(comparison_class="c", peers_count=6, has_peers=True)
    gated = gated.assign(national_class="n", national_peers_count=6, has_national_peers=True)
    for reason in ("comparability_reason", "national_reason"):
        gated[reason] = pd.Series([None] * 7, dtype="string")
    found = _run("int_positions__estimated", int_comparability__gated=gated, int_reliability__estimated=reliability)
    assert found["verdict"].tolist() == ["no_clear_difference"] * 7
    assert found["special_cause"].tolist() == ["within_limits"] * 7
    assert found["z"].tolist() == [0] * 7
    assert found["rank_reason"].tolist() == ["reliability_low"] * 7


def test_nothing_measured_is_empty_tables(warehouse: Any) -> None:
    """An empty workspace builds: every Python model returns its columns and no row."""

    class Empty(Dbt):
        def ref(self, name: str) -> duckdb.DuckDBPyRelation:
            if name in self.tables:
                return super().ref(name)
            room = "staging" if name.startswith("stg_") else "intermediate"
            return warehouse.sql(f"from {room}.{name} limit 0")

    parameters = pd.DataFrame({"name": list(THRESHOLDS), "value": list(THRESHOLDS.values())})
    for name in (
        "int_weights",
        "int_scores__weighted",
        "int_scores__adjusted",
        "int_series",
        "int_reliability",
        "int_positions",
    ):
        model = name if "__" in name else f"{name}__estimated"
        found = run_model(model, Empty({"stg_methodology__thresholds": parameters}))
        assert len(found) == 0
        assert list(found.columns) == warehouse.sql(f"from intermediate.{model} limit 0").columns, name


def test_modes_measured_against_one_reference_share_its_error() -> None:
    """Three arms whose means have an error of 1: each effect has sqrt(2), any two the covariance of the reference, 1."""
    unit = dict(zip(UNIT, ["a", "m", "q", "i"], strict=True))
    answers = pd.DataFrame([{**unit, "mode": mode, "w": 1.0} for mode in ("phone", "branch")])
    studies = pd.DataFrame(
        {
            "metric_id": "m",
            "mode": ["web", "phone", "branch"],
            "effect": [0.0, 8.0, 4.0],
            "standard_error": [0.0, 2**0.5, 2**0.5],
            "reference_error": 1.0,
        }
    )
    effects = mode_effects(answers, studies)
    # (phone + branch) / 2 - web: 1/4 + 1/4 + 1.
    assert effects["mode_error"].tolist() == pytest.approx([1.5**0.5])
    half = answers.assign(mode=["phone", "web"])
    assert mode_effects(half, studies)["mode_error"].tolist() == pytest.approx([2**0.5 / 2])
