"""The floor: the same cells from the same files by one hand-written DuckDB script, without checks, ledger or lineage.

Run as `python -m perf.floor WORKSPACE TARGET`. Belongs here: the least work that gives the cells. Does not belong here:
anything reusable.
"""

import sys
from pathlib import Path

import duckdb

KEYS = """agency_id, period_id, service_id, branch_id, region_id, channel, mode, segment, item"""
BOXES = ",\n".join(f"count(*) filter (where position = {box}) as box_{box:02d}_count" for box in range(11))

SURVEY = f"""
create table survey_cells as
with answers as (
    select
        split_part(filename, '/', -3) as agency_id,
        year(responded_at) || 'Q' || quarter(responded_at) as period_id,
        service_id, branch_id, region_id, channel, mode, segment, item,
        case when value between 1 and 5 then value - 1 end as position
    from read_csv(
        '$landing/*/survey_responses/*.csv',
        filename = true, types = {{'value': 'integer', 'responded_at': 'timestamp'}}
    )
)
select {KEYS}, count(*) as asked_count, count(position) as answered_count,
    sum(position) as sum_position, sum(position * position) as sum_position2, {BOXES}
from answers group by all
"""

COMPLAINTS = """
create table complaint_cells as
select agency_id, year(opened_at) || 'Q' || quarter(opened_at) as period_id, service_id, region_id, channel, category_code,
    count(*) as opened_count,
    count(*) filter (where due_at is not null and (resolved_at is not null or due_at <= last_opened)) as due_count,
    count(*) filter (where resolved_at <= due_at) as in_time_count
from (
    select *, max(opened_at) over (partition by filename) as last_opened
    from read_csv('$landing/*/complaints/*.csv', filename = true)
)
group by all
"""


def main(workspace: Path, target: Path) -> None:
    """Write the cells of a perf workspace into a DuckDB file."""
    target.unlink(missing_ok=True)
    landing = str(workspace / "landing")
    with duckdb.connect(str(target), config={"threads": 2, "memory_limit": "2GB"}) as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute(SURVEY.replace("$landing", landing))
        connection.execute(COMPLAINTS.replace("$landing", landing))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
