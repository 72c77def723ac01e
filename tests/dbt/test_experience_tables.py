"""Complaints, loops, trends, accounts and disparities of a built workspace against the rows of its lake and its planted truth.

Belongs here: cell form = row form with the rows read by pandas, sums that must be exact, and that later quarters leave earlier
rows alone. Does not belong here: decisions on single rows (dbt unit tests) and formulas (`tests/methodology`).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri

from methodology import shrinkage
from methodology.disparities import UNIT
from miyar.workspace import Workspace
from simulation.world import Size, draw_world, parameters
from tests.dbt.python_models import Dbt, run_model
from warehouse.dbt_runner import run_dbt

TABLES = ["bench_complaints", "bench_closed_loop", "bench_trends", "bench_expectation_accounts", "bench_disparities"]
MODELS = [
    "int_service_figures__estimated",
    "int_trends__estimated",
    "int_expectation__estimated",
    "int_disparities__estimated",
    "int_periods__seasons",
]
TARGET_DAYS, HORIZON_DAYS = 5, 30  # thresholds.csv: resolution_target_days, resolution_horizon_days


@pytest.fixture(scope="module")
def warehouse(built_workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        yield connection


def _live(workspace: Workspace, feed: str) -> pd.DataFrame:
    """Rows of the lake that count, with the rank of their delivery."""
    with duckdb.connect() as connection:
        return connection.execute(
            f"""select rows.*, slices.delivery_rank
            from read_parquet('{workspace.lake}/{feed}/*/*.parquet', hive_partitioning = false) as rows
            join read_parquet('{workspace.lake}/slices.parquet') as slices
                using (slice_id, submission_id)
            where slices.status = 'live'"""
        ).df()


def _without_event(
    hours: np.ndarray[Any, Any], ended: np.ndarray[Any, Any], other: np.ndarray[Any, Any] | None = None
) -> list[tuple[float, float]]:
    """(time, share without the event) at each event, one duration after the other; `other` left by a competing event."""
    away = np.zeros(ended.size, bool) if other is None else other
    still, share, steps = 1.0, 1.0, [(0.0, 1.0)]
    for time in sorted(set(hours[ended | away])):
        at_risk, now = int((hours >= time).sum()), hours == time
        share -= still * int((now & ended).sum()) / at_risk
        still *= 1 - int((now & (ended | away)).sum()) / at_risk
        steps.append((float(time), share))
    return steps


def _survival(steps: list[tuple[float, float]], time: float) -> float:
    return [s for t, s in steps if t <= time][-1]


def _mean_up_to(steps: list[tuple[float, float]], horizon: float) -> float:
    inside = [*((t, s) for t, s in steps if t < horizon), (horizon, 0.0)]
    return sum((later - t) * s for (t, s), (later, _) in pairwise(inside))


def _clock(hours: "pd.Series[float]", ended: "pd.Series[bool]") -> np.ndarray[Any, Any]:
    """Whole hours, up for events and down for open cases; whole days after the tenth."""
    whole = np.where(ended, np.ceil(hours - 1e-9), np.floor(hours + 1e-9))
    days = np.where(ended, np.ceil(whole / 24), np.floor(whole / 24)) * 24
    return np.where(whole <= 240, whole, days)


def _cases(workspace: Workspace) -> pd.DataFrame:
    rows = _live(workspace, "complaints").sort_values(["delivery_rank", "source_row"])
    cases = rows.groupby(["slice_id", "case_id"]).tail(1).copy()
    cases["stopped"] = cases["resolved_at"].fillna(cases["closed_at"])
    known = cases["extracted_at"]
    assert known.notna().all()
    cases["left"] = cases["stopped"].notna()
    cases["withdrawn"] = cases["left"] & (cases["outcome"] == "withdrawn")
    cases["ended"] = cases["left"] & ~cases["withdrawn"]
    cases["hours"] = (cases["stopped"].fillna(known) - cases["opened_at"]).dt.total_seconds() / 3600
    return cases


def test_time_to_resolve_from_cells_is_that_of_the_rows(
    built_workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    figures = warehouse.execute(
        "select unit_id, period_id, figure, value, n from intermediate.int_service_figures__estimated "
        "where topic = 'complaints' and unit_type = 'agency'"
    ).df()
    figures = figures.set_index(["unit_id", "period_id", "figure"]).sort_index()
    cases = _cases(built_workspace)
    groups = list(cases.groupby(["agency_id", "period_id"]))
    assert len(groups) >= 15
    assert (~cases["left"]).sum() >= 5
    assert cases["withdrawn"].sum() >= 5
    for (agency, period), own in groups:
        ended, withdrawn = own["ended"].to_numpy(bool), own["withdrawn"].to_numpy(bool)
        days = _clock(own["hours"], own["left"]) / 24
        steps = _without_event(days, ended, withdrawn)
        found = {name: figures.loc[(agency, period, name)] for name in figures.loc[(agency, period)].index}
        assert found["median_days"]["n"] == len(own)
        share = 100 * (1 - _survival(steps, TARGET_DAYS))
        assert found["resolved_in_target_share"]["value"] == pytest.approx(share, abs=1e-9)
        middle = [t for t, s in steps if s <= 0.5 + 1e-12]
        if not any(abs(s - 0.5) < 1e-9 for _, s in steps):
            assert found["median_days"]["value"] == pytest.approx(middle[0], abs=1e-9)
        withdrawals = _without_event(days, withdrawn, ended)
        share = 100 * (1 - _survival(withdrawals, HORIZON_DAYS))
        assert found["withdrawn_share"]["value"] == pytest.approx(share, abs=1e-9, nan_ok=days.max() < HORIZON_DAYS)
        mean = found["restricted_mean_days"]["value"]
        assert mean == pytest.approx(_mean_up_to(steps, HORIZON_DAYS), abs=1e-9)
        # The clock's step of an hour changes almost nothing compared with the minute.
        exact = _without_event(own["hours"].to_numpy(float) / 24, ended, withdrawn)
        assert found["resolved_in_target_share"]["value"] == pytest.approx(
            100 * (1 - _survival(exact, TARGET_DAYS)), abs=0.1
        )


def test_time_to_resolve_holds_the_planted_truth(
    built_workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    world, figures = draw_world(size=Size.tiny()), parameters()["complaints"]
    rows = warehouse.execute(
        "select agency_id, ci_low, ci_high from intermediate.int_service_figures__estimated "
        "where unit_type = 'agency' and figure = 'resolved_in_target_share'"
    ).fetchall()
    medians = warehouse.execute(
        "select agency_id, ci_low, ci_high from intermediate.int_service_figures__estimated "
        "where unit_type = 'agency' and figure = 'median_days'"
    ).fetchall()
    centre = {name: np.log(figures["median_days"]) + held.resolve_shift for name, held in world.agencies.items()}
    # A withdrawal ends a case as late as a resolution would have: the resolved are that share of all who left.
    share, ahead = 1 - figures["withdrawn"], ndtri(0.5 / (1 - figures["withdrawn"]))
    held = [
        low <= 100 * share * ndtr((np.log(TARGET_DAYS) - centre[a]) / figures["sigma"]) <= high for a, low, high in rows
    ]
    middle = {name: np.exp(centre[name] + ahead * figures["sigma"]) for name in centre}
    held += [low <= middle[a] + 1 / 24 and middle[a] <= high for a, low, high in medians]
    # 36 intervals of 95 %: fewer than 31 of them would come about once in ten thousand times.
    assert len(held) >= 30
    assert sum(held) >= len(held) - 5


def test_closed_loop_from_cells_is_that_of_the_rows(
    built_workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    rows = _live(built_workspace, "survey_responses")
    overall = rows[(rows["item"] == "overall_satisfaction") & (rows["answer_status"] == "answered")].copy()
    overall["known"] = overall[["responded_at", "attempted_at", "reached_at"]].max(axis=1)
    overall["known"] = overall.groupby("submission_id")["known"].transform("max")
    recorded = overall.groupby("submission_id")["attempted_at"].transform("count") > 0
    step = np.where(
        overall["is_reversed"],
        overall["scale_max"] - overall["value"].astype(float),
        overall["value"].astype(float) - overall["scale_min"],
    )
    overall["first"] = 100 * step / (overall["scale_max"] - overall["scale_min"])
    sign = np.where(overall["is_reversed"], -1, 1)
    change = sign * (overall["recovered_value"].astype(float) - overall["value"].astype(float))
    overall["change"] = 100 * change / (overall["scale_max"] - overall["scale_min"])
    unhappy = overall[recorded & (overall["first"] < 50)]
    assert len(unhappy) >= 5
    figures = warehouse.execute(
        "select unit_id, period_id, figure, value, n from intermediate.int_service_figures__estimated "
        "where topic = 'closed_loop' and unit_type = 'agency'"
    ).df()
    figures = figures.set_index(["unit_id", "period_id", "figure"])
    for key, own in unhappy.groupby(["agency_id", "period_id"]):
        ended = own["reached_at"].notna()
        hours = (own["reached_at"].fillna(own["known"]) - own["responded_at"]).dt.total_seconds() / 3600
        steps = _without_event(_clock(hours, ended), ended.to_numpy(bool))
        reached = figures.loc[(*key, "reached_in_target_share")]
        assert reached["n"] == len(own)
        assert reached["value"] == pytest.approx(100 * (1 - _survival(steps, 24)), abs=1e-9)
        attempted = figures.loc[(*key, "attempted_share"), "value"]
        assert attempted == pytest.approx(100 * own["attempted_at"].notna().mean())
        # An attempt alone is not a contact.
        assert ended.sum() <= own["attempted_at"].notna().sum()
        again = own[ended & own["change"].notna()]
        if len(again):
            raw, net = (figures.loc[(*key, name), "value"] for name in ("uplift_raw", "uplift_corrected"))
            assert raw == pytest.approx(again["change"].mean(), abs=1e-9)
            everyone = overall[recorded & (overall["slice_id"] == own["slice_id"].iloc[0])]
            expected = (1 - 0.7) * (everyone["first"].mean() - again["first"].mean())
            assert net == pytest.approx(raw - expected, abs=1e-9)


def test_parts_of_changes_add_up_exactly(warehouse: duckdb.DuckDBPyConnection) -> None:
    told, broken, panels, broken_panels = warehouse.execute(
        """select count(raw_change), count(*) filter (where raw_change <> mix_effect + rate_effect),
            count(panel_change),
            count(*) filter (
                where panel_change <> continuing_effect + entrants_effect + exits_effect
                    or year_panel_change <> year_continuing_effect + year_entrants_effect + year_exits_effect
            )
        from benchmarks.bench_trends"""
    ).fetchall()[0]
    assert told > 100
    assert (broken, broken_panels) == (0, 0)
    accounts, wrong = warehouse.execute(
        """select count(change), count(*) filter (
            where change <> mix_effect + mode_effect + service_effect + coalesce(expectation_effect, 0) + residual_effect
        ) from benchmarks.bench_expectation_accounts"""
    ).fetchall()[0]
    assert accounts > 3
    assert panels > 3
    assert wrong == 0


def test_mix_and_rate_from_cells_are_those_of_the_rows(
    built_workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    rows = _live(built_workspace, "survey_responses")
    own = rows[
        (rows["agency_id"] == "lighthouse")
        & (rows["item"] == "overall_satisfaction")
        & (rows["answer_status"] == "answered")
    ].copy()
    step = (own["value"].astype(float) - own["scale_min"]) / (own["scale_max"] - own["scale_min"])
    own["score"] = 100 * np.where(own["is_reversed"], 1 - step, step)
    found = warehouse.execute(
        "select period_id, raw_change, mix_effect from intermediate.int_trends__estimated "
        "where unit_type = 'agency' and unit_id = 'lighthouse' and metric_id = 'overall_satisfaction' "
        "and isfinite(raw_change) order by 1"
    ).fetchall()
    assert len(found) == 2
    for period, change, mix in found:
        before = f"2025Q{int(period[5]) - 1}"
        sides = [own[own["period_id"] == p].groupby(["service_id", "channel"])["score"] for p in (before, period)]
        shares = pd.concat([side.size() / side.size().sum() for side in sides], axis=1).fillna(0)
        means = pd.concat([side.mean() for side in sides], axis=1)
        # A group of one period only is all mix, at the rate it has.
        means = means.T.bfill().ffill().T
        assert mix == pytest.approx(((shares.iloc[:, 1] - shares.iloc[:, 0]) * means.mean(axis=1)).sum(), abs=1e-9)
        by_period = own.groupby("period_id")["score"].mean()
        assert change == pytest.approx(by_period[period] - by_period[before], abs=1e-9)


def test_a_change_is_told_within_a_series_and_one_weighting_only(warehouse: duckdb.DuckDBPyConnection) -> None:
    pairs = warehouse.execute(
        """select trends.change_reason, trends.change is not null as is_told, scores.series_id = before.series_id as is_series,
            scores.weighting = before.weighting as is_weighting, scores.adjustments = before.adjustments as is_adjustment
        from benchmarks.bench_trends as trends
        inner join benchmarks.bench_scores as scores using (score_id)
        inner join benchmarks.bench_scores as before
            on scores.unit_type = before.unit_type and scores.unit_id = before.unit_id
            and scores.metric_id = before.metric_id and scores.instrument_id = before.instrument_id
            and before.status = 'reported'
            and before.period_id = '2025Q' || (cast(right(scores.period_id, 1) as integer) - 1)
        where scores.status = 'reported'"""
    ).df()
    alike = pairs["is_series"] & pairs["is_weighting"] & pairs["is_adjustment"]
    assert pairs["is_told"].tolist() == alike.tolist()
    reason = np.where(pairs["is_weighting"], "adjustment_differs", "frame_differs")
    reason = np.where(pairs["is_series"], reason, "series_differs")
    assert pairs["change_reason"].fillna("").tolist() == np.where(alike, "", reason).tolist()
    assert alike.sum() > 100 and (~alike).sum() > 10


def test_account_of_expectation_from_cells_is_that_of_the_rows(
    built_workspace: Workspace, warehouse: duckdb.DuckDBPyConnection
) -> None:
    """The one agency that asks for expectation: least squares on its responses, centred within each quarter."""
    rows = _live(built_workspace, "survey_responses")
    own = rows[(rows["agency_id"] == "lighthouse") & (rows["answer_status"] == "answered")].copy()
    step = (own["value"].astype(float) - own["scale_min"]) / (own["scale_max"] - own["scale_min"])
    own["score"] = 100 * np.where(own["is_reversed"], 1 - step, step)
    people = ["segment", "age_band", "gender", "nationality_class", "mode"]
    wide = own.pivot_table(index=["period_id", "response_id"], columns="item", values="score")
    wide = wide.join(own.groupby(["period_id", "response_id"])[people].first())
    wide = wide.dropna(subset=["overall_satisfaction", "speed", "expectation_met"])
    instrument = own[own["item"] == "overall_satisfaction"].groupby("period_id")["wording_version"].agg(set)
    accounts = warehouse.execute(
        "select * from intermediate.int_expectation__estimated where agency_id = 'lighthouse' and fault is null"
    ).df()
    assert len(accounts) >= 1
    for account in accounts.to_dict("records"):
        period = str(account["period_id"])
        before = f"2025Q{int(period[5]) - 1}"
        assert instrument[period] == instrument[before]
        both = wide.loc[[before, period]]
        dummies = pd.get_dummies(both[people], drop_first=True, dtype=float)
        drivers = pd.concat([both[["speed", "expectation_met"]], dummies], axis=1)
        quarter = both.index.get_level_values("period_id")
        centred = drivers - drivers.groupby(quarter).transform("mean")
        score = both["overall_satisfaction"]
        slopes = np.linalg.lstsq(centred, score - score.groupby(quarter).transform("mean"), rcond=None)[0]
        means = drivers.groupby(quarter).mean()
        part = pd.Series(slopes, drivers.columns) * (means.loc[period] - means.loc[before])
        of_mode = part.index.str.startswith("mode_")
        assert account["n"] == (quarter == period).sum()
        assert account["service_effect"] == pytest.approx(part["speed"], abs=1e-9)
        assert account["mode_effect"] == pytest.approx(part[of_mode].sum(), abs=1e-9)
        rest = part[~of_mode].drop(["speed", "expectation_met"])
        assert account["mix_effect"] == pytest.approx(rest.sum(), abs=1e-9)
        averages = score.groupby(quarter).mean()
        assert account["change"] == pytest.approx(averages[period] - averages[before], abs=1e-9)
        if account["expectation_reason"] is None or pd.isna(account["expectation_reason"]):
            assert account["expectation_effect"] == pytest.approx(part["expectation_met"], abs=1e-9)


def test_spread_between_regions_is_that_of_the_scores(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Regions on one share: errors from the pooled variance p(1-p) n/(n-1), then DerSimonian-Laird alone."""
    chosen = "and metric_id = 'digital_completion' and period_id = '2025Q3' and instrument_id = 'administrative'"
    units = warehouse.execute(
        f"select unit_id, n, score from intermediate.int_scores__judged inner join intermediate.int_sharing__decided "
        f"using (unit_type, unit_id, metric_id, period_id, instrument_id) where unit_type = 'region' "
        f"and status = 'reported' and is_shared {chosen} order by 1"
    ).df()
    group = warehouse.execute(
        "select tau, noise_share, units_count, n from benchmarks.bench_disparities where row_type = 'group' "
        f"and unit_type = 'region' {chosen}"
    ).fetchall()
    n, score = units["n"].to_numpy(float), units["score"].to_numpy(float)
    pooled = (n * score * (100 - score)).sum() / (n - 1).sum()
    error, one = np.sqrt(pooled / n), np.zeros(n.size)
    alone = shrinkage.spread(score, error, one, 1)
    assert len(group) == 1
    assert float(group[0][0]) == pytest.approx(alone.tau2[0] ** 0.5, abs=5e-5)
    assert float(group[0][1]) == pytest.approx(alone.noise_share[0], abs=5e-5)
    assert group[0][2:] == (len(units), n.sum())
    shown = warehouse.execute(
        "select unit_id, shrunken_score, reliability from benchmarks.bench_disparities where row_type = 'unit' "
        f"and unit_type = 'region' and status = 'reported' and is_shared {chosen} order by 1"
    ).df()
    drawn = shrinkage.shrink(score, error, one, alone)
    assert shown["shrunken_score"].to_numpy(float) == pytest.approx(drawn.score, abs=5e-5)
    assert shown["reliability"].to_numpy(float) == pytest.approx(drawn.reliability, abs=5e-5)


def test_a_family_tells_nothing_that_its_published_units_do_not(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Every group row again from published rows alone; the spread is tau^2 = (Q - (k - 1)) / (sum w - sum w^2 / sum w)."""
    rows = warehouse.execute(
        "select * from benchmarks.bench_disparities where status = 'reported' and (agency_id is not null or is_shared)"
    ).df()
    family = ["unit_type", "agency_id", "metric_id", "period_id", "instrument_id"]
    rows = rows.assign(agency_id=rows["agency_id"].fillna("all"))
    units = rows[rows["row_type"] == "unit"].groupby(family)
    groups = rows[rows["row_type"] == "group"].set_index(family)
    assert len(groups) > 50
    assert units["n"].sum().loc[groups.index].tolist() == groups["n"].tolist()
    assert units.size().loc[groups.index].tolist() == groups["units_count"].tolist()
    for key in groups.index[::7]:
        own = units.get_group(key)
        error = own["standard_error"].to_numpy(float)
        w, score = 1 / error**2, own["score"].to_numpy(float)
        q = (w * (score - (w * score).sum() / w.sum()) ** 2).sum()
        tau2 = max((q - (len(own) - 1)) / (w.sum() - (w**2).sum() / w.sum()), 0)
        # Errors are published with four places, so values derived from them are known to no more.
        assert float(groups.loc[key, "tau"]) ** 2 == pytest.approx(tau2, rel=1e-3, abs=1e-3 * error.max())


def test_a_family_of_weighted_and_unweighted_scores_is_compared_raw() -> None:
    key = {"unit_type": "region", "agency_id": None, "metric_id": "m", "period_id": "2026Q1", "instrument_id": "i"}
    rows = [
        {**key, "unit_id": unit, "n": 100, "score": score, "weighting": weighting, "raw": raw}
        for unit, score, weighting, raw in [
            ("r1", 60.0, "weighted", 50.0),
            ("r2", 60.0, "unweighted", 60.0),
            ("r3", 60.0, "weighted", 70.0),
        ]
    ]
    scores = pd.DataFrame(rows).assign(
        status="reported", status_reason=None, standard_error=4.0, ci_low=50.0, ci_high=70.0, slice_ids="x"
    )
    raw = scores.drop(columns="score").rename(columns={"raw": "score"})
    made = _disparities(scores, "proportion", int_scores__estimated=raw)
    units, group = made[made["row_type"] == "unit"], made[made["row_type"] == "group"].iloc[0]
    assert units["score"].tolist() == [50, 60, 70]
    # Pooled p(1-p) = (2500 + 2400 + 2100)/3 of 99: v = 2333.3/99 = 23.57; the scores' own spread is 100, so tau^2 = 76.43.
    assert group["tau"] == pytest.approx((100 - 7000 / 3 / 99) ** 0.5)
    alike = _disparities(scores.assign(weighting="weighted"), "proportion")
    assert alike[alike["row_type"] == "group"].iloc[0]["tau"] == 0


def test_seasons_of_known_quarters(warehouse: duckdb.DuckDBPyConnection) -> None:
    # 1445 AH: Ramadan 11 March to 9 April 2024, Eid 10-12 April, Hajj 14-19 June, Adha 16-19 June.
    periods = pd.DataFrame({"period_id": ["2024Q1", "2024Q2", "2024Q3", "1900Q1"]})
    seasons = warehouse.execute("select * from staging.stg_methodology__seasons").df()
    made = run_model("int_periods__seasons", {"stg_workspace__periods": periods, "stg_methodology__seasons": seasons})
    days = made.set_index(["period_id", "season"])["days"].to_dict()
    assert days["2024Q1", "ramadan"] == 21
    assert (days["2024Q2", "ramadan"], days["2024Q2", "eid"], days["2024Q2", "hajj"]) == (9, 7, 6)
    assert (days["2024Q3", "ramadan"], days["2024Q3", "eid"], days["2024Q3", "hajj"]) == (0, 0, 0)
    assert "1900Q1" not in set(made["period_id"])
    assert made.set_index(["period_id", "season"])["share"]["2024Q1", "ramadan"] == pytest.approx(21 / 91)


def test_later_quarters_leave_earlier_rows_alone(workspace_copy: Workspace) -> None:
    def rows(table: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(workspace_copy.warehouse), read_only=True) as connection:
            return connection.execute(
                f"select * from benchmarks.{table} where period_id < '2025Q4' order by all"
            ).fetchall()

    complete = {table: rows(table) for table in TABLES}
    ledger = workspace_copy.lake / "slices.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create table slices as select * from read_parquet('{ledger}')")
        connection.execute(f"copy (select * from slices where period_id < '2025Q4') to '{ledger}' (format parquet)")
    results = list(run_dbt(workspace_copy, None, "run"))
    assert [result for result in results if result.failed] == []
    for table in TABLES:
        assert len(complete[table]) > 0
        assert rows(table) == complete[table], table


@pytest.mark.parametrize("name", MODELS)
def test_a_workspace_without_rows_builds(name: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    made = run_model(name, _Empty(warehouse))
    if name != "int_periods__seasons":
        assert len(made) == 0
    assert "object" not in {str(kind) for kind in made.dtypes}


def _disparities(scores: pd.DataFrame, estimator: str, **other: pd.DataFrame) -> pd.DataFrame:
    """Every answer counts as one unless a table has an `n_effective`."""
    scores, *raw = (
        table.assign(n_effective=table.get("n_effective", table["n"])) for table in (scores, *other.values())
    )
    other = dict(zip(other, raw, strict=True))
    frames = {
        "int_scores__judged": scores,
        # Raw scores, unless a test says otherwise.
        "int_scores__estimated": scores,
        "int_sharing__decided": scores[UNIT].assign(is_shared=True),
        "stg_methodology__metrics": pd.DataFrame({"metric_id": ["m"], "estimator": [estimator]}),
        "stg_registry__branches": pd.DataFrame(columns=["agency_id", "branch_id", "region_id"], dtype=str),
        "stg_methodology__thresholds": pd.DataFrame(
            {"name": ["interval_level", "disparity_units"], "value": [0.95, 3.0]}
        ),
        **other,
    }
    return run_model("int_disparities__estimated", frames)


def test_answers_that_do_not_vary_have_a_status() -> None:
    """Regions of three agencies: in one every answer is 100; one has a hidden region besides three; one has a single region."""
    key = {"unit_type": "agency_region", "metric_id": "m", "period_id": "2026Q1", "instrument_id": "i"}
    rows = [
        {**key, "agency_id": a, "unit_id": f"{a}/{r}", "n": n, "score": s, "standard_error": e, "status": status}
        for a, r, n, s, e, status in [
            ("a", 1, 40, 100.0, 0.0, "reported"),
            ("a", 2, 40, 100.0, 0.0, "reported"),
            ("a", 3, 40, 100.0, 0.0, "reported"),
            ("b", 1, 40, 60.0, 3.0, "reported"),
            ("b", 2, 40, 70.0, 3.0, "reported"),
            ("b", 3, 50, 80.0, 3.0, "reported"),
            ("b", 4, 1, 90.0, None, "suppressed"),
            ("c", 1, 40, 70.0, 3.0, "reported"),
        ]
    ]
    frame = pd.DataFrame(rows).assign(
        ci_low=50.0, ci_high=80.0, status_reason=None, slice_ids="x", weighting="unweighted"
    )
    frame["standard_error"] = frame["standard_error"].astype("Float64")
    made = _disparities(frame, "mean")
    words = made[["row_type", "unit_id", "own_status", "own_reason"]].fillna("")
    told = {(r.row_type, r.unit_id): (r.own_status, r.own_reason) for r in words.itertuples()}
    assert told["unit", "a/1"] == ("not_applicable", "answers_do_not_vary")
    assert told["unit", "b/1"] == ("reported", "")
    assert told["unit", "b/4"] == ("suppressed", "")
    assert told["group", "b"] == ("reported", "")
    assert told["unit", "c/1"] == ("not_applicable", "too_few_units")
    assert told["group", "c"] == ("not_applicable", "too_few_units")
    # Pooled: (39 * 360 + 39 * 360 + 49 * 450) / 127 = 394.7244, so 40 answers have the error sqrt(9.8681).
    error = made.set_index(["row_type", "unit_id"])["standard_error"]
    assert error["unit", "b/1"] == pytest.approx(np.sqrt((2 * 39 * 360 + 49 * 450) / 127 / 40))
    # Not even the table before publication holds a figure of a hidden unit.
    assert (
        made[made["own_status"] == "suppressed"][["n", "score", "standard_error", "shrunken_score"]]
        .isna()
        .all(axis=None)
    )


def test_answers_count_what_they_are_worth() -> None:
    """Shares of 50 % of 100 answers that are worth 25: p(1-p) 100/99 = 2525.25, over 25."""
    key = {"unit_type": "region", "agency_id": None, "metric_id": "m", "period_id": "2026Q1", "instrument_id": "i"}
    rows = [{**key, "unit_id": f"r{number}", "n": 100, "n_effective": 25.0, "score": 50.0} for number in range(3)]
    told = {"status": "reported", "status_reason": None, "slice_ids": "x", "weighting": "unweighted"}
    made = _disparities(pd.DataFrame(rows).assign(standard_error=9.0, ci_low=30.0, ci_high=70.0, **told), "proportion")
    assert made["standard_error"].dropna().tolist() == pytest.approx([np.sqrt(250_000 / 99 / 25)] * 3)
    assert made.loc[made["row_type"] == "group", "n_effective"].tolist() == [75]


@pytest.mark.parametrize("hidden", [(1, 0.0), (29, 100.0)])
def test_hidden_units_leave_no_trace_in_their_family(hidden: tuple[int, float]) -> None:
    """Whatever the count and score of a hidden region, every published figure of its family is the same."""
    key = {
        "unit_type": "agency_region",
        "metric_id": "m",
        "period_id": "2026Q1",
        "instrument_id": "i",
        "agency_id": "a",
    }
    units = [(1, 40, 60.0, "reported"), (2, 60, 70.0, "reported"), (3, 90, 75.0, "reported")]

    def families(*more: tuple[int, int, float, str]) -> pd.DataFrame:
        frame = pd.DataFrame(
            [{**key, "unit_id": f"a/{r}", "n": n, "score": s, "status": status} for r, n, s, status in [*units, *more]]
        ).assign(standard_error=3.0, ci_low=50.0, ci_high=80.0, status_reason=None, slice_ids="x", weighting="weighted")
        made = _disparities(frame, "proportion")
        return made[made["own_status"] == "reported"].reset_index(drop=True)

    n, score = hidden
    alone = families()
    assert set(alone["row_type"]) == {"group", "unit"} and alone["tau"].notna().any()
    pd.testing.assert_frame_equal(alone, families((4, n, score, "suppressed")))


class _Empty(Dbt):
    """A warehouse with parameters but no measurements."""

    def __init__(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        super().__init__({})
        self.warehouse = warehouse

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        found = self.warehouse.execute(
            "select table_schema from information_schema.tables where table_name = ?", [name]
        ).fetchall()
        kept = "" if name in ("stg_methodology__thresholds", "stg_methodology__seasons") else "limit 0"
        return self.warehouse.sql(f"select * from {found[0][0]}.{name} {kept}")
