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
    where unit_type = 'agency' and (frame_status = 'weights_infeasible' or status_reason = 'not_computed')
    group by all
    order by all
"""
MESSAGES = {
    "weights_infeasible": "its frame asks for weights above the cap: {metrics} metrics are unweighted",
    "not_computed": "{metrics} metrics could not be computed from what was delivered",
}
NEXT_STEPS = {
    "weights_infeasible": "Survey where most transactions are; its scores are compared with unweighted ones.",
    "not_computed": "Look at the counts it delivered; the figures of all others are complete.",
}


def incomputable(workspace: Workspace) -> list[Problem]:
    """One problem per agency, period and reason, in that order."""
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        rows = connection.execute(QUERY).fetchall()
    return [
        Problem(rule, f"{period}: {MESSAGES[rule].format(metrics=metrics)}", who=who, next_step=NEXT_STEPS[rule])
        for who, period, rule, metrics in rows
    ]
