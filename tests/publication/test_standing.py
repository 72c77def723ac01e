"""Readers are given the edition that the ledger names, never what a link or a folder happens to lead to.

Belongs here: `publication.standing`, and that every consumer goes by it. Does not belong here: naming all that was tampered with
(`test_tamperings`).
"""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from miyar.errors import MiyarError
from miyar.workspace import Workspace
from portal.edition_cache import EditionCache
from portal.problems import ReaderProblem
from publication.release_ledger import FILE
from publication.standing import repaired, standing
from tests.publication.centre import ORIGIN, Centre, publish_as_it_stands
from tests.publication.conftest import unsealed
from tests.publication.ledgers import NAMES, another_publisher, change_table, publish_on, remove, unlocked

OLD, MIDDLE, NEW = NAMES


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    centre = Centre(tmp_path_factory.mktemp("made") / "centre")
    for day in (20, 21, 22):
        publish_on(centre, day, None)
    return centre.workspace.root


@pytest.fixture
def editions(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "centre", symlinks=True)
    return tmp_path / "centre" / "editions"


def _forged(editions: Path, place: Path) -> Path:
    """An edition that says of itself it is the newest, with another figure in it."""
    shutil.copytree(editions / NEW, place)
    change_table(place / "benchmarks.duckdb", "bench_scores", "update t set score = 99 where score_id = 's3'")
    return place


def _lead(editions: Path, target: Path | str) -> None:
    (editions / "current").unlink()
    (editions / "current").symlink_to(target)


def _forged_folder(editions: Path) -> None:
    (editions / "current").unlink()
    _forged(editions, editions / "current")


def _forged_beside(editions: Path) -> None:
    _forged(editions, editions / "2026Q2-r1")
    _lead(editions, "2026Q2-r1")


def _in_its_place(editions: Path) -> None:
    _forged(editions, editions.parent / "forged")
    remove(editions, NEW)
    (editions.parent / "forged").rename(editions / NEW)
    (editions / "checkpoints" / f"{NEW}.txt").write_text("", "utf-8")


def _a_link_in_its_place(editions: Path) -> None:
    (editions / NEW).rename(editions.parent / "elsewhere")
    (editions / NEW).symlink_to(editions.parent / "elsewhere")


def _a_linked_database(editions: Path) -> None:
    with unlocked(editions / NEW):
        (editions / NEW / "benchmarks.duckdb").rename(editions.parent / "elsewhere")
        (editions / NEW / "benchmarks.duckdb").symlink_to(editions.parent / "elsewhere")


def _ledger_edited(editions: Path) -> None:
    text = (editions / FILE).read_text("utf-8")
    (editions / FILE).write_text(text.replace('"reason": "a corrected file"', '"reason": "always so"', 1), "utf-8")


DEEDS: list[tuple[Callable[[Path], object], str]] = [
    (lambda editions: _lead(editions, MIDDLE), "current_astray"),
    (lambda editions: _lead(editions, _forged(editions, editions.parent / "out" / NEW)), "current_astray"),
    (lambda editions: (editions / "current").unlink(), "current_astray"),
    (_forged_folder, "current_astray"),
    (_forged_beside, "current_astray"),
    (_in_its_place, "database_changed"),
    (_a_link_in_its_place, "file_linked"),
    (_a_linked_database, "file_linked"),
    (lambda editions: another_publisher(editions / NEW), "manifest_changed"),
    (_ledger_edited, "ledger_entry_changed"),
    (lambda editions: (editions / FILE).write_text("{}\n", "utf-8"), "ledger_unreadable"),
    (lambda editions: (editions / FILE).unlink(), "edition_unrecorded"),
]


def _rules(editions: Path, name: str = "current") -> list[str]:
    with pytest.raises(MiyarError) as caught:
        standing(editions, name)
    assert all(problem.next_step for problem in caught.value.problems)
    return [problem.rule for problem in caught.value.problems]


def test_the_newest_edition_stands_and_older_ones_by_name(editions: Path) -> None:
    assert standing(editions) == standing(editions, NEW) == editions / NEW
    assert standing(editions, OLD) == editions / OLD
    assert EditionCache(editions).current_id() == NEW
    for name in ("2026Q1-r9", "..", "", "../editions/2026Q1-r1", "checkpoints"):
        assert _rules(editions, name) == ["edition_missing"]


@pytest.mark.parametrize(("deed", "rule"), DEEDS)
def test_no_consumer_opens_what_the_ledger_does_not_name(
    deed: Callable[[Path], object], rule: str, editions: Path
) -> None:
    deed(editions)
    assert _rules(editions) == [rule]
    cache = EditionCache(editions)
    with pytest.raises(ReaderProblem, match="no_edition"):
        cache.get(cache.current_id())
    for words in (["show"], ["why-not", "a01", "a02", "speed"], ["prove", "s3"], ["trace", "s3"], ["explain", "s3"]):
        done = CliRunner().invoke(app, [*words, "--workspace", str(editions.parent)])
        assert isinstance(done.exception, MiyarError), words
        assert [problem.rule for problem in done.exception.problems] == [rule], words
    served = CliRunner().invoke(app, ["serve-postgres", "--dsn", "port=1", "--workspace", str(editions.parent)])
    assert isinstance(served.exception, MiyarError) and served.exception.problems[0].rule == rule


def test_a_forged_edition_beside_the_others_is_neither_listed_nor_opened(editions: Path) -> None:
    _forged(editions, editions / "2026Q2-r1")
    assert EditionCache(editions).ids() == NAMES
    assert standing(editions) == editions / NEW
    assert _rules(editions, "2026Q2-r1") == ["edition_unrecorded"]
    with pytest.raises(ReaderProblem):
        EditionCache(editions).get("2026Q2-r1")


def test_a_forged_edition_is_not_made_a_published_one_by_the_next_publication(editions: Path) -> None:
    """A publishing that was killed leaves an edition without an entry, and the next one writes it: of its own only."""
    _forged(editions, editions / "2026Q2-r1")
    text = (editions / "2026Q2-r1" / "manifest.json").read_text("utf-8").replace(NEW, "2026Q2-r1")
    with unsealed(editions / "2026Q2-r1" / "manifest.json") as path:
        path.write_text(text, "utf-8")
    workspace = Workspace.open(editions.parent)
    before = (editions / FILE).read_bytes()
    with pytest.raises(MiyarError) as caught:
        publish_as_it_stands(workspace, ORIGIN, datetime(2026, 5, 1, tzinfo=UTC), reason="x")
    assert [problem.rule for problem in caught.value.problems] == ["edition_not_ours"]
    assert (editions / FILE).read_bytes() == before
    _lead(editions, "nowhere")
    repaired(editions)
    assert (editions / "current").readlink() == Path(NEW)


def test_what_was_whole_is_looked_at_again_when_it_changes(editions: Path) -> None:
    """The ledger and the database are read again only if the file did change, and then at once."""
    assert standing(editions) == editions / NEW
    with unsealed(editions / NEW / "benchmarks.duckdb") as path:
        before = path.stat()
        content = bytearray(path.read_bytes())
        content[-20] ^= 1
        path.write_bytes(bytes(content))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _rules(editions) == ["database_changed"]


def test_an_edition_that_is_lost_leaves_the_one_before(editions: Path) -> None:
    """Which a run tells, and `verify` names; readers are not left without any."""
    remove(editions, NEW)
    assert _rules(editions) == ["current_astray"]
    _lead(editions, MIDDLE)
    assert standing(editions) == editions / MIDDLE
    assert _rules(editions, NEW) == ["edition_missing"]


def test_an_empty_folder_has_no_edition(tmp_path: Path) -> None:
    assert _rules(tmp_path) == ["edition_missing"]
