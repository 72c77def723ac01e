"""The `miyar` command as people use it on a built centre: its output and its exit codes."""

import csv
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app, main
from miyar.errors import MiyarError


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(*words: object) -> str:
    """The rule of the first problem of a call that the command's entry point turns into exit code 2."""
    outcome = call(*words)
    assert isinstance(outcome.exception, MiyarError), outcome.output
    return outcome.exception.problems[0].rule


def test_init_makes_a_workspace_to_fill_in_and_never_overwrites(tmp_path: Path) -> None:
    assert call("init", tmp_path / "new").exit_code == 0
    assert (tmp_path / "new" / "registry" / "agencies.csv").read_text("utf-8").startswith("agency_id,name_ar,name_en")
    assert refused("init", tmp_path / "new") == "workspace_exists"
    # An existing registry is not overwritten, even without settings.
    (tmp_path / "new" / "miyar.yml").unlink()
    (tmp_path / "new" / "registry" / "agencies.csv").write_text("a registry of many days", "utf-8")
    assert refused("init", tmp_path / "new") == "workspace_exists"
    assert (tmp_path / "new" / "registry" / "agencies.csv").read_text("utf-8") == "a registry of many days"


def test_bad_input_exits_with_2_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "status", "--workspace", str(tmp_path)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 2
    assert "[no_workspace]" in outcome.stderr and "miyar init" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_second_run_says_so_and_touches_nothing(shared) -> None:
    edition = shared.workspace.editions / "current"
    before = (
        shared.workspace.warehouse.stat().st_mtime_ns,
        edition.readlink(),
        len(list(shared.workspace.editions.iterdir())),
    )
    outcome = call("run", "--workspace", shared.root)
    assert outcome.exit_code == 0
    assert f"nothing new: all {len(shared.deliveries)} files in the landing zone are known" in outcome.output
    assert "warehouse: up to date" in outcome.output
    assert "edition: 2025Q4-r1 (unchanged)" in outcome.output
    after = (
        shared.workspace.warehouse.stat().st_mtime_ns,
        edition.readlink(),
        len(list(shared.workspace.editions.iterdir())),
    )
    assert before == after


def test_show_prints_both_names_and_the_score(shared) -> None:
    outcome = call("show", "--workspace", shared.root)
    assert outcome.exit_code == 0
    assert "الرضا العام" in outcome.output and "Overall satisfaction" in outcome.output
    assert "هيئة النور" in outcome.output and "Noor" in outcome.output
    # Percent of the maximum possible, computed from the answers in the file.
    answers = [row["overall"] for row in shared.rows(shared.a01_q4) if row["overall"] != 9]
    score = sum((code - 1) / 4 for code in answers) / len(answers) * 100
    (line,) = [line for line in outcome.output.splitlines() if "Noor" in line]
    assert f"{score:.1f}" in line and str(len(answers)) in line
    assert "not comparable" in line, "four agencies are too few peers"


def test_show_of_unknown_things(shared, tmp_path: Path) -> None:
    assert refused("show", "--workspace", shared.root, "--metric", "luck") == "metric_unknown"
    assert refused("show", "--workspace", shared.root, "--edition", "2031Q1-r1") == "edition_missing"
    assert refused("show", "--workspace", tmp_path) == "no_workspace"


def test_status_tells_every_account(shared) -> None:
    outcome = call("status", "--workspace", shared.root)
    assert outcome.exit_code == 0
    assert outcome.output.count("accepted") >= len(shared.deliveries)
    assert shared.submission(shared.a01_q4) in outcome.output


def test_verify_and_diff(shared) -> None:
    outcome = call("verify", "--workspace", shared.root)
    assert outcome.exit_code == 0 and "2025Q4-r1: intact" in outcome.output
    assert call("diff", "2025Q4-r1", "2025Q4-r1", "--workspace", shared.root).exit_code == 0
    assert refused("diff", "2025Q4-r1", "2025Q4-r9", "--workspace", shared.root) == "edition_missing"


def test_trace_leads_to_the_lines_of_the_file(shared) -> None:
    query = "select score_id, n from bench_scores where agency_id = 'a01' and unit_type = 'agency' and period_id = '2025Q3' "
    ((score_id, n),) = shared.edition(query + "and metric_id = 'overall_satisfaction'")
    outcome = call("trace", score_id, "--workspace", shared.root)
    assert outcome.exit_code == 0, outcome.output
    rows = shared.rows(shared.second_q3)
    # Every question asked is a row of the slice; n counts only those answered.
    assert f"cells of {len(rows)} rows" in outcome.output
    assert n == sum(row["overall"] != 9 for row in rows)
    from publication.trace import trace

    found = trace(shared.workspace, shared.workspace.editions / "current", score_id, limit=1000)
    assert found.rows_count == {"survey_responses": len(rows)}
    with (shared.root / "landing" / shared.second_q3).open(encoding="utf-8") as stream:
        lines = list(csv.reader(stream))
    total = 0
    for row in found.rows["survey_responses"]:
        assert row["file"] == shared.second_q3
        code = int(lines[row["source_row"] - 1][lines[0].index("overall")])
        total += 0 if code == 9 else code - 1
    ((score,),) = shared.edition(f"select score::double from bench_scores where score_id = '{score_id}'")
    assert score == pytest.approx(total / 4 / n * 100, abs=1e-4), "the traced lines are those the score was made of"
    assert refused("trace", "no-such-score", "--workspace", shared.root) == "score_unknown"


def test_check_says_before_delivery_what_a_run_would_say(shared, tmp_path: Path) -> None:
    contract = shared.root / "registry" / "contracts" / "a02" / "survey_responses.yml"
    good = tmp_path / "2025Q4_2026-01-06.csv"
    good.write_text(shared.as_csv(shared.rows(shared.a02_q4)), "utf-8")
    words = ("--contract", contract, "--workspace", shared.root)
    before = sorted(path for path in shared.root.rglob("*"))
    outcome = call("check", good, *words)
    assert outcome.exit_code == 0 and "accepted" in outcome.output
    bad = tmp_path / "2025Q4_2026-01-07.csv"
    mobile = "0555123456"
    rows = [{**row, "overall": mobile, "trust": mobile} for row in shared.rows(shared.a02_q4)]
    bad.write_text(shared.as_csv(rows), "utf-8")
    outcome = call("check", bad, *words)
    assert outcome.exit_code == 1 and "refused" in outcome.output
    assert mobile not in outcome.output, "a value that may be a person's number is masked"
    assert sorted(path for path in shared.root.rglob("*")) == before, "a check writes nothing"


def test_check_shows_delivered_texts_as_they_are(shared, tmp_path: Path) -> None:
    """Brackets and colons are markup to the library that draws the tables, but may occur in any delivered cell."""
    contract = shared.root / "registry" / "contracts" / "a02" / "survey_responses.yml"
    file = tmp_path / "[bold]_2026-01-06.csv"
    texts = {0: "[/]", 1: "[red]5[/red]", 2: ":smile:"}
    rows = [
        {**row, "overall": texts.get(place, row["overall"])} for place, row in enumerate(shared.rows(shared.a02_q4))
    ]
    file.write_text(shared.as_csv(rows), "utf-8")
    outcome = call("check", file, "--contract", contract, "--workspace", shared.root, "--no-scores")
    assert outcome.exit_code == 0, outcome.output
    for text in (*texts.values(), file.name):
        assert text in outcome.output


@pytest.mark.parametrize("name", ["2025Q4_2026-01-06.csv", "typed wrongly.csv"])
def test_check_of_a_file_that_is_not_there_says_so_once(
    shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A missing file is reported before anything its name might lack."""
    contract = shared.root / "registry" / "contracts" / "a02" / "survey_responses.yml"
    words = ("check", tmp_path / name, "--contract", contract, "--workspace", shared.root)
    monkeypatch.setattr(sys, "argv", ["miyar", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    out, told = capsys.readouterr()
    assert out == "" and told.count("\n") == 1
    assert "[file_unreadable]" in told and name in told and "there is no such file" in told
    assert "name and folder" in told and "right" not in told


def test_check_of_a_folder_says_so(shared, tmp_path: Path) -> None:
    contract = shared.root / "registry" / "contracts" / "a02" / "survey_responses.yml"
    outcome = call("check", tmp_path, "--contract", contract, "--workspace", shared.root)
    assert isinstance(outcome.exception, MiyarError)
    (problem,) = outcome.exception.problems
    assert problem.rule == "file_unreadable" and "folder" in problem.message and "right" not in problem.next_step


@pytest.mark.parametrize(
    ("number", "message", "next_step"),
    [
        (errno.EACCES, "Permission denied", "right to read"),
        (errno.EPERM, "Operation not permitted", "right to read"),
        (errno.EIO, "Input/output error", "disk or network drive"),
        (errno.ESTALE, "Stale file handle", "disk or network drive"),
    ],
)
def test_the_next_step_fits_what_stopped_the_reading(
    shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str, next_step: str
) -> None:
    closed = tmp_path / "2025Q4_2026-01-06.csv"
    closed.write_text("agency\n", "utf-8")
    opened = os.open

    def failing(opening: object, *args: int, **kwargs: int) -> int:
        # Folder by folder, so that no link on the way is followed.
        if Path(str(opening)).name == closed.name:
            raise OSError(number, os.strerror(number))
        return opened(opening, *args, **kwargs)  # type: ignore[arg-type]

    # The tests may run as a user whom file modes do not stop, so the refusal is simulated.
    monkeypatch.setattr(os, "open", failing)
    contract = shared.root / "registry" / "contracts" / "a02" / "survey_responses.yml"
    outcome = call("check", closed, "--contract", contract, "--workspace", shared.root)
    assert isinstance(outcome.exception, MiyarError)
    (problem,) = outcome.exception.problems
    assert message in problem.message and next_step in problem.next_step


def test_withdraw_then_publish_needs_a_reason(built) -> None:
    assert refused("withdraw", "0000", "why", "--workspace", built.root) == "submission_unknown"
    submission = built.submission(built.a04_q4)
    assert refused("withdraw", submission, " ", "--workspace", built.root) == "reason_missing"
    assert call("withdraw", submission, "sent by mistake", "--workspace", built.root).exit_code == 0
    assert refused("publish", "--workspace", built.root) == "warehouse_stale"
    assert call("run", "--no-publish", "--workspace", built.root).exit_code == 0
    assert refused("publish", "--workspace", built.root) == "reason_missing"
    outcome = call("publish", "--workspace", built.root, "--reason", "sent by mistake")
    assert outcome.exit_code == 0 and "2025Q4-r2: published" in outcome.output
    outcome = call("diff", "2025Q4-r1", "2025Q4-r2", "--workspace", built.root)
    assert outcome.exit_code == 0 and "agency a04" in outcome.output


def test_a_run_names_the_withdrawal_as_the_reason_of_the_new_revision(built) -> None:
    from publication.manifest import read_manifest

    assert call("withdraw", built.submission(built.a04_q4), "sent by mistake", "--workspace", built.root).exit_code == 0
    outcome = call("run", "--workspace", built.root)
    assert outcome.exit_code == 0, outcome.output
    assert "edition: 2025Q4-r2 (published)" in outcome.output
    manifest = read_manifest(built.workspace.editions / "current")
    assert built.a04_q4 in manifest.reason and "withdrawn" in manifest.reason
