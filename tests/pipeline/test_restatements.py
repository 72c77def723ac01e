"""A new methodology version recomputes history; both editions stay, and every change is split into method and data.

Belongs here: whole runs under another version. Does not belong here: the table's arithmetic (`tests/publication`).
"""

import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from dagster_project.pipeline import run_pipeline
from ingestion.submission_ledger import read_accounts, withdraw
from methodology.parameters import VERSIONS
from miyar.workspace import Workspace
from publication.manifest import list_editions, read_manifest
from publication.verify import verify_all
from tests.conftest import CopyOfBuilt

LATER = datetime(2026, 2, 20, tzinfo=UTC)
KEY = "unit_type, unit_id, metric_id, period_id, instrument_id"


def _second_version(workspace: Workspace) -> None:
    """2026.9: the middle of five is no top box, a level has another cut, and dimensions have other weights."""
    own = workspace.registry / "methodology" / "2026.9"
    shutil.copytree(VERSIONS / "2026.2", own)
    boxes = own / "top_boxes.csv"
    lines = boxes.read_text("utf-8").splitlines()
    changed = [line.replace("5,3,", "5,4,", 1) if line.startswith("5,3,") else line for line in lines]
    assert changed != lines
    boxes.write_text("\n".join(changed) + "\n", "utf-8")
    model = own / "maturity" / "digital_experience.yml"
    source = yaml.safe_load(model.read_text("utf-8"))
    source["cuts"]["values"][-1] -= 1
    next(iter(source["dimensions"].values()))["weight"] *= 2
    model.write_text(yaml.safe_dump(source, allow_unicode=True, sort_keys=False), "utf-8")


def _use(workspace: Workspace, version: str) -> None:
    path = workspace.root / "miyar.yml"
    settings = yaml.safe_load(path.read_text("utf-8")) | {"methodology": version}
    path.write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")


def _withdraw_a_survey(workspace: Workspace) -> None:
    accounts = [a for a in read_accounts(workspace) if a.feed == "survey_responses" and a.accepted > 50]
    withdraw(workspace, accounts[0].submission_id, "delivered for the wrong quarter")


def _rows(edition: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(edition / "benchmarks.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def restated(copy_of_built: CopyOfBuilt) -> Workspace:
    """The workspace after a new methodology version, a withdrawal and one run."""
    centre = copy_of_built("restated")
    _second_version(centre)
    _use(centre, "2026.9")
    _withdraw_a_survey(centre)
    assert run_pipeline(centre.root, LATER, reason="methodology 2026.9 and a withdrawal").is_published
    return centre


@pytest.fixture(scope="module")
def data_only(copy_of_built: CopyOfBuilt) -> Path:
    """The edition after the same withdrawal under the old version: what the data alone would have changed."""
    centre = copy_of_built("data")
    _withdraw_a_survey(centre)
    result = run_pipeline(centre.root, LATER, reason="a withdrawal")
    assert result.edition_id is not None
    return centre.editions / result.edition_id


def test_method_and_data_are_told_apart_exactly(restated: Workspace, data_only: Path) -> None:
    before, edition_id = list_editions(restated.editions)
    assert before == "2025Q4-r1"
    edition = restated.editions / edition_id
    assert read_manifest(edition).methodology_version == "2026.9"
    assert not any(verify_all(restated.editions).values())
    plain = data_only
    expected = {row[:5]: row[5:] for row in _rows(plain, f"select {KEY}, score, status from bench_scores")}
    rows = _rows(
        edition,
        f"select {KEY}, score_before, score_same_method, score_after, data_change, method_change, total_change, "
        "status_same_method, cause from bench_restatements",
    )
    causes = {row[-1] for row in rows}
    assert causes == {"data", "method", "both"}
    for *key, was, same, now, by_data, by_method, total, status, cause in rows:
        assert (same, status) == expected.get(tuple(key), (None, None)), key
        if total is not None and same is not None:
            assert by_data + by_method == total == now - was
        if cause == "method" and by_method is not None:
            assert by_data == Decimal(0)
        if cause == "data" and by_data is not None:
            assert by_method == Decimal(0)
    by_method_only = {row[2] for row in rows if row[-1] == "method"}
    assert "overall_satisfaction_top_box" in by_method_only and "maturity_digital_experience" in by_method_only
    assert "overall_satisfaction" not in by_method_only
    # Under one methodology all changes come from data.
    assert {row[0] for row in _rows(plain, "select distinct cause from bench_restatements")} == {"data"}


def test_the_same_inputs_again_publish_nothing(restated: Workspace) -> None:
    (restated.root / "warehouse" / "published.hash").unlink()
    again = run_pipeline(restated.root, LATER, reason="methodology 2026.9 and a withdrawal")
    assert not again.is_published and again.edition_id == list_editions(restated.editions)[-1]
    assert len(list_editions(restated.editions)) == 2
