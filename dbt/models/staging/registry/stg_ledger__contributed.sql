select
    unit_type,
    unit_id,
    metric_id,
    period_id,
    instrument_id,
    contributor_id,
    version,
    n,
    total,
    squares
from {{ source('snapshots', 'contributed') }}
