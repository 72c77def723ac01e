"""A portal over the tiny centre's edition, readers signed in to it, and a clock that tests move.

Belongs here: making them. Does not belong here: any expectation.
"""

import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from miyar.workspace import Workspace
from portal.app import create_app
from portal.connections import server_settings
from portal.settings import Limits, PortalSettings
from portal.state import Portal, make_portal

BASE = "http://portal.test"
CENTRE = "centre@miyar.invalid"
# Two agencies of the tiny centre: readers named "own" belong to the first, and nobody may look at the second.
OWN, OTHER = "lighthouse", "kites"


class Clock:
    """A clock that shows the time a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 2, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture(scope="session")
def centre(built_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a copy of what a portal needs of the built centre, in a folder where it may write its audit."""
    return copy_for_portal(built_workspace, tmp_path_factory.mktemp("portal") / "centre")


def copy_for_portal(source: Workspace, root: Path) -> Workspace:
    root.mkdir(parents=True)
    for part in ("registry", "editions"):
        shutil.copytree(source.root / part, root / part, symlinks=True)
    shutil.copy(source.root / "miyar.yml", root)
    return Workspace.open(root)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def portal(centre: Workspace, clock: Clock) -> Portal:
    # A test asks for more in one moment of its clock than a person in an hour; rates have their own tests.
    limits = Limits(reader_per_minute=100_000, address_per_minute=100_000, sign_ins_per_minute=1000, score_seconds=0)
    return make_portal(centre, clock, PortalSettings(base_url=BASE, limits=limits))


@pytest.fixture
def app(portal: Portal) -> FastAPI:
    return create_app(portal)


SignIn = Callable[..., TestClient]


@pytest.fixture
def sign_in(portal: Portal, app: FastAPI) -> Iterator[SignIn]:
    """Return browsers signed in by a one-time link as a reader; without a key, of a person who is not signed in."""
    opened: list[TestClient] = []

    def make(key: str | None = None) -> TestClient:
        client = TestClient(app, base_url=BASE, follow_redirects=False)
        opened.append(client)
        if key is not None:
            link = portal.links.issue(key)
            page = client.get(f"/signin/link/{link}")
            answer = client.post("/signin/link", data={"form_token": form_token(page.text), "link_token": link})
            assert answer.status_code == 303, answer.text
        return client

    yield make
    for client in opened:
        client.close()


def form_token(page: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found, "the page has no form"
    return found[1]


def finished(client: TestClient, address: str) -> Any:
    """Return the page of a check once it no longer reloads itself."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        answer = client.get(address)
        if "refresh" not in answer.headers:
            return answer
        time.sleep(0.1)
    raise AssertionError("the check came to no end")


def reader_of(agency: str) -> str:
    return f"{agency}@miyar.invalid"


@pytest.fixture
def edition_id(portal: Portal) -> str:
    return portal.edition_cache.current_id()


@contextmanager
def served(app: FastAPI, portal: Portal) -> Iterator[str]:
    """The application on loopback, with the settings with which people get it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, **server_settings(portal.settings, port)))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started and time.monotonic() < until:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
