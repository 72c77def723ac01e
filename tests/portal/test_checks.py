"""The check of a file's scores, its waiting page, and that nothing of a file is kept anywhere.

Belongs here: `portal.checks`, `portal.check_worker` and their page. Does not belong here: malicious files
(`test_bad_people`).
"""

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ingestion.contract import load_contract
from miyar.registry import load_registry
from miyar.workspace import Workspace
from portal.app import create_app
from portal.check_worker import SHOWN_ROWS, _scored
from portal.checks import Checks
from portal.problems import ReaderProblem
from portal.settings import Limits, PortalSettings
from portal.state import make_portal
from portal.users import User
from publication.access import Agency
from tests.portal.conftest import BASE, OTHER, OWN, Clock, finished, form_token, reader_of
from warehouse.check_scores import check_with_scores

# A test asks much more often than a browser reloads.
QUICK = Limits(score_seconds=1, reader_per_minute=100_000, address_per_minute=100_000)
PATIENT = QUICK.model_copy(update={"score_seconds": Limits().score_seconds})


def signed_in(centre: Workspace, clock: Clock, limits: Limits) -> Iterator[TestClient]:
    portal = make_portal(centre, clock, PortalSettings(base_url=BASE, limits=limits))
    with TestClient(create_app(portal), base_url=BASE, follow_redirects=False) as client:
        link = portal.links.issue(reader_of(OWN))
        token = form_token(client.get(f"/signin/link/{link}").text)
        client.post("/signin/link", data={"form_token": token, "link_token": link})
        yield client


@pytest.fixture(scope="module")
def file(built_workspace: Workspace) -> Path:
    landing = built_workspace.landing / OWN / "survey_responses"
    return max((path for path in landing.rglob("*") if path.is_file()), key=lambda path: path.name)


def send(client: TestClient, file: Path) -> str:
    """Return the address of a file's answer."""
    page = client.get("/en/check").text
    contract = re.search(r'<option value="([^"]+survey[^"]*)"', page)
    assert contract
    given = {"form_token": form_token(page), "contract": contract[1]}
    answer = client.post("/en/check", data=given, files={"file": (file.name, file.read_bytes())})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for temporary files of this test and of the processes it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # makes Python look it up again
    return tmp_path


@pytest.fixture(scope="module")
def expected(built_workspace: Workspace, file: Path) -> list[dict[str, Any]]:
    """What the command tells of the file; made in this process, which keeps a database of its own for later files."""
    contract = built_workspace.registry / "contracts" / OWN / "survey_responses.yml"
    return check_with_scores(built_workspace, file, contract)[1]


def test_scores_on_the_page_are_those_of_the_command(
    centre: Workspace, clock: Clock, file: Path, expected: list[dict[str, Any]], temporary: Path
) -> None:
    assert {row["status"] for row in expected} >= {"reported", "suppressed"}
    for client in signed_in(centre, clock, PATIENT):
        address = send(client, file)
        assert list(temporary.glob("miyar-checks-*/*"))
        # The file is taken at once; the page reloads by itself and shows the progress.
        waiting = client.get(address)
        assert waiting.status_code == 200 and waiting.headers["refresh"] == "2"
        assert "The check is under way" in waiting.text
        page = finished(client, address).text
        # The answer stays at its address, in the other language too, and another reader finds none there.
        assert "ما ستكون عليه الدرجات" in client.get(address.replace("/en/", "/ar/")).text
    # This would find the file under any name; multiprocessing keeps an empty folder of its own.
    assert not list(temporary.glob("miyar-checks-*/*"))
    assert not [path for path in temporary.rglob("*") if path.is_file()]
    table = page.rpartition("<tbody>")[2].partition("</tbody>")[0]
    rows = [
        unescape(re.sub(r"<[^>]+>|[\u2066-\u2069]", " ", row))
        for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    ]
    assert len(rows) == min(len(expected), SHOWN_ROWS)
    for told, row in zip(rows, expected, strict=False):
        words = " ".join(told.split())
        assert row["name_en"] in words and row["unit_id"] in words
        if row["status"] == "reported":
            assert (
                str(row["score"].quantize(Decimal("0.1"), ROUND_HALF_UP)) in words.split() and f"{row['n']:,}" in words
            )
        else:
            assert "withheld" in words.lower() or "not applicable" in words.lower(), words
            assert row["score"] is None


def test_scores_that_come_to_no_end_leave_the_verdict(centre: Workspace, clock: Clock, file: Path) -> None:
    for client in signed_in(centre, clock, QUICK):  # a build takes longer than a second
        page = finished(client, send(client, file))
        assert page.status_code == 200
        assert "What the pipeline would say: accepted" in page.text
        assert "did not come to an end in time" in page.text


def test_an_error_while_scoring_tells_its_kind_only(centre: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def telling_too_much(*_: Any) -> None:
        raise RuntimeError("the value 0501234567 is no number")

    monkeypatch.setattr("warehouse.check_scores.scores_of_check", telling_too_much)
    contract = load_contract(centre.registry / "contracts" / OWN / "survey_responses.yml")
    assert _scored(centre, centre, load_registry(centre.registry), contract) == "RuntimeError"


def test_without_time_for_scores_none_are_promised(centre: Workspace, clock: Clock, file: Path) -> None:
    for client in signed_in(centre, clock, PATIENT.model_copy(update={"score_seconds": 0})):
        assert "scores are then worked out" not in client.get("/en/check").text
        page = finished(client, send(client, file)).text
        assert "What the pipeline would say: accepted" in page and "What this file would score" not in page


def test_a_check_is_its_readers_alone_and_one_at_a_time(centre: Workspace, clock: Clock, file: Path) -> None:
    settings = PortalSettings(base_url=BASE, limits=Limits(score_seconds=5))
    checks = Checks(centre, settings, clock)
    own, other = (User(reader_of(agency), Agency(agency)) for agency in (OWN, OTHER))
    contract = centre.registry / "contracts" / OWN / "survey_responses.yml"
    with file.open("rb") as content:
        started = checks.start(own, content, file.name, "c", contract)
    folder = started.folder
    assert checks.folder.stat().st_mode & 0o077 == 0, "the file lies where only we read it"
    assert checks.find(own, started.check_id) is started
    for reader, check_id in ((other, started.check_id), (own, "nothing")):
        with pytest.raises(ReaderProblem, match="not_found"):
            checks.find(reader, check_id)
    with file.open("rb") as content, pytest.raises(ReaderProblem, match="too_many"):
        checks.start(own, content, file.name, "c", contract)
    until = time.monotonic() + 120
    while started.stage != "done" and time.monotonic() < until:
        time.sleep(0.1)
    assert started.stage == "done" and not folder.exists()
    clock.pass_by(minutes=31)
    with pytest.raises(ReaderProblem, match="not_found"):
        checks.find(own, started.check_id)


STORING = """
import sys, os, signal
from datetime import datetime, UTC
from pathlib import Path
import portal.checks as checks
from portal.settings import PortalSettings
from portal.users import User
from publication.access import Agency
from miyar.workspace import Workspace

def judged(*_): os.kill(os.getpid(), signal.SIGKILL)
checks.check_in_worker = judged
held = checks.Checks(Workspace.open(Path(sys.argv[1])), PortalSettings(), lambda: datetime(2026, 2, 1, tzinfo=UTC))
with open(sys.argv[2], "rb") as content:
    held.start(User("a@x", Agency("a")), content, "file.csv", "c", Path("contract.yml"))
import time; time.sleep(60)
"""


def test_what_a_killed_portal_left_is_gone_when_one_starts(
    centre: Workspace, clock: Clock, file: Path, temporary: Path
) -> None:
    """The upload of a portal that was killed lay in the temporary folder for good; a living portal's stays its own."""
    done = subprocess.run([sys.executable, "-c", STORING, str(centre.root), str(file)], check=False, timeout=100)
    assert done.returncode == -signal.SIGKILL
    left = [path for path in temporary.rglob("*") if path.is_file() and path.stat().st_size]
    assert [path.name for path in left] == ["file.csv"], "the test killed it in the middle of a check"
    living = Checks(centre, PortalSettings(base_url=BASE), clock)
    assert not left[0].exists()
    other = Checks(centre, PortalSettings(base_url=BASE), clock)
    assert living.folder.is_dir() and other.folder.is_dir(), "each has its own, and leaves the other's"
    (temporary / "miyar-checks-link").symlink_to(centre.root, target_is_directory=True)
    (temporary / "miyar-checks-file").write_text("not ours", "utf-8")
    Checks(centre, PortalSettings(base_url=BASE), clock)
    assert (centre.root / "miyar.yml").is_file() and (temporary / "miyar-checks-file").is_file()
