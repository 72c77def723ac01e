"""What answers an agency on request: explanations, the portal's errors, and the planner of the PostgreSQL copy.

Belongs here: asking for what is another agency's, hidden or not there, and comparing what is said. Does not belong here: files
(`artefacts`), equations (`equations`), what readers of each route are refused (`tests/portal/test_walk.py`).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from starlette.testclient import TestClient

from miyar.workspace import Workspace
from portal.app import create_app
from portal.settings import Limits, PortalSettings
from portal.state import make_portal
from publication.access import Agency, access_rules
from publication.explain import explain_published
from publication.postgres import role_of, serve
from publication.shares import open_shares
from tests.disclosure.algebra import Tried
from tests.portal.conftest import BASE, Clock, copy_for_portal, form_token, reader_of


def attack_explanations(workspace: Workspace, tried: Tried, agencies: list[str], most: int = 400) -> None:
    """Scores of other agencies, and such as only the centre reads, asked for by each agency; evenly chosen, `most` of them."""
    edition = (workspace.editions / "current").resolve()
    for agency in agencies:
        asked = _some(_foreign(edition, agency), most)
        with open_shares(edition / "benchmarks.duckdb") as shares, shares.of(Agency(agency)) as share:

            def query(
                text: str, given: list[Any], rows: Callable[..., list[dict[str, Any]]] = share.rows
            ) -> list[dict[str, Any]]:
                return rows(text, *given)

            told = [one for one in asked if explain_published(query, share.tables, one)]
        tried.add("explanations of scores", "agency", len(asked), len(told), what=f"{agency}: {told[:1]}")


def _foreign(edition: Path, agency: str) -> list[str]:
    with duckdb.connect(str(edition / "benchmarks.duckdb"), read_only=True) as connection:
        query = "select score_id from bench_scores where coalesce(agency_id, '') <> ? and not is_shared order by 1"
        return [one for (one,) in connection.execute(query, [agency]).fetchall()]


def attack_errors(workspace: Workspace, tried: Tried, agencies: list[str], folder: Path, most: int = 60) -> None:
    """What the portal says of another agency's score, page and file is what it says of one that is not there."""
    centre = copy_for_portal(workspace, folder / "centre")
    limits = Limits(reader_per_minute=100_000, address_per_minute=100_000, sign_ins_per_minute=1000, score_seconds=0)
    portal = make_portal(centre, Clock(), PortalSettings(base_url=BASE, limits=limits))
    edition = (workspace.editions / "current").resolve()
    for agency in agencies:
        with TestClient(create_app(portal), base_url=BASE, follow_redirects=False) as client:
            link = portal.links.issue(reader_of(agency))
            token = form_token(client.get(f"/signin/link/{link}").text)
            client.post("/signin/link", data={"form_token": token, "link_token": link})
            other = next(one for one in agencies if one != agency)
            foreign = _some(_foreign(edition, agency), most)
            forms = [f"/api/v1/editions/{edition.name}/scores/{{}}/explanation", f"/en/{edition.name}/scores/{{}}"]
            asked = [(form, one, "f" * 32) for form in forms for one in foreign]
            asked += [
                (form, other, "x" * len(other))
                for form in (f"/en/{edition.name}/agencies/{{}}/", f"/en/{edition.name}/agencies/{{}}/quality",
                             f"/files/{edition.name}/packs/{{}}/pack.xlsx",
                             f"/api/v1/editions/{edition.name}/tables/bench_scores?agency_id={{}}")
            ]  # fmt: skip
            told = []
            for form, one, nobody in asked:
                answers = [client.get(form.format(name)) for name in (one, nobody)]
                said = [
                    (answer.status_code, _without(answer.text, name))
                    for answer, name in zip(answers, (one, nobody), strict=True)
                ]
                if said[0] != said[1]:
                    told.append(form.format(one))
            tried.add("error texts of portal and API", "agency", len(asked), len(told), what=f"{agency}: {told[:1]}")


def _some(every: list[str], most: int) -> list[str]:
    return every[:: max(len(every) // most, 1)]


def _without(text: str, name: str) -> str:
    return text.replace(name, "?")


def attack_planner(workspace: Workspace, tried: Tried, agencies: list[str], dsn: str) -> None:
    """Rows that the planner expects of another agency, against those of one that is not there, by table and status."""
    serve(workspace.editions / "current", dsn)
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("analyze")
        for agency in agencies:
            admin.execute(f'create role "as_{agency}" login')  # type: ignore[arg-type]
            admin.execute(f'grant "{role_of(agency)}" to "as_{agency}"')  # type: ignore[arg-type]
    for agency in agencies:
        with psycopg.connect(dsn, user=f"as_{agency}", autocommit=True) as reader:
            others = [one for one in agencies if one != agency]
            for table, rule in access_rules().items():
                if rule in ("everyone", "centre"):
                    continue
                names = {
                    column.name
                    for column in reader.execute(f"select * from benchmarks.{table} limit 0").description or ()
                }  # type: ignore[arg-type]
                if "agency_id" not in names:
                    continue
                for more in ("", *(" and status = 'suppressed'" for _ in names & {"status"})):
                    rows = {one: _expected(reader, table, one, more) for one in [*others, "n" * 12]}
                    told = [one for one in others if rows[one] != rows["n" * 12]]
                    tried.add(
                        "row estimates of PostgreSQL", "agency", len(others), len(told), what=f"{table}: {told[:1]}"
                    )


def _expected(reader: "psycopg.Connection[tuple[object, ...]]", table: str, agency: str, more: str) -> object:
    found = reader.execute(
        f"explain (format json) select 1 from benchmarks.{table} where agency_id = '{agency}'{more}"
    ).fetchone()  # type: ignore[arg-type]
    plan = found[0] if found else None
    [told] = json.loads(plan) if isinstance(plan, str) else plan  # type: ignore[misc]
    return told["Plan"]["Plan Rows"]
