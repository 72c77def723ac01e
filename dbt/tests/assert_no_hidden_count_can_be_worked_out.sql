-- For every count withheld for its size, the published rest leaves an interval as wide as required.
select
    unit_type,
    unit_id,
    metric_id,
    period_id,
    instrument_id
from {{ ref('bench_suppression_proofs') }}
where is_primary
    and not is_public
    and is_proved is not true
