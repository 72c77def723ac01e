"""Every Python model of dbt beside a hostile agency: nothing is raised, and the other agencies' figures stay.

Belongs here: agencies with spoilt figures in front of each model. Does not belong here: what a method makes of them
(`tests/methodology`), and how an agency is left out (`tests/miyar/test_isolation.py`).
"""

from collections.abc import Iterator
from typing import Any

import duckdb
import pandas as pd
import pytest

from miyar.workspace import Workspace
from tests.conftest import CopyOfBuilt
from tests.dbt.hostile import HOSTILE, PLACE, HostileDbt, Spoil, set_to
from tests.dbt.python_models import _as_text, load_model
from warehouse.dbt_runner import DBT
from warehouse.incomputable import incomputable

MODELS = sorted(path.stem for path in (DBT / "models").rglob("*.py"))
COPIED = "lighthouse"


def _as_it_is(rows: pd.DataFrame, _: list[str], __: list[str]) -> pd.DataFrame:
    return rows


def _first_row(rows: pd.DataFrame, _: list[str], __: list[str]) -> pd.DataFrame:
    """A single item, case, stratum or answer."""
    return rows.head(1)


def _one_giant(rows: pd.DataFrame, counts: list[str], measures: list[str]) -> pd.DataFrame:
    """One cell outweighs all others."""
    rows = rows.astype(dict.fromkeys([*counts, *measures], "float64"))
    rows.loc[rows.index[:1], [*counts, *measures]] = 1e7
    return rows


def _one_empty(rows: pd.DataFrame, counts: list[str], measures: list[str]) -> pd.DataFrame:
    """One stratum is empty."""
    rows = rows.astype(dict.fromkeys([*counts, *measures], "float64"))
    rows.loc[rows.index[:1], [*counts, *measures]] = 0
    return rows


BOTH = ["counts", "measures"]
SPOILS: dict[str, Spoil] = {
    "as the others": _as_it_is,
    "a single row": _first_row,
    "one giant cell": _one_giant,
    "one empty cell": _one_empty,
    "nothing counted": set_to(0, ["counts"]),
    "n = 0": set_to(0, BOTH),
    "n = 1": set_to(1, BOTH),
    "n = 2": set_to(2, BOTH),
    "no variance": set_to(0, ["measures"]),
    "no figures": set_to(None, ["measures"]),
    "not a number": set_to(float("nan"), ["measures"]),
    "infinite": set_to(float("inf"), ["measures"]),
    "below zero": set_to(-1, ["measures"]),
    "beyond the scale": set_to(1000, BOTH),
}
# Sums of answers are sums of counted answers: where these are, they are numbers.
CANNOT_BE = {"int_scores__weighted": {"no figures", "not a number", "infinite"}}
# A proof that nothing hidden can be worked out is made of tables that add up, or the build stops: that is its purpose.
ADDS_UP = {"as the others", "a single row", "nothing counted", "n = 0", "no variance", "no figures", "not a number"}
# What rests on all agencies together may move with one more: pooled regressions, shares of all, journeys across agencies,
# peers' statistics (the hostile agency is a peer where the gate says so), the nation.
POOLED: dict[str, list[str]] = {
    "int_expectation__estimated": ["effect", "error", "low", "high"],
    "int_journeys__estimated": [""],
    "int_modes__grouped": ["mode_"],
    "int_neighbours__estimated": [""],
    "int_positions__estimated": [""],
    # A region of one more agency rests on one more.
    "int_sharing__decided": [""],
    "int_totals__withheld": [""],
    "int_screens__estimated": ["statistic", "p_value", "is_flagged", "n", "slice_ids"],
}


@pytest.fixture(scope="module")
def warehouse(built_workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        yield connection


def _run(connection: duckdb.DuckDBPyConnection, model: str, spoil: Spoil | None) -> pd.DataFrame:
    made: Any = load_model(model).model(HostileDbt(connection, COPIED, spoil), None)
    return made if isinstance(made, pd.DataFrame) else _as_text(made).to_pandas()


def _others(made: pd.DataFrame) -> pd.DataFrame:
    """The rows of the other agencies and their parts, with the digits that are published."""
    for column in made.columns.intersection(["agency_id", "unit_id"]):
        theirs = made[column].astype("str").str.contains(HOSTILE, regex=False)
        made = made[~theirs & ~made[column].astype("str").str.contains(PLACE, regex=False)]
    if "unit_type" in made:
        made = made[made["unit_type"] != "national"]
    names = [c for c in made if made[c].dtype == object or pd.api.types.is_string_dtype(made[c])]
    made = made.sort_values([c for c in names if c != "slice_ids"] + [c for c in made if c not in names], kind="stable")
    return made.round(4).reset_index(drop=True)


# numpy's warnings of a division by nothing end no build, but they would end a test.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("model", MODELS)
def test_a_hostile_agency_stops_and_moves_nobody(warehouse: duckdb.DuckDBPyConnection, model: str) -> None:
    alone = _others(_run(warehouse, model, None))
    for name, spoil in SPOILS.items():
        if name in CANNOT_BE.get(model, set()) or (model == "int_suppression__decided" and name not in ADDS_UP):
            continue
        beside = _others(_run(warehouse, model, spoil))
        moving = [c for c in alone if any(part in c for part in POOLED.get(model, []))]
        if POOLED.get(model) == [""]:
            assert len(beside) >= len(alone), name
            continue
        pd.testing.assert_frame_equal(
            alone.drop(columns=moving), beside.drop(columns=moving), check_dtype=False, obj=f"{model} beside: {name}"
        )


def test_positions_of_those_the_gate_keeps_apart_stay(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Peers of another class, all of them hostile, move no band or rank."""
    dbt = HostileDbt(warehouse, COPIED, None)
    gated = dbt.ref("int_comparability__gated").df()
    # A class is of one metric.
    own = gated["metric_id"] + HOSTILE
    apart = gated.assign(agency_id=gated["agency_id"] + HOSTILE, comparison_class=own, national_class=own, score=1e6)
    module = load_model("int_positions__estimated")
    tables = {
        name: dbt.ref(name)
        for name in ("int_reliability__estimated", "stg_methodology__thresholds", "int_periods__pending")
    }

    class Both:
        def config(self, **_: object) -> None: ...

        def ref(self, name: str) -> duckdb.DuckDBPyRelation:
            if name != "int_comparability__gated":
                return tables[name]
            whole = dbt.ref(name)
            return whole.union(warehouse.from_df(apart).project(", ".join(whole.columns)))

    made = _as_text(module.model(Both(), None)).to_pandas()
    pd.testing.assert_frame_equal(
        _others(_run(warehouse, "int_positions__estimated", None)), _others(made), check_dtype=False
    )


def test_those_a_method_fails_on_are_named_at_the_end_of_a_run(copy_of_built: CopyOfBuilt) -> None:
    workspace = copy_of_built("incomputable")
    assert incomputable(workspace) == []
    with duckdb.connect(str(workspace.warehouse)) as connection:
        (period, metrics) = connection.execute(
            """select period_id, count(distinct metric_id) from benchmarks.bench_scores
            where unit_type = 'agency' and agency_id = 'kites' and frame_status = 'framed' group by all order by all"""
        ).fetchall()[0]
        connection.execute(
            """update benchmarks.bench_scores set frame_status = 'weights_infeasible'
            where unit_type = 'agency' and agency_id = 'kites' and frame_status = 'framed' and period_id = ?""",
            [period],
        )
    (found,) = incomputable(workspace)
    assert (found.rule, found.who) == ("weights_infeasible", "kites")
    assert found.message.startswith(f"{period}: ")
    assert f"{metrics} metrics" in found.message


def test_records_that_contradict_each_other_are_named_with_their_sources(copy_of_built: CopyOfBuilt) -> None:
    workspace = copy_of_built("contradicted")
    with duckdb.connect(str(workspace.warehouse)) as connection:
        agency, period, assessment = connection.execute(
            "select agency_id, period_id, assessment_id from staging.stg_lake__maturity_assessments order by all limit 1"
        ).fetchall()[0]
        connection.execute(
            "update intermediate.int_maturity__cells set values_count = 2 where agency_id = ? and period_id = ?",
            [agency, period],
        )
        # Only the status is changed here, and the table takes no figure beside such a one.
        connection.execute("create or replace table benchmarks.bench_scores as from benchmarks.bench_scores")
        connection.execute(
            """update benchmarks.bench_scores set status = 'refused', status_reason = 'records_conflict'
            where unit_type = 'agency' and agency_id = ? and period_id = ? and metric_id in (
                select metric_id from core.dim_metrics where base = 'index'
            )""",
            [agency, period],
        )
    (found,) = incomputable(workspace)
    assert (found.rule, found.who) == ("records_conflict", agency)
    assert assessment in found.next_step
