"""Every route and every table as every reader: the portal serves what `publication.access` allows, and nothing else."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from miyar.workspace import Workspace
from portal import api
from portal.edition_cache import EditionCache
from portal.pages import ROUTERS
from portal.state import Portal
from portal.view import View
from publication.access import Agency, Centre, access_rules, row_condition
from tests.portal.conftest import CENTRE, OTHER, OWN, SignIn, reader_of

# Open to anybody: the steps of signing in. Everything else answers 401 to a person who is not signed in.
OPEN = {"/", "/signin", "/signin/link/{token}", "/signin/link", "/signin/provider", "/signin/callback"}
ROUTES = [route for router in [api.router, *ROUTERS] for route in router.routes if isinstance(route, APIRoute)]


class Edition:
    """The published rows, read without the portal."""

    def __init__(self, centre: Workspace) -> None:
        self.path = (centre.editions / "current").resolve()
        # Read from the Parquet next to the database: that is independent of the portal, and opens its file no second
        # time.
        with duckdb.connect() as connection:
            for parquet in sorted((self.path / "tables").glob("*.parquet")):
                connection.execute(f"create view {parquet.stem} as select * from read_parquet('{parquet}')")
            self.ids = {agency: self._score(connection, agency) for agency in (OWN, OTHER)}
            self._owned = connection.execute(
                "select agency_id, score_id from bench_scores where agency_id is not null union all "
                "select agency_id, index_id from bench_index union all select distinct agency_id, submission_id from fct_slices"
            ).fetchall()
            self.foreign = self.of_others(OWN)

    def of_others(self, agency: str) -> set[str]:
        """Return ids of scores and submissions that belong to other agencies alone."""
        own = {str(found) for owner, found in self._owned if owner == agency}
        return {str(found) for _, found in self._owned} - own

    @staticmethod
    def _score(connection: duckdb.DuckDBPyConnection, agency: str) -> str:
        row = connection.execute(
            "select min(score_id) from bench_scores where agency_id = ? and unit_type = 'agency'", [agency]
        ).fetchone()
        assert row is not None
        return str(row[0])


@pytest.fixture(scope="module")
def edition(centre: Workspace) -> Edition:
    return Edition(centre)


def addresses(route: APIRoute, agency: str, edition: Edition) -> Iterator[str]:
    """Yield a route's address for every meaning of its parameters; unknown ones fail, so no new route is missed."""
    known: dict[str, list[str]] = {
        "language": ["ar", "en"],
        "edition_id": [edition.path.name],
        "agency_id": [agency],
        "metric_id": ["overall_satisfaction", "complaints_in_time"],
        "score_id": [edition.ids[agency]],
        "journey_id": ["shore"],
        "figure": ["median_days"],
        "table": sorted(access_rules()),
        "name": [f"packs/{agency}/quality.json"],
        "token": ["nothing"],
        "check_id": ["nothing"],
    }
    found = [route.path]
    for name in re.findall(r"{(\w+)(?::\w+)?}", route.path):
        found = [re.sub(rf"{{{name}(:\w+)?}}", quote(value, safe="/"), path) for path in found for value in known[name]]
    yield from found


def gets(agency: str, edition: Edition) -> Iterator[tuple[APIRoute, str]]:
    for route in ROUTES:
        if "GET" in (route.methods or set()):
            for address in addresses(route, agency, edition):
                yield route, address


def test_walk_covers_every_route_of_the_application(app: FastAPI) -> None:
    described = set(app.openapi()["paths"])
    walked = {route.path for route in ROUTES}
    assert described <= walked
    assert len(ROUTES) == len({(route.path, *sorted(route.methods or set())) for route in ROUTES})
    # Apart from the routes tested above there are only fonts, the style sheet and the routers themselves.
    mounted = {route.path for route in app.routes if hasattr(route, "path") and not isinstance(route, APIRoute)}
    assert {path for path in mounted if path} == {"/static", "/static/fonts"}


def test_nobody_unknown_sees_anything(sign_in: SignIn, edition: Edition) -> None:
    client = sign_in()
    for route, address in gets(OWN, edition):
        answer = client.get(address)
        if route.path not in OPEN:
            assert answer.status_code == 401, address
        assert not edition.foreign & identifiers(answer.text)
        assert edition.ids[OWN] not in answer.text


def test_own_reader_sees_own_and_shared_only(sign_in: SignIn, edition: Edition) -> None:
    client = sign_in(reader_of(OWN))
    seen = 0
    for route, address in gets(OWN, edition):
        answer = client.get(address)
        if route.path in OPEN:
            continue
        table = address.rsplit("/", 1)[-1] if "/tables/" in address else ""
        expected = 404 if table and access_rules()[table] == "centre" else 200
        if route.path == "/{language}/":
            expected = 303
        if "check_id" in route.param_convertors:
            expected = 404  # a check belongs to one reader, and none is running
        assert answer.status_code == expected, address
        assert not edition.foreign & identifiers(answer.text), address
        seen += answer.status_code == 200
    assert seen > 60


def test_another_agency_looks_as_if_it_did_not_exist(sign_in: SignIn, edition: Edition) -> None:
    client = sign_in(reader_of(OWN))
    tried = 0
    for route, address in gets(OTHER, edition):
        if not {"agency_id", "score_id", "name"} & set(route.param_convertors):
            continue
        answer = client.get(address)
        missing = address.replace(OTHER, "nobody").replace(edition.ids[OTHER], "f" * 32)
        assert answer.status_code == 404, address
        assert answer.text == client.get(missing).text, address
        tried += 1
    assert tried >= 20


def test_another_agency_in_a_query_finds_nothing(sign_in: SignIn, edition: Edition) -> None:
    client = sign_in(reader_of(OWN))
    name = edition.path.name
    for table in sorted(access_rules()):
        if access_rules()[table] == "everyone":
            continue
        answer = client.get(f"/api/v1/editions/{name}/tables/{table}", params={"agency_id": OTHER})
        assert answer.status_code == 404 or answer.json()["rows"] == [], table
    for path in ("places", "complaints", "metrics/overall_satisfaction"):
        answer = client.get(f"/ar/{name}/agencies/{OWN}/{path}", params={"agency_id": OTHER, "unit_id": OTHER})
        assert not edition.foreign & identifiers(answer.text)


@pytest.mark.parametrize("agency", [OWN, OTHER, None])
def test_tables_served_are_the_rows_access_allows(sign_in: SignIn, edition: Edition, agency: str | None) -> None:
    client = sign_in(reader_of(agency) if agency else CENTRE)
    listed = {entry["table"] for entry in client.get(f"/api/v1/editions/{edition.path.name}/tables").json()}
    for table in sorted(access_rules()):
        condition, values = row_condition(table, Agency(agency) if agency else Centre())
        with duckdb.connect() as connection:
            source = f"read_parquet('{edition.path / 'tables' / table}.parquet', file_row_number = true)"
            relation = connection.execute(
                f"select * exclude (file_row_number) from {source} where {condition} order by file_row_number limit 1000",
                values,
            )
            names = [column[0] for column in relation.description]
            allowed = [dict(zip(names, map(plain, row), strict=True)) for row in relation.fetchall()]
            for row in allowed:
                if agency and "slice_ids" in row and row.get("agency_id") is None:
                    row["slice_ids"] = None
            counted = connection.execute(f"select count(*) from {source} where {condition}", values).fetchone()
        answer = client.get(f"/api/v1/editions/{edition.path.name}/tables/{table}", params={"limit": 1000})
        if condition == "false":
            assert answer.status_code == 404
            assert table not in listed
            continue
        assert table in listed
        assert answer.json()["rows"] == allowed
        assert (answer.json()["next_offset"] is None) == (counted is not None and counted[0] <= 1000)
        if agency and access_rules()[table] != "everyone":
            assert {row["agency_id"] for row in answer.json()["rows"]} <= {agency, None}


def test_shared_rows_do_not_tell_who_delivered(sign_in: SignIn, edition: Edition) -> None:
    """A slice's id names its agency, so no row of no single agency shows one to an agency, in any table or page."""
    client, centre = sign_in(reader_of(OWN)), sign_in(CENTRE)
    name = edition.path.name
    told = shared = 0
    for table in sorted(access_rules()):
        for reader in (client, centre):
            rows = reader.get(f"/api/v1/editions/{name}/tables/{table}", params={"limit": 1000}).json().get("rows", [])
            slices = set(
                re.findall(r"[a-z_]+\|([^|\"; ]+)\|\d{4}Q\d", str([r for r in rows if r.get("agency_id") is None]))
            )
            told += len(slices) if reader is centre else 0
            shared += len(rows) if reader is client and not slices else 0
            assert reader is centre or not slices, table
    assert told > 20 and shared > 1000
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select score_id from read_parquet('{edition.path}/tables/bench_scores.parquet') "
            "where agency_id is null and status = 'reported' and slice_ids like ? limit 1",
            [f"%|{OTHER}|%"],
        ).fetchone()
    assert found
    for path in (f"/ar/{name}/scores/{found[0]}", f"/api/v1/editions/{name}/scores/{found[0]}/explanation"):
        assert f"|{OTHER}|" in centre.get(path).text
        assert f"|{OTHER}|" not in client.get(path).text


def test_table_without_a_rule_is_nobodys(
    portal: Portal, sign_in: SignIn, edition: Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = {table: rule for table, rule in access_rules().items() if table != "bench_scores"}
    monkeypatch.setattr("publication.access.access_rules", lambda: rules)
    for key in (reader_of(OWN), CENTRE):
        client = sign_in(key)
        assert client.get(f"/api/v1/editions/{edition.path.name}/tables/bench_scores").status_code == 404
        page = client.get(f"/en/{edition.path.name}/agencies/{OWN}/")
        assert page.status_code == 200
        assert "Nothing here" in page.text


def test_reader_whose_line_is_gone_is_out_at_once(sign_in: SignIn, portal: Portal, edition: Edition) -> None:
    client = sign_in(reader_of(OWN))
    path = portal.workspace.registry / "users.csv"
    before = path.read_text("utf-8")
    try:
        path.write_text("\n".join(line for line in before.splitlines() if OWN not in line) + "\n", "utf-8")
        assert client.get(f"/ar/{edition.path.name}/agencies/{OWN}/").status_code == 401
        path.write_text("no table\n", "utf-8")
        assert sign_in().get(f"/ar/{edition.path.name}/").status_code == 401
    finally:
        path.write_text(before, "utf-8")
    assert client.get(f"/ar/{edition.path.name}/agencies/{OWN}/").status_code == 401, "the session ended"


@pytest.mark.parametrize(
    "sql",
    [
        "select * from main.bench_scores",
        "select * from benchmarks.main.bench_scores",
        "select * from information_schema.tables",
        "select * from duckdb_tables()",
        "select * from 'tables/bench_scores.parquet'",
        "with bench_scores as (select * from bench_scores) select * from bench_scores",
        "select 1",
        "delete from bench_scores",
        "select 1 from bench_scores; select 2 from bench_scores",
        "show tables",
    ],
)
def test_view_refuses_queries_that_could_pass_the_rule_by(centre: Workspace, sql: str) -> None:
    cache = EditionCache(centre.editions)
    view = View(cache.get(cache.current_id()), Agency(OWN))
    with pytest.raises(ValueError, match="view"):
        view.rows(sql)


def test_view_narrows_every_mention_of_a_table(centre: Workspace) -> None:
    cache = EditionCache(centre.editions)
    view = View(cache.get(cache.current_id()), Agency(OWN))
    rows = view.rows(
        "with theirs as (select agency_id from bench_scores) "
        "select agency_id from theirs union select agency_id from bench_peer_positions "
        "union select (select max(agency_id) from fct_slices)"
    )
    assert {row["agency_id"] for row in rows} == {OWN, None}


def identifiers(text: str) -> set[str]:
    return set(re.findall(r"\b[0-9a-f]{32}\b|\b[0-9a-f]{16}\b", text))


def plain(value: Any) -> Any:
    return float(value) if type(value).__name__ == "Decimal" else value


def test_files_are_the_own_pack_and_reports(sign_in: SignIn, edition: Edition, portal: Portal) -> None:
    files = portal.edition_cache.get(edition.path.name).manifest.files
    readers: dict[str, TestClient] = {OWN: sign_in(reader_of(OWN)), "": sign_in(CENTRE)}
    for place, name in enumerate(sorted(files)):
        own = name.startswith((f"packs/{OWN}/", "reports/"))
        for agency, client in readers.items():
            if not agency and place % 10:
                continue  # the centre has all of them, so every tenth is enough
            answer = client.get(f"/files/{edition.path.name}/{quote(name)}")
            if own or not agency:
                assert answer.status_code == 200
                assert answer.content == (edition.path / name).read_bytes()
                assert answer.headers["content-disposition"].startswith("attachment")
            else:
                assert answer.status_code == 404, name
