select
    unit_type,
    unit_id,
    metric_id,
    period_id,
    instrument_id,
    agency_id,
    n,
    is_shown
from {{ source('snapshots', 'published') }}
