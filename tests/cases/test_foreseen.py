"""What a check foresees: whether a figure will have peers, else which file or line of the contract would give it some.

Belongs here: the foresight of one figure against an edition. Does not belong here: the comparison itself (`tests/dbt`).
"""

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from miyar.registry import load_registry
from tests.ingestion.conftest import Centre, build
from warehouse.comparability import foreseen

OWN = {
    "metric_id": "m", "name_ar": "م", "name_en": "M", "unit_type": "agency", "unit_id": "a01", "period_id": "2025Q1",
    "instrument_id": "likert5", "status": "reported", "frame_status": "no_frame", "weighting": "unweighted",
}  # fmt: skip


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    made = build(tmp_path / "centre")
    settings = made.root / "miyar.yml"
    settings.write_text(settings.read_text("utf-8").replace("methodology: v1", "methodology: '2026.2'"), "utf-8")
    return made


def edition(centre: Centre, peers: list[tuple[str, str, str]], own_group: str = "g") -> None:
    """A published edition in which peers (group, instrument, weighting) have the metric; the registry has our agency's group."""
    agencies = centre.root / "registry" / "agencies.csv"
    agencies.write_text(
        agencies.read_text("utf-8").replace("Noor Authority,,", f"Noor Authority,,{own_group}"), "utf-8"
    )
    folder = centre.root / "editions" / "current"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "benchmarks.duckdb")) as connection:
        connection.execute("create table dim_agencies (agency_id varchar, peer_group varchar)")
        connection.execute(
            "create table bench_scores (metric_id varchar, unit_type varchar, agency_id varchar, period_id varchar, "
            "instrument_id varchar, status varchar, weighting varchar)"
        )
        for number, (group, instrument, weighting) in enumerate(peers):
            connection.execute("insert into dim_agencies values (?, ?)", [f"p{number}", group])
            row = ["m", "agency", f"p{number}", "2025Q1", instrument, "reported", weighting]
            connection.execute("insert into bench_scores values (?, ?, ?, ?, ?, ?, ?)", row)


def told(centre: Centre, **own: Any) -> list[tuple[str, str]]:
    registry = load_registry(centre.root / "registry")
    return [(one.reason, one.en) for one in foreseen(centre.workspace, registry, [OWN | own])]


def test_unweighted_among_weighted_peers(centre: Centre) -> None:
    """It ended in "not comparable: weighted and unweighted", after publication."""
    edition(centre, [("g", "likert5", "weighted")] * 6)
    [(reason, text)] = told(centre)
    assert reason == "weighting_differs"
    assert "service_usage" in text and "completed" in text and "6" in text


def test_enough_peers_of_the_same_kind(centre: Centre) -> None:
    edition(centre, [("g", "likert5", "unweighted")] * 5)
    assert told(centre) == []
    assert told(centre, weighting="weighted", frame_status="framed")[0][0] == "weighting_differs"


def test_another_scale(centre: Centre) -> None:
    edition(centre, [("g", "likert10", "unweighted")] * 7 + [("g", "likert5", "unweighted")])
    [(reason, text)] = told(centre)
    assert reason == "instrument_differs"
    assert "likert10" in text and "likert5" in text and "scales" in text


def test_few_peers(centre: Centre) -> None:
    edition(centre, [("g", "likert5", "unweighted")] * 4 + [("other", "likert5", "unweighted")] * 9)
    [(reason, text)] = told(centre)
    assert reason == "peers_few" and "4" in text and "agencies.csv" in text


def test_a_group_that_is_not_given(centre: Centre) -> None:
    edition(centre, [("g", "likert5", "unweighted")] * 6, own_group="")
    assert [reason for reason, _ in told(centre)] == ["peer_group_missing"]


def test_nothing_published_yet_and_figures_that_are_withheld(centre: Centre) -> None:
    assert told(centre) == []
    edition(centre, [("g", "likert5", "weighted")] * 6)
    assert told(centre, status="suppressed") == []
    assert told(centre, unit_type="branch", unit_id="b") == []
