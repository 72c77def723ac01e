"""Paged endpoints, tested against a real local server that fails as servers do."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from ingestion.addresses import client, is_public
from ingestion.contract import Contract
from ingestion.fetch import ATTEMPTS, fetch
from miyar.errors import MiyarError

ITEMS = [{"agency": "a01", "id": f"r{n}", "answered": "2025-02-03", "q1": n % 5 + 1} for n in range(7)]
PAGE = 3
Answer = Callable[[dict[str, str], dict[str, str], int], tuple[int, dict[str, str], bytes]]


class Endpoint:
    """A server whose response to each request is a function of query, headers and the number of requests."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.posted: list[tuple[str, str]] = []
        self.answer: Answer = pages
        self.token_status = 200
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                endpoint.asked.append(self.path)
                query = {name: value[0] for name, value in parse_qs(urlparse(self.path).query).items()}
                status, headers, body = endpoint.answer(query, dict(self.headers), len(endpoint.asked))
                if status == 0:  # the connection is cut
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["content-length"])).decode()
                endpoint.posted.append((self.headers["authorization"], form))
                self.send_response(endpoint.token_status)
                told = body({"access_token": f"t{len(endpoint.posted)}", "token_type": "bearer", "expires_in": 60})
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/answers?size=3"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def body(content: Any) -> bytes:
    return json.dumps(content).encode()


def pages(query: dict[str, str], headers: dict[str, str], count: int) -> tuple[int, dict[str, str], bytes]:
    first = (int(query.get("page", "1")) - 1) * PAGE
    return 200, {}, body({"items": ITEMS[first : first + PAGE]})


@pytest.fixture
def centre(centre: Any) -> Any:
    """The centre lists this machine, where the endpoint is."""
    settings = centre.root / "miyar.yml"
    settings.write_text(settings.read_text("utf-8") + "fetch_hosts: [127.0.0.1]\n", "utf-8")
    return centre


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.server.shutdown()
    made.server.server_close()


def contract(survey: dict[str, Any], endpoint: Endpoint, **server: Any) -> Contract:
    content = {"id": "c", "provider": "p1", "covers": "all", "format": {"type": "ndjson"}, **survey}
    return Contract.model_validate(content | {"server": {"type": "api", "url": endpoint.url, **server}})


def lines(path: Any) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_all_pages_land_in_one_file(centre: Any, survey: dict[str, Any], endpoint: Endpoint) -> None:
    path = fetch(contract(survey, endpoint), centre.workspace, "2025-04-01")
    assert path == centre.root.resolve() / "landing/p1/survey_responses/2025-04-01.ndjson"
    assert lines(path) == ITEMS
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    asked = len(endpoint.asked)
    assert fetch(contract(survey, endpoint), centre.workspace, "2025-04-01") == path
    assert len(endpoint.asked) == asked


def test_fetched_file_is_read_like_any_other(centre: Any, survey: dict[str, Any], endpoint: Endpoint) -> None:
    centre.contract(survey, format={"type": "ndjson"})
    fetch(contract(survey, endpoint), centre.workspace, "2025-04-01")
    assert centre.rows("value") == [(item["q1"],) for item in ITEMS]


def test_next_page_named_by_url_and_by_token(centre: Any, survey: dict[str, Any], endpoint: Endpoint) -> None:
    def by_url(query: dict[str, str], headers: dict[str, str], count: int) -> tuple[int, dict[str, str], bytes]:
        first = int(query.get("from", "0"))
        more = f"/answers?from={first + PAGE}" if first + PAGE < len(ITEMS) else None
        return 200, {}, body({"data": {"rows": ITEMS[first : first + PAGE]}, "links": {"next": more}})

    endpoint.answer = by_url
    found = fetch(contract(survey, endpoint, itemsPath="data.rows", nextPath="links.next"), centre.workspace, "url")
    assert lines(found) == ITEMS

    def by_token(query: dict[str, str], headers: dict[str, str], count: int) -> tuple[int, dict[str, str], bytes]:
        first = {"": 0, "B": 3, "C": 6}[query.get("cursor", "")]
        return 200, {}, body({"items": ITEMS[first : first + PAGE], "next": {0: "B", 3: "C", 6: ""}[first]})

    endpoint.answer = by_token
    found = fetch(contract(survey, endpoint, nextPath="next", pageParameter="cursor"), centre.workspace, "token")
    assert lines(found) == ITEMS


def test_server_faults_are_waited_out(centre: Any, survey: dict[str, Any], endpoint: Endpoint) -> None:
    faults = {1: (429, {"Retry-After": "7"}, b""), 2: (503, {}, b""), 3: (0, {}, b""), 5: (200, {}, b"<html>")}

    def flaky(query: dict[str, str], headers: dict[str, str], count: int) -> tuple[int, dict[str, str], bytes]:
        return faults.get(count) or pages(query, headers, count)

    endpoint.answer = flaky
    waits: list[float] = []
    path = fetch(contract(survey, endpoint), centre.workspace, "2025-04-01", wait=waits.append)
    assert lines(path) == ITEMS
    assert len(waits) == 4 and waits[0] == 7


def test_broken_fetch_goes_on_after_the_last_page(centre: Any, survey: dict[str, Any], endpoint: Endpoint) -> None:
    def dies(query: dict[str, str], headers: dict[str, str], count: int) -> tuple[int, dict[str, str], bytes]:
        return (500, {}, b"") if query.get("page") == "3" else pages(query, headers, count)

    endpoint.answer = dies
    with pytest.raises(MiyarError) as caught:
        fetch(contract(survey, endpoint), centre.workspace, "2025-04-01", wait=lambda seconds: None)
    text = str(caught.value)
    assert text.startswith("[fetch_failed] p1, http://127.0.0.1:") and f"after {ATTEMPTS} attempts (HTTP 500)" in text
    assert "goes on after page 2" in text
    folder = centre.root / "landing/p1/survey_responses"
    part = folder / "2025-04-01.ndjson.part"
    # Half a page, left by a run that was killed while writing.
    with part.open("ab") as stream:
        stream.write(b'{"agency":"a01","id":"torn')
    # An unfinished file is not a delivery.
    centre.contract(survey, format={"type": "ndjson"})
    assert centre.deliveries() == []
    endpoint.answer, endpoint.asked = pages, []
    path = fetch(contract(survey, endpoint), centre.workspace, "2025-04-01")
    assert lines(path) == ITEMS
    assert all("page=3" in asked or "page=4" in asked for asked in endpoint.asked)


def test_refusals_are_not_repeated(centre: Any, survey: dict[str, Any], endpoint: Endpoint) -> None:
    endpoint.answer = lambda query, headers, count: (403, {}, b"")
    with pytest.raises(MiyarError, match=r"\[fetch_failed\] p1, .*HTTP 403"):
        fetch(contract(survey, endpoint), centre.workspace, "2025-04-01", wait=lambda seconds: None)
    assert len(endpoint.asked) == 1


def test_token_comes_from_the_environment(
    centre: Any, survey: dict[str, Any], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def guarded(query: dict[str, str], headers: dict[str, str], count: int) -> tuple[int, dict[str, str], bytes]:
        seen.append(headers.get("Authorization", headers.get("authorization", "")))
        return pages(query, headers, count)

    endpoint.answer = guarded
    protected = contract(survey, endpoint, tokenVariable="TEST_ENDPOINT_TOKEN")
    monkeypatch.delenv("TEST_ENDPOINT_TOKEN", raising=False)
    with pytest.raises(MiyarError, match=r"\[token_missing\] p1.*TEST_ENDPOINT_TOKEN"):
        fetch(protected, centre.workspace, "2025-04-01")
    assert seen == []
    monkeypatch.setenv("TEST_ENDPOINT_TOKEN", "s3cret")
    fetch(protected, centre.workspace, "2025-04-01")
    assert set(seen) == {"Bearer s3cret"}


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ({"rows": []}, "json_items"),
        ({"items": ITEMS, "next": "http://elsewhere.example/answers"}, "fetch_host"),
        # Another server on the same machine, or the same one on another scheme, would also receive the token.
        ({"items": ITEMS, "next": "http://127.0.0.1:1/answers"}, "fetch_host"),
        ({"items": ITEMS, "next": "https://127.0.0.1/answers"}, "fetch_host"),
        ({"items": ITEMS, "next": "again"}, "fetch_endless"),
    ],
)
def test_endpoints_that_are_not_as_agreed(
    centre: Any, survey: dict[str, Any], endpoint: Endpoint, answer: Any, rule: str
) -> None:
    endpoint.answer = lambda query, headers, count: (200, {}, body(answer))
    with pytest.raises(MiyarError, match=rf"\[{rule}\] p1, https?://.* -> "):
        fetch(contract(survey, endpoint, nextPath="next"), centre.workspace, "2025-04-01", wait=lambda seconds: None)
    assert not list(centre.root.glob("landing/**/*.ndjson"))


def test_a_fetch_killed_after_its_last_page_takes_no_page_twice(
    centre: Any, survey: dict[str, Any], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def linked(query: dict[str, str], headers: dict[str, str], count: int) -> tuple[int, dict[str, str], bytes]:
        first = int(query.get("from", "0"))
        more = f"/answers?from={first + PAGE}" if first + PAGE < len(ITEMS) else None
        return 200, {}, body({"items": ITEMS[first : first + PAGE], "next": more})

    replace = Path.replace

    def killed(self: Path, target: Any) -> Any:
        if self.name.endswith(".ndjson.part"):
            raise KeyboardInterrupt
        return replace(self, target)

    endpoint.answer = linked
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", killed)
        fetch(contract(survey, endpoint, nextPath="next"), centre.workspace, "2025-04-01")
    assert lines(fetch(contract(survey, endpoint, nextPath="next"), centre.workspace, "2025-04-01")) == ITEMS


def test_an_answer_in_another_encoding_is_told(centre: Any, survey: dict[str, Any], endpoint: Endpoint) -> None:
    endpoint.answer = lambda query, headers, count: (200, {}, '{"items": ["راض"]}'.encode("windows-1256"))
    with pytest.raises(MiyarError, match=r"\[fetch_failed\] p1, http://.*no JSON"):
        fetch(contract(survey, endpoint), centre.workspace, "2025-04-01", wait=lambda seconds: None)


def test_a_server_that_sends_in_circles_is_told(centre: Any, survey: dict[str, Any], endpoint: Endpoint) -> None:
    endpoint.answer = lambda query, headers, count: (302, {"Location": f"/answers?hop={count}"}, b"")
    with pytest.raises(MiyarError, match=r"\[fetch_failed\] p1, http://.*TooManyRedirects"):
        fetch(contract(survey, endpoint), centre.workspace, "2025-04-01", wait=lambda seconds: None)


def test_offsets(centre: Any, survey: dict[str, Any], endpoint: Endpoint) -> None:
    """Socrata and ServiceNow count items, not pages; the last page is the empty one."""

    def by_offset(query: dict[str, str], headers: dict[str, str], count: int) -> tuple[int, dict[str, str], bytes]:
        first = int(query["$offset"])
        return 200, {}, body(ITEMS[first : first + PAGE])

    endpoint.answer = by_offset
    made = contract(survey, endpoint, itemsPath="", pageParameter="$offset", pages="offset")
    assert lines(fetch(made, centre.workspace, "2025-03-01")) == ITEMS
    assert [parse_qs(urlparse(path).query)["$offset"] for path in endpoint.asked] == [["0"], ["3"], ["6"], ["7"]]


def test_the_next_page_in_a_header(centre: Any, survey: dict[str, Any], endpoint: Endpoint) -> None:
    """RFC 8288; an interrupted fetch goes on where the last header led."""

    def by_link(query: dict[str, str], headers: dict[str, str], count: int) -> tuple[int, dict[str, str], bytes]:
        first = int(query.get("from", "0"))
        following = first + PAGE
        link = {"Link": f'</answers?from={following}>; rel="next"'} if following < len(ITEMS) else {}
        if count == 2:
            return 404, {}, b""
        return 200, link, body({"items": ITEMS[first:following]})

    endpoint.answer = by_link
    made = contract(survey, endpoint, pages="link")
    with pytest.raises(MiyarError):
        fetch(made, centre.workspace, "2025-03-01")
    assert lines(fetch(made, centre.workspace, "2025-03-01")) == ITEMS
    assert [path.partition("?")[2] for path in endpoint.asked] == ["size=3", "from=3", "from=3", "from=6"]


def test_a_header_that_leads_to_another_host(centre: Any, survey: dict[str, Any], endpoint: Endpoint) -> None:
    endpoint.answer = lambda query, headers, count: (
        200,
        {"Link": '<https://elsewhere.example/answers>; rel="next"'},
        body({"items": ITEMS}),
    )
    with pytest.raises(MiyarError) as caught:
        fetch(contract(survey, endpoint, pages="link"), centre.workspace, "2025-03-01")
    assert [problem.rule for problem in caught.value.problems] == ["fetch_host"]


@pytest.fixture
def oauth(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("KIOSK_ID", "kiosk")
    monkeypatch.setenv("KIOSK_SECRET", "sesame")
    address = endpoint.url.partition("/answers")[0] + "/token"
    return {"tokenUrl": address, "clientVariable": "KIOSK_ID", "secretVariable": "KIOSK_SECRET", "scope": "read"}


def guarded(valid: set[str]) -> Answer:
    """Pages for those whose token is valid; each page uses its token up."""

    def answer(query: dict[str, str], headers: dict[str, str], count: int) -> tuple[int, dict[str, str], bytes]:
        token = {name.lower(): value for name, value in headers.items()}.get("authorization", "").removeprefix(
            "Bearer "
        )
        if token not in valid:
            return 401, {}, body({"error": "invalid_token"})
        valid.discard(token)
        return pages(query, headers, count)

    return answer


def test_a_token_is_asked_for_and_again_when_it_ran_out(
    centre: Any, survey: dict[str, Any], endpoint: Endpoint, oauth: dict[str, str]
) -> None:
    endpoint.answer = guarded({f"t{number}" for number in range(1, 10)})
    path = fetch(contract(survey, endpoint, oauth=oauth), centre.workspace, "2025-04-01")
    assert lines(path) == ITEMS
    assert endpoint.posted[0] == ("Basic a2lvc2s6c2VzYW1l", "grant_type=client_credentials&scope=read")
    # Four pages, the last of them empty, each with a token of its own: three ran out.
    assert len(endpoint.posted) == 4


def test_a_client_that_is_refused_twice_is_told(
    centre: Any, survey: dict[str, Any], endpoint: Endpoint, oauth: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.answer = guarded(set())
    with pytest.raises(MiyarError) as caught:
        fetch(contract(survey, endpoint, oauth=oauth), centre.workspace, "2025-04-01")
    [problem] = caught.value.problems
    assert problem.rule == "fetch_failed" and "HTTP 401" in problem.message and len(endpoint.posted) == 2
    endpoint.token_status = 403
    with pytest.raises(MiyarError) as caught:
        fetch(contract(survey, endpoint, oauth=oauth), centre.workspace, "2025-04-01")
    [problem] = caught.value.problems
    assert (problem.rule, problem.who) == ("token_refused", "p1") and "HTTP 403" in problem.message
    told = f"{caught.value} {caplog.text} " + " ".join(
        path.read_text("utf-8") for path in centre.root.rglob("*") if path.is_file()
    )
    assert "sesame" not in told and "t1" not in told.split()


def test_a_secret_that_is_not_set_is_told(
    centre: Any, survey: dict[str, Any], endpoint: Endpoint, oauth: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KIOSK_SECRET")
    with pytest.raises(MiyarError, match="KIOSK_SECRET is empty"):
        fetch(contract(survey, endpoint, oauth=oauth), centre.workspace, "2025-04-01")
    assert endpoint.asked == []


def test_a_cursor_goes_on_where_it_stopped(centre: Any, survey: dict[str, Any], endpoint: Endpoint) -> None:
    """The run that goes on asks for the cursor the last whole page named, and the file is that of one run."""
    broken = [True]

    def by_cursor(query: dict[str, str], headers: dict[str, str], count: int) -> tuple[int, dict[str, str], bytes]:
        first = {"": 0, "B": 3, "C": 6}[query.get("cursor", "")]
        if first == 6 and broken[0]:
            return 404, {}, b""
        meta = {"next_cursor": {0: "B", 3: "C", 6: None}[first]}
        return 200, {}, body({"items": ITEMS[first : first + PAGE], "meta": meta})

    endpoint.answer = by_cursor
    made = contract(survey, endpoint, nextPath="meta.next_cursor", pageParameter="cursor")
    with pytest.raises(MiyarError):
        fetch(made, centre.workspace, "2025-04-01")
    broken[0] = False
    asked = len(endpoint.asked)
    stopped = fetch(made, centre.workspace, "2025-04-01").read_bytes()
    assert ["cursor=C" in path for path in endpoint.asked[asked:]] == [True]
    assert fetch(made, centre.workspace, "2025-04-02").read_bytes() == stopped


@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.1:{port}/answers",
        "http://localhost:{port}/answers",
        "http://[::1]:{port}/answers",
        "http://[::ffff:127.0.0.1]:{port}/answers",
        "http://0.0.0.0:{port}/answers",
        "http://2130706433:{port}/answers",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.8/answers",
        "http://100.64.0.1/answers",
    ],
)
@pytest.mark.parametrize("is_redirect", [False, True])
def test_addresses_inside_are_not_reached(
    centre: Any, survey: dict[str, Any], endpoint: Endpoint, place: str, is_redirect: bool
) -> None:
    """Named by the contract, or by a redirect of a host that may be reached."""
    place = place.format(port=endpoint.server.server_port)
    if is_redirect:
        if "127.0.0.1:" in place and "ffff" not in place:
            place = place.replace("127.0.0.1", "127.0.0.2")
        endpoint.answer = lambda query, headers, count: (302, {"Location": place}, b"")
        made = contract(survey, endpoint)
    else:
        settings = centre.root / "miyar.yml"
        settings.write_text(settings.read_text("utf-8").replace("fetch_hosts: [127.0.0.1]\n", ""), "utf-8")
        made = contract(survey, endpoint, url=place)
    with pytest.raises(MiyarError) as caught:
        fetch(made, centre.workspace, "2025-04-01")
    [problem] = caught.value.problems
    assert (problem.rule, problem.who) == ("fetch_address", "p1") and "fetch_hosts" in problem.next_step
    assert len(endpoint.asked) == (1 if is_redirect else 0)


def test_a_name_is_resolved_once_a_request(
    centre: Any, survey: dict[str, Any], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers otherwise the second time changes nothing, and the host's name stays in the request."""
    whole, asked, hosts = socket.getaddrinfo, [0], set[str]()

    def resolve(host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
        asked[0] += host == "provider.example"
        return whole("127.0.0.1" if host == "provider.example" else host, port, *rest, **more)

    def answer(query: dict[str, str], headers: dict[str, str], count: int) -> tuple[int, dict[str, str], bytes]:
        hosts.add(headers["Host"])
        return pages(query, headers, count)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    endpoint.answer = answer
    made = contract(survey, endpoint, url=endpoint.url.replace("127.0.0.1", "provider.example"))
    with pytest.raises(MiyarError, match="fetch_address"):
        fetch(made, centre.workspace, "2025-04-01")
    settings = centre.root / "miyar.yml"
    settings.write_text(settings.read_text("utf-8").replace("[127.0.0.1]", "[provider.example]"), "utf-8")
    assert lines(fetch(made, centre.workspace, "2025-04-01")) == ITEMS
    assert hosts == {f"provider.example:{endpoint.server.server_port}"}
    assert asked[0] == len(endpoint.asked) + 1


@pytest.mark.parametrize(
    "address",
    [
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::127.0.0.1",
        "::ffff:0:169.254.169.254",
        "fec0::1",
        "fe80::1%eth0",
        "192.0.0.8",
        "::1",
        "::",
    ],
)
def test_addresses_that_lead_inside_by_another_name_are_inside(address: str) -> None:
    """NAT64, 6to4, IPv4-compatible and SIIT forms of an inside address, and blocks that no site may route."""
    assert not is_public(address)
    assert is_public("64:ff9b::808:808") and is_public("2606:4700::1111") and is_public("9.9.9.9")


def test_a_second_address_is_tried_and_names_without_a_proxy_are_judged(
    centre: Any, survey: dict[str, Any], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two addresses the first is dead. `NO_PROXY` alone names no proxy."""
    whole = socket.getaddrinfo
    dead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.9", endpoint.server.server_port))

    def resolve(host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
        return (
            [dead, *whole("127.0.0.1", port, *rest, **more)]
            if host == "twice.example"
            else whole(host, port, *rest, **more)
        )

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("NO_PROXY", "nobody.example")
    with client(["twice.example"], timeout=5) as one:
        answer = one.get(f"http://twice.example:{endpoint.server.server_port}/answers")
    assert answer.status_code < 500 and len(endpoint.asked) == 1
    with client([], timeout=5) as other, pytest.raises(MiyarError):
        other.get(f"http://twice.example:{endpoint.server.server_port}/answers")
    assert len(endpoint.asked) == 1
