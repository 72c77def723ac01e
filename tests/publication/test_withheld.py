"""Only its owner is shown why a figure is withheld; every published form gives one reason for all of them.

Belongs here: what the codes of withheld figures reveal. Does not belong here: what the counts reveal
(`tests/methodology/test_disclosure.py`, `tests/dbt/test_suppression.py`).
"""

from pathlib import Path

import duckdb
import pytest

from miyar.workspace import Workspace

# Shown to the owner only: fewer than five; five to twenty-nine; thirty or more, but withheld to protect another figure.
CLASSES = {"n_below_owner_minimum", "n_below_minimum", "complementary"}


@pytest.fixture(scope="module")
def edition(built_workspace: Workspace) -> Path:
    return (built_workspace.editions / "current").resolve()


def test_no_published_table_tells_the_class_of_a_withheld_figure(edition: Path) -> None:
    met = set()
    with duckdb.connect(str(edition / "benchmarks.duckdb"), read_only=True) as connection:
        columns = connection.execute(
            "select table_name, column_name from duckdb_columns() where data_type = 'VARCHAR' and not internal"
        ).fetchall()
        for table, column in columns:
            found = connection.execute(
                f'select distinct "{column}" from {table} where "{column}" in (select unnest(?::varchar[]))',
                [[*CLASSES, "confidential"]],
            ).fetchall()
            codes = {str(row[0]) for row in found}
            assert not codes & CLASSES, f"{table}.{column}"
            met |= {(table, code) for code in codes}
    # The data did contain withheld figures.
    assert ("bench_scores", "confidential") in met and ("bench_peer_positions", "confidential") in met


def test_figures_withheld_for_different_reasons_look_alike(built_workspace: Workspace, edition: Path) -> None:
    """Apart from their keys, published rows of all three classes are equal, so a reader cannot sort them by class."""
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        connection.execute(f"create temp view published as from read_parquet('{edition}/tables/bench_scores.parquet')")
        rows = connection.execute(
            """
            select judged.owner_reason, published.status, published.status_reason, published.score,
                published.score_raw, published.score_weighted, published.score_adjusted, published.standard_error,
                published.ci_low, published.ci_high, published.n, published.n_effective, published.design_effect,
                published.response_rate, published.reliability
            from intermediate.int_scores__judged as judged
            inner join published using (unit_type, unit_id, metric_id, period_id, instrument_id)
            where judged.owner_reason in (select unnest(?::varchar[]))
            """,
            [list(CLASSES)],
        ).fetchall()
    assert {row[0] for row in rows} == CLASSES
    assert {row[1:] for row in rows} == {("suppressed", "confidential", *[None] * 12)}


def test_the_owner_is_told(built_workspace: Workspace, edition: Path) -> None:
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        rows = connection.execute(
            """
            select judged.owner_reason, judged.n, owner.status, owner.status_reason, owner.n
            from intermediate.int_scores__judged as judged
            inner join read_parquet(?) as owner using (unit_type, unit_id, metric_id, period_id, instrument_id)
            where judged.owner_reason in (select unnest(?::varchar[]))
            """,
            [f"{edition}/packs/*/tables/owner_scores.parquet", list(CLASSES)],
        ).fetchall()
    assert {row[0] for row in rows} == CLASSES
    for reason, n, status, told, shown in rows:
        assert told == reason
        assert (status, shown) == (("owner_only", n) if n >= 5 else ("suppressed", None))
