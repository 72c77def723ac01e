"""No record is lost between a file and the lake: each is accepted, quarantined or counted as a duplicate."""

import csv
import io
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion import lake
from ingestion.feeds import load_feeds
from miyar.errors import MiyarError

HEADER = "agency,id,answered,q1\n"
PLANTED = (
    HEADER
    + "a01,r1,2025-02-03,4\n"
    + "a02,r2,2025-05-03,5\n"
    + "a01,r3,2025-02-30,4\n"  # no such day
    + "a01,r1,2025-02-03,4\n"  # row 2 again
    + "a01,r1,2025-02-03,3\n"  # the same response with another answer, so not a duplicate
    + "Nobody,r4,2025-02-03,4\n"
    + ",r5,2025-02-03,4\n"  # no agency at all
    + "a01,r6,2025-02-03,oops\n"
)


def refused(*rows: tuple[str, str, str]) -> pa.Table:
    names = ("row_id", "rule", "column")
    return pa.table(
        {name: pa.array([row[position] for row in rows], pa.string()) for position, name in enumerate(names)}
    )


def test_planted_rows_end_where_they_belong(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land(PLANTED)
    staged = centre.stage()
    assert (staged.source_rows, staged.records, staged.duplicates) == (8, 8, 1)
    settlement = centre.settle(staged, refused((f"{staged.submission_id}:6", "range", "value")))
    assert (settlement.accepted, settlement.quarantined, settlement.duplicates, settlement.bad) == (2, 5, 1, 5)
    assert settlement.rule_counts == {
        "date_impossible": 1,
        "range": 1,
        "slice_unknown": 1,
        "unknown_code": 2,
    }
    assert settlement.slices == [
        {"slice_id": "survey_responses|a01|2025Q1", "agency_id": "a01", "period_id": "2025Q1", "rows": 1},
        {"slice_id": "survey_responses|a02|2025Q2", "agency_id": "a02", "period_id": "2025Q2", "rows": 1},
    ]
    root = centre.workspace.lake
    identity = staged.submission_id
    assert sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()) == [
        f"quarantine/survey_responses/{identity}.parquet",
        f"survey_responses/period=2025Q1/{identity}.parquet",
        f"survey_responses/period=2025Q2/{identity}.parquet",
    ]
    accepted = pq.read_table(root / f"survey_responses/period=2025Q1/{identity}.parquet", partitioning=None)
    assert accepted.schema.equals(load_feeds()["survey_responses"].lake_schema)
    assert accepted["row_id"].to_pylist() == [f"{identity}:2"]
    quarantine = duckdb.sql(
        "select source_row, [p.rule for p in problems], [p.column for p in problems], [p.value for p in problems] "
        f"from read_parquet('{root}/quarantine/*/*.parquet')"
    ).fetchall()
    assert quarantine == [
        (4, ["date_impossible"], ["answered"], ["2025-02-30"]),
        (6, ["range"], ["value"], ["3"]),
        (7, ["unknown_code"], ["agency"], ["Nobody"]),
        (8, ["slice_unknown"], ["agency_id"], [""]),
        (9, ["unknown_code"], ["q1"], ["oops"]),
    ]


def test_submission_refused_as_a_whole_is_kept_in_quarantine(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land(PLANTED)
    staged = centre.stage()
    settlement = centre.settle(staged, share=0.5)
    # Four of the seven records other than duplicates are bad.
    assert settlement.refused_whole
    assert (settlement.accepted, settlement.quarantined, settlement.bad) == (0, 7, 4)
    assert {one["rows"] for one in settlement.slices} == {0}
    assert settlement.rule_counts["submission_refused"] == 3
    assert not list(centre.workspace.lake.glob("survey_responses/*/*.parquet"))


def test_rerun_replaces_what_a_broken_run_left(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land(PLANTED)
    staged = centre.stage()
    folder = centre.workspace.lake / "survey_responses"
    for leftover in (
        folder / "period=2024Q1" / f"{staged.submission_id}.parquet",
        folder / "period=2025Q1" / f".{staged.submission_id}.parquet.part",
        folder / "period=2024Q2" / f".{staged.submission_id}.parquet.part",
    ):
        leftover.parent.mkdir(parents=True, exist_ok=True)
        leftover.write_bytes(b"torn")
    centre.settle(staged)
    first = {p: p.read_bytes() for p in centre.workspace.lake.rglob("*.parquet")}
    names = [p.relative_to(centre.workspace.lake).as_posix() for p in centre.workspace.lake.rglob("*") if p.is_file()]
    assert not [name for name in names if name.endswith(".part") or "2024" in name]
    centre.settle(centre.stage())
    assert {p: p.read_bytes() for p in centre.workspace.lake.rglob("*.parquet")} == first


def test_lost_row_stops_the_submission(centre: Any, survey: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    centre.contract(survey)
    centre.land(PLANTED)
    monkeypatch.setattr(lake, "_kept", lambda bad: "where false")
    with pytest.raises(
        MiyarError, match=r"\[rows_lost\] p1, p1/survey_responses/f.csv: 8 records read, but 0 accepted"
    ):
        centre.settle(centre.stage())


def test_empty_files_let_every_feed_be_read(centre: Any) -> None:
    lake.write_empty_files(centre.workspace)
    for feed in load_feeds().values():
        found = duckdb.sql(
            f"select * from read_parquet('{centre.workspace.lake}/{feed.name}/*/*.parquet', hive_partitioning = false)"
        )
        assert found.columns == feed.lake_schema.names and found.fetchall() == []


cells = st.sampled_from(
    ["", "a01", "NA", "x", "2025-02-03", "2025-05-01", "2025-02-30", "4", "9", "٣", 'q"t', "l\nf", "-"]
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(cells, cells, cells, cells), min_size=1, max_size=12))
def test_read_is_accepted_plus_quarantined_plus_duplicates(
    centre: Any, survey: dict[str, Any], rows: list[tuple[str, ...]]
) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["agency", "id", "answered", "q1"])
    writer.writerows(rows)
    centre.contract(survey)
    centre.land(out.getvalue())
    staged = centre.stage()
    settlement = centre.settle(staged)
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    assert staged.source_rows == len(rows)
    assert staged.records == len(filled)
    assert staged.blank_cells == len(rows) - len(filled)
    assert settlement.accepted + settlement.quarantined + settlement.duplicates == len(filled)
    agencies = {"a01": "a01", "NA": "a01"}
    periods = {"2025-02-03": "2025Q1", "2025-05-01": "2025Q2"}
    answers = {"": "missing", "4": "answered", "9": "dont_know", "٣": "answered"}
    good = [r for r in filled if r[0] in agencies and r[2] in periods and r[3] in answers]
    # Two spellings of one agency with everything else equal are the same record.
    distinct = {(agencies[a], i.strip(), periods[d], d, q) for a, i, d, q in good}
    assert settlement.accepted == len(distinct)


FULL_DISK = """
    import resource, sys
    from pathlib import Path
    from ingestion.contract import load_contracts
    from ingestion.landing import discover
    from ingestion.staging import stage
    from miyar.registry import load_registry
    from miyar.workspace import Workspace
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    workspace = Workspace.open(Path(sys.argv[1]))
    [delivery], _ = discover(workspace, load_contracts(workspace.registry))
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        stage(delivery, workspace, load_registry(workspace.registry), workspace.root / "scratch")
    except Exception as error:
        print(type(error).__name__, error)
        sys.exit(3)
"""


def test_full_disk_is_told_as_such(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land(HEADER + "".join(f"a01,response-{n * 7919},2025-02-03,{n % 5 + 1}\n" for n in range(20_000)))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(centre.root)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "[disk_full] p1, p1/survey_responses/f.csv" in done.stdout
    assert not list(centre.workspace.lake.rglob("*.parquet"))


def test_number_of_threads_changes_nothing(make_centre: Any, survey: dict[str, Any]) -> None:
    # More rows than one Parquet row group, so that several threads have work. The last 10,005 rows repeat the first:
    # 139,995 is a multiple of 3, 9 and 5.
    agencies, answers = ("a01", "NA", "nobody"), ("1", "9", "", "x", "5")
    lines = [f"{agencies[n % 3]},r{n % 139_995},2025-0{n % 9 + 1}-11,{answers[n % 5]}" for n in range(150_000)]
    found = []
    for threads in (1, 4):
        centre = make_centre(f"threads-{threads}")
        centre.contract(survey)
        with (centre.root / "miyar.yml").open("a") as stream:
            stream.write(f"threads: {threads}\n")
        centre.land(HEADER + "\n".join(lines) + "\n")
        staged = centre.stage()
        assert staged.duplicates == 10_005
        assert centre.settle(staged).duplicates == 10_005
        found.append(
            {
                path.relative_to(centre.root).as_posix(): pq.read_table(path, partitioning=None)
                for path in sorted(centre.workspace.lake.rglob("*.parquet"))
            }
        )
    one, four = found
    assert len(one) == 4 and one.keys() == four.keys()
    assert all(table.equals(four[path]) for path, table in one.items())


def test_the_folder_of_the_workspace_may_have_any_name(make_centre: Any, survey: dict[str, Any]) -> None:
    """`year=2025` would become a column of every file below it; quotes and braces would break SQL texts."""
    centre = make_centre("the centre's year=2025 {own}")
    centre.contract(survey)
    # Two cells contain line ends, so the rows' line numbers are kept in a separate file.
    rows = ["a01,r1,2025-02-03,4", '"a01",r2,"2025-02-03",4', 'a01,"r\n3",2025-02-03,much', "a01,r4,2025-02-03,1"]
    centre.land("\n".join(["agency,id,answered,q1", *rows, rows[0]]) + "\n")
    (delivery,) = centre.deliveries()
    account = centre.receive(delivery)
    assert (account.accepted, account.quarantined, account.duplicates) == (3, 1, 1)
    (file,) = centre.workspace.lake.glob("survey_responses/period=2025Q1/*.parquet")
    assert pq.read_schema(file).names == load_feeds()["survey_responses"].lake_schema.names
