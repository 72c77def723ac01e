"""Deliveries that change nothing or wait for a person, taken all the way to an edition.

Belongs here: what a run says and publishes then. Does not belong here: which deliveries wait (`tests/cases`).
"""

from datetime import UTC, datetime
from typing import Any

from typer.testing import CliRunner

from cli.main import app
from publication.manifest import list_editions, read_manifest

LATER = datetime(2026, 2, 20, 6, tzinfo=UTC)


def command(*words: Any) -> str:
    outcome = CliRunner().invoke(app, [str(word) for word in words])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_refused_files_make_no_new_revision(built: Any) -> None:
    for day, content in enumerate([b"\0" * 4096, b"", b"\xff\xfe\0n\0o", b"agency;id\n1;2\n"], 20):
        built.write(f"a02/survey_responses/2025Q4_2026-01-{day}.csv", content)
    result = built.run(LATER)
    assert [account.status for account in result.new] == ["refused"] * 4
    assert (result.is_published, result.edition_id) == (False, "2025Q4-r1")
    assert list_editions(built.workspace.editions) == ["2025Q4-r1"]


def test_a_delivery_that_would_shrink_a_quarter_is_listed_and_accepted_by_a_person(built: Any) -> None:
    rows = built.rows(built.a02_q4)
    built.write("a02/survey_responses/2025Q4_2026-01-20.csv", built.as_csv(rows[:5]))
    result = built.run(LATER)
    assert [problem.rule for problem in result.problems] == ["slice_shrinks"]
    waiting = built.submission("a02/survey_responses/2025Q4_2026-01-20.csv")
    told = command("status", "--workspace", built.root)
    assert waiting in told and "128" in told and "waits for" in told
    n = "select n from bench_scores where agency_id = 'a02' and unit_type = 'agency' and metric_id = 'overall_satisfaction'"
    before = built.edition(n)
    command("accept", waiting, "--reason", "the rest was of a pilot", "--by", "huda", "--workspace", built.root)
    result = built.run(LATER)
    assert result.is_published and result.problems == []
    reason = read_manifest(built.workspace.editions / "current").reason
    assert "huda accepted a02/survey_responses/2025Q4_2026-01-20.csv" in reason
    assert "10 rows in place of 128" in reason and "the rest was of a pilot" in reason
    assert built.edition(n) != before


def test_a_reason_names_what_waits(built: Any) -> None:
    built.write("a02/survey_responses/2025Q4_2026-01-20.csv", built.as_csv(built.rows(built.a02_q4)[:5]))
    built.write("a04/survey_responses/2025Q4_2026-01-20.csv", built.as_csv(built.rows(built.a04_q4)[:40]))
    assert built.run(LATER).is_published
    reason = read_manifest(built.workspace.editions / "current").reason
    assert "a02/survey_responses/2025Q4_2026-01-20.csv waits: its 10 rows do not replace the 128" in reason


def test_a_case_passed_on_to_another_agency_is_counted_once(built: Any) -> None:
    """One case of the second extract comes again in a third, as another agency's."""
    cases = "select agency_id, sum(opened_count) from intermediate.int_complaints__cells group by all order by all"
    before = dict(built.sql(cases))
    case, *others = built.rows(built.second_cases)
    other = next(row for row in others if row["agency"] != case["agency"])
    built.write("portal/complaints/2026-01-12.csv", built.as_csv([case | {"agency": other["agency"]}]))
    built.receive()
    built.build(["+int_slices__built"])
    after = dict(built.sql(cases))
    changed = {agency: int(after[agency] - n) for agency, n in before.items() if after[agency] != n}
    assert sorted(changed.values()) == [-1, 1] and sum(after.values()) == sum(before.values())
