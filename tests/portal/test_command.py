"""`miyar portal` as a person starts it: the link it prints opens the pages, and an unknown reader gets none."""

import re
import socket
import subprocess
import sys

import httpx

from miyar.workspace import Workspace
from tests.portal.conftest import OWN, form_token, reader_of

COMMAND = [sys.executable, "-m", "cli.main", "portal"]


def test_printed_link_opens_the_pages(centre: Workspace) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asked = [*COMMAND, "--workspace", str(centre.root), "--port", str(port), "--user", reader_of(OWN)]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            link = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
            with httpx.Client(follow_redirects=True, transport=httpx.HTTPTransport(retries=8)) as client:
                page = client.get(link)
                token = link.rpartition("/")[2]
                given = {"form_token": form_token(page.text), "link_token": token}
                answer = client.post(f"http://127.0.0.1:{port}/signin/link", data=given)
                assert answer.status_code == 200
                assert reader_of(OWN) in answer.text
        finally:
            process.kill()


def test_reader_nobody_knows_gets_no_link(centre: Workspace) -> None:
    asked = [*COMMAND, "--workspace", str(centre.root), "--user", "nobody@miyar.invalid"]
    outcome = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert outcome.returncode == 2
    assert "[user_unknown]" in outcome.stderr and reader_of(OWN) in outcome.stderr
    assert "Traceback" not in outcome.stderr
