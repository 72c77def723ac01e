select
    metric_id,
    instrument_id,
    cast(level as double) as level,
    linked_instrument_id,
    cast(linked_level as double) as linked_level,
    cast(people as double) as people,
    source
from {{ source('snapshots', 'scale_studies') }}
