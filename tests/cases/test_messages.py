"""What an operator is told: each rule with its count and the contract's line that mends it, each table with its columns.

Belongs here: messages of check and init. Does not belong here: which rules there are (`tests/ingestion/test_rules.py`).
"""

import html
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app
from cli.terminal import check_table
from expectations.check import check
from ingestion.contract import Property, load_contract
from ingestion.rules import contract_line, rule_texts
from methodology.bases import KIND_COLUMNS
from methodology.parameters import METRIC_COLUMNS, load_methodology
from miyar.registry import load_registry
from miyar.registry_tables import TABLES, columns_of
from miyar.registry_texts import registry_texts
from publication.documents.check import write_answer
from tests.cases.meanings import column


def printed(centre: Any, capsys: pytest.CaptureFixture[str], feed: str) -> str:
    contract = load_contract(centre.root / "registry" / "contracts" / "p1" / f"{feed}.yml")
    [delivery] = centre.deliveries()
    outcome = check(centre.workspace, load_registry(centre.root / "registry"), delivery.path, contract)
    check_table(outcome, [], {"code": "c" * 16, "registry": "r" * 16})
    return " ".join(capsys.readouterr().out.split())


def test_problems_of_the_file_keep_their_row_and_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was `header_unknown` four times, with no header named."""
    centre = column(tmp_path, "complaints", ["2025-10-01"], name="opened_at")
    centre.land("id;x;Extra;More\n1;2025-10-01;a;b\n", "f.csv")
    told = printed(centre, capsys, "complaints")
    assert "[header_unknown] row 1, column 'Extra'" in told and "[header_unknown] row 1, column 'More'" in told
    assert "in the contract: ignored: ['Extra']" in told


def test_a_cut_table_says_how_much_there_is_by_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = [f"{number} min" for number in range(50)] + [f"soon {number}" for number in range(20)]
    told = printed(column(tmp_path, "mystery_visits", texts, name="waiting_minutes"), capsys, "mystery_visits")
    assert "50 cells [unit_undeclared] in x" in told and "20 cells [value_not_number] in x" in told
    assert "in the contract: unit: percent" in told
    assert "30 more cells" in told


@pytest.mark.parametrize("rule", sorted(rule for rule, text in rule_texts().items() if text.contract))
def test_the_line_that_mends_is_yaml_of_a_contract(rule: str) -> None:
    line = contract_line(rule, "it's a: header")
    read = yaml.safe_load(line)
    [name] = read
    known = {field.alias or name for model in (Property,) for name, field in model.model_fields.items()}
    assert name in known | {"ignored", "dropped", "format", "files", "nullValues", "zoneNames", "timezone"}


def test_init_writes_every_table_with_its_columns_explained(tmp_path: Path) -> None:
    folder = tmp_path / "centre"
    assert CliRunner().invoke(app, ["init", str(folder)]).exit_code == 0
    for table in (*TABLES, "metrics"):
        lines = (folder / "registry" / f"{table}.csv").read_text("utf-8").splitlines()
        for name in lines[0].split(","):
            assert any(re.match(rf"# {name}: \S", line) for line in lines[1:]), (table, name)
    assert load_registry(folder / "registry").tables["agencies"] == []
    assert load_methodology("2026.2", folder / "registry" / "metrics.csv").metrics


def test_every_column_of_every_table_is_described() -> None:
    described = {table.name: tuple(table.columns) for table in registry_texts()}
    assert described == {table: columns_of(table) for table in TABLES} | {"metrics": (*METRIC_COLUMNS, *KIND_COLUMNS)}


@pytest.mark.parametrize("language", ["ar", "en"])
def test_what_an_agency_receives_has_the_line_that_mends(tmp_path: Path, language: str) -> None:
    """Page and workbook, for cells and for the file as a whole: an agency does not see the terminal."""
    centre = column(tmp_path, "mystery_visits", ["90", "12 min"], name="waiting_minutes")
    contract = load_contract(centre.root / "registry" / "contracts" / "p1" / "mystery_visits.yml")
    registry = load_registry(centre.root / "registry")
    hashes = {"code": "c" * 16, "registry": "r" * 16}
    [delivery] = centre.deliveries()
    outcome = check(centre.workspace, registry, delivery.path, contract)
    write_answer(outcome, [], hashes, tmp_path / "cells.html", language)
    write_answer(outcome, [], hashes, tmp_path / "cells.xlsx", language)
    line = contract_line("unit_undeclared", "x")
    assert html.escape(line, quote=False) in (tmp_path / "cells.html").read_text("utf-8")
    marked = openpyxl.load_workbook(tmp_path / "cells.xlsx").worksheets[1]
    assert any(cell.comment and line in cell.comment.text for row in marked.iter_rows() for cell in row)
    centre.land("id;x;Extra\n1;2;a\n", "f.csv")
    [delivery] = centre.deliveries()
    write_answer(
        check(centre.workspace, registry, delivery.path, contract), [], hashes, tmp_path / "file.html", language
    )
    page = html.unescape((tmp_path / "file.html").read_text("utf-8"))
    assert contract_line("header_unknown", "Extra") in page


@pytest.mark.parametrize("table", [table for table in registry_texts() if table.example], ids=lambda table: table.name)
def test_examples_have_a_cell_for_each_column(table: Any) -> None:
    assert len(table.example.split(",")) == len(table.columns)
