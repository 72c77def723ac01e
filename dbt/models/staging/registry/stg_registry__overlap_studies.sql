select
    metric_id,
    mode,
    cast(effect as double) as effect,
    cast(standard_error as double) as standard_error,
    source
from {{ source('snapshots', 'overlap_studies') }}
