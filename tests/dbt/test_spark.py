"""The heavy half on a real Spark: the same SQL files, run over the same lake, produce the same cells to the last digit.

Belongs here: what only an engine can show; that the SQL keeps to the common subset is `test_portable_sql`. Needs pyspark 4.3
and Java 17, which the lock leaves out for their size (`uv pip install pyspark==4.3.0` adds them).
"""

import re
from datetime import date
from pathlib import Path

import duckdb
import pytest

from miyar.workspace import Workspace
from warehouse.dbt_runner import DBT

pyspark_sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: it is no part of the lock")

MODELS = Path("warehouse") / "dbt" / "compiled" / "miyar" / "models"
SPARK = {
    "spark.master": "local[2]",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
}


def for_spark(compiled: str) -> str:
    """What dispatch would have compiled for Spark: files by path, text as string, relations by name."""
    query = re.sub(
        r"read_parquet\(\s*'([^']*)/\*/\*\.parquet',\s*hive_partitioning = false\s*\)", r"parquet.`\1/*`", compiled
    )
    query = re.sub(r"read_parquet\(\s*'([^']*)',\s*hive_partitioning = false\s*\)", r"parquet.`\1`", query)
    query = re.sub(r'"warehouse"\."[a-z]+"\."([a-z_]+)"', r"\1", query)
    return query.replace(" as TEXT)", " as string)")


def normal(rows: list[tuple[object, ...]]) -> list[tuple[str, ...]]:
    """Rows as comparable text: numbers with six decimals whatever their type, null distinct from empty."""
    return sorted(
        tuple("null" if v is None else str(v) if isinstance(v, str | date) else f"{float(v):.6f}" for v in row)  # type: ignore[arg-type]
        for row in rows
    )


@pytest.mark.filterwarnings("ignore")  # Spark's own start-up warns in ways that change with the machine
def test_spark_makes_the_same_cells(built_workspace: Workspace) -> None:
    builder = pyspark_sql.SparkSession.builder
    for name, value in SPARK.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    try:
        models = built_workspace.root / MODELS
        for path in sorted((models / "staging" / "lake").glob("*.sql")):
            spark.sql(for_spark(path.read_text("utf-8"))).createOrReplaceTempView(path.stem)
        spark.sql(
            "select slice_id, submission_id, delivery_rank, slice_version from stg_ledger__slices where status = 'live'"
        ).createOrReplaceTempView("int_slices__pending")
        names = sorted(
            path.stem for path in (DBT / "models" / "intermediate" / "cells" / "by_slice").glob("int_*__cells.sql")
        )
        assert len(names) == 18
        with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
            for name in names:
                found = spark.sql(
                    for_spark((models / "intermediate" / "cells" / "by_slice" / f"{name}.sql").read_text("utf-8"))
                )
                theirs = [tuple(row) for row in found.collect()]
                ours = connection.execute(f"select {', '.join(found.columns)} from intermediate.{name}").fetchall()
                assert len(ours) > 0, name
                assert normal(theirs) == normal(ours), name
    finally:
        spark.stop()
