"""Bulk data for the benchmarks: the requested number of rows, valid, in files of equal size, and reproducible."""

import hashlib
from pathlib import Path

import pandas as pd

from ingestion.contract import load_contracts
from miyar.registry import load_registry
from miyar.workspace import Workspace
from simulation.perf import write_perf_workspace


def written(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).digest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_bulk_data_has_the_rows_asked_for_and_is_the_same_twice(tmp_path: Path) -> None:
    root = tmp_path / "perf"
    write_perf_workspace(root, answers=50_003, complaints=4_001, submissions=20, seed=4)
    write_perf_workspace(tmp_path / "again", answers=50_003, complaints=4_001, submissions=20, seed=4)
    assert written(root) == written(tmp_path / "again")
    workspace = Workspace.open(root)
    registry = load_registry(workspace.registry)
    contracts = load_contracts(workspace.registry)
    assert len(registry.tables["agencies"]) == 3  # 20 quarters, with eight per agency
    files = sorted((root / "landing").glob("*/survey_responses/*.csv"))
    answers = [pd.read_csv(file) for file in files]
    assert max(map(len, answers)) - min(map(len, answers)) <= 1
    every = pd.concat(answers)
    assert len(files) == 20
    assert len(every) == 50_003
    assert len(every.columns) == 14
    assert set(every["value"]) == {1, 2, 3, 4, 5, 9}
    # In every answer a branch is in the region that the registry names.
    lies_in = {row["branch_id"]: row["region_id"] for row in registry.tables["branches"]}
    assert (every["branch_id"].map(lies_in) == every["region_id"]).all()
    assert set(every["branch_id"]) == registry.ids("branches")
    assert set(every["branch_id"]) <= registry.ids("branches")
    assert set(every["service_id"]) <= registry.ids("services")
    for file, frame in zip(files, answers, strict=True):
        assert not frame.duplicated(["response_id", "item"]).any()
        assert set(pd.to_datetime(frame["responded_at"]).dt.to_period("Q").astype(str)) == {file.stem}
    contract = next(one for one in contracts if one.feed == "survey_responses")
    mapped = {prop.physical_name for prop in contract.properties if prop.physical_name}
    assert mapped == set(every.columns)
    cases = pd.concat(pd.read_csv(file) for file in (root / "landing" / "platform" / "complaints").glob("*.csv"))
    assert len(cases) == 4_001
    assert cases["case_id"].is_unique
    assert set(cases["agency_id"]) == registry.ids("agencies")
    assert (cases["resolved_at"].dropna() >= cases.loc[cases["resolved_at"].notna(), "opened_at"]).all()
