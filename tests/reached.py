"""Accepted rows that reach a figure, counted from the cells of a warehouse: what accounts say must add up to it.

Belongs here: that count, feed by feed, made without the rules by which accounts list the others. Does not belong here:
those rules (`expectations.told`), the tests that compare.
"""

import duckdb

from ingestion.submission_ledger import read_accounts
from miyar.workspace import Workspace

METRICS = "staging.stg_methodology__metrics"
# Feed -> (slice_id, rows) of the cells that a figure is made from. A feed of cells that is not here fails the tests that ask.
REACHED = {
    "survey_responses": f"""
        select slice_id, sum(asked_count) as rows from intermediate.int_answers__by_unit as answers
        where unit_type = 'agency' and n > 0 and exists (
            from {METRICS} as metrics where coalesce(metrics.stage, '') in ('', coalesce(answers.stage, ''))
            and (metrics.measure_id = answers.item || '.mean'
                or (metrics.measure_id = answers.item || '.top_box' and answers.top_box_count is not null)))
        group by all""",
    "complaints": "select slice_id, sum(opened_count) as rows from intermediate.int_complaints__cells group by all",
    "service_usage": """
        select slice_id, sum(rows_count) as rows from intermediate.int_usage__cells
        where coalesce(completed_count, rated_started_count, started_count, minutes_due) is not null group by all""",
    "service_standards": """
        select slice_id, sum(standards_count) as rows from intermediate.int_standards__cells
        where total_count is not null or judged_count > 0 group by all""",
    "mystery_visits": """
        select slice_id, sum(observed_count) as rows from intermediate.int_visits__cells where grain = 'item' group by all""",
    "maturity_assessments": """
        select slice_id, sum(practices_count) as rows from intermediate.int_maturity__cells
        where sum_share is not null group by all""",
    "reported_measures": f"""
        select slice_id, sum(reports_count) as rows from (
            select cells.*, metrics.repeats, rank() over (
                partition by slice_id, service_id, branch_id, region_id, journey_id, channel, cells.stage, segment, measure_id
                order by reported_on desc nulls last) as age
            from intermediate.int_reported__cells as cells
            inner join {METRICS} as metrics on cells.measure = metrics.metric_id
            where case when metrics.estimator in ('mean', 'median') then coalesce(n_with_mean, reported_mean)
                else coalesce(n_with_numerator, reported_mean) end is not null)
        where age = 1 or repeats in ('sum', 'mean') group by all""",
}


def differences(workspace: Workspace) -> list[tuple[object, ...]]:
    """(slice, accepted rows, rows in a figure, rows listed) of every live slice of one submission that does not add up.

    Slices with several submissions are left out: keys that came again are one row of them.
    """
    listed = [
        (account.submission_id, one["slice_id"], one["rows"])
        for account in read_accounts(workspace)
        for one in account.untold
    ]
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        connection.execute("create temp table listed (submission_id varchar, slice_id varchar, rows bigint)")
        if listed:
            connection.executemany("insert into listed values (?, ?, ?)", listed)
        reached = " union all ".join(REACHED[feed] for feed in sorted(REACHED))
        return connection.execute(f"""
            with live as (
                select slice_id, any_value(submission_id) as submission_id, sum(accepted_rows) as accepted
                from staging.stg_ledger__slices where status = 'live' group by slice_id having count(*) = 1
            ),
            compared as (
                select live.slice_id, live.accepted, coalesce(any_value(reached.rows), 0) as reached,
                    coalesce(sum(listed.rows), 0) as listed
                from live
                left join ({reached}) as reached on live.slice_id = reached.slice_id
                left join listed on live.slice_id = listed.slice_id and live.submission_id = listed.submission_id
                group by live.slice_id, live.accepted
            )
            from compared where accepted <> reached + listed order by slice_id""").fetchall()
