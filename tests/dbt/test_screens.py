"""Screens of the warehouse: planted patterns are flagged and honest agencies are not; cells equal the rows of the lake.

Belongs here: `int_questionnaires__cells` and `int_screens__estimated`. Does not belong here: the formulas (`tests/methodology`).
"""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from methodology.answer_screens import screen_offers, screen_questionnaires
from methodology.parameters import load_methodology
from methodology.screening import screen_burdens, screen_headlines, screen_levels
from miyar.periods import last_day
from miyar.workspace import Workspace

KNOWN = load_methodology("2026.2").thresholds
AGENCIES = [f"agency_{number:02d}" for number in range(20)]
DAYS = pd.date_range("2026-01-01", "2026-03-31")


def _questionnaires(days: pd.DataFrame) -> list[pd.DataFrame]:
    return screen_questionnaires(days, KNOWN, last_day("2026Q1"))


def _honest(seed: int = 0) -> pd.DataFrame:
    """Ten questionnaires a day of each agency; a tenth straight, one pair in fifty equal."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame([(agency, day) for agency in AGENCIES for day in DAYS], columns=["agency_id", "day"])
    n = rng.poisson(10, len(rows))
    return rows.assign(
        slice_id=rows["agency_id"],
        period_id="2026Q1",
        questionnaires_count=n,
        comparable_count=n,
        straight_count=rng.binomial(n, 0.1),
        equal_pairs_twice=2 * rng.binomial(n * (n - 1) // 2, 0.02),
    )


def _flagged(tables: list[pd.DataFrame]) -> set[tuple[str, str]]:
    rows = pd.concat(tables)
    flagged = rows[rows["is_flagged"].fillna(False).astype(bool)]
    return set(zip(flagged["screen"], flagged["unit_id"], strict=True))


def test_what_was_planted_is_flagged_and_nothing_else() -> None:
    rows = _honest()
    assert _flagged(_questionnaires(rows)) == set()
    n = rows["questionnaires_count"]
    rows.loc[rows["agency_id"] == "agency_03", "straight_count"] = n // 2
    rows.loc[rows["agency_id"] == "agency_04", "equal_pairs_twice"] = n * (n - 1) // 5
    late = (rows["agency_id"] == "agency_05") & (rows["day"] >= "2026-03-25")
    rows.loc[late, ["questionnaires_count", "comparable_count"]] += 15
    one_day = (rows["agency_id"] == "agency_06") & (rows["day"] == "2026-02-10")
    rows.loc[one_day, ["questionnaires_count", "comparable_count"]] += 90
    found = _flagged(_questionnaires(rows))
    planted = {
        ("straight_lining", "agency_03"),
        ("duplicates", "agency_04"),
        ("quarter_end", "agency_05"),
        ("burst", "agency_06"),
    }
    assert planted == found


def test_an_agency_alone_and_answers_without_a_date() -> None:
    rows = _honest()
    alone = pd.concat(_questionnaires(rows[rows["agency_id"] == "agency_00"]))
    assert set(alone["screen"]) == {"straight_lining", "duplicates", "quarter_end"}
    assert not alone["is_flagged"].fillna(False).any()
    assert alone["p_value"].isna().all()
    undated = pd.concat(_questionnaires(rows.assign(day=pd.NaT))).set_index("screen")
    assert set(undated.loc["quarter_end", "fault"]) == {"no_dates"}
    assert set(undated.loc["duplicates", "fault"]) == {"no_pairs_among_peers"}
    assert undated.loc["straight_lining", "fault"].isna().all()


def test_selective_offers() -> None:
    """Two services a fifth; agency a offers to the satisfied, b to all alike, c delivers answers only."""
    services = pd.DataFrame(
        {"service_id": [f"s{k}" for k in range(10)], "expected_satisfaction": np.arange(50.0, 100, 5)}
    )
    rows = []
    for agency, rate, answered in (("a", np.linspace(0.1, 0.5, 10), 0.5), ("b", 0.3, 0.5), ("c", 0.3, 1.0)):
        invited = np.round(1000 * rate * np.ones(10)).astype(int)
        own = services.assign(agency_id=agency, period_id="2026Q1", channel="web", completed_count=1000)
        rows.append(own.assign(invited_count=invited, responded_count=(invited * answered).astype(int)))
    found = pd.concat(screen_offers(pd.concat(rows), KNOWN)).set_index("unit_id")
    # Rates of the fifths: 12.2, 21.1, 30, 38.9, 47.8 %, a line that rises by 35.6 points.
    assert found.loc["a", "statistic"] == pytest.approx((0.5 - 0.1) * 8 / 9, abs=1e-3)
    assert found["is_flagged"].astype("object").where(found["is_flagged"].notna(), None).tolist() == [True, False, None]
    assert found.loc["c", "fault"] == "invitations_not_recorded"


def test_headlines_and_cut_offs() -> None:
    """(50 - .5 x 52) / .5 = 48: four points less among the non-responding half; without peers there is no reference."""
    scores = pd.DataFrame(
        {
            "unit_type": "agency",
            "status": "reported",
            "metric_id": "m",
            "period_id": "q",
            "instrument_id": "i",
            "agency_id": ["a", "b", "c"],
            "score": [52.0, 52.0, 70.0],
            "response_rate": [0.5, 0.5, 0.9],
            "n": 100,
            "slice_ids": "x",
        }
    )
    positions = scores[["agency_id", "metric_id", "period_id", "instrument_id"]].assign(
        peer_median=[50.0, np.nan, 50.0]
    )
    metrics = pd.DataFrame({"metric_id": ["m"], "is_headline": ["true"], "measure_id": ["maturity.four"]})
    (found,) = screen_headlines(scores, positions, metrics, KNOWN)
    assert found["statistic"].tolist() == pytest.approx([-4, np.nan, -200], nan_ok=True)
    assert found["fault"].tolist()[1] == "fewer_than_five_peers"
    assert found["is_flagged"].fillna(False).tolist() == [True, False, False]
    # 20 agencies within two points of the cut at 70, all above; one far from it and one of another kind of unit.
    assessed = pd.DataFrame(
        {
            "part": "whole",
            "unit_type": "agency",
            "model_id": "four",
            "period_id": "q",
            "slice_ids": "x;y",
            "score": [70.0 + k / 20 for k in range(20)] + [90.0],
        }
    )
    levels = pd.DataFrame({"model_id": "four", "level": [1, 2], "from_score": [0.0, 70.0]})
    (bunched,) = screen_levels(assessed, levels, metrics, KNOWN)
    assert bunched["n"].item() == 20
    assert bunched["p_value"].item() == pytest.approx(2.0**-20)
    assert bunched["is_flagged"].item() and bunched["slice_ids"].item() == "x;y"


def test_burdens() -> None:
    burdens = pd.DataFrame({"period_id": "q", "times": [1, 5], "beneficiaries_count": [97, 3]})
    (found,) = screen_burdens(burdens, KNOWN)
    assert found["statistic"].item() == pytest.approx(0.03)
    assert found["is_flagged"].item() and found["n"].item() == 100


def test_cells_equal_the_rows_of_the_lake(built_workspace: Workspace) -> None:
    with duckdb.connect() as lake:
        rows: Any = lake.execute(
            f"""select answers.slice_id, answers.response_id, answers.item, answers.stage, answers.value, answers.scale_id,
                answers.responded_at::date as day
            from read_parquet('{built_workspace.lake}/survey_responses/*/*.parquet', hive_partitioning = false) as answers
            join read_parquet('{built_workspace.lake}/slices.parquet') as slices using (slice_id, submission_id)
            where slices.status = 'live' and answers.answer_status = 'answered'"""
        ).df()
    rows["answer"] = list(zip(rows["item"], rows["stage"].fillna(""), rows["value"], strict=True))
    per = rows.groupby(["slice_id", "response_id"]).agg(
        day=("day", "min"),
        items=("item", "size"),
        scales=("scale_id", "nunique"),
        values=("value", "nunique"),
        pattern=("answer", lambda answers: tuple(sorted(answers))),
    )
    per = per.reset_index()
    own = per[(per["items"] >= 3) & (per["scales"] == 1)]
    alike = own.groupby(["slice_id", "day", "pattern"]).size()
    expected = {
        "questionnaires_count": len(per),
        "comparable_count": len(own),
        "straight_count": int((own["values"] == 1).sum()),
        "equal_pairs_twice": int((alike * (alike - 1)).sum()),
    }
    assert all(expected.values())
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as warehouse:
        found = warehouse.execute(
            f"select {', '.join(f'sum({name})::bigint' for name in expected)} from intermediate.int_questionnaires__cells"
        ).fetchone()
        by_slice = warehouse.execute(
            "select count(distinct slice_id) from intermediate.int_questionnaires__cells"
        ).fetchone()
        statuses = warehouse.execute("select distinct screen, status from benchmarks.bench_screens").fetchall()
    assert found == tuple(expected.values())
    assert by_slice == (per["slice_id"].nunique(),)
    assert {screen for screen, status in statuses if status == "reported"} >= {
        "straight_lining",
        "quarter_end",
        "burst",
    }
