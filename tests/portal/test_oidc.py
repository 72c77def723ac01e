"""Signing in at a real OpenID provider on loopback: code flow with PKCE, state and nonce, and what must be refused."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit, urlunsplit

import httpx
import pytest
from starlette.testclient import TestClient

from miyar.workspace import Workspace
from portal.app import create_app
from portal.settings import Oidc, PortalSettings
from portal.state import Portal, make_portal
from tests.portal.conftest import OWN, Clock, reader_of

HERE = Path(__file__).parent
BASE = "http://portal.test"
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "node_modules" / "oidc-provider").is_dir(),
    reason="needs Node and `npm ci` in tests/portal: the provider is the npm package oidc-provider",
)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    os.environ["MIYAR_OIDC_SECRET"] = "a secret for tests, nowhere else"  # noqa: S105
    process = subprocess.Popen(
        ["node", str(HERE / "provider.mjs"), f"{BASE}/signin/callback"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        # The package prints a greeting to standard output before our line.
        yield next(line.strip() for line in process.stdout if line.startswith("http://"))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        del os.environ["MIYAR_OIDC_SECRET"]


@pytest.fixture
def portal(centre: Workspace, clock: Clock, issuer: str) -> Portal:
    settings = PortalSettings(base_url=BASE, oidc=Oidc(issuer=issuer, client_id="portal"))
    return make_portal(centre, clock, settings)


@pytest.fixture
def browser(portal: Portal) -> Iterator[TestClient]:
    with TestClient(create_app(portal), base_url=BASE, follow_redirects=False) as client:
        yield client


def to_provider(browser: TestClient) -> str:
    answer = browser.get("/signin/provider")
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def through_provider(address: str, person: str) -> str:
    """Do what a person does at the provider: type a name, agree; returns the address they are sent back to."""
    with httpx.Client(follow_redirects=False) as client:
        for _ in range(12):
            if address.startswith(BASE):
                return address
            answer = client.get(address)
            if answer.is_redirect:
                address = urljoin(address, answer.headers["location"])
                continue
            found = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            assert found, answer.text
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            assert prompt, answer.text
            filled = {"prompt": prompt[1], "login": person, "password": "any"}
            answer = client.post(urljoin(address, unescape(found[1])), data=filled)
            address = urljoin(address, answer.headers["location"])
    raise AssertionError("the provider sent nobody back")


def signed_in(browser: TestClient, person: str) -> httpx.Response:
    back = through_provider(to_provider(browser), person)
    return browser.get(back.removeprefix(BASE))


def changed(address: str, **query: str) -> str:
    parts = urlsplit(address)
    given = {name: values[0] for name, values in parse_qs(parts.query).items()} | query
    return urlunsplit(("", "", parts.path, urlencode(given), ""))


def test_request_carries_state_nonce_and_pkce(browser: TestClient) -> None:
    query = parse_qs(urlsplit(to_provider(browser)).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{BASE}/signin/callback"]
    assert all(len(query[name][0]) >= 20 for name in ("state", "nonce", "code_challenge"))


def test_reader_signs_in_and_gets_a_new_session(browser: TestClient, portal: Portal) -> None:
    address = to_provider(browser)
    before = browser.cookies["miyar"]
    answer = browser.get(through_provider(address, reader_of(OWN)).removeprefix(BASE))
    assert answer.status_code == 303
    assert browser.cookies["miyar"] != before
    assert portal.sessions.find(before) is None
    assert browser.get(f"/en/{portal.edition_cache.current_id()}/").status_code == 200
    assert reader_of(OWN) in browser.get(f"/en/{portal.edition_cache.current_id()}/").text


def test_reader_named_by_subject_signs_in(browser: TestClient, portal: Portal) -> None:
    path = portal.workspace.registry / "users.csv"
    before = path.read_text("utf-8")
    try:
        path.write_text(f"{before}person-17,agency,{OWN}\n", "utf-8")
        assert signed_in(browser, "person-17").status_code == 303
    finally:
        path.write_text(before, "utf-8")


@pytest.mark.parametrize("person", ["stranger@elsewhere.invalid", "stranger", f"unverified:{reader_of(OWN)}"])
def test_person_without_a_line_is_no_reader(browser: TestClient, portal: Portal, person: str) -> None:
    answer = signed_in(browser, person)
    assert answer.status_code == 403
    assert "Ask the measurement centre" in answer.text and "اطلب من مركز القياس" in answer.text
    assert browser.get(f"/en/{portal.edition_cache.current_id()}/").status_code == 401


def test_foreign_state_is_refused(browser: TestClient) -> None:
    back = through_provider(to_provider(browser), reader_of(OWN))
    assert browser.get(changed(back, state="forged")).status_code == 400
    assert browser.get(back.removeprefix(BASE)).status_code == 400, "and the sign-in it belonged to is over"


def test_another_browser_cannot_use_the_answer(browser: TestClient, portal: Portal) -> None:
    back = through_provider(to_provider(browser), reader_of(OWN))
    with TestClient(create_app(portal), base_url=BASE, follow_redirects=False) as thief:
        assert thief.get(back.removeprefix(BASE)).status_code == 400


def test_wrong_code_is_refused(browser: TestClient) -> None:
    back = through_provider(to_provider(browser), reader_of(OWN))
    assert browser.get(changed(back, code="forged")).status_code == 400


def test_answer_works_once(browser: TestClient) -> None:
    back = through_provider(to_provider(browser), reader_of(OWN)).removeprefix(BASE)
    assert browser.get(back).status_code == 303
    browser.cookies.clear()
    assert browser.get(back).status_code == 400


@pytest.mark.parametrize("kept", ["nonce", "code_verifier"])
def test_token_for_another_sign_in_is_refused(browser: TestClient, portal: Portal, kept: str) -> None:
    back = through_provider(to_provider(browser), reader_of(OWN))
    session = portal.sessions.find(browser.cookies["miyar"])
    assert session is not None
    states = [entry["data"] for name, entry in session.kept.items() if name.startswith("_state_")]
    states[0][kept] = "x" * 43
    assert browser.get(back.removeprefix(BASE)).status_code == 400


def test_wrong_client_secret_is_refused(
    centre: Workspace, clock: Clock, issuer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIYAR_OIDC_SECRET", "another")
    portal = make_portal(centre, clock, PortalSettings(base_url=BASE, oidc=Oidc(issuer=issuer, client_id="portal")))
    with TestClient(create_app(portal), base_url=BASE, follow_redirects=False) as browser:
        assert signed_in(browser, reader_of(OWN)).status_code == 400


def test_provider_that_is_away_is_said_so(centre: Workspace, clock: Clock, issuer: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
    settings = PortalSettings(base_url=BASE, oidc=Oidc(issuer=nowhere, client_id="portal"))
    with TestClient(create_app(make_portal(centre, clock, settings)), base_url=BASE) as browser:
        answer = browser.get("/signin/provider")
    assert answer.status_code == 400
    assert "لم يتم الدخول" in answer.text
    assert nowhere not in answer.text
