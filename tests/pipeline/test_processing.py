"""The record of processing: made from contracts and graph, complete for every contract, and silent on nothing that is missing."""

from pathlib import Path
from typing import Any

import pytest

from cli.processing import Graph, asset_graph, gaps, record
from dagster_project.instance import open_instance
from ingestion.contract import Contract, load_contracts
from miyar.workspace import Workspace
from simulation.workspace import write_workspace
from simulation.world import Size

GRAPH = Graph(
    {
        "staging/a": ["lake/survey_responses"],
        "cells/b": ["staging/a"],
        "cells/c": ["staging/a"],
        "bench/d": ["cells/b", "cells/c"],
        "bench/e": ["lake/complaints"],
    },
    {"bench/d": "benchmarks", "bench/e": "benchmarks"},
    {
        "staging/a": "select beneficiary from x",
        "cells/b": "select hash(beneficiary)",
        "cells/c": "select not_beneficiary_id",
    },
)
CONTRACT: dict[str, Any] = {
    "id": "c", "provider": "p", "feed": "survey_responses", "covers": "all", "format": {"type": "csv"},
    "properties": [
        {"name": "agency_id", "constant": "a"}, {"name": "responded_at", "physicalName": "when"},
        {"name": "item", "constant": "x"}, {"name": "wording_version", "constant": "1"},
        {"name": "scale", "constant": "s"}, {"name": "value", "physicalName": "q"},
        {"name": "beneficiary", "physicalName": "national id", "treatment": "pseudonymise",
         "retention": {"period": "P1Y", "reason": "linking"}},
    ],
    "scales": {"s": {"family": "f", "min": 1, "max": 5}},
    "dropped": [{"physicalName": "phone", "reason": "not needed"}],
}  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "miyar.yml").write_text(
        "name: {ar: مركز, en: Centre}\nmethodology: '2026.2'\nperiods: {first: 2025Q1, last: 2026Q4}\n", "utf-8"
    )
    return Workspace.open(tmp_path)


def test_what_the_contract_and_the_graph_say(workspace: Workspace) -> None:
    stated = {
        "purpose": "to compare services", "legalBasis": "the law of statistics", "subjects": "those who answered",
        "recipients": ["the auditor"], "transfers": "",
    }  # fmt: skip
    contract = Contract.model_validate(
        CONTRACT | {"processing": stated, "retention": {"period": "P5Y", "reason": "trends"}}
    )
    told = record(workspace, [contract], GRAPH)
    for line in (
        "- Purpose: to compare services",
        "- Recipients: the centre, the auditor",
        "- Kept: P5Y after the quarter (trends)",
        "- Tables with its pseudonyms: cells/b, staging/a",
        "- Published tables made from it: 1",
        "- Missing: nothing",
        "| Keyed pseudonym | national id | pseudonym | P1Y (linking) |",
        "| not stored: not needed | phone | dropped | |",
    ):
        assert line in told.split("\n")


def test_what_is_missing_is_listed(workspace: Workspace) -> None:
    contract = Contract.model_validate(CONTRACT)
    assert gaps(contract) == ["purpose", "legal basis", "whose data", "retention"]
    assert "- **Missing**: purpose, legal basis, whose data, retention" in record(workspace, [contract], GRAPH)


def test_every_contract_of_a_centre_is_in_its_record(tmp_path: Path) -> None:
    write_workspace(tmp_path / "demo", size=Size.tiny())
    workspace = Workspace.open(tmp_path / "demo")
    contracts = load_contracts(workspace.registry)
    with open_instance(workspace.root):
        pass  # an instance that is closed, as after a run in the same process
    told = record(workspace, contracts, asset_graph(workspace))
    assert all(f"## {one.provider} / {one.feed} ({one.id})" in told for one in contracts)
    assert "Tables with its pseudonyms: intermediate/" in told and "Contact: **missing**" in told
    assert "Published tables made from it: 0" not in told
