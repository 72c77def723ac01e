"""A failed data test stops the pipeline before the edition, and the operator sees which test it was."""

import shutil
import sys
from pathlib import Path

import duckdb
import pytest

from cli.main import main
from ingestion.lake_files import file_hash
from ingestion.ledger_files import read_json, write_json


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`miyar run` on a centre as the shell calls it: its exit code and error output."""

    def _run(root: Path, command: str = "run") -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["miyar", command, "--workspace", str(root), "--reason", "r"])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return _run


def test_an_account_that_does_not_add_up_fails_the_run_and_its_check(built, run, expected_hash: str) -> None:
    path = built.workspace.submissions / f"{built.submission(built.a02_q4)}.json"
    account = read_json(path)
    write_json(path, {**account, "records": account["records"] + 1})
    code, told = run(built.root)
    assert code == 2
    assert told.count("[run_failed]") == 1 and "Traceback" not in told
    assert "build: benchmarks" in told and "rows_are_conserved_fct_submissions" in told
    stored, events = built.last_run("build")
    assert stored.status.value == "FAILURE" and stored.run_id in told
    checks = [
        event.asset_check_evaluation_data for event in events if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    (failed,) = [check for check in checks if not check.passed]
    assert failed.asset_key.path == ["core", "fct_submissions"] and "rows_are_conserved" in failed.check_name
    assert failed.severity.value == "ERROR"
    assert "1 result" in failed.metadata["message"].value
    assert len(checks) > 20, "the other checks stand on the run as well"
    assert (
        _editions(built) == ["2025Q4-r1", "checkpoints", "current", "ledger.jsonl"]
        and built.content_hash() == expected_hash
    )
    assert [event for event in events if "RETRY" in event.event_type_value] == [], "it would only fail again"
    # The warehouse now holds the failed rows, so publishing by hand is refused too.
    code, told = run(built.root, "publish")
    assert code == 2 and "[warehouse_stale]" in told
    assert _editions(built) == ["2025Q4-r1", "checkpoints", "current", "ledger.jsonl"]


def test_a_lake_file_that_lost_rows_fails_the_run_before_any_score(built, run, expected_hash: str) -> None:
    """The warehouse is rebuilt from a lake that somebody changed, so cells hold fewer answers than the ledger says.

    The delivery is gone too: where it still lies in the landing zone it is read again, and nothing is lost.
    """
    workspace = built.workspace
    (workspace.root / "landing" / built.a02_q4).unlink()
    path = workspace.lake / "survey_responses" / "period=2025Q4" / f"{built.submission(built.a02_q4)}.parquet"
    part = path.with_suffix(".part")
    duckdb.sql(f"copy (from read_parquet('{path}') limit 50) to '{part}' (format parquet)")
    part.replace(path)
    # Whoever changes rows and their account together is found by the answers that the account counts.
    account = workspace.submissions / f"{built.submission(built.a02_q4)}.json"
    known = read_json(account)
    relative = path.relative_to(workspace.lake).as_posix()
    assert relative in known["files"]
    write_json(account, {**known, "files": {**known["files"], relative: file_hash(path)}})
    shutil.rmtree(workspace.warehouse.parent)
    code, told = run(built.root)
    assert code == 2
    assert "build: cells" in told and "assert_cells_hold_every_accepted_answer (fail)" in told
    stored, events = built.last_run("build")
    assert stored.status.value == "FAILURE" and stored.run_id in told
    steps = {event.step_key for event in events if event.event_type_value == "STEP_START"}
    assert steps == {"cells"}, "no score is made from such cells"
    assert [event.event_type_value for event in events if "RETRY" in event.event_type_value] == []
    assert (
        _editions(built) == ["2025Q4-r1", "checkpoints", "current", "ledger.jsonl"]
        and built.content_hash() == expected_hash
    )


def _editions(micro) -> list[str]:
    return sorted(path.name for path in micro.workspace.editions.iterdir())
