"""Connections, bodies and readers that come to no end, and heads without a limit: they end, and nobody waits for them.

Belongs here: the server's own limits, on a real socket. Does not belong here: rates (`test_sessions`, `test_addresses`).
"""

import asyncio
import re
import socket
import time
from contextlib import closing
from typing import Any

import httpx
import pytest

from miyar.workspace import Workspace
from portal import connections
from portal.app import create_app
from portal.connections import Connection
from portal.settings import Limits, PortalSettings
from portal.state import make_portal
from tests.portal.conftest import BASE, OWN, Clock, SignIn, reader_of, served
from tests.portal.test_requests import HEAD, MULTIPART

HOST = {"host": "portal.test"}
FEW = Limits(
    body_seconds=1, upload_seconds=1, taking_seconds=1, address_per_minute=100_000, sign_ins_per_minute=100_000
)


def opened(address: str) -> socket.socket:
    url = httpx.URL(address)
    return socket.create_connection((url.host, url.port), timeout=20)


def ended(line: socket.socket) -> bool:
    """Whether the other side closes the connection; its test runs out of time if it does not."""
    try:
        while line.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


@pytest.fixture
def address(centre: Workspace, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Connection, "head_seconds", 1.0)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 1)
    portal = make_portal(centre, clock, PortalSettings(base_url=BASE, limits=FEW))
    with served(create_app(portal), portal) as found:
        yield found


@pytest.mark.parametrize("what", ["nothing", "half a head", "a head by the drop", "a second head by the drop"])
def test_a_connection_that_asks_for_nothing_ends_and_others_are_served(address: str, what: str) -> None:
    with closing(opened(address)) as line, httpx.Client(timeout=20) as client:
        if what == "a second head by the drop":
            line.sendall(b"GET /signin HTTP/1.1\r\nhost: portal.test\r\n\r\n")
        if what == "half a head":
            line.sendall(b"GET /signin HTTP/1.1\r\nhost: por")
        began = time.monotonic()
        while "drop" in what and time.monotonic() < began + 5:
            try:
                line.sendall(b"G")
            except ConnectionError:
                break
            assert client.get(f"{address}/signin", headers=HOST).status_code == 200
            time.sleep(0.1)
        assert time.monotonic() < began + 5, "drops of a head kept the connection"
        assert ended(line)


def test_a_head_without_an_end_is_refused_early(address: str) -> None:
    """64 MB of headers were taken in whole, and everybody waited."""
    with closing(opened(address)) as line:
        line.sendall(b"GET /signin HTTP/1.1\r\nhost: portal.test\r\n")
        sent = 0
        with pytest.raises(ConnectionError):
            for number in range(64 * 1024):
                line.sendall(b"x-%d: " % number + b"a" * 1000 + b"\r\n")
                sent += 1000
        assert sent < 16 * 2**20, "what the sockets hold between them, and no more"
    assert httpx.get(f"{address}/signin", headers=HOST).status_code == 200
    assert httpx.get(f"{address}/signin", headers={**HOST, "x": "a" * 2**22}).status_code == 400


async def _slow_body(app: Any, cookie: str, path: str) -> int:
    """Status for a body of which a piece comes now and then, without an end."""
    status, taken = 0, 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": HEAD if taken == 1 else b"a", "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    headers = [(b"host", b"portal.test"), (b"content-type", MULTIPART.encode()), (b"cookie", cookie.encode())]
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": path, "raw_path": b""}
    scope |= {
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("192.0.2.1", 5),
        "server": ("::1", 80),
    }
    await asyncio.wait_for(app(scope, receive, send), 20)
    return status


@pytest.mark.parametrize("path", ["/digits", "/en/check"])
def test_a_body_by_the_drop_ends(centre: Workspace, clock: Clock, sign_in: SignIn, path: str) -> None:
    limits = Limits(body_seconds=1, upload_seconds=2, upload_bytes=10**9, body_bytes=10**9)
    portal = make_portal(centre, clock, PortalSettings(base_url=BASE, limits=limits))
    token, _ = portal.sessions.open(reader_of(OWN))
    assert asyncio.run(_slow_body(create_app(portal), f"miyar={token}", path)) == 408


def test_a_reader_who_takes_nothing_is_left(centre: Workspace, clock: Clock) -> None:
    portal = make_portal(centre, clock, PortalSettings(base_url=BASE, limits=FEW))
    token, _ = portal.sessions.open(reader_of(OWN))
    app = create_app(portal)

    async def never(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await asyncio.sleep(60)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    path = f"/files/{portal.edition_cache.current_id()}/packs/{OWN}/pack.xlsx"
    headers = [(b"host", b"portal.test"), (b"cookie", f"miyar={token}".encode())]
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path, "raw_path": b""}
    scope |= {
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("192.0.2.1", 5),
        "server": ("::1", 80),
    }
    asyncio.run(asyncio.wait_for(app(scope, receive, never), 20))


def test_a_body_that_nobody_wanted_holds_no_connection(address: str) -> None:
    with closing(opened(address)) as line:
        line.sendall(b"POST /en/check HTTP/1.1\r\nhost: portal.test\r\ncontent-length: 1000000000\r\n\r\n")
        began = time.monotonic()
        try:
            while time.monotonic() < began + 10:
                line.sendall(b"a")
                time.sleep(0.1)
        except ConnectionError:
            pass
        assert time.monotonic() < began + 10


RAW = {
    "two hosts": b"GET /signin HTTP/1.1\r\nhost: portal.test\r\nhost: elsewhere.invalid\r\n\r\n",
    "no host": b"GET /signin HTTP/1.1\r\n\r\n",
    "another host in the address": b"GET http://elsewhere.invalid/signin HTTP/1.1\r\nhost: portal.test\r\n\r\n",
    "a tunnel": b"CONNECT portal.test:80 HTTP/1.1\r\nhost: portal.test\r\n\r\n",
    "everything": b"OPTIONS * HTTP/1.1\r\nhost: portal.test\r\n\r\n",
    "no slash": b"GET signin HTTP/1.1\r\nhost: portal.test\r\n\r\n",
    "bytes that are no text": b"GET /\xff\xfe HTTP/1.1\r\nhost: portal.test\r\n\r\n",
    "escapes that are no text": b"GET /%ff%fe/%C0%AE HTTP/1.1\r\nhost: portal.test\r\n\r\n",
    "surrogates": b"GET /%ED%A0%80/ HTTP/1.1\r\nhost: portal.test\r\n\r\n",
    "a null": b"GET /%00/signin HTTP/1.1\r\nhost: portal.test\r\n\r\n",
    "an address without an end": b"GET /" + b"a" * 2**20 + b" HTTP/1.1\r\nhost: portal.test\r\n\r\n",
    "two lengths": b"POST /digits HTTP/1.1\r\nhost: portal.test\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a length and pieces": b"POST /digits HTTP/1.1\r\nhost: portal.test\r\ncontent-length: 4\r\n"
    b"transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /signin HTTP/1.1\r\nhost: portal.test\r\n\r\n",
    "pieces by another name": b"POST /digits HTTP/1.1\r\nhost: portal.test\r\ntransfer-encoding: xchunked\r\n\r\n",
    "a piece without an end": b"POST /digits HTTP/1.1\r\nhost: portal.test\r\n"
    b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "a header over two lines": b"GET /signin HTTP/1.1\r\nhost: portal.test\r\ncookie: a\r\n b\r\n\r\n",
    "a header without a name": b"GET /signin HTTP/1.1\r\nhost: portal.test\r\n: a\r\n\r\n",
    "a space before the colon": b"GET /signin HTTP/1.1\r\nhost : portal.test\r\n\r\n",
    "a cookie of noise": b'GET /signin HTTP/1.1\r\nhost: portal.test\r\ncookie: miyar="\\377\xff;;=; miyar\r\n\r\n',
    "forwarded noise": b"GET /signin HTTP/1.1\r\nhost: portal.test\r\nx-forwarded-for: \xff,,::\r\n\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an upgrade": b"GET /signin HTTP/1.1\r\nhost: portal.test\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    "a socket": b"GET /signin HTTP/1.1\r\nhost: portal.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: eHh4eHh4eHh4eHh4eHh4eA==\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    "old": b"GET /signin\r\n\r\n",
    "expecting": b"POST /en/check HTTP/1.1\r\nhost: portal.test\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n",
}


@pytest.mark.parametrize("name", RAW)
def test_bytes_that_no_browser_sends_are_no_fault(address: str, name: str) -> None:
    with closing(opened(address)) as line:
        line.sendall(RAW[name])
        answer = b""
        try:
            while part := line.recv(65536):
                answer += part
        except ConnectionError:
            pass
    statuses = [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
    assert all(status < 500 for status in statuses), answer[:300]
    assert len(statuses) <= 1 or statuses[1:] == [400], "no second request is made of the first one's bytes"
    assert b"Traceback" not in answer and b"elsewhere" not in answer
    assert httpx.get(f"{address}/signin", headers=HOST).status_code == 200
