"""The commands on editions as people use them: what they print and how they exit.

Belongs here: `cli.editions`. Does not belong here: what the rooms behind them do (own tests).
"""

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from miyar.errors import MiyarError
from miyar.workspace import Workspace
from publication.proofs import is_proved
from publication.release_ledger import read_entries


def _call(workspace: Workspace, *words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words), "--workspace", str(workspace.root)])


def _rule(result: Result) -> str:
    assert isinstance(result.exception, MiyarError), result.output
    return result.exception.problems[0].rule


def test_verify_tells_the_head_and_takes_one(built_workspace: Workspace) -> None:
    head = read_entries(built_workspace.editions)[-1].entry_hash
    told = _call(built_workspace, "verify")
    assert told.exit_code == 0
    assert told.output.splitlines()[:2] == ["2025Q4-r1: intact", "ledger.jsonl: intact"]
    assert head in told.output
    assert _call(built_workspace, "verify", "--head", head).exit_code == 0
    other = _call(built_workspace, "verify", "--head", "0" * 64)
    assert other.exit_code == 1 and "ledger_head_missing" in other.output


def test_keys_checkpoints_and_witnesses(built_workspace: Workspace, tmp_path: Path) -> None:
    assert "checkpoints: UNSIGNED" in _call(built_workspace, "verify").output
    assert "editions: UNSIGNED" in _call(built_workspace, "status").output
    runner = CliRunner()
    made = runner.invoke(app, ["key", "agency.example/witness", str(tmp_path / "key")])
    assert made.exit_code == 0
    public = made.output.split("everybody:")[1].split()[0]
    assert (tmp_path / "key").read_text("utf-8").strip() not in made.output
    told = _call(built_workspace, "checkpoint")
    (tmp_path / "mine.txt").write_text(told.output, "utf-8")
    assert _call(built_workspace, "verify", "--witness", tmp_path / "mine.txt").exit_code == 0
    cosigned = runner.invoke(app, ["witness", str(tmp_path / "mine.txt"), "--key", str(tmp_path / "key")])
    assert cosigned.output.startswith(told.output) and "agency.example/witness" in cosigned.output
    (tmp_path / "other.txt").write_text(told.output.replace("\n1\n", "\n2\n"), "utf-8")
    other = _call(built_workspace, "verify", "--witness", tmp_path / "other.txt")
    assert other.exit_code == 1 and "ledger_shortened" in other.output
    keyed = _call(built_workspace, "verify", "--key", public)
    assert keyed.exit_code == 1 and "checkpoint_unsigned" in keyed.output
    assert _rule(_call(built_workspace, "verify", "--key", "x")) == "key_unreadable"


def test_publishing_with_a_key_signs_what_was_unsigned(
    workspace_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing changed: a key that comes later signs the checkpoints that are there."""
    assert CliRunner().invoke(app, ["key", "centre.example/ledger", str(tmp_path / "key")]).exit_code == 0
    monkeypatch.setenv("MIYAR_CHECKPOINT_KEY", str(tmp_path / "key"))
    assert "checkpoint_unsigned" in _call(workspace_copy, "verify").output
    published = _call(workspace_copy, "publish")
    assert published.exit_code == 0 and "unchanged" in published.output
    told = _call(workspace_copy, "verify")
    assert told.exit_code == 0, told.output
    assert "checkpoints: signed by centre.example/ledger (checked)" in told.output
    assert "editions: signed by centre.example/ledger" in _call(workspace_copy, "status").output


def test_verify_goes_on_where_the_key_is_not_at_hand(
    built_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies on a disk that is there for publishing only."""
    monkeypatch.setenv("MIYAR_CHECKPOINT_KEY", "/media/none/miyar.key")
    told = _call(built_workspace, "verify")
    assert told.exit_code == 0 and "not at hand" in told.output


def test_nothing_published_is_nothing_verified(tmp_path: Path) -> None:
    (tmp_path / "miyar.yml").write_text(
        "name: {ar: م, en: C}\nmethodology: '2026.2'\nperiods: {first: 2025Q1, last: 2025Q1}\n"
    )
    assert CliRunner().invoke(app, ["verify", "--workspace", str(tmp_path)]).exit_code == 1


def test_asof(built_workspace: Workspace) -> None:
    told = _call(built_workspace, "asof", "2026-01-20")
    assert told.exit_code == 0
    assert "in force: 2025Q4-r1, published 2026-01-20T00:00:00+00:00 by miyar run" in told.output
    assert str(built_workspace.editions / "2025Q4-r1") in told.output.replace("\n", "")
    assert _rule(_call(built_workspace, "asof", "2026-01-19")) == "nothing_published"


def test_prove(built_workspace: Workspace) -> None:
    with duckdb.connect(str(built_workspace.editions / "current" / "benchmarks.duckdb"), read_only=True) as connection:
        row = connection.execute("select score_id from bench_scores where status = 'reported' order by 1").fetchone()
    assert row
    told = _call(built_workspace, "prove", row[0])
    assert is_proved(json.loads(told.output))
    assert _rule(_call(built_workspace, "prove", "no such score")) == "score_unknown"


def test_reproduce_of_no_edition(built_workspace: Workspace) -> None:
    assert _rule(_call(built_workspace, "reproduce", "2031Q1-r1")) == "edition_missing"
    # No temporary folder is left.
    assert not list(built_workspace.root.glob(".reproduction-*"))


def test_a_server_that_does_not_answer_is_named_without_its_password(built_workspace: Workspace) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgres)")
    dsn = "host=127.0.0.1 port=1 dbname=none user=nobody password=sesame"
    told = _call(built_workspace, "serve-postgres", "--dsn", dsn)
    assert _rule(told) == "postgres_failed"
    assert "sesame" not in str(told.exception)
