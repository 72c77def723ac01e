select
    unit_type,
    unit_id,
    metric_id,
    period_id,
    instrument_id,
    contributor_id,
    n
from {{ source('snapshots', 'published') }}
where contributor_id is not null
