select
    name,
    cast(value as double) as value
from {{ source('snapshots', 'thresholds') }}
