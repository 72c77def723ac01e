"""Every change to a published edition is found and named.

Belongs here: `publication.verify`. Does not belong here: making editions (`test_editions`).
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from publication.editions import Published
from publication.verify import verify, verify_all
from tests.publication.centre import Centre

Unseal = Callable[[Path], Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Publish two editions of one period, once for all tests; returns the second."""
    centre = Centre(tmp_path_factory.mktemp("made") / "centre")
    centre.publish()
    centre.change("update benchmarks.bench_scores set score = 72 where score_id = 's3'")
    second: Published = centre.publish(reason="correction")
    return second


@pytest.fixture
def published(made: Published, tmp_path: Path) -> Published:
    """Return a copy of them for a test that changes it."""
    shutil.copytree(made.path.parent, tmp_path / "editions", symlinks=True)
    return replace(made, path=tmp_path / "editions" / made.edition_id)


def _found(published: Published) -> list[tuple[str, str]]:
    problems = verify(published.path.parent, published.edition_id)
    assert all(problem.next_step for problem in problems)
    return [(problem.rule, problem.file.removeprefix(f"{published.edition_id}/")) for problem in problems]


def _flip(path: Path, place: int = -20) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(bytes(content))


def test_nothing_was_touched(published: Published) -> None:
    assert verify_all(published.path.parent) == {"2026Q1-r1": [], "2026Q1-r2": [], "ledger.jsonl": []}


def test_a_byte_in_parquet(published: Published, unseal: Unseal) -> None:
    with unseal(published.path / "tables" / "bench_scores.parquet") as path:
        _flip(path)
    # The end of the file describes it, so the table cannot be read either.
    found = _found(published)
    assert found == [("file_changed", "tables/bench_scores.parquet"), ("table_changed", "bench_scores")]


def test_a_table_written_anew_with_one_value_changed(published: Published, unseal: Unseal) -> None:
    with unseal(published.path / "tables" / "bench_scores.parquet") as path, duckdb.connect() as connection:
        connection.execute(f"create table t as from read_parquet('{path}')")
        connection.execute("update t set score = 99 where score_id = 's3'")
        connection.execute(f"copy t to '{path}' (format parquet)")
    found = _found(published)
    assert found == [("file_changed", "tables/bench_scores.parquet"), ("table_changed", "bench_scores")]


def test_a_value_in_the_database(published: Published, unseal: Unseal) -> None:
    with unseal(published.path / "benchmarks.duckdb") as path, duckdb.connect(str(path)) as connection:
        connection.execute("update bench_scores set score = 99 where score_id = 's3'")
    assert _found(published) == [("file_changed", "benchmarks.duckdb"), ("table_changed", "bench_scores")]


def test_a_database_nobody_can_open(published: Published, unseal: Unseal) -> None:
    with unseal(published.path / "benchmarks.duckdb") as path:
        path.write_bytes(b"no database")
    assert _found(published) == [("file_changed", "benchmarks.duckdb"), ("database_unreadable", "benchmarks.duckdb")]


def test_a_byte_in_a_pack(published: Published, unseal: Unseal) -> None:
    with unseal(published.path / "packs" / "a01" / "pack.ar.pdf") as path:
        _flip(path)
    assert _found(published) == [("file_changed", "packs/a01/pack.ar.pdf")]


def test_a_pack_table_written_anew_with_one_value_changed(published: Published, unseal: Unseal) -> None:
    name = "packs/a01/tables/owner_scores.parquet"
    with unseal(published.path / name) as path, duckdb.connect() as connection:
        connection.execute(f"create table t as from read_parquet('{path}')")
        connection.execute("update t set score = 99 where score is not null")
        connection.execute(f"copy t to '{path}' (format parquet)")
    assert _found(published) == [("file_changed", name), ("pack_changed", "a01")]


@pytest.mark.parametrize("name", ["tables/dim_agencies.parquet", "reports/national.en.html", "difference.json"])
def test_a_missing_file(name: str, published: Published, unseal: Unseal) -> None:
    with unseal(published.path / name) as path:
        path.unlink()
    assert _found(published) == [("file_missing", name)]


def test_a_missing_account_of_a_pack(published: Published, unseal: Unseal) -> None:
    with unseal(published.path / "packs" / "a02" / "quality.json") as path:
        path.unlink()
    assert _found(published) == [("file_missing", "packs/a02/quality.json"), ("pack_changed", "a02")]


def test_a_missing_database(published: Published, unseal: Unseal) -> None:
    with unseal(published.path / "benchmarks.duckdb") as path:
        path.unlink()
    assert _found(published) == [("file_missing", "benchmarks.duckdb")]


def test_an_added_file(published: Published, unseal: Unseal) -> None:
    with unseal(published.path / "packs" / "a01" / "extra.csv") as path:
        path.write_text("a\n", "utf-8")
    assert _found(published) == [("file_added", "packs/a01/extra.csv")]


def test_a_manifest_changed_in_the_chain(published: Published, unseal: Unseal) -> None:
    first = published.path.parent / "2026Q1-r1"
    with unseal(first / "manifest.json") as path:
        path.write_text(path.read_text("utf-8").replace('"reason": ""', '"reason": "always so"'), "utf-8")
    assert _found(published) == [("chain_broken", "2026Q1-r1")]


def test_an_edition_taken_out_of_the_chain(published: Published) -> None:
    first = published.path.parent / "2026Q1-r1"
    first.rename(first.with_name("hidden"))
    assert _found(published) == [("chain_broken", "2026Q1-r1")]


def test_a_manifest_that_contradicts_itself(published: Published, unseal: Unseal) -> None:
    with unseal(published.path / "manifest.json") as path:
        path.write_text(path.read_text("utf-8").replace(published.content_hash, "0" * 64), "utf-8")
    assert _found(published) == [("manifest_changed", "manifest.json")]


@pytest.mark.parametrize("content", ["{", "[]", '{"tables": {}}', "\x00\x01", '{"tables": {"t": {"rows": "one"}}}'])
def test_a_manifest_nobody_can_read(content: str, published: Published, unseal: Unseal) -> None:
    """It is reported like any other fault, and the other editions are still checked."""
    with unseal(published.path / "manifest.json") as path:
        path.write_text(content, "utf-8")
    found = verify_all(published.path.parent)
    assert [(problem.rule, problem.file) for problem in found[published.edition_id]] == [
        ("manifest_unreadable", f"{published.edition_id}/manifest.json")
    ]
    assert found["2026Q1-r1"] == []
    assert [problem.rule for problem in found["ledger.jsonl"]] == ["manifest_changed"]


def test_an_edition_without_its_manifest(published: Published, unseal: Unseal) -> None:
    with unseal(published.path / "manifest.json") as path:
        path.unlink()
    found = verify_all(published.path.parent)
    assert [problem.rule for problem in found[published.edition_id]] == ["edition_missing"]
    assert found["2026Q1-r1"] == []


def test_a_file_replaced_by_a_link_to_equal_bytes(published: Published, unseal: Unseal, tmp_path: Path) -> None:
    """Today's bytes are right; whoever owns the other file changes them tomorrow."""
    with unseal(published.path / "tables" / "bench_scores.parquet") as path:
        path.rename(tmp_path / "elsewhere.parquet")
        path.symlink_to(tmp_path / "elsewhere.parquet")
    assert ("file_linked", "tables/bench_scores.parquet") in _found(published)


def test_an_empty_folder(published: Published, unseal: Unseal) -> None:
    with unseal(published.path / "tables" / "more") as path:
        path.mkdir()
    assert _found(published) == [("file_added", "tables/more")]


def test_an_edition_that_is_a_link(published: Published, tmp_path: Path) -> None:
    published.path.rename(tmp_path / "moved")
    published.path.symlink_to(tmp_path / "moved")
    assert ("file_linked", published.edition_id) in _found(published)


def _current(published: Published) -> list[str]:
    return [problem.rule for problem in verify_all(published.path.parent)["ledger.jsonl"]]


def test_current_leads_to_the_newest_edition_and_nowhere_else(published: Published, tmp_path: Path) -> None:
    editions = published.path.parent
    current = editions / "current"
    assert _current(published) == []
    current.unlink()
    current.symlink_to("2026Q1-r1")
    assert _current(published) == ["current_astray"]
    current.unlink()
    shutil.copytree(published.path, tmp_path / "other" / published.edition_id)
    current.symlink_to(tmp_path / "other" / published.edition_id)
    assert _current(published) == ["current_astray"]
    current.unlink()
    shutil.copytree(published.path, current)
    assert _current(published) == ["current_astray"]
