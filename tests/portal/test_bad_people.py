"""Attempts to get at other people's data through paths, parameters, uploads and names.

Each gets a clear answer in both languages.
"""

import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from ingestion.contract import load_contract
from miyar.registry import load_registry
from miyar.workspace import Workspace
from portal.app import create_app
from portal.check_worker import SHOWN_ROWS
from portal.problems import ReaderProblem
from portal.settings import Limits, PortalSettings
from portal.state import Portal, make_portal
from portal.view import View
from publication.access import Agency, Centre
from publication.release_ledger import FILE, record_unrecorded
from tests.portal.conftest import (
    BASE,
    CENTRE,
    OTHER,
    OWN,
    Clock,
    SignIn,
    copy_for_portal,
    finished,
    form_token,
    reader_of,
)
from tests.publication.ledgers import reseal

SMALL = Limits(body_bytes=8 * 1024, upload_bytes=100 * 1024, check_seconds=60, score_seconds=0)


@pytest.fixture
def small(centre: Workspace, clock: Clock) -> Iterator[TestClient]:
    """Return a signed-in browser at a portal with small limits."""
    portal = make_portal(centre, clock, PortalSettings(base_url=BASE, limits=SMALL))
    with TestClient(create_app(portal), base_url=BASE, follow_redirects=False) as client:
        link = portal.links.issue(reader_of(OWN))
        token = form_token(client.get(f"/signin/link/{link}").text)
        client.post("/signin/link", data={"form_token": token, "link_token": link})
        yield client


def tells_nothing(text: str) -> bool:
    """Return whether a text has no trace, no path of this machine, no library's words, nothing of another agency."""
    return not any(
        word in text for word in ("Traceback", "/centre/", "duckdb", 'File "', "site-packages", OTHER, "Error")
    )


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/passwd",
        "..%2f..%2f..%2fregistry/users.csv",
        "%2e%2e/%2e%2e/registry/users.csv",
        f"packs/{OWN}/../{OTHER}/quality.json",
        f"packs/{OWN}/%2e%2e/{OTHER}/quality.json",
        f"packs/{OWN}/..%5c{OTHER}%5cquality.json",
        f"packs/{OTHER}/quality.json",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "packs",
        f"packs/{OWN}",
        f"packs/{OWN}/quality.json%00.txt",
        f"PACKS/{OWN}/quality.json",
        "benchmarks.duckdb",
        "manifest.json",
        "difference.json",
        "tables/bench_scores.parquet",
    ],
)
def test_downloads_lead_nowhere_else(sign_in: SignIn, edition_id: str, name: str) -> None:
    answer = sign_in(reader_of(OWN)).get(f"/files/{edition_id}/{name}")
    assert answer.status_code in {404, 401}
    assert "root:" not in answer.text and "subject_or_email" not in answer.text
    assert tells_nothing(answer.text)


@pytest.mark.parametrize(
    "edition", ["..", "%2e%2e", "current", "2025Q4-r1%2f..", "2025Q4-r99", "2025Q4-r0", "x' or 1=1 --"]
)
def test_editions_lead_nowhere_else(sign_in: SignIn, edition: str) -> None:
    client = sign_in(reader_of(OWN))
    for address in (f"/ar/{edition}/method", f"/files/{edition}/manifest.json", f"/api/v1/editions/{edition}/tables"):
        answer = client.get(address)
        assert answer.status_code == 404, address
        assert tells_nothing(answer.text)


SQL = [
    "' or 1=1 --",
    '" or "1"="1',
    "'; drop table bench_scores; --",
    "1) union select * from bench_scores --",
    "%",
    "\x00",
    "٪؛",
]


@pytest.mark.parametrize("text", SQL)
def test_sql_in_parameters_is_only_text(sign_in: SignIn, edition_id: str, text: str) -> None:
    client = sign_in(reader_of(OWN))
    pages = (
        f"/ar/{edition_id}/agencies/{OWN}/places",
        f"/ar/{edition_id}/regions",
        f"/ar/{edition_id}/agencies/{OWN}/",
    )
    for address in pages:
        for name in ("metric", "period", "kind"):
            answer = client.get(address, params={name: text})
            assert answer.status_code in {200, 404}, (address, name)
            assert tells_nothing(answer.text)
    for name in ("agency_id", "unit_id", "metric_id", "period_id", "status"):
        answer = client.get(f"/api/v1/editions/{edition_id}/tables/bench_scores", params={name: text})
        assert answer.json()["rows"] == []
    for bad in ("limit", "offset"):
        answer = client.get(f"/api/v1/editions/{edition_id}/tables/bench_scores", params={bad: text})
        assert answer.status_code == 422
        assert text not in answer.text or text == "%"
    assert client.get(f"/ar/{edition_id}/agencies/{OWN}/").status_code == 200, "and every table is still there"


@pytest.mark.parametrize("start", ["-1", "1e9", "99999999999999999999", "x", ""])
def test_start_that_is_no_place_is_not_understood(sign_in: SignIn, edition_id: str, start: str) -> None:
    answer = sign_in(reader_of(OWN)).get(f"/ar/{edition_id}/regions", params={"start": start})
    assert answer.status_code == 422
    assert "لم يُفهم الطلب" in answer.text and "not understood" in answer.text


def test_names_are_text_and_never_markup(built_workspace: Workspace, clock: Clock, tmp_path: Path) -> None:
    """An agency whose registry names are markup; the edition is the built one with its name changed and sealed again."""
    import duckdb

    workspace = copy_for_portal(built_workspace, tmp_path / "centre")
    folder = (workspace.editions / "current").resolve()
    markup = "<script>alert(1)</script><img src=x onerror=alert(1)> & \"quoted\" 'too'"
    folder.chmod(0o755)
    (folder / "benchmarks.duckdb").chmod(0o644)
    with duckdb.connect(str(folder / "benchmarks.duckdb")) as connection:
        connection.execute("update dim_agencies set name_ar = ?, name_en = ?", [markup, markup])
        connection.execute("update dim_metrics set name_ar = ?, name_en = ?", [markup, markup])
        connection.execute("update dim_units set name_ar = ?, name_en = ?", [markup, markup])
    reseal(workspace.editions)
    portal = make_portal(workspace, clock, PortalSettings(base_url=BASE))
    with TestClient(create_app(portal), base_url=BASE, follow_redirects=False) as client:
        link = portal.links.issue(reader_of(OWN))
        token = form_token(client.get(f"/signin/link/{link}").text)
        client.post("/signin/link", data={"form_token": token, "link_token": link})
        own = f"/ar/{portal.edition_cache.current_id()}/agencies/{OWN}"
        journeys = f"/ar/{portal.edition_cache.current_id()}/journeys"
        for path in (f"{own}/", f"{own}/metrics/overall_satisfaction", f"{own}/places", f"{own}/maturity", journeys):
            page = client.get(path)
            assert page.status_code == 200, path
            assert "<script" not in page.text and "<img" not in page.text, path
            assert "&lt;script&gt;" in page.text, path


def contract_and_token(client: TestClient) -> tuple[str, str]:
    import re

    page = client.get("/en/check").text
    found = re.search(r'<option value="([^"]+survey[^"]*)"', page)
    assert found
    return found[1], form_token(page)


def upload(client: TestClient, name: str, content: bytes, contract: str | None = None) -> Any:
    """Return the answer to a file: the immediate one if it was not taken, otherwise that of its finished check."""
    own, token = contract_and_token(client)
    given = {"form_token": token, "contract": contract or own}
    answer = client.post("/en/check", data=given, files={"file": (name, content)})
    return finished(client, answer.headers["location"]) if answer.status_code == 303 else answer


def test_file_larger_than_allowed_is_cut_off(small: TestClient) -> None:
    for size in (SMALL.upload_bytes + 1, 4 * SMALL.upload_bytes):
        answer = upload(small, "survey.csv", b"x" * size)
        assert answer.status_code == 413
        assert "الملف أكبر من المسموح" in answer.text and "larger than allowed" in answer.text


def test_length_nobody_announced_is_cut_off_all_the_same(small: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 10_000
            yield b"x" * 10_000

    contract, token = contract_and_token(small)
    head = (
        f'--b\r\nContent-Disposition: form-data; name="form_token"\r\n\r\n{token}\r\n'
        f'--b\r\nContent-Disposition: form-data; name="contract"\r\n\r\n{contract}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    ).encode()

    def body() -> Iterator[bytes]:
        yield head
        yield from endless()

    answer = small.post("/en/check", content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 413
    form = small.post("/signout", content=(b"a=" + b"x" * 100_000))
    assert form.status_code == 413


def test_check_of_another_agencys_contract_is_not_there(small: TestClient) -> None:
    for contract in (f"{OTHER}-survey", "mystery_contractor-visits", "../readers", ""):
        answer = upload(small, "a.csv", b"a\n1\n", contract=contract or "none")
        assert answer.status_code == 404
        assert tells_nothing(answer.text)


def bomb() -> bytes:
    """Return a spreadsheet whose sheet unpacks to far more than its own size."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", "<sheetData>" + "<row/>" * 8_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.xlsx", b"PK\x03\x04 no archive at all"),
        ("bomb.xlsx", None),
        ("empty.csv", b"\n"),
        ("noise.csv", bytes(range(256)) * 40),
        ("../../../etc/passwd", b"a,b\n1,2\n"),
        ("<script>alert(1)</script>.csv", b"a,b\n1,2\n"),
        ("a\r\nSet-Cookie: x=1.csv", b"a,b\n1,2\n"),
    ],
)
def test_file_made_to_harm_is_answered_like_any_bad_file(small: TestClient, name: str, content: bytes | None) -> None:
    answer = upload(small, name, bomb() if content is None else content)
    assert answer.status_code in {200, 422}
    assert "set-cookie: x" not in str(answer.headers).lower()
    assert "<script>" not in answer.text and "root:" not in answer.text
    assert "refused" in answer.text or "did not finish" in answer.text
    assert "Traceback" not in answer.text and "/centre/" not in answer.text


def test_check_tells_what_the_command_tells_and_keeps_nothing(
    sign_in: SignIn, built_workspace: Workspace, portal: Portal
) -> None:
    from expectations.check import check

    client = sign_in(reader_of(OWN))
    landing = built_workspace.landing / OWN / "survey_responses"
    file = max((path for path in landing.rglob("*") if path.is_file()), key=lambda path: path.name)
    before = sorted(path for path in portal.workspace.root.rglob("*") if path.is_file())
    # With the lake at hand the answer also lists changes; a portal without it has nothing to compare with.
    alone = upload(client, file.name, file.read_bytes())
    assert alone.status_code == 200 and "What changed since" not in alone.text
    lake = portal.workspace.lake
    lake.symlink_to(built_workspace.lake, target_is_directory=True)
    try:
        answer = upload(client, file.name, file.read_bytes())
    finally:
        lake.unlink()
    assert answer.status_code == 200, answer.text
    contract = built_workspace.registry / "contracts" / OWN / "survey_responses.yml"
    expected = check(built_workspace, load_registry(built_workspace.registry), file, load_contract(contract))
    assert expected.account.quarantined > 0
    for count in (expected.account.records, expected.account.accepted, expected.account.quarantined):
        assert f">{count:,}<" in answer.text
    assert expected.changes
    assert answer.text.count('<tr><th scope="row">') == min(len(expected.rows), SHOWN_ROWS) + len(expected.changes)
    assert "What changed since the last accepted file" in answer.text
    assert sorted(path for path in portal.workspace.root.rglob("*") if path.is_file()) == before
    lines = (portal.workspace.root / "portal" / "audit.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["event"] for line in lines].count("checked") >= 2
    assert not any(file.name in line for line in lines)


def test_other_host_is_not_answered(sign_in: SignIn) -> None:
    answer = sign_in().get("/signin", headers={"Host": "elsewhere.invalid"})
    assert answer.status_code == 404


def test_every_answer_carries_the_headers_that_protect_it(sign_in: SignIn, edition_id: str) -> None:
    client = sign_in(reader_of(OWN))
    for path in (f"/ar/{edition_id}/", "/nowhere", "/static/portal.css", f"/api/v1/editions/{edition_id}/tables"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "script-src" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        if not path.startswith("/static/"):
            assert answer.headers["cache-control"] == "no-store"
    page = client.get(f"/ar/{edition_id}/agencies/{OWN}/").text
    assert "<script" not in page and " style=" not in page and "<style" not in page


def test_fault_of_ours_tells_nothing(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(portal)
    with TestClient(app, base_url=BASE, raise_server_exceptions=False) as client:
        monkeypatch.setattr("portal.pages.signin._sign_in_page", lambda *_, **__: 1 / 0)
        answer = client.get("/signin")
    assert answer.status_code == 500
    assert "حدث خطأ عندنا" in answer.text and "Something went wrong" in answer.text
    assert "ZeroDivision" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


NAMES = [
    "😀" * 120 + ".csv",
    "ع" * 2000 + ".csv",
    "é" * 4096,
    "\u202egpj.csv",
    "a\x00b.csv",
    "a\r\nb: c.csv",
    "../../../../etc/passwd",
    "..",
    "/",
    "a/\u2028\u2029.csv",
    "e" + "\u0301" * 4000 + ".csv",
    "CON.csv",
    ".hidden",
    "a" * 4096 + ".xlsx",
    "\ud83d.csv",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_a_file_is_made_one_that_a_disk_takes(name: str, tmp_path: Path) -> None:
    from portal.pages.check import _safe_name

    safe = _safe_name(name)
    (tmp_path / safe).write_bytes(b"")
    assert [path.name for path in tmp_path.iterdir()] == [safe] and "/" not in safe
    assert safe.isprintable() and len(safe.encode()) <= 200
    ending = name.rpartition(".")[2]
    assert not name.endswith((".csv", ".xlsx")) or safe.endswith(ending), "the ending says how a file is read"


@pytest.mark.parametrize("name", ["😀" * 120 + ".csv", "\u202egpj.csv", "a" * 4096 + ".csv"])
def test_a_file_of_any_name_is_checked(small: TestClient, name: str) -> None:
    answer = upload(small, name, b"a,b\n1,2\n")
    assert answer.status_code in {200, 422}, "no fault of ours"


@pytest.mark.parametrize("kind", ["up", "absolute", "link", "link to a folder", "into another's", "a pipe"])
def test_a_manifest_leads_nowhere_else(built_workspace: Workspace, clock: Clock, tmp_path: Path, kind: str) -> None:
    """Its files are what we wrote, or somebody else wrote it."""
    workspace = copy_for_portal(built_workspace, tmp_path / "centre")
    folder = (workspace.editions / "current").resolve()
    secret = workspace.root / "secret.html"
    secret.write_text("secret", "utf-8")
    own = folder / "packs" / OWN
    for place in (folder, own, own / "tables", folder / "manifest.json"):
        place.chmod(0o755)
    if kind == "link":
        (own / "index.xx.html").symlink_to(secret)
    if kind == "link to a folder":
        (folder / "packs" / "linked").symlink_to(workspace.root, target_is_directory=True)
    if kind == "a pipe":
        os.mkfifo(own / "index.xx.html")
    name = {
        "up": f"packs/{OWN}/../../../../secret.html",
        "absolute": str(secret),
        "link": f"packs/{OWN}/index.xx.html",
        "link to a folder": "packs/linked/quality.json",
        "into another's": f"packs/{OWN}/../{OTHER}/quality.json",
        "a pipe": f"packs/{OWN}/index.xx.html",
    }[kind]
    (workspace.root / "quality.json").write_text("secret", "utf-8")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["files"][name] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    # Whoever can write the manifest can write the ledger too.
    (workspace.editions / FILE).unlink()
    record_unrecorded(workspace.editions)
    portal = make_portal(workspace, clock, PortalSettings(base_url=BASE))
    for viewer in (Centre(), Agency(OWN), Agency("linked")):
        view = View(portal.edition_cache.get(folder.name), viewer)
        with pytest.raises(ReaderProblem, match="not_found"):
            view.file(name)
    app = create_app(portal)
    for key in (CENTRE, reader_of(OWN)):
        token, _ = portal.sessions.open(key)
        client = TestClient(app, base_url=BASE, cookies={"miyar": token})
        answer = client.get(f"/files/{folder.name}/{quote(name, safe='').replace('.', '%2e')}")
        assert answer.status_code == 404 and "secret" not in answer.text
        assert client.get(f"/en/{folder.name}/downloads").status_code == 200, "the other files are there"


def test_a_download_is_saved_under_a_name_that_browsers_take(sign_in: SignIn, edition_id: str, portal: Portal) -> None:
    """RFC 6266: attachment, and a name in quotes or, with other letters than ASCII, as RFC 8187 writes it."""
    client = sign_in(CENTRE)
    for name in portal.edition_cache.get(edition_id).manifest.files:
        if name.startswith("reports/"):
            told = client.get(f"/files/{edition_id}/{quote(name)}", headers={"range": "bytes=0-0"}).headers
            saved = f"{edition_id}-{name.replace('/', '-')}"
            plain = f'attachment; filename="{saved}"'
            assert told["content-disposition"] in (plain, f"attachment; filename*=utf-8''{quote(saved)}")
            assert told["content-type"] == "application/octet-stream"
