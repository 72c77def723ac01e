"""Databases kept from file to file: nothing of one file is there for the next, and a failed one is not used again."""

import os
from pathlib import Path

import duckdb
import pytest

from ingestion import databases, values
from ingestion.databases import session
from miyar.errors import MiyarError, Problem
from miyar.workspace import Names, OpenPeriods, Settings


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(databases, "_idle", {})
    periods = OpenPeriods(first="2025Q1", last="2025Q4")
    return Settings(name=Names(ar="م", en="C"), methodology="2026.2", periods=periods, memory_limit="100MB", threads=1)


def kept() -> list[duckdb.DuckDBPyConnection]:
    return [one for some in databases._idle.values() for one in some]


def test_tables_types_and_variables_end_with_their_session(settings: Settings, tmp_path: Path) -> None:
    with session(settings, tmp_path / "a", 1) as one:
        one.execute("create temp table texts as select 'a secret' as text")
        one.execute("create temp type enum_labels as enum ('a')")
        one.execute("set variable pseudonym_inner = 'key'")
    [database] = kept()
    with session(settings, tmp_path / "b", 1) as two:
        assert kept() == []
        assert two.execute("select getvariable('pseudonym_inner')").fetchone() == (None,)
        for statement in ("select * from texts", "select 'a'::enum_labels"):
            with pytest.raises(duckdb.CatalogException):
                two.execute(statement)
        values.remember(two)
        assert two.execute("select quarter_of(timestamp '2025-05-01'), clean_text(' x ')").fetchone() == ("2025Q2", "x")
    assert kept() == [database]


def test_two_files_at_once_have_two_databases(settings: Settings, tmp_path: Path) -> None:
    with session(settings, tmp_path / "a", 1) as one, session(settings, tmp_path / "b", 1) as two:
        for number, each in enumerate((one, two)):
            each.execute(f"create temp table texts as select {number} as number")
        assert [each.execute("select number from texts").fetchone() for each in (one, two)] == [(0,), (1,)]
    assert len(kept()) == 2


def test_other_limits_are_another_database(settings: Settings, tmp_path: Path) -> None:
    with session(settings, tmp_path / "a", 1):
        pass
    with session(settings.model_copy(update={"memory_limit": "200MB"}), tmp_path / "b", 1) as other:
        assert other.execute("select current_setting('memory_limit')").fetchone() == ("190.7 MiB",)
    assert len(kept()) == 2


@pytest.mark.parametrize(("rows", "threads"), [(1, 1), (122_880, 1), (122_881, 3)])
def test_few_rows_have_one_thread(settings: Settings, tmp_path: Path, rows: int, threads: int) -> None:
    with session(settings.model_copy(update={"threads": 3}), tmp_path / "a", rows) as one:
        assert one.execute("select current_setting('threads')").fetchone() == (threads,)


def test_a_refusal_keeps_the_database_and_a_failure_of_the_engine_does_not(settings: Settings, tmp_path: Path) -> None:
    refusal = MiyarError(Problem("file_empty", "the file is empty", "p", "f.csv", next_step="Deliver it again."))
    with pytest.raises(MiyarError), session(settings, tmp_path / "a", 1):
        raise refusal
    assert len(kept()) == 1
    with pytest.raises(duckdb.Error), session(settings, tmp_path / "b", 1) as failing:
        failing.execute("select error('a bad page')")
    assert kept() == []


def test_a_database_that_spilled_is_not_used_again(settings: Settings, tmp_path: Path) -> None:
    """Its folder of working files cannot be changed any more, and goes with the file's."""
    with session(settings, tmp_path / "a", 1) as one:
        one.execute(
            "create temp table large as select range as number, hash(range)::varchar as text from range(4_000_000)"
        )
        assert (tmp_path / "a" / "spill").is_dir()
    assert kept() == []


def test_a_fork_leaves_the_databases_of_its_parent_alone(settings: Settings, tmp_path: Path) -> None:
    with session(settings, tmp_path / "a", 1):
        pass
    child = os.fork()
    if child == 0:
        os._exit(len(kept()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(kept()) == 1
