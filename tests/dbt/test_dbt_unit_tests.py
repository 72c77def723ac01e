"""dbt's unit tests run here, against the tables of a small workspace, and every model that decides something has one.

Belongs here: running them and checking their completeness. Does not belong here: the cases (`dbt/models/**/_unit_tests*.yml`).
"""

import re
from pathlib import Path

import yaml

from miyar.workspace import Workspace
from warehouse.dbt_runner import DBT, run_dbt

# Tested elsewhere: those that record built slices and periods (test_slices, test_periods), the one publication fills
# (test_restatements).
KEPT = {f"int_{kind}__{state}" for kind in ("slices", "periods") for state in ("pending", "built")}
ELSEWHERE = {*KEPT, "bench_restatements"}


def _cases() -> dict[str, str]:
    """Name of each unit test and its model."""
    cases = {}
    for path in sorted((DBT / "models").rglob("*.yml")):
        for case in yaml.safe_load(path.read_text("utf-8")).get("unit_tests", []):
            cases[case["name"]] = case["model"]
    return cases


def test_every_unit_test_passes(workspace_copy: Workspace) -> None:
    results = list(run_dbt(workspace_copy, ["test_type:unit"], "test"))
    assert {result.unique_id.split(".")[-1] for result in results} == set(_cases())
    assert [(result.unique_id, result.message) for result in results if result.status != "pass"] == []


def test_every_deciding_model_has_a_unit_test() -> None:
    deciding = {
        path.stem
        for folder in ("models/intermediate", "models/marts/benchmarks")
        for path in (DBT / folder).rglob("*.sql")
    }
    assert deciding - set(_cases().values()) == ELSEWHERE


def test_every_unit_test_says_what_it_holds() -> None:
    for path in sorted((DBT / "models").rglob("_unit_tests*.yml")):
        for case in yaml.safe_load(path.read_text("utf-8"))["unit_tests"]:
            assert len(case["description"]) > 20, case["name"]
            assert case["expect"]["rows"], case["name"]


# Which rows have moved is the ledger's decision (tests/cases/test_keys_that_move.py); staging leaves them out.
MOVED = "where row_id not in (select moved.row_id from {{ source('ledger', 'moved') }} as moved)"


def test_staging_only_renames_and_casts() -> None:
    """Why staging needs no unit tests: no join, no filter but that of moved rows, no grouping."""
    for path in sorted((DBT / "models" / "staging").rglob("*.sql")):
        sql = Path(path).read_text("utf-8").lower().replace(MOVED, "")
        assert not re.search(r"\b(join|where|group by|having|union|over|case|distinct)\b", sql), path.name
