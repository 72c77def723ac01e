"""Dagster's control plane: who reaches it, and what a run can be told.

Belongs here: the guard before the web server, and the configuration runs accept. Does not belong here: runs (`tests/pipeline`).
"""

import os
import pwd
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.requests import cookie_parser
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from dagster_project import control
from dagster_project.definitions import define
from dagster_project.guard import Guard
from dagster_project.resources import RunInputs, publisher

PORT, TOKEN = 3000, "t" * 43
BASE = f"http://127.0.0.1:{PORT}"
ASK = {"query": "{ version }"}
LAUNCH = 'mutation { launchRun(executionParams: {selector: {jobName: "publish"}}) { __typename } }'


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guard]:
    """The real web server behind the guard, over no code."""
    with (
        dg.instance_for_test() as instance,
        WorkspaceProcessContext(instance, version="1", workspace_load_target=EmptyWorkspaceTarget()) as workspace,
    ):
        yield Guard(create_app_from_workspace_process_context(workspace), PORT, TOKEN)


def client(guarded: Guard, base: str = BASE) -> TestClient:
    return TestClient(guarded, base_url=base, follow_redirects=False)


@pytest.fixture
def holder(guarded: Guard) -> TestClient:
    """A browser that opened the printed address."""
    browser = client(guarded)
    answer = browser.get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/" in cookie
    assert TOKEN not in answer.headers["location"], "the token does not stay in the address"
    return browser


ADDRESSES = [
    ("GET", "/"),
    ("GET", "/server_info"),
    ("GET", "/graphql?query={version}"),
    ("GET", f"/graphql?query={LAUNCH}"),
    ("POST", "/graphql"),
    ("POST", f"/graphql?query={LAUNCH}"),
    ("GET", "/notebook?path=/etc/passwd&repoLocName=x"),
    ("GET", "/logs/x"),
    ("GET", "/download_debug/x"),
    ("POST", "/report_asset_materialization/editions"),
    ("POST", "/report_asset_check/editions"),
    ("GET", "/static/js/x.js"),
    ("OPTIONS", "/graphql"),
    ("GET", "//graphql?query={version}"),
    ("GET", "/?token="),
    ("GET", f"/?token={TOKEN[:-1]}"),
    ("GET", "/graphql?token=x&query={version}"),
]


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_without_the_token_there_is_nothing(guarded: Guard, method: str, address: str) -> None:
    """A plain GET launched a publication in another's name."""
    for headers in ({}, {"cookie": f"miyar_dagster={'x' * 43}"}, {"authorization": f"Bearer {'x' * 43}"}):
        answer = client(guarded).request(method, address, headers=headers, json=ASK if method == "POST" else None)
        assert answer.status_code == 403, (address, headers)
        assert "data" not in answer.text and "set-cookie" not in answer.headers


def test_with_it_everything_works_as_before(holder: TestClient) -> None:
    assert holder.post("/graphql", json=ASK).json()["data"]["version"]
    assert holder.get("/server_info").status_code == 200
    with holder.websocket_connect(f"ws://127.0.0.1:{PORT}/graphql", subprotocols=["graphql-ws"]) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json() == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "host", ["evil.invalid", "evil.invalid:3000", "127.0.0.1", "127.0.0.1:3001", "127.0.0.1.evil.invalid:3000", ""]
)
def test_a_page_that_gave_its_own_name_this_address_gets_nothing(holder: TestClient, host: str) -> None:
    """DNS rebinding: the browser connects here, and believes to be elsewhere."""
    assert holder.post("/graphql", json=ASK, headers={"host": host}).status_code == 403
    assert holder.get("/", params={"token": TOKEN}, headers={"host": host}).status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.invalid", "null", "http://127.0.0.1:8080", f"https://127.0.0.1:{PORT}", ""]
)
def test_another_pages_requests_are_refused_even_with_the_cookie(holder: TestClient, origin: str) -> None:
    assert holder.post("/graphql", json=ASK, headers={"origin": origin}).status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        holder.websocket_connect(f"ws://127.0.0.1:{PORT}/graphql", headers={"origin": origin}),
    ):
        pass
    assert holder.post("/graphql", json=ASK, headers={"origin": BASE}).status_code == 200


def test_nothing_changes_by_an_address_or_a_plain_form(holder: TestClient) -> None:
    """What a page elsewhere can send without asking: a link, a picture, a form."""
    assert holder.get("/graphql", params={"query": LAUNCH}).status_code == 405
    assert holder.post("/graphql", params={"query": LAUNCH}).status_code == 415
    assert holder.post("/graphql", content=LAUNCH, headers={"content-type": "text/plain"}).status_code == 415
    assert holder.post("/graphql", data={"query": LAUNCH}).status_code == 415
    assert holder.post("/graphql", content=LAUNCH, headers={"content-type": "application/graphql"}).status_code == 415
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"):
        assert holder.request(method, "/graphql").status_code == 405


def test_a_socket_without_the_token_is_closed(guarded: Guard) -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        client(guarded).websocket_connect(f"ws://127.0.0.1:{PORT}/graphql"),
    ):
        pass


def _leaves(kind: Any, path: str = "") -> Iterator[str]:
    """Yield what a run can be told, by its place; a shape without fields takes nothing."""
    for name, field in getattr(kind, "fields", {}).items():
        inner = f"{path}.{name}" if path else name
        if hasattr(field.config_type, "fields"):
            yield from _leaves(field.config_type, inner)
        else:
            yield inner


# Dagster's own: how steps run in one process, what is written to the console, and a step that takes anything because it
# looks at nothing.
_OF_DAGSTER = re.compile(r"execution\.config\..*|loggers\.console\.config\..*|ops\.\w+\.config")


def test_a_run_is_told_a_period_and_a_reason_and_nothing_else(definitions: dg.Definitions) -> None:
    """Neither who publishes, nor when, nor where: whoever may launch a run must not be able to say it."""
    for name in ("ingest", "build", "publish"):
        kind = definitions.resolve_job_def(name).run_config_schema.config_type
        told = {leaf for leaf in _leaves(kind) if not _OF_DAGSTER.fullmatch(leaf)}
        of_edition = {f"ops.editions__current.config.{field}" for field in ("period", "reason")}
        assert told == (of_edition if name == "publish" else set()), name


@pytest.mark.parametrize(
    "config",
    [
        {"ops": {"editions__current": {"config": {"by": "Minister"}}}},
        {"ops": {"editions__current": {"config": {"published_at": "2020-01-01T00:00:00+00:00"}}}},
        {"ops": {"editions__current": {"config": {"workspace": "/elsewhere"}}}},
        {"resources": {"inputs": {"config": {"root": "/elsewhere"}}}},
        {"resources": {"inputs": {"config": "/elsewhere"}}},
        {"resources": {"io_manager": {"config": {"base_dir": "/elsewhere"}}}},
    ],
)
def test_what_a_run_may_not_be_told_is_refused(definitions: dg.Definitions, config: dict[str, Any]) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(definitions.resolve_job_def("publish"), config)


def test_the_publisher_is_the_process_and_its_clock(centre: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}

    def publish(held: Any, moment: datetime, **named: Any) -> Any:
        told.update(named, moment=moment, root=held.workspace.root)
        raise dg.Failure("enough")

    monkeypatch.setattr("dagster_project.edition_asset.publish_warehouse", publish)
    moment = datetime(2026, 5, 6, tzinfo=UTC)
    job = define(RunInputs(centre, publish_clock=lambda: moment, by="Huda")).resolve_job_def("publish")
    config = {"ops": {"editions__current": {"config": {"period": "2026Q1", "reason": "why"}}}}
    assert not job.execute_in_process(run_config=config, raise_on_error=False).success
    assert told == {"moment": moment, "by": "Huda", "period": "2026Q1", "reason": "why", "root": centre}


def test_who_publishes_by_the_daemon_is_its_account_or_named_by_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.delenv("MIYAR_PUBLISHER", raising=False)
    monkeypatch.setenv("USER", "minister")
    monkeypatch.setenv("LOGNAME", "minister")
    assert publisher() == account
    monkeypatch.setenv("MIYAR_PUBLISHER", "Publication desk")
    assert publisher() == "Publication desk"


def test_the_command_serves_this_machine_behind_the_guard(centre: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And opens with the address it prints, which is another one at each start."""
    served: list[tuple[Any, dict[str, Any]]] = []
    told: list[str] = []
    ended: list[str] = []

    class Daemon:
        def __init__(self, words: list[str]) -> None:
            assert words[1:3] == ["-m", "dagster._daemon"]

        def terminate(self) -> None:
            ended.append("terminated")

        def wait(self) -> None:
            ended.append("waited for")

    def serve(app: Any, **settings: Any) -> None:
        served.append((app, settings))
        token = told[-1].partition("token=")[2]
        browser = TestClient(app, base_url=f"http://127.0.0.1:{settings['port']}", follow_redirects=False)
        assert browser.post("/graphql", json=ASK).status_code == 403
        assert browser.get("/", params={"token": token}).status_code == 303
        assert browser.post("/graphql", json=ASK).status_code == 200

    monkeypatch.setattr(control.uvicorn, "run", serve)
    monkeypatch.setattr(control.subprocess, "Popen", Daemon)
    monkeypatch.setattr(control, "ModuleTarget", lambda **_: EmptyWorkspaceTarget())
    for name in ("MIYAR_WORKSPACE", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "elsewhere")
    for _ in range(2):
        control.run_ui(centre, 3999, told.append)
    assert [settings["host"] for _, settings in served] == ["127.0.0.1"] * 2
    assert all(isinstance(app, Guard) and settings["access_log"] is False for app, settings in served)
    assert len(set(told)) == 2
    assert ended == ["terminated", "waited for"] * 2


def test_a_cookies_escapes_are_never_undone(guarded: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    undone: list[str] = []
    monkeypatch.setattr("http.cookies._unquote", undone.append)
    cookie = 'miyar_dagster="' + "\\" * 60_000 + '"'
    cookie_parser(cookie)
    assert undone, "undone elsewhere now: this test no longer sees it"
    undone.clear()
    assert client(guarded).get("/", headers={"cookie": cookie}).status_code == 403
    assert undone == []
