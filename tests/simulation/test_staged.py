"""Ingestion finds in simulated files what the truth says was planted, and nothing else."""

from collections import defaultdict
from pathlib import Path

import pandas as pd
import pyarrow.parquet
import pytest

from expectations.suites import suite_for
from ingestion.contract import load_contracts
from ingestion.feeds import load_feeds
from ingestion.landing import discover
from ingestion.staging import stage
from miyar.registry import load_registry
from miyar.workspace import Workspace

# One file of each format and calendar; the pipeline's tests cover all files.
PATHS = [
    "lighthouse/survey_responses/survey_2025Q2_delivered_2025-07-12.csv",
    "kites/survey_responses/استبانة_2025Q2.csv",
    "wells/survey_responses/2025Q4.xlsx",
    "sundials/survey_responses/extract_2025Q2.tsv",
    "caravans/survey_responses/feedback_2025Q2.ndjson",
    "mosaics/survey_responses/results-2025Q2.json",
    "complaints_platform/complaints/2025Q2/complaints_2025-07-12.csv",
    "mystery_contractor/mystery_visits/visits_2025Q2.xlsx",
    "kites/maturity_assessments/تقييم_2025Q4.ods",
    "mosaics/service_usage/year=2025/usage.parquet",
]


@pytest.mark.parametrize("path", PATHS)
def test_staging_finds_what_was_planted(simulated, tmp_path: Path, path: str) -> None:
    workspace = Workspace.open(simulated.root)
    contracts = load_contracts(workspace.registry)
    deliveries, problems = discover(workspace, contracts)
    assert problems == []
    delivery = next(one for one in deliveries if one.path == simulated.root / "landing" / path)
    staged = stage(delivery, workspace, load_registry(workspace.registry), tmp_path)
    found: dict[int, set[str]] = defaultdict(set)
    rows = pyarrow.parquet.read_table(staged.typed, columns=["row_id", "source_row"]).to_pylist()
    place = {row["row_id"]: row["source_row"] for row in rows}
    for row in pyarrow.parquet.read_table(staged.problems).to_pylist() if staged.problems else []:
        found[place[row["row_id"]]] |= {problem["rule"] for problem in row["problems"]}
    planted = simulated.defects[(simulated.defects["path"] == path) & (simulated.defects["fate"] == "quarantined")]
    # Rules of the suites are applied after staging; one of them finds codes in columns without a label map.
    contract = delivery.contract
    suite = {rule.id for rule in suite_for(load_feeds()[contract.feed], contract, workspace.settings.periods)}
    later = planted[planted["rule"].isin(suite)]
    told: dict[int, set[str]] = defaultdict(set)
    for note in planted[~planted["rule"].isin(suite)].itertuples():
        told[note.source_row].add(note.rule)
    for row, rules in told.items():
        assert rules <= found[row], row
    assert set(found) <= set(told) | set(later["source_row"])
    duplicates = simulated.defects.query("path == @path and fate == 'duplicate'")
    assert (staged.duplicates > 0) == (len(duplicates) > 0)
    assert bool(staged.notes) == bool(len(simulated.defects.query("path == @path and fate == 'reported'")))


def test_staged_means_are_the_realised_ones(simulated, tmp_path: Path) -> None:
    """The mean POMP of all records without a problem and not planted equals the truth's realised value."""
    workspace = Workspace.open(simulated.root)
    deliveries, _ = discover(workspace, load_contracts(workspace.registry))
    path = "caravans/survey_responses/feedback_2025Q3.ndjson"
    delivery = next(one for one in deliveries if one.path == simulated.root / "landing" / path)
    staged = stage(delivery, workspace, load_registry(workspace.registry), tmp_path)
    rows = pd.read_parquet(staged.typed)
    planted = simulated.defects[(simulated.defects["path"] == path) & (simulated.defects["fate"] == "quarantined")]
    clean = rows[~rows["source_row"].isin(planted["source_row"]) & (rows["answer_status"] == "answered")]
    for item, answers in clean.groupby("item"):
        truth = simulated.score("caravans", item, "2025Q3")
        assert len(answers) == truth["realised_n"]
        assert 25 * (answers["value"].astype(float).mean() - 1) == pytest.approx(truth["realised_value"], abs=1e-6)
