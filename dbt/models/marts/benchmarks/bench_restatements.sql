{# Only the contract is defined here: restatements depend on the previous edition, so publication fills its copy. #}
select
    score_id,
    unit_type,
    unit_id,
    agency_id,
    metric_id,
    period_id,
    instrument_id,
    methodology_version,
    cast(null as varchar) as previous_edition_id,
    cast(null as varchar) as previous_methodology_version,
    status as status_before,
    status as status_same_method,
    status as status_after,
    score as score_before,
    score as score_same_method,
    score as score_after,
    cast(null as decimal(13, 4)) as data_change,
    cast(null as decimal(13, 4)) as method_change,
    cast(null as decimal(13, 4)) as total_change,
    cast(null as varchar) as cause
from {{ ref('bench_scores') }}
where false
