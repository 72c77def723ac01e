"""Everything an edition holds, and every reader of it: a table, column or file that nobody decided on fails here.

Belongs here: what is in an edition on the disk, against the access rules. Does not belong here: the portal's routes and the
PostgreSQL copy (`tests/portal/test_walk.py`, `tests/publication/test_postgres_walk.py`).
"""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest

from miyar.workspace import Workspace
from publication import access
from publication.access import Agency, Centre, Public, Viewer
from publication.shares import open_shares


@pytest.fixture(scope="module")
def edition(built_workspace: Workspace) -> Path:
    return (built_workspace.editions / "current").resolve()


@pytest.fixture(scope="module")
def agencies(edition: Path) -> list[str]:
    return sorted(path.name for path in (edition / "packs").iterdir())


def on_disk(edition: Path) -> list[str]:
    """Every file, links and hidden ones too, not only those the manifest names."""
    return sorted(path.relative_to(edition).as_posix() for path in edition.rglob("*") if not path.is_dir())


def undecided(database: Path, files: list[str]) -> list[str]:
    """What is in an edition's database and folder, and has no rule."""
    with duckdb.connect(str(database), read_only=True) as connection:
        columns = connection.execute(
            "select distinct table_name, column_name from duckdb_columns() where not internal"
        ).fetchall()
        others = connection.execute(
            "select view_name from duckdb_views() where not internal union all select sequence_name from duckdb_sequences() "
            "union all select function_name from duckdb_functions() where not internal union all "
            "select schema_name from duckdb_schemas() where not internal and schema_name <> 'main'"
        ).fetchall()
    named = {str(column) for _, column in columns}
    return [
        *(f"table {table}" for table in access.tables_without_rule({str(table) for table, _ in columns})),
        *(f"column {column}" for column in access.columns_without_rule(named)),
        *(f"file {file}" for file in access.files_without_rule(files)),
        *(f"object {name}" for (name,) in others),
    ]


def test_everything_in_an_edition_has_a_rule(edition: Path) -> None:
    assert undecided(edition / "benchmarks.duckdb", on_disk(edition)) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("create table bench_new (agency_id varchar)", "table bench_new"),
        ("alter table bench_scores add column new_column int", "column new_column"),
        ("create view told as select * from bench_scores", "object told"),
        ("create macro told() as 1", "object told"),
        ("create schema more", "object more"),
    ],
)
def test_what_is_new_in_the_database_is_noticed(edition: Path, tmp_path: Path, statement: str, expected: str) -> None:
    copy = tmp_path / "benchmarks.duckdb"
    copy.write_bytes((edition / "benchmarks.duckdb").read_bytes())
    with duckdb.connect(str(copy)) as connection:
        connection.execute(statement)
    assert expected in undecided(copy, [])


@pytest.mark.parametrize(
    "file",
    ["new.csv", "packs/a/new.xlsx", "packs/a/tables/more/x.csv", "reports/more/x.pdf", ".hidden", "tables/x.csv"],
)
def test_a_new_kind_of_file_is_noticed(edition: Path, file: str) -> None:
    assert undecided(edition / "benchmarks.duckdb", [file]) == [f"file {file}"]


def test_every_file_has_its_readers(edition: Path, agencies: list[str]) -> None:
    """Of an agency's files it and the centre are the readers, of a report everybody, of all others the centre."""
    files = on_disk(edition)
    for agency in agencies:
        had = {file for file in files if access.may_have(file, Agency(agency))}
        assert had == {file for file in files if file.startswith((f"packs/{agency}/", "reports/"))}, agency
    assert {file for file in files if access.may_have(file, Public())} == {f for f in files if f.startswith("reports/")}
    assert {file for file in files if access.may_have(file, Centre())} == set(files)


def _share(edition: Path, viewer: Viewer) -> dict[str, set[str]]:
    """The rows of every table that a reader gets, as texts."""
    with open_shares(edition / "benchmarks.duckdb") as shares, shares.of(viewer) as share:
        return {name: {repr(row) for row in share.rows(f"from {name}")} for name in share.tables}


def test_readers_together_have_what_each_has(edition: Path, agencies: list[str]) -> None:
    """Every pair of agencies, in every table: what nobody owns is the same for both, all else is one's own."""
    shares: dict[str, dict[str, set[str]]] = {agency: _share(edition, Agency(agency)) for agency in agencies}
    public, centre = _share(edition, Public()), _share(edition, Centre())
    for table, rule in access.access_rules().items():
        for one, other in combinations(agencies, 2):
            common = shares[one].get(table, set()) & shares[other].get(table, set())
            assert common == public.get(table, set()), (table, one, other)
        everybody = set().union(*(share.get(table, set()) for share in shares.values()))
        assert rule == "centre" or len(everybody) <= len(centre[table]), table
        assert rule != "centre" or not everybody, table


def test_no_file_of_an_agency_names_anothers_deliveries(edition: Path, agencies: list[str]) -> None:
    """Ids of submissions and scores that are another agency's alone, in whatever file an agency may have."""
    with duckdb.connect(str(edition / "benchmarks.duckdb"), read_only=True) as connection:
        owned: list[tuple[Any, ...]] = connection.execute(
            "select agency_id, score_id from bench_scores where agency_id is not null union all "
            "select distinct agency_id, submission_id from fct_slices"
        ).fetchall()
    tried = 0
    for agency in agencies:
        own = {found for owner, found in owned if owner == agency}
        foreign = {found for owner, found in owned if owner != agency} - own
        for file in on_disk(edition):
            if not access.may_have(file, Agency(agency)) or not file.endswith((".csv", ".html", ".json")):
                continue
            text = (edition / file).read_text("utf-8")
            assert not foreign & set(re.findall(r"\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b", text)), (agency, file)
            tried += 1
    assert tried > 200


def test_the_manifest_names_every_file_but_itself(edition: Path) -> None:
    named = set(json.loads((edition / "manifest.json").read_text("utf-8"))["files"])
    assert set(on_disk(edition)) - named == {"manifest.json"} and named <= set(on_disk(edition))
