select
    metric_id,
    mode,
    cast(effect as double) as effect,
    cast(standard_error as double) as standard_error,
    cast(reference_error as double) as reference_error,
    source
from {{ source('snapshots', 'overlap_studies') }}
