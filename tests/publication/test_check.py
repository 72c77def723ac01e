"""The check of a file reports what the pipeline reports, row by row and score by score, and marks the cells to correct.

Belongs here: check, comparison and scores of one file on a built workspace, and the answers as files. Does not belong
here: the rules themselves (`tests/expectations`).
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.check import CheckResult, check
from expectations.comparison import changes
from ingestion.contract import load_contract, load_contracts
from ingestion.feeds import load_feeds
from ingestion.landing import discover
from ingestion.submission_ledger import Account, read_accounts
from miyar.errors import MiyarError
from miyar.registry import load_registry
from miyar.workspace import Workspace
from publication.documents.check import write_answer
from warehouse.check_scores import check_with_scores

# A file is checked wherever it lies, and its path is part of its id.
SAME = ("status", "content", "records", "accepted", "quarantined", "duplicates", "slices", "rule_counts")
HASHES = {"code": "c" * 64, "registry": "r" * 64}


def _contract(workspace: Workspace, account: Account) -> Path:
    return workspace.registry / "contracts" / account.provider / f"{account.feed}.yml"


def test_check_and_pipeline_agree_row_by_row(built_workspace: Workspace) -> None:
    deliveries, _ = discover(built_workspace, load_contracts(built_workspace.registry))
    accounts = {account.submission_id: account for account in read_accounts(built_workspace)}
    feeds: dict[tuple[str, bool], int] = {}
    for delivery in deliveries:
        account = accounts[delivery.submission_id]
        # Two files with quarantined rows and one without, of every feed.
        kind = (account.feed, account.quarantined > 0)
        if account.status != "accepted" or feeds.get(kind, 0) >= 1 + kind[1]:
            continue
        feeds[kind] = feeds.get(kind, 0) + 1
        told = check(
            built_workspace,
            load_registry(built_workspace.registry),
            delivery.path,
            load_contract(_contract(built_workspace, account)),
        )
        assert [getattr(told.account, name) for name in SAME] == [getattr(account, name) for name in SAME], account.path
        stored = built_workspace.quarantine / account.feed / f"{account.submission_id}.parquet"
        rows = pq.read_table(stored).to_pylist() if stored.is_file() else []
        held = {(str(row["source_row"]), one["column"], one["rule"]) for row in rows for one in row["problems"]}
        assert {(row["row"], row["column"], row["rule"]) for row in told.rows} == held, account.path
    assert sum(feeds.values()) > 10 and sum(count for (_, dirty), count in feeds.items() if dirty) > 4


def test_scores_are_those_of_the_pipeline(built_workspace: Workspace) -> None:
    """Scores are compared before weighting, which needs the agency's other files; n and suppression are the same."""
    deliveries, _ = discover(built_workspace, load_contracts(built_workspace.registry))
    accounts = {account.submission_id: account for account in read_accounts(built_workspace)}
    # Choose a file that is alone in its agency's slice: no other file counts there, and none replaced it.
    slices = pq.read_table(built_workspace.lake / "slices.parquet").to_pylist()
    live = [row["slice_id"] for row in slices if row["status"] == "live"]
    single = {row["submission_id"] for row in slices if row["status"] == "live" and live.count(row["slice_id"]) == 1}
    alone = [
        delivery
        for delivery in deliveries
        if (account := accounts[delivery.submission_id]).status == "accepted"
        and account.feed == "survey_responses"
        and len(account.slices) == 1
        and delivery.submission_id in single
    ]
    delivery = max(alone, key=lambda one: (accounts[one.submission_id].accepted, one.relative))
    (entry,) = accounts[delivery.submission_id].slices
    outcome, scores, hashes = check_with_scores(
        built_workspace, delivery.path, _contract(built_workspace, accounts[delivery.submission_id])
    )
    assert outcome.account.status == "accepted" and set(hashes) == {"code", "registry"}
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        found = connection.execute(
            "select unit_type, unit_id, metric_id, instrument_id, n, score_raw from benchmarks.bench_scores "
            "where agency_id = ? and period_id = ? and status = 'reported' and instrument_id like '%|%'",
            [entry["agency_id"], entry["period_id"]],
        ).fetchall()
    told = {(row["unit_type"], row["unit_id"], row["metric_id"], row["instrument_id"]): row for row in scores}
    own = [row for row in found if row[0] in ("agency", "service", "branch", "agency_region")]
    assert len(own) > 4
    for *key, n, raw in own:
        row = told[tuple(key)]
        assert (row["status"], row["n"], row["score"]) == ("reported", n, raw), key


def test_a_refused_file_has_no_scores(built_workspace: Workspace, tmp_path: Path) -> None:
    account = next(one for one in read_accounts(built_workspace) if one.path.endswith(".csv"))
    file = tmp_path / Path(account.path).name
    file.write_text("", "utf-8")
    outcome, scores, _ = check_with_scores(built_workspace, file, _contract(built_workspace, account))
    assert (outcome.account.status, scores) == ("refused", [])
    assert outcome.account.problems[0]["rule"] == "file_empty"


def _lake(workspace: Workspace, submission: str, rows: list[tuple[str, str, str | None, float]]) -> None:
    feed = load_feeds()["survey_responses"]
    columns = ("agency_id", "channel", "touchpoint", "value")
    lines = [dict.fromkeys(feed.lake_schema.names) | dict(zip(columns, row, strict=True)) for row in rows]
    path = workspace.lake / feed.name / "period=2026Q1" / f"{submission}.parquet"
    path.parent.mkdir(parents=True)
    table = pa.Table.from_pylist([line | {"value": None} for line in lines], schema=feed.lake_schema)
    values = pa.array([line["value"] for line in lines], pa.float64()).cast(pa.decimal128(18, 6))
    pq.write_table(table.set_column(table.schema.get_field_index("value"), "value", values), path)


def test_changes_by_hand(built_workspace: Workspace, tmp_path: Path) -> None:
    """Web goes from half to a quarter, kiosks are new; free text and single ids have no distribution to compare."""
    account = replace(read_accounts(built_workspace)[0], feed="survey_responses", submission_id="new")
    here, there = (Workspace(tmp_path / name, built_workspace.settings) for name in ("here", "there"))
    _lake(
        there,
        "old",
        [("a", "website", "x", 1.0), ("a", "app", "y", 2.0), ("b", "website", None, 3.0), ("b", "app", None, 4.0)],
    )
    _lake(
        here,
        "new",
        [("a", "website", "p", 4.0), ("a", "kiosk", "q", 4.0), ("a", "app", "r", 4.0), ("a", "app", "s", 4.0)],
    )
    found = changes(here, account, there, replace(account, submission_id="old"), load_feeds()["survey_responses"])
    lines = {(line["kind"], line["column"], line["value"]): (line["before"], line["after"]) for line in found}
    assert lines == {
        ("rows", "agency_id", "a"): (2, 4),
        ("rows", "agency_id", "b"): (2, 0),
        ("share", "agency_id", "b"): (0.5, 0),
        ("new_value", "channel", "kiosk"): (0, 0.25),
        ("share", "channel", "website"): (0.5, 0.25),
        ("mean", "value", ""): (2.5, 4),
    }


@pytest.fixture
def outcome(built_workspace: Workspace) -> CheckResult:
    account = replace(read_accounts(built_workspace)[0], path="p/f/<b>file.csv", status="accepted")
    words = {"ar": "خارج المقياس", "en": "outside the scale", "next_ar": "صحح القيمة", "next_en": "correct the value"}
    words["contract"] = ""
    rows = [
        {"row": "12", "column": "value", "value": "9", "rule": "value_in_scale", **words},
        {"row": "3", "column": "channel", "value": '=HYPERLINK("x")', "rule": "channel_known", **words},
    ]
    return CheckResult(
        account, rows, [{"kind": "new_value", "column": "channel", "value": "<i>", "before": 0, "after": 0.5}]
    )


def test_the_workbook_marks_the_cells(outcome: CheckResult, tmp_path: Path) -> None:
    write_answer(outcome, [], HASHES, tmp_path / "answer.xlsx", "ar")
    book: Any = openpyxl.load_workbook(tmp_path / "answer.xlsx")
    arabic, english = book.worksheets[:2]
    assert arabic.sheet_view.rightToLeft and not english.sheet_view.rightToLeft
    for sheet, word in ((arabic, "خارج المقياس"), (english, "outside the scale")):
        assert [cell.value for cell in sheet[1]][1:] == ["channel", "value"]
        assert [row[0].value for row in sheet.iter_rows(min_row=2)] == [3, 12]
        # A text that begins like a formula remains a text.
        assert (sheet["B2"].value, sheet["B2"].data_type) == ('=HYPERLINK("x")', "s")
        marked = [
            cell for row in sheet.iter_rows(min_row=2, min_col=2) for cell in row if cell.fill.fgColor.rgb == "FFF8D7DA"
        ]
        assert [cell.coordinate for cell in marked] == ["B2", "C3"]
        assert all(word in cell.comment.text for cell in marked)


@pytest.mark.parametrize(("language", "said"), [("ar", "خلايا تُصلح"), ("en", "Cells to mend")])
def test_the_page_escapes_what_a_file_says(outcome: CheckResult, tmp_path: Path, language: str, said: str) -> None:
    write_answer(outcome, [], HASHES, tmp_path / "answer.html", language)
    page = (tmp_path / "answer.html").read_text("utf-8")
    assert said in page and f'lang="{language}"' in page
    assert "<b>file" not in page and "&lt;b&gt;file" in page and "<i>" not in page.replace("&lt;i&gt;", "")


def test_json_holds_everything_and_other_endings_are_refused(outcome: CheckResult, tmp_path: Path) -> None:
    write_answer(outcome, [{"metric_id": "m"}], HASHES, tmp_path / "answer.json", "ar")
    told = json.loads((tmp_path / "answer.json").read_text("utf-8"))
    assert told["cells"] == outcome.rows and told["changes"] == outcome.changes and told["hashes"] == HASHES
    assert told["scores"] == [{"metric_id": "m"}] and told["account"]["status"] == "accepted"
    for name, language in (("answer.docx", "ar"), ("answer.html", "fr")):
        with pytest.raises(MiyarError, match="answer_unknown"):
            write_answer(outcome, [], HASHES, tmp_path / name, language)
        assert not (tmp_path / name).exists()
