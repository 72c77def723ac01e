"""Sessions, one-time links, forms, rates: when each ends, and what is refused."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from miyar.errors import MiyarError
from miyar.workspace import Workspace
from portal.app import create_app
from portal.settings import Limits, PortalSettings, Sessions, load_settings
from portal.state import Portal, make_portal
from portal.users import Users, load_users
from tests.portal.conftest import BASE, CENTRE, OTHER, OWN, Clock, SignIn, form_token, reader_of


def test_link_works_once(portal: Portal, sign_in: SignIn) -> None:
    link = portal.links.issue(reader_of(OWN))
    first, second = sign_in(), sign_in()
    page = first.get(f"/signin/link/{link}").text
    for _ in range(3):
        second_page = second.get(f"/signin/link/{link}")
        assert second_page.status_code == 200, "looking at a link does not spend it"
    given = {"form_token": form_token(page), "link_token": link}
    assert first.post("/signin/link", data=given).status_code == 303
    late = second.post("/signin/link", data={"form_token": form_token(second_page.text), "link_token": link})
    assert late.status_code == 403
    assert "هذا الرابط لم يعد يصلح" in late.text and "no longer works" in late.text


def test_link_expires_and_a_wrong_one_signs_nobody_in(portal: Portal, sign_in: SignIn, clock: Clock) -> None:
    client, link = sign_in(), portal.links.issue(reader_of(OWN))
    clock.pass_by(minutes=16)
    for token in (link, "x" * 43):
        page = client.get(f"/signin/link/{token}").text
        answer = client.post("/signin/link", data={"form_token": form_token(page), "link_token": token})
        assert answer.status_code == 403
    assert client.get("/ar/").status_code == 401


def test_session_ends_when_idle(sign_in: SignIn, clock: Clock) -> None:
    client = sign_in(reader_of(OWN))
    for _ in range(3):
        clock.pass_by(minutes=29)
        assert client.get("/ar/").status_code == 303
    clock.pass_by(minutes=31)
    answer = client.get("/ar/")
    assert answer.status_code == 401
    assert "انتهت جلستك" in answer.text and "Your session is over" in answer.text
    assert "miyar" not in client.cookies, "the browser is told to forget it"


def test_session_ends_after_its_longest_time_however_busy(sign_in: SignIn, clock: Clock) -> None:
    client = sign_in(reader_of(OWN))
    for _ in range(20):
        clock.pass_by(minutes=29)
        assert client.get("/ar/").status_code == 303
    clock.pass_by(minutes=29)
    assert client.get("/ar/").status_code == 401


def test_cookie_is_opaque_and_bound_to_the_host(centre: Workspace, clock: Clock) -> None:
    for base, name, is_secure in ((BASE, "miyar", False), ("https://portal.test", "__Host-miyar", True)):
        portal = make_portal(centre, clock, PortalSettings(base_url=base))
        with TestClient(create_app(portal), base_url=base) as client:
            answer = client.get(f"/signin/link/{portal.links.issue(CENTRE)}")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"{name}=")
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie and "Domain" not in cookie
        assert ("Secure" in cookie) == is_secure
        assert ("strict-transport-security" in answer.headers) == is_secure
        assert len(cookie.partition("=")[2].partition(";")[0]) >= 43


def test_sign_in_gives_a_new_token_and_sign_out_ends_it(portal: Portal, sign_in: SignIn) -> None:
    client = sign_in()
    link = portal.links.issue(reader_of(OWN))
    page = client.get(f"/signin/link/{link}").text
    before = client.cookies["miyar"]
    client.post("/signin/link", data={"form_token": form_token(page), "link_token": link})
    after = client.cookies["miyar"]
    assert before != after and portal.sessions.find(before) is None
    page = client.get(f"/ar/{portal.edition_cache.current_id()}/").text
    assert client.post("/signout", data={"form_token": form_token(page)}).status_code == 303
    assert portal.sessions.find(after) is None
    thief = sign_in()
    thief.cookies.set("miyar", after)
    assert thief.get("/ar/").status_code == 401


@pytest.mark.parametrize("address", ["/signout", "/digits", "/signin/link", "/ar/check"])
@pytest.mark.parametrize("token", ["none", "wrong", "of another session"])
def test_form_without_its_token_is_refused(sign_in: SignIn, address: str, token: str) -> None:
    client, other = sign_in(reader_of(OWN)), sign_in(reader_of(OTHER))
    others = form_token(other.get("/ar/", follow_redirects=True).text)
    given = {"none": {}, "wrong": {"form_token": "x"}, "of another session": {"form_token": others}}[token]
    answer = client.post(address, data=given)
    assert answer.status_code == 403
    assert "لم يُقبل النموذج" in answer.text and "not accepted" in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_route_that_forgot_to_ask_is_asked_for_the_token_all_the_same(
    portal: Portal, sign_in: SignIn, method: str
) -> None:
    """The middleware checks the token, so no new route, of pages or of the API, can omit it."""
    app, reached = create_app(portal), []
    for path in ("/api/v1/forgetful", "/forgetful"):
        app.add_api_route(path, lambda: reached.append(1), methods=[method])
    signed_in = sign_in(reader_of(OWN))
    token = form_token(signed_in.get("/ar/", follow_redirects=True).text)
    client = TestClient(app, base_url=BASE, cookies=signed_in.cookies)
    for path in ("/api/v1/forgetful", "/forgetful", "/no/such/route"):
        assert client.request(method, path).status_code == 403, path
        assert client.request(method, path, json={"form_token": token}).status_code == 403, path
    assert reached == []
    assert client.request(method, "/forgetful", data={"form_token": token}).status_code == 200
    assert reached == [1]


def test_form_from_another_site_is_refused_even_with_the_token(sign_in: SignIn) -> None:
    client = sign_in(reader_of(OWN))
    token = form_token(client.get("/ar/", follow_redirects=True).text)
    answer = client.post("/signout", data={"form_token": token}, headers={"Origin": "https://elsewhere.invalid"})
    assert answer.status_code == 403
    assert client.get("/ar/").status_code == 303, "and nobody was signed out"


@pytest.mark.parametrize("here", ["https://elsewhere.invalid/", "//elsewhere.invalid", "/ar//elsewhere", "/ar/\\x", ""])
def test_way_back_never_leads_elsewhere(sign_in: SignIn, here: str) -> None:
    client = sign_in(reader_of(OWN))
    token = form_token(client.get("/ar/", follow_redirects=True).text)
    answer = client.post("/digits", data={"form_token": token, "digits": "arabic_indic", "here": here})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_too_many_requests_are_told_when_to_come_back(centre: Workspace, clock: Clock) -> None:
    limits = Limits(reader_per_minute=5, sign_ins_per_minute=4)
    portal = make_portal(centre, clock, PortalSettings(base_url=BASE, limits=limits))
    app = create_app(portal)
    with TestClient(app, base_url=BASE, follow_redirects=False) as client:
        link = portal.links.issue(reader_of(OWN))
        token = form_token(client.get(f"/signin/link/{link}").text)
        client.post("/signin/link", data={"form_token": token, "link_token": link})
        answers = [client.get("/ar/") for _ in range(7)]
        assert [answer.status_code for answer in answers] == [303] * 5 + [429] * 2
        assert "طلبات كثيرة" in answers[-1].text and "Too many requests" in answers[-1].text
        wait = int(answers[-1].headers["retry-after"])
        clock.pass_by(seconds=wait)
        assert client.get("/ar/").status_code == 303
        guesses = [client.get("/signin/link/guess").status_code for _ in range(4)]
        assert guesses[-1] == 429, "an address may not go on guessing links"


def test_unsigned_visitors_cannot_push_a_reader_out(centre: Workspace, clock: Clock) -> None:
    settings = PortalSettings(base_url=BASE, sessions=Sessions(most=3))
    store = make_portal(centre, clock, settings).sessions
    signed, _ = store.open(CENTRE)
    for _ in range(10):
        store.open()
    assert store.find(signed) is not None


def test_audit_says_who_saw_what_and_nothing_else(portal: Portal, sign_in: SignIn) -> None:
    client = sign_in(reader_of(OWN))
    edition = portal.edition_cache.current_id()
    client.get(f"/ar/{edition}/agencies/{OWN}/metrics/overall_satisfaction?period=2025Q4")
    client.get(f"/ar/{edition}/agencies/{OTHER}/")
    path = portal.workspace.root / "portal" / "audit.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()][-4:]
    link, signed, seen, refused = lines
    assert signed["event"] == "signed_in" and "parameters" not in signed and "parameters" not in link
    assert (seen["user"], seen["role"], seen["agency_id"]) == (reader_of(OWN), "agency", OWN)
    assert seen["route"] == "/{language}/{edition_id}/agencies/{agency_id}/metrics/{metric_id}"
    assert seen["parameters"]["metric_id"] == "overall_satisfaction" and seen["status"] == 200
    assert seen["edition_id"] == edition
    assert (refused["status"], refused["event"], refused["parameters"]["agency_id"]) == (404, "not_found", OTHER)
    assert seen["at"] == "2026-02-01T09:00:00.000+00:00"
    assert path.stat().st_mode & 0o077 == 0


def test_readers_file_is_told_all_its_faults(centre: Workspace, tmp_path: Path) -> None:
    folder = tmp_path
    rows = "a@x,agency,\nb@x,centre,kites\nc@x,owner,kites\n,centre,\nd@x,agency,kites\nD@X,agency,kites\ne,agency\n"
    (folder / "users.csv").write_text(f"subject_or_email,role,agency_id\n{rows}", "utf-8")
    with pytest.raises(MiyarError) as caught:
        load_users(folder)
    assert [problem.row for problem in caught.value.problems] == [2, 3, 4, 5, 7, 8]


@pytest.mark.parametrize(
    "other", ["\u017faleh@moi.example", "saleh@moi.example\u2028", "\u212aaren@moi.example", "wei\u00df@moi.example"]
)
def test_an_email_that_folds_to_another_is_another(tmp_path: Path, other: str) -> None:
    """An identity provider gave out `ſaleh@`, the Kelvin sign and `ß`; Unicode's folding made each somebody else."""
    names = "saleh@moi.example,centre,\r\nKaren@moi.example,centre,\r\nweiss@moi.example,centre,\r\n"
    (tmp_path / "users.csv").write_bytes(f"subject_or_email,role,agency_id\r\n{names}".encode())
    users = Users(tmp_path)
    assert users.by_claims({"email": "SALEH@moi.example", "email_verified": True}) is not None
    assert users.by_claims({"email": "karen@moi.example", "email_verified": True}) is not None
    assert users.by_claims({"email": other, "email_verified": True}) is None


def test_settings_file_is_told_all_its_faults(tmp_path: Path) -> None:
    folder = tmp_path
    (folder / "portal.yml").write_text("base_url: portal\nlimits: {upload_bytes: 0}\nelse: 1\n", "utf-8")
    with pytest.raises(MiyarError) as caught:
        load_settings(folder)
    assert {problem.column for problem in caught.value.problems} == {"base_url", "limits.upload_bytes", "else"}
