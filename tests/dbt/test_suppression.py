"""Disclosure control in the warehouse: which counts go, and that no reader gets them back.

Belongs here: the tables the Python model builds, on counts worked out by hand, and the published tables of the built
workspace attacked by subtraction. Does not belong here: linear programming itself (`tests/methodology/test_disclosure`).
"""

from collections.abc import Sequence
from typing import Any

import duckdb
import pandas as pd
import pytest

from miyar.workspace import Workspace
from tests.dbt.python_models import run_model

TABLE = {"metric_id": "m", "period_id": "q", "instrument_id": "i"}


def _run(
    counts: dict[tuple[str, str, str], int], placed: Sequence[tuple[str, str, str]] = (), **other: Any
) -> pd.DataFrame:
    scores = [
        {
            "unit_type": kind,
            "unit_id": unit,
            "agency_id": agency or None,
            **TABLE,
            "n": n,
            "n_at_least": n,
            "slice_ids": "s",
        }
        for (kind, agency, unit), n in counts.items()
    ]
    columns = ["unit_type", "unit_id", "agency_id", *TABLE, "n", "n_at_least", "slice_ids"]
    measures = [{**TABLE, "agency_id": a, "branch_id": b, "region_id": r} for a, b, r in placed]
    made = run_model(
        "int_suppression__decided",
        {
            "int_scores__estimated": pd.DataFrame(scores, columns=columns),
            "stg_methodology__metrics": pd.DataFrame([{"metric_id": "m", "estimator": other.get("estimator", "mean")}]),
            "int_measures__observed": pd.DataFrame(measures, columns=[*TABLE, "agency_id", "branch_id", "region_id"]),
            "stg_methodology__thresholds": pd.DataFrame({"name": ["minimum_n", "owner_n"], "value": [30.0, 5.0]}),
        },
    )
    return made.set_index("unit_id")


def test_one_hidden_part_takes_the_smallest_with_it() -> None:
    counts = {("agency", "a", "a"): 140, ("service", "a", "a/s1"): 10, ("service", "a", "a/s2"): 40}
    made = _run({**counts, ("service", "a", "a/s3"): 90})
    assert made["is_primary"].to_dict() == {"a/s1": True, "a/s2": False}
    # Both sum to 50, and nothing else is known of either.
    assert made["is_proved"].to_dict()["a/s1"]
    assert pd.isna(made["is_proved"].to_dict()["a/s2"])
    # Ends looked for from the true counts would tell of them.
    assert {"lower", "upper"}.isdisjoint(made.columns)


def test_two_hidden_parts_may_still_be_too_close() -> None:
    # 4 and 3 sum to 7: each is known to within 7, and 10 are required. The smallest other one goes.
    counts = {("agency", "a", "a"): 147, ("service", "a", "a/s1"): 4, ("service", "a", "a/s2"): 3}
    made = _run({**counts, ("service", "a", "a/s3"): 50, ("service", "a", "a/s4"): 90})
    assert sorted(made.index) == ["a/s1", "a/s2", "a/s3"]
    assert made.loc[made["is_primary"], "is_proved"].all()


def test_answers_without_a_part_are_a_hidden_part() -> None:
    made = _run({("agency", "a", "a"): 100, ("branch", "a", "a/b1"): 12, ("branch", "a", "a/b2"): 60})
    assert list(made.index) == ["a/b1"]
    # 28 answers name no branch, and no table shows them.
    assert made.loc["a/b1", "is_proved"]


def test_regions_are_totals_too() -> None:
    # Agency a's region r is hidden behind its other region, but the region's total less agency b would give it away.
    counts = {("agency", "a", "a"): 200, ("agency_region", "a", "a/r"): 6, ("agency_region", "a", "a/t"): 194}
    counts |= {("agency", "b", "b"): 160, ("agency_region", "b", "b/r"): 70, ("agency_region", "b", "b/t"): 90}
    counts |= {("region", "", "r"): 76, ("region", "", "t"): 284}
    made = _run(counts)
    assert made.loc["a/r", "is_proved"]
    assert set(made.index) >= {"a/r", "a/t"} and set(made.index) & {"b/r", "r"}


def test_branches_of_a_region_are_parts_of_it() -> None:
    # Among the agency's branches b1 and b3 protect each other; but the region's 46 less branch b2 would be b1.
    counts = {("agency", "a", "a"): 140, ("agency_region", "a", "a/r"): 46, ("agency_region", "a", "a/t"): 94}
    counts |= {
        ("branch", "a", "a/b1"): 6,
        ("branch", "a", "a/b2"): 40,
        ("branch", "a", "a/b3"): 9,
        ("branch", "a", "a/b4"): 85,
    }
    counts |= {("region", "", "r"): 46, ("region", "", "t"): 94}
    placed = [("a", "b1", "r"), ("a", "b2", "r"), ("a", "b3", "t"), ("a", "b4", "t")]
    without, made = _run(counts), _run(counts, placed)
    assert sorted(without.index) == ["a/b1", "a/b3"]
    assert {"a/b1", "a/b3"} < set(made.index)
    assert made.loc[["a/b1", "a/b3"], "is_proved"].all()


def test_a_table_of_one_and_a_table_of_none() -> None:
    made = _run({("agency", "a", "a"): 4, ("service", "a", "a/s"): 4})
    assert made["is_proved"].all()
    assert _run({("agency", "a", "a"): 40}).empty
    assert _run({}).empty
    assert _run({("agency", "a", "a"): 4}, estimator="practice_mean").empty


def test_parts_above_their_total_are_a_fault() -> None:
    with pytest.raises(ValueError, match="parts exceed their total for agency a m q i"):
        _run({("agency", "a", "a"): 40, ("service", "a", "a/s1"): 41, ("service", "a", "a/s2"): 3})


def test_no_published_table_gives_a_hidden_count_away(built_workspace: Workspace) -> None:
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select unit_type, unit_id, agency_id, metric_id, period_id, instrument_id, scores.n as shown, judged.n as n "
            "from benchmarks.bench_scores as scores inner join intermediate.int_scores__judged as judged "
            "using (unit_type, unit_id, agency_id, metric_id, period_id, instrument_id) "
            "where scores.instrument_id is not null and judged.n > 0 and unit_type in ('agency', 'service')"
        ).df()
        unproved = connection.execute(
            "select count(*), count(*) filter (where is_primary and not is_proved) "
            "from benchmarks.bench_suppression_proofs"
        ).fetchone()
    assert unproved is not None and unproved[0] > 100 and unproved[1] == 0
    table = ["agency_id", "metric_id", "period_id", "instrument_id"]
    services = rows[rows["unit_type"] == "service"].groupby(table)
    parts = services.agg(n=("n", "sum"), shown=("shown", "sum"), hidden=("shown", lambda s: s.isna().sum()))
    totals = rows[rows["unit_type"] == "agency"].set_index(table)["shown"].rename("total")
    joined = parts.join(totals, how="inner").dropna()
    exact = joined[joined["n"] == joined["total"]]
    assert len(exact) > 10
    # A published total less its published services is never one service's count.
    assert (exact["hidden"] != 1).all()
