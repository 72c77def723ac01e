"""Maturity in the warehouse: which adoption counts, levels behind gates, and the simulated centre's own assessments.

Belongs here: the Python models on frames worked out by hand, and identities on the built workspace. Does not belong here:
the formulas (`tests/methodology/test_maturity*`).
"""

import csv
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from methodology.parameters import load_methodology
from miyar.workspace import Workspace
from simulation.world import table
from tests.dbt.python_models import run_model

CELL = {
    "agency_id": "a",
    "service_id": None,
    "branch_id": None,
    "region_id": None,
    "journey_id": None,
    "dimension": "d",
}
CELL |= {"model_id": "m", "period_id": "2026Q1", "practices_count": 1, "slice_id": "x"}
KNOWN = [
    ("p1", 2, True, "", ""),
    ("p2", 2, False, "", ""),
    ("p3", 2, False, "seen", "0.5;0.8;0.95"),
    ("p4", 3, True, "", ""),
]


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns if not rows else None)


def _tables(cells: list[dict[str, Any]], seen: list[dict[str, Any]], **thresholds: float) -> dict[str, pd.DataFrame]:
    names = {"name_ar": "ا", "name_en": "A"}
    shares = ["sum_share", "mean_share", "values_count", "last_values_count"]
    columns = [*CELL, "practice_id", *shares, "evidenced_count", "expires_on"]
    made = [
        {
            **CELL,
            "evidenced_count": 1,
            "expires_on": pd.Timestamp("2026-12-31"),
            **cell,
            "practice_id": cell["practice_id"],
            "mean_share": cell["sum_share"],
            "values_count": 1,
            "last_values_count": 1,
        }
        for cell in cells
    ]
    values = {
        "contradiction_steps": 2,
        "announced_at": 0.9,
        "monte_carlo_draws": 2000,
        "monte_carlo_seed": 1,
        "assessor_errors_low": 0.5,
        "assessor_errors_high": 2.0,
        **thresholds,
    }
    practices = [
        {
            "model_id": "m",
            "practice_id": p,
            "dimension": "d",
            "level": level,
            "is_mandatory": mandatory,
            "measure": measure,
        }
        | {"steps": steps, **names}
        for p, level, mandatory, measure, steps in KNOWN
    ]
    cuts = enumerate([0.0, 40.0, 80.0], start=1)
    return {
        "int_maturity__cells": _frame(made, columns),
        "int_maturity__observed": _frame(seen, ["measure", "agency_id", "period_id", "hits", "base"]),
        "stg_methodology__maturity_dimensions": pd.DataFrame([{"model_id": "m", "dimension": "d", "weight": 1.0}]),
        "stg_methodology__maturity_levels": pd.DataFrame(
            [{"model_id": "m", "level": level, "from_score": cut, **names} for level, cut in cuts]
        ),
        "stg_methodology__maturity_practices": pd.DataFrame(practices),
        "stg_methodology__maturity_gates": pd.DataFrame(
            [{"model_id": "m", "level": level, "adoption": 2.0, "share": 0.6} for level in (2, 3)]
        ),
        "stg_methodology__metrics": pd.DataFrame([{"measure_id": "maturity.m", "repeats": "latest"}]),
        "stg_methodology__maturity_models": pd.DataFrame([{"model_id": "m", "unshown": 1.0}]),
        "stg_methodology__adoption_errors": pd.DataFrame(
            [{"assessed": a, "verified": v, "probability": float(a == v)} for a in range(4) for v in range(4)]
        ),
        "stg_methodology__thresholds": pd.DataFrame({"name": list(values), "value": list(values.values())}),
    }


def _share(adoption: int) -> float:
    return 100 * adoption / 3


def _run(tables: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    practices = run_model("int_maturity__practices", tables)
    assessed = run_model("int_maturity__assessed", {**tables, "int_maturity__practices": practices})
    announced = run_model("int_maturity__announced", {**tables, "int_maturity__assessed": assessed})
    return practices, assessed.merge(announced, on=["unit_type", "unit_id", "model_id", "period_id"], how="left")


ADOPTED = [
    {"practice_id": "p1", "sum_share": _share(3)},
    {"practice_id": "p2", "sum_share": _share(3), "evidenced_count": 0},
    {"practice_id": "p3", "sum_share": _share(3)},
    {"practice_id": "c01", "sum_share": _share(3)},
]
SEEN = [{"measure": "seen", "agency_id": "a", "period_id": "2026Q1", "hits": 4, "base": 5}]


def test_what_counts_is_seen_or_shown() -> None:
    practices, _ = _run(_tables(ADOPTED, SEEN))
    rows = practices.set_index("practice_id")
    # Shown; claimed without evidence (ad hoc at most); 4 of 5 reaches two steps; never assessed; not in the model.
    assert rows["counted"].to_dict() == pytest.approx(
        {"p1": 3, "p2": 1, "p3": 2, "p4": np.nan, "c01": np.nan}, nan_ok=True
    )
    assert rows["observed"].dropna().to_dict() == {"p3": 2}
    assert rows["is_known"].to_dict() == {"p1": True, "p2": True, "p3": True, "p4": True, "c01": False}
    assert not rows["is_contradicted"].any()


def test_evidence_ends_with_the_quarter() -> None:
    cells = [
        {"practice_id": "p1", "sum_share": _share(3), "expires_on": pd.Timestamp("2026-03-30")},
        {"practice_id": "p2", "sum_share": _share(3), "expires_on": pd.Timestamp("2026-03-31")},
        {"practice_id": "p4", "sum_share": _share(3), "expires_on": pd.NaT},
    ]
    rows = _run(_tables(cells, []))[0].set_index("practice_id")
    assert rows["is_expired"].dropna().to_dict() == {"p1": True, "p2": False, "p4": False}
    assert (rows["counted"]["p1"], rows["counted"]["p2"], rows["counted"]["p4"]) == (1, 3, 3)


def test_a_contradiction_is_two_steps_wide() -> None:
    seen = [{**SEEN[0], "hits": 3}]
    practices, assessed = _run(_tables(ADOPTED, seen))
    # Three of five reaches the first step only; assessed at 3.
    assert practices.set_index("practice_id")["is_contradicted"].to_dict()["p3"]
    whole = assessed[assessed["part"] == "whole"].iloc[0]
    assert (whole["contradicted_count"], whole["unknown_count"]) == (1, 1)


def test_a_level_stands_behind_its_gate() -> None:
    _, assessed = _run(_tables(ADOPTED, SEEN))
    whole = assessed[assessed["part"] == "whole"].iloc[0]
    # (3 + 1 + 2)/9; two of three practices at 2, the mandatory one among them: 0.67 of 0.6 asked.
    assert whole["score"] == pytest.approx(100 * 6 / 9)
    assert (whole["level"], whole["gates_passed"], whole["gates_failed"]) == (2, 1, 1)
    assert whole["points_missing"] == pytest.approx(80 - 100 * 6 / 9)
    assert (whole["practices_missing"], whole["mandatory_missing"]) == (1, 1)
    # Assessors who never err leave no uncertainty.
    assert (whole["level_probability"], whole["announced_level"], whole["announced_probability"]) == (1, 2, 1)
    gates = assessed[assessed["part"] == "gate"].set_index("part_id")
    assert gates["is_passed"].to_dict() == {"2": True, "3": False}
    assert gates["score"].to_dict() == pytest.approx({"2": 100 * 2 / 3, "3": 0})


def test_an_unsure_rise_is_announced_after_two_cycles() -> None:
    low = [{"practice_id": "p1", "sum_share": _share(1)}, {"practice_id": "p2", "sum_share": _share(1)}]
    cycles = [{**cell, "period_id": "2025Q4"} for cell in low]
    cycles += [{**cell, "period_id": period} for period in ("2026Q1", "2026Q2") for cell in ADOPTED[:1]]
    cycles += [{"practice_id": "p2", "sum_share": _share(2), "period_id": period} for period in ("2026Q1", "2026Q2")]
    tables = _tables(cycles, [])
    # Half of all twos are ones in truth: p2 holds the share of level 2 (two of three), so P(level 2) is a half.
    errors = tables["stg_methodology__adoption_errors"]
    errors.loc[(errors["assessed"] == 2) & errors["verified"].isin([1, 2]), "probability"] = 0.5
    assessed = _run(tables)[1]
    whole = assessed[assessed["part"] == "whole"].sort_values("period_id")
    assert whole["level"].tolist() == [1, 2, 2]
    assert whole["announced_level"].tolist() == [1, 1, 2]
    assert whole["level_probability"].tolist()[1:] == pytest.approx([0.5, 0.5], abs=5 * (0.25 / 2000) ** 0.5)
    # Half as many errors: a quarter of all twos are ones. Twice as many: all of them.
    assert whole["level_probability_high"].tolist()[1:] == pytest.approx([0.75, 0.75], abs=5 * (0.25 / 2000) ** 0.5)
    assert whole["level_probability_low"].tolist()[1:] == [0, 0]


def test_chances_do_not_depend_on_who_else_is_assessed() -> None:
    other = [{**cell, "agency_id": "b", "slice_id": "y"} for cell in ADOPTED]
    tables, wider = _tables(ADOPTED, []), _tables([*other, *ADOPTED], [])
    for name in ("stg_methodology__adoption_errors",):
        errors = pd.DataFrame([{"assessed": a, "verified": v, "probability": 0.25} for a in range(4) for v in range(4)])
        tables[name], wider[name] = errors, errors
    alone, beside = _run(tables)[1], _run(wider)[1]
    pick = beside[(beside["unit_id"] == "a") & (beside["part"] == "whole")].iloc[0]
    assert pick["level_probability"] == alone[alone["part"] == "whole"].iloc[0]["level_probability"]
    assert 0 < pick["level_probability"] < 1


def test_nothing_assessed_is_an_empty_table() -> None:
    practices, assessed = _run(_tables([], []))
    assert practices.empty and assessed.empty
    assert {"counted", "slice_ids"} <= set(practices.columns)
    # Every practice left open: a row for each, and no level.
    unknown = [{"practice_id": "c01", "sum_share": _share(3)}]
    practices, assessed = _run(_tables(unknown, []))
    assert len(practices) == 5 and practices["counted"].isna().all()
    assert assessed.empty


def test_the_simulation_assesses_the_model_s_own_practices() -> None:
    model = load_methodology("2026.2").models["cx_management"]
    rows = [(row["practice_id"], row["dimension"]) for row in table("practices") if row["model_id"] == "cx_management"]
    assert sorted(rows) == sorted((practice.practice_id, practice.dimension) for practice in model.practices)


def test_as_assessed_the_score_is_the_planted_one(built_workspace: Workspace) -> None:
    with (built_workspace.root / "truth" / "scores.csv").open(encoding="utf-8") as file:
        truth = {
            (row["agency_id"], row["period_id"]): float(row["realised_value"])
            for row in csv.DictReader(file)
            if row["metric_id"] == "maturity_cx_management"
        }
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select unit_id, period_id, score::double, unknown_practices_count from benchmarks.bench_maturity "
            "where unit_type = 'agency' and model_id = 'cx_management'"
        ).fetchall()
        gaps = connection.execute(
            """
            select count(*) from benchmarks.bench_maturity as wholes
            left join (select score_id, count(*) as n from benchmarks.bench_maturity_gaps
                       where gap = 'mandatory_practice' group by all) as gaps using (score_id)
            where mandatory_to_next_level <> coalesce(gaps.n, 0)
            """
        ).fetchone()
    assert len(rows) >= 7
    assert [row[2] for row in rows] == pytest.approx([truth[row[:2]] for row in rows], abs=5e-5)
    assert {row[3] for row in rows} == {0}
    assert gaps == (0,)


def test_adoption_errors_must_be_chances(tmp_path: Path) -> None:
    import shutil

    from methodology.parameters import VERSIONS, ParameterError

    shutil.copytree(VERSIONS / "2026.2", tmp_path / "v")
    path = tmp_path / "v" / "adoption_errors.csv"
    path.write_text(path.read_text("utf-8").replace("3,3,0.8", "3,3,0.9"), "utf-8")
    with pytest.raises(ParameterError, match="assessed 3: chances of 0, 1, 2, 3 must sum to one"):
        load_methodology("v", versions=tmp_path)
