select
    score_id,
    agency_id,
    metric_id,
    instrument_id,
    unit_type,
    period_id,
    score,
    n,
    make_date(
        cast(left(period_id, 4) as integer),
        cast(right(period_id, 1) as integer) * 3 - 2,
        1
    ) as period_start_date
from {{ source('edition', 'bench_scores') }}
where status = 'reported'
