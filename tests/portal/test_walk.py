"""Every route the application has, by every method and for every kind of reader: one without a decision fails here.

Belongs here: who may open which route, and what every answer carries whoever asks. Does not belong here: rows
(`test_access`), forms (`test_sessions`), what a coalition works out from figures (`tests/disclosure`).
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Mount, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from miyar.workspace import Workspace
from portal.app import create_app
from portal.state import Portal
from publication.access import Agency, Centre, Viewer, access_rules
from tests.portal.conftest import BASE, CENTRE, OTHER, OWN, SignIn, reader_of
from tests.portal.test_access import Edition, identifiers

# Who may open a route, by method and path. `open`: the steps of signing in, for anybody. `signed_in`: any reader, and no rows.
# `rows`: any reader, through the rules of rows. `own`: the agency it names and the centre. `own_check`: who began the check.
# `form`: whoever has the session that the form's token is of.
RULES = {
    ("GET", "/"): "open",
    ("GET", "/signin"): "open",
    ("GET", "/signin/link/{token}"): "open",
    ("GET", "/signin/provider"): "open",
    ("GET", "/signin/callback"): "open",
    ("POST", "/signin/link"): "form",
    ("POST", "/signout"): "form",
    ("POST", "/digits"): "form",
    ("POST", "/{language}/check"): "form",
    ("GET", "/{language}/check"): "signed_in",
    ("GET", "/{language}/check/{check_id}"): "own_check",
    ("GET", "/{language}/"): "signed_in",
    ("GET", "/{language}/{edition_id}/"): "rows",
    ("GET", "/{language}/{edition_id}/agencies/{agency_id}/"): "own",
    ("GET", "/{language}/{edition_id}/agencies/{agency_id}/complaints"): "own",
    ("GET", "/{language}/{edition_id}/agencies/{agency_id}/complaints/{figure}"): "own",
    ("GET", "/{language}/{edition_id}/agencies/{agency_id}/history"): "own",
    ("GET", "/{language}/{edition_id}/agencies/{agency_id}/maturity"): "own",
    ("GET", "/{language}/{edition_id}/agencies/{agency_id}/metrics/{metric_id}"): "own",
    ("GET", "/{language}/{edition_id}/agencies/{agency_id}/places"): "own",
    ("GET", "/{language}/{edition_id}/agencies/{agency_id}/quality"): "own",
    ("GET", "/{language}/{edition_id}/downloads"): "rows",
    ("GET", "/{language}/{edition_id}/editions"): "signed_in",
    ("GET", "/{language}/{edition_id}/journeys"): "rows",
    ("GET", "/{language}/{edition_id}/journeys/{journey_id}"): "rows",
    ("GET", "/{language}/{edition_id}/method"): "rows",
    ("GET", "/{language}/{edition_id}/regions"): "rows",
    ("GET", "/{language}/{edition_id}/scores/{score_id}"): "own",
    ("GET", "/files/{edition_id}/{name:path}"): "own",
    ("GET", "/checkpoint.txt"): "signed_in",
    ("GET", "/api/v1/openapi.json"): "signed_in",
    ("GET", "/api/v1/editions"): "signed_in",
    ("GET", "/api/v1/editions/{edition_id}/tables"): "rows",
    ("GET", "/api/v1/editions/{edition_id}/tables/{table}"): "rows",
    ("GET", "/api/v1/editions/{edition_id}/scores/{score_id}/explanation"): "own",
    ("MOUNT", "/static"): "open",
    ("MOUNT", "/static/fonts"): "open",
}
READERS: dict[str, Viewer | None] = {"nobody": None, OWN: Agency(OWN), OTHER: Agency(OTHER), "centre": Centre()}
OTHER_METHODS = ("HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "PROPFIND", "NEW")


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield method and path of every route of the application itself, those of routers it includes among them."""
    left: list[Any] = list(app.routes)
    while left:
        route = left.pop()
        if hasattr(route, "original_router"):
            left += route.original_router.routes
        elif isinstance(route, Mount):
            yield "MOUNT", route.path
        elif isinstance(route, WebSocketRoute):
            yield "WEBSOCKET", route.path
        else:
            yield from ((method, route.path) for method in route.methods or {"ANY"})


def undecided(app: FastAPI) -> set[tuple[str, str]]:
    return set(routes(app)) - set(RULES)


@pytest.fixture(scope="module")
def edition(centre: Workspace) -> Edition:
    return Edition(centre)


@pytest.fixture
def readers(sign_in: SignIn) -> dict[str, TestClient]:
    return {
        name: sign_in(None if viewer is None else CENTRE if isinstance(viewer, Centre) else reader_of(name))
        for name, viewer in READERS.items()
    }


def addresses(path: str, agency: str, edition: Edition) -> Iterator[str]:
    """Yield a route's address for every meaning of its parameters; an unknown parameter fails."""
    known = {
        "language": ["en"],
        "edition_id": [edition.path.name],
        "agency_id": [agency],
        "metric_id": ["overall_satisfaction"],
        "score_id": [edition.ids[agency]],
        "journey_id": ["shore"],
        "figure": ["median_days"],
        "table": sorted(access_rules()),
        "name": [f"packs/{agency}/quality.json", f"packs/{agency}/tables/bench_scores.csv"],
        "token": ["nothing"],
        "check_id": ["nothing"],
    }
    found = [path]
    for name in re.findall(r"{(\w+)(?::\w+)?}", path):
        found = [re.sub(rf"{{{name}(:\w+)?}}", quote(value), one) for one in found for value in known[name]]
    yield from found


def statuses(rule: str, viewer: Viewer | None, agency: str, address: str) -> set[int]:
    """What a reader may be answered who opens an address about an agency."""
    if rule == "open":
        return {200, 303, 404, 400}
    if viewer is None:
        return {401}
    if rule == "own_check" or (rule == "own" and viewer not in (Centre(), Agency(agency))):
        return {404}
    table = address.rpartition("/tables/")[2] if "/tables/" in address and address.startswith("/api/") else ""
    if access_rules().get(table) == "centre" and not isinstance(viewer, Centre):
        return {404}
    return {303} if address.count("/") == 2 and address.endswith("/") else {200}


def test_every_route_has_a_rule_and_every_rule_a_route(app: FastAPI) -> None:
    assert undecided(app) == set()
    assert set(RULES) - set(routes(app)) == set()


def test_a_new_route_is_noticed_whatever_its_kind(portal: Portal) -> None:
    app = create_app(portal)
    app.add_api_route("/en/new", lambda: "rows")
    app.add_api_route("/{language}/check", lambda: "rows", methods=["PUT"])
    app.add_route("/plain", lambda _: None)
    app.add_api_websocket_route("/live", _live)
    app.mount("/new", FastAPI())
    assert undecided(app) == {
        ("GET", "/en/new"),
        ("PUT", "/{language}/check"),
        ("GET", "/plain"),
        ("HEAD", "/plain"),
        ("WEBSOCKET", "/live"),
        ("MOUNT", "/new"),
    }


async def _live(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("rows")


def test_a_route_that_forgot_its_reader_is_closed_to_who_is_not_signed_in(portal: Portal, sign_in: SignIn) -> None:
    app, reached = create_app(portal), []
    for path in ("/forgetful", "/api/v1/forgetful", "/signings", "/static-rows"):
        app.add_api_route(path, lambda: reached.append(1))
    app.add_api_websocket_route("/live", _live)
    client = TestClient(app, base_url=BASE)
    for path in ("/forgetful", "/api/v1/forgetful", "/signings", "/static-rows"):
        assert client.get(path).status_code == 401, path
    assert reached == []
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/live") as socket:
        socket.receive_text()
    assert TestClient(app, base_url=BASE, cookies=sign_in(CENTRE).cookies).get("/forgetful").status_code == 200


def test_every_route_as_every_reader(readers: dict[str, TestClient], edition: Edition, app: FastAPI) -> None:
    tried = 0
    for method, path in sorted(routes(app)):
        if method != "GET":
            continue
        for name, viewer in READERS.items():
            for agency in (OWN, OTHER):
                for address in addresses(path, agency, edition):
                    answer = readers[name].get(address)
                    expected = statuses(RULES[method, path], viewer, agency, address)
                    assert answer.status_code in expected, (name, address, answer.status_code)
                    assert not told(answer, viewer, edition), (name, address)
                    _carries_what_protects_it(answer, address)
                    tried += 1
    assert tried > 400


def told(answer: httpx.Response, viewer: Viewer | None, edition: Edition) -> set[str]:
    """Ids of scores and deliveries in an answer that are not the reader's."""
    if isinstance(viewer, Centre):
        return set()
    hidden = edition.of_others(viewer.agency_id if isinstance(viewer, Agency) else "")
    return hidden & identifiers(answer.text)


def _carries_what_protects_it(answer: httpx.Response, address: str) -> None:
    headers = answer.headers
    assert headers["cache-control"] == "no-store", address
    assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY", address
    assert headers["content-security-policy"].startswith("default-src 'none'"), address
    assert address.startswith("/files/") or not {"etag", "last-modified"} & set(headers), address
    assert not {"access-control-allow-origin", "server-timing", "x-powered-by"} & set(headers), address
    if answer.is_redirect:
        assert re.fullmatch(r"/[\w./-]*", headers["location"]) and not headers["location"].startswith("//"), address
    for cookie in headers.get_list("set-cookie"):
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Domain" not in cookie, address


@pytest.mark.parametrize("method", OTHER_METHODS)
def test_a_method_no_route_has_tells_nothing(
    readers: dict[str, TestClient], edition: Edition, app: FastAPI, method: str
) -> None:
    """No method but GET brings anything, and what an unknown one changes needs a form's token, as POST does."""
    for _, path in sorted({route for route in routes(app) if route[0] in ("GET", "POST")}):
        for name in ("nobody", OTHER):
            for address in addresses(path, OWN, edition):
                answer = readers[name].request(method, address)
                expected = {401, 405} if method in ("HEAD", "OPTIONS", "TRACE") else {401, 403}
                assert answer.status_code in expected, (name, address, answer.status_code)
                assert not told(answer, READERS[name], edition)


def test_every_form_needs_the_token_of_its_session(
    readers: dict[str, TestClient], app: FastAPI, edition: Edition
) -> None:
    forms = [path for method, path in routes(app) if method not in ("GET", "HEAD", "MOUNT")]
    assert sorted(forms) == sorted(path for (_, path), rule in RULES.items() if rule == "form")
    for path in forms:
        for address in addresses(path, OWN, edition):
            assert readers["nobody"].post(address).status_code == 401, address
            for given in ({}, {"form_token": ""}, {"form_token": "x" * 43}):
                assert readers[OWN].post(address, data=given).status_code == 403, address
            assert readers[OWN].post(address, json={"form_token": "x"}).status_code == 403, address


def test_another_agencys_address_is_like_one_that_is_not_there(
    readers: dict[str, TestClient], edition: Edition, app: FastAPI
) -> None:
    """In text, length and headers: a difference would tell that there is something."""
    for method, path in sorted(routes(app)):
        if RULES[method, path] != "own":
            continue
        for address in addresses(path, OTHER, edition):
            missing = address.replace(OTHER, "k" * len(OTHER)).replace(edition.ids[OTHER], "f" * 32)
            answers = [readers[OWN].get(one, headers=sent) for one in (address, missing) for sent in ASKED]
            assert {answer.status_code for answer in answers} == {404}, address
            assert len({(answer.text, str(sorted(without_cookie(answer)))) for answer in answers}) == 1, address


ASKED: list[dict[str, str]] = [
    {},
    {"range": "bytes=0-9"},
    {"if-none-match": "*"},
    {"if-modified-since": "Mon, 01 Jan 2035 00:00:00 GMT"},
    {"accept-charset": "utf-7", "accept": "application/x-nothing"},
    {"x-http-method-override": "POST", "x-original-url": "/api/v1/editions", "x-forwarded-host": "elsewhere.invalid"},
]


def without_cookie(answer: httpx.Response) -> Iterable[tuple[str, str]]:
    return [(name, value) for name, value in answer.headers.items() if name != "set-cookie"]


def test_two_readers_together_see_what_each_sees(readers: dict[str, TestClient], edition: Edition) -> None:
    """A coalition: rows of no single agency are the same for both, and all others belong to one of them."""
    for table in sorted(access_rules()):
        address = f"/api/v1/editions/{edition.path.name}/tables/{table}?limit=1000"
        found = {name: readers[name].get(address).json().get("rows", []) for name in (OWN, OTHER)}
        owned = {name: [row for row in rows if row.get("agency_id") is not None] for name, rows in found.items()}
        if access_rules()[table] == "everyone":
            assert found[OWN] == found[OTHER]
            continue
        assert {row["agency_id"] for row in [*owned[OWN], *owned[OTHER]]} <= {OWN, OTHER}, table
        cut = any(len(rows) == 1000 for rows in found.values())
        shared = [[row for row in rows if row.get("agency_id") is None] for rows in found.values()]
        assert cut or shared[0] == shared[1], table


@pytest.mark.parametrize(
    "address",
    [
        "//en/{edition}/method",
        "/en//{edition}/method",
        "/en/{edition}/agencies/{own}%2f..%2f{other}/",
        "/en/{edition}/agencies/%2e%2e/{other}/",
        "/en/{edition}/agencies/{other}%00/",
        "/en/{edition}/agencies/{other};/",
        "/%65n/{edition}/agencies/{other}/",
        "/en/{edition}/agencies/{own}/places?agency_id={other}&agency_id={own}",
        "/api/v1/editions/{edition}/tables/bench_peer_positions?agency_id={own}&agency_id={other}",
        "/api/v1/editions/{edition}/tables/bench_peer_positions?agency_id={other}&agency_id={own}",
        "/files/{edition}/packs%2f{other}%2fquality.json",
        "/files/{edition}//packs/{other}/quality.json",
        "/files/{edition}/packs/{own}/%2e%2e/{other}/quality.json",
        "/files/{edition}/packs/{other}/quality.json%00",
    ],
)
def test_no_spelling_of_an_address_leads_to_others(
    readers: dict[str, TestClient], edition: Edition, address: str
) -> None:
    asked = address.format(edition=edition.path.name, own=OWN, other=OTHER)
    answer = readers[OWN].get(asked)
    assert answer.status_code in (200, 404)
    assert not edition.foreign & identifiers(answer.text)
    assert f'"agency_id":"{OTHER}"' not in answer.text
    assert readers["nobody"].get(asked).status_code in (401, 404)


ODD = "path=x&start=50&self=1&request=1&language=xx&edition_id=x&agency_id=x&name=x&a=1&a=2&&=&%00=%00&limit=1&\u202e=1&page=1"


def test_no_parameter_of_a_query_is_a_fault(
    portal: Portal, readers: dict[str, TestClient], edition: Edition, app: FastAPI
) -> None:
    """Whatever it is called, and however often it comes."""
    for name in (OWN, "centre"):
        client = TestClient(
            app, base_url=BASE, follow_redirects=False, raise_server_exceptions=False, cookies=readers[name].cookies
        )
        for _, path in sorted(route for route in routes(app) if route[0] == "GET"):
            for address in addresses(path, OWN, edition):
                assert client.get(f"{address}?{ODD}").status_code < 500, address
