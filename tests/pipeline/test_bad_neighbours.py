"""One agency's bad file stops nobody else: tested end to end through the run and the command's output.

All faults are landed at once among three good files, and one run receives them, so that the slowest part runs once.
"""

import pytest
from typer.testing import CliRunner

from cli.main import app

SCORES = (
    "select agency_id, status, status_reason from bench_scores "
    "where unit_type = 'agency' and metric_id = 'overall_satisfaction'"
)


@pytest.fixture(scope="module")
def printed(neighbours) -> str:
    outcome = CliRunner().invoke(app, ["run", "--workspace", str(neighbours.root)])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


@pytest.fixture(scope="module")
def neighbours(micro_factory):
    """a01 is good; a02 delivers rubbish in Q3, and rows of a closed period and another agency in Q4; two deliver a04."""
    micro = micro_factory("neighbours")
    micro.land([micro.second_q3, micro.a01_q4, micro.a04_q4])
    micro.write("a02/survey_responses/2025Q3_2025-10-05.csv", b"\x00\x01 not a table at all \xff\xfe")
    rows = micro.rows(micro.a02_q4)
    rows[0] = {**rows[0], "answered": "2019-01-01T10:00:00"}
    rows[1] = {**rows[1], "agency": "Noor"}
    micro.write(micro.a02_q4, micro.as_csv(rows))
    micro.contract("a02", micro.survey, covers=["a02"])
    # The portal also delivers a04's answers, and neither contract has precedence.
    micro.contract("portal", micro.survey)
    micro.write("portal/survey_responses/2025Q4_2026-01-09.csv", micro.as_csv(micro.rows(micro.a04_q4)[:40]))
    micro.write("nobody/knows/this.csv", "a,b\n1,2\n")
    return micro


def test_the_good_files_count(neighbours, printed: str) -> None:
    found = neighbours.edition(f"{SCORES} and agency_id in ('a01', 'a02') and status = 'reported' order by all")
    assert [row[0] for row in found] == ["a01", "a01", "a02"]
    # Answers of the second delivery other than don't know, counted in the file.
    expected = sum(row["overall"] != 9 for row in neighbours.rows(neighbours.second_q3))
    assert neighbours.edition(
        "select n from bench_scores where unit_type = 'agency' and agency_id = 'a01' and period_id = '2025Q3' "
        "and metric_id = 'overall_satisfaction'"
    ) == [(expected,)]


def test_the_rubbish_is_refused_by_name(printed: str) -> None:
    assert "refused: a02/survey_responses/2025Q3_2025-10-05.csv" in printed
    assert "(1 refused)" in printed


def test_the_stored_run_warns_of_the_refused_file_and_stays_green(neighbours, printed: str) -> None:
    """Dagster shows the refusal as well, and the refusal stops neither the run nor the other providers' edition."""
    run, events = neighbours.last_run("ingest")
    assert run.status.value == "SUCCESS"
    checks = [
        event.asset_check_evaluation_data for event in events if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    accepted = {check.asset_key.path[1]: check for check in checks if check.check_name == "submissions_accepted"}
    assert [feed for feed, check in accepted.items() if not check.passed] == ["survey_responses"]
    warned = accepted["survey_responses"]
    assert warned.severity.value == "WARN" and warned.blocking is False
    refused = warned.metadata["refused"].value
    assert list(refused) == ["a02/survey_responses/2025Q3_2025-10-05.csv"]
    # The command prints the same reason.
    (reason,) = refused.values()
    assert reason and reason in printed
    # A row held back warns under its own rule, and no row is lost. Each answer has two questions, so it is two records.
    (closed,) = [check for check in checks if check.check_name == "period_closed" and not check.passed]
    assert closed.severity.value == "WARN"
    assert closed.metadata["failing_rows"].value == {neighbours.a02_q4: 2}
    assert all(check.passed for check in checks if check.check_name == "rows_conserved")
    assert neighbours.last_run("publish")[0].status.value == "SUCCESS"


def test_contested_slices_are_refused_and_named(neighbours, printed: str) -> None:
    found = neighbours.edition(f"{SCORES} and agency_id = 'a04' and period_id = '2025Q4'")
    assert found == [("a04", "refused", "slice_contested")]
    assert "[slice_contested]" in printed and "a04 and portal both deliver" in printed
    assert "precedence" in printed


def test_bad_rows_are_held_back_one_by_one(neighbours, printed: str) -> None:
    import duckdb

    folder = neighbours.workspace.quarantine / "survey_responses"
    found = duckdb.sql(
        f"select problem.rule, source_row from (select source_row, unnest(problems) as problem "
        f"from read_parquet('{folder}/*.parquet')) where problem.rule in ('period_closed', 'agency_not_covered') "
        "group by all order by all"
    ).fetchall()
    # The header is line 1, so the first two rows are lines 2 and 3.
    assert found == [("agency_not_covered", 3), ("period_closed", 2)]


def test_a_file_in_a_folder_nobody_knows_is_told(printed: str) -> None:
    assert "[file_unmatched]" in printed and "nobody/knows/this.csv" in printed


def test_a_refused_file_leaves_its_slice_refused_when_the_file_names_it(make_micro) -> None:
    """More than half of the rows are bad: the submission is refused, and the grid says so instead of 'missing'."""
    micro = make_micro("half")
    rows = micro.rows(micro.a02_q4)
    bad = [{**row, "overall": 77, "trust": 77} if number % 3 else row for number, row in enumerate(rows)]
    micro.write(micro.a02_q4, micro.as_csv(bad))
    micro.land([micro.a01_q4])
    micro.receive()
    micro.build()
    micro.publish()
    assert micro.edition(f"{SCORES} and agency_id = 'a02' and period_id = '2025Q4'") == [
        ("a02", "refused", "submission_refused")
    ]
    assert micro.edition(f"{SCORES} and agency_id = 'a04' and period_id = '2025Q4'") == [
        ("a04", "missing", "no_submission")
    ]
