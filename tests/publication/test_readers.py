"""A reader's share of an edition: what the rules grant, and nothing by default.

Belongs here: `publication.readers`. Does not belong here: the rules themselves (`test_access`).
"""

from pathlib import Path

import duckdb
import pytest

from publication.access import PUBLIC
from publication.readers import shelf


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Two agencies' rows and one of nobody, in a table of each rule, and a table nobody decided on."""
    with duckdb.connect() as connection:
        for name in ("dim_metrics", "bench_scores", "bench_lineage", "fct_submissions", "bench_undecided"):
            connection.execute(
                f"copy (select unnest(['a', 'b', null]) as agency_id) to '{tmp_path}/{name}.parquet' (format parquet)"
            )
    return tmp_path


@pytest.mark.parametrize(
    ("reader_id", "expected"),
    [
        ("a", {"dim_metrics": ["a", "b", None], "bench_scores": ["a", None], "bench_lineage": ["a"]}),
        (PUBLIC, {"dim_metrics": ["a", "b", None], "bench_scores": [None], "bench_lineage": []}),
        (
            None,
            {
                "dim_metrics": ["a", "b", None],
                "bench_scores": ["a", "b", None],
                "bench_lineage": ["a", "b", None],
                "fct_submissions": ["a", "b", None],
            },
        ),
    ],
)
def test_a_share(tables: Path, reader_id: str | None, expected: dict[str, list[str | None]]) -> None:
    with shelf(tables) as read, read.reader(reader_id) as reader:
        found = {
            name: [row["agency_id"] for row in reader.rows(f"from {name} order by agency_id nulls last")]
            for name in reader.tables
        }
        assert found == expected
        assert reader.has("bench_scores") and not reader.has("bench_scores", "bench_undecided")
        # What is not the reader's is not hidden, it is not there.
        with pytest.raises(duckdb.CatalogException):
            reader.rows("from bench_undecided")


def test_own_tables_leave_out_what_everybody_has(tables: Path) -> None:
    with shelf(tables) as read, read.reader("b") as reader:
        own = reader.own_tables("b")
    assert own["bench_scores"].column("agency_id").to_pylist() == ["b"]
    assert own["dim_metrics"].column("agency_id").to_pylist() == ["a", "b", None]


def test_an_agency_called_like_sql_is_no_sql(tables: Path) -> None:
    with shelf(tables) as read, read.reader("a' or 'a' = 'a") as reader:
        assert [row["agency_id"] for row in reader.rows("from bench_scores")] == [None]
