"""A reader's share of an edition: what the rules grant, and nothing by default.

Belongs here: `publication.shares`. Does not belong here: the rules themselves (`test_access`).
"""

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from publication.access import Agency, Centre, Public, Viewer
from publication.shares import open_shares


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return a database with rows of two agencies and of no agency, in a table of each rule and in one without a rule.

    Of scores there are two rows of no agency, one of which rests on few and is the centre's.
    """
    path = tmp_path / "benchmarks.duckdb"
    with duckdb.connect(str(path)) as connection:
        for name in ("dim_metrics", "bench_scores", "bench_lineage", "fct_submissions", "bench_undecided"):
            connection.execute(
                f"create table {name} as select unnest(['a', 'b', null]) as agency_id, agency_id is null as is_shared"
            )
        connection.execute("insert into bench_scores values (null, false)")
    return path


@pytest.mark.parametrize(
    ("viewer", "expected"),
    [
        (Agency("a"), {"dim_metrics": ["a", "b", None], "bench_scores": ["a", None], "bench_lineage": ["a"]}),
        (Public(), {"dim_metrics": ["a", "b", None], "bench_scores": [None], "bench_lineage": []}),
        (
            Centre(),
            {
                "dim_metrics": ["a", "b", None],
                "bench_scores": ["a", "b", None, None],
                "bench_lineage": ["a", "b", None],
                "fct_submissions": ["a", "b", None],
            },
        ),
    ],
)
def test_a_share(database: Path, viewer: Viewer, expected: dict[str, list[str | None]]) -> None:
    with open_shares(database) as shares, shares.of(viewer) as reader:
        found = {
            name: [row["agency_id"] for row in reader.rows(f"from {name} order by agency_id nulls last")]
            for name in reader.tables
        }
        assert found == expected
        assert reader.has("bench_scores") and not reader.has("bench_scores", "bench_undecided")
        # Rows and tables a reader may not read are not hidden but absent.
        for name in {"bench_undecided", "fct_submissions"} - set(expected):
            with pytest.raises(duckdb.CatalogException):
                reader.rows(f"from {name}")


def test_a_table_is_there_however_a_query_names_it(database: Path) -> None:
    with open_shares(database) as shares, shares.of(Agency("a"), own_scores=pa.table({"score": [1]})) as reader:
        sql = """with chosen as (select agency_id from "bench_scores")
            select count(*) as n, (select count(*) from main.bench_lineage) as lineage, (select sum(score) from own_scores) as own
            from chosen where agency_id in (select agency_id from dim_metrics where agency_id = ?)"""
        assert reader.rows(sql, "a") == [{"n": 1, "lineage": 1, "own": 1}]


def test_own_tables_leave_out_what_everybody_has(database: Path) -> None:
    with open_shares(database) as shares, shares.of(Agency("b")) as reader:
        own = dict(reader.own_tables("b"))
    assert own["bench_scores"].column("agency_id").to_pylist() == ["b"]
    assert own["dim_metrics"].column("agency_id").to_pylist() == ["a", "b", None]


def test_an_agency_called_like_sql_is_no_sql(database: Path) -> None:
    with open_shares(database) as shares, shares.of(Agency("a' or 'a' = 'a")) as reader:
        assert [row["agency_id"] for row in reader.rows("from bench_scores")] == [None]
