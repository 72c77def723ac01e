"""Journeys in the warehouse: cells against rows of the lake, and shares that sum exactly.

Belongs here: the Python model on frames worked out by hand, and identities on the built workspace. Does not belong here: the
formulas (`tests/methodology/test_dominance`).
"""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from methodology.journeys import apportioned
from miyar.workspace import Workspace
from tests.dbt.python_models import run_model

PARTS = ["whole", "before", "during", "after"]
SHARING = {"minimum_contributors": 3.0, "dominance_margin": 25.0, "owner_n": 5.0}
THRESHOLDS = {"interval_level": 0.95, "journey_target": 80.0, "minimum_n": 4.0, **SHARING}

NOTHING_BEFORE = pd.DataFrame(
    {
        name: pd.Series(dtype="float64" if name in ("version", "n", "total", "squares") else "str")
        for name in (
            "unit_type",
            "unit_id",
            "metric_id",
            "period_id",
            "instrument_id",
            "contributor_id",
            "version",
            "n",
            "total",
            "squares",
        )
    }
)


def _totals(scores: np.ndarray[Any, Any], people: list[int], position: int) -> dict[str, Any]:
    """Products of the counts and totals of persons, of one part with itself and with later stages."""
    n, y = np.bincount(people), np.column_stack([np.bincount(people, column) for column in scores.T])
    found: dict[str, Any] = {f"{PARTS[position]}_persons": len(n)}
    for k, other in enumerate(PARTS):
        if k == position or 0 < position < k:
            sides = {"n": (n, n), "y": (y[:, position], y[:, k])}
            pair = f"{PARTS[position]}_{other}"
            found |= {f"{pair}_{a}_{b}": sides[a][0] @ sides[b][1] for a in "ny" for b in "ny"}
    return found


def _cell(agency: str, scores: np.ndarray[Any, Any], people: list[int] | None = None) -> dict[str, Any]:
    """Sums of complete responses, (responses, whole and stages), each of another person unless `people` say whose."""
    people = list(range(len(scores))) if people is None else people
    cell: dict[str, Any] = {"slice_id": f"s-{agency}", "agency_id": agency, "period_id": "q", "journey_id": "j"}
    cell |= {
        "item": "overall",
        "scale_id": "f",
        "scale_range": 4,
        "wording_version": "w",
        "complete_count": len(scores),
    }
    for position, part in enumerate(PARTS):
        own = scores[:, position]
        cell |= {f"{part}_count": len(own), f"sum_{part}": own.sum(), f"sum_{part}2": (own**2).sum()}
        cell |= {f"complete_{part}": own.sum()}
        cell |= {f"complete_{part}_{other}": own @ scores[:, k] for k, other in enumerate(PARTS) if k >= position}
        cell |= _totals(scores, people, position)
    return cell


def _run(cells: list[dict[str, Any]], owners: dict[str, list[str]]) -> pd.DataFrame:
    steps = [(f"{name}-{stage}-{k}", stage, name) for stage, names in owners.items() for k, name in enumerate(names)]
    empty = _cell("a", np.zeros((1, 4)))
    return run_model(
        "int_journeys__estimated",
        {
            "int_journeys__cells": pd.DataFrame(cells, columns=list(empty)),
            "stg_ledger__contributed": NOTHING_BEFORE,
            "stg_methodology__metrics": pd.DataFrame([{"metric_id": "sat", "measure_id": "overall.mean"}]),
            "stg_methodology__roles": pd.DataFrame([{"role": "satisfaction", "metric_id": "sat"}]),
            "stg_registry__journey_steps": pd.DataFrame(
                [{"journey_id": "j", "step": 1, "service_id": s, "stage": stage} for s, stage, _ in steps],
                columns=["journey_id", "step", "service_id", "stage"],
            ),
            "stg_registry__services": pd.DataFrame(
                [{"service_id": s, "agency_id": name} for s, _, name in steps], columns=["service_id", "agency_id"]
            ),
            "stg_methodology__thresholds": pd.DataFrame({"name": list(THRESHOLDS), "value": list(THRESHOLDS.values())}),
        },
    )


# Before and after are uncorrelated and whole = (3 before + after)/4: R squared 1, shares 9/10 and 1/10; during is constant.
FACTORIAL = np.array([[(3 * b + a) / 4, b, 50.0, a] for b in (40.0, 80.0) for a in (40.0, 80.0)])


def test_weights_shortfalls_and_owners_by_hand() -> None:
    made = _run([_cell("a", FACTORIAL)], {"before": ["a"], "during": ["b"], "after": ["b", "c"]})
    head = made[made["part"] == "journey"].iloc[0]
    assert (head["n"], head["score"], head["shortfall"]) == (4, 60, 20)
    assert head["r_squared"] == pytest.approx(1)
    assert (head["weakest_stage"], head["owners_count"], head["agencies_count"]) == ("before", 3, 1)
    stages = made[made["part"] == "stage"].set_index("part_id")
    assert stages["weight"].to_dict() == pytest.approx({"before": 0.9, "during": 0.0, "after": 0.1})
    # During is the lowest stage (50), but nobody minds: 0.9 x 20, 0 x 30, 0.1 x 20.
    assert stages["shortfall"].to_dict() == pytest.approx({"before": 18, "during": 0, "after": 2})
    owners = made[made["part"] == "agency"].set_index("part_id")
    assert owners["shortfall"].to_dict() == {"a": 18, "b": 1, "c": 1}
    assert owners["n"].to_dict() == {"a": 4, "b": 0, "c": 0}


def test_a_person_counts_once_however_often() -> None:
    """Persons of 40 and 80, two answers each: totals of y - 60 are -40 and 40, V = 2/1 x 3200/16 = 400.

    Of four persons it is 1600/3/4.
    """
    scores = np.repeat([[40.0] * 4, [80.0] * 4], 2, axis=0)
    of_two, of_four = (
        made[made["part"] == "journey"].iloc[0]
        for made in (_run([_cell("a", scores, people)], {"before": ["a"]}) for people in ([0, 0, 1, 1], None))
    )
    assert (of_two["respondents"], of_four["respondents"], of_two["n"]) == (2, 4, 4)
    assert (of_two["standard_error"], of_four["standard_error"]) == pytest.approx((20, np.sqrt(400 / 3)))
    assert (of_two["n_effective"], of_four["n_effective"]) == pytest.approx((4 / 3, 4))
    agencies = _run([_cell("a", scores, [0, 0, 1, 1])], {"before": ["a"]}).set_index("part").loc[["agency"]]
    assert agencies.loc[agencies["part_id"] == "a", "standard_error"].item() == pytest.approx(20)


def test_the_gap_of_a_stage_knows_the_same_people() -> None:
    """Before less the mean of the others is 10, 10, 20, 20 within persons: 15, with the error of those four differences."""
    before = np.array([20.0, 60, 40, 90])
    scores = np.column_stack([before, before, before - [10, 10, 20, 20], before - [10, 10, 20, 20]])
    made = _run([_cell("a", scores)], {"before": ["a"]}).set_index(["part", "part_id"]).loc[("stage", "before")]
    # s^2 = 100/3, divided by four; t(3) = 3.18245.
    assert made["gap"] == pytest.approx(15)
    assert made["gap_high"] - made["gap"] == pytest.approx(3.18245 * np.sqrt(100 / 12), rel=1e-5)


def test_a_stage_nobody_owns_keeps_its_share() -> None:
    made = _run([_cell("a", FACTORIAL)], {"before": ["a"], "during": ["b"]})
    owners = made[made["part"] == "agency"]
    assert owners[owners["part_id"].isna()]["shortfall"].tolist() == [2]
    assert owners["shortfall"].sum() == 20


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (FACTORIAL[:3], "too_few_complete"),
        (np.full((5, 4), 60.0), "no_variance"),
        (np.column_stack([[40.0, 80, 40, 80], np.full((4, 3), 50.0)]), "nothing_explained"),
    ],
)
def test_without_weights_the_reason_stands(scores: np.ndarray[Any, Any], reason: str) -> None:
    made = _run([_cell("a", scores)], {"before": ["a"]})
    head = made[made["part"] == "journey"].iloc[0]
    assert head["weights_reason"] == reason
    assert pd.isna(head["weakest_stage"])
    assert made.loc[made["part"] == "stage", "weight"].isna().all()
    assert made.loc[made["part"] == "agency", "shortfall"].isna().all()


def test_a_journey_on_target_has_no_shortfall() -> None:
    made = _run([_cell("a", FACTORIAL + 30)], {"before": ["a"], "after": ["b"]})
    assert made.loc[made["part"] == "journey", "shortfall"].item() == 0
    assert made.loc[made["part"] == "agency", "shortfall"].tolist() == [0, 0]
    assert made.loc[made["part"] == "agency", "shortfall_share"].isna().all()


def test_shares_are_given_out_to_the_last_digit() -> None:
    # A third each of 0.0001 x 10: 3.33 units; the first of equal remainders gets the odd one.
    assert apportioned([0.001 / 3] * 3, 10) == [4, 3, 3]


def test_no_journeys_make_an_empty_table() -> None:
    assert _run([], {}).empty


def test_cells_are_the_rows_of_the_lake(built_workspace: Workspace) -> None:
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        cells = connection.execute(
            "select journey_id, period_id, agency_id, sum(whole_count) as n, sum(complete_count) as complete, "
            "sum(complete_whole_during)::double as product, sum(sum_after)::double as after "
            "from intermediate.int_journeys__cells where item = 'overall_satisfaction' group by all order by all"
        ).df()
        live = connection.execute(
            "select slice_id, submission_id from staging.stg_ledger__slices where status = 'live'"
        ).df()
        shares = connection.execute(
            """
            select round(max(shortfall) filter (part = 'journey'), 4) = round(sum(shortfall) filter (part = 'agency'), 4)
                as is_exact
            from intermediate.int_journeys__estimated
            where part in ('journey', 'agency') and isfinite(shortfall)
            group by journey_id, period_id, instrument_id having count(*) > 1
            """
        ).df()
    pattern = str(built_workspace.lake / "survey_responses" / "*" / "*.parquet")
    rows = duckdb.sql(f"select * from read_parquet('{pattern}', hive_partitioning = false)").df()
    rows = rows.merge(live, on=["slice_id", "submission_id"]).dropna(subset=["journey_id", "value"])
    span = (rows["scale_max"] - rows["scale_min"]).astype(float)
    up = (rows["value"] - rows["scale_min"]).astype(float)
    rows["score"] = 100 * np.where(rows["is_reversed"], span - up, up) / span
    key = ["journey_id", "period_id", "agency_id", "submission_id", "response_id"]
    stages = rows.pivot_table(index=key, columns="stage", values="score", aggfunc="mean")
    overall = rows[rows["item"] == "overall_satisfaction"].set_index(key)["score"].rename("overall")
    wide = stages.join(overall, how="inner").reset_index()
    complete = wide[["before", "during", "after"]].notna().all(axis=1)
    wide["product"] = np.where(complete, wide["overall"] * wide["during"], 0.0)
    wide["complete"] = complete
    by = wide.groupby(key[:3])
    expected = by.agg(
        n=("overall", "count"), complete=("complete", "sum"), product=("product", "sum"), after=("after", "sum")
    )
    found = cells.set_index(key[:3])
    assert len(found) == len(expected) > 10
    assert found["n"].to_dict() == expected["n"].to_dict()
    assert found["complete"].to_dict() == expected["complete"].to_dict()
    # Each response's stage mean is rounded to six decimals in the cells.
    assert found["product"].fillna(0).to_dict() == pytest.approx(expected["product"].to_dict(), rel=1e-7)
    assert found["after"].fillna(0).to_dict() == pytest.approx(expected["after"].to_dict(), rel=1e-7)
    assert len(shares) >= 1 and shares["is_exact"].all()
