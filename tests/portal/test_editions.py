"""Editions that change while pages are open: replaced, older, broken, gone."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from starlette.testclient import TestClient

from miyar.workspace import Workspace
from portal.app import create_app
from portal.edition_cache import Answers, EditionCache
from portal.settings import PortalSettings
from portal.state import make_portal
from portal.view import View
from publication.access import Agency, Centre
from publication.manifest import Origin
from tests.portal.conftest import BASE, OTHER, OWN, Clock, form_token, reader_of
from tests.publication.centre import publish_as_it_stands
from tests.publication.ledgers import reseal


@pytest.fixture
def workspace(workspace_copy: Workspace) -> Workspace:
    return workspace_copy


@pytest.fixture
def client(workspace: Workspace, clock: Clock) -> TestClient:
    portal = make_portal(workspace, clock, PortalSettings(base_url=BASE))
    client = TestClient(create_app(portal), base_url=BASE, follow_redirects=False)
    link = portal.links.issue(reader_of(OWN))
    token = form_token(client.get(f"/signin/link/{link}").text)
    client.post("/signin/link", data={"form_token": token, "link_token": link})
    return client


def restate(workspace: Workspace) -> str:
    """Publish a revision in which one score of the agency differs; returns that score's id."""
    with duckdb.connect(str(workspace.warehouse)) as connection:
        row = connection.execute(
            "select max(score_id) from benchmarks.bench_scores where agency_id = ? and unit_type = 'agency' "
            "and metric_id = 'digital_completion' and period_id = '2025Q3' and status = 'reported'",
            [OWN],
        ).fetchone()
        assert row and row[0]
        connection.execute("update benchmarks.bench_scores set score = 12.3456 where score_id = ?", [row[0]])
    origin = Origin("2026.2", "m" * 64, "r" * 64, "c" * 64, "k" * 64, {})
    publish_as_it_stands(
        workspace, origin, datetime(2026, 3, 1, tzinfo=UTC), reason="Lighthouse <b>corrected</b> its counts"
    )
    return str(row[0])


def test_an_answer_is_kept_for_its_reader_and_nobody_else(centre: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = EditionCache(centre.editions)
    edition = cache.get(cache.current_id())
    asked = (
        "select agency_id, score_id from bench_scores where unit_type = 'agency' and period_id = ? order by 2",
        ["2025Q4"],
    )
    own, other = (View(edition, Agency(agency)) for agency in (OWN, OTHER))
    first = own.rows(*asked)
    first[0]["agency_id"] = "somebody"
    assert {row["agency_id"] for row in other.rows(*asked)} == {OTHER}

    def never(*_: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr(View, "_run", never)
    assert {row["agency_id"] for row in own.rows(*asked)} == {OWN}
    with pytest.raises(AssertionError, match="asked again"):
        View(edition, Centre()).rows(*asked)


def test_answers_kept_are_bounded_by_their_rows() -> None:
    answers = Answers(most_rows=10)
    answers.keep(("a",), [{"n": n} for n in range(4)])
    answers.keep(("b",), [])
    assert answers.get(("a",)) == [{"n": n} for n in range(4)]
    answers.keep(("c",), [{"n": n} for n in range(5)])
    # Five, one and six are more than ten, so the least recently used went first.
    assert answers.get(("b",)) is None and answers.get(("a",)) is None and len(answers.get(("c",)) or []) == 5
    answers.keep(("d",), [{"n": n} for n in range(10)])
    assert answers.get(("d",)) is None, "larger than all that is kept"


def test_open_page_stays_with_its_edition_when_another_replaces_it(client: TestClient, workspace: Workspace) -> None:
    first = Path(client.get("/ar/").headers["location"]).name
    path = f"agencies/{OWN}/metrics/digital_completion"
    before = client.get(f"/en/{first}/{path}").text
    cache = EditionCache(workspace.editions)
    under_way = View(cache.get(cache.current_id()), Agency(OWN))
    score_id = restate(workspace)
    assert cache.current_id() != first
    assert under_way.rows("select count(*) as n from bench_scores where score = 12.3456")[0]["n"] == 0
    second = Path(client.get("/ar/").headers["location"]).name
    assert (first, second) == ("2025Q4-r1", "2025Q4-r2")
    after = client.get(f"/en/{first}/{path}").text
    assert "12.3" not in after and f"/files/{second}" not in after
    assert "This is an older edition" in after and "This is an older edition" not in before
    assert {line for line in before.splitlines() if "%" in line} <= {line for line in after.splitlines() if "%" in line}
    restated = client.get(f"/en/{second}/{path}").text
    assert "12.3" in restated and "older edition" not in restated
    assert 'href="/en/2025Q4-r2/' in restated and 'href="/en/2025Q4-r1/' not in restated
    history = client.get(f"/en/{second}/agencies/{OWN}/history").text
    assert "12.3" in history and "data" in history
    assert "&lt;b&gt;corrected" in history and "<b>" not in history
    for edition, expected in ((first, False), (second, True)):
        found = client.get(f"/api/v1/editions/{edition}/scores/{score_id}/explanation").json()
        assert (found["passport"]["score"] == 12.3456) == expected
        assert found["edition_id"] == edition
    page = client.get(f"/en/{first}/downloads").text
    assert f"/files/{first}/packs/{OWN}/" in page and second + "/packs" not in page


def test_no_edition_is_said_so(client: TestClient, workspace: Workspace) -> None:
    edition = client.get("/ar/").headers["location"]
    assert client.get(edition).status_code == 200
    (workspace.editions / "current").unlink()
    for path in ("/ar/", edition):
        answer = client.get(path)
        assert answer.status_code == 503, path
        assert "لا إصدار منشور الآن" in answer.text and "No edition is published" in answer.text
    moved = workspace.root / "elsewhere"
    shutil.move(workspace.editions, moved)
    assert client.get(edition).status_code == 503
    assert client.get("/api/v1/editions").json()["problem"] == "no_edition"
    shutil.move(moved, workspace.editions)


def test_broken_edition_is_no_edition(client: TestClient, workspace: Workspace) -> None:
    broken = workspace.editions / "2026Q1-r1"
    broken.mkdir()
    (broken / "manifest.json").write_text("{}", "utf-8")
    answer = client.get("/ar/2026Q1-r1/method")
    assert answer.status_code == 503
    assert str(workspace.root) not in answer.text


def test_page_of_a_table_the_edition_has_not_is_not_found(client: TestClient, workspace: Workspace) -> None:
    """This happens with editions published before the table was."""
    import json

    name = Path(client.get("/ar/").headers["location"]).name
    path = workspace.editions / name / "manifest.json"
    path.chmod(0o644)
    manifest = json.loads(path.read_text("utf-8"))
    del manifest["tables"]["bench_journeys"]
    path.write_text(json.dumps(manifest), "utf-8")
    reseal(workspace.editions)
    assert client.get(f"/ar/{name}/journeys").status_code == 404
    assert client.get(f"/ar/{name}/agencies/{OWN}/").status_code == 200
