"""BI programs open an edition's files, and each reads the same published number.

Belongs here: clients of `benchmarks.duckdb` and `tables/*.parquet`, and the promise about their columns. Does not
belong here: clients of the serving copy (`test_postgres_clients`).
"""

import json
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
import sqlalchemy
import yaml

from miyar.workspace import Workspace

SCHEMA = Path(__file__).with_name("schema.json")
QUERY = "select score, n from bench_scores where score_id = '{}'"


@pytest.fixture(scope="module")
def edition(built_workspace: Workspace) -> Path:
    return built_workspace.editions / "current"


@pytest.fixture(scope="module")
def published(edition: Path) -> tuple[str, Decimal, int]:
    """Return a reported score from an agency's pack, the second way out of the same warehouse."""
    packs = [pd.read_parquet(path) for path in sorted(edition.glob("packs/*/tables/owner_scores.parquet"))]
    pack = pd.concat([own.astype(object) for own in packs])
    own = pack[(pack.status == "reported") & (pack.unit_type == "agency") & (pack.metric_id == "overall_satisfaction")]
    first = own.sort_values(["period_id", "unit_id"]).iloc[-1]
    key = {name: first[name] for name in ("unit_type", "unit_id", "metric_id", "period_id", "instrument_id")}
    scores = pq.read_table(edition / "tables" / "bench_scores.parquet").to_pylist()
    (row,) = [row for row in scores if all(row[name] == value for name, value in key.items())]
    return row["score_id"], first["score"], int(first["n"])


def test_duckdb(edition: Path, published: tuple[str, Decimal, int]) -> None:
    score_id, *expected = published
    with duckdb.connect(str(edition / "benchmarks.duckdb"), read_only=True) as connection:
        assert connection.execute(QUERY.format(score_id)).fetchone() == tuple(expected)


def test_adbc(edition: Path, published: tuple[str, Decimal, int]) -> None:
    driver = pytest.importorskip("adbc_driver_duckdb")
    dbapi = pytest.importorskip("adbc_driver_manager.dbapi", reason="adbc-driver-manager is not installed")
    score_id, *expected = published
    options = {"path": str(edition / "benchmarks.duckdb"), "access_mode": "READ_ONLY"}
    with (
        dbapi.connect(driver=driver.driver_path(), entrypoint="duckdb_adbc_init", db_kwargs=options) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(QUERY.format(score_id))
        assert cursor.fetch_arrow_table().to_pylist() == [{"score": expected[0], "n": expected[1]}]


def test_sqlalchemy_and_pandas(edition: Path, published: tuple[str, Decimal, int]) -> None:
    score_id, *expected = published
    engine = sqlalchemy.create_engine(
        f"duckdb:///{edition / 'benchmarks.duckdb'}", connect_args={"read_only": True}, poolclass=sqlalchemy.NullPool
    )
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text(QUERY.format(score_id))).one() == tuple(expected)
        frame = pd.read_sql(sqlalchemy.text(QUERY.format(score_id)), connection)
        assert frame.to_dict("records") == [{"score": pytest.approx(float(expected[0]), abs=0), "n": expected[1]}]
        # A BI tool lists tables and reflects columns before any query.
        inspector = sqlalchemy.inspect(connection)
        assert "bench_scores" in inspector.get_table_names()
        kinds = {column["name"]: str(column["type"]) for column in inspector.get_columns("bench_scores")}
        assert (kinds["score"], kinds["n"], kinds["score_id"]) == ("NUMERIC(12, 4)", "BIGINT", "VARCHAR")
        assert sqlalchemy.Table("dim_agencies", sqlalchemy.MetaData(), autoload_with=connection).columns.keys()
    engine.dispose()


def test_parquet_in_pandas_and_polars(edition: Path, published: tuple[str, Decimal, int]) -> None:
    score_id, *expected = published
    path = edition / "tables" / "bench_scores.parquet"
    frame = pd.read_parquet(path)
    (row,) = frame[frame.score_id == score_id][["score", "n"]].to_dict("records")
    assert row == {"score": expected[0], "n": expected[1]}
    polars = pytest.importorskip("polars", reason="polars is not installed")
    found = polars.scan_parquet(path).filter(polars.col("score_id") == score_id).select("score", "n").collect()
    assert found.rows() == [tuple(expected)]


def test_every_table_says_what_it_must_not_be_used_for(edition: Path) -> None:
    with duckdb.connect(str(edition / "benchmarks.duckdb"), read_only=True) as connection:
        tables = connection.execute("select table_name, comment from duckdb_tables()").fetchall()
    assert tables
    assert [name for name, comment in tables if "must not" not in (comment or "").lower()] == []


def _columns(edition: Path) -> dict[str, dict[str, str]]:
    with duckdb.connect(str(edition / "benchmarks.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() where not internal "
            "order by table_name, column_index"
        ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


def broken_promises(promised: dict[str, Any], found: dict[str, dict[str, str]], today: str) -> list[str]:
    """Return columns that are missing or changed in type although the major version they are promised for is the same."""
    if today.partition(".")[0] != promised["version"].partition(".")[0]:
        return []
    return [
        f"{table}.{column}: promised {kind}, found {found.get(table, {}).get(column, 'nothing')}"
        for table, columns in promised["tables"].items()
        for column, kind in columns.items()
        if found.get(table, {}).get(column) != kind
    ]


def test_columns_keep_name_and_type_within_a_major_version(edition: Path) -> None:
    promised, found = json.loads(SCHEMA.read_text("utf-8")), _columns(edition)
    assert broken_promises(promised, found, version("miyar")) == []
    # New columns are promised too: add them to schema.json in the same commit.
    new = [
        f"{table}.{column}"
        for table in found
        for column in found[table]
        if column not in promised["tables"].get(table, {})
    ]
    assert new == []


def test_the_promise_can_be_broken() -> None:
    promised = {"version": "1.4.0", "tables": {"t": {"a": "VARCHAR", "b": "BIGINT"}}}
    assert broken_promises(promised, {"t": {"a": "VARCHAR", "b": "BIGINT", "c": "DATE"}}, "1.9.0") == []
    assert broken_promises(promised, {"t": {"a": "VARCHAR", "b": "INTEGER"}}, "1.5.0") == [
        "t.b: promised BIGINT, found INTEGER"
    ]
    assert broken_promises(promised, {}, "1.5.0") == [
        "t.a: promised VARCHAR, found nothing",
        "t.b: promised BIGINT, found nothing",
    ]
    assert broken_promises(promised, {}, "2.0.0") == []


def test_superset_asks_for_promised_columns_only() -> None:
    promised = json.loads(SCHEMA.read_text("utf-8"))["tables"]
    assets = Path(__file__).resolve().parents[2] / "bi" / "superset" / "assets"
    datasets = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(assets.glob("datasets/*/*.yaml"))]
    assert datasets
    for dataset in datasets:
        columns = {column["column_name"] for column in dataset["columns"]}
        assert columns - set(promised[dataset["table_name"]]) == set()
        # Row-level rules use this column.
        assert "agency_id" in columns
