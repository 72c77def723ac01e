"""Agencies on whose data a method fails: named at the end of a run, so that nobody finds out by a missing figure.

Belongs here: finding them in the built warehouse. Does not belong here: leaving them out (`miyar.isolation`) and how many there
are per metric (`bench_coverage`).
"""

import duckdb

from miyar.errors import Problem
from miyar.workspace import Workspace

QUERY = """
    select
        coalesce(agency_id, unit_id) as who,
        period_id,
        case when frame_status = 'weights_infeasible' then frame_status else status_reason end as rule,
        count(distinct metric_id) as metrics
    from benchmarks.bench_scores
    where unit_type = 'agency' and (
        frame_status = 'weights_infeasible'
        or status_reason in ('not_computed', 'records_conflict', 'dimension_missing', 'outside_unit')
    )
    group by all
    order by all
"""
# What contradicts what, by agency and period: assessments by their ids, reports by their measure and day.
SOURCES = """
    select agency_id, period_id, string_agg(distinct source, ', ' order by source) as sources
    from (
        select cells.agency_id, cells.period_id, assessed.assessment_id as source
        from intermediate.int_maturity__cells as cells
        inner join staging.stg_lake__maturity_assessments as assessed using (slice_id, model_id, practice_id)
        semi join (from staging.stg_ledger__slices where status = 'live') as live
            on assessed.slice_id = live.slice_id and assessed.submission_id = live.submission_id
        where cells.values_count > 1
        union all
        select agency_id, period_id, measure || ' of ' || coalesce(cast(reported_on as varchar), 'no day') as source
        from intermediate.int_reported__cells
        qualify count(*) over (
            partition by slice_id, measure, service_id, branch_id, region_id, journey_id, channel, stage, segment
        ) > 1
    )
    group by all
"""
MESSAGES = {
    "weights_infeasible": "its frame asks for weights above the cap: {metrics} metrics are unweighted",
    "not_computed": "{metrics} metrics could not be computed from what was delivered",
    "records_conflict": "{metrics} metrics have records that contradict each other, and count none of them",
    "dimension_missing": "{metrics} metrics lack a dimension of their model, and have no total",
    "outside_unit": "{metrics} metrics lie outside the range of their unit",
}
NEXT_STEPS = {
    "weights_infeasible": "Survey where most transactions are; its scores are compared with unweighted ones.",
    "not_computed": "Look at the counts it delivered; the figures of all others are complete.",
    "records_conflict": "Withdraw one, or declare in metrics.csv which counts (`repeats`). They are: {sources}.",
    "dimension_missing": "Assess it, also where the result is nothing.",
    "outside_unit": "Correct the figure, or the unit of the metric.",
}


def incomputable(workspace: Workspace) -> list[Problem]:
    """One problem per agency, period and reason, in that order."""
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        rows = connection.execute(QUERY).fetchall()
        sources = {(who, period): found for who, period, found in connection.execute(SOURCES).fetchall()}
    return [
        Problem(
            rule,
            f"{period}: {MESSAGES[rule].format(metrics=metrics)}",
            who=who,
            next_step=NEXT_STEPS[rule].format(sources=sources.get((who, period), "")),
        )
        for who, period, rule, metrics in rows
    ]
