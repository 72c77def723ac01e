"""The README's walk: its lines and contracts are taken as they stand there, and its files lack nothing that a comparison needs.

Belongs here: the files and contracts of the walk. Does not belong here: verdicts, for which a whole demo is computed.
"""

from typing import Any

import pytest

from methodology.parameters import load_methodology
from miyar.registry import load_registry
from tests import walk
from tests.ingestion.conftest import Centre, build
from warehouse.check_scores import check_with_scores

SETTINGS = (
    "name: {ar: مركز, en: Centre}\nmethodology: '2026.2'\nperiods: {first: 2025Q1, last: 2025Q4}\nmemory_limit: 500MB\n"
)


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Centre:
    made = build(tmp_path_factory.mktemp("walk") / "centre")
    (made.root / "miyar.yml").write_text(SETTINGS, "utf-8")
    walk.register(made.workspace)
    return made


@pytest.fixture(scope="module")
def checked(centre: Centre) -> dict[str, Any]:
    contracts = walk.contracts(centre.workspace)
    return {
        feed: check_with_scores(centre.workspace, walk.EXAMPLES / name, contracts[feed])
        for feed, name in walk.FILES.items()
    }


def test_the_registry_has_the_agency_and_what_it_owes(centre: Centre) -> None:
    registry = load_registry(centre.root / "registry")
    assert "harbours" in registry.ids("agencies")
    assert {row["feed"] for row in registry.tables["owed"]} == set(walk.FILES)


@pytest.mark.parametrize(("feed", "rows"), [("survey_responses", 240), ("service_usage", 6)])
def test_every_row_is_accepted_and_in_a_figure(checked: dict[str, Any], feed: str, rows: int) -> None:
    account = checked[feed][0].account
    assert (account.status, account.accepted, account.quarantined, account.untold) == ("accepted", rows, 0, [])
    assert account.problems == []


def test_the_survey_delivers_what_peers_are_weighted_and_adjusted_by(checked: dict[str, Any]) -> None:
    methodology = load_methodology("2026.2")
    needed = [row["adjuster"] for row in methodology.adjusters]
    needed += [row["margin"] for row in methodology.margins if row["must_be_known"] == "true"]
    scores = [one for one in checked["survey_responses"][1] if one["unit_type"] == "agency"]
    assert scores and {one["status"] for one in scores} == {"reported"}
    assert all(one["blank"][column] == 0 for one in scores for column in needed)
    assert "unknown" not in scores[0]["mode_set"]
