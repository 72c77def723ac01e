"""Views and whole tables are replaced in place, whatever was there before; a table that fails keeps its content.

Belongs here: the materializations of `dbt/macros/replaced_in_place.sql`. Does not belong here: tables kept by period
(`test_periods`).
"""

import duckdb

from miyar.workspace import Workspace
from warehouse.dbt_runner import run_dbt

NAMES = ("stg_methodology__metrics", "dim_metrics", "int_periods__seasons")
SELECT = ["stg_methodology__metrics", "stg_methodology__seasons", "stg_workspace__periods", *NAMES[1:]]


def _types(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    names = f"table_name in {NAMES}"
    return dict(
        connection.execute(f"select table_name, table_type from information_schema.tables where {names}").fetchall()
    )


def test_a_view_takes_the_place_of_a_table_and_a_table_that_of_a_view(workspace_copy: Workspace) -> None:
    metrics = "select * from core.dim_metrics order by all"
    seasons = "select * from intermediate.int_periods__seasons order by all"
    with duckdb.connect(str(workspace_copy.warehouse)) as connection:
        before = [connection.execute(sql).fetchall() for sql in (metrics, seasons)]
        assert all(before)
        types = _types(connection)
        connection.execute("drop view staging.stg_methodology__metrics")
        connection.execute("create table staging.stg_methodology__metrics as select 1 as one")
        connection.execute("drop table core.dim_metrics")
        connection.execute("create view core.dim_metrics as select 1 as one")
        connection.execute("drop table intermediate.int_periods__seasons")
        connection.execute("create view intermediate.int_periods__seasons as select 1 as one")
        assert set(_types(connection).items()).isdisjoint(types.items())
    for _ in range(2):
        assert {result.status for result in run_dbt(workspace_copy, SELECT, "run")} == {"success"}
        with duckdb.connect(str(workspace_copy.warehouse)) as connection:
            assert _types(connection) == types
            assert [connection.execute(sql).fetchall() for sql in (metrics, seasons)] == before


def test_a_table_that_cannot_be_made_stays_as_it_was(workspace_copy: Workspace) -> None:
    rows = "select * from core.dim_metrics order by all"
    with duckdb.connect(str(workspace_copy.warehouse)) as connection:
        before = connection.execute(rows).fetchall()
        connection.execute("create table staging.kept as select * from core.dim_metrics")
        # It has all columns; that a value cannot be cast shows only when rows are read.
        connection.execute(
            "create or replace view staging.stg_methodology__metrics as "
            "select * replace (cast(metric_id as integer) as polarity) from staging.kept"
        )
    (result,) = run_dbt(workspace_copy, ["dim_metrics"], "run")
    assert result.failed
    with duckdb.connect(str(workspace_copy.warehouse)) as connection:
        assert before and connection.execute(rows).fetchall() == before
