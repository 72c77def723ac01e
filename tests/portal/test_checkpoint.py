"""Every reader gets the ledger's newest checkpoint, so that whoever keeps an answer of the portal is a witness.

Belongs here: the address, the line on pages, who may have it. Does not belong here: checkpoints themselves
(`tests/publication/test_checkpoints`).
"""

from pathlib import Path

import pytest

from miyar.workspace import Workspace
from portal.settings import Limits, PortalSettings
from portal.state import Portal, make_portal
from publication import access
from publication.checkpoints import (
    check_witness,
    checkpoint_path,
    newest_checkpoint,
    read_checkpoint,
    write_checkpoints,
)
from publication.release_ledger import FILE
from publication.signing_keys import make_key
from tests.portal.conftest import BASE, CENTRE, OTHER, OWN, Clock, SignIn, copy_for_portal, reader_of

ADDRESS = "/checkpoint.txt"


@pytest.fixture
def signed(centre: Workspace, tmp_path: Path) -> Workspace:
    """A centre whose checkpoints are signed."""
    made = copy_for_portal(centre, tmp_path / "signed")
    write_checkpoints(made.editions, make_key(tmp_path / "key", "centre.example/ledger", bytes(32)))
    return made


@pytest.fixture
def portal(signed: Workspace, clock: Clock) -> Portal:
    limits = Limits(reader_per_minute=100_000, address_per_minute=100_000, sign_ins_per_minute=1000, score_seconds=0)
    return make_portal(signed, clock, PortalSettings(base_url=BASE, limits=limits))


@pytest.mark.parametrize("user", [CENTRE, reader_of(OWN), reader_of(OTHER)])
def test_every_reader_gets_it_as_plain_text(portal: Portal, signed: Workspace, user: str, sign_in: SignIn) -> None:
    answer = sign_in(user).get(ADDRESS)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text == newest_checkpoint(signed.editions)
    _, note = read_checkpoint(answer.text)
    assert [one.name for one in note.signatures] == ["centre.example/ledger"]
    assert sign_in().get(ADDRESS).status_code == 401


def test_an_answer_that_was_kept_is_a_witness(portal: Portal, signed: Workspace, sign_in: SignIn) -> None:
    kept = sign_in(reader_of(OWN)).get(ADDRESS).text
    assert check_witness(signed.editions, kept, "kept.txt") == []
    ledger = signed.editions / FILE
    lines = ledger.read_text("utf-8").split("\n")
    ledger.write_text("\n".join(lines[1:]), "utf-8")
    assert [one.rule for one in check_witness(signed.editions, kept, "kept.txt")] == ["ledger_shortened"]


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize(
    "page", ["agencies/{own}/", "downloads", "editions", "check"], ids=["overview", "downloads", "editions", "check"]
)
def test_pages_say_where_it_is_and_who_signed(
    portal: Portal, signed: Workspace, language: str, page: str, sign_in: SignIn
) -> None:
    edition = portal.edition_cache.current_id()
    path = f"/{language}/check" if page == "check" else f"/{language}/{edition}/{page.format(own=OWN)}"
    text = sign_in(reader_of(OWN)).get(path).text
    assert text.count(f'href="{ADDRESS}"') == 1 and "centre.example/ledger" in text


def test_one_that_is_not_of_the_ledger_is_not_given(portal: Portal, signed: Workspace, sign_in: SignIn) -> None:
    client, edition = sign_in(reader_of(OWN)), portal.edition_cache.current_id()
    path = checkpoint_path(signed.editions, edition)
    path.write_text(path.read_text("utf-8").replace("\n1\n", "\n2\n"), "utf-8")
    assert client.get(ADDRESS).status_code == 404
    assert ADDRESS not in client.get(f"/en/{edition}/downloads").text
    path.unlink()
    assert client.get(ADDRESS).status_code == 404


def test_its_rule_stands_in_the_one_file(portal: Portal, monkeypatch: pytest.MonkeyPatch, sign_in: SignIn) -> None:
    assert access.file_rules()["checkpoint.txt"] == "everyone"
    monkeypatch.setattr("portal.pages.downloads.may_have", lambda file, viewer: False)
    assert sign_in(reader_of(OWN)).get(ADDRESS).status_code == 404
