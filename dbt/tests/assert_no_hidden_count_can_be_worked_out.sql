-- Every count withheld for its size leaves a reader an interval as wide as required, whatever else is published.
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
