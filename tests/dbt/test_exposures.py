"""Readers of the warehouse are declared in `dbt/models/exposures.yml`, and the declarations match what the code reads.

Belongs here: exposures compared with the Python, documents and dashboards they describe. Does not belong here: who may read
which rows (`tests/publication/test_access.py`).
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from ingestion.feeds import load_feeds
from tests.repository import files
from warehouse.dbt_runner import DBT, prepare_manifest

ROOT = DBT.parent
ROOMS = (
    "cli",
    "warehouse",
    "ingestion",
    "expectations",
    "methodology",
    "publication",
    "portal",
    "dagster_project",
    "miyar",
    "bi",
)
MARTS = {path.stem for path in (DBT / "models" / "marts").rglob("*.sql")}


@pytest.fixture(scope="module")
def exposures() -> dict[str, set[str]]:
    """Name of each exposure, and the models it depends on."""
    manifest = json.loads(prepare_manifest().read_text("utf-8"))
    found = manifest["exposures"].values()
    return {one["name"]: {node.split(".")[-1] for node in one["depends_on"]["nodes"]} for one in found}


def _python(rooms: Iterable[str] = ROOMS) -> Iterable[Path]:
    return (path for room in rooms for path in files(room, "*.py"))


def _published(*files: str) -> set[str]:
    """The published tables that files of `publication` name."""
    text = "".join((ROOT / "publication" / file).read_text("utf-8") for file in files)
    return set(re.findall(r"\b(?:bench|dim|fct)_\w+", text)) & MARTS


def test_every_intermediate_table_that_python_reads_is_declared(exposures: dict[str, set[str]]) -> None:
    named = {name for path in _python() for name in re.findall(r"\bintermediate\.(int_\w+)", path.read_text("utf-8"))}
    conflicts = {"int_maturity__cells", "int_reported__cells"}
    counted = {"int_respondents__cells"}
    contributed = {"int_contributors__counted", "int_figures__contributed", "int_members__counted"}
    contributed |= {"int_trends__estimated"}
    judged = {"int_scores__judged"}
    assert named == judged | conflicts | counted | contributed
    assert counted <= exposures["file_check"]
    assert conflicts <= exposures["conflicts_named"]
    assert contributed <= exposures["published_counts"]
    assert judged <= exposures["published_counts"] & exposures["agency_packs"] & exposures["file_check"]
    # The one composed name: the cells of the feed behind a score. All of them are parents of the declared one.
    composed = [path.name for path in _python() if re.search(r"intermediate\.\{", path.read_text("utf-8"))]
    assert composed == ["trace.py"]
    parents = json.loads(prepare_manifest().read_text("utf-8"))["parent_map"]["model.miyar.int_slices__built"]
    assert "int_slices__built" in exposures["score_trace"]
    assert {feed.cells for feed in load_feeds().values()} <= {parent.split(".")[-1] for parent in parents}


def test_everything_published_is_read_by_all_who_publish_it(exposures: dict[str, set[str]]) -> None:
    assert MARTS
    assert exposures["edition"] == exposures["portal"] == exposures["postgres_copy"] == MARTS


def test_documents_and_dashboards_read_what_is_declared(exposures: dict[str, set[str]]) -> None:
    documents = "documents/sections.py"
    assert exposures["reports"] == _published("documents/national.py", "documents/region.py", documents)
    assert exposures["agency_packs"] == _published("packs.py", "documents/agency.py", documents) | {
        "int_scores__judged"
    }
    datasets = ROOT / "bi" / "superset" / "assets" / "datasets" / "Miyar"
    assert exposures["superset"] == {path.stem for path in datasets.glob("*.yaml")}
