"""How an edition restates published periods, each change split into data and method.

Belongs here: filling `bench_restatements` of an edition under construction. Does not belong here: computing scores
under the old methodology (`warehouse.counterfactual`), what was added for new periods (`difference`).
"""

from pathlib import Path

import duckdb

from miyar import sql
from publication.hashing import table_hash
from publication.manifest import Manifest, TableEntry

TABLE = "bench_restatements"
_KEY = ("unit_type", "unit_id", "metric_id", "period_id", "instrument_id")
_FILL = """
insert into edition.bench_restatements by name
with changed as (
    select
        coalesce(now.score_id, was.score_id) as score_id,
        {key},
        coalesce(now.agency_id, was.agency_id) as agency_id,
        $methodology as methodology_version,
        $edition as previous_edition_id,
        $previous_methodology as previous_methodology_version,
        was.status as status_before,
        same.status as status_same_method,
        now.status as status_after,
        was.score as score_before,
        same.score as score_same_method,
        now.score as score_after,
        was.score is distinct from same.score or was.status is distinct from same.status as is_data,
        same.score is distinct from now.score or same.status is distinct from now.status as is_method
    from was
    full outer join same on {was_same}
    full outer join now on {same_now}
    where {period} <= $period
)
select
    * exclude (is_data, is_method),
    score_same_method - score_before as data_change,
    score_after - score_same_method as method_change,
    score_after - score_before as total_change,
    case when is_data and is_method then 'both' when is_data then 'data' else 'method' end as cause
from changed
where is_data or is_method
order by all
"""


def fill_restatements(
    building: Path, previous: Path, manifest: Manifest, methodology_version: str, same_method: Path | None
) -> TableEntry:
    """Fill `bench_restatements` in an edition's folder; total_change = data_change + method_change exactly (decimals).

    Args:
        building: the edition under construction, with `benchmarks.duckdb` and `tables/`.
        previous: folder of the previous edition, and its `manifest`.
        same_method: Parquet of `bench_scores` from today's data under the previous edition's methodology; None if the
            methodology is the same, so that all change is data.
    """
    was = sql.parquet(previous / "tables" / "bench_scores.parquet")
    now = "edition.bench_scores"
    same = sql.parquet(same_method) if same_method else now
    given = {
        "methodology": methodology_version,
        "edition": manifest.edition_id,
        "previous_methodology": manifest.methodology_version,
        "period": manifest.period_id,
    }
    query = _FILL.format(
        key=", ".join(f"coalesce(now.{name}, same.{name}, was.{name}) as {name}" for name in _KEY),
        period="coalesce(now.period_id, same.period_id, was.period_id)",
        was_same=" and ".join(f"was.{name} is not distinct from same.{name}" for name in _KEY),
        same_now=" and ".join(f"coalesce(same.{name}, was.{name}) is not distinct from now.{name}" for name in _KEY),
    )
    with duckdb.connect() as connection:
        connection.execute(f"attach {sql.text(str(building / 'benchmarks.duckdb'))} as edition")
        for name, source in (("was", was), ("same", same), ("now", now)):
            connection.execute(f"create temp table {name} as select * from {source}")
        connection.execute(f"delete from edition.{TABLE}")
        connection.execute(query, given)
        sql.write(connection, f"select * from edition.{TABLE} order by all", building / "tables" / f"{TABLE}.parquet")
        columns = [row[0] for row in connection.execute(f"describe edition.{TABLE}").fetchall()]
        rows = sql.count(connection, f"select count(*) from edition.{TABLE}")
        return TableEntry(rows, columns, table_hash(connection, f"edition.{TABLE}"))
