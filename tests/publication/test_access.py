"""Access rules: every published table has one, and tables without one are denied.

Belongs here: `publication.access`. Does not belong here: portal and PostgreSQL, which obey it (own tests).
"""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from miyar.workspace import Workspace
from publication import access
from publication.manifest import read_manifest
from warehouse.dbt_runner import DBT

PUBLISHED = sorted(path.stem for path in (DBT / "models" / "marts").rglob("*.sql"))


def test_every_published_table_has_a_rule_and_every_rule_a_table() -> None:
    assert PUBLISHED
    assert access.tables_without_rule(PUBLISHED) == []
    assert sorted(access.access_rules()) == PUBLISHED


def test_conditions() -> None:
    assert access.row_condition("bench_scores", access.Agency("a")) == ("(agency_id = ? or is_shared)", ["a"])
    assert access.row_condition("bench_peer_positions", access.Agency("a")) == ("agency_id = ?", ["a"])
    assert access.row_condition("dim_metrics", access.Agency("a")) == ("true", [])
    assert access.row_condition("fct_submissions", access.Agency("a")) == ("false", [])
    assert access.row_condition("fct_submissions", access.Centre()) == ("true", [])
    # Nobody, not even the centre, reads a table without a rule.
    for viewer in (access.Agency("a"), access.Public(), access.Centre()):
        assert access.row_condition("bench_new", viewer) == ("false", [])


def test_anybody_reads_rows_of_no_single_agency_only() -> None:
    assert access.row_condition("bench_scores", access.Public()) == ("is_shared", [])
    assert access.row_condition("bench_peer_positions", access.Public()) == ("false", [])
    assert access.row_condition("dim_metrics", access.Public()) == ("true", [])


@pytest.mark.parametrize("lost", [None, "", "centre", 0, False])
def test_a_value_lost_on_the_way_reads_nothing(lost: Any) -> None:
    """Before viewers had a type, None read everything, so a forgotten argument passed for the centre."""
    for table in ("bench_scores", "bench_peer_positions", "fct_submissions"):
        with pytest.raises((AssertionError, TypeError)):
            access.row_condition(table, lost)
    with pytest.raises(ValueError, match="which one"):
        access.Agency("")


def test_a_shared_row_tells_nobody_but_the_centre_who_delivered() -> None:
    columns = ["agency_id", "score", "slice_ids"]
    assert access.visible(columns, access.Centre()) == "*"
    assert access.visible(["agency_id", "score"], access.Agency("a")) == "*"
    with duckdb.connect() as connection:
        connection.execute(
            "create table t as from (values ('a', 1, 'x'), (null, 2, 'x;y')) as t(agency_id, score, slice_ids)"
        )
        for viewer in (access.Agency("a"), access.Public()):
            found = connection.execute(f"select {access.visible(columns, viewer)} from t order by score").fetchall()
            assert found == [("a", 1, "x"), (None, 2, None)]
        connection.execute("create table u as select slice_ids from t")
        assert connection.execute(f"select {access.visible(['slice_ids'], access.Agency('a'))} from u").fetchall() == [
            (None,),
            (None,),
        ]


def test_columns_are_part_of_what_was_decided(built_workspace: Workspace) -> None:
    decided = access.decisions()
    assert decided["column slice_ids"] == access.COLUMNS and decided["bench_scores"] == "owner_and_shared"
    assert decided["file packs/{agency}/quality.json"] == "owner"
    named = {
        name for table in read_manifest(built_workspace.editions / "current").tables.values() for name in table.columns
    }
    assert access.columns_without_rule(named) == []
    assert set(access.column_rules()) == named, "and no rule is of a column that is gone"


def test_columns_of_deliveries_stand_in_no_table_for_several_readers(built_workspace: Workspace) -> None:
    tables = read_manifest(built_workspace.editions / "current").tables
    told = {column for column, rule in access.column_rules().items() if rule == "delivery"}
    shared = [table for table, rule in access.access_rules().items() if rule in ("everyone", "owner_and_shared")]
    assert told
    assert [(table, column) for table in shared for column in sorted(told & set(tables[table].columns))] == []


def test_a_column_without_a_rule_is_nobodys() -> None:
    for viewer in (access.Centre(), access.Agency("a"), access.Public()):
        with duckdb.connect() as connection:
            connection.execute("create table t as select 'a' as agency_id, 7 as score, 8 as new_column")
            shown = access.visible(["agency_id", "score", "new_column"], viewer)
            found = connection.execute(f"select {shown} from t")
            assert found.fetchall() == [("a", 7, None)]
            assert [str(column[1]) for column in found.description][2] == "INTEGER", "its type stays"


def test_files_are_of_kinds() -> None:
    own, centre, anybody = access.Agency("a"), access.Centre(), access.Public()
    for file, owner, other, public in (
        ("packs/a/quality.json", True, False, False),
        ("packs/a/tables/bench_scores.csv", True, False, False),
        ("reports/national.ar.pdf", True, True, True),
        ("tables/bench_scores.parquet", False, False, False),
    ):
        told = [access.may_have(file, one) for one in (own, access.Agency("b"), anybody, centre)]
        assert told == [owner, other, public, True], file
    for file in (
        "packs/a/new.txt",
        "packs/a",
        "packs/a/../b/quality.json",
        "packs//quality.json",
        "/packs/a/quality.json",
    ):
        assert access.files_without_rule([file]) == [file]
        assert not any(access.may_have(file, one) for one in (own, centre, anybody))


def test_tables_by_owner_have_an_agency(built_workspace: Workspace) -> None:
    tables = read_manifest(built_workspace.editions / "current").tables
    ruled = [table for table, rule in access.access_rules().items() if rule.startswith("owner")]
    assert [table for table in ruled if "agency_id" not in tables[table].columns] == []


def test_faults_of_the_rules_are_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "access.yml").write_text("everyone: [t]\nowner: [t]\nanybody: [u]\n", "utf-8")
    monkeypatch.setattr(access, "__file__", str(tmp_path / "access.py"))
    access.access_rules.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"'anybody' is no rule; t has two rules"):
            access.access_rules()
    finally:
        monkeypatch.undo()
        access.access_rules.cache_clear()
