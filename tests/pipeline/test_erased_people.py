"""A person is erased from a centre that has published: nothing of them is left but what was published, and that is intact."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from expectations.erasure import erase, pseudonyms_of
from expectations.retention import destroy, due
from ingestion.contract import load_contracts
from ingestion.receipts import Decision
from miyar.registry import load_registry
from publication.verify_workspace import verify_workspace
from tests.pipeline.test_canaries import _found

PERSON = "1000000008"
DECISION = Decision("asked by the person", "officer", datetime(2026, 2, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def published(micro_factory: Callable[[str], Any]) -> Any:
    micro = micro_factory("erased")
    patch = pytest.MonkeyPatch()
    patch.setenv("MIYAR_PSEUDONYM_KEY", "key")
    person = {"name": "beneficiary", "physicalName": "person", "treatment": "pseudonymise"}
    kept = {"retention": {"period": "P1Y", "reason": "law"}}
    micro.contract("a01", micro.survey | {"properties": [*micro.survey["properties"], person]}, **kept)
    micro.land()
    for path in (micro.first_q3, micro.second_q3, micro.a01_q4):
        rows = micro.rows(path)
        people = [PERSON if number % 20 == 0 else str(2_000_000_000 + number) for number in range(len(rows))]
        micro.write(path, micro.as_csv([row | {"person": one} for row, one in zip(rows, people, strict=True)]))
    assert micro.run().is_published
    return micro


def _bytes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_nothing_of_the_person_is_left_and_what_was_published_is_intact(published: Any) -> None:
    workspace = published.workspace
    (pseudonym,) = pseudonyms_of(workspace, [PERSON])
    needles: dict[str, Any] = {pseudonym: None, PERSON: None}
    held = {path.split("/")[0] for path in _found(published.root, needles)[pseudonym]}
    assert {"lake", "vintages", "warehouse"} <= held and "editions" not in held
    edition = (workspace.editions / "current").resolve()
    before, rows = _bytes(edition), _rows(published)
    outcome = erase(workspace, load_registry(workspace.registry), {pseudonym}, DECISION, with_files=True)
    assert outcome.rows == 2 * (3 + 4 + 4) and outcome.still_delivered == []
    assert _found(published.root, needles) == {}
    assert {name: problems for name, problems in verify_workspace(workspace).items() if problems} == {}
    assert published.run(datetime(2026, 2, 2, tzinfo=UTC), reason="a person was erased").is_published
    assert _found(published.root, needles) == {}
    assert _bytes(edition) == before and _rows(published) == rows - 2 * (4 + 4)
    assert {name: problems for name, problems in verify_workspace(workspace).items() if problems} == {}


def test_after_the_clock_the_rows_are_gone_and_all_is_in_order(published: Any) -> None:
    workspace = published.workspace
    found = due(workspace, load_contracts(workspace.registry), datetime(2026, 10, 1, tzinfo=UTC).date())
    assert {one.what for one in found} >= {"rows", "vintage"}
    destroy(workspace, load_registry(workspace.registry), found, DECISION)
    assert {name: problems for name, problems in verify_workspace(workspace).items() if problems} == {}


def _rows(micro: Any) -> int:
    """The rows that count for the person's agency."""
    slices = pq.read_table(micro.root / "lake" / "slices.parquet").to_pylist()
    return sum(one["rows"] for one in slices if one["status"] == "live" and one["agency_id"] == "a01")
