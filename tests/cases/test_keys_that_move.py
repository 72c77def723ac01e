"""The latest version of an id counts once, in whichever slice of its provider it stands.

Kind: keys that move between partitions. apache/hudi#2184, #4501 and #1745 (an upsert with another partition value leaves
the old row), apache/hudi#8344 (from one partition to another and back), and cases passed on to the responsible agency.

Belongs here: which rows are taken to have moved. Does not belong here: versions within a slice (dbt's unit tests).
"""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from ingestion.slices import write_slices
from ingestion.submission_ledger import read_accounts, withdraw
from publication.trace import trace
from tests.cases.deliveries import CASES, SURVEY, Centre, answers, rows_of

HEADER = "agency,case,opened,channel"


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    centre = Centre(tmp_path / "centre")
    centre.contract(CASES)
    return centre


def deliver(centre: Centre, name: str, *rows: tuple[str, str, str], feed: str = "complaints") -> list[str]:
    """Deliver cases of agency, id and day opened; the rules told."""
    centre.land(name, rows_of(HEADER, [(*row, "branch") for row in rows]), feed=feed)
    return [problem.rule for problem in centre.receive().problems]


def moved(centre: Centre) -> list[tuple[str, int]]:
    """Slice and number of the line of each row that no longer counts where it stands."""
    write_slices(centre.workspace, read_accounts(centre.workspace), centre.contracts)
    rows = pq.read_table(centre.workspace.lake / "moved.parquet").to_pylist()
    return [(row["slice_id"].partition("|")[2], int(row["row_id"].split(":")[1])) for row in rows]


def test_a_case_passed_on_to_another_agency_counts_there(centre: Centre) -> None:
    deliver(centre, "1.csv", ("water", "c1", "2025-08-01"), ("water", "c2", "2025-08-02"))
    assert moved(centre) == []
    deliver(centre, "2.csv", ("roads", "c1", "2025-08-01"))
    assert moved(centre) == [("water|2025Q3", 2)]


def test_a_case_whose_day_was_corrected_counts_in_its_quarter(centre: Centre) -> None:
    deliver(centre, "1.csv", ("water", "c1", "2025-09-30"))
    deliver(centre, "2.csv", ("water", "c1", "2025-10-01"))
    assert moved(centre) == [("water|2025Q3", 2)]


def test_there_and_back_again(centre: Centre) -> None:
    for number, agency in enumerate(("water", "roads", "water"), start=1):
        deliver(centre, f"{number}.csv", (agency, "c1", "2025-08-01"))
    # The first version is one that the third of the same slice corrects as well: it counts once, as the third has it.
    assert moved(centre) == [("roads|2025Q3", 2), ("water|2025Q3", 2)]
    submissions = [
        row["row_id"].split(":")[0] for row in pq.read_table(centre.workspace.lake / "moved.parquet").to_pylist()
    ]
    assert centre.accounts["water/complaints/3.csv"].submission_id not in submissions


def test_the_order_is_that_of_delivery_and_not_of_arrival(centre: Centre) -> None:
    centre.contract(CASES, delivered={"fileName": r"(\d{4}-\d{2}-\d{2})"})
    deliver(centre, "2025-11-02.csv", ("roads", "c1", "2025-08-01"))
    deliver(centre, "2025-11-01.csv", ("water", "c1", "2025-08-01"))
    assert moved(centre) == [("water|2025Q3", 2)]


def test_withdrawn_it_counts_where_it_was(centre: Centre) -> None:
    deliver(centre, "1.csv", ("water", "c1", "2025-08-01"))
    deliver(centre, "2.csv", ("roads", "c1", "2025-08-01"))
    withdraw(centre.workspace, centre.accounts["water/complaints/2.csv"].submission_id, "passed on by mistake")
    assert moved(centre) == []


def test_the_slice_it_left_is_another_version_of_itself(centre: Centre) -> None:
    def version() -> str:
        table, _ = write_slices(centre.workspace, read_accounts(centre.workspace), centre.contracts)
        return next(str(r["slice_version"]) for r in table.to_pylist() if r["slice_id"] == "complaints|water|2025Q3")

    deliver(centre, "1.csv", ("water", "c1", "2025-08-01"))
    before = version()
    deliver(centre, "2.csv", ("roads", "c2", "2025-08-01"))
    assert version() == before
    deliver(centre, "3.csv", ("roads", "c1", "2025-08-01"))
    assert version() != before


def test_ids_of_two_providers_are_not_compared(centre: Centre) -> None:
    centre.contract(CASES, "roads")
    deliver(centre, "1.csv", ("water", "c1", "2025-08-01"))
    centre.land("1.csv", rows_of(HEADER, [("roads", "c1", "2025-08-01", "branch")]), "roads", "complaints")
    centre.receive()
    assert moved(centre) == []


def test_numbers_that_start_anew_each_quarter_are_no_moved_cases(centre: Centre) -> None:
    first = [("water", f"{n}", "2025-08-01") for n in range(30)]
    assert deliver(centre, "1.csv", *first) == []
    assert deliver(centre, "2.csv", *((a, n, "2025-11-01") for a, n, _ in first)) == ["keys_repeated"]
    assert moved(centre) == []


def test_files_that_replace_each_other_are_whole(tmp_path: Path) -> None:
    """Response numbers of a survey that start anew each quarter, the ordinary case of `delivery: replace`."""
    centre = Centre(tmp_path / "whole")
    centre.contract(SURVEY)
    for name, day in (("2025Q3.csv", "2025-07-15"), ("2025Q4.csv", "2025-10-15")):
        centre.land(name, answers(5, day))
        centre.receive()
    assert moved(centre) == []


def test_an_answer_that_comes_again_with_a_later_quarter_of_files_that_add(tmp_path: Path) -> None:
    centre = Centre(tmp_path / "adding")
    centre.contract(SURVEY, delivery="add")
    centre.land("1.csv", answers(5, "2025-07-15"))
    centre.receive()
    centre.land("2.csv", answers(3, "2025-10-15", ("r2", "2025-10-01", 1), begin=101))
    centre.receive()
    assert moved(centre) == [("water|2025Q3", 3)]


def test_two_systems_of_one_agency_that_add_both_count(tmp_path: Path) -> None:
    """The same number in both systems is two people; without `add` they contest the quarter."""
    centre = Centre(tmp_path / "two")
    for provider in ("kiosk", "web"):
        centre.contract(SURVEY, provider, delivery="add")
        centre.land("q.csv", answers(5, "2025-10-15"), provider)
    assert centre.receive().problems == []
    table, _ = write_slices(centre.workspace, read_accounts(centre.workspace), centre.contracts)
    assert [(row["provider_id"], row["status"], row["rows"]) for row in table.to_pylist()] == [
        ("kiosk", "live", 5),
        ("web", "live", 5),
    ]
    assert moved(centre) == []
    centre.contract(SURVEY, "web")
    _, problems = write_slices(centre.workspace, read_accounts(centre.workspace), centre.contracts)
    assert [problem.rule for problem in problems] == ["slice_contested"]


def test_two_cases_of_two_agencies_that_share_an_id_both_count(centre: Centre) -> None:
    """Numbers begin with the first letters of the agency's name, and two names begin alike."""
    deliver(centre, "1.csv", ("water", "WA-12", "2025-08-01"))
    deliver(centre, "2.csv", ("roads", "WA-12", "2025-08-09"))
    assert moved(centre) == []


def test_an_id_that_one_file_has_twice_names_two_cases(centre: Centre) -> None:
    deliver(centre, "1.csv", ("water", "WA-12", "2025-08-01"), ("roads", "WA-12", "2025-08-01"))
    deliver(centre, "2.csv", ("roads", "WA-12", "2025-08-01"))
    assert moved(centre) == []


def test_a_score_is_traced_to_the_rows_that_count(centre: Centre, tmp_path: Path) -> None:
    deliver(
        centre, "1.csv", ("water", "c1", "2025-08-01"), ("water", "c2", "2025-08-02"), ("water", "c3", "2025-08-03")
    )
    deliver(centre, "2.csv", ("roads", "c1", "2025-08-01"))
    assert moved(centre) == [("water|2025Q3", 2)]
    submission = centre.accounts["water/complaints/1.csv"].submission_id
    with duckdb.connect(str(tmp_path / "benchmarks.duckdb")) as edition:
        edition.execute(
            "create table bench_scores as select 's' score_id, 'm' metric_id, 'agency' unit_type, 'water' unit_id"
        )
        edition.execute("create table dim_metrics as select 'm' metric_id, 'complaints.opened' measure_id, '' stage")
        edition.execute(
            "create table bench_lineage as select 's' score_id, 'complaints|water|2025Q3' slice_id, "
            f"'{submission}' submission_id, 'water' provider_id"
        )
        edition.execute(f"create table fct_submissions as select '{submission}' submission_id, '1.csv' path")
    centre.workspace.warehouse.parent.mkdir(exist_ok=True)
    with duckdb.connect(str(centre.workspace.warehouse)) as warehouse:
        warehouse.execute("create schema intermediate")
        warehouse.execute(
            "create table intermediate.int_complaints__cells as "
            "select 'water' agency_id, 'complaints|water|2025Q3' slice_id, 2 n"
        )
    found = trace(centre.workspace, tmp_path, "s")
    assert (found.rows_count, found.moved_count) == ({"complaints": 2}, {"complaints": 1})
    assert [row["source_row"] for row in found.rows["complaints"]] == [3, 4]
