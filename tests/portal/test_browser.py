"""A reader's way through the portal in a real browser, and every page judged by axe at WCAG 2.2 AA in both languages.

Screenshots, which take half of these tests' time, are only taken if the environment names a folder in MIYAR_ARTEFACTS.
"""

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from miyar.workspace import Workspace
from portal.app import create_app
from portal.serve import sign_in_link
from portal.settings import Limits, PortalSettings
from portal.state import Portal, make_portal
from tests.portal.conftest import CENTRE, OTHER, OWN, Clock, reader_of

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium")
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="needs `npm ci` in tests/portal: axe-core judges the pages")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def served(centre: Workspace) -> Iterator[Portal]:
    """Run the portal on a loopback port, as `miyar portal` does."""
    config = uvicorn.Config("unused", host="127.0.0.1", port=0, log_level="warning", access_log=False)
    socket = config.bind_socket()
    base = f"http://127.0.0.1:{socket.getsockname()[1]}"
    limits = Limits(score_seconds=0, reader_per_minute=10_000, address_per_minute=10_000)
    portal = make_portal(centre, Clock(), PortalSettings(base_url=base, limits=limits))
    config.app = create_app(portal)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield portal
    server.should_exit = True
    thread.join()
    socket.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Without a sandbox only because CI runs as root; the pages are our own.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, served: Portal) -> Iterator[Any]:
    """Open a page of a fresh browser profile; any request to another host fails the test."""
    context = browser.new_context(accept_downloads=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    elsewhere: list[str] = []
    complaints: list[str] = []
    page.on(
        "request", lambda request: request.url.startswith(served.settings.base_url) or elsewhere.append(request.url)
    )
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    yield page
    context.close()
    assert elsewhere == []
    assert [one for one in complaints if "Content Security Policy" in one] == []


def shoot(page: Any, name: str, whole: bool = True) -> None:
    named = os.environ.get("MIYAR_ARTEFACTS")
    if named:
        page.screenshot(path=Path(named) / "portal" / f"{name}.png", full_page=whole)


def enter(page: Any, portal: Portal, key: str) -> None:
    reader = portal.users.get(key)
    assert reader is not None
    page.goto(sign_in_link(portal, reader))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/ar/\d{4}Q\d-r\d+/$"))


@needs_browser
def test_reader_finds_a_score_and_how_it_came_about(page: Any, served: Portal) -> None:
    enter(page, served, reader_of(OWN))
    assert page.locator("html").get_attribute("dir") == "rtl"
    page.get_by_role("link", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"
    page.get_by_role("link", name="Digital completion", exact=True).click()
    score = page.locator(".headline .number").first.inner_text()
    assert re.fullmatch(r"\d+\.\d", score)
    shoot(page, "way-metric")
    page.get_by_role("link", name=re.compile("How it came about")).first.click()
    assert page.get_by_role("heading", level=1).inner_text() == "How this score came about"
    assert score.split(".")[0] in page.locator(".steps").inner_text()
    page.get_by_role("link", name="Downloads").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("quality.json")).click()
    assert download.value.suggested_filename.endswith("quality.json")
    assert Path(download.value.path()).read_text("utf-8").startswith("[")


@needs_browser
def test_reader_is_refused_another_agencys_page(page: Any, served: Portal) -> None:
    enter(page, served, reader_of(OWN))
    answer = page.goto(page.url + f"agencies/{OTHER}/")
    assert answer.status == 404
    assert page.get_by_role("heading", name="There is no such page").is_visible()
    shoot(page, "way-refused")
    page.goto(served.settings.base_url)
    page.get_by_role("button", name="خروج").click()
    assert page.goto(served.settings.base_url + "/ar/").status == 401


@needs_browser
def test_keyboard_reaches_the_content_first_and_then_everything(page: Any, served: Portal) -> None:
    enter(page, served, reader_of(OWN))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["y"] >= 0, "it is shown when it has the focus"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "period"
    count = page.evaluate("document.querySelectorAll('main a, main button, main select, main [tabindex=\"0\"]').length")
    reached = set()
    for _ in range(count + 5):
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or page.evaluate("document.activeElement === document.body"), "the focus is visible"
        page.keyboard.press("Tab")
    assert len(reached) >= count


@needs_browser
def test_check_of_a_file_in_the_browser(page: Any, served: Portal, built_workspace: Workspace) -> None:
    enter(page, served, reader_of(OWN))
    page.get_by_role("link", name="افحص ملفا").click()
    page.get_by_label("العقد").select_option(f"{OWN}-maturity")
    landing = built_workspace.landing / OWN / "maturity_assessments"
    file = next(path for path in sorted(landing.rglob("*")) if path.is_file())
    page.get_by_label("الملف").set_input_files(file)
    page.get_by_role("button", name="اعرض").click()
    # The file is judged outside the request; the page reloads by itself until there is an answer.
    page.get_by_role("heading", name=re.compile("ما سيقوله النظام: مقبول")).wait_for(timeout=120_000)


def every_page(portal: Portal) -> dict[str, str]:
    edition = portal.edition_cache.current_id()
    own = f"/{edition}/agencies/{OWN}"
    found = portal.edition_cache.get(edition).connection.cursor()
    row = found.execute(
        "select score_id from bench_scores where unit_id = ? and status = 'reported' order by all limit 1", [OWN]
    ).fetchone()
    assert row is not None
    return {
        "agency": f"{own}/",
        "all-metrics": f"{own}/?full=true",
        "metric": f"{own}/metrics/overall_satisfaction",
        "places": f"{own}/places",
        "branches": f"{own}/places?kind=branch",
        "complaints": f"{own}/complaints",
        "complaint-figure": f"{own}/complaints/median_days",
        "maturity": f"{own}/maturity",
        "quality": f"{own}/quality",
        "history": f"{own}/history",
        "score": f"/{edition}/scores/{row[0]}",
        "journeys": f"/{edition}/journeys",
        "journey": f"/{edition}/journeys/shore",
        "regions": f"/{edition}/regions",
        "method": f"/{edition}/method",
        "downloads": f"/{edition}/downloads",
        "editions": f"/{edition}/editions",
        "check": "/check",
        "refused": f"/{edition}/agencies/nobody/",
    }


@needs_browser
@needs_axe
@pytest.mark.parametrize("language", ["ar", "en"])
def test_axe_finds_nothing_and_small_screens_need_no_sideways_scrolling(
    browser: Any, page: Any, served: Portal, language: str
) -> None:
    # The test injects axe and bypasses the pages' policy for it, because that allows no script; other tests keep the
    # policy.
    context = browser.new_context(bypass_csp=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    faults: dict[str, list[str]] = {}
    for key, pages in (
        (reader_of(OWN), every_page(served)),
        (CENTRE, {"centre": f"/{served.edition_cache.current_id()}/"}),
    ):
        enter(page, served, key)
        for name, path in pages.items():
            page.set_viewport_size({"width": 1280, "height": 900})
            page.goto(f"{served.settings.base_url}/{language}{path}")
            shoot(page, f"{name}.{language}")
            page.add_script_tag(path=AXE)
            found = page.evaluate(
                "async (tags) => (await axe.run(document, {runOnly: tags})).violations"
                ".map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ')).join(' | '))",
                RULES,
            )
            page.set_viewport_size({"width": 360, "height": 800})
            shoot(page, f"{name}.{language}.360", whole=False)
            if page.evaluate("document.documentElement.scrollWidth") > 360:
                found.append("wider than 360 px")
            if found:
                faults[name] = found
    context.close()
    assert faults == {}


@needs_browser
@needs_axe
def test_sign_in_page_passes_axe(browser: Any, served: Portal) -> None:
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    for address in ("/signin", f"/signin/link/{served.links.issue(CENTRE)}"):
        page.goto(served.settings.base_url + address)
        page.add_script_tag(path=AXE)
        found = page.evaluate("async (tags) => (await axe.run(document, {runOnly: tags})).violations", RULES)
        assert found == []
    context.close()


@pytest.mark.parametrize(
    "path",
    [
        "/files/{edition}/../../registry/users.csv",
        "/files/{edition}/packs/lighthouse/../../../../registry/users.csv",
        "/files/{edition}/%2e%2e/%2e%2e/registry/users.csv",
        "/files/../registry/users.csv",
        "/static/../words.yml",
        "/static/fonts/../access.yml",
        "/static/%2e%2e/words.yml",
        "/static//etc/passwd",
    ],
)
def test_raw_paths_lead_nowhere_else(served: Portal, path: str) -> None:
    """Sent as bytes on the wire, because browsers and test clients tidy such paths before they send them."""
    token, _ = served.sessions.open(CENTRE)
    connection = HTTPConnection(served.settings.host, timeout=10)
    given = path.format(edition=served.edition_cache.current_id())
    connection.putrequest("GET", given, skip_host=True)
    connection.putheader("Host", served.settings.host)
    connection.putheader("Cookie", f"miyar={token}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    assert answer.status == 404
    assert "subject_or_email" not in body and "root:" not in body and "owner_and_shared" not in body
